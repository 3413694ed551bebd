/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* One line of a checksum list. The name in it decides which file is compared, so that it is taken apart strictly: what
 * `sha256sum -c` would resolve to another file, this must not resolve to a harmless one.
 */
#include "origin/list.h"

#include <string.h>

#include "common/list_name.h"
#include "proof/path.h"

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static size_t hex_run(const char *p, size_t size)
{
	size_t n = 0;

	while (n < size && is_hex(p[n]))
		n++;
	return n;
}

static uint8_t hex_value(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

/* `hex` has been accepted by hex_run(). */
static const char *take_sum(const char *hex, size_t hex_size, const struct digest *d, struct list_entry *e)
{
	if (!d || d->size * 2 != hex_size)
		return "the digest has not the length that its algorithm has";
	for (size_t i = 0; i < d->size; i++)
		e->sum[i] = (uint8_t)(hex_value(hex[2 * i]) << 4 | hex_value(hex[2 * i + 1]));
	e->digest = d;
	return NULL;
}

/* Undo coreutils' escapes; without them copy. */
static const char *unescape(const char *raw, size_t size, bool is_escaped, char out[static LIST_PATH_MAX + 1],
			    size_t *ret_size)
{
	size_t n = 0;

	for (size_t i = 0; i < size; i++) {
		char c = raw[i];

		if (c == '\0')
			return "a NUL byte";
		if (is_escaped && c == '\\') {
			static const char from[] = "\\nr", to[] = "\\\n\r";
			const char *at = ++i < size && raw[i] ? strchr(from, raw[i]) : NULL;

			if (!at)
				return "an unknown escape sequence in the name";
			c = to[at - from];
		}
		if (n == LIST_PATH_MAX)
			return "a name that is too long";
		out[n++] = c;
	}
	*ret_size = n;
	return NULL;
}

static const char *take_path(const char *raw, size_t size, bool is_escaped, struct list_entry *e)
{
	const char *why = unescape(raw, size, is_escaped, e->path, &e->path_size);

	return why ? why : listed_path_normalise(e->path, &e->path_size);
}

/* A digest without a name: the list's own name tells the file. */
static const char *take_target(const char *list_name, struct list_entry *e)
{
	size_t size = list_name_target(list_name);

	return size == 0 ? "a digest without a name" : take_path(list_name, size, false, e);
}

/* GNU: digest, space, space or '*', name. One space alone is what `md5 -r` of the BSDs prints. */
static const char *parse_plain(const char *p, size_t size, bool is_escaped, const char *list_name,
			       struct list_entry *e)
{
	const char *algorithm = list_name_algorithm(list_name);
	size_t hex = hex_run(p, size), name = hex, end = size;
	const struct digest *d = algorithm ? digest_by_name(algorithm) : digest_by_hex_size(hex);
	const char *why;

	if (!digest_by_hex_size(hex))
		return "not a line of a checksum list";
	why = take_sum(p, hex, d, e);
	if (why)
		return why;
	while (end > hex && (p[end - 1] == ' ' || p[end - 1] == '\t'))
		end--;
	if (end == hex)
		return take_target(list_name, e);
	if (p[name] != ' ' && p[name] != '\t')
		return "not a line of a checksum list";
	name++;
	if (p[name] == ' ' || p[name] == '*')
		name++;
	if (name == size)
		return "an empty name";
	if (size - name == 1 && p[name] == '-') /* made from standard input */
		return take_target(list_name, e);
	return take_path(p + name, size - name, is_escaped, e);
}

/* The last ')' followed by '=' and a digest alone; names may hold parentheses. */
static size_t find_close(const char *p, size_t size)
{
	for (size_t i = size; i > 0; i--)
		if (p[i - 1] == ')')
			return i - 1;
	return 0;
}

/* BSD: "SHA256 (name) = digest"; OpenSSL: "SHA2-256(name)= digest". */
static const char *parse_tagged(const char *p, size_t size, bool is_escaped, const char *list_name,
				struct list_entry *e)
{
	const char *open = memchr(p, '(', size), *why;
	size_t tag = open ? (size_t)(open - p) : 0, name = tag + 1, close = find_close(p, size), at = close + 1, hex;
	const char *algorithm = list_name_algorithm(list_name);
	const struct digest *d;

	if (tag > 0 && p[tag - 1] == ' ')
		tag--;
	if (tag == 0 || close < name)
		return "not a line of a checksum list";
	d = digest_by_tag(p, tag);
	if (!d)
		return "not a line of a checksum list, or of an algorithm that this station does not know";
	if (algorithm && d != digest_by_name(algorithm))
		return "an algorithm that is not the one in the list's name";
	while (at < size && p[at] == ' ')
		at++;
	if (at == size || p[at++] != '=')
		return "not a line of a checksum list";
	while (at < size && p[at] == ' ')
		at++;
	hex = hex_run(p + at, size - at);
	if (at + hex != size)
		return "something follows the digest";
	why = take_sum(p + at, hex, d, e);
	return why ? why : take_path(p + name, close - name, is_escaped, e);
}

const char *list_line_parse(const char *raw, size_t size, const char *list_name, struct list_entry *ret)
{
	bool is_escaped;

	if (size > 0 && raw[size - 1] == '\r')
		size--;
	while (size > 0 && (raw[0] == ' ' || raw[0] == '\t')) { /* coreutils skips them, so that nothing hides behind them */
		raw++;
		size--;
	}
	is_escaped = size > 0 && raw[0] == '\\';
	if (is_escaped) {
		raw++;
		size--;
	}
	if (size == 0)
		return "not a line of a checksum list";
	/* No tag is hexadecimal throughout, and no digest is as short as "BLAKE2b"'s run of "B". */
	if (hex_run(raw, size) >= 32)
		return parse_plain(raw, size, is_escaped, list_name, ret);
	return parse_tagged(raw, size, is_escaped, list_name, ret);
}
