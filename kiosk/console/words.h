/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Words on the screen: the catalogues (gettext, po/), and how numbers, sizes, times and ages are written. */
#ifndef LAZARET_CONSOLE_WORDS_H
#define LAZARET_CONSOLE_WORDS_H

#include <libintl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"

#define WORDS_DOMAIN "lazaret-console"

#define _(text) dgettext(WORDS_DOMAIN, text)
#define N_(text) text
/* One or many: `n` chooses the form. */
#define _n(one, many, n) dngettext(WORDS_DOMAIN, one, many, (unsigned long)(n))

struct words_language {
	const char *code; /* "fr" */
	const char *name, *ascii; /* in that language */
};

#define WORDS_LANGUAGES 3
extern const struct words_language words_languages[WORDS_LANGUAGES];

/* Set the locale and find the catalogues beside the program (PREFIX/share/locale). A UTF-8 locale is needed and no other:
 * kiosks have no locales generated. `is_ascii`: words are transliterated. Before any thread and any other word. */
void words_open(bool is_ascii);

/* Speak the language of `code` ("fr", "fr_CA.UTF-8"); a language without a catalogue becomes English, and -ENOENT. */
_must_check_ int words_speak(const char *code);
/* How a language calls itself, as this terminal can show it. */
const char *words_language_name(size_t language);
/* Of words_languages: which one is spoken now. */
size_t words_spoken(void);

/* Short texts by value: words_size(n).s lives to the end of the expression. */
struct words {
	char s[64];
};

struct words words_version(uint64_t n);		/* "20261222": it counts nothing */
struct words words_number(uint64_t n);			/* "1,234,567" */
struct words words_size(uint64_t bytes);		/* "34.5 MiB" */
struct words words_percent(uint64_t part, uint64_t all); /* " 52 %"; never 100 before it is */
struct words words_duration(uint64_t seconds);		/* "1 min 20 s" */
struct words words_age(uint64_t seconds);		/* "2 days" */
struct words words_day(int64_t time_s);			/* "2026-11-22" */
bool words_parse_utc(const char *text, int64_t *ret);	/* that, back; false: it is none */
struct words words_time_utc(int64_t time_s);		/* the same, not the station's own time */
struct words words_time(int64_t time_s);		/* "2026-11-22 06:28" */

#endif
