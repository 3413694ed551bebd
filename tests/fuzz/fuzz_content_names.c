/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Names that are not what they seem. */
#include "detector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const containers[] = { NULL, ZIP, OOXML };
	struct input in = { data, size };
	const char *container = containers[take_byte(&in) % ARRAY_LEN(containers)];
	char *path = exactly_text(take_part(&in, 5000));
	struct place place = { path, container, "text/plain" };

	(void)look_through(look_names, &place, in);
	free(path);
	return 0;
}
