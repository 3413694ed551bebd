/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* OpenBSD's signify (signify(1), "Using Ed25519 signatures" by Ted Unangst): FILE.sig beside FILE, or a message that stands in the
 * signature's file, behind it (signify -S -e; SHA256.sig):
 *
 *   untrusted comment: words
 *   base64 of "Ed", key number (8), Ed25519 signature (64) of the file or the message itself
 *
 * The comment is signed by nobody and is never repeated. No name is signed: bytes that were signed are good under every name;
 * only a list in a message binds names. signify -V ignores what follows a detached signature; here it is a message that was
 * not signed.
 */
#include <string.h>
#include <sys/mman.h>

#include "common/base64.h"
#include "common/evidence_name.h"
#include "common/minisign.h"
#include "origin/formats.h"
#include "origin/limits.h"

#define SUFFIX	    ".sig"
#define COMMENT	    "untrusted comment: "
#define COMMENT_MAX 1024 /* bytes behind it: as signify reads */
#define BLOB_LEN    (2 + MINISIGN_ID_LEN + MINISIGN_SIG_LEN)

/* The trusted keys of this kind, parsed once before the sandbox is entered. They look as minisign's do: what is in a public
 * key file is the same, byte for byte. */
static struct {
	struct minisign_public keys[KEYS_MAX];
	const struct trusted_key *trusted[KEYS_MAX];
	size_t count;
} ring;

int signify_prepare(const struct keyring *keys)
{
	for (size_t i = 0; i < keys->count; i++) {
		const struct trusted_key *t = &keys->keys[i];
		int r;

		if (t->kind != KEY_SIGNIFY)
			continue;
		if (ring.count == KEYS_MAX)
			return -E2BIG;
		r = minisign_public_parse(t->bytes, t->size, &ring.keys[ring.count], NULL);
		if (r < 0)
			return r;
		ring.trusted[ring.count++] = t;
	}
	return 0;
}

/* -- bytes ------------------------------------------------------------------------------------------------------ */

struct mapped {
	const char *data; /* "" when empty */
	size_t size;
	void *map; /* NULL when empty */
};

/* Ed25519 wants the whole message at once. A sealed copy does not shrink while it is mapped. */
static int map_file(int fd, uint64_t size, struct mapped *ret)
{
	void *map = size > 0 ? mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;

	if (map == MAP_FAILED)
		return -errno;
	*ret = (struct mapped){ .data = map ? map : "", .size = (size_t)size, .map = map };
	return 0;
}

static void unmap(struct mapped *m)
{
	if (m->map)
		(void)munmap(m->map, m->size); /* cannot fail for what mmap() gave */
}

struct signature {
	uint8_t id[MINISIGN_ID_LEN], sig[MINISIGN_SIG_LEN];
	char key_id[MINISIGN_ID_TEXT_LEN + 1]; /* "" when malformed */
	const char *message;		       /* what follows; borrowed */
	size_t message_size;
};

/* NULL, or what is wrong with it. */
static const char *parse(const struct mapped *m, struct signature *s)
{
	const char *comment = m->data, *line, *end = m->data + m->size;
	const char *comment_end = memchr(comment, '\n', m->size);
	uint8_t blob[BLOB_LEN];

	if (m->size < strlen(COMMENT) || memcmp(comment, COMMENT, strlen(COMMENT)) != 0)
		return "it does not begin with an untrusted comment";
	if (!comment_end || (size_t)(comment_end - comment) > strlen(COMMENT) + COMMENT_MAX)
		return "its first line does not end, or is longer than signify reads";
	line = comment_end + 1;
	s->message = memchr(line, '\n', (size_t)(end - line));
	if (!s->message)
		return "its second line does not end";
	if (base64_decode(line, (size_t)(s->message - line), blob, sizeof(blob)) < 0)
		return "its second line is no signify signature";
	if (memcmp(blob, "Ed", 2) != 0)
		return "its algorithm is not signify's \"Ed\"";
	s->message++;
	s->message_size = (size_t)(end - s->message);
	memcpy(s->id, blob + 2, sizeof(s->id));
	memcpy(s->sig, blob + 2 + MINISIGN_ID_LEN, sizeof(s->sig));
	minisign_id_text(s->id, s->key_id);
	return NULL;
}

/* -- judgement -------------------------------------------------------------------------------------------------- */

struct verdict {
	enum signature_outcome outcome;
	const struct trusted_key *key; /* GOOD, EXPIRED */
	const char *why;	       /* static */
};

/* Key numbers are random bytes that anyone can copy: every trusted key with this number is tried, and one that
 * counts is preferred to one that has ended. */
static int judge(const struct signature *s, const char *data, size_t size, uint64_t now, struct verdict *ret)
{
	struct verdict v = { SIGNATURE_UNTRUSTED, NULL, "signed with a key that is not known here" };
	uint64_t work = 0;

	for (size_t i = 0; i < ring.count && v.outcome != SIGNATURE_GOOD; i++) {
		bool has_ended = trusted_key_has_ended(ring.trusted[i], now);
		int r;

		if (memcmp(ring.keys[i].id, s->id, sizeof(s->id)) != 0)
			continue;
		if (size > SIGNIFY_WORK_MAX - work)
			return -EFBIG;
		work += size;
		r = minisign_raw_verify(&ring.keys[i], data, size, s->sig);
		if (r < 0 && r != -EBADMSG)
			return r;
		if (r == 0)
			v = (struct verdict){ has_ended ? SIGNATURE_EXPIRED : SIGNATURE_GOOD, ring.trusted[i], "" };
		else if (v.outcome == SIGNATURE_UNTRUSTED)
			v = (struct verdict){ SIGNATURE_BAD, NULL, "the signature does not match" };
	}
	*ret = v;
	return 0;
}

static int tell(struct evidence *e, const struct signature *s, const struct verdict *v, const char *path)
{
	if (v->outcome == SIGNATURE_EXPIRED)
		return evidence_signed(e, v->outcome, 0, path, v->key, s->key_id, "by the key '%s', which has expired", v->key->name);
	return evidence_signed(e, v->outcome, 0, path, v->key, s->key_id, "%s", v->why);
}

static int judge_file(struct evidence *e, const struct signature *s, int fd, uint64_t size, struct verdict *ret)
{
	struct mapped m = { .map = NULL };
	int r = size > SIGNIFY_WORK_MAX ? -EFBIG : map_file(fd, size, &m);

	if (r == 0)
		r = judge(s, m.data, m.size, e->now, ret);
	if (r == -EFBIG) {
		*ret = (struct verdict){ SIGNATURE_UNTRUSTED, NULL,
					 "signify signs the file as a whole, and this one is longer than this station reads for that" };
		r = 0;
	}
	unmap(&m);
	return r;
}

/* -- the two forms ---------------------------------------------------------------------------------------------- */

struct beside {
	char name[ORIGIN_PATH_MAX + 1]; /* "": none is meant, or it is not there */
	int fd;
	uint64_t size;
};

static int look_beside(struct evidence *e, struct beside *b)
{
	int r;

	if (!evidence_has_suffix(e->name, SUFFIX))
		return 0;
	(void)snprintf(b->name, sizeof(b->name), "%.*s", (int)(strlen(e->name) - strlen(SUFFIX)), e->name);
	r = evidence_want(e, 0, b->name, &b->fd, &b->size);
	if (r == 0)
		b->name[0] = '\0';
	return r;
}

/* The message is all that follows. The file beside it (SHA256 beside SHA256.sig) may be the same, and is signed then, too. */
static int prove_message(struct evidence *e, const struct signature *s, const struct beside *b)
{
	struct verdict message, file = { SIGNATURE_UNTRUSTED, NULL, "" };
	int r = judge(s, s->message, s->message_size, e->now, &message);

	if (r == 0 && *b->name)
		r = judge_file(e, s, b->fd, b->size, &file);
	if (r == 0 && message.outcome == SIGNATURE_BAD && file.key)
		return evidence_signed(e, SIGNATURE_MALFORMED, 0, b->name, NULL, s->key_id,
				       "something that was not signed follows the signature");
	if (r == 0)
		r = tell(e, s, &message, "");
	if (r == 0 && file.key)
		r = tell(e, s, &file, b->name);
	if (r == 0 && message.outcome == SIGNATURE_GOOD)
		r = evidence_text(e, s->message, s->message_size);
	return r;
}

static int prove_text(struct evidence *e, const struct mapped *m, struct beside *b)
{
	struct signature s = { .key_id = "" };
	const char *why = parse(m, &s);
	struct verdict v;
	int r = look_beside(e, b);

	if (r < 0)
		return r;
	if (why)
		return evidence_signed(e, SIGNATURE_MALFORMED, 0, b->name, NULL, "", "%s", why);
	if (s.message_size > 0)
		return prove_message(e, &s, b);
	if (!*b->name) /* what is signed is not on the medium: nothing to say */
		return 0;
	r = judge_file(e, &s, b->fd, b->size, &v);
	return r == 0 ? tell(e, &s, &v, b->name) : r;
}

static int prove_mapped(struct evidence *e, struct beside *b)
{
	struct mapped m = { .data = "" };
	int r = map_file(e->fd, e->size, &m);

	if (r < 0)
		return r;
	r = prove_text(e, &m, b);
	unmap(&m);
	return r;
}

int prove_signify(struct evidence *e)
{
	_cleanup_free_ struct beside *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return -ENOMEM;
	if (e->size > SIGNIFY_TEXT_MAX)
		return evidence_signed(e, SIGNATURE_MALFORMED, 0, "", NULL, "", "longer than this station reads a signature");
	b->fd = -EBADF;
	r = prove_mapped(e, b);
	close_p(&b->fd);
	return r;
}
