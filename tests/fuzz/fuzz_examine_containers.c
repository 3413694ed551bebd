/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Which containers bytes are, and what is said of them. */
#include "examine/containers.h"
#include "examine/magic.h"
#include "examine/opaque.h"
#include "examine/program.h"
#include "input.h"

static void check_formats(const uint8_t *data, size_t size)
{
	const struct format *f;
	size_t at = 0, last = 0;

	while ((f = format_next(data, size, &at)) != NULL) {
		CLAIM(at > last && f->name);
		last = at;
	}
	at = 0;
	while ((f = opaque_next(data, size, &at)) != NULL)
		CLAIM(f->why);
	(void)opaque_find(data, size);
	(void)opaque_find_installer(data, size);
	at = 0;
	while (program_archive_next(data, size, &at) != CONTAINER_NONE)
		;
}

static void check_types(const char *mime, const uint8_t *data, size_t size, const struct containers *c)
{
	struct types t = { .count = 0 };

	if (types_add(&t, mime, strlen(mime)) < 0)
		return;
	CLAIM(t.count == 1);
	if (types_refine(&t, data, size, c) == 0)
		CLAIM(t.count >= 1 && t.count <= TYPES_MAX);
	if (types_say(&t, "application/x-fuzzed") == 0)
		CLAIM(t.count >= 1 && t.count <= TYPES_MAX);
	for (size_t i = 0; i < t.count; i++)
		CLAIM(strlen(t.list[i]) <= TYPE_NAME_MAX && strchr(t.list[i], '/'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	char *mime = exactly_text(take_part(&in, take_byte(&in) % 128));
	uint8_t *copy = exactly(in);
	struct containers c;

	containers_find(copy, in.left, &c);
	CLAIM(c.count <= CONTAINER_FORMATS_MAX);
	for (size_t i = 0; i < c.count; i++) {
		CLAIM(container_info(c.list[i].format) && c.list[i].mime);
		CLAIM(c.is_too_many || containers_cover(&c, c.list[i].format));
	}
	(void)containers_keep_files(&c);
	check_formats(copy, in.left);
	check_types(mime, copy, in.left, &c);
	free(copy);
	free(mime);
	return 0;
}
