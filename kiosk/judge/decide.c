/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What officers have decided, on top of what findings and rules led to. Pure. */
#include <string.h>

#include "judge/judge.h"

static bool is_overridden(enum decision d, const struct judgement_reason *x)
{
	return decision_reaches(d, x->reason) && (d != DECISION_RELEASE || x->verdict == VERDICT_HELD);
}

static int block(struct judgement *j, enum reason reason, enum decision d)
{
	struct judgement_reason *list = reallocarray(j->reasons, j->reason_count + 1, sizeof(*list));
	char *detail;

	if (!list)
		return -ENOMEM;
	j->reasons = list;
	detail = strdup("");
	if (!detail)
		return -ENOMEM;
	memmove(list + 1, list, j->reason_count * sizeof(*list));
	list[0] = (struct judgement_reason){ reason, VERDICT_BLOCKED, detail, NULL };
	j->reason_count++;
	j->verdict = VERDICT_BLOCKED;
	j->decision = d;
	return 0;
}

/* It is blocked, and no reason says so: the one of the member that is was merged with others (roll_up.c). */
static bool is_blocked_unsaid(const struct judgement *j)
{
	for (size_t i = 0; i < j->reason_count; i++)
		if (j->reasons[i].verdict == VERDICT_BLOCKED)
			return false;
	return j->verdict == VERDICT_BLOCKED;
}

static int override(struct judgement *j, enum decision d)
{
	size_t kept = 0;

	if (j->reason_count == 0 || (d == DECISION_RELEASE && is_blocked_unsaid(j)))
		return 0; /* it passes without; or not even with it */
	j->overridden = calloc(j->reason_count, sizeof(*j->overridden));
	if (!j->overridden)
		return -ENOMEM;
	j->verdict = VERDICT_APPROVED;
	for (size_t i = 0; i < j->reason_count; i++) {
		if (is_overridden(d, &j->reasons[i])) {
			j->overridden[j->overridden_count++] = j->reasons[i];
			continue;
		}
		j->reasons[kept++] = j->reasons[i];
		j->verdict = MAX(j->verdict, MAX(VERDICT_HELD, j->reasons[kept - 1].verdict));
	}
	j->reason_count = kept;
	if (j->overridden_count > 0)
		j->decision = d;
	return 0;
}

/* An allowance says what is no finding; that no rule is for such a file, which nobody looked for while its type was not known, it does
 * not say. */
static bool lacks_rule(const struct subject *s, const struct judgement *j)
{
	if (*j->rule || s->decision != DECISION_ALLOW)
		return false;
	for (size_t i = 0; i < j->reason_count; i++)
		if (j->reasons[i].reason == REASON_NO_RULE)
			return false;
	return true;
}

int judge_decide(const struct subject *s, struct judgement *j)
{
	bool is_member = s->container_count > 0;

	switch (s->decision) {
	case DECISION_REJECT:
		return block(j, REASON_OFFICER_REJECTED, s->decision);
	case DECISION_DENY:
		return block(j, REASON_HASH_DENIED, s->decision);
	case DECISION_RELEASE:
	case DECISION_ALLOW:
		return is_member || lacks_rule(s, j) ? 0 : override(j, s->decision);
	default:
		return 0;
	}
}
