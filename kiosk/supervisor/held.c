/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "supervisor/held.h"

#include <string.h>
#include <time.h>

#include "common/held_store.h"
#include "common/log.h"
#include "common/text.h"
#include "ipc/decisions_client.h"
#include "supervisor/docket_members.h"
#include "supervisor/report.h"

#define KEEP_WAIT_MS 20000 /* for another inspection that keeps what it holds */
#define SWEEP_WAIT_MS 2000
#define HELD_MEMBERS_MAX 100000 /* 13 MB of the index; of a file with more, what is in it counts as not known */
#define HASHES_OF_A_RECORD 500 /* 33,500 bytes; a body has 59,000 */

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

/* -- keeping ----------------------------------------------------------------------------------------------------------------- */

struct keeping {
	struct inspection *i;
	struct held_store *store;
	struct held_usage used;
	uint64_t kept, left_out;
};

static bool fits(const struct keeping *k, uint64_t size)
{
	const struct station_held *limits = &k->i->supervisor->config->held;

	return k->used.files < limits->files && k->used.bytes <= limits->bytes && size <= limits->bytes - k->used.bytes;
}

static int put_entry(struct keeping *k, const struct docket_entry *e, const char *hex)
{
	_cleanup_(json_decref_p) json_t *reasons = json_loads(e->reasons, 0, NULL), *types = json_loads(e->types, 0, NULL), *entry = NULL;
	_cleanup_free_ char *shown = text_escape(e->path, strlen(e->path)), *path = inspection_published_path(k->i, e), *text = NULL;
	const char *code = json_string_value(json_object_get(json_array_get(reasons, 0), "code"));
	const char *type = json_string_value(json_array_get(types, 0));
	int64_t now = time(NULL);
	struct held_new n;

	entry = report_file_json(k->i, e);
	text = entry ? json_dumps(entry, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	if (!shown || !path || !text)
		return -ENOMEM;
	n = (struct held_new){
		.sha256 = hex, .size = e->size, .code = code ? code : "", .type = type ? type : "", .held_at = now,
		.expires = now + (int64_t)k->i->supervisor->config->held.time_s,
		.place = { .transfer = k->i->transfer, .path = path + strlen("files/"), .path_size = strlen(path) - strlen("files/"),
			   .shown = shown, .entry = text, .started = k->i->started },
	};
	return held_put(k->store, &n);
}

/* The copy is one of the vault's, which has it sealed; whoever releases it hashes it again. */
static int keep_copy(struct keeping *k, const struct docket_entry *e, const char *hex)
{
	_cleanup_close_ int fd = -EBADF;
	int had = held_has_copy(k->store, hex), r;

	if (had < 0)
		return had;
	if (had == 0 && !fits(k, e->size)) {
		k->left_out++;
		return 1;
	}
	r = inspection_open_copy(k->i, e->id, &fd);
	if (r == 0)
		r = held_put_copy(k->store, hex, fd, e->size);
	if (r == 0 && had == 0) {
		k->used.files++;
		k->used.bytes += e->size;
	}
	return r;
}

/* What is in it, so that it is not released when some of that is rejected or denied afterwards. */
struct putting {
	struct held_store *store;
	const char *hex;
	uint64_t count;
};

static int put_member(void *context, struct docket_member *m)
{
	struct putting *p = context;
	char hex[SHA256_HEX_LEN + 1];

	if (!m->has_sum)
		return 0; /* nothing came of it: it cannot be named in a decision */
	if (p->count++ == HELD_MEMBERS_MAX)
		return held_put_member(p->store, p->hex, HELD_MEMBERS_UNKNOWN);
	if (p->count > HELD_MEMBERS_MAX)
		return 0;
	hex_encode(m->sum, SHA256_LEN, hex);
	return held_put_member(p->store, p->hex, hex);
}

static int keep_one(void *context, struct docket_entry *e)
{
	struct keeping *k = context;
	char hex[SHA256_HEX_LEN + 1];
	int r;

	if (e->verdict != VERDICT_HELD || !e->has_sum)
		return 0;
	hex_encode(e->sum, SHA256_LEN, hex);
	r = keep_copy(k, e, hex);
	if (r != 0)
		return MIN(r, 0);
	r = docket_keep(k->i->docket, e->id);
	if (r == 0)
		r = put_entry(k, e, hex);
	if (r == 0)
		r = docket_each_member(k->i->docket, e->id, put_member, &(struct putting){ k->store, hex, 0 });
	k->kept++;
	return r;
}

static int put_transfer(struct keeping *k)
{
	const struct inspection *i = k->i;
	_cleanup_free_ char *operator_name = text_escape(i->request->operator_name, strlen(i->request->operator_name)), *text = NULL;
	_cleanup_(json_decref_p) json_t *facts =
		operator_name ? json_pack("{s:O,s:o,s:s,s:I}", "engines", i->supervisor->engines, "medium", report_medium_json(i),
					  "operator", operator_name, "started", (json_int_t)i->started) :
				NULL;

	text = facts ? json_dumps(facts, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	return text ? held_put_transfer(k->store, i->transfer, text) : -ENOMEM;
}

static int keep_all(struct keeping *k)
{
	int r = held_begin(k->store, KEEP_WAIT_MS);

	if (r == 0)
		r = held_usage(k->store, &k->used);
	if (r == 0)
		r = docket_each(k->i->docket, keep_one, k);
	if (r == 0 && k->kept > 0)
		r = put_transfer(k);
	if (r == 0 && k->kept > 0)
		r = held_sync(k->store);
	if (r == 0)
		r = held_commit(k->store);
	return r;
}

/* Copies without rows go at once: they may be what has filled the disk. */
static void give_up(struct held_store *store)
{
	held_rollback(store);
	if (held_begin(store, KEEP_WAIT_MS) == 0 && held_remove_strays(store) >= 0 && held_commit(store) == 0)
		return;
	held_rollback(store);
	log_warning("held: what could not be kept is removed by the next start");
}

void held_keep(struct inspection *i)
{
	const struct station_config *c = i->supervisor->config;
	_cleanup_(held_freep) struct held_store *store = NULL;
	struct keeping k = { .i = i };
	int r;

	if (c->held.bytes == 0 || c->held.files == 0)
		return;
	r = held_open(c->held.dir, HELD_PATIENCE_MS, &store);
	k.store = store;
	if (r == 0)
		r = keep_all(&k);
	if (r < 0) {
		if (store)
			give_up(store);
		events_warning(i->supervisor->events, "%s: held files could not be kept, so that nobody can release them: %s", c->held.dir,
			       strerror(-r));
		if (docket_forget_kept(i->docket) < 0)
			log_error("job=%s: the report says of held files that they were kept, which is not so", i->transfer);
	} else if (k.left_out > 0) {
		events_warning(i->supervisor->events,
			       "%llu held files are not kept, so that nobody can release them: %s is full (`held:` in lazaret.yaml)",
			       (unsigned long long)k.left_out, c->held.dir);
	}
}

void held_settle(struct supervisor *s, const char *transfer, bool is_kept)
{
	_cleanup_(held_freep) struct held_store *store = NULL;
	int r = held_open(s->config->held.dir, HELD_PATIENCE_MS, &store);

	if (r == 0)
		r = is_kept ? held_confirm(store, transfer) : held_forget_transfer(store, transfer);
	if (r < 0)
		events_warning(s->events, "%s: what was held of %s is not settled: %s", s->config->held.dir, transfer, strerror(-r));
}

/* -- sweeping ---------------------------------------------------------------------------------------------------------------- */

static int collect(void *context, const char *sha256)
{
	return json_array_append_new(context, json_string(sha256)) < 0 ? -ENOMEM : 0;
}

static int record(struct supervisor *s, const char *type, const json_t *hashes)
{
	size_t count = json_array_size(hashes);
	int r = 0;

	for (size_t at = 0; r == 0 && at < count; at += HASHES_OF_A_RECORD) {
		_cleanup_(json_decref_p) json_t *body = NULL;
		json_t *part = json_array();
		char hash[65];
		uint64_t seq;

		for (size_t n = at; n < count && n < at + HASHES_OF_A_RECORD; n++)
			if (json_array_append(part, json_array_get(hashes, n)) < 0)
				r = -ENOMEM;
		body = json_pack("{s:o}", "sha256", part);
		if (r == 0)
			r = body ? supervisor_audit(s, type, body, &seq, hash) : -ENOMEM;
	}
	return r;
}

/* It may have been held anew since it was listed. */
static int remove_expired(struct held_store *h, const char *sha256)
{
	int is_over = held_has_expired(h, sha256, time(NULL));

	return is_over > 0 ? held_remove(h, sha256) : is_over;
}

static int each_of(struct held_store *store, const json_t *hashes, int (*act)(struct held_store *h, const char *sha256))
{
	int r = json_array_size(hashes) > 0 ? held_begin(store, SWEEP_WAIT_MS) : 0;

	for (size_t n = 0; r == 0 && n < json_array_size(hashes); n++)
		r = act(store, json_string_value(json_array_get(hashes, n)));
	if (r == 0 && json_array_size(hashes) > 0)
		r = held_commit(store);
	if (r < 0)
		held_rollback(store);
	return r;
}

static int take_decision(void *context, const struct ledger_decision *d)
{
	char hex[SHA256_HEX_LEN + 1];

	hex_encode(d->sha256, SHA256_LEN, hex);
	return held_decided(context, hex, d->decision, (int64_t)d->until);
}

/* What the trail holds, for what was decided when nobody could write the index. */
static int follow(struct supervisor *s, struct held_store *store)
{
	int r = held_begin(store, SWEEP_WAIT_MS);

	if (r == 0)
		r = held_remove_strays(store);
	if (r >= 0)
		r = held_forget_decisions(store, time(NULL));
	if (r == 0)
		r = ledger_decisions(&s->ledger.channel, take_decision, store, NULL);
	if (r == 0)
		r = held_commit(store);
	if (r < 0)
		held_rollback(store);
	return r;
}

int held_sweep(struct supervisor *s)
{
	_cleanup_(json_decref_p) json_t *expired = json_array(), *lost = json_array();
	_cleanup_(held_freep) struct held_store *store = NULL;
	int told = 0, r = expired && lost ? held_open(s->config->held.dir, HELD_PATIENCE_MS, &store) : -ENOMEM;

	if (r == 0)
		r = held_each_expired(store, time(NULL), collect, expired);
	if (r == 0)
		told = record(s, "held-expired", expired);
	if (r == 0 && told == 0)
		r = each_of(store, expired, remove_expired);
	if (r == 0 && told == 0)
		r = held_each_lost(store, collect, lost);
	if (r == 0 && told == 0)
		told = record(s, "held-lost", lost);
	if (r == 0 && told == 0)
		r = each_of(store, lost, held_drop_copy);
	if (r == 0 && told == 0)
		r = follow(s, store);
	if (r < 0)
		events_warning(s->events, "%s: %s%s", s->config->held.dir, strerror(-r),
			       r == -EBADMSG ? ": the audit trail is not good (`lazaret audit verify`)" :
			       r == -EUCLEAN ? ": its index.sqlite is damaged; remove it, and the copies go with it" : "");
	return told;
}
