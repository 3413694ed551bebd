/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "devices/usb.h"

#include <string.h>

#include "common/log.h"
#include "devices/guard.h"
#include "devices/sysfs.h"
#include "devices/usb_facts.h"

#define DEVICES_MAX 256
#define HUBS_MAX 64

/* What is being done about a device. All steps before STEP_DONE wait: for the guard, or for a driver. */
enum step {
	STEP_ON,	/* to be switched on */
	STEP_INTERFACES, /* its interfaces, one after the other */
	STEP_BIND,	/* a driver is to be bound (media) */
	STEP_OFF,	/* to be switched off */
	STEP_DONE,
};

struct usb_device {
	char name[USB_NAME_MAX];
	struct usb_facts facts;
	struct usb_description description;
	bool is_understood;
	bool is_own;
	bool has_changed; /* it told two stories: whatever the policy, not to be trusted any more */
	enum usb_role role;
	enum trouble trouble; /* why it is refused */
	enum step step;
	size_t interface; /* STEP_INTERFACES: place in description.interfaces */
	int64_t bind_until_ms, look_at_ms;
	bool is_told;
	uint64_t number; /* of this insertion */
};

struct root_hub {
	char name[USB_NAME_MAX];
	bool was_open; /* as found: what it is set to when nothing is guarded any more */
	bool is_closed;
};

struct usb_bus {
	const struct usb_policy *policy;
	int guard_fd;
	char *const *own_ports;
	struct teller teller;
	struct root_hub hubs[HUBS_MAX];
	size_t hub_count;
	struct usb_device *devices[DEVICES_MAX];
	size_t count;
	uint64_t next_number, generation;
	uint64_t ordered; /* number of the device that the guard works for; 0: none */
	bool is_stale;	  /* that device is to be judged anew: what the guard answers concerns the past */
};

int usb_bus_new(const struct usb_policy *policy, int guard_fd, char *const *own_ports, const struct teller *teller,
		struct usb_bus **ret)
{
	struct usb_bus *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->policy = policy;
	b->guard_fd = guard_fd;
	b->own_ports = own_ports;
	b->teller = *teller;
	b->next_number = 1;
	*ret = b;
	return 0;
}

struct usb_bus *usb_bus_free(struct usb_bus *b)
{
	for (size_t i = 0; b && i < b->count; i++)
		free(b->devices[i]);
	free(b);
	return NULL;
}

static size_t find(const struct usb_bus *b, const char *name)
{
	size_t i = 0;

	while (i < b->count && strcmp(b->devices[i]->name, name) != 0)
		i++;
	return i;
}

/* -- telling ------------------------------------------------------------------------------------------------------ */

static const char *role_name(enum usb_role role)
{
	static const char *const names[] = { "other", "medium", "input", "hub" };

	return names[role];
}

static void print_id(const struct usb_device *d, char out[static 10])
{
	/* Also when the rest was not understood: the kernel has these two from the same place. */
	uint16_t vendor = d->facts.size >= 12 ? (uint16_t)(d->facts.raw[8] | d->facts.raw[9] << 8) : 0;
	uint16_t product = d->facts.size >= 12 ? (uint16_t)(d->facts.raw[10] | d->facts.raw[11] << 8) : 0;

	(void)snprintf(out, 10, "%04x:%04x", vendor, product);
}

static int tell_device(struct usb_bus *b, struct usb_device *d)
{
	char id[10], interfaces[1024] = "";
	struct encoder e;

	print_id(d, id);
	if (d->is_understood)
		usb_description_print(&d->description, interfaces, sizeof(interfaces));
	encoder_init(&e);
	encode_str(&e, d->name);
	encode_str(&e, id);
	encode_bytes(&e, d->facts.vendor, strlen(d->facts.vendor));
	encode_bytes(&e, d->facts.product, strlen(d->facts.product));
	encode_bytes(&e, d->facts.serial, strlen(d->facts.serial));
	encode_str(&e, interfaces);
	encode_str(&e, role_name(d->role));
	encode_u32(&e, d->trouble == TROUBLE_NONE);
	encode_str(&e, trouble_text(d->trouble));
	encode_str(&e, trouble_code(d->trouble));
	d->is_told = true;
	return b->teller.tell(b->teller.context, MESSAGE_DEVICES_USB, &e);
}

static int finish(struct usb_bus *b, struct usb_device *d)
{
	d->step = STEP_DONE;
	b->generation++;
	return tell_device(b, d);
}

static int remove_at(struct usb_bus *b, size_t at)
{
	struct usb_device *d = b->devices[at];
	struct encoder e;
	int r = 0;

	if (d->is_told) {
		encoder_init(&e);
		encode_str(&e, d->name);
		r = b->teller.tell(b->teller.context, MESSAGE_DEVICES_USB_GONE, &e);
	}
	free(d);
	memmove(&b->devices[at], &b->devices[at + 1], (--b->count - at) * sizeof(b->devices[0]));
	b->generation++;
	return r;
}

/* -- what a device says ---------------------------------------------------------------------------------------------- */

/* 1: it is what was judged; 0: it is another; negative errno, -ENODEV when it has gone. */
static int is_unchanged(const struct usb_device *d)
{
	_cleanup_free_ struct usb_facts *now = NULL;
	int r = usb_facts_read(d->name, &now);

	return r < 0 ? r : memcmp(now, &d->facts, sizeof(*now)) == 0;
}

static bool is_on(const struct usb_device *d)
{
	char path[SYSFS_PATH_MAX];

	usb_path(d->name, path);
	return sysfs_number(path, "authorized", 10, 0) != 0;
}

static bool is_own(const struct usb_bus *b, const char *name)
{
	for (char *const *p = b->own_ports; p && *p; p++)
		if (strcmp(*p, name) == 0)
			return true;
	return false;
}

/* -- steps ------------------------------------------------------------------------------------------------------------ */

enum binding {
	UNBOUND,
	BOUND,
	BOUND_WRONG, /* to a driver that matches it by VID:PID and makes something else of it */
};

static enum binding binding_of(const char *interface)
{
	char path[SYSFS_PATH_MAX], driver[64];

	usb_path(interface, path);
	if (sysfs_link(path, "driver", driver, sizeof(driver)) < 0)
		return UNBOUND;
	/* usb-storage's own relatives for readers with quirks are called ums-realtek and the like. */
	return strcmp(driver, "usb-storage") == 0 || strcmp(driver, "uas") == 0 || strncmp(driver, "ums-", 4) == 0 ? BOUND :
														     BOUND_WRONG;
}

/* The name of interface `at` of the description, if it belongs to the configuration that the device has now. */
static bool interface_name(const struct usb_device *d, size_t at, char out[static USB_INTERFACE_NAME_MAX])
{
	const struct usb_interface *f = &d->description.interfaces[at];
	char path[SYSFS_PATH_MAX];

	usb_path(d->name, path);
	if (f->alternate != 0 || sysfs_number(path, "bConfigurationValue", 10, 0) != f->configuration)
		return false;
	(void)snprintf(out, USB_INTERFACE_NAME_MAX, "%s:%u.%u", d->name, f->configuration, f->number);
	return true;
}

/* Of a medium: its one interface. */
static enum binding binding(const struct usb_device *d)
{
	char name[USB_INTERFACE_NAME_MAX];

	for (size_t i = 0; i < d->description.count; i++)
		if (interface_name(d, i, name))
			return binding_of(name);
	return UNBOUND;
}

static bool interface_is_off(const char *name)
{
	char path[SYSFS_PATH_MAX];

	usb_path(name, path);
	return sysfs_number(path, "authorized", 10, 0) == 0;
}

/* Nothing is left to be switched on (the station's keyboard at the start; all, when only the policy has changed). */
static bool is_complete(const struct usb_device *d)
{
	char name[USB_INTERFACE_NAME_MAX];

	for (size_t i = 0; i < d->description.count; i++)
		if (interface_name(d, i, name) && interface_is_off(name))
			return false;
	return d->role != USB_MEDIUM || binding(d) == BOUND;
}

static int refuse(struct usb_bus *b, struct usb_device *d, enum trouble t)
{
	d->trouble = t;
	b->generation++; /* its media are none from now on, not only when it is off */
	if (b->policy->is_guarded && is_on(d)) {
		d->step = STEP_OFF;
		return 0;
	}
	return finish(b, d);
}

static int check_bound(struct usb_bus *b, struct usb_device *d)
{
	enum binding is = binding(d);
	int64_t now = now_ms();

	if (is == BOUND)
		return finish(b, d);
	if (is == BOUND_WRONG || now >= d->bind_until_ms)
		return refuse(b, d, TROUBLE_USB_FAILED);
	d->look_at_ms = now + BIND_POLL_MS;
	return 0;
}

static int next_interface(struct usb_bus *b, struct usb_device *d, char out[static USB_INTERFACE_NAME_MAX], bool *ret_has)
{
	for (; d->interface < d->description.count; d->interface++)
		if (interface_name(d, d->interface, out) && interface_is_off(out)) {
			*ret_has = true;
			return 0;
		}
	(void)snprintf(out, USB_INTERFACE_NAME_MAX, "%s", d->name);
	if (d->role != USB_MEDIUM)
		return finish(b, d);
	d->step = STEP_BIND;
	d->bind_until_ms = now_ms() + BIND_MS;
	return check_bound(b, d);
}

/* The next order for this device, if its step has one; `ret_order` 0: none. */
static int next_order(struct usb_bus *b, struct usb_device *d, enum guard_order *ret_order,
		      char out[static USB_INTERFACE_NAME_MAX])
{
	bool has = false;
	int r = 0;

	*ret_order = 0;
	(void)snprintf(out, USB_INTERFACE_NAME_MAX, "%s", d->name);
	if (d->step == STEP_INTERFACES) /* the last one leads to another step, which may have an order of its own */
		r = next_interface(b, d, out, &has);
	if (r < 0)
		return r;
	if (has)
		*ret_order = GUARD_INTERFACE_ON;
	else if (d->step == STEP_ON)
		*ret_order = GUARD_DEVICE_ON;
	else if (d->step == STEP_OFF)
		*ret_order = GUARD_DEVICE_OFF;
	return 0;
}

/* Give the guard something to do, if it is free. */
static int pump(struct usb_bus *b)
{
	for (size_t i = 0; b->ordered == 0 && i < b->count; i++) {
		char name[USB_INTERFACE_NAME_MAX];
		enum guard_order order;
		int r = next_order(b, b->devices[i], &order, name);

		if (r == 0 && order != 0) {
			b->ordered = b->devices[i]->number;
			r = guard_order(b->guard_fd, order, name);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* It is on: is it still what it was, now that it could have changed its mind? */
static int switched_on(struct usb_bus *b, struct usb_device *d)
{
	int r = is_unchanged(d);

	if (r == -ENODEV)
		return 0; /* its removal will be told */
	if (r < 0)
		return r;
	d->has_changed = r == 0;
	if (d->has_changed)
		return refuse(b, d, TROUBLE_USB_CHANGED);
	if (is_complete(d))
		return finish(b, d);
	d->step = STEP_INTERFACES;
	d->interface = 0;
	return 0;
}

static int advance(struct usb_bus *b, struct usb_device *d, int error)
{
	if (error < 0 && error != -ENODEV && error != -ENOENT) /* gone: that will be told */
		log_warning("usb %s: step %d: %s", d->name, d->step, strerror(-error));
	if (d->step == STEP_OFF)
		return finish(b, d); /* refused either way; the policy's other half, the media, knows it, too */
	if (error < 0)
		return refuse(b, d, TROUBLE_USB_FAILED);
	if (d->step == STEP_ON)
		return switched_on(b, d);
	d->interface += d->step == STEP_INTERFACES;
	return 0;
}

/* -- judging ------------------------------------------------------------------------------------------------------------ */

static int judge(struct usb_bus *b, struct usb_device *d)
{
	const struct usb_description *description = d->is_understood ? &d->description : NULL;
	char peer[USB_NAME_MAX];

	if (d->number == b->ordered) {
		b->is_stale = true;
		return 0;
	}
	usb_peer_read(d->name, peer);
	d->trouble = usb_policy_judge(b->policy, description, d->name, peer, d->facts.serial, &d->role);
	if (d->has_changed && b->policy->is_guarded)
		d->trouble = TROUBLE_USB_CHANGED;
	d->is_own = is_own(b, d->name) && is_on(d);
	if (d->is_own) { /* the system runs from it: switching it off would be the end of the station, not of the device */
		d->role = USB_OTHER;
		d->trouble = TROUBLE_NONE;
	}
	if (d->trouble != TROUBLE_NONE)
		return refuse(b, d, d->trouble);
	if (!b->policy->is_guarded || d->is_own)
		return finish(b, d);
	if (is_on(d))
		return switched_on(b, d);
	d->step = STEP_ON;
	return 0;
}

static int take_answer(struct usb_bus *b)
{
	uint64_t number = b->ordered;
	bool is_stale = b->is_stale;
	int error = 0, r = guard_answer(b->guard_fd, &error);

	b->ordered = 0;
	b->is_stale = false;
	for (size_t i = 0; r == 0 && number != 0 && i < b->count; i++)
		if (b->devices[i]->number == number)
			return is_stale ? judge(b, b->devices[i]) : advance(b, b->devices[i], error);
	return r;
}

int usb_bus_answered(struct usb_bus *b)
{
	int r = take_answer(b);

	return r < 0 ? r : pump(b);
}

static int add(struct usb_bus *b, const char *name)
{
	_cleanup_free_ struct usb_facts *facts = NULL;
	struct usb_device *d;
	int r = usb_facts_read(name, &facts);

	if (r < 0)
		return r == -ENODEV ? 0 : r;
	if (b->count == DEVICES_MAX) {
		log_warning("usb %s: too many devices; it is left as it is", name); /* off, where the guard is on */
		return 0;
	}
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	(void)snprintf(d->name, sizeof(d->name), "%s", name);
	d->facts = *facts;
	d->number = b->next_number++;
	d->is_understood = usb_descriptors_parse(d->facts.raw, d->facts.size, &d->description) == 0;
	b->devices[b->count++] = d;
	return judge(b, d);
}

/* Known already: the same still? */
static int look_again(struct usb_bus *b, size_t at)
{
	struct usb_device *d = b->devices[at];
	_cleanup_free_ struct usb_facts *now = NULL;
	int r = usb_facts_read(d->name, &now);

	if (r == -ENODEV)
		return remove_at(b, at);
	if (r < 0 || memcmp(now, &d->facts, sizeof(*now)) == 0)
		return r;
	if (now->devnum == d->facts.devnum) { /* the same insertion tells another story */
		bool was_known = d->has_changed;

		d->has_changed = true;
		return was_known ? 0 : judge(b, d);
	}
	r = remove_at(b, at);
	return r < 0 ? r : 1;
}

/* -- root hubs ------------------------------------------------------------------------------------------------------------ */

static int order_and_wait(struct usb_bus *b, enum guard_order order, const char *name)
{
	int error, r = 0;

	while (r == 0 && b->ordered != 0) /* of a device: its answer comes first */
		r = take_answer(b);
	if (r == 0)
		r = guard_order(b->guard_fd, order, name);
	if (r == 0)
		r = guard_answer(b->guard_fd, &error);
	return r < 0 ? r : error;
}

static int set_hub(struct usb_bus *b, struct root_hub *h)
{
	bool wants_closed = b->policy->is_guarded;
	int r;

	if (h->is_closed == wants_closed)
		return 0;
	h->is_closed = wants_closed;
	if (!wants_closed && !h->was_open)
		return 0;
	r = order_and_wait(b, wants_closed ? GUARD_HUB_CLOSE : GUARD_HUB_OPEN, h->name);
	if (r == -ENOENT || r == -ENODEV) /* pulled out with its controller */
		return 0;
	if (r < 0)
		log_error("root hub %s: %s", h->name, strerror(-r));
	return r;
}

static int root_hub_seen(struct usb_bus *b, const char *name)
{
	char path[SYSFS_PATH_MAX];
	size_t i = 0;

	while (i < b->hub_count && strcmp(b->hubs[i].name, name) != 0)
		i++;
	if (i == b->hub_count) {
		if (i == HUBS_MAX)
			return -E2BIG; /* a bus that nobody guards: the role ends, and says so */
		usb_path(name, path);
		(void)snprintf(b->hubs[i].name, sizeof(b->hubs[i].name), "%s", name);
		b->hubs[i].was_open = sysfs_number(path, "authorized_default", 10, 0) != 0;
		b->hubs[i].is_closed = false;
		b->hub_count++;
	}
	return set_hub(b, &b->hubs[i]);
}

static int root_hub_gone(struct usb_bus *b, const char *name)
{
	for (size_t i = 0; i < b->hub_count; i++)
		if (strcmp(b->hubs[i].name, name) == 0) {
			b->hubs[i] = b->hubs[--b->hub_count];
			break;
		}
	return 0;
}

static bool is_root_hub(const char *name)
{
	return strncmp(name, "usb", 3) == 0;
}

static int close_hub(void *context, const char *name)
{
	return is_root_hub(name) && strlen(name) < USB_NAME_MAX ? root_hub_seen(context, name) : 0;
}

int usb_bus_close_hubs(struct usb_bus *b)
{
	return sysfs_list(SYSFS_USB_DEVICES, close_hub, b);
}

/* -- events ---------------------------------------------------------------------------------------------------------------- */

int usb_bus_seen(struct usb_bus *b, const char *name)
{
	size_t at = find(b, name);
	int r = 1;

	if (is_root_hub(name) && strlen(name) < USB_NAME_MAX)
		return root_hub_seen(b, name);
	if (!usb_port_valid(name))
		return 0;
	if (at < b->count)
		r = look_again(b, at);
	if (r > 0)
		r = add(b, name);
	return r < 0 ? r : pump(b);
}

int usb_bus_gone(struct usb_bus *b, const char *name)
{
	size_t at = find(b, name);
	int r;

	if (is_root_hub(name))
		return root_hub_gone(b, name);
	if (at == b->count)
		return 0;
	r = remove_at(b, at);
	return r < 0 ? r : pump(b);
}

int usb_bus_bound(struct usb_bus *b, const char *interface)
{
	const char *colon = strchr(interface, ':');
	int r = 0;

	for (size_t i = 0; colon && r == 0 && i < b->count; i++) {
		struct usb_device *d = b->devices[i];

		if (d->step == STEP_BIND && strlen(d->name) == (size_t)(colon - interface) &&
		    strncmp(d->name, interface, strlen(d->name)) == 0)
			r = check_bound(b, d);
	}
	return r < 0 ? r : pump(b);
}

int usb_bus_prune(struct usb_bus *b)
{
	int r = 0;

	for (size_t i = b->count; r == 0 && i-- > 0;) {
		char path[SYSFS_PATH_MAX];

		usb_path(b->devices[i]->name, path);
		if (access(path, F_OK) < 0)
			r = remove_at(b, i);
	}
	return r;
}

int usb_bus_policy(struct usb_bus *b)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < b->hub_count; i++)
		r = set_hub(b, &b->hubs[i]);
	for (size_t i = 0; r == 0 && i < b->count; i++)
		r = judge(b, b->devices[i]);
	b->generation++;
	return r < 0 ? r : pump(b);
}

int usb_bus_tick(struct usb_bus *b)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < b->count; i++)
		if (b->devices[i]->step == STEP_BIND && now_ms() >= b->devices[i]->look_at_ms)
			r = check_bound(b, b->devices[i]);
	return r < 0 ? r : pump(b);
}

int64_t usb_bus_deadline(const struct usb_bus *b)
{
	int64_t deadline = INT64_MAX;

	for (size_t i = 0; i < b->count; i++)
		if (b->devices[i]->step == STEP_BIND)
			deadline = MIN(deadline, b->devices[i]->look_at_ms);
	return deadline;
}

bool usb_bus_settled(const struct usb_bus *b)
{
	for (size_t i = 0; i < b->count; i++)
		if (b->devices[i]->step != STEP_DONE)
			return false;
	return true;
}

bool usb_bus_medium(const struct usb_bus *b, const char *name)
{
	size_t at = find(b, name);
	const struct usb_device *d = at < b->count ? b->devices[at] : NULL;

	if (!d || d->is_own || d->step != STEP_DONE || d->trouble != TROUBLE_NONE)
		return false;
	return d->role == USB_MEDIUM || !b->policy->is_guarded;
}

uint64_t usb_bus_generation(const struct usb_bus *b)
{
	return b->generation;
}

bool usb_bus_identity(const struct usb_bus *b, const char *name, char ret_id[static 10], const char **ret_vendor,
		      const char **ret_product, const char **ret_serial)
{
	size_t at = find(b, name);

	if (at == b->count)
		return false;
	print_id(b->devices[at], ret_id);
	*ret_vendor = b->devices[at]->facts.vendor;
	*ret_product = b->devices[at]->facts.product;
	*ret_serial = b->devices[at]->facts.serial;
	return true;
}
