/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Limits of the OpenPGP role, each with the reason for the number. */
#ifndef LAZARET_OPENPGP_LIMITS_H
#define LAZARET_OPENPGP_LIMITS_H

#define SIGNATURE_FILE_MAX (256u << 10) /* bytes of a detached signature, and of the signatures beneath a text: 64 of RSA-8192
					 * with their notations, in base64 */
#define SIGNATURES_OF_ONE_MAX 64	/* signatures of one piece of evidence; the supervisor stops there as well. Debian's
					 * Release has three */
#define SIGNATURE_PACKET_MAX 8192	/* bytes: RSA-16384 takes 2,048. Signatures may be embedded in each other: how deep
					 * librnp goes into them ends here, too */
#define BLOCKS_MAX 64			/* armoured blocks of one file: one a signature */
#define TEXT_BYTES_MAX (32u << 20)	/* bytes of a signed text, which is held in memory three times: Debian's InRelease have 0.3
					 * MiB, the longest lists of checksums some MiB */
#define TEXT_HEADERS_MAX 16		/* "Hash:" lines of a signed text: there are not so many algorithms */
#define CERTIFICATES_MAX 256		/* trusted certificates */
#define CERTIFICATE_KEYS_MAX 512	/* primary key and subkeys of one: ORIGIN_KEY_BYTES_MAX holds fewer */
#define KEY_FILE_MAX (1u << 20)		/* bytes of a file that may hold a certificate: with thousands of strangers' signatures */
#define RSA_BITS_MIN 2048		/* NIST SP 800-131A */
#define FUTURE_MAX 86400		/* s that a signer's clock may be ahead: a station without a network has no exact one */

#endif
