/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Room for the records: said early, and no medium is begun when there is hardly any left. What an inspection needs at its end is set
 * aside by the ledger before anything is published; this is so that it does not come to that.
 */
#include <sys/statvfs.h>

#include "common/chain.h"
#include "common/log.h"
#include "daemon/daemon.h"

/* Records of some thousands of inspections, and the report of a medium with some ten thousand files. */
#define STOP_BYTES (16 * UINT64_C(1048576))

static const char *const words[] = { [TRAIL_OK] = "ok", [TRAIL_LOW] = "low", [TRAIL_FULL] = "full" };

static uint64_t room_in(const char *dir)
{
	struct statvfs fs;

	return statvfs(dir, &fs) < 0 ? UINT64_MAX : (uint64_t)fs.f_bavail * fs.f_frsize; /* gone: the ledger says so */
}

static uint64_t room_for_records(const struct station_config *c)
{
	uint64_t reports = room_in(c->reports_dir), history = room_in(c->history_dir);

	return MIN(room_in(c->audit_dir), MIN(reports, history));
}

enum trail_room trail_room(const struct daemon *d)
{
	const struct station_config *c = d->station ? d->station->config : NULL;
	uint64_t room = c ? room_for_records(c) : UINT64_MAX;

	if (!c || room >= c->trail_warn_free)
		return TRAIL_OK;
	return room < STOP_BYTES ? TRAIL_FULL : TRAIL_LOW;
}

void trail_tick(struct daemon *d)
{
	enum trail_room now = trail_room(d);

	if (now == d->trail_told)
		return;
	if (now == TRAIL_OK)
		log_info("there is room for records again");
	else
		log_warning("%s: %llu MiB left for audit trail, reports and history%s", d->station->config->audit_dir,
			    (unsigned long long)(room_for_records(d->station->config) >> 20),
			    now == TRAIL_FULL ? ": no medium is begun" : " (records.warn-free)");
	d->trail_told = now;
}

json_t *trail_object(const struct daemon *d)
{
	uint64_t records = 0, bytes = 0;

	if (!d->station || chain_extent(d->station->audit_fd, &records, &bytes) < 0)
		records = bytes = 0; /* no trail, or one that is not good: `lazaret audit verify` says which */
	return json_pack("{s:I,s:I,s:s}", "records", (json_int_t)records, "bytes", (json_int_t)bytes, "state", words[trail_room(d)]);
}
