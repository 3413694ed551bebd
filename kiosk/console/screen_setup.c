/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A machine that is no station yet: what it waits for; and a page for each thing that it has to know, for those who type it. lazaretd
 * looks at all of it (docs/control.md, set-up); what is asked for here is merely asked for. */
#include <string.h>
#include <time.h>

#include "console/intent.h"
#include "console/sentence.h"

#define LABEL 18

static const struct {
	const char *name, *words;
} profiles[] = {
	{ "strict", N_("what a trusted key has signed, and simple types") },
	{ "updates", N_("updates of software, signed") },
	{ "documents", N_("documents and pictures without programs in them") },
};

bool setup_is_awaited(const struct console *c)
{
	return json_is_object(member(c->state.station, "set_up"));
}

/* -- what it waits for --------------------------------------------------------------------------------------------- */

static void draw_media(struct console *c, struct pen *p)
{
	for (size_t k = 0; k < c->state.count; k++) {
		const struct item *i = &c->state.items[k];
		char medium[512];

		sentence_medium(i->object, medium);
		pen_pair(p, LABEL, k == 0 ? _("Plugged in") : "", STYLE_PLAIN, "%s: %s", medium,
			 item_is_done(i) ? _("looked through") : _("is being looked through"));
	}
}

static void draw_keyboards(struct console *c, struct pen *p)
{
	bool is_first = true;
	json_t *d;
	size_t k;

	json_array_foreach(member(c->state.devices, "usb"), k, d) {
		if (strcmp(member_text(d, "role"), "input") != 0 || !member_true(d, "accepted"))
			continue;
		pen_pair(p, LABEL, is_first ? _("Keyboard") : "", STYLE_PLAIN, _("port %s: %s %s %s"), member_text(d, "port"),
			 member_text(d, "id"), member_text(d, "vendor"), member_text(d, "product"));
		is_first = false;
	}
	if (is_first)
		pen_pair(p, LABEL, _("Keyboard"), STYLE_PLAIN, "%s", _("not on USB"));
}

static void draw_wait(struct console *c, struct pen *p)
{
	const json_t *set_up = member(c->state.station, "set_up");
	const char *by = member_text(set_up, "by"), *refused = member_text(set_up, "refused");

	pen_gap(p);
	if (*by) {
		pen_line(p, 0, STYLE_GOOD, "%s", _("THE ANSWERS ARE TAKEN. THE MACHINE RESTARTS."));
		pen_text(p, 0, 3, STYLE_PLAIN, _("Take the stick out. After the restart this is the station, and the first screen says READY."));
		pen_gap(p);
		pen_pair(p, LABEL, _("Answers"), STYLE_PLAIN, "%s", by);
		return;
	}
	pen_line(p, 0, STYLE_WARN, "%s", _("THIS MACHINE IS NOT SET UP YET."));
	pen_text(p, 0, 6, STYLE_PLAIN,
		 _("Plug in the stick with the site's answers: the files lazaret-answers and lazaret-answers.minisig, signed with the site's key. Or press Enter and type them here. Nothing is transferred until the machine has been set up."));
	pen_gap(p);
	pen_pair(p, LABEL, _("Number"), STYLE_PLAIN, _("%s (answers can be for this machine alone)"), member_text(c->state.station, "id"));
	draw_keyboards(c, p);
	draw_media(c, p);
	pen_gap(p);
	if (*refused) {
		pen_line(p, 0, STYLE_BAD, "%s", _("THESE ANSWERS ARE NOT TAKEN:"));
		pen_text(p, 0, 5, STYLE_PLAIN, refused);
	}
}

static bool press_wait(struct console *c, const struct press *press)
{
	bool is_taken = *member_text(member(c->state.station, "set_up"), "by") != '\0';

	if (is_letter(press, 'l'))
		console_open(c, &screen_language);
	else if (press->kind == PRESS_ENTER && !is_taken)
		console_open(c, &screen_setup_form);
	else
		return false;
	return true;
}

static void keys_waiting(struct console *c, struct bar *b)
{
	if (*member_text(member(c->state.station, "set_up"), "by") == '\0')
		bar_add(b, _("Enter"), _("Type the answers"));
	bar_add(b, "l", _("Language"));
}

const struct screen screen_setup = { .draw = draw_wait, .press = press_wait, .keys = keys_waiting };

/* -- ports ----------------------------------------------------------------------------------------------------------- */

static bool has_text(const json_t *list, const char *text)
{
	json_t *o;
	size_t k;

	json_array_foreach((json_t *)list, k, o)
		if (strcmp(json_string_value(o), text) == 0)
			return true;
	return false;
}

/* Where a stick is now is a port for media, from then on. */
static void collect_ports(struct console *c)
{
	struct setup *s = &c->setup;
	json_t *d;
	size_t k;

	if (!s->ports)
		s->ports = json_array();
	json_array_foreach(member(c->state.devices, "usb"), k, d) {
		const char *port = member_text(d, "port");

		if (strcmp(member_text(d, "role"), "medium") == 0 && *port && s->ports && !has_text(s->ports, port))
			(void)json_array_append_new(s->ports, json_string(port)); /* seen again at the next turn */
	}
}

static bool is_behind(const char *port, const char *hub)
{
	size_t size = strlen(hub);

	return strncmp(port, hub, size) == 0 && port[size] == '.';
}

/* A hub is the station's own when a port for media or its keyboard is behind it. */
static bool is_needed(const struct setup *s, const json_t *inputs, const char *hub)
{
	json_t *o;
	size_t k;

	json_array_foreach(s->ports, k, o)
		if (is_behind(json_string_value(o), hub))
			return true;
	json_array_foreach((json_t *)inputs, k, o)
		if (is_behind(member_text(o, "port"), hub))
			return true;
	return false;
}

static json_t *inputs_of(struct console *c)
{
	json_t *list = json_array(), *d;
	size_t k;

	json_array_foreach(member(c->state.devices, "usb"), k, d)
		if (strcmp(member_text(d, "role"), "input") == 0 && member_true(d, "accepted"))
			(void)json_array_append_new(list, json_pack("{ss ss}", "port", member_text(d, "port"), "id", member_text(d, "id"))); /* else: shown as missing */
	return list;
}

static json_t *hubs_of(struct console *c, const json_t *inputs)
{
	json_t *list = json_array(), *d;
	size_t k;

	json_array_foreach(member(c->state.devices, "usb"), k, d)
		if (strcmp(member_text(d, "role"), "hub") == 0 && is_needed(&c->setup, inputs, member_text(d, "port")))
			(void)json_array_append_new(list, json_string(member_text(d, "port"))); /* as above */
	return list;
}

/* -- sending --------------------------------------------------------------------------------------------------------- */

static json_t *person_of(const struct setup_person *p, const char *role)
{
	return json_pack("{ss s[s] ss}", "name", p->name.text, "roles", role, "secret", p->secret.text);
}

static void send_answers(struct console *c)
{
	struct setup *s = &c->setup;
	json_t *inputs = inputs_of(c), *hubs = hubs_of(c, inputs);
	json_t *answers = json_pack("{ss ss ss so so so s[o o]}", "name", s->name.text, "profile", profiles[s->profile].name, "time-zone",
				    s->zone.length > 0 ? s->zone.text : "UTC", "media-ports", json_incref(s->ports), "inputs", inputs, "hubs", hubs, "persons",
				    person_of(&s->persons[0], "administrator"), person_of(&s->persons[1], "officer"));

	s->said[0] = '\0';
	s->is_sending = answers && intent_ask(c, ASK_SETUP, 0, "set-up", json_pack("{so}", "answers", answers));
	if (!s->is_sending)
		console_notice(c, "%s", _("That could not be passed on to the station. Try again."));
}

static void send_clock(struct console *c)
{
	struct setup *s = &c->setup;
	int64_t at;

	if (!words_parse_utc(s->clock.text, &at)) {
		console_notice(c, "%s", _("A date and a time in UTC, such as 2026-11-23 06:30; or nothing."));
		return;
	}
	s->is_sending = intent_ask(c, ASK_SETUP, 1, "machine", json_pack("{ss sI}", "action", "clock", "value", (json_int_t)at));
	if (!s->is_sending)
		console_notice(c, "%s", _("That could not be passed on to the station. Try again."));
}

void setup_answer(struct console *c, const struct ask *a, json_t *answer)
{
	struct setup *s = &c->setup;
	bool is_ok = member_true(answer, "ok");

	s->is_sending = false;
	if (c->shown != &screen_setup_form)
		return;
	if (!is_ok) {
		(void)snprintf(s->said, sizeof(s->said), "%s", member_text(member(answer, "error"), "text"));
	} else if (a->generation == 1) {
		entry_wipe(&s->clock);
		s->page = SETUP_ADMINISTRATOR;
		s->field = 0;
		console_notice(c, "%s", _("The clock is set."));
	} else {
		console_back(c);
	}
}

/* -- the form -------------------------------------------------------------------------------------------------------- */

#define FIELDS_MAX 4

struct field {
	const char *label;
	struct entry *entry; /* NULL: chosen by Left and Right */
	bool is_secret;
	const char *missing; /* NULL: it may be empty */
};

static int fields_of(struct console *c, struct field fields[static FIELDS_MAX])
{
	struct setup *s = &c->setup;
	int n = 0;

	if (s->page == SETUP_STATION) {
		fields[n++] = (struct field){ _("Name"), &s->name, false, _("The station needs a name.") };
		fields[n++] = (struct field){ _("Rules"), NULL, false, NULL };
		fields[n++] = (struct field){ _("Time zone"), &s->zone, false, NULL };
		fields[n++] = (struct field){ _("Clock (UTC)"), &s->clock, false, NULL };
	} else if (s->page == SETUP_ADMINISTRATOR || s->page == SETUP_OFFICER) {
		struct setup_person *p = &s->persons[s->page == SETUP_OFFICER];

		fields[n++] = (struct field){ _("Log-in name"), &p->name, false, _("The person needs a name.") };
		fields[n++] = (struct field){ _("Password"), &p->secret, true, _("The person needs a password.") };
		fields[n++] = (struct field){ _("Once more"), &p->again, true, _("Type the password once more.") };
	}
	return n;
}

static void draw_fields(struct console *c, struct pen *p)
{
	struct setup *s = &c->setup;
	struct field fields[FIELDS_MAX];
	int n = fields_of(c, fields);

	for (int k = 0; k < n; k++) {
		const struct field *f = &fields[k];
		bool has_cursor = k == s->field && !s->is_sending;

		pen_gap(p);
		if (!f->entry)
			pen_pair(p, LABEL, f->label, has_cursor ? STYLE_CHOSEN : STYLE_PLAIN, "< %s > %s", profiles[s->profile].name, _(profiles[s->profile].words));
		else if (f->is_secret)
			entry_draw_secret(p, LABEL, f->label, f->entry, has_cursor);
		else
			entry_draw(p, LABEL, f->label, f->entry, has_cursor, false);
	}
}

static void draw_ports(struct console *c, struct pen *p)
{
	json_t *o;
	size_t k;

	draw_keyboards(c, p);
	if (json_array_size(c->setup.ports) == 0)
		pen_pair(p, LABEL, _("For media"), STYLE_WARN, "%s", _("no port yet"));
	json_array_foreach(c->setup.ports, k, o)
		pen_pair(p, LABEL, k == 0 ? _("For media") : "", STYLE_PLAIN, _("port %s"), json_string_value(o));
}

static void draw_last(struct console *c, struct pen *p)
{
	const struct setup *s = &c->setup;

	pen_pair(p, LABEL, _("Name"), STYLE_PLAIN, "%s", s->name.text);
	pen_pair(p, LABEL, _("Rules"), STYLE_PLAIN, "%s", profiles[s->profile].name);
	pen_pair(p, LABEL, _("Time zone"), STYLE_PLAIN, "%s", s->zone.length > 0 ? s->zone.text : "UTC");
	pen_pair(p, LABEL, _("Administrator"), STYLE_PLAIN, "%s", s->persons[0].name.text);
	pen_pair(p, LABEL, _("Officer"), STYLE_PLAIN, "%s", s->persons[1].name.text);
	draw_ports(c, p);
}

static void draw_form(struct console *c, struct pen *p)
{
	static const char *const headings[SETUP_PAGES] = {
		N_("1 OF 5: THE STATION"), N_("2 OF 5: THE ADMINISTRATOR"), N_("3 OF 5: THE SECURITY OFFICER"), N_("4 OF 5: PORTS"),
		N_("5 OF 5: IS ALL OF IT RIGHT?"),
	};
	static const char *const words[SETUP_PAGES] = {
		N_("Its name stands on every screen and receipt. Left and Right choose the rules. The clock stays as it is when nothing is typed there."),
		N_("Lets people in, sets the clock, restarts and switches off. a-z, 0-9 and . _ - are for names."),
		N_("Decides what is held, together with a second person. Not the same person as the administrator."),
		N_("Plug a stick into each port that is for media, one after the other. All other ports are closed, but for these keyboards at their ports. Erase begins anew."),
		N_("Enter makes the station: the machine restarts. Esc goes back."),
	};
	struct setup *s = &c->setup;

	if (s->page == SETUP_PORTS)
		collect_ports(c);
	pen_gap(p);
	pen_line(p, 0, STYLE_HEADING, "%s", _(headings[s->page]));
	pen_text(p, 0, 4, STYLE_PLAIN, _(words[s->page]));
	if (s->page == SETUP_STATION)
		pen_line(p, 0, STYLE_DIM, _("The clock shows %s UTC."), words_time_utc(state_now(&c->state, c->now_ms)).s);
	draw_fields(c, p);
	pen_gap(p);
	if (s->page == SETUP_PORTS)
		draw_ports(c, p);
	else if (s->page == SETUP_LAST)
		draw_last(c, p);
	pen_gap(p);
	if (s->is_sending)
		pen_line(p, 0, STYLE_PLAIN, "%s", _("Waiting for the station..."));
	else if (*s->said)
		pen_text(p, 0, 3, STYLE_BAD, s->said);
}

/* What of a page must be so before the next one; a notice says what is not. */
static bool is_complete(struct console *c, int until)
{
	struct setup *s = &c->setup;
	struct field fields[FIELDS_MAX];
	int n = fields_of(c, fields);

	for (int k = 0; k < n && k <= until; k++)
		if (fields[k].missing && fields[k].entry->length == 0) {
			s->field = k;
			console_notice(c, "%s", fields[k].missing);
			return false;
		}
	if (until < n - 1)
		return true;
	if (s->page == SETUP_ADMINISTRATOR || s->page == SETUP_OFFICER) {
		struct setup_person *p = &s->persons[s->page == SETUP_OFFICER];

		if (strcmp(p->secret.text, p->again.text) != 0) {
			entry_wipe(&p->secret);
			entry_wipe(&p->again);
			s->field = 1;
			console_notice(c, "%s", _("These are two different passwords. Type it again."));
			return false;
		}
	}
	if (s->page == SETUP_OFFICER && strcmp(s->persons[0].name.text, s->persons[1].name.text) == 0) {
		s->field = 0;
		console_notice(c, "%s", _("The officer must be another person than the administrator."));
		return false;
	}
	return true;
}

static void press_enter(struct console *c)
{
	struct setup *s = &c->setup;
	struct field fields[FIELDS_MAX];
	int n = fields_of(c, fields);

	s->said[0] = '\0';
	if (!is_complete(c, n > 0 ? s->field : 0))
		return;
	if (n > 0 && s->field + 1 < n) {
		s->field++;
	} else if (s->page == SETUP_LAST) {
		send_answers(c);
	} else if (s->page == SETUP_STATION && s->clock.length > 0) {
		send_clock(c);
	} else {
		s->page++;
		s->field = 0;
	}
}

static bool press_escape(struct console *c)
{
	struct setup *s = &c->setup;

	if (s->page == SETUP_STATION)
		return false; /* the form is left */
	s->page--;
	s->field = 0;
	s->said[0] = '\0';
	return true;
}

static bool press_form(struct console *c, const struct press *press)
{
	bool is_up = press->kind == PRESS_UP || press->kind == PRESS_TAB_BACK, is_down = press->kind == PRESS_DOWN || press->kind == PRESS_TAB;
	struct setup *s = &c->setup;
	struct field fields[FIELDS_MAX];
	int n = fields_of(c, fields);

	if (s->is_sending)
		return true;
	if (press->kind == PRESS_ESCAPE)
		return press_escape(c);
	if (press->kind == PRESS_ENTER)
		press_enter(c);
	else if (is_up || is_down)
		s->field = MAX(MIN(s->field + (is_down ? 1 : -1), n - 1), 0);
	else if (s->page == SETUP_PORTS && press->kind == PRESS_ERASE)
		(void)json_array_clear(s->ports); /* fails for what is no array alone */
	else if (n > 0 && !fields[s->field].entry && (press->kind == PRESS_LEFT || press->kind == PRESS_RIGHT))
		s->profile = (s->profile + (press->kind == PRESS_RIGHT ? 1 : (int)ARRAY_LEN(profiles) - 1)) % (int)ARRAY_LEN(profiles);
	else if (n > 0 && fields[s->field].entry)
		(void)entry_press(fields[s->field].entry, press);
	return true;
}

static void keys_form(struct console *c, struct bar *b)
{
	struct field fields[FIELDS_MAX];
	int n = fields_of(c, fields);

	bar_add(b, _("Enter"), c->setup.page == SETUP_LAST ? _("Set up") : _("Next"));
	if (n > 0)
		bar_add(b, _("Arrows"), _("Field"));
}

/* Nothing of it stays, secrets least of all. */
static void close_form(struct console *c)
{
	json_decref(c->setup.ports);
	explicit_bzero(&c->setup, sizeof(c->setup));
}

const struct screen screen_setup_form = {
	.draw = draw_form, .press = press_form, .keys = keys_form, .close = close_form, .is_typed = true
};
