/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `held:` and `review:` of lazaret.yaml: what is kept for officers, and how long what they decide holds. */
#include "station/config_parts.h"

#define TIB (UINT64_C(1) << 40)

const struct yaml_field config_held_fields[] = {
	YAML_FIELD(struct station_held, "directory", STRING, dir),
	YAML_FIELD(struct station_held, "bytes", SIZE, bytes, .max = 1024 * TIB),
	YAML_FIELD(struct station_held, "files", UINT, files, .max = 1000000),
	YAML_FIELD(struct station_held, "time", DURATION, time_s, .min = 1, .max = 3650 * DAY),
	YAML_FIELD_END,
};

const struct yaml_field config_review_fields[] = {
	YAML_FIELD(struct station_review, "release-time", DURATION, release_time_s, .min = 1, .max = 366 * DAY),
	YAML_FIELD(struct station_review, "proposal-time", DURATION, proposal_time_s, .min = 1, .max = 30 * DAY),
	YAML_FIELD_END,
};
