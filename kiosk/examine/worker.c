/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Reads untrusted bytes, in the sandbox of ROLE_WORKER: a tmpfs of its own, no paths beyond it, no network, a
 * system-call filter that kills. It is the first process of its PID namespace, so nothing of it survives.
 *
 * Crash-only: no clean-up, no freeing of the engine. A crash, a hang or exhausted memory costs the job at hand.
 */
#include "examine/worker.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "common/hash.h"
#include "examine/canary.h"
#include "examine/limits.h"
#include "sandbox/sandbox.h"

#define NAME_LENGTH_MAX 4096

struct worker {
	struct channel channel;
	struct examiner *examiner;
	uint32_t jobs, jobs_max;
	uint32_t jobs_since_canary;
	time_t canary_time; /* CLOCK_MONOTONIC, seconds */
};

struct job {
	uint64_t id, size;
	uint8_t sum[SHA256_LEN]; /* what the vault says that the copy hashes to */
	uint32_t wanted; /* bits of enum check */
	char *container; /* owned; MIME type, "" for none */
	char *name;	/* owned, raw */
	const uint8_t *data; /* mapped; NULL when empty */
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

static int map_job(struct job *j, int fd)
{
	struct stat st;
	void *data;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != j->size)
		return -EINVAL;
	if (j->size == 0)
		return 0;
	data = mmap(NULL, j->size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return -errno;
	(void)madvise(data, j->size, MADV_SEQUENTIAL); /* a hint */
	j->data = data;
	return 0;
}

static const uint8_t *bytes_of(const struct job *j)
{
	return j->data ? j->data : (const uint8_t *)"";
}

/* What is examined here is what the verdict names, and what the publisher compares with (invariant 2). */
static int check_sum(const struct job *j)
{
	uint8_t sum[SHA256_LEN];
	int r = sha256(bytes_of(j), j->size, sum);

	return r < 0 ? r : memcmp(sum, j->sum, sizeof(sum)) == 0 ? 0 : -EBADMSG;
}

static void job_done(struct job *j)
{
	if (j->data)
		(void)munmap((void *)(uintptr_t)j->data, j->size); /* was mapped with this size */
	free(j->container);
	free(j->name);
}

static int job_decode(struct message *m, struct job *ret)
{
	const uint8_t *raw_name;
	size_t size;

	*ret = (struct job){ 0 };
	ret->id = decode_u64(&m->payload);
	ret->size = decode_u64(&m->payload);
	decode_exact(&m->payload, ret->sum, sizeof(ret->sum));
	ret->wanted = decode_u32(&m->payload);
	ret->container = decode_str(&m->payload, TYPE_NAME_MAX);
	raw_name = decode_bytes(&m->payload, NAME_LENGTH_MAX, &size);
	if (decoder_end(&m->payload) < 0) {
		job_done(ret);
		return -EPROTO;
	}
	ret->name = strndup((const char *)raw_name, size);
	if (ret->name)
		return 0;
	job_done(ret);
	return -ENOMEM;
}

static void encode_member(struct encoder *e, const char *member)
{
	size_t size = member ? strlen(member) : 0;

	if (size <= RESULT_MEMBER_MAX) {
		encode_bytes(e, member ? member : "", size);
	} else { /* the end tells more than the beginning */
		char cut[RESULT_MEMBER_MAX + 1];

		(void)snprintf(cut, sizeof(cut), "...%s", member + size - (RESULT_MEMBER_MAX - 3));
		encode_bytes(e, cut, RESULT_MEMBER_MAX);
	}
}

/* -- answers ------------------------------------------------------------------------------------------------ */

static struct encoder encoder; /* 64 KiB; a worker says one thing at a time */

/* A list in as many messages as it takes, `count` before each part. */
struct parts {
	struct worker *worker;
	enum message_type type;
	size_t place;
	uint32_t count;
};

static void part_begin(struct parts *p)
{
	encoder_init(&encoder);
	p->place = encode_reserve_u32(&encoder);
	p->count = 0;
}

static int part_send(struct parts *p)
{
	int r;

	if (p->count == 0)
		return 0;
	encode_patch_u32(&encoder, p->place, p->count);
	r = channel_send(&p->worker->channel, p->type, &encoder, NULL, 0);
	part_begin(p);
	return r;
}

/* Room for an item of so many bytes. */
static int part_item(struct parts *p, size_t size)
{
	int r = encoder.size + size > message_rule(p->type)->payload_max ? part_send(p) : 0;

	p->count++;
	return r;
}

static int send_inspected(struct worker *w, const struct tally *t)
{
	struct parts p = { .worker = w, .type = MESSAGE_WORKER_INSPECTED };
	int r = 0;

	part_begin(&p);
	for (size_t i = 0; r == 0 && i < t->inspected_count; i++) {
		r = part_item(&p, 4 + SHA256_LEN);
		encode_bytes(&encoder, t->inspected[i], SHA256_LEN);
	}
	return r < 0 ? r : part_send(&p);
}

static int send_owed(struct worker *w, const struct tally *t)
{
	struct parts p = { .worker = w, .type = MESSAGE_WORKER_OWED };
	int r = 0;

	part_begin(&p);
	for (size_t i = 0; r == 0 && i < t->owed_count; i++) {
		r = part_item(&p, 3 * 4 + SHA256_LEN + FINDING_DETAIL_MAX + RESULT_MEMBER_MAX);
		encode_bytes(&encoder, t->owed[i].sum, SHA256_LEN);
		encode_bytes(&encoder, t->owed[i].detail, strlen(t->owed[i].detail));
		encode_member(&encoder, t->owed[i].member);
	}
	return r < 0 ? r : part_send(&p);
}

static int send_result(struct worker *w, const struct job *j, const struct examination *x)
{
	encoder_init(&encoder);
	encode_u64(&encoder, j->id);
	encode_u32(&encoder, x->findings.done);
	encode_u32(&encoder, (uint32_t)x->types.count);
	for (size_t i = 0; i < x->types.count; i++)
		encode_str(&encoder, x->types.list[i]);
	encode_u32(&encoder, (uint32_t)x->containers.count);
	for (size_t i = 0; i < x->containers.count; i++)
		encode_u32(&encoder, x->containers.list[i].format);
	encode_u32(&encoder, (uint32_t)x->findings.count);
	for (size_t i = 0; i < x->findings.count; i++) {
		encode_u32(&encoder, x->findings.list[i].reason);
		encode_bytes(&encoder, x->findings.list[i].detail, strlen(x->findings.list[i].detail));
		encode_member(&encoder, x->findings.list[i].member);
	}
	return channel_send(&w->channel, MESSAGE_WORKER_RESULT, &encoder, NULL, 0);
}

static int send_notes(struct worker *w, const struct examination *x)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < x->note_count; i++) {
		encoder_init(&encoder);
		encode_str(&encoder, x->notes[i]);
		r = channel_send(&w->channel, MESSAGE_WORKER_NOTED, &encoder, NULL, 0);
	}
	return r;
}

static int send_all(struct worker *w, const struct job *j, const struct examination *x)
{
	int r = send_notes(w, x);

	if (r == 0)
		r = send_owed(w, &x->tally);

	if (r == 0)
		r = send_inspected(w, &x->tally);
	return r < 0 ? r : send_result(w, j, x);
}

/* Before the answer, so that the answer itself is covered by what comes out. */
static void check_canaries(struct worker *w)
{
	char why[WHY_MAX] = "";
	int r;

	if (w->jobs_since_canary < CANARY_JOBS && now_s() - w->canary_time < CANARY_SECONDS)
		return;
	r = canary_check(w->examiner->clam, w->examiner->has_eicar, why);
	if (r < 0)
		fail(w, r, "canary", why);
	w->jobs_since_canary = 0;
	w->canary_time = now_s();
}

static void examine_job(struct worker *w, const struct job *j, struct examination *ret)
{
	struct examination_job job = { .data = bytes_of(j), .size = j->size, .raw_name = j->name,
				       .container = j->container, .wanted = j->wanted };

	memcpy(job.sum, j->sum, sizeof(job.sum));
	examine_bytes(w->examiner, &job, ret);
}

static int do_job(struct worker *w, struct message *m)
{
	struct examination x;
	struct job j;
	int r = job_decode(m, &j);

	if (r < 0)
		return r;
	r = map_job(&j, m->fds[0]);
	if (r == 0)
		r = check_sum(&j);
	if (r < 0) {
		job_done(&j);
		return channel_fail(&w->channel, r, "map", "%s",
				    r == -EBADMSG ? "the sealed copy is not what the vault hashed" : strerror(-r));
	}
	examine_job(w, &j, &x);
	w->jobs++;
	w->jobs_since_canary++;
	check_canaries(w);
	r = send_all(w, &j, &x);
	examination_done(&x);
	job_done(&j);
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
			r = do_job(w, &m);
		if (r < 0)
			_exit(EXIT_FAILURE); /* the supervisor has gone, or broke the protocol */
		message_done(&m);
	}
	_exit(EXIT_SUCCESS);
}

void worker_run(struct examiner *e, const struct start *s, const char *sandbox)
{
	static struct worker w;
	char why[WHY_MAX] = "";
	const char *where = "parent";
	int r;

	w.examiner = e;
	w.jobs_max = s->jobs_max;
	channel_init(&w.channel, CHANNEL_FD, false, CHANNEL_WORKER);
	r = prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ? -errno : 0;
	if (r == 0)
		r = sandbox_enter_worker(ROLE_WORKER, s->tmpfs_bytes, NULL, 0, &where);
	if (r < 0)
		fail(&w, r, where, strerror(-r));
	r = clam_set_tmpdir(e->clam, "/tmp");
	if (r < 0)
		fail(&w, r, "libclamav", strerror(-r));
	r = canary_check(e->clam, e->has_eicar, why);
	if (r < 0)
		fail(&w, r, "canary", why);
	w.canary_time = now_s();
	if (channel_ready(&w.channel, "worker", sandbox) < 0)
		_exit(EXIT_FAILURE);
	loop(&w);
}

/* fork(2) with namespaces and a pidfd at once. The raw call skips the C library's fork handlers: this process has
 * one thread and needs none of them. */
static pid_t fork_into_namespaces(int *ret_pid_fd)
{
	return (pid_t)syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWNS | CLONE_PIDFD | SIGCHLD, NULL, ret_pid_fd, NULL,
			      NULL);
}

int worker_spawn(struct examiner *e, const struct start *s, const char *sandbox, int *ret_channel_fd, int *ret_pid_fd)
{
	_cleanup_close_ int ours = -EBADF, theirs = -EBADF;
	int pair[2], pid_fd = -EBADF;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	ours = pair[0];
	theirs = pair[1];
	pid = fork_into_namespaces(&pid_fd);
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		if (dup3(theirs, CHANNEL_FD, O_CLOEXEC) < 0)
			_exit(EXIT_FAILURE);
		worker_run(e, s, sandbox);
	}
	*ret_channel_fd = TAKE_FD(ours);
	*ret_pid_fd = pid_fd;
	return 0;
}
