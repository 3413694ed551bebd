/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "supervisor/events.h"

#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include "common/log.h"
#include "common/text.h"

struct events {
	int fd, patience_ms;
	bool is_gone;
	const char *muted;
	void (*sink)(void *context, const json_t *event);
	void *context;
};

struct events *events_new(int fd, int patience_ms)
{
	struct events *e = calloc(1, sizeof(*e));

	if (e) {
		e->fd = fd;
		e->patience_ms = patience_ms;
		e->is_gone = fd < 0;
	}
	return e;
}

struct events *events_new_sink(void (*sink)(void *context, const json_t *event), void *context)
{
	struct events *e = events_new(-1, 0);

	if (e) {
		e->sink = sink;
		e->context = context;
	}
	return e;
}

void events_mute(struct events *e, const char *name)
{
	e->muted = name;
}

struct events *events_free(struct events *e)
{
	free(e);
	return NULL;
}

bool events_client_gone(const struct events *e)
{
	struct pollfd polled = { .fd = e->fd, .events = 0 };

	return e->fd >= 0 && (e->is_gone || (poll(&polled, 1, 0) > 0 && polled.revents & (POLLHUP | POLLERR)));
}

/* Errors and outcomes wait for a slow client, up to its patience; progress does not wait at all. */
static void send_line(struct events *e, const char *line, size_t size, bool may_drop)
{
	struct pollfd polled = { .fd = e->fd, .events = POLLOUT };
	size_t at = 0;

	while (at < size && !e->is_gone) {
		ssize_t n = send(e->fd, line + at, size - at, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0)
			at += (size_t)n;
		else if (errno == EINTR)
			continue;
		else if (errno != EAGAIN)
			e->is_gone = true;
		else if (at == 0 && may_drop)
			return;
		else if (poll(&polled, 1, e->patience_ms) == 0)
			e->is_gone = true; /* half a line is out: nothing that follows could be understood */
	}
}

void events_send(struct events *e, const char *name, json_t *fields)
{
	json_t *o = fields ? fields : json_object();
	_cleanup_free_ char *text = NULL;
	bool is_muted = e->muted && strcmp(name, e->muted) == 0;
	size_t size;

	if (e->sink && !is_muted && json_object_set_new(o, "event", json_string(name)) == 0)
		e->sink(e->context, o);
	if (!e->is_gone && !is_muted && json_object_set_new(o, "event", json_string(name)) == 0 &&
	    (text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS))) {
		size = strlen(text);
		text[size] = '\n'; /* the NUL's place; the length goes with it */
		send_line(e, text, size + 1, strcmp(name, "progress") == 0);
	}
	json_decref(o);
}

static void _printf_(4, 0) send_words(struct events *e, const char *name, enum trouble trouble, const char *fmt, va_list ap)
{
	_cleanup_free_ char *text = NULL, *clean = NULL;

	if (vasprintf(&text, fmt, ap) < 0)
		return;
	clean = text_escape(text, strlen(text));
	if ((e->is_gone && !e->sink) || !clean)
		log_error("%s", text);
	else
		events_send(e, name, json_pack("{s:s,s:s*}", "text", clean, "code", trouble_code(trouble)));
}

void events_error(struct events *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	send_words(e, "error", TROUBLE_NONE, fmt, ap);
	va_end(ap);
}

void events_trouble(struct events *e, enum trouble trouble, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	send_words(e, "error", trouble, fmt, ap);
	va_end(ap);
}

void events_warning(struct events *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	send_words(e, "warning", TROUBLE_NONE, fmt, ap);
	va_end(ap);
}
