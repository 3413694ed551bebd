/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What a worker that was taken over may answer about one file: decoded by the supervisor, which is the one process that must
 * not break. The file is included for its static functions. */
#include <sys/socket.h>

#include "supervisor/pool.c"

#include "input.h"

static unsigned int answers;

static int on_done(void *context, const struct job *job, const struct job_result *result)
{
	answers++;
	CLAIM(result->type_count <= POOL_TYPES_MAX && result->findings.count <= FINDINGS_MAX);
	for (size_t i = 0; i < result->type_count; i++)
		CLAIM(strlen(result->types[i]) <= POOL_TYPE_MAX);
	for (size_t i = 0; i < result->findings.count; i++)
		CLAIM((unsigned int)result->findings.list[i].reason < REASON_COUNT_ && result->findings.list[i].detail);
	CLAIM(!(result->findings.done & ~(job->wanted | WORKER_CHECKS)));
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

/* Type and bytes, as they stand in a packet. */
static void send_packet(int fd, struct input *in)
{
	static const uint8_t known[] = { MESSAGE_WORKER_RESULT, MESSAGE_WORKER_OWED, MESSAGE_WORKER_INSPECTED, MESSAGE_WORKER_NOTED,
					 MESSAGE_FAILED };
	uint8_t which = take_byte(in);
	struct input payload = take_part(in, take_number(in, 2));
	uint8_t *packet = malloc(payload.left + 4);

	CLAIM(packet);
	memset(packet, 0, 4);
	packet[0] = which < 250 ? known[which % ARRAY_LEN(known)] : take_byte(in);
	if (payload.left > 0)
		memcpy(packet + 4, payload.at, payload.left);
	CLAIM(send(fd, packet, payload.left + 4, 0) == (ssize_t)payload.left + 4);
	free(packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct pool_events events = { on_done, on_inspected, on_owed, on_noted, NULL };
	static const struct pool_settings settings = { .workers = 1, .scan_time_ms = 1000, .jobs_per_worker = 10 };
	struct input in = { data, size };
	struct pool *p = pool_new(NULL, &settings, &events);
	struct worker *w;
	int fds[2], r = 0;

	CLAIM(p && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
	w = &p->workers[0];
	channel_init(&w->channel, fds[0], true, CHANNEL_WORKER);
	w->channel.state = STATE_BUSY;
	w->pidfd = -EBADF;
	w->has_job = true;
	w->job = (struct job){ .id = 1, .wanted = CHECK_VIRUS | CHECK_TYPE, .fd = -EBADF };
	answers = 0;
	while (in.left > 0 && w->has_job && r == 0) {
		send_packet(fds[1], &in);
		r = take_result(p, w);
	}
	CLAIM(answers <= 1 && (w->has_job || answers == 1));
	CLAIM(r == 0 || r == -EKEYREJECTED);
	channel_done(&w->channel);
	(void)close(fds[1]);
	free(p->trouble);
	free(p);
	return 0;
}
