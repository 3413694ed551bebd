/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Shared by the examiners' unit tests: a directory with specimens and databases, an engine over them. Include after
 * testing.h.
 */
#ifndef LAZARET_TESTS_EXAMINING_H
#define LAZARET_TESTS_EXAMINING_H

#include "common/hash.h"
#include "examine/canary.h"
#include "examine/examine.h"

struct bench {
	int dir_fd;	/* specimens and databases */
	char dir[64];
	char tmp[96];	/* TMPDIR of the engine */
};

/* Tests run from anywhere: the source tree is where BUILD/tests/PROGRAM lies two levels in, or here. */
_unused_ static void enter_source_tree(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (access("tests/lib/specimens.py", R_OK) == 0)
		return;
	assert_true(n > 0);
	path[n] = '\0';
	for (int i = 0; i < 3; i++)
		*strrchr(path, '/') = '\0';
	assert_int_equal(chdir(path), 0);
	assert_int_equal(access("tests/lib/specimens.py", R_OK), 0);
}

_unused_ static void run_program(const char *const *argv)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* With the named specimens (NULL-terminated, at most 8), or all of them when `names` is NULL. */
_unused_ static void bench_make(struct bench *b, const char *const *names)
{
	const char *argv[12] = { "/usr/bin/python3", "tests/lib/specimens.py", b->dir };

	enter_source_tree();
	b->dir_fd = private_directory(b->dir);
	for (size_t i = 0; names && names[i]; i++)
		argv[3 + i] = names[i];
	run_program(argv);
	(void)snprintf(b->tmp, sizeof(b->tmp), "%s/tmp", b->dir);
	assert_int_equal(mkdir(b->tmp, 0700), 0);
}

_unused_ static void bench_remove(struct bench *b)
{
	remove_private_directory(b->dir_fd, b->dir);
}

/* Name and SHA-256 as the configuration pins it; strings for free(). */
_unused_ static struct database_file pinned(const struct bench *b, const char *name)
{
	struct database_file f = { strdup(name), malloc(SHA256_HEX_LEN + 1) };
	int fd = openat(b->dir_fd, name, O_RDONLY | O_CLOEXEC);
	uint8_t sum[SHA256_LEN];

	assert_true(fd >= 0);
	assert_int_equal(sha256_fd(fd, sum, NULL), 0);
	hex_encode(sum, sizeof(sum), f.sha256);
	(void)close(fd);
	return f;
}

/* An engine with these pinned databases (NULL-terminated, at most 8). */
_unused_ static struct clam *engine_open(const struct bench *b, const char *const *names)
{
	struct database_file files[8];
	struct clam_setup setup = { .database_fd = b->dir_fd, .files = files, .private_parent = b->dir,
				    .shipped_dir = "rules/clamav", .scan_time_ms = 120000 };
	char why[WHY_MAX] = "";
	struct clam *c = NULL;
	int r;

	for (; names[setup.file_count]; setup.file_count++)
		files[setup.file_count] = pinned(b, names[setup.file_count]);
	r = clam_open(&setup, &c, why);
	if (r < 0)
		fail_msg("%s", why);
	for (size_t i = 0; i < setup.file_count; i++) {
		free(files[i].name);
		free(files[i].sha256);
	}
	assert_int_equal(clam_set_tmpdir(c, b->tmp), 0);
	return c;
}

/* Scan a file of the bench from a memory map, as a worker does. */
_unused_ static void scan_path(struct clam *c, int dir_fd, const char *path, struct findings *f)
{
	int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *data = NULL;

	if (fd < 0 || fstat(fd, &st) < 0)
		fail_msg("%s: %s", path, strerror(errno));
	if (st.st_size > 0) {
		data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		assert_true(data != MAP_FAILED);
	}
	(void)close(fd);
	clam_scan(c, data ? data : (const uint8_t *)"", (size_t)st.st_size, path, f);
	if (data)
		(void)munmap(data, (size_t)st.st_size);
}

_unused_ static bool has_finding(const struct findings *f, enum reason reason, const char *member)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->list[i].reason == reason &&
		    (!member || strcmp(f->list[i].member ? f->list[i].member : "", member) == 0))
			return true;
	return false;
}

_unused_ static void print_findings(const char *what, const struct findings *f)
{
	print_message("  %s: done %x\n", what, f->done);
	for (size_t i = 0; i < f->count; i++)
		print_message("    %s: %s @ %s\n", reason_code(f->list[i].reason), f->list[i].detail,
			      f->list[i].member ? f->list[i].member : "");
}

#endif
