/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Frames of archives and streams, of every format. */
#include "sink.h"

#include "unpack/layout.h"

static int look(struct container *c)
{
	struct layout l = { 0 };
	int r = layout_of_archive(c, &l);

	if (r == 0 && l.end != LAYOUT_UNKNOWN && c->format != CONTAINER_ISO9660)
		CLAIM(l.end <= c->size);
	(void)layout_has_joliet(c);
	(void)layout_is_empty_lzip(c);
	return r < 0 ? r : layout_of_stream(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	enum container_format format = (enum container_format)(1 + take_byte(&in) % (CONTAINER_COUNT_ - 1));

	return open_in_sink(look, format, in);
}
