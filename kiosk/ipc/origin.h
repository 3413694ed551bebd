/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What the roles that prove evidence (kiosk/proof) and the supervisor tell each other. */
#ifndef LAZARET_IPC_ORIGIN_H
#define LAZARET_IPC_ORIGIN_H

#include <stddef.h>

#include "common/key_kind.h"
#include "common/macros.h"
#include "sandbox/role.h"

#define ORIGIN_DIGEST_MAX 64	   /* bytes: SHA-512, BLAKE2b-512 */
#define ORIGIN_ALGORITHM_MAX 15	   /* bytes without NUL: "sha256", "blake2b", ... */
#define ORIGIN_PATH_MAX 4095	   /* bytes without NUL of a path in evidence */
#define ORIGIN_UP_MAX 64	   /* directories that evidence may look above its own */
#define ORIGIN_KEY_NAME_MAX 255	   /* bytes without NUL */
#define ORIGIN_KEY_ID_MAX 128	   /* bytes without NUL: a SHA-512 in hexadecimal */
#define ORIGIN_KEY_BYTES_MAX KEY_BYTES_MAX
#define ORIGIN_DETAIL_MAX 900	   /* bytes without NUL; longer ones are cut */
#define ORIGIN_SERIES_MAX 400	   /* bytes without NUL */

enum evidence_format {
	EVIDENCE_NONE,
#define E(name, text, role, kinds, purpose) EVIDENCE_##name,
#include "ipc/evidence.def"
#undef E
	EVIDENCE_COUNT_
};

enum evidence_kind {
	EVIDENCE_SIGNS = 1u << 0,
	EVIDENCE_COVERS = 1u << 1,
	EVIDENCE_LISTS = 1u << 2,
};

struct evidence_info {
	const char *name; /* "minisign" */
	enum role_id role;
	unsigned int kinds; /* mask of enum evidence_kind */
	enum key_purpose purpose;
};

/* Static; NULL for EVIDENCE_NONE and what is none. */
const struct evidence_info *evidence_info(unsigned int format);

enum list_outcome {
	LIST_NONE,   /* not a list, and its name does not promise one: no entries were told */
	LIST_READ,   /* the entries told are what it says (bad ones may have been skipped) */
	LIST_BROKEN, /* its name promises a list, or it was one up to a limit: what it says is not to be relied on. Entries
		      * that were told may prove a mismatch, never vouch for a file. */
	LIST_OUTCOME_COUNT_
};

enum proved_flag {
	/* What it lists is meant to be all that is beneath the directory of its entries (in-toto, model signing, BagIt):
	 * files there that it does not list are not what was signed. */
	PROVED_COMPLETE = 1u << 0,
	/* Who signed it does not say of the files that they are good, or whose they are (a scanner's report, a notice of a
	 * fault): a digest that differs is told, and one that agrees vouches for nothing. */
	PROVED_WITHOUT_VOUCHING = 1u << 1,
	/* There is nothing in it but names and digests, and, of what it bears itself, good signatures: what nobody signs, and nobody can put a
	 * word into (the index of an image, cosign's manifests). */
	PROVED_FRAME = 1u << 2,
};

enum signature_outcome {
	SIGNATURE_GOOD,	      /* by a trusted key that counts, over exactly these bytes */
	SIGNATURE_BAD,	      /* a trusted key's id, but the file or what goes with it is not what was signed */
	SIGNATURE_OTHER_FILE, /* a trusted key signed these bytes under another file name: renamed or swapped */
	SIGNATURE_UNTRUSTED,  /* well formed; by no key that is trusted */
	SIGNATURE_EXPIRED,    /* by a key that was trusted, or whose owner let it end, before now */
	SIGNATURE_REVOKED,    /* by a key that its owner has revoked */
	SIGNATURE_WEAK,	      /* by a trusted key, in a way that proves nothing any more: SHA-1, MD5, a short key */
	SIGNATURE_MALFORMED,  /* not a signature that this station can read, or more than what is signed stands beside it */
	SIGNATURE_OUTCOME_COUNT_
};

#endif
