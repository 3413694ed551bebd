/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "examiner/examiner.h"

#include <sched.h>

struct parent {
	const struct examiner_role *role;
	void *context;
	struct examiner_settings settings;
};

static int load(void *context, struct channel *c, char ret_why[static FORKSERVER_WHY_MAX])
{
	struct parent *p = context;

	return p->role->load(p->context, c, &p->settings, ret_why);
}

static int enter(void *context, const char **ret_where)
{
	struct parent *p = context;

	return p->role->enter(p->context, ret_where);
}

static void work(void *context, const char *sandbox)
{
	struct parent *p = context;

	examiner_work(p->role, p->context, &p->settings, sandbox);
}

int examiner_main(const struct examiner_role *role, void *context)
{
	struct parent parent = { .role = role, .context = context };
	const struct forkserver_role server = { .parent = role->parent, .namespaces = CLONE_NEWPID | CLONE_NEWNS, .load = load,
						.enter = role->enter ? enter : NULL, .child = work };

	return forkserver_main(&server, &parent);
}
