/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "xml/crowd.h"

#include <string.h>

#define CDATA "![CDATA["

static void enter(struct crowd *c, int state)
{
	c->state = state;
	c->last[0] = c->last[1] = c->quote = 0;
	c->values = 0;
}

static bool in_tag(struct crowd *c, char byte, size_t values_max)
{
	if (c->quote) {
		if (byte == c->quote)
			c->quote = 0;
	} else if (byte == '"' || byte == '\'') {
		c->quote = byte;
		c->values++;
	} else if (byte == '>') {
		enter(c, CROWD_TEXT);
	}
	return c->values > values_max;
}

/* A comment, CDATA, an instruction; everything else is a tag, a document type too, at which libxml2 stops. */
static bool in_open(struct crowd *c, char byte, size_t values_max)
{
	bool has_value = false;

	c->began[c->began_size++] = byte;
	if (c->began[0] == '?') {
		enter(c, CROWD_INSTRUCTION);
	} else if (c->began_size == 3 && memcmp(c->began, "!--", 3) == 0) {
		enter(c, CROWD_COMMENT);
	} else if (c->began_size == sizeof(c->began) && memcmp(c->began, CDATA, sizeof(c->began)) == 0) {
		enter(c, CROWD_CDATA);
	} else if (memcmp(c->began, CDATA, c->began_size) != 0 && !(c->began_size == 2 && memcmp(c->began, "!-", 2) == 0)) {
		enter(c, CROWD_TAG);
		for (size_t i = 0; i < c->began_size && c->state == CROWD_TAG; i++)
			has_value |= in_tag(c, c->began[i], values_max);
	}
	return has_value;
}

static void in_other(struct crowd *c, char byte)
{
	const char *end = c->state == CROWD_COMMENT ? "--" : c->state == CROWD_CDATA ? "]]" : "?";
	bool is_end = byte == '>' && c->last[1] == end[0] && (end[1] == '\0' || c->last[0] == end[1]);

	c->last[0] = c->last[1];
	c->last[1] = byte;
	if (is_end)
		enter(c, CROWD_TEXT);
}

bool crowd_has_come(struct crowd *c, const char *data, size_t size, size_t values_max)
{
	for (const char *at = data, *end = data + size; size > 0 && at < end; at++) {
		bool has_come = false;

		if (c->state == CROWD_TEXT) {
			at = memchr(at, '<', (size_t)(end - at));
			if (!at)
				return false;
			c->began_size = 0;
			c->state = CROWD_OPEN;
		} else if (c->state == CROWD_OPEN) {
			has_come = in_open(c, *at, values_max);
		} else if (c->state == CROWD_TAG) {
			has_come = in_tag(c, *at, values_max);
		} else {
			in_other(c, *at);
		}
		if (has_come)
			return true;
	}
	return false;
}
