/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* One scan. Runs in a worker, on untrusted bytes. */
#include <stdarg.h>
#include <string.h>
#include <yara.h>

#include "yararules/private.h"
#include "yararules/rules.h"

/* No exceptions are caught: a crash has to be one. Every string is looked for to its end (no fast mode), so that counts and
 * places in conditions are true. */
#define FLAGS (SCAN_FLAGS_NO_TRYCATCH | SCAN_FLAGS_REPORT_RULES_MATCHING)

#define CANARY_SECONDS_MAX 10 /* for a line of text: milliseconds, on any machine */

static const struct {
	const char *text;
	enum reason reason;
} words[] = {
	[YARA_WORD_MALWARE] = { "malware", REASON_MALWARE },
	[YARA_WORD_ACTIVE_CONTENT] = { "active-content", REASON_ACTIVE_CONTENT },
	[YARA_WORD_TYPE_DENIED] = { "type-denied", REASON_TYPE_DENIED },
	[YARA_WORD_NOTE] = { "note", REASON_COUNT_ },
};

int yara_word_parse(const char *text, enum yara_word *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(words[i].text, text) == 0) {
			*ret = (enum yara_word)i;
			return 0;
		}
	return -EINVAL;
}

bool yara_is_canary(const YR_RULE *rule)
{
	return strcmp(rule->ns->name, CANARY_NAMESPACE) == 0;
}

struct look {
	struct yara_rules *rules;
	struct findings *findings;
	char *notes;
	size_t notes_size;
	bool is_canary_seen;
	bool is_short; /* matches were more than are counted */
};

/* A worker that cannot say what it found must die: its death is a verdict too. */
static void flag(struct findings *f, enum reason reason, const char *detail)
{
	if (findings_join(f, reason, NULL, detail) < 0)
		abort();
}

static void note(struct look *l, const char *text)
{
	size_t at = strlen(l->notes);

	(void)snprintf(l->notes + at, l->notes_size - at, "%s%s", at > 0 ? "; " : "YARA: ", text);
}

static void on_match(struct look *l, YR_RULE *rule)
{
	char detail[FINDING_DETAIL_MAX + 1];
	const char *description = "";
	enum yara_word word = YARA_WORD_MALWARE;
	YR_META *meta;

	yr_rule_metas_foreach(rule, meta)
	{
		if (meta->type == META_TYPE_STRING && strcmp(meta->identifier, "lazaret") == 0 &&
		    yara_word_parse(meta->string, &word) < 0)
			word = YARA_WORD_MALWARE; /* was checked at the start */
		if (meta->type == META_TYPE_STRING && strcmp(meta->identifier, "description") == 0)
			description = meta->string;
	}
	(void)snprintf(detail, sizeof(detail), "YARA rule %.128s%s%.200s", rule->identifier, *description ? ": " : "", description);
	if (word == YARA_WORD_NOTE)
		note(l, detail + strlen("YARA "));
	else
		flag(l->findings, words[word].reason, detail);
}

/* A condition that counts, or looks at the last of them, may be wrong now. The file is held, whatever the rules say. */
static void on_too_many(struct look *l, const YR_STRING *string)
{
	char detail[FINDING_DETAIL_MAX + 1];

	l->is_short = true;
	(void)snprintf(detail, sizeof(detail), "a YARA rule's %.100s matches more often than libyara counts", string->identifier);
	flag(l->findings, REASON_LIMIT_EXCEEDED, detail);
}

static int on_import(struct look *l, const YR_MODULE_IMPORT *import)
{
	static const char *const refused[] = { "magic", "cuckoo" };

	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		if (strcmp(import->module_name, refused[i]) == 0) {
			(void)snprintf(l->rules->module, sizeof(l->rules->module), "%s", import->module_name);
			return CALLBACK_ERROR;
		}
	return CALLBACK_CONTINUE;
}

static int on_event(YR_SCAN_CONTEXT *context, int message, void *data, void *user_data)
{
	struct look *l = user_data;

	switch (message) {
	case CALLBACK_MSG_RULE_MATCHING:
		if (yara_is_canary(data))
			l->is_canary_seen = true;
		else if (l->findings)
			on_match(l, data);
		return CALLBACK_CONTINUE;
	case CALLBACK_MSG_TOO_MANY_MATCHES:
		if (l->findings)
			on_too_many(l, data);
		return CALLBACK_CONTINUE;
	case CALLBACK_MSG_IMPORT_MODULE:
		return on_import(l, data);
	default: /* a module says that it is there; a rule prints to a console that nobody has */
		return CALLBACK_CONTINUE;
	}
}

static void tell_error(struct findings *f, int code)
{
	char detail[64];

	if (code == ERROR_SCAN_TIMEOUT) {
		flag(f, REASON_SCAN_TIMEOUT, "the YARA rules did not come to their end in time");
		return;
	}
	(void)snprintf(detail, sizeof(detail), "libyara failed (error %d)", code);
	flag(f, REASON_SCAN_ERROR, detail);
}

void yara_look(struct yara_rules *r, const uint8_t *data, size_t size, unsigned int timeout_s, struct findings *f, char *notes,
	       size_t notes_size)
{
	struct look l = { .rules = r, .findings = f, .notes = notes, .notes_size = notes_size };
	int code = yr_rules_scan_mem(r->rules, data, size, FLAGS, on_event, &l, (int)timeout_s);

	if (code != ERROR_SUCCESS)
		tell_error(f, code);
	else if (!l.is_short)
		f->done |= CHECK_YARA;
}

int yara_canary(struct yara_rules *r, char ret_why[static EXAMINER_WHY_MAX])
{
	static const char specimen[] = "1234" CANARY_TEXT, other[] = "12345" CANARY_TEXT;
	struct look fires = { .rules = r }, stays = { .rules = r };
	int code = yr_rules_scan_mem(r->rules, (const uint8_t *)specimen, sizeof(specimen) - 1, FLAGS, on_event, &fires, CANARY_SECONDS_MAX);

	if (code == ERROR_SUCCESS)
		code = yr_rules_scan_mem(r->rules, (const uint8_t *)other, sizeof(other) - 1, FLAGS, on_event, &stays, CANARY_SECONDS_MAX);
	if (code == ERROR_SUCCESS && fires.is_canary_seen && !stays.is_canary_seen)
		return 0;
	if (code == ERROR_SCAN_TIMEOUT)
		(void)snprintf(ret_why, EXAMINER_WHY_MAX, "YARA rules: they take longer than %d s for 33 bytes", CANARY_SECONDS_MAX);
	else
		(void)snprintf(ret_why, EXAMINER_WHY_MAX, "YARA rules: the self-test failed (libyara's error %d)", code);
	return -EBADMSG;
}
