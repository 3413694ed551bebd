/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* gzip, unpacked into nothing. */
#include "accounted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return account_for("CL_TYPE_GZ", (struct input){ data, size });
}
