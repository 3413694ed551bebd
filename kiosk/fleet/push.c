/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What the centre says it has decides what is sent; the position on this disk only saves looking for the place. So a lost or old
 * state, a centre that was restored from an old copy, and records that came by file meanwhile all end the same: with no hole.
 */
#include "fleet/push.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/fd.h"
#include "common/report.h"
#include "fleet/carry.h"
#include "fleet/limits.h"
#include "fleet/lists.h"

struct pushing {
	struct push *p;
	struct link link;
	struct outbox *outbox;
	struct outbox_place last; /* the last record read of the trail */
	bool has_last;
	char problem[600]; /* what is wrong with trail or reports; the first thing found */
};

static int64_t now_s(void)
{
	return time(NULL);
}

static void problem(struct pushing *w, const char *fmt, ...) _printf_(2, 3);
static void problem(struct pushing *w, const char *fmt, ...)
{
	va_list ap;

	if (w->problem[0])
		return;
	va_start(ap, fmt);
	if (vsnprintf(w->problem, sizeof(w->problem), fmt, ap) < 0)
		(void)snprintf(w->problem, sizeof(w->problem), "%s", fmt);
	va_end(ap);
}

static int acknowledge(struct pushing *w, const struct outbox_place *place)
{
	struct state *s = &w->p->state;

	s->has_position = true;
	s->place = *place;
	s->acknowledged_at = now_s();
	return state_save(w->p->state_fd, s);
}

/* -- records ------------------------------------------------------------------------------------------------------ */

/* 1: the next record; 0: no more, or none that can be trusted. */
static int next(struct pushing *w, struct outbox_record *ret)
{
	const char *why;
	int r = outbox_next(w->outbox, ret, &why);

	if (r == 1) {
		w->last = ret->place;
		w->has_last = true;
	}
	if (r == -EBADMSG) {
		problem(w, "the audit trail is altered behind record %" PRIu64 ": %s (`lazaret audit verify`)", w->last.seq,
			why ? why : "it is no record");
		r = 0;
	}
	return r;
}

/* Read on to the record that the centre has last. 1: it is there; 0: it is not, or is another. */
static int read_to(struct pushing *w, uint64_t seq, const uint8_t hash[static SHA256_LEN])
{
	struct outbox_record record;
	int r = 1;

	while (r == 1 && (!w->has_last || w->last.seq < seq))
		r = next(w, &record);
	if (r < 0)
		return r;
	return w->has_last && w->last.seq == seq && memcmp(w->last.hash, hash, SHA256_LEN) == 0;
}

static int start_over(struct pushing *w)
{
	w->has_last = false;
	w->last = (struct outbox_place){ 0 };
	return outbox_rewind(w->outbox);
}

/* The trail is not the one that the centre knows. Everything is sent once more: what differs is kept there as a fork. */
static int diverged(struct pushing *w, uint64_t seq)
{
	struct state *s = &w->p->state;

	if (w->has_last && w->last.seq >= seq)
		problem(w, "record %" PRIu64 " is another one than the centre has: the trail was replaced, or two stations have this id", seq);
	else
		problem(w, "the centre has records up to %" PRIu64 ", the trail ends before: it was cut, or is an old copy", seq);
	if (s->has_diverged && s->has_position && outbox_seek(w->outbox, &s->place) == 0) { /* it was sent already */
		w->last = s->place;
		w->has_last = true;
		return 0;
	}
	s->has_diverged = true;
	return start_over(w);
}

/* Stand behind the last record that the centre has. */
static int find_place(struct pushing *w)
{
	struct state *s = &w->p->state;
	uint8_t hash[SHA256_LEN];
	uint64_t seq, forks;
	int r = carry_known(&w->link, w->p->station, &seq, hash, &forks);

	if (r < 0)
		return r;
	if (r == 0)
		return start_over(w);
	r = s->has_position && s->place.seq <= seq ? outbox_seek(w->outbox, &s->place) : -ENOENT;
	if (r == 0) {
		w->last = s->place;
		w->has_last = true;
	} else if (r == -ENOENT) {
		r = start_over(w);
	}
	if (r < 0)
		return r;
	r = read_to(w, seq, hash);
	if (r == 0)
		return diverged(w, seq);
	if (r == 1)
		s->has_diverged = false;
	if (r == 1 && forks > 0)
		problem(w, "the centre keeps %" PRIu64 " records of another trail under this station's id: its administrator must look", forks);
	return MIN(r, 0);
}

static int send_records(struct pushing *w)
{
	struct batch batch = { 0 };
	struct carried carried = { 0 };
	struct outbox_record record;
	struct outbox_place before;
	bool has_sent = false;
	int r = 0, more = 1;

	while (r == 0 && more == 1) {
		more = next(w, &record);
		if (more == 1)
			r = batch_add(&batch, record.line, record.size);
		if (r == 0 && (more != 1 || batch_full(&batch)) && batch.count > 0) {
			before = w->last;
			r = carry_batch(&w->link, w->p->station, "link", &batch, &carried);
			if (r == 0)
				r = acknowledge(w, &before);
			has_sent = true;
		}
	}
	batch_done(&batch);
	if (carried.forks > 0)
		problem(w, "the centre has other records in the places of %" PRIu64 " of this trail (%s ...): the trail was replaced, or two "
			   "stations have this id", carried.forks, carried.first_forks);
	if (r == 0 && more < 0)
		r = more;
	/* nothing to send, but the centre has it from elsewhere */
	if (r == 0 && !has_sent && w->has_last && (!w->p->state.has_position || w->p->state.place.seq != w->last.seq))
		r = acknowledge(w, &w->last);
	return r;
}

/* -- reports ------------------------------------------------------------------------------------------------------ */

static int send_kept(struct pushing *w, uint64_t seq, const char *transfer, const char *sum_hex)
{
	char name[REPORT_TRANSFER_MAX + 16], hex[SHA256_HEX_LEN + 1];
	_cleanup_close_ int fd = -EBADF;
	_cleanup_fclose_ FILE *in = NULL;
	uint8_t sum[SHA256_LEN];
	uint64_t size;
	struct stat st;
	int r;

	(void)snprintf(name, sizeof(name), "%s.json", transfer); /* fits: it is valid */
	fd = openat(w->p->reports_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -ENOENT;
	if ((uint64_t)st.st_size > REPORT_BYTES_MAX)
		return -EFBIG;
	r = sha256_fd(fd, sum, &size);
	if (r < 0)
		return -EBADMSG; /* of this station's disk, not of the link */
	hex_encode(sum, sizeof(sum), hex);
	if (strcmp(hex, sum_hex) != 0)
		return -EBADMSG;
	in = fdopen(fd, "r");
	if (!in)
		return -ENOMEM;
	fd = -EBADF; /* owned by in */
	return carry_report(&w->link, w->p->station, seq, in, size);
}

static int send_report(struct pushing *w, uint64_t seq, const char *transfer, const char *sum_hex)
{
	int r = transfer && sum_hex && report_transfer_valid(transfer) ? send_kept(w, seq, transfer, sum_hex) : -ENOENT;

	switch (r) {
	case -ENOENT:
	case -EBADMSG:
	case -ENODATA:
		problem(w, "the report of record %" PRIu64 " is %s (`lazaret audit verify`)", seq,
			r == -ENOENT ? "missing" : "not the recorded one");
		return 0;
	case -EFBIG:
		problem(w, "the report of record %" PRIu64 " is too long for the database", seq);
		return 0;
	default:
		return r;
	}
}

/* The centre asks for what it lacks; a report that cannot be had does not hold up the others. */
static int send_reports(struct pushing *w)
{
	char after[24] = "-1";
	const char *const values[] = { w->p->station, after };
	int r = 0;

	while (r == 0) {
		_cleanup_(link_result_p) PGresult *wanted =
			link_query(&w->link, "SELECT seq, transfer, sha256 FROM lazaret.wanted_reports($1, $2)", 2, values, NULL, NULL);
		int rows = wanted ? PQntuples(wanted) : 0;

		if (!wanted)
			return -EIO;
		if (rows == 0)
			return 0;
		for (int i = 0; r == 0 && i < rows; i++) {
			(void)snprintf(after, sizeof(after), "%s", link_value(wanted, i, 0)); /* a bigint: fits */
			r = send_report(w, strtoull(after, NULL, 10), link_value(wanted, i, 1), link_value(wanted, i, 2));
		}
	}
	return r;
}

/* -- all of it ---------------------------------------------------------------------------------------------------- */

static int tell_head(struct pushing *w)
{
	char seq[24], hex[SHA256_HEX_LEN + 1];
	const char *const values[] = { w->p->station, seq, hex, w->problem[0] ? w->problem : NULL };
	_cleanup_(link_result_p) PGresult *r = NULL;

	if (!w->has_last)
		return 0;
	(void)snprintf(seq, sizeof(seq), "%" PRIu64, w->last.seq); /* fits */
	hex_encode(w->last.hash, SHA256_LEN, hex);
	r = link_query(&w->link, "SELECT lazaret.put_head($1, $2, $3, $4)", 4, values, NULL, NULL);
	return r ? 0 : -EIO;
}

static int go(struct pushing *w)
{
	struct state *s = &w->p->state;
	int r = outbox_open(w->p->audit_fd, w->p->key, &w->outbox);

	if (r == -ENOENT && !s->has_position)
		return 0; /* nothing was recorded yet */
	if (r == -ENOENT)
		problem(w, "the audit trail is missing");
	else if (r < 0)
		return r;
	r = link_open(&w->link, w->p->target, w->p->password);
	if (r == 0 && w->outbox)
		r = find_place(w);
	if (r == 0 && w->outbox)
		r = send_records(w);
	if (r == 0)
		r = send_reports(w);
	if (r == 0)
		r = tell_head(w);
	if (r == 0 && w->p->reads_back)
		r = lists_fetch(&w->link, w->p->state_fd, s);
	return r;
}

int push_once(struct push *p)
{
	struct pushing w = { .p = p };
	struct state *s = &p->state;
	int r = go(&w);

	link_close(&w.link);
	outbox_free(w.outbox);
	if (r == 0 || w.problem[0])
		state_set_problem(s, w.problem);
	state_set_error(s, r == 0 ? "" : w.link.error[0] ? w.link.error : strerror(-r), now_s());
	if (state_save(p->state_fd, s) < 0 && r == 0) {
		state_set_error(s, "the position cannot be written: is the disk full?", now_s());
		r = -EHOSTDOWN;
	}
	return r == 0 || r == -EINTR ? r : -EHOSTDOWN;
}
