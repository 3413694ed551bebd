/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Runs as ROLE_DRIVER. It only grows, up to NODES_MAX: a loop of directories ends there at the latest. */
#include "intake/nodes.h"

#include <string.h>
#include <sys/stat.h>

#include "intake/limits.h"

static int add(struct nodes *n, const struct node *node)
{
	if (n->count >= NODES_MAX)
		return -EFBIG;
	if (n->count == n->capacity) {
		size_t capacity = MAX(n->capacity * 2, 256u);
		struct node *list = reallocarray(n->list, capacity, sizeof(*list));

		if (!list)
			return -ENOMEM;
		n->list = list;
		n->capacity = capacity;
	}
	n->list[n->count++] = *node;
	return 0;
}

int nodes_init(struct nodes *n, void *root_thing)
{
	*n = (struct nodes){ 0 };
	return add(n, &(struct node){ .parent = 1, .type = S_IFDIR, .thing = root_thing });
}

struct node *nodes_get(struct nodes *n, uint64_t node)
{
	return node >= 1 && node <= n->count ? &n->list[node - 1] : NULL;
}

int nodes_add(struct nodes *n, uint64_t parent, const char *name, unsigned int type, void *thing)
{
	struct node child = { .parent = parent, .type = (uint16_t)type, .name = strdup(name), .thing = thing };
	struct node *p;
	int r = child.name ? add(n, &child) : -ENOMEM;

	if (r < 0) {
		free(child.name);
		return r;
	}
	p = nodes_get(n, parent);
	if (p->child_count++ == 0)
		p->first_child = n->count;
	return 0;
}

int nodes_list(struct nodes *n, uint64_t parent, struct listing *ret)
{
	const struct node *p = nodes_get(n, parent);

	if (!p || p->error < 0)
		return p ? p->error : -EIO;
	for (uint32_t i = 0; i < p->child_count; i++) {
		const struct node *c = nodes_get(n, p->first_child + i);
		int r = listing_add(ret, c->name, strlen(c->name), p->first_child + i, c->type);

		if (r < 0)
			return r;
	}
	return 0;
}
