/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Minisign signatures: FILE.minisig beside FILE. A trusted comment that names a file ("file:NAME", as minisign writes it)
 * must name this one: a good signature cannot be moved to a file that merely bears another one's content.
 */
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "common/evidence_name.h"
#include "common/hash.h"
#include "common/minisign.h"
#include "origin/formats.h"
#include "origin/limits.h"

#define SUFFIX ".minisig"

/* The trusted keys of this kind, parsed once before the sandbox is entered. */
static struct {
	struct minisign_public keys[KEYS_MAX];
	const struct trusted_key *trusted[KEYS_MAX];
	size_t count;
} ring;

/* Test 2 of RFC 8032 section 7.1: the message is one byte, 0x72. Also loads all that libcrypto needs. */
static int try_ed25519(void)
{
	static const char key_hex[] = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
	static const char sig_hex[] = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
				      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
	struct minisign_public key = { 0 };
	uint8_t sig[MINISIGN_SIG_LEN], message = 0x72;

	if (hex_decode(key_hex, key.key, sizeof(key.key)) < 0 || hex_decode(sig_hex, sig, sizeof(sig)) < 0 ||
	    minisign_raw_verify(&key, &message, 1, sig) < 0)
		return -ENOTSUP;
	message++;
	return minisign_raw_verify(&key, &message, 1, sig) == -EBADMSG ? 0 : -ENOTSUP;
}

int minisign_prepare(const struct keyring *keys)
{
	for (size_t i = 0; i < keys->count; i++) {
		const struct trusted_key *t = &keys->keys[i];
		int r;

		if (t->kind != KEY_MINISIGN)
			continue;
		if (ring.count == KEYS_MAX)
			return -E2BIG;
		r = minisign_public_parse((const char *)t->bytes, t->size, &ring.keys[ring.count], NULL);
		if (r < 0)
			return r;
		ring.trusted[ring.count++] = t;
	}
	return try_ed25519();
}

/* The whole signature, or as much as shows that it is too long. */
static int read_text(int fd, char text[static MINISIGN_TEXT_MAX + 1], size_t *ret_size)
{
	size_t size = 0;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	while (size < MINISIGN_TEXT_MAX + 1) {
		ssize_t n = pread(fd, text + size, MINISIGN_TEXT_MAX + 1 - size, (off_t)size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		size += (size_t)n;
	}
	*ret_size = size;
	return 0;
}

/* The keys that have ended, or those that have not, with the way back into the ring. */
struct selection {
	struct minisign_public keys[KEYS_MAX];
	const struct trusted_key *trusted[KEYS_MAX];
	size_t count;
};

static void select_keys(uint64_t now, bool is_ended, struct selection *s)
{
	s->count = 0;
	for (size_t i = 0; i < ring.count; i++) {
		if (trusted_key_has_ended(ring.trusted[i], now) != is_ended)
			continue;
		s->keys[s->count] = ring.keys[i];
		s->trusted[s->count++] = ring.trusted[i];
	}
}

/* Does the trusted comment, where it names a file, name this one? minisign writes "timestamp:N<TAB>file:NAME<TAB>hashed";
 * people who write their own separate by spaces, too. */
static bool names_this_file(const char *comment, const char *name)
{
	bool is_tabbed = strchr(comment, '\t') != NULL;
	const char *separators = is_tabbed ? "\t" : "\t ";

	for (const char *at = comment; *at;) {
		size_t len = strcspn(at, separators);

		if (len > 5 && memcmp(at, "file:", 5) == 0) {
			/* A name with spaces in a comment without tabs runs to the end of the comment. */
			bool is_rest = !is_tabbed && strcmp(at + 5, name) == 0;

			if (!is_rest && (len - 5 != strlen(name) || memcmp(at + 5, name, len - 5) != 0))
				return false;
			if (is_rest)
				return true;
		}
		at += len;
		at += strspn(at, separators);
	}
	return true;
}

struct work {
	char text[MINISIGN_TEXT_MAX + 1], signed_name[ORIGIN_PATH_MAX + 1];
	size_t text_size;
	char key_id[MINISIGN_ID_TEXT_LEN + 1];
	struct selection valid, ended;
	struct minisign_result result, late;
};

/* The signature is by none of the keys that count: is it by one that has ended? */
static int tell_ended(struct evidence *e, struct work *w, int file_fd)
{
	int r = w->ended.count == 0 ?
			0 :
			minisign_verify_fd(file_fd, w->text, w->text_size, w->ended.keys, w->ended.count, &w->late);

	if (r < 0)
		return r;
	if (w->ended.count > 0 && w->late.outcome == MINISIGN_OK)
		return evidence_signed(e, SIGNATURE_EXPIRED, 0, w->signed_name, w->ended.trusted[w->late.key_index], w->key_id,
				       "by the key '%s', which has expired", w->ended.trusted[w->late.key_index]->name);
	if (w->ended.count > 0 && w->late.outcome == MINISIGN_BAD)
		return evidence_signed(e, SIGNATURE_BAD, 0, w->signed_name, NULL, w->key_id, "%s", w->late.why);
	return evidence_signed(e, SIGNATURE_UNTRUSTED, 0, w->signed_name, NULL, w->key_id, "%s", w->result.why);
}

static int tell_good(struct evidence *e, struct work *w)
{
	const struct trusted_key *key = w->valid.trusted[w->result.key_index];

	if (names_this_file(w->result.trusted, w->signed_name))
		return evidence_signed(e, SIGNATURE_GOOD, 0, w->signed_name, key, w->key_id, "%s", w->result.trusted);
	return evidence_signed(e, SIGNATURE_OTHER_FILE, 0, w->signed_name, key, w->key_id, "signed under another file name: %s",
			       w->result.trusted);
}

static int check(struct evidence *e, struct work *w, int file_fd)
{
	int r = read_text(e->fd, w->text, &w->text_size);

	if (r < 0)
		return r;
	select_keys(e->now, false, &w->valid);
	select_keys(e->now, true, &w->ended);
	r = minisign_verify_fd(file_fd, w->text, w->text_size, w->valid.keys, w->valid.count, &w->result);
	if (r < 0)
		return r;
	if (w->result.outcome != MINISIGN_MALFORMED)
		minisign_id_text(w->result.key_id, w->key_id);
	switch (w->result.outcome) {
	case MINISIGN_OK:
		return tell_good(e, w);
	case MINISIGN_BAD:
		return evidence_signed(e, SIGNATURE_BAD, 0, w->signed_name, NULL, w->key_id, "%s", w->result.why);
	case MINISIGN_UNKNOWN_KEY:
		return tell_ended(e, w, file_fd);
	default:
		return evidence_signed(e, SIGNATURE_MALFORMED, 0, w->signed_name, NULL, "", "%s", w->result.why);
	}
}

int prove_minisign(struct evidence *e)
{
	_cleanup_free_ struct work *w = calloc(1, sizeof(*w));
	_cleanup_close_ int file_fd = -EBADF;
	uint64_t size;
	int r;

	if (!w)
		return -ENOMEM;
	if (!evidence_has_suffix(e->name, SUFFIX))
		return 0;
	(void)snprintf(w->signed_name, sizeof(w->signed_name), "%.*s", (int)(strlen(e->name) - strlen(SUFFIX)), e->name);
	r = evidence_want(e, 0, w->signed_name, &file_fd, &size);
	return r > 0 ? check(e, w, file_fd) : r; /* what is signed is not on the medium: nothing to say */
}
