/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Parts of Office Open XML, and flat files of them. */
#include "detector.h"

static const struct place places[] = {
	{ "word/document.xml", OOXML, "text/xml" },
	{ "[Content_Types].xml", OOXML, "text/xml" },
	{ "customUI/customUI.xml", OOXML, "text/xml" },
	{ "xl/workbook.xml", OOXML, "text/xml" },
	{ "xl/externalLinks/externalLink1.xml", OOXML, "text/xml" },
	{ "a.xml", NULL, "text/xml" },
};

FUZZ_DETECTOR(look_office_parts, places)
