/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Limits of the rpm role, each with the reason for the number. */
#ifndef LAZARET_RPM_LIMITS_H
#define LAZARET_RPM_LIMITS_H

/* Bytes of a package's signature header: a few signatures, digests, reserved space of 4 KiB; but also the signatures of every
 * file in it (IMA, fs-verity), some 500 bytes each, of 10,000 files. */
#define SIGNATURE_HEADER_MAX (8u << 20)
/* Bytes of a package's header: 300 per file; the largest known packages have 100,000 files. librpm needs it three times. */
#define HEADER_MAX (48u << 20)
#define SIGNATURE_BYTES_MAX 65536u /* bytes of one signature tag: an RSA-4096 signature has 600 */
#define PACKAGE_SIGNATURES_MAX 16u /* of one package, in all places together: a vendor's, his customer's, old and new forms */

#define REPOMD_BYTES_MAX (4u << 20) /* bytes: real ones have 3 to 10 KiB */
/* Bytes of a decompressed package list: that of all of Fedora (70,000 packages) has 250 MiB. What libxml2 parses in half a
 * minute. */
#define PRIMARY_BYTES_MAX (2ull << 30)
#define XML_DEPTH_MAX 32	    /* elements within one another: package lists have 6 */
#define XML_TEXT_MAX 4096	    /* bytes of what is read from one element: a digest, a path */

#endif
