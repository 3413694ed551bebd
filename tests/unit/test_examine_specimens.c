/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Every specimen of tests/lib/specimens.py through the scan as workers do it: what must be found, held or clean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>

#include "../lib/testing.h"
#include "../lib/examining.h"

static struct bench bench;
static struct clam *engine;

static int set_up(void **state)
{
	static const char *const databases[] = { "eicar.ndb", "eicar.hdb", "html.hsb", "clam.hdb", NULL };
	/* MD5 and size of clam.exe in Debian's clamav-testfiles */
	static const char line[] = "aa15bcf478d165efd2065190eb473bcb:544:Clamav.Test.File-6\n";

	bench_make(&bench, NULL);
	write_file(bench.dir_fd, "clam.hdb", line, sizeof(line) - 1);
	engine = engine_open(&bench, databases);
	return 0;
}

static int tear_down(void **state)
{
	clam_free(engine);
	bench_remove(&bench);
	return 0;
}

/* "clean", or "reason[@member]" */
static bool is_expected(char *wanted, const struct findings *f)
{
	char *member = strchr(wanted, '@');
	enum reason reason;

	if (strcmp(wanted, "clean") == 0)
		return f->count == 0 && f->done & CHECK_VIRUS;
	if (member)
		*member++ = '\0';
	assert_int_equal(reason_parse(wanted, &reason), 0);
	return has_finding(f, reason, member);
}

static bool check_specimen(const char *name, const char *file, char *expected)
{
	_cleanup_(findings_done) struct findings f = { 0 };
	bool is_good = false;
	char *wanted, *rest = expected;

	scan_path(engine, bench.dir_fd, file, &f);
	while ((wanted = strsep(&rest, ",")) != NULL)
		is_good |= is_expected(wanted, &f);
	/* whatever else: no bit, no silence */
	if (!(f.done & CHECK_VIRUS) && f.count == 0)
		is_good = false;
	if (!is_good)
		print_findings(name, &f);
	return is_good;
}

static void test_every_specimen_gets_its_answer(void **state)
{
	FILE *list = popen("/usr/bin/python3 tests/lib/specimens.py --list", "r"); /* a test's own command */
	_cleanup_free_ char *line = NULL;
	unsigned int bad = 0, count = 0;
	size_t room = 0;

	assert_non_null(list);
	while (getline(&line, &room, list) > 0) {
		char *rest = line, *name = strsep(&rest, "\t"), *file = strsep(&rest, "\t");
		char *expected = strsep(&rest, "\t");

		if (strncmp(rest, "heavy", 5) == 0)
			continue;
		count++;
		bad += !check_specimen(name, file, expected);
	}
	assert_int_equal(pclose(list), 0);
	assert_true(count > 140);
	assert_int_equal(bad, 0);
}

/* 44 of 44: none of them may be clean, and each must name the hit. */
static void test_debians_test_files_are_all_found(void **state)
{
	DIR *dir = opendir("/usr/share/clamav-testfiles");
	unsigned int count = 0;
	struct dirent *entry;

	if (!dir)
		fail_msg("install clamav-testfiles");
	while ((entry = readdir(dir)) != NULL) {
		_cleanup_(findings_done) struct findings f = { 0 };

		if (entry->d_name[0] == '.')
			continue;
		scan_path(engine, dirfd(dir), entry->d_name, &f);
		if (!has_finding(&f, REASON_MALWARE, NULL))
			fail_msg("%s: not found", entry->d_name);
		count++;
	}
	(void)closedir(dir);
	assert_int_equal(count, 44);
}

/* Ordinary files of this system must not be held: what people bring is of these kinds. */
static void test_ordinary_files_are_clean(void **state)
{
	FILE *list = popen("{ find /usr/share/doc /usr/share/common-licenses -type f -size -200k \\( -name '*.gz' -o -name "
			   "'*.html' -o -name '*.txt' -o -name copyright -o -name '*.pdf' \\) | head -250; find /usr/share "
			   "-type f -size -200k \\( -name '*.png' -o -name '*.jpg' -o -name '*.svg' -o -name '*.py' -o -name "
			   "'*.xml' \\) | head -100; }", "r");
	_cleanup_free_ char *line = NULL;
	unsigned int count = 0;
	size_t room = 0;

	assert_non_null(list);
	while (getline(&line, &room, list) > 0) {
		_cleanup_(findings_done) struct findings f = { 0 };

		line[strcspn(line, "\n")] = '\0';
		scan_path(engine, AT_FDCWD, line, &f);
		if (f.count > 0 || !(f.done & CHECK_VIRUS)) {
			print_findings(line, &f);
			fail();
		}
		count++;
	}
	assert_int_equal(pclose(list), 0);
	assert_true(count > 100);
}

/* A signature that stands for "encrypted" ends libclamav's pass: what lies behind it must come out all the same. */
static void test_malware_behind_an_encrypted_member_is_named(void **state)
{
	_cleanup_(findings_done) struct findings f = { 0 };
	char command[512];

	(void)snprintf(command, sizeof(command), "cd %s && zip -q both.zip encrypted.docx eicar.com", bench.dir);
	assert_int_equal(system(command), 0);
	scan_path(engine, bench.dir_fd, "both.zip", &f);
	assert_true(has_finding(&f, REASON_ENCRYPTED, "encrypted.docx"));
	assert_true(has_finding(&f, REASON_MALWARE, "eicar.com"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_specimen_gets_its_answer),
		cmocka_unit_test(test_debians_test_files_are_all_found),
		cmocka_unit_test(test_ordinary_files_are_clean),
		cmocka_unit_test(test_malware_behind_an_encrypted_member_is_named),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
