/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Listed digests are compared with what the vault computed; those of other algorithms are computed by a role that has parsed
 * nothing. */
#include <string.h>

#include "common/digest_name.h"
#include "supervisor/vouching.h"

#define LISTS_MAX 64 /* lists that name one file: the digests that they agree on are not computed again and again */
#define DIFFERENCES_MAX 16 /* then it is known that the file is not what was listed */

struct computed {
	char algorithm[16];
	uint8_t sum[ORIGIN_DIGEST_MAX];
	size_t size; /* bytes; 0: it could not be computed, which has been told */
};

struct comparison {
	struct vouching *v;
	const struct docket_entry *entry;
	bool is_second; /* of two rounds: SHA-256 is known already */
	uint64_t agreed[LISTS_MAX];
	size_t agreed_count;
	struct computed computed[DIGEST_COUNT_]; /* each once: a list may name them in turns, a thousand times */
	size_t computed_count, differences;
};

static int ask(struct comparison *c, struct process *p, struct computed *ret)
{
	struct patience patience = vouch_patience(c->v, c->entry->size);
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ char *why = NULL;
	struct vouching *v = c->v;
	const uint8_t *digest;
	int r = e ? inspection_open_copy(v->i, c->entry->id, &fd) : -ENOMEM;

	if (r == -ENOENT) /* a member: its SHA-256 is all that is known */
		return 0;
	if (r < 0)
		return r;
	encoder_init(e);
	encode_str(e, ret->algorithm);
	r = channel_send(&p->channel, MESSAGE_ORIGIN_DIGEST, e, &fd, 1);
	if (r == 0)
		r = process_expect(p, MESSAGE_ORIGIN_DIGESTED, &patience, &v->message, &why);
	if (r == 0) {
		digest = decode_bytes(&v->message.payload, sizeof(ret->sum), &ret->size);
		memcpy(ret->sum, digest, ret->size);
		r = decoder_end(&v->message.payload);
		message_done(&v->message);
	}
	if (r < 0)
		ret->size = 0;
	return r < 0 ? vouch_role_failed(v, p, c->entry->id, why ? -EBADMSG : r, "its digest could not be computed") : 0;
}

/* 0 and the digest, which has no size when the file took too long or cannot be read: that is told, and others need not wait. */
static int compute(struct comparison *c, const char *algorithm, const struct computed **ret)
{
	struct computed *fresh;
	struct process *p;
	int r;

	for (size_t k = 0; k < c->computed_count; k++) {
		*ret = &c->computed[k];
		if (strcmp(c->computed[k].algorithm, algorithm) == 0)
			return 0;
	}
	if (c->computed_count == DIGEST_COUNT_)
		return -EPROTO; /* on_listing() lets through those that are known */
	*ret = fresh = &c->computed[c->computed_count++];
	(void)snprintf(fresh->algorithm, sizeof(fresh->algorithm), "%s", algorithm);
	r = vouch_is_late(c->v, c->entry->id);
	if (r != 0)
		return MIN(r, 0);
	r = vouch_role(c->v, ROLE_ORIGIN, &p);
	return r == 0 ? ask(c, p, fresh) : r;
}

static bool has_agreed(const struct comparison *c, uint64_t list_id)
{
	for (size_t k = 0; k < c->agreed_count; k++)
		if (c->agreed[k] == list_id)
			return true;
	return false;
}

static int differ(struct comparison *c, const struct docket_listing *l)
{
	struct docket *d = c->v->i->docket;
	_cleanup_free_ char *words = NULL;
	int r;

	if (l->volume != c->entry->volume)
		return 0; /* another volume's list speaks of another tree */
	if (asprintf(&words, "%s says another %s", l->list_path, l->algorithm) < 0)
		return -ENOMEM;
	r = docket_find(d, c->entry->id, REASON_CHECKSUM_MISMATCH, words);
	if (r == 0)
		r = docket_distrust(d, c->entry->id); /* an altered list vouches for nothing */
	return r < 0 ? r : ++c->differences == DIFFERENCES_MAX;
}

static int agree(struct comparison *c, const struct docket_listing *l)
{
	if (c->agreed_count < LISTS_MAX)
		c->agreed[c->agreed_count++] = l->list_id;
	return docket_cover(c->v->i->docket, c->entry->id, l->list_id, l->algorithm);
}

static int each_listing(void *context, const struct docket_listing *l)
{
	struct comparison *c = context;
	bool is_sha256 = strcmp(l->algorithm, "sha256") == 0;
	const struct computed *own = NULL;
	int r = vouch_breathe(c->v);

	/* A list that gives several digests of a file and is right about SHA-256 is not asked about MD5: a mirror of packages
	 * would be hashed twice and three times. */
	if (r < 0 || is_sha256 == c->is_second || (!is_sha256 && has_agreed(c, l->list_id)))
		return r;
	if (is_sha256)
		return l->digest_size == SHA256_LEN && memcmp(c->entry->sum, l->digest, SHA256_LEN) == 0 ? agree(c, l) : differ(c, l);
	r = compute(c, l->algorithm, &own);
	if (r < 0 || own->size == 0)
		return r;
	return own->size == l->digest_size && memcmp(own->sum, l->digest, l->digest_size) == 0 ? agree(c, l) : differ(c, l);
}

int vouch_compare(void *context, struct docket_entry *e)
{
	struct comparison c = { .v = context, .entry = e };
	struct docket *d = c.v->i->docket;
	int r;

	if (e->kind != ENTRY_FILE || !e->has_sum)
		return 0;
	r = docket_listings(d, e->volume, e->path, e->sum, each_listing, &c);
	c.is_second = true;
	if (r == 0)
		r = docket_listings(d, e->volume, e->path, e->sum, each_listing, &c);
	return MIN(r, 0);
}
