/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The only place that drops anything. A role calls sandbox_enter() once, after trusted loading and its START
 * message (from the supervisor, which is trusted: it brings the descriptors that Landlock rules are made of), and
 * before it reads an untrusted byte.
 *
 * Order: stray descriptors, user + mount + net + IPC + UTS + cgroup namespaces, groups, gid, uid, empty
 * root (as the account: tmpfs refuses inodes of an unmapped owner), bounding set, capabilities, no_new_privs, rlimits, Landlock, seccomp (kill process). Whatever of this the kernel
 * lacks makes it return an error, and the role must not go on. A process that was to die with its parent (PR_SET_PDEATHSIG) still is.
 */
#ifndef LAZARET_SANDBOX_SANDBOX_H
#define LAZARET_SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "common/macros.h"
#include "sandbox/role.h"

/* A role of PRIVILEGE_MAP gets its root from its parent: a detached, read-only mount, `keep_fds[0]`.
 *
 * Enter the sandbox of `role`. `keep_fds` (borrowed, any order): the descriptors that stay open besides 0-2 and
 * CHANNEL_FD; the directories among them are what the role may reach. Returns 0 or a negative errno with
 * `*ret_where` set to a static string that names the layer. After an error the process must exit. */
_must_check_ int sandbox_enter(enum role_id role, const int *keep_fds, size_t keep_count,
			       const char **ret_where);

/* A program that is not ours, of a role of PRIVILEGE_PROGRAM. All borrowed. */
struct sandbox_program {
	const char *directory;	 /* absolute; the program sees it, read-only, as SANDBOX_PROGRAM_DIR */
	const char *name;	 /* its file there, one component: in its place stands what `image_fd` holds */
	int image_fd;		 /* the program, checked; read from offset 0 */
	uint64_t image_size;
	const char *interpreter; /* of a script: an absolute path in /usr/bin or /bin; NULL: it is none */
};
#define SANDBOX_PROGRAM_DIR "/plugin"

/* sandbox_enter() for such a role. Its root holds the program's directory, the C library and what is beside it (/usr/lib,
 * /usr/lib64), the interpreter, /dev/null and an empty /tmp, all read-only; nothing else of the station's files. Workers
 * (sandbox_enter_worker()) may run what is in it. */
_must_check_ int sandbox_enter_program(enum role_id role, const struct sandbox_program *program, const char **ret_where);

/* What a role of PRIVILEGE_NETWORK may reach: one Unix socket, and then no network at all, or one TCP port. All borrowed. */
struct sandbox_network {
	const int *read_fds; /* directories that it reads */
	size_t read_count;
	int write_fd;		  /* the one that it writes in */
	const char *socket_dir;	  /* absolute; seen as SANDBOX_SOCKET_DIR. NULL: TCP */
	uint16_t port;		  /* TCP */
	const void *ca;		  /* the certificates that the other side is verified with; seen as SANDBOX_CA_FILE; NULL: none */
	size_t ca_size;
};
#define SANDBOX_SOCKET_DIR "/socket"
#define SANDBOX_CA_FILE	   "/ca.pem"
#define SANDBOX_CA_MAX	   (256u << 10) /* bytes */

/* sandbox_enter() for such a role; other descriptors are closed. What Landlock cannot name (an address) is for the service
 * manager to refuse (IPAddressAllow=). */
_must_check_ int sandbox_enter_network(enum role_id role, const struct sandbox_network *n, const char **ret_where);

/* What of the network is left to such a role on this kernel, in words. Static. */
const char *sandbox_describe_network(bool is_tcp);

/* The program's path in that root. The system-call filter lets execve(2) take this very pointer and no other: the program
 * itself, in whose memory something else stands there, starts no further one. Static; "" before sandbox_enter_program(). */
const char *sandbox_program_path(void);

/* For a child that the examine parent made with clone(CLONE_NEWPID | CLONE_NEWNS): a fresh private tmpfs of
 * `tmpfs_bytes` on /tmp, which becomes the working directory and the only place it can write; no capabilities,
 * Landlock and seccomp of `role`. Descriptors other than 0-2, CHANNEL_FD and `keep_fds` are closed. */
_must_check_ int sandbox_enter_worker(enum role_id role, uint64_t tmpfs_bytes, const int *keep_fds,
				      size_t keep_count, const char **ret_where);

/* For a child forked by a role of no privilege that is in its sandbox (kiosk/forkserver): it keeps all of that, and gets the limits and
 * the narrower system-call filter of its own `role`. Descriptors other than 0-2 and CHANNEL_FD are closed. */
_must_check_ int sandbox_enter_child(enum role_id role, const char **ret_where);

/* Give the file or directory behind `fd` (borrowed) to the account of `role` when started by root; otherwise nothing is
 * to be done. For what a role writes into. Returns 0 or a negative errno (-ESRCH: there is no such account). */
_must_check_ int sandbox_own(enum role_id role, int fd);

/* The layers in one line, for status and report: "accounts+namespaces+landlock7+seccomp" when started by root,
 * "one-account+namespaces+landlock7+seccomp" otherwise. Static. */
const char *sandbox_describe(void);

/* Can this kernel and system give every layer (and every account, when root)? Tried in a child. Returns 0, or a
 * negative errno with the missing layer in `*ret_where` (static). */
_must_check_ int sandbox_probe(const char **ret_where);

#endif
