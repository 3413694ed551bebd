/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Inside of a release. */
#ifndef LAZARET_SUPERVISOR_RELEASE_FILES_H
#define LAZARET_SUPERVISOR_RELEASE_FILES_H

#include "common/held_store.h"
#include "supervisor/inspection.h"

/* The files of `proposal` as they were held in transfer `of`, into the release's docket, approved; the medium that they came from and
 * what looked at them, for its report. */
_must_check_ int release_fill(struct inspection *i, struct held_store *store, const char *of, const json_t *proposal);

#endif
