/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Text and plots for pages: HTML 5 with SVG in it, no script, nothing from elsewhere. */
#ifndef LAZARET_CLI_HTML_H
#define LAZARET_CLI_HTML_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Text from reports and trail, which is escaped already; what a forged one could smuggle in is caught, as are the characters
 * that mean something in HTML. For text and quoted attributes. */
void html_text(FILE *out, const char *text);

#define HTML_SERIES_MAX 3

/* Bars side by side, one a column, of up to three parts on top of each other; with a title and a description for those who do not
 * see it. All strings are text (html_text()). */
struct html_plot {
	const char *id; /* [a-z]+, unique in the page */
	const char *title, *description, *unit;
	const char *const *columns; /* labels */
	size_t column_count;
	const char *series[HTML_SERIES_MAX]; /* names; NULL: no more */
	const double *values; /* column_count times the number of series, column by column; below 0: nothing is known */
	struct {
		const char *name; /* NULL: none */
		double value;
	} lines[2]; /* thresholds */
};

void html_plot_columns(FILE *out, const struct html_plot *p);
/* The same lying: for long labels, one series. */
void html_plot_rows(FILE *out, const struct html_plot *p);

#endif
