/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What an inspection tells becomes the state of its medium: docs/control.md, `medium`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "control/server.h"
#include "daemon/fold.h"

static struct fold fold;

static int open_fold(void **state)
{
	return fold_init(&fold);
}

static int close_fold(void **state)
{
	fold_done(&fold);
	return 0;
}

static void tell_at(int64_t ms, const char *json)
{
	json_t *e = json_loads(json, 0, NULL);

	assert_non_null(e);
	assert_true(fold_event(&fold, e, 1000, ms));
	json_decref(e);
}

static void tell(const char *json)
{
	tell_at(0, json);
}

static json_t *object(void)
{
	json_t *o = json_object();

	assert_int_equal(fold_describe(&fold, o), 0);
	return o;
}

static void assert_text(const char *key, const char *inner, const char *expected)
{
	json_t *o = object(), *v = json_object_get(o, key);
	const char *is = json_string_value(inner ? json_object_get(v, inner) : v);

	if (expected)
		assert_string_equal(is ? is : "(none)", expected);
	else
		assert_true(json_is_null(v));
	json_decref(o);
}

static void volume(const char *fs, const char *outcome)
{
	char *text;

	assert_true(asprintf(&text, "{\"event\":\"volume\",\"index\":0,\"fs\":\"%s\",\"label\":\"\",\"driver\":\"\",\"outcome\":\"%s\","
				    "\"detail\":\"\"}", fs, outcome) > 0);
	tell(text);
	free(text);
}

static void done(const char *outcome, const char *why)
{
	char *text;

	assert_true(asprintf(&text, "{\"event\":\"done\",\"outcome\":\"%s\",\"why\":\"%s\",\"files\":3,\"bytes\":9,\"approved\":2,\"held\":1,"
				    "\"blocked\":0}", outcome, why) > 0);
	tell(text);
	fold_end(&fold, 2000);
	free(text);
}

static void usual_way(void **state)
{
	tell("{\"event\":\"started\",\"transfer\":\"20261122T011500Z-3f9a2c\"}");
	assert_text("state", NULL, "opening");
	tell("{\"event\":\"progress\",\"stage\":\"reading\",\"files_total\":3,\"bytes_total\":9}");
	assert_text("state", NULL, "reading");
	volume("vfat", "read");
	tell("{\"event\":\"removable\"}");
	assert_text("state", NULL, "examining");
	assert_true(fold.is_removable);
	tell("{\"event\":\"progress\",\"stage\":\"reading\"}");
	assert_text("state", NULL, "examining"); /* the stage's name does not take that back */
	tell("{\"event\":\"progress\",\"stage\":\"origin\"}");
	assert_text("state", NULL, "checking");
	tell("{\"event\":\"progress\",\"stage\":\"publishing\"}");
	assert_text("state", NULL, "publishing");
	done("published", "");
	assert_text("state", NULL, "done");
	assert_text("outcome", NULL, "published");
	assert_text("trouble", NULL, NULL);
	assert_true(fold.is_complete);
}

static void died_without_a_word(void **state)
{
	tell("{\"event\":\"started\",\"transfer\":\"x\"}");
	fold_end(&fold, 2000);
	assert_text("outcome", NULL, "aborted");
	assert_text("trouble", "code", "internal");
	assert_true(fold.is_removable);
}

static void first_error_is_the_cause(void **state)
{
	tell("{\"event\":\"error\",\"code\":\"removed\",\"text\":\"gone\"}");
	tell("{\"event\":\"error\",\"code\":\"internal\",\"text\":\"and so on\"}");
	done("aborted", "the medium was removed");
	assert_text("trouble", "code", "removed");
	assert_text("trouble", "detail", "gone");
}

static void cancelled_without_an_error(void **state)
{
	done("aborted", "stopped by the operator");
	assert_text("trouble", "code", "cancelled");
	assert_text("trouble", "detail", "stopped by the operator");
}

/* "Never a silent return to idle": each way of reading nothing has its own words. */
static void nothing_was_read(void **state)
{
	static const struct {
		const char *fs, *outcome, *code;
	} rows[] = {
		{ "crypto_LUKS", "refused", "encrypted" },	{ "BitLocker", "refused", "encrypted" },
		{ "", "refused", "unknown-filesystem" },	{ "xfs", "refused", "unknown-filesystem" },
		{ "vfat", "failed", "unreadable" },		{ "audio", "refused", "audio" },
		{ "", "empty", "empty" },			{ "", "unallocated", "empty" },
	};

	for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
		fold_done(&fold);
		assert_int_equal(fold_init(&fold), 0);
		volume(rows[k].fs, rows[k].outcome);
		done("refused", "");
		assert_text("trouble", "code", rows[k].code);
		assert_false(fold.is_complete);
	}
}

static void a_part_was_not_read(void **state)
{
	volume("vfat", "read");
	volume("crypto_LUKS", "refused");
	done("published", "");
	assert_text("trouble", "code", "partial");
	assert_false(fold.is_complete);
}

static void locked_and_unlocked(void **state)
{
	tell("{\"event\":\"locked\",\"volume\":2,\"format\":\"LUKS2\",\"label\":\"\",\"left\":3,\"wrong\":\"\"}");
	assert_text("state", NULL, "locked");
	assert_text("locked", "format", "LUKS2");
	tell("{\"event\":\"unlocking\",\"volume\":2}");
	assert_text("state", NULL, "opening");
	assert_text("locked", NULL, NULL);
}

static void time_left_follows_the_rate(void **state)
{
	json_t *o, *left;

	tell_at(1000, "{\"event\":\"progress\",\"stage\":\"reading\",\"bytes_total\":10000,\"bytes_examined\":0}");
	o = object();
	assert_true(json_is_null(json_object_get(json_object_get(o, "progress"), "left_s"))); /* nothing known: nothing said */
	json_decref(o);
	for (int s = 1; s <= 3; s++) {
		char *text;

		o = object();
		assert_true(json_is_null(json_object_get(json_object_get(o, "progress"), "left_s"))); /* too early */
		json_decref(o);
		assert_true(asprintf(&text, "{\"event\":\"progress\",\"stage\":\"reading\",\"bytes_total\":12000,\"bytes_examined\":%d}",
				     s * 1000) > 0);
		tell_at(1000 + s * 1000, text);
		free(text);
	}
	o = object();
	left = json_object_get(json_object_get(o, "progress"), "left_s");
	assert_in_range(json_integer_value(left), 9, 10);
	json_decref(o);
}

/* The object of a medium that does its worst fits in one line of the protocol. */
static void worst_medium_fits_in_a_line(void **state)
{
	char wide[4001], *text;
	json_t *o;

	for (size_t k = 0; k + 1 < sizeof(wide); k += 2)
		memcpy(wide + k, "\\\\", 2); /* JSON for one backslash, which it escapes again */
	wide[sizeof(wide) - 1] = '\0';
	assert_true(asprintf(&text, "{\"event\":\"finding\",\"path\":\"%s\",\"findings\":[{\"code\":\"malware\",\"detail\":\"%s\"}]}", wide,
			     wide) > 0);
	for (int k = 0; k < 200; k++)
		tell(text);
	free(text);
	assert_true(asprintf(&text, "{\"event\":\"volume\",\"fs\":\"%s\",\"label\":\"%s\",\"driver\":\"%s\",\"outcome\":\"failed\",\"detail\":\"%s\"}",
			     wide, wide, wide, wide) > 0);
	for (int k = 0; k < 200; k++)
		tell(text);
	free(text);
	assert_true(asprintf(&text, "{\"event\":\"warning\",\"text\":\"%s\"}", wide) > 0);
	for (int k = 0; k < 200; k++)
		tell(text);
	free(text);
	o = object();
	assert_true(json_dumpb(o, NULL, 0, JSON_COMPACT) <= FOLD_JSON_MAX);
	assert_true(json_array_size(json_object_get(o, "findings")) >= FOLD_FINDINGS_MAX / 4);
	assert_int_equal(json_integer_value(json_object_get(o, "found")), 200);
	json_decref(o);
}

static void text_is_cut_between_characters(void **state)
{
	char text[FOLD_TEXT_MAX * 2 + 1];
	json_t *cut;

	for (size_t shift = 0; shift < 3; shift++) {
		memset(text, 'a', shift);
		for (size_t at = shift; at < sizeof(text) - 1; at++)
			text[at] = "\xe2\x82\xac"[(at - shift) % 3]; /* euro signs */
		text[shift + (sizeof(text) - 1 - shift) / 3 * 3] = '\0';
		cut = fold_text(text);
		assert_non_null(cut); /* jansson refuses what is not UTF-8 */
		assert_true(json_string_length(cut) <= FOLD_TEXT_MAX + 3);
		json_decref(cut);
	}
}

/* One volume that is refused, and more behind it than the list keeps. */
static void lost_volume_is_not_pushed_out(void **state)
{
	volume("crypto_LUKS", "refused");
	for (size_t k = 0; k < FOLD_VOLUMES_MAX; k++)
		volume("vfat", "read");
	done("published", "");
	assert_text("trouble", "code", "partial");
	assert_false(fold.is_complete);
}

#define STALE "{\"event\":\"error\",\"code\":\"database-stale\",\"text\":\"the virus database is 9 days old\"}"

/* It is why nothing was approved, and no fault of the medium. */
static void old_database_is_no_unread_part(void **state)
{
	tell(STALE);
	volume("vfat", "read");
	done("refused", "");
	assert_text("trouble", "code", "database-stale");
	assert_true(fold.is_complete);
}

static void old_database_hides_no_cause(void **state)
{
	tell(STALE);
	tell("{\"event\":\"error\",\"code\":\"removed\",\"text\":\"gone\"}");
	done("aborted", "the medium was removed");
	assert_text("trouble", "code", "removed");
	assert_text("trouble", "detail", "gone");
}

static void old_database_cancels_nothing(void **state)
{
	tell(STALE);
	done("aborted", "stopped by the operator, or with the station");
	assert_text("trouble", "code", "cancelled");
}

static void nonsense_changes_nothing(void **state)
{
	static const char *const lines[] = { "{}", "{\"event\":7}", "{\"event\":\"verdict\"}", "{\"event\":\"\"}" };

	for (size_t k = 0; k < ARRAY_LEN(lines); k++) {
		json_t *e = json_loads(lines[k], 0, NULL);

		assert_false(fold_event(&fold, e, 1, 1));
		json_decref(e);
	}
	tell("{\"event\":\"finding\",\"findings\":\"no\"}");
	tell("{\"event\":\"done\"}");
	fold_end(&fold, 1);
	json_decref(object());
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_fold, close_fold)
	const struct CMUnitTest tests[] = {
		T(usual_way),		  T(died_without_a_word),	  T(first_error_is_the_cause),
		T(cancelled_without_an_error), T(nothing_was_read),	  T(a_part_was_not_read),
		T(locked_and_unlocked),	  T(time_left_follows_the_rate), T(worst_medium_fits_in_a_line),
		T(text_is_cut_between_characters), T(nonsense_changes_nothing),
		T(lost_volume_is_not_pushed_out), T(old_database_is_no_unread_part), T(old_database_hides_no_cause),
		T(old_database_cancels_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
