/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "ole/ole.h"

#include <string.h>

#include "ole/library.h"

static void append(struct ole *o, const char *text, size_t size)
{
	size_t room = sizeof(o->path) - 1 - o->path_size;

	size = MIN(size, room);
	memcpy(o->path + o->path_size, text, size);
	o->path_size += size;
	o->path[o->path_size] = '\0';
}

void give_enter(struct ole *o, const char *name)
{
	for (; *name != '\0'; name++) {
		unsigned char b = (unsigned char)*name;
		char code[8];

		if (b >= 0x20 && b != '/' && b != 0x7f) {
			append(o, name, 1);
			continue;
		}
		snprintf(code, sizeof(code), "[%u]", b);
		append(o, code, strlen(code));
	}
}

int give_begin(struct ole *o, const char *name, uint64_t announced)
{
	size_t size = o->path_size;
	int r;

	give_enter(o, name);
	r = container_member(o->c, o->path, o->path_size, announced);
	o->path_size = size;
	o->path[size] = '\0';
	return r;
}

static int broken(struct ole *o)
{
	const char *why = library_complaint();

	return container_broken(o->c, REASON_ARCHIVE_UNSAFE, "damaged compound file: %s", why ? why : "a stream is shorter than it says");
}

static guint8 chunk[OLE_CHUNK];

int give_bytes(struct ole *o, GsfInput *stream, uint64_t offset, uint64_t size)
{
	uint64_t done;
	int r = 0;

	if (size > 0 && gsf_input_seek(stream, (gsf_off_t)offset, G_SEEK_SET))
		return broken(o);
	for (done = 0; r == 0 && done < size; done += MIN(size - done, (uint64_t)OLE_CHUNK)) {
		size_t part = MIN(size - done, (uint64_t)OLE_CHUNK);

		if (!gsf_input_read(stream, part, chunk))
			return broken(o);
		r = container_data(o->c, chunk, part);
	}
	return r < 0 ? r : container_end(o->c);
}

/* Was the sector at `p` another stream's already? libgsf gives pointers into the file where it need not copy; small streams
 * are copied, and lie in sectors of one stream that has no name. */
static bool is_taken(struct ole *o, const guint8 *p)
{
	uint64_t sector;
	uint8_t bit;

	if (p < o->c->data || p >= o->c->data + o->c->size)
		return false;
	sector = (uint64_t)(p - o->c->data) / o->sector_size;
	bit = (uint8_t)(1u << sector % 8);
	if (o->taken[sector / 8] & bit)
		return true;
	o->taken[sector / 8] |= bit;
	return false;
}

int give_stream(struct ole *o, GsfInput *stream)
{
	uint64_t size = (uint64_t)gsf_input_size(stream);
	size_t used = 0;
	int r = 0;

	for (uint64_t done = 0; r == 0 && done < size;) {
		size_t part = MIN(size - done, (uint64_t)o->sector_size);
		const guint8 *p = gsf_input_read(stream, part, NULL);

		if (!p)
			return broken(o);
		if (is_taken(o, p))
			return container_broken(o->c, REASON_ARCHIVE_UNSAFE,
						"damaged compound file: two streams lie over each other, or one over itself");
		memcpy(chunk + used, p, part);
		used += part;
		done += part;
		if (used == sizeof(chunk) || done == size) {
			r = container_data(o->c, chunk, used);
			used = 0;
		}
	}
	return r < 0 ? r : container_end(o->c);
}
