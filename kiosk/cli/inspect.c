/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret inspect: starts lazaretd for these sources, shows what it tells, and with --json prints the reports.
 *
 * Ctrl-C goes to the whole foreground group: lazaretd ends the inspection as aborted, and this process goes on showing
 * what it tells until it has ended. Pressing it again changes nothing.
 */
#include "cli/inspect.h"

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "cli/cli.h"
#include "cli/records.h"
#include "common/log.h"

#define EVENTS_FD 3

struct request {
	const char *operator_name, *reason;
	bool is_json, is_quiet;
	char **sources;
	int source_count;
};

/* Beside us in the build tree, in PREFIX/sbin when installed. */
static const char *daemon_path(char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size - sizeof("lazaretd"));
	char *slash = NULL;

	if (n > 0) {
		path[n] = '\0';
		slash = strrchr(path, '/');
	}
	if (slash) {
		memcpy(slash + 1, "lazaretd", sizeof("lazaretd"));
		if (access(path, X_OK) == 0)
			return path;
	}
	return LAZARET_SBINDIR "/lazaretd";
}

static _noreturn_ void run_daemon(const struct cli *cli, const struct request *q, int fd)
{
	char path[4096], **argv = calloc((size_t)q->source_count + 12, sizeof(*argv));
	int n = 0;

	if (!argv)
		_exit(127);
	argv[n++] = (char *)"lazaretd";
	argv[n++] = (char *)"-C";
	argv[n++] = (char *)cli->dir;
	argv[n++] = (char *)"--inspect";
	argv[n++] = (char *)"--operator";
	argv[n++] = (char *)q->operator_name;
	argv[n++] = (char *)"--reason";
	argv[n++] = (char *)q->reason;
	argv[n++] = (char *)"--events-fd=3";
	argv[n++] = (char *)"--";
	for (int k = 0; k < q->source_count; k++)
		argv[n++] = q->sources[k];
	/* If we are killed, it must end the inspection in good order: a signal, not SIGKILL. */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || (fd == EVENTS_FD ? fcntl(fd, F_SETFD, 0) : dup2(fd, EVENTS_FD)) < 0 ||
	    signal(SIGINT, SIG_DFL) == SIG_ERR)
		_exit(127);
	execv(daemon_path(path, sizeof(path)), argv);
	_exit(127);
}

static int start_daemon(const struct cli *cli, const struct request *q, pid_t *ret_pid)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		run_daemon(cli, q, pair[1]);
	close_p(&pair[1]);
	if (pid < 0) {
		int r = -errno;

		close_p(&pair[0]);
		return r;
	}
	*ret_pid = pid;
	return pair[0];
}

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

static int show_events(FILE *in, struct display *d, const struct request *q)
{
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	ssize_t n;
	int r = 0;

	while ((n = getline(&line, &room, in)) > 0) {
		json_t *e = json_loadb(line, (size_t)n, 0, NULL);
		const char *name = json_string_value(json_object_get(e, "event"));

		if (e)
			display_event(d, e);
		if (name && strcmp(name, "done") == 0 && q->is_json && display_report(d) && r == 0)
			r = print_report(display_report(d));
		json_decref(e);
	}
	return r;
}

static int wait_status(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return EXIT_CANNOT;
	if (WIFEXITED(status) && WEXITSTATUS(status) != 127)
		return WEXITSTATUS(status);
	log_error("lazaretd could not be run, or was killed; the next inspection cleans up after it");
	return EXIT_CANNOT;
}

static int inspect(const struct cli *cli, const struct request *q)
{
	_cleanup_fclose_ FILE *in = NULL;
	struct display *d;
	pid_t pid = 0;
	int fd, r, status;

	fd = start_daemon(cli, q, &pid);
	if (fd < 0) {
		log_error("lazaretd: %s", strerror(-fd));
		return EXIT_CANNOT;
	}
	(void)signal(SIGINT, SIG_IGN); /* lazaretd has got it, too, and ends in good order */
	in = fdopen(fd, "r");
	d = display_new(q->is_quiet);
	r = in && d ? show_events(in, d, q) : -ENOMEM;
	status = wait_status(pid);
	display_free(d);
	if (r < 0) {
		log_error("printing the report: %s", strerror(-r));
		return EXIT_CANNOT;
	}
	return status;
}

int cmd_inspect(struct cli *cli)
{
	static const struct option longs[] = { { "json", no_argument, NULL, 'j' },
					       { "operator", required_argument, NULL, 'o' },
					       { "reason", required_argument, NULL, 'r' },
					       { "quiet", no_argument, NULL, 'q' },
					       { 0 } };
	struct request q = { .operator_name = "", .reason = "", .is_json = cli->is_json };
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
		else
			return EXIT_USAGE;
	}
	if (optind == cli->argc) {
		fprintf(stderr, "usage: lazaret -C DIR inspect [--json] [--quiet] [--operator NAME] [--reason TEXT] SOURCE...\n");
		return EXIT_USAGE;
	}
	q.sources = cli->argv + optind;
	q.source_count = cli->argc - optind;
	return inspect(cli, &q);
}
