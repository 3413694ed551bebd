/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Lists that grow with what hostile files hold: each has a limit (limits.h). Runs in a worker. */
#include "examine/tally.h"

#include <string.h>

#include "examine/limits.h"

static int grow(void *list_p, size_t *room, size_t count, size_t item)
{
	void **list = list_p, *bigger;
	size_t more = MAX((size_t)16, *room * 2);

	if (count < *room)
		return 0;
	bigger = reallocarray(*list, more, item);
	if (!bigger)
		return -ENOMEM;
	*list = bigger;
	*room = more;
	return 0;
}

static bool is_same(const struct owed *o, const uint8_t *sum, const char *member)
{
	return memcmp(o->sum, sum, SHA256_LEN) == 0 && strcmp(o->member ? o->member : "", member ? member : "") == 0;
}

/* A layer's own stand together but for what its children owe in between: the look goes no further back than a full layer
 * of each depth, so that a file of 100000 is not quadratic. */
static bool is_listed(const struct tally *t, const uint8_t *sum, const char *member)
{
	size_t of_layer = 0;

	for (size_t i = t->owed_count; i > 0 && t->owed_count - i < (size_t)OWED_LAYER_MAX * SCAN_DEPTH_MAX; i--) {
		if (is_same(&t->owed[i - 1], sum, member))
			return true;
		of_layer += memcmp(t->owed[i - 1].sum, sum, SHA256_LEN) == 0;
	}
	return of_layer >= OWED_LAYER_MAX;
}

int tally_owe(struct tally *t, const uint8_t sum[static SHA256_LEN], const char *member, const char *detail)
{
	struct owed *o;

	if (is_listed(t, sum, member))
		return 0;
	if (t->owed_count == OWED_MAX) {
		t->is_owed_full = true;
		return 0;
	}
	if (grow(&t->owed, &t->owed_room, t->owed_count, sizeof(*t->owed)) < 0)
		return -ENOMEM;
	o = &t->owed[t->owed_count];
	memcpy(o->sum, sum, SHA256_LEN);
	o->detail = strdup(detail);
	o->member = member ? strdup(member) : NULL;
	if (!o->detail || (member && !o->member)) {
		free(o->detail);
		free(o->member);
		return -ENOMEM;
	}
	t->owed_count++;
	return 0;
}

int tally_inspected(struct tally *t, const uint8_t sum[static SHA256_LEN])
{
	if (t->inspected_count == INSPECTED_MAX)
		return 0;
	if (grow(&t->inspected, &t->inspected_room, t->inspected_count, SHA256_LEN) < 0)
		return -ENOMEM;
	memcpy(t->inspected[t->inspected_count++], sum, SHA256_LEN);
	return 0;
}

void tally_forget_inspected(struct tally *t)
{
	free(t->inspected);
	t->inspected = NULL;
	t->inspected_count = t->inspected_room = 0;
}

void tally_done(struct tally *t)
{
	for (size_t i = 0; i < t->owed_count; i++) {
		free(t->owed[i].detail);
		free(t->owed[i].member);
	}
	free(t->owed);
	tally_forget_inspected(t);
	memset(t, 0, sizeof(*t));
}
