/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Elements that libxml2 must not see. Before 2.12 it compares each attribute of an element with each other, and reads an element
 * to its end before anybody is asked: 700 KB of attributes take two seconds, seven megabytes three minutes. */
#ifndef LAZARET_XML_CROWD_H
#define LAZARET_XML_CROWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where in the text it is; zeros at the beginning. */
struct crowd {
	enum {
		CROWD_TEXT,
		CROWD_OPEN, /* behind a '<' */
		CROWD_TAG,
		CROWD_COMMENT,
		CROWD_CDATA,
		CROWD_INSTRUCTION,
	} state;
	char began[8]; /* behind a '<', as far as it tells what begins */
	size_t began_size;
	char last[2]; /* bytes before this one */
	char quote;   /* of the value that is open; 0 */
	size_t values; /* of the tag */
};

/* Looks at each byte once. Has a tag with more than `values_max` quoted values come? What is not well-formed may look otherwise
 * from here, behind the place where libxml2 stops. */
bool crowd_has_come(struct crowd *c, const char *data, size_t size, size_t values_max);

#endif
