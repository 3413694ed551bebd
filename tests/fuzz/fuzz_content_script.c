/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Scripts without a name that says so. */
#include "detector.h"

static const struct place places[] = {
	{ "a.txt", NULL, "text/plain" },
	{ "a", NULL, "text/plain" },
	{ "a.vbe", NULL, "application/octet-stream" },
	{ "a.xml", NULL, "text/xml" },
};

FUZZ_DETECTOR(look_script, places)
