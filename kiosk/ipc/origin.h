/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What the origin role answers. */
#ifndef LAZARET_IPC_ORIGIN_H
#define LAZARET_IPC_ORIGIN_H

/* A key counts for signatures on media when its purposes are empty or name this one. */
#define ORIGIN_PURPOSE "files"

#define ORIGIN_DIGEST_MAX 64	   /* bytes: SHA-512, BLAKE2b-512 */
#define ORIGIN_ALGORITHM_MAX 15	   /* bytes without NUL: "sha256", "blake2b", ... */
#define ORIGIN_KEY_NAME_MAX 255	   /* bytes without NUL */
#define ORIGIN_DETAIL_MAX 900	   /* bytes without NUL; longer trusted comments are cut */

enum list_outcome {
	LIST_NONE,   /* not a checksum list, and its name does not promise one: no entries were told */
	LIST_READ,   /* a checksum list; the entries told are what it says (bad lines may have been skipped) */
	LIST_BROKEN, /* its name promises a list, or it was one up to a limit: what it says is not to be relied on. Entries
		      * that were told may prove a mismatch, never vouch for a file. */
	LIST_OUTCOME_COUNT_
};

enum signature_outcome {
	SIGNATURE_GOOD,	      /* by a trusted key that has not expired, over exactly these bytes */
	SIGNATURE_BAD,	      /* a trusted key's id, but the file or the trusted comment is not what was signed */
	SIGNATURE_OTHER_FILE, /* a trusted key signed these bytes under another file name: renamed or swapped */
	SIGNATURE_UNTRUSTED,  /* well formed; by no key that counts (unknown, expired, trusted for something else) */
	SIGNATURE_MALFORMED,  /* not a signature that this station can read */
	SIGNATURE_OUTCOME_COUNT_
};

#endif
