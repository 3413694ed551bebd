/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The layers of the sandbox, for sandbox.c only. Each returns 0 or a negative errno. */
#ifndef LAZARET_SANDBOX_LAYERS_H
#define LAZARET_SANDBOX_LAYERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/macros.h"
#include "sandbox/role.h"

/* Landlock ABI of the running kernel; negative errno when there is none. ABI 2 (Linux 5.19) is required:
 * without it a rename between directories cannot be permitted. */
#define LANDLOCK_ABI_MIN 2
#define LANDLOCK_ABI_TCP 4 /* rules about TCP ports (Linux 6.7) */
_must_check_ int landlock_abi(void);

/* Restrict this process to `access` beneath those of `fds` that are directories (and beneath `path` if given),
 * and to nothing else; no TCP, no abstract sockets and no signals to others where the ABI has it. */
_must_check_ int landlock_enter(enum role_access access, const int *fds, size_t fd_count,
				const char *path);

/* As above for PRIVILEGE_DEVICES (reading beneath /sys and /run/udev) or PRIVILEGE_GUARD (besides, writing to files
 * that exist beneath /sys/devices and /sys/bus/usb). */
_must_check_ int landlock_enter_sysfs(bool writes);

/* As above for PRIVILEGE_SYSTEM: reading everywhere, writing to devices that exist. */
_must_check_ int landlock_enter_system(void);

/* As above for PRIVILEGE_NETWORK: reading beneath `read_fds` and its own root, writing beneath `write_fd`, connecting to TCP port
 * `port` (0: to none) where the ABI has that; where it has not, to any. */
_must_check_ int landlock_enter_network(const int *read_fds, size_t read_count, int write_fd, uint16_t port);

/* Install the filter of `groups`; anything else kills the process. Needs no_new_privs. */
_must_check_ int seccomp_enter(unsigned int groups);

/* Own user, mount, network, IPC, UTS and cgroup namespaces. Only `uid` and `gid` are mapped (onto themselves); with
 * `maps_all`, when started by root, every id is: a capability over files reaches only those whose owner is mapped. */
_must_check_ int namespaces_enter(uid_t uid, gid_t gid, bool maps_all);

/* As above without a user namespace: intake started by root. */
_must_check_ int namespaces_enter_privileged(void);

/* As namespaces_enter() with every id mapped, in the network of whoever started the program. */
_must_check_ int namespaces_enter_networked(uid_t uid, gid_t gid);

/* A read-only root that holds what `n` names and nothing else. `socket_fd`: a detached mount of its directory, opened as whoever
 * started the station; -EBADF: none. */
struct sandbox_network;
_must_check_ int root_enter_network(const struct sandbox_network *n, int socket_fd);

/* An empty, read-only tmpfs becomes the root; with `has_tmp`, holding an empty directory /tmp. */
_must_check_ int root_enter_empty(bool has_tmp);

/* Before namespaces_enter(), as root: a mount namespace in which /tmp holds a root of /sys alone and, read-only as
 * /sys then is, /run/udev where there is one; or of /sys alone with `writes`. root_enter_sysfs(), after it, goes there. */
_must_check_ int root_prepare_sysfs(bool writes);
_must_check_ int root_enter_sysfs(void);

/* A root for a program that is not ours, in two steps: what is bound is opened as whoever started the station, after
 * namespaces_enter(); the root is made and entered as the role's account. Close the descriptors afterwards. */
struct program_trees {
	int libraries, libraries64, null, directory, interpreter; /* detached mounts; -EBADF: not there */
};
struct sandbox_program;
_must_check_ int program_open_trees(const struct sandbox_program *p, struct program_trees *ret);
_must_check_ int root_enter_program(const struct sandbox_program *p, struct program_trees *trees);
void program_trees_done(struct program_trees *trees);

/* The detached mount `mount_fd` (borrowed) becomes the root, with the attributes that it has. */
_must_check_ int root_enter_mount(int mount_fd);

/* A fresh tmpfs on /tmp, which becomes the working directory. */
_must_check_ int root_mount_tmp(unsigned long long size_bytes);

#endif
