/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The judgement of certificate chains. Runs in the sandboxes of the roles that prove evidence.
 *
 * Each anchor is tried alone, in a store that holds nothing else: the name that is told is then the name of the certificate
 * which the chain ends in. libcrypto builds the chain and checks its signatures, basic constraints, path lengths, name
 * constraints and critical extensions; what is left to its caller, or lenient there, is checked here: version 1 "CAs",
 * usages that an issuer's extended key usage excludes, explicit curve parameters, revocation.
 */
#include "proof/certificate.h"

#include <stdarg.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "proof/certificate_private.h"

struct anchor {
	X509 *certificate;
	X509_STORE *store; /* it alone; NULL for a pinned signer */
	const struct trusted_key *key;
};

static struct {
	struct anchor anchors[CERTIFICATE_ANCHORS_MAX];
	size_t count;
} ring;

/* What libcrypto complained about on the way, without giving up. */
struct walk {
	bool is_expired, is_early, is_weak;
};

/* Go on past what has an outcome of its own: a chain that is expired or weak is still one to a trusted key, or is not. */
static int on_verify(int ok, X509_STORE_CTX *ctx)
{
	struct walk *w = X509_STORE_CTX_get_app_data(ctx);

	if (ok)
		return 1;
	switch (X509_STORE_CTX_get_error(ctx)) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		w->is_expired = true;
		return 1;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		w->is_early = true;
		return 1;
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
	case X509_V_ERR_CA_MD_TOO_WEAK:
		w->is_weak = true;
		return 1;
	default:
		return 0;
	}
}

static _printf_(4, 5) void conclude(struct certificate_verdict *v, enum signature_outcome outcome, const struct anchor *a,
				    const char *format, ...)
{
	va_list ap;

	v->outcome = outcome;
	v->key = a ? a->key : NULL;
	va_start(ap, format);
	if (vsnprintf(v->why, sizeof(v->why), format, ap) < 0) /* cut on purpose */
		v->why[0] = '\0';
	va_end(ap);
}

/* RFC 5280 section 5: does a list that the issuer signed name this certificate? A list that is old, or of another scope,
 * says so all the same: a certificate does not come back from revocation. */
static bool is_revoked(X509 *c, X509 *issuer, STACK_OF(X509_CRL) *crls)
{
	for (int i = 0; crls && i < sk_X509_CRL_num(crls); i++) {
		X509_CRL *crl = sk_X509_CRL_value(crls, i);
		X509_REVOKED *entry = NULL;

		if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_issuer_name(c)) == 0 &&
		    X509_CRL_verify(crl, X509_get0_pubkey(issuer)) == 1 && X509_CRL_get0_by_cert(crl, &entry, c) != 0)
			return true;
	}
	return false;
}

/* `chain` from signer to anchor has verified: now what libcrypto leaves open. */
static void judge_path(const struct anchor *a, STACK_OF(X509) *chain, STACK_OF(X509_CRL) *crls, enum certificate_use use,
		       uint64_t now, const struct walk *w, struct certificate_verdict *v)
{
	int count = sk_X509_num(chain);
	char subject[128];

	for (int i = 0; i < count; i++) {
		X509 *c = sk_X509_value(chain, i);
		const char *trouble = certificate_key_trouble(c);

		certificate_subject(c, subject, sizeof(subject));
		/* 1: by basic constraints; libcrypto takes certificates of version 1 and Netscape's flags for CAs, too */
		if (!trouble && i > 0 && X509_check_ca(c) != 1)
			trouble = "it is no certification authority";
		if (!trouble)
			trouble = certificate_usage_trouble(c, use, i == 0);
		if (trouble) {
			conclude(v, SIGNATURE_UNTRUSTED, NULL, "certificate of %s: %s", subject, trouble);
			v->is_led = true;
			return;
		}
		if (i + 1 < count && is_revoked(c, sk_X509_value(chain, i + 1), crls)) {
			conclude(v, SIGNATURE_REVOKED, a, "the certificate of %s is on its issuer's list of revoked ones", subject);
			return;
		}
	}
	if (trusted_key_has_ended(a->key, now))
		conclude(v, SIGNATURE_EXPIRED, a, "the trust in the key '%s' has ended", a->key->name);
	else if (w->is_expired || w->is_early)
		conclude(v, SIGNATURE_EXPIRED, a, "a certificate on the way to '%s' %s", a->key->name,
			 w->is_expired ? "has expired" : "is not valid yet");
	else if (w->is_weak)
		conclude(v, SIGNATURE_WEAK, a, "a key or a digest on the way to '%s' is too weak (RSA below 2048 bits, SHA-1, MD5)",
			 a->key->name);
	else
		conclude(v, SIGNATURE_GOOD, a, "%s", "");
}

static int judge_issued(const struct anchor *a, X509 *signer, STACK_OF(X509) *others, STACK_OF(X509_CRL) *crls,
			enum certificate_use use, uint64_t at, uint64_t now, struct certificate_verdict *v)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	struct walk w = { 0 };
	int r = -ENOMEM;

	if (ctx && X509_STORE_CTX_init(ctx, a->store, signer, others) == 1) {
		X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
		STACK_OF(X509) *chain;

		/* An officer may trust an intermediate one: the chain need not go on to a root from there. */
		(void)X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
		X509_VERIFY_PARAM_set_depth(param, CERTIFICATE_CHAIN_MAX - 2); /* counts neither end */
		X509_VERIFY_PARAM_set_auth_level(param, 2);			/* 112 bits: CERTIFICATE_STRENGTH_MIN */
		X509_VERIFY_PARAM_set_time(param, (time_t)at);
		X509_STORE_CTX_set_app_data(ctx, &w);
		X509_STORE_CTX_set_verify_cb(ctx, on_verify);
		r = 0;
		if (X509_verify_cert(ctx) != 1) {
			int error = X509_STORE_CTX_get_error(ctx);

			if (error == X509_V_ERR_OUT_OF_MEM)
				r = -ENOMEM;
			conclude(v, SIGNATURE_UNTRUSTED, NULL, "%s", X509_verify_cert_error_string(error));
		} else {
			chain = X509_STORE_CTX_get0_chain(ctx);
			if (X509_cmp(sk_X509_value(chain, sk_X509_num(chain) - 1), a->certificate) != 0)
				conclude(v, SIGNATURE_UNTRUSTED, NULL, "the chain does not end in a trusted certificate");
			else
				judge_path(a, chain, crls, use, now, &w, v);
		}
	}
	X509_STORE_CTX_free(ctx);
	return r;
}

/* A trusted certificate stands for its own key: who issued it, and how that was signed, does not matter. */
static void judge_pinned(const struct anchor *a, X509 *signer, enum certificate_use use, uint64_t at, uint64_t now,
			 struct certificate_verdict *v)
{
	time_t t = (time_t)at;
	const char *trouble;

	if (X509_cmp(a->certificate, signer) != 0) {
		conclude(v, SIGNATURE_UNTRUSTED, NULL, "not by a trusted certificate");
		return;
	}
	trouble = certificate_usage_trouble(signer, use, true);
	v->is_led = true;
	if (trouble)
		conclude(v, SIGNATURE_UNTRUSTED, NULL, "certificate of '%s': %s", a->key->name, trouble);
	else if (trusted_key_has_ended(a->key, now))
		conclude(v, SIGNATURE_EXPIRED, a, "the trust in the key '%s' has ended", a->key->name);
	else if (X509_cmp_time(X509_get0_notAfter(signer), &t) != 1)
		conclude(v, SIGNATURE_EXPIRED, a, "the certificate '%s' has expired", a->key->name);
	else if (X509_cmp_time(X509_get0_notBefore(signer), &t) != -1)
		conclude(v, SIGNATURE_EXPIRED, a, "the certificate '%s' is not valid yet", a->key->name);
	else if (certificate_key_strength(signer) < CERTIFICATE_STRENGTH_MIN)
		conclude(v, SIGNATURE_WEAK, a, "the key of '%s' is too short", a->key->name);
	else
		conclude(v, SIGNATURE_GOOD, a, "%s", "");
}

/* Which of two verdicts says more? */
static int rank(const struct certificate_verdict *v)
{
	switch (v->outcome) {
	case SIGNATURE_REVOKED:
		return 6;
	case SIGNATURE_GOOD:
		return 5;
	case SIGNATURE_EXPIRED:
		return 4;
	case SIGNATURE_WEAK:
		return 3;
	default:
		return v->is_led ? 2 : 1;
	}
}

static int judge_by(const struct anchor *anchors, size_t count, X509 *signer, STACK_OF(X509) *others,
		    STACK_OF(X509_CRL) *crls, enum certificate_use use, uint64_t at, uint64_t now,
		    struct certificate_verdict *ret)
{
	const char *trouble = certificate_key_trouble(signer);

	memset(ret, 0, sizeof(*ret));
	certificate_id(signer, ret->id);
	conclude(ret, SIGNATURE_UNTRUSTED, NULL, "no certificate is trusted");
	if ((others && sk_X509_num(others) > CERTIFICATE_OTHERS_MAX) || (crls && sk_X509_CRL_num(crls) > CERTIFICATE_CRLS_MAX))
		return -E2BIG;
	if (trouble) {
		conclude(ret, SIGNATURE_MALFORMED, NULL, "%s", trouble);
		return 0;
	}
	for (size_t i = 0; i < count; i++) {
		struct certificate_verdict v = { 0 };
		int r = 0;

		memcpy(v.id, ret->id, sizeof(v.id));
		/* A CA may sign a file itself: whoever holds its key could issue any certificate. */
		if (anchors[i].store && X509_cmp(anchors[i].certificate, signer) != 0)
			r = judge_issued(&anchors[i], signer, others, crls, use, at, now, &v);
		else
			judge_pinned(&anchors[i], signer, use, at, now, &v);
		ERR_clear_error();
		if (r < 0)
			return r;
		if (i == 0 || rank(&v) > rank(ret))
			*ret = v;
	}
	return 0;
}

int certificate_judge(X509 *signer, STACK_OF(X509) *others, STACK_OF(X509_CRL) *crls, enum certificate_use use, uint64_t at,
		      uint64_t now, struct certificate_verdict *ret)
{
	return judge_by(ring.anchors, ring.count, signer, others, crls, use, at, now, ret);
}

X509 *certificate_pinned(size_t i)
{
	for (size_t a = 0; a < ring.count; a++)
		if (!ring.anchors[a].store && i-- == 0)
			return ring.anchors[a].certificate;
	return NULL;
}

/* `c` becomes the anchor's. */
static int take_anchor(struct anchor *a, X509 *c, bool is_ca, const struct trusted_key *key)
{
	*a = (struct anchor){ .certificate = c, .key = key };
	if (!is_ca)
		return 0;
	a->store = X509_STORE_new();
	return a->store && X509_STORE_add_cert(a->store, c) == 1 ? 0 : -ENOMEM;
}

static X509 *read_pem(const struct trusted_key *key)
{
	BIO *bio = key->size <= ORIGIN_KEY_BYTES_MAX ? BIO_new_mem_buf(key->bytes, (int)key->size) : NULL;
	X509 *c = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	ERR_clear_error();
	return c;
}

/* A root and what it issued, ECDSA P-256, valid from 2000 to 2049: one chain that leads to it, one that does not any more, one
 * for another use, and one from nowhere. */
static int try_known_chain(void)
{
	static const struct trusted_key key = { .name = (char *)"known answer", .kind = KEY_X509_CA };
	const uint64_t then = 1000000000 /* 2001 */, later = 2600000000 /* 2052 */;
	struct certificate_verdict v[4];
	struct anchor a = { 0 };
	X509 *root = NULL, *leaf = NULL;
	int r = certificates_known(&root, &leaf);

	if (r == 0)
		r = take_anchor(&a, root, true, &key);
	if (r == 0)
		r = judge_by(&a, 1, leaf, NULL, NULL, CERTIFICATE_FOR_CODE, then, then, &v[0]);
	if (r == 0)
		r = judge_by(&a, 1, leaf, NULL, NULL, CERTIFICATE_FOR_CODE, later, later, &v[1]);
	if (r == 0)
		r = judge_by(&a, 1, leaf, NULL, NULL, CERTIFICATE_FOR_TIME, then, then, &v[2]);
	if (r == 0)
		r = judge_by(&a, 0, leaf, NULL, NULL, CERTIFICATE_FOR_CODE, then, then, &v[3]);
	if (r == 0 && (v[0].outcome != SIGNATURE_GOOD || v[1].outcome != SIGNATURE_EXPIRED ||
		       v[2].outcome != SIGNATURE_UNTRUSTED || v[3].outcome != SIGNATURE_UNTRUSTED))
		r = -ENOTSUP;
	X509_STORE_free(a.store);
	X509_free(root);
	X509_free(leaf);
	return r;
}

int certificates_prepare(const struct keyring *keys)
{
	for (size_t i = 0; i < keys->count; i++) {
		const struct trusted_key *key = &keys->keys[i];
		X509 *c;
		int r;

		if (key->kind != KEY_X509_CA && key->kind != KEY_X509_SIGNER)
			continue;
		if (ring.count == CERTIFICATE_ANCHORS_MAX)
			return -E2BIG;
		c = read_pem(key);
		if (!c)
			return -EBADMSG;
		r = take_anchor(&ring.anchors[ring.count++], c, key->kind == KEY_X509_CA, key);
		if (r < 0)
			return r;
	}
	return try_known_chain();
}
