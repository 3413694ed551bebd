/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include <string.h>

#include "console/intent.h"

#define DEAF_MS 1500
#define WHO_COLUMNS 24 /* of a person's name in the first line */

bool session_has(const struct console *c, const char *role)
{
	json_t *o;
	size_t k;

	if (!session_is(&c->session))
		return false;
	json_array_foreach(member(c->session.object, "roles"), k, o)
		if (json_is_string(o) && strcmp(json_string_value(o), role) == 0)
			return true;
	return false;
}

const char *session_name(const struct session *s)
{
	const char *full = member_text(s->object, "full_name");

	return *full ? full : member_text(s->object, "person");
}

int64_t session_until(const struct console *c)
{
	int64_t now = state_now(&c->state, c->now_ms), here;

	if (c->session.ends == 0 || c->session.length_s == 0 || now == 0)
		return c->session.ends;
	here = now - (c->now_ms - c->pressed_ms) / 1000 + c->session.length_s; /* session_tick() */
	return MIN(c->session.ends, here);
}

static void forget(struct console *c)
{
	json_decref(c->session.object);
	c->session = (struct session){ 0 };
}

/* What was opened for him goes with him. */
static void end(struct console *c)
{
	bool is_passing = c->session.is_passing;

	forget(c);
	if (is_passing)
		return; /* the screen that asked who brings the medium goes on by itself */
	while (c->depth > 0)
		console_back(c);
	desk_clear(c);
}

/* It was not he who ended it: he may be typing, and the rest of that is no command. */
static void end_untold(struct console *c, const char *why)
{
	if (c->depth > 0)
		c->deaf_ms = c->now_ms + DEAF_MS;
	end(c);
	console_notice(c, "%s", why);
}

void session_begin(struct console *c, json_t *object)
{
	int64_t now = state_now(&c->state, c->now_ms);

	forget(c);
	c->session.object = json_incref(object);
	c->session.ends = member_number(object, "ends");
	c->session.length_s = now > 0 && c->session.ends > now ? c->session.ends - now : 0;
	c->session.is_passing = c->shown == &screen_identify;
}

void session_extend(struct console *c)
{
	int64_t now = state_now(&c->state, c->now_ms);

	if (c->session.length_s > 0 && now > 0)
		c->session.ends = MAX(c->session.ends, now + c->session.length_s);
}

void session_logout(struct console *c)
{
	if (!session_is(&c->session))
		return;
	if (!intent_ask(c, ASK_LOGOUT, 0, "logout", NULL))
		c->is_stale = true; /* nobody may go away believing that he is logged out: no connection, no session */
	end(c);
}

void session_event(struct console *c, json_t *event)
{
	const char *person = member_text(event, "person");

	(void)snprintf(c->talk.note, sizeof(c->talk.note), "%s", c->talk.is_waiting ? member_text(event, "note") : "");
	if (*person && c->session.object && strcmp(person, member_text(c->session.object, "person")) == 0) {
		c->session.ends = member_number(event, "ends");
	} else if (*person == '\0' && c->session.object) {
		end_untold(c, _("The session has ended. Log in again to go on."));
	}
	/* A session that we did not ask for is none: the answer to `login` begins it. */
}

void session_tick(struct console *c)
{
	if (!session_is(&c->session) || c->session.length_s == 0 || c->now_ms - c->pressed_ms < c->session.length_s * 1000)
		return;
	session_logout(c);
	console_notice(c, "%s", _("The session has ended. Log in again to go on."));
	c->is_dirty = true;
}

void session_lost(struct console *c)
{
	struct talk *t = &c->talk;

	if (c->session.object)
		end_untold(c, _("The connection to the station was lost, and the session with it."));
	else
		desk_clear(c);
	if (t->is_waiting || t->is_prompt)
		talk_begin(c, t->what);
}

void session_words(const struct console *c, char out[static LAYOUT_LINE])
{
	struct words until = words_time(session_until(c));
	char name[LAYOUT_LINE];
	const char *hour = strchr(until.s, ' ');

	out[0] = '\0';
	if (!session_is(&c->session))
		return;
	layout_clip(name, session_name(&c->session), MIN(WHO_COLUMNS, term_columns() / 3), CLIP_END);
	/* TRANSLATORS: "A. Weber until 06:40" */
	(void)snprintf(out, LAYOUT_LINE, hour ? _("%s until %s") : "%s%s", name, hour ? hour + 1 : "");
}
