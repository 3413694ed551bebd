/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "supervisor/pool.h"

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

#include "common/log.h"

/* libclamav looks at its own time limit only between members and windows; a worker that overruns it by this much will
 * not come back in time and is killed. */
#define GRACE_MS 5000
/* Canaries on a loaded machine take milliseconds; a worker that is not ready by then never will be. */
#define READY_MS 60000

#define WORKER_CHECKS (CHECK_TYPE | CHECK_CONTENT) /* what it says of every file, asked for or not */

struct worker {
	bool is_running;
	struct channel channel;
	int pidfd;
	uint64_t jobs;
	bool has_job;
	struct job job;
	size_t sums; /* that it told of this job */
	int64_t deadline_ms;
};

struct pool {
	struct process *examine;
	struct pool_settings settings;
	struct pool_events events;
	struct worker workers[POOL_WORKERS_MAX];
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

struct pool *pool_new(struct process *examine, const struct pool_settings *settings, const struct pool_events *events)
{
	struct pool *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->examine = examine;
	p->settings = *settings;
	p->settings.workers = MAX((size_t)1, MIN(settings->workers, (size_t)POOL_WORKERS_MAX));
	p->events = *events;
	return p;
}

static void worker_kill(struct worker *w)
{
	if (!w->is_running)
		return;
	(void)syscall(SYS_pidfd_send_signal, w->pidfd, SIGKILL, NULL, 0); /* ESRCH: it has died by itself */
	close_p(&w->pidfd);
	channel_done(&w->channel);
	w->is_running = false;
}

struct pool *pool_free(struct pool *p)
{
	if (!p)
		return NULL;
	for (size_t i = 0; i < p->settings.workers; i++) {
		worker_kill(&p->workers[i]);
		if (p->workers[i].has_job)
			job_done(&p->workers[i].job);
	}
	free(p->trouble);
	free(p);
	return NULL;
}

const char *pool_trouble(const struct pool *p)
{
	return p->trouble ? p->trouble : "no worker could be started";
}

static struct worker *idle_worker(const struct pool *p)
{
	struct worker *found = NULL;

	for (size_t i = 0; i < p->settings.workers; i++) {
		const struct worker *w = &p->workers[i];

		/* a running one first: starting another costs a fork of the whole engine */
		if (!w->has_job && (!found || w->is_running))
			found = (struct worker *)w;
	}
	return found;
}

bool pool_has_room(const struct pool *p)
{
	return idle_worker(p) != NULL;
}

size_t pool_busy(const struct pool *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->settings.workers; i++)
		n += p->workers[i].has_job;
	return n;
}

static int worker_ready(struct worker *w, char **ret_why)
{
	struct process p = { .role = ROLE_WORKER, .pid = 1, .channel = w->channel };
	const struct patience patience = { .signal_fd = -1, .deadline_ms = monotonic_ms() + READY_MS };
	int r = process_ready(&p, &patience, ret_why);

	w->channel = p.channel;
	return r;
}

static int worker_start(struct pool *p, struct worker *w)
{
	const struct patience patience = { .signal_fd = -1, .deadline_ms = monotonic_ms() + READY_MS };
	_cleanup_free_ struct message *m = malloc(sizeof(*m));
	_cleanup_free_ char *why = NULL;
	int r;

	if (!m)
		return -ENOMEM;
	r = channel_send(&p->examine->channel, MESSAGE_EXAMINE_SPAWN, NULL, NULL, 0);
	if (r == 0)
		r = process_expect(p->examine, MESSAGE_EXAMINE_SPAWNED, &patience, m, &why);
	if (r == 0) {
		*w = (struct worker){ .is_running = true, .pidfd = TAKE_FD(m->fds[1]), .job.fd = -EBADF };
		channel_init(&w->channel, TAKE_FD(m->fds[0]), true, CHANNEL_WORKER);
		message_done(m);
		r = worker_ready(w, &why);
	}
	if (r < 0) {
		worker_kill(w);
		free(p->trouble);
		if (asprintf(&p->trouble, "an examiner did not start: %s", why ? why : strerror(-r)) < 0)
			p->trouble = NULL;
	}
	return r;
}

static int send_job(struct worker *w)
{
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));
	size_t len = strlen(w->job.path);

	if (!e)
		return -ENOMEM;
	encoder_init(e);
	encode_u64(e, w->job.id);
	encode_u64(e, w->job.size);
	encode_bytes(e, w->job.sum, sizeof(w->job.sum));
	encode_u32(e, w->job.wanted);
	encode_str(e, w->job.container ? w->job.container : "");
	encode_bytes(e, w->job.path, len);
	return channel_send(&w->channel, MESSAGE_WORKER_JOB, e, &w->job.fd, 1);
}

int pool_give(struct pool *p, struct job *job)
{
	struct worker *w = idle_worker(p);
	int r = 0;

	if (!w) {
		job_done(job);
		return -EAGAIN;
	}
	for (unsigned int tries = 0; tries < 3; tries++) {
		if (!w->is_running)
			r = worker_start(p, w);
		if (r < 0)
			break;
		w->job = *job;
		r = send_job(w);
		if (r == 0) {
			w->has_job = true;
			w->sums = 0;
			w->deadline_ms = monotonic_ms() + (int64_t)p->settings.scan_time_ms + GRACE_MS;
			*job = (struct job){ .fd = -EBADF };
			return 0;
		}
		worker_kill(w); /* it had died while it was idle */
	}
	job_done(job);
	w->job = (struct job){ .fd = -EBADF };
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

static int decode_result(struct worker *w, struct message *m, struct job_result *ret)
{
	uint64_t id = decode_u64(&m->payload);
	uint32_t done = decode_u32(&m->payload);
	int r = decode_types(&m->payload, ret);

	if (r == 0)
		r = decode_formats(&m->payload, &ret->formats);
	if (r == 0)
		r = decode_findings(&m->payload, &ret->findings);
	if (r == 0)
		r = decoder_end(&m->payload);
	if (r == 0 && (id != w->job.id || done & ~(w->job.wanted | WORKER_CHECKS)))
		r = -EPROTO;
	ret->findings.done = done;
	return r;
}

static int finish(struct pool *p, struct worker *w, struct job_result *result)
{
	int r = p->events.done(p->events.context, &w->job, result);

	findings_done(&result->findings);
	job_done(&w->job);
	w->has_job = false;
	if (w->is_running && ++w->jobs >= p->settings.jobs_per_worker)
		worker_kill(w); /* a fresh process bounds what one hostile file can do to its neighbours */
	return r;
}

/* The job counts as "could not tell", the worker is gone. */
static int lose(struct pool *p, struct worker *w, enum reason reason, const char *detail)
{
	struct job_result *result = calloc(1, sizeof(*result));
	int r;

	worker_kill(w);
	if (!result)
		return -ENOMEM;
	r = findings_add(&result->findings, reason, NULL, "%s", detail);
	if (r == 0)
		r = finish(p, w, result);
	free(result);
	return r;
}

/* A missed canary means that the engine does not find what it must find, and that nobody knows since when: whatever this
 * worker said of earlier files is worth nothing, and so is the inspection. Any other failure is about the one file. */
static int take_failure(struct pool *p, struct worker *w, struct message *m)
{
	uint32_t error = decode_u32(&m->payload);
	_cleanup_free_ char *where = decode_str(&m->payload, 1024), *text = decode_str(&m->payload, 7000);
	int r = decoder_end(&m->payload);

	message_done(m);
	if (r == 0 && strcmp(where, "canary") != 0) {
		log_warning("job=%llu role=worker err=%s: %s: %s", (unsigned long long)w->job.id, errno_name((int)error), where,
			    text);
		return lose(p, w, REASON_SCAN_ERROR, "the examiner gave up on this file");
	}
	worker_kill(w);
	free(p->trouble);
	if (asprintf(&p->trouble, "the virus scanner missed its test samples: %s", r == 0 ? text : "?") < 0)
		p->trouble = NULL;
	return -EKEYREJECTED;
}

static int take_inspected(struct pool *p, struct worker *w, struct decoder *d)
{
	uint32_t n = decode_u32(d);
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < n && !d->error; i++) {
		uint8_t sum[SHA256_LEN];

		decode_exact(d, sum, sizeof(sum));
		if (++w->sums > 2 * POOL_SUMS_MAX)
			return -EPROTO;
		if (!d->error)
			r = p->events.inspected(p->events.context, &w->job, sum);
	}
	return r == 0 ? decoder_end(d) : r;
}

static int take_owed(struct pool *p, struct worker *w, struct decoder *d)
{
	uint32_t n = decode_u32(d);
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < n && !d->error; i++) {
		_cleanup_free_ char *detail = NULL, *member = NULL;
		uint8_t sum[SHA256_LEN];

		decode_exact(d, sum, sizeof(sum));
		detail = decode_str(d, FINDING_DETAIL_MAX);
		member = decode_str(d, FINDING_MEMBER_MAX);
		if (++w->sums > 2 * POOL_SUMS_MAX)
			return -EPROTO;
		if (!d->error)
			r = p->events.owed(p->events.context, &w->job, sum, detail, member);
	}
	return r == 0 ? decoder_end(d) : r;
}

static int take_note(struct pool *p, struct worker *w, struct decoder *d)
{
	_cleanup_free_ char *note = decode_str(d, 1000);
	int r = decoder_end(d);

	if (++w->sums > 2 * POOL_SUMS_MAX)
		return -EPROTO;
	return r == 0 ? p->events.noted(p->events.context, &w->job, note) : r;
}

static bool is_word_before_result(uint32_t type)
{
	return type == MESSAGE_WORKER_INSPECTED || type == MESSAGE_WORKER_OWED || type == MESSAGE_WORKER_NOTED;
}

static int take_result(struct pool *p, struct worker *w)
{
	_cleanup_free_ struct message *m = malloc(sizeof(*m));
	_cleanup_free_ struct job_result *result = calloc(1, sizeof(*result));
	int r;

	if (!m || !result)
		return -ENOMEM;
	r = channel_receive(&w->channel, m, true);
	if (r == -EAGAIN)
		return 0;
	if (r == -ENOTCONN || r == -EPIPE)
		return lose(p, w, REASON_SCANNER_CRASHED, "the examiner died while it looked at this file");
	if (r == 0 && m->type == MESSAGE_FAILED)
		return take_failure(p, w, m);
	if (r == 0 && is_word_before_result(m->type)) {
		r = m->type == MESSAGE_WORKER_OWED	? take_owed(p, w, &m->payload) :
		    m->type == MESSAGE_WORKER_INSPECTED ? take_inspected(p, w, &m->payload) :
							  take_note(p, w, &m->payload);
		message_done(m);
		if (r != -EPROTO)
			return r; /* 0, or what our own side failed at */
	} else if (r == 0) {
		r = m->type == MESSAGE_WORKER_RESULT ? decode_result(w, m, result) : -EPROTO;
		message_done(m);
	}
	if (r < 0) {
		findings_done(&result->findings);
		log_warning("job=%llu role=worker err=%s: broke its protocol", (unsigned long long)w->job.id, errno_name(r));
		return lose(p, w, REASON_SCANNER_CRASHED, "the examiner answered nonsense about this file");
	}
	return finish(p, w, result);
}

size_t pool_poll(const struct pool *p, struct pollfd *fds, int64_t *ret_deadline_ms)
{
	size_t n = 0;

	*ret_deadline_ms = INT64_MAX;
	for (size_t i = 0; i < p->settings.workers; i++) {
		const struct worker *w = &p->workers[i];

		if (!w->has_job)
			continue;
		fds[n++] = (struct pollfd){ .fd = w->channel.fd, .events = POLLIN };
		*ret_deadline_ms = MIN(*ret_deadline_ms, w->deadline_ms);
	}
	return n;
}

/* More than one: what it found and what it owes comes in several, and a deadline must not pass between them while we were busy. */
#define MESSAGES_AT_ONCE 64

static bool is_readable(const struct worker *w)
{
	struct pollfd polled = { .fd = w->channel.fd, .events = POLLIN };

	return poll(&polled, 1, 0) == 1;
}

int pool_serve(struct pool *p)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->settings.workers; i++) {
		struct worker *w = &p->workers[i];

		for (unsigned int k = 0; r == 0 && w->has_job && k < MESSAGES_AT_ONCE && is_readable(w); k++)
			r = take_result(p, w);
		if (r == 0 && w->has_job && monotonic_ms() >= w->deadline_ms && !is_readable(w))
			r = lose(p, w, REASON_SCAN_TIMEOUT, "the examiner did not finish in time and was stopped");
	}
	return r;
}
