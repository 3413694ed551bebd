/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "console/intent.h"

#include <string.h>

#include "console/words.h"

#define RECENT_MAX 20	 /* as many as a tall idle screen shows */
#define RECENT_RETRY_MS 5000

static struct ask *free_ask(struct console *c)
{
	for (size_t k = 0; k < ASKS_MAX; k++)
		if (c->asks[k].id == 0)
			return &c->asks[k];
	return NULL;
}

bool intent_ask(struct console *c, enum ask_kind kind, unsigned int generation, const char *name, json_t *fields)
{
	struct ask *a = free_ask(c);
	int64_t id;

	if (!a) {
		json_decref(fields);
		return false;
	}
	id = link_request(&c->link, name, fields);
	if (id <= 0)
		return false;
	*a = (struct ask){ .id = id, .kind = kind, .generation = generation };
	return true;
}

/* A request about the chosen item; `more` is taken over. */
static bool act_as(struct console *c, enum ask_kind kind, const char *name, json_t *more)
{
	struct item *i = console_item(c);
	json_t *fields = more ? more : json_object();
	bool is_asked = i && !item_is_ours(i) && fields && json_object_set_new(fields, "medium", json_integer(i->number)) == 0 &&
			intent_ask(c, kind, 0, name, json_incref(fields));

	if (!is_asked)
		console_notice(c, "%s", _("That could not be passed on to the station. Try again."));
	json_decref(fields);
	return is_asked;
}

static void act(struct console *c, const char *name, json_t *more)
{
	(void)act_as(c, ASK_ACTION, name, more); /* a failure was told */
}

void intent_cancel(struct console *c)
{
	act(c, "cancel", NULL);
}

void intent_dismiss(struct console *c)
{
	struct item *i = console_item(c);
	int64_t number = i ? i->number : 0;

	if (!i)
		return;
	if (!item_is_ours(i) && !act_as(c, ASK_DISMISS, "dismiss", NULL))
		return;
	console_choose(c, 1);
	state_forget(&c->state, number);
	intent_recent(c);
}

void intent_eject(struct console *c)
{
	act(c, "eject", NULL);
}

void intent_again(struct console *c)
{
	act(c, "again", NULL);
}

/* What lazaretd did not ask for is not sent: `owner` and `ticket` are for stations whose rules want them. */
void intent_identify(struct console *c)
{
	const json_t *session = c->session.object;
	bool is_session = session && strcmp(member_text(c->state.station, "operators"), "authenticated") == 0;
	json_t *fields = json_pack("{ss ss}", "operator", is_session ? member_text(session, "person") : c->operator_name.text, "reason",
				   c->reason.text);

	if (fields && ((c->owner.length > 0 && json_object_set_new(fields, "owner", json_string(c->owner.text)) < 0) ||
		       (c->ticket.length > 0 && json_object_set_new(fields, "ticket", json_string(c->ticket.text)) < 0))) {
		json_decref(fields);
		fields = NULL;
	}
	if (fields)
		c->is_identifying = act_as(c, ASK_IDENTIFY, "identify", fields);
}

static json_t *volume_fields(struct console *c)
{
	struct item *i = console_item(c);

	return json_pack("{sI}", "volume", i ? (json_int_t)member_number(member(i->object, "locked"), "volume") : 0);
}

void intent_unlock(struct console *c)
{
	json_t *fields = volume_fields(c);

	if (fields && json_object_set_new(fields, "passphrase", json_stringn(c->passphrase.text, c->passphrase.length)) == 0)
		act(c, "unlock", fields);
	else
		json_decref(fields);
	entry_wipe(&c->passphrase);
}

void intent_skip(struct console *c)
{
	json_t *fields = volume_fields(c);

	if (fields && json_object_set_new(fields, "skip", json_true()) == 0)
		act(c, "unlock", fields);
	else
		json_decref(fields);
}

void intent_recent(struct console *c)
{
	(void)intent_ask(c, ASK_RECENT, 0, "transfers", json_pack("{si sn sn}", "limit", RECENT_MAX, "before", "search"));
}

void intent_history(struct console *c)
{
	struct history *h = &c->history;
	const char *before = h->pages > 0 ? h->before[h->pages - 1] : "";

	h->generation++;
	json_decref(h->page);
	h->page = NULL;
	h->has_failed = !intent_ask(c, ASK_HISTORY, h->generation, "transfers",
			     json_pack("{si ss? ss?}", "limit", HISTORY_PAGE, "before", *before ? before : NULL, "search",
				       h->search.length > 0 ? h->search.text : NULL));
}

void intent_file(struct console *c, const char *transfer, int64_t index)
{
	json_decref(c->file);
	c->file = NULL;
	c->file_failed = !intent_ask(c, ASK_FILE, 0, "file", json_pack("{ss sI}", "transfer", transfer, "index", (json_int_t)index));
}

void intent_files(struct console *c)
{
	json_t *fields;

	if (!link_is_up(&c->link))
		return;
	fields = rows_question(&c->rows, c->files.top, c->files.height, c->now_ms);
	if (fields && !intent_ask(c, ASK_FILES, c->rows.generation, "files", fields))
		rows_lost(&c->rows);
}

/* -- answers --------------------------------------------------------------------------------------------- */

static void on_recent(struct console *c, json_t *answer, bool is_ok)
{
	json_t *list = json_object_get(answer, "transfers");

	if (is_ok && json_is_array(list)) {
		json_decref(c->state.transfers);
		c->state.transfers = json_incref(list);
	}
	c->recent_retry_ms = is_ok ? 0 : c->now_ms + RECENT_RETRY_MS;
}

static void on_history(struct console *c, json_t *answer, bool is_ok)
{
	json_t *list = json_object_get(answer, "transfers");

	c->history.has_failed = !is_ok || !json_is_array(list);
	if (c->history.has_failed)
		return;
	json_decref(c->history.page);
	c->history.page = json_incref(list);
	c->history.has_more = member_true(answer, "more");
}

void intent_refusal(struct console *c, const json_t *answer)
{
	const char *code = member_text(member(answer, "error"), "code"), *text = member_text(member(answer, "error"), "text");

	if (strcmp(code, "not-now") == 0)
		console_notice(c, _("Not possible now: %s"), text);
	else if (strcmp(code, "not-permitted") == 0)
		console_notice(c, _("Not permitted: %s"), text);
	else
		console_notice(c, _("The station refused that: %s"), text);
}

void intent_answer(struct console *c, json_t *answer)
{
	int64_t id = member_number(answer, "answer");
	bool is_ok = member_true(answer, "ok");
	struct ask a = { 0 };

	for (size_t k = 0; id > 0 && k < ASKS_MAX; k++)
		if (c->asks[k].id == id) {
			a = c->asks[k];
			c->asks[k].id = 0;
		}
	if (a.id == 0)
		return;
	if (is_ok)
		session_extend(c);
	if (a.kind == ASK_FILES) {
		rows_answer(&c->rows, a.generation, answer, c->now_ms);
	} else if (a.kind == ASK_RECENT) {
		on_recent(c, answer, is_ok);
	} else if (a.kind == ASK_HISTORY) {
		if (a.generation == c->history.generation)
			on_history(c, answer, is_ok);
	} else if (a.kind == ASK_FILE) {
		json_decref(c->file);
		c->file = is_ok ? json_incref(json_object_get(answer, "file")) : NULL;
		c->file_failed = !c->file;
	} else if (a.kind == ASK_MAINTENANCE) {
		maintenance_answer(c, &a, answer);
	} else if (a.kind == ASK_SETUP) {
		setup_answer(c, &a, answer);
	} else if (a.kind == ASK_TALK) {
		talk_answer(c, &a, answer);
	} else if (a.kind > ASK_TALK) {
		desk_answer(c, &a, answer);
	} else if (!is_ok && a.kind == ASK_DISMISS) {
		/* It is not shown any more, and lazaretd still has it: what there is comes with a new connection. */
		if (strcmp(member_text(member(answer, "error"), "code"), "not-found") != 0)
			c->is_stale = true;
	} else if (!is_ok) {
		c->is_identifying = false; /* what was typed is still there, to be put right */
		intent_refusal(c, answer);
	}
}

void intent_lost(struct console *c)
{
	memset(c->asks, 0, sizeof(c->asks));
	rows_lost(&c->rows);
	c->is_identifying = c->setup.is_sending = c->maintenance.is_sending = c->maintenance.is_looking = false;
	session_lost(c);
	if (!c->history.page)
		c->history.has_failed = true;
	if (!c->file)
		c->file_failed = true;
}
