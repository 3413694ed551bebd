/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* For rules.c and look.c alone. */
#ifndef LAZARET_YARARULES_PRIVATE_H
#define LAZARET_YARARULES_PRIVATE_H

#include <stdbool.h>
#include <yara.h>

#include "common/macros.h"

/* Compiled in beside the site's rules, in a name space where no global rule of theirs can silence it. */
#define CANARY_NAMESPACE "lazaret/canary"
#define CANARY_TEXT "lazaret yara canary 5f1d8c32"
#define CANARY_RULE                                                                                                        \
	"rule canary { strings: $text = \"" CANARY_TEXT "\" $expression = /canary [0-9a-f]{8}/"                             \
	" condition: $text at 4 and $expression and filesize < 64 and filename == \"\" }"

struct yara_rules {
	YR_RULES *rules;
	char module[64]; /* that was refused */
};

/* What a match means: the meta `lazaret` of its rule. */
enum yara_word {
	YARA_WORD_MALWARE,
	YARA_WORD_ACTIVE_CONTENT,
	YARA_WORD_TYPE_DENIED,
	YARA_WORD_NOTE,
};
_must_check_ int yara_word_parse(const char *text, enum yara_word *ret); /* 0 or -EINVAL */

bool yara_is_canary(const YR_RULE *rule);

#endif
