/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Countermeasure H, and who opens what: formats that hold other content, known by their own bytes. */
#ifndef LAZARET_EXAMINE_FORMATS_H
#define LAZARET_EXAMINE_FORMATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/reason.h"
#include "ipc/container.h"

struct format {
	const char *name;   /* "zstd" */
	const char *mime;   /* NULL: the container's own, or none registered or in use */
	enum reason reason; /* CONTAINER_OPAQUE, or ENCRYPTED */
	const char *why;    /* why libclamav's "clean" is worth nothing here; NULL: libclamav opens it */
	enum container_format container; /* NONE: no role opens it */

	int64_t offset; /* of the magic number; negative: from the end */
	const char *magic;
	size_t magic_size;
	bool (*confirm)(const uint8_t *data, size_t size); /* NULL: the magic number is enough */
};

/* The formats that these bytes have, one a call, in the order of the table: `*at` is 0 before the first, NULL comes after the
 * last. `data` is borrowed and may be anything. */
const struct format *format_next(const uint8_t *data, size_t size, size_t *at);

#endif
