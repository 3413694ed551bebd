/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Runs in a worker: the answer of a program that has met hostile bytes is one of them. */
#include "plugin/verdict.h"

#include <jansson.h>
#include <stdarg.h>
#include <string.h>

#include "common/text.h"
#include "plugin/limits.h"

/* What a plug-in may say against a file. Not: what only the station itself can know (unsigned, no-rule, officer-rejected, ...). */
static const enum reason allowed[] = {
	REASON_MALWARE,	       REASON_TYPE_DENIED,    REASON_TYPE_MISMATCH, REASON_ACTIVE_CONTENT, REASON_ENCRYPTED,
	REASON_ARCHIVE_UNSAFE, REASON_LIMIT_EXCEEDED, REASON_CONTAINER_OPAQUE, REASON_HASH_DENIED,	   REASON_CHECKSUM_MISMATCH,
	REASON_BAD_SIGNATURE,  REASON_SCAN_ERROR,
};

/* -- request ---------------------------------------------------------------------------------------------------------- */

char *plugin_request(const struct examiner_job *job)
{
	_cleanup_free_ char *name = text_escape(job->raw_name, strlen(job->raw_name)), *text = NULL;
	char hex[SHA256_HEX_LEN + 1], *line = NULL;
	json_t *types = json_array(), *o = NULL;

	hex_encode(job->sum, SHA256_LEN, hex);
	for (size_t i = 0; types && i < job->type_count; i++)
		if (json_array_append_new(types, json_string(job->types[i])) < 0) {
			json_decref(types);
			types = NULL;
		}
	if (name && types)
		o = json_pack("{s:s,s:s,s:I,s:s,s:O,s:s}", "format", PLUGIN_REQUEST_FORMAT, "name", name, "size", (json_int_t)job->size,
			      "sha256", hex, "types", types, "container", job->container);
	json_decref(types);
	text = o ? json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	json_decref(o);
	if (!text || asprintf(&line, "%s\n", text) < 0)
		return NULL;
	return line;
}

/* -- verdict ---------------------------------------------------------------------------------------------------------- */

static int refuse(char *why, const char *fmt, ...) _printf_(2, 3);

static int refuse(char *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, EXAMINER_WHY_MAX, fmt, ap);
	va_end(ap);
	return -EPROTO;
}

/* jansson recurses up to 2048 levels by itself; its stack is ours. Strings are skipped, a backslash with what follows it. */
static bool is_too_deep(const char *raw, size_t size)
{
	unsigned int depth = 0;
	bool is_string = false;

	for (size_t i = 0; i < size; i++) {
		if (is_string && raw[i] == '\\')
			i++;
		else if (raw[i] == '"')
			is_string = !is_string;
		else if (!is_string && (raw[i] == '{' || raw[i] == '['))
			depth++;
		else if (!is_string && depth > 0 && (raw[i] == '}' || raw[i] == ']'))
			depth--;
		if (depth > PLUGIN_DEPTH_MAX)
			return true;
	}
	return false;
}

static int check_keys(const json_t *o, const char *const *known, const char *what, char *why)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)o, key, value) {
		size_t i = 0;

		while (known[i] && strcmp(known[i], key) != 0)
			i++;
		if (!known[i])
			return refuse(why, "%s has an unknown key", what);
	}
	return 0;
}

/* A text of at most `max` bytes, or "" where it may be absent. */
static int text_of(const json_t *o, const char *key, bool is_required, size_t max, const char **ret, char *why)
{
	const json_t *v = json_object_get(o, key);

	*ret = "";
	if (!v || (json_is_null(v) && !is_required))
		return is_required ? refuse(why, "\"%s\" is missing", key) : 0;
	if (!json_is_string(v))
		return refuse(why, "\"%s\" is no string", key);
	*ret = json_string_value(v);
	return json_string_length(v) > max ? refuse(why, "\"%s\" is longer than %zu bytes", key, max) : 0;
}

static int reason_of(const char *code, enum reason *ret, char *why)
{
	for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
		if (strcmp(reason_code(allowed[i]), code) == 0) {
			*ret = allowed[i];
			return 0;
		}
	return refuse(why, "\"code\" is no reason that a plug-in may give");
}

static int take_finding(const json_t *o, const char *name, struct findings *f, char *why)
{
	static const char *const known[] = { "code", "detail", "member", NULL };
	const char *code, *detail, *member;
	char words[FINDING_DETAIL_MAX + 1];
	enum reason reason = REASON_SCAN_ERROR;
	int r = json_is_object(o) ? check_keys(o, known, "a finding", why) : refuse(why, "a finding is no object");

	if (r == 0)
		r = text_of(o, "code", true, 64, &code, why);
	if (r == 0)
		r = reason_of(code, &reason, why);
	if (r == 0)
		r = text_of(o, "detail", true, PLUGIN_TEXT_MAX, &detail, why);
	if (r == 0)
		r = text_of(o, "member", false, PLUGIN_MEMBER_MAX, &member, why);
	if (r < 0)
		return r;
	(void)snprintf(words, sizeof(words), "%s: %s", name, detail);
	return findings_join(f, reason, *member ? member : NULL, words);
}

static int check_engine(const json_t *o, char *why)
{
	static const char *const known[] = { "name", "version", "database_version", "database_time", NULL };
	const json_t *e = json_object_get(o, "engine"), *time_s;
	const char *unused;
	int r = json_is_object(e) ? check_keys(e, known, "\"engine\"", why) : refuse(why, "\"engine\" is missing or no object");

	for (size_t i = 0; r == 0 && i < 3; i++)
		r = text_of(e, known[i], i == 0, PLUGIN_TEXT_MAX, &unused, why);
	time_s = r == 0 ? json_object_get(e, "database_time") : NULL;
	if (time_s && !json_is_integer(time_s))
		r = refuse(why, "\"database_time\" is no whole number");
	return r;
}

static int take_findings(const json_t *o, const char *name, struct findings *f, size_t *ret_count, char *why)
{
	const json_t *list = json_object_get(o, "findings"), *item;
	size_t i;
	int r = 0;

	*ret_count = 0;
	if (!list)
		return 0;
	if (!json_is_array(list) || json_array_size(list) > FINDINGS_MAX)
		return refuse(why, "\"findings\" is no list of at most %d", FINDINGS_MAX);
	json_array_foreach((json_t *)(uintptr_t)list, i, item) {
		r = take_finding(item, name, f, why);
		if (r < 0)
			return r;
	}
	*ret_count = json_array_size(list);
	return 0;
}

static int take(const json_t *o, const char *name, struct findings *f, char *why)
{
	static const char *const known[] = { "format", "verdict", "findings", "engine", NULL };
	const char *format, *verdict;
	size_t count = 0;
	int r = json_is_object(o) ? check_keys(o, known, "the verdict", why) : refuse(why, "the verdict is no object");

	if (r == 0)
		r = text_of(o, "format", true, 64, &format, why);
	if (r == 0 && strcmp(format, PLUGIN_VERDICT_FORMAT) != 0)
		r = refuse(why, "\"format\" is not " PLUGIN_VERDICT_FORMAT);
	if (r == 0)
		r = text_of(o, "verdict", true, 64, &verdict, why);
	if (r == 0)
		r = check_engine(o, why);
	if (r == 0)
		r = take_findings(o, name, f, &count, why);
	if (r < 0)
		return r;
	if (strcmp(verdict, "could-not-tell") == 0)
		return findings_add(f, REASON_SCAN_ERROR, NULL, "%s: could not tell", name);
	if (strcmp(verdict, "finding") == 0 && count == 0)
		return refuse(why, "\"finding\" without a finding");
	if (strcmp(verdict, "clean") == 0 && count > 0)
		return refuse(why, "\"clean\" with findings");
	if (strcmp(verdict, "finding") != 0 && strcmp(verdict, "clean") != 0)
		return refuse(why, "\"verdict\" is none of clean, finding, could-not-tell");
	f->done |= CHECK_PLUGINS;
	return 0;
}

int plugin_verdict(const char *raw, size_t size, const char *name, struct findings *f, char ret_why[static EXAMINER_WHY_MAX])
{
	struct findings found = { 0 };
	json_error_t error;
	json_t *o;
	int r;

	if (is_too_deep(raw, size))
		return refuse(ret_why, "the verdict has more than %d levels", PLUGIN_DEPTH_MAX);
	o = json_loadb(raw, size, JSON_REJECT_DUPLICATES, &error);
	if (!o)
		return refuse(ret_why, "the verdict is no JSON (line %d)", error.line);
	r = take(o, name, &found, ret_why);
	json_decref(o);
	if (r < 0)
		findings_done(&found);
	else
		*f = found;
	return r;
}
