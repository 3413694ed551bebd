/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What a worker that was taken over may answer about one file: decoded by the supervisor, which is the one process that must
 * not break. The file is included for its static functions. */
#include <sys/socket.h>

#include "supervisor/pool.c"

#include "packet.h"

static unsigned int answers;

static int on_done(void *context, const struct job *job, const struct job_result *result)
{
	answers++;
	CLAIM(result->type_count <= POOL_TYPES_MAX && result->findings.count <= FINDINGS_MAX);
	for (size_t i = 0; i < result->type_count; i++)
		CLAIM(strlen(result->types[i]) <= POOL_TYPE_MAX);
	for (size_t i = 0; i < result->findings.count; i++)
		CLAIM((unsigned int)result->findings.list[i].reason < REASON_COUNT_ && result->findings.list[i].detail);
	CLAIM(!(result->findings.done & ~(job->wanted | WORKER_CHECKS | CHECK_PLUGINS)));
	return 0;
}

static int on_inspected(void *context, const struct job *job, const uint8_t sum[static SHA256_LEN])
{
	return 0;
}

static int on_owed(void *context, const struct job *job, const uint8_t sum[static SHA256_LEN], const char *detail,
		   const char *member)
{
	CLAIM(detail && member && strlen(detail) <= FINDING_DETAIL_MAX && strlen(member) <= FINDING_MEMBER_MAX);
	return 0;
}

static int on_noted(void *context, const struct job *job, const char *note)
{
	CLAIM(note);
	return 0;
}

static const uint8_t known[] = { MESSAGE_WORKER_RESULT, MESSAGE_WORKER_OWED, MESSAGE_WORKER_INSPECTED, MESSAGE_WORKER_NOTED,
				 MESSAGE_FAILED };

/* The last of its examiners has the job: 0 the first of all, 1 one that may say less. */
static void answer_as(struct input in, size_t stage)
{
	static const struct pool_events events = { on_done, on_inspected, on_owed, on_noted, NULL };
	struct pool_settings settings = { .jobs = 1, .stage_count = stage + 1 };
	struct pool *p;
	struct lane *l;
	int fds[2], r = 0;

	settings.stages[0] = (struct pool_stage){ .name = "a", .checks = CHECK_VIRUS, .time_ms = 1000, .jobs_per_worker = 10 };
	settings.stages[1] = (struct pool_stage){ .name = "b", .checks = CHECK_PLUGINS, .time_ms = 1000, .jobs_per_worker = 10, .is_optional = true };
	p = pool_new(&settings, &events);
	CLAIM(p && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
	l = &p->lanes[0];
	channel_init(&l->workers[stage].channel, fds[0], true, CHANNEL_WORKER);
	l->workers[stage].channel.state = STATE_BUSY;
	l->workers[stage].pidfd = -EBADF;
	l->has_job = true;
	l->stage = stage;
	l->result = calloc(1, sizeof(*l->result));
	CLAIM(l->result);
	l->job = (struct job){ .id = 1, .wanted = CHECK_VIRUS | CHECK_TYPE, .fd = -EBADF };
	answers = 0;
	while (in.left > 0 && l->has_job && r == 0) {
		send_packet(fds[1], &in, known, ARRAY_LEN(known));
		r = take_result(p, l);
	}
	CLAIM(answers <= 1 && (l->has_job || answers == 1));
	CLAIM(r == 0 || r == -EKEYREJECTED);
	if (l->has_job)
		lane_empty(l);
	channel_done(&l->workers[stage].channel);
	(void)close(fds[1]);
	free(p->trouble);
	free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	answer_as((struct input){ data, size }, 0);
	answer_as((struct input){ data, size }, 1);
	return 0;
}
