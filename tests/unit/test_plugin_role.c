/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-plugin as a process with the sandbox on, and a plug-in that does what its file says (tests/lib/hostile_plugin.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <time.h>

#include "ipc/channel.h"

#include "../lib/testing.h"
#include "../lib/asking.h"

static int dir_fd;
static char dir[64], program[96];
static struct peer peer;

#define TIME_MS 4000

static void find_source(char ret[static PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", ret, PATH_MAX - 64);

	assert_true(n > 0);
	ret[n] = '\0';
	for (int i = 0; i < 3; i++)
		*strrchr(ret, '/') = '\0';
	(void)snprintf(ret + strlen(ret), 64, "/tests/lib/hostile_plugin.py");
}

static void send_start(struct peer *p, const char *path, const char *pin)
{
	peer_start(p, "lazaret-plugin", CHANNEL_FORKSERVER);
	encoder_init(&asking_encoder);
	encode_str(&asking_encoder, "hostile");
	encode_str(&asking_encoder, path);
	encode_str(&asking_encoder, pin);
	encode_u64(&asking_encoder, TIME_MS);
	peer_send(p, MESSAGE_PLUGIN_START, &asking_encoder, NULL, 0);
}

static void digest(const char *name, char ret[static SHA256_HEX_LEN + 1])
{
	_cleanup_close_ int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	uint8_t sum[SHA256_LEN];

	assert_true(fd >= 0);
	assert_int_equal(sha256_fd(fd, sum, NULL), 0);
	hex_encode(sum, sizeof(sum), ret);
}

static int set_up(void **state)
{
	char source[PATH_MAX], hex[SHA256_HEX_LEN + 1], *text;
	struct message m;
	size_t size;

	dir_fd = private_directory(dir);
	find_source(source);
	assert_int_equal(file_read(AT_FDCWD, source, 1 << 20, &text, &size), 0);
	write_file(dir_fd, "hostile", text, size);
	free(text);
	(void)snprintf(program, sizeof(program), "%s/hostile", dir);
	digest("hostile", hex);
	send_start(&peer, program, hex);
	peer_expect(&peer, MESSAGE_EXAMINE_ENGINES, &m);
	message_done(&m);
	/* From here on only the checked copy counts. */
	write_file(dir_fd, "hostile", "#!/bin/sh\nexit 1\n", 17);
	peer_ready(&peer);
	return 0;
}

static int tear_down(void **state)
{
	peer_end(&peer);
	remove_private_directory(dir_fd, dir);
	return 0;
}

static void ask_with(const char *text, const char *const *types, uint32_t type_count, struct told *t)
{
	_cleanup_close_ int fd = -EBADF;
	struct worker_peer w;

	write_file(dir_fd, "file", text, strlen(text));
	fd = openat(dir_fd, "file", O_RDONLY | O_CLOEXEC); /* as the vault hands it out */
	assert_true(fd >= 0);
	if (ask_worker(&peer, &w) < 0)
		fail_msg("no worker");
	if (type_count > 0)
		send_types(&w, types, type_count);
	send_file(&w, 5, fd, "a/b\n.txt", CHECK_PLUGINS);
	take_told(&w, t);
	assert_false(t->has_died || t->has_failed);
	assert_int_equal(t->id, 5);
	worker_end(&w);
}

static void ask(const char *text, struct told *t)
{
	ask_with(text, NULL, 0, t);
	print_message("%s\n", text);
	show_told(t);
}

static void broken(const char *text, enum reason reason, const char *words)
{
	struct told t;

	ask(text, &t);
	assert_int_equal(t.done, 0);
	assert_int_equal(t.findings.count, 1);
	assert_non_null(told_of(&t, reason, words));
	findings_done(&t.findings);
}

static void clean(const char *text)
{
	struct told t;

	ask(text, &t);
	assert_int_equal(t.done, CHECK_PLUGINS);
	assert_int_equal(t.findings.count, 0);
}

static void test_verdicts(void **state)
{
	struct told t;

	clean("clean");
	clean("scratch");
	ask("finding", &t);
	assert_int_equal(t.done, CHECK_PLUGINS);
	assert_non_null(told_of(&t, REASON_MALWARE, "hostile: it is bad"));
	assert_non_null(told_of(&t, REASON_ACTIVE_CONTENT, "hostile: it acts"));
	findings_done(&t.findings);
	broken("cannot", REASON_SCAN_ERROR, "could not tell");
	broken("words", REASON_SCAN_ERROR, "could not tell");
}

static void test_request(void **state)
{
	static const char *const types[] = { "text/plain", "application/zip" };
	struct told t;

	ask_with("echo\nand more", types, 2, &t);
	show_told(&t);
	assert_non_null(told_of(&t, REASON_MALWARE, "hostile: a/b\\x0a.txt 13 ['text/plain', 'application/zip']  True"));
	findings_done(&t.findings);
}

static void test_sandbox(void **state)
{
	clean("sandbox");
}

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What it leaves running neither delays the answer nor outlives it. */
static void test_children(void **state)
{
	int64_t before = now_ms();

	clean("fork");
	assert_true(now_ms() - before < TIME_MS);
	broken("bomb", REASON_SCAN_TIMEOUT, "in time");
	clean("clean");
}

static void test_forbidden(void **state)
{
	broken("exec", REASON_SCAN_ERROR, "signal 31");
	broken("connect", REASON_SCAN_ERROR, "status 1");
}

static void test_time(void **state)
{
	broken("sleep", REASON_SCAN_TIMEOUT, "in time");
	broken("deaf", REASON_SCAN_TIMEOUT, "in time");
}

static void test_too_much(void **state)
{
	broken("flood", REASON_SCAN_ERROR, "more than it may");
	broken("flood error", REASON_SCAN_ERROR, "more than it may");
	broken("fill", REASON_SCAN_ERROR, "status 1");
	broken("memory", REASON_SCAN_ERROR, "status 1");
}

static void test_ends(void **state)
{
	broken("exit", REASON_SCAN_ERROR, "status 3");
	broken("crash", REASON_SCAN_ERROR, "signal 11");
	broken("silent", REASON_SCAN_ERROR, "no JSON");
}

static void test_lies(void **state)
{
#define ENGINE ",\"engine\":{\"name\":\"x\"}}"
	broken("{\"format\":\"lazaret.plugin-verdict/2\",\"verdict\":\"clean\"" ENGINE, REASON_SCAN_ERROR, "format");
	broken("{\"format\":\"lazaret.plugin-verdict/1\",\"verdict\":\"clean\",\"sha256\":\"00\"" ENGINE, REASON_SCAN_ERROR, "unknown key");
	broken("{\"format\":\"lazaret.plugin-verdict/1\",\"verdict\":\"fine\"" ENGINE, REASON_SCAN_ERROR, "none of");
	broken("hello", REASON_SCAN_ERROR, "no JSON");
}

static void refused(const char *path, const char *pin, const char *words)
{
	_cleanup_free_ char *why = NULL;
	struct message m;
	struct peer p;

	send_start(&p, path, pin);
	assert_true(channel_expect(&p.channel, MESSAGE_EXAMINE_ENGINES, &m, &why) < 0);
	if (!why || !strstr(why, words))
		fail_msg("\"%s\" does not say \"%s\"", why ? why : "nothing", words);
	assert_int_equal(peer_wait(&p), EXIT_FAILURE);
}

static void test_programs_that_are_refused(void **state)
{
	char path[96], hex[SHA256_HEX_LEN + 1];

	refused(program, "0000000000000000000000000000000000000000000000000000000000000000", "not the pinned one");
	(void)snprintf(path, sizeof(path), "%s/none", dir);
	refused(path, "0000000000000000000000000000000000000000000000000000000000000000", "No such file");
	write_file(dir_fd, "env", "#!/usr/bin/env python3\n", 23);
	digest("env", hex);
	(void)snprintf(path, sizeof(path), "%s/env", dir);
	refused(path, hex, "must name its interpreter");
	assert_int_equal(symlinkat("env", dir_fd, "link"), 0);
	(void)snprintf(path, sizeof(path), "%s/link", dir);
	refused(path, hex, "not a link");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts), cmocka_unit_test(test_request),   cmocka_unit_test(test_sandbox),
		cmocka_unit_test(test_children), cmocka_unit_test(test_forbidden), cmocka_unit_test(test_time),
		cmocka_unit_test(test_too_much), cmocka_unit_test(test_ends),	    cmocka_unit_test(test_lies),
		cmocka_unit_test(test_programs_that_are_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
