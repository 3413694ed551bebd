/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* One detector of kiosk/content over one file; the input's first byte says under which name and as what. */
#ifndef LAZARET_TESTS_FUZZ_DETECTOR_H
#define LAZARET_TESTS_FUZZ_DETECTOR_H

#include "content/detectors.h"
#include "input.h"

struct place {
	const char *path, *container, *type; /* the last two may be NULL */
};

#define OOXML "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
#define ODF "application/vnd.oasis.opendocument.text"
#define ZIP "application/zip"

_unused_ static void check_findings(const struct findings *f)
{
	CLAIM(f->count <= FINDINGS_MAX);
	for (size_t i = 0; i < f->count; i++) {
		CLAIM((unsigned int)f->list[i].reason < REASON_COUNT_);
		CLAIM(f->list[i].detail && f->list[i].detail[0] != '\0' && strlen(f->list[i].detail) <= FINDING_DETAIL_MAX);
		CLAIM(!f->list[i].member || strlen(f->list[i].member) <= FINDING_MEMBER_MAX);
	}
}

/* `look` is content_look() or a single detector. It says something, or nothing, but always comes to an end; that it could not
 * tell is no answer to bytes. */
static int look_through(int (*look)(struct content *c), const struct place *p, struct input bytes)
{
	const char *slash = strrchr(p->path, '/');
	struct findings findings = { 0 };
	uint8_t *data = exactly(bytes);
	struct content c = { .data = data, .size = bytes.left, .path = p->path, .name = slash ? slash + 1 : p->path,
			     .container = p->container, .types = &p->type, .type_count = p->type ? 1 : 0, .detector = "fuzzed",
			     .findings = &findings };

	CLAIM(look(&c) == 0);
	check_findings(&findings);
	CLAIM(c.more_type_count <= CONTENT_TYPES_MAX);
	for (size_t i = 0; i < c.more_type_count; i++)
		CLAIM(strchr(c.more_types[i], '/'));
	findings_done(&findings);
	free(data);
	return 0;
}

_unused_ static int look_in_place(int (*look)(struct content *c), const struct place *places, size_t count, const uint8_t *data,
				  size_t size)
{
	struct input in = { data, size };
	size_t which = take_byte(&in) % count;

	return look_through(look, &places[which], in);
}

/* A target for one detector; its file is a list of places and this. */
#define FUZZ_DETECTOR(look, places)                                              \
	int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)             \
	{                                                                        \
		return look_in_place(look, places, ARRAY_LEN(places), data, size); \
	}

#endif
