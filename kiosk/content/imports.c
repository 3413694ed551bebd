/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Search in imports.def. What counts is the spelling: an unpickler that knows old names maps them to new ones of the same
 * things ("__builtin__", "copy_reg"), and both spellings stand in the list. */
#include "content/imports.h"

#include <string.h>

struct allowed {
	const char *module, *name;
	enum import_class class;
};

struct danger {
	const char *module, *name, *why;
};

static const struct allowed allowed[] = {
#define ALLOW(module, name) { module, name, IMPORT_ALLOWED },
#define SPECIAL(module, name, class) { module, name, IMPORT_##class },
#include "content/imports.def"
};

static const char *const class_modules[] = {
#define CLASSES(prefix, reason) prefix,
#include "content/imports.def"
};

static const struct danger dangers[] = {
#define DANGER(module, name, why) { module, name, why },
#include "content/imports.def"
};

static int compare_text(struct span s, const char *text)
{
	size_t size = strlen(text);
	int r = s.size > 0 ? memcmp(s.at, text, MIN(s.size, size)) : 0;

	return r ? r : (s.size > size) - (s.size < size);
}

static int compare(struct span module, struct span name, const char *other_module, const char *other_name)
{
	int r = compare_text(module, other_module);

	return r ? r : compare_text(name, other_name);
}

/* "Conv2d": no dots, which lead to whatever hangs on a class; no functions, whose names begin in lower case. */
static bool is_class_name(struct span name)
{
	if (name.size == 0 || name.at[0] < 'A' || name.at[0] > 'Z')
		return false;
	for (size_t i = 0; i < name.size; i++) {
		uint8_t b = name.at[i];

		if (!((b >= 'A' && b <= 'Z') || (b >= 'a' && b <= 'z') || (b >= '0' && b <= '9') || b == '_'))
			return false;
	}
	return true;
}

enum import_class import_class(struct span module, struct span name)
{
	size_t low = 0, high = ARRAY_LEN(allowed);

	while (low < high) {
		size_t middle = (low + high) / 2;
		int r = compare(module, name, allowed[middle].module, allowed[middle].name);

		if (r == 0)
			return allowed[middle].class;
		if (r < 0)
			high = middle;
		else
			low = middle + 1;
	}
	for (size_t i = 0; i < ARRAY_LEN(class_modules); i++) {
		size_t size = strlen(class_modules[i]);

		if (module.size > size && memcmp(module.at, class_modules[i], size) == 0 && is_class_name(name))
			return IMPORT_ALLOWED;
	}
	return IMPORT_REFUSED;
}

static const char *find_danger(struct span module, struct span name)
{
	size_t low = 0, high = ARRAY_LEN(dangers);

	while (low < high) {
		size_t middle = (low + high) / 2;
		int r = compare(module, name, dangers[middle].module, dangers[middle].name);

		if (r == 0)
			return dangers[middle].why;
		if (r < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* Exactly, or the whole module, or a package that the module lies in; "a.b" of module "m" is "a" of it. */
const char *import_danger(struct span module, struct span name)
{
	static const uint8_t star[] = "*";
	const char *why = find_danger(module, name);
	const uint8_t *dot = name.size > 0 ? memchr(name.at, '.', name.size) : NULL;

	if (!why && dot)
		why = find_danger(module, (struct span){ name.at, (size_t)(dot - name.at) });
	while (!why && module.size > 0) {
		why = find_danger(module, (struct span){ star, 1 });
		while (module.size > 0 && module.at[--module.size] != '.')
			;
	}
	return why;
}

bool imports_are_sorted(void)
{
	for (size_t i = 1; i < ARRAY_LEN(allowed); i++)
		if (compare(span_text(allowed[i - 1].module), span_text(allowed[i - 1].name), allowed[i].module,
			    allowed[i].name) >= 0)
			return false;
	for (size_t i = 1; i < ARRAY_LEN(dangers); i++)
		if (compare(span_text(dangers[i - 1].module), span_text(dangers[i - 1].name), dangers[i].module,
			    dangers[i].name) >= 0)
			return false;
	return true;
}
