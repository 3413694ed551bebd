/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Headers of PE, ELF and Mach-O. */
#include "detector.h"

static const struct place places[] = {
	{ "a.exe", NULL, "application/x-dosexec" },
	{ "a", NULL, "application/x-executable" },
	{ "a.jpg", NULL, "application/x-mach-binary" },
};

FUZZ_DETECTOR(look_program, places)
