/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include <getopt.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/records.h"
#include "common/log.h"
#include "people/store.h"
#include "station/init.h"

/* The line of nobody, so that a station without people already answers a wrong name as it will answer it later. */
static int prepare_people(const char *dir)
{
	_cleanup_close_ int fd = -EBADF;
	int r = people_open(dir, true, &fd);

	if (r == 0)
		r = passwd_set(fd, NULL, NULL);
	if (r < 0)
		log_error("%s/" PEOPLE_DIR "/" PEOPLE_PASSWD ": %s", dir, strerror(-r));
	return r < 0 ? EXIT_CANNOT : 0;
}

int cmd_init(struct cli *cli)
{
	static const struct option longs[] = { { "db", required_argument, NULL, 'd' },
					       { "profile", required_argument, NULL, 'p' },
					       { "name", required_argument, NULL, 'n' },
					       { 0 } };
	struct station_init init = { .out = stdout };
	_cleanup_free_ char *message = NULL;
	int c, r;

	while ((c = getopt_long(cli->argc, cli->argv, "", longs, NULL)) != -1) {
		if (c == 'd')
			init.db_dir = optarg;
		else if (c == 'p')
			init.profile = optarg;
		else if (c == 'n')
			init.name = optarg;
		else
			return EXIT_USAGE;
	}
	if (optind + 1 != cli->argc) {
		fprintf(stderr, "usage: lazaret init DIR [--db DBDIR] [--profile NAME] [--name STATION]\n");
		return EXIT_USAGE;
	}
	init.dir = cli->argv[optind];
	r = station_init(&init, &message);
	if (r == 0)
		return prepare_people(init.dir);
	log_error("%s", message ? message : strerror(-r));
	return EXIT_CANNOT;
}
