/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Which container formats (ipc/container.def) are these bytes? All of them: a file can be several at once, and every
 * unpacker that would open it must have been there before. By magic numbers (formats.c), and in the three places where
 * unpackers look behind something else: a zip's end, a PDF's first KiB, a self-extracting program.
 */
#ifndef LAZARET_EXAMINE_CONTAINERS_H
#define LAZARET_EXAMINE_CONTAINERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipc/container.h"

struct containers {
	struct {
		enum container_format format;
		const char *mime; /* static */
		bool is_behind;	  /* something else stands at the start of the file */
	} list[CONTAINER_FORMATS_MAX];
	size_t count;
	bool is_too_many; /* more than fit: nothing that is owed may be void */
};

/* `data` is borrowed and may be anything. The same bytes have the same answer, as a file, a member or a layer. */
void containers_find(const uint8_t *data, size_t size, struct containers *ret);

/* Would opening the file as all of its formats bring out what `format` holds? */
bool containers_cover(const struct containers *c, enum container_format format);

/* Are they files as they are, in something that its opener walks (an image, a tar)? libclamav carves archives out of such
 * raw bytes: a member, which is opened by itself, or where no reader of the format looks. */
bool containers_keep_files(const struct containers *c);

#endif
