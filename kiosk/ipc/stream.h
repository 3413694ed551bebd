/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The byte stream into the vault, from the reader of a medium or a role that opens containers: SOCK_STREAM, a 16-byte header before each part.
 *
 *   u32 type  STREAM_BEGIN, STREAM_DATA, STREAM_ZEROS, STREAM_END
 *   u32 size  DATA: bytes that follow (at most STREAM_CHUNK_MAX); END: enum stream_status; else 0
 *   u64 value BEGIN, END: file id; DATA: 0; ZEROS: how many zero bytes (a hole) stand here
 *
 * BEGIN and END alternate, ids rise. All little endian.
 */
#ifndef LAZARET_IPC_STREAM_H
#define LAZARET_IPC_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"

#define STREAM_CHUNK_MAX (1u << 20)
#define STREAM_HEADER_LEN 16

enum stream_type {
	STREAM_BEGIN = 1,
	STREAM_DATA,
	STREAM_ZEROS,
	STREAM_END,
};

/* What became of one file's bytes. */
enum stream_status {
	STREAM_COMPLETE,   /* read to the end, unchanged from first to last look */
	STREAM_UNREADABLE, /* the medium gave an error */
	STREAM_CHANGED,	   /* size, times or length differ from what was announced */
	STREAM_QUOTA,	   /* over a limit on files, bytes or the size of one file */
	STREAM_NO_SPACE,   /* the spool is full */
	STREAM_CUT,	   /* the stream ended inside the file */
	STREAM_STATUS_COUNT_
};

/* How far a volume was walked. */
enum walk_outcome {
	WALK_INCOMPLETE, /* some directory could not be listed, or the medium gave nothing any more */
	WALK_COMPLETE,
	WALK_TOO_MUCH, /* more entries than were allowed */
};

/* What stands in a directory. */
enum entry_kind {
	ENTRY_FILE,
	ENTRY_SYMLINK,
	ENTRY_SPECIAL,	  /* device, FIFO, socket */
	ENTRY_DIR_TROUBLE, /* a directory that could not be listed, or lies too deep, or on another mount */
	ENTRY_KIND_COUNT_
};

/* -- the sending end ----------------------------------------------------------------------------------- */

/* One buffer holds header, bytes and the header of what follows, so that a small file is one write. A megabyte: not for a
 * stack. */
struct stream_writer {
	int fd;		  /* borrowed */
	size_t pending;	  /* bytes at the front of the buffer that are not sent yet */
	size_t data_size; /* of the DATA part at the end of them that stream_add() may still lengthen; 0: none */
	uint8_t buffer[STREAM_CHUNK_MAX + 4 * STREAM_HEADER_LEN];
};

void stream_writer_init(struct stream_writer *w, int fd);

/* Each blocks while the vault does not read, and returns 0 or a negative errno when the stream failed (-EPIPE: the vault has
 * closed it; SIGPIPE must be ignored), after which nothing may follow. */
_must_check_ int stream_begin(struct stream_writer *w, uint64_t id);
_must_check_ int stream_add(struct stream_writer *w, const void *data, size_t size); /* of any size, copied; 0 is nothing */
_must_check_ int stream_add_zeros(struct stream_writer *w, uint64_t size);	     /* a hole; 0 is nothing */
_must_check_ int stream_end(struct stream_writer *w, uint64_t id, enum stream_status status); /* and sends all */

/* Without a copy: room for `want` (at most STREAM_CHUNK_MAX) bytes in `*ret`, of which stream_commit() takes `size`, as a hole
 * where a whole chunk is zero. Between the two nothing else; without a commit nothing was added. */
_must_check_ int stream_reserve(struct stream_writer *w, size_t want, uint8_t **ret);
void stream_commit(struct stream_writer *w, size_t size);

#endif
