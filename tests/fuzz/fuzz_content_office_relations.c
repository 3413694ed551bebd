/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Relationships of Office Open XML. */
#include "detector.h"

static const struct place places[] = {
	{ "word/_rels/document.xml.rels", OOXML, "text/xml" },
};

FUZZ_DETECTOR(look_office_relations, places)
