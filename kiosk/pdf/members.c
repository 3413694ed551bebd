/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What comes out of a document: embedded files (ISO 32000-1, 7.11.4), scripts, packets of XFA forms. qpdf undoes the filters, a
 * stream at a time and in memory.
 */
#include "pdf/document.h"

#include <malloc.h>
#include <search.h>
#include <string.h>
#include <sys/mman.h>

#include "sandbox/role.h"

/* What one stream may take while it is unpacked, its copy included: qpdf's buffer doubles, so 256 MiB come out, and what is
 * longer fails while it grows. */
#define UNPACK_ROOM (640ull << 20)

/* Memory that is held back so that UNPACK_ROOM bytes are left: qpdf 11 and 12 do not look whether their last copy of a stream
 * could be allocated, and would crash. NULL: nothing to hold back. */
static void *hold_back(size_t *ret_size)
{
	uint64_t all = role_get(ROLE_PDF)->data_max;
	struct mallinfo2 m = mallinfo2();
	uint64_t used = (uint64_t)m.arena + m.hblkhd + UNPACK_ROOM;
	void *p;

	if (used >= all)
		return NULL;
	*ret_size = (size_t)(all - used);
	p = mmap(NULL, *ret_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

static QPDF_ERROR_CODE decode(struct document *d, qpdf_oh stream, bool *ret_decoded, unsigned char **ret, size_t *ret_size)
{
	QPDF_BOOL filtered = QPDF_FALSE;
	size_t held_size = 0;
	void *held = hold_back(&held_size);
	QPDF_ERROR_CODE e = qpdf_oh_get_stream_data(d->q, stream, qpdf_dl_specialized, &filtered, ret, ret_size);

	if (held)
		(void)munmap(held, held_size); /* ours, whole */
	*ret_decoded = filtered;
	return e;
}

static int tell_undecoded(struct document *d)
{
	bool had_memory = !d->has_no_memory;

	document_drain(d);
	if (had_memory && d->has_no_memory) {
		int r = container_broken(d->c, REASON_LIMIT_EXCEEDED, "cannot be unpacked in %llu MiB of memory", UNPACK_ROOM >> 20);

		return r < 0 ? r : -EDQUOT; /* no second one: each costs seconds */
	}
	return container_broken(d->c, REASON_ARCHIVE_UNSAFE, "damaged: its data cannot be decoded");
}

/* The member has begun. */
static int give_stream(struct document *d, qpdf_oh stream)
{
	_cleanup_free_ unsigned char *data = NULL;
	size_t size = 0;
	bool is_decoded;
	int r;

	if (decode(d, stream, &is_decoded, &data, &size) & QPDF_ERRORS)
		return tell_undecoded(d);
	document_drain(d);
	if (!is_decoded)
		return container_broken(d->c, REASON_CONTAINER_OPAQUE, "has a filter that is not for files");
	if (!container_has_room(d->c, size)) {
		r = container_broken(d->c, REASON_LIMIT_EXCEEDED, "%zu bytes are more than is allowed", size);
		return r < 0 ? r : -EDQUOT;
	}
	r = size > 0 ? container_data(d->c, data, size) : 0;
	return r < 0 ? r : container_end(d->c);
}

static uint64_t key_of(struct document *d, qpdf_oh h)
{
	return (uint64_t)qpdf_oh_get_object_id(d->q, h) << 20 | (uint64_t)(qpdf_oh_get_generation(d->q, h) & 0xffff) << 4 | 1;
}

/* 1: not brought out before. Direct objects are met once. */
static int is_new(struct document *d, qpdf_oh h)
{
	return qpdf_oh_get_object_id(d->q, h) <= 0 ? 1 : document_mark(&d->brought_out, key_of(d, h));
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* "FOLDER/NAME", or with the object's number between them when that is taken: documents do attach two files of one name. */
static int begin_named(struct document *d, const char *folder, const char *name, int id)
{
	char path[CONTAINER_PATH_MAX + 1];
	_cleanup_free_ char *copy = NULL;
	char **found;
	size_t length;

	name += strspn(name, "/");
	length = (size_t)snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (name[0] == '\0')
		length = (size_t)snprintf(path, sizeof(path), "%s/%d", folder, id);
	copy = strndup(path, CONTAINER_PATH_MAX);
	if (!copy)
		return -ENOMEM;
	found = tsearch(copy, &d->names, compare_names);
	if (!found)
		return -ENOMEM;
	if (*found == copy)
		(void)TAKE_PTR(copy);
	else
		length = (size_t)snprintf(path, sizeof(path), "%s/%d/%s", folder, id, name);
	return container_member(d->c, path, MIN(length, (size_t)CONTAINER_PATH_MAX), CONTAINER_SIZE_UNKNOWN);
}

static int bring_stream(struct document *d, const char *folder, const char *name, qpdf_oh stream)
{
	int r = type_of(d, stream) == ot_stream ? is_new(d, stream) : 0;

	if (r <= 0)
		return r;
	r = begin_named(d, folder, name, qpdf_oh_get_object_id(d->q, stream));
	return r < 0 ? r : give_stream(d, stream);
}

/* -- file specifications ------------------------------------------------------------------------------------------- */

static const char *const systems[] = { "/UF", "/F", "/Unix", "/DOS", "/Mac" }; /* tables 44 and 45 */

/* What it calls its file; the caller frees it. "" when it does not say, NULL: no memory. */
static char *specified_name(struct document *d, qpdf_oh specification)
{
	for (size_t i = 0; i < ARRAY_LEN(systems); i++) {
		qpdf_oh name = qpdf_oh_get_key(d->q, specification, systems[i]);
		char *text = NULL;

		if (type_of(d, name) == ot_string)
			text = strndup(qpdf_oh_get_utf8_value(d->q, name), CONTAINER_PATH_MAX);
		qpdf_oh_release(d->q, name);
		if (text && text[0] != '\0')
			return text;
		free(text);
	}
	return strdup("");
}

/* Files that belong to the file: [name stream name stream ...] */
static int bring_related(struct document *d, qpdf_oh list)
{
	int count = type_of(d, list) == ot_array ? qpdf_oh_get_array_n_items(d->q, list) : 0, r = 0;

	for (int i = 0; r == 0 && i + 1 < count; i += 2) {
		qpdf_oh name = qpdf_oh_get_array_item(d->q, list, i), stream = qpdf_oh_get_array_item(d->q, list, i + 1);
		_cleanup_free_ char *text = strdup(type_of(d, name) == ot_string ? qpdf_oh_get_utf8_value(d->q, name) : "");

		r = text ? bring_stream(d, "EmbeddedFile", text, stream) : -ENOMEM;
		qpdf_oh_release(d->q, name);
		qpdf_oh_release(d->q, stream);
	}
	return r;
}

static int look_files(struct document *d, qpdf_oh specification, qpdf_oh files, bool is_related)
{
	_cleanup_free_ char *name = specified_name(d, specification);
	int r = 0;

	if (!name)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(systems); i++) {
		qpdf_oh file = qpdf_oh_get_key(d->q, files, systems[i]);

		r = is_related ? bring_related(d, file) : bring_stream(d, "EmbeddedFile", name, file);
		qpdf_oh_release(d->q, file);
	}
	return r;
}

/* -- scripts and forms ------------------------------------------------------------------------------------------------ */

static int look_script(struct document *d, qpdf_oh value)
{
	char name[32];
	const char *text;
	size_t size;
	int r = is_new(d, value);

	if (r <= 0)
		return r;
	snprintf(name, sizeof(name), "%u.js", ++d->scripts);
	if (type_of(d, value) == ot_stream) {
		r = begin_named(d, "JavaScript", name, qpdf_oh_get_object_id(d->q, value));
		return r < 0 ? r : give_stream(d, value);
	}
	r = begin_named(d, "JavaScript", name, qpdf_oh_get_object_id(d->q, value));
	if (r < 0)
		return r;
	text = qpdf_oh_get_binary_utf8_value(d->q, value, &size);
	r = size > 0 ? container_data(d->c, text, size) : 0;
	return r < 0 ? r : container_end(d->c);
}

static int look_form(struct document *d, qpdf_oh value)
{
	int count = type_of(d, value) == ot_array ? qpdf_oh_get_array_n_items(d->q, value) : 0, r = 0;

	if (type_of(d, value) == ot_stream)
		return bring_stream(d, "XFA", "form.xml", value);
	for (int i = 0; r == 0 && i + 1 < count; i += 2) {
		qpdf_oh name = qpdf_oh_get_array_item(d->q, value, i), stream = qpdf_oh_get_array_item(d->q, value, i + 1);
		char text[128] = "packet.xml";

		if (type_of(d, name) == ot_string)
			snprintf(text, sizeof(text), "%.100s.xml", qpdf_oh_get_utf8_value(d->q, name));
		r = bring_stream(d, "XFA", text, stream);
		qpdf_oh_release(d->q, name);
		qpdf_oh_release(d->q, stream);
	}
	return r;
}

int members_look(struct document *d, qpdf_oh dict, const char *key, qpdf_oh value)
{
	enum qpdf_object_type_e type;

	if (strcmp(key, "/EF") == 0 || strcmp(key, "/RF") == 0)
		return type_of(d, value) == ot_dictionary ? look_files(d, dict, value, key[1] == 'R') : 0;
	if (strcmp(key, "/XFA") == 0)
		return look_form(d, value);
	if (strcmp(key, "/JS") != 0 && strcmp(key, "/OnInstantiate") != 0)
		return 0;
	type = type_of(d, value);
	return type == ot_string || type == ot_stream ? look_script(d, value) : 0;
}

int members_rest(struct document *d)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < d->embedded_count; i++) {
		qpdf_oh stream = qpdf_get_object_by_id(d->q, d->embedded[i].id, d->embedded[i].generation);

		r = bring_stream(d, "EmbeddedFile", "", stream);
		qpdf_oh_release(d->q, stream);
	}
	return r;
}
