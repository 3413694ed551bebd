/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The frame of a cleartext signed message: RFC 9580 section 7. */
#ifndef LAZARET_OPENPGP_CLEARTEXT_H
#define LAZARET_OPENPGP_CLEARTEXT_H

#include <stddef.h>

#include "common/macros.h"

struct cleartext {
	const char *text; /* borrowed from the message: dash-escaped lines */
	size_t text_size;
	const char *signatures; /* the armoured block, borrowed */
	size_t signatures_size;
};

/* Find the parts of the message `raw`. Returns NULL, or why it is malformed (static): there must be one block, and nothing but
 * white space outside of it, so that nobody reads as signed what is not. */
_must_check_ const char *cleartext_split(const char *raw, size_t size, struct cleartext *ret);

/* CR LF becomes LF, in place: a signature does not tell one from the other, so nobody who reads the text shall. Returns the
 * new size. */
size_t cleartext_line_ends(char *text, size_t size);

#endif
