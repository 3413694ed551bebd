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

/* Past INT_MAX - 2 libclamav does not look: said at once, and the type is known all the same. */
static void test_files_past_two_gib_are_not_inspected_but_typed(void **state)
{
	struct examiner e = { .clam = engine };
	size_t size = (size_t)SCAN_FILE_MAX + 1;
	int fd = memory_file("%PDF-1.5\n%\xe2\xe3\xcf\xd3\n", 15);
	struct examination_job job = { .size = size, .raw_name = "big.pdf", .container = "", .wanted = CHECK_VIRUS };
	struct examination x;
	char why[WHY_MAX];
	uint8_t *data;

	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_true(data != MAP_FAILED);
	assert_int_equal(magic_open_engine(&e.magic, why), 0);
	job.data = data;
	examine_bytes(&e, &job, &x);
	assert_int_equal(x.findings.done, CHECK_TYPE);
	assert_true(has_finding(&x.findings, REASON_LIMIT_EXCEEDED, ""));
	assert_string_equal(x.types.list[0], "application/pdf");
	examination_done(&x);
	magic_free_engine(e.magic);
	(void)munmap(data, size);
	(void)close(fd);
}

/* libclamav's own time limit ends in "clean" unless asked otherwise; here it ends in a finding and without the bit. */
static void test_a_scan_that_takes_too_long_is_no_clean(void **state)
{
	struct database_file file = pinned(&bench, "eicar.ndb");
	struct clam_setup setup = { .database_fd = bench.dir_fd, .files = &file, .file_count = 1,
				    .private_parent = bench.dir, .shipped_dir = "rules/clamav", .scan_time_ms = 1 };
	_cleanup_(findings_done) struct findings f = { 0 };
	size_t size = 64u << 20;
	uint8_t *data = malloc(size);
	char why[WHY_MAX] = "";
	struct clam *c = NULL;

	assert_non_null(data);
	memset(data, 'x', size);
	if (clam_open(&setup, &c, why) < 0)
		fail_msg("%s", why);
	assert_int_equal(clam_set_tmpdir(c, bench.tmp), 0);
	clam_scan(c, data, size, "slow", &f);
	assert_false(f.done & CHECK_VIRUS);
	assert_true(has_finding(&f, REASON_SCAN_TIMEOUT, NULL));
	clam_free(c);
	free(data);
	free(file.name);
	free(file.sha256);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_specimen_gets_its_answer),
		cmocka_unit_test(test_debians_test_files_are_all_found),
		cmocka_unit_test(test_ordinary_files_are_clean),
		cmocka_unit_test(test_malware_behind_an_encrypted_member_is_named),
		cmocka_unit_test(test_files_past_two_gib_are_not_inspected_but_typed),
		cmocka_unit_test(test_a_scan_that_takes_too_long_is_no_clean),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
