/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The store of held files: what counts from when on, states, pages, and what a power cut leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/held_store.h"
#include "supervisor/docket.h"
#include "../lib/testing.h"

static char dir[64], store_dir[96];
static int dir_fd = -EBADF;
static struct held_store *store;

static int setup(void **state)
{
	dir_fd = private_directory(dir);
	(void)snprintf(store_dir, sizeof(store_dir), "%s/held", dir);
	return held_open(store_dir, HELD_PATIENCE_MS, &store);
}

static int teardown(void **state)
{
	store = held_free(store);
	remove_private_directory(dir_fd, dir);
	return 0;
}

static const char *hash_of(unsigned int n)
{
	static char hex[4][SHA256_HEX_LEN + 1];
	static unsigned int at;

	at = (at + 1) % 4;
	(void)snprintf(hex[at], sizeof(hex[at]), "%064x", n);
	return hex[at];
}

static void put_entry(unsigned int n, const char *transfer, const char *path, int64_t held_at, const char *entry)
{
	_cleanup_close_ int fd = memory_text("0123456789");
	const struct held_new new = { .sha256 = hash_of(n), .size = 10, .code = "type-unknown", .type = "", .held_at = held_at, .expires = held_at + 100,
				      .place = { .transfer = transfer, .path = path, .path_size = strlen(path), .shown = path, .entry = entry, .started = held_at } };

	assert_int_equal(held_begin(store, 1000), 0);
	assert_int_equal(held_put_copy(store, hash_of(n), fd, 10), 0);
	assert_int_equal(held_put(store, &new), 0);
	assert_int_equal(held_put_transfer(store, transfer, "{\"engines\":[]}"), 0);
	assert_int_equal(held_sync(store), 0);
	assert_int_equal(held_commit(store), 0);
}

static void put(unsigned int n, const char *transfer, const char *path, int64_t held_at)
{
	put_entry(n, transfer, path, held_at, "{\"reasons\":[{\"code\":\"type-unknown\"}]}");
}

struct rows {
	char text[4096];
};

static int tell(void *context, const struct held_file *f)
{
	struct rows *r = context;
	size_t at = strlen(r->text);

	(void)snprintf(r->text + at, sizeof(r->text) - at, "%s:%s:%s;", f->sha256 + SHA256_HEX_LEN - 2, held_state_name(f->state), f->path);
	return 0;
}

static const char *list(enum held_filter filter, const char *search, int64_t now)
{
	static struct rows r;
	uint64_t total;

	r.text[0] = '\0';
	assert_int_equal(held_list(store, filter, search, now, 0, 100, &total, tell, &r), 0);
	return r.text;
}

static bool has_copy(unsigned int n)
{
	return exists(held_dir_fd(store), hash_of(n));
}

static void test_what_counts(void **state)
{
	struct held_usage used;

	put(1, "T-1", "a.bin", 10);
	put(2, "T-1", "b.bin", 10);
	assert_string_equal(list(HELD_FILTER_ALL, NULL, 20), ""); /* its report is not there yet */
	assert_int_equal(held_confirm(store, "T-1"), 0);
	assert_string_equal(list(HELD_FILTER_ALL, NULL, 20), "01:open:a.bin;02:open:b.bin;");
	put(1, "T-2", "c.bin", 30);
	put(3, "T-2", "d.bin", 30);
	assert_string_equal(list(HELD_FILTER_ALL, NULL, 20), "01:open:a.bin;02:open:b.bin;");
	assert_int_equal(held_forget_transfer(store, "T-2"), 0); /* that inspection was cut off */
	assert_true(has_copy(1));
	assert_false(has_copy(3));
	put(1, "T-3", "e.bin", 40);
	assert_int_equal(held_confirm(store, "T-3"), 0);
	assert_string_equal(list(HELD_FILTER_ALL, NULL, 20), "01:open:e.bin;02:open:b.bin;"); /* newest first, by its newest place */
	assert_int_equal(held_usage(store, &used), 0);
	assert_int_equal(used.files, 2);
	assert_int_equal(used.bytes, 20);
}

static void test_states_and_filters(void **state)
{
	json_t *proposals = json_pack("[{s:s,s:[s]}]", "id", "0000000a", "sha256", hash_of(2));

	assert_int_equal(held_set_proposals(store, proposals), 0);
	json_decref(proposals);
	assert_string_equal(list(HELD_FILTER_PROPOSED, NULL, 20), "02:proposed:b.bin;");
	assert_string_equal(list(HELD_FILTER_OPEN, NULL, 20), "01:open:e.bin;");
	assert_int_equal(held_decided(store, hash_of(1), DECISION_RELEASE, 50), 0);
	assert_string_equal(list(HELD_FILTER_DECIDED, NULL, 49), "01:released:e.bin;");
	assert_string_equal(list(HELD_FILTER_OPEN, NULL, 50), "01:expired:e.bin;");
	assert_int_equal(held_decided(store, hash_of(1), DECISION_REMOVE, 0), 0);
	assert_string_equal(list(HELD_FILTER_OPEN, NULL, 49), "01:open:e.bin;");
	proposals = json_array();
	assert_int_equal(held_set_proposals(store, proposals), 0);
	json_decref(proposals);
	assert_int_equal(held_decided(store, hash_of(2), DECISION_REJECT, 0), 0);
	assert_false(has_copy(2));
	assert_string_equal(list(HELD_FILTER_DECIDED, NULL, 20), "02:rejected:b.bin;");
	assert_string_equal(list(HELD_FILTER_ALL, "E.B", 20), "01:open:e.bin;");
	assert_string_equal(list(HELD_FILTER_ALL, "t-1", 20), "");
	assert_string_equal(list(HELD_FILTER_ALL, "T-1", 20), "02:rejected:b.bin;");
	assert_string_equal(list(HELD_FILTER_ALL, "%", 20), "");
	assert_int_equal(held_forget_decisions(store, 20), 0);
	assert_string_equal(list(HELD_FILTER_DECIDED, NULL, 20), "");
}

static void test_what_may_be_released(void **state)
{
	json_t *one = json_pack("[s]", hash_of(1)), *none = json_pack("[s]", hash_of(77)), *gone = json_pack("[s]", hash_of(2));
	json_t *both = json_pack("[s,s]", hash_of(1), hash_of(4));
	_cleanup_free_ char *of = NULL;
	const json_t *refused[] = { none, gone, both };
	const int errors[] = { -ENOENT, -ENOENT, -EINVAL };

	put(4, "T-4", "x", 60);
	assert_int_equal(held_confirm(store, "T-4"), 0);
	assert_int_equal(held_may_release(store, one, NULL, &of, &(char *){ NULL }), 0);
	assert_string_equal(of, "T-3");
	for (size_t i = 0; i < 2; i++) { /* what was proposed out of one transfer is not released out of another */
		_cleanup_free_ char *why = NULL, *told = NULL;

		assert_int_equal(held_may_release(store, one, i == 0 ? "T-1" : "T-4", &told, &why), i == 0 ? 0 : -EINVAL);
		assert_true(i == 0 ? strcmp(told, "T-1") == 0 : strstr(why, "T-4") != NULL);
	}
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		_cleanup_free_ char *why = NULL, *unused = NULL;

		assert_int_equal(held_may_release(store, refused[i], NULL, &unused, &why), errors[i]);
		assert_non_null(why);
	}
	put(5, "T-5", "../x", 60); /* whatever the index says */
	assert_int_equal(held_confirm(store, "T-5"), 0);
	json_decref(one);
	one = json_pack("[s]", hash_of(5));
	{
		_cleanup_free_ char *why = NULL, *unused = NULL;

		assert_int_equal(held_may_release(store, one, NULL, &unused, &why), -EINVAL);
		assert_non_null(strstr(why, "name"));
	}
	json_decref(one);
	json_decref(none);
	json_decref(gone);
	json_decref(both);
}

static int collect(void *context, const char *sha256)
{
	return json_array_append_new(context, json_string(sha256)) < 0 ? -ENOMEM : 0;
}

static void test_ends_and_leftovers(void **state)
{
	json_t *expired = json_array(), *lost = json_array();
	_cleanup_free_ char *facts = NULL;
	char whole[SHA256_HEX_LEN + 1];

	assert_int_equal(held_each_expired(store, 150, collect, expired), 0);
	assert_int_equal(json_array_size(expired), 2); /* 1 was held anew at 40, 2 at 10 */
	assert_int_equal(held_has_expired(store, hash_of(1), 139), 0); /* it was, since a sweep listed it */
	assert_int_equal(held_has_expired(store, hash_of(1), 140), 1);
	assert_int_equal(held_has_expired(store, hash_of(99), 140), 0);
	assert_int_equal(held_begin(store, 1000), 0);
	assert_int_equal(held_remove(store, hash_of(1)), 0);
	assert_int_equal(held_remove(store, hash_of(2)), 0);
	write_file(held_dir_fd(store), hash_of(9), "stray", 5);
	assert_int_equal(held_remove_strays(store), 1);
	assert_int_equal(held_commit(store), 0);
	assert_false(has_copy(1));
	assert_false(has_copy(9));
	assert_true(has_copy(4));
	assert_int_equal(held_transfer(store, "T-3", &facts), 0);
	assert_null(facts);
	assert_int_equal(held_transfer(store, "T-4", &facts), 0);
	assert_string_equal(facts, "{\"engines\":[]}");
	assert_int_equal(unlinkat(held_dir_fd(store), hash_of(4), 0), 0);
	assert_int_equal(held_each_lost(store, collect, lost), 0);
	assert_int_equal(json_array_size(lost), 1);
	assert_int_equal(held_complete(store, "0000000000", whole), 2);
	assert_int_equal(held_complete(store, hash_of(4), whole), 1);
	assert_int_equal(held_complete(store, "ff", whole), 0);
	json_decref(expired);
	json_decref(lost);
}

/* The same content, the same copy: what it was held for in that place decides. */
static void test_what_a_release_does_not_reach_is_not_released(void **state)
{
	static const struct {
		const char *codes[2]; /* of the reasons */
		const char *why;      /* NULL: it may be released */
	} rows[] = {
		{ { "type-unknown" }, NULL },
		{ { "type-unknown", "unsigned" }, NULL },
		{ { "database-stale" }, "held for database-stale" },
		{ { "type-unknown", "database-stale" }, "held for database-stale" },
		{ { "quota-exceeded" }, "held for quota-exceeded" },
		{ { "of-a-newer-version" }, "held for of-a-newer-version" },
		{ { NULL }, "is not known" },
	};
	int64_t now = time(NULL);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_free_ char *of = NULL, *why = NULL, *text = NULL;
		json_t *reasons = json_array(), *hashes = json_pack("[s]", hash_of(20)), *entry;
		char transfer[16];
		int r;

		for (size_t k = 0; k < 2 && rows[i].codes[k]; k++)
			assert_int_equal(json_array_append_new(reasons, json_pack("{s:s}", "code", rows[i].codes[k])), 0);
		entry = json_pack("{s:o}", "reasons", reasons);
		text = json_dumps(entry, JSON_COMPACT);
		(void)snprintf(transfer, sizeof(transfer), "T-R%zu", i);
		put_entry(20, transfer, "a.bin", now + (int64_t)i, text); /* the newest place is looked at */
		assert_int_equal(held_confirm(store, transfer), 0);
		r = held_may_release(store, hashes, NULL, &of, &why);
		if (r != (rows[i].why ? -EEXIST : 0) || (rows[i].why && !strstr(why, rows[i].why)))
			fail_msg("%s: %d %s", text, r, why ? why : "");
		json_decref(entry);
		json_decref(hashes);
	}
	assert_int_equal(held_begin(store, 1000), 0);
	assert_int_equal(held_remove(store, hash_of(20)), 0);
	assert_int_equal(held_commit(store), 0);
}

/* Who works in it keeps the others out; a killed one leaves nothing half done. */
static void test_one_at_a_time(void **state)
{
	struct held_store *other;
	_cleanup_close_ int fd = memory_text("0123456789");
	const struct held_new new = { .sha256 = hash_of(6), .size = 10, .code = "", .type = "", .held_at = 1, .expires = 1000,
				      .place = { .transfer = "T-6", .path = "p", .path_size = 1, .shown = "p", .entry = "{}" } };

	assert_int_equal(held_open(store_dir, HELD_PATIENCE_MS, &other), 0);
	assert_int_equal(held_begin(other, 100), 0);
	assert_int_equal(held_put_copy(other, hash_of(6), fd, 10), 0);
	assert_int_equal(held_put(other, &new), 0);
	assert_int_equal(held_begin(store, 50), -EBUSY);
	other = held_free(other); /* without a commit */
	assert_true(has_copy(6));
	assert_int_equal(held_begin(store, 1000), 0);
	assert_int_equal(held_remove_strays(store), 1);
	assert_int_equal(held_commit(store), 0);
	assert_false(has_copy(6));
}

/* -- the docket's copy of what is in force ------------------------------------------------------------------------------- */

static void test_decisions_of_a_docket(void **state)
{
	struct docket_decision x = { .decision = DECISION_RELEASE, .id = "0000000a", .until = 100 }, got;
	_cleanup_free_ char *told = NULL;
	uint8_t sum[SHA256_LEN] = { 1 };
	struct docket *d;
	char path[96];

	(void)snprintf(path, sizeof(path), "%s/docket.sqlite", dir);
	assert_int_equal(docket_open(path, &d), 0);
	assert_int_equal(docket_add_decision(d, sum, &x), 0);
	for (unsigned int n = 0; n < 100000; n++) { /* a list of the site's, and a file for each: no message, no walk */
		uint8_t other[SHA256_LEN] = { 2 };

		memcpy(other + 1, &n, sizeof(n));
		x = (struct docket_decision){ .decision = DECISION_DENY, .id = "0000000b" };
		assert_int_equal(docket_add_decision(d, other, &x), 0);
		assert_int_equal(docket_decision_of(d, other, 1, &got), 0);
		assert_int_equal(got.decision, DECISION_DENY);
	}
	assert_int_equal(docket_decision_of(d, sum, 99, &got), 0);
	assert_int_equal(got.decision, DECISION_RELEASE);
	assert_string_equal(got.id, "0000000a");
	assert_int_equal(docket_decision_of(d, sum, 100, &got), 0); /* its end */
	assert_int_equal(got.decision, DECISION_NONE);
	sum[0] = 7;
	assert_int_equal(docket_decision_of(d, sum, 1, &got), 0);
	assert_int_equal(got.decision, DECISION_NONE);
	assert_int_equal(docket_told(d, 1, &told), 0);
	assert_null(told);
	assert_int_equal(docket_decided(d, 1, "{}"), 0);
	assert_int_equal(docket_told(d, 1, &told), 0);
	assert_string_equal(told, "{}");
	assert_int_equal(docket_keep(d, 1), 0);
	assert_int_equal(docket_is_kept(d, 1), 1);
	assert_int_equal(docket_forget_kept(d), 0);
	assert_int_equal(docket_is_kept(d, 1), 0);
	docket_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_counts),	   cmocka_unit_test(test_states_and_filters), cmocka_unit_test(test_what_may_be_released),
		cmocka_unit_test(test_ends_and_leftovers), cmocka_unit_test(test_one_at_a_time),
		cmocka_unit_test(test_what_a_release_does_not_reach_is_not_released),
		cmocka_unit_test(test_decisions_of_a_docket),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
