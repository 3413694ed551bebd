/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* X.509 certificates that the officer wants to trust: exactly one in a file, PEM or DER. */
#include "cms/cms.h"

#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "proof/certificate.h"

#define FILE_MAX (2 * ORIGIN_KEY_BYTES_MAX) /* bytes: the certificate with `openssl x509 -text` above it */
#define BLOCKS_MAX 16			    /* blocks of PEM that are looked at: the second certificate is trouble already */

struct found {
	X509 *certificate; /* the first; owned */
	unsigned int certificates;
	bool has_private_key, has_other;
};

static void take_block(struct found *f, const char *name, const unsigned char *data, long size)
{
	if (strstr(name, "PRIVATE KEY")) {
		f->has_private_key = true;
	} else if (strcmp(name, PEM_STRING_X509) == 0 || strcmp(name, PEM_STRING_X509_OLD) == 0) {
		if (f->certificates++ == 0 && certificate_read(data, (size_t)size, &f->certificate) < 0)
			f->certificate = NULL;
	} else {
		f->has_other = true;
	}
}

static int find_in_pem(const uint8_t *text, size_t size, struct found *f)
{
	BIO *bio = BIO_new_mem_buf(text, (int)size);
	unsigned char *data = NULL;
	char *name = NULL, *header = NULL;
	long n = 0;

	if (!bio)
		return -ENOMEM;
	for (unsigned int i = 0; i < BLOCKS_MAX && PEM_read_bio(bio, &name, &header, &data, &n) == 1; i++) {
		take_block(f, name, data, n);
		OPENSSL_clear_free(data, (size_t)n); /* it may be a private key */
		OPENSSL_free(name);
		OPENSSL_free(header);
		data = NULL, name = header = NULL;
	}
	BIO_free(bio);
	ERR_clear_error();
	return 0;
}

/* A signature of the certificate by itself or by another is no trouble, not even by SHA-1: what is trusted is these very bytes,
 * whose SHA-256 the officer compares. What it signs is another matter (certificate_judge). */
static const char *find_trouble(const struct found *f, X509 *c, bool is_ca)
{
	const char *trouble = certificate_key_trouble(c);
	time_t now = time(NULL);

	if (f->has_private_key)
		return "there is a private key in the file, which should not leave its owner";
	if (f->certificates > 1)
		return "several certificates in one file";
	if (f->has_other)
		return "something else beside the certificate is in the file";
	if (trouble)
		return trouble;
	if (certificate_key_strength(c) < CERTIFICATE_STRENGTH_MIN)
		return "its key is too short (RSA: 2048 bits at least)";
	if (X509_cmp_time(X509_get0_notAfter(c), &now) != 1)
		return "it has expired";
	if (!is_ca && certificate_usage_trouble(c, CERTIFICATE_FOR_FILES, true) &&
	    certificate_usage_trouble(c, CERTIFICATE_FOR_TIME, true))
		return certificate_usage_trouble(c, CERTIFICATE_FOR_FILES, true);
	return NULL;
}

static int write_pem(X509 *c, struct key_description *k)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	long n = bio && PEM_write_bio_X509(bio, c) == 1 ? BIO_get_mem_data(bio, &data) : -1;
	int r = n < 0 ? -ENOMEM : (size_t)n > sizeof(k->bytes) ? -EFBIG : 0;

	if (r == 0) {
		memcpy(k->bytes, data, (size_t)n);
		k->size = (size_t)n;
	}
	BIO_free(bio);
	return r;
}

static int describe(const struct found *f, struct key_description *k)
{
	X509 *c = f->certificate;
	bool is_ca = X509_check_ca(c) == 1;
	const char *trouble = find_trouble(f, c, is_ca);
	int r = write_pem(c, k);

	if (r < 0)
		return r == -EFBIG ? 0 : r;
	k->kind = is_ca ? KEY_X509_CA : KEY_X509_SIGNER;
	certificate_id(c, k->fingerprint);
	memcpy(k->key_id, k->fingerprint, SHA256_HEX_LEN + 1);
	certificate_subject(c, k->owner, sizeof(k->owner));
	k->created = certificate_time(X509_get0_notBefore(c));
	k->expires = certificate_time(X509_get0_notAfter(c));
	(void)snprintf(k->trouble, sizeof(k->trouble), "%s", trouble ? trouble : "");
	return 1;
}

int describe_certificate(int fd, uint64_t size, struct key_description *ret)
{
	_cleanup_free_ uint8_t *raw = NULL;
	struct found f = { 0 };
	int r = size > FILE_MAX ? 0 : read_whole_fd(fd, size, &raw);

	if (r < 0 || !raw)
		return r;
	if (certificate_read(raw, (size_t)size, &f.certificate) == 0)
		f.certificates = 1;
	else
		r = find_in_pem(raw, (size_t)size, &f);
	if (r == 0 && f.certificate)
		r = describe(&f, ret);
	X509_free(f.certificate);
	OPENSSL_cleanse(raw, (size_t)size);
	return r;
}
