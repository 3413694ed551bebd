/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Plain signatures: Ed25519 (RFC 8032), ECDSA in DER (FIPS 186-5, RFC 3279 section 2.2.3), RSA PKCS#1 v1.5, by keys of the
 * kind KEY_RAW, by certificates of the kind KEY_X509_SIGNER, or by the key of a certificate that came along.
 *
 * ECDSA signs a digest: SHA-256, as cosign does with every key, or the one as long as the curve (SHA-384, SHA-512), as OpenSSF
 * model signing does. Nothing else is tried, so no SHA-1 or MD5 can count.
 */
#ifndef LAZARET_ORIGIN_PUBLIC_KEY_H
#define LAZARET_ORIGIN_PUBLIC_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "common/hash.h"
#include "common/macros.h"
#include "proof/keyring.h"

/* What one call of a prover may spend on trying keys, in bytes hashed: some 5 s. A public key operation counts as much as
 * hashing PLAIN_TRY_COST bytes. Some 40,000 of them are 256 keys on each of 150 signatures. */
#define PLAIN_WORK_MAX (4ull << 30)
#define PLAIN_TRY_COST (100u << 10)
#define PLAIN_ED25519_FILE_MAX (1ull << 30) /* bytes: Ed25519 signs the file itself, once for each key that is tried */

#define PLAIN_SIGNATURE_MAX 2048 /* bytes: RSA with 16,384 bits */

/* What was signed. Bytes in memory, or a file. */
struct plain_message {
	const uint8_t *data; /* NULL: the regular file behind `fd`, both borrowed */
	size_t size;
	int fd;
	uint64_t file_size;
	/* made when they are needed */
	struct plain_sum {
		bool is_there;
		uint8_t sum[64];
	} sums[3];
	void *map;
};

void plain_message_bytes(struct plain_message *m, const void *data, size_t size);
void plain_message_file(struct plain_message *m, int fd, uint64_t size);
void plain_message_done(struct plain_message *m);
/* Its SHA-256; 0 or a negative errno. `ret` is borrowed from `m`. */
_must_check_ int plain_message_sha256(struct plain_message *m, const uint8_t **ret);

/* Of one proof. */
struct plain_work {
	uint64_t now;  /* s since 1970 */
	uint64_t done; /* of PLAIN_WORK_MAX */
};

struct plain_result {
	enum signature_outcome outcome;
	const struct trusted_key *key; /* NULL: UNTRUSTED, MALFORMED */
	char key_id[ORIGIN_KEY_ID_MAX + 1];
	char why[600]; /* "" when GOOD; raw */
};

/* Take in the keys, which must live as long as the process; try ECDSA on a known answer. Before the sandbox is entered, after
 * certificates_prepare(). -EINVAL for a key of the kind KEY_RAW that is none. */
_must_check_ int public_keys_prepare(const struct keyring *keys);

/* Whose signature is this?
 *
 * hint  what the evidence says of the key; "" or NULL: nothing. It is signed by nobody: it never finds a key, but a signature
 *       that says it is by a trusted key and is not is BAD.
 * Returns 0 and GOOD, EXPIRED, WEAK, BAD, UNTRUSTED or MALFORMED; -E2BIG past PLAIN_WORK_MAX, or another negative errno. */
_must_check_ int plain_signature_judge(struct plain_work *w, struct plain_message *m, const uint8_t *sig, size_t sig_size,
				       const char *hint, struct plain_result *ret);

/* As above, where a certificate (and others beside it, NULL: none) came along: its key must have made the signature, and it
 * must lead to a trusted one. */
_must_check_ int plain_signature_judge_certificate(struct plain_work *w, struct plain_message *m, const uint8_t *sig,
						   size_t sig_size, X509 *signer, STACK_OF(X509) *others,
						   struct plain_result *ret);

/* Is the digest `sum` (SHA-256) what a trusted key signed with ECDSA or RSA? 1 with the key, or 0, or a negative errno. It
 * tells a file that was altered from one that a stranger signed. */
_must_check_ int plain_digest_is_signed(struct plain_work *w, const uint8_t sum[static SHA256_LEN], const uint8_t *sig,
					size_t sig_size, const struct trusted_key **ret_key);

#endif
