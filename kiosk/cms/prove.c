/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Detached CMS signatures: FILE.p7s beside FILE.
 *
 * A bag of certificates without a signer (many a .p7b) says nothing about a file. A signature that brings its content along is
 * one over FILE when that is the same, byte by byte. The time that a signer claims (signingTime) is not looked at: he can write
 * what he likes, and so can a thief of his key. */
#include "cms/cms.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>

#include "common/evidence_name.h"
#include "proof/cms.h"

#define BLOCK (1u << 16) /* bytes of the file that are read at a time */

static const char *const suffixes[] = { ".p7s", ".p7b", ".p7c", ".p7", ".cms", ".sig" };

int read_whole_fd(int fd, uint64_t size, uint8_t **ret)
{
	_cleanup_free_ uint8_t *data = malloc((size_t)size + 1);
	size_t at = 0;

	if (!data)
		return -ENOMEM;
	while (at < size) {
		ssize_t n = pread(fd, data + at, (size_t)size - at, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += (size_t)n;
	}
	data[at] = 0;
	*ret = TAKE_PTR(data);
	return 0;
}

static const uint8_t *skip_blank(const uint8_t *at, const uint8_t *end)
{
	while (at < end && memchr(" \t\r\n", *at, 4))
		at++;
	return at;
}

/* RFC 7468 lets explanations stand around the block. They are not signed, and the file that holds a good signature counts as its
 * signer's: whatever somebody puts there would pass with it. */
static bool is_block_alone(const uint8_t *text, size_t size)
{
	static const char begin[] = "-----BEGIN ", end[] = "-----END ", dashes[] = "-----";
	const uint8_t *stop = text + size, *at = skip_blank(text, stop);

	if ((size_t)(stop - at) < strlen(begin) || memcmp(at, begin, strlen(begin)) != 0)
		return false;
	at = memmem(at, (size_t)(stop - at), end, strlen(end));
	if (at)
		at = memmem(at + strlen(end), (size_t)(stop - at) - strlen(end), dashes, strlen(dashes));
	return at && skip_blank(at + strlen(dashes), stop) == stop;
}

/* RFC 7468: the one block of PEM that `text` is, decoded. Two would let a reader choose. */
static int decode_pem(const uint8_t *text, size_t size, uint8_t **ret, size_t *ret_size, const char **ret_why)
{
	BIO *bio = BIO_new_mem_buf(text, (int)size);
	char *name = NULL, *header = NULL, *name2 = NULL, *header2 = NULL;
	unsigned char *data = NULL, *data2 = NULL;
	long n = 0, n2 = 0;
	int r = -EBADMSG;

	*ret_why = is_block_alone(text, size) ? "no CMS in PEM" : "no PEM, several blocks of it, or something that was not signed beside it";
	if (bio && is_block_alone(text, size) && PEM_read_bio(bio, &name, &header, &data, &n) == 1 &&
	    (strcmp(name, PEM_STRING_CMS) == 0 || strcmp(name, PEM_STRING_PKCS7) == 0 || strcmp(name, PEM_STRING_PKCS7_SIGNED) == 0)) {
		*ret_why = *header ? "its PEM has headers" : "several blocks of PEM";
		r = *header || PEM_read_bio(bio, &name2, &header2, &data2, &n2) == 1 ? -EBADMSG : 0;
	}
	if (r == 0) {
		*ret = malloc((size_t)n + 1);
		r = *ret ? 0 : -ENOMEM;
	}
	if (r == 0) {
		memcpy(*ret, data, (size_t)n);
		*ret_size = (size_t)n;
	}
	ERR_clear_error();
	OPENSSL_free(name), OPENSSL_free(header), OPENSSL_free(data);
	OPENSSL_free(name2), OPENSSL_free(header2), OPENSSL_free(data2);
	BIO_free(bio);
	return r;
}

static int read_cms(const struct evidence *e, struct cms *ret, const char **ret_why)
{
	_cleanup_free_ uint8_t *raw = NULL, *der = NULL;
	size_t size = (size_t)e->size;
	int r;

	if (e->size > CMS_FILE_MAX) {
		*ret_why = "longer than this station takes";
		return -EBADMSG;
	}
	r = read_whole_fd(e->fd, e->size, &raw);
	if (r < 0)
		return r;
	/* SEQUENCE, by which BER and DER of it begin; no text does */
	if (size > 0 && raw[0] != 0x30) {
		r = decode_pem(raw, size, &der, &size, ret_why);
		if (r < 0)
			return r;
	}
	return cms_read(der ? der : raw, size, ret, ret_why);
}

struct content {
	uint8_t first; /* byte; 0 in an empty file */
	bool is_other; /* than what the signature brought along */
};

/* The file through the digests, in blocks; and beside the content that the signature brought, when it did. */
static int digest_content(int fd, uint64_t size, const struct cms *c, BIO *digests, struct content *ret)
{
	_cleanup_free_ uint8_t *block = malloc(BLOCK);
	const uint8_t *own = c->content ? ASN1_STRING_get0_data(c->content) : NULL;

	if (!block)
		return -ENOMEM;
	*ret = (struct content){ .is_other = c->content && (uint64_t)ASN1_STRING_length(c->content) != size };
	for (uint64_t at = 0; at < size;) {
		ssize_t n = pread(fd, block, (size_t)MIN(size - at, (uint64_t)BLOCK), (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		if (at == 0)
			ret->first = block[0];
		if (own && !ret->is_other && memcmp(own + at, block, (size_t)n) != 0)
			ret->is_other = true;
		if (BIO_write(digests, block, (int)n) != n)
			return -EIO;
		at += (uint64_t)n;
	}
	return 0;
}

static int tell_signer(struct evidence *e, const char *signed_name, const struct cms *c, CMS_SignerInfo *signer, BIO *digests,
		       const struct content *content)
{
	struct certificate_verdict v;
	int r = cms_check_signer(c, signer, digests, CERTIFICATE_FOR_FILES, e->now, e->now, &v);

	if (r < 0)
		return r;
	/* Without signed attributes, what is signed is the file; with them, a SET that holds its digest. A signature of the second
	 * kind, shorn of its attributes, is one of the first kind over a file that consists of them: such a file is nobody's. */
	if (CMS_signed_get_attr_count(signer) < 0 && content->first == 0x31 && v.outcome != SIGNATURE_BAD)
		return evidence_signed(e, SIGNATURE_MALFORMED, 0, signed_name, NULL, "",
				       "the file may be the attributes of another signature");
	if (content->is_other)
		return evidence_signed(e, SIGNATURE_BAD, 0, signed_name, v.key, v.id,
				       "the content that the signature brings along is not the file");
	return evidence_signed(e, v.outcome, 0, signed_name, v.key, v.outcome == SIGNATURE_MALFORMED ? "" : v.id, "%s", v.why);
}

static int tell_signers(struct evidence *e, const char *signed_name, int fd, uint64_t size, const struct cms *c)
{
	const char *why = "";
	struct content content;
	BIO *digests = NULL;
	int r;

	if (OBJ_obj2nid(c->content_type) != NID_pkcs7_data)
		return evidence_signed(e, SIGNATURE_MALFORMED, 0, signed_name, NULL, "", "a signature over something else than a file");
	r = cms_digests_new(c, &digests, &why);
	if (r == -EBADMSG)
		return evidence_signed(e, SIGNATURE_MALFORMED, 0, signed_name, NULL, "", "%s", why);
	if (r == 0)
		r = digest_content(fd, size, c, digests, &content);
	for (int i = 0; r == 0 && i < sk_CMS_SignerInfo_num(c->signers); i++)
		r = tell_signer(e, signed_name, c, sk_CMS_SignerInfo_value(c->signers, i), digests, &content);
	BIO_free_all(digests);
	return r;
}

/* "" when the name is not one of a signature beside a file. */
static void name_what_is_signed(const char *name, char ret[static ORIGIN_PATH_MAX + 1])
{
	ret[0] = '\0';
	for (size_t i = 0; !*ret && i < ARRAY_LEN(suffixes); i++)
		if (evidence_has_suffix(name, suffixes[i]))
			(void)snprintf(ret, ORIGIN_PATH_MAX + 1, "%.*s", (int)(strlen(name) - strlen(suffixes[i])), name);
}

int prove_cms(struct evidence *e)
{
	_cleanup_free_ char *signed_name = malloc(ORIGIN_PATH_MAX + 1);
	_cleanup_close_ int fd = -EBADF;
	const char *why = "";
	struct cms c = { 0 };
	uint64_t size;
	int r;

	if (!signed_name)
		return -ENOMEM;
	name_what_is_signed(e->name, signed_name);
	if (!*signed_name || strcmp(signed_name, ".") == 0 || strcmp(signed_name, "..") == 0)
		return 0;
	r = evidence_want(e, 0, signed_name, &fd, &size);
	if (r <= 0) /* what would be signed is not on the medium: nothing to say */
		return r;
	r = read_cms(e, &c, &why);
	if (r == -EBADMSG)
		return evidence_signed(e, SIGNATURE_MALFORMED, 0, signed_name, NULL, "", "%s", why);
	/* Encrypted data is no signature, whatever its name; a bag of certificates vouches for nothing. */
	if (r > 0)
		r = c.signers && sk_CMS_SignerInfo_num(c.signers) > 0 ? tell_signers(e, signed_name, fd, size, &c) : 0;
	cms_done(&c);
	return r;
}
