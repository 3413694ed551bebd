/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Disks, readers and drives in a /sys of umockdev, with events: which of them are told as media. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "devices_fixture.h"

#include "devices_testbed.h"

#include "../lib/testing.h"

#include "devices/media.h"
#include "devices/monitor.h"
#include "devices/sysfs.h"

#define DRIVE "I:17844306924\nE:ID_CDROM=1\nE:ID_SERIAL_SHORT=QM00001\n" /* of udevd, without a disc */

#define WAIT_MS 30000 /* for what must come */

struct machine {
	struct testbed t;
	struct monitor monitor;
	struct own own;
	struct media *media;
	uint64_t generation;
	char data[64]; /* in place of UDEV_DATA */
	int data_fd;
};

static struct machine m;

static const struct lists guarded = { .ports = { "1-2" } };

static void machine_open(const struct lists *l)
{
	struct teller teller = { &m.t, testbed_tell };

	memset(&m, 0, sizeof(m));
	testbed_open(&m.t, l, NULL);
	assert_int_equal(monitor_open("kernel", &m.monitor), 0); /* umockdev's events are like udevd's; there is no udevd */
	m.data_fd = private_directory(m.data);
	assert_int_equal(media_new(m.data, &m.t.policy, m.t.bus, &m.own, &teller, &m.media), 0);
}

static void machine_close(void)
{
	expect_nothing(&m.t);
	remove_private_directory(m.data_fd, m.data);
	media_free(m.media);
	monitor_close(&m.monitor);
	testbed_close(&m.t);
}

/* What main.c does in a turn of its loop. */
static void turn(int timeout_ms)
{
	struct pollfd polled = { .fd = monitor_fd(&m.monitor), .events = POLLIN };

	if (poll(&polled, 1, timeout_ms) > 0)
		assert_int_equal(monitor_serve(&m.monitor, m.t.bus, m.media), 0);
	run_guard(&m.t);
	if (m.generation != usb_bus_generation(m.t.bus)) {
		m.generation = usb_bus_generation(m.t.bus);
		assert_int_equal(media_look_at_all(m.media), 0);
	}
	assert_int_equal(media_tick(m.media), 0);
}

/* Until so much has been told and nothing is waited for. */
static void run(size_t count)
{
	int64_t end = now_ms() + WAIT_MS;

	while ((m.t.told_count < count || media_deadline(m.media) != INT64_MAX) && now_ms() < end)
		turn(20);
	turn(0);
}

/* Events that must not lead to anything are followed by one that must: a stick elsewhere comes and goes. */
static void settle(void)
{
	struct descriptors d;
	char *path;

	make_stick(&d);
	path = plug(&m.t, "1-9", "99", &d, "Z\n", false);
	run(1);
	assert_true(m.t.told_count > 0);
	if (strncmp(m.t.told[m.t.told_count - 1].text, "1-9", 3) != 0)
		fail_msg("told: %s", m.t.told[m.t.told_count - 1].text);
	m.t.told_count--;
	unplug(&m.t, "1-9");
	assert_int_equal(usb_bus_gone(m.t.bus, "1-9"), 0);
	m.t.told_count--;
	m.generation = usb_bus_generation(m.t.bus);
	g_free(path);
}

/* umockdev tells of what is added by itself, and its socket holds ten events. */
static char *announced(char *path)
{
	assert_non_null(path);
	turn(0);
	return path;
}

static char *add_scsi(const char *parent, const char *address, const char *type, const char *vendor, const char *model)
{
	return announced(umockdev_testbed_add_device(m.t.umockdev, "scsi", address, parent, "type", type, "vendor", vendor, "model", model,
						     NULL, "DEVTYPE", "scsi_device", NULL));
}

/* What udevd has found out about a device; the form is that of its files. */
static void udevd_knows(const char *number, const char *lines)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "b%s", number);
	write_file(m.data_fd, name, lines, strlen(lines));
}

static char *add_block(const char *scsi, const char *name, const char *number, const char *size)
{
	return announced(umockdev_testbed_add_device(m.t.umockdev, "block", name, scsi, "dev", number, "size", size, "diskseq", "7\n", NULL,
						     "DEVTYPE", "disk", "DEVNAME", name, NULL));
}

static char *add_disk(const char *scsi, const char *name, const char *number, const char *size)
{
	udevd_knows(number, "S:disk/by-id/x\nI:17844306924\nE:ID_SERIAL_SHORT=X\nV:1\n");
	return add_block(scsi, name, number, size);
}

/* A stick with a disk at `port`, as the kernel makes it once it is on; returns the disk's path. */
static char *add_stick(const char *port, const char *disk, const char *number, const char *size)
{
	struct descriptors d;
	char *usb, *scsi, *path;

	make_stick(&d);
	usb = announced(plug(&m.t, port, "5", &d, "A1\n", false));
	scsi = add_scsi(usb, "2:0:0:0", "0\n", "Kingston\n", "DT 101  \n");
	path = add_disk(scsi, disk, number, size);
	g_free(usb);
	g_free(scsi);
	return path;
}

static void event(const char *path, const char *action)
{
	umockdev_testbed_uevent(m.t.umockdev, path, action);
	turn(0);
}

static void test_stick(void **state)
{
	char *path;

	machine_open(&guarded);
	path = add_stick("1-2", "sdb", "8:16", "2048\n");
	expect(&m.t, MESSAGE_DEVICES_USB, "1-2 0951:1666 Kingston|DataTraveler|A1 [08:06:50] medium accepted");
	event(path, "add");
	event(path, "change");
	run(1);
	event(path, "change");
	expect(&m.t, MESSAGE_DEVICES_MEDIUM, "sdb 8:16 seq 7 disk usb:1-2 Kingston|DT 101|A1 0951:1666 lun 0 size 1048576 ");
	settle(); /* told once */
	expect_nothing(&m.t);
	event(path, "remove");
	run(1);
	assert_int_equal(m.t.told_count, 1);
	assert_int_equal(m.t.told[0].type, MESSAGE_DEVICES_MEDIUM_GONE);
	assert_non_null(strstr(m.t.told[0].text, "/usb:1-2/7"));
	m.t.told_count = 0;
	g_free(path);
	machine_close();
}

/* No partition, no disk of a device that was refused, no disk that is not on USB. */
static void test_what_is_no_medium(void **state)
{
	char *path, *partition, *scsi, *sata, *nvme;

	machine_open(&guarded);
	path = add_stick("1-3", "sdb", "8:16", "2048\n");
	expect(&m.t, MESSAGE_DEVICES_USB, "1-3 0951:1666 Kingston|DataTraveler|A1 [08:06:50] medium usb-port");
	partition = announced(umockdev_testbed_add_device(m.t.umockdev, "block", "sdb1", path, "dev", "8:17", "size", "2000\n", "partition", "1\n",
						NULL, "DEVTYPE", "partition", "DEVNAME", "sdb1", NULL));
	scsi = add_scsi(NULL, "0:0:0:0", "0\n", "ATA\n", "DISK\n");
	sata = add_disk(scsi, "sda", "8:0", "4096\n");
	nvme = add_disk(NULL, "nvme0n1", "259:0", "4096\n");
	event(path, "add");
	event(partition, "add");
	event(sata, "add");
	event(nvme, "add");
	settle();
	expect_nothing(&m.t);
	set_policy(&m.t, &(struct lists){ .is_unguarded = true }); /* then all sticks, but nothing else */
	expect(&m.t, MESSAGE_DEVICES_USB, "1-3 0951:1666 Kingston|DataTraveler|A1 [08:06:50] medium accepted");
	run(1);
	expect(&m.t, MESSAGE_DEVICES_MEDIUM, "sdb 8:16 seq 7 disk usb:1-3 ");
	settle();
	set_policy(&m.t, &guarded);
	run(2);
	expect(&m.t, MESSAGE_DEVICES_USB, "1-3 0951:1666 Kingston|DataTraveler|A1 [08:06:50] medium usb-port");
	assert_int_equal(m.t.told_count, 1);
	assert_int_equal(m.t.told[0].type, MESSAGE_DEVICES_MEDIUM_GONE);
	m.t.told_count = 0;
	g_free(path);
	g_free(partition);
	g_free(scsi);
	g_free(sata);
	g_free(nvme);
	machine_close();
}

static void test_own_disk(void **state)
{
	char *path;

	machine_open(&guarded);
	m.own = (struct own){ .disks = { { "sdb", 7 } }, .count = 1 };
	path = add_stick("1-2", "sdb", "8:16", "2048\n");
	expect(&m.t, MESSAGE_DEVICES_USB, "1-2 ");
	event(path, "add");
	settle();
	umockdev_testbed_set_attribute(m.t.umockdev, path, "diskseq", "8\n"); /* another one by that name */
	event(path, "change");
	run(1);
	expect(&m.t, MESSAGE_DEVICES_MEDIUM, "sdb 8:16 seq 8 disk usb:1-2 ");
	g_free(path);
	machine_close();
}

/* The kernel has it, udevd is still busy with it: nobody else opens it now. */
static void test_udevd_comes_first(void **state)
{
	char *path;

	machine_open(&guarded);
	g_free(add_stick("1-2", "sdc", "8:32", "0\n"));
	expect(&m.t, MESSAGE_DEVICES_USB, "1-2 ");
	path = add_block("/sys/devices/usb1/1-2/2:0:0:0", "sdb", "8:16", "2048\n");
	assert_int_equal(media_look_at_all(m.media), 0);
	settle();
	udevd_knows("8:16", "E:ID_FS_TYPE=vfat\n"); /* nor when some of it is there */
	assert_int_equal(media_look_at_all(m.media), 0);
	settle();
	udevd_knows("8:16", "I:17844306924\nE:ID_FS_TYPE=vfat\n");
	event(path, "add");
	run(1);
	expect(&m.t, MESSAGE_DEVICES_MEDIUM, "sdb ");
	g_free(path);
	machine_close();
}

/* Two slots: one device, two disks, each with or without a card. */
static void test_card_reader(void **state)
{
	char *first, *second, *scsi;

	machine_open(&guarded);
	first = add_stick("1-2", "sdb", "8:16", "0\n");
	scsi = add_scsi("/sys/devices/usb1/1-2", "2:0:0:1", "0\n", "Generic \n", "SD/MMC\n");
	second = add_disk(scsi, "sdc", "8:32", "0\n");
	expect(&m.t, MESSAGE_DEVICES_USB, "1-2 ");
	event(first, "add");
	event(second, "add");
	settle(); /* empty slots are no media */
	umockdev_testbed_set_attribute(m.t.umockdev, second, "size", "4096\n");
	umockdev_testbed_set_attribute(m.t.umockdev, second, "diskseq", "9\n");
	umockdev_testbed_set_property(m.t.umockdev, second, "DISK_MEDIA_CHANGE", "1");
	event(second, "change");
	run(1);
	expect(&m.t, MESSAGE_DEVICES_MEDIUM, "sdc 8:32 seq 9 disk usb:1-2 Generic|SD/MMC|A1 0951:1666 lun 1 size 2097152 ");
	umockdev_testbed_set_attribute(m.t.umockdev, second, "size", "8192\n"); /* changed between two looks */
	umockdev_testbed_set_attribute(m.t.umockdev, second, "diskseq", "11\n");
	event(second, "change");
	run(2);
	expect(&m.t, MESSAGE_DEVICES_MEDIUM_GONE, "");
	expect(&m.t, MESSAGE_DEVICES_MEDIUM, "sdc 8:32 seq 11 disk usb:1-2 ");
	umockdev_testbed_set_attribute(m.t.umockdev, second, "size", "0\n");
	event(second, "change");
	run(1);
	expect(&m.t, MESSAGE_DEVICES_MEDIUM_GONE, "");
	g_free(first);
	g_free(second);
	g_free(scsi);
	machine_close();
}

static void test_disc(void **state)
{
	char *scsi, *drive;

	machine_open(&guarded);
	scsi = add_scsi(NULL, "1:0:0:0", "5\n", "QEMU    \n", "QEMU DVD-ROM\n");
	udevd_knows("11:0", DRIVE);
	drive = announced(umockdev_testbed_add_device(m.t.umockdev, "block", "sr0", scsi, "dev", "11:0", "size", "2097151\n", "diskseq", "3\n", NULL,
					    "DEVTYPE", "disk", "DEVNAME", "sr0", NULL));
	event(drive, "add");
	settle(); /* its size says nothing: no disc is in it */
	udevd_knows("11:0", DRIVE "E:ID_CDROM_MEDIA=1\n");
	umockdev_testbed_set_attribute(m.t.umockdev, drive, "size", "1000\n");
	umockdev_testbed_set_attribute(m.t.umockdev, drive, "diskseq", "4\n");
	event(drive, "change");
	run(1);
	expect(&m.t, MESSAGE_DEVICES_MEDIUM, "sr0 11:0 seq 4 optical scsi-1:0:0:0 QEMU|QEMU DVD-ROM|QM00001  lun 0 size 512000 ");
	umockdev_testbed_set_property(m.t.umockdev, drive, "DISK_EJECT_REQUEST", "1");
	event(drive, "change");
	run(1);
	expect(&m.t, MESSAGE_DEVICES_BUTTON, "");
	settle(); /* a wish: the disc is still there */
	umockdev_testbed_set_property(m.t.umockdev, drive, "DISK_EJECT_REQUEST", "");
	udevd_knows("11:0", DRIVE);
	event(drive, "change");
	run(1);
	expect(&m.t, MESSAGE_DEVICES_MEDIUM_GONE, "");
	umockdev_testbed_set_property(m.t.umockdev, drive, "DISK_EJECT_REQUEST", "1");
	event(drive, "change");
	settle(); /* the button of an empty drive is nobody's business */
	umockdev_testbed_set_property(m.t.umockdev, drive, "DISK_EJECT_REQUEST", "");
	udevd_knows("11:0", DRIVE "E:ID_CDROM_MEDIA=1\n");
	set_policy(&m.t, &(struct lists){ .ports = { "1-2" }, .no_optical = true });
	event(drive, "change");
	settle();
	expect_nothing(&m.t);
	g_free(scsi);
	g_free(drive);
	machine_close();
}

static void test_usb_disc_drive_obeys_both(void **state)
{
	char *usb, *scsi, *drive;
	struct descriptors d;

	machine_open(&(struct lists){ .ports = { "1-2" }, .no_optical = true });
	make_stick(&d);
	usb = announced(plug(&m.t, "1-2", "5", &d, "A1\n", false));
	expect(&m.t, MESSAGE_DEVICES_USB, "1-2 0951:1666 Kingston|DataTraveler|A1 [08:06:50] medium accepted");
	scsi = add_scsi(usb, "3:0:0:0", "5\n", "HL-DT-ST\n", "DVDRAM\n");
	udevd_knows("11:1", DRIVE "E:ID_CDROM_MEDIA=1\n");
	drive = announced(umockdev_testbed_add_device(m.t.umockdev, "block", "sr1", scsi, "dev", "11:1", "size", "1000\n", NULL, "DEVTYPE", "disk",
					    "DEVNAME", "sr1", NULL));
	event(drive, "add");
	settle();
	set_policy(&m.t, &guarded);
	expect(&m.t, MESSAGE_DEVICES_USB, "1-2 ");
	run(1);
	expect(&m.t, MESSAGE_DEVICES_MEDIUM, "sr1 11:1 seq 0 optical usb:1-2 HL-DT-ST|DVDRAM|A1 0951:1666 lun 0 size 512000 ");
	set_policy(&m.t, &(struct lists){ .ports = { "1-7" } });
	run(2);
	expect(&m.t, MESSAGE_DEVICES_USB, "1-2 0951:1666 Kingston|DataTraveler|A1 [08:06:50] medium usb-port");
	expect(&m.t, MESSAGE_DEVICES_MEDIUM_GONE, "");
	g_free(usb);
	g_free(scsi);
	g_free(drive);
	machine_close();
}

/* Found, not announced: what was in when the station was switched on. */
static void test_cold_start(void **state)
{
	struct descriptors d;
	char *usb, *scsi, *path;

	machine_open(&guarded);
	make_stick(&d);
	usb = plug(&m.t, "1-2", "5", &d, "A1\n", true);
	add_interfaces(&m.t, "1-2", true);
	bind_driver(&m.t, "1-2:1.0", "usb-storage");
	scsi = add_scsi(usb, "2:0:0:0", "0\n", "Kingston\n", "DT\n");
	path = add_disk(scsi, "sdb", "8:16", "2048\n");
	assert_int_equal(send(m.t.orders_fd, "", 1, 0), 1); /* for the root hub */
	assert_int_equal(monitor_find_all(m.t.bus, m.media), 0);
	assert_int_equal(recv(m.t.orders_fd, m.t.orders, sizeof(m.t.orders), 0), 5);
	m.t.orders[0] = '\0';
	run(2);
	expect(&m.t, MESSAGE_DEVICES_USB, "1-2 0951:1666 Kingston|DataTraveler|A1 [08:06:50] medium accepted");
	expect(&m.t, MESSAGE_DEVICES_MEDIUM, "sdb 8:16 seq 7 disk usb:1-2 ");
	expect_orders(&m.t, "");
	umockdev_testbed_remove_device(m.t.umockdev, path); /* and gone without a word */
	assert_int_equal(media_look_at_all(m.media), 0);
	expect(&m.t, MESSAGE_DEVICES_MEDIUM_GONE, "");
	g_free(usb);
	g_free(scsi);
	g_free(path);
	machine_close();
}

/* Bytes of a device, not text: they go to the supervisor as they are, and no further. */
static void test_hostile_strings(void **state)
{
	struct descriptors d;
	char *path, *scsi, *usb;

	machine_open(&guarded);
	make_stick(&d);
	usb = announced(plug(&m.t, "1-2", "5", &d, "\x1b[2J$(reboot)\xff\n", false));
	expect(&m.t, MESSAGE_DEVICES_USB, "1-2 0951:1666 Kingston|DataTraveler|\x1b[2J$(reboot)\xff [08:06:50] medium accepted");
	scsi = add_scsi(usb, "2:0:0:0", "0\n", "../../x\n", "\xe2\x80\xae\x07\n");
	path = add_disk(scsi, "sdb", "8:16", "2048\n");
	event(path, "add");
	run(1);
	expect(&m.t, MESSAGE_DEVICES_MEDIUM,
	       "sdb 8:16 seq 7 disk usb:1-2 ../../x|\xe2\x80\xae\x07|\x1b[2J$(reboot)\xff 0951:1666 lun 0 size 1048576 ");
	g_free(usb);
	g_free(scsi);
	g_free(path);
	machine_close();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stick),
		cmocka_unit_test(test_what_is_no_medium),
		cmocka_unit_test(test_own_disk),
		cmocka_unit_test(test_udevd_comes_first),
		cmocka_unit_test(test_card_reader),
		cmocka_unit_test(test_disc),
		cmocka_unit_test(test_usb_disc_drive_obeys_both),
		cmocka_unit_test(test_cold_start),
		cmocka_unit_test(test_hostile_strings),
	};

	testbed_exec(argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
