/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "cli/month.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/records.h"
#include "common/chain.h"
#include "common/fd.h"
#include "common/history.h"
#include "common/log.h"
#include "common/report.h"

#define DAY_SECONDS 86400

static const struct {
	int64_t until_s;
	const char *name;
} stays[MONTH_STAYS] = {
	{ 60, "up to 1 minute" },  { 300, "up to 5 minutes" },	{ 900, "up to 15 minutes" },
	{ 3600, "up to 1 hour" }, { 14400, "up to 4 hours" }, { INT64_MAX, "longer" },
};

const char *month_stay_name(size_t n)
{
	return stays[n].name;
}

void month_done(struct month *m)
{
	for (size_t k = 0; k < m->row_count; k++) {
		free(m->rows[k].transfer);
		free(m->rows[k].outcome);
		free(m->rows[k].operator_name);
		free(m->rows[k].medium);
	}
	m->row_count = 0;
	json_decref(m->arrivals);
	json_decref(m->events);
	m->arrivals = m->events = NULL;
}

/* -- the trail: when media came, and what else happened ---------------------------------------------------------- */

struct walk {
	struct month *m;
	json_t *plugged; /* port -> when */
};

static void note_medium(struct walk *w, const struct chain_record *r)
{
	const char *port = json_string_value(json_object_get(r->body, "port"));
	const char *transfer = json_string_value(json_object_get(r->body, "transfer"));

	if (!port || !*port)
		return;
	if (strcmp(r->type, "medium-arrived") == 0)
		(void)json_object_set_new(w->plugged, port, json_integer(r->time)); /* a time is not known */
	else if (strcmp(r->type, "medium-removed") == 0)
		(void)json_object_del(w->plugged, port); /* it may not be there */
	else if (strcmp(r->type, "inspection-started") == 0 && transfer && r->time >= w->m->from && r->time < w->m->until)
		(void)json_object_set(w->m->arrivals, transfer, json_object_get(w->plugged, port));
}

static int on_record(void *context, const struct chain_record *r, uint64_t line)
{
	struct walk *w = context;
	json_t *count;

	note_medium(w, r);
	if (r->time < w->m->from || r->time >= w->m->until)
		return 0;
	count = json_object_get(w->m->events, r->type);
	return json_object_set_new(w->m->events, r->type, json_integer(json_integer_value(count) + 1)) < 0 ? -ENOMEM : 0;
}

static int walk_trail(struct month *m, const struct station_config *config)
{
	struct walk w = { .m = m, .plugged = json_object() };
	struct chain_visitor visitor = { .record = on_record, .context = &w };
	_cleanup_close_ int dir_fd = records_directory(config->audit_dir);
	struct chain_result result;
	struct minisign_public key;
	int r = dir_fd < 0 ? dir_fd : records_public_key(config->audit_key, &key);

	if (r == 0)
		r = w.plugged ? chain_walk_all(dir_fd, &key, CHAIN_SEALS, &visitor, &result) : -ENOMEM;
	if (r == 0 && !result.is_good && !result.is_torn_end)
		log_warning("the audit trail is not good (`lazaret audit verify`): what follows line %" PRIu64 " of %s is not counted", result.bad_line,
			    result.bad_file);
	json_decref(w.plugged);
	return r;
}

/* -- a report: all of it but its files ---------------------------------------------------------------------------- */

/* Its first and its last line (common/report.h); those between, which may be a million, are not parsed. */
static int read_frame(int fd, json_t **ret)
{
	struct stat st;
	_cleanup_free_ char *head = NULL, *tail = NULL, *whole = NULL;
	char *first_end, *last;
	size_t room;
	ssize_t n, k;

	if (fstat(fd, &st) < 0)
		return -errno;
	room = (size_t)MIN(st.st_size, (off_t)REPORT_LINE_MAX);
	head = malloc(room + 1);
	tail = malloc(room + 1);
	if (!head || !tail)
		return -ENOMEM;
	n = pread(fd, head, room, 0);
	k = pread(fd, tail, room, st.st_size - (off_t)room);
	if (n < 2 || k < 2 || tail[k - 1] != '\n')
		return -EBADMSG;
	first_end = memchr(head, '\n', (size_t)n);
	tail[k - 1] = '\0';
	last = memrchr(tail, '\n', (size_t)k - 1);
	if (!first_end || !last)
		return -EBADMSG;
	*first_end = '\0';
	if (asprintf(&whole, "%s%s", head, last + 1) < 0)
		return -ENOMEM;
	*ret = json_loads(whole, JSON_REJECT_DUPLICATES, NULL);
	return json_is_object(*ret) ? 0 : -EBADMSG;
}

/* NULL: it is not there, or not the one that was recorded. */
static json_t *load_report(int reports_fd, const struct history_transfer *t)
{
	char name[REPORT_TRANSFER_MAX + 16], hex[SHA256_HEX_LEN + 1];
	_cleanup_close_ int fd = -EBADF;
	uint8_t sum[SHA256_LEN];
	json_t *report = NULL;

	if (!report_transfer_valid(t->transfer))
		return NULL;
	(void)snprintf(name, sizeof(name), "%s.json", t->transfer); /* fits: it is valid */
	fd = openat(reports_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || sha256_fd(fd, sum, NULL) < 0)
		return NULL;
	hex_encode(sum, sizeof(sum), hex);
	if (strcmp(hex, t->report_sha256) != 0 || read_frame(fd, &report) < 0) {
		json_decref(report);
		return NULL;
	}
	return report;
}

/* -- a transfer ---------------------------------------------------------------------------------------------------- */

struct collector {
	struct month *m;
	int reports_fd;
};

static int64_t database_age(const json_t *report)
{
	const json_t *engine;
	int64_t oldest = -1;
	size_t k;

	json_array_foreach(json_object_get(report, "engines"), k, engine)
		if (json_integer_value(json_object_get(engine, "signatures")) > 0)
			oldest = MAX(oldest, (int64_t)json_integer_value(json_object_get(engine, "database_age_s")));
	return oldest;
}

/* From being plugged in (for lack of that, from the inspection's start) until it could be taken out. */
static int64_t stay_of(const struct month *m, const struct history_transfer *t, const json_t *report)
{
	const json_t *removable = json_object_get(json_object_get(report, "medium"), "removable_at");
	const json_t *arrival = json_object_get(m->arrivals, t->transfer);
	int64_t from = json_is_integer(arrival) ? (int64_t)json_integer_value(arrival) : t->started;

	return json_is_integer(removable) && json_integer_value(removable) >= from ? json_integer_value(removable) - from : -1;
}

static void count_stay(struct month *m, int64_t seconds)
{
	size_t k = 0;

	while (seconds > stays[k].until_s)
		k++;
	m->stays[k]++;
	m->stay_count++;
	m->stay_sum_s += seconds;
}

static int keep_row(struct month *m, const struct history_transfer *t, int64_t stay_s)
{
	struct month_row *row = &m->rows[m->row_count];

	if (m->row_count == MONTH_ROWS_MAX)
		return 0;
	*row = (struct month_row){ strdup(t->transfer), strdup(t->outcome), strdup(t->operator_name), strdup(t->medium),
				   t->started,		stay_s,		    t->files,		      t->approved,
				   t->held,		t->blocked };
	m->row_count++;
	return row->transfer && row->outcome && row->operator_name && row->medium ? 0 : -ENOMEM;
}

static void count_files(struct month_day *d, const struct history_transfer *t)
{
	d->files[VERDICT_APPROVED] += (uint64_t)MAX(t->approved, 0);
	d->files[VERDICT_HELD] += (uint64_t)MAX(t->held, 0);
	d->files[VERDICT_BLOCKED] += (uint64_t)MAX(t->blocked, 0);
	d->bytes += (uint64_t)MAX(t->bytes, 0);
	for (unsigned int k = 0; k < OUTCOME_COUNT_; k++)
		d->outcomes[k] += strcmp(history_outcome_name((enum history_outcome)k), t->outcome) == 0;
}

static int on_transfer(void *context, const struct history_transfer *t)
{
	struct collector *c = context;
	struct month_day *d = &c->m->day[(t->started - c->m->from) / DAY_SECONDS];
	json_t *report = load_report(c->reports_fd, t);
	int64_t stay_s;

	c->m->transfers++;
	count_files(d, t);
	if (!report) {
		log_warning("%s: its report is missing, or not the one that was recorded (`lazaret audit verify`)", t->transfer);
		c->m->missing++;
	}
	d->database_age_s = MAX(d->database_age_s, database_age(report));
	stay_s = stay_of(c->m, t, report);
	json_decref(report);
	if (stay_s >= 0) {
		d->stay_s = MAX(d->stay_s, stay_s);
		count_stay(c->m, stay_s);
	}
	return keep_row(c->m, t, stay_s);
}

int month_collect(struct month *m, const struct station_config *config)
{
	_cleanup_(history_freep) struct history *h = NULL;
	_cleanup_close_ int reports_fd = records_directory(config->reports_dir);
	const struct history_selection by = { .from = m->from, .until = m->until };
	struct collector c = { .m = m, .reports_fd = reports_fd };
	int r;

	for (size_t k = 0; k < MONTH_DAYS_MAX; k++)
		m->day[k].database_age_s = m->day[k].stay_s = -1;
	m->arrivals = json_object();
	m->events = json_object();
	if (reports_fd < 0 || !m->arrivals || !m->events)
		return reports_fd < 0 ? reports_fd : -ENOMEM;
	r = records_history(config, false, &h);
	if (r == -ENODATA)
		return 0; /* a month like any other in which nothing happened */
	if (r < 0)
		return r;
	r = walk_trail(m, config);
	if (r == 0)
		r = history_select_transfers(h, &by, INT64_MAX, on_transfer, &c);
	if (r == 0)
		r = history_reasons(h, m->from, m->until, m->reasons);
	if (r < 0)
		log_error("%s", strerror(-r));
	return r;
}
