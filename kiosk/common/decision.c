/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "common/decision.h"

#include <stdint.h>
#include <string.h>

#define BIT(r) (UINT64_C(1) << REASON_##r)

_Static_assert(REASON_COUNT_ <= 64, "reasons are kept as bits");

/* About the place, the medium or the moment rather than the bytes: two persons who looked at the bytes decided nothing about them. */
#define NOT_THE_BYTES                                                                                                          \
	(BIT(UNSAFE_NAME) | BIT(NAME_COLLISION) | BIT(SPECIAL_FILE) | BIT(SYMLINK) | BIT(UNREADABLE) | BIT(CHANGED_WHILE_READING) | \
	 BIT(BAD_SIGNATURE) | BIT(CHECKSUM_MISMATCH) | BIT(DATABASE_STALE) | BIT(QUOTA_EXCEEDED) | BIT(HASH_DENIED) | \
	 BIT(OFFICER_REJECTED))

/* The false positives. */
#define ALLOWABLE                                                                                                              \
	(BIT(MALWARE) | BIT(TYPE_DENIED) | BIT(TYPE_UNKNOWN) | BIT(TYPE_MISMATCH) | BIT(ACTIVE_CONTENT) | BIT(ARCHIVE_UNSAFE) |     \
	 BIT(ENCRYPTED) | BIT(LIMIT_EXCEEDED) | BIT(CONTAINER_OPAQUE) | BIT(UNSIGNED) | BIT(UNTRUSTED_KEY))

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

bool decision_reaches(enum decision d, enum reason reason)
{
	uint64_t bit;

	if ((unsigned int)reason >= REASON_COUNT_)
		return false;
	bit = UINT64_C(1) << reason;
	return d == DECISION_ALLOW ? bit & ALLOWABLE : d == DECISION_RELEASE && !(bit & NOT_THE_BYTES);
}
