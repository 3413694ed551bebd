/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `lazaret review show`: all that is known of one held file, and its first bytes. They are shown in hex and as plain ASCII: not one of
 * them reaches the terminal as anything else. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "cli/review.h"
#include "common/history.h"
#include "common/log.h"
#include "common/reason.h"

#define SEEN_ROWS 20
#define LINE_BYTES 16

struct showing {
	const struct review *v;
	const json_t *proposals;
	json_t *file, *places, *seen, *entry; /* owned */
};

static const char *text_of(const json_t *o, const char *field)
{
	const char *text = json_string_value(json_object_get(o, field));

	return text ? text : "";
}

/* -- gathering ------------------------------------------------------------------------------------------------------------------- */

static int take_file(void *context, const struct held_file *f)
{
	struct showing *s = context;

	s->file = held_json(f, s->proposals);
	return s->file ? 0 : -ENOMEM;
}

static int take_place(void *context, const struct held_place *p)
{
	struct showing *s = context;

	if (!s->entry)
		s->entry = json_loads(p->entry, 0, NULL);
	return json_array_append_new(s->places, json_pack("{s:s,s:s,s:I}", "transfer", p->transfer, "path", p->shown, "started",
							   (json_int_t)p->started)) < 0 ? -ENOMEM : 0;
}

static int take_seen(void *context, const struct history_file *f)
{
	struct showing *s = context;

	return json_array_append_new(s->seen, json_pack("{s:s,s:s,s:s,s:I}", "transfer", f->transfer, "path", f->path, "verdict", f->verdict,
							 "started", (json_int_t)f->started)) < 0 ? -ENOMEM : 0;
}

/* An index: the rest is told without. */
static void gather_seen(struct showing *s, const char *sha256)
{
	_cleanup_(history_freep) struct history *h = NULL;
	_cleanup_free_ char *path = NULL;
	int r = asprintf(&path, "%s/" HISTORY_FILE, s->v->config->history_dir) < 0 ? -ENOMEM : 0;

	if (r == 0)
		r = history_open_read(path, &h);
	if (r == 0)
		r = history_files(h, sha256, SEEN_ROWS, take_seen, s);
	if (r < 0)
		log_warning("the history cannot say where it was seen: %s", strerror(-r));
}

/* -- printing -------------------------------------------------------------------------------------------------------------------- */

static void put_field(const char *name, const char *value)
{
	(void)printf("%-10s ", name);
	records_put(value);
	(void)fputc('\n', stdout);
}

static void put_time(const char *name, int64_t t)
{
	char when[RECORDS_TIME_LEN];

	records_time(t, when);
	(void)printf("%-10s %s UTC\n", name, when);
}

static void put_reasons(const json_t *entry)
{
	size_t k;
	json_t *x;

	json_array_foreach(json_object_get(entry, "reasons"), k, x) {
		enum reason reason;

		(void)printf("%-10s %s", k == 0 ? "held for" : "", text_of(x, "code"));
		if (reason_parse(text_of(x, "code"), &reason) == 0)
			(void)printf(": %s", reason_sentence(reason));
		if (*text_of(x, "detail")) {
			(void)fputs(" (", stdout);
			records_put(text_of(x, "detail"));
			(void)fputc(')', stdout);
		}
		if (*text_of(x, "member")) {
			(void)fputs(" in ", stdout);
			records_put(text_of(x, "member"));
		}
		(void)fputc('\n', stdout);
	}
	json_array_foreach(json_object_get(entry, "signers"), k, x) {
		(void)fputs("signed by  ", stdout);
		records_put(text_of(x, "name"));
		(void)fputs(", proved by ", stdout);
		records_put(text_of(x, "via"));
		(void)fputc('\n', stdout);
	}
	json_array_foreach(json_object_get(entry, "notes"), k, x)
		put_field("note", json_string_value(x));
}

static void put_rows(const char *name, const json_t *rows)
{
	size_t k;
	json_t *x;

	json_array_foreach((json_t *)rows, k, x) {
		char when[RECORDS_TIME_LEN];

		records_time(json_integer_value(json_object_get(x, "started")), when);
		(void)printf("%-10s %s  %s  %s%s", k == 0 ? name : "", when, text_of(x, "transfer"), text_of(x, "verdict"),
			     *text_of(x, "verdict") ? "  " : "");
		records_put(text_of(x, "path"));
		(void)fputc('\n', stdout);
	}
}

static void put_line(uint64_t at, const uint8_t *bytes, size_t size)
{
	(void)printf("%08" PRIx64 " ", at);
	for (size_t k = 0; k < LINE_BYTES; k++) {
		if (k < size)
			(void)printf(" %02x", bytes[k]);
		else
			(void)fputs("   ", stdout);
	}
	(void)fputs("  ", stdout);
	for (size_t k = 0; k < size; k++)
		(void)fputc(bytes[k] >= 0x20 && bytes[k] < 0x7f ? bytes[k] : '.', stdout);
	(void)fputc('\n', stdout);
}

static void put_bytes(struct held_store *h, const struct review *v, const char *sha256)
{
	_cleanup_close_ int fd = -EBADF;
	uint8_t line[LINE_BYTES];
	uint64_t at = v->offset;

	if (v->bytes == 0 || held_open_copy(h, sha256, &fd) < 0)
		return;
	for (uint64_t left = v->bytes; left > 0;) {
		ssize_t n = pread(fd, line, MIN(left, (uint64_t)sizeof(line)), (off_t)at);

		if (n <= 0)
			return;
		put_line(at, line, (size_t)n);
		at += (uint64_t)n;
		left -= (uint64_t)n;
	}
}

static void put_proposal(const json_t *p)
{
	if (!json_is_object(p))
		return;
	(void)printf("%-10s %s, %s%s%s by %s: ", "proposal", text_of(p, "id"), text_of(p, "decision"), *text_of(p, "of") ? " out of " : "",
		     text_of(p, "of"), text_of(p, "by"));
	records_put(text_of(p, "reason"));
	(void)fputc('\n', stdout);
}

static void put(const struct showing *s, struct held_store *h, const char *sha256)
{
	put_field("sha256", sha256);
	put_field("path", text_of(s->file, "path"));
	put_field("state", text_of(s->file, "state"));
	if (json_is_integer(json_object_get(s->file, "until")))
		put_time("until", json_integer_value(json_object_get(s->file, "until")));
	put_proposal(json_object_get(s->file, "proposal"));
	(void)printf("%-10s %" JSON_INTEGER_FORMAT " bytes\n", "size", json_integer_value(json_object_get(s->file, "size")));
	put_field("type", *text_of(s->file, "type") ? text_of(s->file, "type") : "not known");
	put_time("held", json_integer_value(json_object_get(s->file, "held_at")));
	put_time("kept until", json_integer_value(json_object_get(s->file, "expires")));
	if (!json_is_true(json_object_get(s->file, "copy")))
		put_field("copy", "gone: nobody can release it; insert the medium again");
	put_reasons(s->entry);
	put_rows("met in", s->places);
	put_rows("seen", s->seen);
	put_bytes(h, s->v, sha256);
}

static int show(const struct review *v, struct held_store *h, const json_t *proposals)
{
	struct showing s = { .v = v, .proposals = proposals, .places = json_array(), .seen = json_array() };
	char sha256[SHA256_HEX_LEN + 1];
	json_t *all;
	int r = review_complete(h, v->argv[0], sha256);

	if (r == 0)
		r = held_find(h, sha256, time(NULL), take_file, &s);
	if (r == 0)
		log_error("%s: not held, or no longer", v->argv[0]);
	if (r > 0)
		r = held_places(h, sha256, take_place, &s) < 0 ? -EIO : 1;
	if (r > 0)
		gather_seen(&s, sha256);
	if (r > 0 && v->is_json) {
		all = json_pack("{s:O,s:O,s:O?,s:O}", "held", s.file, "places", s.places, "file", s.entry, "seen", s.seen);
		review_put_object(all);
		json_decref(all);
	} else if (r > 0) {
		put(&s, h, sha256);
	}
	json_decref(s.file);
	json_decref(s.places);
	json_decref(s.seen);
	json_decref(s.entry);
	return r > 0 ? EXIT_SUCCESS : r == 0 || r == -EINVAL ? EXIT_FAILURE : EXIT_CANNOT;
}

int review_show(const struct review *v)
{
	return v->argc != 1 ? EXIT_USAGE : review_with_store(v, show);
}
