/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Who works here, for an administrator: the list, and a form for what is changed. */
#include <string.h>

#include "console/intent.h"

#define LABEL 18

static const char *role_words(int role)
{
	static const char *const words[ROLES] = { N_("operator"), N_("officer"), N_("auditor"), N_("administrator") };

	return _(words[role]);
}

static const json_t *chosen(const struct console *c)
{
	return json_array_get(c->maintenance.people, (size_t)c->maintenance.list.at);
}

static bool has_role(const json_t *person, int role)
{
	json_t *o;
	size_t k;

	json_array_foreach(member(person, "roles"), k, o)
		if (json_is_string(o) && strcmp(json_string_value(o), maintenance_roles[role]) == 0)
			return true;
	return false;
}

/* -- list ------------------------------------------------------------------------------------------------------------- */

static void roles_line(const json_t *person, char out[static SAID_MAX])
{
	size_t used = 0;

	out[0] = '\0';
	for (int k = 0; k < ROLES && used < SAID_MAX; k++)
		if (has_role(person, k))
			used += (size_t)snprintf(out + used, SAID_MAX - used, "%s%s", used > 0 ? ", " : "", role_words(k));
}

static void draw_person(struct console *c, const json_t *person, bool is_chosen, struct pen *p)
{
	char roles[SAID_MAX], state[128] = "";
	int64_t locked = member_number(person, "locked_until");

	roles_line(person, roles);
	if (locked > 0)
		(void)snprintf(state, sizeof(state), _("! locked until %s"), words_time(locked).s);
	else if (!member_true(person, "password"))
		(void)snprintf(state, sizeof(state), "%s", _("! has no password yet"));
	if (is_chosen)
		pen_mark(p);
	pen_pair(p, LABEL, member_text(person, "person"), is_chosen ? STYLE_CHOSEN : STYLE_PLAIN, "%s%s%s%s%s", roles, *state ? "  " : "", state,
		 *member_text(person, "full_name") ? "  " : "", member_text(person, "full_name"));
}

static void draw_list(struct console *c, struct pen *p)
{
	struct maintenance *m = &c->maintenance;
	struct list *l = &m->list;

	pen_rule(p, _("People"));
	if (!m->people) {
		pen_line(p, 0, *m->said ? STYLE_BAD : STYLE_PLAIN, "%s", *m->said ? m->said : _("Waiting for the station..."));
		return;
	}
	list_fit(l, (int64_t)json_array_size(m->people), pen_left(p) - 4);
	for (int64_t k = l->top; k < l->top + l->height && k < l->total; k++)
		draw_person(c, json_array_get(m->people, (size_t)k), k == l->at, p);
	if (m->has_more)
		pen_line(p, 0, STYLE_DIM, "%s", _("There are more than fit here."));
	pen_gap(p);
	if (*m->said)
		pen_text(p, 0, 2, STYLE_BAD, m->said);
}

static void open_form(struct console *c, enum person_form form)
{
	struct maintenance *m = &c->maintenance;

	if (form != FORM_ADD && !chosen(c))
		return;
	m->form = form;
	json_decref(m->subject);
	m->subject = form == FORM_ADD ? NULL : json_incref(json_array_get(m->people, (size_t)m->list.at));
	m->field = 0;
	m->said[0] = '\0';
	for (int k = 0; k < ROLES; k++)
		m->roles[k] = form == FORM_ROLES && has_role(m->subject, k);
	console_open(c, &screen_person);
}

static bool press_list(struct console *c, const struct press *press)
{
	static const char letters[FORMS] = { 'a', 'e', 'w', 'x' };

	for (int k = 0; k < FORMS; k++)
		if (is_letter(press, letters[k])) {
			open_form(c, (enum person_form)k);
			return true;
		}
	if (is_letter(press, 'u') && chosen(c)) {
		maintenance_ask(c, MAINTENANCE_PERSON, "person", json_pack("{ss ss}", "action", "unlock", "person", member_text(chosen(c), "person")));
		return true;
	}
	return list_press(&c->maintenance.list, press);
}

static void keys_list(struct console *c, struct bar *b)
{
	bar_add(b, "a", _("Let in"));
	bar_add(b, "e", _("Roles"));
	bar_add(b, "w", _("New password"));
	bar_add(b, "u", _("Unlock"));
	bar_add(b, "x", _("Remove"));
}

static void enter_list(struct console *c)
{
	maintenance_ask(c, MAINTENANCE_PEOPLE, "people", NULL);
}

static void close_list(struct console *c)
{
	json_decref(c->maintenance.people);
	c->maintenance.people = NULL;
	c->maintenance.said[0] = '\0';
}

const struct screen screen_people = { .enter = enter_list, .draw = draw_list, .press = press_list, .keys = keys_list, .close = close_list };

/* -- form ------------------------------------------------------------------------------------------------------------- */

#define FIELDS_MAX 5

struct field {
	const char *label;
	struct entry *entry; /* NULL: the roles */
	bool is_secret;
};

static int fields_of(struct maintenance *m, struct field fields[static FIELDS_MAX])
{
	int n = 0;

	if (m->form == FORM_ADD) {
		fields[n++] = (struct field){ _("Log-in name"), &m->name, false };
		fields[n++] = (struct field){ _("Full name"), &m->full_name, false };
	}
	if (m->form == FORM_ADD || m->form == FORM_ROLES)
		fields[n++] = (struct field){ _("Roles"), NULL, false };
	if (m->form == FORM_ADD || m->form == FORM_PASSWORD) {
		fields[n++] = (struct field){ _("Password"), &m->secret, true };
		fields[n++] = (struct field){ _("Once more"), &m->again, true };
	}
	return n;
}

static void draw_roles(const struct maintenance *m, bool has_cursor, struct pen *p)
{
	for (int k = 0; k < ROLES; k++)
		pen_pair(p, LABEL, k == 0 ? _("Roles") : "", has_cursor ? STYLE_HEADING : STYLE_PLAIN, "%d [%c] %s", k + 1, m->roles[k] ? 'x' : ' ', role_words(k));
}

static void draw_form(struct console *c, struct pen *p)
{
	static const char *const words[FORMS] = {
		N_("1 to 4 switch a role on and off. The password is typed by the person himself."),
		N_("1 to 4 switch a role on and off. They hold at once."),
		N_("It is typed by the person himself."),
		N_("What he did stays in the records; he is logged out at once."),
	};
	struct maintenance *m = &c->maintenance;
	struct field fields[FIELDS_MAX];
	int n = fields_of(m, fields);

	pen_gap(p);
	if (m->form == FORM_ADD)
		pen_line(p, 0, STYLE_HEADING, "%s", _("LET SOMEBODY IN"));
	else
		pen_line(p, 0, STYLE_HEADING,
			 m->form == FORM_ROLES	  ? _("CHANGE THE ROLES OF %s") :
			 m->form == FORM_PASSWORD ? _("A NEW PASSWORD FOR %s") :
						    _("REMOVE %s?"),
			 member_text(m->subject, "person"));
	pen_text(p, 0, 3, STYLE_PLAIN, _(words[m->form]));
	for (int k = 0; k < n; k++) {
		bool has_cursor = k == m->field && !m->is_sending;

		pen_gap(p);
		if (!fields[k].entry)
			draw_roles(m, has_cursor, p);
		else if (fields[k].is_secret)
			entry_draw_secret(p, LABEL, fields[k].label, fields[k].entry, has_cursor);
		else
			entry_draw(p, LABEL, fields[k].label, fields[k].entry, has_cursor, false);
	}
	pen_gap(p);
	if (m->is_sending)
		pen_line(p, 0, STYLE_PLAIN, "%s", _("Waiting for the station..."));
	else if (*m->said)
		pen_text(p, 0, 2, STYLE_BAD, m->said);
}

static void wipe_secrets(struct maintenance *m)
{
	entry_wipe(&m->secret);
	entry_wipe(&m->again);
}

static void send_form(struct console *c)
{
	static const char *const actions[FORMS] = { "add", "change", "password", "remove" };
	struct maintenance *m = &c->maintenance;
	json_t *roles = json_array(), *fields;

	for (int k = 0; k < ROLES; k++)
		if (m->roles[k])
			(void)json_array_append_new(roles, json_string(maintenance_roles[k])); /* without it the station refuses */
	fields = json_pack("{ss ss so ss}", "action", actions[m->form], "person", m->form == FORM_ADD ? m->name.text : member_text(m->subject, "person"), "roles",
			   roles, "secret", m->secret.text);
	if (fields && m->form == FORM_ADD && m->full_name.length > 0 && json_object_set_new(fields, "full_name", json_string(m->full_name.text)) < 0) {
		json_decref(fields);
		fields = NULL;
	}
	wipe_secrets(m);
	maintenance_ask(c, MAINTENANCE_PERSON, "person", fields);
}

static void press_enter(struct console *c)
{
	struct maintenance *m = &c->maintenance;
	struct field fields[FIELDS_MAX];
	int n = fields_of(m, fields);

	if (m->field + 1 < n) {
		m->field++;
	} else if (strcmp(m->secret.text, m->again.text) != 0) {
		wipe_secrets(m);
		m->field = MAX(n - 2, 0);
		console_notice(c, "%s", _("These are two different passwords. Type it again."));
	} else {
		m->field = m->form == FORM_ADD || m->form == FORM_PASSWORD ? n - 2 : 0;
		send_form(c);
	}
}

static bool press_form(struct console *c, const struct press *press)
{
	bool is_up = press->kind == PRESS_UP || press->kind == PRESS_TAB_BACK, is_down = press->kind == PRESS_DOWN || press->kind == PRESS_TAB;
	struct maintenance *m = &c->maintenance;
	struct field fields[FIELDS_MAX];
	int n = fields_of(m, fields);

	if (press->kind == PRESS_ESCAPE)
		return false;
	if (m->is_sending)
		return true;
	if (press->kind == PRESS_ENTER)
		press_enter(c);
	else if (is_up || is_down)
		m->field = MAX(MIN(m->field + (is_down ? 1 : -1), n - 1), 0);
	else if (n > 0 && fields[m->field].entry)
		(void)entry_press(fields[m->field].entry, press);
	else if (n > 0 && press->kind == PRESS_TEXT && press->text[0] >= '1' && press->text[0] < '1' + ROLES)
		m->roles[press->text[0] - '1'] = !m->roles[press->text[0] - '1'];
	return true;
}

static void keys_form(struct console *c, struct bar *b)
{
	struct field fields[FIELDS_MAX];
	int n = fields_of(&c->maintenance, fields);

	bar_add(b, _("Enter"), c->maintenance.form == FORM_REMOVE ? _("Remove") : c->maintenance.field + 1 < n ? _("Next") : _("Keep"));
	if (n > 1)
		bar_add(b, _("Arrows"), _("Field"));
}

static void close_form(struct console *c)
{
	struct maintenance *m = &c->maintenance;

	json_decref(m->subject);
	m->subject = NULL;
	wipe_secrets(m);
	entry_wipe(&m->name);
	entry_wipe(&m->full_name);
	m->said[0] = '\0';
	m->field = 0;
}

const struct screen screen_person = { .draw = draw_form, .press = press_form, .keys = keys_form, .close = close_form, .is_typed = true };
