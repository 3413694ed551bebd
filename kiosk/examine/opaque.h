/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What libclamav answers "clean" for without having opened it: rows of formats.c, and installers. */
#ifndef LAZARET_EXAMINE_OPAQUE_H
#define LAZARET_EXAMINE_OPAQUE_H

#include "examine/formats.h"

/* As format_next(), without the formats that libclamav opens. */
const struct format *opaque_next(const uint8_t *data, size_t size, size_t *at);

/* The first of them; NULL when there is none. */
const struct format *opaque_find(const uint8_t *data, size_t size);

/* Formats that hide at any place of an executable (self-extracting installers). NULL when none. */
const struct format *opaque_find_installer(const uint8_t *data, size_t size);

#endif
