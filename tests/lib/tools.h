/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Shared by unit tests: specimens made by the tools that people use. Include after <cmocka.h> and "../lib/testing.h". */
#ifndef LAZARET_TESTS_TOOLS_H
#define LAZARET_TESTS_TOOLS_H

/* Run a tool (argv[0] by PATH) in `dir`; its words go to `dir`/tool.log, and are shown when it fails. Returns its exit status. */
_unused_ static int tool_status(const char *dir, const char *const *argv)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC), log_fd;

		if (chdir(dir) < 0)
			_exit(126);
		log_fd = open("tool.log", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		if (log_fd < 0 || dup2(null_fd, 0) < 0 || dup2(log_fd, 1) < 0 || dup2(log_fd, 2) < 0)
			_exit(126);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The whole file with a NUL behind it, owned by the caller. */
_unused_ static char *read_whole(int dir_fd, const char *name, size_t *ret_size)
{
	_cleanup_close_ int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *data;

	if (fd < 0)
		fail_msg("%s: %s", name, strerror(errno));
	assert_int_equal(fstat(fd, &st), 0);
	data = calloc(1, (size_t)st.st_size + 1);
	assert_non_null(data);
	assert_int_equal(pread(fd, data, (size_t)st.st_size, 0), st.st_size);
	if (ret_size)
		*ret_size = (size_t)st.st_size;
	return data;
}

/* As tool_status(), and it must succeed: tool_run(dir, "openssl", "genpkey", ...). */
#define tool_run(dir, ...) tool_run_all(dir, (const char *const[]){ __VA_ARGS__, NULL })
_unused_ static void tool_run_all(const char *dir, const char *const *argv)
{
	_cleanup_free_ char *words = NULL;
	int status = tool_status(dir, argv), dir_fd;

	if (status == 0)
		return;
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	words = read_whole(dir_fd, "tool.log", NULL);
	(void)close(dir_fd);
	fail_msg("%s: exit status %d: %s", argv[0], status, words);
}

#endif
