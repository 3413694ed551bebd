/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Reports (lazaret.report/1, docs/report.schema.json) as lines, so that none needs to be in memory whole.
 *
 * The canonical JSON (sorted keys, no white space, integers only) with a newline after `"files":[`, after each
 * file's object (and its comma), and at the end:
 *
 *   {"audit":{...},...,"files":[
 *   {"path":"a.txt",...},
 *   {"path":"b.txt",...}
 *   ],"finished":...,"transfer":"..."}
 *
 * The line structure is part of the format. Reports are the station's own words, signed or hashed in the audit
 * trail; whoever reads one checks that first.
 */
#ifndef LAZARET_COMMON_REPORT_H
#define LAZARET_COMMON_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/macros.h"

#define REPORT_FORMAT	    "lazaret.report/1"
#define REPORT_LINE_MAX	    (8u << 20) /* bytes: 32 findings of 4.6 KB, escaped sixfold, take 0.9 MB */
#define REPORT_TRANSFER_MAX 64	       /* bytes of a transfer's name */

/* A transfer's name is a file name: 20261122T011500Z-3f9a2c ([0-9A-Za-z-], at most REPORT_TRANSFER_MAX). */
_must_check_ bool report_transfer_valid(const char *name);

/* What to write before the first and after the last file's line, for a report without "files" (borrowed). Each
 * line between them is a file's canonical JSON, ",\n" or for the last one "\n" behind it. Both owned by the caller. */
_must_check_ int report_frame(const json_t *report, char **ret_before, char **ret_after);

struct report_reader;

/* Begin to read; `in` is borrowed and at the first byte. Returns 0, -EBADMSG when the first line is not as above, or
 * another negative errno. */
_must_check_ int report_reader_new(FILE *in, struct report_reader **ret);
struct report_reader *report_reader_free(struct report_reader *r);

static inline void report_reader_freep(struct report_reader **r)
{
	*r = report_reader_free(*r);
}

/* The next file's object (owned by the caller). Returns 1, 0 after the last, -EBADMSG when the line is not as
 * above, or another negative errno. */
_must_check_ int report_next(struct report_reader *r, json_t **ret_file);

/* After report_next() gave 1: where that file's object is, in bytes from where the reader began. */
void report_place(const struct report_reader *r, uint64_t *ret_at, uint64_t *ret_size);

/* After report_next() gave 0: the report with an empty "files" (owned by the caller). -EBADMSG when it is not a
 * lazaret.report/1 or when something follows. */
_must_check_ int report_rest(struct report_reader *r, json_t **ret_report);

#endif
