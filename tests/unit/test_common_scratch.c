/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Scratch directories: what is locked stays, what a crash left goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/fd.h"
#include "common/scratch.h"

static char place[] = "/tmp/lazaret-scratch.XXXXXX";
static int place_fd = -EBADF;

static int make_place(void **state)
{
	if (!mkdtemp(place))
		return -1;
	place_fd = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return place_fd < 0 ? -1 : 0;
}

static int remove_place(void **state)
{
	close_p(&place_fd);
	return dir_remove_tree(AT_FDCWD, place);
}

static bool is_there(const char *name)
{
	struct stat st;

	return fstatat(place_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void test_what_its_maker_holds_stays(void **state)
{
	int fd = -EBADF;

	assert_int_equal(scratch_make(place_fd, "work.1", &fd), 0);
	assert_int_equal(scratch_make(place_fd, "work.1", &fd), -EEXIST);
	assert_int_equal(scratch_clean(place_fd, "work."), 0);
	assert_true(is_there("work.1"));
	close_p(&fd);
	assert_int_equal(scratch_clean(place_fd, "work."), 1);
	assert_false(is_there("work.1"));
}

static void test_what_a_killed_process_left_goes_with_all_in_it(void **state)
{
	int status, sub;
	pid_t pid = fork();

	if (pid == 0) {
		int fd = -EBADF;

		if (scratch_make(place_fd, "work.2", &fd) < 0 || mkdirat(fd, "inner", 0700) < 0)
			_exit(1);
		abort();
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	sub = openat(place_fd, "work.2/inner", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(sub >= 0);
	close_p(&sub);
	assert_int_equal(scratch_clean(place_fd, "work."), 1);
	assert_false(is_there("work.2"));
}

static void test_other_names_files_and_links_stay(void **state)
{
	int fd = openat(place_fd, "work.file", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close_p(&fd);
	assert_int_equal(mkdirat(place_fd, "other", 0700), 0);
	assert_int_equal(symlinkat("other", place_fd, "work.link"), 0);
	assert_int_equal(scratch_clean(place_fd, "work."), 0);
	assert_true(is_there("work.file") && is_there("work.link") && is_there("other"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_its_maker_holds_stays),
		cmocka_unit_test(test_what_a_killed_process_left_goes_with_all_in_it),
		cmocka_unit_test(test_other_names_files_and_links_stay),
	};

	return cmocka_run_group_tests(tests, make_place, remove_place);
}
