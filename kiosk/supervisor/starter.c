/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "supervisor/starter.h"

#include <string.h>
#include <sys/socket.h>

#include "common/fd.h"
#include "common/log.h"
#include "sandbox/lifeline.h"

#define ANSWER_MS 30000 /* the service manager makes a unit of each; a busy machine times a hundred */

static const char *socket_path;

void starter_use(const char *path)
{
	socket_path = path;
}

bool starter_is_used(void)
{
	return socket_path != NULL;
}

/* Open a line, ask, hear the answer. Returns the line, or a negative errno with the other end's words in `m`. */
static int ask(enum lifeline_kind kind, int32_t value, const int *fds, struct lifeline_message *m)
{
	_cleanup_close_ int fd = fd_connect(socket_path, SOCK_SEQPACKET);
	int r = fd < 0 ? fd : lifeline_send(fd, kind, value, NULL, fds);

	m->words[0] = '\0';
	if (r == 0)
		r = lifeline_receive(fd, ANSWER_MS, m);
	if (r < 0)
		return r;
	if (m->kind == LIFELINE_FAILED)
		return m->value < 0 ? m->value : -EPROTO;
	return m->kind == LIFELINE_STARTED ? TAKE_FD(fd) : -EPROTO;
}

int starter_start(enum role_id role, int channel_fd, int *ret_life_fd, pid_t *ret_pid)
{
	const int fds[LIFELINE_FDS] = { channel_fd, STDERR_FILENO };
	struct lifeline_message m;
	int fd = ask(LIFELINE_START, (int32_t)role, fds, &m);

	if (fd < 0) {
		log_error("role=%s err=%s: %s could not start it", role_get(role)->name, errno_name(fd), socket_path);
		return fd;
	}
	*ret_life_fd = fd;
	*ret_pid = m.value;
	return 0;
}

int starter_probe(const char **ret_where)
{
	static struct lifeline_message m;
	int fd = ask(LIFELINE_PROBE, 0, NULL, &m);

	*ret_where = m.words[0] ? m.words : "lazaret-starter";
	if (fd < 0)
		return fd;
	close_p(&fd);
	return 0;
}

void starter_kill(int life_fd)
{
	int r = lifeline_send(life_fd, LIFELINE_KILL, 0, NULL, NULL);

	if (r < 0 && r != -ENOTCONN)
		log_warning("err=%s: lazaret-starter does not hear", errno_name(r)); /* closing the line kills, too */
}

void starter_release(int life_fd)
{
	int r = lifeline_send(life_fd, LIFELINE_RELEASE, 0, NULL, NULL);

	if (r < 0 && r != -ENOTCONN)
		log_warning("err=%s: lazaret-starter does not hear", errno_name(r));
}

int starter_wait(int life_fd, int timeout_ms, int *ret_status)
{
	struct lifeline_message m;
	int r = lifeline_receive(life_fd, timeout_ms, &m);

	if (r < 0)
		return r;
	if (m.kind != LIFELINE_ENDED)
		return -EPROTO;
	*ret_status = m.value;
	return 0;
}
