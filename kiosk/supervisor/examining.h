/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What the examiners say of files and members, into the docket. */
#ifndef LAZARET_SUPERVISOR_EXAMINING_H
#define LAZARET_SUPERVISOR_EXAMINING_H

#include "supervisor/inspection.h"

/* The pool's events; their context is the inspection. */
int examined(void *context, const struct job *job, const struct job_result *result);
int examined_layer(void *context, const struct job *job, const uint8_t sum[static SHA256_LEN]);
int examined_owed(void *context, const struct job *job, const uint8_t sum[static SHA256_LEN], const char *detail, const char *member);
/* Tell whoever watches what was found in a file of the medium: `path` raw; `findings` (borrowed) as in the docket. */
void examined_tell(struct inspection *i, const char *path, json_t *findings);
int examined_noted(void *context, const struct job *job, const char *note);

#endif
