/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Children of intake: started without the supervisor's channel, told apart by pidfd, given a deadline, dead when
 * intake dies. What one says arrives as one packet on a socket of its own. */
#ifndef LAZARET_INTAKE_CHILD_H
#define LAZARET_INTAKE_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/macros.h"

struct child {
	pid_t pid;  /* 0: none */
	int pid_fd; /* owned */
	int sock;   /* owned; SOCK_SEQPACKET */
};

#define CHILD_NONE ((struct child){ .pid = 0, .pid_fd = -EBADF, .sock = -EBADF })

/* Fork and run `run(arg, sock)` in the child; `sock` is its end, the return value (0 or negative errno) becomes its
 * exit status. `namespaces`: CLONE_NEW* flags or 0; CLONE_NEWPID makes the child the first process there. The child gets
 * SIGKILL when the calling thread dies (to be renewed with child_bind_life() after a change of account, which
 * clears it). `arg` is borrowed, used in the child only. Returns 0 or a negative errno. */
_must_check_ int child_start(struct child *ret, uint64_t namespaces, int (*run)(void *arg, int sock),
			     void *arg);

/* In a child: die with the parent. */
_must_check_ int child_bind_life(void);

/* In a child: send one packet, with `fd` unless that is negative. */
_must_check_ int child_send(int sock, const void *data, size_t size, int fd);

/* Wait for the child's packet. `ret_fd` may be NULL; it is set to -EBADF when none came.
 * Returns 0; -ETIMEDOUT; -ECHILD when it ended without a word; or another negative errno. */
_must_check_ int child_receive(struct child *c, int timeout_ms, void *data, size_t size, size_t *ret_size,
			       int *ret_fd);

/* Milliseconds of the monotonic clock, for deadlines. */
int64_t child_clock_ms(void);

/* Has it ended? Does not block. */
_must_check_ bool child_has_ended(const struct child *c);

/* Kill it if it lives, reap it, close the descriptors; a zeroed or CHILD_NONE child is fine. A child stuck in the
 * kernel (a dying device) is given up after a moment: it cannot be waited for, and it dies when the kernel lets it. */
void child_end(struct child *c);

#endif
