/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include <crypt.h>
#include <string.h>

#include "people/store.h"

/* Count 0: the cost that the library's makers take for right, as passwd(1) does on Debian. */
#define YESCRYPT "$y$"
#define COST_DEFAULT 0

int password_hash(const char *secret, char **ret)
{
	struct crypt_data *data = calloc(1, sizeof(*data)); /* 32 KiB: more than a stack is for */
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	const char *hash = NULL;
	int r = data ? 0 : -ENOMEM;

	if (r == 0 && !crypt_gensalt_rn(YESCRYPT, COST_DEFAULT, NULL, 0, setting, sizeof(setting)))
		r = errno > 0 ? -errno : -ENOSYS;
	if (r == 0) {
		hash = crypt_r(secret, setting, data);
		/* failure tokens begin with '*' (crypt(3)) */
		r = !hash || hash[0] == '*' ? -ENOSYS : 0;
	}
	if (r == 0) {
		*ret = strdup(hash);
		r = *ret ? 0 : -ENOMEM;
	}
	if (data)
		explicit_bzero(data, sizeof(*data));
	free(data);
	return r;
}

/* Length is what counts (NIST SP 800-63B, 3.1.1.2); no rules about kinds of characters. */
const char *password_refused(const char *secret, const char *name, uint64_t least)
{
	size_t size = strlen(secret);

	if (size < least)
		return "it is shorter than people.password-length of lazaret.yaml";
	if (size > PERSON_SECRET_MAX)
		return "it is longer than 511 bytes";
	for (const unsigned char *p = (const unsigned char *)secret; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			return "it has control characters, which cannot be typed at every prompt";
	if (strcasecmp(secret, name) == 0)
		return "it is the name";
	if (strspn(secret, (const char[]){ secret[0], '\0' }) == size)
		return "it is one character, again and again";
	return NULL;
}
