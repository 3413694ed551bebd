/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Digests by name, for the algorithms that checksum lists use. */
#ifndef LAZARET_PROOF_DIGEST_H
#define LAZARET_PROOF_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "common/digest_name.h"
#include "common/macros.h"
#include "ipc/origin.h"

/* By the tag of BSD's and OpenSSL's form: "SHA256", "SHA2-256", "BLAKE2b"; not NUL-terminated. */
const struct digest *digest_by_tag(const char *tag, size_t size);

/* Load every algorithm from libcrypto and try it on a known answer: afterwards no file needs to be opened.
 * Returns 0 or -ENOTSUP. To be called before the sandbox is entered. */
_must_check_ int digests_prepare(void);

/* Digest of the regular file behind `fd` (borrowed; from offset 0 to its end, position unchanged; blocks). */
_must_check_ int digest_fd(const struct digest *d, int fd, uint8_t ret[static ORIGIN_DIGEST_MAX]);
/* Likewise, of what stands from offset `from` to the end of the file. */
_must_check_ int digest_fd_from(const struct digest *d, int fd, uint64_t from, uint8_t ret[static ORIGIN_DIGEST_MAX]);

#endif
