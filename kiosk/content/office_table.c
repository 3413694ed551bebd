/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* office-table: text that a spreadsheet reads as formulas: CSV whose cells start programs (DDE), SYLK, queries of the web (IQY).
 */
#include <string.h>

#include "content/detectors.h"
#include "content/span.h"

#define CELL_MAX 1024 /* bytes of a cell that are looked at: a formula has 8192 characters, its command stands in front */

/* Functions that call out of the sheet; of Excel 4 and of today. */
static const char *const calls[] = { "webservice(", "exec(", "call(", "register(", "rtd(", "dde(", "filterxml(", "importxml(",
				     "importdata(", "importhtml(" };

/* "cmd|' /c calc'!A0": an application, a bar, a topic (which may have separators), a mark, an item (MS-XLS: DDE references). */
static bool is_dde(struct span cell, struct span line)
{
	const uint8_t *bar = memchr(cell.at, '|', cell.size);
	struct span topic = bar ? span_from(line, bar) : cell;
	size_t letters = 0;

	if (!bar || !memchr(bar, '!', MIN(topic.size, (size_t)CELL_MAX)))
		return false;
	for (const uint8_t *p = bar; p > cell.at && ((p[-1] | 0x20) >= 'a') && ((p[-1] | 0x20) <= 'z'); p--)
		letters++;
	return letters >= 2;
}

/* A cell is a formula when it begins with one of these, whatever quotes and blanks stand before. */
static int look_at_cell(struct content *c, struct span cell, struct span line)
{
	bool calls_out = false;

	while (cell.size > 0 && (cell.at[0] <= ' ' || cell.at[0] == '"' || cell.at[0] == '\''))
		cell.at++, cell.size--;
	if (cell.size < 4 || !memchr("=+-@", cell.at[0], 4))
		return 0;
	cell.size = MIN(cell.size, (size_t)CELL_MAX);
	if (is_dde(cell, line))
		return content_active(c, "a cell that starts a program (DDE): %.*s", SPAN_ARGS(cell));
	for (size_t i = 0; i < ARRAY_LEN(calls) && !calls_out; i++) {
		const uint8_t *at = span_find(cell, calls[i]);

		/* a name of its own, not the end of a longer one */
		calls_out = at && at > cell.at && !((at[-1] | 0x20) >= 'a' && (at[-1] | 0x20) <= 'z');
	}
	return calls_out ? content_active(c, "a cell that calls out of the sheet: %.*s", SPAN_ARGS(cell)) : 0;
}

/* Whatever separates: a comma in a quoted cell begins no cell for a spreadsheet, and is looked at all the same. */
static int look_at_csv(struct content *c, struct span text)
{
	struct span line;
	int r = 0;

	while (r == 0 && span_line(&text, &line)) {
		size_t start = 0;

		for (size_t i = 0; r == 0 && i <= line.size; i++) {
			if (i < line.size && line.at[i] != ',' && line.at[i] != ';' && line.at[i] != '\t')
				continue;
			r = look_at_cell(c, (struct span){ line.at + start, i - start }, line);
			start = i + 1;
		}
	}
	return r;
}

/* SYLK: "ID;P..." and lines of records; ";E" is a formula. */
static int look_at_sylk(struct content *c, struct span text)
{
	struct span line;

	while (span_line(&text, &line)) {
		const uint8_t *formula = span_starts(line, "c;") || span_starts(line, "nn;") ? span_find(line, ";e") : NULL;

		if (span_starts(line, "nn;") && span_find(line, "auto_open"))
			return content_active(c, "an Excel 4 macro that runs by itself (SYLK)");
		for (size_t i = 0; formula && i < ARRAY_LEN(calls); i++)
			if (span_find(span_from(line, formula), calls[i]))
				return content_active(c, "a formula that calls out of the sheet (SYLK): %.*s", SPAN_ARGS(line));
	}
	return 0;
}

static bool is_table(const struct content *c)
{
	static const char *const extensions[] = { "csv", "tsv", "tab", "prn" };

	for (size_t i = 0; i < ARRAY_LEN(extensions); i++)
		if (content_has_extension(c, extensions[i]))
			return true;
	return content_has_type(c, "text/csv");
}

int look_office_table(struct content *c)
{
	_cleanup_(plain_done) struct plain p = { 0 };
	int r = plain_open(c, &p);

	if (r < 0 || p.is_binary)
		return r;
	if (span_starts(p.text, "id;p"))
		return look_at_sylk(c, p.text);
	if (span_starts(p.text, "web\n1\n") || span_starts(p.text, "web\r\n1\r\n"))
		return content_active(c, "a query that a spreadsheet sends: %.*s", SPAN_ARGS(span_from(p.text, p.text.at + 6)));
	return is_table(c) ? look_at_csv(c, p.text) : 0;
}
