/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Virtual disks made by qemu-img(1), and what can be wrong with them: lazaret-disk in its sandbox. What comes out is what qemu-img
 * reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ipc/channel.h"

#include "../lib/testing.h"
#include "../lib/tools.h"
#include "../lib/opening.h"

static struct opener role;
static char dir[64];
static int dir_fd = -1;

static void shell(const char *command)
{
	tool_run(dir, "sh", "-ec", command);
}

static const struct image {
	enum container_format format;
	const char *name, *command;
	bool has_end; /* its last bytes are data of the disk */
} images[] = {
	{ CONTAINER_QCOW, "v3.qcow2", "qemu-img convert -O qcow2 disk v3.qcow2", true },
	{ CONTAINER_QCOW, "v2.qcow2", "qemu-img convert -O qcow2 -o compat=0.10 disk v2.qcow2", true },
	{ CONTAINER_QCOW, "small.qcow2", "qemu-img convert -O qcow2 -o cluster_size=512 disk small.qcow2", true },
	{ CONTAINER_QCOW, "large.qcow2", "qemu-img convert -O qcow2 -o cluster_size=2M disk large.qcow2", true },
	{ CONTAINER_QCOW, "compressed.qcow2", "qemu-img convert -c -O qcow2 disk compressed.qcow2", true },
	{ CONTAINER_VMDK, "sparse.vmdk", "qemu-img convert -O vmdk disk sparse.vmdk", true },
	{ CONTAINER_VMDK, "stream.vmdk", "qemu-img convert -O vmdk -o subformat=streamOptimized disk stream.vmdk", true },
	{ CONTAINER_VHD, "dynamic.vhd", "qemu-img convert -O vpc -o force_size=on disk dynamic.vhd", true },
	{ CONTAINER_VHD, "fixed.vhd", "qemu-img convert -O vpc -o subformat=fixed,force_size=on disk fixed.vhd", true },
	{ CONTAINER_VHDX, "dynamic.vhdx", "qemu-img convert -O vhdx disk dynamic.vhdx", true },
	{ CONTAINER_VHDX, "fixed.vhdx", "qemu-img convert -O vhdx -o subformat=fixed disk fixed.vhdx", true },
};

static void *disk;
static size_t disk_size;

static int start(void **state)
{
	dir_fd = private_directory(dir);
	/* data here and there, holes between */
	shell("truncate -s 6M disk; head -c 700000 /dev/urandom | dd of=disk conv=notrunc bs=512 seek=1000 status=none;"
	      "yes text | head -c 300000 | dd of=disk conv=notrunc bs=512 seek=5000 status=none;"
	      "head -c 400000 /dev/urandom | dd of=disk conv=notrunc bs=512 seek=11000 status=none");
	for (size_t i = 0; i < ARRAY_LEN(images); i++)
		shell(images[i].command);
	disk = read_whole(dir_fd, "disk", &disk_size);
	opener_start(&role, "lazaret-disk");
	return 0;
}

static int end(void **state)
{
	opener_end(&role);
	free(disk);
	remove_private_directory(dir_fd, dir);
	return 0;
}

/* libvhdi reads the size from the footer or its table; force_size keeps it that of the disk. */
static void test_disks_come_out_as_qemu_reads_them(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(images); i++) {
		char name[64];
		struct opened told;

		(void)snprintf(name, sizeof(name), "%.*s.raw", (int)strcspn(images[i].name, "."), images[i].name);
		open_from(&role, dir_fd, images[i].name, images[i].format, &told);
		expect_opened(&told);
		expect_no_findings(&told);
		expect_member(&told, name, disk, disk_size);
		opened_done(&told);
	}
}

/* A disk that is cut never comes out as another disk. libqcow 20201213 falls over large and compressed clusters that end early: the
 * sandbox is what that meets. */
static void test_truncated_is_not_opened_or_is_whole(void **state)
{
	role.may_crash = true;
	for (size_t i = 0; i < ARRAY_LEN(images); i++) {
		_cleanup_free_ char *data = NULL;
		size_t size, step;

		data = read_whole(dir_fd, images[i].name, &size);
		step = size / 23;
		for (size_t cut = 1; cut < size; cut += step) {
			struct opened told;

			open_bytes(&role, images[i].name, images[i].format, data, size - cut, &told);
			if (told.error == 0 && told.is_opened && (told.member_count != 1 || told.members[0].size != disk_size ||
					       memcmp(told.members[0].data, disk, disk_size) != 0)) {
				print_opened(&told);
				fail_msg("%s without its last %zu bytes is another disk", images[i].name, cut);
			}
			opened_done(&told);
		}
	}
}

static void expect_opaque(const char *command, const char *name, enum container_format format, const char *words)
{
	struct opened told;

	shell(command);
	open_from(&role, dir_fd, name, format, &told);
	expect_not_opened(&told);
	expect_finding(&told, REASON_CONTAINER_OPAQUE, "", words);
	opened_done(&told);
}

static void test_what_lies_in_another_file_is_opaque(void **state)
{
	expect_opaque("qemu-img create -q -f qcow2 -F raw -b disk back.qcow2", "back.qcow2", CONTAINER_QCOW, "backing file");
	expect_opaque("qemu-img create -q -f qcow2 -o data_file=data.raw,data_file_raw=on ext.qcow2 6M", "ext.qcow2", CONTAINER_QCOW,
		      "features");
	expect_opaque("qemu-img create -q -f vmdk -F vmdk -b sparse.vmdk child.vmdk", "child.vmdk", CONTAINER_VMDK, "parent");
}

static void test_further_disks_and_other_features_are_opaque(void **state)
{
	expect_opaque("cp v3.qcow2 snap.qcow2; qemu-img snapshot -c one snap.qcow2", "snap.qcow2", CONTAINER_QCOW, "snapshots");
	expect_opaque("qemu-img convert -c -O qcow2 -o compression_type=zstd disk zstd.qcow2", "zstd.qcow2", CONTAINER_QCOW, "features");
	expect_opaque("qemu-img convert -O qcow2 -o extended_l2=on,cluster_size=128k disk sub.qcow2", "sub.qcow2", CONTAINER_QCOW,
		      "features");
}

/* libqcow and libvmdk read such clusters otherwise than machines do: another disk would have been inspected. */
static void test_clusters_marked_as_zeros_are_opaque(void **state)
{
	expect_opaque("cp v3.qcow2 zero.qcow2; qemu-io -f qcow2 -c 'write -q -z 512k 64k' zero.qcow2", "zero.qcow2", CONTAINER_QCOW, "zeros");
	expect_opaque("qemu-img create -q -f qcow2 hole.qcow2 6M; qemu-io -f qcow2 -c 'write -q -z 0 64k' hole.qcow2", "hole.qcow2", CONTAINER_QCOW,
		      "zeros");
	expect_opaque("qemu-img create -q -f vmdk -o zeroed_grain=on zero.vmdk 6M; qemu-io -f vmdk -c 'write -q -z 0 64k' zero.vmdk", "zero.vmdk",
		      CONTAINER_VMDK, "zeros");
}

/* The size that machines go by stands in the header, the one that libvmdk goes by in the text of the descriptor. */
static void test_vmdk_of_two_sizes_is_opaque(void **state)
{
	static const char *const names[] = { "sparse.vmdk", "stream.vmdk" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		_cleanup_free_ char *data = NULL;
		struct opened told;
		char *extent;
		size_t size;

		data = read_whole(dir_fd, names[i], &size);
		extent = memmem(data, size, "\nRW 12288 ", 10);
		assert_non_null(extent);
		memcpy(extent, "\nRW 02048 ", 10);
		open_bytes(&role, names[i], CONTAINER_VMDK, data, size, &told);
		expect_not_opened(&told);
		expect_finding(&told, REASON_CONTAINER_OPAQUE, "", "sizes");
		opened_done(&told);
	}
}

/* Machines go by the footer at the start, libvhdi by the one at the end. */
static void test_vhd_with_two_footers_is_opaque(void **state)
{
	_cleanup_free_ char *dynamic = NULL, *fixed = NULL;
	struct opened told;
	size_t size;

	dynamic = read_whole(dir_fd, "dynamic.vhd", &size);
	dynamic[size - 512 + 28] ^= 1;
	open_bytes(&role, "a.vhd", CONTAINER_VHD, dynamic, size, &told);
	expect_not_opened(&told);
	expect_finding(&told, REASON_CONTAINER_OPAQUE, "", "footers");
	opened_done(&told);
	fixed = read_whole(dir_fd, "fixed.vhd", &size);
	memcpy(fixed, dynamic, 512);
	open_bytes(&role, "a.vhd", CONTAINER_VHD, fixed, size, &told);
	expect_not_opened(&told);
	expect_finding(&told, REASON_CONTAINER_OPAQUE, "", "footers");
	opened_done(&told);
}

static void test_encrypted_is_told(void **state)
{
	struct opened told;

	/* its clock is too coarse now and then: "Unable to get accurate CPU usage" */
	shell("printf locked >secret; for n in 1 2 3 4 5 6 7 8 9; do qemu-img convert -O qcow2 --object secret,id=s,file=secret -o "
	      "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10 disk locked.qcow2 && exit; done; exit 1");
	open_from(&role, dir_fd, "locked.qcow2", CONTAINER_QCOW, &told);
	expect_not_opened(&told);
	expect_finding(&told, REASON_ENCRYPTED, "", "encrypted");
	opened_done(&told);
}

/* [MS-VHDX] 2.2.2: who attaches it sees what the log says, not what is there. */
static void test_log_that_waits_is_opaque(void **state)
{
	_cleanup_free_ char *data = NULL;
	struct opened told;
	size_t size;

	data = read_whole(dir_fd, "dynamic.vhdx", &size);
	for (size_t header = 64 << 10; header <= 128 << 10; header += 64 << 10) {
		data[header + 48] ^= 1;
		open_bytes(&role, "a.vhdx", CONTAINER_VHDX, data, size, &told);
		expect_not_opened(&told);
		expect_finding(&told, REASON_CONTAINER_OPAQUE, "", "log");
		opened_done(&told);
		data[header + 48] ^= 1;
	}
}

/* Bytes of the header and the tables: whatever comes, the role says why when it opened nothing (open_fd()), or is replaced. */
static void test_changed_bytes_do_no_harm(void **state)
{
	role.may_crash = true;
	for (size_t i = 0; i < ARRAY_LEN(images); i++) {
		_cleanup_free_ char *data = NULL;
		size_t size;

		data = read_whole(dir_fd, images[i].name, &size);
		for (size_t n = 0; n < 60; n++) {
			size_t at = n < 40 ? n * 13 % 512 : (n * 7919) % size;
			struct opened told;

			data[at] = (char)~data[at];
			open_bytes(&role, images[i].name, images[i].format, data, size, &told);
			assert_true(told.error == 0 || told.error == -ECONNRESET);
			opened_done(&told);
			data[at] = (char)~data[at];
		}
	}
}

static void test_budget_ends_it(void **state)
{
	struct opened told;

	role.limits.bytes = 1 << 20;
	open_from(&role, dir_fd, "v3.qcow2", CONTAINER_QCOW, &told);
	expect_not_opened(&told);
	expect_finding(&told, REASON_LIMIT_EXCEEDED, NULL, NULL);
	opened_done(&told);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_disks_come_out_as_qemu_reads_them),
		cmocka_unit_test(test_truncated_is_not_opened_or_is_whole),
		cmocka_unit_test(test_what_lies_in_another_file_is_opaque),
		cmocka_unit_test(test_further_disks_and_other_features_are_opaque),
		cmocka_unit_test(test_clusters_marked_as_zeros_are_opaque),
		cmocka_unit_test(test_vmdk_of_two_sizes_is_opaque),
		cmocka_unit_test(test_vhd_with_two_footers_is_opaque),
		cmocka_unit_test(test_encrypted_is_told),
		cmocka_unit_test(test_log_that_waits_is_opaque),
		cmocka_unit_test(test_changed_bytes_do_no_harm),
		cmocka_unit_test(test_budget_ends_it),
	};

	return cmocka_run_group_tests(tests, start, end);
}
