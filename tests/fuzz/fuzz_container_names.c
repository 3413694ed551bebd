/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Names, links and the set of a container's paths, held against what they promise: by a slow look of their own. */
#include "container/names.h"
#include "input.h"

#define NAMES_MAX 64

struct known {
	char *path;
	enum name_kind kind;
};

static bool has_component(const char *path, const char *what)
{
	size_t n = strlen(what);

	for (const char *p = path; *p; p++)
		if ((p == path || p[-1] == '/') && strncmp(p, what, n) == 0 && (p[n] == '\0' || p[n] == '/'))
			return true;
	return false;
}

static void check_clean(enum container_shape shape, struct input raw, const struct clean_name *n, const char *why)
{
	CLAIM(n->size <= CONTAINER_PATH_MAX && n->path[n->size] == '\0' && strlen(n->path) == n->size);
	if (why || shape == CONTAINER_OBJECT)
		return;
	CLAIM(n->size > 0 && n->path[0] != '/' && n->path[n->size - 1] != '/' && !strstr(n->path, "//"));
	CLAIM(!has_component(n->path, "..") && !has_component(n->path, "."));
	for (size_t i = 0; i < n->size; i++)
		CLAIM((uint8_t)n->path[i] >= 0x20 && n->path[i] != 0x7f);
	if (shape == CONTAINER_ARCHIVE)
		CLAIM(!strchr(n->path, '\\') && raw.at[0] != '/');
}

/* Does the set know what a list knows? */
static void check_added(const struct known *known, size_t count, const struct clean_name *n, enum name_kind kind, const char *why)
{
	for (size_t i = 0; i < count; i++) {
		size_t size = strlen(known[i].path);

		if (strcmp(known[i].path, n->path) == 0)
			CLAIM(why || (known[i].kind == NAME_DIRECTORY && kind == NAME_DIRECTORY));
		if (n->size > size && memcmp(n->path, known[i].path, size) == 0 && n->path[size] == '/')
			CLAIM(why || known[i].kind == NAME_DIRECTORY);
		if (size > n->size && memcmp(n->path, known[i].path, n->size) == 0 && known[i].path[n->size] == '/')
			CLAIM(why || kind == NAME_DIRECTORY);
	}
}

static void add_name(struct names *set, enum container_shape shape, struct known *known, size_t *count, struct input *in)
{
	uint8_t what = take_byte(in);
	struct input raw = take_part(in, take_number(in, what & 0x80 ? 2 : 1));
	enum name_kind kind = (enum name_kind)(NAME_FILE + what % 4);
	uint8_t *bytes = exactly(raw);
	struct clean_name name;
	const char *why = name_clean(shape, (const char *)bytes, raw.left, &name), *known_why = NULL;

	check_clean(shape, (struct input){ bytes, raw.left }, &name, why);
	if (*count < NAMES_MAX) {
		CLAIM(names_add(set, &name, kind, &known_why) == 0);
		if (shape == CONTAINER_ARCHIVE || shape == CONTAINER_ROOT) {
			check_added(known, *count, &name, kind, known_why);
			if (!known_why && name.size > 0)
				CLAIM(names_find(set, &name) == kind);
			known[*count].kind = kind;
			if (!known_why && name.size > 0)
				known[(*count)++].path = strdup(name.path);
		}
	}
	(void)name_target(shape, &name, (const char *)bytes, raw.left);
	free(bytes);
}

static void check_stream(struct input in)
{
	char *path = exactly_text(in);
	struct clean_name name;

	name_of_stream(path, &name);
	CLAIM(name.size > 0 && name.size <= CONTAINER_PATH_MAX && strlen(name.path) == name.size && !strchr(name.path, '/'));
	CLAIM(strcmp(name.path, ".") != 0 && strcmp(name.path, "..") != 0);
	free(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	enum container_shape shape = (enum container_shape)(take_byte(&in) % (CONTAINER_OBJECT + 1));
	struct names *set = names_new(shape, 1u << 20);
	struct known known[NAMES_MAX];
	size_t count = 0;

	CLAIM(set);
	check_stream(in);
	while (in.left > 0)
		add_name(set, shape, known, &count, &in);
	for (size_t i = 0; i < count; i++)
		free(known[i].path);
	names_free(set);
	return 0;
}
