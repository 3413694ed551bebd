/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* common/history_totals: counted in pieces, and anew when the history was made anew; as JSON between processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/history_totals.h"

static void add(struct history *h, const char *transfer, const char *verdict, const char *code)
{
	json_t *file = json_pack("{s:s,s:s,s:i,s:[{s:s}]}", "path", "a", "verdict", verdict, "size", 3, "reasons", "code", code);
	json_t *report = json_pack("{s:s,s:i,s:i,s:{s:i,s:i,s:i,s:i,s:i},s:{s:s}}", "outcome", "published", "started", 100, "finished", 110, "counts",
				   "files", 1, "bytes", 3, "approved", 0, "held", 0, "blocked", 1, "medium", "kind", "device");

	assert_non_null(file);
	assert_non_null(report);
	assert_int_equal(history_begin(h, transfer), 0);
	assert_int_equal(history_add_file(h, file, 0, 1), 0);
	assert_int_equal(history_commit(h, report, 1, ""), 0);
	json_decref(file);
	json_decref(report);
}

static void count_all(struct history *h, struct history_totals *t, unsigned int *ret_pieces, bool *ret_anew)
{
	bool is_more = true, is_anew;

	*ret_pieces = 0;
	*ret_anew = false;
	while (is_more) {
		assert_int_equal(history_totals_count(h, t, &is_more, &is_anew), 0);
		*ret_anew = *ret_anew || is_anew;
		(*ret_pieces)++;
	}
}

static void pieces(void **state)
{
	struct history *h;
	struct history_totals t = { 0 };
	unsigned int n;
	bool is_anew;

	assert_int_equal(history_open_memory(&h), 0);
	count_all(h, &t, &n, &is_anew);
	assert_int_equal(t.inspections[OUTCOME_PUBLISHED], 0);
	for (int k = 0; k < 1203; k++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "T-%d", k);
		add(h, name, "blocked", k % 3 ? "malware" : "symlink");
	}
	count_all(h, &t, &n, &is_anew);
	assert_true(n >= 3 && !is_anew);
	assert_int_equal(t.inspections[OUTCOME_PUBLISHED], 1203);
	assert_int_equal(t.media[MEDIUM_KIND_DEVICE], 1203);
	assert_int_equal(t.files[VERDICT_BLOCKED], 1203);
	assert_int_equal(t.reasons[REASON_SYMLINK], 401);
	assert_int_equal(t.reasons[REASON_MALWARE], 802);
	assert_int_equal(t.bytes, 3609);
	assert_int_equal(t.seconds, 12030);
	assert_int_equal(t.ended[OUTCOME_PUBLISHED], 110);
	add(h, "T-x", "approved", "malware"); /* no reason against what is approved */
	count_all(h, &t, &n, &is_anew);
	assert_int_equal(t.inspections[OUTCOME_PUBLISHED], 1204);
	assert_int_equal(t.reasons[REASON_MALWARE], 802);
	count_all(h, &t, &n, &is_anew);
	assert_int_equal(t.inspections[OUTCOME_PUBLISHED], 1204);
	/* the same numbers, other transfers */
	assert_int_equal(history_clear(h), 0);
	add(h, "N-1", "held", "encrypted");
	count_all(h, &t, &n, &is_anew);
	assert_true(is_anew);
	assert_int_equal(t.inspections[OUTCOME_PUBLISHED], 1);
	assert_int_equal(t.reasons[REASON_ENCRYPTED], 1);
	assert_int_equal(t.reasons[REASON_MALWARE], 0);
	history_free(h);
}

static void between_processes(void **state)
{
	struct history_totals t = { .after = 7, .transfer = "T-7", .bytes = 1ull << 50, .seconds = 9, .ended = { 1, 2, 3 } }, back;
	json_t *o;

	t.inspections[OUTCOME_ABORTED] = 4;
	t.reasons[REASON_COUNT_ - 1] = 5;
	t.files[VERDICT_HELD] = 6;
	o = history_totals_encode(&t);
	assert_non_null(o);
	assert_int_equal(history_totals_decode(o, &back), 0);
	assert_memory_equal(&t, &back, sizeof(t));
	assert_int_equal(json_object_set_new(o, "bytes", json_integer(-1)), 0);
	assert_int_equal(history_totals_decode(o, &back), -EINVAL);
	assert_int_equal(json_object_set_new(o, "bytes", json_integer(1)), 0);
	assert_int_equal(json_array_append_new(json_object_get(o, "reasons"), json_integer(1)), 0);
	assert_int_equal(history_totals_decode(o, &back), -EINVAL);
	assert_int_equal(history_totals_decode(NULL, &back), -EINVAL);
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces),
		cmocka_unit_test(between_processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
