/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "console/sentence.h"

#include <string.h>

#include "console/result.h"
#include "control/trouble.h"

void sentence_trouble(struct pen *p, const json_t *trouble)
{
	enum trouble t = trouble_find(member_text(trouble, "code"));
	const char *text = member_text(trouble, "text"), *detail = member_text(trouble, "detail");

	if (t == TROUBLE_NONE) {
		pen_text(p, 0, 3, STYLE_PLAIN, text);
	} else {
		pen_text(p, 0, 3, STYLE_PLAIN, _(trouble_text(t)));
		if (*text && strcmp(text, trouble_text(t)) != 0) /* more than the list says */
			pen_text(p, 2, 3, STYLE_DIM, text);
	}
	pen_text(p, 2, 3, STYLE_DIM, detail);
}

void sentence_what_to_do(struct pen *p, const json_t *trouble)
{
	enum trouble t = trouble_find(member_text(trouble, "code"));
	const char *next = t != TROUBLE_NONE ? _(trouble_next(t)) : member_text(trouble, "next");

	if (!*next)
		return;
	pen_gap(p);
	pen_line(p, 0, STYLE_HEADING, "%s", _("What to do"));
	pen_text(p, 2, 3, STYLE_PLAIN, next);
}

const char *sentence_reason(enum reason r)
{
	const char *s = reason_sentence(r);

	return s ? _(s) : "";
}

const char *sentence_next(enum reason r)
{
	const char *s = reason_next_step(r);

	return s ? _(s) : "";
}

const char *sentence_code(const char *code)
{
	enum reason r;

	return reason_parse(code, &r) == 0 ? sentence_reason(r) : code;
}

static const char *queue_words(const json_t *medium)
{
	const char *why = member_text(member(medium, "queue"), "why");

	if (strcmp(why, "station") == 0)
		return _("Waiting until the station is ready");
	if (strcmp(why, "staging-full") == 0)
		return _("Waiting: there is no room for transfers");
	return _("Waiting for its turn");
}

const char *sentence_stage(const json_t *medium)
{
	static const struct {
		const char *state, *words;
	} stages[] = {
		{ "identify", N_("Waiting for your name") },
		{ "opening", N_("Looking at the medium") },
		{ "locked", N_("Waiting for a passphrase") },
		{ "reading", N_("Reading the files") },
		{ "examining", N_("All has been read; examining the files") },
		{ "checking", N_("Checking signatures and rules") },
		{ "publishing", N_("Transferring what may pass") },
		{ "done", N_("Done") },
	};
	const char *state = member_text(medium, "state");

	if (strcmp(state, "queued") == 0)
		return queue_words(medium);
	for (size_t k = 0; k < ARRAY_LEN(stages); k++)
		if (strcmp(state, stages[k].state) == 0)
			return _(stages[k].words);
	return state;
}

void sentence_medium(const json_t *medium, char out[static 512])
{
	const char *port = member_text(medium, "port");
	uint64_t size = member_count(medium, "size");
	char name[RESULT_LINE];

	result_medium_name(medium, name);
	(void)snprintf(out, 512, "%s%s%s%s%s%s", name, size > 0 ? ", " : "", size > 0 ? words_size(size).s : "", *port ? ", " : "",
		       *port ? _("port ") : "", port);
}

const char *sentence_device(const json_t *device)
{
	enum trouble t = trouble_find(member_text(device, "code"));

	return t != TROUBLE_NONE ? _(trouble_text(t)) : member_text(device, "why");
}

const char *sentence_verdict(enum verdict v, bool is_published)
{
	switch (v) {
	case VERDICT_APPROVED:
		return is_published ? _("+ transferred") : _("- not transferred");
	case VERDICT_HELD:
		return _("? waits");
	default:
		return _("x refused");
	}
}

enum style sentence_verdict_style(enum verdict v, bool is_published)
{
	switch (v) {
	case VERDICT_APPROVED:
		return is_published ? STYLE_GOOD : STYLE_PLAIN;
	case VERDICT_HELD:
		return STYLE_WARN;
	default:
		return STYLE_BAD;
	}
}
