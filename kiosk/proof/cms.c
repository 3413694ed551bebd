/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "proof/cms.h"

#include <stdarg.h>
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>

#define CANDIDATES_MAX 4 /* certificates that claim to be one signer's: each costs chains */

static const struct {
	int nid;
	bool is_weak;
} digest_table[] = {
	{ NID_md5, true },	  { NID_sha1, true },	    { NID_sha224, false },   { NID_sha256, false },
	{ NID_sha384, false },	  { NID_sha512, false },    { NID_sha512_256, false }, { NID_sha3_256, false },
	{ NID_sha3_384, false },  { NID_sha3_512, false },
};

bool cms_digest_known(int nid)
{
	for (size_t i = 0; i < ARRAY_LEN(digest_table); i++)
		if (digest_table[i].nid == nid)
			return true;
	return false;
}

bool cms_digest_weak(int nid)
{
	for (size_t i = 0; i < ARRAY_LEN(digest_table); i++)
		if (digest_table[i].nid == nid)
			return digest_table[i].is_weak;
	return true;
}

void cms_done(struct cms *c)
{
	CMS_ContentInfo_free(c->info);
	sk_X509_pop_free(c->others, X509_free);
	sk_X509_CRL_pop_free(c->crls, X509_CRL_free);
	*c = (struct cms){ 0 };
}

static const char *limit_trouble(const struct cms *c)
{
	if (c->others && sk_X509_num(c->others) > CERTIFICATE_OTHERS_MAX)
		return "more certificates than this station takes";
	if (c->crls && sk_X509_CRL_num(c->crls) > CERTIFICATE_CRLS_MAX)
		return "more lists of revoked certificates than this station takes";
	if (c->signers && sk_CMS_SignerInfo_num(c->signers) > CMS_SIGNERS_MAX)
		return "more signers than this station takes";
	return NULL;
}

int cms_read(const void *der, size_t size, struct cms *ret, const char **ret_why)
{
	const unsigned char *at = der;
	struct cms c = { 0 };
	ASN1_OCTET_STRING **content;

	*ret_why = "no CMS that this station can read";
	if (size > 0 && size <= CMS_BYTES_MAX)
		c.info = d2i_CMS_ContentInfo(NULL, &at, (long)size);
	ERR_clear_error();
	if (!c.info)
		return -EBADMSG;
	if (at != (const unsigned char *)der + size) {
		*ret_why = "bytes follow the signature";
		goto bad;
	}
	if (OBJ_obj2nid(CMS_get0_type(c.info)) != NID_pkcs7_signed) {
		cms_done(&c);
		return 0;
	}
	c.signers = CMS_get0_SignerInfos(c.info);
	c.others = CMS_get1_certs(c.info);
	c.crls = CMS_get1_crls(c.info);
	c.content_type = CMS_get0_eContentType(c.info);
	content = CMS_get0_content(c.info);
	ERR_clear_error();
	c.content = content ? *content : NULL;
	*ret_why = limit_trouble(&c);
	if (*ret_why)
		goto bad;
	*ret = c;
	return 1;
bad:
	cms_done(&c);
	return -EBADMSG;
}

static int digest_of(CMS_SignerInfo *signer)
{
	X509_ALGOR *digest = NULL;
	const ASN1_OBJECT *oid = NULL;

	CMS_SignerInfo_get0_algs(signer, NULL, NULL, &digest, NULL);
	X509_ALGOR_get0(&oid, NULL, NULL, digest);
	return OBJ_obj2nid(oid);
}

static int add_digest(BIO **chain, int nid)
{
	BIO *md = BIO_new(BIO_f_md());

	if (!md)
		return -ENOMEM;
	if (BIO_set_md(md, EVP_get_digestbynid(nid)) != 1) {
		BIO_free(md);
		return -ENOTSUP;
	}
	*chain = BIO_push(md, *chain);
	return 0;
}

int cms_digests_new(const struct cms *c, BIO **ret, const char **ret_why)
{
	int nids[CMS_DIGESTS_MAX], r = 0;
	size_t count = 0;
	BIO *chain = BIO_new(BIO_s_null());

	if (!chain)
		return -ENOMEM;
	for (int i = 0; r == 0 && c->signers && i < sk_CMS_SignerInfo_num(c->signers); i++) {
		int nid = digest_of(sk_CMS_SignerInfo_value(c->signers, i));
		bool is_there = false;

		for (size_t k = 0; k < count; k++)
			is_there |= nids[k] == nid;
		if (is_there)
			continue;
		if (count == CMS_DIGESTS_MAX || !cms_digest_known(nid)) {
			*ret_why = count == CMS_DIGESTS_MAX ? "more digest algorithms than this station takes" :
							      "a digest algorithm that this station does not take";
			r = -EBADMSG;
			break;
		}
		nids[count++] = nid;
		r = add_digest(&chain, nid);
	}
	if (r < 0)
		BIO_free_all(chain);
	else
		*ret = chain;
	return r;
}

/* The signed attributes as they are signed: a SET OF (RFC 5652 section 5.4), in the order in which they came. */
ASN1_ITEM_TEMPLATE(signed_attributes) =
	ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_SEQUENCE_OF | ASN1_TFLG_IMPTAG | ASN1_TFLG_UNIVERSAL, V_ASN1_SET, signed_attributes,
			      X509_ATTRIBUTE)
static_ASN1_ITEM_TEMPLATE_END(signed_attributes)

static int encode_attributes(CMS_SignerInfo *signer, unsigned char **ret)
{
	STACK_OF(X509_ATTRIBUTE) *list = sk_X509_ATTRIBUTE_new_null();
	int count = CMS_signed_get_attr_count(signer), size = -1;

	for (int i = 0; list && i < count; i++)
		if (sk_X509_ATTRIBUTE_push(list, CMS_signed_get_attr(signer, i)) <= 0)
			count = -1;
	if (list && count > 0)
		size = ASN1_item_i2d((ASN1_VALUE *)list, ret, ASN1_ITEM_rptr(signed_attributes));
	sk_X509_ATTRIBUTE_free(list);
	return size;
}

/* RFC 8419: Ed25519 and Ed448, which libcrypto's CMS does not know before 3.2. Without signed attributes they would take the whole
 * file into memory: not taken. */
static bool verifies_eddsa(CMS_SignerInfo *signer, EVP_PKEY *key)
{
	const ASN1_OCTET_STRING *signature = CMS_SignerInfo_get0_signature(signer);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char *attributes = NULL;
	int size = encode_attributes(signer, &attributes), r = 0;

	if (ctx && size > 0 && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1)
		r = EVP_DigestVerify(ctx, ASN1_STRING_get0_data(signature), (size_t)ASN1_STRING_length(signature), attributes,
				     (size_t)size);
	OPENSSL_free(attributes);
	EVP_MD_CTX_free(ctx);
	return r == 1;
}

/* RFC 5652 sections 5.3, 11.1, 11.2: both there, once, with one value; and what was signed is of the type that it claims to be. */
static const char *attribute_trouble(const struct cms *c, CMS_SignerInfo *signer)
{
	const ASN1_OBJECT *type;

	if (CMS_signed_get_attr_count(signer) < 0)
		return OBJ_obj2nid(c->content_type) == NID_pkcs7_data ? NULL : "its attributes are not signed";
	type = CMS_signed_get0_data_by_OBJ(signer, OBJ_nid2obj(NID_pkcs9_contentType), -3, V_ASN1_OBJECT);
	if (!type || OBJ_cmp(type, c->content_type) != 0)
		return "another type of content was signed";
	if (!CMS_signed_get0_data_by_OBJ(signer, OBJ_nid2obj(NID_pkcs9_messageDigest), -3, V_ASN1_OCTET_STRING))
		return "it does not say which digest was signed";
	return NULL;
}

static _printf_(3, 4) void conclude(struct certificate_verdict *v, enum signature_outcome outcome, const char *format, ...)
{
	va_list ap;

	v->outcome = outcome;
	if (outcome == SIGNATURE_MALFORMED || outcome == SIGNATURE_UNTRUSTED)
		v->key = NULL;
	va_start(ap, format);
	if (vsnprintf(v->why, sizeof(v->why), format, ap) < 0) /* cut on purpose */
		v->why[0] = '\0';
	va_end(ap);
}

struct candidates {
	X509 *certificates[CANDIDATES_MAX]; /* borrowed */
	size_t count;
};

static int add_candidate(struct candidates *list, CMS_SignerInfo *signer, X509 *c)
{
	if (CMS_SignerInfo_cert_cmp(signer, c) != 0)
		return 0;
	for (size_t i = 0; i < list->count; i++)
		if (X509_cmp(list->certificates[i], c) == 0)
			return 0;
	if (list->count == CANDIDATES_MAX)
		return -E2BIG;
	list->certificates[list->count++] = c;
	return 0;
}

/* The certificates that may be the signer's: those that came with it, and the pinned ones (it may have been left out). */
static int find_candidates(const struct cms *c, CMS_SignerInfo *signer, struct candidates *list)
{
	X509 *pinned;
	int r = 0;

	list->count = 0;
	for (int i = 0; r == 0 && c->others && i < sk_X509_num(c->others); i++)
		r = add_candidate(list, signer, sk_X509_value(c->others, i));
	for (size_t i = 0; r == 0 && (pinned = certificate_pinned(i)); i++)
		r = add_candidate(list, signer, pinned);
	return r;
}

/* What names the signer when there is no certificate: its subject key identifier, or its serial number. */
static void signer_name(CMS_SignerInfo *signer, struct certificate_verdict *v)
{
	ASN1_OCTET_STRING *id = NULL;
	ASN1_INTEGER *serial = NULL;
	X509_NAME *issuer = NULL;
	const ASN1_STRING *s;

	if (CMS_SignerInfo_get0_signer_id(signer, &id, &issuer, &serial) != 1)
		return;
	s = id ? id : (const ASN1_STRING *)serial;
	if (s && ASN1_STRING_length(s) <= SHA256_LEN)
		hex_encode(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s), v->id);
}

/* Several claim to be the signer's (a key identifier can be copied): the one that is trusted most is asked whether it is. */
static int choose(const struct cms *c, const struct candidates *list, enum certificate_use use, uint64_t at, uint64_t now,
		  X509 **ret_certificate, struct certificate_verdict *ret)
{
	for (size_t i = 0; i < list->count; i++) {
		struct certificate_verdict v;
		int r = certificate_judge(list->certificates[i], c->others, c->crls, use, at, now, &v);

		if (r < 0)
			return r;
		if (i == 0 || v.outcome == SIGNATURE_REVOKED || (ret->outcome != SIGNATURE_REVOKED && ret->outcome != SIGNATURE_GOOD &&
								 (v.key || !ret->key))) {
			*ret = v;
			*ret_certificate = list->certificates[i];
		}
	}
	return 0;
}

/* `v` tells of the certificate: what does its signature say? */
static void check_signature(CMS_SignerInfo *signer, X509 *certificate, BIO *digests, struct certificate_verdict *v)
{
	EVP_PKEY *key = X509_get0_pubkey(certificate);
	int type = key ? EVP_PKEY_get_base_id(key) : NID_undef, r;
	bool is_eddsa = type == EVP_PKEY_ED25519 || type == EVP_PKEY_ED448, has_attributes = CMS_signed_get_attr_count(signer) >= 0;

	CMS_SignerInfo_set1_signer_cert(signer, certificate);
	if (is_eddsa && !has_attributes) {
		conclude(v, SIGNATURE_MALFORMED, "EdDSA without signed attributes is not taken");
		return;
	}
	/* Compares the attribute with the digest; without attributes verifies the signature over it. */
	r = CMS_SignerInfo_verify_content(signer, digests);
	if (r != 1) {
		conclude(v, SIGNATURE_BAD, "the content is not what was signed%s",
			 has_attributes ? " (or it was signed as text, with other line ends: openssl needs -binary)" : "");
		return;
	}
	if (has_attributes && !(is_eddsa ? verifies_eddsa(signer, key) : CMS_SignerInfo_verify(signer) == 1)) {
		conclude(v, SIGNATURE_BAD, "the signature is not by the key of its certificate");
		return;
	}
	if (v->outcome == SIGNATURE_GOOD && cms_digest_weak(digest_of(signer)))
		conclude(v, SIGNATURE_WEAK, "signed by a digest that proves nothing any more: %s", OBJ_nid2ln(digest_of(signer)));
}

int cms_check_signer(const struct cms *c, CMS_SignerInfo *signer, BIO *digests, enum certificate_use use, uint64_t at,
		     uint64_t now, struct certificate_verdict *ret)
{
	const char *trouble = attribute_trouble(c, signer);
	struct candidates list;
	X509 *certificate = NULL;
	int r;

	memset(ret, 0, sizeof(*ret));
	if (trouble) {
		conclude(ret, SIGNATURE_MALFORMED, "%s", trouble);
		return 0;
	}
	r = find_candidates(c, signer, &list);
	if (r == -E2BIG) {
		conclude(ret, SIGNATURE_MALFORMED, "many certificates claim to be the signer's");
		return 0;
	}
	if (list.count == 0) {
		conclude(ret, SIGNATURE_UNTRUSTED, "the signer's certificate is not there");
		signer_name(signer, ret);
		return 0;
	}
	r = choose(c, &list, use, at, now, &certificate, ret);
	if (r == 0 && ret->outcome != SIGNATURE_MALFORMED)
		check_signature(signer, certificate, digests, ret);
	ERR_clear_error();
	return r;
}
