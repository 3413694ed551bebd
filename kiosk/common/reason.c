/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "common/reason.h"

#include <string.h>

struct reason_row {
	const char *code;
	enum verdict verdict;
	const char *sentence;
	const char *next;
};

static const struct reason_row rows[REASON_COUNT_] = {
#define R(id, code, verdict, sentence, next)                                                       \
	[REASON_##id] = { code, VERDICT_##verdict, sentence, next },
#include "common/reason.def"
#undef R
};

static const char *const verdict_names[VERDICT_COUNT_] = {
	[VERDICT_APPROVED] = "approved",
	[VERDICT_HELD] = "held",
	[VERDICT_BLOCKED] = "blocked",
};

static bool is_reason(enum reason r)
{
	return (unsigned int)r < REASON_COUNT_;
}

const char *verdict_name(enum verdict v)
{
	return (unsigned int)v < VERDICT_COUNT_ ? verdict_names[v] : NULL;
}

const char *reason_code(enum reason r)
{
	return is_reason(r) ? rows[r].code : NULL;
}

const char *reason_sentence(enum reason r)
{
	return is_reason(r) ? rows[r].sentence : NULL;
}

const char *reason_next_step(enum reason r)
{
	return is_reason(r) ? rows[r].next : NULL;
}

enum verdict reason_default_verdict(enum reason r)
{
	return is_reason(r) ? rows[r].verdict : VERDICT_BLOCKED;
}

int reason_parse(const char *code, enum reason *ret)
{
	for (unsigned int i = 0; i < REASON_COUNT_; i++) {
		if (strcmp(rows[i].code, code) == 0) {
			*ret = (enum reason)i;
			return 0;
		}
	}
	return -ENOENT;
}
