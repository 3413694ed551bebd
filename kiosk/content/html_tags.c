/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "content/html.h"

#include <string.h>

static bool is_letter(uint8_t b)
{
	return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z');
}

static bool is_blank(uint8_t b)
{
	return b == ' ' || b == '\t' || b == '\n' || b == '\r' || b == '\f' || b == 0;
}

static struct span skip(struct span s, size_t n)
{
	n = MIN(n, s.size);
	return (struct span){ s.at + n, s.size - n };
}

/* 13.2.5.43 ff.: "<!-->" and "<!--->" are whole comments; "--!>" ends one too. Without an end it takes the rest. */
static struct span behind_comment(struct span s)
{
	if (span_starts(s, "[if"))
		return s;
	if (span_starts(s, ">"))
		return skip(s, 1);
	if (span_starts(s, "->"))
		return skip(s, 2);
	while (s.size > 0) {
		const uint8_t *dash = memchr(s.at, '-', s.size);

		if (!dash)
			break;
		s = span_from(s, dash);
		if (span_starts(s, "-->"))
			return skip(s, 3);
		if (span_starts(s, "--!>"))
			return skip(s, 4);
		s = skip(s, 1);
	}
	return skip(s, s.size);
}

/* To the '>' that ends the tag: not one in a quoted value. Without an end it takes all; looking for one again and again would
 * take time in the square of the size, so that the reader is loose from then on. */
static struct span tag_body(struct html_reader *h, struct span s)
{
	bool after_equals = false;
	uint8_t quote = 0;
	size_t n = 0;

	for (; n < s.size && !h->is_loose; n++) {
		uint8_t b = s.at[n];

		if (quote) {
			if (b == quote)
				quote = 0;
			continue;
		}
		if (b == '>')
			return (struct span){ s.at, n };
		if ((b == '"' || b == '\'') && after_equals)
			quote = b;
		after_equals = b == '=' || (after_equals && is_blank(b));
	}
	h->is_loose = true;
	for (n = 0; n < s.size && s.at[n] != '>' && s.at[n] != '<';)
		n++;
	return (struct span){ s.at, n };
}

static struct span without_prefix(struct span name)
{
	const uint8_t *colon = name.size > 0 ? memchr(name.at, ':', name.size) : NULL;

	return colon && colon + 1 < name.at + name.size ? span_from(name, colon + 1) : name;
}

bool html_next(struct html_reader *h, struct html_tag *ret)
{
	while (h->rest.size > 0) {
		const uint8_t *open = memchr(h->rest.at, '<', h->rest.size);
		struct span s, body;
		size_t n = 0;

		if (!open)
			break;
		s = span_from(h->rest, open + 1);
		if (span_starts(s, "!--")) {
			h->rest = behind_comment(skip(s, 3));
			continue;
		}
		h->rest = s;
		if (s.size == 0 || !is_letter(s.at[0]))
			continue;
		while (n < s.size && !is_blank(s.at[n]) && s.at[n] != '/' && s.at[n] != '>' && s.at[n] != '<')
			n++;
		body = tag_body(h, skip(s, n));
		*ret = (struct html_tag){ without_prefix((struct span){ s.at, n }), { s.at, n }, body };
		h->rest = skip(s, n + body.size);
		return true;
	}
	return false;
}

bool html_attribute(struct span *rest, struct span *ret_name, struct span *ret_value)
{
	size_t n = 0;

	while (rest->size > 0 && (is_blank(rest->at[0]) || rest->at[0] == '/'))
		*rest = skip(*rest, 1);
	if (rest->size == 0)
		return false;
	n = 1; /* 13.2.5.32: an '=' in front belongs to the name */
	while (n < rest->size && !is_blank(rest->at[n]) && rest->at[n] != '/' && rest->at[n] != '=')
		n++;
	*ret_name = (struct span){ rest->at, n };
	*rest = skip(*rest, n);
	while (rest->size > 0 && is_blank(rest->at[0]))
		*rest = skip(*rest, 1);
	*ret_value = (struct span){ rest->at, 0 };
	if (!span_starts(*rest, "="))
		return true;
	*rest = skip(*rest, 1);
	while (rest->size > 0 && is_blank(rest->at[0]))
		*rest = skip(*rest, 1);
	n = 0;
	if (rest->size > 0 && (rest->at[0] == '"' || rest->at[0] == '\'')) {
		uint8_t quote = rest->at[0];

		*rest = skip(*rest, 1);
		while (n < rest->size && rest->at[n] != quote)
			n++;
		*ret_value = (struct span){ rest->at, n };
		*rest = skip(*rest, n + 1);
		return true;
	}
	while (n < rest->size && !is_blank(rest->at[n]))
		n++;
	*ret_value = (struct span){ rest->at, n };
	*rest = skip(*rest, n);
	return true;
}

static int digit_of(uint8_t b, unsigned int base)
{
	int digit = -1;

	if (b >= '0' && b <= '9')
		digit = b - '0';
	else if (is_letter(b))
		digit = (b | 0x20) - 'a' + 10;
	return digit < (int)base ? digit : -1;
}

/* "&#106;", "&#x6A", "&colon;": 13.2.5.72; the semicolon of a number may be missing. Returns what it stands for, 0 for a
 * blank that an address ignores, or '&' when it is none. */
static uint8_t reference(struct span *s)
{
	static const struct {
		const char *name;
		uint8_t is;
	} names[] = { { "tab;", 0 }, { "newline;", 0 }, { "colon;", ':' }, { "lpar;", '(' }, { "amp;", '&' }, { "period;", '.' },
		      { "sol;", '/' }, { "comma;", ',' } };
	unsigned int base = 10;
	uint32_t value = 0;
	size_t n = 1;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (span_starts(*s, names[i].name)) {
			*s = skip(*s, strlen(names[i].name));
			return names[i].is;
		}
	if (!span_starts(*s, "#"))
		return '&';
	if (n < s->size && (s->at[n] | 0x20) == 'x')
		base = 16, n++;
	if (n >= s->size || digit_of(s->at[n], base) < 0)
		return '&';
	for (; n < s->size && digit_of(s->at[n], base) >= 0; n++)
		value = MIN(value * base + (uint32_t)digit_of(s->at[n], base), 0xffffu);
	if (n < s->size && s->at[n] == ';')
		n++;
	*s = skip(*s, n);
	return value <= ' ' ? 0 : value < 0x80 ? (uint8_t)value : '?';
}

size_t html_address(struct span s, char *out, size_t room)
{
	size_t n = 0;

	while (s.size > 0 && n < room) {
		uint8_t b = s.at[0];

		s = skip(s, 1);
		if (b == '&')
			b = reference(&s);
		if (b <= ' ')
			continue;
		out[n++] = (char)(b >= 'A' && b <= 'Z' ? b | 0x20 : b);
	}
	return n;
}
