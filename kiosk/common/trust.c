/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Written by `lazaret key`, read by the supervisor, which hands the keys to the roles that prove evidence. */
#include "common/trust.h"

#include <stdarg.h>
#include <string.h>

#include "common/base64.h"
#include "common/fd.h"
#include "common/hash.h"

#define METADATA_MAX (4u << 20) /* bytes; 256 keys with a dozen patterns each take some 200 KB */
#define FINGERPRINT_MIN 16	/* hex digits: minisign's key id, where a format has nothing longer */
#define FINGERPRINT_MAX 128
#define LOAD_TRIES 8 /* `lazaret key` may be at work */

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

static int fail(char **ret_why, int error, const char *fmt, ...) _printf_(3, 4);
static int fail(char **ret_why, int error, const char *fmt, ...)
{
	va_list ap;

	if (ret_why) {
		free(*ret_why);
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

/* -- the form of an entry -------------------------------------------------------------------------------- */

static bool is_hex(const char *text, size_t min, size_t max)
{
	size_t size = strlen(text);

	return size >= min && size <= max && strspn(text, "0123456789abcdefABCDEF") == size;
}

static bool purposes_valid(const json_t *purposes)
{
	unsigned int seen = 0;
	json_t *word;
	size_t i;

	json_array_foreach((json_t *)purposes, i, word) {
		int purpose = json_is_string(word) ? trust_purpose_by_name(json_string_value(word)) : -EINVAL;

		if (purpose < 0 || seen & 1u << purpose)
			return false;
		seen |= 1u << purpose;
	}
	return seen != 0;
}

static bool patterns_valid(const json_t *patterns, bool (*is_valid)(const char *pattern))
{
	json_t *pattern;
	size_t i;

	if (!json_is_array(patterns) || json_array_size(patterns) > TRUST_SCOPE_MAX)
		return false;
	json_array_foreach((json_t *)patterns, i, pattern)
		if (!json_is_string(pattern) || !is_valid(json_string_value(pattern)))
			return false;
	return true;
}

static bool entry_valid(const json_t *entry)
{
	const char *by, *fingerprint, *key_id, *kind, *owner, *sum;
	json_int_t added, created, expires, until;
	json_t *purposes, *paths, *types;

	return json_unpack((json_t *)entry, "{s:I,s:s,s:I,s:I,s:s,s:s,s:s,s:s,s:o,s:o,s:s,s:o,s:I!}", "added_at", &added,
			   "by", &by, "created", &created, "expires", &expires, "fingerprint", &fingerprint, "key_id",
			   &key_id, "kind", &kind, "owner", &owner, "paths", &paths, "purposes", &purposes, "sha256", &sum,
			   "types", &types, "until", &until) == 0 &&
	       added >= 0 && created >= 0 && expires >= 0 && until >= 0 && key_kind_by_name(kind) >= 0 &&
	       is_hex(fingerprint, FINGERPRINT_MIN, FINGERPRINT_MAX) && *key_id && is_hex(sum, SHA256_HEX_LEN, SHA256_HEX_LEN) &&
	       purposes_valid(purposes) && patterns_valid(paths, trust_path_valid) && patterns_valid(types, trust_type_valid);
}

/* -- keys.json -------------------------------------------------------------------------------------------- */

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
	    !json_is_object(keys))
		return fail(ret_why, -EBADMSG, "%s: not in the form of %s", TRUST_FILE, TRUST_FORMAT);
	if (json_object_size(keys) > TRUST_KEYS_MAX)
		return fail(ret_why, -EBADMSG, "%s: more than %d keys", TRUST_FILE, TRUST_KEYS_MAX);
	json_object_foreach(keys, name, entry) {
		if (!trust_name_valid(name))
			return fail(ret_why, -EBADMSG, "%s: an entry has a name that no key can have", TRUST_FILE);
		if (!entry_valid(entry))
			return fail(ret_why, -EBADMSG, "%s: the entry \"%s\" is not in the form of %s", TRUST_FILE, name,
				    TRUST_FORMAT);
	}
	*ret = json_incref(keys);
	return 0;
}

int trust_metadata_save(int dir_fd, const json_t *keys)
{
	_cleanup_(json_decref_p) json_t *root = json_pack("{sssO}", "format", TRUST_FORMAT, "keys", (json_t *)keys);
	_cleanup_free_ char *text = root ? json_dumps(root, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;

	if (!text)
		return -ENOMEM;
	return strlen(text) > METADATA_MAX ? -EFBIG : file_replace(dir_fd, TRUST_FILE, text, strlen(text), 0644);
}

/* -- keys with their bytes ---------------------------------------------------------------------------------- */

static const char *text_of(const json_t *o, const char *field)
{
	const char *text = json_string_value(json_object_get(o, field));

	return text ? text : "";
}

static bool is_sum(const void *data, size_t size, const char *hex)
{
	uint8_t sum[SHA256_LEN], wanted[SHA256_LEN];

	return sha256(data, size, sum) == 0 && hex_decode(hex, wanted, sizeof(wanted)) == 0 &&
	       memcmp(sum, wanted, sizeof(sum)) == 0;
}

/* What the entry says, but its checksum, with name and bytes. */
static json_t *make_key(const char *name, const json_t *entry, const char *raw, size_t size)
{
	_cleanup_free_ char *text = malloc(BASE64_LEN(size) + 1);
	_cleanup_(json_decref_p) json_t *key = json_copy((json_t *)entry);

	if (!text || !key)
		return NULL;
	base64_encode(raw, size, text);
	if (json_object_del(key, "sha256") < 0 || json_object_set_new(key, "name", json_string(name)) < 0 ||
	    json_object_set_new(key, "key", json_string(text)) < 0)
		return NULL;
	return TAKE_PTR(key);
}

static int load_key(int dir_fd, const char *name, const json_t *entry, json_t *list, size_t *total, char **ret_why)
{
	_cleanup_free_ char *file = NULL, *raw = NULL;
	json_t *key;
	size_t size;
	int r;

	if (asprintf(&file, "%s.pub", name) < 0)
		return -ENOMEM;
	r = file_read(dir_fd, file, KEY_BYTES_MAX, &raw, &size);
	if (r < 0)
		return fail(ret_why, -EBADMSG, "%s: %s (`lazaret key distrust %s` forgets the key)", file, strerror(-r), name);
	if (!is_sum(raw, size, text_of(entry, "sha256")))
		return fail(ret_why, -EBADMSG,
			    "%s: not the key that was trusted under this name (`lazaret key distrust %s` forgets it)", file,
			    name);
	*total += size;
	if (*total > TRUST_BYTES_MAX)
		return fail(ret_why, -EBADMSG, "the trusted keys are larger than %u bytes together", TRUST_BYTES_MAX);
	key = make_key(name, entry, raw, size);
	return !key || json_array_append_new(list, key) < 0 ? -ENOMEM : 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int load_keys(int dir_fd, json_t *keys, json_t **ret, char **ret_why)
{
	_cleanup_(json_decref_p) json_t *list = json_array();
	const char *names[TRUST_KEYS_MAX], *name;
	size_t count = 0, total = 0;
	int r = list ? 0 : -ENOMEM;
	json_t *entry;

	json_object_foreach(keys, name, entry)
		names[count++] = name;
	qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 0; i < count && r == 0; i++)
		r = load_key(dir_fd, names[i], json_object_get(keys, names[i]), list, &total, ret_why);
	if (r == 0)
		*ret = TAKE_PTR(list);
	return r;
}

/* A key that is trusted or distrusted meanwhile changes two files. No lock: anybody who can read the directory could hold
 * it for ever. When both disagree, keys.json is read again, and only a disagreement that stays is one. */
int trust_load(int dir_fd, json_t **ret, char **ret_why)
{
	_cleanup_(json_decref_p) json_t *keys = NULL;
	int r;

	if (ret_why)
		*ret_why = NULL;
	r = trust_metadata_load(dir_fd, &keys, ret_why);
	for (int tries = 0; r == 0; tries++) {
		json_t *again = NULL;
		int loaded = load_keys(dir_fd, keys, ret, ret_why);
		bool is_same;

		if (loaded != -EBADMSG || tries == LOAD_TRIES)
			return loaded;
		r = trust_metadata_load(dir_fd, &again, ret_why);
		is_same = r == 0 && json_equal(keys, again);
		json_decref(keys);
		keys = again;
		if (is_same)
			return loaded;
	}
	return r;
}
