/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Files of /proc and /sys, and what stands in them. The kernel writes them, but names in them (of modules, mounts, programs,
 * interfaces) are whatever somebody chose: a line that is not understood is an error, never passed over. */
#ifndef LAZARET_SELFCHECK_READ_H
#define LAZARET_SELFCHECK_READ_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"

#define READ_MAX (8u << 20) /* bytes of one file: tables of sockets and mounts of a busy machine */

/* All of DIR/NAME, with NUL; owned by the caller. Links are followed: /proc and /sys are made of them. 0 or a negative errno. */
_must_check_ int read_at(const char *dir, const char *name, char **ret, size_t *ret_size);

/* Its first line, cut to `size`, spaces at the end removed. */
_must_check_ int read_line(const char *dir, const char *name, char *ret, size_t size);

/* The value of `key=` on a kernel command line, the last one when there are several; "" for a key alone. False: it is not there.
 * Quotes keep spaces together (kernel-parameters.txt). */
bool cmdline_get(const char *text, const char *key, char *ret, size_t size);

/* -- /proc/self/mountinfo (proc_pid_mountinfo(5)) ------------------------------------------------------------------ */

struct mount {
	unsigned int major, minor;
	char point[1024]; /* decoded; longer ones are refused */
	char type[64];
	char options[512], super[1024]; /* of the mount, of the file system */
};

/* One line, without newline. 0 or -EBADMSG. */
_must_check_ int mount_parse(const char *line, size_t size, struct mount *ret);
/* Is `word` one of the comma-separated `options`? */
bool mount_has(const char *options, const char *word);

/* Call for each line of `text` until it returns other than 0, which is returned. */
_must_check_ int lines_each(const char *text, int (*each)(void *context, const char *line, size_t size), void *context);

/* -- /proc/net/{tcp,udp,raw}{,6} ------------------------------------------------------------------------------------- */

struct endpoint {
	bool is_v6;
	struct in6_addr address; /* of v4: the first four bytes */
	uint16_t port;		 /* of raw: the protocol */
	bool has_peer;
	unsigned int state;
};

/* One line but the first. 0 or -EBADMSG. */
_must_check_ int endpoint_parse(const char *line, size_t size, bool is_v6, struct endpoint *ret);
bool endpoint_is_loopback(const struct endpoint *e);

/* -- /proc/modules ---------------------------------------------------------------------------------------------------- */

/* The name, with '-' as '_'. 0 or -EBADMSG. */
_must_check_ int module_parse(const char *line, size_t size, char *ret, size_t ret_size);

/* -- /proc/PID/status ------------------------------------------------------------------------------------------------- */

struct process_status {
	char name[64];
	unsigned int euid;
	bool is_kernel; /* a thread of the kernel's: it has no memory */
};

_must_check_ int status_parse(const char *text, struct process_status *ret);

/* Does /proc/PID/stat say that it has a terminal? Its name, which comes first, may hold anything. 0, 1 or -EBADMSG. */
_must_check_ int stat_has_terminal(const char *text);

#endif
