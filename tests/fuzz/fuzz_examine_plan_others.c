/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The short looks at formats of which libclamav announces the members. */
#include "accounted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = { "CL_TYPE_7Z", "CL_TYPE_XZ", "CL_TYPE_MSCAB", "CL_TYPE_CPIO_NEWC", "CL_TYPE_ISO9660",
					     "CL_TYPE_UUENCODED", "CL_TYPE_RAR", "CL_TYPE_MSEXE", "CL_TYPE_IGNORED", "CL_TYPE_ELF" };
	struct input in = { data, size };
	const char *type = types[take_byte(&in) % ARRAY_LEN(types)];

	return account_for(type, in);
}
