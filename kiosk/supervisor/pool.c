/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "supervisor/pool.h"

#include <fnmatch.h>
#include <string.h>

#include "common/log.h"

/* libclamav looks at its own time limit only between members and windows; a worker that overruns it by this much will
 * not come back in time and is killed. */
#define GRACE_MS 5000
/* Canaries on a loaded machine take milliseconds; a worker that is not ready by then never will be. */
#define READY_MS 60000

#define WORKER_CHECKS (CHECK_TYPE | CHECK_CONTENT) /* what the first says of every file, asked for or not */
#define BROKEN (1ull << REASON_SCAN_ERROR | 1ull << REASON_SCAN_TIMEOUT | 1ull << REASON_SCANNER_CRASHED)

struct worker {
	struct process process;
	uint64_t jobs;
};

/* One job at a time, and for each examiner the worker that looks at it. */
struct lane {
	struct worker workers[POOL_STAGES_MAX];
	bool has_job;
	struct job job;
	size_t stage; /* that has it */
	struct job_result *result; /* of the stages before; owned */
	bool is_plugin_missing;	   /* one that is required did not come to its end */
	size_t sums; /* that were told of this job */
	int64_t deadline_ms;
};

struct pool {
	struct pool_settings settings;
	struct pool_events events;
	struct lane lanes[POOL_WORKERS_MAX];
	char *trouble;
};

void job_done(struct job *j)
{
	free(j->path);
	free(j->container);
	close_p(&j->fd);
	memset(j, 0, sizeof(*j));
	j->fd = -EBADF;
}

struct pool *pool_new(const struct pool_settings *settings, const struct pool_events *events)
{
	struct pool *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->settings = *settings;
	p->settings.jobs = MAX((size_t)1, MIN(settings->jobs, (size_t)POOL_WORKERS_MAX));
	p->events = *events;
	return p;
}

static void result_free(struct job_result **r)
{
	if (*r)
		findings_done(&(*r)->findings);
	free(*r);
	*r = NULL;
}

static void lane_empty(struct lane *l)
{
	result_free(&l->result);
	job_done(&l->job);
	l->has_job = false;
}

struct pool *pool_free(struct pool *p)
{
	if (!p)
		return NULL;
	for (size_t i = 0; i < p->settings.jobs; i++) {
		for (size_t k = 0; k < p->settings.stage_count; k++)
			process_kill(&p->lanes[i].workers[k].process);
		if (p->lanes[i].has_job)
			lane_empty(&p->lanes[i]);
	}
	free(p->trouble);
	free(p);
	return NULL;
}

const char *pool_trouble(const struct pool *p)
{
	return p->trouble;
}

static struct lane *idle_lane(const struct pool *p)
{
	struct lane *found = NULL;

	for (size_t i = 0; i < p->settings.jobs; i++) {
		const struct lane *l = &p->lanes[i];

		/* a running worker first: starting another costs a fork of the whole engine */
		if (!l->has_job && (!found || l->workers[0].process.pid != 0))
			found = (struct lane *)(uintptr_t)l;
	}
	return found;
}

bool pool_has_room(const struct pool *p)
{
	return idle_lane(p) != NULL;
}

size_t pool_busy(const struct pool *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->settings.jobs; i++)
		n += p->lanes[i].has_job;
	return n;
}

static int worker_start(struct pool *p, const struct pool_stage *stage, struct worker *w)
{
	const struct patience patience = { .signal_fd = -1, .deadline_ms = monotonic_ms() + READY_MS };
	_cleanup_free_ char *why = NULL;
	int r;

	w->jobs = 0;
	r = process_fork(stage->parent, &patience, &w->process, &why);
	if (r < 0) {
		free(p->trouble);
		if (asprintf(&p->trouble, "an examiner (%s) did not start: %s", stage->name, why ? why : strerror(-r)) < 0)
			p->trouble = NULL;
	}
	return why && r == -EBADMSG ? -EKEYREJECTED : r; /* its canary; our own -EBADMSG is about copies */
}

static int send_types(struct worker *w, const struct job_result *result, struct encoder *e)
{
	encoder_init(e);
	encode_u32(e, (uint32_t)result->type_count);
	for (size_t i = 0; i < result->type_count; i++)
		encode_str(e, result->types[i]);
	return channel_send(&w->process.channel, MESSAGE_WORKER_TYPES, e, NULL, 0);
}

static uint32_t wanted_of(const struct pool *p, const struct lane *l)
{
	return l->stage == 0 ? l->job.wanted : p->settings.stages[l->stage].checks;
}

static int send_job(const struct pool *p, struct lane *l)
{
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));
	struct worker *w = &l->workers[l->stage];
	int r = e ? 0 : -ENOMEM;

	if (r == 0 && l->stage > 0)
		r = send_types(w, l->result, e);
	if (r < 0)
		return r;
	encoder_init(e);
	encode_u64(e, l->job.id);
	encode_u64(e, l->job.size);
	encode_bytes(e, l->job.sum, sizeof(l->job.sum));
	encode_u32(e, wanted_of(p, l));
	encode_str(e, l->job.container ? l->job.container : "");
	encode_bytes(e, l->job.path, strlen(l->job.path));
	return channel_send(&w->process.channel, MESSAGE_WORKER_JOB, e, &l->job.fd, 1);
}

/* The lane's job to a worker of its stage. */
static int hand_over(struct pool *p, struct lane *l)
{
	const struct pool_stage *stage = &p->settings.stages[l->stage];
	struct worker *w = &l->workers[l->stage];
	int r = 0;

	for (unsigned int tries = 0; tries < 3; tries++) {
		if (w->process.pid == 0)
			r = worker_start(p, stage, w);
		if (r < 0)
			break;
		r = send_job(p, l);
		if (r == 0) {
			l->deadline_ms = monotonic_ms() + (int64_t)stage->time_ms + GRACE_MS;
			return 0;
		}
		process_kill(&w->process); /* it had died while it was idle */
	}
	return r;
}

int pool_give(struct pool *p, struct job *job)
{
	struct lane *l = idle_lane(p);
	int r;

	if (!l) {
		job_done(job);
		return -EAGAIN;
	}
	l->job = *job;
	*job = (struct job){ .fd = -EBADF };
	l->has_job = true;
	l->stage = 0;
	l->sums = 0;
	l->is_plugin_missing = false;
	l->result = calloc(1, sizeof(*l->result));
	r = l->result ? hand_over(p, l) : -ENOMEM;
	if (r < 0)
		lane_empty(l);
	return r;
}

static int decode_types(struct decoder *d, struct job_result *ret)
{
	uint32_t n = decode_u32(d);

	if (n > POOL_TYPES_MAX)
		return -EPROTO;
	for (uint32_t i = 0; i < n && !d->error; i++) {
		char *t = ret->types[ret->type_count++];

		decode_str_into(d, t, POOL_TYPE_MAX + 1);
		/* MIME types are printable ASCII (RFC 6838 section 4.2); a worker met hostile bytes. */
		for (char *c = t; *c; c++)
			if (*c <= ' ' || *c > '~')
				return -EPROTO;
	}
	return d->error;
}

static int decode_formats(struct decoder *d, uint64_t *ret)
{
	uint32_t n = decode_u32(d);

	if (n > CONTAINER_FORMATS_MAX)
		return -EPROTO;
	for (uint32_t i = 0; i < n && !d->error; i++) {
		uint32_t format = decode_u32(d);

		if (!d->error && !container_info(format))
			return -EPROTO;
		*ret |= UINT64_C(1) << (format & 63);
	}
	return d->error;
}

static int decode_findings(struct decoder *d, struct findings *f)
{
	uint32_t n = decode_u32(d);

	if (n > FINDINGS_MAX)
		return -EPROTO;
	for (uint32_t i = 0; i < n && !d->error; i++) {
		uint32_t reason = decode_u32(d);
		_cleanup_free_ char *detail = decode_str(d, FINDING_DETAIL_MAX);
		size_t size;
		const uint8_t *raw = decode_bytes(d, FINDING_MEMBER_MAX, &size);
		_cleanup_free_ char *member = size > 0 ? strndup((const char *)raw, size) : NULL;

		if (d->error || reason >= REASON_COUNT_)
			return -EPROTO;
		if ((size > 0 && !member) || findings_add(f, (enum reason)reason, member, "%s", detail) < 0)
			return -ENOMEM;
	}
	return d->error;
}

/* Only the first says what a file is. */
static int decode_result(const struct pool *p, struct lane *l, struct message *m, struct job_result *ret)
{
	uint64_t id = decode_u64(&m->payload);
	uint32_t done = decode_u32(&m->payload), may = wanted_of(p, l) | (l->stage == 0 ? WORKER_CHECKS : 0);
	int r = decode_types(&m->payload, ret);

	if (r == 0)
		r = decode_formats(&m->payload, &ret->formats);
	if (r == 0)
		r = decode_findings(&m->payload, &ret->findings);
	if (r == 0)
		r = decoder_end(&m->payload);
	if (r == 0 && (id != l->job.id || done & ~may || (l->stage > 0 && (ret->type_count > 0 || ret->formats))))
		r = -EPROTO;
	ret->findings.done = done;
	return r;
}

/* -- from one examiner to the next ------------------------------------------------------------------------------- */

static bool has_plugins(const struct pool *p)
{
	for (size_t i = 0; i < p->settings.stage_count; i++)
		if (p->settings.stages[i].checks & CHECK_PLUGINS)
			return true;
	return false;
}

static bool is_of_type(const struct job_result *r, const struct yaml_strings *types)
{
	for (size_t i = 0; i < types->count; i++)
		for (size_t k = 0; k < r->type_count; k++)
			if (fnmatch(types->list[i].value, r->types[k], FNM_CASEFOLD) == 0)
				return true;
	return false;
}

/* What is of unknown type may be what it asks for. */
static bool is_concerned(const struct pool_stage *stage, const struct job_result *r)
{
	return !stage->types || stage->types->count == 0 || r->type_count == 0 || !(r->findings.done & CHECK_TYPE) ||
	       is_of_type(r, stage->types);
}

static int finish(struct pool *p, struct lane *l)
{
	struct job_result *result = l->result;
	int r;

	if (has_plugins(p) && !l->is_plugin_missing)
		result->findings.done |= CHECK_PLUGINS;
	r = p->events.done(p->events.context, &l->job, result);
	lane_empty(l);
	return r;
}

static int pass_on(struct pool *p, struct lane *l)
{
	do {
		l->stage++;
	} while (l->stage < p->settings.stage_count && !is_concerned(&p->settings.stages[l->stage], l->result));
	return l->stage < p->settings.stage_count ? hand_over(p, l) : finish(p, l);
}

static int note_trouble(struct pool *p, struct lane *l, const struct pool_stage *stage, const struct finding *f)
{
	char note[FINDING_DETAIL_MAX + 128];

	(void)snprintf(note, sizeof(note), "%s: %s", stage->name, f->detail);
	return p->events.noted(p->events.context, &l->job, note);
}

/* Silence about a check is no yes: what one stage has not done, none after it can make up for. */
static int merge(struct pool *p, struct lane *l, struct job_result *from)
{
	const struct pool_stage *stage = &p->settings.stages[l->stage];
	struct job_result *to = l->result;
	int r = 0;

	if (l->stage == 0) {
		memcpy(to->types, from->types, sizeof(to->types));
		to->type_count = from->type_count;
		to->formats = from->formats;
	}
	for (size_t i = 0; r == 0 && i < from->findings.count; i++) {
		const struct finding *f = &from->findings.list[i];

		if (stage->is_optional && (BROKEN >> f->reason & 1))
			r = note_trouble(p, l, stage, f);
		else
			r = findings_join(&to->findings, f->reason, f->member, f->detail);
	}
	if (stage->checks & CHECK_PLUGINS)
		l->is_plugin_missing |= !stage->is_optional && !(from->findings.done & CHECK_PLUGINS);
	else
		to->findings.done |= from->findings.done;
	return r;
}

static int take_over(struct pool *p, struct lane *l, struct job_result *from)
{
	struct worker *w = &l->workers[l->stage];
	int r = merge(p, l, from);

	if (w->process.pid != 0 && ++w->jobs >= p->settings.stages[l->stage].jobs_per_worker)
		process_kill(&w->process); /* a fresh process bounds what one hostile file can do to its neighbours */
	return r == 0 ? pass_on(p, l) : r;
}

/* The job counts as "could not tell", the worker is gone. */
static int lose(struct pool *p, struct lane *l, enum reason reason, const char *detail)
{
	_cleanup_(result_free) struct job_result *result = calloc(1, sizeof(*result));
	const char *name = p->settings.stages[l->stage].name;
	int r;

	process_kill(&l->workers[l->stage].process);
	if (!result)
		return -ENOMEM;
	if (l->stage == 0)
		r = findings_add(&result->findings, reason, NULL, "%s", detail);
	else
		r = findings_add(&result->findings, reason, NULL, "%s: %s", name, detail);
	return r == 0 ? take_over(p, l, result) : r;
}

/* A missed canary means that the engine does not find what it must find, and that nobody knows since when: whatever this
 * worker said of earlier files is worth nothing, and so is the inspection. Any other failure is about the one file. */
static int take_failure(struct pool *p, struct lane *l, struct message *m)
{
	uint32_t error = decode_u32(&m->payload);
	_cleanup_free_ char *where = decode_str(&m->payload, 1024), *text = decode_str(&m->payload, 7000);
	int r = decoder_end(&m->payload);

	message_done(m);
	if (r == 0 && strcmp(where, "canary") != 0) {
		log_warning("job=%llu role=worker err=%s: %s: %s", (unsigned long long)l->job.id, errno_name((int)error), where,
			    text);
		return lose(p, l, REASON_SCAN_ERROR, "the examiner gave up on this file");
	}
	process_kill(&l->workers[l->stage].process);
	free(p->trouble);
	if (asprintf(&p->trouble, "%s missed its test samples: %s", p->settings.stages[l->stage].name, r == 0 ? text : "?") < 0)
		p->trouble = NULL;
	return -EKEYREJECTED;
}

static int take_inspected(struct pool *p, struct lane *l, struct decoder *d)
{
	uint32_t n = decode_u32(d);
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < n && !d->error; i++) {
		uint8_t sum[SHA256_LEN];

		decode_exact(d, sum, sizeof(sum));
		if (++l->sums > 2 * POOL_SUMS_MAX)
			return -EPROTO;
		if (!d->error)
			r = p->events.inspected(p->events.context, &l->job, sum);
	}
	return r == 0 ? decoder_end(d) : r;
}

static int take_owed(struct pool *p, struct lane *l, struct decoder *d)
{
	uint32_t n = decode_u32(d);
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < n && !d->error; i++) {
		_cleanup_free_ char *detail = NULL, *member = NULL;
		uint8_t sum[SHA256_LEN];

		decode_exact(d, sum, sizeof(sum));
		detail = decode_str(d, FINDING_DETAIL_MAX);
		member = decode_str(d, FINDING_MEMBER_MAX);
		if (++l->sums > 2 * POOL_SUMS_MAX)
			return -EPROTO;
		if (!d->error)
			r = p->events.owed(p->events.context, &l->job, sum, detail, member);
	}
	return r == 0 ? decoder_end(d) : r;
}

static int take_note(struct pool *p, struct lane *l, struct decoder *d)
{
	_cleanup_free_ char *note = decode_str(d, 1000);
	int r = decoder_end(d);

	if (++l->sums > 2 * POOL_SUMS_MAX)
		return -EPROTO;
	return r == 0 ? p->events.noted(p->events.context, &l->job, note) : r;
}

/* What libclamav has seen, only libclamav's worker can say. */
static bool is_word_before_result(const struct lane *l, uint32_t type)
{
	return type == MESSAGE_WORKER_NOTED ||
	       (l->stage == 0 && (type == MESSAGE_WORKER_INSPECTED || type == MESSAGE_WORKER_OWED));
}

static int take_result(struct pool *p, struct lane *l)
{
	_cleanup_free_ struct message *m = malloc(sizeof(*m));
	_cleanup_(result_free) struct job_result *result = calloc(1, sizeof(*result));
	int r;

	if (!m || !result)
		return -ENOMEM;
	r = channel_receive(&l->workers[l->stage].process.channel, m, true);
	if (r == -EAGAIN)
		return 0;
	if (r == -ENOTCONN || r == -EPIPE)
		return lose(p, l, REASON_SCANNER_CRASHED, "the examiner died while it looked at this file");
	if (r == 0 && m->type == MESSAGE_FAILED)
		return take_failure(p, l, m);
	if (r == 0 && is_word_before_result(l, m->type)) {
		r = m->type == MESSAGE_WORKER_OWED	? take_owed(p, l, &m->payload) :
		    m->type == MESSAGE_WORKER_INSPECTED ? take_inspected(p, l, &m->payload) :
							  take_note(p, l, &m->payload);
		message_done(m);
		if (r != -EPROTO)
			return r; /* 0, or what our own side failed at */
	} else if (r == 0) {
		r = m->type == MESSAGE_WORKER_RESULT ? decode_result(p, l, m, result) : -EPROTO;
		message_done(m);
	}
	if (r < 0) {
		log_warning("job=%llu role=worker err=%s: broke its protocol", (unsigned long long)l->job.id, errno_name(r));
		return lose(p, l, REASON_SCANNER_CRASHED, "the examiner answered nonsense about this file");
	}
	return take_over(p, l, result);
}

size_t pool_poll(const struct pool *p, struct pollfd *fds, int64_t *ret_deadline_ms)
{
	size_t n = 0;

	*ret_deadline_ms = INT64_MAX;
	for (size_t i = 0; i < p->settings.jobs; i++) {
		const struct lane *l = &p->lanes[i];

		if (!l->has_job)
			continue;
		fds[n++] = (struct pollfd){ .fd = l->workers[l->stage].process.channel.fd, .events = POLLIN };
		*ret_deadline_ms = MIN(*ret_deadline_ms, l->deadline_ms);
	}
	return n;
}

/* More than one: what it found and what it owes comes in several, and a deadline must not pass between them while we were busy. */
#define MESSAGES_AT_ONCE 64

static bool is_readable(const struct lane *l)
{
	struct pollfd polled = { .fd = l->workers[l->stage].process.channel.fd, .events = POLLIN };

	return poll(&polled, 1, 0) == 1;
}

int pool_serve(struct pool *p)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->settings.jobs; i++) {
		struct lane *l = &p->lanes[i];

		for (unsigned int k = 0; r == 0 && l->has_job && k < MESSAGES_AT_ONCE && is_readable(l); k++)
			r = take_result(p, l);
		if (r == 0 && l->has_job && monotonic_ms() >= l->deadline_ms && !is_readable(l))
			r = lose(p, l, REASON_SCAN_TIMEOUT, "the examiner did not finish in time and was stopped");
	}
	return r;
}
