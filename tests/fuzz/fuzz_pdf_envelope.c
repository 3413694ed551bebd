/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Before and behind a document. */
#include "pdf/envelope.h"

#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = exactly((struct input){ data, size });

	if (size > 0) {
		(void)envelope_trouble(copy, size);
		CLAIM(envelope_size(copy, size) <= size);
	}
	free(copy);
	return 0;
}
