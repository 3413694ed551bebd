/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "common/decision.h"

#include <string.h>

static const struct row {
	const char *name;
	bool needs_second, has_end;
} rows[DECISION_COUNT_] = {
	[DECISION_RELEASE] = { "release", true, true },	 [DECISION_REJECT] = { "reject", false, false },
	[DECISION_ALLOW] = { "allow", true, true },	 [DECISION_DENY] = { "deny", false, false },
	[DECISION_REMOVE] = { "remove", true, false },	 [DECISION_WITHDRAW] = { "withdraw", false, false },
};

static const struct row *row_of(enum decision d)
{
	static const struct row nothing;

	return (unsigned int)d < DECISION_COUNT_ ? &rows[d] : &nothing;
}

const char *decision_name(enum decision d)
{
	return row_of(d)->name;
}

int decision_parse(const char *name, enum decision *ret)
{
	for (unsigned int d = DECISION_NONE + 1; d < DECISION_COUNT_; d++) {
		if (strcmp(rows[d].name, name) == 0) {
			*ret = (enum decision)d;
			return 0;
		}
	}
	return -ENOENT;
}

bool decision_needs_second(enum decision d)
{
	return row_of(d)->needs_second;
}

bool decision_has_end(enum decision d)
{
	return row_of(d)->has_end;
}

bool decision_id_valid(const char *id)
{
	return strlen(id) == DECISION_ID_LEN && strspn(id, "0123456789abcdef") == DECISION_ID_LEN;
}

/* One officer can make it stricter at any time. What two persons have to take back, nobody goes around. */
const char *decision_conflict(enum decision now, enum decision next)
{
	switch (now) {
	case DECISION_REJECT:
		return next == DECISION_REMOVE ? NULL : "it was rejected, which is final; only `remove`, by two persons, takes that back";
	case DECISION_DENY:
		return next == DECISION_REMOVE ? NULL : "it is denied, which is final; only `remove`, by two persons, takes that back";
	case DECISION_ALLOW:
		return next == DECISION_RELEASE ? "it is allowed already, which reaches further than a release; `remove` that first" : NULL;
	case DECISION_RELEASE:
		return NULL;
	default:
		return next == DECISION_REMOVE ? "nothing is in force for it that could be removed" : NULL;
	}
}
