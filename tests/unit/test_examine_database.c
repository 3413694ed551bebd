/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What may reach libclamav, and that an engine which cannot find anything never starts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../lib/testing.h"
#include "../lib/examining.h"

static struct bench bench;

static int set_up(void **state)
{
	static const char *const names[] = { "db-ndb", "db-hdb", "eicar", "text", NULL };

	bench_make(&bench, names);
	return 0;
}

static int tear_down(void **state)
{
	bench_remove(&bench);
	return 0;
}

static int try_open(struct database_file *files, size_t count, const char *shipped, char why[static WHY_MAX])
{
	struct clam_setup setup = { .database_fd = bench.dir_fd, .files = files, .file_count = count,
				    .private_parent = bench.dir, .shipped_dir = shipped, .scan_time_ms = 10000 };
	struct clam *c = NULL;
	int r;

	why[0] = '\0';
	r = clam_open(&setup, &c, why);
	clam_free(c);
	return r;
}

static int try_one(const char *name, const char *sha256, char why[static WHY_MAX])
{
	struct database_file f = { (char *)(uintptr_t)name, (char *)(uintptr_t)sha256 };

	return try_open(&f, 1, "rules/clamav", why);
}

static int try_pinned(const char *name, char why[static WHY_MAX])
{
	struct database_file f = pinned(&bench, name);
	int r = try_open(&f, 1, "rules/clamav", why);

	free(f.name);
	free(f.sha256);
	return r;
}

static void test_names_that_take_detections_away_are_refused(void **state)
{
	static const char *const names[] = { "a.ign2", "a.ign", "a.fp", "a.sfp", "a.cfg", "a.ftm", "a.cld", "a.cud", "a.cbc",
					     "a.pdb", "a.wdb", "a.crb", "a.cat", "a.pwdb", "a.yar", "a.yara", "a.ioc", "a.txt",
					     "a.ign2.ndb", "a.cvd.hdb", "a.NDB", "a", "a.ndb.cvd" };
	char why[WHY_MAX];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";
		struct database_file f = { (char *)(uintptr_t)names[i], zeros };

		if (database_admit(&f, why) != -EPERM)
			fail_msg("%s was admitted", names[i]);
		assert_non_null(strstr(why, names[i]));
	}
}

static void test_paths_are_refused(void **state)
{
	static const char *const names[] = { "", ".", "..", "../a.cvd", "d/a.cvd", "/a.cvd", ".a.cvd", "a b.cvd", "a\n.cvd" };
	char why[WHY_MAX];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char none[] = "";
		struct database_file f = { (char *)(uintptr_t)names[i], none };

		assert_int_equal(database_admit(&f, why), -EINVAL);
	}
}

static void test_plain_files_need_their_pin(void **state)
{
	char why[WHY_MAX];

	assert_int_equal(try_one("eicar.ndb", "", why), -EPERM);
	assert_non_null(strstr(why, "pin"));
	assert_int_equal(try_one("eicar.ndb", "abc", why), -EINVAL);
	assert_int_equal(try_one("eicar.ndb", "0000000000000000000000000000000000000000000000000000000000000000", why),
			 -EKEYREJECTED);
	assert_non_null(strstr(why, "eicar.ndb"));
	assert_int_equal(try_pinned("eicar.ndb", why), 0);
}

static void test_missing_empty_and_hollow_databases_do_not_start(void **state)
{
	char why[WHY_MAX];

	assert_int_equal(try_open(NULL, 0, "rules/clamav", why), -ENODATA);
	assert_non_null(strstr(why, "configuration"));
	assert_int_equal(try_one("main.cvd", "", why), -ENOENT);
	assert_non_null(strstr(why, "main.cvd"));
	write_file(bench.dir_fd, "empty.ndb", "", 0);
	assert_int_equal(try_pinned("empty.ndb", why), -ENODATA);
	write_file(bench.dir_fd, "words.hdb", "# only words\n", 13);
	assert_int_equal(try_pinned("words.hdb", why), -ENODATA);
	assert_non_null(strstr(why, "no signature"));
	write_file(bench.dir_fd, "broken.ndb", "no:such:thing\n", 14);
	assert_true(try_pinned("broken.ndb", why) < 0);
}

static void test_what_is_not_a_signed_database_is_no_cvd(void **state)
{
	char forged[2048], why[WHY_MAX];

	memset(forged, ' ', sizeof(forged));
	memcpy(forged, "ClamAV-VDB:01 Jan 2026 00-00 +0000:1:1:90:X:X:builder:1767225600", 65);
	write_file(bench.dir_fd, "forged.cvd", forged, sizeof(forged));
	assert_int_equal(try_one("forged.cvd", "", why), -EKEYREJECTED);
	assert_non_null(strstr(why, "forged.cvd"));
	write_file(bench.dir_fd, "words.cvd", "words", 5);
	assert_true(try_one("words.cvd", "", why) < 0);
}

static void test_links_and_special_files_are_refused(void **state)
{
	char why[WHY_MAX];

	assert_int_equal(symlinkat("eicar.ndb", bench.dir_fd, "link.ndb"), 0);
	assert_int_equal(try_pinned("link.ndb", why), -ELOOP);
	assert_int_equal(mkfifoat(bench.dir_fd, "fifo.cvd", 0600), 0);
	assert_int_equal(try_one("fifo.cvd", "", why), -EINVAL);
	assert_int_equal(mkdirat(bench.dir_fd, "dir.cvd", 0700), 0);
	assert_int_equal(try_one("dir.cvd", "", why), -EINVAL);
}

static void test_missing_shipped_signatures_do_not_start(void **state)
{
	struct database_file f = pinned(&bench, "eicar.ndb");
	char why[WHY_MAX];

	assert_true(try_open(&f, 1, "/nonexistent", why) < 0);
	assert_non_null(strstr(why, "lazaret.ndb"));
	free(f.name);
	free(f.sha256);
}

/* The whole directory is full of what a site may leave there; only the named file counts. */
static void test_neighbours_have_no_effect(void **state)
{
	static const char *const names[] = { "eicar.ndb", NULL };
	_cleanup_(findings_done) struct findings f = { 0 };
	struct clam *c;

	write_file(bench.dir_fd, "local.ign2", "Test.Eicar.Body\n", 16);
	write_file(bench.dir_fd, "local.cfg", "DOCUMENT:0x0\nARCHIVE:0x0\n", 25);
	write_file(bench.dir_fd, "local.ftm", "0:0:58354f:X:CL_TYPE_ANY:CL_TYPE_IGNORED\n", 41);
	c = engine_open(&bench, names);
	scan_path(c, bench.dir_fd, "eicar.com", &f);
	assert_true(has_finding(&f, REASON_MALWARE, ""));
	clam_free(c);
}

static void test_info_counts_the_sites_signatures_only(void **state)
{
	static const char *const names[] = { "eicar.ndb", "eicar.hdb", NULL };
	struct clam *c = engine_open(&bench, names);
	struct clam_info info;

	clam_info(c, &info);
	assert_int_equal(info.signatures, 2);
	assert_int_equal(info.database_time, 0);
	assert_string_equal(info.database_version, "eicar.ndb, eicar.hdb");
	assert_true(info.version[0] >= '1');
	clam_free(c);
}

static void test_nothing_is_left_behind_by_loading(void **state)
{
	char why[WHY_MAX], command[128];

	assert_int_equal(try_pinned("eicar.ndb", why), 0);
	assert_true(try_one("main.cvd", "", why) < 0);
	(void)snprintf(command, sizeof(command), "! ls -d %s/lazaret-engine.* 2>/dev/null", bench.dir);
	assert_int_equal(system(command), 0);
}

static void test_canaries_sing(void **state)
{
	static const char *const names[] = { "eicar.ndb", NULL };
	struct clam *c = engine_open(&bench, names);
	char why[WHY_MAX] = "";

	assert_int_equal(canary_check(c, true, why), 0);
	clam_free(c);
}

static void test_a_database_without_eicar_is_noticed(void **state)
{
	static const char *const names[] = { "other.ndb", NULL };
	char why[WHY_MAX] = "";
	struct clam *c;

	write_file(bench.dir_fd, "other.ndb", "Other:0:*:6162636465666768696a6b6c\n", 35);
	c = engine_open(&bench, names);
	assert_int_equal(canary_check(c, false, why), 0);
	assert_int_equal(canary_check(c, true, why), -EBADMSG);
	assert_non_null(strstr(why, "EICAR"));
	clam_free(c);
}

/* An engine that cannot unpack is blind to the canary in the zip. */
static void test_a_blind_engine_fails_its_canaries(void **state)
{
	static const char *const names[] = { "eicar.ndb", NULL };
	struct clam *c = engine_open(&bench, names);
	char why[WHY_MAX] = "";

	assert_int_equal(clam_set_tmpdir(c, "/nonexistent"), 0);
	assert_int_equal(canary_check(c, false, why), -EBADMSG);
	clam_free(c);
}

/* Our executables must not be taken for malware: no marker of a canary and no EICAR stands in them in plain. */
static void test_canaries_are_hidden_in_the_executable(void **state)
{
	static const char *const names[] = { "eicar.ndb", NULL };
	_cleanup_(findings_done) struct findings f = { 0 };
	struct clam *c = engine_open(&bench, names);
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	assert_true(n > 0);
	path[n] = '\0';
	scan_path(c, AT_FDCWD, path, &f);
	assert_false(has_finding(&f, REASON_MALWARE, NULL));
	clam_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_that_take_detections_away_are_refused),
		cmocka_unit_test(test_paths_are_refused),
		cmocka_unit_test(test_plain_files_need_their_pin),
		cmocka_unit_test(test_missing_empty_and_hollow_databases_do_not_start),
		cmocka_unit_test(test_what_is_not_a_signed_database_is_no_cvd),
		cmocka_unit_test(test_links_and_special_files_are_refused),
		cmocka_unit_test(test_missing_shipped_signatures_do_not_start),
		cmocka_unit_test(test_neighbours_have_no_effect),
		cmocka_unit_test(test_info_counts_the_sites_signatures_only),
		cmocka_unit_test(test_nothing_is_left_behind_by_loading),
		cmocka_unit_test(test_canaries_sing),
		cmocka_unit_test(test_a_database_without_eicar_is_noticed),
		cmocka_unit_test(test_a_blind_engine_fails_its_canaries),
		cmocka_unit_test(test_canaries_are_hidden_in_the_executable),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
