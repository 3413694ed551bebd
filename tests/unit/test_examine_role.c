/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The role as a process with the sandbox on; the test is its supervisor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <sys/syscall.h>

#include "ipc/channel.h"

#include "../lib/testing.h"
#include "../lib/examining.h"

#define TMPFS_BYTES (256u << 20)

static struct bench bench;
static struct encoder encoder;

struct worker_peer {
	struct channel channel;
	int pid_fd;
};

struct answer {
	uint64_t id;
	uint32_t done;
	char type[TYPE_NAME_MAX + 1];
	uint32_t formats[CONTAINER_FORMATS_MAX], format_count;
	struct findings findings;
	struct tally tally;
};

#define USUAL (CHECK_VIRUS | CHECK_TYPE | CHECK_CONTENT)

static int set_up(void **state)
{
	bench_make(&bench, NULL);
	return 0;
}

static int tear_down(void **state)
{
	bench_remove(&bench);
	return 0;
}

/* -- the supervisor's side ----------------------------------------------------------------------------------- */

static void send_start(struct peer *p, const char *const *databases, const char *hash_list, uint32_t jobs,
		       bool has_eicar)
{
	char shipped[PATH_MAX];
	size_t place;
	uint32_t count = 0;

	assert_non_null(realpath("rules/clamav", shipped));
	encoder_init(&encoder);
	encode_str(&encoder, bench.dir);
	place = encode_reserve_u32(&encoder);
	for (; databases[count]; count++) {
		struct database_file f = pinned(&bench, databases[count]);

		encode_str(&encoder, f.name);
		encode_str(&encoder, f.sha256);
		free(f.name);
		free(f.sha256);
	}
	encode_patch_u32(&encoder, place, count);
	encode_str(&encoder, hash_list);
	encode_u64(&encoder, 60000);
	encode_u64(&encoder, TMPFS_BYTES);
	encode_u32(&encoder, jobs);
	encode_u32(&encoder, has_eicar);
	encode_str(&encoder, shipped);
	peer_send(p, MESSAGE_EXAMINE_START, &encoder, &bench.dir_fd, 1);
}

static void start(struct peer *p, const char *hash_list, uint32_t jobs)
{
	static const char *const databases[] = { "eicar.ndb", "eicar.hdb", "html.hsb", NULL };
	struct message m;

	peer_start(p, "lazaret-examine", CHANNEL_FORKSERVER);
	send_start(p, databases, hash_list, jobs, true);
	peer_expect(p, MESSAGE_EXAMINE_ENGINES, &m);
	assert_true(decode_u32(&m.payload) >= 2);
	message_done(&m);
	peer_ready(p);
}

static void spawn(struct peer *p, struct worker_peer *w)
{
	struct message m;
	char *why = NULL;

	peer_send(p, MESSAGE_FORKSERVER_SPAWN, NULL, NULL, 0);
	peer_expect(p, MESSAGE_FORKSERVER_SPAWNED, &m);
	channel_init(&w->channel, TAKE_FD(m.fds[0]), true, CHANNEL_WORKER);
	w->pid_fd = TAKE_FD(m.fds[1]);
	message_done(&m);
	if (channel_expect(&w->channel, MESSAGE_READY, &m, &why) < 0)
		fail_msg("worker: %s", why ? why : "ended");
	message_done(&m);
}

static void worker_close(struct worker_peer *w)
{
	struct pollfd ended = { .fd = w->pid_fd, .events = POLLIN };

	channel_done(&w->channel);
	assert_int_equal(poll(&ended, 1, 10000), 1);
	close_p(&w->pid_fd);
}

static void send_job_wanting(struct worker_peer *w, uint64_t id, const char *file, uint64_t extra, uint8_t sum_error,
			     uint32_t wanted)
{
	uint8_t sum[SHA256_LEN];
	int fd = openat(bench.dir_fd, file, O_RDONLY | O_CLOEXEC);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(sha256_fd(fd, sum, NULL), 0);
	sum[SHA256_LEN - 1] ^= sum_error;
	encoder_init(&encoder);
	encode_u64(&encoder, id);
	encode_u64(&encoder, (uint64_t)st.st_size + extra);
	encode_bytes(&encoder, sum, sizeof(sum));
	encode_u32(&encoder, wanted);
	encode_str(&encoder, "");
	encode_bytes(&encoder, file, strlen(file));
	assert_int_equal(channel_send(&w->channel, MESSAGE_WORKER_JOB, &encoder, &fd, 1), 0);
	(void)close(fd);
}

static void send_job_summed(struct worker_peer *w, uint64_t id, const char *file, uint64_t extra, uint8_t sum_error)
{
	send_job_wanting(w, id, file, extra, sum_error, USUAL);
}

static void send_job(struct worker_peer *w, uint64_t id, const char *file, uint64_t extra)
{
	send_job_summed(w, id, file, extra, 0);
}

static void take_text(struct decoder *d, char *out, size_t room)
{
	size_t size;
	const uint8_t *raw = decode_bytes(d, room - 1, &size);

	memcpy(out, raw, size);
	out[size] = '\0';
}

static void take_owed(struct decoder *d, struct tally *t)
{
	for (uint32_t count = decode_u32(d); count > 0; count--) {
		char detail[FINDING_DETAIL_MAX + 1], member[RESULT_MEMBER_MAX + 1];
		uint8_t sum[SHA256_LEN];

		decode_exact(d, sum, sizeof(sum));
		take_text(d, detail, sizeof(detail));
		take_text(d, member, sizeof(member));
		assert_int_equal(tally_owe(t, sum, member[0] ? member : NULL, detail), 0);
	}
}

static void take_inspected(struct decoder *d, struct tally *t)
{
	for (uint32_t count = decode_u32(d); count > 0; count--) {
		uint8_t sum[SHA256_LEN];

		decode_exact(d, sum, sizeof(sum));
		assert_int_equal(tally_inspected(t, sum), 0);
	}
}

static void take_result(struct decoder *d, struct answer *a)
{
	char detail[FINDING_DETAIL_MAX + 1], member[RESULT_MEMBER_MAX + 1];
	uint32_t count;

	a->id = decode_u64(d);
	a->done = decode_u32(d);
	count = decode_u32(d);
	for (uint32_t i = 0; i < count; i++) {
		char type[TYPE_NAME_MAX + 1];

		decode_str_into(d, type, sizeof(type));
		if (i == 0)
			memcpy(a->type, type, sizeof(type));
	}
	a->format_count = decode_u32(d);
	assert_true(a->format_count <= CONTAINER_FORMATS_MAX);
	for (uint32_t i = 0; i < a->format_count; i++)
		a->formats[i] = decode_u32(d);
	count = decode_u32(d);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t reason = decode_u32(d);

		take_text(d, detail, sizeof(detail));
		take_text(d, member, sizeof(member));
		assert_true(reason < REASON_COUNT_);
		assert_int_equal(findings_add(&a->findings, (enum reason)reason, member[0] ? member : NULL, "%s", detail),
				 0);
	}
}

static void take_answer(struct worker_peer *w, struct answer *a)
{
	bool has_result = false;

	memset(a, 0, sizeof(*a));
	while (!has_result) {
		struct message m;
		int r = channel_receive(&w->channel, &m, false);

		if (r < 0)
			fail_msg("no result: %s", strerror(-r));
		has_result = m.type == MESSAGE_WORKER_RESULT;
		if (has_result)
			take_result(&m.payload, a);
		else if (m.type == MESSAGE_WORKER_OWED)
			take_owed(&m.payload, &a->tally);
		else if (m.type == MESSAGE_WORKER_INSPECTED)
			take_inspected(&m.payload, &a->tally);
		else
			fail_msg("%s", message_rule(m.type)->name);
		assert_int_equal(decoder_end(&m.payload), 0);
		message_done(&m);
	}
}

static void answer_done(struct answer *a)
{
	findings_done(&a->findings);
	tally_done(&a->tally);
}

/* -- tests ------------------------------------------------------------------------------------------------------- */

static void test_workers_answer_for_their_files(void **state)
{
	struct worker_peer w;
	struct answer a;
	struct peer p;

	start(&p, "", 0);
	spawn(&p, &w);
	send_job(&w, 7, "text.txt", 0);
	take_answer(&w, &a);
	assert_int_equal(a.id, 7);
	assert_int_equal(a.done, USUAL);
	assert_int_equal(a.findings.count, 0);
	assert_true(strncmp(a.type, "text/", 5) == 0);
	send_job(&w, 8, "eicar.zip", 0);
	take_answer(&w, &a);
	assert_int_equal(a.id, 8);
	assert_true(has_finding(&a.findings, REASON_MALWARE, "dir/eicar.com"));
	assert_string_equal(a.type, "application/zip");
	answer_done(&a);
	send_job(&w, 9, "empty.txt", 0);
	take_answer(&w, &a);
	assert_int_equal(a.done, USUAL);
	assert_int_equal(a.findings.count, 0);
	worker_close(&w);
	peer_end(&p);
}

/* Same answers with the sandbox on: no call that libclamav needs is missing from the filter, or the worker dies. */
static void test_every_specimen_within_the_sandbox(void **state)
{
	FILE *list = popen("/usr/bin/python3 tests/lib/specimens.py --list", "r");
	_cleanup_free_ char *line = NULL;
	struct worker_peer w;
	struct peer p;
	size_t room = 0;
	uint64_t id = 0;

	assert_non_null(list);
	start(&p, "", 0);
	spawn(&p, &w);
	while (getline(&line, &room, list) > 0) {
		char *rest = line, *name = strsep(&rest, "\t"), *file = strsep(&rest, "\t");
		bool is_clean = strcmp(strsep(&rest, "\t"), "clean") == 0;
		struct answer a;

		if (strncmp(rest, "heavy", 5) == 0)
			continue;
		send_job(&w, ++id, file, 0);
		take_answer(&w, &a);
		assert_int_equal(a.id, id);
		if (is_clean != (a.findings.count == 0 && a.tally.owed_count == 0 && a.done == USUAL) &&
		    strcmp(name, "tar-zeros") != 0) {
			print_findings(name, &a.findings);
			fail();
		}
		answer_done(&a);
	}
	assert_int_equal(pclose(list), 0);
	assert_true(id > 2 * CANARY_JOBS); /* so that canaries were tried again on the way */
	worker_close(&w);
	peer_end(&p);
}

/* What was seen as a layer is not scanned again as a member; the list of forbidden contents and the types are for every file. */
static void test_a_scan_that_is_not_wanted_is_not_done(void **state)
{
	struct worker_peer w;
	struct answer a;
	struct peer p;

	start(&p, "", 0);
	spawn(&p, &w);
	send_job_wanting(&w, 1, "eicar.zip", 0, 0, CHECK_TYPE);
	take_answer(&w, &a);
	assert_int_equal(a.done, CHECK_TYPE);
	assert_int_equal(a.findings.count, 0);
	assert_int_equal(a.tally.owed_count + a.tally.inspected_count, 0);
	assert_int_equal(a.format_count, 1);
	assert_int_equal(a.formats[0], CONTAINER_ZIP);
	answer_done(&a);
	send_job_wanting(&w, 2, "text.txt", 0, 0, CHECK_TYPE | CHECK_CONTENT);
	take_answer(&w, &a);
	assert_int_equal(a.done, CHECK_TYPE | CHECK_CONTENT);
	assert_int_equal(a.format_count, 0);
	answer_done(&a);
	worker_close(&w);
	peer_end(&p);
}

/* Detectors of kiosk/content run where they are asked for, and what they are sure of stands before "octet-stream". */
static void test_content_is_looked_at(void **state)
{
	static const char evil[] = "\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.";
	struct worker_peer w;
	struct answer a;
	struct peer p;

	write_file(bench.dir_fd, "evil.pkl", evil, sizeof(evil) - 1);
	start(&p, "", 0);
	spawn(&p, &w);
	send_job(&w, 1, "evil.pkl", 0);
	take_answer(&w, &a);
	assert_int_equal(a.done, USUAL);
	assert_true(has_finding(&a.findings, REASON_ARCHIVE_UNSAFE, ""));
	assert_string_equal(a.type, "application/x-python-pickle");
	answer_done(&a);
	worker_close(&w);
	peer_end(&p);
}

/* Each answer is one: what belongs to a file comes before its result, in as many messages as it takes. */
static void test_what_is_owed_and_inspected_comes_before_the_result(void **state)
{
	char command[512];
	struct worker_peer w;
	struct answer a;
	struct peer p;

	/* 2000 members, one of them a package, each with content of its own */
	(void)snprintf(command, sizeof(command), "cd %s && mkdir many && for i in $(seq 1999); do echo \"member $i\" "
		       "> many/$i; done && cp plain.deb many && tar -cf many.tar many", bench.dir);
	assert_int_equal(system(command), 0);
	start(&p, "", 0);
	spawn(&p, &w);
	send_job(&w, 1, "many.tar", 0);
	take_answer(&w, &a);
	assert_int_equal(a.done, USUAL);
	assert_int_equal(a.findings.count, 0);
	assert_int_equal(a.tally.inspected_count, 2000);
	assert_int_equal(a.tally.owed_count, 1);
	assert_string_equal(a.tally.owed[0].member, "many/plain.deb");
	answer_done(&a);
	worker_close(&w);
	peer_end(&p);
}

static void test_two_workers_are_independent(void **state)
{
	struct worker_peer one, two;
	struct answer a;
	struct peer p;

	start(&p, "", 0);
	spawn(&p, &one);
	spawn(&p, &two);
	send_job(&one, 1, "eicar.7z", 0);
	send_job(&two, 2, "eicar.tar.gz", 0);
	take_answer(&two, &a);
	assert_true(has_finding(&a.findings, REASON_MALWARE, "#1/dir/eicar.com"));
	answer_done(&a);
	take_answer(&one, &a);
	assert_true(has_finding(&a.findings, REASON_MALWARE, "eicar.com"));
	answer_done(&a);
	worker_close(&one);
	worker_close(&two);
	peer_end(&p);
}

/* A hung or crashed worker is killed by its pidfd; the next one works. */
static void test_a_killed_worker_costs_its_job_alone(void **state)
{
	struct worker_peer w;
	struct message m;
	struct answer a;
	struct peer p;

	start(&p, "", 0);
	spawn(&p, &w);
	assert_int_equal(syscall(SYS_pidfd_send_signal, w.pid_fd, SIGKILL, NULL, 0), 0);
	assert_int_equal(channel_receive(&w.channel, &m, false), -ENOTCONN);
	worker_close(&w);
	spawn(&p, &w);
	send_job(&w, 3, "eicar.com", 0);
	take_answer(&w, &a);
	assert_true(has_finding(&a.findings, REASON_MALWARE, ""));
	answer_done(&a);
	worker_close(&w);
	peer_end(&p);
}

static void test_a_size_that_differs_is_refused(void **state)
{
	struct worker_peer w;
	struct message m;
	struct answer a;
	char *why = NULL;
	struct peer p;

	start(&p, "", 0);
	spawn(&p, &w);
	send_job(&w, 4, "text.txt", 1);
	assert_int_equal(channel_expect(&w.channel, MESSAGE_WORKER_RESULT, &m, &why), -EINVAL);
	free(why);
	send_job(&w, 5, "text.txt", 0); /* lives on */
	take_answer(&w, &a);
	assert_int_equal(a.findings.count, 0);
	worker_close(&w);
	peer_end(&p);
}

/* The verdict names the vault's digest: of other bytes nothing may be said under it. */
static void test_a_copy_that_is_not_what_the_vault_hashed_is_refused(void **state)
{
	struct worker_peer w;
	struct message m;
	struct answer a;
	char *why = NULL;
	struct peer p;

	start(&p, "", 0);
	spawn(&p, &w);
	send_job_summed(&w, 4, "text.txt", 0, 1);
	assert_int_equal(channel_expect(&w.channel, MESSAGE_WORKER_RESULT, &m, &why), -EBADMSG);
	free(why);
	send_job(&w, 5, "text.txt", 0); /* lives on */
	take_answer(&w, &a);
	assert_int_equal(a.findings.count, 0);
	worker_close(&w);
	peer_end(&p);
}

static void test_a_worker_ends_after_its_jobs(void **state)
{
	struct worker_peer w;
	struct message m;
	struct answer a;
	struct peer p;

	start(&p, "", 2);
	spawn(&p, &w);
	for (uint64_t id = 1; id <= 2; id++) {
		send_job(&w, id, "text.txt", 0);
		take_answer(&w, &a);
	}
	assert_int_equal(channel_receive(&w.channel, &m, false), -ENOTCONN);
	worker_close(&w);
	peer_end(&p);
}

static void test_denied_contents_are_found(void **state)
{
	char path[96], hex[SHA256_HEX_LEN + 2];
	uint8_t sum[SHA256_LEN];
	struct worker_peer w;
	struct answer a;
	struct peer p;
	int fd = openat(bench.dir_fd, "text.txt", O_RDONLY | O_CLOEXEC);

	assert_int_equal(sha256_fd(fd, sum, NULL), 0);
	(void)close(fd);
	hex_encode(sum, sizeof(sum), hex);
	write_file(bench.dir_fd, "denied", hex, SHA256_HEX_LEN);
	(void)snprintf(path, sizeof(path), "%s/denied", bench.dir);
	start(&p, path, 0);
	spawn(&p, &w);
	send_job(&w, 1, "text.txt", 0);
	take_answer(&w, &a);
	assert_true(has_finding(&a.findings, REASON_HASH_DENIED, ""));
	answer_done(&a);
	send_job(&w, 2, "plain.zip", 0);
	take_answer(&w, &a);
	assert_int_equal(a.findings.count, 0);
	worker_close(&w);
	peer_end(&p);
}

static void expect_refusal(const char *const *databases, const char *hash_list, const char *words)
{
	struct message m;
	struct peer p;
	char *why = NULL;

	peer_start(&p, "lazaret-examine", CHANNEL_FORKSERVER);
	send_start(&p, databases, hash_list, 0, true);
	assert_true(channel_expect(&p.channel, MESSAGE_READY, &m, &why) < 0);
	assert_non_null(why);
	if (!strstr(why, words))
		fail_msg("%s", why);
	free(why);
	assert_int_equal(peer_wait(&p), 1);
}

static void test_starts_that_are_refused_say_why(void **state)
{
	static const char *const none[] = { NULL }, *const ignoring[] = { "local.ign2", NULL };
	static const char *const good[] = { "eicar.ndb", NULL };

	write_file(bench.dir_fd, "local.ign2", "Test.Eicar.Body\n", 16);
	expect_refusal(none, "", "configuration");
	expect_refusal(ignoring, "", "local.ign2");
	expect_refusal(good, "/nonexistent/list", "/nonexistent/list");
}

/* The database lacks EICAR although it is said to have it: no worker ever becomes ready. */
static void test_a_missed_canary_keeps_workers_from_starting(void **state)
{
	static const char *const databases[] = { "html.hsb", NULL };
	struct message m;
	struct peer p;
	char *why = NULL;
	struct channel c;

	peer_start(&p, "lazaret-examine", CHANNEL_FORKSERVER);
	send_start(&p, databases, "", 0, true);
	peer_expect(&p, MESSAGE_EXAMINE_ENGINES, &m);
	message_done(&m);
	peer_ready(&p);
	peer_send(&p, MESSAGE_FORKSERVER_SPAWN, NULL, NULL, 0);
	peer_expect(&p, MESSAGE_FORKSERVER_SPAWNED, &m);
	channel_init(&c, TAKE_FD(m.fds[0]), true, CHANNEL_WORKER);
	message_done(&m);
	assert_int_equal(channel_expect(&c, MESSAGE_READY, &m, &why), -EBADMSG);
	assert_non_null(strstr(why, "EICAR"));
	free(why);
	assert_int_equal(channel_receive(&c, &m, false), -ENOTCONN);
	channel_done(&c);
	peer_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_workers_answer_for_their_files),
		cmocka_unit_test(test_every_specimen_within_the_sandbox),
		cmocka_unit_test(test_a_scan_that_is_not_wanted_is_not_done),
		cmocka_unit_test(test_content_is_looked_at),
		cmocka_unit_test(test_what_is_owed_and_inspected_comes_before_the_result),
		cmocka_unit_test(test_two_workers_are_independent),
		cmocka_unit_test(test_a_killed_worker_costs_its_job_alone),
		cmocka_unit_test(test_a_size_that_differs_is_refused),
		cmocka_unit_test(test_a_copy_that_is_not_what_the_vault_hashed_is_refused),
		cmocka_unit_test(test_a_worker_ends_after_its_jobs),
		cmocka_unit_test(test_denied_contents_are_found),
		cmocka_unit_test(test_starts_that_are_refused_say_why),
		cmocka_unit_test(test_a_missed_canary_keeps_workers_from_starting),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
