/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The probe on images made byte by byte here, inside its sandbox and outside; children with deadlines; the policy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "intake/child.h"
#include "intake/policy.h"
#include "intake/probe.h"
#include "ipc/channel.h"

#define MIB (1ull << 20)

static struct volume_list list;

/* Above the descriptor of the supervisor's channel, which children close. */
static int image(uint64_t size)
{
	int fd = memfd_create("image", MFD_CLOEXEC), high;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	high = fcntl(fd, F_DUPFD_CLOEXEC, 10);
	assert_true(high >= 0);
	close_p(&fd);
	return high;
}

static void put(int fd, uint64_t at, const void *data, size_t size)
{
	assert_int_equal(pwrite(fd, data, size, (off_t)at), size);
}

/* An ext2 super block as far as libblkid checks it: magic, revision 1, block counts. */
static void put_ext2(int fd, uint64_t at)
{
	uint8_t sb[1024] = { 0 };

	sb[4] = 64;		    /* blocks */
	sb[0x20] = 64;		    /* blocks in a group */
	sb[0x38] = 0x53, sb[0x39] = 0xef;
	sb[0x4c] = 1;		    /* revision with features */
	memset(sb + 0x68, 7, 16);   /* UUID */
	memcpy(sb + 0x78, "EXT\x1bX", 5); /* a label with an escape in it */
	put(fd, at + 1024, sb, sizeof(sb));
}

static void put_mbr(int fd, unsigned int entry, uint8_t type, uint32_t start, uint32_t size)
{
	uint8_t e[16] = { 0 };

	e[4] = type;
	for (int i = 0; i < 4; i++) {
		e[8 + i] = (uint8_t)(start >> (8 * i));
		e[12 + i] = (uint8_t)(size >> (8 * i));
	}
	put(fd, 446 + 16 * entry, e, sizeof(e));
	put(fd, 510, "\x55\xaa", 2);
}

static void probe_both_ways(int fd, uint64_t size)
{
	static struct volume_list here;

	assert_int_equal(probe_source_here(fd, size, &here), 0);
	assert_int_equal(probe_source(fd, size, 20000, &list), 0);
	assert_memory_equal(&here, &list, sizeof(list));
}

static void test_ext2(void **state)
{
	_cleanup_close_ int fd = image(MIB);

	put_ext2(fd, 0);
	probe_both_ways(fd, MIB);
	assert_int_equal(list.count, 1);
	assert_string_equal(list.list[0].fs, "ext2");
	assert_string_equal(list.list[0].label, "EXT\x1bX"); /* raw: whoever shows it escapes it */
}

static void test_small_is_no_excuse(void **state)
{
	_cleanup_close_ int fd = image(MIB); /* libblkid's safe probe takes the first signature below 1.44 MB */

	put_ext2(fd, 0);
	put(fd, 1024, "\1\0\0\0\100\0\0\0", 8); /* a swap header's version and last page, inodes and blocks to ext2 */
	put(fd, 4096 - 10, "SWAPSPACE2", 10);
	probe_both_ways(fd, MIB);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.list[0].outcome, VOLUME_REFUSED);
	assert_non_null(strstr(list.list[0].detail, "ambiguous"));
}

static void test_blank_and_noise(void **state)
{
	_cleanup_close_ int fd = image(64 * MIB);

	probe_both_ways(fd, 64 * MIB);
	assert_int_equal(list.list[0].outcome, VOLUME_EMPTY);
	assert_non_null(strstr(list.list[0].detail, "sample"));
	put(fd, 0, "x", 1);
	probe_both_ways(fd, 64 * MIB);
	assert_int_equal(list.list[0].outcome, VOLUME_REFUSED);
	assert_non_null(strstr(list.list[0].detail, "unknown"));
	probe_both_ways(fd, 0);
	assert_int_equal(list.count, 0);
}

static void test_small_blank_is_looked_at_whole(void **state)
{
	_cleanup_close_ int fd = image(4 * MIB);

	probe_both_ways(fd, 4 * MIB);
	assert_int_equal(list.list[0].outcome, VOLUME_EMPTY);
	put(fd, 4 * MIB - 1, "x", 1);
	probe_both_ways(fd, 4 * MIB);
	assert_int_equal(list.list[0].outcome, VOLUME_REFUSED);
}

static void test_mbr(void **state)
{
	_cleanup_close_ int fd = image(32 * MIB);

	put_mbr(fd, 0, 0x83, 2048, 8 * 2048);
	put_mbr(fd, 1, 0x83, 16 * 2048, 16 * 2048);
	put_mbr(fd, 2, 0x83, 20 * 2048, 0xfffffff0);
	put_ext2(fd, MIB);
	probe_both_ways(fd, 32 * MIB);
	assert_int_equal(list.count, 4);
	assert_int_equal(list.list[0].outcome, VOLUME_OPEN);
	assert_true(list.list[0].offset == MIB && list.list[0].size == 8 * MIB);
	assert_int_equal(list.list[1].outcome, VOLUME_UNALLOCATED);
	assert_non_null(strstr(list.list[1].detail, "zero"));
	assert_int_equal(list.list[2].outcome, VOLUME_EMPTY);
	assert_int_equal(list.list[3].outcome, VOLUME_REFUSED);
	assert_non_null(strstr(list.list[3].detail, "past the end"));
}

static void test_lost_gpt(void **state)
{
	_cleanup_close_ int fd = image(8 * MIB);

	put_mbr(fd, 0, 0xee, 1, 8 * 2048 - 1);
	probe_both_ways(fd, 8 * MIB);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.list[0].outcome, VOLUME_REFUSED);
	assert_non_null(strstr(list.list[0].detail, "damaged partition table"));
}

/* The image is shorter than it was said to be: reading fails, and that is no empty volume. */
static void test_unreadable(void **state)
{
	_cleanup_close_ int fd = image(MIB);
	int r = probe_source_here(fd, 64 * MIB, &list);

	assert_int_equal(r, 0);
	for (size_t i = 0; i < list.count; i++)
		assert_int_equal(list.list[i].outcome, VOLUME_FAILED);
}

static int sleep_run(void *arg, int sock)
{
	(void)pause();
	return 0;
}

static int die_run(void *arg, int sock)
{
	return -EIO;
}

static int talk_run(void *arg, int sock)
{
	return child_send(sock, "words", 5, *(int *)arg);
}

static int own_channel_run(void *arg, int sock)
{
	return child_send(sock, fcntl(CHANNEL_FD, F_GETFD) < 0 ? "shut" : "open", 4, -EBADF);
}

static void test_children(void **state)
{
	struct child c;
	char data[16];
	size_t size = 0;
	int fd = -EBADF, given = image(1);

	assert_int_equal(child_start(&c, 0, sleep_run, NULL), 0);
	assert_int_equal(child_receive(&c, 50, data, sizeof(data), &size, NULL), -ETIMEDOUT);
	assert_false(child_has_ended(&c));
	child_end(&c);
	child_end(&c); /* again is fine */
	assert_int_equal(child_start(&c, 0, die_run, NULL), 0);
	assert_int_equal(child_receive(&c, 5000, data, sizeof(data), &size, NULL), -ECHILD);
	child_end(&c);
	assert_int_equal(child_start(&c, 0, talk_run, &given), 0);
	assert_int_equal(child_receive(&c, 5000, data, sizeof(data), &size, &fd), 0);
	assert_true(size == 5 && memcmp(data, "words", 5) == 0 && fd >= 0);
	child_end(&c);
	close_p(&fd);
	close_p(&given);
}

/* A child must never be able to speak to the supervisor in intake's name. */
static void test_children_lose_the_channel(void **state)
{
	int saved = fcntl(CHANNEL_FD, F_DUPFD_CLOEXEC, 20);
	struct child c;
	char data[16];
	size_t size = 0;

	assert_true(dup2(2, CHANNEL_FD) == CHANNEL_FD);
	assert_int_equal(child_start(&c, 0, own_channel_run, NULL), 0);
	assert_int_equal(child_receive(&c, 5000, data, sizeof(data), &size, NULL), 0);
	child_end(&c);
	assert_memory_equal(data, "shut", 4);
	if (saved >= 0)
		(void)dup2(saved, CHANNEL_FD);
	else
		(void)close(CHANNEL_FD);
	close_p(&saved);
}

static int decode_policy(struct policy *p, const char *fs, const char *drivers)
{
	_cleanup_free_ struct encoder *e = calloc(1, sizeof(*e));
	struct decoder d;

	assert_non_null(e);
	encode_u32(e, 1);
	encode_str(e, fs);
	encode_str(e, drivers);
	decoder_init(&d, e->data, e->size);
	return policy_decode(p, &d);
}

static void test_policy(void **state)
{
	struct policy p;

	assert_int_equal(decode_policy(&p, "vfat", "user,kernel"), 0);
	assert_int_equal(policy_find(&p, "vfat")->drivers[0], DRIVER_USER);
	assert_int_equal(policy_find(&p, "vfat")->drivers[1], DRIVER_KERNEL);
	assert_int_equal(policy_find(&p, "vfat")->drivers[2], DRIVER_END);
	assert_null(policy_find(&p, "ntfs"));
	assert_int_equal(decode_policy(&p, "ext", ""), 0);
	assert_int_equal(policy_find(&p, "ext3")->drivers[0], DRIVER_END);
	assert_null(policy_find(&p, "exfat"));
	assert_int_equal(decode_policy(&p, "vfat", "kernel,"), -EINVAL);
	assert_int_equal(decode_policy(&p, "vfat", "kernel,kernel"), -EINVAL);
	assert_int_equal(decode_policy(&p, "vfat", "user,kernel,us"), -EINVAL);
	assert_int_equal(decode_policy(&p, "vfat", "fuse"), -EINVAL);
	assert_int_equal(decode_policy(&p, "", "user"), -EINVAL);
}

/* Bytes as an encrypted container has them (xorshift64*). */
static void put_noise(int fd, uint64_t at, size_t size)
{
	static uint64_t state = 0x9e3779b97f4a7c15ull;
	_cleanup_free_ uint64_t *data = malloc(size);

	assert_non_null(data);
	for (size_t i = 0; i < size / 8; i++) {
		state ^= state >> 12;
		state ^= state << 25;
		state ^= state >> 27;
		data[i] = state * 0x2545f4914f6cdd1dull;
	}
	put(fd, at, data, size);
}

static bool looks_like_noise(int fd, uint64_t size)
{
	assert_int_equal(probe_source(fd, size, PROBE_TIME_MS, &list), 0);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.list[0].outcome, VOLUME_REFUSED);
	return list.list[0].is_noise;
}

/* A passphrase is asked for what can be an encrypted container, not for whatever is unknown. */
static void test_noise(void **state)
{
	_cleanup_close_ int fd = image(MIB), small = image(256 << 10);
	_cleanup_free_ char *text = malloc(65536);

	put_noise(fd, 0, MIB);
	assert_true(looks_like_noise(fd, MIB));
	put_noise(small, 0, 256 << 10);
	assert_false(looks_like_noise(small, 256 << 10)); /* VeraCrypt makes no container of this size */
	assert_non_null(text);
	memset(text, 'x', 65536);
	put(fd, MIB / 2, text, 65536); /* formatted quickly: what was there before */
	assert_true(looks_like_noise(fd, MIB));
	put(fd, MIB - 65536, text, 65536); /* no second header */
	assert_false(looks_like_noise(fd, MIB));
	put_noise(fd, MIB - 65536, 65536);
	put(fd, 100, text, 3000); /* no first one */
	assert_false(looks_like_noise(fd, MIB));
}

static void test_corestorage(void **state)
{
	_cleanup_close_ int fd = image(MIB);
	static const uint8_t version_and_type[] = { 1, 0, 0x10, 0 };

	put(fd, 88, "CS\1", 3);
	assert_int_equal(probe_source(fd, MIB, PROBE_TIME_MS, &list), 0);
	assert_string_equal(list.list[0].fs, "");
	put(fd, 8, version_and_type, sizeof(version_and_type));
	assert_int_equal(probe_source(fd, MIB, PROBE_TIME_MS, &list), 0);
	assert_string_equal(list.list[0].fs, "cs_fvault2");
	assert_int_equal(list.list[0].outcome, VOLUME_REFUSED);
	assert_non_null(strstr(list.list[0].detail, "encrypted"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_corestorage),
		cmocka_unit_test(test_ext2),
		cmocka_unit_test(test_small_is_no_excuse),
		cmocka_unit_test(test_blank_and_noise),
		cmocka_unit_test(test_small_blank_is_looked_at_whole),
		cmocka_unit_test(test_mbr),
		cmocka_unit_test(test_lost_gpt),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_children),
		cmocka_unit_test(test_children_lose_the_channel),
		cmocka_unit_test(test_policy),
	};

	return cmocka_run_group_tests_name("intake probe", tests, NULL, NULL);
}
