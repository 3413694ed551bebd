/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "supervisor/remembering.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/statvfs.h>
#include <time.h>

#include "common/fd.h"
#include "common/log.h"
#include "ipc/ledger_client.h"
#include "ipc/remembered.h"
#include "supervisor/examining.h"
#include "supervisor/unpacking.h"

#define SPOOL_REMEMBERED "remembered" /* in spool/TRANSFER: for the ledger, once the inspection is concluded */

/* Whatever they found, they were not able to tell about other files either, or somebody wanted them not to. */
#define TAINTS (UINT64_C(1) << REASON_MALWARE | UINT64_C(1) << REASON_HASH_DENIED | UINT64_C(1) << REASON_SCANNER_CRASHED)
/* Said of a file that takes too long on a busy machine, or of a spool that is full: no contradiction to what was seen before. */
#define OF_THE_MOMENT                                                                              \
	(UINT64_C(1) << REASON_SCAN_TIMEOUT | UINT64_C(1) << REASON_SCAN_ERROR | UINT64_C(1) << REASON_SCANNER_CRASHED |              \
	 UINT64_C(1) << REASON_LIMIT_EXCEEDED | UINT64_C(1) << REASON_QUOTA_EXCEEDED)

_Static_assert(REASON_COUNT_ <= 64, "reasons are kept as bits");

struct remembering {
	bool is_off;
	uint8_t context[SHA256_LEN]; /* all of the key that is not the file's own */
	int body_fd;		     /* where the ledger writes what it remembers; in memory */
	int64_t not_before;

	int out_fd; /* for the ledger; -EBADF: nothing */
	FILE *out;  /* the same, while it is written; NULL: nothing is */
	off_t end;  /* of what is whole in it */
	uint64_t found, kept;
	bool is_contradicted, is_cut; /* it could not be written whole */
};

struct remembering *remembering_free(struct remembering *m)
{
	if (m) {
		close_p(&m->body_fd);
		close_p(&m->out_fd);
		if (m->out)
			(void)fclose(m->out); /* of an inspection that was aborted: nobody reads it */
	}
	free(m);
	return NULL;
}

/* -- the key ----------------------------------------------------------------------------------------------------- */

static bool is_known(const uint8_t sum[static SHA256_LEN])
{
	static const uint8_t none[SHA256_LEN];

	return memcmp(sum, none, SHA256_LEN) != 0;
}

/* {name: hex}; false: it cannot tell what it is made of. */
static bool add_sum(json_t *o, const char *name, const char *of, const uint8_t sum[static SHA256_LEN])
{
	char hex[SHA256_HEX_LEN + 1], key[64];

	hex_encode(sum, SHA256_LEN, hex);
	(void)snprintf(key, sizeof(key), "%s %s", name, of);
	return is_known(sum) && json_object_set_new(o, key, json_string(hex)) == 0;
}

/* The openers of this inspection, and no others: their parents live as long as it does. */
static int add_openers(const struct inspection *i, json_t *made_of, bool *is_told)
{
	uint8_t sum[SHA256_LEN];
	int r = 0;

	for (size_t k = 0; r == 0 && k < ARRAY_LEN(unpack_openers); k++) {
		r = unpack_made_of(i->unpackers, unpack_openers[k], sum);
		*is_told &= r == 0 && add_sum(made_of, role_get(unpack_openers[k])->name, "program", sum);
	}
	return r;
}

static void add_examiners(const struct supervisor *s, json_t *made_of, bool *is_told)
{
	for (size_t k = 0; k < s->examiner_count; k++) {
		const struct examiner_parent *e = &s->examiners[k];

		*is_told &= add_sum(made_of, role_get(e->process.role)->name, "program", e->process.made_of) &&
			    add_sum(made_of, role_get(e->process.role)->name, "data", e->data_sum);
	}
}

static json_t *limits_json(const struct station_config *c)
{
	const struct station_unpack *u = &c->unpack;

	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "scan-time", (json_int_t)c->limits.scan_time_s, "worker-tmpfs",
			 (json_int_t)c->limits.worker_tmpfs, "largest-file", (json_int_t)c->limits.largest_file, "depth", (json_int_t)u->depth,
			 "members", (json_int_t)u->members, "bytes", (json_int_t)u->bytes, "ratio", (json_int_t)u->ratio, "time",
			 (json_int_t)u->time_s);
}

/* 0; -ENODATA: there is no telling when something has changed; or another negative errno. */
static int make_context(const struct inspection *i, uint8_t ret[static SHA256_LEN])
{
	json_t *made_of = json_object(), *whole;
	_cleanup_free_ char *text = NULL;
	bool is_told = true;
	int r = made_of ? add_openers(i, made_of, &is_told) : -ENOMEM;

	if (r == 0)
		add_examiners(i->supervisor, made_of, &is_told);
	if (r == 0 && !is_told)
		r = -ENODATA;
	whole = r == 0 ? json_pack("{s:s,s:s,s:O,s:o}", "format", "lazaret.remembered/2", "lazaret", LAZARET_VERSION, "made_of", made_of, "limits",
				   limits_json(i->supervisor->config)) :
			 NULL;
	text = whole ? json_dumps(whole, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	if (r == 0)
		r = text ? sha256(text, strlen(text), ret) : -ENOMEM;
	json_decref(whole);
	json_decref(made_of);
	return r;
}

static int key_of(const struct remembering *m, const char *path, uint64_t size, const uint8_t sum[static SHA256_LEN],
		  uint8_t ret[static REMEMBERED_KEY_LEN])
{
	struct hash *h = hash_new();
	int r = h ? hash_update(h, m->context, sizeof(m->context)) : -ENOMEM;

	if (r == 0)
		r = hash_update(h, sum, SHA256_LEN);
	if (r == 0)
		r = hash_update(h, &size, sizeof(size));
	if (r == 0)
		r = hash_update(h, path, strlen(path));
	if (r == 0)
		r = hash_final(h, ret);
	hash_free(h);
	return r;
}

bool remember_is_wanted(const struct inspection *i)
{
	const struct station_config *c = i->supervisor->config;

	return c->remember.bytes > 0 && c->plugin_count == 0 && !c->awaits_set_up && !i->request->is_explaining;
}

/* NULL: out of memory. */
static struct remembering *ensure(struct inspection *i)
{
	struct remembering *m = i->remembering;
	int r;

	if (m)
		return m;
	m = i->remembering = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	*m = (struct remembering){ .is_off = !remember_is_wanted(i), .body_fd = -EBADF, .out_fd = -EBADF,
				   .not_before = time(NULL) - (int64_t)i->supervisor->config->remember.time_s };
	if (m->is_off)
		return m;
	m->body_fd = memfd_create("remembered", MFD_CLOEXEC);
	r = m->body_fd < 0 ? -errno : make_context(i, m->context);
	if (r < 0) {
		log_warning("job=%s: nothing is remembered: %s", i->transfer,
			    r == -ENODATA ? "a program or library without a build id" : strerror(-r));
		m->is_off = true;
		return m;
	}
	m->out_fd = openat(i->spool_fd, SPOOL_REMEMBERED, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (m->out_fd >= 0)
		(void)unlinkat(i->spool_fd, SPOOL_REMEMBERED, 0); /* nobody needs the name; what stays goes with the spool */
	m->out = m->out_fd < 0 ? NULL : fd_stream(m->out_fd, "w");
	return m;
}

/* -- before a file is examined ------------------------------------------------------------------------------------ */

static void tell_forgotten(struct inspection *i, const char *why)
{
	json_t *body = json_pack("{s:s,s:s}", "transfer", i->transfer, "why", why);
	char hash[SHA256_HEX_LEN + 1];
	uint64_t seq;

	if (!body || supervisor_audit(i->supervisor, "findings-forgotten", body, &seq, hash) < 0)
		log_error("job=%s: forgotten findings were not recorded: %s", i->transfer, why); /* what comes next cannot be, either */
	json_decref(body);
}

static bool is_to_be_checked(const struct inspection *i)
{
	const uint64_t again = i->supervisor->config->remember.again;
	uint64_t dice = 0;

	/* nobody can know which: where no dice can be had, each is */
	return getrandom(&dice, sizeof(dice), 0) != (ssize_t)sizeof(dice) || dice % again == 0;
}

static int note_where(struct inspection *i, uint64_t id, const char *transfer)
{
	char note[160];

	(void)snprintf(note, sizeof(note), "not examined again: the same bytes were, under this name and with the same databases, in %s", transfer);
	return docket_note(i->docket, id, note);
}

/* The operator sees what was found in a file when it is known, not at the end: as of one that was just examined. */
static int tell_found(struct inspection *i, uint64_t id, const char *path)
{
	struct docket_entry e = { 0 };
	int r = docket_get(i->docket, id, &e);
	json_t *findings = r > 0 && strcmp(e.findings, "[]") != 0 ? json_loads(e.findings, 0, NULL) : NULL;

	if (findings)
		examined_tell(i, path, findings);
	json_decref(findings);
	docket_entry_done(&e);
	return MIN(r, 0);
}

/* `is_to_be_checked`: it is examined all the same. */
static int take_known(struct inspection *i, uint64_t id, const char *path, const struct ledger_recalled *known, bool is_to_be_checked)
{
	struct remembering *m = i->remembering;
	/* A stream for each: a buffer would still have what the file had before. Not mapped: one that is shorter than the ledger says would
	 * kill us. */
	FILE *in = ftruncate(m->body_fd, (off_t)known->size) < 0 ? NULL : fd_stream(m->body_fd, "r");
	uint64_t found = 0;
	int r = !in ? -errno : is_to_be_checked ? remembered_found(i, in, &found) : remembered_restore(i, id, in);

	if (in)
		(void)fclose(in); /* was read alone */
	if (r == -EBADMSG) {
		log_warning("job=%s: what is remembered of a file in %s cannot be read; it is examined", i->transfer, known->transfer);
		return 0;
	}
	if (r == 0)
		r = docket_recalled(i->docket, id, is_to_be_checked ? DOCKET_CHECKED : DOCKET_RECALLED, found);
	if (r < 0 || is_to_be_checked)
		return r;
	r = note_where(i, id, known->transfer);
	if (r == 0)
		r = tell_found(i, id, path);
	if (r == 0)
		i->files_recalled++;
	return r < 0 ? r : 1;
}

int remember_recall(struct inspection *i, uint64_t id, uint64_t size, const uint8_t sum[static SHA256_LEN], const char *path)
{
	struct remembering *m = ensure(i);
	_cleanup_free_ char *why = NULL;
	uint8_t key[REMEMBERED_KEY_LEN];
	struct ledger_recalled known;
	int r = m ? 0 : -ENOMEM;

	if (r < 0 || m->is_off)
		return r;
	r = key_of(m, path, size, sum, key);
	if (r == 0)
		r = ledger_recall(&i->supervisor->ledger.channel, key, m->not_before, m->body_fd, &known, &why);
	if (r < 0) {
		log_warning("job=%s: nothing is remembered any more: %s", i->transfer, why ? why : strerror(-r));
		m->is_off = true;
		return r == -ETIMEDOUT ? r : 0;
	}
	if (known.known == RECALL_ALTERED) {
		events_warning(i->supervisor->events, "what is remembered of earlier examinations was altered by somebody; it is forgotten. Tell the "
			       "security officer.");
		tell_forgotten(i, "an entry that the ledger has not written");
	}
	if (known.known != RECALL_KNOWN)
		return 0;
	return take_known(i, id, path, &known, is_to_be_checked(i));
}

/* -- once it was examined ----------------------------------------------------------------------------------------- */

/* Key and size are known when all is written. */
static int end_entry(struct remembering *m, const struct docket_entry *e, off_t from, bool is_whole)
{
	uint8_t head[REMEMBERED_HEAD_LEN] = { 0 };
	const off_t end = ftello(m->out);
	const uint64_t size = (uint64_t)(end - from) - sizeof(head);
	int r = key_of(m, e->path, e->size, e->sum, head);

	for (size_t k = 0; k < sizeof(uint64_t); k++)
		head[REMEMBERED_KEY_LEN + k] = (uint8_t)(size >> (8 * k));
	is_whole &= end > from && size <= REMEMBERED_BODY_MAX;
	if (fseeko(m->out, from, SEEK_SET) < 0)
		m->is_cut = true;
	if (is_whole && (fwrite(head, 1, sizeof(head), m->out) != sizeof(head) || fseeko(m->out, end, SEEK_SET) < 0))
		m->is_cut = true;
	m->end = is_whole ? end : from;
	m->kept += is_whole;
	m->is_cut |= ferror(m->out) != 0;
	return r;
}

static int keep_entry(struct inspection *i, const struct docket_entry *e)
{
	static const uint8_t head[REMEMBERED_HEAD_LEN];
	struct remembering *m = i->remembering;
	enum docket_recall recall;
	uint64_t found = 0, found_then;
	int r = docket_recall_of(i->docket, e->id, &recall, &found_then), is_whole;
	/* what was known stays as old as it is, though it was examined again: it is of its transfer */
	bool is_wanted = recall == DOCKET_EXAMINED && m->out && !m->is_cut;
	const off_t from = is_wanted ? ftello(m->out) : 0;

	if (r == 0 && is_wanted && fwrite(head, 1, sizeof(head), m->out) != sizeof(head))
		m->is_cut = true;
	is_whole = r < 0 ? r : remembered_write(i, e, is_wanted ? m->out : NULL, &found);
	if (is_whole < 0)
		return is_whole;
	m->found |= found;
	m->is_contradicted |= recall == DOCKET_CHECKED && (found & ~(OF_THE_MOMENT | found_then));
	return is_wanted ? end_entry(m, e, from, is_whole) : 0;
}

int remember_examined(struct inspection *i, uint64_t id)
{
	struct remembering *m = ensure(i);
	struct docket_entry e = { 0 };
	int r = m ? 0 : -ENOMEM;

	if (r < 0 || m->is_off)
		return r;
	r = docket_get(i->docket, id, &e);
	if (r > 0)
		r = keep_entry(i, &e);
	docket_entry_done(&e);
	return r;
}

static int forget_contradicted(struct inspection *i)
{
	struct supervisor *s = i->supervisor;
	_cleanup_free_ char *why = NULL;
	int r = ledger_forget(&s->ledger.channel, &why);

	if (r < 0)
		inspection_trouble(i, "forgetting earlier examinations", r, why);
	tell_forgotten(i, "something was found in a file in which it was not found before, with the same databases");
	events_trouble(s->events, TROUBLE_INTERNAL, "what was remembered of earlier examinations is wrong: something was found in a file of which it "
		       "said that it is not there. All of it is forgotten. Tell the security officer, and insert the medium again.");
	return -EUCLEAN;
}

int remember_settle(struct inspection *i)
{
	struct remembering *m = i->remembering;

	if (m && m->is_contradicted) /* also where the ledger has failed since, and nothing else is asked */
		return forget_contradicted(i);
	if (!m || m->is_off)
		return 0;
	if (m->out && fclose(m->out) != 0)
		m->is_cut = true;
	m->out = NULL;
	if (m->is_cut)
		log_warning("job=%s: nothing of it will be remembered: the spool has no room", i->transfer);
	if (m->out_fd >= 0 && ftruncate(m->out_fd, m->end) < 0)
		m->is_cut = true;
	if (m->is_cut || m->found & TAINTS || m->kept == 0)
		close_p(&m->out_fd);
	return 0;
}

/* The trail comes first: it may lie on the same disk. */
static bool has_room(const struct supervisor *s, uint64_t size)
{
	struct statvfs fs;

	return fstatvfs(s->history_fd, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize > s->config->trail_warn_free + 2 * size;
}

void remember_keep(struct inspection *i)
{
	struct remembering *m = i->remembering;
	const struct station_remember *c = &i->supervisor->config->remember;
	_cleanup_free_ char *why = NULL;
	uint64_t count;
	off_t size;
	int r;

	if (!m || m->is_off || m->out_fd < 0)
		return;
	size = lseek(m->out_fd, 0, SEEK_END);
	if (size < 0 || !has_room(i->supervisor, (uint64_t)size)) {
		log_warning("job=%s: nothing of it is remembered: the disk of the history is nearly full", i->transfer);
		return;
	}
	r = ledger_remember(&i->supervisor->ledger.channel, i->transfer, c->bytes, m->not_before, m->out_fd, &count, &why);
	if (r < 0)
		log_warning("job=%s: nothing of it is remembered: %s", i->transfer, why ? why : strerror(-r));
}
