/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* An examiner's parent as a process with its sandbox on, asked as the supervisor asks it. Include after testing.h. */
#ifndef LAZARET_TESTS_ASKING_H
#define LAZARET_TESTS_ASKING_H

#include <poll.h>

#include "common/finding.h"
#include "common/hash.h"
#include "examiner/examiner.h"

static struct encoder asking_encoder;

struct worker_peer {
	struct channel channel;
	int pid_fd;
};

struct told {
	bool has_died, has_failed;
	char where[64];
	uint64_t id;
	uint32_t done;
	struct findings findings;
	char note[1024];
};

/* READY, or the sentence with which it failed. */
_unused_ static int ask_worker(struct peer *p, struct worker_peer *w)
{
	_cleanup_free_ char *why = NULL;
	struct message m;
	int r;

	peer_send(p, MESSAGE_FORKSERVER_SPAWN, NULL, NULL, 0);
	peer_expect(p, MESSAGE_FORKSERVER_SPAWNED, &m);
	channel_init(&w->channel, TAKE_FD(m.fds[0]), true, CHANNEL_WORKER);
	w->pid_fd = TAKE_FD(m.fds[1]);
	message_done(&m);
	r = channel_expect(&w->channel, MESSAGE_READY, &m, &why);
	if (r == 0)
		message_done(&m);
	else
		print_message("  worker: %s\n", why ? why : strerror(-r));
	return r;
}

_unused_ static void worker_end(struct worker_peer *w)
{
	struct pollfd ended = { .fd = w->pid_fd, .events = POLLIN };

	channel_done(&w->channel);
	assert_int_equal(poll(&ended, 1, 20000), 1);
	close_p(&w->pid_fd);
}

_unused_ static void send_types(struct worker_peer *w, const char *const *types, uint32_t count)
{
	encoder_init(&asking_encoder);
	encode_u32(&asking_encoder, count);
	for (uint32_t i = 0; i < count; i++)
		encode_str(&asking_encoder, types[i]);
	assert_int_equal(channel_send(&w->channel, MESSAGE_WORKER_TYPES, &asking_encoder, NULL, 0), 0);
}

_unused_ static void send_file(struct worker_peer *w, uint64_t id, int fd, const char *name, uint32_t wanted)
{
	uint8_t sum[SHA256_LEN];
	uint64_t size;

	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(sha256_fd(fd, sum, &size), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	encoder_init(&asking_encoder);
	encode_u64(&asking_encoder, id);
	encode_u64(&asking_encoder, size);
	encode_bytes(&asking_encoder, sum, sizeof(sum));
	encode_u32(&asking_encoder, wanted);
	encode_str(&asking_encoder, "");
	encode_bytes(&asking_encoder, name, strlen(name));
	assert_int_equal(channel_send(&w->channel, MESSAGE_WORKER_JOB, &asking_encoder, &fd, 1), 0);
}

static void take_told_findings(struct decoder *d, struct told *t)
{
	for (uint32_t n = decode_u32(d); n > 0 && !d->error; n--) {
		uint32_t reason = decode_u32(d);
		_cleanup_free_ char *detail = decode_str(d, FINDING_DETAIL_MAX), *member = decode_str(d, FINDING_MEMBER_MAX);

		assert_true(reason < REASON_COUNT_);
		assert_non_null(detail);
		assert_int_equal(findings_add(&t->findings, (enum reason)reason, member && *member ? member : NULL, "%s", detail), 0);
	}
}

/* Until it has answered, failed or died. */
_unused_ static void take_told(struct worker_peer *w, struct told *t)
{
	bool has_ended = false;

	memset(t, 0, sizeof(*t));
	while (!has_ended) {
		struct message m;
		int r = channel_receive(&w->channel, &m, false);

		if (r < 0) {
			t->has_died = true;
			return;
		}
		has_ended = m.type != MESSAGE_WORKER_NOTED;
		if (m.type == MESSAGE_WORKER_NOTED) {
			decode_str_into(&m.payload, t->note, sizeof(t->note));
		} else if (m.type == MESSAGE_FAILED) {
			t->has_failed = true;
			(void)decode_u32(&m.payload);
			decode_str_into(&m.payload, t->where, sizeof(t->where));
		} else {
			assert_int_equal(m.type, MESSAGE_WORKER_RESULT);
			t->id = decode_u64(&m.payload);
			t->done = decode_u32(&m.payload);
			assert_int_equal(decode_u32(&m.payload), 0);
			assert_int_equal(decode_u32(&m.payload), 0);
			take_told_findings(&m.payload, t);
			assert_int_equal(decoder_end(&m.payload), 0);
		}
		message_done(&m);
	}
}

_unused_ static const struct finding *told_of(const struct told *t, enum reason reason, const char *words)
{
	for (size_t i = 0; i < t->findings.count; i++)
		if (t->findings.list[i].reason == reason && strstr(t->findings.list[i].detail, words))
			return &t->findings.list[i];
	return NULL;
}

_unused_ static void show_told(const struct told *t)
{
	print_message("  done %x%s%s %s\n", t->done, t->has_died ? " died" : "", t->has_failed ? " failed" : "", t->where);
	for (size_t i = 0; i < t->findings.count; i++)
		print_message("    %s: %s\n", reason_code(t->findings.list[i].reason), t->findings.list[i].detail);
}

#endif
