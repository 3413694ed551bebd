/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What reaches a printer: no control byte of a text, whatever the text. And lazaret-printer as a process in its sandbox, with
 * printers that stall and vanish. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ipc/channel.h"
#include "printer/paper.h"
#include "../lib/testing.h"

static bool is_text_byte(uint8_t b, bool is_437)
{
	return (b >= 0x20 && b <= 0x7e) || (is_437 && b >= 0x80);
}

static void letters_hold_no_control(void **state)
{
	char letters[PAPER_LETTERS_MAX];

	for (int32_t cp = 0; cp <= 0x10ffff; cp++)
		for (int is_437 = 0; is_437 < 2; is_437++) {
			if (cp >= 0xd800 && cp <= 0xdfff)
				continue;
			paper_letters(cp, is_437, letters);
			assert_true(*letters);
			for (const char *c = letters; *c; c++)
				assert_true(is_text_byte((uint8_t)*c, is_437));
		}
}

static void expect_letters(int32_t cp, const char *ascii, const char *page_437)
{
	char letters[PAPER_LETTERS_MAX];

	paper_letters(cp, false, letters);
	assert_string_equal(letters, ascii);
	paper_letters(cp, true, letters);
	assert_string_equal(letters, page_437);
}

static void letters_are_readable(void **state)
{
	expect_letters('A', "A", "A");
	expect_letters(0xe4, "ae", "\x84");
	expect_letters(0xdf, "ss", "\xe1");
	expect_letters(0xe9, "e", "\x82");
	expect_letters(0xf1, "n", "\xa4");
	expect_letters(0xd1, "N", "\xa5");
	expect_letters(0x159, "r", "r");     /* r with caron: its letter */
	expect_letters(0x142, "l", "l");     /* l with stroke: has no decomposition */
	expect_letters(0x2192, "->", "->");
	expect_letters(0xfb01, "fi", "fi");
	expect_letters(0x4e2d, "\\u{4E2D}", "\\u{4E2D}");
	expect_letters(0x1f600, "\\u{1F600}", "\\u{1F600}");
	expect_letters(0x1b, "\\x1b", "\\x1b");
	expect_letters(0x9b, "\\u{9B}", "\\u{9B}"); /* CSI of eight bits */
}

static const char hostile[] = "LAZARET\n\x1b@\x1d" "V\x01 \x10\x04\x01 \x80\xff \xc2\x9b" "0c\u202eexe\tno \u4e2d\u6587 Gr\u00fc\u00dfe\n";

static void a_text_is_lines_and_a_form_feed(void **state)
{
	uint8_t *stream;
	size_t size, n = 0;

	assert_int_equal(paper_make(PAPER_TEXT, hostile, 20, "", &stream, &size), 0);
	assert_int_equal(stream[size - 1], '\f');
	for (size_t k = 0; k + 1 < size; k++) {
		if (stream[k] == '\r') {
			assert_int_equal(stream[++k], '\n');
			assert_true(n <= 20);
			n = 0;
		} else {
			assert_true(is_text_byte(stream[k], false));
			n++;
		}
	}
	assert_int_equal(n, 0);
	free(stream);
}

static void a_long_text_is_cut_with_a_word(void **state)
{
	_cleanup_free_ char *text = calloc(5000, 2);
	uint8_t *stream;
	size_t size, lines = 0;

	for (size_t k = 0; k < 5000; k++)
		memcpy(text + 2 * k, "x\n", 2 - (k == 4999));
	assert_int_equal(paper_make(PAPER_TEXT, text, 80, "", &stream, &size), 0);
	for (size_t k = 0; k < size; k++)
		lines += stream[k] == '\n';
	assert_int_equal(lines, PAPER_LINES_MAX + 1);
	assert_non_null(memmem(stream, size, "the rest is in the receipt", 26));
	free(stream);
}

/* The commands of a label, and between them text. Returns what is left over. */
static size_t walk_label(const uint8_t *s, size_t size, size_t *ret_images, size_t *ret_cuts)
{
	static const struct {
		const char *bytes;
		size_t size;
	} commands[] = { { "\x1b@", 2 }, { "\x1bt\0", 3 }, { "\x1b\x45\x01", 3 }, { "\x1b\x45\0", 3 }, { "\x1b\x61\x01", 3 }, { "\x1b\x61\0", 3 } };
	size_t k = 0, c;

	*ret_images = *ret_cuts = 0;
	while (k < size) {
		if (is_text_byte(s[k], true) || s[k] == '\n') {
			k++;
			continue;
		}
		for (c = 0; c < ARRAY_LEN(commands); c++)
			if (size - k >= commands[c].size && memcmp(s + k, commands[c].bytes, commands[c].size) == 0)
				break;
		if (c < ARRAY_LEN(commands)) {
			k += commands[c].size;
		} else if (size - k >= 8 && memcmp(s + k, "\x1dv0\0", 4) == 0) {
			size_t bytes = s[k + 4] + 256u * s[k + 5], rows = s[k + 6] + 256u * s[k + 7];

			assert_true(bytes <= 48); /* paper of 58 mm */
			assert_true(bytes * rows <= size - k - 8);
			k += 8 + bytes * rows;
			++*ret_images;
		} else if (size - k >= 4 && memcmp(s + k, "\x1dVB\0", 4) == 0) {
			k += 4;
			++*ret_cuts;
		} else {
			return size - k;
		}
	}
	return 0;
}

static void a_label_holds_our_commands_alone(void **state)
{
	uint8_t *stream;
	size_t size, images, cuts;

	assert_int_equal(paper_make(PAPER_LABEL, hostile, 32, "lazaret:x:00", &stream, &size), 0);
	assert_int_equal(walk_label(stream, size, &images, &cuts), 0);
	assert_int_equal(images, 1);
	assert_int_equal(cuts, 1);
	assert_memory_equal(stream + size - 4, "\x1dVB\0", 4);
	free(stream);
	assert_int_equal(paper_make(PAPER_LABEL, "", 32, "", &stream, &size), 0);
	assert_int_equal(walk_label(stream, size, &images, &cuts), 0);
	assert_int_equal(images, 0);
	free(stream);
}

/* -- the process ------------------------------------------------------------------------------------------------ */

static void start(struct peer *p, int device_fd)
{
	peer_start(p, "lazaret-printer", CHANNEL_PRINTER);
	peer_send(p, MESSAGE_PRINTER_START, NULL, &device_fd, 1);
	peer_ready(p);
}

static void ask(struct peer *p, uint32_t form, uint32_t patience_ms, const char *text)
{
	int fd = memory_text(text);
	struct encoder e;

	encoder_init(&e);
	encode_u32(&e, form);
	encode_u32(&e, 42);
	encode_str(&e, "lazaret:x:00");
	encode_u32(&e, patience_ms);
	peer_send(p, MESSAGE_PRINTER_PRINT, &e, &fd, 1);
	(void)close(fd);
}

static void make_pipe(int pair[2])
{
	assert_int_equal(pipe2(pair, O_CLOEXEC | O_NONBLOCK), 0);
}

static void prints(void **state)
{
	int pair[2];
	uint8_t read_back[65536];
	struct message m;
	struct peer p;
	ssize_t n;

	make_pipe(pair);
	start(&p, pair[1]);
	ask(&p, PAPER_TEXT, 5000, "one\ntwo\n");
	assert_int_equal(channel_expect(&p.channel, MESSAGE_PRINTER_PRINTED, &m, NULL), 0);
	assert_int_equal(decode_u64(&m.payload), 11);
	message_done(&m);
	n = read(pair[0], read_back, sizeof(read_back));
	assert_int_equal(n, 11);
	assert_memory_equal(read_back, "one\r\ntwo\r\n\f", 11);
	peer_end(&p);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

static void expect_failure(struct peer *p, int error, const char *words)
{
	_cleanup_free_ char *why = NULL;
	struct message m;

	assert_int_equal(channel_expect(&p->channel, MESSAGE_PRINTER_PRINTED, &m, &why), -error);
	assert_non_null(strstr(why, words));
}

/* A pipe that nobody empties is a printer without paper. */
static void gives_up_a_stalled_printer(void **state)
{
	static char text[400000];
	int pair[2];
	struct peer p;

	memset(text, 'x', sizeof(text) - 1);
	make_pipe(pair);
	assert_int_equal(fcntl(pair[1], F_SETPIPE_SZ, 4096), 4096);
	start(&p, pair[1]);
	ask(&p, PAPER_TEXT, 300, text);
	expect_failure(&p, ETIMEDOUT, "out of paper");
	peer_end(&p);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

static void tells_of_a_printer_that_has_gone(void **state)
{
	int pair[2];
	struct peer p;

	make_pipe(pair);
	start(&p, pair[1]);
	(void)close(pair[0]);
	ask(&p, PAPER_LABEL, 5000, "label\n");
	expect_failure(&p, EPIPE, "it has gone");
	peer_end(&p);
	(void)close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letters_hold_no_control),
		cmocka_unit_test(letters_are_readable),
		cmocka_unit_test(a_text_is_lines_and_a_form_feed),
		cmocka_unit_test(a_long_text_is_cut_with_a_word),
		cmocka_unit_test(a_label_holds_our_commands_alone),
		cmocka_unit_test(prints),
		cmocka_unit_test(gives_up_a_stalled_printer),
		cmocka_unit_test(tells_of_a_printer_that_has_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
