/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "daemon/selfcheck.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#include "common/fd.h"
#include "common/log.h"
#include "common/program.h"
#include "control/limits.h"
#include "control/selfcheck.h"
#include "daemon/daemon.h"
#include "daemon/monitor.h"

#define QUICK_US (120 * UINT64_C(1000000)) /* it takes less than a second; a machine that has just started, times a hundred */
#define WHOLE_US (900 * UINT64_C(1000000)) /* the trail of ten years: a million signatures take minutes */
#define RETRY_MS 60000			   /* after one that could not be made */
#define DETAIL_MAX 600
#define RECORD_TEXT_MAX 240 /* bytes of each text in the trail: 27 of them are far below a record's limit */

struct selfchecking {
	const char *socket;
	/* the one that is under way */
	int fd; /* -EBADF: none */
	pid_t pid; /* 0: not our child */
	sd_event_source *io, *deadline;
	char *text;
	size_t size;
	bool is_whole;
	const char *trigger; /* static: "boot", "interval", "asked", "reload" */
	/* the last one */
	json_t *result; /* NULL: there is none, or it could not be made */
	bool has_ended, has_failed;
	int64_t at;	  /* s since 1970 */
	int64_t ended_ms; /* monotonic_ms() */
	char detail[DETAIL_MAX];
	uint64_t waiting[CONTROL_CLIENTS_MAX];
	size_t waiting_count;
};

/* -- what it said ----------------------------------------------------------------------------------------------- */

bool selfcheck_is_pending(const struct daemon *d)
{
	return d->selfchecking && !d->selfchecking->has_ended;
}

bool selfcheck_holds(const struct daemon *d)
{
	const struct selfchecking *s = d->selfchecking;

	return s && s->has_ended && d->station && d->station->config->selfcheck.on_bad == STATION_ON_BAD_STOP &&
	       (s->has_failed || json_is_true(json_object_get(s->result, "stops")));
}

const char *selfcheck_detail(const struct daemon *d)
{
	return d->selfchecking ? d->selfchecking->detail : "";
}

/* What is bad, then what is a warning: {name, state, sentence, text}. */
static json_t *wrong_ones(const json_t *result, size_t text_max)
{
	static const enum selfcheck_state states[] = { SELFCHECK_STATE_BAD, SELFCHECK_STATE_WARNING };
	json_t *list = json_array();
	const json_t *c;
	size_t i;

	for (size_t k = 0; k < ARRAY_LEN(states); k++)
		json_array_foreach(json_object_get(result, "checks"), i, c) {
			const char *name = json_string_value(json_object_get(c, "name")), *state = json_string_value(json_object_get(c, "state")),
				   *text = json_string_value(json_object_get(c, "text"));
			size_t size = strnlen(text, text_max);

			if (strcmp(state, selfcheck_state_name(states[k])) != 0)
				continue;
			while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80) /* not within a character */
				size--;
			(void)json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:s%}", "name", name, "state", state, "sentence",
								    selfcheck_sentence(selfcheck_find(name)), "text", text, size)); /* the whole is kept */
		}
	return list;
}

json_t *selfcheck_object(const struct daemon *d)
{
	const struct selfchecking *s = d->selfchecking;
	const json_t *r = s ? s->result : NULL;

	if (!s || !s->has_ended)
		return json_null();
	return json_pack("{s:I,s:b,s:b,s:b,s:s,s:O?,s:O?,s:O?,s:O?,s:o}", "at", (json_int_t)s->at, "running", s->fd >= 0, "failed", s->has_failed,
			 "stops", selfcheck_holds(d), "detail", s->detail, "good", json_object_get(r, "good"), "warnings",
			 json_object_get(r, "warnings"), "bad", json_object_get(r, "bad"), "not_applicable", json_object_get(r, "not_applicable"),
			 "wrong", wrong_ones(r, SIZE_MAX - 1));
}

static void answer_waiting(struct daemon *d)
{
	struct selfchecking *s = d->selfchecking;

	for (size_t k = 0; k < s->waiting_count; k++)
		if (s->result)
			control_answer(d->control, s->waiting[k], json_pack("{s:O}", "selfcheck", s->result));
		else
			control_refuse(d->control, s->waiting[k], "unavailable", "%s", s->detail);
	s->waiting_count = 0;
}

static void record(struct daemon *d)
{
	const struct selfchecking *s = d->selfchecking;
	const json_t *r = s->result;

	station_audit(d, "self-check",
		      r ? json_pack("{s:s,s:O,s:O,s:O,s:O,s:O,s:O,s:b,s:o}", "trigger", s->trigger, "machine", json_object_get(r, "machine"), "whole",
				    json_object_get(r, "whole"), "good", json_object_get(r, "good"), "warnings", json_object_get(r, "warnings"),
				    "bad", json_object_get(r, "bad"), "not_applicable", json_object_get(r, "not_applicable"), "stops",
				    selfcheck_holds(d), "wrong", wrong_ones(r, RECORD_TEXT_MAX)) :
			  json_pack("{s:s,s:b,s:s}", "trigger", s->trigger, "stops", selfcheck_holds(d), "why", s->detail));
}

static void let_go(struct selfchecking *s)
{
	s->io = sd_event_source_disable_unref(s->io);
	s->deadline = sd_event_source_disable_unref(s->deadline);
	close_p(&s->fd); /* an instance of the unit that is still at work hears of it when it answers */
	s->pid = 0;
	free(s->text);
	s->text = NULL;
	s->size = 0;
}

/* `result` is taken over; NULL: it could not be made, `why` says why. */
static void conclude(struct daemon *d, json_t *result, const char *why)
{
	struct selfchecking *s = d->selfchecking;
	const char *text = "";
	enum selfcheck first;

	let_go(s);
	json_decref(s->result);
	s->result = result;
	s->has_ended = true;
	s->has_failed = !result;
	s->at = time(NULL);
	s->ended_ms = monotonic_ms();
	first = result ? selfcheck_first(result, SELFCHECK_STATE_BAD, &text) : SELFCHECK_COUNT_;
	if (!result)
		(void)snprintf(s->detail, sizeof(s->detail), "the station could not be looked at: %s", why);
	else if (first < SELFCHECK_COUNT_)
		(void)snprintf(s->detail, sizeof(s->detail), "%s: %s", selfcheck_name(first), text);
	else
		s->detail[0] = '\0';
	if (s->detail[0])
		log_error("self-check: %s", s->detail);
	record(d);
	if (d->control) {
		answer_waiting(d);
		control_touch(d->control, CONTROL_STATION);
	}
	monitor_touch(d);
	media_schedule(d);
}

/* -- how it is made --------------------------------------------------------------------------------------------- */

static int on_readable(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct daemon *d = context;
	struct selfchecking *s = d->selfchecking;
	json_t *result = NULL;
	ssize_t n = recv(fd, s->text + s->size, SELFCHECK_MAX + 1 - s->size, MSG_DONTWAIT);
	int r;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n > 0) {
		s->size += (size_t)n;
		if (s->size > SELFCHECK_MAX)
			conclude(d, NULL, "its answer is too long");
		return 0;
	}
	r = n < 0 ? -errno : s->size == 0 ? -ENODATA : selfcheck_parse(s->text, s->size, &result);
	conclude(d, result, r == -ENODATA ? "lazaret-selfcheck said nothing: see its log" : r < 0 ? strerror(-r) : "");
	return 0;
}

static int on_late(sd_event_source *source, uint64_t usec, void *context)
{
	struct daemon *d = context;

	if (d->selfchecking->pid > 0)
		(void)kill(d->selfchecking->pid, SIGKILL); /* our child; it is reaped after its end of the line has closed */
	conclude(d, NULL, "lazaret-selfcheck did not answer in time");
	return 0;
}

static _noreturn_ void become_selfcheck(const char *path, const char *dir, int fd, pid_t parent)
{
	const char *argv[] = { "lazaret-selfcheck", "-C", dir, "--asked", NULL };
	sigset_t none;

	sigemptyset(&none);
	if (setsid() < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent || sigprocmask(SIG_SETMASK, &none, NULL) < 0 ||
	    dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0 || close_range(STDERR_FILENO + 1, ~0u, 0) < 0)
		_exit(127);
	execv(path, (char *const *)argv);
	_exit(127);
}

static int start_child(struct daemon *d, pid_t *ret_pid)
{
	_cleanup_close_ int ours = -EBADF, theirs = -EBADF;
	char path[PATH_MAX];
	int pair[2], r = program_find("lazaret-selfcheck", path);
	pid_t self = getpid();

	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	ours = pair[0];
	theirs = pair[1];
	*ret_pid = fork();
	if (*ret_pid == 0)
		become_selfcheck(path, d->dir, theirs, self);
	if (*ret_pid < 0)
		return -errno;
	child_reap(d, *ret_pid);
	return TAKE_FD(ours);
}

static void start(struct daemon *d, const char *trigger, bool is_whole)
{
	struct selfchecking *s = d->selfchecking;
	uint64_t now;
	int r;

	s->trigger = trigger;
	s->is_whole = is_whole;
	s->text = malloc(SELFCHECK_MAX + 1);
	r = !s->text ? -ENOMEM : s->socket ? fd_connect(s->socket, SOCK_STREAM | SOCK_NONBLOCK) : start_child(d, &s->pid);
	if (r >= 0) {
		s->fd = r;
		r = send(s->fd, is_whole ? "w" : "q", 1, MSG_NOSIGNAL) == 1 ? 0 : -errno;
	}
	if (r == 0)
		r = sd_event_add_io(d->loop, &s->io, s->fd, EPOLLIN, on_readable, d);
	if (r >= 0)
		r = sd_event_now(d->loop, CLOCK_MONOTONIC, &now);
	if (r >= 0)
		r = sd_event_add_time(d->loop, &s->deadline, CLOCK_MONOTONIC, now + (is_whole ? WHOLE_US : QUICK_US), 0, on_late, d);
	if (r < 0) {
		_cleanup_free_ char *why = NULL;

		if (asprintf(&why, "%s%s%s", s->socket ? s->socket : "lazaret-selfcheck", ": ", strerror(-r)) < 0)
			why = NULL;
		conclude(d, NULL, why ? why : strerror(-r));
	}
}

void selfcheck_begin(struct daemon *d)
{
	struct selfchecking *s = d->selfchecking;

	if (s && d->station && !s->has_ended && s->fd < 0 && !d->is_ending)
		start(d, "boot", false);
}

void selfcheck_tick(struct daemon *d)
{
	struct selfchecking *s = d->selfchecking;
	int64_t wait_ms;

	if (!s->has_ended || s->fd >= 0 || !d->station || d->is_ending)
		return;
	wait_ms = s->has_failed ? RETRY_MS : (int64_t)d->station->config->selfcheck.interval_s * 1000;
	if (monotonic_ms() - s->ended_ms >= wait_ms)
		start(d, "interval", true);
}

/* The whole: what a quick look does not see would be taken for mended. */
void selfcheck_again(struct daemon *d)
{
	struct selfchecking *s = d->selfchecking;

	if (s && s->has_ended && s->fd < 0 && !d->is_ending &&
	    (s->has_failed || json_integer_value(json_object_get(s->result, "bad")) > 0 || json_integer_value(json_object_get(s->result, "warnings")) > 0))
		start(d, "reload", true);
}

void selfcheck_ask(struct daemon *d, uint64_t token)
{
	struct selfchecking *s = d->selfchecking;

	if (!d->station || d->is_ending || s->waiting_count == ARRAY_LEN(s->waiting)) {
		control_refuse(d->control, token, "unavailable", "the station is not loaded, or others wait for one");
		return;
	}
	if (s->fd >= 0 && !s->is_whole) { /* it would not be the whole that is asked for */
		control_refuse(d->control, token, "not-now", "the station is being looked at: ask again in a moment");
		return;
	}
	s->waiting[s->waiting_count++] = token;
	if (s->fd < 0)
		start(d, "asked", true);
}

int selfcheck_open(struct daemon *d, const char *socket_path)
{
	d->selfchecking = calloc(1, sizeof(*d->selfchecking));
	if (!d->selfchecking)
		return -ENOMEM;
	d->selfchecking->fd = -EBADF;
	d->selfchecking->socket = socket_path;
	return 0;
}

void selfcheck_done(struct daemon *d)
{
	if (!d->selfchecking)
		return;
	let_go(d->selfchecking);
	json_decref(d->selfchecking->result);
	free(d->selfchecking);
	d->selfchecking = NULL;
}
