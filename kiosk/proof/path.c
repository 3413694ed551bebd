/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "proof/path.h"

#include <string.h>

const char *listed_path_normalise(char *path, size_t *size)
{
	size_t out = 0;

	if (*size > 0 && path[0] == '/')
		return "an absolute name";
	for (size_t i = 0; i < *size;) {
		const char *slash = memchr(path + i, '/', *size - i);
		size_t len = slash ? (size_t)(slash - path) - i : *size - i;

		if (len == 2 && path[i] == '.' && path[i + 1] == '.')
			return "a name that leads out of the list's directory";
		if (len > 0 && !(len == 1 && path[i] == '.')) {
			if (out > 0)
				path[out++] = '/';
			memmove(path + out, path + i, len);
			out += len;
		}
		i += len + 1;
	}
	if (out == 0)
		return "an empty name";
	path[out] = '\0';
	*size = out;
	return NULL;
}
