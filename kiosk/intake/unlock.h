/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Encrypted volumes: a confined child (ROLE_UNLOCK) reads the header with libcryptsetup and, given the passphrase, tells how
 * the volume is mapped. It lives as long as passphrases are tried. */
#ifndef LAZARET_INTAKE_UNLOCK_H
#define LAZARET_INTAKE_UNLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"
#include "intake/child.h"
#include "intake/loop.h"
#include "intake/table.h"

#define UNLOCK_FORMAT_MAX 15
#define UNLOCK_PASSPHRASE_MAX 512 /* bytes; cryptsetup(8) takes as many from a terminal */

/* libblkid's name of what only passphrase and luck can tell from noise. */
#define UNLOCK_FS_NOISE "noise"

struct unlock {
	struct child child;
	int loop_fd; /* owned: exactly the volume, read-only */
	char device[16]; /* "7:3": the same */
	uint64_t sectors;
	char format[UNLOCK_FORMAT_MAX + 1]; /* LUKS1, LUKS2, BITLK, TCRYPT, FVAULT2 */
};

#define UNLOCK_NONE ((struct unlock){ .child = CHILD_NONE, .loop_fd = -EBADF })

/* Is this (libblkid's name) something that unlock_start() can be asked about? */
_must_check_ bool unlock_knows(const char *fs);

/* Start the child on bytes [offset, offset + size) of `source_fd` (borrowed) and wait until it has read the header, at most
 * UNLOCK_TIME_MS. Returns 0; or a negative errno with a sentence in `words`: what is wrong with the header, what no
 * passphrase would help against (its key derivation wants more memory than there is). */
_must_check_ int unlock_start(const char *fs, int source_fd, uint64_t offset, uint64_t size, struct unlock *ret, char *words,
			      size_t words_size);

/* Try one passphrase (borrowed; the caller wipes it). Blocks for as long as the medium wants it to take, at most
 * UNLOCK_TIME_MS. Returns 0 with a checked table of `*ret_sectors` (the caller wipes it); -EPERM when the passphrase is
 * wrong; another negative errno with a sentence when further tries are useless. */
_must_check_ int unlock_try(struct unlock *u, const void *passphrase, size_t size, struct table *ret, uint64_t *ret_sectors,
			    char *words, size_t words_size);

/* End the child, let the loop device go (a mapping keeps it). UNLOCK_NONE is fine. */
void unlock_end(struct unlock *u);

/* The child's work, without the sandbox, on a device or file at `path`: for its tests. */
_must_check_ int unlock_serve(const char *fs, const char *path, int sock);

#endif
