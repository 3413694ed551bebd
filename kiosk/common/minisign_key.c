/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Minisign key files. Public: "Ed", id, key in base64. Secret: "Ed", key derivation (none), "B2", salt and
 * limits (zero), id, seed, key, checksum (zero: minisign writes none into a file without password).
 */
#include "common/minisign_key.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "common/base64.h"
#include "common/fd.h"
#include "common/hash.h"

#define PUBLIC_LEN  42	/* "Ed", id, key */
#define SECRET_LEN  158 /* "Ed", "\0\0", "B2", salt 32, ops 8, memory 8, id 8, seed 32, key 32, checksum 32 */
#define SECRET_KDF  2
#define SECRET_ID   54
#define SECRET_SEED 62
#define SECRET_KEY  94
#define SECRET_SUM  126
#define SECRET_FILE_MAX 4096

static void pkey_free_p(EVP_PKEY **k)
{
	EVP_PKEY_free(*k);
}

bool minisign_line(const char **text, size_t *left, const char **ret_line, size_t *ret_size)
{
	const char *end;

	if (*left == 0)
		return false;
	end = memchr(*text, '\n', *left);
	*ret_line = *text;
	*ret_size = end ? (size_t)(end - *text) : *left;
	*left -= *ret_size + (end ? 1 : 0);
	*text += *ret_size + (end ? 1 : 0);
	return true;
}

bool minisign_comment_valid(const char *raw, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (((unsigned char)raw[i] < 0x20 && raw[i] != '\t') || raw[i] == 0x7f)
			return false;
	return true;
}

static int public_of_seed(const uint8_t seed[static 32], uint8_t ret_key[static MINISIGN_KEY_LEN])
{
	_cleanup_(pkey_free_p) EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
	size_t size = MINISIGN_KEY_LEN;

	if (!k || EVP_PKEY_get_raw_public_key(k, ret_key, &size) != 1 || size != MINISIGN_KEY_LEN)
		return -EIO;
	return 0;
}

int minisign_secret_new(struct minisign_secret **ret)
{
	_cleanup_(minisign_secret_freep) struct minisign_secret *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	if (RAND_priv_bytes(s->seed, sizeof(s->seed)) != 1 ||
	    RAND_bytes(s->public.id, sizeof(s->public.id)) != 1)
		return -EIO;
	r = public_of_seed(s->seed, s->public.key);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

struct minisign_secret *minisign_secret_free(struct minisign_secret *s)
{
	if (s)
		OPENSSL_cleanse(s, sizeof(*s));
	free(s);
	return NULL;
}

const struct minisign_public *minisign_secret_public(const struct minisign_secret *s)
{
	return &s->public;
}

char *minisign_text_free(char *text)
{
	if (text)
		OPENSSL_cleanse(text, strlen(text));
	free(text);
	return NULL;
}

static bool starts_with(const char *raw, size_t size, const char *prefix)
{
	return size >= strlen(prefix) && memcmp(raw, prefix, strlen(prefix)) == 0;
}

/* The base64 line of a two-line file; -EINVAL when there is anything else in it. */
static int body_line(const char *text, size_t size, const char **ret_line, size_t *ret_size)
{
	const char *comment, *line;
	size_t comment_size, line_size;

	if (!minisign_line(&text, &size, &comment, &comment_size) ||
	    !starts_with(comment, comment_size, UNTRUSTED_PREFIX) ||
	    !minisign_comment_valid(comment, comment_size))
		return -EINVAL;
	if (!minisign_line(&text, &size, &line, &line_size) || size != 0)
		return -EINVAL;
	*ret_line = line;
	*ret_size = line_size;
	return 0;
}

static int secret_decode(const uint8_t raw[static SECRET_LEN], struct minisign_secret *s)
{
	static const uint8_t no_kdf[2] = { 0, 0 };
	uint8_t key[MINISIGN_KEY_LEN];
	int r;

	if (memcmp(raw, "Ed", 2) != 0 || memcmp(raw + 4, "B2", 2) != 0)
		return -EINVAL;
	if (memcmp(raw + SECRET_KDF, no_kdf, 2) != 0)
		return -EKEYREJECTED;
	memcpy(s->public.id, raw + SECRET_ID, MINISIGN_ID_LEN);
	memcpy(s->seed, raw + SECRET_SEED, sizeof(s->seed));
	memcpy(s->public.key, raw + SECRET_KEY, MINISIGN_KEY_LEN);
	r = public_of_seed(s->seed, key);
	if (r < 0)
		return r;
	/* Stronger than the checksum, which files without password leave at zero: with a wrong public half an
	 * Ed25519 signature gives the private key away. */
	return CRYPTO_memcmp(key, s->public.key, sizeof(key)) == 0 ? 0 : -EINVAL;
}

static int secret_parse(const char *text, size_t size, struct minisign_secret **ret)
{
	_cleanup_(minisign_secret_freep) struct minisign_secret *s = calloc(1, sizeof(*s));
	uint8_t raw[SECRET_LEN];
	const char *line;
	size_t line_size;
	int r;

	if (!s)
		return -ENOMEM;
	r = body_line(text, size, &line, &line_size);
	if (r == 0)
		r = base64_decode(line, line_size, raw, sizeof(raw));
	if (r == 0)
		r = secret_decode(raw, s);
	OPENSSL_cleanse(raw, sizeof(raw));
	if (r == 0)
		*ret = TAKE_PTR(s);
	return r;
}

int minisign_secret_derive(const struct minisign_secret *s, const char *purpose, uint8_t ret[static 32])
{
	return hmac_sha256(s->seed, sizeof(s->seed), purpose, strlen(purpose), ret);
}

int minisign_secret_load(int fd, struct minisign_secret **ret)
{
	char text[SECRET_FILE_MAX];
	size_t size = 0;
	int r = 0;

	while (size < sizeof(text)) {
		ssize_t n = pread(fd, text + size, sizeof(text) - size, (off_t)size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			r = -errno;
		if (n <= 0)
			break;
		size += (size_t)n;
	}
	if (r == 0)
		r = size < sizeof(text) ? secret_parse(text, size, ret) : -EINVAL;
	OPENSSL_cleanse(text, sizeof(text));
	return r;
}

int minisign_secret_text(const struct minisign_secret *s, char **ret)
{
	uint8_t raw[SECRET_LEN] = { 'E', 'd', 0, 0, 'B', '2' };
	char line[BASE64_LEN(SECRET_LEN) + 1];
	int n;

	memcpy(raw + SECRET_ID, s->public.id, MINISIGN_ID_LEN);
	memcpy(raw + SECRET_SEED, s->seed, sizeof(s->seed));
	memcpy(raw + SECRET_KEY, s->public.key, MINISIGN_KEY_LEN);
	base64_encode(raw, sizeof(raw), line);
	n = asprintf(ret, UNTRUSTED_PREFIX "minisign encrypted secret key\n%s\n", line);
	OPENSSL_cleanse(raw, sizeof(raw));
	OPENSSL_cleanse(line, sizeof(line));
	return n < 0 ? -ENOMEM : 0;
}

/* Other formats that people bring along, so that the refusal can name them. */
static const char *foreign_format(const char *raw, size_t size)
{
	static const struct {
		const char *prefix, *why;
	} known[] = {
		{ "-----BEGIN PGP", "this is an OpenPGP key; a minisign public key is wanted here" },
		{ "-----BEGIN CERTIFICATE", "this is an X.509 certificate; a minisign public key is wanted here" },
		{ "-----BEGIN PUBLIC KEY", "this is a PEM public key (cosign, openssl); a minisign public key is wanted here" },
		{ "-----BEGIN", "this is a PEM file; a minisign public key is wanted here" },
		{ "ssh-", "this is an SSH key; a minisign public key is wanted here" },
		{ "untrusted comment: minisign encrypted secret key", "this is a secret key: give its public key (.pub), and keep the secret one secret" },
		{ "untrusted comment: signify", "this is a signify key; a minisign public key is wanted here" },
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (starts_with(raw, size, known[i].prefix))
			return known[i].why;
	if (size > 0 && ((unsigned char)raw[0] & 0x80) != 0)
		return "this is a binary file (an OpenPGP keyring or a DER certificate?); a minisign public key is wanted here";
	return "this is not a minisign public key (two lines: \"untrusted comment: ...\" and 56 characters)";
}

static int public_decode(const char *line, size_t size, struct minisign_public *ret)
{
	uint8_t raw[PUBLIC_LEN];

	if (base64_decode(line, size, raw, sizeof(raw)) < 0 || memcmp(raw, "Ed", 2) != 0)
		return -EINVAL;
	memcpy(ret->id, raw + 2, MINISIGN_ID_LEN);
	memcpy(ret->key, raw + 2 + MINISIGN_ID_LEN, MINISIGN_KEY_LEN);
	return 0;
}

int minisign_public_parse(const void *raw, size_t size, struct minisign_public *ret, const char **ret_why)
{
	struct minisign_public p;
	const char *line = raw;
	size_t line_size = size;
	const char *why = foreign_format(raw, size);
	int r;

	if (size > MINISIGN_PUBLIC_MAX) {
		why = "this is too long for a minisign public key";
		r = -EINVAL;
	} else if (starts_with(raw, size, UNTRUSTED_PREFIX)) {
		r = body_line(raw, size, &line, &line_size);
	} else {
		if (line_size > 0 && line[line_size - 1] == '\n')
			line_size--;
		r = 0;
	}
	if (r == 0)
		r = public_decode(line, line_size, &p);
	if (r == 0)
		*ret = p;
	else if (ret_why)
		*ret_why = why;
	return r;
}

void minisign_public_base64(const struct minisign_public *p, char out[static MINISIGN_PUBLIC_TEXT_LEN + 1])
{
	uint8_t raw[PUBLIC_LEN] = { 'E', 'd' };

	memcpy(raw + 2, p->id, MINISIGN_ID_LEN);
	memcpy(raw + 2 + MINISIGN_ID_LEN, p->key, MINISIGN_KEY_LEN);
	base64_encode(raw, sizeof(raw), out);
}

int minisign_public_text(const struct minisign_public *p, char **ret)
{
	char id[MINISIGN_ID_TEXT_LEN + 1], line[MINISIGN_PUBLIC_TEXT_LEN + 1];

	minisign_id_text(p->id, id);
	minisign_public_base64(p, line);
	return asprintf(ret, UNTRUSTED_PREFIX "minisign public key %s\n%s\n", id, line) < 0 ? -ENOMEM : 0;
}

void minisign_id_text(const uint8_t id[static MINISIGN_ID_LEN], char out[static MINISIGN_ID_TEXT_LEN + 1])
{
	for (size_t i = 0; i < MINISIGN_ID_LEN; i++)
		(void)snprintf(out + 2 * i, 3, "%02X", id[MINISIGN_ID_LEN - 1 - i]); /* two digits always fit */
}

int minisign_fingerprint(const struct minisign_public *p, char out[static MINISIGN_FINGERPRINT_LEN + 1])
{
	uint8_t sum[SHA256_LEN];
	int r = sha256(p, sizeof(*p), sum);

	if (r == 0)
		hex_encode(sum, sizeof(sum), out);
	return r;
}

static int write_new(int dir_fd, const char *name, const char *text, mode_t mode)
{
	_cleanup_close_ int fd =
		openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	int r;

	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, text, strlen(text));
	if (r == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0))
		r = -errno;
	if (r < 0)
		(void)unlinkat(dir_fd, name, 0); /* ours, just created; half a key helps nobody */
	return r;
}

static int pair_write(int dir_fd, const char *name, const struct minisign_secret *s)
{
	_cleanup_free_ char *key_name = NULL, *pub_name = NULL, *public = NULL;
	char *secret = NULL;
	int r;

	if (asprintf(&key_name, "%s.key", name) < 0 || asprintf(&pub_name, "%s.pub", name) < 0)
		return -ENOMEM;
	r = minisign_public_text(&s->public, &public);
	if (r == 0)
		r = minisign_secret_text(s, &secret);
	if (r == 0)
		r = write_new(dir_fd, key_name, secret, 0600);
	minisign_text_free(secret);
	if (r < 0)
		return r;
	r = write_new(dir_fd, pub_name, public, 0644);
	if (r < 0)
		(void)unlinkat(dir_fd, key_name, 0); /* ours, made above: no pair, no key */
	return r;
}

int minisign_pair_make(int dir_fd, const char *name, struct minisign_public *ret)
{
	_cleanup_(minisign_secret_freep) struct minisign_secret *s = NULL;
	int r = minisign_secret_new(&s);

	if (r == 0)
		r = pair_write(dir_fd, name, s);
	if (r == 0 && fsync(dir_fd) < 0)
		r = -errno;
	if (r == 0)
		*ret = s->public;
	return r;
}

char *minisign_public_path(const char *secret_path)
{
	size_t stem = strlen(secret_path);
	char *path;

	if (stem > 4 && strcmp(secret_path + stem - 4, ".key") == 0)
		stem -= 4;
	return asprintf(&path, "%.*s.pub", (int)stem, secret_path) < 0 ? NULL : path;
}

int minisign_public_beside(const char *secret_path, struct minisign_public *ret)
{
	_cleanup_free_ char *path = minisign_public_path(secret_path), *text = NULL;
	size_t size;
	int r = path ? file_read(AT_FDCWD, path, MINISIGN_PUBLIC_MAX, &text, &size) : -ENOMEM;

	return r < 0 ? r : minisign_public_parse(text, size, ret, NULL);
}
