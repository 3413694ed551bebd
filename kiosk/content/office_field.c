/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include <string.h>

#include "content/office.h"

#define QUOTE_NUMBERS_MIN 3 /* numbers in a row: a word written in its character codes */

static struct span next_word(struct span *rest)
{
	struct span word;
	size_t n = 0;

	*rest = span_trim(*rest);
	if (rest->size > 0 && (rest->at[0] == '"' || rest->at[0] == '{')) { /* quotes are left out */
		rest->at++, rest->size--;
		*rest = span_trim(*rest);
	}
	while (n < rest->size && rest->at[n] > ' ' && rest->at[n] != '"' && rest->at[n] != '{' && rest->at[n] != '}')
		n++;
	word = (struct span){ rest->at, n };
	rest->at += n;
	rest->size -= n;
	if (rest->size > 0)
		rest->at++, rest->size--; /* what ended it */
	return word;
}

static bool is_number(struct span word)
{
	for (size_t i = 0; i < word.size; i++)
		if (word.at[i] < '0' || word.at[i] > '9')
			return false;
	return word.size > 0 && word.size <= 6;
}

/* { QUOTE 68 68 69 }: "DDE", the way to hide it from whoever searches for the word. */
static bool spells(struct span rest)
{
	size_t numbers = 0;

	while (rest.size > 0 && numbers < QUOTE_NUMBERS_MIN) {
		struct span word = next_word(&rest);

		if (word.size == 0)
			continue;
		if (!is_number(word))
			return false;
		numbers++;
	}
	return numbers >= QUOTE_NUMBERS_MIN;
}

const char *office_field_acts(struct span text)
{
	struct span rest = text, word = next_word(&rest), argument;

	while (word.size == 0 && rest.size > 0)
		word = next_word(&rest);
	if (span_is(word, "ddeauto"))
		return "a field that starts a program by itself (DDEAUTO)";
	if (span_is(word, "dde"))
		return "a field that starts a program (DDE)";
	if (span_is(word, "quote"))
		return spells(rest) ? "a field whose text is written in numbers (QUOTE)" : NULL;
	if (!span_is(word, "includetext") && !span_is(word, "includepicture") && !span_is(word, "include") &&
	    !span_is(word, "import") && !span_is(word, "link") && !span_is(word, "database"))
		return NULL;
	if (span_is(word, "link"))
		return "a field that links an OLE object (LINK)";
	argument = next_word(&rest);
	while (argument.size == 0 && rest.size > 0)
		argument = next_word(&rest);
	return is_remote(argument) ? "a field that loads from elsewhere (INCLUDETEXT, INCLUDEPICTURE)" : NULL;
}
