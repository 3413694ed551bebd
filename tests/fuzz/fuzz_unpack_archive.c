/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What is built around libarchive: which archive or stream it is, the first byte says. */
#include "sink.h"

#include "unpack/unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum container_format formats[] = { CONTAINER_TAR, CONTAINER_CPIO, CONTAINER_AR, CONTAINER_DEB, CONTAINER_ZIP,
							 CONTAINER_SEVENZIP, CONTAINER_CAB, CONTAINER_RAR, CONTAINER_LHA,
							 CONTAINER_XAR };
	struct input in = { data, size };
	enum container_format format = formats[take_byte(&in) % ARRAY_LEN(formats)];

	return open_in_sink(open_archive, format, in);
}
