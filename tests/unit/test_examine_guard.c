/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* An environment in which libclamav answers "clean" without having looked: it must never be taken at its word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "../lib/testing.h"
#include "../lib/examining.h"
#include "examine/guard.h"

static struct bench bench;
static struct clam *engine;

static const char *const containers[] = {
	"/usr/share/clamav-testfiles/clam.7z",	     "/usr/share/clamav-testfiles/clam.cab",
	"/usr/share/clamav-testfiles/clam.tar.gz",   "/usr/share/clamav-testfiles/clam.chm",
	"/usr/share/clamav-testfiles/clam.exe.bz2",  "/usr/share/clamav-testfiles/clam.ole.doc",
	"/usr/share/clamav-testfiles/clam.tnef",     "/usr/share/clamav-testfiles/clam.exe.html",
	"/usr/share/clamav-testfiles/clam.exe.rtf",  "/usr/share/clamav-testfiles/clam.exe.mbox.base64",
	"/usr/share/clamav-testfiles/clam.exe.binhex", "/usr/share/clamav-testfiles/clam.exe.szdd",
	"/usr/share/clamav-testfiles/clam.arj",	     "/usr/share/clamav-testfiles/clam.sis",
	"/usr/share/clamav-testfiles/clam.zip",	     "/usr/share/clamav-testfiles/clam.pdf",
	"/usr/share/clamav-testfiles/clam_cache_emax.tgz",
};

static struct {
	uint8_t *data;
	size_t size;
} maps[ARRAY_LEN(containers)];

/* Before anything is taken away, as a worker's sealed copy is mapped. */
static void map_containers(void)
{
	for (size_t i = 0; i < ARRAY_LEN(containers); i++) {
		char *data = NULL;

		if (file_read(AT_FDCWD, containers[i], 1 << 20, &data, &maps[i].size) < 0)
			fail_msg("%s: install clamav-testfiles", containers[i]);
		maps[i].data = (uint8_t *)data;
	}
}

static int set_up(void **state)
{
	static const char *const names[] = { "db-ndb", "eicar", "text", "zip-eicar", NULL };
	static const char *const databases[] = { "eicar.ndb", "clam.hdb", NULL };
	static const char line[] = "aa15bcf478d165efd2065190eb473bcb:544:Clamav.Test.File-6\n";

	bench_make(&bench, names);
	write_file(bench.dir_fd, "clam.hdb", line, sizeof(line) - 1);
	engine = engine_open(&bench, databases);
	map_containers();
	return 0;
}

static int tear_down(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(maps); i++)
		free(maps[i].data);
	clam_free(engine);
	bench_remove(&bench);
	return 0;
}

static void scan_must_not_pass(const char *path)
{
	_cleanup_(findings_done) struct findings f = { 0 };

	scan_path(engine, bench.dir_fd, path, &f);
	if (f.count == 0)
		fail_msg("%s passed", path);
}

static void use_tmpdir(const char *path)
{
	assert_int_equal(clam_set_tmpdir(engine, path), 0);
}

static void test_a_missing_tmpdir_is_no_clean(void **state)
{
	_cleanup_(findings_done) struct findings f = { 0 };

	use_tmpdir("/nonexistent");
	scan_path(engine, bench.dir_fd, "text.txt", &f);
	assert_true(has_finding(&f, REASON_SCAN_ERROR, ""));
	assert_false(f.done & CHECK_VIRUS);
	scan_must_not_pass("eicar.com");
	use_tmpdir(bench.tmp);
}

static void test_a_tmpdir_that_is_a_file_is_no_clean(void **state)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/text.txt", bench.dir);
	use_tmpdir(path);
	scan_must_not_pass("text.txt");
	scan_must_not_pass("eicar.zip");
	use_tmpdir(bench.tmp);
}

/* In a child: what it breaks must not outlive the test. Returns the child's count of files that passed. */
static int in_child(int (*body)(int), int argument)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(body(argument));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* None of these files may pass; a test in a child cannot use cmocka. */
static int count_passes(void)
{
	int passes = 0;

	for (size_t i = 0; i < ARRAY_LEN(containers); i++) {
		struct findings f = { 0 };

		clam_scan(engine, maps[i].data, maps[i].size, "x", &f);
		if (f.count == 0) {
			(void)fprintf(stderr, "passed: %s\n", containers[i]);
			passes++;
		}
		findings_done(&f);
	}
	return passes;
}

static int with_few_descriptors(int limit)
{
	struct rlimit few = { (rlim_t)limit, (rlim_t)limit };

	if (setrlimit(RLIMIT_NOFILE, &few) < 0)
		return 200;
	return count_passes();
}

static void test_exhausted_descriptors_are_no_clean(void **state)
{
	for (int limit = 4; limit < 12; limit++)
		assert_int_equal(in_child(with_few_descriptors, limit), 0);
}

#define NO_NAMESPACE 201

static int with_full_tmpfs(int blocks)
{
	char options[64];

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return NO_NAMESPACE;
	(void)snprintf(options, sizeof(options), "size=%dk,nr_inodes=%d", blocks * 4, blocks + 2);
	if (mount("none", bench.tmp, "tmpfs", 0, options) < 0)
		return NO_NAMESPACE;
	return count_passes();
}

static void test_a_full_tmpfs_is_no_clean(void **state)
{
	for (int blocks = 1; blocks < 12; blocks++)
		assert_int_equal(in_child(with_full_tmpfs, blocks), 0);
}

static int with_file_size_limit(int bytes)
{
	struct rlimit small = { (rlim_t)bytes, (rlim_t)bytes };

	(void)signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &small) < 0)
		return 200;
	return count_passes();
}

static void test_files_that_cannot_be_written_whole_are_no_clean(void **state)
{
	assert_int_equal(in_child(with_file_size_limit, 0), 0);
	assert_int_equal(in_child(with_file_size_limit, 100), 0);
	assert_int_equal(in_child(with_file_size_limit, 500), 0);
}

static void test_the_guard_sees_libclamavs_calls(void **state)
{
	_cleanup_(findings_done) struct findings f = { 0 };

	scan_path(engine, bench.dir_fd, "text.txt", &f);
	assert_true(guard_calls() > 0);
	assert_int_equal(f.count, 0);
	assert_true(f.done & CHECK_VIRUS);
}

static void test_the_guard_forgets_between_scans(void **state)
{
	const char *call;
	int error;

	guard_arm();
	assert_true(mkdir("/nonexistent/x", 0700) < 0);
	assert_true(guard_disarm(&call, &error));
	assert_string_equal(call, "mkdir");
	assert_int_equal(error, ENOENT);
	guard_arm();
	assert_true(access("/nonexistent", F_OK) < 0); /* no call of its kind */
	assert_false(guard_disarm(&call, &error));
}

/* What libclamav imports and can fail without a word must be watched: held against each new version of it. */
static void test_every_import_that_does_io_is_watched(void **state)
{
	/* do no input or output on files, or report nothing that a verdict depends on */
	static const char *const harmless[] = {
		"access", "chdir", "chmod", "chown", "chroot", "close", "closedir", "dirfd", "fchmod", "fchown", "feof",
		"ferror", "fgetc", "fgets", "fileno", "flock", "getc", "getcwd", "ioctl", "isatty", "lchown", "linkat", "lstat64",
		"mkfifo", "munmap", "pause", "perror", "pipe2", "poll", "printf", "putc", "putchar", "puts", "readdir64", "readlink",
		"realpath", "remove", "rewinddir", "select", "stat64", "statx", "symlink", "unlinkat", "utimensat", "fstatat64",
		"futimens", "clearerr", "ftell", "fscanf", "copy_file_range", "sendfile64", "splice", NULL,
	};
	static const char command[] =
		"nm -D --undefined-only \"$(ldconfig -p | awk '/libclamav.so.12/ {print $NF; exit}')\" | "
		"sed -n 's/^ *U \\([a-z0-9_]*\\)@GLIBC.*/\\1/p' | grep -E '^(__)?(f?open|fdopen|f?read|pread|f?write|pwrite|l?seek|fseek|"
		"mk(dir|nod|temp|stemp|ostemp|fifo)|dup|mmap|ftrunc|truncate|open|f?put|fflush|fclose|fsync|fdata|creat|tmp|unlink|rmdir|rename|opendir|fcntl|"
		"fstat|msync|mremap|mprotect|fallocate|posix_fallocate)'";
	FILE *list = popen(command, "r");
	_cleanup_free_ char *line = NULL;
	unsigned int count = 0;
	size_t room = 0;

	assert_non_null(list);
	while (getline(&line, &room, list) > 0) {
		bool is_known = false;

		line[strcspn(line, "\n")] = '\0';
		for (const char *const *s = guard_symbols(); *s; s++)
			is_known |= strcmp(*s, line) == 0;
		for (const char *const *s = harmless; *s; s++)
			is_known |= strcmp(*s, line) == 0;
		if (!is_known)
			fail_msg("libclamav imports %s, which the guard does not watch", line);
		count++;
	}
	assert_int_equal(pclose(list), 0);
	assert_true(count > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_missing_tmpdir_is_no_clean),
		cmocka_unit_test(test_a_tmpdir_that_is_a_file_is_no_clean),
		cmocka_unit_test(test_exhausted_descriptors_are_no_clean),
		cmocka_unit_test(test_a_full_tmpfs_is_no_clean),
		cmocka_unit_test(test_files_that_cannot_be_written_whole_are_no_clean),
		cmocka_unit_test(test_the_guard_sees_libclamavs_calls),
		cmocka_unit_test(test_the_guard_forgets_between_scans),
		cmocka_unit_test(test_every_import_that_does_io_is_watched),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
