/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Verdicts and the closed list of reasons (reason.def, docs/reasons.md). */
#ifndef LAZARET_COMMON_REASON_H
#define LAZARET_COMMON_REASON_H

#include <stdbool.h>

#include "common/macros.h"

/* Ordered from mild to strict: the strictest of several wins. */
enum verdict {
	VERDICT_APPROVED,
	VERDICT_HELD,
	VERDICT_BLOCKED,
	VERDICT_COUNT_
};

enum reason {
#define R(id, code, verdict, sentence, next) REASON_##id,
#include "common/reason.def"
#undef R
	REASON_COUNT_
};

/* All return static strings, or NULL when the value is out of range. */
const char *verdict_name(enum verdict v);
const char *reason_code(enum reason r);
const char *reason_sentence(enum reason r);
const char *reason_next_step(enum reason r);

/* What this reason leads to where the rules do not say otherwise: VERDICT_HELD or VERDICT_BLOCKED. */
enum verdict reason_default_verdict(enum reason r);

/* Returns 0 and the value, or -ENOENT when `code` is not in the list. */
_must_check_ int reason_parse(const char *code, enum reason *ret);

#endif
