/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Time stamps of signatures (RFC 3161), as Authenticode carries them in an unsigned attribute.
 *
 * The authority's certificate must lead to a CA of the officer's now, not only when it stamped: one that has ended is no longer
 * kept from thieves. The older kind, a PKCS #9 countersignature, is not taken: it counts as no time stamp.
 */
#include "authenticode/authenticode.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/ts.h>

#define TOKEN "1.3.6.1.4.1.311.3.3.1" /* szOID_RFC3161_counterSign */
#define TOKENS_MAX 4		      /* of one signature: real ones have one or two */

/* RFC 3161 section 2.4.2: is it about this signature, by a digest that proves something? */
static bool stamps(TS_TST_INFO *info, const ASN1_OCTET_STRING *signature)
{
	TS_MSG_IMPRINT *imprint = TS_TST_INFO_get_msg_imprint(info);
	const ASN1_OCTET_STRING *told = TS_MSG_IMPRINT_get_msg(imprint);
	const ASN1_OBJECT *oid = NULL;
	uint8_t sum[EVP_MAX_MD_SIZE];
	unsigned int size = 0;
	int nid;

	X509_ALGOR_get0(&oid, NULL, NULL, TS_MSG_IMPRINT_get_algo(imprint));
	nid = OBJ_obj2nid(oid);
	return TS_TST_INFO_get_version(info) == 1 && cms_digest_known(nid) && !cms_digest_weak(nid) &&
	       EVP_Digest(ASN1_STRING_get0_data(signature), (size_t)ASN1_STRING_length(signature), sum, &size,
			  EVP_get_digestbynid(nid), NULL) == 1 &&
	       (size_t)ASN1_STRING_length(told) == size && memcmp(ASN1_STRING_get0_data(told), sum, size) == 0;
}

/* `c` is signed data with a content: by a trusted authority? */
static int judge_token(const struct cms *c, uint64_t now, struct certificate_verdict *v)
{
	const char *why = "";
	BIO *digests = NULL;
	int size = ASN1_STRING_length(c->content), r = cms_digests_new(c, &digests, &why);

	if (r == 0 && BIO_write(digests, ASN1_STRING_get0_data(c->content), size) != size)
		r = -ENOMEM;
	if (r == 0)
		r = cms_check_signer(c, sk_CMS_SignerInfo_value(c->signers, 0), digests, CERTIFICATE_FOR_TIME, now, now, v);
	BIO_free_all(digests);
	return r;
}

static int read_token(const uint8_t *der, size_t size, CMS_SignerInfo *signer, uint64_t now, uint64_t *ret_time,
		      struct certificate_verdict *v)
{
	const unsigned char *at;
	TS_TST_INFO *info = NULL;
	const char *why;
	struct cms c = { 0 };
	int r = cms_read(der, size, &c, &why), told = 0;

	if (r == 1 && c.content && c.signers && sk_CMS_SignerInfo_num(c.signers) == 1 &&
	    OBJ_obj2nid(c.content_type) == NID_id_smime_ct_TSTInfo) {
		at = ASN1_STRING_get0_data(c.content);
		info = d2i_TS_TST_INFO(NULL, &at, ASN1_STRING_length(c.content));
		r = judge_token(&c, now, v);
		if (r == 0 && info && v->outcome == SIGNATURE_GOOD && stamps(info, CMS_SignerInfo_get0_signature(signer))) {
			*ret_time = certificate_time(TS_TST_INFO_get_time(info));
			told = *ret_time > 0 && *ret_time <= now;
		}
	}
	TS_TST_INFO_free(info);
	cms_done(&c);
	ERR_clear_error();
	return r < 0 && r != -EBADMSG ? r : told;
}

int timestamp_of(CMS_SignerInfo *signer, uint64_t now, uint64_t *ret_time, char *ret_by, size_t room)
{
	const uint8_t *der;
	size_t size;

	for (int i = 0; i < TOKENS_MAX && unsigned_value(signer, TOKEN, i, &der, &size); i++) {
		struct certificate_verdict v;
		int r = read_token(der, size, signer, now, ret_time, &v);

		if (r > 0)
			(void)snprintf(ret_by, room, "%s", v.key->name);
		if (r != 0)
			return r;
	}
	return 0;
}
