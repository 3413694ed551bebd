/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The station looks at itself (docs/selfcheck.md): its machine, its own files, its own configuration. No byte of a medium, of a report
 * about one or of a network is read here; what is read was written by the kernel and by root. Each check is a function of its own, in
 * the file of its group, and says one thing:
 *
 *   boot.c       what was started, and how             programs.c   what runs, and as whom
 *   network.c    who listens, which way leads out      clock.c      what time it is
 *   files.c      databases, room, file systems         keys.c       keys, audit trail
 *   devices.c    write protection, USB guard           memory.c     what of the memory may reach a disk
 *   read.c       files of /proc and /sys               run.c        all of them, in the order of control/selfcheck.def
 */
#ifndef LAZARET_SELFCHECK_SELFCHECK_H
#define LAZARET_SELFCHECK_SELFCHECK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/macros.h"
#include "control/selfcheck.h"
#include "station/config.h"

/* What a check may know. All borrowed. Unit tests give other places than the system's. */
struct system {
	const char *proc, *sys, *dev; /* "/proc", "/sys", "/dev" */
	const char *etc, *usr;	      /* "/etc", "/usr" */
	const char *facts;	      /* what the appliance's image says of itself: appliance.json, modules.list */
	enum selfcheck_machine machine;
	bool is_by_daemon; /* lazaretd runs, and asked: what only holds then is looked at, too */
	bool is_whole;	   /* the whole trail, not its end alone */
	int64_t now;	   /* s since 1970 */
	int sandbox;	   /* of the layers (sandbox_probe(), where the roles are made): 0 or a negative errno */
	const char *sandbox_where;
	const struct station_config *config;
};

/* What a check says: one of these, once. */
struct said {
	bool is_said, is_wrong;
	enum selfcheck_state state; /* unless wrong: then selfcheck_severity() says what that is here */
	char text[SELFCHECK_TEXT_MAX + 1];
};

void say_ok(struct said *s, const char *fmt, ...) _printf_(2, 3);
void say_wrong(struct said *s, const char *fmt, ...) _printf_(2, 3);
void say_warning(struct said *s, const char *fmt, ...) _printf_(2, 3);
void say_none(struct said *s, const char *fmt, ...) _printf_(2, 3); /* not applicable: why */

#define S(id, name, does, trial, installed, appliance, looks, sentence) void check_##id(const struct system *sys, struct said *said);
#include "control/selfcheck.def"
#undef S

/* Run all of them. The result (control/selfcheck.h), owned by the caller; NULL: out of memory. */
json_t *selfcheck_run(const struct system *sys);

/* Is there an appliance.json in `facts`, an object with suite, version and slot-layout? -EBADMSG: it is something else. */
_must_check_ int appliance_is_there(const char *facts, bool *ret);

#endif
