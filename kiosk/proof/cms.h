/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* CMS SignedData (RFC 5652): detached signatures of files, and time stamps (RFC 3161), which are CMS with a content of their
 * own. libcrypto parses and verifies; limits, and what is left to its caller, are here.
 */
#ifndef LAZARET_PROOF_CMS_H
#define LAZARET_PROOF_CMS_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/bio.h>
#include <openssl/cms.h>

#include "common/macros.h"
#include "proof/certificate.h"

#define CMS_BYTES_MAX (1u << 20) /* bytes of one in DER: 64 certificates and 16 lists of revoked ones are half of it */
#define CMS_SIGNERS_MAX 16	 /* signers of one file: real ones have one to three; each costs chains and signatures */
#define CMS_DIGESTS_MAX 4	 /* different digest algorithms: each costs a pass over the file's bytes */

struct cms {
	CMS_ContentInfo *info;
	STACK_OF(CMS_SignerInfo) *signers; /* borrowed from `info` */
	STACK_OF(X509) *others;
	STACK_OF(X509_CRL) *crls;
	const ASN1_OBJECT *content_type;      /* borrowed */
	const ASN1_OCTET_STRING *content;     /* borrowed; NULL: detached */
};

/* Parse exactly `size` bytes (BER or DER). Returns 1 and what is to be given to cms_done(); 0 when it is CMS, but not signed
 * data (encrypted, say); -EBADMSG and a static sentence when it is none, or past a limit, or bytes follow it. */
_must_check_ int cms_read(const void *der, size_t size, struct cms *ret, const char **ret_why);
void cms_done(struct cms *c);

/* A chain of filters with a digest for each algorithm that the signers use: what is written to it is digested and goes nowhere.
 * The caller frees it (BIO_free_all). -EBADMSG with a static sentence for an algorithm that this station does not take, or too
 * many; -ENOMEM. */
_must_check_ int cms_digests_new(const struct cms *c, BIO **ret, const char **ret_why);

/* Has this signer signed what was written to `digests`, and is his certificate to be believed?
 *
 * As certificate_judge(), besides: BAD, whoever the signer is, when the digest of the content or the signature is another (then
 * `key` may be NULL); WEAK also when he signed by SHA-1 or MD5; MALFORMED when signed attributes are missing that must be
 * there, or are of another type than the content; UNTRUSTED when his certificate is neither here nor pinned.
 * Returns 0, -E2BIG or -ENOMEM. */
_must_check_ int cms_check_signer(const struct cms *c, CMS_SignerInfo *signer, BIO *digests, enum certificate_use use,
				  uint64_t at, uint64_t now, struct certificate_verdict *ret);

/* Is a digest of this NID_* taken at all; and does it prove anything still? */
bool cms_digest_known(int nid);
bool cms_digest_weak(int nid);

#endif
