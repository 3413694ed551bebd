/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Indexes in XML that may be compressed, as a stream of elements (xml/sax.h) and the texts that are wanted of them. Everything in it
 * is hostile.
 */
#ifndef LAZARET_RPM_XML_H
#define LAZARET_RPM_XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"
#include "rpm/limits.h"
#include "xml/sax.h"


struct xml_handler {
	/* An element begins. What stands in it, its elements' text aside, is collected for on_end when `*ret_wants_text` is set;
	 * what is collected of another element then ends. Not 0 ends the reading. */
	int (*on_start)(void *context, const struct sax_element *e, bool *ret_wants_text);
	/* It ends. `text` is NULL unless it was wanted; "..." of at most XML_TEXT_MAX bytes (more is malformed). */
	int (*on_end)(void *context, const struct sax_element *e, const char *text);
};

/* Copy an attribute that is in no namespace into `ret` (XML_TEXT_MAX + 1 bytes). false: it is not there, or too long. */
bool xml_attribute(const struct sax_element *e, const char *name, char ret[static XML_TEXT_MAX + 1]);

/* Is there an attribute of this local name, in whatever namespace? */
bool xml_has_attribute(const struct sax_element *e, const char *name);

/* Read the regular file behind `fd` (borrowed; from offset 0, position unchanged; blocks), decompressed when it is compressed,
 * of at most `size_max` bytes then.
 * Returns 0 when all of it was read and well-formed; what a handler returned; -EPROTONOSUPPORT for a compression that is not
 * read, -EBADMSG or -EFBIG, with what is wrong in `why`; or another negative errno. What the handlers were told before an error
 * may be anything. */
_must_check_ int xml_read(int fd, uint64_t size_max, const struct xml_handler *handler, void *context, char *why,
			  size_t why_size);

#endif
