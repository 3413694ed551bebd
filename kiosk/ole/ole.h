/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* OLE2 compound files: one container that is walked. */
#ifndef LAZARET_OLE_OLE_H
#define LAZARET_OLE_OLE_H

#include "container/container.h" /* first: GLib replaces MIN and MAX, we only define them */

#include <gsf/gsf.h>

#define OLE_DEPTH_MAX 32 /* storages in each other: messages forwarded within messages have two a message, documents up to four */
#define OLE_CHUNK 65536	 /* bytes read at once */

enum trait {
#define T(id, reason, text) TRAIT_##id,
#include "ole/traits.def"
#undef T
	TRAIT_COUNT_
};

struct ole {
	struct container *c;
	uint32_t traits;     /* mask of enum trait */
	uint64_t streams;    /* bytes of all */
	size_t sector_size;  /* bytes; divides OLE_CHUNK */
	uint8_t *taken;	     /* owned; a bit for each sector that a stream has */
	unsigned int objects; /* brought out of PowerPoint */
	char path[CONTAINER_PATH_MAX + 1];
	size_t path_size; /* of the storage at hand, with '/' behind it unless it is the root */
};

/* struct container_opener.open: every stream is a member, named "Storage/Stream"; bytes below 0x20 in names, and '/', are written
 * [5] (decimal), as 7-Zip does. */
int ole_open(struct container *c);

static inline void ole_has(struct ole *o, enum trait trait)
{
	o->traits |= 1u << trait;
}

/* -- give.c -- */
/* A member `name` (as raw as it is found) of the storage at hand. */
_must_check_ int give_begin(struct ole *o, const char *name, uint64_t announced);
/* `size` bytes of the stream from `offset` on, to the member that has begun, which then ends or is broken. */
_must_check_ int give_bytes(struct ole *o, GsfInput *stream, uint64_t offset, uint64_t size);
/* The same for a whole stream that was not read yet; no two may have a sector in common. */
_must_check_ int give_stream(struct ole *o, GsfInput *stream);
/* Escaped, behind `path`. */
void give_enter(struct ole *o, const char *name);

/* -- streams.c -- */
/* What the names say; and streams whose first bytes or records say something. The bytes have been given already; what is
 * embedded in them comes out as further members. */
_must_check_ int streams_look(struct ole *o, GsfInfile *storage, const char *storage_name, const char *name, GsfInput *stream);
void storages_look(struct ole *o, GsfInfile *storage, const char *name);
/* What a member of this name should be called in reports: attachments of messages have a name of their own. The caller frees
 * it; NULL: its own. */
char *streams_name(GsfInfile *storage, const char *storage_name, const char *name);

/* -- records.c: records of Excel and PowerPoint, fields of Word -- */
void excel_look(struct ole *o, GsfInput *stream);
void word_look(struct ole *o, GsfInput *stream);
_must_check_ int powerpoint_look(struct ole *o, GsfInput *stream);

#endif
