/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "daemon/undo.h"

#include <string.h>

#include "common/text.h"
#include "daemon/daemon.h"
#include "daemon/machine.h"
#include "daemon/sessions.h"
#include "update/undo.h"

/* While the second person is found out, only this stays of the request. */
struct wish {
	char sha256[SHA256_HEX_LEN + 1];
	char reason[UNDO_REASON_MAX + 1];
};

static void refuse(struct daemon *d, uint64_t token, const char *code, const char *words)
{
	control_refuse(d->control, token, code, "%s", words);
}

/* Is it still what was shown, and not agreed to already? False: refused. */
static bool is_as_shown(struct daemon *d, uint64_t token, const char *sha256)
{
	json_t *now = undo_json(d->dir), *said = undo_approved(d->dir, sha256);
	const char *is = json_string_value(json_object_get(now, "sha256"));
	bool is_same = is && strcmp(is, sha256) == 0, is_good = is_same && !said;

	if (!is)
		refuse(d, token, "not-found", "there is nothing to go back to");
	else if (!is_same)
		refuse(d, token, "not-found", "something else is in force by now: look at it first");
	else if (said)
		refuse(d, token, "not-now", "it has been confirmed already, and takes a moment");
	json_decref(now);
	json_decref(said);
	return is_good;
}

static bool record(struct daemon *d, uint64_t token, const struct wish *w, const char *by, const char *second)
{
	_cleanup_free_ char *reason = text_escape(w->reason, strlen(w->reason));
	json_t *body = reason ? json_pack("{s:s,s:s,s:s,s:s}", "by", by, "second", second, "reason", reason, "sha256", w->sha256) : NULL;

	if (body && sessions_record(d, "update-undo-approved", body))
		return true;
	refuse(d, token, "unavailable", "the audit trail cannot be written: nothing was changed");
	return false;
}

/* Who he is has been found out; it may have been a minute. */
static void on_second(struct daemon *d, uint64_t token, const struct person *who, void *data)
{
	_cleanup_(people_freep) struct people *people = NULL;
	const struct wish *w = data;
	const struct session *s;
	const char *why;
	int r;

	if (!session_has_role(d, token, PERSON_OFFICER))
		return;
	s = session_of(d, token);
	if (!s || people_load(d->dir, &people, NULL) < 0) {
		refuse(d, token, s ? "unavailable" : "not-permitted", s ? "the people of the station cannot be read" : "log in first: the session has ended");
		return;
	}
	why = undo_persons_refused(person_find(people, s->person), who);
	if (why) {
		refuse(d, token, strcmp(s->person, who->name) == 0 ? "same-person" : "not-permitted", why);
		return;
	}
	if (!is_as_shown(d, token, w->sha256) || !record(d, token, w, s->person, who->name))
		return;
	r = undo_approve(d->dir, s->person, who->name, w->reason, w->sha256);
	if (r < 0)
		control_refuse(d->control, token, "unavailable", "recorded, but not done: %s", strerror(-r));
	else
		control_answer(d->control, token, json_pack("{s:s}", "undo", w->sha256));
}

/* What would be refused anyway is, before anybody gives a secret away. */
bool undo_request(struct daemon *d, const struct control_request *q)
{
	const char *reason = control_text(q, "reason"), *sha256 = control_text(q, "sha256");
	const struct session *s;
	struct wish *w;

	if (strcmp(q->name, "undo") != 0)
		return false;
	if (!session_has_role(d, q->token, PERSON_OFFICER))
		return true;
	s = session_of(d, q->token);
	if (!machine_is_there(d)) {
		refuse(d, q->token, "not-now", "that is done by command here: lazaret update undo");
	} else if (strspn(reason, " \t") == strlen(reason) || strlen(reason) > UNDO_REASON_MAX) {
		control_refuse(d->control, q->token, "bad-request", "reason: 1 to %d bytes", UNDO_REASON_MAX);
	} else if (s && strcmp(s->person, control_text(q, "person")) == 0) {
		refuse(d, q->token, "same-person", "the second person must be another one");
	} else if (is_as_shown(d, q->token, sha256)) {
		w = calloc(1, sizeof(*w));
		if (!w) {
			refuse(d, q->token, "unavailable", "out of memory");
			return true;
		}
		(void)snprintf(w->sha256, sizeof(w->sha256), "%s", sha256); /* it is that of sets/current */
		(void)snprintf(w->reason, sizeof(w->reason), "%s", reason);
		sessions_authenticate(d, q->token, control_text(q, "person"), control_text(q, "secret"), "undo", on_second, free, w);
	}
	return true;
}
