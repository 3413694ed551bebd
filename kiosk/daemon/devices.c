/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The devices role's other end. What it tells comes from descriptors and strings that a device chose: lengths and numbers
 * are checked by the codec, text is escaped here.
 */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "common/text.h"
#include "daemon/daemon.h"
#include "station/maintenance.h"

#define RETRY_US (2 * UINT64_C(1000000))
#define READY_MS 60000 /* it looks at every device before: each may take its time */
#define TEXT_MAX 512
/* A device that comes and goes as fast as it can must not fill the trail: so many records a minute, then one number. */
#define RECORDS_A_MINUTE 60
#define USB_JSON_MAX 12288 /* bytes of what is shown of them */
#define USB_MAX 128 /* a bus has 127 addresses; more than one bus has as many is not a kiosk */

static void changed(struct daemon *d)
{
	if (d->control)
		control_touch(d->control, CONTROL_DEVICES);
}

/* -- policy ----------------------------------------------------------------------------------------------------- */

static void encode_strings(struct encoder *e, const struct yaml_strings *list)
{
	encode_u32(e, (uint32_t)list->count);
	for (size_t k = 0; k < list->count; k++)
		encode_str(e, list->list[k].value);
}

/* `is_any_keyboard`: who sets the machine up types before anybody could say on which keyboard. */
static void encode_policy(struct encoder *e, const struct station_devices *p, bool is_any_keyboard)
{
	encode_u32(e, p->is_guarded);
	encode_strings(e, &p->media_ports);
	encode_u32(e, (uint32_t)p->input_count + is_any_keyboard);
	if (is_any_keyboard) {
		encode_str(e, "any");
		encode_str(e, "0000:0000");
	}
	for (size_t k = 0; k < p->input_count; k++) {
		encode_str(e, p->inputs[k].port);
		encode_str(e, p->inputs[k].id);
	}
	encode_strings(e, &p->hubs);
	encode_strings(e, &p->allow);
	encode_strings(e, &p->deny);
	encode_u32(e, p->has_optical);
	encode_str(e, p->loop_dir ? p->loop_dir : "");
}

static int send_policy(struct daemon *d, enum message_type type)
{
	const struct station_devices *p = &d->station->config->devices;
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));

	if (!e)
		return -ENOMEM;
	encoder_init(e);
	if (type == MESSAGE_DEVICES_START)
		encode_str(e, p->source == STATION_DEVICES_KERNEL ? "kernel" : "udev");
	encode_policy(e, p, d->station->config->awaits_set_up);
	return channel_send(&d->devices.channel, type, e, NULL, 0);
}

/* -- USB devices ------------------------------------------------------------------------------------------------ */

static char *escaped(struct decoder *d)
{
	size_t size;
	const uint8_t *raw = decode_bytes(d, TEXT_MAX, &size);

	return text_escape(raw, size);
}

static bool may_record(struct daemon *d)
{
	int64_t minute = time(NULL) / 60;

	if (minute != d->usb_minute) {
		if (d->usb_unrecorded > 0)
			station_audit(d, "device-unrecorded", json_pack("{s:I}", "count", (json_int_t)d->usb_unrecorded));
		d->usb_minute = minute;
		d->usb_records = d->usb_unrecorded = 0;
	}
	if (++d->usb_records <= RECORDS_A_MINUTE)
		return true;
	d->usb_unrecorded++;
	return false;
}

static size_t find_usb(const struct daemon *d, const char *port)
{
	size_t k;
	json_t *o;

	json_array_foreach(d->usb, k, o)
		if (strcmp(json_string_value(json_object_get(o, "port")), port) == 0)
			return k;
	return json_array_size(d->usb);
}

static int on_usb(struct daemon *d, struct decoder *m)
{
	static const char *const texts[] = { "port", "id", "vendor", "product", "serial", "interfaces", "role" };
	json_t *o = json_object();
	const char *port;
	int r = o ? 0 : -ENOMEM;
	bool is_accepted;
	size_t at;

	for (size_t k = 0; r == 0 && k < ARRAY_LEN(texts); k++) {
		_cleanup_free_ char *text = escaped(m); /* str and bytes look the same on the wire */

		if (!text || json_object_set_new(o, texts[k], json_string(text)) < 0)
			r = -ENOMEM;
	}
	is_accepted = decode_u32(m) != 0;
	if (r == 0) {
		_cleanup_free_ char *why = escaped(m), *code = escaped(m);
		json_t *more = why && code ? json_pack("{s:b,s:s,s:s}", "accepted", is_accepted, "why", why, "code", code) : NULL;

		r = more && json_object_update(o, more) == 0 ? 0 : -ENOMEM;
		json_decref(more);
	}
	if (r == 0)
		r = decoder_end(m);
	if (r < 0) {
		json_decref(o);
		return r;
	}
	port = json_string_value(json_object_get(o, "port"));
	at = find_usb(d, port);
	if (at < json_array_size(d->usb))
		(void)json_array_remove(d->usb, at); /* the newest one is last */
	if (may_record(d))
		station_audit(d, is_accepted ? "device-accepted" : "device-refused", json_deep_copy(o));
	if (json_array_size(d->usb) >= USB_MAX || json_array_append_new(d->usb, o) < 0) {
		log_error("more USB devices than can be shown");
		if (json_array_size(d->usb) >= USB_MAX)
			json_decref(o);
	}
	changed(d);
	return 0;
}

static int on_usb_gone(struct daemon *d, struct decoder *m)
{
	_cleanup_free_ char *port = escaped(m);
	int r = decoder_end(m);
	size_t at;

	if (r < 0 || !port)
		return r < 0 ? r : -ENOMEM;
	at = find_usb(d, port);
	if (at == json_array_size(d->usb))
		return 0;
	if (may_record(d))
		station_audit(d, "device-removed", json_incref(json_array_get(d->usb, at)));
	(void)json_array_remove(d->usb, at); /* it is there */
	changed(d);
	return 0;
}

/* -- media ------------------------------------------------------------------------------------------------------ */

static int decode_device(struct decoder *m, struct device *v)
{
	int r;

	v->key = decode_str(m, 255);
	v->node = decode_str(m, 63);
	v->major = decode_u32(m);
	v->minor = decode_u32(m);
	v->diskseq = decode_u64(m);
	v->kind = decode_str(m, 16);
	v->port = escaped(m);
	v->vendor = escaped(m);
	v->model = escaped(m);
	v->serial = escaped(m);
	v->usb_id = escaped(m);
	v->unit = decode_u32(m);
	v->size = decode_u64(m);
	r = decoder_end(m);
	if (r == 0 && (!v->key || !v->node || !v->kind || !v->port || !v->vendor || !v->model || !v->serial || !v->usb_id))
		r = -ENOMEM;
	/* It becomes a path. */
	if (r == 0 && (!*v->node || strchr(v->node, '/') || strcmp(v->node, "..") == 0 || v->size > INT64_MAX))
		r = -EPROTO;
	return r;
}

static int on_medium(struct daemon *d, struct decoder *m)
{
	struct device v = { 0 };
	int r = decode_device(m, &v);

	if (r < 0)
		device_done(&v);
	else
		media_arrived(d, &v);
	return r;
}

static int on_key(struct daemon *d, struct decoder *m, void (*what)(struct daemon *d, const char *key))
{
	_cleanup_free_ char *key = decode_str(m, 255);
	int r = decoder_end(m);

	if (r == 0)
		what(d, key);
	return r;
}

static int on_settled(struct daemon *d, struct decoder *m)
{
	int r = decoder_end(m);

	if (r == 0 && d->is_blind) {
		d->is_blind = false;
		if (d->control)
			control_touch(d->control, CONTROL_STATION);
	}
	if (r == 0) /* the guard is at work: now it can be looked at */
		selfcheck_begin(d);
	return r;
}

static int take(struct daemon *d, struct message *m)
{
	switch (m->type) {
	case MESSAGE_DEVICES_MEDIUM:
		return on_medium(d, &m->payload);
	case MESSAGE_DEVICES_MEDIUM_GONE:
		return on_key(d, &m->payload, media_left);
	case MESSAGE_DEVICES_BUTTON:
		return on_key(d, &m->payload, media_button);
	case MESSAGE_DEVICES_USB:
		return on_usb(d, &m->payload);
	case MESSAGE_DEVICES_USB_GONE:
		return on_usb_gone(d, &m->payload);
	case MESSAGE_DEVICES_SETTLED:
		return on_settled(d, &m->payload);
	default:
		return -EPROTO;
	}
}

/* -- the process ------------------------------------------------------------------------------------------------ */

static int on_retry(sd_event_source *source, uint64_t usec, void *context)
{
	struct daemon *d = context;

	d->devices_retry = sd_event_source_disable_unref(d->devices_retry);
	devices_apply(d);
	return 0;
}

static void forget(struct daemon *d)
{
	d->devices_io = sd_event_source_disable_unref(d->devices_io);
	process_kill(&d->devices);
	json_decref(d->usb);
	d->usb = json_array();
	media_lost_sight(d);
	changed(d);
}

/* Without it no medium is seen: it is started again, for as long as it takes. */
static void lose(struct daemon *d, int error, const char *why)
{
	uint64_t now;

	log_error("the devices role: %s; it is started anew", why ? why : strerror(-error));
	if (!d->is_blind) /* one that cannot be started fails every other second: once is enough for the trail */
		station_audit(d, "devices-lost", json_pack("{s:s}", "why", why ? why : strerror(-error)));
	d->is_blind = true;
	forget(d);
	if (d->control)
		control_touch(d->control, CONTROL_STATION);
	if (sd_event_now(d->loop, CLOCK_MONOTONIC, &now) < 0 ||
	    sd_event_add_time(d->loop, &d->devices_retry, CLOCK_MONOTONIC, now + RETRY_US, 0, on_retry, d) < 0)
		log_error("no timer: no medium will be seen until the station is reloaded");
}

static int take_ready(struct daemon *d)
{
	const struct patience now = { .signal_fd = -1, .deadline_ms = monotonic_ms() + 1000 };
	_cleanup_free_ char *why = NULL;
	int r = process_ready(&d->devices, &now, &why);

	if (r < 0)
		lose(d, r, why);
	return r;
}

static int on_channel(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct daemon *d = context;
	struct message *m;
	int r;

	if (d->devices.channel.state == STATE_BOOT) {
		(void)take_ready(d); /* told */
		return 0;
	}
	m = malloc(sizeof(*m));
	r = m ? channel_receive(&d->devices.channel, m, true) : -ENOMEM;
	if (r == 0) {
		r = take(d, m);
		message_done(m);
	}
	free(m);
	if (r < 0 && r != -EAGAIN)
		lose(d, r, r == -ENOTCONN ? "it has died" : r == -EPROTO ? "it broke its protocol" : NULL);
	return 0;
}

static void start(struct daemon *d)
{
	int r = process_start(ROLE_DEVICES, &d->devices);

	d->devices_deadline_ms = monotonic_ms() + READY_MS;
	if (r == 0)
		r = send_policy(d, MESSAGE_DEVICES_START);
	if (r == 0)
		r = sd_event_add_io(d->loop, &d->devices_io, d->devices.channel.fd, POLLIN, on_channel, d);
	if (r < 0)
		lose(d, r, NULL);
}

void devices_tick(struct daemon *d)
{
	if (d->devices.pid > 0 && d->devices.channel.state == STATE_BOOT && monotonic_ms() >= d->devices_deadline_ms)
		lose(d, -ETIMEDOUT, "it did not become ready");
}

void devices_apply(struct daemon *d)
{
	if (!d->station || d->is_ending || d->devices_retry)
		return;
	if (d->station->config->devices.source == STATION_DEVICES_NONE)
		d->is_blind = false; /* nobody looks */
	if (d->devices.pid > 0 && d->station->config->devices.source == STATION_DEVICES_NONE)
		forget(d);
	else if (d->devices.pid > 0 && d->devices.channel.state != STATE_BOOT && send_policy(d, MESSAGE_DEVICES_POLICY) < 0)
		log_error("the devices role does not listen");
	else if (d->devices.pid == 0 && d->station->config->devices.source != STATION_DEVICES_NONE)
		start(d);
	changed(d);
}

void devices_done(struct daemon *d)
{
	d->devices_retry = sd_event_source_disable_unref(d->devices_retry);
	d->devices_io = sd_event_source_disable_unref(d->devices_io);
	(void)process_end(&d->devices); /* it holds nothing */
	json_decref(d->usb);
	d->usb = NULL;
}

/* -- the object ------------------------------------------------------------------------------------------------- */

static json_t *ports(const struct daemon *d)
{
	json_t *list = json_array();
	const struct yaml_strings *all = d->station ? &d->station->config->devices.media_ports : NULL;

	for (size_t k = 0; all && k < all->count; k++)
		(void)json_array_append_new(list, json_string(all->list[k].value)); /* told, not relied on */
	return list;
}

/* As it is shown: strings of a device that does its worst are as long as a dozen of others. */
static json_t *shown(const json_t *device)
{
	json_t *o = json_object(), *v;
	const char *key;

	json_object_foreach((json_t *)device, key, v)
		(void)json_object_set_new(o, key, json_is_string(v) ? fold_text(json_string_value(v)) : json_incref(v)); /* told, not relied on */
	return o;
}

static json_t *newest_refused(const struct daemon *d)
{
	for (size_t k = json_array_size(d->usb); k-- > 0;) {
		json_t *o = json_array_get(d->usb, k);

		if (!json_is_true(json_object_get(o, "accepted")))
			return shown(o);
	}
	return json_null();
}

/* The newest, as many as fit in a line beside the station (requests.c, `state`). */
static json_t *all_shown(const struct daemon *d)
{
	json_t *list = json_array();
	size_t room = USB_JSON_MAX;

	for (size_t k = json_array_size(d->usb); k-- > 0;) {
		json_t *o = shown(json_array_get(d->usb, k));
		size_t size = json_dumpb(o, NULL, 0, JSON_COMPACT) + 1;

		if (size > room || json_array_insert_new(list, 0, json_incref(o)) < 0)
			k = 0;
		else
			room -= size;
		json_decref(o);
	}
	return list;
}

json_t *devices_object(struct daemon *d)
{
	const struct station_config *c = d->station ? d->station->config : NULL;

	return json_pack("{s:s,s:b,s:s,s:o,s:o,s:o}", "event", "devices", "guard", c && c->devices.is_guarded, "file",
			 c && c->has_kept_devices ? MAINTENANCE_FILE : STATION_FILE, "media_ports", ports(d), "usb", all_shown(d), "refused", newest_refused(d));
}
