/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Failed tries: counted before they are made, kept across restarts, locked for their time and no longer; and what an attempt that
 * came to this or that end tells, records and leaves behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "people/attempt.h"
#include "people/store.h"

#include "../lib/testing.h"

#define NOW INT64_C(1800000000)

static char station[64];
static int station_fd;
static const struct lockout_rule rule = { .tries = 3, .time_s = 600 };

static int make_station(void **state)
{
	static const struct person anna = { (char *)"anna", (char *)"Anna", (char *)"root", 1u << PERSON_OFFICER, 1, 0 };
	static const struct person old = { (char *)"old", (char *)"", (char *)"root", 1u << PERSON_OFFICER, 1, NOW - 1 };
	struct people *p = NULL;
	int fd = -EBADF;

	station_fd = private_directory(station);
	assert_int_equal(people_open(station, true, &fd), 0);
	assert_int_equal(people_load_at(fd, &p, NULL), 0);
	assert_int_equal(people_put(p, &anna), 0);
	assert_int_equal(people_put(p, &old), 0);
	assert_int_equal(people_save(fd, p), 0);
	people_free(p);
	close(fd);
	return 0;
}

static int remove_station(void **state)
{
	remove_private_directory(station_fd, station);
	return 0;
}

static int try_at(const char *name, int64_t now, struct lockout *ret)
{
	return lockout_begin(station, name, &rule, now, ret);
}

static void test_locks_and_opens(void **state)
{
	struct lockout l;

	for (uint64_t k = 1; k <= 3; k++) {
		assert_int_equal(try_at("anna", NOW, &l), 0);
		assert_int_equal(l.failed, k);
		assert_int_equal(l.until, k == 3 ? NOW + 600 : 0);
	}
	assert_int_equal(try_at("anna", NOW + 1, &l), -EBUSY);
	assert_int_equal(l.until, NOW + 600);
	assert_int_equal(try_at("anna", NOW + 599, &l), -EBUSY); /* trying again does not prolong it */
	assert_int_equal(l.until, NOW + 600);
	assert_int_equal(try_at("ben", NOW, &l), 0); /* others are not concerned */
	assert_int_equal(lockout_get(station, "anna", &rule, NOW + 599, &l), 0);
	assert_int_equal(l.until, NOW + 600);
	assert_int_equal(lockout_get(station, "anna", &rule, NOW + 600, &l), 0);
	assert_int_equal(l.until, 0);
	assert_int_equal(l.failed, 0);
	assert_int_equal(try_at("anna", NOW + 600, &l), 0);
	assert_int_equal(l.failed, 1);
}

static void test_good_forgets(void **state)
{
	struct lockout l;

	assert_int_equal(try_at("anna", NOW, &l), 0);
	assert_int_equal(try_at("anna", NOW, &l), 0);
	assert_int_equal(lockout_good(station, "anna"), 0);
	assert_int_equal(lockout_get(station, "anna", &rule, NOW, &l), 0);
	assert_int_equal(l.failed, 0);
	assert_int_equal(lockout_good(station, "anna"), 0); /* nothing to forget */
	assert_int_equal(try_at("anna", NOW, &l), 0);
	assert_int_equal(try_at("anna", NOW, &l), 0);
	assert_int_equal(lockout_take_back(station, "anna"), 0);
	assert_int_equal(lockout_get(station, "anna", &rule, NOW, &l), 0);
	assert_int_equal(l.failed, 1);
}

/* A clock that is set back neither opens a lock nor makes it last for years. */
static void test_clock(void **state)
{
	struct lockout l;

	for (int k = 0; k < 3; k++)
		assert_int_equal(try_at("anna", NOW, &l), 0);
	assert_int_equal(try_at("anna", NOW - 86400, &l), -EBUSY);
	assert_int_equal(l.until, NOW - 86400 + 600);
	assert_int_equal(try_at("anna", NOW - 86400 + 599, &l), -EBUSY);
	assert_int_equal(try_at("anna", NOW - 86400 + 600, &l), 0);
}

/* Nobody is let try when what was counted cannot be read. */
static void test_broken_file(void **state)
{
	static const char *const forms[] = { "", "[]", "{\"anna\":3}", "{\"anna\":{\"failed\":-1,\"last\":0}}", "{\"anna\":{\"failed\":1}}",
					     "{\"Anna\":{\"failed\":1,\"last\":0}}" };
	struct lockout l;
	int fd = -EBADF;

	assert_int_equal(people_open(station, false, &fd), 0);
	for (size_t k = 0; k < ARRAY_LEN(forms); k++) {
		write_file(fd, TRIES_FILE, forms[k], strlen(forms[k]));
		assert_int_equal(try_at("anna", NOW, &l), -EUCLEAN);
	}
	close(fd);
}

/* Whoever tries very many names learns of none whether it is somebody's: a person's count and nobody's stand and end alike. */
static void test_many_names_tell_nothing(void **state)
{
	struct lockout person, nobody;
	json_t *all = json_pack("{s:{s:i,s:I},s:{s:i,s:I}}", "anna", "failed", 3, "last", (json_int_t)NOW, "zoe", "failed", 3, "last", (json_int_t)NOW);
	char *text, name[16];
	int fd = -EBADF;

	for (int k = 0; k < 3; k++) {
		assert_int_equal(try_at("anna", NOW, &person), 0);
		assert_int_equal(try_at("zoe", NOW, &nobody), 0);
	}
	/* As TRIES_NAMES_MAX - 1 other names would leave it, without as many waits for the disk. */
	assert_int_equal(people_open(station, false, &fd), 0);
	for (int k = 0; k < TRIES_NAMES_MAX - 3; k++) {
		(void)snprintf(name, sizeof(name), "x%d", k);
		assert_int_equal(json_object_set_new(all, name, json_pack("{s:i,s:I}", "failed", 1, "last", (json_int_t)NOW + 10)), 0);
	}
	text = json_dumps(all, JSON_COMPACT);
	write_file(fd, TRIES_FILE, text, strlen(text));
	free(text);
	json_decref(all);
	close(fd);
	assert_int_equal(try_at("last", NOW + 20, &nobody), 0); /* there was room for one */
	assert_int_equal(try_at("old", NOW + 20, &person), -EBUSY);
	assert_int_equal(try_at("new", NOW + 20, &nobody), -EBUSY);
	assert_int_equal(person.until, NOW + 600); /* when the first of them ends */
	assert_int_equal(nobody.until, NOW + 600);
	assert_int_equal(try_at("last", NOW + 20, &nobody), 0); /* those that are counted go on */
	assert_int_equal(try_at("anna", NOW + 599, &person), -EBUSY);
	assert_int_equal(try_at("zoe", NOW + 599, &nobody), -EBUSY);
	assert_memory_equal(&person, &nobody, sizeof(person));
	assert_int_equal(try_at("old", NOW + 600, &person), 0);
	assert_int_equal(try_at("new", NOW + 600, &nobody), 0);
	assert_int_equal(person.failed, nobody.failed);
}

/* A count that has not come to a lock ends, too: or it would be told apart from a forgotten one. */
static void test_counts_end(void **state)
{
	struct lockout l;

	assert_int_equal(try_at("anna", NOW, &l), 0);
	assert_int_equal(try_at("anna", NOW + 599, &l), 0);
	assert_int_equal(l.failed, 2); /* from the last try on */
	assert_int_equal(lockout_get(station, "anna", &rule, NOW + 599 + 599, &l), 0);
	assert_int_equal(l.failed, 2);
	assert_int_equal(try_at("anna", NOW + 599 + 600, &l), 0);
	assert_int_equal(l.failed, 1);
}

/* Many at the same time get as many tries as one after the other. */
static void test_at_the_same_time(void **state)
{
	enum { PROCESSES = 12 };
	pid_t pids[PROCESSES];
	int let = 0;

	for (int k = 0; k < PROCESSES; k++) {
		pids[k] = fork();
		assert_true(pids[k] >= 0);
		if (pids[k] == 0) {
			struct lockout l;

			_exit(try_at("anna", NOW, &l) == 0 ? 1 : 0);
		}
	}
	for (int k = 0; k < PROCESSES; k++) {
		int status;

		assert_int_equal(waitpid(pids[k], &status, 0), pids[k]);
		let += WEXITSTATUS(status);
	}
	assert_int_equal(let, 3);
}

/* -- attempts ------------------------------------------------------------------------------------------------------ */

static struct station_config config = { .dir = station, .people = { .tries = 3, .lock_time_s = 600 } };

/* One attempt to its end; `ret` is released by the caller. */
static void attempt(const char *name, enum attempt_how how, enum login_outcome outcome, struct attempt_result *ret)
{
	json_t *facts = json_pack("{s:s}", "for", "test");
	struct attempt a;
	int begun = attempt_begin(&a, &config, name, NOW);

	assert_int_equal(attempt_end(&a, begun, how, outcome, facts, NOW, ret), 0);
	assert_int_equal(attempt_settle(&a), 0);
	attempt_done(&a);
	json_decref(facts);
}

static const char *field(const struct attempt_result *r, size_t record, const char *key)
{
	return json_string_value(json_object_get(r->records[record].body, key));
}

static uint64_t failed_of(const char *name)
{
	struct lockout l;

	assert_int_equal(lockout_get(station, name, &rule, NOW, &l), 0);
	return l.failed;
}

static void test_good_attempt(void **state)
{
	struct attempt_result r;

	attempt("anna", ATTEMPT_BY_PAM, LOGIN_IS_WRONG, &r);
	assert_string_equal(r.code, "wrong");
	assert_null(r.who);
	assert_int_equal(r.record_count, 1);
	assert_string_equal(r.records[0].type, "login-failed");
	assert_string_equal(field(&r, 0, "person"), "anna");
	assert_string_equal(field(&r, 0, "for"), "test");
	attempt_result_done(&r);
	assert_int_equal(failed_of("anna"), 1);

	attempt("anna", ATTEMPT_BY_PAM, LOGIN_IS_HIM, &r);
	assert_null(r.code);
	assert_string_equal(r.who->name, "anna");
	assert_int_equal(r.record_count, 1);
	assert_string_equal(r.records[0].type, "login");
	attempt_result_done(&r);
	assert_int_equal(failed_of("anna"), 0);
}

/* Word for word the same, but for what the trail has. */
static void test_unknown_looks_wrong(void **state)
{
	struct attempt_result wrong, unknown;

	for (int k = 0; k < 4; k++) {
		attempt("anna", ATTEMPT_BY_PAM, LOGIN_IS_WRONG, &wrong);
		attempt("nobody.here", ATTEMPT_BY_PAM, k == 1 ? LOGIN_IS_HIM : LOGIN_IS_WRONG, &unknown);
		assert_string_equal(wrong.code, k < 3 ? "wrong" : "locked-out");
		assert_string_equal(wrong.code, unknown.code);
		assert_string_equal(wrong.text, unknown.text);
		assert_null(unknown.who);
		assert_true(json_is_null(json_object_get(unknown.records[0].body, "person"))); /* what was typed may be a password */
		assert_int_equal(unknown.record_count, 1);
		assert_int_equal(wrong.record_count, k == 2 ? 2 : 1);
		if (k == 2) {
			assert_string_equal(wrong.records[1].type, "locked-out");
			assert_int_equal(json_integer_value(json_object_get(wrong.records[1].body, "until")), NOW + 600);
		}
		attempt_result_done(&wrong);
		attempt_result_done(&unknown);
	}
	/* no name at all: wrong, and nothing to be counted */
	attempt("Not A Name", ATTEMPT_BY_PAM, LOGIN_IS_HIM, &unknown);
	assert_string_equal(unknown.code, "wrong");
	attempt_result_done(&unknown);
}

/* That his time is over is told to who knows the secret, and to nobody else. */
static void test_expired(void **state)
{
	struct attempt_result r;

	attempt("old", ATTEMPT_BY_PAM, LOGIN_IS_WRONG, &r);
	assert_string_equal(r.code, "wrong");
	attempt_result_done(&r);
	attempt("old", ATTEMPT_BY_PAM, LOGIN_IS_HIM, &r);
	assert_string_equal(r.code, "expired");
	assert_null(r.who);
	assert_string_equal(field(&r, 0, "why"), "expired");
	attempt_result_done(&r);
	attempt("anna", ATTEMPT_BY_PAM, LOGIN_HAS_ENDED, &r);
	assert_string_equal(r.code, "expired");
	assert_null(r.who);
	attempt_result_done(&r);
}

/* A stack that is broken is nobody's fault; breaking off is. */
static void test_broken_ends(void **state)
{
	struct attempt_result r;

	attempt("anna", ATTEMPT_BY_PAM, LOGIN_CANNOT_TELL, &r);
	assert_string_equal(r.code, "unavailable");
	attempt_result_done(&r);
	attempt("anna", ATTEMPT_BROKEN, LOGIN_IS_HIM, &r);
	assert_string_equal(r.code, "unavailable");
	assert_null(r.who);
	attempt_result_done(&r);
	assert_int_equal(failed_of("anna"), 0);
	attempt("anna", ATTEMPT_BROKEN_OFF, LOGIN_IS_HIM, &r);
	assert_string_equal(r.code, "wrong");
	assert_null(r.who);
	attempt_result_done(&r);
	attempt("anna", ATTEMPT_TOO_LATE, LOGIN_IS_HIM, &r);
	assert_string_equal(r.code, "expired");
	assert_null(r.who);
	attempt_result_done(&r);
	assert_int_equal(failed_of("anna"), 2);
}

/* Whom PAM is asked about, and what of its words is seen. */
static void test_pam_name(void **state)
{
	char text[LOGIN_TEXT_MAX] = "Code for `" PEOPLE_NOBODY "': ", same[LOGIN_TEXT_MAX] = "Code for `anna': ", full[LOGIN_TEXT_MAX];
	struct attempt a;

	assert_int_equal(attempt_begin(&a, &config, "anna", NOW), 0);
	assert_string_equal(attempt_pam_name(&a), "anna");
	attempt_text(&a, same);
	assert_string_equal(same, "Code for `anna': ");
	attempt_done(&a);

	assert_int_equal(attempt_begin(&a, &config, "root", NOW), 0); /* known to the system, not here */
	assert_string_equal(attempt_pam_name(&a), PEOPLE_NOBODY);
	attempt_text(&a, text);
	assert_string_equal(text, "Code for `root': ");
	attempt_done(&a);

	assert_int_equal(attempt_begin(&a, &config, "A\033[2J name, much longer than the one that it takes the place of, at the end of a text", NOW), 0);
	memset(full, 'x', sizeof(full));
	memcpy(full + sizeof(full) - 1 - strlen(PEOPLE_NOBODY), PEOPLE_NOBODY, sizeof(PEOPLE_NOBODY));
	attempt_text(&a, full);
	assert_int_equal(strlen(full), LOGIN_TEXT_MAX - 1);
	assert_null(strchr(full, '\033'));
	attempt_done(&a);
}

static void test_waiting(void **state)
{
	assert_int_equal(attempt_wait_ms(1000, 1000), ATTEMPT_STEP_MS);
	assert_int_equal(attempt_wait_ms(1000, 1001), ATTEMPT_STEP_MS - 1);
	assert_int_equal(attempt_wait_ms(1000, 1999), 1);
	assert_int_equal(attempt_wait_ms(1000, 2000), ATTEMPT_STEP_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_locks_and_opens, make_station, remove_station),
		cmocka_unit_test_setup_teardown(test_good_forgets, make_station, remove_station),
		cmocka_unit_test_setup_teardown(test_clock, make_station, remove_station),
		cmocka_unit_test_setup_teardown(test_broken_file, make_station, remove_station),
		cmocka_unit_test_setup_teardown(test_many_names_tell_nothing, make_station, remove_station),
		cmocka_unit_test_setup_teardown(test_counts_end, make_station, remove_station),
		cmocka_unit_test_setup_teardown(test_at_the_same_time, make_station, remove_station),
		cmocka_unit_test_setup_teardown(test_good_attempt, make_station, remove_station),
		cmocka_unit_test_setup_teardown(test_unknown_looks_wrong, make_station, remove_station),
		cmocka_unit_test_setup_teardown(test_expired, make_station, remove_station),
		cmocka_unit_test_setup_teardown(test_broken_ends, make_station, remove_station),
		cmocka_unit_test_setup_teardown(test_pam_name, make_station, remove_station),
		cmocka_unit_test(test_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
