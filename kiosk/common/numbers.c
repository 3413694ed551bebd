/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "common/numbers.h"

int numbers_add(struct numbers *n, uint64_t number)
{
	if (n->count == n->room) {
		size_t more = MAX((size_t)64, n->room * 2);
		uint64_t *list = reallocarray(n->list, more, sizeof(*list));

		if (!list)
			return -ENOMEM;
		n->list = list;
		n->room = more;
	}
	n->list[n->count++] = number;
	return 0;
}

void numbers_done(struct numbers *n)
{
	free(n->list);
	*n = (struct numbers){ 0 };
}
