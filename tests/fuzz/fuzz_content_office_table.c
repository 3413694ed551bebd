/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Tables as text. */
#include "detector.h"

static const struct place places[] = {
	{ "a.csv", NULL, "text/csv" },
	{ "a.slk", NULL, "text/plain" },
	{ "a.iqy", NULL, "text/plain" },
	{ "a.tsv", NULL, "text/plain" },
};

FUZZ_DETECTOR(look_office_table, places)
