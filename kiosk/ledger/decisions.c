/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* AUDITDIR/decisions.lock orders those who decide, and has the number of the newest record about decisions: "" while one is appended.
 * An index that was lost, put back from a copy, or missed a record has another number, and is made anew from the trail. */
#include <string.h>

#include "ledger/decisions.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <time.h>

#include "common/fd.h"
#include "common/log.h"
#include "ledger/limits.h"

#define LOCK_FILE "decisions.lock"

struct decisions {
	int lock_fd;
	struct trail *trail;	 /* borrowed */
	struct history *history; /* borrowed; NULL: none, or given up */
	struct history *memory;	 /* owned; serves when there is no other. NULL: not needed yet */
	char why[160];
};

int decisions_new(int dir_fd, struct trail *trail, struct history *history, struct decisions **ret)
{
	struct decisions *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->trail = trail;
	d->history = history;
	d->lock_fd = openat(dir_fd, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (d->lock_fd < 0) {
		int r = -errno;

		decisions_free(d);
		return r;
	}
	*ret = d;
	return 0;
}

struct decisions *decisions_free(struct decisions *d)
{
	if (d) {
		close_p(&d->lock_fd);
		history_free(d->memory);
	}
	free(d);
	return NULL;
}

static struct history *index_of(struct decisions *d)
{
	return d->history ? d->history : d->memory;
}

static int lock_take(struct decisions *d)
{
	const struct timespec pause = { .tv_nsec = LOCK_POLL_MS * 1000000L };

	for (int waited_ms = 0; flock(d->lock_fd, LOCK_EX | LOCK_NB) < 0; waited_ms += LOCK_POLL_MS) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (waited_ms >= TRAIL_LOCK_MS)
			return -ETIMEDOUT;
		(void)nanosleep(&pause, NULL); /* an early wake-up only tries earlier */
	}
	return 0;
}

static void lock_drop(struct decisions *d)
{
	(void)flock(d->lock_fd, LOCK_UN); /* closing the descriptor would do it as well */
}

/* -- the number beside the trail ------------------------------------------------------------------------------------- */

static int64_t noted_place(const struct decisions *d)
{
	char text[32] = "", *end;
	ssize_t n = pread(d->lock_fd, text, sizeof(text) - 1, 0);
	long long v;

	if (n <= 1 || text[n - 1] != '\n')
		return -1;
	v = strtoll(text, &end, 10);
	return v >= 0 && end != text && *end == '\n' ? v : -1;
}

/* -1: none. */
static int note_place(struct decisions *d, int64_t seq)
{
	char text[32];
	int n = seq < 0 ? 0 : snprintf(text, sizeof(text), "%" PRId64 "\n", seq);

	if (ftruncate(d->lock_fd, 0) < 0 || (n > 0 && pwrite(d->lock_fd, text, (size_t)n, 0) != n) || fsync(d->lock_fd) < 0)
		return errno ? -errno : -EIO;
	return 0;
}

/* -- the index ----------------------------------------------------------------------------------------------------------- */

/* From now on the trail is read into memory. */
static void give_up(struct decisions *d, int error)
{
	if (!d->history)
		return;
	log_warning("decisions err=%s: goes on without the index (`lazaret history --rebuild`): %s", errno_name(error),
		    history_error(d->history));
	history_rollback(d->history);
	d->history = NULL;
}

struct walk {
	struct history *h;
	uint64_t last; /* 0, the number of the first record, which is none of these: there is none */
};

static int take(void *context, const struct chain_record *r, uint64_t line)
{
	struct walk *w = context;

	if (!decisions_is_type(r->type))
		return 0;
	w->last = r->seq;
	return history_decisions_add(w->h, r->type, r->body, r->seq);
}

static int is_whole(struct decisions *d)
{
	int64_t place, noted = noted_place(d);
	int r = history_decisions_place(index_of(d), &place);

	return r < 0 ? r : noted >= 0 && place == noted;
}

static int read_trail(struct decisions *d, const char **ret_why)
{
	struct walk w = { .h = index_of(d) };
	int r = history_decisions_begin(w.h);

	if (r == 0)
		r = trail_walk(d->trail, take, &w);
	if (r == -EBADMSG)
		*ret_why = "the audit trail is not good (`lazaret audit verify`)";
	if (r == 0)
		r = history_decisions_end(w.h, (int64_t)w.last);
	if (r < 0)
		history_rollback(w.h);
	/* a note that cannot be kept only means that the trail is read again */
	if (r == 0 && noted_place(d) != (int64_t)w.last && note_place(d, (int64_t)w.last) < 0)
		log_warning("decisions: " LOCK_FILE " cannot be written");
	return r;
}

static int try_whole(struct decisions *d, const char **ret_why)
{
	int r = index_of(d) ? is_whole(d) : history_open_memory(&d->memory);

	return r > 0 ? 0 : r < 0 ? r : read_trail(d, ret_why);
}

/* With the lock. Memory is asked whether it is whole like the file: what another ledger has appended makes it read again. */
static int make_whole(struct decisions *d, const char **ret_why)
{
	int r = try_whole(d, ret_why);

	if (r == 0 || r == -EBADMSG || !d->history)
		return r;
	give_up(d, r);
	return try_whole(d, ret_why);
}

/* -- what may be ----------------------------------------------------------------------------------------------------------- */

struct check {
	struct decisions *d;
	const json_t *body;
	int64_t now;
	enum decision next;
	const char *why;
	int verdict;
	size_t open; /* proposals */
};

static const char *text_of(const json_t *body, const char *field)
{
	const char *text = json_string_value(json_object_get(body, field));

	return text ? text : "";
}

static int check_conflict(void *context, const struct history_decision *x)
{
	struct check *c = context;

	c->why = decision_conflict(history_decision_holds(x, c->now) ? x->decision : DECISION_NONE, c->next);
	return 0;
}

static int check_hashes(struct check *c)
{
	const json_t *list = json_object_get(c->body, "sha256");

	for (size_t k = 0; k < json_array_size(list); k++) {
		const char *hex = json_string_value(json_array_get(list, k));
		uint8_t sum[SHA256_LEN];
		int r = hex_decode(hex, sum, sizeof(sum));

		c->why = NULL;
		if (r == 0)
			r = history_decision_of(index_of(c->d), sum, check_conflict, c);
		if (r == 0)
			c->why = decision_conflict(DECISION_NONE, c->next);
		if (r < 0)
			return r;
		if (c->why) {
			(void)snprintf(c->d->why, sizeof(c->d->why), "%.12s: %s", hex, c->why);
			c->why = c->d->why;
			return -EEXIST;
		}
	}
	return 0;
}

static bool shares_hash(const json_t *a, const json_t *b)
{
	const json_t *one = json_object_get(a, "sha256"), *other = json_object_get(b, "sha256");

	for (size_t k = 0; k < json_array_size(one); k++)
		for (size_t n = 0; n < json_array_size(other); n++)
			if (json_equal(json_array_get(one, k), json_array_get(other, n)))
				return true;
	return false;
}

/* Two that wait for the same content would be decided on by whoever comes first, who may have meant the other one. */
static int check_other(void *context, const struct history_proposal *p)
{
	struct check *c = context;
	json_t *body = json_loads(p->body, 0, NULL);

	c->open++;
	if (body && shares_hash(body, c->body)) {
		(void)snprintf(c->d->why, sizeof(c->d->why), "proposal %s (%s) waits for the same content: confirm or withdraw it", p->id,
			       text_of(body, "decision"));
		c->why = c->d->why;
	}
	json_decref(body);
	return c->why ? -EEXIST : 0;
}

static int check_number(struct check *c)
{
	int r = history_decisions_knows(index_of(c->d), text_of(c->body, "id"));

	if (r > 0)
		c->why = "this number was given already";
	return r > 0 ? -EEXIST : r;
}

static int check_proposal(struct check *c)
{
	int r = check_number(c);

	if (r == 0)
		r = history_proposals(index_of(c->d), c->now, 0, check_other, c);
	if (r == 0 && c->open >= DECISION_OPEN_MAX) {
		c->why = "as many proposals as there can be wait for their second person";
		r = -EEXIST;
	}
	return r == 0 ? check_hashes(c) : r;
}

static bool is_equal(const json_t *a, const json_t *b, const char *field)
{
	return json_equal(json_object_get(a, field), json_object_get(b, field));
}

static int says(struct check *c, int error, const char *why)
{
	c->why = why;
	c->verdict = error;
	return error;
}

static int check_against(void *context, const struct history_proposal *p)
{
	static const char *const same[] = { "decision", "sha256", "by", "reason", "until" };
	struct check *c = context;
	json_t *proposed;

	if (*p->closed) {
		(void)snprintf(c->d->why, sizeof(c->d->why), "proposal %s is closed already: %s", p->id,
			       strcmp(p->closed, "withdraw") == 0 ? "it was withdrawn" : "it was decided");
		return says(c, -ENOENT, c->d->why);
	}
	if (c->next == DECISION_WITHDRAW)
		return 0;
	if (p->expires <= c->now)
		return says(c, -ETIME, "the proposal has expired; propose it again");
	if (json_integer_value(json_object_get(c->body, "until")) != 0 && json_integer_value(json_object_get(c->body, "until")) <= c->now)
		return says(c, -ETIME, "the end that it names has passed; propose it again");
	proposed = json_loads(p->body, 0, NULL);
	for (size_t k = 0; proposed && k < ARRAY_LEN(same); k++)
		if (!is_equal(proposed, c->body, same[k]))
			(void)says(c, -EBADMSG, "it is not what was proposed");
	if (!proposed)
		c->verdict = -ENOMEM;
	json_decref(proposed);
	return c->verdict;
}

static int check_decision(struct check *c)
{
	int r;

	if (decision_needs_second(c->next) && strcmp(text_of(c->body, "by"), text_of(c->body, "second")) == 0)
		return says(c, -EPERM, "the second person must be another one");
	if (decision_needs_second(c->next) || c->next == DECISION_WITHDRAW) {
		r = history_proposal_of(index_of(c->d), text_of(c->body, "id"), check_against, c);
		if (r == 0)
			return says(c, -ENOENT, "there is no such proposal");
	} else {
		r = check_number(c);
	}
	if (r < 0)
		return r;
	return c->next == DECISION_WITHDRAW ? 0 : check_hashes(c);
}

static int check(struct decisions *d, const char *type, const json_t *body, const char **ret_why)
{
	struct check c = { .d = d, .body = body, .now = time(NULL) };
	bool is_proposal = strcmp(type, HISTORY_TYPE_PROPOSAL) == 0;
	const char *by = text_of(body, "by"), *second = text_of(body, "second");
	int r = 0;

	if (!is_proposal && *by && strcmp(by, second) == 0)
		r = says(&c, -EPERM, "the second person must be another one");
	else if (!history_decisions_valid(type, body) || decision_parse(text_of(body, "decision"), &c.next) < 0)
		r = says(&c, -EINVAL, "not of the form that lazaret-audit(5) has");
	else
		r = is_proposal ? check_proposal(&c) : check_decision(&c);
	if (c.why)
		*ret_why = c.why;
	return r;
}

/* -- appending ------------------------------------------------------------------------------------------------------------- */

/* The note is gone while the trail is a record ahead: where the power goes in between, the next question reads the trail. */
static int append(struct decisions *d, const char *type, const json_t *body, struct trail_place *ret, const char **ret_why)
{
	int r = note_place(d, -1), e;

	if (r < 0) {
		*ret_why = LOCK_FILE " cannot be written";
		return r;
	}
	r = trail_append(d->trail, type, body, ret, ret_why);
	if (r < 0)
		return r;
	e = history_decisions_add(index_of(d), type, body, ret->seq);
	if (e == 0)
		e = history_decisions_set_place(index_of(d), (int64_t)ret->seq);
	if (e < 0)
		give_up(d, e);
	if (e == 0)
		e = note_place(d, (int64_t)ret->seq);
	if (e < 0)
		log_warning("decisions err=%s: the trail has it; the index reads it again", errno_name(e));
	return 0;
}

int decisions_append(struct decisions *d, const char *type, const json_t *body, struct trail_place *ret, const char **ret_why)
{
	int r = lock_take(d);

	if (r < 0)
		return r;
	r = make_whole(d, ret_why);
	if (r == 0)
		r = check(d, type, body, ret_why);
	if (r == 0)
		r = append(d, type, body, ret, ret_why);
	lock_drop(d);
	return r;
}

/* -- questions ----------------------------------------------------------------------------------------------------------- */

int decisions_each(struct decisions *d, const uint8_t *after, int64_t limit,
		   int (*each)(void *context, const struct history_decision *x), void *context, const char **ret_why)
{
	int r = lock_take(d);

	if (r < 0)
		return r;
	r = make_whole(d, ret_why);
	if (r == 0)
		r = history_decisions(index_of(d), time(NULL), after, limit, each, context);
	if (r < 0 && r != -EBADMSG)
		give_up(d, r); /* `each` may have been called: whoever asks once more gets all of it */
	lock_drop(d);
	return r;
}

int decisions_proposals(struct decisions *d, const char *id, uint64_t after,
			int (*each)(void *context, const struct history_proposal *p), void *context, const char **ret_why)
{
	int r = lock_take(d);

	if (r < 0)
		return r;
	r = make_whole(d, ret_why);
	if (r == 0)
		r = *id ? MIN(history_proposal_of(index_of(d), id, each, context), 0) :
			  history_proposals(index_of(d), time(NULL), after, each, context);
	lock_drop(d);
	return r;
}
