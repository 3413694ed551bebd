/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "judge/roll_up.h"

#include <string.h>

/* Does this reason, of the file or of a container in it, say the same of what is at `path`? A package without a signature need
 * not be told once more for each of its files. */
static bool says_it(const struct judgement_reason *r, const char *path)
{
	size_t len = r->member ? strlen(r->member) : 0;

	return !r->member || (strncmp(path, r->member, len) == 0 && path[len] == '/');
}

static bool is_named_enough(const struct judgement *file, const struct judgement_reason *x, const char *path)
{
	size_t n = 0;

	for (size_t i = 0; i < file->reason_count; i++) {
		const struct judgement_reason *r = &file->reasons[i];

		if (r->reason != x->reason || r->verdict < x->verdict)
			continue;
		if (says_it(r, path))
			return true;
		n += r->member != NULL;
	}
	return n >= ROLL_UP_NAMED;
}

static int insert(struct judgement *file, const struct judgement_reason *x, const char *path)
{
	_cleanup_free_ char *member = NULL, *detail = strdup(x->detail);
	struct judgement_reason *list;
	size_t at = 0;

	if (!detail || asprintf(&member, "%s%s%s", path, x->member ? "/" : "", x->member ? x->member : "") < 0) {
		member = NULL;
		return -ENOMEM;
	}
	list = reallocarray(file->reasons, file->reason_count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	file->reasons = list;
	while (at < file->reason_count && list[at].verdict >= x->verdict)
		at++;
	memmove(list + at + 1, list + at, (file->reason_count - at) * sizeof(*list));
	list[at] = (struct judgement_reason){ x->reason, x->verdict, TAKE_PTR(detail), TAKE_PTR(member) };
	file->reason_count++;
	return 0;
}

int judge_roll_up(struct judgement *file, const struct judgement *member, const char *path)
{
	file->verdict = MAX(file->verdict, member->verdict);
	for (size_t i = 0; i < member->reason_count; i++) {
		const struct judgement_reason *x = &member->reasons[i];
		int r = is_named_enough(file, x, path) ? 0 : insert(file, x, path);

		if (r < 0)
			return r;
	}
	return 0;
}
