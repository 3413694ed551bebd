/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "common/finding.h"

#include <stdarg.h>
#include <string.h>

static bool same_member(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool is_known(const struct findings *f, enum reason reason, const char *member)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->list[i].reason == reason && same_member(f->list[i].member, member))
			return true;
	return false;
}

_Static_assert(REASON_COUNT_ < FINDINGS_MAX, "a full list has one reason twice");

static size_t count_reason(const struct findings *f, enum reason reason)
{
	size_t n = 0;

	for (size_t i = 0; i < f->count; i++)
		n += f->list[i].reason == reason;
	return n;
}

/* A full list must still say every reason once: what a container is full of (an encrypted member each) may be excused
 * by a signature, and must not keep out the one that may not (malware). There are fewer reasons than places, so that one
 * reason stands twice; its last finding gives up its place. False: the reason is told already. */
static bool make_room(struct findings *f, enum reason reason)
{
	if (count_reason(f, reason) > 0)
		return false;
	for (size_t i = f->count; i > 0; i--) {
		struct finding *x = &f->list[i - 1];

		if (count_reason(f, x->reason) < 2)
			continue;
		free(x->detail);
		free(x->member);
		memmove(x, x + 1, (f->count - i) * sizeof(*x));
		f->count--;
		return true;
	}
	return false;
}

int findings_add(struct findings *f, enum reason reason, const char *member, const char *fmt, ...)
{
	_cleanup_free_ char *detail = NULL, *copy = NULL;
	va_list ap;
	int n;

	if (is_known(f, reason, member) || (f->count == FINDINGS_MAX && count_reason(f, reason) > 0))
		return 0;
	detail = malloc(FINDING_DETAIL_MAX + 1);
	if (!detail)
		return -ENOMEM;
	va_start(ap, fmt);
	n = vsnprintf(detail, FINDING_DETAIL_MAX + 1, fmt, ap);
	va_end(ap);
	if (n < 0)
		return -ENOMEM;
	if (member) {
		copy = strndup(member, FINDING_MEMBER_MAX);
		if (!copy)
			return -ENOMEM;
	}
	if (f->count == FINDINGS_MAX && !make_room(f, reason))
		return -ENOMEM; /* cannot be: see the assertion */
	f->list[f->count++] = (struct finding){ reason, TAKE_PTR(detail), TAKE_PTR(copy) };
	return 0;
}

int findings_join(struct findings *f, enum reason reason, const char *member, const char *detail)
{
	for (size_t i = 0; i < f->count; i++) {
		struct finding *x = &f->list[i];
		char *both = x->detail;
		size_t size;

		if (x->reason != reason || !same_member(x->member, member))
			continue;
		size = strlen(both);
		if (size + 3 >= FINDING_DETAIL_MAX || strstr(both, detail))
			return 0;
		both = realloc(both, FINDING_DETAIL_MAX + 1);
		if (!both)
			return -ENOMEM;
		x->detail = both;
		(void)snprintf(both + size, FINDING_DETAIL_MAX + 1 - size, "; %s", detail);
		return 0;
	}
	return findings_add(f, reason, member, "%s", detail);
}

void findings_done(struct findings *f)
{
	for (size_t i = 0; i < f->count; i++) {
		free(f->list[i].detail);
		free(f->list[i].member);
	}
	memset(f, 0, sizeof(*f));
}
