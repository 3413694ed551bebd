/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "common/program.h"

#include <string.h>

int program_dir(char ret[static PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", ret, PATH_MAX - 1);
	char *slash;

	if (n < 0)
		return -errno;
	ret[n] = '\0';
	slash = strrchr(ret, '/');
	if (!slash)
		return -ENOENT;
	*slash = '\0';
	return 0;
}

static bool try(const char *dir, const char *relative, const char *name, char ret[static PATH_MAX])
{
	int n = snprintf(ret, PATH_MAX, "%s%s/%s", dir, relative, name);

	return n > 0 && n < PATH_MAX && access(ret, X_OK) == 0;
}

int program_find(const char *name, char ret[static PATH_MAX])
{
	static const char *const nearby[] = { "", "/../libexec/lazaret", "/../sbin" };
	char dir[PATH_MAX];

	if (program_dir(dir) == 0)
		for (size_t i = 0; i < ARRAY_LEN(nearby); i++)
			if (try(dir, nearby[i], name, ret))
				return 0;
	return try(LAZARET_SBINDIR, "", name, ret) || try(LAZARET_LIBEXECDIR, "", name, ret) ? 0 : -ENOENT;
}
