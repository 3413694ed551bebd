/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The packager's stream: names and the file's place lie within what there is. */
#include "ole/native.h"

#include "input.h"

static void check_text(const uint8_t *head, size_t size, const char *text)
{
	if (*text == '\0') /* may be a static string */
		return;
	CLAIM((const uint8_t *)text >= head && (const uint8_t *)text < head + size);
	CLAIM(memchr(text, 0, size - (size_t)((const uint8_t *)text - head)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint64_t more = take_number(&in, 2); /* that the stream is longer than its head */
	uint8_t *head = exactly(in);
	struct native n;
	int r = native_parse(head, in.left, in.left + more, &n);

	CLAIM(r == 0 || r == -ENOENT || r == -EBADMSG);
	if (r != -EBADMSG) {
		CLAIM(n.offset <= in.left + more && n.size <= in.left + more - n.offset);
		check_text(head, in.left, n.label);
		check_text(head, in.left, n.file);
		check_text(head, in.left, n.temporary);
	}
	free(head);
	return 0;
}
