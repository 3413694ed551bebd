/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The request to a plug-in and its verdict: JSON (docs/plugins.md). */
#ifndef LAZARET_PLUGIN_VERDICT_H
#define LAZARET_PLUGIN_VERDICT_H

#include "examiner/examiner.h"

#define PLUGIN_REQUEST_FORMAT "lazaret.plugin-request/1"
#define PLUGIN_VERDICT_FORMAT "lazaret.plugin-verdict/1"

/* One line with a newline behind it. Owned by the caller; NULL: out of memory. */
char *plugin_request(const struct examiner_job *job);

/* Take an answer apart: exactly one JSON object of exactly the known keys (white space around it aside), of at most
 * PLUGIN_DEPTH_MAX levels; and one that does not contradict itself: "clean" has no findings, the others may, "finding" has one
 * or more. Adds findings (`name`: of the plug-in, stands before each detail) and, when it could tell, CHECK_PLUGINS; "could-not-tell"
 * is scan-error. Returns 0; -ENOMEM; or -EPROTO with what is wrong in `ret_why`, and nothing was added. */
_must_check_ int plugin_verdict(const char *raw, size_t size, const char *name, struct findings *f, char ret_why[static EXAMINER_WHY_MAX]);

#endif
