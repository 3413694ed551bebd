/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What `lazaret inspect` shows of lazaretd's events. */
#ifndef LAZARET_CLI_INSPECT_H
#define LAZARET_CLI_INSPECT_H

#include <jansson.h>
#include <stdbool.h>

#include "common/macros.h"

struct display;

/* Events are shown on standard error; with a terminal there, the last line is a progress bar. */
struct display *display_new(bool is_quiet);
struct display *display_free(struct display *d);

void display_event(struct display *d, const json_t *event);

/* The report's path of the last "done" event, borrowed; NULL when there was none or no report could be kept. */
const char *display_report(const struct display *d);

#endif
