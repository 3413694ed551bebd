/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The bar. Light, striped and dark: the three are told apart on a grey printer, and by who sees no colours. */
#include <inttypes.h>

#include "receipt/html_parts.h"

#define SIDE 1000 /* units of the bar's width */

static const char *const fills[VERDICT_COUNT_] = { "#a9d5ae", "url(#stripes)", "#7a1420" };

static void put_key(FILE *out, enum verdict v, uint64_t files, const char *more)
{
	(void)fprintf(out, "<li><svg viewBox=\"0 0 16 16\" aria-hidden=\"true\"><rect x=\".5\" y=\".5\" width=\"15\" height=\"15\" fill=\"%s\" "
			   "stroke=\"#141414\"/></svg><strong>%" PRIu64 "</strong> %s%s</li>\n",
		      fills[v], files, verdict_name(v), more);
}

/* What is there at all is seen: a hundredth at least. */
static void put_parts(FILE *out, const struct summary *s)
{
	uint64_t width[VERDICT_COUNT_], sum = 0, x = 0;

	for (size_t v = 0; v < VERDICT_COUNT_; v++) {
		width[v] = s->verdicts[v] > 0 ? MAX((uint64_t)((double)s->verdicts[v] * SIDE / (double)s->files), (uint64_t)SIDE / 100) : 0;
		sum += width[v];
	}
	for (size_t v = 0; v < VERDICT_COUNT_; v++) {
		uint64_t w = width[v] * SIDE / sum;

		if (w > 0)
			(void)fprintf(out, "<rect x=\"%" PRIu64 "\" y=\"0\" width=\"%" PRIu64 "\" height=\"36\" fill=\"%s\" stroke=\"#141414\" "
					   "vector-effect=\"non-scaling-stroke\"/>",
				      x, w, fills[v]);
		x += w;
	}
}

void html_bar(FILE *out, const struct summary *s)
{
	if (s->files == 0) {
		(void)fputs("<p>No file was seen.</p>\n", out);
		return;
	}
	(void)fprintf(out,
		      "<svg class=\"bar\" viewBox=\"0 0 %d 36\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"Of %" PRIu64 " files, %" PRIu64
		      " were approved, %" PRIu64 " held and %" PRIu64 " blocked\">"
		      "<defs><pattern id=\"stripes\" width=\"10\" height=\"10\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">"
		      "<rect width=\"10\" height=\"10\" fill=\"#f3d382\"/><rect width=\"4\" height=\"10\" fill=\"#6b4a00\"/></pattern></defs>",
		      SIDE, s->files, s->verdicts[VERDICT_APPROVED], s->verdicts[VERDICT_HELD], s->verdicts[VERDICT_BLOCKED]);
	put_parts(out, s);
	(void)fputs("</svg>\n<ul class=\"legend\">\n", out);
	for (unsigned int v = 0; v < VERDICT_COUNT_; v++)
		put_key(out, (enum verdict)v, s->verdicts[v], v == VERDICT_APPROVED && !facts_is_published(s) ? ", not published" : "");
	(void)fputs("</ul>\n", out);
}
