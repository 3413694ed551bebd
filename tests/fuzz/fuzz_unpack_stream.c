/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Compressed streams by libarchive: which filter, the first byte says. */
#include "sink.h"

#include "unpack/unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum container_format formats[] = { CONTAINER_BZIP2, CONTAINER_XZ, CONTAINER_LZMA, CONTAINER_LZIP, CONTAINER_LZ4,
							 CONTAINER_ZSTD, CONTAINER_COMPRESS, CONTAINER_UU };
	struct input in = { data, size };
	enum container_format format = formats[take_byte(&in) % ARRAY_LEN(formats)];

	return open_in_sink(open_stream, format, in);
}
