/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Several media at once: one line each, the chosen one marked. */
#include "console/frame.h"
#include "console/result.h"
#include "console/sentence.h"

static void item_words(const struct item *i, char out[static RESULT_LINE])
{
	const json_t *progress = member(i->object, "progress");
	uint64_t all = member_count(progress, "bytes_total");
	struct result r = result_of(i->object);

	if (item_is_done(i) && member(i->object, "device"))
		(void)snprintf(out, RESULT_LINE, "%s", _("refused"));
	else if (item_is_done(i))
		result_short(&r, out);
	else
		(void)snprintf(out, RESULT_LINE, "%s%s%s", all > 0 ? words_percent(member_count(progress, "bytes_examined"), all).s : "",
			       all > 0 ? "  " : "", sentence_stage(i->object));
}

void items_draw(struct console *c, struct pen *p)
{
	struct list list = { 0 };
	int name_columns = p->width / 2 - 2;

	for (size_t k = 0; k < c->state.count; k++)
		if (c->state.items[k].number == c->chosen)
			list.at = (int64_t)k;
	list_fit(&list, (int64_t)c->state.count, MIN((int)c->state.count, MAX(pen_left(p) / 4, 2)));
	for (int64_t k = list.top; k < list.top + list.height && k < list.total; k++) {
		const struct item *i = &c->state.items[k];
		enum style style = k == list.at ? STYLE_CHOSEN : STYLE_PLAIN;
		char name[512], words[RESULT_LINE];

		sentence_medium(i->object, name);
		item_words(i, words);
		if (k == list.at)
			pen_mark(p);
		else if (item_asks(i))
			(void)term_put(p->y, 0, 1, STYLE_WARN, CLIP_END, "!");
		(void)term_put(p->y, 2, name_columns - 2, style, CLIP_MIDDLE, name);
		(void)term_put(p->y++, name_columns + 1, p->width - name_columns - 2, style, CLIP_END, words);
	}
	pen_rule(p, "");
}
