/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-starter: the parent of the roles, where the service manager does not let lazaretd itself make sandboxes.
 *
 * systemd gives it a listening socket as descriptor 3 (sd_listen_fds(3)). Each connection is a role: a child attends to it, and to
 * the role, whose parent it is. lazaretd, at the other end, then needs none of the privileges that mounts, namespaces and accounts
 * take; they are here, in processes that read five bytes from root and two descriptors, and never anything of a medium.
 * Which role is asked for is the supervisor's decision, as it is without this program: it is trusted with all of them.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common/log.h"
#include "sandbox/lifeline.h"
#include "sandbox/sandbox.h"
#include "sandbox/spawn.h"

#define LINE_FD 3 /* in a child that attends; before that, the listening socket */
#define REQUEST_MS 10000 /* the request is sent right after connecting */

static bool is_from_root(void)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(LINE_FD, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == 0;
}

static int probe(void)
{
	const char *where = "";
	int r = sandbox_probe(&where);

	return lifeline_send(LINE_FD, r < 0 ? LIFELINE_FAILED : LIFELINE_STARTED, r, where, NULL);
}

/* Wait for the end of the role or of the line, whichever comes first. Returns its wait status. */
static int attend(pid_t pid, int pid_fd)
{
	struct pollfd polled[2] = { { .fd = pid_fd, .events = POLLIN }, { .fd = LINE_FD, .events = POLLIN } };
	struct lifeline_message m;
	int status = 0;

	while (!polled[0].revents) {
		if (poll(polled, 2, -1) < 0) {
			polled[0].revents = polled[1].revents = 0;
			if (errno != EINTR)
				break;
		}
		if (polled[0].revents || !polled[1].revents)
			continue;
		if (lifeline_receive(LINE_FD, 0, &m) == 0 && m.kind == LIFELINE_RELEASE)
			polled[1].fd = -1;
		else { /* told to, left alone, or not understood */
			(void)kill(pid, SIGKILL); /* our child, not reaped yet */
			break;
		}
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static int start(struct lifeline_message *m)
{
	_cleanup_close_ int channel_fd = m->fds[0], error_fd = m->fds[1], pid_fd = -EBADF;
	pid_t pid;
	int r;

	if (m->value < 0 || m->value >= ROLE_COUNT_ || !role_get((enum role_id)m->value)->executable)
		return -EPROTO;
	if (dup2(error_fd, STDERR_FILENO) < 0)
		return -errno;
	r = role_spawn((enum role_id)m->value, channel_fd, &pid);
	if (r < 0)
		return lifeline_send(LINE_FD, LIFELINE_FAILED, r, strerror(-r), NULL);
	close_p(&channel_fd); /* the role's end must close when the role does */
	pid_fd = pidfd_open(pid, 0);
	r = pid_fd < 0 ? -errno : lifeline_send(LINE_FD, LIFELINE_STARTED, pid, NULL, NULL);
	if (r < 0)
		return r; /* it dies with us */
	/* Whoever released it, or died, does not hear this. */
	r = lifeline_send(LINE_FD, LIFELINE_ENDED, attend(pid, pid_fd), NULL, NULL);
	return r == -ENOTCONN ? 0 : r;
}

static _noreturn_ void serve(int line_fd, pid_t parent)
{
	struct lifeline_message m;
	int r = 0;

	/* A service that ends ends with all its roles; SIGCHLD is ignored in the parent alone. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent || signal(SIGCHLD, SIG_DFL) == SIG_ERR ||
	    dup2(line_fd, LINE_FD) < 0 || fcntl(LINE_FD, F_SETFD, FD_CLOEXEC) < 0)
		_exit(EXIT_FAILURE);
	close_p(&line_fd);
	if (!is_from_root())
		r = -EPERM;
	if (r == 0)
		r = lifeline_receive(LINE_FD, REQUEST_MS, &m);
	if (r == 0)
		r = m.kind == LIFELINE_START ? start(&m) : m.kind == LIFELINE_PROBE ? probe() : -EPROTO;
	if (r < 0 && r != -ENOTCONN)
		log_error("err=%s: %s", errno_name(r), strerror(-r));
	_exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

static bool is_listening(void)
{
	int yes = 0;
	socklen_t size = sizeof(yes);

	return getsockopt(LINE_FD, SOL_SOCKET, SO_ACCEPTCONN, &yes, &size) == 0 && yes;
}

int main(void)
{
	pid_t self = getpid();

	log_open("lazaret-starter");
	if (!is_listening()) {
		log_error("descriptor %d does not listen: this program is started by lazaret-roles.socket", LINE_FD);
		return EXIT_FAILURE;
	}
	(void)signal(SIGCHLD, SIG_IGN); /* cannot fail for this signal: nobody is waited for */
	for (;;) {
		int fd = accept4(LINE_FD, NULL, NULL, SOCK_CLOEXEC);
		pid_t pid = fd < 0 ? -1 : fork();

		if (pid == 0)
			serve(fd, self);
		if (pid < 0 && errno != EINTR && errno != ECONNABORTED) {
			log_error("err=%s: a role cannot be started", errno_name(errno));
			(void)poll(NULL, 0, 100); /* no descriptors, no processes: it may pass */
		}
		close_p(&fd);
	}
}
