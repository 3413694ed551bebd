/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Hostile XML as a stream of elements (libxml2's SAX2 interface): no tree, no document type, hence no entities to expand and
 * nothing to fetch; nothing opens a file. Time grows with the size of what is read. For the roles that read XML, in their sandbox.
 */
#ifndef LAZARET_XML_SAX_H
#define LAZARET_XML_SAX_H

#include <stdbool.h>
#include <stddef.h>

#include "common/macros.h"

/* Of one element, and of the namespaces that are declared around it. What programs write has below a hundred. */
#define SAX_ATTRIBUTES_MAX 1000
#define SAX_DEPTH_MAX 1000

struct sax; /* one document */

struct sax_element {
	unsigned int depth;	/* 0: the root */
	const char *name;	/* without prefix */
	const char *namespace;	/* URI; "" */
	const void *attributes; /* for sax_attribute(); NULL at its end */
};

/* Not 0 ends the reading and is returned. on_end and on_text may be NULL; text comes in pieces. */
struct sax_events {
	int (*on_start)(void *context, const struct sax_element *e);
	int (*on_end)(void *context, const struct sax_element *e);
	int (*on_text)(void *context, const char *text, size_t size);
};

struct sax_options {
	unsigned int depth_max; /* elements within one another, at most SAX_DEPTH_MAX */
	bool is_huge; /* one text or attribute may pass ten million bytes: embedded pictures do. What is read is in memory then */
};

/* The value of the attribute of this local name; valid during the event. `is_plain`: one that is in no namespace; else whatever
 * its prefix. false: there is none. */
bool sax_attribute(const struct sax_element *e, const char *name, bool is_plain, const char **ret, size_t *ret_size);

/* Load what libxml2 would load later. To be called before the sandbox is entered. 0 or -ENOTSUP. */
_must_check_ int sax_prepare(void);

/* `events` is borrowed. NULL: out of memory. */
struct sax *sax_new(const struct sax_options *options, const struct sax_events *events, void *context);
struct sax *sax_free(struct sax *s);
void sax_freep(struct sax **s);

/* The next bytes, UTF-8; `size` 0: it ends here. libxml2 looks for the end of what has begun (a comment, a tag) from its beginning
 * with each call: where that may be long, pieces have to grow. Returns 0, what an event returned, -ENOMEM, or -EBADMSG
 * (not well-formed, a document type, too many attributes) or -EFBIG (too deep), with the words in sax_why(). After an error
 * nothing more is taken. */
_must_check_ int sax_feed(struct sax *s, const char *data, size_t size);
const char *sax_why(const struct sax *s); /* static; "" */
int sax_line(const struct sax *s);	  /* that it had come to */

#endif
