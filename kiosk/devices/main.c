/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-devices: what is plugged in. Waits for udevd's or the kernel's events, judges USB devices by their descriptors and has
 * its guard switch on what the policy accepts, and tells which block devices hold a medium. It opens none of them, and writes
 * nothing: it reads /sys and /run/udev, under an account of its own. What it reads there was written by devices: hostile.
 */
#include <poll.h>
#include <string.h>

#include "common/log.h"
#include "devices/guard.h"
#include "devices/limits.h"
#include "devices/media.h"
#include "devices/monitor.h"
#include "devices/own.h"
#include "devices/sysfs.h"
#include "devices/usb.h"
#include "ipc/channel.h"
#include "sandbox/sandbox.h"

struct devices {
	struct channel channel;
	struct monitor monitor;
	struct own own;
	struct usb_policy policy;
	int guard_fd;
	struct usb_bus *bus;
	struct media *media;
	uint64_t generation;	 /* of the bus, when the disks were looked at */
	int64_t settle_until_ms; /* 0: DEVICES_SETTLED was said */
	bool is_ending;
};

static int tell(void *context, enum message_type type, const struct encoder *e)
{
	struct devices *d = context;

	return channel_send(&d->channel, type, e, NULL, 0);
}

/* -- requests ---------------------------------------------------------------------------------------------------------- */

static int on_policy(struct devices *d, struct message *m)
{
	struct usb_policy policy;
	int r = usb_policy_decode(&m->payload, &policy);

	if (r < 0) {
		usb_policy_done(&policy);
		return r;
	}
	usb_policy_done(&d->policy);
	d->policy = policy;
	d->settle_until_ms = now_ms() + SETTLE_MS;
	r = usb_bus_policy(d->bus);
	return r < 0 ? r : media_look_at_all(d->media);
}

static int on_message(struct devices *d)
{
	struct message m;
	int r = channel_receive(&d->channel, &m, false);

	if (r == -ENOTCONN) {
		d->is_ending = true;
		return 0;
	}
	if (r < 0)
		return r;
	if (m.type == MESSAGE_DEVICES_POLICY)
		r = on_policy(d, &m);
	else
		d->is_ending = m.type == MESSAGE_END;
	message_done(&m);
	return r;
}

/* -- loop --------------------------------------------------------------------------------------------------------------- */

static int timeout_ms(const struct devices *d)
{
	int64_t deadline = MIN(usb_bus_deadline(d->bus), media_deadline(d->media));

	if (d->settle_until_ms)
		deadline = MIN(deadline, d->settle_until_ms);
	if (deadline == INT64_MAX)
		return -1;
	return (int)MIN(MAX(deadline - now_ms(), 0), 60000);
}

/* What follows from what has happened: disks of devices that were accepted or refused, timers, the end of a beginning. */
static int settle(struct devices *d)
{
	int r = usb_bus_tick(d->bus);

	if (r == 0 && d->generation != usb_bus_generation(d->bus)) {
		d->generation = usb_bus_generation(d->bus);
		r = media_look_at_all(d->media);
	}
	if (r == 0)
		r = media_tick(d->media);
	if (r < 0 || !d->settle_until_ms)
		return r;
	if ((!usb_bus_settled(d->bus) || media_deadline(d->media) != INT64_MAX) && now_ms() < d->settle_until_ms)
		return 0;
	d->settle_until_ms = 0;
	return channel_send(&d->channel, MESSAGE_DEVICES_SETTLED, NULL, NULL, 0);
}

static int serve(struct devices *d)
{
	int r = monitor_find_all(d->bus, d->media);

	while (r == 0 && !d->is_ending) {
		struct pollfd polled[3] = { { .fd = d->channel.fd, .events = POLLIN },
					    { .fd = monitor_fd(&d->monitor), .events = POLLIN },
					    { .fd = d->guard_fd, .events = POLLIN } };

		r = settle(d);
		if (r < 0)
			break;
		if (poll(polled, 3, timeout_ms(d)) < 0) {
			r = errno == EINTR ? 0 : -errno;
			continue;
		}
		if (polled[1].revents)
			r = monitor_serve(&d->monitor, d->bus, d->media);
		if (r == 0 && polled[2].revents)
			r = usb_bus_answered(d->bus);
		if (r == 0 && polled[0].revents)
			r = on_message(d);
	}
	return r;
}

/* -- start --------------------------------------------------------------------------------------------------------------- */

static int read_start(struct devices *d, char source[static 16])
{
	struct message m;
	int r = channel_expect(&d->channel, MESSAGE_DEVICES_START, &m, NULL);

	if (r < 0)
		return r;
	decode_str_into(&m.payload, source, 16);
	r = usb_policy_decode(&m.payload, &d->policy);
	message_done(&m);
	return r;
}

/* What needs the machine as it is: its events, what it lives on, and root for the guard. */
static int prepare(struct devices *d, const char **ret_where)
{
	char source[16];
	int r;

	*ret_where = "start";
	r = read_start(d, source);
	if (r < 0)
		return r;
	*ret_where = "root: only root can wait for media and guard USB ports";
	if (geteuid() != 0)
		return -EPERM;
	*ret_where = "mounted disks";
	r = own_find(&d->own);
	if (r < 0)
		return r;
	*ret_where = "events (source udev needs a running udevd)";
	r = monitor_open(source, &d->monitor);
	return r < 0 ? r : guard_start(&d->guard_fd, ret_where);
}

static int start(struct devices *d, const char **ret_where)
{
	struct teller teller = { d, tell };
	int keep[2], r = prepare(d, ret_where);

	if (r < 0)
		return r;
	keep[0] = monitor_fd(&d->monitor);
	keep[1] = d->guard_fd;
	r = sandbox_enter(ROLE_DEVICES, keep, ARRAY_LEN(keep), ret_where);
	if (r < 0)
		return r;
	*ret_where = "memory";
	r = usb_bus_new(&d->policy, d->guard_fd, d->own.ports, &teller, &d->bus);
	if (r == 0)
		r = media_new(d->monitor.has_udev ? UDEV_DATA : NULL, &d->policy, d->bus, &d->own, &teller, &d->media);
	if (r < 0)
		return r;
	*ret_where = "USB guard";
	return usb_bus_close_hubs(d->bus);
}

static void done(struct devices *d)
{
	media_free(d->media);
	usb_bus_free(d->bus);
	close_p(&d->guard_fd);
	if (d->monitor.udev)
		monitor_close(&d->monitor);
	usb_policy_done(&d->policy);
	own_done(&d->own);
}

int main(void)
{
	const char *sandbox = sandbox_describe(); /* asks the kernel, which is no longer allowed inside */
	struct devices d = { .guard_fd = -EBADF, .settle_until_ms = now_ms() + SETTLE_MS };
	const char *where = "start";
	int r;

	log_open("lazaret-devices");
	channel_init(&d.channel, CHANNEL_FD, false, CHANNEL_DEVICES);
	r = start(&d, &where);
	if (r < 0) {
		(void)channel_fail(&d.channel, r, where, "%s", strerror(-r)); /* the exit status says it, too */
		done(&d);
		return EXIT_FAILURE;
	}
	r = channel_ready(&d.channel, "devices", sandbox);
	if (r == 0)
		r = serve(&d);
	if (r < 0 && r != -EPIPE) /* the supervisor has gone */
		log_error("err=%s: %s", errno_name(r), strerror(-r));
	done(&d);
	return r < 0 && r != -EPIPE ? EXIT_FAILURE : EXIT_SUCCESS;
}
