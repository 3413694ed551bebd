/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Which files of the site's database directory may reach libclamav, and a private copy of exactly those bytes.
 * Runs in the examiners' parent, before the sandbox: the directory is trusted to be the site's, not its content.
 */
#ifndef LAZARET_EXAMINE_DATABASE_H
#define LAZARET_EXAMINE_DATABASE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/hash.h"
#include "common/macros.h"

#define WHY_MAX 512 /* bytes of a message for people: what is wrong, where, what to do */

struct database_file {
	char *name;	/* owned: one component */
	char *sha256;	/* owned: 64 hex digits, or "" for a signed .cvd */
};

/* Is this a file that may be loaded, by its name and pin alone?
 *
 * Admitted: *.cvd (signed; checked by cl_cvdverify), and with a pinned SHA-256 those plain formats that can only
 * add detections: .hdb .hsb .mdb .msb .ndb .ldb .cdb. Refused: what can take detections away (.ign .ign2 .fp .sfp
 * .cfg .ftm .wdb .cat .crb .pwdb), what is unsigned although it looks signed (.cld .cud), bytecode (.cbc), and YARA
 * (.yar .yara: libclamav 1.4 drops rules that it does not understand and reports success, and crashes on some).
 * Returns 0, or -EPERM or -EINVAL and the sentence. */
_must_check_ int database_admit(const struct database_file *f, char ret_why[static WHY_MAX]);

bool database_is_signed(const struct database_file *f); /* a .cvd */

/* Copy it from `dir_fd` into `private_fd` under the same name, 0400, hashing on the way. Symbolic links and
 * anything but regular files are refused; empty ones too. Returns 0 or a negative errno and the sentence; then
 * nothing of the name remains. `ret_sum`: of what was copied. */
_must_check_ int database_copy(int dir_fd, int private_fd, const struct database_file *f,
			       uint8_t ret_sum[static SHA256_LEN], char ret_why[static WHY_MAX]);

#endif
