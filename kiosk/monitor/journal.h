/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Entries of the systemd journal with structured fields, for sites that collect logs: docs/monitoring/README.md. They are a
 * convenience; the audit trail is the record. Where no journal listens nothing happens, and nothing waits.
 *
 * libsystemd keeps its socket open, by number: only processes that close no descriptors of others may use this (lazaretd
 * itself and `lazaret`, never an inspection that lazaretd has forked).
 */
#ifndef LAZARET_MONITOR_JOURNAL_H
#define LAZARET_MONITOR_JOURNAL_H

#include <jansson.h>

#include "common/macros.h"

enum journal_kind {
	JOURNAL_NONE,
#define J(name, id) JOURNAL_##name,
#include "monitor/journal.def"
#undef J
	JOURNAL_COUNT_
};

/* One entry. `message`: escaped text. `fields`: an object; each text and number of it becomes LAZARET_NAME (upper case, other
 * characters than letters and digits as '_'), of an array its texts joined by spaces. `priority`: syslog(3). */
void journal_send(enum journal_kind kind, int priority, const char *message, const json_t *fields);

/* The end of an inspection; `fields`: transfer, outcome, files, bytes, approved, held, blocked, and what else is known. */
void journal_inspection(const json_t *fields);

/* A record of this type was appended to the trail: an entry when it is of a kind that the journal is told. */
void journal_record(const char *type, const json_t *body);

/* Of which kind a record's type is; JOURNAL_NONE when the journal is not told of it. */
enum journal_kind journal_kind_of(const char *type);

#endif
