/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Tags and attributes of HTML, XHTML and SVG as browsers take them (HTML Living Standard 13.2.5), in one pass. */
#ifndef LAZARET_CONTENT_HTML_H
#define LAZARET_CONTENT_HTML_H

#include "content/span.h"

struct html_tag {
	struct span name;	/* without namespace prefix: "script" of <svg:script> */
	struct span full_name;	/* with it */
	struct span attributes; /* raw, behind the name */
};

struct html_reader {
	struct span rest;
	bool is_loose; /* a tag had no end: from then on each ends at the next '<' too, and quotes hide nothing */
};

/* The next start tag; false when there is none left. Comments are skipped, those with conditions (<!--[if ...]>) are not:
 * old browsers run them. */
bool html_next(struct html_reader *h, struct html_tag *ret);

/* The next attribute of a tag; false when there is none left. */
bool html_attribute(struct span *rest, struct span *ret_name, struct span *ret_value);

/* The beginning of an attribute's value as a browser reads an address: character references replaced, blanks and control
 * characters left out, lower case. Returns its length, at most `room`. */
size_t html_address(struct span value, char *out, size_t room);

/* A file that a script of the page puts together and saves (HTML smuggling). Returns what it is (static) or NULL. */
const char *html_smuggles(struct span text, bool has_download);

#endif
