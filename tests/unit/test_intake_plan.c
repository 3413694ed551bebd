/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* From signatures and partition tables to volumes: each rule of plan.h, and the codec that carries the answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "intake/plan.h"

#define MIB (1ull << 20)

static struct content one(const char *fs, const char *usage)
{
	struct content c = { .kind = CONTENT_ONE, .uuid = "id-1", .label = "NAME" };

	(void)snprintf(c.fs, sizeof(c.fs), "%s", fs);
	(void)snprintf(c.usage, sizeof(c.usage), "%s", usage);
	return c;
}

static void add(struct layout *l, uint64_t offset, uint64_t size, const char *fs)
{
	struct partition *p = &l->partitions[l->partition_count++];

	*p = (struct partition){ .number = (uint32_t)l->partition_count, .offset = offset, .size = size };
	if (fs)
		p->content = one(fs, "filesystem");
}

static struct layout *layout(uint64_t size, const char *table)
{
	struct layout *l = calloc(1, sizeof(*l));

	assert_non_null(l);
	l->size = size;
	(void)snprintf(l->table, sizeof(l->table), "%s", table);
	return l;
}

static struct volume_list list;

static void test_one_volume(void **state)
{
	_cleanup_free_ struct layout *l = layout(8 * MIB, "");

	l->whole = one("vfat", "filesystem");
	plan_make(l, &list);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.list[0].outcome, VOLUME_OPEN);
	assert_string_equal(list.list[0].fs, "vfat");
	assert_string_equal(list.list[0].label, "NAME");
	assert_true(list.list[0].size == 8 * MIB);
	(void)snprintf(l->table, sizeof(l->table), "dos"); /* an empty table beside a file system: exFAT and FAT boot sectors look like one */
	plan_make(l, &list);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.list[0].outcome, VOLUME_OPEN);
}

static void test_refused_by_name(void **state)
{
	static const struct {
		const char *fs, *usage, *words;
	} rows[] = {
		{ "crypto_LUKS", "crypto", "LUKS" },	 { "BitLocker", "crypto", "BitLocker" },
		{ "LVM2_member", "raid", "LVM" },	 { "linux_raid_member", "raid", "RAID" },
		{ "swap", "other", "swap space" },	 { "isw_raid_member", "raid", "isw_raid_member" },
		{ "cs_fvault2", "crypto", "encrypted" }, { "jbd", "other", "no file system" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_free_ struct layout *l = layout(8 * MIB, "");

		l->whole = one(rows[i].fs, rows[i].usage);
		plan_make(l, &list);
		assert_int_equal(list.count, 1);
		assert_int_equal(list.list[0].outcome, VOLUME_REFUSED);
		assert_non_null(strstr(list.list[0].detail, rows[i].words));
		assert_string_equal(list.list[0].fs, rows[i].fs);
	}
}

static void test_ambiguous_and_unreadable(void **state)
{
	_cleanup_free_ struct layout *l = layout(8 * MIB, "");

	l->whole = one("vfat", "filesystem");
	l->whole.kind = CONTENT_AMBIGUOUS;
	(void)snprintf(l->whole.names, sizeof(l->whole.names), "vfat, ext4");
	plan_make(l, &list);
	assert_int_equal(list.list[0].outcome, VOLUME_REFUSED);
	assert_non_null(strstr(list.list[0].detail, "vfat, ext4"));
	l->whole.kind = CONTENT_UNREADABLE;
	plan_make(l, &list);
	assert_int_equal(list.list[0].outcome, VOLUME_FAILED);
	l->whole = (struct content){ .kind = CONTENT_UNKNOWN };
	plan_make(l, &list);
	assert_int_equal(list.list[0].outcome, VOLUME_EMPTY); /* until someone looks */
	l->has_lost_gpt = true;
	plan_make(l, &list);
	assert_int_equal(list.list[0].outcome, VOLUME_REFUSED);
	assert_non_null(strstr(list.list[0].detail, "damaged partition table"));
}

static void test_partitions_and_gaps(void **state)
{
	_cleanup_free_ struct layout *l = layout(100 * MIB, "dos");

	add(l, 50 * MIB, 10 * MIB, "ext4"); /* not in order */
	add(l, 1 * MIB, 20 * MIB, "vfat");
	add(l, 61 * MIB, 36 * MIB, NULL);
	l->partitions[2].is_container = true;
	add(l, 62 * MIB, 35 * MIB, "ntfs");
	plan_make(l, &list);
	assert_int_equal(list.count, 5);
	assert_string_equal(list.list[0].fs, "vfat");
	assert_int_equal(list.list[1].outcome, VOLUME_UNALLOCATED);
	assert_true(list.list[1].offset == 21 * MIB && list.list[1].size == 29 * MIB);
	assert_string_equal(list.list[2].fs, "ext4");
	assert_string_equal(list.list[3].fs, "ntfs"); /* 2 MiB before it are alignment and its boot record */
	assert_int_equal(list.list[4].outcome, VOLUME_UNALLOCATED);
	assert_true(list.list[4].offset == 97 * MIB && list.list[4].size == 3 * MIB);
}

static void test_lies(void **state)
{
	_cleanup_free_ struct layout *l = layout(100 * MIB, "dos");

	add(l, 1 * MIB, 200 * MIB, "vfat");
	add(l, 2 * MIB, 40 * MIB, "ext4");
	add(l, 30 * MIB, 69 * MIB, "ntfs");
	add(l, UINT64_MAX - MIB, 2 * MIB, "vfat");
	add(l, 99 * MIB, 0, "vfat");
	plan_make(l, &list);
	for (size_t i = 0; i < list.count; i++)
		assert_int_not_equal(list.list[i].outcome, VOLUME_OPEN);
	assert_non_null(strstr(list.list[0].detail, "past the end"));
	assert_non_null(strstr(list.list[1].detail, "partition 2 overlaps partition 3"));
	assert_non_null(strstr(list.list[2].detail, "partition 3 overlaps partition 2"));
}

static void test_table_beside_file_system(void **state)
{
	_cleanup_free_ struct layout *l = layout(10 * MIB, "dos");

	l->whole = one("ext4", "filesystem");
	add(l, 1 * MIB, 9 * MIB, "vfat");
	plan_make(l, &list);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.list[0].outcome, VOLUME_REFUSED);
	assert_non_null(strstr(list.list[0].detail, "ambiguous"));
	assert_int_equal(list.list[1].outcome, VOLUME_OPEN);
}

static void test_hybrid(void **state)
{
	_cleanup_free_ struct layout *l = layout(100 * MIB, "dos");

	l->whole = one("iso9660", "filesystem");
	l->whole.disc_size = 90 * MIB;
	add(l, 0, 90 * MIB, "iso9660");		  /* the image itself */
	add(l, 32768, 89 * MIB, "iso9660");	  /* the same volume, seen from elsewhere */
	add(l, 40 * MIB, 2 * MIB, "vfat");	  /* has files of its own, though inside the image */
	add(l, 50 * MIB, 2 * MIB, NULL);	  /* padding */
	add(l, 60 * MIB, 2 * MIB, "iso9660");	  /* another disc altogether */
	(void)snprintf(l->partitions[4].content.uuid, sizeof(l->partitions[4].content.uuid), "id-2");
	add(l, 89 * MIB, 2 * MIB, NULL); /* reaches past the image: something of its own, to be looked at */
	add(l, 95 * MIB, 2 * MIB, NULL); /* behind it */
	plan_make(l, &list);
	assert_int_equal(list.count, 8);
	assert_int_equal(list.list[0].outcome, VOLUME_OPEN);
	assert_int_equal(list.list[1].outcome, VOLUME_COVERED);
	assert_int_equal(list.list[2].outcome, VOLUME_COVERED);
	assert_int_equal(list.list[3].outcome, VOLUME_OPEN);
	assert_string_equal(list.list[3].fs, "vfat");
	assert_int_equal(list.list[4].outcome, VOLUME_COVERED);
	assert_int_equal(list.list[5].outcome, VOLUME_OPEN);
	assert_int_equal(list.list[6].outcome, VOLUME_EMPTY);
	assert_int_equal(list.list[7].outcome, VOLUME_EMPTY);
}

static void test_too_many(void **state)
{
	_cleanup_free_ struct layout *l = layout(1000 * MIB, "gpt");

	for (size_t i = 0; i < PARTITIONS_MAX; i++)
		add(l, (i + 1) * MIB, MIB, "vfat");
	l->partitions_left_off = 10;
	plan_make(l, &list);
	assert_int_equal(list.count, VOLUMES_MAX);
	assert_int_equal(list.list[VOLUMES_MAX - 1].outcome, VOLUME_REFUSED);
	/* 128 partitions and the space behind them, 63 of these told, 10 never seen */
	assert_non_null(strstr(list.list[VOLUMES_MAX - 1].detail, "76 further volumes"));
}

static void test_codec(void **state)
{
	_cleanup_free_ struct encoder *e = calloc(1, sizeof(*e));
	_cleanup_free_ struct layout *l = layout(100 * MIB, "dos");
	static struct volume_list got;

	assert_non_null(e);
	add(l, 1 * MIB, 20 * MIB, "vfat");
	add(l, 50 * MIB, 50 * MIB, "ext4");
	plan_make(l, &list);
	memset(list.list[0].label, 'x', VOLUME_LABEL_MAX);
	volume_list_encode(&list, e);
	assert_int_equal(e->error, 0);
	assert_int_equal(volume_list_decode(&got, 100 * MIB, e->data, e->size), 0);
	assert_int_equal(got.count, list.count);
	assert_memory_equal(&got, &list, sizeof(got));
	/* A probe that lies: volumes past the end, an unknown outcome, a cut or longer answer. */
	assert_int_equal(volume_list_decode(&got, 99 * MIB, e->data, e->size), -EPROTO);
	assert_int_equal(volume_list_decode(&got, 100 * MIB, e->data, e->size - 1), -EPROTO);
	assert_int_equal(volume_list_decode(&got, 100 * MIB, e->data, e->size + 1), -EPROTO);
	e->data[4 + 16] = VOLUME_OUTCOME_COUNT_;
	assert_int_equal(volume_list_decode(&got, 100 * MIB, e->data, e->size), -EPROTO);
}

static void test_full_list_fits_a_message(void **state)
{
	_cleanup_free_ struct encoder *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	memset(&list, 0, sizeof(list));
	for (size_t i = 0; i < VOLUMES_MAX; i++) {
		struct volume *v = volume_add(&list, i, 1, VOLUME_OPEN);

		memset(v->fs, 'f', VOLUME_FS_MAX);
		memset(v->label, 'l', VOLUME_LABEL_MAX);
		memset(v->uuid, 'u', VOLUME_UUID_MAX);
		for (int k = 0; k < 100; k++)
			volume_detail(v, "words that are cut");
		assert_int_equal(strlen(v->detail), VOLUME_DETAIL_MAX);
	}
	assert_null(volume_add(&list, 0, 1, VOLUME_OPEN));
	volume_list_encode(&list, e);
	assert_int_equal(e->error, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_volume),
		cmocka_unit_test(test_refused_by_name),
		cmocka_unit_test(test_ambiguous_and_unreadable),
		cmocka_unit_test(test_partitions_and_gaps),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_table_beside_file_system),
		cmocka_unit_test(test_hybrid),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_codec),
		cmocka_unit_test(test_full_list_fits_a_message),
	};

	return cmocka_run_group_tests_name("intake plan", tests, NULL, NULL);
}
