/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Shared by the unit tests of roles that open containers: an opener and its parent in their sandboxes, with the test as their supervisor
 * and as the vault. Include after <cmocka.h>, "ipc/channel.h" and "../lib/testing.h".
 *
 *	struct opener o;
 *	struct opened told;
 *
 *	opener_start(&o, "lazaret-unpack");
 *	open_bytes(&o, "dir/a.tar", CONTAINER_TAR, data, size, &told);
 *	expect_opened(&told);
 *	expect_member(&told, "a.txt", "hello\n", 6);
 *	expect_no_findings(&told);
 *	opened_done(&told);
 *	opener_end(&o);
 */
#ifndef LAZARET_TESTS_OPENING_H
#define LAZARET_TESTS_OPENING_H

#include <inttypes.h>
#include <poll.h>
#include <time.h>

#include "common/reason.h"
#include "ipc/container.h"
#include "ipc/stream.h"

#define OPENING_PATIENCE_MS 120000 /* a role that says nothing for so long hangs */
#define OPENING_FIRST_ID 7

static struct encoder opening_out; /* 64 KiB each: too much for every test's stack */
static struct message opening_in;

struct opened_member {
	char *path;
	uint64_t id, announced;
	uint8_t *data; /* with a NUL behind it; holes are zeros */
	size_t size;
	enum stream_status status;
	bool has_ended;
};

struct opened_finding {
	enum reason reason;
	char *detail, *path;
};

struct opened {
	int error; /* of FAILED: a negative errno; then nothing else counts */
	struct opened_member *members;
	size_t member_count;
	struct opened_finding *findings;
	size_t finding_count;
	uint64_t entries, files, bytes;
	bool is_opened, is_stream_closed;
	size_t streamed; /* members whose bytes have begun */
	uint8_t *pending; /* of the stream, not understood yet */
	size_t pending_size;
};

struct opener {
	struct peer parent;
	int said_fd; /* what the parent logs */
	struct channel channel;
	int pid_fd;
	/* what the container is allowed */
	struct container_limits limits;
	bool is_system; /* archives hold the tree of a system, as in a package */
	/* when > 0: the vault closes the stream after so many bytes */
	size_t vault_closes_after;
	/* Its library is known to fall over damaged files (a signal of the processor, never a forbidden call): another one is forked,
	 * and `error` is -ECONNRESET. */
	bool may_crash;
};

_unused_ static void opener_fork(struct opener *o)
{
	_cleanup_free_ char *why = NULL;

	peer_send(&o->parent, MESSAGE_FORKSERVER_SPAWN, NULL, NULL, 0);
	peer_expect(&o->parent, MESSAGE_FORKSERVER_SPAWNED, &opening_in);
	channel_init(&o->channel, TAKE_FD(opening_in.fds[0]), true, CHANNEL_CONTAINER);
	o->pid_fd = TAKE_FD(opening_in.fds[1]);
	message_done(&opening_in);
	if (channel_expect(&o->channel, MESSAGE_READY, &opening_in, &why) < 0)
		fail_msg("the opener is not ready: %s", why ? why : "it has ended");
	message_done(&opening_in);
}

/* What the parent has logged so far. */
_unused_ static const char *opener_said(const struct opener *o)
{
	static char said[1 << 16];
	ssize_t n = pread(o->said_fd, said, sizeof(said) - 1, 0);

	said[MAX(n, (ssize_t)0)] = '\0';
	return said;
}

/* It has gone: by which signal? 0: by none. */
_unused_ static int opener_signal(struct opener *o)
{
	const struct timespec moment = { .tv_nsec = 10000000 };
	const char *line = NULL;

	channel_done(&o->channel);
	close_p(&o->pid_fd);
	for (int ms = 0; !line && ms < 5000; ms += 10) {
		(void)nanosleep(&moment, NULL);
		line = strstr(opener_said(o), "killed by signal ");
	}
	assert_int_equal(ftruncate(o->said_fd, 0), 0);
	return line ? atoi(line + strlen("killed by signal ")) : 0;
}

_unused_ static void opener_start(struct opener *o, const char *program)
{
	int error_fd = dup(STDERR_FILENO);

	*o = (struct opener){ .limits = { .members = 100000, .bytes = UINT64_C(4) << 30, .largest = UINT64_C(2) << 30 } };
	o->said_fd = memfd_create("said", MFD_CLOEXEC);
	assert_true(error_fd >= 0 && o->said_fd >= 0 && fcntl(o->said_fd, F_SETFL, O_APPEND) == 0 && dup2(o->said_fd, STDERR_FILENO) >= 0);
	peer_start(&o->parent, program, CHANNEL_FORKSERVER);
	assert_true(dup2(error_fd, STDERR_FILENO) >= 0 && close(error_fd) == 0);
	peer_send(&o->parent, MESSAGE_CONTAINER_START, NULL, NULL, 0);
	peer_ready(&o->parent);
	opener_fork(o);
}

_unused_ static void opener_end(struct opener *o)
{
	struct pollfd ended = { .fd = o->pid_fd, .events = POLLIN };

	assert_int_equal(channel_send(&o->channel, MESSAGE_END, NULL, NULL, 0), 0);
	assert_int_equal(poll(&ended, 1, OPENING_PATIENCE_MS), 1);
	channel_done(&o->channel);
	close_p(&o->pid_fd);
	peer_end(&o->parent);
	print_message("%s", opener_said(o));
	close_p(&o->said_fd);
}

_unused_ static void opened_done(struct opened *t)
{
	for (size_t i = 0; i < t->member_count; i++) {
		free(t->members[i].path);
		free(t->members[i].data);
	}
	for (size_t i = 0; i < t->finding_count; i++) {
		free(t->findings[i].detail);
		free(t->findings[i].path);
	}
	free(t->members);
	free(t->findings);
	free(t->pending);
	*t = (struct opened){ 0 };
}

/* -- the channel ------------------------------------------------------------------------------------------------ */

_unused_ static void opening_take_member(struct opened *t)
{
	struct decoder *d = &opening_in.payload;
	struct opened_member *m;

	t->members = realloc(t->members, (t->member_count + 1) * sizeof(*t->members));
	assert_non_null(t->members);
	m = &t->members[t->member_count];
	*m = (struct opened_member){ .id = decode_u64(d), .data = calloc(1, 1) };
	m->announced = decode_u64(d);
	m->path = decode_str(d, CONTAINER_PATH_MAX);
	assert_int_equal(decoder_end(d), 0);
	assert_true(*m->path);
	assert_int_equal(m->id, OPENING_FIRST_ID + t->member_count);
	t->member_count++;
}

_unused_ static void opening_take_finding(struct opened *t)
{
	struct decoder *d = &opening_in.payload;
	struct opened_finding *f;

	t->findings = realloc(t->findings, (t->finding_count + 1) * sizeof(*t->findings));
	assert_non_null(t->findings);
	f = &t->findings[t->finding_count++];
	f->reason = (enum reason)decode_u32(d);
	f->detail = decode_str(d, CONTAINER_DETAIL_MAX);
	f->path = decode_str(d, CONTAINER_PATH_MAX);
	assert_int_equal(decoder_end(d), 0);
	assert_non_null(reason_code(f->reason));
	assert_true(*f->detail);
}

_unused_ static void opening_take_done(struct opened *t)
{
	struct decoder *d = &opening_in.payload;

	t->entries = decode_u64(d);
	t->files = decode_u64(d);
	t->bytes = decode_u64(d);
	t->is_opened = decode_u32(d) != 0;
	assert_int_equal(decoder_end(d), 0);
}

/* True when it was the last one. */
_unused_ static bool opening_take_message(struct opener *o, struct opened *t)
{
	int r = channel_receive(&o->channel, &opening_in, false);

	if (r == -ENOTCONN) { /* a crash, a forbidden system call */
		int how = opener_signal(o);

		if (!o->may_crash || (how != SIGSEGV && how != SIGBUS && how != SIGFPE && how != SIGABRT))
			fail_msg("the opener has ended by signal %d", how);
		opener_fork(o);
		t->error = -ECONNRESET;
		return true;
	}
	assert_int_equal(r, 0);
	switch (opening_in.type) {
	case MESSAGE_CONTAINER_MEMBER:
		opening_take_member(t);
		break;
	case MESSAGE_CONTAINER_FINDING:
		opening_take_finding(t);
		break;
	case MESSAGE_CONTAINER_DONE:
		opening_take_done(t);
		break;
	case MESSAGE_FAILED:
		t->error = -(int)decode_u32(&opening_in.payload);
		break;
	default:
		fail_msg("the role says %s", message_rule(opening_in.type)->name);
	}
	message_done(&opening_in);
	return opening_in.type == MESSAGE_CONTAINER_DONE || opening_in.type == MESSAGE_FAILED;
}

/* -- the stream ------------------------------------------------------------------------------------------------- */

_unused_ static uint64_t opening_little(const uint8_t *p, size_t size)
{
	uint64_t v = 0;

	for (size_t i = 0; i < size; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

_unused_ static void opening_append(struct opened_member *m, const void *data, size_t size)
{
	m->data = realloc(m->data, m->size + size + 1);
	assert_non_null(m->data);
	if (data)
		memcpy(m->data + m->size, data, size);
	else
		memset(m->data + m->size, 0, size);
	m->size += size;
	m->data[m->size] = 0;
}

/* Bytes of the part at `p`, 0: not all of it is there, or the message that tells its member is still on its way. */
_unused_ static size_t opening_take_part(struct opened *t, const uint8_t *p, size_t left)
{
	struct opened_member *m = t->streamed > 0 ? &t->members[t->streamed - 1] : NULL;
	uint32_t type, size;
	uint64_t value;

	if (left < STREAM_HEADER_LEN)
		return 0;
	type = (uint32_t)opening_little(p, 4);
	size = (uint32_t)opening_little(p + 4, 4);
	value = opening_little(p + 8, 8);
	if (type == STREAM_DATA && left - STREAM_HEADER_LEN < size)
		return 0;
	switch (type) {
	case STREAM_BEGIN:
		assert_true(!m || m->has_ended);
		assert_int_equal(value, OPENING_FIRST_ID + t->streamed);
		if (t->streamed == t->member_count)
			return 0;
		t->streamed++;
		return STREAM_HEADER_LEN;
	case STREAM_DATA:
		assert_true(m && !m->has_ended && size > 0 && size <= STREAM_CHUNK_MAX && value == 0);
		opening_append(m, p + STREAM_HEADER_LEN, size);
		return STREAM_HEADER_LEN + (size_t)size;
	case STREAM_ZEROS:
		assert_true(m && !m->has_ended && value > 0 && value < 1u << 30);
		opening_append(m, NULL, value);
		return STREAM_HEADER_LEN;
	default:
		assert_int_equal(type, STREAM_END);
		assert_true(m && !m->has_ended && m->id == value && size < STREAM_STATUS_COUNT_);
		m->status = (enum stream_status)size;
		m->has_ended = true;
		return STREAM_HEADER_LEN;
	}
}

/* False when the stream has ended. */
_unused_ static bool opening_take_stream(struct opened *t, int fd, size_t *total)
{
	static uint8_t buffer[1 << 16];
	ssize_t n = read(fd, buffer, sizeof(buffer));

	assert_true(n >= 0);
	if (n == 0) {
		t->is_stream_closed = true;
		return false;
	}
	*total += (size_t)n;
	t->pending = realloc(t->pending, t->pending_size + (size_t)n);
	assert_non_null(t->pending);
	memcpy(t->pending + t->pending_size, buffer, (size_t)n);
	t->pending_size += (size_t)n;
	return true;
}

_unused_ static void opening_take_parts(struct opened *t)
{
	size_t at = 0, used;

	while ((used = opening_take_part(t, t->pending + at, t->pending_size - at)) > 0)
		at += used;
	memmove(t->pending, t->pending + at, t->pending_size - at);
	t->pending_size -= at;
}

/* -- OPEN ------------------------------------------------------------------------------------------------------- */

_unused_ static void opening_pump(struct opener *o, int *stream_fd, struct opened *t)
{
	bool is_done = false;
	size_t total = 0;

	while (!is_done || *stream_fd >= 0) {
		struct pollfd ready[2] = { { .fd = is_done ? -1 : o->channel.fd, .events = POLLIN },
					   { .fd = *stream_fd, .events = POLLIN } };

		if (poll(ready, 2, OPENING_PATIENCE_MS) < 1)
			fail_msg("the role hangs");
		if (ready[0].revents)
			is_done = opening_take_message(o, t);
		if (ready[1].revents && (!opening_take_stream(t, *stream_fd, &total) ||
					 (o->vault_closes_after > 0 && total >= o->vault_closes_after)))
			close_p(stream_fd);
		if (t->pending_size > 0)
			opening_take_parts(t);
	}
}

/* Have the container behind `fd` (borrowed) opened. The vault's end of the stream. */
_unused_ static int open_begin(struct opener *o, const char *path, enum container_format format, int fd)
{
	int ends[2], fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	fds[0] = fd;
	fds[1] = ends[1];
	encoder_init(&opening_out);
	encode_u32(&opening_out, format);
	encode_u32(&opening_out, o->is_system || !container_info(format) ? CONTAINER_ROOT : container_info(format)->shape);
	encode_u64(&opening_out, OPENING_FIRST_ID);
	encode_u64(&opening_out, o->limits.members);
	encode_u64(&opening_out, o->limits.bytes);
	encode_u64(&opening_out, o->limits.largest);
	encode_str(&opening_out, path);
	assert_int_equal(channel_send(&o->channel, MESSAGE_CONTAINER_OPEN, &opening_out, fds, 2), 0);
	close_p(&ends[1]);
	return ends[0];
}

/* To its end. `ret` is released with opened_done(). */
_unused_ static void open_fd(struct opener *o, const char *path, enum container_format format, int fd, struct opened *ret)
{
	int stream = open_begin(o, path, format, fd);

	*ret = (struct opened){ 0 };
	opening_pump(o, &stream, ret);
	close_p(&stream);
	if (ret->error || o->vault_closes_after > 0)
		return;
	/* whatever came: it is whole by the rules of the stream, and what is not opened says why */
	assert_int_equal(ret->pending_size, 0);
	assert_int_equal(ret->streamed, ret->member_count);
	assert_int_equal(ret->files, ret->member_count);
	assert_true(ret->entries >= ret->files);
	for (size_t i = 0; i < ret->member_count; i++)
		assert_true(ret->members[i].has_ended);
	if (!ret->is_opened)
		assert_true(ret->finding_count > 0);
}

_unused_ static void open_bytes(struct opener *o, const char *path, enum container_format format, const void *data, size_t size,
				struct opened *ret)
{
	_cleanup_close_ int fd = memory_file(data, size);

	open_fd(o, path, format, fd, ret);
}

/* The file `name` of a directory on disk. */
_unused_ static void open_from(struct opener *o, int dir_fd, const char *name, enum container_format format, struct opened *ret)
{
	_cleanup_close_ int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fail_msg("%s: %s", name, strerror(errno));
	open_fd(o, name, format, fd, ret);
}

/* -- what to expect --------------------------------------------------------------------------------------------- */

_unused_ static void print_opened(const struct opened *t)
{
	if (t->error)
		print_message("  failed: %s\n", strerrorname_np(-t->error));
	for (size_t i = 0; i < t->member_count && i < 40; i++)
		print_message("  member \"%s\" %zu bytes, status %d\n", t->members[i].path, t->members[i].size,
			      t->members[i].status);
	for (size_t i = 0; i < t->finding_count; i++)
		print_message("  %s \"%s\": %s\n", reason_code(t->findings[i].reason), t->findings[i].path,
			      t->findings[i].detail);
	print_message("  %" PRIu64 " entries, %" PRIu64 " files, %" PRIu64 " bytes, %s\n", t->entries, t->files, t->bytes,
		      t->is_opened ? "opened" : "not opened");
}

_unused_ static const struct opened_member *find_member(const struct opened *t, const char *path)
{
	for (size_t i = 0; i < t->member_count; i++)
		if (strcmp(t->members[i].path, path) == 0)
			return &t->members[i];
	return NULL;
}

/* A finding of this reason and path (NULL: any) with these words (NULL: any) in it. */
_unused_ static const struct opened_finding *find_finding(const struct opened *t, enum reason reason, const char *path,
							   const char *words)
{
	for (size_t i = 0; i < t->finding_count; i++)
		if (t->findings[i].reason == reason && (!path || strcmp(t->findings[i].path, path) == 0) &&
		    (!words || strstr(t->findings[i].detail, words)))
			return &t->findings[i];
	return NULL;
}

#define expect_opened(t) expect_opened_at(t, true, __FILE__, __LINE__)
#define expect_not_opened(t) expect_opened_at(t, false, __FILE__, __LINE__)
_unused_ static void expect_opened_at(const struct opened *t, bool is_opened, const char *file, int line)
{
	if (t->error == 0 && t->is_opened == is_opened)
		return;
	print_opened(t);
	fail_msg("%s:%d: expected it %sto be opened", file, line, is_opened ? "" : "not ");
}

#define expect_no_findings(t) expect_no_findings_at(t, __FILE__, __LINE__)
_unused_ static void expect_no_findings_at(const struct opened *t, const char *file, int line)
{
	if (t->finding_count == 0)
		return;
	print_opened(t);
	fail_msg("%s:%d: expected no findings", file, line);
}

#define expect_finding(t, reason, path, words) expect_finding_at(t, reason, path, words, __FILE__, __LINE__)
_unused_ static void expect_finding_at(const struct opened *t, enum reason reason, const char *path, const char *words,
				       const char *file, int line)
{
	if (find_finding(t, reason, path, words))
		return;
	print_opened(t);
	fail_msg("%s:%d: expected %s of \"%s\": %s", file, line, reason_code(reason), path ? path : "*", words ? words : "*");
}

/* A whole member with exactly these bytes. */
#define expect_member(t, path, data, size) expect_member_at(t, path, data, size, __FILE__, __LINE__)
_unused_ static void expect_member_at(const struct opened *t, const char *path, const void *data, size_t size, const char *file,
				      int line)
{
	const struct opened_member *m = find_member(t, path);

	if (m && m->status == STREAM_COMPLETE && m->size == size && (size == 0 || memcmp(m->data, data, size) == 0))
		return;
	print_opened(t);
	fail_msg("%s:%d: expected the member \"%s\" of %zu bytes", file, line, path, size);
}

#endif
