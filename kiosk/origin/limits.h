/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Limits of the origin role, each with the reason for the number. */
#ifndef LAZARET_ORIGIN_LIMITS_H
#define LAZARET_ORIGIN_LIMITS_H

#define LIST_BYTES_MAX (64u << 20) /* bytes of a list: a SHA-512 list of 300,000 files with long names */
#define LIST_LINES_MAX 1000000u	   /* lines: ten times the 100,000 files that a station is built for */
#define LIST_PATH_MAX 4095	   /* bytes of a listed path after unescaping: PATH_MAX without NUL */
#define LIST_LINE_MAX 8448	   /* bytes of a line: a path that is escaped throughout, a digest, a tag */
#define LIST_DOUBT_LINES 256u	   /* a file that promises nothing is given up after so many more bad lines than good */

#define LIST_BLOCK (1u << 16)	   /* bytes read at a time; longer than a line */
#define ENTRIES_BYTES 50000	   /* a batch is sent when it has grown to this: one more entry fits into the message */

#define KEYS_MAX 256		   /* trusted keys: their texts fill one message */

#define RAW_SIGNATURE_MAX 200	   /* bytes: an ECDSA P-256 signature in DER is 72 at most, 96 in base64, and line ends */

#define SIGNIFY_TEXT_MAX LIST_BYTES_MAX /* bytes of a signature with the message in it: what is signed so is a list */
#define SIGNIFY_WORK_MAX (4ull << 30)	/* bytes: signify signs the file itself, which is read as a whole, once for each key with
					 * the signature's number: some 8 s */

#endif
