/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret: the command line of a station. It parses no medium: inspections are done by lazaretd and its roles, the audit
 * trail is written by lazaret-ledger.
 */
#include <locale.h>
#include <signal.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/fleet.h"
#include "cli/media.h"
#include "cli/person.h"
#include "cli/records.h"
#include "cli/review.h"
#include "cli/share.h"
#include "cli/selfcheck.h"
#include "cli/update.h"
#include "common/log.h"

#define STATION_DIR_DEFAULT "/var/lib/lazaret"

static const struct {
	const char *name;
	int (*run)(struct cli *cli);
	const char *help;
} commands[] = {
	{ "init", cmd_init, "DIR [--db DBDIR] [--profile NAME]   make a new station" },
	{ "inspect", cmd_inspect, "[--json] [--operator NAME] [--owner NAME] [--ticket TEXT] [--reason TEXT] SOURCE...   inspect media" },
	{ "status", cmd_status, "roles, sandbox, engines, keys and directories" },
	{ "selfcheck", cmd_selfcheck, "[--json]   does the station itself hold what it promises?" },
	{ "history", cmd_history, "[--rebuild] [FILTERS] [--json | --csv] [SHA256|TEXT]   transfers, or where a content was seen" },
	{ "metrics", cmd_metrics, "the station as Prometheus metrics" },
	{ "report", cmd_report, "month [YYYY-MM] [--out FILE.html]   a month of the station, as one page" },
	{ "show", cmd_show, "ID [--receipt [txt|html]]   one report, or its receipt" },
	{ "audit", cmd_audit, "verify | show | witness | export   the audit trail" },
	{ "media", cmd_media, "[--json] [--watch] | cancel | dismiss | eject | again ID   media in the running station" },
	{ "devices", cmd_devices, "[--json]   USB devices, and what was decided about each" },
	{ "reload", cmd_reload, "configuration, rules, keys and databases are read anew" },
	{ "rules", cmd_rules, "check [FILE] | explain FILE   the officer's rules" },
	{ "plugin", cmd_plugin, "check PROGRAM   does a plug-in do as docs/plugins.md says?" },
	{ "review", cmd_review, "list | show | release | reject | confirm | withdraw | proposals   what is held" },
	{ "hash", cmd_hash, "allow | deny | remove | list   contents by their SHA-256" },
	{ "pack", cmd_pack, "make | show   update packs, on the outside" },
	{ "update", cmd_update, "apply PACK | undo | list | drop   databases, rules and keys from update packs" },
	{ "person", cmd_person, "list | add | change | remove | password | unlock | check   who works here" },
	{ "fleet", cmd_fleet, "status | push | export | import | check   the record of many stations" },
	{ "share", cmd_share, "show | write | password | push   staging for the isolated side: SMB, NFS, SFTP, firewall" },
	{ "key", cmd_key, "make | show | trust | distrust | list   keys" },
};

static int usage(FILE *out, int status)
{
	fputs("usage: lazaret [-C DIR] [--json] COMMAND ...\n\n", out);
	for (size_t k = 0; k < ARRAY_LEN(commands); k++)
		fprintf(out, "  %-9s %s\n", commands[k].name, commands[k].help);
	fputs("\n-C DIR  the station (default " STATION_DIR_DEFAULT "); manual: lazaret(1)\n", out);
	return status;
}

int main(int argc, char **argv)
{
	struct cli cli = { .dir = STATION_DIR_DEFAULT };
	int at = 1;

	log_open("lazaret");
	(void)setlocale(LC_CTYPE, "C.UTF-8"); /* names are UTF-8 whatever the terminal's locale says */
	(void)signal(SIGPIPE, SIG_IGN);	      /* a closed pipe shows as an error of the write */
	for (; at < argc && argv[at][0] == '-'; at++) {
		if (strcmp(argv[at], "-C") == 0 && at + 1 < argc)
			cli.dir = argv[++at];
		else if (strncmp(argv[at], "-C", 2) == 0 && argv[at][2])
			cli.dir = argv[at] + 2;
		else if (strcmp(argv[at], "--json") == 0)
			cli.is_json = true;
		else if (strcmp(argv[at], "--version") == 0)
			return printf("lazaret %s\n", LAZARET_VERSION) < 0 ? EXIT_CANNOT : 0;
		else if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0)
			return usage(stdout, 0);
		else
			return usage(stderr, EXIT_USAGE);
	}
	if (at == argc)
		return usage(stderr, EXIT_USAGE);
	cli.argc = argc - at;
	cli.argv = argv + at;
	for (size_t k = 0; k < ARRAY_LEN(commands); k++)
		if (strcmp(argv[at], commands[k].name) == 0)
			return commands[k].run(&cli);
	fprintf(stderr, "lazaret: no such command\n");
	return usage(stderr, EXIT_USAGE);
}
