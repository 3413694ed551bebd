/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What the ledger remembers, as the rest of the ledger uses it: what is believed, what is not, and how much is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/history_sqlite.h"
#include "ledger/remembered.h"

#define TRANSFER "20261123T010203Z-0a1b2c"
#define ROOM (64u << 20)

static char dir[] = "/tmp/remembered.XXXXXX";
static int dir_fd = -EBADF, out = -EBADF;
static struct minisign_secret *key;

static int set_up(void **state)
{
	assert_non_null(mkdtemp(dir));
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	out = memfd_create("out", MFD_CLOEXEC);
	assert_true(dir_fd >= 0 && out >= 0);
	assert_int_equal(minisign_secret_new(&key), 0);
	return sqlite_use_directory(dir_fd);
}

static int tear_down(void **state)
{
	minisign_secret_free(key);
	close_p(&out);
	close_p(&dir_fd);
	return dir_remove_tree(AT_FDCWD, dir);
}

static struct remembered *open_with(const struct minisign_secret *with)
{
	struct remembered *m;

	assert_int_equal(remembered_new(dir_fd, with, &m), 0);
	return m;
}

static void key_for(uint8_t n, uint8_t ret[static REMEMBERED_KEY_LEN])
{
	memset(ret, n, REMEMBERED_KEY_LEN);
}

static int entries(uint8_t from, size_t count, size_t size, size_t cut)
{
	int fd = memfd_create("entries", MFD_CLOEXEC);
	_cleanup_free_ char *body = calloc(1, size);

	assert_true(fd >= 0 && body);
	for (size_t k = 0; k < count; k++) {
		uint8_t head[REMEMBERED_HEAD_LEN] = { 0 };

		key_for((uint8_t)(from + k), head);
		head[1] = (uint8_t)(k >> 8);
		for (size_t n = 0; n < 8; n++)
			head[REMEMBERED_KEY_LEN + n] = (uint8_t)((uint64_t)size >> (8 * n));
		memset(body, 'a' + (int)(k % 20), size);
		assert_int_equal(fd_write_all(fd, head, sizeof(head)), 0);
		assert_int_equal(fd_write_all(fd, body, size), 0);
	}
	assert_int_equal(ftruncate(fd, (off_t)(count * (size + REMEMBERED_HEAD_LEN) - cut)), 0);
	return fd;
}

static int keep(struct remembered *m, int fd, uint64_t bytes, uint64_t *ret_count)
{
	int r = remembered_keep(m, TRANSFER, bytes, time(NULL) - 1000, fd, ret_count);

	close_p(&fd);
	return r;
}

static enum recall ask(struct remembered *m, uint8_t n, int64_t not_before)
{
	char transfer[REMEMBERED_TRANSFER_MAX + 1];
	uint8_t asked[REMEMBERED_KEY_LEN];
	enum recall known;
	uint64_t size;

	key_for(n, asked);
	asked[1] = 0;
	assert_int_equal(remembered_recall(m, asked, not_before, out, &known, &size, transfer), 0);
	if (known == RECALL_KNOWN)
		assert_string_equal(transfer, TRANSFER);
	return known;
}

static void test_what_was_kept_is_known(void **state)
{
	struct remembered *m = open_with(key);
	char body[10] = "", transfer[REMEMBERED_TRANSFER_MAX + 1];
	uint8_t asked[REMEMBERED_KEY_LEN];
	enum recall known;
	uint64_t count, size;

	assert_int_equal(ask(m, 1, 0), RECALL_UNKNOWN);
	assert_int_equal(keep(m, entries(1, 3, 10, 0), ROOM, &count), 0);
	assert_int_equal(count, 3);
	key_for(2, asked);
	asked[1] = 0;
	assert_int_equal(remembered_recall(m, asked, 0, out, &known, &size, transfer), 0);
	assert_int_equal(known, RECALL_KNOWN);
	assert_int_equal(size, 10);
	assert_int_equal(pread(out, body, sizeof(body), 0), 10);
	assert_memory_equal(body, "bbbbbbbbbb", 10);
	assert_int_equal(ask(m, 3, time(NULL) + 5), RECALL_UNKNOWN); /* too old */
	remembered_free(m);
	m = open_with(key);
	assert_int_equal(ask(m, 3, 0), RECALL_KNOWN);
	assert_int_equal(remembered_forget(m), 0);
	assert_int_equal(ask(m, 3, 0), RECALL_UNKNOWN);
	remembered_free(m);
}

static void test_of_a_cut_list_nothing_is_kept(void **state)
{
	struct remembered *m = open_with(key);
	uint64_t count;

	assert_int_equal(keep(m, entries(10, 3, 10, 4), ROOM, &count), -EBADMSG);
	assert_int_equal(ask(m, 10, 0), RECALL_UNKNOWN);
	assert_int_equal(keep(m, entries(10, 3, 10, 10 + 8), ROOM, &count), -EBADMSG);
	assert_int_equal(ask(m, 10, 0), RECALL_UNKNOWN);
	assert_int_equal(keep(m, entries(10, 2, 10, 0), ROOM, &count), 0);
	assert_int_equal(ask(m, 10, 0), RECALL_KNOWN);
	remembered_free(m);
}

static void test_entries_of_another_key_are_not_believed(void **state)
{
	struct minisign_secret *other = NULL;
	struct remembered *m = open_with(key), *theirs;
	uint64_t count;

	assert_int_equal(minisign_secret_new(&other), 0);
	theirs = open_with(other);
	assert_int_equal(keep(theirs, entries(20, 1, 10, 0), ROOM, &count), 0);
	assert_int_equal(keep(m, entries(21, 1, 10, 0), ROOM, &count), 0);
	assert_int_equal(ask(m, 20, 0), RECALL_ALTERED);
	assert_int_equal(ask(m, 21, 0), RECALL_UNKNOWN); /* forgotten with it */
	remembered_free(theirs);
	remembered_free(m);
	minisign_secret_free(other);
}

static void test_two_ledgers_at_a_time(void **state)
{
	struct remembered *a = open_with(key), *b = open_with(key);
	uint64_t count;

	assert_int_equal(ask(b, 30, 0), RECALL_UNKNOWN);
	assert_int_equal(keep(a, entries(30, 1, 10, 0), ROOM, &count), 0);
	assert_int_equal(ask(b, 30, 0), RECALL_KNOWN);
	assert_int_equal(keep(b, entries(31, 1, 10, 0), ROOM, &count), 0);
	assert_int_equal(ask(a, 31, 0), RECALL_KNOWN);
	remembered_free(a);
	remembered_free(b);
}

static void test_it_stays_within_its_room(void **state)
{
	struct remembered *m = open_with(key);
	struct stat st;
	uint64_t count;

	assert_int_equal(keep(m, entries(0, 3000, 2000, 0), 1 << 20, &count), 0);
	remembered_free(m); /* what is in the log comes into the file */
	assert_int_equal(fstatat(dir_fd, REMEMBERED_FILE, &st, 0), 0);
	assert_true(st.st_size <= (1 << 20) && st.st_size > 100000);
}

static void test_no_entry_is_without_an_end(void **state)
{
	struct remembered *m = open_with(key);
	uint8_t head[REMEMBERED_HEAD_LEN];
	int fd = memfd_create("entries", MFD_CLOEXEC);
	uint64_t count;

	memset(head, 0xff, sizeof(head));
	assert_int_equal(fd_write_all(fd, head, sizeof(head)), 0);
	assert_int_equal(keep(m, fd, ROOM, &count), -EBADMSG);
	remembered_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_kept_is_known),
		cmocka_unit_test(test_of_a_cut_list_nothing_is_kept),
		cmocka_unit_test(test_entries_of_another_key_are_not_believed),
		cmocka_unit_test(test_two_ledgers_at_a_time),
		cmocka_unit_test(test_it_stays_within_its_room),
		cmocka_unit_test(test_no_entry_is_without_an_end),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
