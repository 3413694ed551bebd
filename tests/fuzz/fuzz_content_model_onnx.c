/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* ONNX, by the walker of Protocol Buffers. */
#include "detector.h"

static const struct place places[] = {
	{ "a.onnx", NULL, "application/octet-stream" },
	{ "a.bin", NULL, "application/octet-stream" },
};

FUZZ_DETECTOR(look_model_onnx, places)
