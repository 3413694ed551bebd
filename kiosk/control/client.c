/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Run by lazaret-console and `lazaret`. The daemon is believed; its lines are bounded all the same. */
#include "control/client.h"

#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "common/fd.h"

#define LINE_MAX_BYTES 65536 /* CONTROL_LINE_MAX of server.h */
#define WAITING_MAX 64	     /* objects that were read and not taken: then no more is read */

struct control_client {
	int fd;
	int64_t last_id;
	char *out; /* lines to be sent; wiped */
	size_t out_size, out_sent;
	char in[LINE_MAX_BYTES];
	size_t in_size;
	json_t *waiting; /* array of objects */
	int failed;	 /* what was read is no line of the protocol: a negative errno */
	int refused;	 /* why the daemon ends the connection: a negative errno; 0: it did not say */
};

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

int control_client_new(const char *path, struct control_client **ret)
{
	_cleanup_close_ int fd = fd_connect(path, SOCK_STREAM | SOCK_NONBLOCK);
	struct control_client *c;

	if (fd < 0)
		return fd;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->waiting = json_array();
	c->fd = TAKE_FD(fd);
	if (!c->waiting) {
		control_client_free(c);
		return -ENOMEM;
	}
	*ret = c;
	return 0;
}

static void wipe_out(struct control_client *c)
{
	if (c->out)
		explicit_bzero(c->out, c->out_size);
	free(c->out);
	c->out = NULL;
	c->out_size = c->out_sent = 0;
}

struct control_client *control_client_free(struct control_client *c)
{
	if (c) {
		close_p(&c->fd);
		wipe_out(c);
		json_decref(c->waiting);
	}
	free(c);
	return NULL;
}

int control_client_fd(const struct control_client *c)
{
	return c->fd;
}

short control_client_events(const struct control_client *c)
{
	return (short)(POLLIN | (c->out ? POLLOUT : 0));
}

/* -- sending ------------------------------------------------------------------------------------------------ */

/* Append a line; the old buffer is wiped, which realloc() would not do. */
static int put_line(struct control_client *c, const json_t *request)
{
	size_t size = json_dumpb(request, NULL, 0, JSON_COMPACT), old = c->out_size - c->out_sent;
	char *out;

	if (size == 0 || size >= LINE_MAX_BYTES)
		return size == 0 ? -ENOMEM : -EMSGSIZE;
	out = malloc(old + size + 1);
	if (!out)
		return -ENOMEM;
	if (old > 0)
		memcpy(out, c->out + c->out_sent, old);
	(void)json_dumpb(request, out + old, size, JSON_COMPACT); /* the size is known */
	out[old + size] = '\n';
	wipe_out(c);
	c->out = out;
	c->out_size = old + size + 1;
	return 0;
}

int64_t control_client_request(struct control_client *c, const char *name, json_t *fields)
{
	_cleanup_(json_decref_p) json_t *request = fields ? fields : json_object();
	int r;

	if (json_object_set_new(request, "id", json_integer(c->last_id + 1)) < 0 ||
	    json_object_set_new(request, "request", json_string(name)) < 0)
		return -ENOMEM;
	r = put_line(c, request);
	return r < 0 ? r : ++c->last_id;
}

static int send_lines(struct control_client *c)
{
	while (c->out) {
		ssize_t n = send(c->fd, c->out + c->out_sent, c->out_size - c->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0 && errno != EINTR)
			return errno == EPIPE || errno == ECONNRESET ? -ENOTCONN : -errno;
		if (n > 0)
			c->out_sent += (size_t)n;
		if (c->out_sent == c->out_size)
			wipe_out(c);
	}
	return 0;
}

/* -- receiving ---------------------------------------------------------------------------------------------- */

static void note_refusal(struct control_client *c, const json_t *object)
{
	const char *event = json_string_value(json_object_get(object, "event"));
	const char *code = json_string_value(json_object_get(json_object_get(object, "error"), "code"));

	if (!event || strcmp(event, "error") != 0 || !code)
		return;
	c->refused = strcmp(code, "not-permitted") == 0 ? -EACCES :
		     strcmp(code, "too-many") == 0	? -EUSERS :
							  -EPROTO;
}

/* Make objects of the lines that are there. */
static int take_lines(struct control_client *c)
{
	size_t at = 0;
	int r = c->failed;

	while (r == 0 && json_array_size(c->waiting) < WAITING_MAX) {
		const char *end = memchr(c->in + at, '\n', c->in_size - at);
		json_t *object;

		if (!end) {
			if (at == 0 && c->in_size == sizeof(c->in))
				r = -EPROTO;
			break;
		}
		object = json_loadb(c->in + at, (size_t)(end - c->in) - at, JSON_REJECT_DUPLICATES, NULL);
		at = (size_t)(end - c->in) + 1;
		note_refusal(c, object);
		if (!json_is_object(object)) {
			json_decref(object);
			r = -EPROTO;
		} else if (json_array_append_new(c->waiting, object) < 0) {
			r = -ENOMEM;
		}
	}
	memmove(c->in, c->in + at, c->in_size - at);
	c->in_size -= at;
	c->failed = r;
	return r;
}

int control_client_serve(struct control_client *c)
{
	int sent = send_lines(c);

	/* what the daemon said last is read even when it takes no more */
	for (;;) {
		ssize_t n;
		int r = take_lines(c);

		if (r < 0)
			return r;
		if (c->in_size == sizeof(c->in) || json_array_size(c->waiting) == WAITING_MAX)
			return 0;
		n = recv(c->fd, c->in + c->in_size, sizeof(c->in) - c->in_size, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return sent;
		if (n < 0 && errno != ECONNRESET)
			return -errno;
		if (n <= 0)
			return c->refused ? c->refused : -ENOTCONN;
		c->in_size += (size_t)n;
	}
}

json_t *control_client_next(struct control_client *c)
{
	json_t *object;

	/* more lines may have been read than could wait; no poll() would tell */
	if (json_array_size(c->waiting) == 0)
		(void)take_lines(c); /* an error is kept for control_client_serve() */
	object = json_incref(json_array_get(c->waiting, 0));
	if (object)
		(void)json_array_remove(c->waiting, 0); /* it is there */
	return object;
}

/* -- one question -------------------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The answer to `id` among what has been read; the rest is dropped. */
static json_t *find_answer(struct control_client *c, int64_t id)
{
	json_t *object;

	while ((object = control_client_next(c))) {
		const json_t *answer = json_object_get(object, "answer");

		if (json_is_integer(answer) && json_integer_value(answer) == id)
			return object;
		json_decref(object);
	}
	return NULL;
}

int control_client_ask(struct control_client *c, const char *name, json_t *fields, int timeout_ms, json_t **ret)
{
	int64_t until = now_ms() + timeout_ms, id = control_client_request(c, name, fields);

	if (id < 0)
		return (int)id;
	for (;;) {
		int r = control_client_serve(c);
		struct pollfd polled = { .fd = c->fd, .events = control_client_events(c) };
		json_t *answer = find_answer(c, id);
		int64_t left = until - now_ms();

		if (answer) {
			*ret = answer;
			return 0;
		}
		if (r < 0)
			return r;
		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&polled, 1, (int)left) < 0 && errno != EINTR)
			return -errno;
	}
}

/* -- passphrases --------------------------------------------------------------------------------------------- */

/* The allocator knows how long a block is: so what jansson gives away to be freed with free() stays such a block. */
static void wipe_free(void *p)
{
	if (p)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

void control_wipe_json(void)
{
	json_set_alloc_funcs(malloc, wipe_free);
}
