/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* From what an inspection tells (supervisor/events.h) to the state of its medium (docs/control.md, `medium`). Pure but for
 * the clock. The events come from a process of our own; still, what is missing or of another type is passed over.
 */
#ifndef LAZARET_DAEMON_FOLD_H
#define LAZARET_DAEMON_FOLD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/macros.h"
#include "control/trouble.h"

enum medium_state {
	MEDIUM_QUEUED,
	MEDIUM_IDENTIFY,
	MEDIUM_OPENING,
	MEDIUM_LOCKED,
	MEDIUM_READING,
	MEDIUM_EXAMINING,
	MEDIUM_CHECKING,
	MEDIUM_PUBLISHING,
	MEDIUM_DONE,
};

const char *medium_state_name(enum medium_state s);

#define FOLD_FINDINGS_MAX 50
#define FOLD_VOLUMES_MAX 32
#define FOLD_WARNINGS_MAX 8
/* A line of the control protocol holds all of it: longer text is cut, with an ellipsis in its middle. */
#define FOLD_TEXT_MAX 200

struct fold {
	enum medium_state state;
	bool is_removable;
	int64_t started, removable_at, finished; /* s since 1970; 0: not yet */
	bool has_read, has_lost, has_locked, has_audio, has_failed; /* of all volumes: `volumes` keeps the newest alone */
	json_t *transfer, *volumes, *locked, *findings, *warnings, *outcome, *counts, *manifest_sha256; /* owned; NULL: not yet */
	uint64_t found;
	bool is_complete;
	int64_t files_total, bytes_total, files_read, bytes_read, files_examined, bytes_examined, members_examined;
	/* rate of examining, smoothed */
	int64_t rate_from_ms, rate_at_ms, rate_bytes;
	double bytes_per_s;
	enum trouble trouble;
	json_t *trouble_text; /* more than the code's own sentence; NULL: nothing */
};

_must_check_ int fold_init(struct fold *f);
void fold_done(struct fold *f);

/* Take one event; `now_s` and `now_ms` (monotonic) are the clocks. True when the medium's object has changed. */
bool fold_event(struct fold *f, const json_t *event, int64_t now_s, int64_t now_ms);

/* The inspection has ended: without a "done" (it crashed), or with one. Settles state and trouble. */
void fold_end(struct fold *f, int64_t now_s);

/* Its question (`locked`) was answered: it is no longer asked. */
void fold_answered(struct fold *f);

/* Ended before it began. */
void fold_abandon(struct fold *f, enum trouble why, int64_t now_s);

/* What the fields below may take as JSON: a line (control/server.h), less what the daemon adds itself. */
#define FOLD_JSON_MAX 57344

/* Add the fields of the `medium` object that come from here: when a medium does its worst, with fewer of the old findings and
 * of the last volumes (the report has all). Returns 0 or -ENOMEM. */
_must_check_ int fold_describe(const struct fold *f, json_t *object);

/* `text` cut to FOLD_TEXT_MAX bytes at character boundaries. Owned by the caller; NULL when out of memory. */
json_t *fold_text(const char *text);

#endif
