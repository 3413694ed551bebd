/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The report (docs/report.schema.json) and the receipts for people, written from the docket without holding it in
 * memory. */
#ifndef LAZARET_SUPERVISOR_REPORT_H
#define LAZARET_SUPERVISOR_REPORT_H

#include <jansson.h>
#include <stdint.h>

#include "common/macros.h"
#include "supervisor/inspection.h"

struct report_facts {
	const char *outcome;  /* published, refused, aborted */
	int64_t finished;     /* seconds since 1970 UTC */
	const char *previous; /* hex, or "" */
	uint64_t audit_seq;
	const char *audit_hash; /* hex */
	bool is_published;	/* otherwise every published_as is null */
	struct docket_counts counts;
};

/* Write the whole report into the empty file behind `fd` (borrowed). Returns 0 or a negative errno. */
_must_check_ int report_write(struct inspection *i, const struct report_facts *facts, int fd);

/* One file's entry, not published, and the medium, as reports have them. New references; NULL when out of memory. */
json_t *report_file_json(struct inspection *i, const struct docket_entry *e);
json_t *report_medium_json(const struct inspection *i);

/* receipt.txt (80 columns) and receipt.html (self-contained: no script, no external reference). */
_must_check_ int receipt_write_text(struct inspection *i, const struct report_facts *facts, int fd);
_must_check_ int receipt_write_html(struct inspection *i, const struct report_facts *facts, int fd);

#endif
