/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* HTML smuggling (MITRE ATT&CK T1027.006): a page carries a file as text, and its script saves it behind every filter. */
#include <string.h>

#include "content/html.h"

#define RUN_MIN 256	     /* characters of base64 that may be a program: with one of the beginnings below */
#define RUN_LARGE (16u << 10) /* of base64 that may be anything, encrypted too; icons and fonts stand behind "data:" */
#define NUMBERS_LARGE 4096   /* numbers in one list */

static bool is_base64(uint8_t b)
{
	return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') || b == '+' || b == '/';
}

/* How files that start something begin, in base64 (RFC 4648 section 4). */
static bool begins_as_program(struct span run)
{
	static const char *const beginnings[] = {
		"TVqQAA", "TVpQAA", "TVoAAA", "TVqAAA", /* MZ */
		"UEsDB", "UmFyIR", "N3q8ry", "TVNDRg",	/* zip, rar, 7z, cab */
		"0M8R4K", "f0VMRg", "TAAAAAEUAg", "JVBERi0", "e1xydG", /* OLE2, ELF, lnk, PDF, RTF */
	};

	for (size_t i = 0; i < ARRAY_LEN(beginnings); i++)
		if (run.size >= strlen(beginnings[i]) && memcmp(run.at, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	return false;
}

/* data:image/png;base64, and fonts: parts of the page itself */
static bool is_picture(struct span text, const uint8_t *run)
{
	static const char mark[] = "base64,";
	size_t before = (size_t)(run - text.at), span = MIN(before, (size_t)80);
	struct span head = { run - span, span };

	return span_ends(head, mark) && (span_find(head, "data:image/") || span_find(head, "data:font/") ||
					 span_find(head, "data:application/font") || span_find(head, "data:application/x-font") ||
					 span_find(head, "data:application/vnd.ms-fontobject") || span_find(head, "data:audio/"));
}

static bool has_carried_file(struct span text)
{
	size_t i = 0;

	while (i < text.size) {
		struct span run = { text.at + i, 0 };

		while (i < text.size && is_base64(text.at[i]))
			i++;
		run.size = (size_t)(text.at + i - run.at);
		if (run.size >= RUN_MIN && !is_picture(text, run.at) && (begins_as_program(run) || run.size >= RUN_LARGE))
			return true;
		if (run.size == 0)
			i++;
	}
	return false;
}

/* [77, 90, 144, ...] */
static bool has_number_list(struct span text)
{
	size_t numbers = 0;
	bool in_number = false;

	for (size_t i = 0; i < text.size; i++) {
		uint8_t b = text.at[i];

		if (b >= '0' && b <= '9') {
			numbers += !in_number;
			in_number = true;
			if (numbers >= NUMBERS_LARGE)
				return true;
			continue;
		}
		in_number = in_number && (b == 'x' || b == 'X' || ((b | 0x20) >= 'a' && (b | 0x20) <= 'f'));
		if (b != ',' && b > ' ' && !in_number)
			numbers = 0;
	}
	return false;
}

const char *html_smuggles(struct span text, bool has_download)
{
	bool saves = span_find(text, "mssaveblob") || span_find(text, "mssaveoropenblob");

	if (!saves && !span_find(text, "createobjecturl") && !span_find(text, "data:application/octet-stream"))
		return NULL;
	if (!saves && !has_download && !span_find(text, ".download") && !span_find(text, "'download'") &&
	    !span_find(text, "\"download\""))
		return NULL;
	if (has_carried_file(text))
		return "a file hidden in the page, which its script saves (HTML smuggling)";
	if (span_find(text, "uint8array") && has_number_list(text))
		return "a file hidden in the page as numbers, which its script saves (HTML smuggling)";
	return NULL;
}
