/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "station/path.h"

#include <limits.h>
#include <string.h>

#include "common/macros.h"
#include "common/program.h"
#include "station/config.h"

char *path_resolve(const char *dir, const char *path)
{
	char *ret = NULL;

	if (path[0] == '/')
		return strdup(path);
	return asprintf(&ret, "%s%s%s", dir, *path ? "/" : "", path) < 0 ? NULL : ret;
}

static int try_dir(const char *base, const char *relative, char **ret)
{
	_cleanup_free_ char *joined = NULL, *probe = NULL;

	if (asprintf(&joined, "%s/%s", base, relative) < 0) {
		joined = NULL;
		return -ENOMEM;
	}
	if (asprintf(&probe, "%s/types/groups.yaml", joined) < 0) {
		probe = NULL;
		return -ENOMEM;
	}
	if (access(probe, R_OK) < 0)
		return -ENOENT;
	*ret = realpath(joined, NULL);
	return *ret ? 0 : -errno;
}

int station_data_dir(char **ret)
{
	/* PREFIX/bin beside PREFIX/share; then BUILD/bin or BUILD/tests in the source tree. */
	static const char *const places[] = { "../share/lazaret/rules", "../../rules" };
	char dir[PATH_MAX];
	int r = program_dir(dir);

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(places); i++) {
		int found = try_dir(dir, places[i], ret);

		if (found != -ENOENT)
			return found;
	}
	return try_dir(LAZARET_DATADIR, "rules", ret);
}
