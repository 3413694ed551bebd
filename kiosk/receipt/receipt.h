/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Receipts: what a person takes away. Each is made of a finished report and of nothing else, so that whoever has the report
 * makes the same bytes again: lazaretd for the transfer, `lazaret show --receipt` for what was never published.
 *
 * Used by the supervisor, by `lazaret`, and (qr.h) by lazaret-printer. The report is the station's own words; it was compared with
 * the audit trail, or just written. What media and people said in it is escaped already and is escaped again where it is not.
 */
#ifndef LAZARET_RECEIPT_RECEIPT_H
#define LAZARET_RECEIPT_RECEIPT_H

#include <stddef.h>

#include "common/macros.h"

enum receipt_form {
	RECEIPT_TEXT,  /* receipt.txt: 80 columns */
	RECEIPT_HTML,  /* receipt.html: self-contained; no script, no external reference */
	RECEIPT_LABEL, /* a few lines for a slip of paper */
};

#define RECEIPT_TEXT_COLUMNS	  80
#define RECEIPT_LABEL_COLUMNS_MIN 24 /* as of lazaret.yaml(5): a transfer's name, as inspections make them, fits into one line */
#define RECEIPT_LABEL_COLUMNS_MAX 80

/* Write the receipt of the report behind `report_fd` into `out_fd`. Both are borrowed regular files; the report is read from
 * offset 0 and left there, the receipt is written from offset 0 into an empty file and left there. `columns`: display columns of
 * a label, of no matter otherwise. Memory does not grow with the number of files. Blocks on disk. Returns 0, -EBADMSG when it is
 * not a report (lazaret-report(5)), or another negative errno. */
_must_check_ int receipt_write(int report_fd, enum receipt_form form, unsigned int columns, int out_fd);

/* The same in several forms, for one pass through a long report. */
struct receipt_out {
	enum receipt_form form;
	unsigned int columns;
	int fd;
};

_must_check_ int receipt_write_several(int report_fd, const struct receipt_out *outs, size_t count);

#endif
