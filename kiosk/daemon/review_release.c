/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The process of one release, as inspections have one: it hashes, publishes and records, while the daemon goes on. It dies with the
 * daemon; the next start then tells what was cut. */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "common/log.h"
#include "daemon/daemon.h"
#include "daemon/review.h"
#include "supervisor/release.h"

#define LINE_MAX_BYTES (1u << 20)

static void set(struct daemon *d, const char *field, json_t *value)
{
	if (d->review.object && json_object_set_new(d->review.object, field, value) == 0)
		control_touch(d->control, CONTROL_RELEASE);
}

/* -- what it tells ---------------------------------------------------------------------------------------------------------------- */

static void take_line(struct daemon *d, const char *line, size_t size)
{
	json_t *e = json_loadb(line, size, 0, NULL);
	const char *name = json_string_value(json_object_get(e, "event"));

	if (name && strcmp(name, "error") == 0 && json_is_null(json_object_get(d->review.object, "trouble")))
		set(d, "trouble", fold_text(json_string_value(json_object_get(e, "text")) ? json_string_value(json_object_get(e, "text")) : ""));
	if (name && strcmp(name, "done") == 0)
		set(d, "outcome", json_incref(json_object_get(e, "outcome")));
	json_decref(e);
}

static void take_lines(struct daemon *d)
{
	struct review *v = &d->review;
	char *start = v->line, *end;

	while ((end = memchr(start, '\n', v->line_size - (size_t)(start - v->line)))) {
		take_line(d, start, (size_t)(end - start));
		start = end + 1;
	}
	v->line_size -= (size_t)(start - v->line);
	memmove(v->line, start, v->line_size);
}

/* 1: some came; 0: nothing now; -1: it has closed its end, or breaks the form. */
static int read_events(struct daemon *d)
{
	struct review *v = &d->review;
	ssize_t n;

	if (v->line_size == v->line_room) {
		char *more = v->line_room < LINE_MAX_BYTES ? realloc(v->line, v->line_room + 65536) : NULL;

		if (!more)
			return -1;
		v->line = more;
		v->line_room += 65536;
	}
	n = recv(v->events_fd, v->line + v->line_size, v->line_room - v->line_size, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (n == 0)
		return -1;
	v->line_size += (size_t)n;
	take_lines(d);
	return 1;
}

static int on_events(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct daemon *d = context;

	if (read_events(d) < 0)
		d->review.events_io = sd_event_source_disable_unref(d->review.events_io);
	return 0;
}

static void forget_process(struct review *v)
{
	v->pid = 0;
	v->events_io = sd_event_source_disable_unref(v->events_io);
	v->exit = sd_event_source_disable_unref(v->exit);
	if (v->events_fd > 0)
		close_p(&v->events_fd);
	v->events_fd = -EBADF;
	free(v->line);
	v->line = NULL;
	v->line_size = v->line_room = 0;
}

static int on_exit_of(sd_event_source *source, const siginfo_t *info, void *context)
{
	struct daemon *d = context;

	while (read_events(d) > 0) /* what it said last */
		;
	if (json_is_null(json_object_get(d->review.object, "outcome"))) {
		log_error("a release died (status %d)", info->si_status);
		set(d, "outcome", json_string("aborted"));
		child_recover(d);
	}
	set(d, "state", json_string("done"));
	forget_process(&d->review);
	review_count(d);
	if (d->is_ending && media_running(d) == 0)
		return sd_event_exit(d->loop, 0);
	return 0;
}

/* -- start and end ---------------------------------------------------------------------------------------------------------------- */

static int watch(struct daemon *d)
{
	struct review *v = &d->review;
	int r = sd_event_add_io(d->loop, &v->events_io, v->events_fd, POLLIN, on_events, d);

	return r < 0 ? r : sd_event_add_child(d->loop, &v->exit, v->pid, WEXITED, on_exit_of, d);
}

int review_release(struct daemon *d, struct release *r, const char *proposal)
{
	struct review *v = &d->review;
	int e = 0;

	json_decref(v->object);
	v->object = json_pack("{s:s,s:s,s:s,s:s,s:n,s:n}", "event", "release", "proposal", proposal, "state", "running", "transfer",
			      release_transfer(r), "outcome", "trouble");
	v->pid = child_release(d, r, &v->events_fd);
	if (v->pid < 0) {
		e = (int)v->pid;
		v->pid = 0;
	}
	/* the child has the spool's lock with its copy of the descriptor; where there is none, the next recovery tells of it */
	release_let_go(r);
	if (e == 0)
		e = watch(d);
	if (e < 0) {
		if (v->pid > 0) {
			(void)kill(v->pid, SIGKILL); /* our child, not reaped yet */
			child_reap(d, v->pid);
		}
		forget_process(v);
		set(d, "state", json_string("done"));
		set(d, "outcome", json_string("aborted"));
		child_recover(d);
	}
	control_touch(d->control, CONTROL_RELEASE);
	return e;
}

json_t *review_object(const struct daemon *d)
{
	return d->review.object ? json_deep_copy(d->review.object) : NULL;
}

bool review_is_running(const struct daemon *d)
{
	return d->review.pid > 0;
}

void review_stop(struct daemon *d)
{
	if (d->review.pid > 0 && kill(d->review.pid, SIGTERM) < 0)
		log_warning("release: %s", strerror(errno));
}

void review_done(struct daemon *d)
{
	if (d->review.pid > 0)
		forget_process(&d->review); /* it dies with us */
	json_decref(d->review.object);
	d->review.object = NULL;
}
