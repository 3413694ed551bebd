/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The directory of a zip, and what it covers. */
#include "accounted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return account_for("CL_TYPE_ZIP", (struct input){ data, size });
}
