/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "common/key_kind.h"

#include <string.h>

static const char *const kinds[KEY_KIND_COUNT_] = {
	[KEY_MINISIGN] = "minisign", [KEY_SIGNIFY] = "signify",		[KEY_OPENPGP] = "openpgp",
	[KEY_X509_CA] = "x509-ca",   [KEY_X509_SIGNER] = "x509-signer", [KEY_RAW] = "raw",
};

const char *key_kind_name(unsigned int kind)
{
	return kind < KEY_KIND_COUNT_ ? kinds[kind] : NULL;
}

int key_kind_by_name(const char *name)
{
	for (int k = 0; k < KEY_KIND_COUNT_; k++)
		if (strcmp(kinds[k], name) == 0)
			return k;
	return -EINVAL;
}
