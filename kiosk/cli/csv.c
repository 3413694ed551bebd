/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "cli/csv.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

bool csv_is_formula(const char *text)
{
	static const char *const wide[] = { "\uff1d", "\uff0b", "\uff0d", "\uff20" }; /* = + - @ */

	if (*text && ((unsigned char)*text < 0x20 || strchr("=+-@'", *text)))
		return true;
	for (size_t k = 0; k < ARRAY_LEN(wide); k++)
		if (strncmp(text, wide[k], strlen(wide[k])) == 0)
			return true;
	return false;
}

static void separate(struct csv *c)
{
	if (c->is_begun)
		(void)fputc(',', c->out); /* errors stay in the stream until its end */
	c->is_begun = true;
}

void csv_text(struct csv *c, const char *text)
{
	bool is_formula = text && csv_is_formula(text);
	bool is_quoted = text && (is_formula || strpbrk(text, ",\"\r\n") || *text == ' ');

	separate(c);
	if (is_quoted)
		(void)fputc('"', c->out);
	if (is_formula)
		(void)fputc('\'', c->out);
	for (; text && *text; text++) {
		if (*text == '"')
			(void)fputc('"', c->out);
		(void)fputc(*text, c->out);
	}
	if (is_quoted)
		(void)fputc('"', c->out);
}

void csv_number(struct csv *c, int64_t number)
{
	separate(c);
	(void)fprintf(c->out, "%" PRId64, number); /* our own counts: never below 0 */
}

void csv_time(struct csv *c, int64_t seconds)
{
	char text[sizeof("2026-11-22T02:38:53Z")];
	time_t t = (time_t)seconds;
	struct tm tm;

	csv_text(c, seconds > 0 && gmtime_r(&t, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0 ? text : NULL);
}

void csv_end_line(struct csv *c)
{
	(void)fputs("\r\n", c->out);
	c->is_begun = false;
}

void csv_head(struct csv *c, const char *const *names)
{
	for (; *names; names++)
		csv_text(c, *names);
	csv_end_line(c);
}
