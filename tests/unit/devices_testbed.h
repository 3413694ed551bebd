/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Shared by test_devices_*.c: a /sys of umockdev with USB devices in it, a guard whose orders are obeyed as the kernel would,
 * and what the role tells. Include after devices_fixture.h; call testbed_exec() first in main(). */
#ifndef LAZARET_TESTS_DEVICES_TESTBED_H
#define LAZARET_TESTS_DEVICES_TESTBED_H

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <umockdev.h>

#include "devices/guard.h"
#include "devices/usb.h"

/* libumockdev-preload redirects /sys, /run/udev and netlink to the testbed: once more, with it loaded. */
_unused_ static void testbed_exec(char **argv)
{
	if (getenv("LAZARET_TESTBED"))
		return;
	(void)setenv("LAZARET_TESTBED", "1", 1);
	(void)setenv("LD_PRELOAD", "libumockdev-preload.so.0", 1);
#ifdef LAZARET_SANITIZE /* it wants to be the first library; GLib keeps its types for ever */
	(void)setenv("ASAN_OPTIONS", "verify_asan_link_order=0:detect_leaks=0:abort_on_error=1", 1);
#endif
	(void)execv("/proc/self/exe", argv);
	fail_msg("cannot start again: %s", strerror(errno));
}

/* How the machine behaves when the guard's orders are carried out. */
struct behaviour {
	const char *driver;			/* that takes an interface; NULL: none */
	int error;				/* of GUARD_DEVICE_ON, negative */
	const struct descriptors *turns_into;	/* when it is switched on */
	bool is_silent;				/* the order is taken, the answer does not come yet */
};

struct told {
	enum message_type type;
	char text[512]; /* a line of what matters, made below */
};

struct testbed {
	UMockdevTestbed *umockdev;
	char *sys; /* of the testbed, outside of it */
	struct usb_policy policy;
	struct usb_bus *bus;
	int guard_fd, orders_fd; /* the role's end, the guard's */
	struct behaviour behaviour;
	char orders[1024]; /* "ON 1-2, " */
	struct told told[64];
	size_t told_count;
};

static int testbed_tell(void *context, enum message_type type, const struct encoder *e)
{
	struct testbed *t = context;
	struct told *told = &t->told[t->told_count++];
	struct decoder d;
	char a[256], b[256], c[256], text[8][400];
	size_t n = 0;

	assert_true(t->told_count < ARRAY_LEN(t->told));
	assert_int_equal(e->error, 0);
	told->type = type;
	decoder_init(&d, e->data, e->size);
	if (type == MESSAGE_DEVICES_USB) { /* "1-2 0951:1666 Kingston|DataTraveler|A1 [08:06:50] medium accepted" */
		for (; n < 7; n++)
			decode_str_into(&d, text[n], sizeof(text[n]));
		n = decode_u32(&d);
		decode_str_into(&d, a, sizeof(a));
		decode_str_into(&d, b, sizeof(b));
		assert_true(n ? a[0] == '\0' && b[0] == '\0' : a[0] != '\0' && b[0] != '\0');
		(void)snprintf(told->text, sizeof(told->text), "%.32s %.32s %.64s|%.64s|%.64s [%.64s] %.32s %.32s", text[0], text[1],
			       text[2], text[3], text[4], text[5], text[6], n ? "accepted" : b);
	} else if (type == MESSAGE_DEVICES_MEDIUM) { /* "sdb 8:16 seq 7 disk usb:1-2 Vendor|Model|serial 0951:1666 lun 0 size 1024" */
		uint32_t major, minor, lun;
		uint64_t seq;

		decode_str_into(&d, a, sizeof(a));
		decode_str_into(&d, b, sizeof(b));
		major = decode_u32(&d);
		minor = decode_u32(&d);
		seq = decode_u64(&d);
		for (; n < 6; n++)
			decode_str_into(&d, text[n], sizeof(text[n]));
		lun = decode_u32(&d);
		(void)snprintf(told->text, sizeof(told->text), "%.16s %u:%u seq %u %.16s %.40s %.40s|%.40s|%.40s %.10s lun %u size %u key %.100s",
			       b, major, minor, (unsigned int)seq, text[0], text[1], text[2], text[3], text[4], text[5], lun,
			       (unsigned int)decode_u64(&d), a);
	} else {
		decode_str_into(&d, c, sizeof(c));
		(void)snprintf(told->text, sizeof(told->text), "%s", c);
	}
	assert_int_equal(decoder_end(&d), 0);
	return 0;
}

/* Exactly one thing was told since the last time, and it was this; `text` may end early. */
_unused_ static void expect(struct testbed *t, enum message_type type, const char *text)
{
	if (t->told_count == 0)
		fail_msg("nothing was told, expected %s", text);
	if (t->told[0].type != type || strncmp(t->told[0].text, text, strlen(text)) != 0)
		fail_msg("told: %s, expected: %s", t->told[0].text, text);
	memmove(&t->told[0], &t->told[1], --t->told_count * sizeof(t->told[0]));
}

_unused_ static void expect_nothing(const struct testbed *t)
{
	if (t->told_count > 0)
		fail_msg("told: %s", t->told[0].text);
}

_unused_ static void expect_orders(struct testbed *t, const char *orders)
{
	assert_string_equal(t->orders, orders);
	t->orders[0] = '\0';
}

static void set_text(struct testbed *t, const char *device, const char *attribute, const char *value)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s", device);
	umockdev_testbed_set_attribute(t->umockdev, path, attribute, value);
}

_unused_ static void set_descriptors(struct testbed *t, const char *device, const struct descriptors *d)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s", device);
	umockdev_testbed_set_attribute_binary(t->umockdev, path, "descriptors", (guint8 *)d->raw, (gint)d->size);
}

/* Plugged in: where the root hub is closed it is off. */
_unused_ static char *plug(struct testbed *t, const char *name, const char *devnum, const struct descriptors *d,
			   const char *serial, bool is_on)
{
	char *path = umockdev_testbed_add_device(t->umockdev, "usb", name, "/sys/devices/usb1", "devnum", devnum, "authorized",
						 is_on ? "1\n" : "0\n", "bConfigurationValue", "", "manufacturer", "Kingston\n",
						 "product", "DataTraveler\n", "serial", serial, NULL, "DEVTYPE", "usb_device", NULL);

	assert_non_null(path);
	set_descriptors(t, name, d);
	return path;
}

/* umockdev (0.17) leaves the links of what it removes behind. */
static void remove_links(struct testbed *t, const char *prefix)
{
	char path[512];
	struct dirent *entry;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "%s/bus/usb/devices", t->sys);
	dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir)))
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	(void)closedir(dir);
}

static void remove_interfaces(struct testbed *t, const char *device)
{
	char path[512], prefix[64];
	struct dirent *entry;
	DIR *dir;

	(void)snprintf(prefix, sizeof(prefix), "%s:", device);
	(void)snprintf(path, sizeof(path), "%s/devices/usb1/%s", t->sys, device);
	dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir)))
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0) {
			(void)snprintf(path, sizeof(path), "/sys/devices/usb1/%s/%s", device, entry->d_name);
			umockdev_testbed_remove_device(t->umockdev, path);
		}
	(void)closedir(dir);
	remove_links(t, prefix);
}

_unused_ static void unplug(struct testbed *t, const char *name)
{
	char path[128];

	remove_interfaces(t, name);
	(void)snprintf(path, sizeof(path), "/sys/devices/usb1/%s", name);
	umockdev_testbed_remove_device(t->umockdev, path);
	remove_links(t, name);
}

/* What the kernel does when a device gets its configuration: its interfaces come into being, off. */
static void add_interfaces(struct testbed *t, const char *device, bool are_on)
{
	static struct usb_description description;
	uint8_t raw[4096];
	char path[128], name[64];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s/descriptors", device);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, raw, sizeof(raw));
	assert_true(n > 0);
	(void)close(fd);
	assert_int_equal(usb_descriptors_parse(raw, (size_t)n, &description), 0);
	(void)snprintf(path, sizeof(path), "/sys/devices/usb1/%s", device);
	for (size_t i = 0; i < description.count; i++) {
		const struct usb_interface *f = &description.interfaces[i];

		if (f->alternate != 0 || f->configuration != description.interfaces[0].configuration)
			continue;
		(void)snprintf(name, sizeof(name), "%s:%u.%u", device, f->configuration, f->number);
		g_free(umockdev_testbed_add_device(t->umockdev, "usb", name, path, "authorized", are_on ? "1\n" : "0\n", NULL, "DEVTYPE",
						   "usb_interface", NULL));
	}
	(void)snprintf(name, sizeof(name), "%u\n", description.interfaces[0].configuration);
	set_text(t, device, "bConfigurationValue", name);
}

static void bind_driver(struct testbed *t, const char *interface, const char *driver)
{
	char link[512], target[128];

	(void)snprintf(target, sizeof(target), "../../../../bus/usb/drivers/%s", driver);
	(void)snprintf(link, sizeof(link), "%s/devices/usb1/%.*s/%s/driver", t->sys, (int)strcspn(interface, ":"), interface, interface);
	(void)unlink(link);
	assert_int_equal(symlink(target, link), 0);
}

static int simulate(struct testbed *t, enum guard_order order, const char *name)
{
	int r;

	if (order == GUARD_DEVICE_ON && t->behaviour.error < 0)
		return t->behaviour.error;
	r = guard_obey(order, name); /* the real writes, into the testbed */
	if (r < 0)
		return r;
	if (order == GUARD_DEVICE_ON) {
		if (t->behaviour.turns_into)
			set_descriptors(t, name, t->behaviour.turns_into);
		add_interfaces(t, name, false);
	}
	if (order == GUARD_DEVICE_OFF) {
		remove_interfaces(t, name);
		set_text(t, name, "bConfigurationValue", "");
	}
	if (order == GUARD_INTERFACE_ON && t->behaviour.driver)
		bind_driver(t, name, t->behaviour.driver);
	return 0;
}

/* Carry out what has been ordered, and let the role take the answers, until there is nothing more. */
static void run_guard(struct testbed *t)
{
	static const char *const names[] = { "?", "CLOSE", "OPEN", "ON", "OFF", "INTERFACE" };
	struct pollfd polled = { .fd = t->orders_fd, .events = POLLIN };

	while (poll(&polled, 1, 0) > 0 && !t->behaviour.is_silent) {
		char packet[64] = "";
		ssize_t n = recv(t->orders_fd, packet, sizeof(packet) - 1, 0);
		size_t at = strlen(t->orders);
		uint8_t answer;

		assert_true(n > 1 && packet[0] < (int)ARRAY_LEN(names));
		(void)snprintf(t->orders + at, sizeof(t->orders) - at, "%s %s, ", names[(int)packet[0]], packet + 1);
		answer = (uint8_t)-simulate(t, (enum guard_order)packet[0], packet + 1);
		assert_int_equal(send(t->orders_fd, &answer, 1, 0), 1);
		assert_int_equal(usb_bus_answered(t->bus), 0);
	}
}

_unused_ static void seen(struct testbed *t, const char *name)
{
	assert_int_equal(usb_bus_seen(t->bus, name), 0);
	run_guard(t);
}

_unused_ static void set_policy(struct testbed *t, const struct lists *l)
{
	usb_policy_done(&t->policy);
	assert_int_equal(make_policy(l, &t->policy), 0);
	assert_int_equal(usb_bus_policy(t->bus), 0);
	run_guard(t);
}

/* A machine with one root hub; `own`: names of devices that it runs from. */
_unused_ static void testbed_open(struct testbed *t, const struct lists *l, char *const *own)
{
	struct teller teller = { t, testbed_tell };
	char path[512];
	int pair[2], fd;

	*t = (struct testbed){ .umockdev = umockdev_testbed_new(), .behaviour.driver = "usb-storage" };
	t->sys = umockdev_testbed_get_sys_dir(t->umockdev);
	g_free(umockdev_testbed_add_device(t->umockdev, "usb", "usb1", NULL, "authorized_default", "1\n", "interface_authorized_default",
					   "1\n", NULL, "DEVTYPE", "usb_device", NULL));
	(void)snprintf(path, sizeof(path), "%s/bus/usb/drivers_probe", t->sys);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	t->guard_fd = pair[0];
	t->orders_fd = pair[1];
	assert_int_equal(make_policy(l, &t->policy), 0);
	assert_int_equal(usb_bus_new(&t->policy, t->guard_fd, own, &teller, &t->bus), 0);
}

_unused_ static void testbed_close(struct testbed *t)
{
	usb_bus_free(t->bus);
	usb_policy_done(&t->policy);
	(void)close(t->guard_fd);
	(void)close(t->orders_fd);
	g_free(t->sys);
	g_object_unref(t->umockdev);
}

#endif
