/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* safetensors. */
#include "detector.h"

static const struct place places[] = {
	{ "a.safetensors", NULL, "application/octet-stream" },
	{ "a.bin", NULL, "application/octet-stream" },
};

FUZZ_DETECTOR(look_model_safetensors, places)
