/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Minisign signatures of files, and the keys that the officer trusts. */
#ifndef LAZARET_ORIGIN_SIGNATURE_H
#define LAZARET_ORIGIN_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"
#include "common/minisign.h"
#include "ipc/origin.h"

struct keyring; /* names, keys, ends */

struct keyring *keyring_new(void); /* NULL when out of memory */
struct keyring *keyring_free(struct keyring *k);

/* Add a key.
 *
 * text      as minisign_public_parse() takes it
 * purposes  comma separated; a key of other purposes than ORIGIN_PURPOSE is left out (that is no error)
 * until     seconds since 1970 from which on it does not count; 0: no end
 *
 * Returns 0, -EINVAL (not a key), -E2BIG (more than KEYS_MAX) or -ENOMEM. */
_must_check_ int keyring_add(struct keyring *k, const char *name, const char *text, const char *purposes,
			     uint64_t until);

/* Try libcrypto's Ed25519 on a known answer (RFC 8032 section 7.1) and on a wrong one, which also loads all that it
 * needs. Returns 0 or -ENOTSUP. To be called before the sandbox is entered. */
_must_check_ int signatures_prepare(void);

struct signature_verdict {
	enum signature_outcome outcome;
	char key_id[MINISIGN_ID_TEXT_LEN + 1];
	const char *key_name; /* borrowed from the keyring; "" when not trusted */
	char detail[ORIGIN_DETAIL_MAX + 1];
};

/* Does the signature behind `sig_fd` cover the file behind `file_fd`, called `path` (raw; its last component counts)?
 *
 * A trusted comment that names a file ("file:NAME", as minisign writes it) must name this one: a good signature cannot be
 * moved to a file that merely bears another one's content.
 * now  seconds since 1970, for the keys' ends
 *
 * Both descriptors are borrowed regular files, read from offset 0; blocks. Returns 0 and a verdict, or a negative errno:
 * then nothing is known. */
_must_check_ int signature_check(const struct keyring *k, int sig_fd, int file_fd, const char *path, uint64_t now,
				 struct signature_verdict *ret);

#endif
