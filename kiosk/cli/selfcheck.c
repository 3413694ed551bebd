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

#define ANSWER_MS 900000 /* the whole trail is verified */

/* -- by lazaretd ---------------------------------------------------------------------------------------------------- */

/* 0; -ENOTCONN: it does not run; another negative errno after telling. */
static int ask_daemon(const struct station_config *c, json_t **ret)
{
	struct control_client *client = NULL;
	json_t *answer = NULL;
	const char *why;
	int r = daemon_connect(c, &client);

	if (r == 0)
		r = control_client_ask(client, "selfcheck", NULL, ANSWER_MS, &answer);
	control_client_free(client);
	if (r == -ENOENT || r == -ECONNREFUSED)
		return -ENOTCONN;
	why = json_string_value(json_object_get(json_object_get(answer, "error"), "text"));
	if (r < 0) {
		log_error("%s", daemon_words(r));
		r = r == -ENOTCONN ? -EIO : r;
	} else if (json_is_true(json_object_get(answer, "ok")) && json_is_object(json_object_get(answer, "selfcheck"))) {
		*ret = json_incref(json_object_get(answer, "selfcheck"));
	} else {
		log_error("%s", why ? why : "lazaretd's answer is not understood");
		r = -EPERM;
	}
	json_decref(answer);
	return r;
}

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

/* lazaretd records its own. Names alone: what is wrong was told to who asked. */
static void record(const struct station_config *c, const json_t *result)
{
	json_t *wrong = json_array(), *check, *body;
	size_t k;

	json_array_foreach(json_object_get(result, "checks"), k, check) {
		const char *state = json_string_value(json_object_get(check, "state"));

		if (state && (strcmp(state, "bad") == 0 || strcmp(state, "warning") == 0))
			(void)json_array_append_new(wrong, json_pack("{s:O,s:O}", "name", json_object_get(check, "name"), "state",
								     json_object_get(check, "state"))); /* counted all the same */
	}
	body = json_pack("{s:s,s:O,s:O,s:O,s:O,s:O,s:O,s:O,s:o}", "trigger", "command", "machine", json_object_get(result, "machine"), "whole",
			 json_object_get(result, "whole"), "good", json_object_get(result, "good"), "warnings", json_object_get(result, "warnings"),
			 "bad", json_object_get(result, "bad"), "not_applicable", json_object_get(result, "not_applicable"), "stops",
			 json_object_get(result, "stops"), "wrong", wrong);
	if (!body || records_append(c, "self-check", body) < 0)
		log_warning("this self-check is not in the audit trail");
	json_decref(body);
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
	r = ask_daemon(c, &result);
	if (r == -ENOTCONN) {
		r = run_here(c, &result);
		if (r == 0)
			record(c, result);
	}
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
