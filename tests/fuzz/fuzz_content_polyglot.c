/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Where a picture ends, and what stands behind. */
#include "detector.h"

static const struct place places[] = {
	{ "a.png", NULL, "image/png" },
	{ "a.gif", NULL, "image/gif" },
	{ "a.jpg", NULL, "image/jpeg" },
	{ "a.bmp", NULL, "image/bmp" },
	{ "a.wav", NULL, "audio/x-wav" },
	{ "a.ico", NULL, "image/vnd.microsoft.icon" },
	{ "a.pdf", NULL, "application/pdf" },
	{ "a", NULL, "application/octet-stream" },
};

FUZZ_DETECTOR(look_polyglot, places)
