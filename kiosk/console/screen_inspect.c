/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A medium is being inspected, or waits for that. */
#include <string.h>

#include "console/intent.h"
#include "console/result.h"
#include "console/sentence.h"

#define LABEL 11
#define FINDINGS_LEFT 4 /* lines that findings need to be worth a heading */

static void draw_hold(const json_t *m, struct pen *p)
{
	bool is_queued = strcmp(member_text(m, "state"), "queued") == 0;

	if (!member_true(m, "present"))
		pen_line(p, 0, STYLE_PLAIN, "%s", _("The medium has been taken out; what was read is still being examined."));
	else if (member_true(m, "removable"))
		pen_line(p, 0, STYLE_GOOD, "%s", _("YOU MAY REMOVE THE MEDIUM NOW."));
	else if (!is_queued)
		pen_line(p, 0, STYLE_WARN, "%s", _("LEAVE THE MEDIUM IN."));
}

static void amount(char out[static 320], uint64_t bytes, uint64_t files)
{
	(void)snprintf(out, 320, _n("%s, %s file", "%s, %s files", files), words_size(bytes).s, words_number(files).s);
}

static void draw_progress(const json_t *progress, struct pen *p)
{
	uint64_t bytes = member_count(progress, "bytes_total"), files = member_count(progress, "files_total"),
		 rate = member_count(progress, "bytes_per_s"), inside = member_count(progress, "members_examined");
	const json_t *left = member(progress, "left_s");
	char text[320];

	amount(text, member_count(progress, "bytes_read"), member_count(progress, "files_read"));
	pen_bar(p, LABEL, _("Read"), member_count(progress, "bytes_read"), bytes, text);
	amount(text, member_count(progress, "bytes_examined"), member_count(progress, "files_examined"));
	pen_bar(p, LABEL, _("Examined"), member_count(progress, "bytes_examined"), bytes, text);
	if (inside > 0)
		pen_pair(p, LABEL, _("Inside them"), STYLE_PLAIN, _n("%s file", "%s files", inside), words_number(inside).s);
	amount(text, bytes, files);
	if (bytes > 0 && files > 0)
		pen_pair(p, LABEL, _("In all"), STYLE_PLAIN, _("about %s"), text); /* an estimate */
	else if (bytes > 0)
		pen_pair(p, LABEL, _("In all"), STYLE_PLAIN, _("about %s"), words_size(bytes).s);
	if (rate > 0 && json_is_integer(left))
		pen_pair(p, LABEL, _("Speed"), STYLE_PLAIN, _("%s/s, about %s left"), words_size(rate).s,
			 words_duration(member_count(progress, "left_s")).s);
	else if (rate > 0)
		pen_pair(p, LABEL, _("Speed"), STYLE_PLAIN, _("%s/s"), words_size(rate).s);
}

static void draw_findings(struct console *c, const json_t *m, struct pen *p)
{
	const json_t *findings = member(m, "findings");
	uint64_t found = member_count(m, "found");
	size_t total = json_array_size(findings);
	char title[128];

	if (found == 0 || pen_left(p) < 2)
		return;
	(void)snprintf(title, sizeof(title), _n("Something was found in %s file", "Something was found in %s files", found), words_number(found).s);
	pen_rule(p, title);
	list_fit(&c->findings, (int64_t)total, pen_left(p) / 2);
	for (size_t k = (size_t)c->findings.top; k < total && pen_left(p) >= 2; k++) { /* the newest first */
		const json_t *f = json_array_get(findings, total - 1 - k);
		const char *detail = member_text(f, "detail");

		pen_pair(p, 2, "!", STYLE_WARN, "%s", member_text(f, "path"));
		pen_line(p, 2, STYLE_PLAIN, "%s%s%s%s", sentence_code(member_text(f, "code")), *detail ? " (" : "", detail, *detail ? ")" : "");
	}
}

static void draw_warnings(const json_t *m, struct pen *p)
{
	json_t *o;
	size_t k;

	json_array_foreach(member(m, "warnings"), k, o)
		if (json_is_string(o) && pen_left(p) > FINDINGS_LEFT)
			pen_text(p, 0, 2, STYLE_WARN, json_string_value(o));
}

static void draw_volumes(const json_t *m, struct pen *p)
{
	json_t *o;
	size_t k;

	json_array_foreach(member(m, "volumes"), k, o)
		if (pen_left(p) > FINDINGS_LEFT)
			pen_pair(p, LABEL, k == 0 ? _("Volumes") : "", STYLE_PLAIN, "%s%s%s", *member_text(o, "fs") ? member_text(o, "fs") : "?",
				 *member_text(o, "label") ? "  " : "", member_text(o, "label"));
}

static void draw_why(const json_t *trouble, struct pen *p)
{
	sentence_trouble(p, trouble);
	sentence_what_to_do(p, trouble);
}

static void draw(struct console *c, struct pen *p)
{
	struct item *i = console_item(c);
	const json_t *m = i ? i->object : NULL;
	const json_t *queue = member(m, "queue");
	char medium[512];

	if (!m)
		return;
	sentence_medium(m, medium);
	pen_line(p, 0, STYLE_HEADING, "%s", medium);
	if (json_is_object(queue) && member_count(queue, "position") > 0)
		pen_line(p, 0, STYLE_PLAIN, _("%s (number %s in the queue)"), sentence_stage(m), words_number(member_count(queue, "position")).s);
	else
		pen_line(p, 0, STYLE_PLAIN, "%s", sentence_stage(m));
	draw_hold(m, p);
	pen_gap(p);
	if (!json_is_object(queue))
		draw_progress(member(m, "progress"), p);
	else if (strcmp(member_text(queue, "why"), "turn") != 0)
		draw_why(member(c->state.station, "trouble"), p);
	if (*member_text(m, "transfer") && term_rows() > 20)
		pen_pair(p, LABEL, _("Receipt"), STYLE_PLAIN, "%s", member_text(m, "transfer"));
	draw_volumes(m, p);
	draw_warnings(m, p);
	pen_gap(p);
	draw_findings(c, m, p);
}

static void enter(struct console *c)
{
	c->findings = (struct list){ 0 };
}

static bool press(struct console *c, const struct press *press)
{
	if (is_letter(press, 'c')) {
		c->dialog = DIALOG_CANCEL;
		return true;
	}
	if (c->state.count > 1)
		return false; /* the arrows choose a medium */
	c->findings.at = c->findings.top;
	if (!list_press(&c->findings, press))
		return false;
	c->findings.top = MIN(c->findings.at, MAX(c->findings.total - c->findings.height, 0));
	return true;
}

static void keys(struct console *c, struct bar *b)
{
	bar_add(b, "c", _("Stop the inspection"));
}

const struct screen screen_inspect = { .enter = enter, .draw = draw, .press = press, .keys = keys };
