/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The console's parts that need no terminal: columns, keys, state, and the window on a list of files. The screens are tested by
 * tests/console. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <string.h>
#include <unistd.h>

#include "console/keys.h"
#include "console/layout.h"
#include "console/result.h"
#include "console/rows.h"
#include "console/state.h"

/* -- columns --------------------------------------------------------------------------------------------- */

static void assert_clip(const char *text, int columns, enum clip how, const char *expected)
{
	char out[LAYOUT_LINE];

	layout_clip(out, text, columns, how);
	assert_string_equal(out, expected);
	assert_true(layout_columns(out) <= MAX(columns, 0));
}

static void test_clip(void **state)
{
	assert_int_equal(layout_columns("e\u0301世界a"), 6);
	assert_clip("abc", 3, CLIP_END, "abc");
	assert_clip("abcd", 3, CLIP_END, "ab…");
	assert_clip("abcdefgh", 5, CLIP_MIDDLE, "ab…gh");
	assert_clip("世界世界", 6, CLIP_MIDDLE, "世…界"); /* half a character is none */
	assert_clip("世界", 3, CLIP_END, "世…");
	assert_clip("世", 1, CLIP_END, "");
	assert_clip("abcdefe\u0301", 4, CLIP_MIDDLE, "ab…e\u0301");
	assert_clip("ab\u0301cdef", 4, CLIP_MIDDLE, "ab\u0301…f"); /* a mark goes with its base */
	assert_clip("abc", 0, CLIP_END, "");
	assert_clip("abc", -7, CLIP_MIDDLE, "");
	layout_ascii(true);
	assert_clip("abcdefgh", 6, CLIP_MIDDLE, "ab...h");
	layout_ascii(false);
}

static void test_wrap(void **state)
{
	const char *text = "one two  thirteen世界", *line = text;

	assert_int_equal(layout_wrap(&text, 7), 7);
	assert_memory_equal(line, "one two", 7);
	line = text;
	assert_int_equal(layout_wrap(&text, 7), 7); /* a word that is too long */
	assert_memory_equal(line, "thirtee", 7);
	line = text;
	assert_int_equal(layout_wrap(&text, 4), 4);
	assert_memory_equal(line, "n世", 4);
	assert_int_equal(layout_wrap(&text, 4), 3);
	assert_int_equal(layout_wrap(&text, 4), 0);
}

static void test_shown(void **state)
{
	static const struct {
		const char *raw, *shown;
	} cases[] = {
		{ "plain é 世", "plain é 世" },
		{ "a\\\\b\\x1b", "a\\\\b\\x1b" }, /* lazaretd's escapes stay as they are */
		{ "\x1b[2J", "\\x1b[2J" },
		{ "x\u202ey", "x\\u{202E}y" },
		{ "\xff", "\\xff" },
		{ "", "" },
	};

	for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
		char *shown = layout_shown(cases[k].raw);

		assert_non_null(shown);
		assert_string_equal(shown, cases[k].shown);
		free(shown);
	}
}

/* -- keys ------------------------------------------------------------------------------------------------ */

static struct keys typed(const char *bytes, size_t n)
{
	struct keys k = { 0 };
	int ends[2];

	assert_return_code(pipe(ends), errno);
	assert_int_equal(write(ends[1], bytes, n), n);
	assert_int_equal(keys_read(&k, ends[0], 1000), 0);
	close(ends[0]);
	close(ends[1]);
	return k;
}

static void test_keys(void **state)
{
	static const struct {
		const char *bytes;
		enum press_kind kind;
		const char *text;
	} cases[] = {
		{ "a", PRESS_TEXT, "a" },	  { "\xc3\xa9", PRESS_TEXT, "é" },	{ "\\", PRESS_TEXT, "\\" },
		{ "\xff", PRESS_NOTHING, "" },	  { "\r", PRESS_ENTER, "" },		{ "\x7f", PRESS_ERASE, "" },
		{ "\x1b[A", PRESS_UP, "" },	  { "\x1bOB", PRESS_DOWN, "" },		{ "\x1b[5~", PRESS_PAGE_UP, "" },
		{ "\x1b[1;5C", PRESS_RIGHT, "" }, { "\x1b[4~", PRESS_END, "" },		{ "\x1b[H", PRESS_HOME, "" },
		{ "\x1b[[A", PRESS_NOTHING, "" }, { "\x1b[24~", PRESS_NOTHING, "" },	{ "\x1b[Z", PRESS_TAB_BACK, "" },
		{ "\x04", PRESS_NOTHING, "" },	  { "\xe2\x80\xae", PRESS_NOTHING, "" }, { "\x03", PRESS_INTERRUPT, "" },
	};
	struct press press;

	for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
		struct keys keys = typed(cases[k].bytes, strlen(cases[k].bytes));

		assert_true(keys_next(&keys, 1001, &press));
		assert_int_equal(press.kind, cases[k].kind);
		assert_string_equal(press.text, cases[k].text);
		assert_false(keys_next(&keys, 5000, &press));
	}
}

static void test_escape(void **state)
{
	struct keys k = typed("\x1b", 1);
	struct press press;

	assert_false(keys_next(&k, 1001, &press)); /* a sequence may follow */
	assert_in_range(keys_wait(&k, 1001), 1, 100);
	assert_true(keys_next(&k, 1200, &press));
	assert_int_equal(press.kind, PRESS_ESCAPE);
	assert_int_equal(keys_wait(&k, 1200), -1);
}

static void test_keys_wiped(void **state)
{
	struct keys k = typed("secret\x1b", 7), empty = { 0 };
	struct press press;

	for (int n = 0; n < 6; n++)
		assert_true(keys_next(&k, 1001, &press));
	assert_true(keys_next(&k, 2000, &press));
	assert_memory_equal(k.raw, empty.raw, sizeof(k.raw));
}

/* -- state ----------------------------------------------------------------------------------------------- */

static void fold(struct state *s, int64_t now_ms, const char *text)
{
	json_t *o = json_loads(text, 0, NULL);

	assert_non_null(o);
	assert_int_equal(state_fold(s, o, now_ms), 0);
	json_decref(o);
}

static void test_expires(void **state)
{
	struct state s;

	assert_int_equal(state_init(&s), 0);
	fold(&s, 1000, "{\"event\":\"medium\",\"medium\":3,\"state\":\"done\",\"present\":true}");
	assert_null(state_expired(&s, 100 * STATE_KEEP_MS)); /* as long as it is in */
	fold(&s, 2000, "{\"event\":\"medium\",\"medium\":3,\"state\":\"done\",\"present\":false}");
	fold(&s, 9000, "{\"event\":\"medium\",\"medium\":3,\"state\":\"done\",\"present\":false}");
	assert_null(state_expired(&s, 2000 + STATE_KEEP_MS - 1));
	assert_non_null(state_expired(&s, 2000 + STATE_KEEP_MS));
	fold(&s, 9500, "{\"event\":\"medium\",\"medium\":3,\"state\":\"reading\",\"present\":true}");
	assert_null(state_expired(&s, 100 * STATE_KEEP_MS));
	state_done(&s);
}

static void test_flood(void **state)
{
	struct state s;
	char text[100];

	assert_int_equal(state_init(&s), 0);
	for (int k = 1; k <= 500; k++) {
		(void)snprintf(text, sizeof(text), "{\"event\":\"medium\",\"medium\":%d,\"state\":\"%s\"}", k, k % 2 ? "done" : "reading");
		fold(&s, 1000, text);
	}
	assert_int_equal(s.count, STATE_ITEMS_MAX);
	state_lost(&s);
	for (size_t k = 0; k < s.count; k++)
		assert_true(item_is_ours(&s.items[k]) && item_is_done(&s.items[k]));
	state_done(&s);
	assert_int_equal(s.count, 0);
}

/* -- verdict --------------------------------------------------------------------------------------------- */

static void assert_verdict(const char *text, const char *expected)
{
	json_t *o = json_loads(text, 0, NULL);
	struct result r = result_of(o);
	char line[RESULT_LINE];
	enum style style;

	result_verdict(&r, line, &style);
	assert_string_equal(line, expected);
	json_decref(o);
}

#define COUNTS(outcome, complete, files, approved) \
	"{\"outcome\":\"" outcome "\",\"complete\":" complete ",\"counts\":{\"files\":" #files ",\"approved\":" #approved "}}"

static void test_verdict(void **state)
{
	assert_verdict(COUNTS("published", "true", 12, 12), "ALL 12 FILES WERE TRANSFERRED.");
	assert_verdict(COUNTS("published", "true", 1, 1), "THE FILE WAS TRANSFERRED.");
	assert_verdict(COUNTS("published", "true", 12, 9), "9 OF 12 FILES WERE TRANSFERRED.");
	/* "all" only when everything on the medium was read, and that is known */
	assert_verdict(COUNTS("published", "false", 12, 12), "12 OF 12 FILES WERE TRANSFERRED.");
	assert_verdict(COUNTS("published", "null", 12, 12), "12 OF 12 FILES WERE TRANSFERRED.");
	/* whatever the counts say */
	assert_verdict(COUNTS("aborted", "true", 12, 12), "NOTHING WAS TRANSFERRED.");
	assert_verdict(COUNTS("refused", "true", 12, 12), "NOTHING WAS TRANSFERRED.");
	assert_verdict(COUNTS("from-the-future", "true", 12, 12), "NOTHING WAS TRANSFERRED.");
	assert_verdict(COUNTS("published", "true", 0, 0), "NOTHING WAS TRANSFERRED.");
	assert_verdict("[]", "NOTHING WAS TRANSFERRED.");
}

/* -- rows ------------------------------------------------------------------------------------------------ */

/* Answer a question as a station with `total` files would, `most` at a time. */
static void answer(struct rows *r, const json_t *question, int64_t total, int64_t most)
{
	int64_t offset = member_number(question, "offset"), n = MIN(MIN(member_number(question, "limit"), most), total - offset);
	json_t *files = json_array(), *o;

	for (int64_t k = offset; k < offset + n; k++) {
		char path[32];

		(void)snprintf(path, sizeof(path), "%lld", (long long)k);
		assert_int_equal(json_array_append_new(files, json_pack("{sI ss sI ss sn}", "index", (json_int_t)k, "path", path, "size",
									(json_int_t)k, "verdict", "approved", "code")), 0);
	}
	o = json_pack("{sb sI sI so}", "ok", 1, "total", (json_int_t)total, "offset", (json_int_t)offset, "files", files);
	rows_answer(r, r->generation, o, 0);
	json_decref(o);
}

static void test_rows(void **state)
{
	static const int64_t places[] = { 0, 10, 40, 90, 300, 280, 100, 0, 999990, 999000, 998990, 500000, 500400, 499600, 3, 999999 };
	static struct rows r = { .total = -1 };
	json_t *question;

	for (int64_t most = 7; most <= 200; most += 60) {
		rows_open(&r, "T", ROWS_ALL, NULL);
		for (size_t k = 0; k < ARRAY_LEN(places); k++) {
			int asked = 0;

			while ((question = rows_question(&r, places[k], 15, 0))) {
				assert_null(rows_question(&r, places[k], 15, 0)); /* one at a time */
				answer(&r, question, 1000000, most);
				json_decref(question);
				assert_true(++asked < 40);
				assert_true(r.count <= ROWS_MAX);
			}
			for (int64_t at = places[k]; at < MIN(places[k] + 15, 1000000); at++) {
				assert_non_null(rows_at(&r, at));
				assert_int_equal(rows_at(&r, at)->index, at);
				assert_int_equal(atoll(rows_at(&r, at)->path), at);
			}
		}
	}
	rows_close(&r);
}

static void test_rows_late(void **state)
{
	static struct rows r = { .total = -1 };
	unsigned int before;
	json_t *question, *late;

	rows_open(&r, "T", ROWS_ALL, NULL);
	before = r.generation;
	question = rows_question(&r, 0, 10, 0);
	assert_non_null(question);
	rows_open(&r, r.transfer, ROWS_HELD, r.search); /* another filter meanwhile */
	assert_string_equal(r.transfer, "T");
	late = json_pack("{sb si si s[{si ss}]}", "ok", 1, "total", 1, "offset", 0, "files", "index", 0, "path", "old");
	rows_answer(&r, before, late, 0);
	assert_null(rows_at(&r, 0));
	assert_int_equal(r.total, -1);
	json_decref(question);
	json_decref(late);
	rows_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clip),   cmocka_unit_test(test_wrap),	  cmocka_unit_test(test_shown),
		cmocka_unit_test(test_keys),   cmocka_unit_test(test_escape),	  cmocka_unit_test(test_keys_wiped),
		cmocka_unit_test(test_expires), cmocka_unit_test(test_flood),	  cmocka_unit_test(test_verdict),
		cmocka_unit_test(test_rows),   cmocka_unit_test(test_rows_late),
	};

	(void)setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
