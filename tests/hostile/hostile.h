/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A role that was taken over in the moment in which its sandbox closed: linked before the real one's main work (Makefile.inc), told what
 * to do by the file `hostile` beside the program. Nothing of it is in the product. */
#ifndef LAZARET_TESTS_HOSTILE_H
#define LAZARET_TESTS_HOSTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define HOSTILE_DESCRIPTORS 16

/* What there is to be attacked; read before the sandbox, while that is still possible. */
struct hostile_target {
	char role[32], act[32];
	char key[512];	      /* the station's manifest key */
	char control[512];    /* a listening Unix socket */
	char copies[512];     /* a file of the station that is not this role's */
	uint16_t port;	      /* a listening TCP socket on this machine */
	uint64_t memory_max;  /* of this role; 0: it has no limit */
	uint64_t files_max;
	pid_t victim;	      /* another process of the role's account, outside */
	int stray_fd;	      /* was open before the sandbox */
};
extern struct hostile_target target;

/* For a role that gets its root as a mount. NULL: it does not. */
extern int (*hostile_fresh_mount)(void);

struct hostile_attempt {
	const char *name;
	int (*try)(void); /* 0: it succeeded; else errno. Killed is better still. */
};
extern const struct hostile_attempt hostile_attempts[];
extern const size_t hostile_attempt_count;

/* What a role may try on a descriptor that it was given for reading: name, errno or 0. Those that a filter kills come last. */
struct hostile_write {
	const char *name;
	int (*try)(int fd);
};
extern const struct hostile_write hostile_writes[];
extern const size_t hostile_write_count;

/* A line into the file of results, which is mapped: no descriptor is needed for it. */
void hostile_tell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Everything outside of any sandbox; `copy_fd` is open for writing. Does not return. */
void hostile_control(int copy_fd);

/* `hostile`, beside the program; false: there is none. */
bool hostile_prepare(void);

#endif
