/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The JSON files that lie beside a model: they say which code of the model's author is to be run (auto_map of transformers), what
 * template writes a conversation, and of what a model of Keras is made. */
#include <string.h>
#include <sys/random.h>

#include "content/detectors.h"
#include "content/model.h"

json_t *model_json(struct span text, bool is_prefix, size_t *ret_size)
{
	static bool is_seeded;
	json_error_t error;
	uint32_t seed = 0;
	json_t *j;

	if (!is_seeded) {
		if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
			seed = (uint32_t)(uintptr_t)text.at;
		json_object_seed(seed | 1); /* 0 would mean: find one yourself */
		is_seeded = true;
	}
	j = json_loadb((const char *)text.at, text.size, JSON_REJECT_DUPLICATES | (is_prefix ? JSON_DISABLE_EOF_CHECK : 0), &error);
	if (j && ret_size)
		*ret_size = (size_t)error.position;
	return j;
}

struct span model_json_span(const json_t *string)
{
	return (struct span){ (const uint8_t *)json_string_value(string), json_string_length(string) };
}

/* -- templates ------------------------------------------------------------------------------------------------------ */

static bool is_word(uint8_t b)
{
	return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') || b == '_';
}

static bool is_among(struct span word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (word.size == strlen(words[i]) && memcmp(word.at, words[i], word.size) == 0)
			return true;
	return false;
}

/* Words that lead out of Jinja's sandbox, in every published way out: they take an attribute by name, another template, or a
 * global object of Jinja whose module can be reached. */
static bool is_way_out(struct span word, bool is_quoted)
{
	static const char *const words[] = { "import", "include", "extends", "os", "subprocess", "popen", "eval", "exec", "attr",
					     "getattr", "lipsum", "cycler", "joiner", "mro", "func_globals" };
	bool is_dunder = word.size > 4 && memcmp(word.at, "__", 2) == 0 && memcmp(word.at + word.size - 2, "__", 2) == 0;

	return is_dunder || (!is_quoted && is_among(word, words, ARRAY_LEN(words)));
}

/* One block: from behind its "{{" or "{%" to its end. Strings are looked into for names with underscores only. */
static struct span find_way_out(struct span s, size_t *at)
{
	uint8_t quote = 0;
	size_t i = *at;

	while (i < s.size) {
		uint8_t b = s.at[i];

		if (!quote && i + 1 < s.size && (b == '}' || b == '%') && s.at[i + 1] == '}')
			break;
		if (quote && b == '\\' && i + 1 < s.size) {
			if (s.at[i + 1] == 'x' || s.at[i + 1] == 'u' || s.at[i + 1] == 'U' || s.at[i + 1] == 'N' ||
			    (s.at[i + 1] >= '0' && s.at[i + 1] <= '7'))
				return (struct span){ s.at + i, MIN(s.size - i, (size_t)4) }; /* a name that hides */
			i += 2;
			continue;
		}
		if (b == quote || (!quote && (b == '"' || b == '\''))) {
			quote = quote ? 0 : b;
		} else if (is_word(b)) {
			size_t start = i;

			while (i < s.size && is_word(s.at[i]))
				i++;
			if (is_way_out((struct span){ s.at + start, i - start }, quote))
				return (struct span){ s.at + start, i - start };
			continue;
		}
		i++;
	}
	*at = i;
	return (struct span){ NULL, 0 };
}

int model_judge_template(struct content *c, struct span text)
{
	for (size_t i = 0; i + 1 < text.size; i++) {
		struct span word;

		if (text.at[i] != '{' || (text.at[i + 1] != '{' && text.at[i + 1] != '%'))
			continue;
		i += 2;
		word = find_way_out(text, &i);
		if (word.size > 0)
			return content_unsafe(c, REASON_ARCHIVE_UNSAFE, "chat template reaches out of the template engine: %.*s",
					      SPAN_ARGS(word));
	}
	return content_active(c, "chat template: a program for the template engine");
}

/* -- files beside a model ---------------------------------------------------------------------------------------------- */

/* A string, or a list of named ones. */
static int look_templates(struct content *c, const json_t *value)
{
	size_t i;
	const json_t *x;
	int r = 0;

	if (json_is_string(value))
		return model_judge_template(c, model_json_span(value));
	if (json_is_object(value)) {
		const char *key;

		json_object_foreach((json_t *)(uintptr_t)value, key, x)
			if (r == 0 && json_is_string(x))
				r = model_judge_template(c, model_json_span(x));
		return r;
	}
	json_array_foreach(value, i, x) {
		const json_t *text = json_object_get(x, "template");

		if (r == 0 && json_is_string(text))
			r = model_judge_template(c, model_json_span(text));
	}
	return r;
}

static int look_config(struct content *c, const json_t *config)
{
	static const char *const keys[] = { "auto_map", "custom_pipelines" };
	const json_t *value;
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(keys); i++) {
		value = json_object_get(config, keys[i]);
		if (json_is_object(value) && json_object_size(value) > 0)
			r = content_active(c, "asks for code of the model's author (%s)", keys[i]);
	}
	value = json_object_get(config, "trust_remote_code");
	if (r == 0 && value && !json_is_false(value) && !json_is_null(value))
		r = content_active(c, "asks for code of the model's author (trust_remote_code)");
	value = json_object_get(config, "chat_template");
	if (r == 0 && value)
		r = look_templates(c, value);
	/* Keras: the whole file is one object of it */
	if (r == 0 && json_object_get(config, "class_name") && json_object_get(config, "config"))
		r = model_judge_keras(c, config);
	return r;
}

static bool is_config_name(const char *name)
{
	size_t size = strlen(name);

	return path_ends(name, "config.json") || path_ends(name, "chat_template.json") || path_ends(name, "model.json") ||
	       (size > 12 && strcasecmp(name + size - 12, "_config.json") == 0);
}

int look_model_json(struct content *c)
{
	json_t *config;
	int r = 0;

	if (content_has_extension(c, "jinja") || content_has_extension(c, "j2"))
		return path_ends(c->name, "chat_template.jinja") || content_has_extension(c, "jinja") ?
			       model_judge_template(c, (struct span){ c->data, c->size }) : 0;
	if (!is_config_name(c->name) || c->size == 0)
		return 0;
	if (c->size > MODEL_JSON_MAX)
		return content_unsafe(c, REASON_LIMIT_EXCEEDED, "%s: more than %u bytes of configuration", c->name, MODEL_JSON_MAX);
	config = model_json((struct span){ c->data, c->size }, false, NULL);
	if (!config && memmem(c->data, c->size, "\"class_name\"", 12))
		r = content_unsafe(c, REASON_ARCHIVE_UNSAFE, "a model's description that is not JSON, or has a key twice");
	else if (json_is_object(config))
		r = look_config(c, config);
	json_decref(config);
	return r;
}
