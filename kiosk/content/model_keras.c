/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Models of Keras: a description in JSON (the attribute model_config of an HDF5 file, config.json of a .keras file) whose objects
 * name the class, and the module, that make them. A Lambda layer is Python's byte code; "module" and "class_name" together were
 * an import of anything (CVE-2025-1550, CVE-2025-8747), a vocabulary is a file or address that is read (CVE-2025-12058). */
#include <string.h>

#include "content/model.h"

#define DEPTH_MAX 200 /* of nested layers and values; jansson stops at 2048. Real ones: below 40 */

/* "keras", "keras.layers", "tf_keras.src.models", "tensorflow.keras..." */
static bool is_own_module(const char *module)
{
	static const char *const own[] = { "keras", "tf_keras", "tensorflow.keras", "tensorflow.python.keras", "keras_hub",
					   "keras_nlp", "keras_cv" };

	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		size_t size = strlen(own[i]);

		if (strncmp(module, own[i], size) == 0 && (module[size] == '\0' || module[size] == '.'))
			return true;
	}
	return false;
}

/* Functions of Keras's own: mathematics, yes; keras.utils.get_file, which fetches and unpacks, no. */
static bool is_harmless_function(const char *module)
{
	static const char *const parts[] = { ".activations", ".losses", ".metrics", ".initializers", ".regularizers",
					     ".constraints", ".ops" };

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (strstr(module, parts[i]))
			return true;
	return false;
}

static bool is_text(const char *s, const char *other)
{
	return s && strcmp(s, other) == 0;
}

static int look_object(struct content *c, const json_t *object)
{
	const char *class = json_string_value(json_object_get(object, "class_name"));
	const char *module = json_string_value(json_object_get(object, "module"));
	const char *package = json_string_value(json_object_get(object, "registered_name"));
	const json_t *config = json_object_get(object, "config");

	if (!class)
		return 0;
	if (is_text(class, "Lambda") || is_text(class, "__lambda__") || is_text(json_string_value(json_object_get(config, "function_type")), "lambda"))
		return content_unsafe(c, REASON_ARCHIVE_UNSAFE, "Keras: a Lambda layer, which is Python's byte code");
	if (is_text(class, "TorchModuleWrapper"))
		return content_unsafe(c, REASON_ARCHIVE_UNSAFE, "Keras: TorchModuleWrapper, which holds a pickle");
	if (module && !is_own_module(module))
		return content_unsafe(c, REASON_ARCHIVE_UNSAFE, "Keras: imports %.80s.%.80s, which is not of Keras", module, class);
	if (is_text(class, "function") && module && !is_harmless_function(module))
		return content_unsafe(c, REASON_ARCHIVE_UNSAFE, "Keras: calls a function of %.80s: %.80s", module,
				      json_is_string(config) ? json_string_value(config) : "?");
	if (json_is_string(json_object_get(config, "vocabulary")))
		return content_unsafe(c, REASON_ARCHIVE_UNSAFE, "Keras: reads the file or address \"%.120s\"",
				      json_string_value(json_object_get(config, "vocabulary")));
	if (package && strchr(package, '>') && strncmp(package, "keras", 5) != 0)
		return content_active(c, "Keras: asks for a class of the model's author: %.120s", package);
	return 0;
}

static int look_value(struct content *c, const json_t *value, unsigned int depth)
{
	const json_t *x;
	const char *key;
	size_t i;
	int r = 0;

	if (depth > DEPTH_MAX)
		return content_unsafe(c, REASON_ARCHIVE_UNSAFE, "Keras: nested deeper than %u", DEPTH_MAX);
	if (json_is_object(value)) {
		r = look_object(c, value);
		json_object_foreach((json_t *)(uintptr_t)value, key, x)
			if (r == 0)
				r = look_value(c, x, depth + 1);
		return r;
	}
	json_array_foreach(value, i, x)
		if (r == 0)
			r = look_value(c, x, depth + 1);
	return r;
}

int model_judge_keras(struct content *c, const json_t *config)
{
	return look_value(c, config, 0);
}
