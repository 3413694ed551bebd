/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* X.509 certificates that signed something: does one lead to a certificate which the officer trusts (RFC 5280 section 6)?
 *
 * All certificates that evidence brings are hostile; the only anchors are keys of the kinds KEY_X509_CA and KEY_X509_SIGNER.
 * Nothing is ever fetched: neither missing issuers nor revocation lists.
 */
#ifndef LAZARET_PROOF_CERTIFICATE_H
#define LAZARET_PROOF_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "common/hash.h"
#include "common/macros.h"
#include "proof/keyring.h"

#define CERTIFICATE_ANCHORS_MAX 256   /* trusted certificates: what the trust store can hold at all */
#define CERTIFICATE_BYTES_MAX 65536   /* bytes of one in DER: real ones have 1,000 to 3,000 */
#define CERTIFICATE_CHAIN_MAX 8	      /* certificates from signer to anchor: public hierarchies have 3 or 4 */
#define CERTIFICATE_OTHERS_MAX 64     /* certificates that come with evidence: a few signers, a chain each */
#define CERTIFICATE_CRLS_MAX 16	      /* revocation lists that come with evidence */
#define CERTIFICATE_RSA_BITS_MAX 16384 /* more costs seconds per signature (libcrypto refuses it, too) */
#define CERTIFICATE_STRENGTH_MIN 112  /* bits of security (NIST SP 800-57): RSA 2048, P-224; excludes SHA-1 and MD5 */

/* What the signer's certificate must allow. An extended key usage in an issuer limits those beneath it, too. */
enum certificate_use {
	/* No extended key usage at all, or one of codeSigning, emailProtection, documentSigning (RFC 9336), any. */
	CERTIFICATE_FOR_FILES,
	/* codeSigning, explicitly. */
	CERTIFICATE_FOR_CODE,
	/* timeStamping, critical, and nothing else (RFC 3161 section 2.3). */
	CERTIFICATE_FOR_TIME,
};

struct certificate_verdict {
	/* GOOD       a trusted certificate, or leads to one, and counts
	 * UNTRUSTED  leads to none; or may not be used for this
	 * EXPIRED    leads to one, but it or one on the way is not valid at that time, or the officer's trust has ended
	 * REVOKED    leads to one, and is on a list of revoked certificates signed by its issuer on that way
	 * WEAK       leads to one by a key or a digest that proves nothing: RSA below 2048 bits, SHA-1, MD5
	 * MALFORMED  a key that this station does not take: explicit curve parameters, of no known kind, far too long
	 * Never BAD or OTHER_FILE: what it signed is not looked at here. */
	enum signature_outcome outcome;
	const struct trusted_key *key; /* of the keyring; NULL when UNTRUSTED or MALFORMED */
	bool is_led;		       /* UNTRUSTED: it does lead to a trusted one, but may not be used for this */
	char id[SHA256_HEX_LEN + 1];   /* of the signer's certificate: SHA-256 of its DER */
	char why[512];		       /* "" when GOOD; raw: it may quote names of certificates */
};

/* Take in the keys of both kinds, which must live as long as the process; try chains on a known answer, which loads what
 * libcrypto needs: afterwards no file needs to be opened. Before the sandbox is entered, once.
 * Returns 0; -EBADMSG when a trusted key is no certificate, -E2BIG for too many, -ENOTSUP, -ENOMEM. */
_must_check_ int certificates_prepare(const struct keyring *keys);

/* Is `signer` to be believed?
 *
 * others  certificates that came with it, in any order; may be NULL. More than CERTIFICATE_OTHERS_MAX gives -E2BIG.
 * crls    revocation lists that came with it; may be NULL. More than CERTIFICATE_CRLS_MAX gives -E2BIG. They can only
 *         take trust away, whatever their age: that there is none proves nothing.
 * at      s since 1970: when every certificate on the way must be valid. That is `now`, unless a trusted time stamp (not a
 *         signing time, which the signer may write as he likes) says when the signature was already there.
 * now     s since 1970: for the officer's end of a key
 *
 * With several anchors the best verdict is told, but a revocation prevails over all. The caller owns all arguments.
 * Returns 0 and the verdict, or -E2BIG, -ENOMEM. Blocks for some public key operations. */
_must_check_ int certificate_judge(X509 *signer, STACK_OF(X509) *others, STACK_OF(X509_CRL) *crls, enum certificate_use use,
				   uint64_t at, uint64_t now, struct certificate_verdict *ret);

/* One certificate from exactly `size` bytes of DER. -EBADMSG when it is none, or bytes follow, or it is longer than
 * CERTIFICATE_BYTES_MAX. The caller frees it (X509_free). */
_must_check_ int certificate_read(const void *der, size_t size, X509 **ret);

/* Trusted certificates of the kind KEY_X509_SIGNER, for formats that may leave the signer's out; borrowed, `i` from 0 on,
 * NULL behind the last. */
X509 *certificate_pinned(size_t i);

/* Static sentence when the key of `c` is not one that this station takes (MALFORMED above), else NULL. */
const char *certificate_key_trouble(X509 *c);
/* Bits of security of the key of `c`; 0 when there is none. */
int certificate_key_strength(X509 *c);

/* Static sentence when `c` must not be used for this; NULL when it may. `is_signer`: it signed something that is no
 * certificate; else it is an issuer on the way. */
const char *certificate_usage_trouble(X509 *c, enum certificate_use use, bool is_signer);

void certificate_id(X509 *c, char ret[static SHA256_HEX_LEN + 1]);
/* Subject in the form of RFC 2253 in UTF-8, cut to what fits; raw. */
void certificate_subject(X509 *c, char *ret, size_t room);
/* s since 1970; 0 when before that or not readable. */
uint64_t certificate_time(const ASN1_TIME *t);

#endif
