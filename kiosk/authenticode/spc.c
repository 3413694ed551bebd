/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Microsoft's PKCS #7. Its content is a SEQUENCE where CMS has an OCTET STRING, and the signed digest is over what is inside of
 * it. libcrypto's PKCS #7 parts the two; without its content the rest is plain CMS, and is judged as such (proof/cms.h).
 */
#include "authenticode/authenticode.h"

#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pkcs7.h>

#define LIFETIME_SIGNING "1.3.6.1.4.1.311.10.3.13" /* Microsoft: a time stamp does not outlive this certificate */

struct spc_kind {
	ASN1_OBJECT *type;
	ASN1_TYPE *value;
};

struct spc_content {
	struct spc_kind *kind;
	X509_SIG *digest; /* DigestInfo of PKCS #7 */
};

struct sip_info {
	ASN1_INTEGER *version;
	ASN1_OCTET_STRING *class;
	ASN1_INTEGER *reserved[5];
};

ASN1_SEQUENCE(sip_info) = {
	ASN1_SIMPLE(struct sip_info, version, ASN1_INTEGER),	 ASN1_SIMPLE(struct sip_info, class, ASN1_OCTET_STRING),
	ASN1_SIMPLE(struct sip_info, reserved[0], ASN1_INTEGER), ASN1_SIMPLE(struct sip_info, reserved[1], ASN1_INTEGER),
	ASN1_SIMPLE(struct sip_info, reserved[2], ASN1_INTEGER), ASN1_SIMPLE(struct sip_info, reserved[3], ASN1_INTEGER),
	ASN1_SIMPLE(struct sip_info, reserved[4], ASN1_INTEGER),
} static_ASN1_SEQUENCE_END_name(struct sip_info, sip_info)

ASN1_SEQUENCE(spc_kind) = {
	ASN1_SIMPLE(struct spc_kind, type, ASN1_OBJECT),
	ASN1_OPT(struct spc_kind, value, ASN1_ANY),
} static_ASN1_SEQUENCE_END_name(struct spc_kind, spc_kind)

ASN1_SEQUENCE(spc_content) = {
	ASN1_SIMPLE(struct spc_content, kind, spc_kind),
	ASN1_SIMPLE(struct spc_content, digest, X509_SIG),
} static_ASN1_SEQUENCE_END_name(struct spc_content, spc_content)

void spc_done(struct spc *s)
{
	cms_done(&s->cms);
	free(s->raw);
	*s = (struct spc){ 0 };
}

static bool is_oid(const ASN1_OBJECT *o, const char *dotted)
{
	char text[64];

	return OBJ_obj2txt(text, sizeof(text), o, 1) > 0 && strcmp(text, dotted) == 0;
}

/* Take the content out of `p`. */
static int take_content(PKCS7 *p, const char *type, struct spc *s, const char **ret_why)
{
	PKCS7 *content = OBJ_obj2nid(p->type) == NID_pkcs7_signed && p->d.sign ? p->d.sign->contents : NULL;
	const uint8_t *at;
	long size;
	int tag, class;

	*ret_why = "a signature over something else than it should be";
	if (!content || !is_oid(content->type, type) || !content->d.other || content->d.other->type != V_ASN1_SEQUENCE)
		return -EBADMSG;
	s->raw_size = (size_t)ASN1_STRING_length(content->d.other->value.sequence);
	s->raw = malloc(s->raw_size + 1);
	if (!s->raw)
		return -ENOMEM;
	memcpy(s->raw, ASN1_STRING_get0_data(content->d.other->value.sequence), s->raw_size);
	at = s->raw;
	if (ASN1_get_object(&at, &size, &tag, &class, (long)s->raw_size) != V_ASN1_CONSTRUCTED || tag != V_ASN1_SEQUENCE ||
	    at + size != s->raw + s->raw_size)
		return -EBADMSG; /* also a length that is not definite: DER is what is signed */
	s->body = at;
	s->body_size = (size_t)size;
	ASN1_TYPE_free(content->d.other);
	content->d.other = NULL;
	return 0;
}

static int read_cms(PKCS7 *p, struct spc *s, const char **ret_why)
{
	unsigned char *der = NULL;
	int size = i2d_PKCS7(p, &der), r = size > 0 ? cms_read(der, (size_t)size, &s->cms, ret_why) : -EBADMSG;

	OPENSSL_free(der);
	if (r == 1 && (!s->cms.signers || sk_CMS_SignerInfo_num(s->cms.signers) != 1)) {
		*ret_why = "a signature of Authenticode has one signer";
		r = -EBADMSG;
	}
	return r < 0 ? r : r == 1 ? 0 : -EBADMSG;
}

int spc_read(const uint8_t *data, size_t size, const char *type, struct spc *ret, size_t *ret_used, const char **ret_why)
{
	const unsigned char *at = data;
	struct spc s = { 0 };
	PKCS7 *p = d2i_PKCS7(NULL, &at, (long)size);
	int r = p ? take_content(p, type, &s, ret_why) : -EBADMSG;

	if (!p)
		*ret_why = "no signature that this station can read";
	if (r == 0)
		r = read_cms(p, &s, ret_why);
	PKCS7_free(p);
	ERR_clear_error();
	if (r < 0) {
		spc_done(&s);
		return r;
	}
	*ret_used = (size_t)(at - data);
	*ret = s;
	return 0;
}

/* SpcSipInfo: who computes the digest. What is none has no class. */
static void read_sip(const ASN1_TYPE *value, struct spc_digest *d)
{
	const ASN1_STRING *sequence = value && value->type == V_ASN1_SEQUENCE ? value->value.sequence : NULL;
	const unsigned char *at = sequence ? ASN1_STRING_get0_data(sequence) : NULL;
	const unsigned char *end = at ? at + ASN1_STRING_length(sequence) : NULL;
	struct sip_info *info = at ? (struct sip_info *)ASN1_item_d2i(NULL, &at, end - at, ASN1_ITEM_rptr(sip_info)) : NULL;

	ERR_clear_error();
	d->has_sip = info && at == end && ASN1_STRING_length(info->class) == (int)sizeof(d->sip);
	if (d->has_sip)
		memcpy(d->sip, ASN1_STRING_get0_data(info->class), sizeof(d->sip));
	ASN1_item_free((ASN1_VALUE *)info, ASN1_ITEM_rptr(sip_info));
}

int spc_digest_read(const uint8_t *der, size_t size, struct spc_digest *ret)
{
	const unsigned char *at = der;
	struct spc_content *c = (struct spc_content *)ASN1_item_d2i(NULL, &at, (long)size, ASN1_ITEM_rptr(spc_content));
	const ASN1_OCTET_STRING *sum = NULL;
	const X509_ALGOR *algorithm = NULL;
	const ASN1_OBJECT *oid = NULL;
	int r = -EBADMSG;

	ERR_clear_error();
	if (c && at == der + size) {
		X509_SIG_get0(c->digest, &algorithm, &sum);
		X509_ALGOR_get0(&oid, NULL, NULL, algorithm);
		ret->nid = OBJ_obj2nid(oid);
		ret->size = (size_t)ASN1_STRING_length(sum);
		if (OBJ_obj2txt(ret->type, sizeof(ret->type), c->kind->type, 1) > 0 && cms_digest_known(ret->nid) &&
		    ret->size == (size_t)EVP_MD_get_size(EVP_get_digestbynid(ret->nid))) {
			memcpy(ret->sum, ASN1_STRING_get0_data(sum), ret->size);
			read_sip(c->kind->value, ret);
			r = 0;
		}
	}
	ASN1_item_free((ASN1_VALUE *)c, ASN1_ITEM_rptr(spc_content));
	return r;
}

bool unsigned_value(CMS_SignerInfo *signer, const char *oid, int i, const uint8_t **ret, size_t *ret_size)
{
	for (int k = 0; k < CMS_unsigned_get_attr_count(signer); k++) {
		X509_ATTRIBUTE *a = CMS_unsigned_get_attr(signer, k);
		int count = X509_ATTRIBUTE_count(a);
		ASN1_TYPE *value;

		if (!is_oid(X509_ATTRIBUTE_get0_object(a), oid))
			continue;
		if (i >= count) {
			i -= count;
			continue;
		}
		value = X509_ATTRIBUTE_get0_type(a, i);
		if (!value || value->type != V_ASN1_SEQUENCE)
			return false;
		*ret = ASN1_STRING_get0_data(value->value.sequence);
		*ret_size = (size_t)ASN1_STRING_length(value->value.sequence);
		return true;
	}
	return false;
}

static bool ends_with_its_certificate(CMS_SignerInfo *signer)
{
	EXTENDED_KEY_USAGE *list;
	X509 *certificate = NULL;
	bool is = false;

	CMS_SignerInfo_get0_algs(signer, NULL, &certificate, NULL, NULL);
	list = certificate ? X509_get_ext_d2i(certificate, NID_ext_key_usage, NULL, NULL) : NULL;
	for (int i = 0; list && i < sk_ASN1_OBJECT_num(list); i++)
		is |= is_oid(sk_ASN1_OBJECT_value(list, i), LIFETIME_SIGNING);
	EXTENDED_KEY_USAGE_free(list);
	return is;
}

/* Expired by now: was it made in time? */
static int judge_stamped(const struct spc *s, CMS_SignerInfo *signer, BIO *digests, uint64_t now, struct certificate_verdict *v)
{
	struct certificate_verdict then;
	char by[128];
	uint64_t t;
	int r = timestamp_of(signer, now, &t, by, sizeof(by));

	if (r <= 0)
		return r;
	r = cms_check_signer(&s->cms, signer, digests, CERTIFICATE_FOR_CODE, t, now, &then);
	if (r == 0 && then.outcome == SIGNATURE_GOOD) {
		*v = then;
		(void)snprintf(v->why, sizeof(v->why), "signed before its certificate expired, says the time stamp of '%s'", by);
	}
	return r;
}

int spc_judge(const struct spc *s, uint64_t now, struct certificate_verdict *ret)
{
	CMS_SignerInfo *signer = sk_CMS_SignerInfo_value(s->cms.signers, 0);
	const char *why = "";
	BIO *digests = NULL;
	int r = cms_digests_new(&s->cms, &digests, &why);

	memset(ret, 0, sizeof(*ret));
	if (r == -EBADMSG) {
		ret->outcome = SIGNATURE_MALFORMED;
		(void)snprintf(ret->why, sizeof(ret->why), "%s", why);
		return 0;
	}
	if (r == 0 && BIO_write(digests, s->body, (int)s->body_size) != (int)s->body_size)
		r = -ENOMEM;
	if (r == 0)
		r = cms_check_signer(&s->cms, signer, digests, CERTIFICATE_FOR_CODE, now, now, ret);
	if (r == 0 && ret->outcome == SIGNATURE_EXPIRED && !trusted_key_has_ended(ret->key, now) && !ends_with_its_certificate(signer))
		r = judge_stamped(s, signer, digests, now, ret);
	BIO_free_all(digests);
	ERR_clear_error();
	return r;
}
