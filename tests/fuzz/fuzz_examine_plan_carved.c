/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A zip behind something else, and archives in what is no container. */
#include "accounted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return account_for("CL_TYPE_BINARY_DATA", (struct input){ data, size });
}
