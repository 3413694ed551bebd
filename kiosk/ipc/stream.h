/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The byte stream from a reader to the vault: SOCK_STREAM, a 16-byte header before each part.
 *
 *   u32 type  STREAM_BEGIN, STREAM_DATA, STREAM_ZEROS, STREAM_END
 *   u32 size  DATA: bytes that follow (at most STREAM_CHUNK_MAX); END: enum stream_status; else 0
 *   u64 value BEGIN, END: file id; DATA: 0; ZEROS: how many zero bytes (a hole) stand here
 *
 * BEGIN and END alternate, ids rise. All little endian.
 */
#ifndef LAZARET_IPC_STREAM_H
#define LAZARET_IPC_STREAM_H

#include <stdint.h>

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

/* What stands in a directory. */
enum entry_kind {
	ENTRY_FILE,
	ENTRY_SYMLINK,
	ENTRY_SPECIAL,	  /* device, FIFO, socket */
	ENTRY_DIR_TROUBLE, /* a directory that could not be listed, or lies too deep, or on another mount */
	ENTRY_KIND_COUNT_
};

#endif
