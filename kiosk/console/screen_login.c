/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* An officer, auditor or administrator logs in. */
#include "console/intent.h"

static void enter(struct console *c)
{
	talk_begin(c, TALK_LOGIN);
}

static void draw(struct console *c, struct pen *p)
{
	pen_gap(p);
	pen_line(p, 0, STYLE_HEADING, "%s", _("WHO ARE YOU?"));
	pen_text(p, 0, 3, STYLE_PLAIN,
		 _("For security officers, auditors and administrators. To bring a medium you need not log in here. What you type as your secret is not shown."));
	pen_gap(p);
	talk_draw(c, p);
}

static bool press(struct console *c, const struct press *press)
{
	return talk_press(c, press);
}

static void keys(struct console *c, struct bar *b)
{
	talk_keys(c, b, _("Log in"));
}

static void closed(struct console *c)
{
	if (!session_is(&c->session)) /* he thought better of it */
		c->maintenance.is_wanted = false;
}

const struct screen screen_login = {
	.enter = enter, .leave = talk_leave, .close = closed, .draw = draw, .press = press, .keys = keys, .is_typed = true
};
