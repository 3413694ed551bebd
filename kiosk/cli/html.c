/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "cli/html.h"

#include <math.h>
#include <string.h>

#include "common/text.h"

/* Colours that differ in brightness too, each with a contrast of more than 4.5 to white (WCAG 2.1, 1.4.11 wants 3). */
static const char *const colours[HTML_SERIES_MAX] = { "#1b6b3a", "#9a5b00", "#7a1f5c" };

#define WIDTH 720
#define HEIGHT 220
#define LEFT 64
#define TOP 12
#define BOTTOM 40
#define ROW_HEIGHT 22
#define ROW_LEFT 200
#define LABELS_MAX 16 /* columns that are named: more would overlap */

void html_text(FILE *out, const char *text)
{
	_cleanup_free_ char *clean = text_escape_kept(text);

	text_put_html(out, clean ? clean : "?");
}

/* The next of 2, 4, 6, 10, 20, 40, ... that is not below `value`: half of it is a whole number, too. */
static double round_up(double value)
{
	double step = pow(10, floor(log10(fmax(value, 2))));

	for (int k = 2; k <= 6; k += 2)
		if (value <= k * step)
			return k * step;
	return 10 * step;
}

static size_t series_count(const struct html_plot *p)
{
	size_t n = 0;

	while (n < HTML_SERIES_MAX && p->series[n])
		n++;
	return n;
}

static double highest(const struct html_plot *p, size_t series)
{
	double most = 1;

	for (size_t c = 0; c < p->column_count; c++) {
		double sum = 0;

		for (size_t s = 0; s < series; s++)
			sum += fmax(p->values[c * series + s], 0);
		most = fmax(most, sum);
	}
	for (size_t k = 0; k < 2; k++)
		most = p->lines[k].name ? fmax(most, p->lines[k].value) : most;
	return round_up(most);
}

static void begin(FILE *out, const struct html_plot *p, int height)
{
	(void)fprintf(out, "<figure>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"%s-caption %s-desc\">\n<title>", WIDTH, height,
		      p->id, p->id);
	html_text(out, p->title);
	(void)fprintf(out, "</title>\n<desc id=\"%s-desc\">", p->id);
	html_text(out, p->description);
	(void)fputs("</desc>\n", out);
}

/* The caption has the legend, in words and colours. */
static void end(FILE *out, const struct html_plot *p, size_t series)
{
	(void)fprintf(out, "</svg>\n<figcaption id=\"%s-caption\">", p->id);
	html_text(out, p->title);
	(void)fputs(", ", out);
	html_text(out, p->unit);
	for (size_t s = 0; series > 1 && s < series; s++) {
		(void)fprintf(out, "%s <span class=\"key\" style=\"background:%s\"></span> ", s == 0 ? ":" : ",", colours[s]);
		html_text(out, p->series[s]);
	}
	(void)fputs(".</figcaption>\n</figure>\n", out);
}

static void put_label(FILE *out, double x, double y, const char *anchor, const char *label)
{
	(void)fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
	html_text(out, label);
	(void)fputs("</text>\n", out);
}

static void put_number(FILE *out, double x, double y, const char *anchor, double value)
{
	char digits[40];

	(void)snprintf(digits, sizeof(digits), value < 10 && value != floor(value) ? "%.1f" : "%.0f", value);
	put_label(out, x, y, anchor, digits);
}

static void put_scale(FILE *out, double most, double base, double room)
{
	for (int k = 0; k <= 2; k++) {
		double y = base - room * k / 2;

		(void)fprintf(out, "<line class=\"grid\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>\n", LEFT, y, WIDTH, y);
		put_number(out, LEFT - 6, y + 4, "end", most * k / 2);
	}
}

void html_plot_columns(FILE *out, const struct html_plot *p)
{
	size_t series = series_count(p), every = (p->column_count + LABELS_MAX - 1) / LABELS_MAX;
	double most = highest(p, series), base = HEIGHT - BOTTOM, room = base - TOP, step = (double)(WIDTH - LEFT) / (double)p->column_count;

	begin(out, p, HEIGHT);
	put_scale(out, most, base, room);
	for (size_t c = 0; c < p->column_count; c++) {
		double x = LEFT + step * (double)c, y = base;

		for (size_t s = 0; s < series; s++) {
			double tall = fmax(p->values[c * series + s], 0) / most * room;

			y -= tall;
			if (tall > 0)
				(void)fprintf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n", x + step * 0.15, y, step * 0.7, tall,
					      colours[s]);
		}
		if (c % every == 0)
			put_label(out, x + step / 2, base + 18, "middle", p->columns[c]);
	}
	for (size_t k = 0; k < 2; k++) {
		double y = base - p->lines[k].value / most * room;

		if (!p->lines[k].name)
			continue;
		(void)fprintf(out, "<line class=\"limit\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>\n", LEFT, y, WIDTH, y);
		put_label(out, LEFT + 4, y - 4, "start", p->lines[k].name);
	}
	end(out, p, series);
}

void html_plot_rows(FILE *out, const struct html_plot *p)
{
	double most = highest(p, 1), room = WIDTH - ROW_LEFT - 60;

	begin(out, p, TOP + ROW_HEIGHT * (int)p->column_count);
	for (size_t c = 0; c < p->column_count; c++) {
		double y = TOP + ROW_HEIGHT * (double)c, wide = fmax(p->values[c], 0) / most * room;

		put_label(out, ROW_LEFT - 8, y + 14, "end", p->columns[c]);
		(void)fprintf(out, "<rect x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n", ROW_LEFT, y + 2, wide, ROW_HEIGHT - 6, colours[0]);
		put_number(out, ROW_LEFT + wide + 6, y + 14, "start", fmax(p->values[c], 0));
	}
	end(out, p, 1);
}
