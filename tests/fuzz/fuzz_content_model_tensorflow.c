/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Messages of TensorFlow and Keras. */
#include "detector.h"

static const struct place places[] = {
	{ "saved_model.pb", NULL, "application/octet-stream" },
	{ "keras_metadata.pb", NULL, "application/octet-stream" },
	{ "a.pb", NULL, "application/octet-stream" },
	{ "a.meta", NULL, "application/octet-stream" },
};

FUZZ_DETECTOR(look_model_tensorflow, places)
