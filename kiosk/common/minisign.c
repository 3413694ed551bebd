/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Minisign signatures: made by the publisher, checked by origin workers and by importers.
 *
 * Refused before any mathematics: a fifth line, a missing line, carriage returns and other control characters
 * in comments, white space around base64, the legacy algorithm. What a comment says is believed only after the
 * global signature over (signature, trusted comment) has been checked with the same key.
 */
#include "common/minisign.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "common/base64.h"
#include "common/hash.h"
#include "common/minisign_key.h"

#define DIGEST_LEN 64	      /* BLAKE2b-512 */
#define BLOB_LEN   74	      /* "ED", id, signature */

#define DEFAULT_UNTRUSTED "signature from a lazaret key"

static void pkey_free_p(EVP_PKEY **k)
{
	EVP_PKEY_free(*k);
}

static void md_free_p(EVP_MD_CTX **c)
{
	EVP_MD_CTX_free(*c);
}

int minisign_raw_sign(const struct minisign_secret *s, const void *data, size_t size,
		      uint8_t ret_sig[static MINISIGN_SIG_LEN])
{
	_cleanup_(pkey_free_p) EVP_PKEY *k =
		EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, s->seed, sizeof(s->seed));
	_cleanup_(md_free_p) EVP_MD_CTX *c = EVP_MD_CTX_new();
	size_t sig_size = MINISIGN_SIG_LEN;

	if (!k || !c)
		return -ENOMEM;
	if (EVP_DigestSignInit(c, NULL, NULL, NULL, k) != 1 ||
	    EVP_DigestSign(c, ret_sig, &sig_size, data, size) != 1 || sig_size != MINISIGN_SIG_LEN)
		return -EIO;
	return 0;
}

int minisign_raw_verify(const struct minisign_public *p, const void *data, size_t size,
			const uint8_t sig[static MINISIGN_SIG_LEN])
{
	_cleanup_(pkey_free_p) EVP_PKEY *k =
		EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, p->key, sizeof(p->key));
	_cleanup_(md_free_p) EVP_MD_CTX *c = EVP_MD_CTX_new();
	int good;

	if (!k || !c)
		return -ENOMEM;
	if (EVP_DigestVerifyInit(c, NULL, NULL, NULL, k) != 1)
		return -EIO;
	good = EVP_DigestVerify(c, sig, MINISIGN_SIG_LEN, data, size);
	if (good != 1)
		ERR_clear_error(); /* a bad signature must not colour a later call */
	if (good < 0)
		return -EIO;
	return good == 1 ? 0 : -EBADMSG;
}

static int digest_fd(int fd, uint8_t ret[static DIGEST_LEN])
{
	return hash_fd(EVP_blake2b512(), fd, ret, NULL);
}

/* -- signing -------------------------------------------------------------------------------------------- */

/* The global signature covers the 64 signature bytes and the trusted comment. */
static int sign_global(const struct minisign_secret *s, const uint8_t sig[static MINISIGN_SIG_LEN],
		       const char *trusted, uint8_t ret[static MINISIGN_SIG_LEN])
{
	uint8_t message[MINISIGN_SIG_LEN + MINISIGN_TRUSTED_MAX];
	size_t size = strlen(trusted);

	memcpy(message, sig, MINISIGN_SIG_LEN);
	memcpy(message + MINISIGN_SIG_LEN, trusted, size);
	return minisign_raw_sign(s, message, MINISIGN_SIG_LEN + size, ret);
}

int minisign_sign_fd(const struct minisign_secret *s, int fd, const char *trusted, const char *untrusted,
		     char **ret_text)
{
	uint8_t digest[DIGEST_LEN], blob[BLOB_LEN] = { 'E', 'D' }, global[MINISIGN_SIG_LEN];
	char blob_text[BASE64_LEN(BLOB_LEN) + 1], global_text[BASE64_LEN(MINISIGN_SIG_LEN) + 1];
	uint8_t *sig = blob + 2 + MINISIGN_ID_LEN;
	int r;

	if (!untrusted)
		untrusted = DEFAULT_UNTRUSTED;
	if (strlen(trusted) > MINISIGN_TRUSTED_MAX || strlen(untrusted) > MINISIGN_COMMENT_MAX ||
	    !minisign_comment_valid(trusted, strlen(trusted)) ||
	    !minisign_comment_valid(untrusted, strlen(untrusted)))
		return -EINVAL;
	r = digest_fd(fd, digest);
	if (r == 0)
		r = minisign_raw_sign(s, digest, sizeof(digest), sig);
	if (r == 0)
		r = sign_global(s, sig, trusted, global);
	if (r < 0)
		return r;
	memcpy(blob + 2, s->public.id, MINISIGN_ID_LEN);
	base64_encode(blob, sizeof(blob), blob_text);
	base64_encode(global, sizeof(global), global_text);
	if (asprintf(ret_text, UNTRUSTED_PREFIX "%s\n%s\n" TRUSTED_PREFIX "%s\n%s\n", untrusted, blob_text,
		     trusted, global_text) < 0)
		return -ENOMEM;
	return 0;
}

/* -- verifying ------------------------------------------------------------------------------------------ */

struct signature {
	uint8_t id[MINISIGN_ID_LEN];
	uint8_t sig[MINISIGN_SIG_LEN];
	uint8_t global[MINISIGN_SIG_LEN];
	const char *trusted; /* borrowed from the text */
	size_t trusted_size;
};

/* A comment line: prefix, then at most `max` bytes without control characters. */
static bool comment_line(const char **text, size_t *left, const char *prefix, size_t max, const char **ret,
			 size_t *ret_size)
{
	size_t prefix_size = strlen(prefix), size;
	const char *line;

	if (!minisign_line(text, left, &line, &size) || size < prefix_size ||
	    memcmp(line, prefix, prefix_size) != 0 || size - prefix_size > max ||
	    !minisign_comment_valid(line, size))
		return false;
	*ret = line + prefix_size;
	*ret_size = size - prefix_size;
	return true;
}

/* NULL, or what is wrong with the text. */
static const char *signature_parse(const char *text, size_t left, struct signature *s)
{
	uint8_t blob[BLOB_LEN];
	const char *line, *comment;
	size_t size, comment_size;

	if (left > MINISIGN_TEXT_MAX)
		return "too long for a minisign signature";
	if (!comment_line(&text, &left, UNTRUSTED_PREFIX, MINISIGN_COMMENT_MAX, &comment, &comment_size))
		return "the first line is no untrusted comment, or is too long, or has control characters";
	if (!minisign_line(&text, &left, &line, &size) || base64_decode(line, size, blob, sizeof(blob)) < 0)
		return "the second line is no minisign signature";
	if (memcmp(blob, "Ed", 2) == 0)
		return "a legacy signature (\"Ed\"), which is not accepted: sign again with minisign 0.11 or later (or -H)";
	if (memcmp(blob, "ED", 2) != 0)
		return "the signature's algorithm is not minisign's \"ED\"";
	if (!comment_line(&text, &left, TRUSTED_PREFIX, MINISIGN_TRUSTED_MAX, &s->trusted, &s->trusted_size))
		return "the third line is no trusted comment, or is too long, or has control characters";
	if (!minisign_line(&text, &left, &line, &size) || base64_decode(line, size, s->global, sizeof(s->global)) < 0)
		return "the fourth line is no global signature";
	if (left > 0)
		return "something follows the fourth line";
	memcpy(s->id, blob + 2, sizeof(s->id));
	memcpy(s->sig, blob + 2 + MINISIGN_ID_LEN, sizeof(s->sig));
	return NULL;
}

/* 0: both signatures are by this key. -EBADMSG, and `*ret_why`, when one is not. */
static int check_key(const struct signature *s, const uint8_t digest[static DIGEST_LEN],
		     const struct minisign_public *key, const char **ret_why)
{
	uint8_t message[MINISIGN_SIG_LEN + MINISIGN_TRUSTED_MAX];
	int r = minisign_raw_verify(key, digest, DIGEST_LEN, s->sig);

	if (r == -EBADMSG)
		*ret_why = "the signature does not match the file";
	if (r < 0)
		return r;
	memcpy(message, s->sig, MINISIGN_SIG_LEN);
	memcpy(message + MINISIGN_SIG_LEN, s->trusted, s->trusted_size);
	r = minisign_raw_verify(key, message, MINISIGN_SIG_LEN + s->trusted_size, s->global);
	if (r == -EBADMSG)
		*ret_why = "the trusted comment was altered";
	return r;
}

/* Ids are eight random bytes that anyone can copy: every key with this id is tried. */
static int check_keys(const struct signature *s, const uint8_t digest[static DIGEST_LEN],
		      const struct minisign_public *keys, size_t key_count, struct minisign_result *ret)
{
	ret->outcome = MINISIGN_BAD;
	for (size_t i = 0; i < key_count; i++) {
		int r;

		if (memcmp(keys[i].id, s->id, sizeof(s->id)) != 0)
			continue;
		r = check_key(s, digest, &keys[i], &ret->why);
		if (r == -EBADMSG)
			continue;
		if (r < 0)
			return r;
		ret->outcome = MINISIGN_OK;
		ret->why = NULL;
		ret->key_index = i;
		memcpy(ret->trusted, s->trusted, s->trusted_size);
		return 0;
	}
	return 0;
}

static bool has_key(const struct signature *s, const struct minisign_public *keys, size_t key_count)
{
	for (size_t i = 0; i < key_count; i++)
		if (memcmp(keys[i].id, s->id, sizeof(s->id)) == 0)
			return true;
	return false;
}

/* `data` NULL: the bytes are behind `fd`. */
static int verify(int fd, const void *data, size_t size, const void *raw_sig, size_t raw_sig_size,
		  const struct minisign_public *keys, size_t key_count, struct minisign_result *ret)
{
	_cleanup_free_ struct minisign_result *result = calloc(1, sizeof(*result));
	uint8_t digest[DIGEST_LEN];
	struct signature s;
	int r = 0;

	if (!result)
		return -ENOMEM;
	result->outcome = MINISIGN_MALFORMED;
	result->why = signature_parse(raw_sig, raw_sig_size, &s);
	if (!result->why) {
		memcpy(result->key_id, s.id, sizeof(s.id));
		result->outcome = MINISIGN_UNKNOWN_KEY;
		result->why = "signed with a key that is not known here";
	}
	if (result->outcome == MINISIGN_UNKNOWN_KEY && has_key(&s, keys, key_count)) {
		if (data)
			r = EVP_Digest(data, size, digest, NULL, EVP_blake2b512(), NULL) == 1 ? 0 : -EIO;
		else
			r = digest_fd(fd, digest);
		if (r == 0)
			r = check_keys(&s, digest, keys, key_count, result);
	}
	if (r == 0)
		*ret = *result;
	return r;
}

int minisign_verify_fd(int fd, const void *raw_sig, size_t raw_sig_size, const struct minisign_public *keys,
		       size_t key_count, struct minisign_result *ret)
{
	return verify(fd, NULL, 0, raw_sig, raw_sig_size, keys, key_count, ret);
}

int minisign_verify_bytes(const void *data, size_t size, const void *raw_sig, size_t raw_sig_size,
			  const struct minisign_public *keys, size_t key_count, struct minisign_result *ret)
{
	return verify(-EBADF, data ? data : "", size, raw_sig, raw_sig_size, keys, key_count, ret);
}
