/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Rich Text Format. */
#include "detector.h"

static const struct place places[] = {
	{ "a.rtf", NULL, "text/rtf" },
};

FUZZ_DETECTOR(look_rtf, places)
