/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* libmagic on a buffer: no path, no helper programs (MAGIC_COMPRESS would fork). Loaded by the parent, called by
 * workers on untrusted bytes; limits bound what a crafted file can make it do.
 */
#include "examine/magic.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <magic.h>

#include "common/hash.h"

/* What libmagic writes between the results of MAGIC_CONTINUE (file/src/funcs.c). */
#define SEPARATOR "\\012- "

struct magic_engine {
	magic_t cookie;
};

static int set_limits(magic_t cookie)
{
	static const struct {
		int parameter;
		size_t value;
	} limits[] = {
		{ MAGIC_PARAM_INDIR_MAX, 30 },	    /* indirections; libmagic's default is 50 */
		{ MAGIC_PARAM_NAME_MAX, 50 },	    /* uses of named entries; default */
		{ MAGIC_PARAM_ELF_PHNUM_MAX, 128 },
		{ MAGIC_PARAM_ELF_SHNUM_MAX, 8192 },
		{ MAGIC_PARAM_ELF_NOTES_MAX, 256 },
		{ MAGIC_PARAM_REGEX_MAX, 8192 },
		{ MAGIC_PARAM_BYTES_MAX, MAGIC_BYTES_MAX },
	};

	for (size_t i = 0; i < ARRAY_LEN(limits); i++)
		if (magic_setparam(cookie, limits[i].parameter, &limits[i].value) < 0)
			return -EINVAL;
	return 0;
}

int magic_open_engine(struct magic_engine **ret, char ret_why[static WHY_MAX])
{
	struct magic_engine *m = calloc(1, sizeof(*m));

	if (m)
		m->cookie = magic_open(MAGIC_MIME_TYPE | MAGIC_CONTINUE | MAGIC_ERROR);
	if (!m || !m->cookie) {
		magic_free_engine(m);
		(void)snprintf(ret_why, WHY_MAX, "libmagic: out of memory");
		return -ENOMEM;
	}
	if (set_limits(m->cookie) < 0 || magic_load(m->cookie, NULL) < 0) {
		const char *error = magic_error(m->cookie);

		(void)snprintf(ret_why, WHY_MAX, "libmagic: %.300s (install the package libmagic-mgc again)",
			       error ? error : "its database could not be loaded");
		magic_free_engine(m);
		return -ENOENT;
	}
	*ret = m;
	return 0;
}

struct magic_engine *magic_free_engine(struct magic_engine *m)
{
	if (m && m->cookie)
		magic_close(m->cookie);
	free(m);
	return NULL;
}

/* 1: it is there; 0; or a negative errno. */
static int add_file(struct hash *h, const char *path, size_t length, const char *suffix)
{
	_cleanup_free_ char *name = NULL;
	_cleanup_close_ int fd = -EBADF;
	uint8_t sum[SHA256_LEN];
	struct stat st;
	int r;

	if (asprintf(&name, "%.*s%s", (int)length, path, suffix) < 0) {
		name = NULL;
		return -ENOMEM;
	}
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENODATA; /* a directory of sources: nobody ships them so */
	r = sha256_fd(fd, sum, NULL);
	if (r == 0)
		r = hash_update(h, sum, sizeof(sum));
	return r < 0 ? r : 1;
}

/* What magic_load(NULL) has taken (libmagic(3)): of each path what is compiled, or else the source. */
int magic_engine_sum(uint8_t ret[static SHA256_LEN])
{
	const char *path = magic_getpath(NULL, 0);
	struct hash *h = hash_new();
	int r = h && path ? 0 : -ENOMEM;

	while (r == 0 && *path) {
		size_t length = strcspn(path, ":");

		r = add_file(h, path, length, ".mgc");
		if (r == 0)
			r = add_file(h, path, length, "");
		r = MIN(r, 0);
		path += length + (path[length] == ':');
	}
	if (r == 0)
		r = hash_final(h, ret);
	hash_free(h);
	return r;
}

const char *magic_engine_version(void)
{
	static char text[16];

	(void)snprintf(text, sizeof(text), "%d.%02d", magic_version() / 100, magic_version() % 100);
	return text;
}

/* "application/pdf\012- text/plain" or with a real newline, depending on the flags. */
static int split(const char *answer, struct types *ret)
{
	while (*answer) {
		const char *escaped = strstr(answer, SEPARATOR), *plain = strstr(answer, "\n- ");
		const char *end = !plain || (escaped && escaped < plain) ? escaped : plain;
		size_t length = end ? (size_t)(end - answer) : strlen(answer);
		int r = types_add(ret, answer, length);

		if (r < 0)
			return r;
		if (!end)
			break;
		answer = end + (end == escaped ? strlen(SEPARATOR) : 3);
	}
	return ret->count > 0 ? 0 : -EBADMSG;
}

int magic_types(struct magic_engine *m, const uint8_t *data, size_t size, const struct containers *c,
		struct types *ret)
{
	const char *answer = magic_buffer(m->cookie, data, MIN(size, (size_t)MAGIC_BYTES_MAX));
	int r;

	ret->count = 0;
	if (!answer)
		return -EBADMSG;
	r = split(answer, ret);
	return r < 0 ? r : types_refine(ret, data, size, c);
}
