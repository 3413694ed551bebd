/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret inspect: starts lazaretd for these sources, shows what it tells, and with --json prints the reports.
 *
 * Ctrl-C goes to the whole foreground group: lazaretd ends the inspection as aborted, and this process goes on showing
 * what it tells until it has ended. Pressing it again changes nothing.
 */
#include "cli/inspect.h"

#include <getopt.h>
#include <signal.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/daemon.h"
#include "cli/person.h"
#include "cli/records.h"
#include "common/log.h"
#include "common/text.h"
#include "monitor/journal.h"

struct request {
	const char *operator_name, *reason, *owner, *ticket;
	bool is_authenticated; /* operator_name has logged in */
	bool is_json, is_quiet;
	char **sources;
	int source_count;
};

static int print_report(const char *path)
{
	_cleanup_fclose_ FILE *in = fopen(path, "re");
	char block[65536];
	size_t n;

	if (!in)
		return -errno;
	while ((n = fread(block, 1, sizeof(block), in)) > 0)
		if (fwrite(block, 1, n, stdout) != n)
			return -EIO;
	return ferror(in) || fflush(stdout) != 0 ? -EIO : 0;
}

/* The same fields as of an inspection by the daemon, as far as they are known here. */
static void tell_journal(const json_t *done, const struct request *q)
{
	static const char *const keys[] = { "transfer", "outcome", "files", "bytes", "approved", "held", "blocked" };
	_cleanup_free_ char *operator_name = text_escape(q->operator_name, strlen(q->operator_name));
	_cleanup_free_ char *reason = text_escape(q->reason, strlen(q->reason));
	json_t *fields = operator_name && reason ? json_pack("{s:s,s:s}", "operator", operator_name, "reason", reason) : NULL;
	int bad = !fields;

	for (size_t k = 0; !bad && k < ARRAY_LEN(keys); k++)
		bad = json_object_set(fields, keys[k], json_object_get(done, keys[k]));
	if (!bad)
		journal_inspection(fields);
	json_decref(fields);
}

/* `ret_printing`: how printing the report went. Returns how listening went. */
static int show_events(FILE *in, struct display *d, const struct request *q, int *ret_printing)
{
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	ssize_t n;

	while ((errno = 0, n = getline(&line, &room, in)) > 0) {
		json_t *e = json_loadb(line, (size_t)n, 0, NULL);
		const char *name = json_string_value(json_object_get(e, "event"));

		if (e)
			display_event(d, e);
		if (name && strcmp(name, "done") == 0)
			tell_journal(e, q);
		if (name && strcmp(name, "done") == 0 && q->is_json && display_report(d) && *ret_printing == 0)
			*ret_printing = print_report(display_report(d));
		json_decref(e);
	}
	return feof(in) ? 0 : errno ? -errno : -EIO;
}

/* The command line of lazaretd for this request; NULL when out of memory. */
static const char **daemon_arguments(const struct cli *cli, const struct request *q)
{
	const char *const head[] = { "-C", cli->dir, "--inspect", "--operator", q->operator_name, "--reason", q->reason,
				     "--owner", q->owner, "--ticket", q->ticket, q->is_authenticated ? "--authenticated" : "--", "--" };
	const char **argv = calloc(ARRAY_LEN(head) + (size_t)q->source_count + 1, sizeof(*argv));

	if (argv) {
		size_t size = ARRAY_LEN(head) - !q->is_authenticated; /* one "--" is enough */

		memcpy(argv, head, sizeof(head));
		argv[size] = NULL;
		for (int k = 0; k < q->source_count; k++)
			argv[size + (size_t)k] = q->sources[k];
	}
	return argv;
}

static int inspect(const struct cli *cli, const struct request *q)
{
	_cleanup_fclose_ FILE *in = NULL;
	struct display *d;
	const char **argv = daemon_arguments(cli, q);
	pid_t pid = 0;
	int fd, r, status, printing = 0;

	fd = argv ? daemon_start(argv, &pid) : -ENOMEM;
	free(argv);
	if (fd < 0) {
		log_error("lazaretd: %s", strerror(-fd));
		return EXIT_CANNOT;
	}
	(void)signal(SIGINT, SIG_IGN); /* lazaretd has got it, too, and ends in good order */
	in = fdopen(fd, "r");
	d = in ? display_new(q->is_quiet) : NULL;
	r = d ? show_events(in, d, q, &printing) : -errno;
	if (r < 0) { /* nobody would see what becomes of it */
		log_error("what lazaretd tells cannot be shown: %s; the inspection is stopped", strerror(-r));
		(void)kill(pid, SIGTERM); /* it may have ended */
		if (!in)
			close_p(&fd);
		fclose_p(&in); /* or it would wait until somebody reads */
	}
	status = daemon_wait(pid);
	display_free(d);
	if (printing < 0) {
		log_error("printing the report: %s. It is kept: lazaret history", strerror(-printing));
		return EXIT_CANNOT;
	}
	return r < 0 && q->is_json ? EXIT_CANNOT : status; /* whatever was shown: its own status says what was published */
}

/* With `operators: authenticated` whoever brings the medium logs in for it. Other troubles of the configuration are lazaretd's to
 * tell. False: refused, and told. */
static bool take_operator(const struct cli *cli, struct request *q)
{
	_cleanup_(station_config_freep) struct station_config *config = NULL;
	struct yaml_errors errors = { 0 };
	char *name = NULL;
	int r = station_config_load(cli->dir, &errors, &config);

	yaml_errors_done(&errors);
	if (r < 0 || config->operators != STATION_OPERATORS_AUTHENTICATED)
		return true;
	r = person_ask_role(config, "operator", "inspect", 1u << PERSON_OPERATOR, NULL, &name);
	if (r == 0 && *q->operator_name && strcmp(q->operator_name, name) != 0) {
		log_error("--operator %s: it was %s who logged in", q->operator_name, name);
		r = -EACCES;
	}
	q->operator_name = name; /* for the life of the process */
	q->is_authenticated = r == 0;
	return r == 0;
}

int cmd_inspect(struct cli *cli)
{
	static const struct option longs[] = { { "json", no_argument, NULL, 'j' },
					       { "operator", required_argument, NULL, 'o' },
					       { "reason", required_argument, NULL, 'r' },
					       { "owner", required_argument, NULL, 'w' },
					       { "ticket", required_argument, NULL, 't' },
					       { "credentials", required_argument, NULL, 'c' },
					       { "quiet", no_argument, NULL, 'q' },
					       { 0 } };
	struct request q = { .operator_name = "", .reason = "", .owner = "", .ticket = "", .is_json = cli->is_json };
	int c;

	while ((c = getopt_long(cli->argc, cli->argv, "", longs, NULL)) != -1) {
		if (c == 'j')
			q.is_json = true;
		else if (c == 'q')
			q.is_quiet = true;
		else if (c == 'o')
			q.operator_name = optarg;
		else if (c == 'r')
			q.reason = optarg;
		else if (c == 'w')
			q.owner = optarg;
		else if (c == 't')
			q.ticket = optarg;
		else if (c != 'c' || !person_credentials(optarg))
			return EXIT_USAGE;
	}
	if (optind == cli->argc) {
		fprintf(stderr, "usage: lazaret -C DIR inspect [--json] [--quiet] [--operator NAME] [--reason TEXT] [--owner NAME] [--ticket TEXT]\n"
				"                               [--credentials FD] SOURCE...\n");
		return EXIT_USAGE;
	}
	q.sources = cli->argv + optind;
	q.source_count = cli->argc - optind;
	return take_operator(cli, &q) ? inspect(cli, &q) : EXIT_CANNOT;
}
