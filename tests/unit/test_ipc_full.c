/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A worker that was taken over answers jobs that it does not read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

#include "../lib/testing.h"
#include "ipc/channel.h"

static void a_worker_that_answers_without_reading_does_not_stall_the_supervisor(void **state)
{
	static struct encoder job, result;
	static struct message m;
	struct channel supervisor, worker;
	int ends[2], fd = memory_text("x"), r = 0;
	time_t begun = time(NULL);

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	channel_init(&supervisor, ends[0], true, CHANNEL_WORKER);
	channel_init(&worker, ends[1], false, CHANNEL_WORKER);
	supervisor.state = worker.state = STATE_IDLE;
	encoder_init(&job);
	encode_u64(&job, 1);
	encode_u64(&job, 1);
	encode_bytes(&job, "0123456789abcdef0123456789abcdef", 32);
	encode_bytes(&job, "a name", 6);
	encoder_init(&result);
	(void)alarm(60);
	for (unsigned int i = 0; r == 0 && i < 100000; i++) {
		r = channel_send(&supervisor, MESSAGE_WORKER_JOB, &job, &fd, 1);
		worker.state = STATE_BUSY; /* as if it had read */
		if (r == 0) {
			assert_int_equal(channel_send(&worker, MESSAGE_WORKER_RESULT, &result, NULL, 0), 0);
			assert_int_equal(channel_receive(&supervisor, &m, false), 0);
			message_done(&m);
		}
	}
	(void)alarm(0);
	assert_true(r == -ETIMEDOUT || r == -ETOOMANYREFS);
	assert_true(time(NULL) - begun < 60);
	channel_done(&supervisor);
	channel_done(&worker);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_that_answers_without_reading_does_not_stall_the_supervisor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
