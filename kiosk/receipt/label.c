/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A slip of paper that goes with the medium: what it was, what became of it, what to do. The printer puts the QR code below. */
#include <inttypes.h>
#include <string.h>

#include "receipt/columns.h"
#include "receipt/forms.h"

#define REFUSED_SHOWN 8
#define NAME_COLUMNS  120

static void line(const struct sheet *s, const char *label, const char *value)
{
	if (*value)
		columns_field(s->out, label, value, COLUMNS_WORDS, s->columns, 10);
}

static int put_refused(const struct sheet *s, const json_t *file)
{
	_cleanup_free_ char *path = facts_short(file, "path", NAME_COLUMNS), *text = NULL;
	const json_t *first = json_array_get(json_object_get(file, "reasons"), 0);
	const char *verdict = json_string_value(json_object_get(file, "verdict"));
	_cleanup_free_ char *code = facts_text(first, "code");

	if (!path || !code || asprintf(&text, "%s, %s", verdict ? verdict : "", code) < 0)
		return -ENOMEM;
	columns_field(s->out, "", text, COLUMNS_WORDS, s->columns, 0);
	columns_field(s->out, "", path, COLUMNS_NAME, s->columns, 2); /* all of it indented: no name makes a line of ours */
	return 0;
}

static int put_people(const struct sheet *s)
{
	const json_t *medium = json_object_get(s->summary->head, "medium");
	_cleanup_free_ char *station = facts_text(json_object_get(s->summary->head, "station"), "name");
	_cleanup_free_ char *who = facts_short(s->summary->head, "operator", NAME_COLUMNS), *owner = facts_short(s->summary->head, "owner", NAME_COLUMNS);
	_cleanup_free_ char *ticket = facts_short(s->summary->head, "ticket", NAME_COLUMNS), *serial = facts_short(medium, "serial", NAME_COLUMNS);
	char when[FACT_TIME_LEN];

	if (!station || !who || !owner || !ticket || !serial)
		return -ENOMEM;
	facts_time(json_integer_value(json_object_get(s->summary->head, "finished")), when);
	line(s, "When", when);
	line(s, "Station", station);
	line(s, "Operator", who);
	line(s, "Owner", owner);
	line(s, "Ticket", ticket);
	line(s, "Serial", serial);
	return 0;
}

static int put_list(const struct sheet *s)
{
	struct places blocked, held;
	uint64_t all = s->summary->verdicts[VERDICT_BLOCKED] + s->summary->verdicts[VERDICT_HELD], more;
	int r;

	sheet_refused(s, &blocked, &held, &more);
	blocked.count = MIN(blocked.count, (size_t)REFUSED_SHOWN);
	held.count = MIN(held.count, (size_t)REFUSED_SHOWN - blocked.count);
	if (all == 0)
		return 0;
	(void)fputc('\n', s->out);
	r = sheet_each(s, &blocked, put_refused);
	if (r == 0)
		r = sheet_each(s, &held, put_refused);
	if (all > blocked.count + held.count)
		(void)fprintf(s->out, "and %" PRIu64 " more\n", all - blocked.count - held.count);
	return r;
}

int sheet_label(const struct sheet *s)
{
	const struct summary *m = s->summary;
	_cleanup_free_ char *transfer = facts_text(m->head, "transfer"), *counts = NULL;
	int r;

	if (!transfer || asprintf(&counts, "%" PRIu64 " approved, %" PRIu64 " held, %" PRIu64 " blocked", m->verdicts[VERDICT_APPROVED],
				  m->verdicts[VERDICT_HELD], m->verdicts[VERDICT_BLOCKED]) < 0)
		return -ENOMEM;
	columns_field(s->out, "", "LAZARET", COLUMNS_WORDS, s->columns, 0);
	columns_field(s->out, "", transfer, COLUMNS_NAME, s->columns, 0);
	columns_field(s->out, "", facts_outcome(m), COLUMNS_WORDS, s->columns, 0);
	line(s, "Files", counts);
	r = put_people(s);
	return r < 0 ? r : put_list(s);
}
