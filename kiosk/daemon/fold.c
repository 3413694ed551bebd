/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "daemon/fold.h"

#include <string.h>

#define RATE_INTERVAL_MS 1000
#define RATE_KNOWN_MS 3000 /* the first second says "43 minutes left" of a stick that takes one */
#define RATE_KEPT 0.7 /* of the last rate at each interval: a change is seen within a few seconds */

const char *medium_state_name(enum medium_state s)
{
	static const char *const names[] = { "queued",	  "identify", "opening",    "locked", "reading",
					     "examining", "checking", "publishing", "done" };

	return names[s];
}

static size_t char_start(const char *text, size_t at)
{
	while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80)
		at--;
	return at;
}

json_t *fold_text(const char *text)
{
	size_t size = strlen(text), head, tail;
	char cut[FOLD_TEXT_MAX + 8];
	int n;

	if (size <= FOLD_TEXT_MAX)
		return json_string(text);
	head = char_start(text, FOLD_TEXT_MAX / 2);
	tail = char_start(text, size - FOLD_TEXT_MAX / 2 + 4);
	n = snprintf(cut, sizeof(cut), "%.*s\xe2\x80\xa6%s", (int)head, text, text + tail);
	return n > 0 && (size_t)n < sizeof(cut) ? json_string(cut) : NULL;
}

int fold_init(struct fold *f)
{
	*f = (struct fold){ .volumes = json_array(), .findings = json_array(), .warnings = json_array() };
	return f->volumes && f->findings && f->warnings ? 0 : -ENOMEM;
}

void fold_done(struct fold *f)
{
	json_t *all[] = { f->transfer, f->volumes, f->locked, f->findings, f->warnings, f->outcome, f->counts, f->manifest_sha256, f->trouble_text };

	for (size_t k = 0; k < ARRAY_LEN(all); k++)
		json_decref(all[k]);
	memset(f, 0, sizeof(*f));
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static int64_t number_of(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void replace(json_t **old, json_t *new)
{
	json_decref(*old);
	*old = new;
}

/* The list keeps its newest entries. */
static void keep(json_t *list, json_t *entry, size_t max)
{
	if (!entry)
		return; /* out of memory: the report has it */
	if (json_array_size(list) >= max && json_array_remove(list, 0) < 0)
		json_decref(entry);
	else
		(void)json_array_append_new(list, entry); /* so has it this one */
}

/* -- one function an event -------------------------------------------------------------------------------------- */

static void on_started(struct fold *f, const json_t *e, int64_t now_s)
{
	replace(&f->transfer, json_string(text_of(e, "transfer")));
	f->started = now_s;
	f->state = MEDIUM_OPENING;
}

static json_t *volume_entry(const json_t *e)
{
	static const char *const keys[] = { "fs", "label", "driver", "outcome", "detail" };
	json_t *v = json_pack("{s:I}", "index", (json_int_t)number_of(e, "index"));

	for (size_t k = 0; v && k < ARRAY_LEN(keys); k++)
		if (json_object_set_new(v, keys[k], fold_text(text_of(e, keys[k]))) < 0) {
			json_decref(v);
			return NULL;
		}
	return v;
}

/* Counted as they come: a medium with more volumes than the list keeps must not push the lost ones out of it. */
static void count_volume(struct fold *f, const char *outcome, const char *fs)
{
	bool is_lost = strcmp(outcome, "refused") == 0 || strcmp(outcome, "failed") == 0;

	f->has_read |= strcmp(outcome, "read") == 0 || strcmp(outcome, "partial") == 0;
	f->has_lost |= is_lost || strcmp(outcome, "partial") == 0;
	f->has_failed |= strcmp(outcome, "failed") == 0;
	f->has_audio |= is_lost && strcmp(fs, "audio") == 0;
	/* as libblkid and intake name them */
	f->has_locked |= is_lost && (strcmp(fs, "crypto_LUKS") == 0 || strcmp(fs, "BitLocker") == 0 ||
				     strcmp(fs, "TCRYPT") == 0 || strcmp(fs, "FVAULT2") == 0);
}

static void on_volume(struct fold *f, const json_t *e)
{
	count_volume(f, text_of(e, "outcome"), text_of(e, "fs"));
	keep(f->volumes, volume_entry(e), FOLD_VOLUMES_MAX);
}

static void update_rate(struct fold *f, int64_t now_ms)
{
	double rate;

	if (f->rate_at_ms == 0) {
		f->rate_at_ms = f->rate_from_ms = now_ms;
		f->rate_bytes = f->bytes_examined;
	}
	if (now_ms - f->rate_at_ms < RATE_INTERVAL_MS)
		return;
	rate = (double)(f->bytes_examined - f->rate_bytes) * 1000 / (double)(now_ms - f->rate_at_ms);
	f->bytes_per_s = f->bytes_per_s > 0 ? RATE_KEPT * f->bytes_per_s + (1 - RATE_KEPT) * rate : rate;
	f->rate_at_ms = now_ms;
	f->rate_bytes = f->bytes_examined;
}

static void on_progress(struct fold *f, const json_t *e, int64_t now_ms)
{
	const char *stage = text_of(e, "stage");

	f->files_total = number_of(e, "files_total");
	f->bytes_total = number_of(e, "bytes_total");
	f->files_read = number_of(e, "files_read");
	f->bytes_read = number_of(e, "bytes_read");
	f->files_examined = number_of(e, "files_examined");
	f->bytes_examined = number_of(e, "bytes_examined");
	f->members_examined = number_of(e, "members_examined");
	update_rate(f, now_ms);
	if (strcmp(stage, "reading") == 0)
		f->state = f->is_removable ? MEDIUM_EXAMINING : MEDIUM_READING;
	else if (strcmp(stage, "publishing") == 0)
		f->state = MEDIUM_PUBLISHING;
	else
		f->state = MEDIUM_CHECKING;
}

static void on_finding(struct fold *f, const json_t *e)
{
	json_t *list = json_object_get(e, "findings"), *first = json_array_get(list, 0);

	f->found++;
	keep(f->findings,
	     json_pack("{s:o?,s:s,s:o?}", "path", fold_text(text_of(e, "path")), "code", text_of(first, "code"), "detail",
		       fold_text(text_of(first, "detail"))),
	     FOLD_FINDINGS_MAX);
}

/* An old database is said at the beginning of each inspection; it ends none. */
static bool has_cause(const struct fold *f)
{
	return f->trouble != TROUBLE_NONE && f->trouble != TROUBLE_DATABASE_STALE;
}

static void on_error(struct fold *f, const json_t *e)
{
	enum trouble t = trouble_find(text_of(e, "code"));

	if (has_cause(f))
		return; /* the first is the cause */
	f->trouble = t == TROUBLE_NONE ? TROUBLE_INTERNAL : t;
	replace(&f->trouble_text, fold_text(text_of(e, "text")));
}

static void on_locked(struct fold *f, const json_t *e)
{
	f->state = MEDIUM_LOCKED;
	replace(&f->locked, json_pack("{s:I,s:o?,s:o?,s:I,s:o?}", "volume", (json_int_t)number_of(e, "volume"), "format",
				      fold_text(text_of(e, "format")), "label", fold_text(text_of(e, "label")), "left",
				      (json_int_t)number_of(e, "left"), "wrong", fold_text(text_of(e, "wrong"))));
}

/* What stands in the volumes' way, when there is no trouble with the medium as a whole. */
static enum trouble trouble_of_volumes(const struct fold *f)
{
	if (f->has_read)
		return f->has_lost ? TROUBLE_PARTIAL : TROUBLE_NONE;
	return f->has_locked ? TROUBLE_ENCRYPTED : f->has_audio ? TROUBLE_AUDIO : f->has_failed ? TROUBLE_UNREADABLE :
	       f->has_lost   ? TROUBLE_UNKNOWN_FILESYSTEM :
			       TROUBLE_EMPTY;
}

static void on_done(struct fold *f, const json_t *e, int64_t now_s)
{
	const char *outcome = text_of(e, "outcome"), *why = text_of(e, "why");

	replace(&f->outcome, json_string(outcome));
	replace(&f->manifest_sha256, json_incref(json_object_get(e, "manifest_sha256")));
	replace(&f->counts, json_pack("{s:I,s:I,s:I,s:I,s:I}", "files", (json_int_t)number_of(e, "files"), "bytes",
				      (json_int_t)number_of(e, "bytes"), "approved", (json_int_t)number_of(e, "approved"), "held",
				      (json_int_t)number_of(e, "held"), "blocked", (json_int_t)number_of(e, "blocked")));
	if (strcmp(outcome, "aborted") != 0) {
		enum trouble t = trouble_of_volumes(f);

		if (t != TROUBLE_NONE && !has_cause(f))
			replace(&f->trouble_text, NULL);
		/* an error that did not end it is about a part of it */
		f->is_complete = t == TROUBLE_NONE && !has_cause(f);
		f->trouble = t != TROUBLE_NONE ? t : has_cause(f) ? TROUBLE_PARTIAL : f->trouble;
	} else if (!has_cause(f)) {
		f->trouble = TROUBLE_CANCELLED;
		replace(&f->trouble_text, fold_text(why));
	}
	f->finished = now_s;
}

void fold_answered(struct fold *f)
{
	replace(&f->locked, NULL);
	f->state = MEDIUM_OPENING;
}

bool fold_event(struct fold *f, const json_t *e, int64_t now_s, int64_t now_ms)
{
	const char *name = text_of(e, "event");

	if (strcmp(name, "started") == 0) {
		on_started(f, e, now_s);
	} else if (strcmp(name, "volume") == 0) {
		on_volume(f, e);
	} else if (strcmp(name, "progress") == 0) {
		on_progress(f, e, now_ms);
	} else if (strcmp(name, "removable") == 0) {
		f->is_removable = true;
		f->removable_at = now_s;
		f->state = MEDIUM_EXAMINING;
	} else if (strcmp(name, "finding") == 0) {
		on_finding(f, e);
	} else if (strcmp(name, "warning") == 0) {
		keep(f->warnings, fold_text(text_of(e, "text")), FOLD_WARNINGS_MAX);
	} else if (strcmp(name, "error") == 0) {
		on_error(f, e);
	} else if (strcmp(name, "locked") == 0) {
		on_locked(f, e);
	} else if (strcmp(name, "unlocking") == 0) {
		fold_answered(f);
	} else if (strcmp(name, "done") == 0) {
		on_done(f, e, now_s);
	} else {
		return false;
	}
	return true;
}

void fold_end(struct fold *f, int64_t now_s)
{
	if (!f->outcome) {
		f->outcome = json_string("aborted");
		f->trouble = has_cause(f) ? f->trouble : TROUBLE_INTERNAL;
		f->finished = now_s;
	}
	f->state = MEDIUM_DONE;
	f->is_removable = true; /* nothing of ours holds it any more */
	replace(&f->locked, NULL);
}

void fold_abandon(struct fold *f, enum trouble why, int64_t now_s)
{
	f->trouble = why;
	fold_end(f, now_s);
}

/* -- the object ------------------------------------------------------------------------------------------------- */

static json_t *time_or_null(int64_t t)
{
	return t > 0 ? json_integer((json_int_t)t) : json_null();
}

static json_t *or_null(const json_t *v)
{
	return v ? json_incref((json_t *)v) : json_null();
}

static json_t *trouble_object(const struct fold *f)
{
	const char *more = json_string_value(f->trouble_text);

	if (f->trouble == TROUBLE_NONE)
		return json_null();
	return json_pack("{s:s,s:s,s:s,s:s}", "code", trouble_code(f->trouble), "text", trouble_text(f->trouble), "next",
			 trouble_next(f->trouble), "detail", more ? more : "");
}

static json_t *progress_object(const struct fold *f)
{
	int64_t left = f->bytes_total - f->bytes_examined;
	json_t *o = json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "files_total", (json_int_t)f->files_total, "bytes_total",
			      (json_int_t)f->bytes_total, "files_read", (json_int_t)f->files_read, "bytes_read",
			      (json_int_t)f->bytes_read, "files_examined", (json_int_t)f->files_examined, "bytes_examined",
			      (json_int_t)f->bytes_examined, "bytes_per_s", (json_int_t)f->bytes_per_s, "members_examined", (json_int_t)f->members_examined);
	/* Small files that came before a large one say nothing about it: from a hundredth on. */
	bool is_known = f->bytes_total > 0 && left >= 0 && f->bytes_per_s >= 1 && f->bytes_examined >= f->bytes_total / 100 &&
			f->rate_at_ms - f->rate_from_ms >= RATE_KNOWN_MS;
	json_t *seconds = is_known ?
				  json_integer((json_int_t)((double)left / f->bytes_per_s) + 1) :
				  json_null();

	if (o && json_object_set_new(o, "left_s", seconds) < 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

/* Text full of characters that JSON escapes again can double its size. Copies: the fold keeps what it has. */
static int make_fit(json_t *o)
{
	json_t *findings = json_copy(json_object_get(o, "findings")), *volumes = json_copy(json_object_get(o, "volumes"));
	int bad = json_object_set(o, "findings", findings) | json_object_set(o, "volumes", volumes);

	while (!bad && json_dumpb(o, NULL, 0, JSON_COMPACT) > FOLD_JSON_MAX)
		if (json_array_size(findings) >= 2 * json_array_size(volumes))
			bad = json_array_remove(findings, 0);
		else
			bad = json_array_remove(volumes, json_array_size(volumes) - 1);
	json_decref(findings);
	json_decref(volumes);
	return bad;
}

int fold_describe(const struct fold *f, json_t *o)
{
	int bad = json_object_set_new(o, "state", json_string(medium_state_name(f->state)));

	bad |= json_object_set_new(o, "removable", json_boolean(f->is_removable));
	bad |= json_object_set_new(o, "transfer", or_null(f->transfer));
	bad |= json_object_set_new(o, "started", time_or_null(f->started));
	bad |= json_object_set_new(o, "removable_at", time_or_null(f->removable_at));
	bad |= json_object_set_new(o, "finished", time_or_null(f->finished));
	bad |= json_object_set_new(o, "volumes", or_null(f->volumes));
	bad |= json_object_set_new(o, "locked", or_null(f->locked));
	bad |= json_object_set_new(o, "progress", progress_object(f));
	bad |= json_object_set_new(o, "found", json_integer((json_int_t)f->found));
	bad |= json_object_set_new(o, "findings", or_null(f->findings));
	bad |= json_object_set_new(o, "warnings", or_null(f->warnings));
	bad |= json_object_set_new(o, "outcome", or_null(f->outcome));
	bad |= json_object_set_new(o, "counts", or_null(f->counts));
	bad |= json_object_set_new(o, "manifest_sha256", or_null(f->manifest_sha256));
	bad |= json_object_set_new(o, "complete", f->outcome ? json_boolean(f->is_complete) : json_null());
	bad |= json_object_set_new(o, "trouble", trouble_object(f));
	return bad || make_fit(o) ? -ENOMEM : 0;
}
