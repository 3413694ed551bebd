/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Run by lazaret-origin. The bytes are counted before jansson sees them: it builds a tree of all that it is given, and descends
 * by recursion.
 */
#include "origin/json_input.h"

#include <string.h>

#include "common/base64.h"
#include "common/hash.h"

void json_input_prepare(void)
{
	json_object_seed(0);
}

/* NULL, or what is too much. Counts values generously: each comma and each bracket that opens may begin one. What is no JSON
 * is counted somehow, and refused by the parser. */
static const char *measure(const char *raw, size_t size)
{
	unsigned int depth = 0, values = 0;
	bool is_in_string = false;

	for (size_t i = 0; i < size; i++) {
		char c = raw[i];

		if (is_in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				is_in_string = false;
			continue;
		}
		is_in_string = c == '"';
		if ((c == ']' || c == '}') && depth > 0)
			depth--;
		if (c == '[' || c == '{')
			depth++;
		values += c == ',' || c == '[' || c == '{';
		if (depth > JSON_INPUT_DEPTH_MAX)
			return "JSON that is nested too deeply";
		if (values > JSON_INPUT_VALUES_MAX)
			return "JSON with too many values";
	}
	return NULL;
}

static int parse(const char *raw, size_t size, bool is_list, json_t **ret, char *ret_why)
{
	const char *trouble = size > JSON_INPUT_BYTES_MAX ? "JSON that is too long" : measure(raw, size);
	json_error_t error;
	json_t *j;

	if (trouble) {
		(void)snprintf(ret_why, JSON_INPUT_WHY_MAX, "%s", trouble);
		return -EBADMSG;
	}
	j = json_loadb(raw, size, JSON_REJECT_DUPLICATES, &error);
	if (!j && json_error_code(&error) == json_error_out_of_memory)
		return -ENOMEM;
	if (!j) /* jansson's words quote the text: for the report, which escapes them */
		(void)snprintf(ret_why, JSON_INPUT_WHY_MAX, "not JSON: line %d: %.200s", error.line, error.text);
	if (j && (is_list ? !json_is_array(j) : !json_is_object(j))) {
		(void)snprintf(ret_why, JSON_INPUT_WHY_MAX, is_list ? "not a JSON array" : "not a JSON object");
		json_p(&j);
	}
	*ret = j;
	return j ? 0 : -EBADMSG;
}

int json_input_parse(const char *raw, size_t size, json_t **ret, char ret_why[static JSON_INPUT_WHY_MAX])
{
	return parse(raw, size, false, ret, ret_why);
}

int json_input_parse_list(const char *raw, size_t size, json_t **ret, char ret_why[static JSON_INPUT_WHY_MAX])
{
	return parse(raw, size, true, ret, ret_why);
}

int json_input_read(int fd, uint64_t size, size_t limit, char **ret)
{
	_cleanup_free_ char *data = NULL;
	size_t at = 0;

	if (size > limit)
		return -EFBIG;
	data = malloc((size_t)size + 1);
	if (!data)
		return -ENOMEM;
	while (at < size) {
		ssize_t n = pread(fd, data + at, (size_t)size - at, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += (size_t)n;
	}
	data[at] = '\0';
	*ret = TAKE_PTR(data);
	return 0;
}

const char *json_input_text(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

/* Into the alphabet and the padding of section 4, in place. -EBADMSG for a mixture of both. `text` has room for padding. */
static int to_standard_alphabet(char *text)
{
	size_t size = strlen(text);
	bool is_url_safe = strpbrk(text, "-_") != NULL;

	if (is_url_safe && strpbrk(text, "+/"))
		return -EBADMSG;
	for (size_t i = 0; i < size; i++)
		text[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
	if (size % 4 == 1)
		return -EBADMSG;
	for (; size % 4 != 0; size++)
		text[size] = '=';
	text[size] = '\0';
	return 0;
}

int json_input_base64(const char *text, size_t head, uint8_t **ret, size_t *ret_size)
{
	size_t text_size = strlen(text), size;
	_cleanup_free_ char *standard = malloc(text_size + 4);
	_cleanup_free_ uint8_t *bytes = NULL;

	if (!standard)
		return -ENOMEM;
	memcpy(standard, text, text_size + 1);
	if (to_standard_alphabet(standard) < 0)
		return -EBADMSG;
	text_size = strlen(standard);
	size = text_size / 4 * 3;
	if (text_size > 0)
		size -= (standard[text_size - 1] == '=') + (standard[text_size - 2] == '=');
	bytes = malloc(head + size + 1);
	if (!bytes)
		return -ENOMEM;
	if (base64_decode(standard, text_size, bytes + head, size) < 0)
		return -EBADMSG;
	bytes[head + size] = '\0';
	*ret = TAKE_PTR(bytes);
	*ret_size = size;
	return 0;
}

const struct digest *json_input_digest(const char *text, uint8_t ret_sum[static ORIGIN_DIGEST_MAX], bool *ret_is_proper)
{
	const char *colon = strchr(text, ':');
	char name[ORIGIN_ALGORITHM_MAX + 1];
	const struct digest *d = NULL;
	size_t hex_size = colon ? strlen(colon + 1) : 0;

	/* algorithm ::= component (separator component)*, encoded ::= [a-zA-Z0-9=_-]+ */
	*ret_is_proper = colon && colon > text && hex_size > 0 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789+._-") ==
			 (size_t)(colon - text) && hex_size == strspn(colon + 1, "abcdefghijklmnopqrstuvwxyz"
			 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789=_-");
	if (!*ret_is_proper || (size_t)(colon - text) >= sizeof(name))
		return NULL;
	memcpy(name, text, (size_t)(colon - text));
	name[colon - text] = '\0';
	d = digest_by_name(name);
	if (!d)
		return NULL;
	*ret_is_proper = hex_size == 2 * d->size && strspn(colon + 1, "0123456789abcdef") == hex_size &&
			 hex_decode(colon + 1, ret_sum, d->size) == 0;
	return *ret_is_proper ? d : NULL;
}
