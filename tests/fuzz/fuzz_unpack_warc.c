/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* WARC, and HTTP in it. */
#include "sink.h"

#include "unpack/unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return open_in_sink(open_warc, CONTAINER_WARC, (struct input){ data, size });
}
