/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Attributes and ownership helpers shared by every role. */
#ifndef LAZARET_COMMON_MACROS_H
#define LAZARET_COMMON_MACROS_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _must_check_ __attribute__((warn_unused_result))
#define _printf_(f, a) __attribute__((format(printf, f, a)))
#define _noreturn_ __attribute__((noreturn))
#define _unused_ __attribute__((unused))
#define _cleanup_(fn) __attribute__((cleanup(fn)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* Hand a value over to the caller: the variable's cleanup then finds nothing to do. */
#define TAKE_PTR(p)                                                                                \
	({                                                                                         \
		__typeof__(p) taken_ = (p);                                                        \
		(p) = NULL;                                                                        \
		taken_;                                                                            \
	})
#define TAKE_FD(fd)                                                                                \
	({                                                                                         \
		int taken_ = (fd);                                                                 \
		(fd) = -EBADF;                                                                     \
		taken_;                                                                            \
	})

static inline void close_p(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd); /* nothing that was written through it is trusted without fsync */
	*fd = -EBADF;
}

static inline void free_p(void *p)
{
	free(*(void **)p);
	*(void **)p = NULL;
}

static inline void fclose_p(FILE **f)
{
	if (*f)
		(void)fclose(*f); /* writers call fflush and check before the handle goes out of scope */
	*f = NULL;
}

#define _cleanup_close_ _cleanup_(close_p)
#define _cleanup_free_ _cleanup_(free_p)
#define _cleanup_fclose_ _cleanup_(fclose_p)

#endif
