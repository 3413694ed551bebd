/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Reads untrusted bytes, in the sandbox of its role: a tmpfs of its own, no paths beyond it, no network, a system-call
 * filter that kills. It is the first process of its PID namespace, so nothing of it survives.
 */
#include "examiner/examiner.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "sandbox/sandbox.h"

struct worker {
	struct channel channel;
	const struct examiner_role *role;
	void *context;
	uint32_t jobs, jobs_max;
	uint32_t jobs_since_canary;
	time_t canary_time; /* CLOCK_MONOTONIC, seconds */
	char *types[EXAMINER_TYPES_MAX]; /* owned; of the next job */
	size_t type_count;
};

struct mapped_job {
	struct examiner_job job;
	char *container, *name; /* owned */
	void *map;		/* NULL when empty */
};

static time_t now_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
	return now.tv_sec;
}

static _noreturn_ void fail(struct worker *w, int error, const char *where, const char *text)
{
	(void)channel_fail(&w->channel, error, where, "%s", text); /* the end that follows says it too */
	_exit(EXIT_FAILURE);
}

/* -- jobs --------------------------------------------------------------------------------------------------- */

static int map_job(struct mapped_job *j, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != j->job.size)
		return -EINVAL;
	j->job.fd = fd;
	j->job.data = (const uint8_t *)"";
	if (j->job.size == 0)
		return 0;
	j->map = mmap(NULL, j->job.size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (j->map == MAP_FAILED) {
		j->map = NULL;
		return -errno;
	}
	(void)madvise(j->map, j->job.size, MADV_SEQUENTIAL); /* a hint */
	j->job.data = j->map;
	return 0;
}

/* What is examined here is what the verdict names, and what the publisher compares with (invariant 2). */
static int check_sum(const struct examiner_job *j)
{
	uint8_t sum[SHA256_LEN];
	int r = sha256(j->data, j->size, sum);

	return r < 0 ? r : memcmp(sum, j->sum, sizeof(sum)) == 0 ? 0 : -EBADMSG;
}

static void mapped_job_done(struct mapped_job *j)
{
	if (j->map)
		(void)munmap(j->map, j->job.size); /* was mapped with this size */
	free(j->container);
	free(j->name);
}

static int job_decode(struct message *m, struct mapped_job *ret)
{
	const uint8_t *raw_name;
	size_t size;

	*ret = (struct mapped_job){ 0 };
	ret->job.id = decode_u64(&m->payload);
	ret->job.size = decode_u64(&m->payload);
	decode_exact(&m->payload, ret->job.sum, sizeof(ret->job.sum));
	ret->job.wanted = decode_u32(&m->payload);
	ret->container = decode_str(&m->payload, EXAMINER_TYPE_MAX);
	raw_name = decode_bytes(&m->payload, EXAMINER_NAME_MAX, &size);
	if (decoder_end(&m->payload) < 0) {
		mapped_job_done(ret);
		return -EPROTO;
	}
	ret->name = strndup((const char *)raw_name, size);
	ret->job.container = ret->container;
	ret->job.raw_name = ret->name;
	if (ret->name)
		return 0;
	mapped_job_done(ret);
	return -ENOMEM;
}

/* -- what others say of the next job ---------------------------------------------------------------------------- */

static void forget_types(struct worker *w)
{
	while (w->type_count > 0)
		free(w->types[--w->type_count]);
}

static int take_types(struct worker *w, struct message *m)
{
	uint32_t n = decode_u32(&m->payload);

	forget_types(w);
	if (n > EXAMINER_TYPES_MAX)
		return -EPROTO;
	for (uint32_t i = 0; i < n; i++) {
		char *type = decode_str(&m->payload, 2 * EXAMINER_TYPE_MAX);

		if (!type)
			return -EPROTO;
		w->types[w->type_count++] = type;
	}
	return decoder_end(&m->payload);
}

/* -- answers ------------------------------------------------------------------------------------------------ */

/* Before the answer, so that the answer itself is covered by what comes out. */
static void check_canaries(struct worker *w)
{
	char why[EXAMINER_WHY_MAX] = "";
	int r;

	if (!w->role->canary || (w->jobs_since_canary < CANARY_JOBS && now_s() - w->canary_time < CANARY_SECONDS))
		return;
	r = w->role->canary(w->context, why);
	if (r < 0)
		fail(w, r, "canary", why);
	w->jobs_since_canary = 0;
	w->canary_time = now_s();
}

static int look(struct worker *w, const struct examiner_job *job)
{
	struct examiner_answer a = { 0 };
	int r = 0;

	w->role->look(w->context, job, &a);
	w->jobs++;
	w->jobs_since_canary++;
	check_canaries(w);
	if (w->role->tell)
		r = w->role->tell(w->context, &w->channel);
	if (r == 0)
		r = examiner_send_answer(&w->channel, job->id, &a);
	findings_done(&a.findings);
	if (w->role->done)
		w->role->done(w->context);
	return r;
}

static int do_job(struct worker *w, struct message *m)
{
	struct mapped_job j;
	int r = job_decode(m, &j);

	if (r < 0)
		return r;
	j.job.types = (const char *const *)w->types;
	j.job.type_count = w->type_count;
	r = map_job(&j, m->fds[0]);
	if (r == 0)
		r = check_sum(&j.job);
	if (r == 0)
		r = look(w, &j.job);
	else
		r = channel_fail(&w->channel, r, "map", "%s",
				 r == -EBADMSG ? "the sealed copy is not what the vault hashed" : strerror(-r));
	mapped_job_done(&j);
	forget_types(w);
	return r;
}

static _noreturn_ void loop(struct worker *w)
{
	while (w->jobs_max == 0 || w->jobs < w->jobs_max) {
		struct message m;
		int r = channel_receive(&w->channel, &m, false);

		if (r == -ENOTCONN)
			_exit(EXIT_SUCCESS);
		if (r == 0 && m.type == MESSAGE_END)
			_exit(EXIT_SUCCESS);
		if (r == 0)
			r = m.type == MESSAGE_WORKER_TYPES ? take_types(w, &m) : do_job(w, &m);
		if (r < 0)
			_exit(EXIT_FAILURE); /* the supervisor has gone, or broke the protocol */
		message_done(&m);
	}
	_exit(EXIT_SUCCESS);
}

_noreturn_ void examiner_work(const struct examiner_role *role, void *context, const struct examiner_settings *settings,
			      const char *sandbox)
{
	enum role_id id = role_get(role->parent)->forks;
	static struct worker w;
	char why[EXAMINER_WHY_MAX] = "";
	const char *where = "";
	int r;

	w.role = role;
	w.context = context;
	w.jobs_max = settings->jobs_max;
	channel_init(&w.channel, CHANNEL_FD, false, CHANNEL_WORKER);
	r = sandbox_enter_worker(id, settings->tmpfs_bytes, NULL, 0, &where);
	if (r < 0)
		fail(&w, r, where, strerror(-r));
	r = role->prepare ? role->prepare(context, why) : 0;
	if (r < 0)
		fail(&w, r, "prepare", why);
	r = role->canary ? role->canary(context, why) : 0;
	if (r < 0)
		fail(&w, r, "canary", why);
	w.canary_time = now_s();
	if (channel_ready(&w.channel, role_get(id)->name, sandbox) < 0)
		_exit(EXIT_FAILURE);
	loop(&w);
}
