/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* bzip2, unpacked into nothing. */
#include "accounted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return account_for("CL_TYPE_BZ", (struct input){ data, size });
}
