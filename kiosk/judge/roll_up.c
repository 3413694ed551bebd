/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "judge/roll_up.h"

#include <string.h>

/* What a rule says of a whole, as opposed to what was found in a place. */
static bool is_rules_word(enum reason reason)
{
	return reason == REASON_UNSIGNED || reason == REASON_TYPE_DENIED || reason == REASON_TYPE_UNKNOWN || reason == REASON_NO_RULE;
}

static bool is_beneath(const char *path, const char *container, size_t container_len)
{
	return strncmp(path, container, container_len) == 0 && path[container_len] == '/';
}

static bool is_said(const struct roll_up *u, const struct judgement *file, const struct judgement_reason *x, const char *path)
{
	if (!is_rules_word(x->reason))
		return false;
	for (size_t i = 0; i < file->reason_count; i++)
		if (file->reasons[i].reason == x->reason && file->reasons[i].verdict >= x->verdict && !file->reasons[i].member)
			return true;
	for (size_t i = 0; i < u->count; i++) {
		const struct rolled *r = &u->list[i];

		if (r->is_exact && r->reason.reason == x->reason && r->reason.verdict >= x->verdict &&
		    is_beneath(path, r->reason.member, r->container_len))
			return true;
	}
	return false;
}

static void drop(struct roll_up *u, size_t at)
{
	free(u->list[at].reason.detail);
	free(u->list[at].reason.member);
	u->list[at] = u->list[--u->count];
}

static bool is_same_finding(const struct judgement_reason *a, const struct judgement_reason *b)
{
	return a->reason == b->reason && strcmp(a->detail, b->detail) == 0;
}

/* A member says it itself: what was said of something in a container around it, under an examiner's name, was this. */
static void drop_vaguer(struct roll_up *u, const struct judgement_reason *x, const char *path)
{
	for (size_t i = u->count; i-- > 0;)
		if (!u->list[i].is_exact && is_same_finding(&u->list[i].reason, x) && u->list[i].reason.verdict <= x->verdict &&
		    is_beneath(path, u->list[i].reason.member, u->list[i].container_len))
			drop(u, i);
}

/* Is there room for one more of its kind? It takes the place of a milder one; an exact one also that of an equal one that is not. Never
 * of a stricter one, whose strictness nobody would see any more. */
static bool make_room(struct roll_up *u, const struct judgement_reason *x, bool is_exact)
{
	size_t n = 0, weaker = SIZE_MAX;

	for (size_t i = 0; i < u->count; i++) {
		if (u->list[i].reason.reason != x->reason)
			continue;
		n++;
		if (u->list[i].reason.verdict < x->verdict ||
		    (is_exact && !u->list[i].is_exact && u->list[i].reason.verdict == x->verdict))
			weaker = i;
	}
	if (n < ROLL_UP_NAMED)
		return true;
	if (weaker == SIZE_MAX)
		return false;
	drop(u, weaker);
	return true;
}

static int add(struct roll_up *u, const struct judgement_reason *x, const char *path)
{
	struct rolled r = { .is_exact = !x->member, .container_len = strlen(path) };

	if (r.is_exact)
		drop_vaguer(u, x, path);
	if (!make_room(u, x, r.is_exact))
		return 0;
	r.reason = (struct judgement_reason){ x->reason, x->verdict, strdup(x->detail), NULL };
	if (!r.reason.detail || asprintf(&r.reason.member, "%s%s%s", path, x->member ? "/" : "", x->member ? x->member : "") < 0) {
		free(r.reason.detail);
		return -ENOMEM;
	}
	u->list[u->count++] = r;
	return 0;
}

int roll_up_add(struct roll_up *u, const struct judgement *file, const struct judgement *member, const char *path)
{
	u->verdict = MAX(u->verdict, member->verdict);
	for (size_t i = 0; i < member->reason_count; i++) {
		const struct judgement_reason *x = &member->reasons[i];
		int r = is_said(u, file, x, path) ? 0 : add(u, x, path);

		if (r < 0)
			return r;
	}
	return 0;
}

/* -- the file ---------------------------------------------------------------------------------------------------------- */

static bool is_told_exactly(const struct roll_up *u, const struct judgement_reason *x)
{
	for (size_t i = 0; i < u->count; i++)
		if (u->list[i].is_exact && u->list[i].reason.verdict >= x->verdict && is_same_finding(&u->list[i].reason, x))
			return true;
	return false;
}

static void drop_own(const struct roll_up *u, struct judgement *file)
{
	size_t kept = 0;

	for (size_t i = 0; i < file->reason_count; i++) {
		struct judgement_reason *x = &file->reasons[i];

		if (!is_rules_word(x->reason) && is_told_exactly(u, x)) {
			free(x->detail);
			free(x->member);
		} else {
			file->reasons[kept++] = *x;
		}
	}
	file->reason_count = kept;
}

static void insert(struct judgement *file, struct judgement_reason *x)
{
	size_t at = 0;

	while (at < file->reason_count && file->reasons[at].verdict >= x->verdict)
		at++;
	memmove(file->reasons + at + 1, file->reasons + at, (file->reason_count - at) * sizeof(*x));
	file->reasons[at] = (struct judgement_reason){ x->reason, x->verdict, TAKE_PTR(x->detail), TAKE_PTR(x->member) };
	file->reason_count++;
}

int roll_up_end(struct roll_up *u, struct judgement *file)
{
	struct judgement_reason *list;

	file->verdict = MAX(file->verdict, u->verdict);
	if (u->count == 0)
		return 0;
	drop_own(u, file);
	list = reallocarray(file->reasons, file->reason_count + u->count, sizeof(*list));
	if (!list)
		return -ENOMEM;
	file->reasons = list;
	for (size_t i = 0; i < u->count; i++)
		insert(file, &u->list[i].reason);
	roll_up_done(u);
	return 0;
}

void roll_up_done(struct roll_up *u)
{
	for (size_t i = 0; i < u->count; i++) {
		free(u->list[i].reason.detail);
		free(u->list[i].reason.member);
	}
	u->count = 0;
}
