/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "cli/decide.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "cli/daemon.h"
#include "cli/inspect.h"
#include "cli/person.h"
#include "common/history.h"
#include "common/log.h"
#include "common/text.h"
#include "ipc/decisions_client.h"
#include "ipc/ledger_client.h"

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

static const char *text_of(const json_t *o, const char *field)
{
	const char *text = json_string_value(json_object_get(o, field));

	return text ? text : "";
}

static json_t *clean_text(const char *raw)
{
	_cleanup_free_ char *clean = text_escape(raw, strlen(raw));

	return clean ? json_string(clean) : NULL;
}

/* Who asks for more than he may is refused; a trail that cannot be written is no refusal. */
static int tell(int error, const char *why)
{
	bool is_refusal = error == -ENOENT || error == -EINVAL || error == -EBADMSG || error == -ETIME || error == -EPERM ||
			  error == -EEXIST || error == -EACCES;

	if (is_refusal)
		log_error("refused: %s", why ? why : strerror(-error));
	else
		log_error("the audit trail cannot be written, nothing was changed: %s", why ? why : strerror(-error));
	return is_refusal ? EXIT_FAILURE : EXIT_CANNOT;
}

/* -- ends ---------------------------------------------------------------------------------------------------------------------- */

static int64_t duration(const char *text)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno || end == text || n < 1 || n > 1000000 || !*end || end[1])
		return 0;
	for (size_t k = 0; k < ARRAY_LEN(units); k++)
		if (units[k].unit == *end)
			return (int64_t)n * units[k].seconds;
	return 0;
}

int64_t decide_time(const char *text, bool is_duration)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d" };
	int64_t now = time(NULL), t = 0;

	if (is_duration)
		t = duration(text) > 0 ? now + duration(text) : 0;
	for (size_t k = 0; !is_duration && t == 0 && k < ARRAY_LEN(forms); k++) {
		struct tm tm = { 0 };
		const char *end = strptime(text, forms[k], &tm);

		if (end && !*end)
			t = timegm(&tm);
	}
	if (t == 0)
		log_error("%s: %s", text, is_duration ? "a time such as 12h or 7d is wanted" : "a time such as 2026-12-01T12:00 (UTC) is wanted");
	else if (t <= now)
		log_error("%s has passed already", text);
	return t > now ? t : 0;
}

static int64_t end_of(const struct decide *d, int64_t now)
{
	int64_t latest = now + (int64_t)d->config->review.release_time_s;

	if (!decision_has_end(d->decision))
		return 0;
	if (d->until > latest) {
		log_error("refused: that is longer than this station allows (review.release-time in lazaret.yaml)");
		return -1;
	}
	return d->until ? d->until : latest;
}

/* -- the store ------------------------------------------------------------------------------------------------------------------ */

static int take_decision(void *context, const struct ledger_decision *x)
{
	char hex[SHA256_HEX_LEN + 1];

	hex_encode(x->sha256, SHA256_LEN, hex);
	return held_decided(context, hex, x->decision, (int64_t)x->until);
}

static int follow(struct held_store *h, struct ledger_link *l)
{
	int r = held_begin(h, 2000);

	if (r == -EBUSY)
		return 0; /* an inspection keeps what it holds: what is known has to do */
	if (r == 0)
		r = held_forget_decisions(h, time(NULL));
	if (r == 0)
		r = ledger_decisions(&l->channel, take_decision, h, NULL);
	if (r == 0)
		r = held_commit(h);
	if (r < 0)
		held_rollback(h);
	return r;
}

struct held_store *decide_store(const struct station_config *config, struct ledger_link *l)
{
	struct held_store *h = NULL;
	int r = held_open(config->held.dir, HELD_PATIENCE_MS, &h);

	if (r == 0)
		r = follow(h, l);
	if (r == 0)
		return h;
	log_error("%s: %s", config->held.dir, strerror(-r));
	return held_free(h);
}

static void note_decision(const struct station_config *config, const json_t *record)
{
	_cleanup_(held_freep) struct held_store *h = NULL;
	const json_t *list = json_object_get(record, "sha256");
	enum decision d = DECISION_NONE;
	int r = decision_parse(text_of(record, "decision"), &d);

	if (r == 0)
		r = held_open(config->held.dir, HELD_PATIENCE_MS, &h);
	for (size_t k = 0; r == 0 && k < json_array_size(list); k++)
		r = held_decided(h, json_string_value(json_array_get(list, k)), d, json_integer_value(json_object_get(record, "until")));
	if (r < 0)
		log_warning("%s: %s; the next start of the station makes up for it", config->held.dir, strerror(-r));
}

/* -- proposing ------------------------------------------------------------------------------------------------------------------ */

static int append(const struct station_config *config, const char *type, const json_t *record)
{
	_cleanup_free_ char *text = json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS), *why = NULL;
	struct ledger_link l = { 0 };
	int r;

	if (ledger_link_open(config, &l) < 0)
		return EXIT_CANNOT;
	r = text ? ledger_append(&l.channel, type, text, NULL, &why) : -ENOMEM;
	ledger_link_close(&l);
	return r < 0 ? tell(r, why) : EXIT_SUCCESS;
}

static int new_id(char id[static DECISION_ID_LEN + 1])
{
	uint8_t random[DECISION_ID_LEN / 2];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -EIO;
	hex_encode(random, sizeof(random), id);
	return 0;
}

/* The record of a proposal, or of a decision that takes one officer. */
static json_t *make_record(const struct decide *d, const char *by, int64_t until, const char *of)
{
	json_t *end = until ? json_integer(until) : json_null();
	char id[DECISION_ID_LEN + 1];
	int64_t now = time(NULL);
	json_t *o;

	if (new_id(id) < 0) {
		json_decref(end);
		return NULL;
	}
	o = json_pack("{s:I,s:s,s:s,s:s,s:s*,s:o,s:O,s:o}", "at", (json_int_t)now, "by", by, "decision", decision_name(d->decision), "id",
		      id, "of", of, "reason", clean_text(d->reason), "sha256", d->hashes, "until", end);
	if (o && (decision_needs_second(d->decision) ?
			  json_object_set_new(o, "expires", json_integer((json_int_t)(now + (int64_t)d->config->review.proposal_time_s))) :
			  json_object_set_new(o, "second", json_null())) < 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static bool has_reason(const char *reason)
{
	if (*reason && strspn(reason, " \t") < strlen(reason) && strlen(reason) <= DECISION_REASON_MAX / 2)
		return true;
	log_error("say why with --reason TEXT (at most %d bytes)", DECISION_REASON_MAX / 2);
	return false;
}

/* Before anybody is asked for a password. `*ret_of` (owned by the caller): the transfer that a release is out of. */
static int may_be(const struct decide *d, char **ret_of)
{
	_cleanup_(held_freep) struct held_store *h = NULL;
	_cleanup_free_ char *why = NULL;
	int r;

	if (d->decision != DECISION_RELEASE && d->decision != DECISION_REJECT)
		return EXIT_SUCCESS;
	r = held_open(d->config->held.dir, HELD_PATIENCE_MS, &h);
	if (r == 0)
		r = d->decision == DECISION_RELEASE ? held_may_release(h, d->hashes, NULL, ret_of, &why) : held_may_reject(h, d->hashes, &why);
	if (r == 0)
		return EXIT_SUCCESS;
	if (r == -ENOENT || r == -EINVAL || r == -EEXIST)
		return tell(r, why);
	log_error("%s: %s", d->config->held.dir, strerror(-r));
	return EXIT_CANNOT;
}

static void tell_proposed(const struct station_config *config, const json_t *record)
{
	char when[RECORDS_TIME_LEN];

	records_time(json_integer_value(json_object_get(record, "expires")), when);
	(void)printf("proposed: %s %s. A second person confirms it until %s UTC: lazaret -C %s review confirm %s\n", text_of(record, "decision"),
		     text_of(record, "id"), when, config->dir, text_of(record, "id"));
}

int decide(const struct decide *d)
{
	_cleanup_(json_decref_p) json_t *record = NULL;
	_cleanup_free_ char *by = NULL, *of = NULL;
	int64_t until = end_of(d, time(NULL));
	int status;

	if (until < 0 || !has_reason(d->reason))
		return EXIT_FAILURE;
	status = may_be(d, &of);
	if (status != EXIT_SUCCESS)
		return status;
	if (person_ask_role(d->config, decision_needs_second(d->decision) ? "first person" : "officer", d->what, 1u << PERSON_OFFICER, NULL,
			    &by) < 0)
		return EXIT_FAILURE;
	record = make_record(d, by, until, of);
	if (!record)
		return EXIT_CANNOT;
	status = append(d->config, decision_needs_second(d->decision) ? HISTORY_TYPE_PROPOSAL : HISTORY_TYPE_DECISION, record);
	if (status != EXIT_SUCCESS)
		return status;
	if (!decision_needs_second(d->decision)) {
		note_decision(d->config, record);
		(void)printf("decided: %s %s\n", text_of(record, "decision"), text_of(record, "id"));
		return EXIT_SUCCESS;
	}
	tell_proposed(d->config, record);
	return d->is_proposal_only ? EXIT_SUCCESS : decide_confirm(d->config, text_of(record, "id"));
}

/* -- confirming ----------------------------------------------------------------------------------------------------------------- */

static int take_proposal(void *context, const char *record, const char *closed)
{
	json_t *o = json_loads(record, 0, NULL);

	if (!o || json_object_set_new(o, "closed", json_string(closed)) < 0 || json_array_append(context, o) < 0) {
		json_decref(o);
		return -ENOMEM;
	}
	json_decref(o);
	return 0;
}

static json_t *find_proposals(struct ledger_link *l, const char *id)
{
	json_t *list = json_array();
	_cleanup_free_ char *why = NULL;
	int r = list ? ledger_proposals(&l->channel, id, take_proposal, list, &why) : -ENOMEM;

	if (r == 0)
		return list;
	log_error("%s", why ? why : strerror(-r));
	json_decref(list);
	return NULL;
}

json_t *decide_proposals(struct ledger_link *l)
{
	json_t *list = find_proposals(l, ""), *p;
	size_t k;

	json_array_foreach(list, k, p) {
		(void)json_object_del(p, "closed");
		if (json_array_set_new(list, k, held_proposal_json(p)) < 0)
			log_warning("out of memory");
	}
	return list;
}

/* NULL after telling why not. */
static json_t *open_proposal(const struct station_config *config, const char *id)
{
	struct ledger_link l = { 0 };
	json_t *list, *p;

	if (!decision_id_valid(id)) {
		log_error("refused: %s is no proposal's number", id);
		return NULL;
	}
	if (ledger_link_open(config, &l) < 0)
		return NULL;
	list = find_proposals(&l, id);
	ledger_link_close(&l);
	p = json_incref(json_array_get(list, 0));
	if (list && !p)
		log_error("refused: there is no proposal %s (`lazaret review proposals`)", id);
	else if (p && *text_of(p, "closed")) {
		log_error("refused: proposal %s is closed: it was %s", id, strcmp(text_of(p, "closed"), "withdraw") == 0 ? "withdrawn" : "decided");
		json_decref(p);
		p = NULL;
	}
	json_decref(list);
	if (p)
		(void)json_object_del(p, "closed");
	return p;
}

static int release(const struct station_config *config, const char *id, const char *second)
{
	const char *const argv[] = { "-C", config->dir, "--release", id, "--second", second, NULL };
	_cleanup_fclose_ FILE *in = NULL;
	_cleanup_free_ char *line = NULL;
	struct display *d = display_new(false);
	size_t room = 0;
	pid_t pid = 0;
	ssize_t n;
	int fd = d ? daemon_start(argv, &pid) : -ENOMEM, status;

	if (fd < 0) {
		log_error("lazaretd: %s", strerror(-fd));
		display_free(d);
		return EXIT_CANNOT;
	}
	in = fdopen(fd, "r");
	while (in && (n = getline(&line, &room, in)) > 0) {
		json_t *e = json_loadb(line, (size_t)n, 0, NULL);

		if (e)
			display_event(d, e);
		json_decref(e);
	}
	status = daemon_wait(pid);
	display_free(d);
	return status;
}

static void show(const json_t *p)
{
	const json_t *list = json_object_get(p, "sha256");
	char when[RECORDS_TIME_LEN];

	(void)fprintf(stderr, "%s proposes: %s", text_of(p, "by"), text_of(p, "decision"));
	if (json_is_integer(json_object_get(p, "until"))) {
		records_time(json_integer_value(json_object_get(p, "until")), when);
		(void)fprintf(stderr, ", until %s UTC", when);
	}
	(void)fputs("; reason: ", stderr);
	records_print(stderr, text_of(p, "reason"));
	(void)fputc('\n', stderr);
	for (size_t k = 0; k < json_array_size(list); k++)
		(void)fprintf(stderr, "  %s\n", json_string_value(json_array_get(list, k)));
}

static json_t *confirmed(const json_t *p, const char *second)
{
	json_t *o = json_copy((json_t *)p);

	if (!o)
		return NULL;
	(void)json_object_del(o, "expires");
	if (json_object_set_new(o, "at", json_integer(time(NULL))) < 0 || json_object_set_new(o, "second", json_string(second)) < 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

int decide_confirm(const struct station_config *config, const char *id)
{
	_cleanup_(json_decref_p) json_t *p = open_proposal(config, id), *record = NULL;
	_cleanup_free_ char *second = NULL;
	int status;

	if (!p)
		return EXIT_FAILURE;
	if (json_integer_value(json_object_get(p, "expires")) <= time(NULL)) {
		log_error("refused: the proposal has expired; propose it again");
		return EXIT_FAILURE;
	}
	show(p);
	if (person_ask_role(config, "second person", "review confirm", config->people.second_roles, text_of(p, "by"), &second) < 0)
		return EXIT_FAILURE;
	if (strcmp(text_of(p, "decision"), "release") == 0)
		return release(config, id, second);
	record = confirmed(p, second);
	status = record ? append(config, HISTORY_TYPE_DECISION, record) : EXIT_CANNOT;
	if (status != EXIT_SUCCESS)
		return status;
	note_decision(config, record);
	(void)printf("decided: %s %s\n", text_of(record, "decision"), id);
	return EXIT_SUCCESS;
}

int decide_withdraw(const struct station_config *config, const char *id, const char *reason)
{
	_cleanup_(json_decref_p) json_t *p = open_proposal(config, id), *record = NULL;
	_cleanup_free_ char *by = NULL;
	int status;

	if (!p || !has_reason(reason))
		return EXIT_FAILURE;
	if (person_ask_role(config, "officer", "review withdraw", 1u << PERSON_OFFICER, NULL, &by) < 0)
		return EXIT_FAILURE;
	record = json_pack("{s:I,s:s,s:s,s:s,s:o,s:n,s:O,s:n}", "at", (json_int_t)time(NULL), "by", by, "decision", "withdraw", "id", id,
			   "reason", clean_text(reason), "second", "sha256", json_object_get(p, "sha256"), "until");
	status = record ? append(config, HISTORY_TYPE_DECISION, record) : EXIT_CANNOT;
	if (status == EXIT_SUCCESS)
		(void)printf("withdrawn: %s\n", id);
	return status;
}
