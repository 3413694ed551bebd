/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What can be known of a station by looking at its directories: room, and the audit trail's length. */
#ifndef LAZARET_MONITOR_FACTS_H
#define LAZARET_MONITOR_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/macros.h"
#include "station/config.h"

enum facts_directory {
	FACTS_SPOOL,
	FACTS_STAGING,
	FACTS_AUDIT,
	FACTS_REPORTS,
	FACTS_DIRECTORY_COUNT_
};

struct facts {
	struct {
		bool is_known;
		uint64_t free_bytes, size_bytes; /* of its file system */
	} directories[FACTS_DIRECTORY_COUNT_];
	bool has_trail;
	uint64_t trail_records, trail_bytes; /* the last record's number and one; of all of its files */
};

const char *facts_directory_name(enum facts_directory d);

/* Looks anew. What cannot be seen is not known; nothing here is checked: `lazaret audit verify` does that. */
void facts_look(const struct station_config *c, struct facts *ret);

#endif
