/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* All detectors over one file: path, container and type are the input's first three lines. */
#include "detector.h"

static char *take_line(struct input *in)
{
	const uint8_t *end = in->left > 0 ? memchr(in->at, '\n', in->left) : NULL;
	char *line = exactly_text(take_part(in, end ? (size_t)(end - in->at) : in->left));

	(void)take_byte(in); /* the line's end */
	return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	char *path = take_line(&in), *container = take_line(&in), *type = take_line(&in);
	struct place place = { path, *container ? container : NULL, *type ? type : NULL };

	(void)look_through(content_look, &place, in);
	free(path);
	free(container);
	free(type);
	return 0;
}
