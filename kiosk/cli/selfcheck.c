/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "cli/selfcheck.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cli/media.h"
#include "cli/records.h"
#include "common/log.h"
#include "common/program.h"
#include "control/selfcheck.h"

#define STATION_INSTALLED "/var/lib/lazaret" /* whose roles have units, and that socket */
#define ROLES_SOCKET	  "/run/lazaret/roles.sock"

/* -- run here ------------------------------------------------------------------------------------------------------- */

static bool is_installed(const struct station_config *c)
{
	struct stat st;

	return geteuid() == 0 && strcmp(c->dir, STATION_INSTALLED) == 0 && stat(ROLES_SOCKET, &st) == 0 && S_ISSOCK(st.st_mode);
}

static _noreturn_ void become_selfcheck(const struct station_config *c, int fd)
{
	const char *argv[] = { "lazaret-selfcheck", "-C", c->dir, "--whole", NULL, NULL, NULL };
	char path[PATH_MAX];

	if (is_installed(c)) {
		argv[4] = "--roles";
		argv[5] = ROLES_SOCKET;
	}
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || dup2(fd, STDOUT_FILENO) < 0)
		_exit(127);
	if (program_find("lazaret-selfcheck", path) == 0)
		execv(path, (char *const *)argv);
	_exit(127);
}

static int take(int fd, json_t **ret)
{
	_cleanup_free_ char *text = malloc(SELFCHECK_MAX + 1);
	size_t size = 0;
	ssize_t n = 1;

	if (!text)
		return -ENOMEM;
	while (n != 0 && size <= SELFCHECK_MAX) {
		n = read(fd, text + size, SELFCHECK_MAX + 1 - size);
		if (n < 0 && errno != EINTR)
			return -errno;
		size += (size_t)MAX(n, (ssize_t)0);
	}
	return selfcheck_parse(text, size, ret);
}

static int run_here(const struct station_config *c, json_t **ret)
{
	int fds[2], status, r;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		become_selfcheck(c, fds[1]);
	r = pid < 0 ? -errno : 0;
	close_p(&fds[1]);
	if (r == 0)
		r = take(fds[0], ret);
	close_p(&fds[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r < 0)
		log_error("lazaret-selfcheck could not be run, or said nothing that is understood: %s", strerror(-r));
	return r;
}

/* -- shown ---------------------------------------------------------------------------------------------------------- */

static const char *get(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "-";
}

static void print_text(const json_t *result)
{
	const json_t *c;
	size_t k;

	json_array_foreach(json_object_get(result, "checks"), k, c) {
		const char *state = get(c, "state");

		printf("%-9s %-15s ", strcmp(state, "not-applicable") == 0 ? "-" : state, get(c, "name"));
		records_put(get(c, "text"));
		putchar('\n');
	}
	printf("\n%lld good, %lld warnings, %lld bad, %lld not applicable (%s)\n", (long long)json_integer_value(json_object_get(result, "good")),
	       (long long)json_integer_value(json_object_get(result, "warnings")), (long long)json_integer_value(json_object_get(result, "bad")),
	       (long long)json_integer_value(json_object_get(result, "not_applicable")), get(result, "machine"));
	if (json_is_true(json_object_get(result, "stops")))
		printf("an invariant does not hold: no medium is accepted unless selfcheck.on-bad in lazaret.yaml says so\n");
}

int cmd_selfcheck(struct cli *cli)
{
	struct station_config *c;
	json_t *result = NULL;
	int r;

	if (cli->argc > 2 || (cli->argc == 2 && strcmp(cli->argv[1], "--json") != 0)) {
		fprintf(stderr, "usage: lazaret -C DIR selfcheck [--json]\n");
		return EXIT_USAGE;
	}
	c = records_config(cli);
	if (!c)
		return EXIT_CANNOT;
	r = run_here(c, &result);
	if (r == 0 && (cli->is_json || cli->argc == 2)) {
		json_dumpf(result, stdout, JSON_INDENT(1) | JSON_SORT_KEYS);
		putchar('\n');
	} else if (r == 0) {
		print_text(result);
	}
	r = r < 0 ? EXIT_CANNOT : json_integer_value(json_object_get(result, "bad")) > 0;
	json_decref(result);
	station_config_free(c);
	return r;
}
