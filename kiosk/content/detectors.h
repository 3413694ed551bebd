/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* All detectors of kiosk/content, one line each: D(FUNCTION, "name in reports"). docs/inspection.md has a row for each.
 * int look_FUNCTION(struct content *c): the contract is that of struct detector (content.h).
 */
#ifndef LAZARET_CONTENT_DETECTORS_H
#define LAZARET_CONTENT_DETECTORS_H

#include "content/content.h"

#define CONTENT_DETECTORS(D) \
	D(office_relations, "office-relations") \
	D(office_parts, "office-parts") \
	D(office_odf, "office-odf") \
	D(office_table, "office-table") \
	D(rtf, "rtf") \
	D(shortcut, "shortcut") \
	D(html, "html") \
	D(program, "program") \
	D(names, "names") \
	D(polyglot, "polyglot") \
	D(hidden, "hidden") \
	D(script, "script") \
	D(model_pickle, "model-pickle") \
	D(model_safetensors, "model-safetensors") \
	D(model_gguf, "model-gguf") \
	D(model_ggml, "model-ggml") \
	D(model_onnx, "model-onnx") \
	D(model_tensorflow, "model-tensorflow") \
	D(model_torchscript, "model-torchscript") \
	D(model_numpy, "model-numpy") \
	D(model_hdf5, "model-hdf5") \
	D(model_json, "model-json") \
	/* end: a line more needs no change in the one before */

#define DETECTOR_DECLARE(function, text) _must_check_ int look_##function(struct content *c);
CONTENT_DETECTORS(DETECTOR_DECLARE)
#undef DETECTOR_DECLARE

#endif
