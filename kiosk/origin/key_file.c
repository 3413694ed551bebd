/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Public key files that the officer wants to trust: minisign, signify, and plain Ed25519 or ECDSA P-256 keys. What is no key of
 * these kinds is left to other roles; what is one and must not be trusted is told with its trouble, a secret key above all.
 */
#include <string.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "common/hash.h"
#include "common/minisign.h"
#include "origin/formats.h"

#define COMMENT "untrusted comment: "

/* The whole file with a NUL behind it, or -EFBIG. */
static int read_file(int fd, uint64_t size, uint8_t *out, size_t room)
{
	size_t at = 0;

	if (size >= room)
		return -EFBIG;
	while (at < size) {
		ssize_t n = pread(fd, out + at, (size_t)size - at, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += (size_t)n;
	}
	out[at] = 0;
	return 0;
}

/* A key that must not be trusted. Nothing of it is handed on. */
static int refuse(struct key_description *k, enum key_kind kind, const char *why)
{
	OPENSSL_cleanse(k->bytes, sizeof(k->bytes));
	k->size = 0;
	k->kind = kind;
	(void)snprintf(k->trouble, sizeof(k->trouble), "%s", why); /* always fits */
	return 1;
}

/* -- minisign and signify --------------------------------------------------------------------------------------- */

static bool ends_with(const char *text, size_t size, const char *end)
{
	return size >= strlen(end) && memcmp(text + size - strlen(end), end, strlen(end)) == 0;
}

static bool begins_with(const char *text, size_t size, const char *beginning)
{
	return size >= strlen(beginning) && memcmp(text, beginning, strlen(beginning)) == 0;
}

/* Both programs write the same bytes ("Ed", 8 of a number, 32 of the key, in base64), and each refuses the other's signatures.
 * What decides is the comment: signify ends each with "public key" behind words of its owner's ("signify" by default), minisign
 * writes "minisign public key ID", or whatever its owner has put there. The line of base64 alone is how minisign's keys are
 * passed on (minisign -P). */
static bool is_by_signify(const char *comment, size_t size)
{
	return ends_with(comment, size, " public key") && !begins_with(comment, size, "minisign public key");
}

static int describe_commented(struct key_description *k)
{
	const char *text = (const char *)k->bytes, *newline = memchr(text, '\n', k->size), *comment = "";
	struct minisign_public key;
	size_t size = 0;
	bool is_signify;
	int r;

	if (newline && begins_with(text, k->size, COMMENT)) {
		comment = text + strlen(COMMENT);
		size = (size_t)(newline - comment);
	}
	is_signify = is_by_signify(comment, size);
	if (ends_with(comment, size, "secret key")) /* signify; minisign: "minisign encrypted secret key" */
		return refuse(k, begins_with(comment, size, "minisign") ? KEY_MINISIGN : KEY_SIGNIFY,
			      "this is a secret key: give its public key (.pub), and keep the secret one secret");
	if (k->size > MINISIGN_PUBLIC_MAX || minisign_public_parse(text, k->size, &key, NULL) < 0)
		return 0;
	r = minisign_fingerprint(&key, k->fingerprint);
	if (r < 0)
		return r;
	if (is_signify)
		(void)snprintf(k->owner, sizeof(k->owner), "%.*s", (int)(size - strlen(" public key")), comment); /* cut on purpose */
	minisign_id_text(key.id, k->key_id);
	minisign_public_base64(&key, (char *)k->bytes);
	k->size = strlen((const char *)k->bytes);
	k->kind = is_signify ? KEY_SIGNIFY : KEY_MINISIGN;
	return 1;
}

/* -- plain keys ------------------------------------------------------------------------------------------------- */

static void pkey_free_p(EVP_PKEY **k)
{
	EVP_PKEY_free(*k);
}

static void bio_free_p(BIO **b)
{
	BIO_free(*b);
}

/* NULL, or why not. A curve that the key itself spells out may be any (CVE-2020-0601): only one that it names counts. */
static const char *trouble_of(EVP_PKEY *key)
{
	static const char others[] = "only Ed25519 and ECDSA P-256 keys can be trusted as plain public keys";
	char group[64] = "", encoding[64] = "";
	EVP_PKEY_CTX *ctx;
	bool is_valid;

	if (EVP_PKEY_is_a(key, "ED25519"))
		return NULL;
	if (!EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1 ||
	    strcmp(group, "prime256v1") != 0)
		return others;
	if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, encoding, sizeof(encoding), NULL) != 1 ||
	    strcmp(encoding, OSSL_PKEY_EC_ENCODING_GROUP) != 0)
		return "the key spells its curve out instead of naming it";
	ctx = EVP_PKEY_CTX_new(key, NULL);
	is_valid = ctx && EVP_PKEY_public_check(ctx) == 1;
	EVP_PKEY_CTX_free(ctx);
	return is_valid ? NULL : "the key is no point on its curve";
}

/* As the trust store keeps it, whatever stood around it in the file; and by which digest it goes. */
static int take_plain(EVP_PKEY *key, struct key_description *k)
{
	_cleanup_(bio_free_p) BIO *bio = BIO_new(BIO_s_mem());
	uint8_t sum[SHA256_LEN], *der = NULL;
	int der_size = i2d_PUBKEY(key, &der), r = der_size > 0 ? sha256(der, (size_t)der_size, sum) : -ENOMEM;
	char *text = NULL;
	long size = 0;

	OPENSSL_free(der);
	if (r == 0 && bio && PEM_write_bio_PUBKEY(bio, key) == 1)
		size = BIO_get_mem_data(bio, &text);
	if (r == 0 && (size <= 0 || (size_t)size > sizeof(k->bytes)))
		r = -ENOMEM;
	if (r < 0)
		return r;
	memcpy(k->bytes, text, (size_t)size);
	k->size = (size_t)size;
	k->kind = KEY_RAW;
	hex_encode(sum, sizeof(sum), k->fingerprint);
	hex_encode(sum, sizeof(sum), k->key_id);
	return 1;
}

/* SubjectPublicKeyInfo (RFC 5280 section 4.1), nothing behind it. 0 when it is none. */
static int describe_spki(const uint8_t *der, size_t size, struct key_description *k)
{
	const uint8_t *at = der;
	_cleanup_(pkey_free_p) EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)size);
	const char *why = key ? trouble_of(key) : NULL;

	ERR_clear_error();
	if (!key || (size_t)(at - der) != size)
		return 0;
	return why ? refuse(k, KEY_RAW, why) : take_plain(key, k);
}

struct pem {
	char *name, *header;
	unsigned char *data;
	long size;
};

static bool pem_next(BIO *bio, struct pem *p)
{
	bool is_there = PEM_read_bio(bio, &p->name, &p->header, &p->data, &p->size) == 1;

	ERR_clear_error();
	return is_there;
}

static void pem_done(struct pem *p)
{
	if (p->data)
		OPENSSL_cleanse(p->data, (size_t)p->size);
	OPENSSL_free(p->name);
	OPENSSL_free(p->header);
	OPENSSL_free(p->data);
	*p = (struct pem){ 0 };
}

/* Of PEM blocks (RFC 7468) there must be one: of two, the officer would compare one fingerprint and trust who knows which. */
static int describe_pem(struct key_description *k)
{
	_cleanup_(bio_free_p) BIO *bio = BIO_new_mem_buf(k->bytes, (int)k->size);
	struct pem first = { 0 }, second = { 0 };
	int r = 0;

	if (!bio)
		return -ENOMEM;
	if (!pem_next(bio, &first))
		return 0;
	if (strstr((const char *)k->bytes, "PRIVATE KEY-----"))
		r = refuse(k, KEY_RAW, "this is a private key: give its public key, and keep the private one private");
	else if (strcmp(first.name, "RSA PUBLIC KEY") == 0)
		r = refuse(k, KEY_RAW, "only Ed25519 and ECDSA P-256 keys can be trusted as plain public keys");
	else if (strcmp(first.name, "PUBLIC KEY") == 0 && pem_next(bio, &second))
		r = refuse(k, KEY_RAW, "more than one key in one file");
	else if (strcmp(first.name, "PUBLIC KEY") == 0 && !*first.header)
		r = describe_spki(first.data, (size_t)first.size, k);
	pem_done(&first);
	pem_done(&second);
	return r;
}

int describe_key(int fd, uint64_t size, struct key_description *ret)
{
	int r = read_file(fd, size, ret->bytes, sizeof(ret->bytes));

	if (r == -EFBIG)
		return 0;
	ret->size = (size_t)size;
	if (r == 0)
		r = describe_commented(ret);
	if (r == 0)
		r = describe_pem(ret);
	if (r == 0)
		r = describe_spki(ret->bytes, ret->size, ret);
	return r;
}
