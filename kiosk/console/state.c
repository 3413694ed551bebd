/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "console/state.h"

#include <string.h>

#include "console/layout.h"
#include "control/trouble.h"

/* -- members --------------------------------------------------------------------------------------------- */

const json_t *member(const json_t *o, const char *key)
{
	return json_object_get(o, key);
}

const char *member_text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

int64_t member_number(const json_t *o, const char *key)
{
	return (int64_t)json_integer_value(json_object_get(o, key));
}

uint64_t member_count(const json_t *o, const char *key)
{
	int64_t n = member_number(o, key);

	return n > 0 ? (uint64_t)n : 0;
}

bool member_true(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

bool item_is_done(const struct item *i)
{
	return strcmp(member_text(i->object, "state"), "done") == 0;
}

bool item_asks(const struct item *i)
{
	const char *state = member_text(i->object, "state");

	return strcmp(state, "identify") == 0 || strcmp(state, "locked") == 0;
}

/* -- cleaning -------------------------------------------------------------------------------------------- */

static int clean_string(json_t *string)
{
	_cleanup_free_ char *shown = layout_shown(json_string_value(string));

	if (!shown)
		return -ENOMEM;
	if (strcmp(shown, json_string_value(string)) == 0)
		return 0;
	return json_string_set(string, shown) < 0 ? -ENOMEM : 0;
}

int state_clean(json_t *o)
{
	const char *key;
	json_t *value;
	size_t k;
	int r = 0;

	if (json_is_string(o))
		return clean_string(o);
	json_array_foreach(o, k, value)
		r = r ? r : state_clean(value);
	json_object_foreach(o, key, value)
		r = r ? r : state_clean(value);
	return r;
}

/* -- items ----------------------------------------------------------------------------------------------- */

int state_init(struct state *s)
{
	memset(s, 0, sizeof(*s));
	s->seen = json_object();
	s->left_in = json_object();
	s->dismissed = json_object();
	return s->seen && s->left_in && s->dismissed ? 0 : -ENOMEM;
}

struct item *state_find(struct state *s, int64_t number)
{
	for (size_t k = 0; k < s->count; k++)
		if (s->items[k].number == number)
			return &s->items[k];
	return NULL;
}

static void drop(struct state *s, struct item *i)
{
	size_t k = (size_t)(i - s->items);

	json_decref(i->object);
	memmove(i, i + 1, (s->count - k - 1) * sizeof(*i));
	s->count--;
}

/* Room for one more: in a flood the oldest finished item gives way. */
static struct item *add(struct state *s, int64_t number)
{
	for (size_t k = 0; s->count == STATE_ITEMS_MAX && k < s->count; k++)
		if (item_is_done(&s->items[k]))
			drop(s, &s->items[k]);
	if (s->count == STATE_ITEMS_MAX)
		return NULL;
	s->items[s->count] = (struct item){ .number = number };
	return &s->items[s->count++];
}

static void note_gone(struct item *i, int64_t now_ms)
{
	if (!item_is_done(i) || member_true(i->object, "present"))
		i->gone_ms = 0;
	else if (i->gone_ms == 0)
		i->gone_ms = now_ms;
}

/* Is it the same result or medium, known again after lazaretd or the connection was renewed? */
static bool is_same(const json_t *a, const json_t *b)
{
	static const char *const keys[] = { "kind", "port", "serial", "model" };
	const char *transfer = member_text(a, "transfer");

	if (*transfer || *member_text(b, "transfer"))
		return strcmp(transfer, member_text(b, "transfer")) == 0;
	for (size_t k = 0; k < ARRAY_LEN(keys); k++)
		if (strcmp(member_text(a, keys[k]), member_text(b, keys[k])) != 0)
			return false;
	return true;
}

struct number {
	char s[24];
};

static struct number by_number(int64_t number)
{
	struct number n;

	(void)snprintf(n.s, sizeof(n.s), "%lld", (long long)number);
	return n;
}

/* A medium of which nothing is to be shown as a result: seen here or at another console. */
static bool is_settled(struct state *s, json_t *object, int64_t number)
{
	bool is_done = strcmp(member_text(object, "state"), "done") == 0, is_seen = is_done && member_true(object, "seen");
	struct item *i = state_find(s, number);

	if (is_done && !is_seen && json_object_get(s->dismissed, by_number(number).s))
		return true; /* it was under way when we said so */
	(void)json_object_del(s->dismissed, by_number(number).s);
	(void)json_object_del(s->left_in, by_number(number).s);
	if (!is_seen)
		return false;
	if (i)
		drop(s, i);
	(void)json_object_set(s->left_in, by_number(number).s, object); /* out of memory: nobody is told to take it out */
	return true;
}

static void fold_medium(struct state *s, json_t *object, int64_t now_ms)
{
	int64_t number = member_number(object, "medium");
	struct item *i;

	if (number <= 0 || is_settled(s, object, number))
		return;
	i = state_find(s, number);
	for (size_t k = 0; !i && k < s->count; k++)
		if (item_is_ours(&s->items[k]) && !member(s->items[k].object, "device") && is_same(s->items[k].object, object)) {
			i = &s->items[k];
			i->number = number;
			i->has_asked = false; /* what it asks now nobody has seen */
		}
	if (!i)
		i = add(s, number);
	if (!i)
		return;
	json_decref(i->object);
	i->object = json_incref(object);
	i->has_asked = i->has_asked && item_asks(i);
	note_gone(i, now_ms);
}

static json_t *trouble_object(enum trouble t)
{
	return json_pack("{ssssss}", "code", trouble_code(t), "text", trouble_text(t), "next", trouble_next(t));
}

/* Taken out before anything was made of it: lazaretd has forgotten it, the operator should not have to wonder. */
static void keep_as_removed(struct state *s, struct item *i, int64_t now_ms)
{
	if (json_object_set_new(i->object, "state", json_string("done")) < 0 ||
	    json_object_set_new(i->object, "outcome", json_string("aborted")) < 0 ||
	    json_object_set_new(i->object, "trouble", trouble_object(TROUBLE_REMOVED)) < 0 ||
	    json_object_set_new(i->object, "present", json_false()) < 0) {
		drop(s, i);
		return;
	}
	i->number = --s->last_number;
	note_gone(i, now_ms);
}

static void fold_gone(struct state *s, const json_t *object, int64_t now_ms)
{
	int64_t number = member_number(object, "medium");
	struct item *i = state_find(s, number);

	(void)json_object_del(s->left_in, by_number(number).s);
	(void)json_object_del(s->dismissed, by_number(number).s);
	if (!i || item_is_ours(i))
		return;
	if (item_is_done(i))
		drop(s, i); /* somebody has seen it, perhaps at another console */
	else
		keep_as_removed(s, i, now_ms);
}

void state_lost(struct state *s)
{
	for (size_t k = s->count; k-- > 0;) {
		struct item *i = &s->items[k];

		if (!item_is_done(i))
			drop(s, i);
		else if (!item_is_ours(i))
			i->number = --s->last_number;
	}
	json_decref(s->station);
	json_decref(s->devices);
	s->station = s->devices = NULL;
	(void)json_object_clear(s->left_in);
	(void)json_object_clear(s->dismissed);
}

/* -- refused devices ------------------------------------------------------------------------------------- */

/* What makes a refused device the one that it is. Owned by the caller. */
static char *device_key(const json_t *device)
{
	char *key = NULL;

	if (asprintf(&key, "%s %s %s %s", member_text(device, "port"), member_text(device, "id"), member_text(device, "serial"),
		     member_text(device, "code")) < 0)
		return NULL;
	return key;
}

static struct item *find_device(struct state *s, const char *key)
{
	for (size_t k = 0; k < s->count; k++) {
		const json_t *device = member(s->items[k].object, "device");
		_cleanup_free_ char *other = device ? device_key(device) : NULL;

		if (other && strcmp(other, key) == 0)
			return &s->items[k];
	}
	return NULL;
}

/* The form of a medium that ended in trouble, with the device beside it. */
static json_t *device_item(json_t *device)
{
	enum trouble t = trouble_find(member_text(device, "code"));
	json_t *trouble = t != TROUBLE_NONE ? trouble_object(t) :
					      json_pack("{ssssss}", "code", member_text(device, "code"), "text",
							member_text(device, "why"), "next", "");

	return json_pack("{ss ss sO* sO* sO* sO* sb ss so sO}", "state", "done", "kind", "usb", "port", json_object_get(device, "port"),
			 "vendor", json_object_get(device, "vendor"), "model", json_object_get(device, "product"), "serial",
			 json_object_get(device, "serial"), "present", 1, "outcome", "refused", "trouble", trouble, "device", device);
}

static bool is_still_refused(const json_t *devices, const char *key)
{
	const json_t *list = member(devices, "usb");
	json_t *device;
	size_t k;

	json_array_foreach(list, k, device) {
		_cleanup_free_ char *other = member_true(device, "accepted") ? NULL : device_key(device);

		if (other && strcmp(other, key) == 0)
			return true;
	}
	return false;
}

/* Devices that were taken out: their troubles stay until seen, but what was seen may be forgotten. */
static void note_devices_gone(struct state *s, int64_t now_ms)
{
	const char *key;
	json_t *value;
	void *next;

	for (size_t k = 0; k < s->count; k++) {
		const json_t *device = member(s->items[k].object, "device");
		_cleanup_free_ char *mine = device ? device_key(device) : NULL;

		if (mine && json_object_set_new(s->items[k].object, "present", json_boolean(is_still_refused(s->devices, mine))) == 0)
			note_gone(&s->items[k], now_ms);
	}
	json_object_foreach_safe(s->seen, next, key, value)
		if (!is_still_refused(s->devices, key))
			(void)json_object_del(s->seen, key);
}

static int fold_devices(struct state *s, json_t *object, int64_t now_ms)
{
	json_t *refused = json_object_get(object, "refused");
	_cleanup_free_ char *key = NULL;
	struct item *i;

	json_decref(s->devices);
	s->devices = json_incref(object);
	note_devices_gone(s, now_ms);
	if (!json_is_object(refused))
		return 0;
	key = device_key(refused);
	if (!key)
		return -ENOMEM;
	if (json_object_get(s->seen, key) || find_device(s, key))
		return 0;
	i = add(s, s->last_number - 1);
	if (!i)
		return 0;
	s->last_number--;
	i->object = device_item(refused);
	if (!i->object) {
		s->count--;
		return -ENOMEM;
	}
	return 0;
}

void state_forget(struct state *s, int64_t number)
{
	struct item *i = state_find(s, number);
	const json_t *device = i ? member(i->object, "device") : NULL;
	_cleanup_free_ char *key = device ? device_key(device) : NULL;

	if (!i)
		return;
	if (!item_is_ours(i))
		(void)json_object_set_new(s->dismissed, by_number(number).s, json_true()); /* as below */
	if (key && member_true(i->object, "present"))
		(void)json_object_set_new(s->seen, key, json_true()); /* out of memory: it is shown once more */
	drop(s, i);
}

struct item *state_expired(struct state *s, int64_t now_ms)
{
	for (size_t k = 0; k < s->count; k++)
		if (s->items[k].gone_ms > 0 && now_ms - s->items[k].gone_ms >= STATE_KEEP_MS)
			return &s->items[k];
	return NULL;
}

/* -- events ---------------------------------------------------------------------------------------------- */

int state_fold(struct state *s, json_t *object, int64_t now_ms)
{
	int r = state_clean(object);
	const char *event = member_text(object, "event"); /* only now: cleaning replaces strings */

	if (r < 0)
		return r;
	if (strcmp(event, "medium") == 0) {
		fold_medium(s, object, now_ms);
	} else if (strcmp(event, "medium-gone") == 0) {
		fold_gone(s, object, now_ms);
	} else if (strcmp(event, "devices") == 0) {
		r = fold_devices(s, object, now_ms);
	} else if (strcmp(event, "station") == 0) {
		json_decref(s->station);
		s->station = json_incref(object);
		s->station_ms = now_ms;
	}
	return r;
}

int64_t state_now(const struct state *s, int64_t now_ms)
{
	int64_t at = member_number(s->station, "now");

	return at > 0 ? at + (now_ms - s->station_ms) / 1000 : 0;
}

void state_done(struct state *s)
{
	while (s->count > 0)
		drop(s, &s->items[0]);
	json_decref(s->station);
	json_decref(s->devices);
	json_decref(s->transfers);
	json_decref(s->seen);
	json_decref(s->left_in);
	json_decref(s->dismissed);
	memset(s, 0, sizeof(*s));
}
