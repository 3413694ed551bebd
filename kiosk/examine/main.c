/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-examine: loads libclamav's database, libmagic's and the list of forbidden contents once, enters its
 * sandbox, and forks workers on demand. It reads no untrusted byte and scans nothing: what a scan leaves behind in
 * libclamav (the generator of temporary names above all) would be the same in every worker.
 */
#include <signal.h>
#include <string.h>

#include "common/log.h"
#include "examine/start.h"
#include "examine/worker.h"
#include "sandbox/sandbox.h"

struct server {
	struct channel channel;
	struct start start;
	struct examiner examiner;
	char sandbox[128];
};

static int load(struct server *s)
{
	char why[WHY_MAX] = "";
	struct message m;
	int r = channel_expect(&s->channel, MESSAGE_EXAMINE_START, &m, NULL);

	if (r < 0)
		return r;
	r = start_decode(&m, &s->start);
	message_done(&m);
	if (r < 0)
		return r;
	r = start_load(&s->start, &s->examiner, why);
	if (r < 0) {
		log_error("err=%s: %s", errno_name(r), why);
		(void)channel_fail(&s->channel, r, "engines", "%s", why); /* our end says it too */
		return r;
	}
	close_p(&s->start.database_fd);
	return start_tell_engines(&s->channel, &s->examiner);
}

static int enter(struct server *s)
{
	const char *where = "";
	int r;

	(void)snprintf(s->sandbox, sizeof(s->sandbox), "%s", sandbox_describe());
	r = sandbox_enter(ROLE_EXAMINE, NULL, 0, &where);
	if (r < 0) {
		log_error("sandbox: %s: %s", where, strerror(-r));
		(void)channel_fail(&s->channel, r, where, "%s", strerror(-r)); /* our end says it too */
		return r;
	}
	return channel_ready(&s->channel, "examine", s->sandbox);
}

static int spawn(struct server *s)
{
	_cleanup_close_ int channel_fd = -EBADF, pid_fd = -EBADF;
	int r = worker_spawn(&s->examiner, &s->start, s->sandbox, &channel_fd, &pid_fd);

	if (r < 0)
		return channel_fail(&s->channel, r, "spawn", "%s", strerror(-r));
	return channel_send(&s->channel, MESSAGE_EXAMINE_SPAWNED, NULL, (int[]){ channel_fd, pid_fd }, 2);
}

static int loop(struct server *s)
{
	for (;;) {
		struct message m;
		int r = channel_receive(&s->channel, &m, false);

		if (r == -ENOTCONN)
			return 0;
		if (r < 0)
			return r;
		message_done(&m);
		if (m.type == MESSAGE_END)
			return 0;
		r = spawn(s);
		if (r < 0)
			return r;
	}
}

int main(void)
{
	static struct server s;
	int r;

	log_open("lazaret-examine");
	/* Workers are reaped by the kernel; their fate is the supervisor's business, by pidfd. */
	if (signal(SIGCHLD, SIG_IGN) == SIG_ERR)
		return EXIT_FAILURE;
	channel_init(&s.channel, CHANNEL_FD, false, CHANNEL_EXAMINE);
	r = load(&s);
	if (r == 0)
		r = enter(&s);
	if (r == 0)
		r = loop(&s);
	if (r < 0)
		log_error("err=%s: ends", errno_name(r));
	/* Nothing is left to write, and a database of a gigabyte is not worth freeing. */
	_exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}
