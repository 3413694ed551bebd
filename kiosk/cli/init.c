/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include <getopt.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/init_answers.h"
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

static const char usage_text[] =
	"usage: lazaret init DIR [--db DBDIR] [--profile NAME] [--name STATION] [--id ID]\n"
	"       lazaret init DIR [--db DBDIR] [--id ID] --answers FILE [--by WHO]   a station as FILE has it\n"
	"       lazaret init DIR [--db DBDIR] [--id ID] --await-answers             one that waits for signed answers on a medium\n"
	"       lazaret init --check --answers FILE                                 are they good?\n";

struct wanted {
	struct station_init init;
	const char *answers, *by;
	bool is_check;
};

static int make(struct wanted *w, const struct answers *a, const char *sha256)
{
	_cleanup_free_ char *message = NULL, *devices = NULL;
	int r;

	if (a) {
		w->init.name = a->name ? a->name : "Lazaret";
		w->init.profile = answers_profile(a);
		w->init.devices = devices = answers_devices(a);
	}
	r = a && !devices ? -ENOMEM : station_init(&w->init, &message);
	if (r < 0) {
		log_error("%s", message ? message : strerror(-r));
		return EXIT_CANNOT;
	}
	r = prepare_people(w->init.dir);
	if (a)
		(void)printf("time-zone %s\n", a->time_zone ? a->time_zone : "UTC");
	return r == 0 && a ? init_answers_apply(w->init.dir, a, sha256, w->by) : r;
}

static int run(struct wanted *w)
{
	_cleanup_(answers_freep) struct answers *a = NULL;
	char sha256[65] = "";
	int status = w->answers ? init_answers_load(w->answers, &a, sha256) : 0;

	if (status != 0)
		return status;
	if (!w->is_check)
		return make(w, a, sha256);
	(void)printf("%s: good, for %s\n", w->answers, a->stations.count == 0 ? "any machine" : a->stations.list[0].value);
	return 0;
}

static int usage(void)
{
	(void)fputs(usage_text, stderr); /* nowhere left to complain to */
	return EXIT_USAGE;
}

int cmd_init(struct cli *cli)
{
	static const struct option longs[] = {
		{ "db", required_argument, NULL, 'd' },	     { "profile", required_argument, NULL, 'p' }, { "name", required_argument, NULL, 'n' },
		{ "id", required_argument, NULL, 'i' },	     { "answers", required_argument, NULL, 'a' }, { "by", required_argument, NULL, 'b' },
		{ "await-answers", no_argument, NULL, 'w' }, { "check", no_argument, NULL, 'c' },	  { 0 },
	};
	struct wanted w = { .init = { .out = stdout }, .by = "nobody named" };
	int c;

	while ((c = getopt_long(cli->argc, cli->argv, "", longs, NULL)) != -1) {
		if (c == 'd')
			w.init.db_dir = optarg;
		else if (c == 'p')
			w.init.profile = optarg;
		else if (c == 'n')
			w.init.name = optarg;
		else if (c == 'i')
			w.init.id = optarg;
		else if (c == 'a')
			w.answers = optarg;
		else if (c == 'b')
			w.by = optarg;
		else if (c == 'w')
			w.init.awaits_set_up = true;
		else if (c == 'c')
			w.is_check = true;
		else
			return usage();
	}
	/* what the answers say is said there */
	if (optind + !w.is_check != cli->argc || (w.is_check && !w.answers) ||
	    (w.answers && (w.init.profile || w.init.name || w.init.awaits_set_up)))
		return usage();
	if (!w.is_check)
		w.init.dir = cli->argv[optind];
	return run(&w);
}
