/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Was the clock set between two records? Within one boot CLOCK_BOOTTIME counts on whatever happens to the wall clock (and through
 * sleep): the difference of the two moves when somebody sets the clock. What it was at the last record stands in a small file
 * beside the trail, for several ledgers write to it in turn; it is not synced, since after a power cut another boot begins.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "ledger/trail_parts.h"

#define STEP_MS 2000 /* what a clock that is being adjusted does between two records is less */
#define BOOT_ID_LEN 36
#define NOTE_MAX 96

static int64_t ms_of(clockid_t clock)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(clock, &ts); /* cannot fail with a valid clock and address */
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t offset_now(void)
{
	return ms_of(CLOCK_REALTIME) - ms_of(CLOCK_BOOTTIME);
}

/* The offset at the last record, when that was in this boot. */
static bool read_note(const struct trail *t, int64_t *ret)
{
	char text[NOTE_MAX + 1], boot[BOOT_ID_LEN + 1];
	ssize_t n = pread(t->clock_fd, text, NOTE_MAX, 0);

	if (n <= 0)
		return false;
	text[n] = '\0';
	return sscanf(text, "%36s %" SCNd64, boot, ret) == 2 && strcmp(boot, t->options.boot_id) == 0;
}

int trail_clock_step(const struct trail *t, int64_t last_s, json_t **ret)
{
	int64_t before, moved_ms, now_ms = ms_of(CLOCK_REALTIME);
	bool is_same_boot;

	*ret = NULL;
	if (t->clock_fd < 0)
		return 0;
	is_same_boot = read_note(t, &before);
	moved_ms = is_same_boot ? offset_now() - before : now_ms < last_s * 1000 ? now_ms - last_s * 1000 : 0;
	if (moved_ms >= -STEP_MS && moved_ms <= STEP_MS)
		return 0;
	*ret = json_pack("{s:s,s:I,s:I,s:I}", "boot", is_same_boot ? "same" : "other", "expected", (json_int_t)((now_ms - moved_ms) / 1000),
			 "moved_ms", (json_int_t)moved_ms, "now", (json_int_t)(now_ms / 1000));
	return *ret ? 0 : -ENOMEM;
}

void trail_clock_note(const struct trail *t)
{
	char text[NOTE_MAX];
	int n;

	if (t->clock_fd < 0)
		return;
	/* of one length, so that a shorter number leaves nothing of a longer one */
	n = snprintf(text, sizeof(text), "%-36s %20" PRId64 "\n", t->options.boot_id, offset_now());
	if (n > 0 && pwrite(t->clock_fd, text, (size_t)n, 0) < 0)
		return; /* no room: the note before it still tells of a step, later */
}
