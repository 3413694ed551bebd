/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Commands of `lazaret`: each gets the station directory and its own arguments, and returns the exit status. */
#ifndef LAZARET_CLI_CLI_H
#define LAZARET_CLI_CLI_H

#include <stdbool.h>

/* All borrowed from main(), for the life of the process. */
struct cli {
	const char *dir; /* the station directory (-C), never NULL */
	bool is_json;	 /* --json given before the command */
	int argc;	 /* argv[0] is the command's own name */
	char **argv;
};

/* lazaret init DIR: 0 made, 2 could not be made, 64 usage. */
int cmd_init(struct cli *cli);
/* lazaret inspect SOURCE...: 0 all approved and published, 1 something was held or blocked, 2 an inspection did not
 * complete, 64 usage. */
int cmd_inspect(struct cli *cli);
/* lazaret status: 0 the station could inspect, 1 something is wrong with it, 64 usage. */
int cmd_status(struct cli *cli);

/* lazaret rules check [FILE] | rules explain ...: 0 fine, 1 the rules have errors (or the file would not be
 * approved), 2 something could not be read, 64 usage. Prints to standard output, errors to standard error. */
int cmd_rules(struct cli *cli);

#endif
