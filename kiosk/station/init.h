/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `lazaret init`: a new station in one directory. */
#ifndef LAZARET_STATION_INIT_H
#define LAZARET_STATION_INIT_H

#include <stdio.h>

#include "common/macros.h"

#define STATION_PROFILE_DEFAULT "documents"

struct station_init {
	const char *dir;      /* made if it is missing; must not hold a station */
	const char *db_dir;   /* ClamAV databases; NULL: /var/lib/clamav */
	const char *profile;  /* "strict", "updates", "documents", or the path of a rule file; NULL: default */
	const char *name;     /* the station's name; NULL: the host's */
	const char *id;	      /* 16 lower-case hex digits; NULL: at random */
	const char *devices;  /* lines of lazaret.yaml's `devices`; NULL: what is for trying */
	bool awaits_set_up;   /* lazaret.yaml(5) */
	const char *data_dir; /* shipped rules; NULL: station_data_dir() */
	FILE *out;	      /* what was made, what was skipped and what to do next, for people */
};

/* Make DIR/lazaret.yaml (last, so that a broken-off init is not a station), DIR/rules.yaml, DIR/types, keys and
 * empty directories. Blocks on disk. Returns 0, or a negative errno with `*ret_message` (owned by the caller,
 * may be NULL when out of memory) saying what is wrong, where, and the next step; -EEXIST: there is a station. */
_must_check_ int station_init(const struct station_init *init, char **ret_message);

#endif
