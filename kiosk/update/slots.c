/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "update/slots.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "common/fd.h"
#include "common/hash.h"
#include "common/text.h"

#define FILE_MAX (64u << 10) /* bytes */
#define VERSION_MAX 23

bool slots_state_ok(const char *state)
{
	static const char *const states[] = { "written", "confirmed", "rolled-back", "failed" };

	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		if (strcmp(state, states[i]) == 0)
			return true;
	return false;
}

bool slots_version_ok(const char *version)
{
	const char *p = version;

	if (strlen(version) > VERSION_MAX)
		return false;
	for (;;) {
		size_t digits = strspn(p, "0123456789");

		if (digits == 0 || digits > 9)
			return false;
		p += digits;
		if (*p == '\0')
			return true;
		if (*p++ != '.')
			return false;
	}
}

static bool is_valid(const json_t *o)
{
	const char *format, *reason, *root, *slot, *state, *version;
	json_int_t at;
	json_t *bad, *name;
	size_t i;

	if (json_unpack((json_t *)o, "{s:I,s:o,s:s,s:s,s:s,s:s,s:s,s:s!}", "at", &at, "bad", &bad, "format", &format, "reason", &reason, "root", &root,
			"slot", &slot, "state", &state, "version", &version) < 0 || strcmp(format, SLOTS_FORMAT) != 0)
		return false;
	json_array_foreach(bad, i, name)
		if (!json_is_string(name))
			return false;
	return json_is_array(bad) && slots_state_ok(state) && slots_version_ok(version) && strlen(reason) <= SLOTS_REASON_MAX &&
	       strlen(root) == SHA256_HEX_LEN && strspn(root, "0123456789abcdef") == SHA256_HEX_LEN && (strcmp(slot, "a") == 0 || strcmp(slot, "b") == 0);
}

json_t *slots_make(const char *state, const char *version, const char *root, const char *slot, const char *reason, json_t *bad)
{
	_cleanup_free_ char *clean = text_escape(reason, strlen(reason));
	json_t *o;

	if (!clean || !bad) {
		json_decref(bad);
		return NULL;
	}
	o = json_pack("{s:s,s:I,s:o,s:s,s:s,s:s,s:s,s:s}", "format", SLOTS_FORMAT, "at", (json_int_t)time(NULL), "bad", bad, "reason", clean, "root",
		      root, "slot", slot, "state", state, "version", version);
	if (o && !is_valid(o)) {
		json_decref(o);
		o = NULL;
	}
	return o;
}

json_t *slots_record(const json_t *slots)
{
	json_t *o = json_copy((json_t *)slots);

	for (size_t i = 0; o && i < 3; i++)
		(void)json_object_del(o, (const char *const[]){ "format", "at", "state" }[i]); /* they are there */
	return o;
}

json_t *slots_bad_checks(const json_t *selfcheck)
{
	json_t *names = json_array(), *wrong;
	size_t i;

	json_array_foreach(json_object_get(selfcheck, "wrong"), i, wrong) {
		const char *state = json_string_value(json_object_get(wrong, "state"));

		if (state && strcmp(state, "bad") == 0)
			(void)json_array_append(names, json_object_get(wrong, "name")); /* one that is missing counts against the new version */
	}
	return names;
}

json_t *slots_load(const char *station_dir)
{
	_cleanup_close_ int fd = open(station_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	size_t size;
	json_t *o = NULL;

	if (fd >= 0 && file_read(fd, SLOTS_FILE, FILE_MAX, &text, &size) == 0)
		o = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	if (o && !is_valid(o)) {
		json_decref(o);
		o = NULL;
	}
	return o;
}

int slots_save(const char *station_dir, const json_t *slots)
{
	_cleanup_close_ int fd = open(station_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *text = json_dumps(slots, JSON_COMPACT | JSON_SORT_KEYS);

	return fd < 0 ? -errno : text ? file_replace(fd, SLOTS_FILE, text, strlen(text), 0644) : -ENOMEM;
}
