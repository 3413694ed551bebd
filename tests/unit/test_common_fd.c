/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Whole reads and writes, files that appear complete or not at all, trees that are removed without following links. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/resource.h>

#include "../lib/testing.h"

static char directory[64];
static int dir_fd;

static int make_directory(void **state)
{
	dir_fd = private_directory(directory);
	return 0;
}

static int remove_directory(void **state)
{
	remove_private_directory(dir_fd, directory);
	return 0;
}

static void assert_content(const char *name, const char *content)
{
	_cleanup_free_ char *data = NULL;

	assert_int_equal(file_read(dir_fd, name, 4096, &data, NULL), 0);
	assert_string_equal(data, content);
}

static void test_read_limits(void **state)
{
	char *data = NULL;
	size_t size = 0;

	write_file(dir_fd, "five", "12345", 5);
	assert_int_equal(file_read(dir_fd, "five", 4, &data, &size), -EFBIG);
	assert_null(data);
	assert_int_equal(file_read(dir_fd, "five", 5, &data, &size), 0);
	assert_int_equal(size, 5);
	assert_string_equal(data, "12345");
	free(data);
	assert_int_equal(file_read(dir_fd, "missing", 5, &data, NULL), -ENOENT);
}

static void test_read_refuses_what_is_no_file(void **state)
{
	char *data = NULL;

	assert_int_equal(symlinkat("five", dir_fd, "link"), 0);
	assert_int_equal(mkfifoat(dir_fd, "fifo", 0600), 0);
	assert_int_equal(mkdirat(dir_fd, "dir", 0700), 0);
	assert_int_equal(file_read(dir_fd, "link", 100, &data, NULL), -ELOOP);
	assert_int_equal(file_read(dir_fd, "fifo", 100, &data, NULL), -EINVAL); /* and does not wait for a writer */
	assert_int_equal(file_read(dir_fd, "dir", 100, &data, NULL), -EISDIR);
	assert_null(data);
}

static void test_replace(void **state)
{
	struct stat st;

	assert_int_equal(file_replace(dir_fd, "state", "old", 3, 0600), 0);
	assert_content("state", "old");
	assert_int_equal(file_replace(dir_fd, "state", "new!", 4, 0640), 0);
	assert_content("state", "new!");
	assert_int_equal(fstatat(dir_fd, "state", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_false(exists(dir_fd, ".state.new"));
}

/* The disk refuses half-way: the old file is whole, and nothing else is left. */
static void test_replace_that_fails_keeps_the_old(void **state)
{
	struct rlimit before, small;
	char big[8192] = { 0 };
	int r;

	assert_int_equal(file_replace(dir_fd, "state", "old", 3, 0600), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 4096;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	r = file_replace(dir_fd, "state", big, sizeof(big), 0600);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(r, -EFBIG);
	assert_content("state", "old");
	assert_false(exists(dir_fd, ".state.new"));
}

/* What a crash leaves behind (a temporary file, longer and of another mode) does not shine through. */
static void test_replace_after_a_crash(void **state)
{
	write_file(dir_fd, ".state.new", "left over and longer", 20);
	assert_int_equal(fchmodat(dir_fd, ".state.new", 0666, 0), 0);
	assert_int_equal(file_replace(dir_fd, "state", "x", 1, 0600), 0);
	assert_content("state", "x");
}

static void test_replace_does_not_follow_a_link(void **state)
{
	write_file(dir_fd, "victim", "safe", 4);
	assert_int_equal(symlinkat("victim", dir_fd, ".state.new"), 0);
	assert_int_equal(file_replace(dir_fd, "state", "x", 1, 0600), -ELOOP);
	assert_content("victim", "safe");
	(void)unlinkat(dir_fd, ".state.new", 0);
}

static void test_exact_reads(void **state)
{
	_cleanup_close_ int fd = memory_text("12345");
	char data[8];

	assert_int_equal(fd_read_exact(fd, data, 5), 0);
	assert_int_equal(fd_read_exact(fd, data, 1), -ENODATA);
	assert_int_equal(fd_write_all(-1, "x", 1), -EBADF);
}

static void test_copy(void **state)
{
	_cleanup_close_ int src = memory_text("0123456789"), dst = memory_file("", 0), short_dst = memory_file("", 0);
	char data[11] = "";

	assert_int_equal(lseek(src, 4, SEEK_SET), 4); /* the position does not matter */
	assert_int_equal(fd_copy(dst, src, 10), 0);
	assert_int_equal(pread(dst, data, 11, 0), 10);
	assert_string_equal(data, "0123456789");
	assert_int_equal(fd_copy(short_dst, src, 11), -ENODATA);
}

static void test_remove_tree(void **state)
{
	int sub;

	assert_int_equal(dir_open_make(dir_fd, "tree", 0700, &sub), 0);
	write_file(sub, "file", "x", 1);
	write_file(dir_fd, "outside", "safe", 4);
	(void)mkdirat(dir_fd, "outside-dir", 0700); /* there already when this runs again */
	write_file(dir_fd, "outside-dir/file", "safe", 4);
	assert_int_equal(symlinkat("../outside", sub, "link"), 0);
	assert_int_equal(symlinkat("../outside-dir", sub, "link-dir"), 0);
	assert_int_equal(symlinkat("/", sub, "root"), 0);
	assert_int_equal(mkfifoat(sub, "fifo", 0600), 0);
	assert_int_equal(mkdirat(sub, "read-only", 0700), 0);
	write_file(sub, "read-only/file", "x", 1);
	assert_int_equal(fchmodat(sub, "read-only", 0555, 0), 0);
	(void)close(sub);
	assert_int_equal(fchmodat(dir_fd, "tree", 0555, 0), 0);
	assert_int_equal(dir_remove_tree(dir_fd, "tree"), 0);
	assert_false(exists(dir_fd, "tree"));
	assert_content("outside", "safe");
	assert_content("outside-dir/file", "safe");
	assert_int_equal(dir_remove_tree(dir_fd, "tree"), 0); /* gone already */
}

static void test_remove_tree_does_not_follow_its_name(void **state)
{
	assert_int_equal(symlinkat("outside-dir", dir_fd, "alias"), 0);
	assert_int_equal(dir_remove_tree(dir_fd, "alias"), -ENOTDIR);
	assert_content("outside-dir/file", "safe");
}

/* The deepest tree that can be published, with no more descriptors than a role has. */
static void test_remove_deep_tree_with_few_descriptors(void **state)
{
	struct rlimit before, few;
	int fd = dir_fd, r;

	for (int i = 0; i < 66; i++) {
		int next;

		assert_int_equal(dir_open_make(fd, "d", 0700, &next), 0);
		if (fd != dir_fd)
			(void)close(fd);
		fd = next;
	}
	(void)close(fd);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = 80;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	r = dir_remove_tree(dir_fd, "d");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(r, 0);
	assert_false(exists(dir_fd, "d"));
}

static void test_nothing_leaks(void **state)
{
	size_t before = open_descriptors();

	test_remove_tree(NULL);
	test_replace(NULL);
	assert_int_equal(open_descriptors(), before);
}

static void test_open_make_refuses_a_link(void **state)
{
	int fd = -EBADF, r = dir_open_make(dir_fd, "alias", 0700, &fd);

	assert_true(r == -ELOOP || r == -ENOTDIR);
	assert_int_equal(fd, -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_limits),
		cmocka_unit_test(test_read_refuses_what_is_no_file),
		cmocka_unit_test(test_replace),
		cmocka_unit_test(test_replace_that_fails_keeps_the_old),
		cmocka_unit_test(test_replace_after_a_crash),
		cmocka_unit_test(test_replace_does_not_follow_a_link),
		cmocka_unit_test(test_exact_reads),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_remove_tree),
		cmocka_unit_test(test_remove_tree_does_not_follow_its_name),
		cmocka_unit_test(test_remove_deep_tree_with_few_descriptors),
		cmocka_unit_test(test_open_make_refuses_a_link),
		cmocka_unit_test(test_nothing_leaks),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
