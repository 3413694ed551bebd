/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "ole/ole.h"

#include <string.h>

#include "ole/library.h"

#define HEADER_SIZE 512

static const struct {
	enum reason reason;
	const char *text;
} traits[] = {
#define T(id, code, what) [TRAIT_##id] = { REASON_##code, what },
#include "ole/traits.def"
#undef T
};

static unsigned int u16(const uint8_t *p)
{
	return (unsigned int)(p[0] | p[1] << 8);
}

/* [MS-CFB] 2.2. libgsf takes sector sizes that no writer uses and other readers take otherwise. */
static const char *header_trouble(const uint8_t *h, uint64_t size)
{
	static const uint8_t signature[] = { 0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1 };

	if (size < HEADER_SIZE || memcmp(h, signature, sizeof(signature)) != 0)
		return "no header";
	if (u16(h + 28) != 0xfffe)
		return "its byte order is not little-endian";
	if (u16(h + 30) != 9 && u16(h + 30) != 12) /* for versions 3 and 4; some writers mix them up */
		return "a size of sectors that no version has";
	if (u16(h + 32) != 6)
		return "a size of small sectors that no version has";
	if (u16(h + 56) != 4096 || u16(h + 58) != 0)
		return "a limit of small streams that no version has";
	return NULL;
}

static int damaged(struct ole *o, const char *why)
{
	int r = container_finding(o->c, REASON_ARCHIVE_UNSAFE, "damaged compound file: %s", why);

	return r < 0 ? r : -EBADMSG;
}

/* One finding a reason, with all that led to it: only the first of a reason is kept. */
static int tell_traits(struct ole *o, enum reason reason)
{
	char text[CONTAINER_DETAIL_MAX + 1];
	size_t used = 0;

	for (unsigned int i = 0; i < TRAIT_COUNT_ && used < sizeof(text); i++)
		if (o->traits & 1u << i && traits[i].reason == reason)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", used ? ", " : "", traits[i].text);
	return used > 0 ? container_finding(o->c, reason, "%s", text) : 0;
}

/* libgsf follows chains of sectors without asking whether another stream has them already; small streams, whose sectors are
 * not seen from here, included. */
static int count_stream(struct ole *o, GsfInput *stream)
{
	gsf_off_t size = gsf_input_size(stream);

	if (size < 0 || (uint64_t)size > o->c->size || o->streams + (uint64_t)size > o->c->size)
		return damaged(o, "its streams are longer than the file, they lie over each other");
	o->streams += (uint64_t)size;
	return 0;
}

static int open_stream(struct ole *o, GsfInfile *storage, const char *storage_name, const char *name, GsfInput *stream)
{
	_cleanup_free_ char *known_as = streams_name(storage, storage_name, name);
	int r = count_stream(o, stream);

	if (r == 0)
		r = give_begin(o, known_as ? known_as : name, (uint64_t)gsf_input_size(stream));
	if (r == 0)
		r = give_stream(o, stream);
	return r < 0 ? r : streams_look(o, storage, storage_name, name, stream);
}

/* libgsf could not even begin with it. */
static int open_nothing(struct ole *o, const char *name)
{
	const char *why = library_complaint();
	int r = give_begin(o, name, CONTAINER_SIZE_UNKNOWN);

	return r < 0 ? r : container_broken(o->c, REASON_ARCHIVE_UNSAFE, "damaged compound file: %s", why ? why : "cannot be read");
}

static int open_storage(struct ole *o, GsfInfile *storage, const char *storage_name, unsigned int depth);

static int open_substorage(struct ole *o, GsfInfile *storage, const char *name, unsigned int depth)
{
	size_t size = o->path_size;
	int r;

	if (depth == OLE_DEPTH_MAX) {
		r = container_finding(o->c, REASON_LIMIT_EXCEEDED, "more than %d storages in each other", OLE_DEPTH_MAX);
		return r < 0 ? r : -EDQUOT;
	}
	storages_look(o, storage, name);
	give_enter(o, name);
	r = container_directory(o->c, o->path, o->path_size);
	if (r == 0 && o->path_size < sizeof(o->path) - 1)
		o->path[o->path_size++] = '/';
	if (r == 0)
		r = open_storage(o, storage, name, depth + 1);
	o->path_size = size;
	o->path[size] = '\0';
	return r;
}

static int open_child(struct ole *o, GsfInfile *storage, const char *storage_name, int i, unsigned int depth)
{
	const char *name = gsf_infile_name_by_index(storage, i);
	GsfInput *child;
	int r;

	if (!name)
		return damaged(o, "an entry without a name");
	library_forget();
	child = gsf_infile_child_by_index(storage, i);
	if (!child)
		return open_nothing(o, name);
	if (gsf_infile_num_children(GSF_INFILE(child)) >= 0)
		r = open_substorage(o, GSF_INFILE(child), name, depth);
	else
		r = open_stream(o, storage, storage_name, name, child);
	g_object_unref(child);
	if (r == 0 && library_complaint())
		r = container_finding(o->c, REASON_ARCHIVE_UNSAFE, "damaged compound file: %s", library_complaint());
	return r;
}

static int open_storage(struct ole *o, GsfInfile *storage, const char *storage_name, unsigned int depth)
{
	int count = gsf_infile_num_children(storage), r = 0;

	for (int i = 0; r == 0 && i < count; i++)
		r = open_child(o, storage, storage_name, i, depth);
	return r;
}

static int open_root(struct ole *o)
{
	GsfInput *source = gsf_input_memory_new(o->c->data, (gsf_off_t)o->c->size, FALSE);
	GsfInfile *root;
	int r;

	library_forget();
	root = gsf_infile_msole_new(source, NULL);
	g_object_unref(source);
	if (!root)
		return damaged(o, library_complaint() ? library_complaint() : "its tables cannot be read");
	if (library_complaint())
		r = damaged(o, library_complaint());
	else
		r = open_storage(o, root, "", 0);
	g_object_unref(root);
	return r;
}

int ole_open(struct container *c)
{
	struct ole o = { .c = c };
	const char *why = header_trouble(c->data, c->size);
	int r, told;

	if (why)
		return damaged(&o, why);
	o.sector_size = (size_t)1 << u16(c->data + 30);
	o.taken = calloc(c->size / o.sector_size / 8 + 1, 1);
	if (!o.taken)
		return -ENOMEM;
	r = open_root(&o);
	free(o.taken);
	if (r < 0 && r != -EBADMSG && r != -EDQUOT)
		return r;
	told = tell_traits(&o, REASON_ENCRYPTED);
	if (told == 0)
		told = tell_traits(&o, REASON_ACTIVE_CONTENT);
	return r < 0 ? r : told;
}
