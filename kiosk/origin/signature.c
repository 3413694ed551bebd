/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Run by the origin role. The signature is hostile, the keys are the officer's. The time comes from the station's clock,
 * which only the end of a key depends on.
 */
#include "origin/signature.h"

#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "common/hash.h"
#include "origin/limits.h"

struct keyring {
	struct minisign_public keys[KEYS_MAX];
	char *names[KEYS_MAX];
	uint64_t until[KEYS_MAX];
	size_t count;
};

struct keyring *keyring_new(void)
{
	return calloc(1, sizeof(struct keyring));
}

struct keyring *keyring_free(struct keyring *k)
{
	for (size_t i = 0; k && i < k->count; i++)
		free(k->names[i]);
	free(k);
	return NULL;
}

static bool has_purpose(const char *purposes)
{
	size_t want = strlen(ORIGIN_PURPOSE);

	while (*purposes) {
		size_t len = strcspn(purposes, ",");

		if (len == want && memcmp(purposes, ORIGIN_PURPOSE, want) == 0)
			return true;
		purposes += len;
		purposes += strspn(purposes, ",");
	}
	return false;
}

int keyring_add(struct keyring *k, const char *name, const char *text, const char *purposes, uint64_t until)
{
	struct minisign_public key;
	int r;

	r = minisign_public_parse(text, strlen(text), &key, NULL);
	if (r < 0)
		return r;
	if (*purposes && !has_purpose(purposes))
		return 0;
	if (k->count == KEYS_MAX)
		return -E2BIG;
	k->names[k->count] = strdup(name);
	if (!k->names[k->count])
		return -ENOMEM;
	k->keys[k->count] = key;
	k->until[k->count] = until;
	k->count++;
	return 0;
}

int signatures_prepare(void)
{
	/* Test 2: the message is one byte, 0x72. */
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
	size_t index[KEYS_MAX];
	size_t count;
};

static void select_keys(const struct keyring *k, uint64_t now, bool is_ended, struct selection *s)
{
	s->count = 0;
	for (size_t i = 0; i < k->count; i++) {
		if ((k->until[i] != 0 && now >= k->until[i]) != is_ended)
			continue;
		s->keys[s->count] = k->keys[i];
		s->index[s->count++] = i;
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

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void _printf_(3, 4) conclude(struct signature_verdict *v, enum signature_outcome outcome, const char *fmt, ...)
{
	va_list ap;

	v->outcome = outcome;
	va_start(ap, fmt);
	if (vsnprintf(v->detail, sizeof(v->detail), fmt, ap) < 0) /* cut on purpose */
		v->detail[0] = '\0';
	va_end(ap);
}

static void conclude_good(const struct keyring *k, const struct selection *s, const struct minisign_result *m,
			  const char *path, struct signature_verdict *v)
{
	v->key_name = k->names[s->index[m->key_index]];
	if (names_this_file(m->trusted, last_component(path)))
		conclude(v, SIGNATURE_GOOD, "%s", m->trusted);
	else
		conclude(v, SIGNATURE_OTHER_FILE, "signed under another file name: %s", m->trusted);
}

struct work {
	char text[MINISIGN_TEXT_MAX + 1];
	size_t text_size;
	struct selection valid, ended;
	struct minisign_result result, late;
};

/* The signature is by none of the keys that count: is it by one that has ended? */
static int check_ended(const struct keyring *k, struct work *w, int file_fd, struct signature_verdict *v)
{
	int r;

	if (w->ended.count == 0)
		return 0;
	r = minisign_verify_fd(file_fd, w->text, w->text_size, w->ended.keys, w->ended.count, &w->late);
	if (r < 0)
		return r;
	if (w->late.outcome == MINISIGN_OK)
		conclude(v, SIGNATURE_UNTRUSTED, "by the key '%s', which has expired",
			 k->names[w->ended.index[w->late.key_index]]);
	else if (w->late.outcome == MINISIGN_BAD)
		conclude(v, SIGNATURE_BAD, "%s", w->late.why);
	return 0;
}

int signature_check(const struct keyring *k, int sig_fd, int file_fd, const char *path, uint64_t now,
		    struct signature_verdict *ret)
{
	_cleanup_free_ struct work *w = calloc(1, sizeof(*w));
	struct signature_verdict v = { .key_name = "" };
	int r = w ? read_text(sig_fd, w->text, &w->text_size) : -ENOMEM;

	if (r < 0)
		return r;
	select_keys(k, now, false, &w->valid);
	select_keys(k, now, true, &w->ended);
	r = minisign_verify_fd(file_fd, w->text, w->text_size, w->valid.keys, w->valid.count, &w->result);
	if (r < 0)
		return r;
	if (w->result.outcome != MINISIGN_MALFORMED)
		minisign_id_text(w->result.key_id, v.key_id);
	switch (w->result.outcome) {
	case MINISIGN_OK:
		conclude_good(k, &w->valid, &w->result, path, &v);
		break;
	case MINISIGN_BAD:
		conclude(&v, SIGNATURE_BAD, "%s", w->result.why);
		break;
	case MINISIGN_UNKNOWN_KEY:
		conclude(&v, SIGNATURE_UNTRUSTED, "%s", w->result.why);
		r = check_ended(k, w, file_fd, &v);
		break;
	default:
		conclude(&v, SIGNATURE_MALFORMED, "%s", w->result.why);
	}
	if (r == 0)
		*ret = v;
	return r;
}
