/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* OpenDocument: parts and flat files. */
#include "detector.h"

static const struct place places[] = {
	{ "content.xml", ODF, "text/xml" },
	{ "Basic/Standard/Module1.xml", ODF, "text/xml" },
	{ "META-INF/manifest.xml", ODF, "text/xml" },
	{ "a.fodt", NULL, "text/xml" },
};

FUZZ_DETECTOR(look_office_odf, places)
