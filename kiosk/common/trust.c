/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Written by `lazaret key`, read by the supervisor, which hands the keys to the origin role. */
#include "common/trust.h"

#include <stdarg.h>
#include <string.h>

#include "common/fd.h"
#include "common/minisign.h"

#define METADATA_MAX (1u << 20) /* bytes; 256 keys take some 80 KB */

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

static int fail(char **ret_why, int error, const char *fmt, ...) _printf_(3, 4);
static int fail(char **ret_why, int error, const char *fmt, ...)
{
	va_list ap;

	if (ret_why) {
		va_start(ap, fmt);
		if (vasprintf(ret_why, fmt, ap) < 0)
			*ret_why = NULL;
		va_end(ap);
	}
	return error;
}

bool trust_name_valid(const char *name)
{
	size_t size = strlen(name);

	return size >= 1 && size <= TRUST_NAME_MAX && strchr("._-", name[0]) == NULL &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == size;
}

static bool entry_valid(const json_t *entry)
{
	const char *by, *fingerprint, *key_id;
	json_int_t added, until;
	json_t *purposes;

	return json_unpack((json_t *)entry, "{s:I,s:s,s:s,s:s,s:o,s:I!}", "added_at", &added, "by", &by, "fingerprint",
			   &fingerprint, "key_id", &key_id, "purposes", &purposes, "until", &until) == 0 &&
	       added >= 0 && until >= 0 && strlen(fingerprint) == MINISIGN_FINGERPRINT_LEN &&
	       json_array_size(purposes) > 0;
}

int trust_metadata_load(int dir_fd, json_t **ret, char **ret_why)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_(json_decref_p) json_t *root = NULL;
	const char *format, *name;
	json_t *keys, *entry;
	json_error_t error;
	size_t size;
	int r = file_read(dir_fd, TRUST_FILE, METADATA_MAX, &text, &size);

	if (r == -ENOENT) {
		*ret = json_object();
		return *ret ? 0 : -ENOMEM;
	}
	if (r < 0)
		return fail(ret_why, r, "%s: %s", TRUST_FILE, strerror(-r));
	root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		return fail(ret_why, -EBADMSG, "%s:%d:%d: %s", TRUST_FILE, error.line, error.column, error.text);
	if (json_unpack(root, "{s:s,s:o!}", "format", &format, "keys", &keys) < 0 || strcmp(format, TRUST_FORMAT) != 0 ||
	    !json_is_object(keys) || json_object_size(keys) > TRUST_KEYS_MAX)
		return fail(ret_why, -EBADMSG, "%s: not in the form of %s", TRUST_FILE, TRUST_FORMAT);
	json_object_foreach(keys, name, entry)
		if (!trust_name_valid(name) || !entry_valid(entry))
			return fail(ret_why, -EBADMSG, "%s: the entry \"%s\" is not in the form of %s", TRUST_FILE,
				    name, TRUST_FORMAT);
	*ret = json_incref(keys);
	return 0;
}

int trust_metadata_save(int dir_fd, const json_t *keys)
{
	_cleanup_(json_decref_p) json_t *root = json_pack("{sssO}", "format", TRUST_FORMAT, "keys", (json_t *)keys);
	_cleanup_free_ char *text = root ? json_dumps(root, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;

	return text ? file_replace(dir_fd, TRUST_FILE, text, strlen(text), 0644) : -ENOMEM;
}

static char *join_purposes(const json_t *purposes)
{
	_cleanup_free_ char *text = strdup("");
	json_t *purpose;
	size_t i;

	json_array_foreach((json_t *)purposes, i, purpose) {
		const char *word = json_string_value(purpose);
		char *longer;

		if (!text || !word || asprintf(&longer, "%s%s%s", text, *text ? "," : "", word) < 0)
			return NULL;
		free(text);
		text = longer;
	}
	return TAKE_PTR(text);
}

static int load_key(int dir_fd, const char *name, const json_t *entry, json_t *list, char **ret_why)
{
	_cleanup_free_ char *file = NULL, *text = NULL, *purposes = join_purposes(json_object_get(entry, "purposes"));
	char fingerprint[MINISIGN_FINGERPRINT_LEN + 1];
	struct minisign_public key;
	const char *why = NULL;
	json_t *o;
	size_t size;
	int r;

	if (!purposes || asprintf(&file, "%s.pub", name) < 0)
		return -ENOMEM;
	r = file_read(dir_fd, file, MINISIGN_PUBLIC_MAX, &text, &size);
	if (r < 0)
		return fail(ret_why, -EBADMSG, "%s: %s (`lazaret key distrust %s` forgets the key)", file, strerror(-r), name);
	if (minisign_public_parse(text, size, &key, &why) < 0)
		return fail(ret_why, -EBADMSG, "%s: %s", file, why);
	r = minisign_fingerprint(&key, fingerprint);
	if (r < 0)
		return r;
	if (strcmp(fingerprint, json_string_value(json_object_get(entry, "fingerprint"))) != 0)
		return fail(ret_why, -EBADMSG, "%s: not the key that was trusted under this name", file);
	o = json_pack("{ss,ss,ss,ss,ss,sO,sO,sO}", "name", name, "key", text, "key_id",
		      json_string_value(json_object_get(entry, "key_id")), "fingerprint", fingerprint, "purposes",
		      purposes, "until", json_object_get(entry, "until"), "added_at", json_object_get(entry, "added_at"),
		      "by", json_object_get(entry, "by"));
	return !o || json_array_append_new(list, o) < 0 ? -ENOMEM : 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int trust_load(int dir_fd, json_t **ret, char **ret_why)
{
	_cleanup_(json_decref_p) json_t *keys = NULL, *list = json_array();
	const char *names[TRUST_KEYS_MAX], *name;
	size_t count = 0;
	json_t *entry;
	int r = list ? trust_metadata_load(dir_fd, &keys, ret_why) : -ENOMEM;

	if (r < 0)
		return r;
	json_object_foreach(keys, name, entry)
		names[count++] = name;
	qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 0; i < count; i++) {
		r = load_key(dir_fd, names[i], json_object_get(keys, names[i]), list, ret_why);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(list);
	return 0;
}
