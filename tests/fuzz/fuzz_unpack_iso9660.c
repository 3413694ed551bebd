/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Disc images: both directories. */
#include "sink.h"

#include "unpack/unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return open_in_sink(open_iso9660, CONTAINER_ISO9660, (struct input){ data, size });
}
