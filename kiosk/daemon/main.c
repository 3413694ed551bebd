/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaretd: starts the roles and owns each medium's way. It parses no medium.
 *
 * `lazaretd -C DIR` waits for media (daemon.h). `lazaretd -C DIR --inspect` inspects the given sources one after the other
 * and ends; `lazaret inspect` runs it so and shows its events (events.h), which go to the descriptor named by --events-fd.
 * `lazaret rules explain` and `lazaret key trust` run it with --explain and --describe-key, `lazaret update` with --try.
 */
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

#include "common/log.h"
#include "control/client.h"
#include "daemon/daemon.h"
#include "station/sets.h"
#include "supervisor/describe.h"
#include "supervisor/inspection.h"
#include "supervisor/relay.h"
#include "supervisor/release.h"
#include "supervisor/starter.h"

#define EX_USAGE 64

struct options {
	const char *dir;
	const char *operator_name, *reason, *owner, *ticket;
	const char *root;  /* --explain: where what vouches for the file lies */
	const char *release, *second; /* --release: proposal, and the person who confirms it */
	const char *sets;  /* --try: what is tried, a file beneath sets/ */
	const char *roles; /* the socket of lazaret-starter; NULL: roles are our children */
	const char *selfcheck; /* that of lazaret-selfcheck; as above */
	const char *machine; /* that of the appliance's helper (machine.h); NULL: there is none */
	int events_fd;
	bool is_inspecting, is_explaining, is_describing;
	bool is_authenticated; /* whoever calls has made sure that it is him: lazaret inspect */
};

/* A client of --events-fd that does not read for so long has gone. */
#define EVENTS_PATIENCE_MS 1000

static const char usage[] = "usage: lazaretd -C DIR [--roles SOCKET] [--selfcheck SOCKET] [--machine SOCKET]\n"
			    "       lazaretd -C DIR --inspect [--operator NAME [--authenticated]] [--reason TEXT] [--owner NAME] [--ticket TEXT]\n"
			    "                [--events-fd N] SOURCE...\n"
			    "       lazaretd -C DIR --explain [--root DIR] [--events-fd N] FILE...\n"
			    "       lazaretd -C DIR --try SETS [--events-fd N] DIRECTORY\n"
			    "       lazaretd -C DIR --describe-key [--events-fd N] FILE\n"
			    "       lazaretd -C DIR --release PROPOSAL --second NAME [--events-fd N]\n";

static bool parse_fd(const char *text, int *ret)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(text, &end, 10);
	if (errno || *end || end == text || v < 3 || v > 1 << 20)
		return false;
	*ret = (int)v;
	return true;
}

static bool parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = { { "inspect", no_argument, NULL, 'i' },
					       { "explain", no_argument, NULL, 'x' },
					       { "describe-key", no_argument, NULL, 'k' },
					       { "root", required_argument, NULL, 'R' },
					       { "release", required_argument, NULL, 'L' },
					       { "second", required_argument, NULL, 'S' },
					       { "try", required_argument, NULL, 'T' },
					       { "operator", required_argument, NULL, 'o' },
					       { "authenticated", no_argument, NULL, 'a' },
					       { "reason", required_argument, NULL, 'r' },
					       { "owner", required_argument, NULL, 'w' },
					       { "ticket", required_argument, NULL, 't' },
					       { "events-fd", required_argument, NULL, 'e' },
					       { "roles", required_argument, NULL, 's' },
					       { "selfcheck", required_argument, NULL, 'c' },
					       { "machine", required_argument, NULL, 'M' },
					       { "version", no_argument, NULL, 'V' },
					       { "help", no_argument, NULL, 'h' },
					       { 0 } };
	int c;

	*o = (struct options){ .operator_name = "", .reason = "", .owner = "", .ticket = "", .events_fd = -1 };
	while ((c = getopt_long(argc, argv, "+C:h", longs, NULL)) != -1) {
		if (c == 'C')
			o->dir = optarg;
		else if (c == 'i')
			o->is_inspecting = true;
		else if (c == 'x')
			o->is_explaining = true;
		else if (c == 'k')
			o->is_describing = true;
		else if (c == 'o')
			o->operator_name = optarg;
		else if (c == 'r')
			o->reason = optarg;
		else if (c == 'a')
			o->is_authenticated = true;
		else if (c == 'w')
			o->owner = optarg;
		else if (c == 't')
			o->ticket = optarg;
		else if (c == 's')
			o->roles = optarg;
		else if (c == 'c')
			o->selfcheck = optarg;
		else if (c == 'M')
			o->machine = optarg;
		else if (c == 'R')
			o->root = optarg;
		else if (c == 'L')
			o->release = optarg;
		else if (c == 'S')
			o->second = optarg;
		else if (c == 'T')
			o->sets = optarg;
		else if (c == 'V') {
			(void)printf("lazaretd %s\n", LAZARET_VERSION);
			exit(EXIT_SUCCESS);
		} else if (c == 'h') {
			(void)fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		} else if (c != 'e' || !parse_fd(optarg, &o->events_fd)) {
			return false;
		}
	}
	if ((o->selfcheck || o->machine) && (o->is_inspecting || o->is_explaining || o->is_describing || o->release || o->sets))
		return false;
	if (o->release || o->second)
		return o->dir && o->release && o->second && optind == argc && !o->is_inspecting && !o->is_explaining && !o->is_describing;
	if (!o->is_inspecting && !o->is_explaining && !o->is_describing && !o->sets)
		return o->dir && optind == argc && !*o->operator_name && !*o->reason && !*o->owner && !*o->ticket && !o->is_authenticated &&
		       o->events_fd < 0;
	if (o->root && !o->is_explaining)
		return false;
	return o->dir && o->is_inspecting + o->is_explaining + o->is_describing + (o->sets != NULL) == 1 &&
	       (o->is_describing || o->sets ? optind == argc - 1 : optind < argc);
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	(void)signal(SIGPIPE, SIG_IGN); /* cannot fail for this signal */
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Who brings the medium, and what the rules want to know of it. */
static bool knows_enough(const struct options *o, const struct supervisor *s, struct events *events)
{
	enum station_operators operators = s->config->operators;
	_cleanup_free_ char *missing = rules_missing_text(rules_missing(s->rules, o->owner, o->ticket, o->reason));

	if (operators == STATION_OPERATORS_NAMED && !*o->operator_name)
		events_error(events, "this station wants to know who brings a medium: give --operator NAME");
	else if (operators == STATION_OPERATORS_AUTHENTICATED && (!*o->operator_name || !o->is_authenticated))
		events_error(events, "who brings a medium to this station must log in: use the console, or `lazaret inspect`");
	else if (missing)
		events_error(events, "%s: give --owner, --ticket, --reason", missing);
	else
		return true;
	return false;
}

static int inspect(const struct options *o, char **sources)
{
	_cleanup_(supervisor_freep) struct supervisor *s = NULL;
	struct events *events = events_new(o->events_fd, EVENTS_PATIENCE_MS);
	int signal_fd = open_signals(), worst = INSPECTION_ALL_APPROVED;

	if (!events || signal_fd < 0) {
		log_error("err=%s", errno_name(errno));
		worst = INSPECTION_INCOMPLETE;
	} else if (supervisor_open(o->dir, events, signal_fd, &s) < 0) {
		worst = INSPECTION_INCOMPLETE;
	} else if (o->is_inspecting && !knows_enough(o, s, events)) {
		worst = INSPECTION_INCOMPLETE;
		s = supervisor_free(s);
	}
	for (; s && *sources; sources++) {
		const struct inspection_request request = { .source = *sources, .operator_name = o->operator_name, .reason = o->reason,
							      .owner = o->owner, .ticket = o->ticket };
		int status = (int)(o->sets	    ? inspection_try(s, *sources) :
				   o->is_explaining ? inspection_explain(s, *sources, o->root) :
						      inspection_run(s, &request));

		worst = MAX(worst, status);
	}
	s = supervisor_free(s);
	events_free(events);
	close_p(&signal_fd);
	return worst;
}

/* `lazaret review` has found out who the two persons are. */
static int release(const struct options *o)
{
	_cleanup_(supervisor_freep) struct supervisor *s = NULL;
	struct events *events = events_new(o->events_fd, EVENTS_PATIENCE_MS);
	int signal_fd = open_signals(), status = INSPECTION_INCOMPLETE;

	if (!events || signal_fd < 0)
		log_error("err=%s", errno_name(errno));
	else if (supervisor_open_records(o->dir, events, signal_fd, &s) == 0)
		status = (int)release_confirm(s, o->release, o->second);
	s = supervisor_free(s);
	events_free(events);
	close_p(&signal_fd);
	return status;
}

static int describe(const struct options *o, const char *file)
{
	struct events *events = events_new(o->events_fd, EVENTS_PATIENCE_MS);
	struct station_config *config = NULL;
	struct yaml_errors errors = { 0 };
	int signal_fd = open_signals(), status = DESCRIBE_CANNOT;

	if (!events || signal_fd < 0)
		log_error("err=%s", errno_name(errno));
	else if (station_config_load(o->dir, &errors, &config) < 0)
		yaml_errors_print(&errors, stderr);
	else
		status = (int)describe_key_file(config, file, events, signal_fd);
	yaml_errors_done(&errors);
	station_config_free(config);
	events_free(events);
	close_p(&signal_fd);
	return status;
}

int main(int argc, char **argv)
{
	struct options o;
	struct relay relay = { 0 };
	bool is_daemon;
	int status;

	log_open("lazaretd");
	if (!parse_options(argc, argv, &o)) {
		(void)fputs(usage, stderr);
		return EX_USAGE;
	}
	if (o.roles)
		starter_use(o.roles);
	if (o.sets)
		station_sets_use(o.sets);
	is_daemon = !o.is_inspecting && !o.is_explaining && !o.is_describing && !o.release && !o.sets;
	if (is_daemon)
		control_wipe_json(); /* passphrases pass through requests */
	if (relay_start(&relay) < 0) {
		log_error("err=%s", errno_name(errno));
		return INSPECTION_INCOMPLETE;
	}
	if (is_daemon)
		status = daemon_run(o.dir, o.selfcheck, o.machine);
	else if (o.release)
		status = release(&o);
	else
		status = o.is_describing ? describe(&o, argv[optind]) : inspect(&o, argv + optind);
	relay_end(&relay);
	return status;
}
