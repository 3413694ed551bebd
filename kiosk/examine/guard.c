/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Symbol interposition in this executable: the dynamic linker resolves libclamav's imports to the executable
 * first. The C names carry the symbol as assembler label, so that neither large-file redirection nor
 * fortified headers get in the way.
 *
 * What trips: any failure of calls that make or fill something (a normal scan has none), and of the others
 * those that mean exhaustion or refusal. Normal and ignored: ENOENT, ENOTEMPTY, EINTR, short reads at the end.
 */
#include "examine/guard.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>

static struct {
	bool is_armed;
	const char *call;
	int error;
	unsigned long calls;
} guard;

static void trip(const char *call, int error)
{
	if (guard.is_armed && !guard.call) {
		guard.call = call;
		guard.error = error;
	}
}

static bool is_exhaustion(int error)
{
	switch (error) {
	case ENOSPC: case EMFILE: case ENFILE: case EACCES: case EPERM: case EROFS: case EDQUOT: case EIO:
	case ENOMEM: case EFBIG: case EEXIST: case EOVERFLOW: case ENODEV: case ESTALE:
		return true;
	default:
		return false;
	}
}

/* Keeps errno as the callee left it. */
static void check(bool has_failed, bool makes_something, const char *call)
{
	int error = errno;

	guard.calls++;
	if (has_failed && (makes_something || is_exhaustion(error)))
		trip(call, error);
	errno = error;
}

/* Real function behind `name`; without it nothing could be done, not even told. */
static void *real(const char *name)
{
	void *f = dlsym(RTLD_NEXT, name);

	if (!f)
		abort();
	return f;
}

#define REAL(name)                                                                                 \
	({                                                                                         \
		static __typeof__(&guard_##name) f_;                                               \
		if (!f_)                                                                           \
			f_ = (__typeof__(&guard_##name))real(#name);                               \
		f_;                                                                                \
	})

/* The declaration carries the symbol's name, the definition follows. */
#define GUARDED(type, name, ...)                                                                   \
	type guard_##name(__VA_ARGS__) __asm__(#name) __attribute__((visibility("default"), noinline)); \
	type guard_##name(__VA_ARGS__)

/* A call without variable arguments: `failed` is an expression over `r`. */
#define GUARDED_CALL(type, name, failed, makes, params, ...)                                       \
	GUARDED(type, name, UNPACK params)                                                         \
	{                                                                                          \
		type r = REAL(name)(__VA_ARGS__);                                                  \
                                                                                                   \
		check(failed, makes, #name);                                                       \
		return r;                                                                          \
	}
#define UNPACK(...) __VA_ARGS__

/* -- making and opening ---------------------------------------------------------------------------------- */

#define GUARDED_OPEN(name)                                                                         \
	GUARDED(int, name, const char *path, int flags, ...)                                       \
	{                                                                                          \
		mode_t mode = 0;                                                                   \
		va_list ap;                                                                        \
		int r;                                                                             \
                                                                                                   \
		va_start(ap, flags);                                                               \
		if (flags & (O_CREAT | O_TMPFILE))                                                 \
			mode = va_arg(ap, mode_t);                                                 \
		va_end(ap);                                                                        \
		r = REAL(name)(path, flags, mode);                                                 \
		check(r < 0, flags & O_CREAT, #name);                                              \
		return r;                                                                          \
	}
#define GUARDED_OPENAT(name)                                                                       \
	GUARDED(int, name, int dir_fd, const char *path, int flags, ...)                           \
	{                                                                                          \
		mode_t mode = 0;                                                                   \
		va_list ap;                                                                        \
		int r;                                                                             \
                                                                                                   \
		va_start(ap, flags);                                                               \
		if (flags & (O_CREAT | O_TMPFILE))                                                 \
			mode = va_arg(ap, mode_t);                                                 \
		va_end(ap);                                                                        \
		r = REAL(name)(dir_fd, path, flags, mode);                                         \
		check(r < 0, flags & O_CREAT, #name);                                              \
		return r;                                                                          \
	}
GUARDED_OPEN(open)
GUARDED_OPEN(open64)
GUARDED_OPENAT(openat)
GUARDED_OPENAT(openat64)

GUARDED_CALL(FILE *, fopen, !r, *mode != 'r', (const char *path, const char *mode), path, mode)
GUARDED_CALL(FILE *, fopen64, !r, *mode != 'r', (const char *path, const char *mode), path, mode)
GUARDED_CALL(FILE *, fdopen, !r, true, (int fd, const char *mode), fd, mode)
GUARDED_CALL(DIR *, opendir, !r, false, (const char *path), path)
GUARDED_CALL(DIR *, fdopendir, !r, true, (int fd), fd)
GUARDED_CALL(int, mkdir, r < 0, true, (const char *path, mode_t mode), path, mode)
GUARDED_CALL(int, rename, r < 0, true, (const char *from, const char *to), from, to)
GUARDED_CALL(int, dup, r < 0, true, (int fd), fd)
GUARDED_CALL(int, dup2, r < 0, true, (int from, int to), from, to)

/* Removing: "not there" and "not empty" are normal. */
GUARDED_CALL(int, unlink, r < 0, false, (const char *path), path)
GUARDED_CALL(int, rmdir, r < 0 && errno != ENOTEMPTY && errno != EEXIST, false, (const char *path), path)

/* Duplicates and locks by fcntl have an argument of word size at most. */
#define GUARDED_FCNTL(name)                                                                        \
	GUARDED(int, name, int fd, int command, ...)                                               \
	{                                                                                          \
		va_list ap;                                                                        \
		void *argument;                                                                    \
		int r;                                                                             \
                                                                                                   \
		va_start(ap, command);                                                             \
		argument = va_arg(ap, void *);                                                     \
		va_end(ap);                                                                        \
		r = REAL(name)(fd, command, argument);                                             \
		check(r < 0, command == F_DUPFD || command == F_DUPFD_CLOEXEC, #name);             \
		return r;                                                                          \
	}
GUARDED_FCNTL(fcntl)
GUARDED_FCNTL(fcntl64)

/* -- writing: a short write is a failure ------------------------------------------------------------------- */

GUARDED_CALL(ssize_t, write, r != (ssize_t)size && !(r < 0 && errno == EINTR), true,
	     (int fd, const void *data, size_t size), fd, data, size)
GUARDED_CALL(ssize_t, writev, r < 0 && errno != EINTR, true,
	     (int fd, const struct iovec *iov, int count), fd, iov, count)
GUARDED_CALL(ssize_t, pwritev, r < 0 && errno != EINTR, true,
	     (int fd, const struct iovec *iov, int count, off64_t at), fd, iov, count, at)
GUARDED_CALL(ssize_t, pwrite64, r != (ssize_t)size && !(r < 0 && errno == EINTR), true,
	     (int fd, const void *data, size_t size, off64_t at), fd, data, size, at)
GUARDED_CALL(int, ftruncate64, r < 0, true, (int fd, off64_t size), fd, size)
GUARDED_CALL(size_t, fwrite, r != count, size > 0,
	     (const void *data, size_t size, size_t count, FILE *f), data, size, count, f)
GUARDED_CALL(int, fputs, r == EOF, true, (const char *text, FILE *f), text, f)
GUARDED_CALL(int, fputc, r == EOF, true, (int c, FILE *f), c, f)
GUARDED_CALL(int, fflush, r == EOF, true, (FILE *f), f)
GUARDED_CALL(int, fclose, r == EOF, true, (FILE *f), f)
GUARDED_CALL(int, fsync, r < 0, true, (int fd), fd)
GUARDED_CALL(int, fdatasync, r < 0, true, (int fd), fd)

/* -- reading ------------------------------------------------------------------------------------------------ */

GUARDED_CALL(ssize_t, read, r < 0 && errno != EINTR, false, (int fd, void *data, size_t size), fd, data, size)
GUARDED_CALL(ssize_t, readv, r < 0 && errno != EINTR, false, (int fd, const struct iovec *iov, int count),
	     fd, iov, count)
GUARDED_CALL(ssize_t, pread64, r < 0 && errno != EINTR, false,
	     (int fd, void *data, size_t size, off64_t at), fd, data, size, at)
GUARDED_CALL(ssize_t, preadv, r < 0 && errno != EINTR, false,
	     (int fd, const struct iovec *iov, int count, off64_t at), fd, iov, count, at)
GUARDED_CALL(size_t, fread, r != count && ferror(f), true,
	     (void *data, size_t size, size_t count, FILE *f), data, size, count, f)
GUARDED_CALL(off64_t, lseek64, r < 0, false, (int fd, off64_t at, int whence), fd, at, whence)
GUARDED_CALL(int, fseek, r < 0, false, (FILE *f, long at, int whence), f, at, whence)
GUARDED_CALL(int, fstat64, r < 0, false, (int fd, struct stat64 *st), fd, st)

/* Mapping fails for want of memory or address space only; libclamav answers with "clean". */
GUARDED_CALL(void *, mmap64, r == MAP_FAILED, true,
	     (void *at, size_t size, int protection, int flags, int fd, off64_t offset), at, size, protection,
	     flags, fd, offset)
GUARDED_CALL(int, mprotect, r < 0, true, (void *at, size_t size, int protection), at, size, protection)

static const char *const symbols[] = {
	"open", "open64", "openat", "openat64", "fopen", "fopen64", "fdopen", "opendir", "fdopendir", "mkdir",
	"rename", "dup", "dup2", "unlink", "rmdir", "fcntl", "fcntl64", "write", "writev", "pwritev", "pwrite64",
	"ftruncate64", "fwrite", "fputs", "fputc", "fflush", "fclose", "fsync", "fdatasync", "read", "readv",
	"pread64", "preadv", "fread", "lseek64", "fseek", "fstat64", "mmap64", "mprotect", NULL,
};

const char *const *guard_symbols(void)
{
	return symbols;
}

void guard_arm(void)
{
	guard.call = NULL;
	guard.error = 0;
	guard.calls = 0;
	guard.is_armed = true;
}

bool guard_disarm(const char **ret_call, int *ret_errno)
{
	guard.is_armed = false;
	*ret_call = guard.call;
	*ret_errno = guard.error;
	return guard.call != NULL;
}

unsigned long guard_calls(void)
{
	return guard.calls;
}
