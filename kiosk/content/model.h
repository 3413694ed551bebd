/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What the detectors of models share. */
#ifndef LAZARET_CONTENT_MODEL_H
#define LAZARET_CONTENT_MODEL_H

#include <jansson.h>

#include "content/content.h"
#include "content/span.h"

#define MODEL_JSON_MAX (64u << 20) /* bytes; the largest tokenizer_config.json known has 20 MiB */

/* The pickles in `data`, inside of another format: what they import is judged, and what stands behind them. `what` names the place for a
 * sentence ("the array's "). A pickle must be there: anything else is damaged. */
_must_check_ int model_judge_pickle(struct content *c, const uint8_t *data, size_t size, const char *what);

/* JSON without opening anything (jansson would read /dev/urandom, which the sandbox refuses). NULL: no JSON, or a key twice;
 * owned. `is_prefix`: what stands behind the value does not matter; `ret_size`: its length, or NULL. */
json_t *model_json(struct span text, bool is_prefix, size_t *ret_size);
/* A string of JSON, as jansson has it: valid UTF-8. */
struct span model_json_span(const json_t *string);

/* A template for Jinja: one that reaches for what templates need not is unsafe; any other is active. */
_must_check_ int model_judge_template(struct content *c, struct span text);

/* A model of Keras as JSON (config.json of a .keras file, attribute model_config of HDF5). */
_must_check_ int model_judge_keras(struct content *c, const json_t *config);

#endif
