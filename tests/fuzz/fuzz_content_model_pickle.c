/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Pickles. */
#include "detector.h"

static const struct place places[] = {
	{ "a.pkl", NULL, "application/octet-stream" },
	{ "a.bin", NULL, "application/octet-stream" },
	{ "archive/data.pkl", ZIP, "application/octet-stream" },
	{ "a.joblib", NULL, "application/octet-stream" },
};

FUZZ_DETECTOR(look_model_pickle, places)
