/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The control socket against clients that flood, stall, lie and go away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <grp.h>
#include <poll.h>
#include <sys/un.h>
#include <time.h>

#include "control/client.h"
#include "control/connection.h"
#include "control/limits.h"
#include "control/server.h"
#include "../lib/testing.h"

#define DEADLINE_MS 20000
#define CLIENTS 100

struct fixture {
	sd_event *loop;
	struct control_server *server;
	char dir[64], path[100];
	int dir_fd;
	gid_t group;
	/* what the daemon would have */
	int64_t station, medium;
	bool has_medium, is_huge;
	size_t asked, requests;
	uint64_t later[CLIENTS];
	size_t later_count;
	bool was_admin;
	uint64_t known, gone; /* a connection of which something is kept; the last that has ended */
};

struct client {
	int fd;
	char buffer[4 * CONTROL_LINE_MAX];
	size_t size;
	bool is_over;
};

/* -- the daemon's side ------------------------------------------------------------------------------------ */

static json_t *object(void *context, uint64_t topic)
{
	struct fixture *f = context;

	if (topic >= CONTROL_CLIENT)
		return f->known && topic == CONTROL_CLIENT + f->known ? json_pack("{sssI}", "event", "mine", "n", f->station) : NULL;
	f->asked++;
	if (topic == CONTROL_STATION && f->is_huge) {
		char *text = malloc(CONTROL_LINE_MAX + 1);
		json_t *o;

		memset(text, 'x', CONTROL_LINE_MAX);
		text[CONTROL_LINE_MAX] = '\0';
		o = json_pack("{ssss}", "event", "station", "text", text);
		free(text);
		return o;
	}
	if (topic == CONTROL_STATION)
		return json_pack("{sssI}", "event", "station", "n", f->station);
	if (topic == CONTROL_DEVICES)
		return json_pack("{ss}", "event", "devices");
	assert_int_equal(topic, CONTROL_MEDIUM + 7);
	return f->has_medium ? json_pack("{sssisI}", "event", "medium", "medium", 7, "n", f->medium) : NULL;
}

static size_t topics(void *context, uint64_t *out, size_t max)
{
	const struct fixture *f = context;
	size_t n = 0;

	assert_true(max >= 3);
	out[n++] = CONTROL_STATION;
	out[n++] = CONTROL_DEVICES;
	if (f->has_medium)
		out[n++] = CONTROL_MEDIUM + 7;
	return n;
}

static void request(void *context, const struct control_request *q)
{
	struct fixture *f = context;

	f->requests++;
	f->was_admin = q->peer->is_admin;
	assert_int_equal(q->peer->uid, geteuid());
	if (strcmp(q->name, "echo") == 0) {
		control_answer(f->server, q->token, json_pack("{sO*}", "text", json_object_get(q->fields, "text")));
	} else if (strcmp(q->name, "know") == 0) {
		f->known = q->client;
		assert_int_equal(control_client(f->server, q->token, NULL), q->client);
		control_answer(f->server, q->token, NULL);
		assert_int_equal(control_client(f->server, q->token, NULL), 0); /* nothing waits any more */
	} else if (strcmp(q->name, "later") == 0) {
		f->later[f->later_count++ % CLIENTS] = q->token;
	} else if (strcmp(q->name, "long") == 0) {
		f->is_huge = true;
		control_answer(f->server, q->token, object(f, CONTROL_STATION));
		f->is_huge = false;
	} else {
		control_refuse(f->server, q->token, "unknown-request", "\"%s\" is none.", "it");
	}
}

static void gone(void *context, uint64_t client)
{
	struct fixture *f = context;

	f->gone = client;
}

static const struct control_handler handler = { .object = object, .topics = topics, .request = request, .gone = gone };

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct control_handler h = handler;
	int fd;

	f->dir_fd = private_directory(f->dir);
	(void)snprintf(f->path, sizeof(f->path), "%s/control.sock", f->dir);
	f->group = geteuid() == 0 ? 12345 : (gid_t)-1;
	assert_int_equal(control_listen(f->path, f->group, &fd), 0);
	assert_true(sd_event_new(&f->loop) >= 0);
	h.context = f;
	assert_int_equal(control_server_new(f->loop, fd, f->group, &h, &f->server), 0);
	f->has_medium = true;
	control_stall_usec = STALL_USEC;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	control_server_free(f->server);
	sd_event_unref(f->loop);
	remove_private_directory(f->dir_fd, f->dir);
	free(f);
	return 0;
}

/* -- the clients' side ------------------------------------------------------------------------------------ */

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void turn(struct fixture *f)
{
	assert_true(sd_event_run(f->loop, 2000) >= 0);
}

/* Let the server do all it has to do now. */
static void settle(struct fixture *f)
{
	for (int quiet = 0; quiet < 3;)
		quiet = sd_event_run(f->loop, 1000) > 0 ? 0 : quiet + 1;
}

static int dial(const struct fixture *f)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(address.sun_path, f->path, strlen(f->path));
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static struct client *client_new(struct fixture *f)
{
	struct client *c = calloc(1, sizeof(*c));

	c->fd = dial(f);
	turn(f);
	return c;
}

static void client_free(struct client *c)
{
	(void)close(c->fd);
	free(c);
}

/* Send all of it, as fast as the server takes it; false when it took no more. */
static bool client_send(struct fixture *f, struct client *c, const char *data, size_t size)
{
	int64_t until = now_ms() + DEADLINE_MS;

	for (size_t at = 0; at < size && now_ms() < until;) {
		ssize_t n = send(c->fd, data + at, size - at, MSG_NOSIGNAL);

		if (n > 0)
			at += (size_t)n;
		else if (errno != EAGAIN)
			return false;
		if (at == size)
			return true;
		turn(f);
	}
	return false;
}

static bool client_say(struct fixture *f, struct client *c, const char *line)
{
	return client_send(f, c, line, strlen(line));
}

/* The next line as an object; NULL when the server closed the connection, or after `ms`. */
static json_t *client_line(struct fixture *f, struct client *c, int ms)
{
	int64_t until = now_ms() + ms;

	for (;;) {
		char *end = memchr(c->buffer, '\n', c->size);
		ssize_t n;

		if (end) {
			size_t size = (size_t)(end - c->buffer);
			json_t *line = json_loadb(c->buffer, size, 0, NULL);

			assert_true(json_is_object(line) && size < CONTROL_LINE_MAX);
			memmove(c->buffer, end + 1, c->size - size - 1);
			c->size -= size + 1;
			return line;
		}
		n = recv(c->fd, c->buffer + c->size, sizeof(c->buffer) - c->size, 0);
		if (n > 0) {
			c->size += (size_t)n;
			continue;
		}
		c->is_over = n == 0 || errno == ECONNRESET;
		if (c->is_over || now_ms() > until)
			return NULL;
		turn(f);
	}
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

/* The next line must be this answer. */
static void expect_answer(struct fixture *f, struct client *c, int id, const char *code)
{
	json_t *line = client_line(f, c, DEADLINE_MS);

	assert_non_null(line);
	assert_int_equal(json_integer_value(json_object_get(line, "answer")), id);
	assert_int_equal(json_is_true(json_object_get(line, "ok")), code == NULL);
	if (code)
		assert_string_equal(text_of(json_object_get(line, "error"), "code"), code);
	json_decref(line);
}

static void expect_event(struct fixture *f, struct client *c, const char *event, int64_t n)
{
	json_t *line = client_line(f, c, DEADLINE_MS);

	assert_non_null(line);
	assert_string_equal(text_of(line, "event"), event);
	if (n >= 0)
		assert_int_equal(json_integer_value(json_object_get(line, "n")), n);
	json_decref(line);
}

/* An error with this code, and then the end. */
static void expect_end(struct fixture *f, struct client *c, const char *code)
{
	json_t *line = client_line(f, c, DEADLINE_MS);

	assert_non_null(line);
	assert_string_equal(text_of(line, "event"), "error");
	assert_string_equal(text_of(json_object_get(line, "error"), "code"), code);
	json_decref(line);
	assert_null(client_line(f, c, DEADLINE_MS));
	assert_true(c->is_over);
}

static void expect_quiet(struct fixture *f, struct client *c)
{
	json_t *line = client_line(f, c, 50);

	assert_null(line);
	assert_false(c->is_over);
}

/* -- requests and answers ----------------------------------------------------------------------------------- */

static void answers(void **state)
{
	struct fixture *f = *state;
	struct client *c = client_new(f);
	json_t *line;

	assert_true(client_say(f, c, "{\"id\":1,\"request\":\"echo\",\"text\":\"\\u00e4\"}\n"));
	line = client_line(f, c, DEADLINE_MS);
	assert_string_equal(text_of(line, "text"), "ä");
	assert_int_equal(json_integer_value(json_object_get(line, "answer")), 1);
	json_decref(line);
	assert_true(f->was_admin);
	/* two in one piece, then one in pieces */
	assert_true(client_say(f, c, "{\"id\":2,\"request\":\"echo\"}\n{\"id\":3,\"request\":\"fly\"}\n{\"id\":4,"));
	expect_answer(f, c, 2, NULL);
	expect_answer(f, c, 3, "unknown-request");
	expect_quiet(f, c);
	assert_true(client_say(f, c, "\"request\":\"echo\"}\n"));
	expect_answer(f, c, 4, NULL);
	client_free(c);
}

static void bad_requests_are_answered(void **state)
{
	struct fixture *f = *state;
	struct client *c = client_new(f);

	assert_true(client_say(f, c, "{\"request\":\"echo\"}\n"));
	expect_answer(f, c, 0, "bad-request"); /* json_integer_value(null) is 0 */
	assert_true(client_say(f, c, "{\"id\":\"1\",\"request\":\"echo\"}\n"));
	expect_answer(f, c, 0, "bad-request");
	assert_true(client_say(f, c, "{\"id\":5}\n"));
	expect_answer(f, c, 5, "bad-request");
	assert_true(client_say(f, c, "{\"id\":6,\"request\":[]}\n"));
	expect_answer(f, c, 6, "bad-request");
	assert_int_equal(f->requests, 0);
	assert_true(client_say(f, c, "{\"id\":7,\"request\":\"echo\"}\n"));
	expect_answer(f, c, 7, NULL);
	client_free(c);
}

static void no_object_ends_the_connection(void **state)
{
	static const char *const lines[] = { "\n", "[]\n", "\"a\"\n", "{\"id\":1,\n", "\xff\xfe\x01\n", "{} {}\n",
					     "{\"id\":1,\"id\":2,\"request\":\"echo\"}\n", "GET / HTTP/1.1\r\n" };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		struct client *c = client_new(f);

		assert_true(client_say(f, c, lines[i]));
		expect_end(f, c, "bad-request");
		client_free(c);
	}
	assert_int_equal(f->requests, 0);
}

static void nul_is_no_object(void **state)
{
	struct fixture *f = *state;
	struct client *c = client_new(f);

	assert_true(client_send(f, c, "{\"id\":1,\0\"request\":\"echo\"}\n", 27));
	expect_end(f, c, "bad-request");
	client_free(c);
}

static void depth_bomb(void **state)
{
	struct fixture *f = *state;
	struct client *c = client_new(f);
	char line[60000];

	memset(line, '[', sizeof(line));
	memcpy(line, "{\"id\":", 6);
	line[sizeof(line) - 1] = '\n';
	assert_true(client_send(f, c, line, sizeof(line)));
	expect_end(f, c, "bad-request");
	client_free(c);
}

static void longest_line(void **state)
{
	struct fixture *f = *state;
	struct client *c = client_new(f);
	char line[CONTROL_LINE_MAX];
	int n = snprintf(line, sizeof(line), "{\"id\":1,\"request\":\"fly\",\"text\":\"");

	memset(line + n, 'x', sizeof(line) - (size_t)n);
	memcpy(line + sizeof(line) - 3, "\"}\n", 3);
	assert_true(client_send(f, c, line, sizeof(line)));
	expect_answer(f, c, 1, "unknown-request");
	/* one byte more */
	assert_true(client_send(f, c, line, sizeof(line) - 3));
	(void)client_say(f, c, "x\"}\n"); /* it may have been closed already */
	expect_end(f, c, "bad-request");
	client_free(c);
}

static void answer_too_long(void **state)
{
	struct fixture *f = *state;
	struct client *c = client_new(f);

	assert_true(client_say(f, c, "{\"id\":1,\"request\":\"long\"}\n{\"id\":2,\"request\":\"echo\"}\n"));
	expect_answer(f, c, 1, "unavailable");
	expect_answer(f, c, 2, NULL);
	client_free(c);
}

static void one_request_at_a_time(void **state)
{
	struct fixture *f = *state;
	struct client *c = client_new(f);

	assert_true(client_say(f, c, "{\"id\":1,\"request\":\"later\"}\n{\"id\":2,\"request\":\"echo\"}\n"));
	settle(f);
	assert_int_equal(f->requests, 1);
	control_answer(f->server, f->later[0], NULL);
	expect_answer(f, c, 1, NULL);
	expect_answer(f, c, 2, NULL);
	/* a second answer to the same request falls on the floor */
	control_refuse(f->server, f->later[0], "not-now", "too late");
	control_answer(f->server, 0, NULL);
	expect_quiet(f, c);
	client_free(c);
}

static void gone_before_the_answer(void **state)
{
	struct fixture *f = *state;
	struct client *c = client_new(f), *next;

	assert_true(client_say(f, c, "{\"id\":1,\"request\":\"later\"}\n"));
	settle(f);
	assert_int_equal(f->later_count, 1);
	client_free(c);
	settle(f);
	next = client_new(f); /* the same slot */
	control_answer(f->server, f->later[0], json_pack("{ss}", "secret", "of another"));
	expect_quiet(f, next);
	assert_true(client_say(f, next, "{\"id\":1,\"request\":\"later\"}\n"));
	settle(f);
	control_answer(f->server, f->later[0], NULL);
	expect_quiet(f, next);
	control_answer(f->server, f->later[1], NULL);
	expect_answer(f, next, 1, NULL);
	client_free(next);
}

static void half_closed_gets_its_answer(void **state)
{
	struct fixture *f = *state;
	struct client *c = client_new(f);

	assert_true(client_say(f, c, "{\"id\":1,\"request\":\"echo\"}\n{\"id\":2,\"request\":\"later\"}\n{\"half"));
	assert_int_equal(shutdown(c->fd, SHUT_WR), 0);
	expect_answer(f, c, 1, NULL);
	settle(f);
	control_answer(f->server, f->later[0], NULL);
	expect_answer(f, c, 2, NULL);
	assert_null(client_line(f, c, DEADLINE_MS));
	assert_true(c->is_over);
	client_free(c);
}

static void requests_are_rationed(void **state)
{
	struct fixture *f = *state;
	struct client *c = client_new(f), *other = client_new(f);
	int64_t before = now_ms();

	for (int i = 1; i <= 40; i++) {
		char line[64];

		(void)snprintf(line, sizeof(line), "{\"id\":%d,\"request\":\"echo\"}\n", i);
		assert_true(client_say(f, c, line));
	}
	for (int i = 1; i <= 40; i++) {
		expect_answer(f, c, i, NULL);
		if (i == 30) { /* the flood is the flooder's own trouble */
			int64_t begun = now_ms();

			assert_true(client_say(f, other, "{\"id\":1,\"request\":\"echo\"}\n"));
			expect_answer(f, other, 1, NULL);
			assert_true(now_ms() - begun < 500);
		}
	}
	assert_true(now_ms() - before >= 950); /* 20 at once, 20 more in a second */
	client_free(c);
	client_free(other);
}

/* -- state ------------------------------------------------------------------------------------------------- */

static struct client *watcher(struct fixture *f)
{
	struct client *c = client_new(f);

	assert_true(client_say(f, c, "{\"id\":1,\"request\":\"watch\"}\n"));
	expect_answer(f, c, 1, NULL);
	expect_event(f, c, "station", f->station);
	expect_event(f, c, "devices", -1);
	if (f->has_medium)
		expect_event(f, c, "medium", f->medium);
	return c;
}

static void watch_tells_all_and_changes(void **state)
{
	struct fixture *f = *state;
	struct client *c = watcher(f), *quiet = client_new(f);

	f->station = 2;
	control_touch(f->server, CONTROL_STATION);
	expect_event(f, c, "station", 2);
	f->has_medium = false;
	control_touch(f->server, CONTROL_MEDIUM + 7);
	expect_event(f, c, "medium-gone", -1);
	control_touch(f->server, CONTROL_MEDIUM + 7); /* it never knew it again */
	expect_quiet(f, c);
	expect_quiet(f, quiet); /* it did not ask */
	client_free(c);
	client_free(quiet);
}

/* What is kept of one connection is told to it alone, and nothing of it when it has gone. */
static void objects_of_a_connection(void **state)
{
	struct fixture *f = *state;
	struct client *c = watcher(f), *other = watcher(f);
	uint64_t number;

	assert_true(client_say(f, c, "{\"id\":9,\"request\":\"know\"}\n"));
	expect_answer(f, c, 9, NULL);
	number = f->known;
	assert_true(number != 0);
	f->station = 5;
	control_touch_client(f->server, number);
	expect_event(f, c, "mine", 5);
	expect_quiet(f, other);
	control_touch_client(f->server, number + 77);
	expect_quiet(f, c);
	client_free(c);
	for (int k = 0; k < 100 && f->gone != number; k++)
		assert_true(sd_event_run(f->loop, 10000) >= 0);
	assert_int_equal(f->gone, number);
	control_touch_client(f->server, number);
	expect_quiet(f, other);
	client_free(other);
}

static void medium_five_times_a_second(void **state)
{
	struct fixture *f = *state;
	struct client *c = watcher(f);
	int64_t until = now_ms() + 1000, last = -1;
	int told = 0;

	while (now_ms() < until) {
		json_t *line = client_line(f, c, 1);

		f->medium++;
		control_touch(f->server, CONTROL_MEDIUM + 7);
		told += line != NULL;
		json_decref(line);
	}
	assert_in_range(told, 3, 6);
	while (last != f->medium) { /* the last state always comes */
		json_t *line = client_line(f, c, DEADLINE_MS);

		assert_non_null(line);
		last = json_integer_value(json_object_get(line, "n"));
		json_decref(line);
	}
	expect_quiet(f, c);
	client_free(c);
}

/* 200,000 changes while a client does not read: the others go on, few objects are made for it, and it gets the last. */
static void slow_client_gets_the_present(void **state)
{
	struct fixture *f = *state;
	struct client *slow = watcher(f), *good = watcher(f);
	int64_t last = -1;

	f->asked = 0;
	for (int i = 0; i < 200000; i++) {
		f->station++;
		control_touch(f->server, CONTROL_STATION);
		if (i % 1000 == 0)
			turn(f);
	}
	assert_true(f->asked < 100);
	while (last != f->station) {
		json_t *line = client_line(f, good, DEADLINE_MS);

		assert_non_null(line);
		last = json_integer_value(json_object_get(line, "n"));
		json_decref(line);
	}
	for (last = -1; last != f->station;) {
		json_t *line = client_line(f, slow, DEADLINE_MS);

		assert_non_null(line);
		last = json_integer_value(json_object_get(line, "n"));
		json_decref(line);
	}
	client_free(slow);
	client_free(good);
}

/* Requests whose answers nobody reads: the server stops reading, and gives up after a time; the rest goes on. */
static void stalled_client_is_dropped(void **state)
{
	struct fixture *f = *state;
	struct client *stalled = client_new(f), *good = watcher(f);
	static char line[CONTROL_LINE_MAX];
	int n = snprintf(line, sizeof(line), "{\"id\":1,\"request\":\"echo\",\"text\":\"");
	int64_t until = now_ms() + DEADLINE_MS;
	size_t before;

	memset(line + n, 'x', 60000);
	memcpy(line + n + 60000, "\"}\n", 4);
	control_stall_usec = SECOND_USEC;
	for (int i = 0; i < 20; i++) { /* 1.2 MB of answers: more than sockets hold */
		size_t at = 0, size = strlen(line);

		for (int tries = 0; at < size && tries < 20; tries++) {
			ssize_t sent = send(stalled->fd, line + at, size - at, MSG_NOSIGNAL);

			at += sent > 0 ? (size_t)sent : 0;
			turn(f);
		}
	}
	before = f->requests;
	assert_true(before < 20); /* not all were taken */
	assert_true(client_say(f, good, "{\"id\":2,\"request\":\"echo\"}\n"));
	expect_answer(f, good, 2, NULL);
	for (struct pollfd p = { .fd = stalled->fd }; !(p.revents & POLLHUP);) {
		assert_true(now_ms() < until);
		(void)poll(&p, 1, 0);
		turn(f);
	}
	assert_true(client_say(f, good, "{\"id\":3,\"request\":\"echo\"}\n"));
	expect_answer(f, good, 3, NULL);
	client_free(stalled);
	client_free(good);
}

static void quiet_watcher_stays(void **state)
{
	struct fixture *f = *state;
	struct client *c = watcher(f);
	int64_t until;

	control_stall_usec = SECOND_USEC / 5;
	for (until = now_ms() + 600; now_ms() < until;)
		turn(f);
	expect_quiet(f, c); /* nothing waited for it */
	f->station = 9;
	control_touch(f->server, CONTROL_STATION);
	expect_event(f, c, "station", 9);
	client_free(c);
}

static void huge_object_is_left_out(void **state)
{
	struct fixture *f = *state;
	struct client *c = watcher(f);

	f->is_huge = true;
	control_touch(f->server, CONTROL_STATION);
	expect_quiet(f, c);
	f->is_huge = false;
	control_touch(f->server, CONTROL_STATION);
	expect_event(f, c, "station", f->station);
	client_free(c);
}

/* -- who, and how many --------------------------------------------------------------------------------------- */

static void hundred_at_once(void **state)
{
	struct fixture *f = *state;
	struct client *all[CLIENTS];
	size_t before = open_descriptors(), served = 0, after;

	for (size_t i = 0; i < CLIENTS; i++) {
		all[i] = client_new(f);
		settle(f);
	}
	for (size_t i = 0; i < CLIENTS; i++) {
		if (client_say(f, all[i], "{\"id\":1,\"request\":\"later\"}\n"))
			served++;
		else
			expect_end(f, all[i], "too-many");
	}
	assert_int_equal(served, CONTROL_CLIENTS_MAX);
	settle(f);
	assert_int_equal(f->later_count, CONTROL_CLIENTS_MAX);
	for (size_t i = 0; i < CLIENTS; i++)
		client_free(all[i]);
	settle(f);
	after = open_descriptors();
	assert_int_equal(after, before);
	all[0] = client_new(f); /* and there is room again */
	assert_true(client_say(f, all[0], "{\"id\":1,\"request\":\"echo\"}\n"));
	expect_answer(f, all[0], 1, NULL);
	client_free(all[0]);
}

/* Connections that come and go in every state leave nothing behind. */
static void no_descriptor_leaks(void **state)
{
	static const char *const words[] = { "", "{\"id\":1,", "{\"id\":1,\"request\":\"watch\"}\n",
					     "{\"id\":1,\"request\":\"later\"}\n", "nonsense\n" };
	struct fixture *f = *state;
	size_t before = open_descriptors();

	for (int i = 0; i < 300; i++) {
		struct client *c = client_new(f);

		(void)client_say(f, c, words[(size_t)i % ARRAY_LEN(words)]); /* sent or refused: nothing must stay */
		if (i % 3)
			turn(f);
		client_free(c);
	}
	settle(f);
	assert_int_equal(open_descriptors(), before);
}

/* Another account in a child: connect, and what is read first (0: the server closed without a word). */
static pid_t other_account(const struct fixture *f, gid_t gid, size_t count, const gid_t *groups, int *ret_fd)
{
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct sockaddr_un address = { .sun_family = AF_UNIX };
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		char text[512];
		ssize_t n;

		memcpy(address.sun_path, f->path, strlen(f->path));
		if (setgroups(count, groups) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(65534, 65534, 65534) < 0 ||
		    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
			_exit(1);
		if (write(fd, "{\"id\":1}\n", 9) < 0 && errno != EPIPE) /* EPIPE: refused already */
			_exit(2);
		n = read(fd, text, sizeof(text));
		_exit(n > 0 && write(ends[1], text, (size_t)n) == n ? 0 : 3);
	}
	(void)close(ends[1]);
	*ret_fd = ends[0];
	return pid;
}

static void expect_account(struct fixture *f, gid_t gid, size_t count, const gid_t *groups, const char *code)
{
	int fd, status, r = 0;
	pid_t pid = other_account(f, gid, count, groups, &fd);
	int64_t until = now_ms() + DEADLINE_MS;
	char text[512] = "";

	while (r == 0 && now_ms() < until) {
		turn(f);
		r = waitpid(pid, &status, WNOHANG);
	}
	assert_int_equal(r, pid);
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	if (!strstr(text, code))
		fail_msg("expected %s, got %s", code, text);
	(void)close(fd);
	settle(f);
}

static void other_accounts(void **state)
{
	struct fixture *f = *state;
	gid_t many[200];

	if (geteuid() != 0) { /* nobody else can be played */
		assert_int_equal(access(f->path, R_OK | W_OK), 0);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		many[i] = 20000 + (gid_t)i;
	assert_int_equal(chmod(f->path, 0666), 0); /* the server itself must refuse */
	expect_account(f, 65534, 0, NULL, "not-permitted");
	expect_account(f, 65534, ARRAY_LEN(many), many, "not-permitted");
	expect_account(f, f->group, 0, NULL, "bad-request");
	expect_account(f, 65534, 1, &f->group, "bad-request");
	many[199] = f->group;
	expect_account(f, 65534, ARRAY_LEN(many), many, "bad-request");
}

/* -- the socket -------------------------------------------------------------------------------------------- */

static void dead_socket_is_replaced(void **state)
{
	struct fixture *f = *state;
	char path[100], longer[300];
	struct stat st;
	int fd, again;

	(void)snprintf(path, sizeof(path), "%s/other.sock", f->dir);
	assert_int_equal(control_listen(path, (gid_t)-1, &fd), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(control_listen(path, (gid_t)-1, &again), -EADDRINUSE);
	(void)close(fd);
	assert_int_equal(control_listen(path, (gid_t)-1, &fd), 0);
	(void)close(fd);
	write_file(f->dir_fd, "file", "keep", 4);
	(void)snprintf(path, sizeof(path), "%s/file", f->dir);
	assert_int_equal(control_listen(path, (gid_t)-1, &fd), -EEXIST);
	assert_true(exists(f->dir_fd, "file"));
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(control_listen(longer, (gid_t)-1, &fd), -ENAMETOOLONG);
}

/* -- the client library -------------------------------------------------------------------------------------- */

static void client_library(void **state)
{
	struct fixture *f = *state;
	struct control_client *c;
	json_t *o = NULL;
	int64_t until = now_ms() + DEADLINE_MS;

	assert_int_equal(control_client_new(f->path, &c), 0);
	assert_int_equal(control_client_request(c, "watch", NULL), 1);
	assert_int_equal(control_client_request(c, "echo", json_pack("{ss}", "text", "p")), 2);
	assert_true(control_client_events(c) & POLLOUT);
	for (int seen = 0; seen < 5; seen += o != NULL, json_decref(o)) {
		turn(f);
		assert_int_equal(control_client_serve(c), 0);
		o = control_client_next(c);
		assert_true(now_ms() < until);
	}
	assert_false(control_client_events(c) & POLLOUT);
	f->server = control_server_free(f->server);
	assert_int_equal(control_client_serve(c), -ENOTCONN);
	control_client_free(c);
	assert_int_equal(control_client_new(f->path, &c), -ECONNREFUSED);
	assert_int_equal(control_client_new("/nowhere/at.all", &c), -ENOENT);
}

/* A daemon that talks nonsense, through a socket pair of its own. */
static void client_library_is_bounded(void **state)
{
	struct fixture *f = *state;
	struct control_client *c;
	char path[100], noise[CONTROL_LINE_MAX];
	int listener, fd;

	memset(noise, 'x', sizeof(noise));
	(void)snprintf(path, sizeof(path), "%s/liar.sock", f->dir);
	assert_int_equal(control_listen(path, (gid_t)-1, &listener), 0);
	for (int lie = 0; lie < 3; lie++) {
		json_t *answer;

		assert_int_equal(control_client_new(path, &c), 0);
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		assert_true(fd >= 0);
		if (lie == 0) {
			assert_int_equal(fd_write_all(fd, noise, sizeof(noise)), 0);
			assert_int_equal(control_client_serve(c), -EPROTO);
		} else if (lie == 1) {
			assert_int_equal(fd_write_all(fd, "[]\n", 3), 0);
			assert_int_equal(control_client_serve(c), -EPROTO);
		} else { /* more than can wait at a time, the answer last; and it never comes again */
			for (size_t i = 0; i < 200; i++)
				memcpy(noise + 14 * i, "{\"event\":\"x\"}\n", 14);
			assert_int_equal(fd_write_all(fd, noise, 14 * 200), 0);
			assert_int_equal(fd_write_all(fd, "{\"answer\":1,\"ok\":true}\n", 23), 0);
			assert_int_equal(control_client_ask(c, "a", NULL, 5000, &answer), 0);
			json_decref(answer);
			assert_int_equal(control_client_ask(c, "b", NULL, 100, &answer), -ETIMEDOUT);
		}
		(void)close(fd);
		control_client_free(c);
	}
	(void)close(listener);
}

#ifndef LAZARET_SANITIZE
static bool memory_has(const char *what, size_t size)
{
	_cleanup_fclose_ FILE *maps = fopen("/proc/self/maps", "re");
	_cleanup_close_ int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	char line[512];
	bool found = false;

	assert_non_null(maps);
	while (!found && fgets(line, sizeof(line), maps)) {
		unsigned long from, to;
		char *piece;
		ssize_t n;

		if (!strstr(line, "[heap]") || sscanf(line, "%lx-%lx", &from, &to) != 2)
			continue;
		piece = mmap(NULL, to - from, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		assert_true(piece != MAP_FAILED);
		n = pread(mem, piece, to - from, (off_t)from);
		found = n > 0 && memmem(piece, (size_t)n, what, size);
		(void)munmap(piece, to - from);
	}
	return found;
}

/* A passphrase goes from one end to the other in this process; afterwards no byte of the heap holds it. */
static void passphrase_is_wiped(void **state)
{
	struct fixture *f = *state;
	struct control_client *c;
	char word[32] = { 0 };
	json_t *o = NULL;

	for (size_t i = 0; i < 20; i++) /* put together, so that the text is not in the program */
		word[i] = (char)('a' + (i * 7 + 3) % 26);
	assert_int_equal(control_client_new(f->path, &c), 0);
	assert_int_equal(control_client_request(c, "fly", json_pack("{ss}", "passphrase", word)), 1);
	assert_true(memory_has(word, 20));
	for (int64_t until = now_ms() + DEADLINE_MS; !o; o = control_client_next(c)) {
		assert_true(now_ms() < until);
		assert_int_equal(control_client_serve(c), 0);
		turn(f);
	}
	json_decref(o);
	assert_false(memory_has(word, 20));
	control_client_free(c);
}
#endif

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
#ifndef LAZARET_SANITIZE /* its allocator keeps what was freed, elsewhere */
		T(passphrase_is_wiped),
#endif
		T(answers),
		T(bad_requests_are_answered),
		T(no_object_ends_the_connection),
		T(nul_is_no_object),
		T(depth_bomb),
		T(longest_line),
		T(answer_too_long),
		T(one_request_at_a_time),
		T(gone_before_the_answer),
		T(half_closed_gets_its_answer),
		T(requests_are_rationed),
		T(watch_tells_all_and_changes),
		T(objects_of_a_connection),
		T(medium_five_times_a_second),
		T(slow_client_gets_the_present),
		T(stalled_client_is_dropped),
		T(quiet_watcher_stays),
		T(huge_object_is_left_out),
		T(hundred_at_once),
		T(no_descriptor_leaks),
		T(other_accounts),
		T(dead_socket_is_replaced),
		T(client_library),
		T(client_library_is_bounded),
	};

	control_wipe_json();
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
