/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* STATION/set-up of a station that awaits its set-up: answers that count, until the next boot makes a station of them
 * (image/appliance/tree/usr/lib/lazaret/set-up); and what was last found wrong, for the screen.
 *
 *   answers   YAML (setup/answers.h); mode 0600: has hashes of passwords
 *   by        one line: whose they are, for the audit trail. Written last: without it there are no answers
 *   refused   one line: which were not taken, and why
 */
#ifndef LAZARET_SETUP_KEPT_H
#define LAZARET_SETUP_KEPT_H

#include <stddef.h>

#include "common/macros.h"

#define KEPT_DIRECTORY "set-up"
#define KEPT_LINE_MAX 512

/* Keep answers that have been checked; what was refused before is forgotten. -EEXIST: there are some already, and they count. 0 or
 * another negative errno. */
_must_check_ int kept_answers(const char *station_dir, const void *data, size_t size, const char *by);
/* Why answers were not taken; `why` is clean text. 0 or a negative errno. */
_must_check_ int kept_refusal(const char *station_dir, const char *why);

/* One line of what is kept, "by" or "refused"; NULL: there is none. Owned by the caller. */
char *kept_line(const char *station_dir, const char *name);

#endif
