/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Listed digests are compared with what the vault computed; those of other algorithms are computed by a role that has parsed
 * nothing. */
#include <string.h>

#include "supervisor/vouching.h"

#define LISTS_MAX 64 /* lists that name one file: the digests that they agree on are not computed again and again */

struct comparison {
	struct vouching *v;
	const struct docket_entry *entry;
	bool is_second; /* of two rounds: SHA-256 is known already */
	uint64_t agreed[LISTS_MAX];
	size_t agreed_count;
	char known_algorithm[16]; /* the digest that was computed last */
	uint8_t known[ORIGIN_DIGEST_MAX];
	size_t known_size;
};

static int compute(struct comparison *c, const char *algorithm)
{
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));
	struct vouching *v = c->v;
	struct patience patience = vouch_patience(v);
	const uint8_t *digest;
	struct process *p;
	int r = e ? vouch_role(v, ROLE_ORIGIN, &p) : -ENOMEM;

	if (r == 0)
		r = inspection_open_copy(v->i, c->entry->id, &fd);
	if (r < 0)
		return r;
	encoder_init(e);
	encode_str(e, algorithm);
	r = channel_send(&p->channel, MESSAGE_ORIGIN_DIGEST, e, &fd, 1);
	if (r == 0)
		r = process_expect(p, MESSAGE_ORIGIN_DIGESTED, &patience, &v->message, NULL);
	if (r < 0)
		return r;
	digest = decode_bytes(&v->message.payload, sizeof(c->known), &c->known_size);
	memcpy(c->known, digest, c->known_size);
	r = decoder_end(&v->message.payload);
	message_done(&v->message);
	(void)snprintf(c->known_algorithm, sizeof(c->known_algorithm), "%s", algorithm);
	return r;
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
	return r == 0 ? docket_distrust(d, c->entry->id) : r; /* an altered list vouches for nothing */
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
	int r = 0;

	/* A list that gives several digests of a file and is right about SHA-256 is not asked about MD5: a mirror of packages
	 * would be hashed twice and three times. */
	if (is_sha256 == c->is_second || (!is_sha256 && has_agreed(c, l->list_id)))
		return 0;
	if (is_sha256) {
		memcpy(c->known, c->entry->sum, SHA256_LEN);
		c->known_size = SHA256_LEN;
	} else if (strcmp(c->known_algorithm, l->algorithm) != 0) {
		r = compute(c, l->algorithm);
	}
	if (r < 0)
		return r;
	return c->known_size == l->digest_size && memcmp(c->known, l->digest, l->digest_size) == 0 ? agree(c, l) : differ(c, l);
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
	return r == 0 ? docket_listings(d, e->volume, e->path, e->sum, each_listing, &c) : r;
}
