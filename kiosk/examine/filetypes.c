/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The built-in list is an array of strings "0:0:1f8b:GZip:CL_TYPE_ANY:CL_TYPE_GZ" (libclamav/filetypes_int.h) in
 * the library's constants. It is trusted as the library is; runs before the sandbox.
 */
#include "examine/filetypes.h"

#include <ctype.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <string.h>
#include <clamav.h>

#include "common/fd.h"

#define LIBRARY_MAX (256u << 20) /* bytes; libclamav 1.4 has 9 MiB */
#define LINES_MIN 200		 /* 1.4.6 has 267: fewer means that the array was not found */
#define LINE_MAX_BYTES 400

#define FROM_TYPE ":CL_TYPE_IGNORED"
#define TO_TYPE ":CL_TYPE_BINARY_DATA"

/* Types without which unpacking would silently stop; the canaries try them too. */
static const char *const must_have[] = { ":CL_TYPE_ZIP", ":CL_TYPE_GZ", ":CL_TYPE_7Z", ":CL_TYPE_PDF", ":CL_TYPE_MSOLE2",
					 ":CL_TYPE_HTML", ":CL_TYPE_MSEXE", ":CL_TYPE_POSIX_TAR", FROM_TYPE };

struct output {
	char *text;
	size_t size, room;
	unsigned int lines;
	bool has[ARRAY_LEN(must_have)];
};

/* "N:", then printable up to a NUL, with a type at its end. */
static bool is_line(const char *s, size_t size)
{
	const char *type;

	if (size < 20 || size > LINE_MAX_BYTES || !strchr("014", s[0]) || s[1] != ':')
		return false;
	for (size_t i = 0; i < size; i++)
		if (!isprint((unsigned char)s[i]))
			return false;
	type = memmem(s, size, ":CL_TYPE_", 9);
	return type && memmem(type + 1, size - (size_t)(type + 1 - s), ":CL_TYPE_", 9);
}

static int add(struct output *o, const char *s, size_t size)
{
	if (o->size + size + 2 > o->room) {
		char *bigger = realloc(o->text, o->room * 2 + LINE_MAX_BYTES * 2);

		if (!bigger)
			return -ENOMEM;
		o->text = bigger;
		o->room = o->room * 2 + LINE_MAX_BYTES * 2;
	}
	memcpy(o->text + o->size, s, size);
	o->size += size;
	return 0;
}

static int add_line(struct output *o, const char *s, size_t size)
{
	const char *ignored = memmem(s, size, FROM_TYPE, strlen(FROM_TYPE));
	size_t head = ignored ? (size_t)(ignored - s) : size;
	int r = add(o, s, head);

	if (r == 0 && ignored)
		r = add(o, TO_TYPE, strlen(TO_TYPE));
	if (r == 0 && ignored)
		r = add(o, ignored + strlen(FROM_TYPE), size - head - strlen(FROM_TYPE));
	if (r == 0)
		r = add(o, "\n", 1);
	for (size_t i = 0; i < ARRAY_LEN(must_have); i++)
		o->has[i] |= memmem(s, size, must_have[i], strlen(must_have[i])) != NULL;
	o->lines++;
	return r;
}

static int collect(struct output *o, const char *library, size_t size)
{
	size_t at = 0;
	int r = 0;

	while (r == 0 && at < size) {
		size_t length = strnlen(library + at, size - at);

		if (is_line(library + at, length))
			r = add_line(o, library + at, length);
		at += length + 1;
	}
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(must_have); i++)
		if (!o->has[i])
			r = -ENOENT;
	return r == 0 && o->lines < LINES_MIN ? -ENOENT : r;
}

int filetypes_write(int dir_fd, const char *name, char ret_why[static WHY_MAX])
{
	_cleanup_free_ char *library = NULL;
	_cleanup_close_ int fd = -EBADF;
	struct output o = { 0 };
	Dl_info info;
	size_t size;
	int r = -ENOENT;

	if (dladdr((void *)(uintptr_t)cl_engine_new, &info) != 0 && info.dli_fname) {
		_cleanup_free_ char *path = realpath(info.dli_fname, NULL); /* the library's name is a link */

		r = path ? file_read(AT_FDCWD, path, LIBRARY_MAX, &library, &size) : -errno;
	}
	if (r == 0)
		r = collect(&o, library, size);
	if (r == 0) {
		fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
		r = fd < 0 ? -errno : fd_write_all(fd, o.text, o.size);
	}
	free(o.text);
	if (r < 0)
		(void)snprintf(ret_why, WHY_MAX,
			       "libclamav: its list of file types could not be taken over (%s); this version of the "
			       "library is not supported", strerror(-r));
	return r;
}
