/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "fleet/state.h"

#include <fcntl.h>
#include <jansson.h>
#include <string.h>

#include "common/fd.h"
#include "common/log.h"
#include "common/text.h"

#define STATE_MAX 16384 /* bytes */

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

static void copy_text(char *out, size_t size, const json_t *text)
{
	(void)snprintf(out, size, "%s", json_is_string(text) ? json_string_value(text) : ""); /* cut where it is too long */
}

static void decode_position(const json_t *j, struct state *s)
{
	const char *hex = json_string_value(json_object_get(j, "hash"));
	json_int_t seq = json_integer_value(json_object_get(j, "seq")), offset = json_integer_value(json_object_get(j, "offset"));
	json_int_t file_seq = json_integer_value(json_object_get(j, "file_seq"));

	if (!hex || strlen(hex) != SHA256_HEX_LEN || hex_decode(hex, s->place.hash, SHA256_LEN) < 0 || seq < 0 || offset < 0 || file_seq < 0)
		return;
	s->has_position = true;
	s->place.seq = (uint64_t)seq;
	s->place.offset = (uint64_t)offset;
	s->place.file_seq = (uint64_t)file_seq;
	s->acknowledged_at = json_integer_value(json_object_get(j, "at"));
}

static void decode(const json_t *j, struct state *s)
{
	const json_t *error = json_object_get(j, "error"), *lists = json_object_get(j, "lists");

	decode_position(json_object_get(j, "acknowledged"), s);
	s->has_diverged = json_is_true(json_object_get(j, "diverged"));
	copy_text(s->problem, sizeof(s->problem), json_object_get(j, "problem"));
	copy_text(s->error, sizeof(s->error), json_object_get(error, "text"));
	s->error_since = json_integer_value(json_object_get(error, "since"));
	s->error_last = json_integer_value(json_object_get(error, "last"));
	s->lists_at = json_integer_value(json_object_get(lists, "at"));
	s->denied = (uint64_t)json_integer_value(json_object_get(lists, "denied"));
	s->advice = (uint64_t)json_integer_value(json_object_get(lists, "advice"));
}

int state_load(int dir_fd, struct state *ret)
{
	_cleanup_(json_decref_p) json_t *j = NULL;
	_cleanup_free_ char *text = NULL;
	const char *format;
	int r = file_read(dir_fd, STATE_FILE, STATE_MAX, &text, NULL);

	*ret = (struct state){ .network = "" };
	if (r < 0 && r != -ENOENT && r != -EFBIG)
		return r;
	if (r == 0)
		j = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	format = json_string_value(json_object_get(j, "format"));
	if (format && strcmp(format, STATE_FORMAT) == 0)
		decode(j, ret);
	else if (r != -ENOENT)
		log_warning("%s is damaged: the centre is asked what it has", STATE_FILE);
	return 0;
}

static json_t *encode(const struct state *s)
{
	char hex[SHA256_HEX_LEN + 1];
	json_t *position = json_null(), *error = json_null(), *lists = json_null();

	if (s->has_position) {
		hex_encode(s->place.hash, SHA256_LEN, hex);
		position = json_pack("{sIsIsssIsI}", "at", (json_int_t)s->acknowledged_at, "file_seq", (json_int_t)s->place.file_seq, "hash",
				     hex, "offset", (json_int_t)s->place.offset, "seq", (json_int_t)s->place.seq);
	}
	if (s->error[0])
		error = json_pack("{sIsIss}", "last", (json_int_t)s->error_last, "since", (json_int_t)s->error_since, "text", s->error);
	if (s->lists_at > 0)
		lists = json_pack("{sIsIsI}", "advice", (json_int_t)s->advice, "at", (json_int_t)s->lists_at, "denied",
				  (json_int_t)s->denied);
	return json_pack("{sosbsosssossss}", "acknowledged", position, "diverged", s->has_diverged, "error", error, "format", STATE_FORMAT,
			 "lists", lists, "network", s->network, "problem", s->problem);
}

int state_save(int dir_fd, const struct state *s)
{
	_cleanup_(json_decref_p) json_t *j = encode(s);
	_cleanup_free_ char *text = j ? json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	return text ? file_replace(dir_fd, STATE_FILE, text, strlen(text), 0644) : -ENOMEM;
}

static void set_text(char *out, size_t size, const char *text)
{
	_cleanup_free_ char *clean = text_escape(text, strnlen(text, 500)); /* a cut character is escaped like any other bad byte */

	(void)snprintf(out, size, "%s", clean ? clean : "(out of memory)");
	if (!text_utf8_valid(out, strlen(out))) /* cut within a character */
		(void)snprintf(out, size, "%s", "(a text that cannot be shown)");
}

void state_set_problem(struct state *s, const char *text)
{
	if (strcmp(s->problem, text) != 0 && text[0])
		log_error("%s", text);
	set_text(s->problem, sizeof(s->problem), text);
}

void state_set_error(struct state *s, const char *text, int64_t now)
{
	if (text[0] && !s->error[0])
		s->error_since = now;
	s->error_last = now;
	set_text(s->error, sizeof(s->error), text);
}
