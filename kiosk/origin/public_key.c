/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Run by lazaret-origin; libcrypto does the mathematics. A plain signature says nothing of who made it: each trusted key is
 * tried, so the work is bounded, not the number of keys.
 */
#include "origin/public_key.h"

#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "common/base64.h"
#include "origin/limits.h"
#include "proof/certificate.h"

/* How a key may be named in evidence that has no certificates. */
struct spellings {
	char spki_hex[SHA256_HEX_LEN + 1];	      /* in-toto, securesystemslib */
	char pem_hex[SHA256_HEX_LEN + 1];	      /* OpenSSF model signing: of the PEM text */
	char spki_base64[BASE64_LEN(SHA256_LEN) + 1]; /* Sigstore's bundles */
};

static struct {
	struct ring_key {
		EVP_PKEY *key;
		X509 *certificate;		 /* NULL: a raw key */
		const struct trusted_key *trusted; /* of a raw key */
		struct spellings spellings;
	} keys[2 * KEYS_MAX];
	size_t count;
} ring;

/* -- keys ------------------------------------------------------------------------------------------------------ */

static int spell(EVP_PKEY *key, struct spellings *s)
{
	BIO *bio = BIO_new(BIO_s_mem());
	uint8_t sum[SHA256_LEN], *der = NULL;
	int size = i2d_PUBKEY(key, &der), r = -ENOMEM;
	char *pem = NULL;
	long pem_size;

	if (size > 0 && bio && PEM_write_bio_PUBKEY(bio, key) == 1 && (pem_size = BIO_get_mem_data(bio, &pem)) > 0) {
		r = sha256(der, (size_t)size, sum);
		hex_encode(sum, sizeof(sum), s->spki_hex);
		base64_encode(sum, sizeof(sum), s->spki_base64);
		if (r == 0)
			r = sha256(pem, (size_t)pem_size, sum);
		hex_encode(sum, sizeof(sum), s->pem_hex);
	}
	OPENSSL_free(der);
	BIO_free(bio);
	return r;
}

static bool is_taken_kind(EVP_PKEY *key)
{
	char group[64] = "";

	if (EVP_PKEY_is_a(key, "ED25519"))
		return true;
	return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
	       (strcmp(group, "prime256v1") == 0 || strcmp(group, "secp384r1") == 0 || strcmp(group, "secp521r1") == 0);
}

static int take_raw_key(const struct trusted_key *t, struct ring_key *k)
{
	BIO *bio = BIO_new_mem_buf(t->bytes, (int)t->size);

	if (!bio)
		return -ENOMEM;
	k->key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	BIO_free(bio);
	k->trusted = t;
	if (!k->key || !is_taken_kind(k->key)) {
		ERR_clear_error();
		return -EINVAL;
	}
	return spell(k->key, &k->spellings);
}

static int take_raw_keys(const struct keyring *keys)
{
	for (size_t i = 0; i < keys->count; i++) {
		int r;

		if (keys->keys[i].kind != KEY_RAW)
			continue;
		if (ring.count == KEYS_MAX)
			return -E2BIG;
		r = take_raw_key(&keys->keys[i], &ring.keys[ring.count++]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int take_certificates(void)
{
	X509 *c;

	for (size_t i = 0; (c = certificate_pinned(i)) != NULL; i++) {
		struct ring_key *k = &ring.keys[ring.count];
		int r;

		if (ring.count == ARRAY_LEN(ring.keys))
			return -E2BIG;
		if (certificate_key_trouble(c))
			continue; /* another role's: it never counts here */
		k->certificate = c;
		k->key = X509_get_pubkey(c);
		r = k->key ? spell(k->key, &k->spellings) : -EINVAL;
		if (r < 0)
			return r;
		ring.count++;
	}
	return 0;
}

/* -- messages -------------------------------------------------------------------------------------------------- */

void plain_message_bytes(struct plain_message *m, const void *data, size_t size)
{
	*m = (struct plain_message){ .data = data, .size = size, .fd = -EBADF };
}

void plain_message_file(struct plain_message *m, int fd, uint64_t size)
{
	*m = (struct plain_message){ .fd = fd, .file_size = size };
}

void plain_message_done(struct plain_message *m)
{
	if (m->map)
		(void)munmap(m->map, m->size);
	*m = (struct plain_message){ .fd = -EBADF };
}

/* Ed25519 wants the message as a whole. 0; -EFBIG for a file that is too long. */
static int have_bytes(struct plain_message *m)
{
	void *map;

	if (m->data)
		return 0;
	if (m->file_size > PLAIN_ED25519_FILE_MAX)
		return -EFBIG;
	m->size = (size_t)m->file_size;
	if (m->size == 0) {
		m->data = (const uint8_t *)"";
		return 0;
	}
	map = mmap(NULL, m->size, PROT_READ, MAP_PRIVATE, m->fd, 0); /* a sealed copy: it does not shrink under us */
	if (map == MAP_FAILED)
		return -errno;
	m->map = map;
	m->data = map;
	return 0;
}

static const EVP_MD *digest_of(size_t i)
{
	return i == 0 ? EVP_sha256() : i == 1 ? EVP_sha384() : EVP_sha512();
}

static int have_sum(struct plain_message *m, size_t i)
{
	struct plain_sum *s = &m->sums[i];
	int r = 0;

	if (s->is_there)
		return 0;
	if (!m->data)
		r = hash_fd(digest_of(i), m->fd, s->sum, NULL);
	else if (EVP_Digest(m->data, m->size, s->sum, NULL, digest_of(i), NULL) != 1)
		r = -EIO;
	s->is_there = r == 0;
	return r;
}

int plain_message_sha256(struct plain_message *m, const uint8_t **ret)
{
	int r = have_sum(m, 0);

	*ret = m->sums[0].sum;
	return r;
}

/* -- mathematics ----------------------------------------------------------------------------------------------- */

static int spend(struct plain_work *w, uint64_t bytes)
{
	w->done += PLAIN_TRY_COST + bytes;
	return w->done > PLAIN_WORK_MAX ? -E2BIG : 0;
}

/* 1: good, 0: not, -ENOMEM. What libcrypto makes of a malformed signature is "not", too. */
static int verify_sum(EVP_PKEY *key, size_t digest, const uint8_t *sum, const uint8_t *sig, size_t sig_size)
{
	const EVP_MD *md = digest_of(digest);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	bool is_ready = ctx && EVP_PKEY_verify_init(ctx) == 1 && EVP_PKEY_CTX_set_signature_md(ctx, md) == 1, is_good;

	if (is_ready && EVP_PKEY_is_a(key, "RSA"))
		is_ready = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
	is_good = is_ready && EVP_PKEY_verify(ctx, sig, sig_size, sum, (size_t)EVP_MD_get_size(md)) == 1;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error(); /* a bad signature must not colour a later call */
	return is_ready ? is_good : -ENOMEM;
}

static int verify_ed25519(struct plain_work *w, EVP_PKEY *key, struct plain_message *m, const uint8_t *sig, size_t sig_size)
{
	EVP_MD_CTX *ctx;
	bool is_good;
	int r;

	if (sig_size != 64)
		return 0;
	r = have_bytes(m);
	if (r == 0)
		r = spend(w, m->size);
	if (r < 0)
		return r;
	ctx = EVP_MD_CTX_new();
	if (!ctx)
		return -ENOMEM;
	is_good = EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
		  EVP_DigestVerify(ctx, sig, sig_size, m->data, m->size) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return is_good;
}

/* 1: good, 0: not, or a negative errno. */
static int verify(struct plain_work *w, EVP_PKEY *key, struct plain_message *m, const uint8_t *sig, size_t sig_size)
{
	bool is_ec = EVP_PKEY_is_a(key, "EC");
	size_t own = !is_ec || EVP_PKEY_get_bits(key) <= 256 ? 0 : EVP_PKEY_get_bits(key) <= 384 ? 1 : 2;
	int r = 0;

	if (EVP_PKEY_is_a(key, "ED25519"))
		return verify_ed25519(w, key, m, sig, sig_size);
	if (!is_ec && !EVP_PKEY_is_a(key, "RSA"))
		return 0;
	for (size_t digest = 0; r == 0 && digest <= own; digest += own > 0 ? own : 1) {
		r = spend(w, m->sums[digest].is_there ? 0 : m->data ? m->size : 0); /* a file is hashed once, whatever its size */
		if (r == 0)
			r = have_sum(m, digest);
		if (r == 0)
			r = verify_sum(key, digest, m->sums[digest].sum, sig, sig_size);
	}
	return r;
}

/* RFC 6979 section A.2.5: P-256 with SHA-256, message "sample". */
static int try_ecdsa(void)
{
	static const char spki[] = "3059301306072a8648ce3d020106082a8648ce3d030107034200"
				   "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
				   "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
	static const char sig_hex[] = "3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
				      "022100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8";
	uint8_t der[91], sig[72], sum[SHA256_LEN];
	const uint8_t *at = der;
	EVP_PKEY *key = NULL;
	bool answers;

	if (hex_decode(spki, der, sizeof(der)) < 0 || hex_decode(sig_hex, sig, sizeof(sig)) < 0 || sha256("sample", 6, sum) < 0)
		return -ENOTSUP;
	key = d2i_PUBKEY(NULL, &at, sizeof(der));
	answers = key && verify_sum(key, 0, sum, sig, sizeof(sig)) == 1;
	sum[0]++;
	answers = answers && verify_sum(key, 0, sum, sig, sizeof(sig)) == 0;
	EVP_PKEY_free(key);
	return answers ? 0 : -ENOTSUP;
}

int public_keys_prepare(const struct keyring *keys)
{
	int r = take_raw_keys(keys);

	if (r == 0)
		r = take_certificates();
	return r == 0 ? try_ecdsa() : r;
}

/* -- judgement ------------------------------------------------------------------------------------------------- */

static _printf_(4, 5) void conclude(struct plain_result *ret, enum signature_outcome outcome, const struct trusted_key *key,
				    const char *format, ...)
{
	va_list ap;

	ret->outcome = outcome;
	ret->key = key;
	va_start(ap, format);
	if (vsnprintf(ret->why, sizeof(ret->why), format, ap) < 0) /* cut on purpose */
		ret->why[0] = '\0';
	va_end(ap);
}

/* A certificate whose key has made the signature, or claims to. */
static int judge_holder(const struct plain_work *w, X509 *signer, STACK_OF(X509) *others, struct plain_result *ret)
{
	struct certificate_verdict v;
	bool is_pinned = false;
	X509 *c;
	int r;

	for (size_t i = 0; (c = certificate_pinned(i)) != NULL; i++)
		is_pinned |= X509_cmp(c, signer) == 0;
	/* A CA issues certificates for many uses: only those for code count. One that the officer pinned is meant. */
	r = certificate_judge(signer, others, NULL, is_pinned ? CERTIFICATE_FOR_FILES : CERTIFICATE_FOR_CODE, w->now, w->now, &v);
	if (r < 0)
		return r;
	(void)snprintf(ret->key_id, sizeof(ret->key_id), "%s", v.id);
	conclude(ret, v.outcome, v.key, "%s", v.why);
	return 0;
}

/* The key of the ring that made the signature. */
static int judge_ring_key(const struct plain_work *w, const struct ring_key *k, struct plain_result *ret)
{
	if (k->certificate)
		return judge_holder(w, k->certificate, NULL, ret);
	(void)snprintf(ret->key_id, sizeof(ret->key_id), "%s", k->spellings.spki_hex);
	if (trusted_key_has_ended(k->trusted, w->now))
		conclude(ret, SIGNATURE_EXPIRED, k->trusted, "by the key '%s', which has expired", k->trusted->name);
	else
		conclude(ret, SIGNATURE_GOOD, k->trusted, "%s", "");
	return 0;
}

static bool is_named(const struct ring_key *k, const char *hint)
{
	return strcmp(hint, k->spellings.spki_hex) == 0 || strcmp(hint, k->spellings.pem_hex) == 0 ||
	       strcmp(hint, k->spellings.spki_base64) == 0;
}

/* Nobody's: what does the hint make of it? */
static int judge_unmatched(const struct plain_work *w, const char *hint, struct plain_result *ret)
{
	bool is_plain = true;

	for (size_t i = 0; i < ring.count && *hint; i++) {
		int r;

		if (!is_named(&ring.keys[i], hint))
			continue;
		r = judge_ring_key(w, &ring.keys[i], ret);
		if (r == 0 && ret->key)
			conclude(ret, SIGNATURE_BAD, ret->key, "it names the key '%s', which has not signed this", ret->key->name);
		if (r < 0 || ret->key)
			return r;
	}
	for (const char *at = hint; *at; at++)
		is_plain &= *at > ' ' && *at < 0x7f;
	(void)snprintf(ret->key_id, sizeof(ret->key_id), "%s", is_plain && strlen(hint) < sizeof(ret->key_id) ? hint : "");
	conclude(ret, SIGNATURE_UNTRUSTED, NULL, "by no key that is trusted");
	return 0;
}

int plain_signature_judge(struct plain_work *w, struct plain_message *m, const uint8_t *sig, size_t sig_size, const char *hint,
			  struct plain_result *ret)
{
	bool is_found = false;

	*ret = (struct plain_result){ 0 };
	if (sig_size == 0 || sig_size > PLAIN_SIGNATURE_MAX) {
		conclude(ret, SIGNATURE_MALFORMED, NULL, "a signature of %zu bytes", sig_size);
		return 0;
	}
	for (size_t i = 0; i < ring.count; i++) {
		struct plain_result one = { 0 };
		int r = verify(w, ring.keys[i].key, m, sig, sig_size);

		if (r > 0)
			r = judge_ring_key(w, &ring.keys[i], &one);
		else if (r == 0)
			continue;
		if (r < 0)
			return r;
		if (!is_found || one.outcome == SIGNATURE_GOOD)
			*ret = one;
		is_found = true;
		if (one.outcome == SIGNATURE_GOOD)
			return 0;
	}
	return is_found ? 0 : judge_unmatched(w, hint ? hint : "", ret);
}

int plain_signature_judge_certificate(struct plain_work *w, struct plain_message *m, const uint8_t *sig, size_t sig_size,
				      X509 *signer, STACK_OF(X509) *others, struct plain_result *ret)
{
	const char *trouble = certificate_key_trouble(signer);
	int r;

	*ret = (struct plain_result){ 0 };
	if (trouble || sig_size == 0 || sig_size > PLAIN_SIGNATURE_MAX) {
		conclude(ret, SIGNATURE_MALFORMED, NULL, "%s", trouble ? trouble : "a signature of an impossible length");
		return 0;
	}
	r = verify(w, X509_get0_pubkey(signer), m, sig, sig_size);
	if (r < 0)
		return r;
	if (r > 0)
		return judge_holder(w, signer, others, ret);
	r = judge_holder(w, signer, others, ret);
	if (r == 0 && ret->key)
		conclude(ret, SIGNATURE_BAD, ret->key, "its certificate leads to '%s', but its key has not signed this",
			 ret->key->name);
	return r;
}

int plain_digest_is_signed(struct plain_work *w, const uint8_t sum[static SHA256_LEN], const uint8_t *sig, size_t sig_size,
			   const struct trusted_key **ret_key)
{
	for (size_t i = 0; i < ring.count; i++) {
		struct plain_result one;
		int r = 0;

		if (EVP_PKEY_is_a(ring.keys[i].key, "ED25519"))
			continue;
		r = spend(w, 0);
		if (r == 0)
			r = verify_sum(ring.keys[i].key, 0, sum, sig, sig_size);
		if (r > 0)
			r = judge_ring_key(w, &ring.keys[i], &one);
		else if (r == 0)
			continue;
		if (r < 0)
			return r;
		*ret_key = one.key;
		if (one.key)
			return 1;
	}
	return 0;
}
