/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* One RPM package taken apart: lead, signature header, header, payload (RPM's format description, docs/manual/format.md; the
 * headers are parsed by librpm, from memory, without a configuration, a database or an open file).
 *
 * What counts as signed is the header's immutable region, and that has to be all of the header: librpm is asked for the
 * region and it is compared with the bytes of the file. Lead and signature header are covered by nothing, ever: no installer
 * takes anything from them but what helps to verify.
 */
#ifndef LAZARET_RPM_PACKAGE_H
#define LAZARET_RPM_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rpm/header.h>

#include "common/macros.h"
#include "ipc/origin.h"
#include "proof/digest.h"

struct package {
	Header signatures, header; /* owned */
	uint8_t *header_bytes;	   /* owned: what header signatures are made over, magic number and all */
	size_t header_size;
	uint64_t header_at, payload_at; /* offsets in the file */
	char name[400];			/* name-version-release.architecture: raw, and maybe unsigned; cut */
};

/* Let librpm speak to nobody. To be called before the sandbox is entered. */
void package_prepare(void);

/* Take the regular file behind `fd` (borrowed; read with pread(2)) apart.
 * Returns 1 and a package, released with package_done(); 0 when it is no RPM package, or none that could be read, with
 * `*ret_why`, static: "" when nothing about it is like an RPM package; or a negative errno. */
_must_check_ int package_open(int fd, uint64_t size, struct package *ret, const char **ret_why);
void package_done(struct package *p);

/* Which digest of the payload does the header have? (Tags PAYLOADDIGEST and PAYLOADDIGESTALGO: RPM 4.14 and later.) The
 * payload is what follows the header up to the end of the file, compressed as it is.
 * 1: `*ret_digest` and `ret_sum`; 0: none, or one that cannot be read. */
_must_check_ int package_payload_digest(const struct package *p, const struct digest **ret_digest,
					uint8_t ret_sum[static ORIGIN_DIGEST_MAX]);

#endif
