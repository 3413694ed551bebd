/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Prohibited: bytes before, after or between; a second block; headers but Hash (they are not signed, yet look like text); NUL.
 * librnp passes over all of these. Dashes, white space at ends of lines, and what is hashed are left to it.
 */
#include "openpgp/cleartext.h"

#include <string.h>

#include "openpgp/limits.h"

#define BEGIN_MESSAGE "-----BEGIN PGP SIGNED MESSAGE-----"
#define BEGIN_SIGNATURE "-----BEGIN PGP SIGNATURE-----"
#define END_SIGNATURE "-----END PGP SIGNATURE-----"

struct line {
	const char *at;
	size_t size; /* bytes without the LF */
};

struct lines {
	const char *at, *end;
};

static bool next_line(struct lines *l, struct line *ret)
{
	const char *lf;

	if (l->at == l->end)
		return false;
	lf = memchr(l->at, '\n', (size_t)(l->end - l->at));
	ret->at = l->at;
	ret->size = (size_t)((lf ? lf : l->end) - l->at);
	l->at = lf ? lf + 1 : l->end;
	return true;
}

static bool is_blank_from(const struct line *l, size_t from)
{
	for (size_t i = from; i < l->size; i++)
		if (l->at[i] != ' ' && l->at[i] != '\t' && l->at[i] != '\r')
			return false;
	return true;
}

static bool is_line(const struct line *l, const char *words)
{
	size_t n = strlen(words);

	return l->size >= n && memcmp(l->at, words, n) == 0 && is_blank_from(l, n);
}

static bool begins(const struct line *l, const char *words)
{
	return l->size >= strlen(words) && memcmp(l->at, words, strlen(words)) == 0;
}

/* Up to the first line of the text. */
static const char *read_head(struct lines *l)
{
	unsigned int headers = 0;
	struct line line;

	do {
		if (!next_line(l, &line))
			return "there is no signed message in it";
	} while (is_blank_from(&line, 0));
	if (!is_line(&line, BEGIN_MESSAGE))
		return "something stands before the signed message";
	for (;;) {
		if (!next_line(l, &line))
			return "the signed message is cut off";
		if (is_blank_from(&line, 0))
			return NULL;
		if (!begins(&line, "Hash:"))
			return "a header that looks like text, and is not signed";
		if (++headers > TEXT_HEADERS_MAX)
			return "more headers than make sense";
	}
}

static const char *read_text(struct lines *l, struct cleartext *ret)
{
	struct line line;

	ret->text = l->at;
	for (;;) {
		if (!next_line(l, &line))
			return "the signed message has no signature";
		if (begins(&line, "-----"))
			break;
	}
	if (!is_line(&line, BEGIN_SIGNATURE))
		return "a line of the signed message begins with dashes";
	ret->text_size = (size_t)(line.at - ret->text);
	ret->signatures = line.at;
	return NULL;
}

static const char *read_signatures(struct lines *l, struct cleartext *ret)
{
	struct line line;

	do {
		if (!next_line(l, &line))
			return "the signature is cut off";
	} while (!begins(&line, "-----"));
	if (!is_line(&line, END_SIGNATURE))
		return "something stands in the signature";
	ret->signatures_size = (size_t)(line.at - ret->signatures) + strlen(END_SIGNATURE);
	while (next_line(l, &line))
		if (!is_blank_from(&line, 0))
			return "something stands behind the signature";
	return NULL;
}

const char *cleartext_split(const char *raw, size_t size, struct cleartext *ret)
{
	struct lines l = { .at = raw, .end = raw + size };
	const char *why;

	if (memchr(raw, '\0', size))
		return "a signed text holds NUL bytes";
	why = read_head(&l);
	if (!why)
		why = read_text(&l, ret);
	return why ? why : read_signatures(&l, ret);
}

size_t cleartext_line_ends(char *text, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < size; i++)
		if (text[i] != '\r' || i + 1 == size || text[i + 1] != '\n')
			text[n++] = text[i];
	return n;
}
