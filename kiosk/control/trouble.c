/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "control/trouble.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *code, *text, *next;
} troubles[TROUBLE_COUNT_] = {
#define T(name, code, text, next) [TROUBLE_##name] = { code, text, next },
#include "control/trouble.def"
#undef T
};

const char *trouble_code(enum trouble t)
{
	return t < TROUBLE_COUNT_ ? troubles[t].code : NULL;
}

const char *trouble_text(enum trouble t)
{
	return t < TROUBLE_COUNT_ ? troubles[t].text : NULL;
}

const char *trouble_next(enum trouble t)
{
	return t < TROUBLE_COUNT_ ? troubles[t].next : NULL;
}

enum trouble trouble_find(const char *code)
{
	for (unsigned int t = TROUBLE_NONE + 1; code && t < TROUBLE_COUNT_; t++)
		if (strcmp(troubles[t].code, code) == 0)
			return (enum trouble)t;
	return TROUBLE_NONE;
}
