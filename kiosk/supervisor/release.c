/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "supervisor/release.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/held_store.h"
#include "common/log.h"
#include "ipc/decisions_client.h"
#include "ipc/ledger_client.h"
#include "supervisor/release_files.h"

struct release {
	struct supervisor *s;
	json_t *proposal, *told; /* told: the report's `release` */
	char *second, *of;
	struct held_store *store;
	struct inspection *i;
	struct inspection_request request;
	bool is_decided;
};

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

static const char *text_of(const json_t *o, const char *field)
{
	const char *text = json_string_value(json_object_get(o, field));

	return text ? text : "";
}

_printf_(3, 4) static int says(char **ret_why, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(ret_why, fmt, ap) < 0)
		*ret_why = NULL;
	va_end(ap);
	return error;
}

json_t *release_record(const json_t *proposal, const char *second, const char *transfer)
{
	return json_pack("{s:I,s:O,s:O,s:O,s:O,s:s,s:O,s:O,s:s*}", "at", (json_int_t)time(NULL), "by", json_object_get(proposal, "by"),
			 "decision", json_object_get(proposal, "decision"), "id", json_object_get(proposal, "id"), "reason",
			 json_object_get(proposal, "reason"), "second", second, "sha256", json_object_get(proposal, "sha256"), "until",
			 json_object_get(proposal, "until"), "transfer", transfer);
}

/* -- prepare ----------------------------------------------------------------------------------------------------------------- */

static int begin(struct release *r)
{
	r->told = json_pack("{s:O,s:s,s:O,s:O,s:s,s:O}", "by", json_object_get(r->proposal, "by"), "of", r->of, "proposal",
			    json_object_get(r->proposal, "id"), "reason", json_object_get(r->proposal, "reason"), "second", r->second,
			    "until", json_object_get(r->proposal, "until"));
	r->request = (struct inspection_request){ .source = "", .operator_name = text_of(r->proposal, "by"), .owner = "", .ticket = "",
						    .reason = text_of(r->proposal, "reason") };
	r->i = r->told ? inspection_new(r->s, &r->request) : NULL;
	if (!r->i)
		return -ENOMEM;
	r->i->release = r->told;
	r->i->release_hashes = json_object_get(r->proposal, "sha256");
	r->i->is_report_kept = true; /* nothing is told of it yet: its spool goes with it */
	return inspection_begin(r->i);
}

int release_prepare(struct supervisor *s, const json_t *proposal, const char *second, struct release **ret, char **ret_why)
{
	_cleanup_(release_freep) struct release *r = calloc(1, sizeof(*r));
	int e;

	*ret_why = NULL;
	if (!r)
		return -ENOMEM;
	r->s = s;
	r->proposal = json_incref((json_t *)proposal);
	r->second = strdup(second);
	if (!r->second)
		return -ENOMEM;
	e = held_open(s->config->held.dir, HELD_PATIENCE_MS, &r->store);
	if (e == 0)
		e = held_may_release(r->store, json_object_get(proposal, "sha256"),
				     json_string_value(json_object_get(proposal, "of")), &r->of, ret_why);
	if (e == 0)
		e = begin(r);
	r->store = held_free(r->store); /* a database must not go through fork(2) */
	if (e == 0)
		*ret = TAKE_PTR(r);
	return e;
}

/* -- check ------------------------------------------------------------------------------------------------------------------- */

static int open_store(struct release *r)
{
	return r->store ? 0 : held_open(r->s->config->held.dir, HELD_PATIENCE_MS, &r->store);
}

static int is_intact(struct release *r, const char *hex)
{
	_cleanup_close_ int fd = -EBADF;
	uint8_t expected[SHA256_LEN], sum[SHA256_LEN];
	int e = hex_decode(hex, expected, SHA256_LEN);

	if (e == 0)
		e = held_open_copy(r->store, hex, &fd);
	if (e == 0)
		e = sha256_fd(fd, sum, NULL);
	return e < 0 ? e : memcmp(sum, expected, SHA256_LEN) == 0;
}

/* Recorded before it goes. */
static int drop_altered(struct release *r, const char *hex)
{
	_cleanup_(json_decref_p) json_t *body = json_pack("{s:[s],s:s}", "sha256", hex, "why", "altered");
	char hash[65];
	uint64_t seq;
	int e = body ? supervisor_audit(r->s, "held-lost", body, &seq, hash) : -ENOMEM;

	return e < 0 ? e : held_drop_copy(r->store, hex);
}

int release_check(struct release *r, char **ret_why)
{
	const json_t *list = json_object_get(r->proposal, "sha256");
	int e = open_store(r);

	*ret_why = NULL;
	for (size_t k = 0; e == 0 && k < json_array_size(list); k++) {
		const char *hex = json_string_value(json_array_get(list, k));
		int is_good = is_intact(r, hex);

		if (is_good > 0)
			continue;
		if (is_good < 0)
			return says(ret_why, is_good, "%.12s: its copy cannot be read: %s", hex, strerror(-is_good));
		if (drop_altered(r, hex) < 0)
			log_warning("release: the altered copy %s stays", hex);
		e = says(ret_why, -EBADMSG, "%.12s: its copy was altered since it was held; insert the medium again", hex);
	}
	return e;
}

/* -- decide ------------------------------------------------------------------------------------------------------------------ */

int release_decide(struct release *r, uint64_t *ret_seq, char **ret_why)
{
	_cleanup_(json_decref_p) json_t *body = release_record(r->proposal, r->second, r->i->transfer);
	_cleanup_free_ char *text = body ? json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	struct ledger_place place;
	int e;

	*ret_why = NULL;
	e = text ? ledger_append(&r->s->ledger.channel, "decision", text, &place, ret_why) : -ENOMEM;
	if (e < 0)
		return e;
	r->is_decided = true;
	r->i->is_report_kept = false;
	*ret_seq = place.seq;
	return 0;
}

/* -- run --------------------------------------------------------------------------------------------------------------------- */

static int take_decision(void *context, const struct ledger_decision *d)
{
	struct release *r = context;
	const json_t *list = json_object_get(r->proposal, "sha256");
	char hex[SHA256_HEX_LEN + 1];
	int e = 0;

	hex_encode(d->sha256, SHA256_LEN, hex);
	for (size_t k = 0; e == 0 && k < json_array_size(list); k++)
		if (strcmp(json_string_value(json_array_get(list, k)), hex) == 0)
			e = held_decided(r->store, hex, d->decision, (int64_t)d->until);
	return e;
}

/* The index follows the trail, where another decision may have come after this one; where it cannot, the next sweep does it. */
static void note_decision(struct release *r, bool is_published)
{
	const json_t *list = json_object_get(r->proposal, "sha256");
	int e = held_begin(r->store, 2000);

	if (e == 0)
		e = ledger_decisions(&r->s->ledger.channel, take_decision, r, NULL);
	for (size_t k = 0; e == 0 && is_published && k < json_array_size(list); k++)
		e = held_released(r->store, json_string_value(json_array_get(list, k)), r->i->transfer);
	if (e == 0)
		e = held_commit(r->store);
	if (e < 0)
		log_warning("release: %s: %s", r->s->config->held.dir, strerror(-e));
	held_rollback(r->store);
}

static bool is_in_staging(const struct release *r)
{
	struct stat st;

	return fstatat(r->s->staging_fd, r->i->transfer, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

enum inspection_status release_run(struct release *r)
{
	_cleanup_free_ char *why = NULL;
	enum inspection_status status;
	int e;

	events_send(r->s->events, "started", json_pack("{s:s,s:O}", "transfer", r->i->transfer, "release", r->told));
	e = open_store(r);
	r->i->held = r->store;
	if (e == 0)
		e = inspection_open_docket(r->i);
	if (e == 0)
		e = release_check(r, &why);
	if (e == 0)
		e = release_fill(r->i, r->store, r->of, r->proposal);
	if (e < 0)
		events_error(r->s->events, "releasing %s: %s", text_of(r->proposal, "id"), why ? why : strerror(-e));
	status = inspection_conclude(r->i, e);
	if (r->store)
		note_decision(r, is_in_staging(r));
	return status == INSPECTION_INCOMPLETE ? status : INSPECTION_ALL_APPROVED;
}

static int take_proposal(void *context, const char *record, const char *closed)
{
	json_t **ret = context;

	*ret = json_loads(record, 0, NULL);
	return *ret ? 0 : -ENOMEM;
}

static bool is_refusal(int error)
{
	return error == -ENOENT || error == -EINVAL || error == -EBADMSG || error == -ETIME || error == -EPERM || error == -EEXIST;
}

enum inspection_status release_confirm(struct supervisor *s, const char *id, const char *second)
{
	_cleanup_(release_freep) struct release *r = NULL;
	_cleanup_(json_decref_p) json_t *proposal = NULL;
	_cleanup_free_ char *why = NULL;
	uint64_t seq;
	int e = ledger_proposals(&s->ledger.channel, id, take_proposal, &proposal, &why);

	if (e == 0 && (!proposal || strcmp(text_of(proposal, "decision"), "release") != 0))
		e = says(&why, -ENOENT, "there is no such proposal to release something");
	if (e == 0)
		e = release_prepare(s, proposal, second, &r, &why);
	if (e == 0)
		e = release_check(r, &why);
	if (e == 0)
		e = release_decide(r, &seq, &why);
	if (e == 0)
		return release_run(r);
	events_error(s->events, "%s%s", is_refusal(e) ? "not released: " : "", why ? why : strerror(-e));
	return is_refusal(e) ? INSPECTION_SOME_REFUSED : INSPECTION_INCOMPLETE;
}

/* -- end --------------------------------------------------------------------------------------------------------------------- */

const char *release_transfer(const struct release *r)
{
	return r->i->transfer;
}

int release_spool_fd(const struct release *r)
{
	return r->i->spool_fd;
}

struct release *release_free(struct release *r)
{
	if (!r)
		return NULL;
	if (r->i)
		inspection_done(r->i);
	held_free(r->store);
	json_decref(r->proposal);
	json_decref(r->told);
	free(r->second);
	free(r->of);
	free(r);
	return NULL;
}

struct release *release_let_go(struct release *r)
{
	close_p(&r->i->spool_fd); /* the lock lives in the other process's descriptor */
	return release_free(r);
}
