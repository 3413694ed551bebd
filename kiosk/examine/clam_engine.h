/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Shared by clam.c (scanning) and clam_engine.c (loading); nobody else includes this. */
#ifndef LAZARET_EXAMINE_CLAM_ENGINE_H
#define LAZARET_EXAMINE_CLAM_ENGINE_H

#include <stdbool.h>
#include <clamav.h>

#include "examine/clam.h"

struct clam {
	struct cl_engine *engine;
	uint64_t scan_time_ms;
	uint64_t look_max, window_bytes, window_overlap; /* never 0 */
	struct clam_info info;
};

void clam_set_messages(void);			    /* before cl_init() */
void clam_set_callbacks(struct cl_engine *engine);
void clam_load_message(const char *text); /* an error while loading: kept for the sentence */

#endif
