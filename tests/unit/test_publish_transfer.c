/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Invariant 5: a transfer is in staging complete, synced and signed, or not at all; and stock tools verify it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <sys/file.h>
#include <sys/resource.h>

#include "common/name.h"
#include "publish/transfer.h"

#include "../lib/testing.h"

#define NAME "20261122T011500Z-3f9a2c"
#define HIDDEN ".incoming-" NAME

static char directory[64];
static int staging_fd;
static struct minisign_secret *key;
static mode_t umask_before;

static int make_staging(void **state)
{
	umask_before = umask(022);
	staging_fd = private_directory(directory);
	return minisign_secret_new(&key);
}

static int remove_staging(void **state)
{
	(void)umask(umask_before);
	key = minisign_secret_free(key);
	remove_private_directory(staging_fd, directory);
	return 0;
}

static int add(struct transfer *t, const char *path, const char *content)
{
	_cleanup_close_ int fd = memory_text(content);
	uint8_t sum[SHA256_LEN];

	assert_int_equal(sha256(content, strlen(content), sum), 0);
	return transfer_add(t, path, strlen(path), strlen(content), sum, fd);
}

static int commit(struct transfer *t, uint8_t sum[static SHA256_LEN])
{
	_cleanup_close_ int manifest = memory_text("{}\n"), text = memory_text("receipt"), html = memory_text("<p>");

	return transfer_commit(t, key, manifest, text, html, sum);
}

static struct transfer *begin(const char *name)
{
	struct transfer *t = NULL;

	assert_int_equal(transfer_begin(staging_fd, name, &t), 0);
	return t;
}

static size_t staging_entries(void)
{
	DIR *d = fdopendir(openat(staging_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	assert_int_equal(closedir(d), 0);
	return n - 2;
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(fstatat(staging_fd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_mode & 07777;
}

/* Run a tool in the transfer's directory; its exit status. */
static int run(const char *const argv[])
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		if (fchdir(staging_fd) < 0 || chdir(NAME) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
			_exit(126);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_committed_transfer(void **state)
{
	static const char *const check[] = { "sha256sum", "--strict", "-c", "SHA256SUMS", NULL };
	struct transfer *t = begin(NAME);
	char public[MINISIGN_PUBLIC_TEXT_LEN + 1], *lines = NULL;
	const char *const verify[] = { "minisign", "-Vm", "manifest.json", "-P", public, NULL };
	uint8_t sum[SHA256_LEN], expected[SHA256_LEN];
	_cleanup_free_ char *sig = NULL;

	assert_false(exists(staging_fd, NAME)); /* nothing to see before */
	assert_int_equal(mode_of(HIDDEN), 0700);
	assert_int_equal(add(t, "a.txt", "aaa"), 0);
	assert_int_equal(add(t, "dir/sub/b \xc3\xa9", "bbb"), 0);
	assert_int_equal(add(t, "dir/empty", ""), 0);
	assert_int_equal(commit(t, sum), 0);
	transfer_free(t);
	assert_int_equal(sha256("{}\n", 3, expected), 0);
	assert_memory_equal(sum, expected, SHA256_LEN);
	assert_int_equal(staging_entries(), 1);
	assert_int_equal(mode_of(NAME), 0555);
	assert_int_equal(mode_of(NAME "/files/dir/sub"), 0555);
	assert_int_equal(mode_of(NAME "/files/a.txt"), 0444);
	assert_int_equal(mode_of(NAME "/manifest.json"), 0444);
	assert_int_equal(mode_of(NAME "/manifest.json.minisig"), 0444);
	assert_int_equal(mode_of(NAME "/SHA256SUMS"), 0444);
	assert_int_equal(mode_of(NAME "/receipt.txt"), 0444);
	assert_int_equal(mode_of(NAME "/receipt.html"), 0444);
	minisign_public_base64(minisign_secret_public(key), public);
	assert_int_equal(run(check), 0);
	assert_int_equal(run(verify), 0);
	public[20] = public[20] == 'A' ? 'B' : 'A';
	assert_int_not_equal(run(verify), 0);
	assert_int_equal(file_read(staging_fd, NAME "/SHA256SUMS", 4096, &lines, NULL), 0);
	assert_non_null(strstr(lines, "  files/dir/sub/b \xc3\xa9\n"));
	free(lines);
	/* bound to the transfer's name */
	assert_int_equal(file_read(staging_fd, NAME "/manifest.json.minisig", 4096, &sig, NULL), 0);
	assert_non_null(strstr(sig, "trusted comment: lazaret transfer " NAME "\n"));
}

/* Importers read it whatever the umask of whoever started the station. */
static void test_modes_do_not_depend_on_the_umask(void **state)
{
	struct transfer *t;
	uint8_t sum[SHA256_LEN];

	(void)umask(0077);
	t = begin(NAME);
	assert_int_equal(add(t, "a", "x"), 0);
	(void)umask(0077);
	assert_int_equal(add(t, "d/b", "x"), 0);
	assert_int_equal(commit(t, sum), 0);
	transfer_free(t);
	assert_int_equal(mode_of(NAME "/files/a"), 0444);
	assert_int_equal(mode_of(NAME "/files/d"), 0555);
	assert_int_equal(mode_of(NAME "/receipt.txt"), 0444);
}

static void test_names_are_refused(void **state)
{
	static const char *const names[] = { "../x", "/etc/x", "a//b", "a/../b", "NUL", "a:b", "a\nb", "-x", "" };
	struct transfer *t = begin(NAME);

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_int_equal(add(t, names[i], "x"), -EINVAL);
	transfer_free(t);
	assert_int_equal(staging_entries(), 0);
}

static void test_duplicates(void **state)
{
	struct transfer *t = begin(NAME);

	assert_int_equal(add(t, "a", "x"), 0);
	assert_int_equal(add(t, "a", "x"), -EEXIST);
	assert_int_equal(add(t, "a/b", "x"), -ENOTDIR);
	assert_int_equal(add(t, "d/b", "x"), 0);
	assert_int_equal(add(t, "d", "x"), -EEXIST);
	transfer_free(t);
	assert_int_equal(staging_entries(), 0);
}

/* The copy is not what the verdict was about: other bytes, shorter, longer, no file. */
static void test_other_bytes_are_refused(void **state)
{
	_cleanup_close_ int fd = memory_text("evil"), directory_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct transfer *t = begin(NAME);
	uint8_t sum[SHA256_LEN];

	assert_int_equal(sha256("good", 4, sum), 0);
	assert_int_equal(transfer_add(t, "a", 1, 4, sum, fd), -EBADMSG);
	assert_int_equal(sha256("evil", 4, sum), 0);
	assert_int_equal(transfer_add(t, "b", 1, 3, sum, fd), -EBADMSG);
	assert_int_equal(transfer_add(t, "c", 1, 5, sum, fd), -EBADMSG);
	assert_int_equal(transfer_add(t, "d", 1, 4096, sum, directory_fd), -EBADMSG);
	transfer_free(t);
	assert_int_equal(staging_entries(), 0);
}

static void test_transfer_names(void **state)
{
	static const char *const bad[] = { "", ".", "..", "a/b", ".hidden", "-a", "a b", "a\n",
					   "0123456789012345678901234567890123456789012345678901234567890123" };
	struct transfer *t = NULL;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_false(transfer_name_valid(bad[i]));
		assert_int_equal(transfer_begin(staging_fd, bad[i], &t), -EINVAL);
	}
	assert_true(transfer_name_valid(NAME));
	assert_int_equal(mkdirat(staging_fd, NAME, 0755), 0);
	assert_int_equal(transfer_begin(staging_fd, NAME, &t), -EEXIST); /* used before */
	assert_null(t);
}

/* Somebody made the name while the transfer was built: the rename replaces nothing. */
static void test_commit_replaces_nothing(void **state)
{
	struct transfer *t = begin(NAME);
	uint8_t sum[SHA256_LEN];

	assert_int_equal(add(t, "a", "x"), 0);
	assert_int_equal(mkdirat(staging_fd, NAME, 0755), 0);
	assert_int_equal(commit(t, sum), -EEXIST);
	transfer_free(t);
	assert_false(exists(staging_fd, NAME "/files"));
	assert_false(exists(staging_fd, HIDDEN));
}

/* A process that died in the midst: what is left is hidden, and the next start removes it. */
static void die_after(int step)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		struct transfer *t = NULL;

		if (transfer_begin(staging_fd, NAME, &t) < 0)
			_exit(1);
		if (step > 0 && (add(t, "a", "aaa") < 0 || add(t, "d/e/f", "x") < 0))
			_exit(1);
		if (step > 1 && fchmodat(staging_fd, HIDDEN "/files/d/e", 0555, 0) < 0)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_a_crash_leaves_nothing_visible(void **state)
{
	for (int step = 0; step < 3; step++) {
		die_after(step);
		assert_true(exists(staging_fd, HIDDEN));
		assert_false(exists(staging_fd, NAME));
		assert_int_equal(transfer_clean(staging_fd), 1);
		assert_int_equal(staging_entries(), 0);
	}
}

static void test_cleaning_leaves_the_living_alone(void **state)
{
	struct transfer *t = begin(NAME);
	uint8_t sum[SHA256_LEN];

	assert_int_equal(mkdirat(staging_fd, ".incoming-dead", 0700), 0);
	assert_int_equal(mkdirat(staging_fd, "20250101T000000Z-aaaaaa", 0755), 0);
	assert_int_equal(mkdirat(staging_fd, ".other", 0755), 0);
	write_file(staging_fd, ".incoming-file", "x", 1);
	assert_int_equal(symlinkat("20250101T000000Z-aaaaaa", staging_fd, ".incoming-link"), 0);
	assert_int_equal(transfer_clean(staging_fd), 1);
	assert_false(exists(staging_fd, ".incoming-dead"));
	assert_true(exists(staging_fd, "20250101T000000Z-aaaaaa"));
	assert_true(exists(staging_fd, ".other"));
	assert_true(exists(staging_fd, HIDDEN));
	assert_int_equal(add(t, "a", "x"), 0);
	assert_int_equal(commit(t, sum), 0);
	transfer_free(t);
}

/* Two publishers start again and again in one staging directory, each cleaning: none takes the other's away. */
static void test_beginning_while_another_cleans(void **state)
{
	pid_t cleaner = fork();
	int status;

	assert_true(cleaner >= 0);
	if (cleaner == 0)
		for (;;)
			if (transfer_clean(staging_fd) < 0)
				_exit(1);
	for (int i = 0; i < 5000; i++) {
		char name[32];
		struct transfer *t = NULL;
		int r;

		(void)snprintf(name, sizeof(name), "t-%d", i);
		r = transfer_begin(staging_fd, name, &t);
		if (r == 0 && i % 50 == 0)
			r = add(t, "d/a", "x");
		transfer_free(t);
		if (r < 0) {
			(void)kill(cleaner, SIGKILL);
			fail_msg("round %d: %s", i, strerrorname_np(-r));
		}
	}
	assert_int_equal(kill(cleaner, SIGKILL), 0);
	assert_int_equal(waitpid(cleaner, &status, 0), cleaner);
	assert_true(WIFSIGNALED(status)); /* it had not given up by itself */
	assert_int_equal(transfer_clean(staging_fd), 0);
}

/* The deepest path, with no more descriptors than the role has (sandbox/role.c: 128). */
static void test_deepest_path(void **state)
{
	char path[2 * NAME_DEPTH_MAX];
	struct rlimit before, few;
	struct transfer *t = begin(NAME);
	uint8_t sum[SHA256_LEN];
	int r;

	for (size_t i = 0; i < sizeof(path); i++)
		path[i] = i % 2 ? '/' : 'd';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(add(t, path, "x"), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = 100;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	r = commit(t, sum);
	transfer_free(t);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(r, 0);
}

static void test_full_disk(void **state)
{
	static char big[65536];
	_cleanup_close_ int fd = memory_file(big, sizeof(big));
	struct transfer *t = begin(NAME);
	struct rlimit before, small;
	uint8_t sum[SHA256_LEN];
	int r;

	assert_int_equal(sha256(big, sizeof(big), sum), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 4096;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	r = transfer_add(t, "big", 3, sizeof(big), sum, fd);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(r, -EFBIG);
	transfer_free(t);
	assert_int_equal(staging_entries(), 0);
}

/* The list of digests does not fit: found out at the latest when it is closed, and nothing appears. */
static void test_full_disk_at_commit(void **state)
{
	struct transfer *t = begin(NAME);
	struct rlimit before, small;
	uint8_t sum[SHA256_LEN];
	int r = 0;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 1024;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (int i = 0; r == 0 && i < 40; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "file-%d", i);
		r = add(t, name, "x");
	}
	if (r == 0)
		r = commit(t, sum);
	transfer_free(t);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_true(r < 0);
	assert_int_equal(staging_entries(), 0);
}

static void test_nothing_leaks(void **state)
{
	size_t before = open_descriptors();
	struct transfer *t = begin(NAME);
	uint8_t sum[SHA256_LEN];

	assert_int_equal(add(t, "a/b/c", "x"), 0);
	assert_int_equal(add(t, "NUL", "x"), -EINVAL);
	assert_int_equal(commit(t, sum), 0);
	transfer_free(t);
	assert_int_equal(open_descriptors(), before);
}

#define IN_STAGING(test) cmocka_unit_test_setup_teardown(test, make_staging, remove_staging)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_STAGING(test_committed_transfer),
		IN_STAGING(test_modes_do_not_depend_on_the_umask),
		IN_STAGING(test_names_are_refused),
		IN_STAGING(test_duplicates),
		IN_STAGING(test_other_bytes_are_refused),
		IN_STAGING(test_transfer_names),
		IN_STAGING(test_commit_replaces_nothing),
		IN_STAGING(test_a_crash_leaves_nothing_visible),
		IN_STAGING(test_cleaning_leaves_the_living_alone),
		IN_STAGING(test_beginning_while_another_cleans),
		IN_STAGING(test_deepest_path),
		IN_STAGING(test_full_disk),
		IN_STAGING(test_full_disk_at_commit),
		IN_STAGING(test_nothing_leaks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
