/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What officers ask for and decide (docs/control.md). The store of held files is opened for each request: other processes write it, and
 * no open database may go through the fork(2) of an inspection. What is decided goes to the ledger, which says no to what may not be. */
#include "daemon/review.h"

#include <string.h>
#include <time.h>

#include "common/history.h"
#include "common/log.h"
#include "common/text.h"
#include "daemon/daemon.h"
#include "ipc/ledger_client.h"
#include "supervisor/held.h"

#define LIMIT_MAX 100
#define BYTES_MAX 4096
#define PLACES_MAX 32
#define ANSWER_MAX (CONTROL_LINE_MAX - 4096) /* bytes of what an answer lists */

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

/* -- words ---------------------------------------------------------------------------------------------------------------------- */

static const char *code_of(int error)
{
	switch (error) {
	case -ENOENT:
		return "not-found";
	case -ETIME:
		return "expired";
	case -EPERM:
		return "same-person";
	case -EEXIST:
		return "not-now";
	case -EINVAL:
	case -EBADMSG:
		return "bad-request";
	default:
		return NULL;
	}
}

void review_refuse(struct daemon *d, uint64_t token, int error, const char *why)
{
	const char *code = code_of(error);

	control_refuse(d->control, token, code ? code : "unavailable", "%s", why ? why : strerror(-error));
}

bool review_is_ready(struct daemon *d, uint64_t token)
{
	if (!d->station)
		control_refuse(d->control, token, "not-now", "the station has not started");
	else if (d->is_trail_lost)
		control_refuse(d->control, token, "unavailable", "the audit trail cannot be written");
	return d->station && !d->is_trail_lost;
}

/* -- the trail ------------------------------------------------------------------------------------------------------------------ */

/* What is no refusal means that the trail cannot be written: the station stops until it can. */
int review_append(struct daemon *d, const char *type, const json_t *record, uint64_t *ret_seq, char **ret_why)
{
	_cleanup_free_ char *text = json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS);
	struct ledger_place place = { 0 };
	int r = text ? ledger_append(&d->station->ledger.channel, type, text, &place, ret_why) : -ENOMEM;

	if (r < 0 && !code_of(r)) {
		d->is_trail_lost = true;
		control_touch(d->control, CONTROL_STATION);
	}
	if (r == 0)
		*ret_seq = place.seq;
	return r;
}

static int take_proposal(void *context, const char *record, const char *closed)
{
	json_t *o = json_loads(record, 0, NULL);
	int r = o && json_array_append_new(context, held_proposal_json(o)) == 0 ? 0 : -ENOMEM;

	json_decref(o);
	return r;
}

json_t *review_proposals(struct daemon *d, const char *id, char **ret_why)
{
	json_t *list = json_array();
	int r = list ? ledger_proposals(&d->station->ledger.channel, id, take_proposal, list, ret_why) : -ENOMEM;

	if (r == 0)
		return list;
	json_decref(list);
	return NULL;
}

/* -- the store ------------------------------------------------------------------------------------------------------------------ */

struct asked {
	const json_t *proposals;
	json_t *list;
	size_t size;
	bool is_full;
};

/* As many as fit in a line. */
static int add(struct asked *a, json_t *o)
{
	size_t size = o ? json_dumpb(o, NULL, 0, JSON_COMPACT) + 1 : 0;

	if (size == 0)
		return -ENOMEM;
	if (a->size + size > ANSWER_MAX) {
		a->is_full = true;
		json_decref(o);
		return 1;
	}
	a->size += size;
	return json_array_append_new(a->list, o) < 0 ? -ENOMEM : 0;
}

static int add_file(void *context, const struct held_file *f)
{
	struct asked *a = context;

	return add(a, held_json(f, a->proposals));
}

static int open_store(struct daemon *d, const json_t *proposals, struct held_store **ret)
{
	int r = proposals ? held_open(d->station->config->held.dir, HELD_LOOP_MS, ret) : -EIO;

	return r == 0 ? held_set_proposals(*ret, proposals) : r;
}

static void on_held(struct daemon *d, const struct control_request *q)
{
	_cleanup_(held_freep) struct held_store *h = NULL;
	_cleanup_(json_decref_p) json_t *proposals = review_proposals(d, "", NULL);
	const char *filter_name = control_text(q, "filter"), *search = control_text(q, "search");
	json_int_t offset = json_integer_value(json_object_get(q->fields, "offset"));
	json_int_t limit = json_is_integer(json_object_get(q->fields, "limit")) ? json_integer_value(json_object_get(q->fields, "limit")) : LIMIT_MAX;
	enum held_filter filter = HELD_FILTER_ALL;
	struct asked a = { .proposals = proposals, .list = json_array() };
	uint64_t total = 0;
	int r;

	if ((*filter_name && held_filter_parse(filter_name, &filter) < 0) || offset < 0 || limit < 1 || limit > LIMIT_MAX) {
		control_refuse(d->control, q->token, "bad-request", "filter: open, proposed, decided, all; limit: 1 to %d", LIMIT_MAX);
		json_decref(a.list);
		return;
	}
	r = a.list ? open_store(d, proposals, &h) : -ENOMEM;
	if (r == 0)
		r = held_list(h, filter, *search ? search : NULL, time(NULL), offset, limit, &total, add_file, &a);
	if (r < 0) {
		json_decref(a.list);
		control_refuse(d->control, q->token, "unavailable", "%s", strerror(-r));
		return;
	}
	control_answer(d->control, q->token, json_pack("{s:I,s:o}", "total", (json_int_t)total, "held", a.list));
}

/* -- one file ------------------------------------------------------------------------------------------------------------------- */

struct one {
	const json_t *proposals;
	json_t *file, *places, *entry; /* owned */
};

static int take_file(void *context, const struct held_file *f)
{
	struct one *o = context;

	o->file = held_json(f, o->proposals);
	return o->file ? 0 : -ENOMEM;
}

static int take_place(void *context, const struct held_place *p)
{
	struct one *o = context;

	if (!o->entry)
		o->entry = json_loads(p->entry, 0, NULL);
	return json_array_append_new(o->places, json_pack("{s:s,s:s,s:I}", "transfer", p->transfer, "path", p->shown, "started",
							   (json_int_t)p->started)) < 0 ? -ENOMEM : 0;
}

static bool shorten(json_t *list)
{
	return json_array_size(list) > 0 && json_array_remove(list, json_array_size(list) - 1) == 0;
}

/* The longest lists first, from their ends, until it fits. */
static json_t *fit(struct one *o, json_t *seen)
{
	json_t *lists[] = { json_object_get(o->entry, "notes"), json_object_get(o->entry, "signers"), json_object_get(o->entry, "reasons"),
			    o->places, seen };
	json_int_t left_out = 0;
	json_t *all = json_pack("{s:O,s:O,s:O?,s:o}", "held", o->file, "places", o->places, "file", o->entry, "seen", seen);

	for (size_t k = 0; all && k < ARRAY_LEN(lists); k++)
		while (json_dumpb(all, NULL, 0, JSON_COMPACT) > ANSWER_MAX && shorten(lists[k]))
			left_out++;
	if (all && json_object_set_new(all, "left_out", json_integer(left_out)) < 0) {
		json_decref(all);
		return NULL;
	}
	return all;
}

static int seen_one(void *context, const struct history_file *f)
{
	return json_array_append_new(context, json_pack("{s:s,s:s,s:s,s:I}", "transfer", f->transfer, "path", f->path, "verdict", f->verdict,
							 "started", (json_int_t)f->started)) < 0 ? -ENOMEM : 0;
}

/* An index, asked for a moment at most: the rest is told without. */
static json_t *seen_of(struct daemon *d, const char *sha256)
{
	_cleanup_(history_freep) struct history *h = NULL;
	_cleanup_free_ char *path = NULL;
	json_t *list = json_array();

	if (!list || asprintf(&path, "%s/" HISTORY_FILE, d->station->config->history_dir) < 0) {
		path = NULL;
		return list;
	}
	if (history_open_read(path, &h) == 0) {
		history_set_deadline(h, monotonic_ms() + 500);
		if (history_files(h, sha256, PLACES_MAX, seen_one, list) < 0)
			log_warning("history: %s", history_error(h));
	}
	return list;
}

static bool is_hash(const char *text)
{
	return strlen(text) == SHA256_HEX_LEN && strspn(text, "0123456789abcdef") == SHA256_HEX_LEN;
}

static void on_held_file(struct daemon *d, const struct control_request *q)
{
	_cleanup_(held_freep) struct held_store *h = NULL;
	_cleanup_(json_decref_p) json_t *proposals = review_proposals(d, "", NULL);
	struct one o = { .proposals = proposals, .places = json_array() };
	const char *sha256 = control_text(q, "sha256");
	int r = is_hash(sha256) ? open_store(d, proposals, &h) : -EINVAL;

	if (r == 0)
		r = held_find(h, sha256, time(NULL), take_file, &o);
	if (r > 0)
		r = held_places(h, sha256, take_place, &o) < 0 ? -EIO : 1;
	if (r > 0)
		control_answer(d->control, q->token, fit(&o, seen_of(d, sha256)));
	else if (r == 0)
		control_refuse(d->control, q->token, "not-held", "it is not held, or no longer");
	else
		review_refuse(d, q->token, r, r == -EINVAL ? "sha256: 64 lower-case hex digits" : NULL);
	json_decref(o.file);
	json_decref(o.places);
	json_decref(o.entry);
}

static void on_held_bytes(struct daemon *d, const struct control_request *q)
{
	_cleanup_(held_freep) struct held_store *h = NULL;
	_cleanup_close_ int fd = -EBADF;
	const char *sha256 = control_text(q, "sha256");
	json_int_t offset = json_integer_value(json_object_get(q->fields, "offset"));
	json_int_t size = json_integer_value(json_object_get(q->fields, "size"));
	uint8_t bytes[BYTES_MAX];
	char hex[2 * BYTES_MAX + 1];
	ssize_t n;
	off_t end;
	int r;

	if (!is_hash(sha256) || offset < 0 || size < 1 || size > BYTES_MAX) {
		control_refuse(d->control, q->token, "bad-request", "sha256: 64 lower-case hex digits; size: 1 to %d", BYTES_MAX);
		return;
	}
	r = held_open(d->station->config->held.dir, HELD_LOOP_MS, &h);
	if (r == 0)
		r = held_has_copy(h, sha256);
	r = r > 0 ? held_open_copy(h, sha256, &fd) : r < 0 ? r : -ENOENT;
	if (r < 0) {
		control_refuse(d->control, q->token, r == -ENOENT ? "not-held" : "unavailable", "there is no copy of it");
		return;
	}
	end = lseek(fd, 0, SEEK_END);
	n = pread(fd, bytes, (size_t)size, (off_t)offset);
	if (end < 0 || n < 0) {
		control_refuse(d->control, q->token, "unavailable", "%s", strerror(errno));
		return;
	}
	hex_encode(bytes, (size_t)n, hex);
	control_answer(d->control, q->token, json_pack("{s:s,s:I}", "bytes", hex, "size", (json_int_t)end));
}

static void on_proposals(struct daemon *d, const struct control_request *q)
{
	_cleanup_free_ char *why = NULL;
	_cleanup_(json_decref_p) json_t *proposals = review_proposals(d, "", &why);
	struct asked a = { .list = json_array() };
	int r = proposals && a.list ? 0 : -EIO;

	for (size_t k = 0; r == 0 && k < json_array_size(proposals); k++)
		r = add(&a, json_incref(json_array_get(proposals, k)));
	if (r < 0) {
		json_decref(a.list);
		control_refuse(d->control, q->token, "unavailable", "%s", why ? why : "the audit trail cannot be read");
		return;
	}
	control_answer(d->control, q->token, json_pack("{s:o,s:b}", "proposals", a.list, "more", a.is_full));
}

/* -- who may what ----------------------------------------------------------------------------------------------------------------- */

#define READERS (1u << PERSON_OFFICER | 1u << PERSON_AUDITOR)
#define OFFICERS (1u << PERSON_OFFICER)
#define ANYBODY 0u /* who has logged in */

static const struct {
	const char *name;
	bool needs_session;
	unsigned int roles;
	void (*handle)(struct daemon *d, const struct control_request *q);
} requests[] = {
	{ "held", true, READERS, on_held },
	{ "held-file", true, READERS, on_held_file },
	{ "held-bytes", true, READERS, on_held_bytes },
	{ "proposals", true, ANYBODY, on_proposals },
	{ "propose", true, OFFICERS, review_propose },
	{ "withdraw", true, OFFICERS, review_withdraw },
	{ "confirm", false, ANYBODY, review_confirm }, /* which asks who is there */
};

static bool may(struct daemon *d, const struct control_request *q, unsigned int roles)
{
	const struct session *s = session_of(d, q->token);

	if (s && (roles == ANYBODY || (s->roles & roles)))
		return true;
	control_refuse(d->control, q->token, "not-permitted", "%s", s ? "that is for officers" : "log in first");
	return false;
}

bool review_request(struct daemon *d, const struct control_request *q)
{
	for (size_t k = 0; k < ARRAY_LEN(requests); k++) {
		if (strcmp(requests[k].name, q->name) != 0)
			continue;
		if (review_is_ready(d, q->token) && (!requests[k].needs_session || may(d, q, requests[k].roles)))
			requests[k].handle(d, q);
		return true;
	}
	return false;
}

/* -- the station's numbers, and what has to be done now and then -------------------------------------------------------------- */

static int count_one(void *context, const struct held_file *f)
{
	return 1;
}

static int count(struct daemon *d, struct review *v)
{
	_cleanup_(held_freep) struct held_store *h = NULL;
	_cleanup_(json_decref_p) json_t *proposals = review_proposals(d, "", NULL);
	struct held_usage used;
	uint64_t open = 0, proposed = 0;
	int r = open_store(d, proposals, &h);

	if (r == 0)
		r = held_usage(h, &used);
	if (r == 0)
		r = MIN(held_list(h, HELD_FILTER_OPEN, NULL, time(NULL), 0, 1, &open, count_one, NULL), 0);
	if (r == 0)
		r = MIN(held_list(h, HELD_FILTER_PROPOSED, NULL, time(NULL), 0, 1, &proposed, count_one, NULL), 0);
	if (r < 0)
		return r;
	v->files = used.files;
	v->bytes = used.bytes;
	v->open = open;
	v->proposed = proposed;
	return 0;
}

void review_count(struct daemon *d)
{
	if (d->station && !d->is_trail_lost && count(d, &d->review) < 0)
		log_warning("%s: what is held cannot be counted", d->station->config->held.dir);
	control_touch(d->control, CONTROL_STATION);
}

void review_tick(struct daemon *d)
{
	int64_t now = time(NULL);

	if (!d->station || d->is_trail_lost)
		return;
	if (now / 86400 != d->review.swept_day) {
		bool is_first = d->review.swept_day == 0; /* the start has done it */

		d->review.swept_day = now / 86400;
		if (!is_first && held_sweep(d->station) < 0)
			d->is_trail_lost = true;
	}
	review_count(d);
}

json_t *review_station(const struct daemon *d)
{
	const struct review *v = &d->review;

	return json_pack("{s:I,s:I,s:I,s:I}", "files", (json_int_t)v->files, "bytes", (json_int_t)v->bytes, "open", (json_int_t)v->open,
			 "proposed", (json_int_t)v->proposed);
}
