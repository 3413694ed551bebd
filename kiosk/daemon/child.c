/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* One process an inspection. It is a fork of the daemon, not another program: configuration, rules and keys are those of
 * this moment, whatever is reloaded while it runs. It dies with the daemon; the next start then tells what was cut.
 */
#include <fcntl.h>
#include <linux/cdrom.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "common/fd.h"
#include "common/log.h"
#include "daemon/daemon.h"
#include "supervisor/inspection.h"
#include "supervisor/recover.h"
#include "supervisor/release.h"

/* The daemon may be loading for a while; an inspection does not end for that. */
#define EVENTS_PATIENCE_MS 120000
#define LINE_MAX_BYTES (1u << 20)

struct ends {
	int events[2], answers[2]; /* [0] is the daemon's */
	int examiners[EXAMINERS_MAX][2]; /* [0] is the parent's of the examiners */
	size_t examiner_count;
};

static void close_pair(int pair[static 2])
{
	close_p(&pair[0]);
	close_p(&pair[1]);
}

static void close_ends(struct ends *e)
{
	close_pair(e->events);
	close_pair(e->answers);
	for (size_t k = 0; k < e->examiner_count; k++)
		close_pair(e->examiners[k]);
}

static int open_ends(struct ends *e, size_t examiners)
{
	*e = (struct ends){ .events = { -EBADF, -EBADF }, .answers = { -EBADF, -EBADF } };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, e->events) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, e->answers) < 0)
		return -errno;
	for (; e->examiner_count < examiners; e->examiner_count++)
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, e->examiners[e->examiner_count]) < 0)
			return -errno;
	return 0;
}

/* -- in the child ----------------------------------------------------------------------------------------------- */

/* What every child of ours does first. The daemon may have died before we asked to die with it. */
static void begin_child(pid_t daemon_pid)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != daemon_pid)
		_exit(INSPECTION_INCOMPLETE);
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	/* `pkill -HUP lazaretd` reaches us, too: reloading is the daemon's business. Not blocked, or it would wait to be heard. */
	if (signal(SIGHUP, SIG_IGN) == SIG_ERR || sigprocmask(SIG_SETMASK, &set, NULL) < 0)
		return -errno;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* They are closed already. */
static void forget_channels(struct supervisor *s)
{
	s->ledger.channel.fd = -EBADF;
	s->ledger.life_fd = 0;
	for (size_t k = 0; k < s->examiner_count; k++) {
		s->examiners[k].process.channel.fd = -EBADF;
		s->examiners[k].process.life_fd = 0;
	}
}

static _noreturn_ void inspect(const struct medium *m, struct ends *ends)
{
	struct supervisor *s = m->daemon->station;
	int keep[7 + EXAMINERS_MAX] = { ends->events[1], ends->answers[1], s->spool_fd, s->staging_fd, s->audit_fd, s->reports_fd,
					s->history_fd };
	int examiner_fds[EXAMINERS_MAX];
	char node[sizeof("/dev/") + NAME_MAX];
	struct inspection_request request = { .source = node, .operator_name = m->operator_name, .reason = m->reason,
					      .owner = m->owner, .ticket = m->ticket, .port = m->device.port, .diskseq = m->device.diskseq };
	struct events *events = events_new(ends->events[1], EVENTS_PATIENCE_MS);
	enum inspection_status status = INSPECTION_INCOMPLETE;
	int signal_fd;

	/* The control socket, its clients, the other media: nothing of this is ours. The ledger's and examiners' channels
	 * that the daemon uses close here, too. */
	for (size_t k = 0; k < ends->examiner_count; k++)
		keep[7 + k] = examiner_fds[k] = ends->examiners[k][1];
	if (!events || fd_close_others(STDERR_FILENO + 1, keep, 7 + ends->examiner_count) < 0)
		_exit(INSPECTION_INCOMPLETE);
	forget_channels(s);
	signal_fd = open_signals();
	events_mute(events, "verdict"); /* a million of them; the report has all */
	(void)snprintf(node, sizeof(node), "/dev/%s", m->device.node);
	if (signal_fd >= 0 && supervisor_become(s, events, signal_fd, ends->answers[1], examiner_fds) == 0)
		status = inspection_run(s, &request);
	if (process_end(&s->ledger) != 0)
		log_warning("the ledger did not end cleanly");
	_exit((int)status);
}

/* -- events ----------------------------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
	return monotonic_ms();
}

static void take_line(struct medium *m, const char *line, size_t size)
{
	json_t *e = json_loadb(line, size, 0, NULL);

	if (e && fold_event(&m->fold, e, time(NULL), now_ms()))
		media_changed(m);
	json_decref(e);
}

static void take_lines(struct medium *m)
{
	char *start = m->line, *end;

	while ((end = memchr(start, '\n', m->line_size - (size_t)(start - m->line)))) {
		take_line(m, start, (size_t)(end - start));
		start = end + 1;
	}
	m->line_size -= (size_t)(start - m->line);
	memmove(m->line, start, m->line_size);
}

static bool has_room(struct medium *m)
{
	char *more;

	if (m->line_size < m->line_room)
		return true;
	if (m->line_room >= LINE_MAX_BYTES)
		return false;
	more = realloc(m->line, m->line_room + 65536);
	if (!more)
		return false;
	m->line = more;
	m->line_room += 65536;
	return true;
}

/* 1: some came; 0: nothing now; -1: it has closed its end, or breaks the form. */
static int read_events(struct medium *m)
{
	ssize_t n;

	if (!has_room(m))
		return -1;
	n = recv(m->events_fd, m->line + m->line_size, m->line_room - m->line_size, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (n == 0)
		return -1;
	m->line_size += (size_t)n;
	take_lines(m);
	return 1;
}

static int on_events(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct medium *m = context;

	if (read_events(m) < 0)
		m->events_io = sd_event_source_disable_unref(m->events_io);
	return 0;
}

static int on_exit_of(sd_event_source *source, const siginfo_t *info, void *context)
{
	struct medium *m = context;
	bool has_done;

	while (read_events(m) > 0) /* what it said last */
		;
	m->pid = 0;
	child_done(m);
	has_done = m->fold.outcome != NULL;
	if (!has_done) {
		log_error("medium %u: its inspection died (status %d)", m->number, info->si_status);
		m->is_lost = true;
		child_recover(m->daemon);
	}
	fold_end(&m->fold, time(NULL));
	media_ended(m);
	return 0;
}

/* -- start and end ---------------------------------------------------------------------------------------------- */

static int watch(struct medium *m)
{
	int r = sd_event_add_io(m->daemon->loop, &m->events_io, m->events_fd, POLLIN, on_events, m);

	return r < 0 ? r : sd_event_add_child(m->daemon->loop, &m->exit, m->pid, WEXITED, on_exit_of, m);
}

int child_start(struct medium *m)
{
	struct daemon *d = m->daemon;
	pid_t self = getpid();
	struct ends ends;
	int r = open_ends(&ends, d->station->examiner_count);

	for (size_t k = 0; r == 0 && k < ends.examiner_count; k++)
		r = channel_send(&d->station->examiners[k].process.channel, MESSAGE_FORKSERVER_ATTACH, NULL, &ends.examiners[k][0], 1);
	if (r == 0) {
		m->pid = fork();
		r = m->pid < 0 ? -errno : 0;
	}
	if (r == 0 && m->pid == 0) {
		begin_child(self);
		inspect(m, &ends);
	}
	if (r == 0) {
		m->events_fd = TAKE_FD(ends.events[0]);
		m->answers_fd = TAKE_FD(ends.answers[0]);
		r = watch(m);
	}
	close_ends(&ends);
	if (r < 0) {
		if (m->pid > 0) {
			(void)kill(m->pid, SIGKILL); /* our child, not reaped yet */
			child_reap(d, m->pid);
		}
		m->pid = 0;
		child_done(m);
	}
	return r;
}

void child_signal(struct medium *m, int signal)
{
	if (m->pid > 0 && kill(m->pid, signal) < 0)
		log_warning("medium %u: %s", m->number, strerror(errno));
}

void child_done(struct medium *m)
{
	m->events_io = sd_event_source_disable_unref(m->events_io);
	m->exit = sd_event_source_disable_unref(m->exit);
	close_p(&m->events_fd);
	close_p(&m->answers_fd);
	free(m->line);
	m->line = NULL;
	m->line_size = m->line_room = 0;
}

static int on_reaped(sd_event_source *source, const siginfo_t *info, void *context)
{
	return 0; /* sd-event has waited for it */
}

void child_reap(struct daemon *d, pid_t pid)
{
	sd_event_source *source = NULL;

	if (pid <= 0)
		return;
	if (sd_event_add_child(d->loop, &source, pid, WEXITED, on_reaped, NULL) < 0)
		return; /* a zombie until we end */
	(void)sd_event_source_set_floating(source, 1); /* lives with the loop; fails for no source of this kind */
	sd_event_source_unref(source);
}

/* -- releases (review_release.c) ------------------------------------------------------------------------------------- */

static _noreturn_ void publish(struct supervisor *s, struct release *r, int events_fd)
{
	const int keep[] = { events_fd, s->spool_fd, s->staging_fd, s->audit_fd, s->reports_fd, s->history_fd, release_spool_fd(r) };
	struct events *events = events_new(events_fd, EVENTS_PATIENCE_MS);
	enum inspection_status status = INSPECTION_INCOMPLETE;
	int signal_fd;

	if (!events || fd_close_others(STDERR_FILENO + 1, keep, ARRAY_LEN(keep)) < 0)
		_exit(INSPECTION_INCOMPLETE);
	forget_channels(s);
	signal_fd = open_signals();
	if (signal_fd >= 0 && supervisor_become(s, events, signal_fd, -1, NULL) == 0) {
		status = release_run(r);
		release_free(r);
	}
	if (process_end(&s->ledger) != 0)
		log_warning("the ledger did not end cleanly");
	_exit((int)status);
}

pid_t child_release(struct daemon *d, struct release *r, int *ret_events_fd)
{
	pid_t self = getpid(), pid;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		begin_child(self);
		publish(d->station, r, ends[1]);
	}
	close_p(&ends[1]);
	if (pid < 0) {
		int e = -errno;

		close_p(&ends[0]);
		return e;
	}
	*ret_events_fd = ends[0];
	return pid;
}

/* -- small ones ------------------------------------------------------------------------------------------------- */

void child_recover(struct daemon *d)
{
	pid_t self = getpid(), pid = d->station ? fork() : 0;
	struct supervisor *s = d->station;

	if (!s)
		return;
	if (pid == 0) {
		const int keep[] = { s->spool_fd, s->staging_fd, s->audit_fd, s->reports_fd, s->history_fd };
		int r;

		begin_child(self);
		r = fd_close_others(STDERR_FILENO + 1, keep, ARRAY_LEN(keep));
		forget_channels(s);
		if (r == 0)
			r = supervisor_become(s, events_new(-1, 0), -1, -1, NULL);
		if (r == 0)
			r = recover_all(s);
		if (process_end(&s->ledger) != 0)
			log_warning("the ledger did not end cleanly");
		_exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
	}
	child_reap(d, pid);
}

void child_eject(struct daemon *d, const char *node)
{
	pid_t self = getpid(), pid = fork();

	if (pid == 0) {
		char path[sizeof("/dev/") + NAME_MAX];
		int fd;

		begin_child(self);
		/* nothing of ours stays open for as long as a drive that hangs takes */
		if (fd_close_others(STDERR_FILENO + 1, NULL, 0) < 0)
			_exit(EXIT_FAILURE);
		(void)snprintf(path, sizeof(path), "/dev/%s", node);
		fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		/* Unlock first: a drive that we have locked refuses. Not every drive can. */
		if (fd < 0 || (ioctl(fd, CDROM_LOCKDOOR, 0) < 0 && errno != EDRIVE_CANT_DO_THIS) || ioctl(fd, CDROMEJECT) < 0) {
			log_warning("%s: the tray does not open: %s", path, strerror(errno));
			_exit(EXIT_FAILURE);
		}
		_exit(EXIT_SUCCESS);
	}
	child_reap(d, pid);
}
