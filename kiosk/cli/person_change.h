/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `lazaret person`: what its files share. */
#ifndef LAZARET_CLI_PERSON_CHANGE_H
#define LAZARET_CLI_PERSON_CHANGE_H

#include "cli/person.h"

/* What the administrator asked for; borrows from the command line. */
struct person_change {
	const char *command; /* "add" */
	const char *name, *full_name, *reason, *recover;
	unsigned int roles; /* 0: none were named */
	int64_t until;	    /* s since 1970, 0: no end; -1: nothing was said */
	bool has_no_password;
};

/* The exit status, after telling what happened. Each change is recorded in the audit trail before it is made. */
int person_add(const struct station_config *config, const struct person_change *c);
int person_alter(const struct station_config *config, const struct person_change *c);
int person_remove(const struct station_config *config, const struct person_change *c);
int person_password(const struct station_config *config, const struct person_change *c);
int person_unlock(const struct station_config *config, const struct person_change *c);

#endif
