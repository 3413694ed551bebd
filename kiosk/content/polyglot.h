/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Where a picture (or sound) ends by its own format, and what stands in its remarks. */
#ifndef LAZARET_CONTENT_POLYGLOT_H
#define LAZARET_CONTENT_POLYGLOT_H

#include "content/span.h"

struct picture {
	const char *format; /* "PNG"; NULL: none of those that are known here */
	size_t end;	    /* offset of the first byte behind it; 0: it does not come to an end */
	bool has_script;    /* in a remark */
};

void picture_png(const struct content *c, struct picture *ret);	 /* PNG 3rd edition, 5.3 */
void picture_gif(const struct content *c, struct picture *ret);	 /* GIF89a */
void picture_jpeg(const struct content *c, struct picture *ret); /* ITU-T T.81 annex B; several: CIPA DC-007 (MPO) */
void picture_bmp(const struct content *c, struct picture *ret);	 /* BITMAPFILEHEADER */
void picture_riff(const struct content *c, struct picture *ret); /* WebP, WAV, AVI */
void picture_icon(const struct content *c, struct picture *ret); /* ICO, CUR */

/* Markup or a script of a server within a remark of a picture. */
bool picture_remark_acts(struct span remark);

#endif
