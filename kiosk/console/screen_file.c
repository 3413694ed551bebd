/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* All that the report has about one file. */
#include "console/file.h"

#include <string.h>

#include "console/intent.h"
#include "console/sentence.h"

#define LABEL FILE_LABEL

/* The path is what matters most here: whole, over as many lines as it takes. */
void file_draw_path(const char *path, struct pen *p)
{
	int columns = p->width - 2;

	while (*path) {
		const char *line = path;
		size_t n = layout_wrap(&path, columns);

		pen_line(p, 0, STYLE_HEADING, "%.*s", (int)n, line);
	}
}

void file_draw_reasons(const json_t *f, struct pen *p)
{
	json_t *o;
	size_t k;

	json_array_foreach(member(f, "reasons"), k, o) {
		const char *member_path = member_text(o, "member"), *detail = member_text(o, "detail");
		enum reason r;
		bool is_known = reason_parse(member_text(o, "code"), &r) == 0;

		pen_gap(p);
		pen_rule(p, member_text(o, "code"));
		pen_text(p, 0, 4, STYLE_PLAIN, sentence_code(member_text(o, "code")));
		if (*detail)
			pen_pair_text(p, LABEL, _("Found"), 4, STYLE_PLAIN, detail);
		if (*member_path)
			pen_pair(p, LABEL, _("Inside"), STYLE_PLAIN, "%s", member_path);
		if (is_known)
			pen_text(p, 0, 4, STYLE_PLAIN, sentence_next(r));
	}
}

void file_draw_signers(const json_t *f, struct pen *p)
{
	json_t *o;
	size_t k;

	json_array_foreach(member(f, "signers"), k, o) {
		pen_pair(p, LABEL, _("Signed by"), STYLE_PLAIN, "%s", member_text(o, "name"));
		pen_pair(p, LABEL, _("Key"), STYLE_PLAIN, "%s", member_text(o, "key"));
		pen_pair(p, LABEL, _("Through"), STYLE_PLAIN, "%s", member_text(o, "via"));
	}
}

void file_draw_remarks(const json_t *f, struct pen *p)
{
	json_t *o;
	size_t k;

	json_array_foreach(member(f, "notes"), k, o)
		if (json_is_string(o))
			pen_pair_text(p, LABEL, k == 0 ? _("Looked at") : "", 3, STYLE_PLAIN, json_string_value(o));
	json_array_foreach(member(f, "vouched"), k, o)
		pen_pair(p, LABEL, k == 0 ? _("Vouched for") : "", STYLE_PLAIN, "%s  %s", member_text(o, "code"), member_text(o, "detail"));
}

/* On as many lines as it takes: it can be compared only when nothing is left out. */
void file_draw_hash(const char *hash, struct pen *p)
{
	int columns = p->width - LABEL - 2, part = columns >= 64 ? 64 : columns >= 32 ? 32 : 16;

	if (!*hash)
		pen_pair(p, LABEL, "SHA-256", STYLE_PLAIN, "%s", _("not read whole"));
	for (size_t at = 0; at < strlen(hash); at += (size_t)part)
		pen_pair(p, LABEL, at == 0 ? "SHA-256" : "", STYLE_PLAIN, "%.*s", part, hash + at);
}

static void draw_fields(const json_t *f, struct pen *p)
{
	const char *published = member_text(f, "published_as"), *verdict = member_text(f, "verdict");
	enum verdict v = strcmp(verdict, "approved") == 0 ? VERDICT_APPROVED : strcmp(verdict, "held") == 0 ? VERDICT_HELD : VERDICT_BLOCKED;

	file_draw_path(member_text(f, "path"), p);
	pen_gap(p);
	pen_pair(p, LABEL, _("Verdict"), sentence_verdict_style(v, *published != '\0'), "%s", sentence_verdict(v, *published != '\0'));
	pen_pair(p, LABEL, _("Decided by"), STYLE_PLAIN, "%s", *member_text(f, "rule") ? member_text(f, "rule") : _("no rule"));
	pen_pair(p, LABEL, _("Size"), STYLE_PLAIN, _("%s (%s bytes)"), words_size(member_count(f, "size")).s,
		 words_number(member_count(f, "size")).s);
	pen_pair(p, LABEL, _("Type"), STYLE_PLAIN, "%s", *member_text(f, "type") ? member_text(f, "type") : _("not known"));
	file_draw_hash(member_text(f, "sha256"), p);
	pen_pair(p, LABEL, _("Volume"), STYLE_PLAIN, "%s", words_number(member_count(f, "volume")).s);
	file_draw_signers(f, p);
	if (*published)
		pen_pair(p, LABEL, _("Published as"), STYLE_PLAIN, "%s", published);
	file_draw_remarks(f, p);
	file_draw_reasons(f, p);
}

/* Drawn higher up by what has been scrolled. */
static void draw(struct console *c, struct pen *p)
{
	struct pen scrolled = *p;

	if (!c->file) {
		pen_line(p, 0, STYLE_PLAIN, "%s",
			 c->file_failed ? _("The details of this file are not available now.") : _("Fetching the details..."));
		return;
	}
	scrolled.top = p->y;
	scrolled.y = p->y - (int)c->lines.top;
	scrolled.is_endless = true; /* to learn how long it is */
	draw_fields(c->file, &scrolled);
	c->lines.total = scrolled.y - p->y + c->lines.top;
	c->lines.height = p->bottom - p->y;
	c->lines.top = MAX(MIN(c->lines.top, c->lines.total - c->lines.height), 0);
}

static void enter(struct console *c)
{
	c->lines = (struct list){ 0 };
}

/* What the station blocked by mistake, or should never have let through: an officer says so of the content, wherever it comes
 * from. */
static bool may_decide(struct console *c)
{
	return desk_may_decide(c) && *member_text(c->file, "sha256");
}

static bool may_allow(struct console *c)
{
	return may_decide(c) && strcmp(member_text(c->file, "verdict"), "blocked") == 0;
}

static bool press(struct console *c, const struct press *press)
{
	if (press->kind == PRESS_ENTER || press->kind == PRESS_LEFT) {
		console_back(c);
		return true;
	}
	if ((is_letter(press, 'a') && may_allow(c)) || (is_letter(press, 'n') && may_decide(c))) {
		decide_open(c, is_letter(press, 'a') ? "allow" : "deny", member_text(c->file, "sha256"), member_text(c->file, "path"));
		return true;
	}
	c->lines.at = c->lines.top;
	if (!list_press(&c->lines, press))
		return false;
	c->lines.top = MIN(c->lines.at, MAX(c->lines.total - c->lines.height, 0));
	return true;
}

static void keys(struct console *c, struct bar *b)
{
	if (c->lines.total > c->lines.height)
		bar_add(b, _("Arrows"), _("Scroll"));
	if (may_allow(c))
		bar_add(b, "a", _("Allow"));
	if (may_decide(c))
		bar_add(b, "n", _("Never allow"));
}

const struct screen screen_file = { .enter = enter, .draw = draw, .press = press, .keys = keys };
