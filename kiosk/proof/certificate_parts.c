/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Single certificates: reading them, what their keys are, what they may be used for. */
#include "proof/certificate_private.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "common/base64.h"

int certificate_read(const void *der, size_t size, X509 **ret)
{
	const unsigned char *at = der;
	X509 *c = size > 0 && size <= CERTIFICATE_BYTES_MAX ? d2i_X509(NULL, &at, (long)size) : NULL;

	ERR_clear_error();
	if (c && at == (const unsigned char *)der + size) {
		*ret = c;
		return 0;
	}
	X509_free(c);
	return -EBADMSG;
}

const char *certificate_key_trouble(X509 *c)
{
	EVP_PKEY *key = X509_get0_pubkey(c);
	int is_explicit = 0;

	ERR_clear_error();
	if (!key)
		return "its key cannot be read";
	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_RSA:
	case EVP_PKEY_RSA_PSS:
		return EVP_PKEY_get_bits(key) > CERTIFICATE_RSA_BITS_MAX ? "its RSA key is longer than this station takes" : NULL;
	case EVP_PKEY_EC:
		/* RFC 5480 section 2.1.1; CVE-2020-0601: a curve of one's own making fits any public key. */
		if (EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &is_explicit) != 1 || is_explicit)
			return "its key brings a curve of its own instead of the name of one";
		return NULL;
	case EVP_PKEY_ED25519:
	case EVP_PKEY_ED448:
		return NULL;
	default:
		return "its key is of a kind that this station does not take";
	}
}

int certificate_key_strength(X509 *c)
{
	EVP_PKEY *key = X509_get0_pubkey(c);

	return key ? EVP_PKEY_get_security_bits(key) : 0;
}

static bool is_named(const ASN1_OBJECT *o, const char *oid)
{
	char text[64];

	return OBJ_obj2txt(text, sizeof(text), o, 1) > 0 && strcmp(text, oid) == 0;
}

static bool allows(const ASN1_OBJECT *o, enum certificate_use use, bool is_signer)
{
	int nid = OBJ_obj2nid(o);

	switch (use) {
	case CERTIFICATE_FOR_FILES:
		/* RFC 9336: documentSigning, which libcrypto has no number for before 3.2 */
		return nid == NID_code_sign || nid == NID_email_protect || nid == NID_anyExtendedKeyUsage ||
		       is_named(o, "1.3.6.1.5.5.7.3.36");
	case CERTIFICATE_FOR_CODE:
		return nid == NID_code_sign || (!is_signer && nid == NID_anyExtendedKeyUsage);
	case CERTIFICATE_FOR_TIME:
		return nid == NID_time_stamp || (!is_signer && nid == NID_anyExtendedKeyUsage);
	}
	return false;
}

static const char *extended_usage_trouble(X509 *c, enum certificate_use use, bool is_signer)
{
	int critical = 0, count, allowed = 0;
	EXTENDED_KEY_USAGE *list = X509_get_ext_d2i(c, NID_ext_key_usage, &critical, NULL);

	ERR_clear_error();
	if (!list && critical != -1)
		return "its extended key usage cannot be read, or is there twice";
	if (!list)
		return is_signer && use != CERTIFICATE_FOR_FILES ? "it has no extended key usage for this" : NULL;
	count = sk_ASN1_OBJECT_num(list);
	for (int i = 0; i < count; i++)
		allowed += allows(sk_ASN1_OBJECT_value(list, i), use, is_signer);
	EXTENDED_KEY_USAGE_free(list);
	if (allowed == 0)
		return "its extended key usage excludes this";
	if (is_signer && use == CERTIFICATE_FOR_TIME && (count != 1 || critical != 1))
		return "its extended key usage is not time stamping alone, or is not critical";
	return NULL;
}

const char *certificate_usage_trouble(X509 *c, enum certificate_use use, bool is_signer)
{
	if (X509_get_extension_flags(c) & (EXFLAG_INVALID | EXFLAG_CRITICAL))
		return "it has an extension that this station cannot read and must not ignore";
	/* All bits are set when there is no key usage at all. Issuers' is libcrypto's business. */
	if (is_signer && !(X509_get_key_usage(c) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)))
		return "its key usage excludes signing";
	return extended_usage_trouble(c, use, is_signer);
}

void certificate_id(X509 *c, char ret[static SHA256_HEX_LEN + 1])
{
	uint8_t sum[EVP_MAX_MD_SIZE];
	unsigned int size = 0;

	ret[0] = '\0';
	if (X509_digest(c, EVP_sha256(), sum, &size) == 1 && size == SHA256_LEN)
		hex_encode(sum, size, ret);
}

void certificate_subject(X509 *c, char *ret, size_t room)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int n = -1;

	if (bio && X509_NAME_print_ex(bio, X509_get_subject_name(c), 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0)
		n = BIO_read(bio, ret, (int)room - 1);
	ret[n > 0 ? n : 0] = '\0';
	BIO_free(bio);
	ERR_clear_error();
}

uint64_t certificate_time(const ASN1_TIME *t)
{
	struct tm tm = { 0 };
	time_t s = t && ASN1_TIME_to_tm(t, &tm) == 1 ? timegm(&tm) : -1;

	return s > 0 ? (uint64_t)s : 0;
}

#define KNOWN_ROOT_BYTES 322
static const char known_root[] =
	"MIIBPjCB5aADAgECAgEBMAoGCCqGSM49BAMCMA8xDTALBgNVBAMMBHJvb3QwHhcNMDAwMTAxMDAwMDAwWhcNNDkxMjMxMDAwMDAw"
	"WjAPMQ0wCwYDVQQDDARyb290MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAERdiT250cuTaE/xmfFSAU/6YJagSsq0smXx//6Wo6"
	"/spk50v8DXKPK54VTfI6iyTxYsdnc9TsbZWWKN3jWpmfDaMyMDAwDwYDVR0TAQH/BAUwAwEB/zAdBgNVHQ4EFgQUIciJFr60zhtd"
	"3L3zeFHJETv7Q8swCgYIKoZIzj0EAwIDSAAwRQIgFpwCYl3hZvuD27U2LlzBWv1xK495Bvui+s/YknEaDpACIQCEpca6i9dR43GX"
	"gSV33is5pJZCgRaaxjYpTAnqiLoUDA==";
#define KNOWN_LEAF_BYTES 360
static const char known_leaf[] =
	"MIIBZDCCAQqgAwIBAgIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARyb290MB4XDTAwMDEwMTAwMDAwMFoXDTQ5MTIzMTAwMDAw"
	"MFowDzENMAsGA1UEAwwEbGVhZjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABGgDrJY8lRPpu6G9lfDnRUk0sR+LdmjUdamLM5eL"
	"7RcNZuTzsl+NarDDCopk9TBwhMadZWUnNIAQv9suQFYcoMijVzBVMBMGA1UdJQQMMAoGCCsGAQUFBwMDMB0GA1UdDgQWBBTRNuzd"
	"i447R8d3EuEQEL96ingV+jAfBgNVHSMEGDAWgBQhyIkWvrTOG13cvfN4UckRO/tDyzAKBggqhkjOPQQDAgNIADBFAiAcJKrSeG92"
	"btjm+ibaCRKeWAUACL1wst58Wz0CLZV8yQIhAPp6XQsiIAUuV60YPC68HcSpCfSArpwA9Ss0k0VqUyj0";

static int read_known(const char *text, size_t size, X509 **ret)
{
	uint8_t der[512];

	if (size > sizeof(der) || base64_decode(text, strlen(text), der, size) < 0)
		return -ENOTSUP;
	return certificate_read(der, size, ret) < 0 ? -ENOTSUP : 0;
}

int certificates_known(X509 **ret_root, X509 **ret_leaf)
{
	int r = read_known(known_root, KNOWN_ROOT_BYTES, ret_root);

	return r == 0 ? read_known(known_leaf, KNOWN_LEAF_BYTES, ret_leaf) : r;
}
