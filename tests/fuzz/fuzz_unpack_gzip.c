/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* gzip, by zlib. */
#include "sink.h"

#include "unpack/unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return open_in_sink(open_gzip, CONTAINER_GZIP, (struct input){ data, size });
}
