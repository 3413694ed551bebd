/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Run by lazaretd. Bounds of one client: one line in, one line out and one answer behind it, and a few words a topic.
 * An object is asked for when the line before it has been taken, so a slow client skips states, and the present one is
 * always what it gets next.
 */
#include "control/connection.h"

#include <string.h>
#include <sys/socket.h>

#include "common/log.h"
#include "control/limits.h"

#define NEVER UINT64_MAX

uint64_t control_stall_usec = STALL_USEC;

struct topic {
	uint64_t topic;
	uint64_t due_usec; /* not before */
	bool is_dirty, was_sent;
};

struct connection {
	struct connections *in;
	size_t slot;
	uint64_t number;
	int fd;
	struct control_peer peer;
	sd_event_source *io, *timer;

	char *input; /* CONTROL_LINE_MAX */
	size_t input_size;
	bool is_at_end;	 /* it sends no more */
	bool is_leaving; /* disconnected when all that waits has been sent */

	uint64_t token;	   /* of the request that is open; 0: none */
	json_t *token_id;  /* the client's number of it */
	uint64_t credit_usec, credit_at_usec;

	char *output, *answer; /* lines; answer: the next after output */
	size_t output_size, output_sent, answer_size;
	uint64_t waits_since_usec; /* output waits and the client has read nothing; NEVER */

	bool is_watching;
	struct topic *topics;
	size_t topic_count, topic_room, topic_next; /* next: whose turn it is */
};

static uint64_t now_usec(const struct connection *c)
{
	uint64_t usec = 0;

	(void)sd_event_now(c->in->loop, CLOCK_MONOTONIC, &usec); /* fails for other clocks and after a fork alone */
	return usec;
}

const struct control_peer *connection_peer(const struct connection *c)
{
	return &c->peer;
}

uint64_t connection_number(const struct connection *c)
{
	return c->number;
}

bool connection_awaits(const struct connection *c, uint64_t token)
{
	return c->token == token;
}

size_t control_error_line(char *out, size_t size, const char *code, const char *text)
{
	/* static words without quotes: no escapes needed, no memory that could be short */
	int n = snprintf(out, size, "{\"event\":\"error\",\"error\":{\"code\":\"%s\",\"text\":\"%s\"}}\n", code, text);

	return n < 0 || (size_t)n >= size ? 0 : (size_t)n;
}

void control_log_client(struct connections *in, const struct control_peer *peer, const char *text)
{
	uint64_t now = 0;

	(void)sd_event_now(in->loop, CLOCK_MONOTONIC, &now); /* as in now_usec() */
	in->unlogged++;
	if (now < in->log_at_usec)
		return;
	log_warning("control: uid=%d pid=%d %s%s", (int)peer->uid, (int)peer->pid, text,
		    in->unlogged > 1 ? " (and others before)" : "");
	in->unlogged = 0;
	in->log_at_usec = now + LOG_USEC;
}

static void wipe_input(struct connection *c, size_t count)
{
	memmove(c->input, c->input + count, c->input_size - count);
	c->input_size -= count;
	explicit_bzero(c->input + c->input_size, count); /* there may have been a passphrase in it */
}

/* -- what goes out ---------------------------------------------------------------------------------------- */

/* One line of `object` (borrowed), owned by the caller; NULL when it cannot be one. */
static char *make_line(const json_t *object, size_t *ret_size)
{
	size_t size = json_dumpb(object, NULL, 0, JSON_COMPACT);
	char *line;

	if (size == 0 || size >= CONTROL_LINE_MAX)
		return NULL;
	line = malloc(size + 1);
	if (!line || json_dumpb(object, line, size, JSON_COMPACT) != size) {
		free(line);
		return NULL;
	}
	line[size] = '\n';
	*ret_size = size + 1;
	return line;
}

static void put_line(struct connection *c, char *line, size_t size)
{
	c->output = line;
	c->output_size = size;
	c->output_sent = 0;
	c->waits_since_usec = now_usec(c);
}

static void update(struct connection *c);

/* The last thing that this client is told. */
static void leave(struct connection *c, const char *code, const char *text)
{
	char line[256];

	if (c->is_leaving)
		return;
	c->is_leaving = true;
	control_log_client(c->in, &c->peer, text);
	wipe_input(c, c->input_size);
	free(c->answer); /* it keeps no order, it gets no answer; at most one is there */
	c->answer_size = control_error_line(line, sizeof(line), code, text);
	c->answer = strdup(line);
	if (!c->answer)
		c->answer_size = 0;
}

void connection_answer(struct connection *c, json_t *fields, bool ok)
{
	json_t *id = c->token_id ? c->token_id : json_null();

	c->token = 0;
	if (c->is_leaving)
		return;
	if (json_object_set(fields, "answer", id) == 0 && json_object_set_new(fields, "ok", json_boolean(ok)) == 0)
		c->answer = make_line(fields, &c->answer_size);
	if (!c->answer) {
		json_t *short_one = json_pack("{sOsbs{ssss}}", "answer", id, "ok", 0, "error", "code", "unavailable",
					      "text", "The answer is too long.");

		log_error("control: an answer was no line of the protocol");
		c->answer = short_one ? make_line(short_one, &c->answer_size) : NULL;
		json_decref(short_one);
	}
	json_decref(c->token_id);
	c->token_id = NULL;
	if (!c->answer)
		leave(c, "unavailable", "No memory is left.");
	update(c);
}

static struct topic *find_topic(struct connection *c, uint64_t topic)
{
	for (size_t i = 0; i < c->topic_count; i++)
		if (c->topics[i].topic == topic)
			return &c->topics[i];
	return NULL;
}

static void note_topic(struct connection *c, uint64_t topic)
{
	struct topic *t = find_topic(c, topic);

	if (!t && c->topic_count == c->topic_room) {
		size_t room = c->topic_room ? 2 * c->topic_room : 16;
		struct topic *more = reallocarray(c->topics, room, sizeof(*more));

		if (!more) { /* it would miss a state: it must come again */
			leave(c, "unavailable", "No memory is left.");
			return;
		}
		c->topics = more;
		c->topic_room = room;
	}
	if (!t) {
		t = &c->topics[c->topic_count++];
		*t = (struct topic){ .topic = topic };
	}
	t->is_dirty = true;
}

void connection_touch(struct connection *c, uint64_t topic)
{
	if (!c->is_watching || c->is_leaving)
		return;
	note_topic(c, topic);
	update(c);
}

/* The next topic that is due, in turn, so that a busy one does not hold up the others; NULL: none is. `ret_due`: when
 * the next will be. */
static struct topic *next_topic(struct connection *c, uint64_t *ret_due)
{
	uint64_t now = now_usec(c);

	*ret_due = NEVER;
	for (size_t i = 0; c->is_watching && i < c->topic_count; i++) {
		size_t at = (c->topic_next + i) % c->topic_count;
		struct topic *t = &c->topics[at];

		if (!t->is_dirty)
			continue;
		if (t->due_usec <= now)
			return t;
		*ret_due = MIN(*ret_due, t->due_usec);
	}
	return NULL;
}

/* Its object now, a new reference; NULL: nothing is to be sent. */
static json_t *topic_object(struct connection *c, uint64_t topic)
{
	json_t *object = c->in->handler.object(c->in->handler.context, topic);
	struct topic *t = find_topic(c, topic); /* looked up now: the handler may have touched others */
	bool was_sent = t->was_sent;

	t->is_dirty = false;
	t->was_sent = true;
	t->due_usec = now_usec(c) + TOPIC_USEC;
	c->topic_next = (size_t)(t - c->topics) + 1;
	if (object || topic < CONTROL_MEDIUM || topic >= CONTROL_CLIENT)
		return object;
	*t = c->topics[--c->topic_count]; /* its number never comes again */
	return was_sent ? json_pack("{sssI}", "event", "medium-gone", "medium", (json_int_t)(topic - CONTROL_MEDIUM)) :
			  NULL;
}

/* Put the next line into `output`, if there is one to send. */
static void next_line(struct connection *c)
{
	uint64_t due;
	struct topic *t;

	if (c->answer) {
		put_line(c, TAKE_PTR(c->answer), c->answer_size);
		return;
	}
	while (!c->output && !c->is_leaving && (t = next_topic(c, &due))) {
		uint64_t topic = t->topic;
		json_t *object = topic_object(c, topic);
		size_t size;
		char *line = object ? make_line(object, &size) : NULL;

		if (line)
			put_line(c, line, size);
		else if (object)
			log_error("control: the object of topic %llu is no line of the protocol: not sent",
				  (unsigned long long)topic);
		json_decref(object);
	}
}

/* Returns 0, or a negative errno when the client has gone. */
static int send_lines(struct connection *c)
{
	for (;;) {
		ssize_t n;

		if (!c->output)
			next_line(c);
		if (!c->output)
			return c->is_leaving ? -ECONNABORTED : 0;
		n = send(c->fd, c->output + c->output_sent, c->output_size - c->output_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		c->waits_since_usec = now_usec(c);
		c->output_sent += (size_t)n;
		if (c->output_sent < c->output_size)
			continue;
		free(c->output);
		c->output = NULL;
		c->waits_since_usec = NEVER;
	}
}

/* -- what comes in ---------------------------------------------------------------------------------------- */

static void watch(struct connection *c)
{
	uint64_t topics[1024];
	size_t n = c->in->handler.topics(c->in->handler.context, topics, ARRAY_LEN(topics));

	c->is_watching = true;
	for (size_t i = 0; i < n; i++)
		note_topic(c, topics[i]);
	if (c->in->handler.gone)
		note_topic(c, CONTROL_CLIENT + c->number);
}

static void refuse_bad(struct connection *c, const char *text)
{
	json_t *answer = json_pack("{s{ssss}}", "error", "code", "bad-request", "text", text);

	connection_answer(c, answer, false);
	json_decref(answer);
}

static void take_request(struct connection *c, json_t *fields)
{
	json_t *id = json_object_get(fields, "id");
	const char *name = json_string_value(json_object_get(fields, "request"));
	struct control_request request = { .client = c->number, .peer = &c->peer, .name = name, .fields = fields };

	c->token_id = json_is_integer(id) ? json_incref(id) : NULL;
	if (!c->token_id) {
		refuse_bad(c, "A request has an \"id\", an integer.");
	} else if (!name) {
		refuse_bad(c, "A request has a name: \"request\".");
	} else if (strcmp(name, "watch") == 0) {
		json_t *nothing = json_object();

		watch(c);
		connection_answer(c, nothing, true);
		json_decref(nothing);
	} else {
		c->token = request.token = ++c->in->last_token;
		c->in->handler.request(c->in->handler.context, &request);
	}
}

/* More requests may be made now? Otherwise when, by the clock of now_usec(). */
static bool has_credit(struct connection *c, uint64_t *ret_when)
{
	uint64_t now = now_usec(c);

	c->credit_usec = MIN(c->credit_usec + (now - c->credit_at_usec), (uint64_t)REQUEST_CREDIT_USEC);
	c->credit_at_usec = now;
	*ret_when = c->credit_usec >= REQUEST_USEC ? now : now + (REQUEST_USEC - c->credit_usec);
	return c->credit_usec >= REQUEST_USEC;
}

/* One request at a time: the last one was answered, and the answer has been put on its way. */
static bool is_free(const struct connection *c)
{
	return !c->token && !c->answer && !c->is_leaving;
}

/* Take up the lines that are there. */
static void take_lines(struct connection *c)
{
	char *end;
	uint64_t when;

	while (is_free(c) && (end = memchr(c->input, '\n', c->input_size)) && has_credit(c, &when)) {
		size_t size = (size_t)(end - c->input);
		json_t *fields = json_loadb(c->input, size, JSON_REJECT_DUPLICATES, NULL);

		c->credit_usec -= REQUEST_USEC;
		wipe_input(c, size + 1);
		if (json_is_object(fields))
			take_request(c, fields);
		else
			leave(c, "bad-request", "A line was no JSON object.");
		json_decref(fields);
	}
	if (is_free(c) && c->input_size == CONTROL_LINE_MAX && !memchr(c->input, '\n', c->input_size))
		leave(c, "bad-request", "A line was longer than 65536 bytes.");
}

/* Returns 0, or a negative errno when the client has gone. */
static int receive(struct connection *c)
{
	ssize_t n;

	if (c->is_at_end || c->input_size == CONTROL_LINE_MAX)
		return 0;
	n = recv(c->fd, c->input + c->input_size, CONTROL_LINE_MAX - c->input_size, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	c->is_at_end = n == 0;
	c->input_size += (size_t)n;
	return 0;
}

/* -- the loop ------------------------------------------------------------------------------------------------ */

static bool is_finished(const struct connection *c)
{
	bool has_line = memchr(c->input, '\n', c->input_size) != NULL;

	return c->is_at_end && !has_line && is_free(c) && !c->output;
}

/* What is waited for now. Called whenever anything has changed. */
static void update(struct connection *c)
{
	uint64_t due = NEVER, when = NEVER;
	bool has_line = memchr(c->input, '\n', c->input_size) != NULL;
	bool has_topic = next_topic(c, &due) != NULL;
	uint32_t events = 0;
	int r;

	if (c->output || c->answer || has_topic || c->is_leaving)
		events |= EPOLLOUT;
	if (!c->is_at_end && !c->is_leaving && is_free(c) && !has_line && c->input_size < CONTROL_LINE_MAX)
		events |= EPOLLIN;
	if (has_line && is_free(c))
		(void)has_credit(c, &when); /* what counts is when */
	if (c->output)
		when = MIN(when, c->waits_since_usec + control_stall_usec);
	else
		when = MIN(when, due);
	r = sd_event_source_set_io_events(c->io, events);
	if (r >= 0 && when != NEVER)
		r = sd_event_source_set_time(c->timer, when);
	if (r >= 0)
		r = sd_event_source_set_enabled(c->timer, when == NEVER ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
	if (r < 0)
		log_error("control: err=%s: event loop", errno_name(r));
}

static int go_on(struct connection *c)
{
	int r;

	take_lines(c);
	r = send_lines(c);
	if (r < 0 || is_finished(c))
		connection_free(c);
	else
		update(c);
	return 0;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct connection *c = userdata;
	int r = revents & EPOLLIN ? receive(c) : 0;

	/* with EPOLLHUP both directions are gone: what came before is still taken up, there is nobody to be answered */
	if (r < 0 || (revents & (EPOLLHUP | EPOLLERR))) {
		if (r == 0)
			take_lines(c);
		connection_free(c);
		return 0;
	}
	return go_on(c);
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct connection *c = userdata;

	if (c->output && now_usec(c) >= c->waits_since_usec + control_stall_usec) {
		control_log_client(c->in, &c->peer, "disconnected: nothing was read for a minute");
		connection_free(c);
		return 0;
	}
	return go_on(c);
}

int connection_new(struct connections *in, size_t slot, int fd, const struct control_peer *peer)
{
	struct connection *c = calloc(1, sizeof(*c));
	int size = SOCKET_BUFFER, r = -ENOMEM;

	if (!c) {
		close_p(&fd);
		return -ENOMEM;
	}
	*c = (struct connection){ .in = in, .slot = slot, .number = ++in->last_client, .fd = fd, .peer = *peer, .waits_since_usec = NEVER,
				  .credit_usec = REQUEST_CREDIT_USEC };
	in->all[slot] = c;
	c->credit_at_usec = now_usec(c);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)); /* otherwise a few more old states may queue */
	c->input = malloc(CONTROL_LINE_MAX);
	if (c->input)
		r = sd_event_add_io(in->loop, &c->io, fd, EPOLLIN, on_io, c);
	if (r >= 0)
		r = sd_event_add_time(in->loop, &c->timer, CLOCK_MONOTONIC, 0, 0, on_time, c);
	if (r >= 0)
		r = sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
	if (r < 0)
		connection_free(c);
	return MIN(r, 0);
}

struct connection *connection_free(struct connection *c)
{
	if (!c)
		return NULL;
	c->in->all[c->slot] = NULL;
	if (c->in->handler.gone)
		c->in->handler.gone(c->in->handler.context, c->number);
	sd_event_source_disable_unref(c->io);
	sd_event_source_disable_unref(c->timer);
	close_p(&c->fd);
	if (c->input)
		explicit_bzero(c->input, c->input_size);
	free(c->input);
	free(c->output);
	free(c->answer);
	free(c->topics);
	json_decref(c->token_id);
	free(c);
	return NULL;
}
