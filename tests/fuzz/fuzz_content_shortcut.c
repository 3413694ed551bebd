/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What starts something else. */
#include "detector.h"

static const struct place places[] = {
	{ "a.lnk", NULL, "application/x-ms-shortcut" },
	{ "a.url", NULL, "text/plain" },
	{ "a.desktop", NULL, "text/plain" },
	{ "autorun.inf", NULL, "text/plain" },
	{ "a.scf", NULL, "text/plain" },
	{ "desktop.ini", NULL, "text/plain" },
	{ "a.library-ms", NULL, "text/xml" },
	{ "a.settingcontent-ms", NULL, "text/xml" },
	{ "a.reg", NULL, "text/plain" },
	{ "a.webloc", NULL, "text/xml" },
};

FUZZ_DETECTOR(look_shortcut, places)
