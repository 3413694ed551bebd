/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What the officer wants to know of a medium before it is inspected. */
#include <string.h>

#include "judge/rule.h"
#include "judge/rules.h"

static const struct {
	enum rules_question question;
	const char *name, *words;
} questions[] = {
	{ RULES_ASK_OWNER, "owner", "whose the medium is (owner)" },
	{ RULES_ASK_TICKET, "ticket", "under which ticket it is brought (ticket)" },
	{ RULES_ASK_REASON, "reason", "why it is brought (reason)" },
};

json_t *rules_questions(const struct rule_set *set)
{
	json_t *list = json_array();

	for (size_t k = 0; list && k < ARRAY_LEN(questions); k++)
		if (set->questions & questions[k].question && json_array_append_new(list, json_string(questions[k].name)) < 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static bool is_blank(const char *text)
{
	return strspn(text, " \t") == strlen(text);
}

unsigned int rules_missing(const struct rule_set *set, const char *owner, const char *ticket, const char *reason)
{
	unsigned int given = (is_blank(owner) ? 0u : RULES_ASK_OWNER) | (is_blank(ticket) ? 0u : RULES_ASK_TICKET) |
			     (is_blank(reason) ? 0u : RULES_ASK_REASON);

	return set->questions & ~given;
}

char *rules_missing_text(unsigned int missing)
{
	char text[256] = "the rules of this station want to know ";
	size_t size = strlen(text);
	bool is_first = true;

	for (size_t k = 0; k < ARRAY_LEN(questions); k++)
		if (missing & questions[k].question) {
			size += (size_t)snprintf(text + size, sizeof(text) - size, "%s%s", is_first ? "" : ", ", questions[k].words);
			is_first = false;
		}
	return missing ? strdup(text) : NULL;
}
