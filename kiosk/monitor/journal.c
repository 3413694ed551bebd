/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "monitor/journal.h"

#include <inttypes.h>
#include <string.h>
#include <sys/uio.h>
#include <syslog.h>

#define SD_JOURNAL_SUPPRESS_LOCATION /* a line of our source helps nobody who reads the journal */
#include <systemd/sd-journal.h>

#include "common/text.h"

#define FIELDS_MAX 32
#define VALUE_MAX 2048 /* bytes */

static const char *const ids[] = {
	[JOURNAL_NONE] = "",
#define J(name, id) [JOURNAL_##name] = id,
#include "monitor/journal.def"
#undef J
};

/* Types of records of which the journal is told; a final '-' stands for all that begin so. */
static const struct {
	const char *type;
	enum journal_kind kind;
	int priority;
} types[] = {
	{ "device-refused", JOURNAL_DEVICE, LOG_WARNING },
	{ "proposal", JOURNAL_DECISION, LOG_NOTICE },
	{ "decision", JOURNAL_DECISION, LOG_NOTICE },
	{ "withdrawn", JOURNAL_DECISION, LOG_NOTICE },
	{ "released", JOURNAL_DECISION, LOG_NOTICE },
	{ "update-", JOURNAL_UPDATE, LOG_NOTICE },
	{ "person-", JOURNAL_PEOPLE, LOG_NOTICE },
	{ "key-", JOURNAL_TRUST, LOG_NOTICE },
	{ "login-failed", JOURNAL_LOGIN, LOG_WARNING },
	{ "locked-out", JOURNAL_LOGIN, LOG_WARNING },
	{ "reload-failed", JOURNAL_TROUBLE, LOG_ERR },
	{ "devices-lost", JOURNAL_TROUBLE, LOG_ERR },
};

struct entry {
	struct iovec fields[FIELDS_MAX];
	size_t count;
};

/* NAME=value, cut. Escaped as everywhere: an entry's field is one line, whatever was in it. */
static void add(struct entry *e, const char *name, const char *value)
{
	size_t size = strnlen(value, VALUE_MAX);
	_cleanup_free_ char *clean = NULL;
	char *field = NULL;
	int n;

	while (size > 0 && size == VALUE_MAX && ((unsigned char)value[size] & 0xc0) == 0x80)
		size--;
	if (strcspn(value, "\n") < size) { /* the rest was escaped by whoever made it */
		clean = text_escape(value, size);
		value = clean ? clean : "";
		size = strlen(value);
	}
	if (e->count == FIELDS_MAX || (n = asprintf(&field, "%s=%.*s", name, (int)size, value)) < 0)
		return;
	e->fields[e->count++] = (struct iovec){ .iov_base = field, .iov_len = (size_t)n };
}

static void add_number(struct entry *e, const char *name, int64_t number)
{
	char digits[24];

	(void)snprintf(digits, sizeof(digits), "%" PRId64, number);
	add(e, name, digits);
}

static void add_list(struct entry *e, const char *name, const json_t *list)
{
	char joined[VALUE_MAX] = "";
	size_t used = 0, k;
	const json_t *v;

	json_array_foreach(list, k, v) {
		const char *s = json_string_value(v);

		if (s && used + strlen(s) + 2 < sizeof(joined))
			used += (size_t)snprintf(joined + used, sizeof(joined) - used, "%s%s", used ? " " : "", s);
	}
	if (used > 0)
		add(e, name, joined);
}

/* Field names: at most 64 of A-Z 0-9 _ (systemd.journal-fields(7)). */
static void add_field(struct entry *e, const char *key, const json_t *value)
{
	char name[64] = "LAZARET_";
	size_t at = strlen(name);

	for (; *key && at + 1 < sizeof(name); key++, at++)
		name[at] = *key >= 'a' && *key <= 'z' ? (char)(*key - 'a' + 'A') :
			   (*key >= 'A' && *key <= 'Z') || (*key >= '0' && *key <= '9') ? *key : '_';
	name[at] = '\0';
	if (json_is_string(value))
		add(e, name, json_string_value(value));
	else if (json_is_integer(value))
		add_number(e, name, json_integer_value(value));
	else if (json_is_boolean(value))
		add(e, name, json_is_true(value) ? "1" : "0");
	else if (json_is_array(value))
		add_list(e, name, value);
}

void journal_send(enum journal_kind kind, int priority, const char *message, const json_t *fields)
{
	struct entry e = { .count = 0 };
	const json_t *value;
	const char *key;

	add(&e, "MESSAGE", message);
	add(&e, "MESSAGE_ID", ids[kind]);
	add_number(&e, "PRIORITY", priority);
	json_object_foreach((json_t *)fields, key, value)
		add_field(&e, key, value);
	(void)sd_journal_sendv(e.fields, (int)e.count); /* nobody listens: see above */
	for (size_t k = 0; k < e.count; k++)
		free(e.fields[k].iov_base);
}

static const char *word(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s && *s ? s : "-";
}

void journal_inspection(const json_t *f)
{
	const char *outcome = word(f, "outcome");
	json_int_t bad = json_integer_value(json_object_get(f, "held")) + json_integer_value(json_object_get(f, "blocked"));
	_cleanup_free_ char *message = NULL;

	if (asprintf(&message, "%s: %s: %" JSON_INTEGER_FORMAT " files, %" JSON_INTEGER_FORMAT " approved, %" JSON_INTEGER_FORMAT
		     " held, %" JSON_INTEGER_FORMAT " blocked", word(f, "transfer"), outcome, json_integer_value(json_object_get(f, "files")),
		     json_integer_value(json_object_get(f, "approved")), json_integer_value(json_object_get(f, "held")),
		     json_integer_value(json_object_get(f, "blocked"))) < 0)
		return;
	journal_send(JOURNAL_INSPECTION, strcmp(outcome, "aborted") == 0 ? LOG_WARNING : bad > 0 ? LOG_NOTICE : LOG_INFO, message, f);
}

static size_t find(const char *type)
{
	size_t k = 0;

	for (; k < ARRAY_LEN(types); k++) {
		size_t size = strlen(types[k].type);
		bool is_prefix = types[k].type[size - 1] == '-';

		if (is_prefix ? strncmp(type, types[k].type, size) == 0 : strcmp(type, types[k].type) == 0)
			break;
	}
	return k;
}

enum journal_kind journal_kind_of(const char *type)
{
	size_t k = find(type);

	return k < ARRAY_LEN(types) ? types[k].kind : JOURNAL_NONE;
}

void journal_record(const char *type, const json_t *body)
{
	static const char *const told[] = { "decision", "code", "why", "name", "person", "by", "second", "sha256", "reason" };
	char message[512];
	size_t k = find(type), used;
	json_t *fields;

	if (k == ARRAY_LEN(types))
		return;
	used = (size_t)snprintf(message, sizeof(message), "%s", type); /* CHAIN_TYPE_MAX */
	for (size_t i = 0; i < ARRAY_LEN(told); i++) {
		const char *s = json_string_value(json_object_get(body, told[i]));

		if (s && *s && used + strlen(s) + strlen(told[i]) + 4 < sizeof(message))
			used += (size_t)snprintf(message + used, sizeof(message) - used, " %s=%s", told[i], s);
	}
	fields = json_copy((json_t *)body);
	if (fields && json_object_set_new(fields, "record", json_string(type)) == 0)
		journal_send(types[k].kind, types[k].priority, message, fields);
	json_decref(fields);
}
