/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The forms of a receipt, for receipt.c alone; and what text and HTML share. */
#ifndef LAZARET_RECEIPT_FORMS_H
#define LAZARET_RECEIPT_FORMS_H

#include <stdio.h>

#include "receipt/facts.h"
#include "receipt/summary.h"

/* One file of a hostile medium must not fill a receipt: its report has all of it. */
#define FINDINGS_TOLD  6
#define PATH_COLUMNS   1000
#define DETAIL_COLUMNS 240

/* All borrowed. Each writes its form and returns 0 or a negative errno; what could not be written shows in ferror(out). */
struct sheet {
	const struct summary *summary;
	const struct receipt_facts *facts;
	FILE *out;
	unsigned int columns;
};

_must_check_ int sheet_text(const struct sheet *s);
_must_check_ int sheet_html(const struct sheet *s);
_must_check_ int sheet_label(const struct sheet *s);

/* Call `each` for the listed files of a verdict. Its negative return ends the walk and is returned. */
typedef int (*sheet_file_fn)(const struct sheet *s, const json_t *file);
_must_check_ int sheet_each(const struct sheet *s, const struct places *places, sheet_file_fn each);

/* Refused files that are listed, blocked ones first; how many are not. */
void sheet_refused(const struct sheet *s, struct places *ret_blocked, struct places *ret_held, uint64_t *ret_more);
/* Are approved files listed one by one? Otherwise they are summed up. */
bool sheet_lists_approved(const struct sheet *s);

/* "malware: The virus scanner recognised malicious content. (Eicar-Test) in a.zip/b": the code, and the rest behind it. Both owned by
 * the caller. 0, -ENOENT when the code is none of ours, or -ENOMEM. */
_must_check_ int sheet_finding(const json_t *finding, const char **ret_code, char **ret_words);

/* "approved by decision 7 (release)", of an approved file; "no copy of it is kept; ..." of a held one; "" for others. Owned by the
 * caller; NULL when out of memory. */
char *sheet_decision(const json_t *file);

#endif
