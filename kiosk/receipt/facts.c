/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "receipt/facts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "common/text.h"
#include "receipt/columns.h"

#define CUT " [...] "

/* -- values ----------------------------------------------------------------------------------------------------- */

/* What the report has is escaped, backslashes and all; what somebody made it have is caught. */
static char *escape_once(const char *text)
{
	size_t size = 0;
	char *all = NULL;
	FILE *out = open_memstream(&all, &size);

	if (!out)
		return NULL;
	while (*text) {
		size_t plain = strcspn(text, "\\");
		_cleanup_free_ char *clean = text_escape(text, plain);

		(void)fputs(clean ? clean : "?", out); /* fclose() below says whether it could */
		text += plain;
		for (; *text == '\\'; text++)
			(void)fputc('\\', out);
	}
	if (fclose(out) != 0) {
		free(all);
		return NULL;
	}
	return all;
}

char *facts_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return escape_once(text ? text : "");
}

/* Bytes of the longest beginning of `text` that takes at most `columns`. */
static size_t head_of(const char *text, size_t columns)
{
	size_t at = 0, next;

	for (; text[at]; at = next) {
		_cleanup_free_ char *head = NULL;

		for (next = at + 1; ((unsigned char)text[next] & 0xc0) == 0x80; next++)
			;
		head = strndup(text, next);
		if (!head || columns_of(head) > columns)
			break;
	}
	return at;
}

char *facts_short(const json_t *object, const char *key, size_t columns)
{
	char *text = facts_text(object, key), *cut = NULL;
	size_t half = (columns - strlen(CUT)) / 2, head, tail;

	if (!text || columns_of(text) <= columns)
		return text;
	head = head_of(text, half);
	tail = strlen(text);
	while (tail > head && columns_of(text + tail) < half)
		for (tail--; ((unsigned char)text[tail] & 0xc0) == 0x80; tail--)
			;
	if (asprintf(&cut, "%.*s" CUT "%s", (int)head, text, text + tail) < 0)
		cut = NULL;
	free(text);
	return cut;
}

void facts_time(int64_t seconds, char out[static FACT_TIME_LEN])
{
	struct tm tm;
	time_t t = seconds;

	if (seconds <= 0 || !gmtime_r(&t, &tm) || strftime(out, FACT_TIME_LEN, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		(void)snprintf(out, FACT_TIME_LEN, "-");
}

void facts_size(uint64_t bytes, char out[static FACT_SIZE_LEN])
{
	static const char *const units[] = { "kB", "MB", "GB", "TB", "PB", "EB" };
	uint64_t tenths = bytes / 100; /* of a kB */
	size_t unit = 0;

	if (bytes < 1000) {
		(void)snprintf(out, FACT_SIZE_LEN, "%" PRIu64 " byte%s", bytes, bytes == 1 ? "" : "s");
		return;
	}
	for (; tenths >= 10000 && unit + 1 < ARRAY_LEN(units); unit++)
		tenths /= 1000;
	(void)snprintf(out, FACT_SIZE_LEN, "%" PRIu64 ".%" PRIu64 " %s (%" PRIu64 " bytes)", tenths / 10, tenths % 10, units[unit], bytes);
}

void facts_age(int64_t seconds, char out[static FACT_AGE_LEN])
{
	int64_t n = seconds >= 2 * 86400 ? seconds / 86400 : seconds / 3600;
	const char *unit = seconds >= 2 * 86400 ? "day" : "hour";

	(void)snprintf(out, FACT_AGE_LEN, "%" PRId64 " %s%s", n, unit, n == 1 ? "" : "s");
}

/* -- the list --------------------------------------------------------------------------------------------------- */

/* Takes `value` over. A fact without a value is none. */
static int add_owned(struct receipt_facts *f, enum fact_section section, const char *label, char *value, bool is_code)
{
	if (!value)
		return -ENOMEM;
	if (!*value || f->count == FACTS_MAX) {
		free(value);
		return 0;
	}
	f->list[f->count++] = (struct fact){ section, label, value, is_code };
	return 0;
}

static int add(struct receipt_facts *f, enum fact_section section, const char *label, const char *value)
{
	return add_owned(f, section, label, strdup(value), false);
}

static int add_text(struct receipt_facts *f, enum fact_section section, const char *label, const json_t *object, const char *key)
{
	return add_owned(f, section, label, facts_text(object, key), false);
}

static int add_time(struct receipt_facts *f, enum fact_section section, const char *label, const json_t *object, const char *key)
{
	char text[FACT_TIME_LEN];

	facts_time(json_integer_value(json_object_get(object, key)), text);
	return add(f, section, label, text);
}

_printf_(4, 5) static int add_fmt(struct receipt_facts *f, enum fact_section section, const char *label, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	return n < 0 ? -ENOMEM : add_owned(f, section, label, text, false);
}

bool facts_is_published(const struct summary *s)
{
	const char *outcome = json_string_value(json_object_get(s->head, "outcome"));

	return outcome && strcmp(outcome, "published") == 0;
}

const char *facts_outcome(const struct summary *s)
{
	const char *outcome = json_string_value(json_object_get(s->head, "outcome"));

	if (facts_is_published(s))
		return json_object_get(s->head, "release") ? "RELEASED: files that had been held are in staging" :
		       s->verdicts[VERDICT_APPROVED] == s->files ? "PUBLISHED: all files are in staging" :
								   "PUBLISHED IN PART: the approved files are in staging, the others are not";
	if (outcome && strcmp(outcome, "refused") == 0)
		return "REFUSED: nothing could be published";
	return "ABORTED: the inspection did not complete, nothing was published";
}

static int add_station(struct receipt_facts *f, const struct summary *s)
{
	const json_t *station = json_object_get(s->head, "station");
	_cleanup_free_ char *name = facts_text(station, "name"), *id = facts_text(station, "id"), *version = facts_text(station, "version");
	_cleanup_free_ char *policy = facts_text(station, "policy");
	int r;

	if (!name || !id || !version || !policy)
		return -ENOMEM;
	r = add_fmt(f, FACTS_INSPECTION, "Station", "%s (id %s, lazaret %s)", name, id, version);
	return r < 0 ? r : add(f, FACTS_INSPECTION, "Rules", policy);
}

/* A string, or all strings of an array. */
static int add_list(struct receipt_facts *f, enum fact_section section, const char *label, const json_t *value)
{
	_cleanup_free_ char *all = strdup("");
	const json_t *item = json_is_array(value) ? json_array_get(value, 0) : value;

	for (size_t k = 1; all && item; item = json_is_array(value) ? json_array_get(value, k++) : NULL) {
		_cleanup_free_ char *text = escape_once(json_is_string(item) ? json_string_value(item) : "?");
		char *more = NULL;

		if (!text || asprintf(&more, "%s%s%s", all, *all ? ", " : "", text) < 0)
			more = NULL;
		free(all);
		all = more;
	}
	return all ? add(f, section, label, all) : -ENOMEM;
}

/* Whether somebody looked at who that is (`operators` of lazaret.yaml(5)). */
static int add_operator(struct receipt_facts *f, const struct summary *s)
{
	const char *how = json_string_value(json_object_get(json_object_get(s->head, "station"), "operators"));
	_cleanup_free_ char *name = facts_text(s->head, "operator");

	if (!name)
		return -ENOMEM;
	if (!*name)
		return 0;
	return add_fmt(f, FACTS_INSPECTION, "Operator", "%s%s", name, !how ? "" : strcmp(how, "authenticated") == 0 ? " (logged in)" : " (as told, not checked)");
}

/* What update packs brought, and was in force. */
static int add_sets(struct receipt_facts *f, const struct summary *s)
{
	json_t *list = json_array(), *set;
	size_t k;
	int r = list ? 0 : -ENOMEM;

	json_array_foreach(json_object_get(json_object_get(s->head, "station"), "sets"), k, set) {
		const char *kind = json_string_value(json_object_get(set, "kind")), *name = json_string_value(json_object_get(set, "name"));

		if (r == 0 && kind && name &&
		    json_array_append_new(list, json_sprintf("%s %s %" JSON_INTEGER_FORMAT, kind, name, json_integer_value(json_object_get(set, "version")))) < 0)
			r = -ENOMEM;
	}
	if (r == 0)
		r = add_list(f, FACTS_INSPECTION, "Update packs", list);
	json_decref(list);
	return r;
}

/* A release names the people who decided it (docs: lazaret-report(5)). */
static int add_release(struct receipt_facts *f, const json_t *release)
{
	_cleanup_free_ char *by = facts_text(release, "by"), *second = facts_text(release, "second"), *reason = facts_text(release, "reason");
	int r;

	if (!json_is_object(release))
		return 0;
	if (!by || !second || !reason)
		return -ENOMEM;
	r = add_fmt(f, FACTS_INSPECTION, "Released by", "%s (officer) and %s (second person)", by, second);
	if (r == 0)
		r = add(f, FACTS_INSPECTION, "Because", reason);
	return r < 0 ? r : add_list(f, FACTS_INSPECTION, "Held in", json_object_get(release, "of"));
}

static int add_inspection(struct receipt_facts *f, const struct summary *s)
{
	int r = add_station(f, s);

	if (r == 0)
		r = add_sets(f, s);
	if (r == 0)
		r = add_operator(f, s);
	if (r == 0)
		r = add_text(f, FACTS_INSPECTION, "Owner", s->head, "owner");
	if (r == 0)
		r = add_text(f, FACTS_INSPECTION, "Ticket", s->head, "ticket");
	if (r == 0)
		r = add_text(f, FACTS_INSPECTION, "Reason", s->head, "reason");
	if (r == 0)
		r = add_release(f, json_object_get(s->head, "release"));
	if (r == 0)
		r = add_time(f, FACTS_INSPECTION, "Started", s->head, "started");
	return r < 0 ? r : add_time(f, FACTS_INSPECTION, "Finished", s->head, "finished");
}

static int add_device(struct receipt_facts *f, const json_t *m)
{
	_cleanup_free_ char *kind = facts_text(m, "kind"), *vendor = facts_text(m, "vendor"), *model = facts_text(m, "model");
	int r;

	if (!kind || !vendor || !model)
		return -ENOMEM;
	r = add_fmt(f, FACTS_MEDIUM, "Medium", "%s%s%s%s%s", kind, *vendor ? ", " : "", vendor, *model ? " " : "", model);
	if (r == 0)
		r = add_owned(f, FACTS_MEDIUM, "Serial number", facts_text(m, "serial"), true);
	return r;
}

static int add_medium(struct receipt_facts *f, const struct summary *s)
{
	const json_t *m = json_object_get(s->head, "medium"), *written = json_object_get(m, "sectors_written");
	char size[FACT_SIZE_LEN], number[32] = "it has none";
	int r = add_device(f, m);

	facts_size((uint64_t)json_integer_value(json_object_get(m, "size")), size);
	if (r == 0 && json_integer_value(json_object_get(m, "size")) > 0)
		r = add(f, FACTS_MEDIUM, "Capacity", size);
	if (json_is_integer(written))
		(void)snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(written)); /* fits */
	if (r == 0)
		r = add_fmt(f, FACTS_MEDIUM, "Write block", "%s; sectors written, by the device's own counter: %s",
			    json_is_true(json_object_get(m, "write_protected")) ? "yes" : "no", number);
	if (r == 0 && json_is_integer(json_object_get(m, "removable_at")))
		r = add_time(f, FACTS_MEDIUM, "Read until", m, "removable_at");
	return r;
}

static int add_proof(struct receipt_facts *f, const struct summary *s)
{
	const json_t *audit = json_object_get(s->head, "audit");
	int r = add_text(f, FACTS_PROOF, "What ended it", s->head, "why");

	if (r == 0)
		r = add_owned(f, FACTS_PROOF, "Transfer", facts_text(s->head, "transfer"), true);
	if (r == 0)
		r = add_owned(f, FACTS_PROOF, facts_is_published(s) ? "SHA-256 of manifest.json" : "SHA-256 of the report", strdup(s->sha256), true);
	if (r == 0 && facts_is_published(s))
		r = add_owned(f, FACTS_PROOF, "Signing key", facts_text(json_object_get(s->head, "station"), "manifest_key"), true);
	if (r == 0 && audit)
		r = add_fmt(f, FACTS_PROOF, "Audit record", "%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(audit, "seq")));
	if (r == 0)
		r = add_owned(f, FACTS_PROOF, "Report before this", facts_text(s->head, "previous"), true);
	return r;
}

int receipt_facts_make(const struct summary *s, struct receipt_facts *ret)
{
	struct receipt_facts f = { 0 };
	int r = add_inspection(&f, s);

	if (r == 0)
		r = add_medium(&f, s);
	if (r == 0)
		r = add_proof(&f, s);
	if (r < 0)
		receipt_facts_done(&f);
	else
		*ret = f;
	return r;
}

void receipt_facts_done(struct receipt_facts *f)
{
	for (size_t k = 0; k < f->count; k++)
		free(f->list[k].value);
	f->count = 0;
}
