/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "pdf/envelope.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "common/macros.h"

#define M(text) { text, sizeof(text) - 1 }

/* How what people append begins. Without regard to case, as readers of HTML do not care for it. */
static const struct magic {
	const char *bytes;
	size_t size;
} magics[] = {
	M("PK\003\004"), M("PK\005\006"), M("MZ"), M("\177ELF"), M("Rar!\032\007"), M("7z\274\257\047\034"), M("\037\213\010"),
	M("BZh"), M("\3757zXZ"), M("\050\265\057\375"), M("MSCF"), M("\320\317\021\340\241\261\032\341"), M("%PDF-"), M("#!"),
	M("<html"), M("<!doctype"), M("<script"), M("<?xml"), M("<svg"), M("<?php"), M("\377\330\377"), M("GIF8"),
	M("\211PNG\r\n"), M("CWS"), M("FWS"), M("\312\376\272\276"), M("{\\rtf"), M("!<arch>"), M("LZIP"),
};

static bool is_white(uint8_t b)
{
	/* ISO 32000-1 table 1 */
	return b == 0 || b == '\t' || b == '\n' || b == '\f' || b == '\r' || b == ' ';
}

static const uint8_t *skip_white(const uint8_t *p, const uint8_t *end)
{
	while (p < end && is_white(*p))
		p++;
	return p;
}

size_t envelope_size(const uint8_t *data, size_t size)
{
	while (size > 0 && is_white(data[size - 1]))
		size--;
	return size;
}

static const char *head_trouble(const uint8_t *data, size_t size)
{
	const uint8_t *header = memmem(data, MIN(size, ENVELOPE_HEAD_MAX + 5), "%PDF-", 5);

	if (!header)
		return "has no header (%PDF-) where readers look for it";
	if (skip_white(data, header) != header)
		return "something else stands before its header: it may be another kind of file as well";
	return NULL;
}

/* Behind the last end marker and its end of line; NULL when there is no marker. */
static const uint8_t *tail(const uint8_t *data, size_t size)
{
	static const char marker[] = "%%EOF";
	const size_t length = sizeof(marker) - 1;

	for (size_t at = size >= length ? size - length + 1 : 0; at > 0; at--)
		if (data[at - 1] == '%' && memcmp(data + at - 1, marker, length) == 0)
			return data + at - 1 + length;
	return NULL;
}

static bool begins_known(const uint8_t *p, size_t size)
{
	for (size_t i = 0; i < ARRAY_LEN(magics); i++)
		if (size >= magics[i].size && strncasecmp((const char *)p, magics[i].bytes, magics[i].size) == 0)
			return true;
	return false;
}

static const char *tail_trouble(const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size, *p = tail(data, size);

	if (!p)
		return "has no end marker (%%EOF): it is cut short";
	p = skip_white(p, end);
	end = p + envelope_size(p, (size_t)(end - p));
	if (begins_known(p, (size_t)(end - p)))
		return "another file stands behind its end";
	/* ZIP is read from its end: what comes before does not matter (APPNOTE 4.3.16) */
	if (memmem(p, (size_t)(end - p), "PK\005\006", 4))
		return "a ZIP archive ends behind its end";
	if (end - p > ENVELOPE_TAIL_MAX)
		return "more than 1024 bytes stand behind its end";
	return NULL;
}

const char *envelope_trouble(const uint8_t *data, size_t size)
{
	const char *why = head_trouble(data, size);

	return why ? why : tail_trouble(data, size);
}
