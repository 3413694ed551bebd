/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-selfcheck: the station looks at itself, once, and writes what it saw to standard output (control/selfcheck.h).
 *
 * Started by lazaretd (itself, or through lazaret-selfcheck.socket: `--asked`), or by `lazaret selfcheck` where lazaretd does not run.
 * It takes one byte from who asks, the station's own configuration, and what the kernel and root have written; no byte of a medium. It
 * needs root's eyes on a system that others must not see so, hence a process of its own that has nothing else: after loading its
 * configuration it may read, use loop devices, and write to standard output (sandbox/role.c, ROLE_SELFCHECK).
 */
#include <getopt.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "common/fd.h"
#include "common/log.h"
#include "sandbox/sandbox.h"
#include "selfcheck/selfcheck.h"
#include "supervisor/starter.h"

#define EX_USAGE 64
#define ASKED_MS 10000 /* the byte is sent right after connecting */

struct options {
	const char *dir, *roles, *facts;
	bool is_asked, is_whole;
};

static const char usage[] = "usage: lazaret-selfcheck -C DIR [--roles SOCKET] [--asked | --whole] [--facts DIR]\n";

static bool parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = { { "roles", required_argument, NULL, 's' }, { "asked", no_argument, NULL, 'a' },
					       { "whole", no_argument, NULL, 'w' },	  { "facts", required_argument, NULL, 'f' },
					       { "help", no_argument, NULL, 'h' },	  { "version", no_argument, NULL, 'V' },
					       { 0 } };
	int c;

	*o = (struct options){ .facts = "/usr/lib/lazaret" };
	while ((c = getopt_long(argc, argv, "C:h", longs, NULL)) != -1) {
		if (c == 'C') {
			o->dir = optarg;
		} else if (c == 's') {
			o->roles = optarg;
		} else if (c == 'f') {
			o->facts = optarg;
		} else if (c == 'a') {
			o->is_asked = true;
		} else if (c == 'w') {
			o->is_whole = true;
		} else if (c == 'h' || c == 'V') {
			(void)(c == 'h' ? fputs(usage, stdout) : printf("lazaret-selfcheck %s\n", LAZARET_VERSION));
			exit(EXIT_SUCCESS);
		} else {
			return false;
		}
	}
	return o->dir && optind == argc && !(o->is_asked && o->is_whole);
}

/* 'q': quick, 'w': the whole trail. */
static int hear(bool *ret_is_whole)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	char c;

	if (poll(&p, 1, ASKED_MS) != 1 || read(STDIN_FILENO, &c, 1) != 1 || (c != 'q' && c != 'w'))
		return -EPROTO;
	*ret_is_whole = c == 'w';
	return 0;
}

static int load(const char *dir, struct station_config **ret)
{
	struct yaml_errors errors = { 0 };
	int r = station_config_load(dir, &errors, ret);

	if (r < 0)
		yaml_errors_print(&errors, stderr);
	yaml_errors_done(&errors);
	return r;
}

static int tell(const struct system *sys)
{
	json_t *result = selfcheck_run(sys);
	char *text = result ? json_dumps(result, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	int r = text ? fd_write_all(STDOUT_FILENO, text, strlen(text)) : -ENOMEM;

	if (r == 0)
		r = fd_write_all(STDOUT_FILENO, "\n", 1);
	free(text);
	json_decref(result);
	return r;
}

/* Trusted: who starts it, and what root wrote. */
static int prepare(const struct options *o, struct system *sys, struct station_config **ret_config)
{
	bool is_appliance = false;
	int r = o->is_asked ? hear(&sys->is_whole) : 0;

	if (r == 0)
		r = load(o->dir, ret_config);
	if (r < 0)
		return r;
	sys->config = *ret_config;
	r = appliance_is_there(o->facts, &is_appliance);
	if (r < 0) { /* what calls itself one is held to it */
		log_error("%s/appliance.json: %s", o->facts, strerror(-r));
		is_appliance = true;
	}
	sys->machine = is_appliance ? SELFCHECK_APPLIANCE : o->roles ? SELFCHECK_INSTALLED : SELFCHECK_TRIAL;
	if (o->roles)
		starter_use(o->roles);
	sys->sandbox = o->roles ? starter_probe(&sys->sandbox_where) : sandbox_probe(&sys->sandbox_where);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o;
	_cleanup_(station_config_freep) struct station_config *config = NULL;
	struct system sys = { .proc = "/proc", .sys = "/sys", .dev = "/dev", .etc = "/etc", .usr = "/usr", .now = time(NULL) };
	const char *where = "";
	int r;

	log_open("lazaret-selfcheck");
	if (!parse_options(argc, argv, &o)) {
		(void)fputs(usage, stderr);
		return EX_USAGE;
	}
	sys.facts = o.facts;
	sys.is_by_daemon = o.is_asked;
	sys.is_whole = o.is_whole;
	r = prepare(&o, &sys, &config);
	if (r == 0) {
		r = sandbox_enter(ROLE_SELFCHECK, NULL, 0, &where);
		if (r < 0)
			log_error("sandbox: %s: %s", where, strerror(-r));
	}
	if (r == 0)
		r = tell(&sys);
	if (r < 0) {
		log_error("err=%s: the station could not be looked at: %s", errno_name(r), strerror(-r));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
