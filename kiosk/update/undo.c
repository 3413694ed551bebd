/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "update/undo.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "common/fd.h"
#include "station/sets.h"
#include "update/offers.h"

#define APPROVED_MAX 4096 /* bytes of the file */

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

const char *undo_persons_refused(const struct person *first, const struct person *second)
{
	int64_t now = time(NULL);

	if (!first || !person_has_role(first, PERSON_OFFICER) || person_has_ended(first, now))
		return "the first person must be an officer";
	if (!second || strcmp(first->name, second->name) == 0)
		return "the second person must be another one";
	if (person_has_ended(second, now) || !(person_has_role(second, PERSON_OFFICER) || person_has_role(second, PERSON_ADMINISTRATOR)))
		return "the second person must be an officer or an administrator";
	return NULL;
}

/* -- what there is ------------------------------------------------------------------------------------------------------ */

static int open_beneath(const char *station_dir, const char *name)
{
	_cleanup_free_ char *path = NULL;
	int fd;

	if (asprintf(&path, "%s/%s", station_dir, name) < 0)
		return -ENOMEM;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int undo_current_sha256(int sets_fd, char ret[static SHA256_HEX_LEN + 1])
{
	_cleanup_free_ char *text = NULL;
	uint8_t sum[SHA256_LEN];
	size_t size = 0;
	int r = file_read(sets_fd, SETS_CURRENT, SETS_FILE_MAX, &text, &size);

	if (r == 0)
		r = sha256(text, size, sum);
	if (r == 0)
		hex_encode(sum, sizeof(sum), ret);
	return r;
}

static json_t *set_shown(const json_t *set)
{
	return set ? json_pack("{s:O,s:O,s:O}", "name", json_object_get(set, "name"), "version", json_object_get(set, "version"), "made",
			       json_object_get(set, "made")) :
		     json_null();
}

static json_t *changes(const json_t *from, const json_t *to)
{
	json_t *list = json_array();

	for (unsigned int k = 0; k < SET_KIND_COUNT_; k++) {
		const char *kind = station_set_kind_name(k);
		const json_t *a = json_object_get(from, kind), *b = json_object_get(to, kind);

		if ((a || b) && !(a && b && json_equal(a, b)))
			(void)json_array_append_new(list, json_pack("{s:s,s:o,s:o}", "kind", kind, "from", set_shown(a), "to",
								    set_shown(b))); /* told, not relied on */
	}
	return list;
}

/* A pack may bring hundreds, and the station's object has to fit in a line beside others. */
static json_t *first_keys(const json_t *keys)
{
	json_t *list = json_array();

	for (size_t k = 0; k < MIN(json_array_size(keys), (size_t)UNDO_KEYS_SHOWN); k++)
		(void)json_array_append(list, json_array_get(keys, k)); /* told, not relied on */
	return list;
}

json_t *undo_json(const char *station_dir)
{
	_cleanup_close_ int fd = open_beneath(station_dir, SETS_DIRECTORY);
	_cleanup_(json_decref_p) json_t *current = NULL;
	char before[SHA256_HEX_LEN + 1], after[SHA256_HEX_LEN + 1];
	_cleanup_free_ char *why = NULL;
	const json_t *undo, *keys;
	json_t *o;

	/* Read twice, and hashed on both sides: an update may replace it meanwhile. */
	if (fd < 0 || undo_current_sha256(fd, before) < 0 || station_sets_load(fd, SETS_CURRENT, &current, &why) < 0 ||
	    undo_current_sha256(fd, after) < 0 || strcmp(before, after) != 0)
		return json_null();
	undo = json_object_get(current, "undo");
	if (!json_is_object(undo))
		return json_null();
	keys = json_object_get(current, "keys");
	o = json_pack("{s:s,s:O,s:O,s:o,s:o,s:I}", "sha256", after, "applied_at", json_object_get(current, "applied_at"), "by",
		      json_object_get(current, "by"), "changes", changes(json_object_get(current, "sets"), json_object_get(undo, "sets")), "keys",
		      first_keys(keys), "more_keys", (json_int_t)(json_array_size(keys) - MIN(json_array_size(keys), (size_t)UNDO_KEYS_SHOWN)));
	return o ? o : json_null();
}

/* -- agreed to ----------------------------------------------------------------------------------------------------------- */

int undo_approve(const char *station_dir, const char *by, const char *second, const char *reason, const char *sha256)
{
	_cleanup_close_ int station_fd = open(station_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -EBADF;
	_cleanup_(json_decref_p) json_t *o = json_pack("{s:s,s:s,s:s,s:s}", "by", by, "reason", reason, "second", second, "sha256", sha256);
	_cleanup_free_ char *text = o ? json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	int r = station_fd < 0 ? -errno : text ? 0 : -ENOMEM;

	if (r == 0)
		r = dir_open_make(station_fd, OFFERS_DIRECTORY, 0755, &fd);
	return r == 0 ? file_replace(fd, UNDO_APPROVED, text, strlen(text), 0600) : r;
}

json_t *undo_approved(const char *station_dir, const char *sha256)
{
	_cleanup_close_ int fd = open_beneath(station_dir, OFFERS_DIRECTORY);
	_cleanup_(json_decref_p) json_t *o = NULL;
	_cleanup_free_ char *text = NULL;
	const char *by, *reason, *second, *of;
	size_t size;

	if (fd < 0 || file_read(fd, UNDO_APPROVED, APPROVED_MAX, &text, &size) < 0)
		return NULL;
	o = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	if (json_unpack(o, "{s:s,s:s,s:s,s:s!}", "by", &by, "reason", &reason, "second", &second, "sha256", &of) < 0 || strcmp(of, sha256) != 0)
		return NULL;
	return TAKE_PTR(o);
}
