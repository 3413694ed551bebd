/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Runs in a worker, on the bytes of the file and of every member that libclamav brings out. */
#include "examine/opaque.h"

#include <string.h>

#include "common/macros.h"

const struct format *opaque_next(const uint8_t *data, size_t size, size_t *at)
{
	const struct format *f;

	do {
		f = format_next(data, size, at);
	} while (f && !f->why);
	return f;
}

const struct format *opaque_find(const uint8_t *data, size_t size)
{
	size_t at = 0;

	return opaque_next(data, size, &at);
}

/* NSIS and AutoIt scripts are opened by libclamav, but nothing tells how much of them. A RAR that libarchive would find is
 * a container besides (program.c). */
static const struct format installers[] = {
	{ .name = "RAR in an executable", .reason = REASON_CONTAINER_OPAQUE, .magic = "Rar!\x1a\x07\0", .magic_size = 7, .container = CONTAINER_RAR,
	  .why = "an archive that libclamav does not open in this build" },
	{ .name = "RAR 5 in an executable", .reason = REASON_CONTAINER_OPAQUE, .magic = "Rar!\x1a\x07\x01\0", .magic_size = 8, .container = CONTAINER_RAR,
	  .why = "an archive that libclamav does not open in this build" },
	{ .name = "Inno Setup installer", .reason = REASON_CONTAINER_OPAQUE, .magic = "Inno Setup Setup Data (", .magic_size = 23,
	  .why = "an archive that libclamav does not open" },
	{ .name = "NSIS installer", .reason = REASON_CONTAINER_OPAQUE, .magic = "\xef\xbe\xad\xdeNullsoftInst", .magic_size = 16,
	  .why = "its members cannot be accounted for" },
};

const struct format *opaque_find_installer(const uint8_t *data, size_t size)
{
	const struct format *first = NULL;

	for (size_t i = 0; i < ARRAY_LEN(installers); i++) {
		const struct format *f = &installers[i];

		if ((first && f->container != CONTAINER_NONE) || !memmem(data, size, f->magic, f->magic_size))
			continue;
		first = f;
		if (f->container == CONTAINER_NONE) /* nobody opens it: this is what counts */
			break;
	}
	return first;
}
