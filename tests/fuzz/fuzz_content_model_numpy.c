/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Arrays of NumPy. */
#include "detector.h"

static const struct place places[] = {
	{ "a.npy", NULL, "application/octet-stream" },
};

FUZZ_DETECTOR(look_model_numpy, places)
