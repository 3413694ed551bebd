/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Descriptions of models, and templates. */
#include "detector.h"

static const struct place places[] = {
	{ "config.json", NULL, "application/json" },
	{ "tokenizer_config.json", NULL, "application/json" },
	{ "chat_template.jinja", NULL, "text/plain" },
};

FUZZ_DETECTOR(look_model_json, places)
