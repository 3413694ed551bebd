/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "supervisor/relay.h"
#include "../lib/testing.h"

/* What comes out on standard error when `write_raw` wrote to it through a relay. */
static char *relayed(const char *raw, size_t size)
{
	static char out[65536];
	int saved = dup(STDERR_FILENO), file = memory_text("");
	struct relay r;
	ssize_t n;

	assert_true(saved >= 0 && dup2(file, STDERR_FILENO) >= 0);
	assert_int_equal(relay_start(&r), 0);
	assert_int_equal(fd_write_all(STDERR_FILENO, raw, size), 0);
	relay_end(&r);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	(void)close(saved);
	n = pread(file, out, sizeof(out) - 1, 0);
	assert_true(n >= 0);
	out[n] = '\0';
	(void)close(file);
	return out;
}

static void raw_words_of_a_role_come_out_escaped_invariant_8(void **state)
{
	const char raw[] = "\033]0;owned\007\r\n\xff\xe2\x80\xae gnp\n";

	assert_string_equal(relayed(raw, sizeof(raw) - 1), "\\x1b]0;owned\\x07\\x0d\n\\xff\\u{202E} gnp\n");
}

static void what_is_escaped_already_is_not_escaped_again(void **state)
{
	const char raw[] = "lazaret-vault: warning: copy a\\x1bb: no\n";

	assert_string_equal(relayed(raw, sizeof(raw) - 1), raw);
}

static void a_line_without_end_is_cut_and_an_unfinished_one_ends(void **state)
{
	static char raw[10000];
	const char *out;

	memset(raw, 'x', sizeof(raw));
	out = relayed(raw, sizeof(raw));
	assert_int_equal(strlen(out), sizeof(raw) + 3);
	assert_int_equal(out[4096], '\n');
	assert_string_equal(relayed("no end", 6), "no end\n");
}

static void somebody_who_keeps_the_pipe_open_does_not_stop_the_end(void **state)
{
	int saved = dup(STDERR_FILENO), kept;
	struct relay r;

	assert_int_equal(relay_start(&r), 0);
	kept = dup(STDERR_FILENO);
	relay_end(&r);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	(void)close(kept);
	(void)close(saved);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(raw_words_of_a_role_come_out_escaped_invariant_8),
		cmocka_unit_test(what_is_escaped_already_is_not_escaped_again),
		cmocka_unit_test(a_line_without_end_is_cut_and_an_unfinished_one_ends),
		cmocka_unit_test(somebody_who_keeps_the_pipe_open_does_not_stop_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
