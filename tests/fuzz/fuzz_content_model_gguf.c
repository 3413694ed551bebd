/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* GGUF. */
#include "detector.h"

static const struct place places[] = {
	{ "a.gguf", NULL, "application/octet-stream" },
};

FUZZ_DETECTOR(look_model_gguf, places)
