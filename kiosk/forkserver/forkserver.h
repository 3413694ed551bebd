/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A fork server: a parent that loads what is trusted, enters its sandbox and forks a child for each job that somebody asks for.
 * It meets no untrusted byte: no descriptor of a file is ever sent to it, so that nothing of one file is in another's child. What a
 * child meets is for the child alone, and ends with it.
 *
 * Children of one parent are alike in memory: addresses and stack canaries too (docs/trust.md).
 */
#ifndef LAZARET_FORKSERVER_FORKSERVER_H
#define LAZARET_FORKSERVER_FORKSERVER_H

#include <stdint.h>

#include "common/macros.h"
#include "ipc/channel.h"
#include "sandbox/role.h"

#define FORKSERVER_WHY_MAX 512 /* bytes of a message for people: what is wrong, where, what to do */

struct forkserver_role {
	enum role_id parent;	/* its `forks` is who the children are */
	unsigned long namespaces; /* CLONE_NEW*, of each child, for parents that keep CAP_SYS_ADMIN in their own; 0: the parent's */

	/* The START message (taken with channel_expect()), and whatever is to be loaded before the sandbox closes. Blocks for seconds.
	 * 0, or a negative errno with a sentence for people ("": the connection has gone). */
	int (*load)(void *context, struct channel *c, char ret_why[static FORKSERVER_WHY_MAX]);
	/* NULL: sandbox_enter(parent). */
	int (*enter)(void *context, const char **ret_where);
	/* The child's whole life, from before its own sandbox, with its channel on CHANNEL_FD; never returns. It dies when the parent
	 * does. `sandbox`: what READY says of it. */
	void (*child)(void *context, const char *sandbox);
};

/* main() of such a role: never returns but with an exit status. */
int forkserver_main(const struct forkserver_role *role, void *context);

#endif
