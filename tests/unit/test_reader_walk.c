/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Walking hostile trees: everything is told once, nothing is followed, every dimension has a limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "reader/walk.h"

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

struct seen {
	char list[4096]; /* "path\n" for files, "path kind\n" for the rest; files in the order of reading */
	size_t files, others;
	int stop_at;
	/* how often a file came before the one that was told before it: by inode number, and by name */
	size_t falls, name_falls;
	ino_t last;
	char last_name[64];
};

static void note(struct seen *s, const char *path, int kind)
{
	size_t at = strlen(s->list);

	if (kind < 0)
		(void)snprintf(s->list + at, sizeof(s->list) - at, "|%s|\n", path);
	else
		(void)snprintf(s->list + at, sizeof(s->list) - at, "|%s| %d\n", path, kind);
}

static int on_file(void *context, const char *path, const struct stat *st)
{
	struct seen *s = context;

	assert_true(S_ISREG(st->st_mode));
	note(s, path, -1);
	s->falls += st->st_ino < s->last;
	s->name_falls += strcmp(path, s->last_name) < 0;
	s->last = st->st_ino;
	(void)snprintf(s->last_name, sizeof(s->last_name), "%s", path);
	return ++s->files == (size_t)s->stop_at ? -EPIPE : 0;
}

static int on_other(void *context, const char *path, enum entry_kind kind, const char *detail)
{
	struct seen *s = context;

	assert_non_null(detail);
	s->others++;
	note(s, path, kind);
	return 0;
}

static int go(uint64_t entries, unsigned int depth, struct seen *s)
{
	const struct walk_limits limits = { .entries = entries, .depth = depth };
	const struct walk_events events = { on_file, on_other, s, false };
	size_t before = open_descriptors();
	int r = walk(dir_fd, &limits, &events);

	assert_int_equal(open_descriptors(), before);
	return r;
}

static void assert_told(const struct seen *s, const char *line)
{
	if (!strstr(s->list, line))
		fail_msg("not told: %s\n%s", line, s->list);
}

/* The first batch, one twice as large, and the beginning of a third */
#define FILES_OF_BATCHES (3 * WALK_BATCH_MIN + 10)

static void test_everything_is_told_once(void **state)
{
	struct seen s = { 0 };

	write_file(dir_fd, "a", "1", 1);
	write_file(dir_fd, "with\nnewline", "1", 1);
	write_file(dir_fd, "\xff\xfe", "1", 1);
	write_file(dir_fd, "-rf", "", 0);
	assert_int_equal(mkdirat(dir_fd, "dir", 0755), 0);
	write_file(dir_fd, "dir/b", "1", 1);
	assert_int_equal(mkdirat(dir_fd, "empty", 0755), 0);
	assert_int_equal(symlinkat("/etc/passwd", dir_fd, "link"), 0);
	assert_int_equal(symlinkat("/etc", dir_fd, "dir/link-dir"), 0);
	assert_int_equal(symlinkat(".", dir_fd, "loop"), 0);
	assert_int_equal(mkfifoat(dir_fd, "fifo", 0644), 0);
	assert_int_equal(go(100, 64, &s), 0);
	assert_int_equal(s.files, 5);
	assert_int_equal(s.others, 4);
	assert_told(&s, "|a|\n");
	assert_told(&s, "|with\nnewline|\n");
	assert_told(&s, "|\xff\xfe|\n");
	assert_told(&s, "|-rf|\n");
	assert_told(&s, "|dir/b|\n");
	assert_told(&s, "|link| 1\n");
	assert_told(&s, "|dir/link-dir| 1\n");
	assert_told(&s, "|loop| 1\n");
	assert_told(&s, "|fifo| 2\n");
}

static void test_entries_limit(void **state)
{
	struct seen s = { 0 };

	for (int i = 0; i < 10; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "f%d", i);
		write_file(dir_fd, name, "x", 1);
	}
	assert_int_equal(go(10, 64, &s), 0);
	assert_int_equal(s.files, 10);
	s = (struct seen){ 0 };
	assert_int_equal(go(9, 64, &s), -E2BIG);
	assert_int_equal(s.files, 9); /* what was found is still told */
	s = (struct seen){ 0 };
	assert_int_equal(go(0, 64, &s), -E2BIG);
	assert_int_equal(s.files, 0);
}

static void make_deep(int levels)
{
	int fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);

	for (int i = 0; i < levels; i++) {
		int next;

		assert_int_equal(dir_open_make(fd, "d", 0755, &next), 0);
		(void)close(fd);
		fd = next;
	}
	write_file(fd, "f", "x", 1);
	(void)close(fd);
}

static void test_depth_limit(void **state)
{
	struct seen s = { 0 };

	make_deep(5);
	assert_int_equal(go(100, 5, &s), 0);
	assert_told(&s, "|d/d/d/d/d/f|\n");
	s = (struct seen){ 0 };
	assert_int_equal(go(100, 4, &s), 0);
	assert_int_equal(s.files, 0);
	assert_told(&s, "|d/d/d/d/d| 3\n");
}

/* More levels than descriptors may be open: the hard limit holds whatever the configuration says. */
static void test_hard_depth_limit(void **state)
{
	struct seen s = { 0 };

	make_deep(WALK_DEPTH_MAX + 20);
	assert_int_equal(go(10000, 100000, &s), 0);
	assert_int_equal(s.files, 0);
	assert_int_equal(s.others, 1);
}

static void test_longest_names(void **state)
{
	char name[256], path[64];
	struct seen s = { 0 };
	int fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);

	memset(name, 'n', 255);
	name[255] = '\0';
	for (int i = 0; i < 20; i++) { /* 20 * 256 > 4095 */
		int next;

		assert_int_equal(dir_open_make(fd, name, 0755, &next), 0);
		(void)close(fd);
		fd = next;
	}
	(void)close(fd);
	assert_int_equal(go(1000, 64, &s), 0);
	assert_int_equal(s.files, 0);
	assert_int_equal(s.others, 1); /* told, and the walk goes on */
	(void)snprintf(path, sizeof(path), "|%.50s", name);
	assert_told(&s, path);
}

/* As an ordinary user: a directory that cannot be listed is told, the rest is read. */
static void test_unreadable_directory(void **state)
{
	struct seen s = { 0 };
	uid_t before = geteuid();
	int r;

	assert_int_equal(mkdirat(dir_fd, "closed", 0), 0);
	write_file(dir_fd, "open", "x", 1);
	if (before == 0)
		assert_int_equal(seteuid(65534), 0); /* root may list everything */
	r = go(100, 64, &s);
	if (before == 0)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(fchmodat(dir_fd, "closed", 0700, 0), 0);
	assert_int_equal(r, 0);
	assert_told(&s, "|closed| 3\n");
	assert_told(&s, "|open|\n");
}

static void test_the_callback_ends_the_walk(void **state)
{
	struct seen s = { .stop_at = 2 };

	write_file(dir_fd, "a", "x", 1);
	write_file(dir_fd, "b", "x", 1);
	write_file(dir_fd, "c", "x", 1);
	assert_int_equal(go(100, 64, &s), -EPIPE);
	assert_int_equal(s.files, 2);
}

/* More than one batch: none is lost between two. */
static void test_more_than_a_batch(void **state)
{
	struct seen s = { 0 };

	for (int i = 0; i < FILES_OF_BATCHES; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "%d", i);
		write_file(dir_fd, name, "", 0);
	}
	assert_int_equal(go(1000000, 64, &s), 0);
	assert_int_equal(s.files, FILES_OF_BATCHES);
	/* Three batches, each in order: by inode number, or by name where the file system tells extents and empty files have none. */
	assert_true(MIN(s.falls, s.name_falls) <= 2);
}

static void test_open_stays_beneath(void **state)
{
	int fd;

	write_file(dir_fd, "a", "x", 1);
	assert_int_equal(mkdirat(dir_fd, "dir", 0755), 0);
	assert_int_equal(symlinkat("a", dir_fd, "link"), 0);
	assert_int_equal(symlinkat(".", dir_fd, "here"), 0);
	fd = walk_open(dir_fd, "a", 0);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	(void)close(fd);
	assert_int_equal(walk_open(dir_fd, "/etc/passwd", 0), -EXDEV);
	assert_int_equal(walk_open(dir_fd, "../..", 0), -EXDEV);
	assert_int_equal(walk_open(dir_fd, "dir/../../x", 0), -EXDEV);
	assert_int_equal(walk_open(dir_fd, "link", 0), -ELOOP);
	assert_int_equal(walk_open(dir_fd, "here/a", 0), -ELOOP);
	assert_int_equal(walk_open(dir_fd, "missing", 0), -ENOENT);
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(test_everything_is_told_once),
		IN_DIRECTORY(test_entries_limit),
		IN_DIRECTORY(test_depth_limit),
		IN_DIRECTORY(test_hard_depth_limit),
		IN_DIRECTORY(test_longest_names),
		IN_DIRECTORY(test_unreadable_directory),
		IN_DIRECTORY(test_the_callback_ends_the_walk),
		IN_DIRECTORY(test_more_than_a_batch),
		IN_DIRECTORY(test_open_stays_beneath),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
