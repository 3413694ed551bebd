/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Ports, keyboards and hubs, for an administrator: what is plugged in and what the station is told of it, and a screen that says what a change means. What is
 * refused is lazaretd's to say (docs/control.md, `port`). */
#include <string.h>

#include "console/intent.h"

#define LABEL 12
#define FORM_LABEL 18
#define PLACES_MAX 256

static const struct {
	const char *action, *heading, *words;
} changes[] = {
	[PORT_MEDIA] = { "media", N_("MAKE THIS PORT ONE FOR MEDIA?"),
			 N_("What is plugged in there is inspected from now on, and nothing but a medium works there.") },
	[PORT_NO_MEDIA] = { "no-media", N_("THIS PORT NO LONGER FOR MEDIA?"),
			    N_("What is plugged in there is switched off at once. What is being read there is stopped, and nothing of it is transferred.") },
	[PORT_KEYBOARD] = { "keyboard", N_("BIND THIS KEYBOARD TO ITS PORT?"),
			    N_("It types at this port alone, and so does whatever says there that it is this model. Look at what is plugged in: a stick that pretends to be a keyboard types, too.") },
	[PORT_NO_KEYBOARD] = { "no-keyboard", N_("TAKE THIS KEYBOARD OR DEVICE AWAY?"), N_("It is switched off at once, and does nothing there any more.") },
	[PORT_HUB] = { "hub", N_("IS THIS HUB THE STATION'S OWN?"),
		       N_("What is plugged in behind it is seen then. Each port behind it still has to be made one for media, each keyboard to be bound.") },
	[PORT_NO_HUB] = { "no-hub", N_("THIS HUB NO LONGER THE STATION'S OWN?"), N_("It is switched off at once, with all that is behind it.") },
};

/* -- rows --------------------------------------------------------------------------------------------------------------- */

struct place {
	const char *port, *id; /* borrowed; id "": nothing is plugged in */
	const json_t *device;  /* NULL: not plugged in */
	const char *state;
	enum style style;
	enum port_change change; /* what Enter asks about */
};

static const json_t *configured(const struct console *c, const char *list)
{
	return member(member(c->maintenance.ports, "configured"), list);
}

static bool has(const json_t *list, const char *port)
{
	json_t *o;
	size_t k;

	json_array_foreach((json_t *)list, k, o)
		if (json_is_string(o) && strcmp(json_string_value(o), port) == 0)
			return true;
	return false;
}

static bool has_input(const json_t *inputs, const char *port, const char *id)
{
	json_t *o;
	size_t k;

	json_array_foreach((json_t *)inputs, k, o)
		if (strcmp(member_text(o, "port"), port) == 0 && strcmp(member_text(o, "id"), id) == 0)
			return true;
	return false;
}

static struct place device_place(const struct console *c, const json_t *d)
{
	const char *port = member_text(d, "port"), *id = member_text(d, "id"), *role = member_text(d, "role");
	bool is_on = member_true(d, "accepted");
	struct place r = { .port = port, .id = id, .device = d, .style = is_on ? STYLE_PLAIN : STYLE_WARN };

	if (has_input(configured(c, "inputs"), port, id)) {
		r.change = PORT_NO_KEYBOARD;
		r.state = is_on ? _("+ the station's own") : _("x refused");
	} else if (strcmp(role, "hub") == 0) {
		r.change = has(configured(c, "hubs"), port) ? PORT_NO_HUB : PORT_HUB;
		r.state = is_on ? _("+ the station's hub") : _("- hub, switched off");
	} else if (strcmp(role, "input") == 0) {
		r.change = PORT_KEYBOARD;
		r.state = is_on ? _("+ the station's own") : strstr(member_text(d, "interfaces"), "03:01:01") ? _("- keyboard, switched off") : _("- switched off");
	} else {
		bool is_media = has(configured(c, "media-ports"), port) || has(configured(c, "media-ports"), "any");

		r.change = is_media ? PORT_NO_MEDIA : PORT_MEDIA;
		r.state = is_on ? _("+ for media") : is_media ? _("x refused") : _("- switched off");
	}
	return r;
}

/* Does a device's row speak of that? */
static bool is_covered(const struct place *rows, size_t count, enum port_change change, const char *port, const char *id)
{
	for (size_t k = 0; k < count; k++)
		if (rows[k].device && rows[k].change == change && strcmp(rows[k].port, port) == 0 && (!id || strcmp(rows[k].id, id) == 0))
			return true;
	return false;
}

static size_t list_places(const struct console *c, struct place rows[static PLACES_MAX])
{
	size_t n = 0, plugged, k;
	json_t *o;

	json_array_foreach(member(c->state.devices, "usb"), k, o)
		if (n < PLACES_MAX)
			rows[n++] = device_place(c, o);
	plugged = n;
	json_array_foreach((json_t *)configured(c, "media-ports"), k, o)
		if (n < PLACES_MAX && json_is_string(o) && !is_covered(rows, plugged, PORT_NO_MEDIA, json_string_value(o), NULL))
			rows[n++] = (struct place){ json_string_value(o), "", NULL, _("+ for media"), STYLE_PLAIN, PORT_NO_MEDIA };
	json_array_foreach((json_t *)configured(c, "inputs"), k, o)
		if (n < PLACES_MAX && !is_covered(rows, plugged, PORT_NO_KEYBOARD, member_text(o, "port"), member_text(o, "id")))
			rows[n++] = (struct place){ member_text(o, "port"), member_text(o, "id"), NULL, _("! bound, not plugged in"), STYLE_WARN, PORT_NO_KEYBOARD };
	json_array_foreach((json_t *)configured(c, "hubs"), k, o)
		if (n < PLACES_MAX && json_is_string(o) && !is_covered(rows, plugged, PORT_NO_HUB, json_string_value(o), NULL))
			rows[n++] = (struct place){ json_string_value(o), "", NULL, _("! hub, not plugged in"), STYLE_WARN, PORT_NO_HUB };
	return n;
}

/* -- list --------------------------------------------------------------------------------------------------------------- */

static void draw_place(const struct place *r, bool is_chosen, struct pen *p)
{
	if (is_chosen)
		pen_mark(p);
	pen_pair(p, LABEL, r->port, is_chosen ? STYLE_CHOSEN : r->style, "%-9s  %s  %s %s", *r->id ? r->id : "-", r->state, member_text(r->device, "vendor"),
		 member_text(r->device, "product"));
}

static void draw_list(struct console *c, struct pen *p)
{
	struct maintenance *m = &c->maintenance;
	struct place rows[PLACES_MAX];
	struct list *l = &m->ports_list;
	size_t n = m->ports ? list_places(c, rows) : 0;

	pen_rule(p, _("Ports and keyboards"));
	if (!m->ports) {
		pen_line(p, 0, *m->said ? STYLE_BAD : STYLE_PLAIN, "%s", *m->said ? m->said : _("Waiting for the station..."));
		return;
	}
	list_fit(l, (int64_t)n, pen_left(p) - 5);
	if (n == 0)
		pen_line(p, 0, STYLE_PLAIN, "%s", _("None."));
	for (int64_t k = l->top; k < l->top + l->height && k < l->total; k++)
		draw_place(&rows[k], k == l->at, p);
	pen_rule(p, "");
	if (!member_true(m->ports, "guard"))
		pen_text(p, 0, 2, STYLE_WARN, _("The station does not guard its ports: usb-guard is off."));
	else if (l->at < (int64_t)n && rows[l->at].device && !member_true(rows[l->at].device, "accepted"))
		pen_text(p, 0, 2, STYLE_PLAIN, member_text(rows[l->at].device, "why"));
	pen_text(p, 0, 2, STYLE_DIM, _("All ports that are not named here are closed. To use another one, plug in what is to work there, and choose it."));
}

static void copy(char *to, size_t size, const char *from)
{
	(void)snprintf(to, size, "%s", from);
}

/* What is asked about is what was shown, whatever is plugged in meanwhile. */
static void open_change(struct console *c)
{
	struct maintenance *m = &c->maintenance;
	struct place rows[PLACES_MAX];
	size_t n = m->ports ? list_places(c, rows) : 0;
	const struct place *r = m->ports_list.at < (int64_t)n ? &rows[m->ports_list.at] : NULL;

	if (!r)
		return;
	m->port.change = r->change;
	copy(m->port.port, sizeof(m->port.port), r->port);
	copy(m->port.id, sizeof(m->port.id), r->id);
	(void)snprintf(m->port.what, sizeof(m->port.what), "%s %s %s", member_text(r->device, "vendor"), member_text(r->device, "product"), member_text(r->device, "serial"));
	m->port.is_last = r->change == PORT_NO_MEDIA && json_array_size(configured(c, "media-ports")) == 1;
	m->said[0] = '\0';
	console_open(c, &screen_port);
}

static bool press_list(struct console *c, const struct press *press)
{
	if (press->kind != PRESS_ENTER && press->kind != PRESS_RIGHT)
		return list_press(&c->maintenance.ports_list, press);
	open_change(c);
	return true;
}

static void keys_list(struct console *c, struct bar *b)
{
	bar_add(b, _("Enter"), _("Change"));
	bar_add(b, _("Arrows"), _("Choose"));
}

static void enter_list(struct console *c)
{
	maintenance_ask(c, MAINTENANCE_PORTS, "ports", NULL);
}

static void close_list(struct console *c)
{
	json_decref(c->maintenance.ports);
	c->maintenance.ports = NULL;
	c->maintenance.said[0] = '\0';
}

const struct screen screen_ports = { .enter = enter_list, .draw = draw_list, .press = press_list, .keys = keys_list, .close = close_list };

/* -- one change --------------------------------------------------------------------------------------------------------- */

static void draw_change(struct console *c, struct pen *p)
{
	const struct maintenance *m = &c->maintenance;

	pen_gap(p);
	pen_line(p, 0, STYLE_HEADING, "%s", _(changes[m->port.change].heading));
	pen_text(p, 0, 4, STYLE_PLAIN, _(changes[m->port.change].words));
	if (m->port.is_last)
		pen_text(p, 0, 2, STYLE_WARN, _("It is the last one: no USB medium is accepted then."));
	pen_gap(p);
	pen_pair(p, FORM_LABEL, _("Port"), STYLE_PLAIN, "%s", m->port.port);
	if (*m->port.id)
		pen_pair(p, FORM_LABEL, _("Device"), STYLE_PLAIN, "%s %s", m->port.id, m->port.what);
	pen_gap(p);
	if (m->is_sending)
		pen_line(p, 0, STYLE_PLAIN, "%s", _("Waiting for the station..."));
	else if (*m->said)
		pen_text(p, 0, 3, STYLE_BAD, m->said);
}

static bool press_change(struct console *c, const struct press *press)
{
	struct maintenance *m = &c->maintenance;

	if (press->kind != PRESS_ENTER)
		return false;
	if (!m->is_sending)
		maintenance_ask(c, MAINTENANCE_PORT, "port",
				json_pack("{ss ss ss}", "action", changes[m->port.change].action, "port", m->port.port, "device", m->port.id));
	return true;
}

static void keys_change(struct console *c, struct bar *b)
{
	bar_add(b, _("Enter"), _("Yes, change it"));
}

static void close_change(struct console *c)
{
	c->maintenance.said[0] = '\0';
}

const struct screen screen_port = { .draw = draw_change, .press = press_change, .keys = keys_change, .close = close_change };

/* -- the station's name --------------------------------------------------------------------------------------------------- */

static void draw_name(struct console *c, struct pen *p)
{
	struct maintenance *m = &c->maintenance;

	pen_gap(p);
	pen_line(p, 0, STYLE_HEADING, "%s", _("THE STATION'S NAME"));
	pen_text(p, 0, 4, STYLE_PLAIN, _("It stands on every screen, report and receipt. What is being inspected keeps the name that it began with."));
	pen_gap(p);
	pen_pair(p, FORM_LABEL, _("Name now"), STYLE_PLAIN, "%s", member_text(c->state.station, "name"));
	pen_gap(p);
	entry_draw(p, FORM_LABEL, _("New name"), &m->name, !m->is_sending, false);
	pen_gap(p);
	if (m->is_sending)
		pen_line(p, 0, STYLE_PLAIN, "%s", _("Waiting for the station..."));
	else if (*m->said)
		pen_text(p, 0, 3, STYLE_BAD, m->said);
}

static bool press_name(struct console *c, const struct press *press)
{
	struct maintenance *m = &c->maintenance;

	if (press->kind == PRESS_ESCAPE)
		return false;
	if (m->is_sending)
		return true;
	if (press->kind != PRESS_ENTER)
		(void)entry_press(&m->name, press);
	else if (strspn(m->name.text, " ") == m->name.length)
		console_notice(c, "%s", _("The station needs a name."));
	else
		maintenance_ask(c, MAINTENANCE_NAME, "station-name", json_pack("{ss}", "name", m->name.text));
	return true;
}

static void keys_name(struct console *c, struct bar *b)
{
	bar_add(b, _("Enter"), _("Keep"));
}

static void close_name(struct console *c)
{
	entry_wipe(&c->maintenance.name);
	c->maintenance.said[0] = '\0';
}

const struct screen screen_name = { .draw = draw_name, .press = press_name, .keys = keys_name, .close = close_name, .is_typed = true };
