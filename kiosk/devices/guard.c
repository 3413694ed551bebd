/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "devices/guard.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "common/log.h"
#include "devices/limits.h"
#include "devices/sysfs.h"
#include "devices/usb_policy.h"
#include "ipc/channel.h"
#include "sandbox/sandbox.h"

#define DRIVERS_PROBE "/sys/bus/usb/drivers_probe"

/* -- the guard ------------------------------------------------------------------------------------------------- */

static bool is_digits(const char *text, size_t max)
{
	size_t n = strspn(text, "0123456789");

	return n > 0 && n <= max && text[n] == '\0';
}

static bool is_root_hub(const char *name)
{
	return strncmp(name, "usb", 3) == 0 && is_digits(name + 3, 3);
}

/* "1-2.3:1.0" */
static bool is_interface(const char *name)
{
	const char *colon = strchr(name, ':'), *dot = colon ? strchr(colon, '.') : NULL;
	char device[USB_NAME_MAX], configuration[4];

	if (!dot || (size_t)(colon - name) >= sizeof(device) || (size_t)(dot - colon) > sizeof(configuration))
		return false;
	(void)snprintf(device, sizeof(device), "%.*s", (int)(colon - name), name);
	(void)snprintf(configuration, sizeof(configuration), "%.*s", (int)(dot - colon - 1), colon + 1);
	return usb_port_valid(device) && is_digits(configuration, 3) && is_digits(dot + 1, 3);
}

static int write_file(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text)); /* in one piece: each write(2) is an order of its own to the kernel */
	return n == (ssize_t)strlen(text) ? 0 : n < 0 ? -errno : -EIO;
}

static int write_attribute(const char *name, const char *attribute, const char *text)
{
	char path[256];
	int n = snprintf(path, sizeof(path), SYSFS_USB_DEVICES "%s/%s", name, attribute);

	return n < 0 || n >= (int)sizeof(path) ? -ENAMETOOLONG : write_file(path, text);
}

static int switch_hub(const char *name, const char *value)
{
	int r = write_attribute(name, "interface_authorized_default", value);

	return r < 0 ? r : write_attribute(name, "authorized_default", value);
}

static int interface_on(const char *name)
{
	int r = write_attribute(name, "authorized", "1");

	return r < 0 ? r : write_file(DRIVERS_PROBE, name);
}

int guard_obey(enum guard_order order, const char *name)
{
	switch (order) {
	case GUARD_HUB_CLOSE:
		return is_root_hub(name) ? switch_hub(name, "0") : -EINVAL;
	case GUARD_HUB_OPEN:
		return is_root_hub(name) ? switch_hub(name, "1") : -EINVAL;
	case GUARD_DEVICE_ON:
		return usb_port_valid(name) ? write_attribute(name, "authorized", "1") : -EINVAL;
	case GUARD_DEVICE_OFF:
		return usb_port_valid(name) ? write_attribute(name, "authorized", "0") : -EINVAL;
	case GUARD_INTERFACE_ON:
		return is_interface(name) ? interface_on(name) : -EINVAL;
	}
	return -EINVAL;
}

/* -- the socket -------------------------------------------------------------------------------------------------- */

/* Returns the size, 0 when the peer has gone, or a negative errno. */
static ssize_t receive(int fd, void *buffer, size_t size)
{
	ssize_t n;

	do
		n = recv(fd, buffer, size, 0);
	while (n < 0 && errno == EINTR);
	return n < 0 && errno == ECONNRESET ? 0 : n < 0 ? -errno : n;
}

static int send_packet(int fd, const void *data, size_t size)
{
	ssize_t n;

	do
		n = send(fd, data, size, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)size ? 0 : n < 0 ? -errno : -EIO;
}

int guard_serve(int fd)
{
	for (;;) {
		char packet[1 + USB_INTERFACE_NAME_MAX + 1];
		ssize_t n = receive(fd, packet, sizeof(packet) - 1);
		uint8_t answer;
		int r;

		if (n <= 0)
			return (int)n;
		packet[n] = '\0';
		answer = (uint8_t)-guard_obey((enum guard_order)packet[0], packet + 1);
		r = send_packet(fd, &answer, sizeof(answer));
		if (r < 0)
			return r == -EPIPE ? 0 : r;
	}
}

/* The first answer, before any order, is that of the sandbox; its layer follows as the address of a static string: ours,
 * since it is our fork. */
_noreturn_ static void run_guard(int fd)
{
	const char *where = "guard";
	uint8_t packet[1 + sizeof(where)];
	int channel_fd = CHANNEL_FD;
	int r;

	close_p(&channel_fd); /* the supervisor must see it close when lazaret-devices ends, whatever keeps the guard */
	r = sandbox_enter(ROLE_GUARD, &fd, 1, &where);
	packet[0] = (uint8_t)-r;
	memcpy(packet + 1, &where, sizeof(where));
	if (send_packet(fd, packet, sizeof(packet)) == 0 && r == 0)
		r = guard_serve(fd);
	if (r < 0)
		log_error("guard: err=%s: %s", errno_name(r), strerror(-r));
	_exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

int guard_start(int *ret_fd, const char **ret_where)
{
	_cleanup_close_ int fd = -EBADF;
	uint8_t packet[1 + sizeof(*ret_where)];
	int pair[2];
	ssize_t n;
	pid_t pid;

	*ret_where = "guard";
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		close_p(&pair[0]);
		run_guard(pair[1]);
	}
	close_p(&pair[1]);
	fd = pair[0];
	if (pid < 0)
		return -EAGAIN;
	n = receive(fd, packet, sizeof(packet));
	if (n != (ssize_t)sizeof(packet))
		return n < 0 ? (int)n : -EPIPE;
	memcpy(ret_where, packet + 1, sizeof(*ret_where));
	if (packet[0] == 0)
		*ret_fd = TAKE_FD(fd);
	return -(int)packet[0];
}

int guard_order(int fd, enum guard_order order, const char *name)
{
	char packet[1 + USB_INTERFACE_NAME_MAX];
	size_t size = strlen(name);

	if (size >= sizeof(packet))
		return -ENAMETOOLONG;
	packet[0] = (char)order;
	memcpy(packet + 1, name, size);
	return send_packet(fd, packet, 1 + size);
}

int guard_answer(int fd, int *ret_error)
{
	uint8_t answer;
	ssize_t n = receive(fd, &answer, sizeof(answer));

	if (n <= 0)
		return n == 0 ? -EPIPE : (int)n;
	*ret_error = -(int)answer;
	return 0;
}
