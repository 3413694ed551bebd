/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Decisions of officers in the trail: what the ledger refuses, what its index knows, and when that index is not believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <time.h>

#include "common/history.h"
#include "ledger/decisions.h"
#include "../lib/testing.h"

static char dir[64];
static int dir_fd = -EBADF;
static struct minisign_public public_key;
static struct minisign_secret *secret;
static struct trail *trail;
static struct history *history;
static struct decisions *decisions;

static void open_all(bool has_history)
{
	const char *why = NULL;
	char path[128];

	assert_int_equal(trail_open(dir_fd, secret, "quay 7", false, &trail, &why), 0);
	(void)snprintf(path, sizeof(path), "%s/" HISTORY_FILE, dir);
	if (has_history)
		assert_int_equal(history_open(path, &history), 0);
	assert_int_equal(decisions_new(dir_fd, trail, history, &decisions), 0);
}

static void close_all(void)
{
	decisions = decisions_free(decisions);
	history = history_free(history);
	trail = trail_free(trail);
}

static int setup(void **state)
{
	_cleanup_close_ int fd = -EBADF;

	dir_fd = private_directory(dir);
	assert_int_equal(minisign_pair_make(dir_fd, "audit", &public_key), 0);
	fd = openat(dir_fd, "audit.key", O_RDONLY | O_CLOEXEC);
	assert_int_equal(minisign_secret_load(fd, &secret), 0);
	open_all(true);
	return 0;
}

static int teardown(void **state)
{
	close_all();
	secret = minisign_secret_free(secret);
	remove_private_directory(dir_fd, dir);
	return 0;
}

/* -- records --------------------------------------------------------------------------------------------------------------- */

static const char *hash_of(unsigned int n)
{
	static char hex[4][SHA256_HEX_LEN + 1];
	static unsigned int at;

	at = (at + 1) % 4;
	(void)snprintf(hex[at], sizeof(hex[at]), "%064x", n);
	return hex[at];
}

static json_t *proposal(const char *id, const char *what, const char *by, unsigned int hash)
{
	json_int_t now = time(NULL);
	bool has_end = strcmp(what, "remove") != 0;

	return json_pack("{s:I,s:s,s:s,s:I,s:s,s:s,s:[s],s:o}", "at", now, "by", by, "decision", what, "expires", now + 60, "id", id, "reason", "r",
			 "sha256", hash_of(hash), "until", has_end ? json_integer(now + 3600) : json_null());
}

static json_t *confirmation(const json_t *p, const char *second)
{
	json_t *o = json_copy((json_t *)p);

	assert_int_equal(json_object_del(o, "expires"), 0);
	assert_int_equal(json_object_set_new(o, "second", json_string(second)), 0);
	return o;
}

static json_t *alone(const char *id, const char *what, unsigned int hash)
{
	return json_pack("{s:I,s:s,s:s,s:s,s:s,s:n,s:[s],s:n}", "at", (json_int_t)time(NULL), "by", "anna", "decision", what, "id", id, "reason", "r",
			 "second", "sha256", hash_of(hash), "until");
}

static int append(const char *type, json_t *body)
{
	struct trail_place place;
	const char *why = NULL;
	int r = decisions_append(decisions, type, body, &place, &why);

	if (r < 0)
		assert_non_null(why);
	json_decref(body);
	return r;
}

static int propose(const char *id, const char *what, const char *by, unsigned int hash)
{
	return append(HISTORY_TYPE_PROPOSAL, proposal(id, what, by, hash));
}

static int confirm(const char *id, const char *what, const char *by, unsigned int hash, const char *second)
{
	json_t *p = proposal(id, what, by, hash), *d;

	d = confirmation(p, second);
	json_decref(p);
	return append(HISTORY_TYPE_DECISION, d);
}

static int find(void *context, const struct history_proposal *p)
{
	*(json_t **)context = json_loads(p->body, 0, NULL);
	return 0;
}

/* As it was proposed, down to the second. */
static int confirm_it(const char *id, const char *second)
{
	json_t *p = NULL, *d;
	const char *why = NULL;

	assert_int_equal(decisions_proposals(decisions, id, 0, find, &p, &why), 0);
	assert_non_null(p);
	d = confirmation(p, second);
	json_decref(p);
	return append(HISTORY_TYPE_DECISION, d);
}

/* -- what is in force ------------------------------------------------------------------------------------------------------ */

struct text {
	char words[4096];
};

static int tell(void *context, const struct history_decision *d)
{
	struct text *t = context;
	size_t at = strlen(t->words);

	(void)snprintf(t->words + at, sizeof(t->words) - at, "%02x:%s:%s:%s;", d->sha256[SHA256_LEN - 1], decision_name(d->decision), d->by,
		       d->second);
	return 0;
}

static const char *in_force(void)
{
	static struct text t;
	const char *why = NULL;

	t.words[0] = '\0';
	assert_int_equal(decisions_each(decisions, NULL, 1000, tell, &t, &why), 0);
	return t.words;
}

static void test_two_persons(void **state)
{
	assert_int_equal(confirm("00000001", "release", "anna", 1, "ben"), -ENOENT); /* not proposed */
	assert_int_equal(propose("00000001", "release", "anna", 1), 0);
	assert_int_equal(propose("00000001", "release", "anna", 2), -EEXIST); /* the number */
	assert_int_equal(propose("00000002", "allow", "ben", 1), -EEXIST);    /* the content */
	assert_int_equal(confirm_it("00000001", "anna"), -EPERM);
	assert_int_equal(confirm("00000001", "release", "anna", 2, "ben"), -EBADMSG); /* another hash */
	assert_int_equal(confirm("00000001", "allow", "anna", 1, "ben"), -EBADMSG);
	assert_int_equal(confirm("00000001", "release", "eve", 1, "ben"), -EBADMSG);
	assert_string_equal(in_force(), "");
	assert_int_equal(confirm_it("00000001", "ben"), 0);
	assert_string_equal(in_force(), "01:release:anna:ben;");
	assert_int_equal(confirm_it("00000001", "ben"), -ENOENT); /* closed */
}

static void test_final(void **state)
{
	assert_int_equal(append(HISTORY_TYPE_DECISION, alone("00000003", "reject", 3)), 0);
	assert_int_equal(append(HISTORY_TYPE_DECISION, alone("00000003", "deny", 4)), -EEXIST); /* the number */
	assert_int_equal(append(HISTORY_TYPE_DECISION, alone("00000004", "deny", 3)), -EEXIST);
	assert_int_equal(propose("00000005", "release", "anna", 3), -EEXIST);
	assert_int_equal(propose("00000005", "allow", "anna", 3), -EEXIST);
	assert_int_equal(propose("00000005", "remove", "anna", 9), -EEXIST); /* nothing there */
	assert_int_equal(propose("00000005", "remove", "anna", 3), 0);
	assert_string_equal(in_force(), "01:release:anna:ben;03:reject:anna:;");
	assert_int_equal(confirm_it("00000005", "ben"), 0);
	assert_string_equal(in_force(), "01:release:anna:ben;");
	assert_int_equal(append(HISTORY_TYPE_DECISION, alone("00000006", "deny", 1)), 0); /* stricter: at once */
	assert_string_equal(in_force(), "01:deny:anna:;");
}

static void test_a_proposal_that_was_overtaken(void **state)
{
	assert_int_equal(propose("00000007", "release", "anna", 7), 0);
	assert_int_equal(append(HISTORY_TYPE_DECISION, alone("00000008", "reject", 7)), 0);
	assert_int_equal(confirm_it("00000007", "ben"), -EEXIST);
	assert_int_equal(append(HISTORY_TYPE_DECISION, json_pack("{s:I,s:s,s:s,s:s,s:s,s:n,s:[],s:n}", "at", (json_int_t)time(NULL), "by", "ben", "decision",
								  "withdraw", "id", "00000007", "reason", "r", "second", "sha256", "until")), 0);
	assert_int_equal(confirm_it("00000007", "ben"), -ENOENT);
}

static void test_ends(void **state)
{
	json_t *p = proposal("00000010", "release", "anna", 16);
	json_int_t now = time(NULL);

	assert_int_equal(json_object_set_new(p, "expires", json_integer(now - 1)), 0);
	assert_int_equal(append(HISTORY_TYPE_PROPOSAL, p), 0); /* as an old record is */
	assert_int_equal(confirm_it("00000010", "ben"), -ETIME);
	p = proposal("00000011", "release", "anna", 17);
	assert_int_equal(json_object_set_new(p, "until", json_integer(now - 1)), 0);
	assert_int_equal(append(HISTORY_TYPE_PROPOSAL, p), 0);
	assert_int_equal(confirm_it("00000011", "ben"), -ETIME);
}

static void test_forms(void **state)
{
	static const char *const bad[] = {
		"{}",
		"{\"by\":\"a\"}",
		/* no end, an end too many, no reason, a bad hash, twice the same, none, a bad number, a real decision's fields missing */
		"{\"at\":1,\"by\":\"a\",\"decision\":\"release\",\"expires\":9,\"id\":\"0000000a\",\"reason\":\"r\",\"sha256\":[\"%s\"],\"until\":null}",
		"{\"at\":1,\"by\":\"a\",\"decision\":\"remove\",\"expires\":9,\"id\":\"0000000a\",\"reason\":\"r\",\"sha256\":[\"%s\"],\"until\":9}",
		"{\"at\":1,\"by\":\"a\",\"decision\":\"remove\",\"expires\":9,\"id\":\"0000000a\",\"reason\":\"\",\"sha256\":[\"%s\"],\"until\":null}",
		"{\"at\":1,\"by\":\"a\",\"decision\":\"remove\",\"expires\":9,\"id\":\"0000000a\",\"reason\":\"r\",\"sha256\":[\"00\"],\"until\":null}",
		"{\"at\":1,\"by\":\"a\",\"decision\":\"remove\",\"expires\":9,\"id\":\"0000000a\",\"reason\":\"r\",\"sha256\":[\"%s\",\"%s\"],\"until\":null}",
		"{\"at\":1,\"by\":\"a\",\"decision\":\"remove\",\"expires\":9,\"id\":\"0000000a\",\"reason\":\"r\",\"sha256\":[],\"until\":null}",
		"{\"at\":1,\"by\":\"a\",\"decision\":\"remove\",\"expires\":9,\"id\":\"0a\",\"reason\":\"r\",\"sha256\":[\"%s\"],\"until\":null}",
		"{\"at\":1,\"by\":\"a\",\"decision\":\"reject\",\"expires\":9,\"id\":\"0000000a\",\"reason\":\"r\",\"sha256\":[\"%s\"],\"until\":null}",
		"{\"at\":1,\"by\":\"a\",\"decision\":\"hold\",\"expires\":9,\"id\":\"0000000a\",\"reason\":\"r\",\"sha256\":[\"%s\"],\"until\":null}",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char text[1024];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		(void)snprintf(text, sizeof(text), bad[i], hash_of(99), hash_of(99));
#pragma GCC diagnostic pop
		assert_int_equal(append(HISTORY_TYPE_PROPOSAL, json_loads(text, 0, NULL)), -EINVAL);
		assert_int_equal(append(HISTORY_TYPE_DECISION, json_loads(text, 0, NULL)), -EINVAL);
	}
}

/* -- the index -------------------------------------------------------------------------------------------------------------- */

static char expected[4096];

static void change_history(const char *sql)
{
	char path[128];
	sqlite3 *db;

	(void)snprintf(path, sizeof(path), "%s/" HISTORY_FILE, dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void test_the_trail_is_what_holds(void **state)
{
	static const char *const changes[] = {
		"DELETE FROM decisions_place", /* the power went between trail and index */
		"DELETE FROM decided; DELETE FROM decisions_place",
		"UPDATE decisions_place SET seq = seq - 1; DELETE FROM decided", /* put back from a copy */
		"DROP TABLE decided; DROP TABLE proposals; DROP TABLE closed; DROP TABLE decisions_place; PRAGMA user_version=3", /* older */
		"DROP TABLE decided", /* found out when it is asked */
	};

	(void)snprintf(expected, sizeof(expected), "%s", in_force());
	assert_string_not_equal(expected, "");
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		close_all();
		change_history(changes[i]);
		open_all(true);
		assert_string_equal(in_force(), expected);
	}
	close_all();
	open_all(false); /* memory */
	assert_string_equal(in_force(), expected);
	assert_int_equal(append(HISTORY_TYPE_DECISION, alone("00000020", "deny", 32)), 0);
	(void)snprintf(expected, sizeof(expected), "%s", in_force());
	close_all();
	assert_int_equal(unlinkat(dir_fd, HISTORY_FILE, 0), 0);
	open_all(true);
	assert_string_equal(in_force(), expected);
	close_all();
	assert_int_equal(unlinkat(dir_fd, "decisions.lock", 0), 0);
	open_all(true);
	assert_string_equal(in_force(), expected);
}

/* Another ledger decides while this one has its index in memory. */
static void test_two_ledgers(void **state)
{
	struct decisions *other;
	struct trail *other_trail;
	struct trail_place place;
	const char *why = NULL;
	json_t *body = alone("00000030", "deny", 48);

	assert_int_equal(trail_open(dir_fd, secret, "quay 7", false, &other_trail, &why), 0);
	assert_int_equal(decisions_new(dir_fd, other_trail, NULL, &other), 0);
	assert_int_equal(decisions_append(other, HISTORY_TYPE_DECISION, body, &place, &why), 0);
	json_decref(body);
	assert_non_null(strstr(in_force(), "30:deny"));
	assert_int_equal(append(HISTORY_TYPE_DECISION, alone("00000031", "deny", 48)), -EEXIST);
	body = alone("00000031", "deny", 49);
	assert_int_equal(append(HISTORY_TYPE_DECISION, json_incref(body)), 0);
	assert_int_equal(decisions_append(other, HISTORY_TYPE_DECISION, body, &place, &why), -EEXIST);
	json_decref(body);
	decisions_free(other);
	trail_free(other_trail);
}

static void test_an_altered_trail_decides_nothing(void **state)
{
	_cleanup_free_ char *text = NULL;
	struct text t = { "" };
	const char *why = NULL;
	size_t size;
	char *at;

	close_all();
	assert_int_equal(unlinkat(dir_fd, "decisions.lock", 0), 0);
	assert_int_equal(file_read(dir_fd, CHAIN_FILE, 1 << 20, &text, &size), 0);
	at = strstr(text, "\"reject\"");
	assert_non_null(at);
	at[1] = 'R';
	write_file(dir_fd, CHAIN_FILE, text, size);
	open_all(true);
	assert_int_equal(decisions_each(decisions, NULL, 1000, tell, &t, &why), -EBADMSG);
	assert_non_null(why);
	assert_string_equal(t.words, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_persons),
		cmocka_unit_test(test_final),
		cmocka_unit_test(test_a_proposal_that_was_overtaken),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_the_trail_is_what_holds),
		cmocka_unit_test(test_two_ledgers),
		cmocka_unit_test(test_an_altered_trail_decides_nothing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
