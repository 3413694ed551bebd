/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-fleet: many stations, one record. The one program of a station that has a network, and only when the officer configured a
 * database (invariant 7): it reads the audit trail and the kept reports, which it cannot change, sends them, and writes nothing but
 * its own directory. Beside the database it imports files of stations without a network, and checks what is there.
 */
#include <locale.h>
#include <signal.h>
#include <string.h>

#include "common/log.h"
#include "fleet/centre.h"
#include "fleet/serve.h"

#define STATION_DIR_DEFAULT "/var/lib/lazaret"

static int usage(FILE *out, int status)
{
	(void)fputs("usage: lazaret-fleet [-C DIR] [--once]\n"
		    "       lazaret-fleet import [--keys DIR] FILE... DSN\n"
		    "       lazaret-fleet check [--json] [--keys DIR] [--station ID] DSN\n\n"
		    "-C DIR  the station (default " STATION_DIR_DEFAULT "); --once  send what is there and end; manual: lazaret-fleet(8)\n",
		    out); /* nowhere left to complain to */
	return status;
}

static int run_station(int argc, char **argv)
{
	const char *dir = STATION_DIR_DEFAULT;
	bool is_once = false;

	for (int at = 1; at < argc; at++) {
		if (strcmp(argv[at], "-C") == 0 && at + 1 < argc)
			dir = argv[++at];
		else if (strcmp(argv[at], "--once") == 0)
			is_once = true;
		else if (strcmp(argv[at], "--version") == 0)
			return printf("lazaret-fleet %s\n", LAZARET_VERSION) < 0 ? EXIT_CANNOT : 0;
		else if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0)
			return usage(stdout, 0);
		else
			return usage(stderr, EXIT_USAGE);
	}
	return serve(dir, is_once);
}

int main(int argc, char **argv)
{
	log_open("lazaret-fleet");
	(void)setlocale(LC_CTYPE, "C.UTF-8"); /* names are UTF-8 whatever the terminal's locale says */
	(void)signal(SIGPIPE, SIG_IGN);	      /* a closed pipe shows as an error of the write */
	if (argc > 1 && strcmp(argv[1], "import") == 0)
		return centre_import(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "check") == 0)
		return centre_check(argc - 1, argv + 1);
	return run_station(argc, argv);
}
