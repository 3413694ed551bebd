/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* For tests of kiosk/content: one look at bytes in memory, and what came of it. All detectors look, so that what one of them must
 * say is also what no other may contradict. */
#ifndef LAZARET_TESTS_CONTENT_FIXTURE_H
#define LAZARET_TESTS_CONTENT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "content/content.h"

#define OOXML "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
#define ODF "application/vnd.oasis.opendocument.text"

struct looked {
	struct findings findings;
	const char *is[CONTENT_TYPES_MAX];
	size_t is_count;
};

static struct looked look_bytes(const void *data, size_t size, const char *path, const char *container, const char *type)
{
	const char *slash = strrchr(path, '/');
	struct looked ret = { 0 };
	/* exactly these bytes on the heap: a detector that reads past them is seen by AddressSanitizer */
	uint8_t *copy = malloc(size ? size : 1);
	struct content c = { .data = copy, .size = size, .path = path, .name = slash ? slash + 1 : path, .container = container,
			     .types = &type, .type_count = 1, .findings = &ret.findings };

	assert_non_null(copy);
	memcpy(copy, data, size);
	assert_int_equal(content_look(&c), 0);
	assert_true(ret.findings.done & CHECK_CONTENT);
	memcpy(ret.is, c.more_types, sizeof(ret.is));
	ret.is_count = c.more_type_count;
	free(copy);
	return ret;
}

static struct looked look_text(const char *text, const char *path, const char *container, const char *type)
{
	return look_bytes(text, strlen(text), path, container, type);
}

/* It said this reason, and these words with it. */
_unused_ static void said(struct looked l, enum reason reason, const char *words)
{
	bool found = false;

	for (size_t i = 0; i < l.findings.count; i++) {
		if (l.findings.list[i].reason != reason)
			continue;
		if (!strstr(l.findings.list[i].detail, words))
			fail_msg("'%s' lacks '%s'", l.findings.list[i].detail, words);
		found = true;
	}
	if (!found)
		fail_msg("nothing said of '%s'", words);
	findings_done(&l.findings);
}

#define ACTIVE(looked, words) said(looked, REASON_ACTIVE_CONTENT, words)
#define MISMATCH(looked, words) said(looked, REASON_TYPE_MISMATCH, words)
#define UNSAFE(looked, words) said(looked, REASON_ARCHIVE_UNSAFE, words)

static void said_nothing(struct looked l)
{
	if (l.findings.count > 0)
		fail_msg("'%s'", l.findings.list[0].detail);
	if (l.is_count > 0)
		fail_msg("is '%s'", l.is[0]);
}

_unused_ static void said_is(struct looked l, const char *mime)
{
	assert_int_equal(l.is_count, 1);
	assert_string_equal(l.is[0], mime);
	findings_done(&l.findings);
}

/* Every beginning of it: no detector may fall over what is cut off (nor say that it could not tell). */
_unused_ static void survives_cutting(const void *data, size_t size, const char *path, const char *container, const char *type)
{
	for (size_t n = 0; n < size; n++) {
		struct looked l = look_bytes(data, n, path, container, type);

		findings_done(&l.findings);
	}
}

/* ASCII as UTF-16, little-endian with a mark; the caller frees. */
_unused_ static uint8_t *widen(const char *text, size_t *ret_size)
{
	size_t n = strlen(text);
	uint8_t *wide = malloc(2 * n + 2);

	assert_non_null(wide);
	wide[0] = 0xff;
	wide[1] = 0xfe;
	for (size_t i = 0; i < n; i++) {
		wide[2 + 2 * i] = (uint8_t)text[i];
		wide[3 + 2 * i] = 0;
	}
	*ret_size = 2 * n + 2;
	return wide;
}

_unused_ static void silent_text(const char *text, const char *path, const char *container, const char *type)
{
	said_nothing(look_text(text, path, container, type));
}

#endif
