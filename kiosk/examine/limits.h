/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Every number that bounds the examiners, with its unit and its reason. */
#ifndef LAZARET_EXAMINE_LIMITS_H
#define LAZARET_EXAMINE_LIMITS_H

#include "examiner/limits.h"

/* libclamav clamps CL_ENGINE_MAX_FILESIZE to this (INT_MAX - 2); above it, it does not look. Never 0: "unlimited"
 * loops on files of 4 GiB and more (32-bit offset in cli_scan_fmap). */
#define SCAN_FILE_MAX 2147483645ll

/* A member that is this long may be the beginning of a longer one: some of libclamav's unpackers stop at SCAN_FILE_MAX, some
 * before the buffer that would pass it (8 KiB in zip, 128 KiB at most). */
#define SCAN_CUT_MIN (SCAN_FILE_MAX - (1ll << 20))

/* Bytes over all layers of one file. Several times SCAN_FILE_MAX, so that an honest archive of the largest file
 * passes; what bounds a bomb is time. */
#define SCAN_TOTAL_MAX (64ll << 30)

#define SCAN_MEMBERS_MAX 1000000 /* members of one file, all layers */
#define SCAN_DEPTH_MAX 30	 /* layers; libclamav overruns an 8 MiB stack between 200 and 500 */
#define SCAN_PCRE_MATCH_MAX 1000000 /* an overrun is a silent non-match: ten times the default */
#define SCAN_PCRE_RECURSION_MAX 20000

/* Flat files past SCAN_FILE_MAX, where it is sound (windows.c). The overlap is far above what one signature spans: body
 * signatures and YARA strings are matched in blocks of 128 KiB and less, regular expressions over a window. */
#define WINDOW_BYTES (1ull << 30)
#define WINDOW_OVERLAP (64ull << 20)

/* libclamav looks at nothing that has five bytes or fewer. */
#define SCAN_BLIND_BYTES 5

/* In-memory limits that skip without a word (research §7): as large as the largest file. */
#define SCAN_NORMALISE_MAX SCAN_FILE_MAX
#define SCAN_PARTITIONS_MAX 1000
#define SCAN_ICONS_MAX 1000

#define DATABASE_FILES_MAX 64		      /* in one EXAMINE_START */
#define DATABASE_FILE_MAX (2ull << 30)	      /* bytes; main.cvd is below 200 MiB */
#define DATABASE_NAME_MAX 100		      /* bytes; "bytecode.cvd" and site lists are far shorter */
#define DENYLIST_FILE_MAX (1ull << 30)	      /* bytes of text; 15 million digests */

#define TYPES_MAX 16	  /* content types of one file */
#define TYPE_NAME_MAX 100 /* bytes; RFC 6838 §4.2 allows 127 each side, registered ones are below 80 */
#define MAGIC_BYTES_MAX (1u << 20) /* libmagic looks at the head; all its offsets are below this */

/* What libclamav left to other roles, and what it saw to the end, in one file. Past the first the file is held; past the
 * second a member is scanned twice. */
#define OWED_MAX 100000
#define OWED_LAYER_MAX 32 /* of one layer: as many as a file's findings; one is enough to hold it */
#define INSPECTED_MAX 100000

#endif
