/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Pages, pictures of SVG, web archives. */
#include "detector.h"

static const struct place places[] = {
	{ "a.html", NULL, "text/html" },
	{ "a.svg", NULL, "image/svg+xml" },
	{ "a.mht", NULL, "message/rfc822" },
	{ "a.hta", NULL, "text/html" },
	{ "a.xml", NULL, "text/xml" },
};

FUZZ_DETECTOR(look_html, places)
