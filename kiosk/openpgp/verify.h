/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Verifying the signatures of a bundle by the trusted certificates. */
#ifndef LAZARET_OPENPGP_VERIFY_H
#define LAZARET_OPENPGP_VERIFY_H

#include "openpgp/cleartext.h"
#include "openpgp/packets.h"
#include "openpgp/ring.h"
#include "proof/proof.h"

struct verdict {
	size_t signature; /* index in the bundle */
	const struct certificate *by;
	enum signature_outcome outcome;
	char detail[300];
};

struct work {
	uint64_t now; /* s since 1970 */
	struct bundle bundle;

	/* What was signed: a file, or a text (then `text` is set, and librnp's idea of it goes to `out`). */
	int fd; /* borrowed; read with pread(2) */
	uint64_t from, to; /* offsets of what was signed in it; `to` 0: up to its end */
	const struct cleartext *text;
	char *out;	  /* owned */
	size_t out_size, out_max;
	bool has_out;	  /* the whole of it was handed out */

	struct verdict verdicts[SIGNATURES_OF_ONE_MAX]; /* of signatures that name a trusted certificate */
	size_t count;
};

void work_done(struct work **w); /* frees it */
#define _cleanup_work_ _cleanup_(work_done)

/* Verify what can be. Reads the file once, or as often as trusted certificates share key ids; not at all when no signature
 * names a trusted key (a text is always gone through: librnp takes it out of its frame). Returns 0; -EIO when the file cannot
 * be read, -E2BIG for more verdicts than fit, -ENOMEM, -ENOTSUP. */
_must_check_ int verify(struct work *w);

/* Tell the supervisor of each signature, in their order: those that name no trusted certificate, too. `path` as for
 * evidence_signed(). -E2BIG for more than SIGNATURES_OF_ONE_MAX. */
_must_check_ int tell_signatures(struct evidence *e, const char *path, const struct work *w);

#endif
