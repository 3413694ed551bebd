/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Countermeasure H: formats that hold other content and that libclamav does not open, known by their own bytes. */
#ifndef LAZARET_EXAMINE_OPAQUE_H
#define LAZARET_EXAMINE_OPAQUE_H

#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"
#include "common/reason.h"

struct opaque_format {
	const char *name;   /* "zstd" */
	const char *mime;   /* NULL: none registered or in use */
	enum reason reason; /* CONTAINER_OPAQUE, or ENCRYPTED */
	const char *why;    /* why libclamav's "clean" is worth nothing here */
};

/* Which opaque format do these bytes have? NULL when none. `data` is borrowed and may be anything. */
const struct opaque_format *opaque_find(const uint8_t *data, size_t size);

/* Formats that hide at any place of an executable (self-extracting installers). NULL when none. */
const struct opaque_format *opaque_find_installer(const uint8_t *data, size_t size);

#endif
