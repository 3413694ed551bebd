/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The members of a pack, as lazaret-unpack brings them out: the same role, in the same sandbox, that opens tars of a medium. It tells
 * names over its channel and bytes over the stream that a vault would get (ipc/stream.h); both are compared with pack.json here, and
 * the first thing that is not as it has to be ends it.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/fd.h"
#include "ipc/channel.h"
#include "ipc/container.h"
#include "ipc/stream.h"
#include "sandbox/spawn.h"
#include "update/pack.h"

#define ZEROS (1u << 16)

struct reading {
	struct channel channel, parent; /* of the opener; of lazaret-unpack, whose child it is */
	int stream_fd;
	pid_t pid; /* the parent's */
	int dir_fd; /* -EBADF: nothing is kept */
	pack_accept *accept;
	void *context;
	char **why;

	struct pack *pack; /* once pack.json has come */
	char *manifest;
	size_t manifest_size;
	/* names, as they are told: members in their order, pack.json first */
	uint64_t told;
	char *told_paths[PACK_MEMBERS_MAX + 1];
	uint64_t told_sizes[PACK_MEMBERS_MAX + 1];
	/* the member whose bytes come */
	uint64_t begun, ended;
	struct hash *hash;
	uint64_t size;
	int fd;
	bool is_done, is_stream_done;
	struct message message;
	uint8_t chunk[STREAM_CHUNK_MAX];
};

static int refuse(struct reading *d, const char *what)
{
	return pack_fail(d->why, -EBADMSG, "it is not as `lazaret pack make` writes it: %s", what);
}

static const struct pack_member *member(const struct reading *d)
{
	return d->begun >= 2 && d->pack && d->begun - 2 < d->pack->member_count ? &d->pack->members[d->begun - 2] : NULL;
}

/* -- bytes -------------------------------------------------------------------------------------------------------------- */

/* Blocking, with the patience that the socket was given. */
static int receive_exact(int fd, void *data, size_t size)
{
	int r = fd_read_exact(fd, data, size);

	return r == -EAGAIN ? -ETIMEDOUT : r == -ENODATA ? -EPIPE : r;
}

static int open_member(struct reading *d, const struct pack_member *m)
{
	_cleanup_close_ int dir_fd = -EBADF;
	int r;

	if (d->dir_fd < 0)
		return 0;
	r = dir_open_make(d->dir_fd, pack_kind_directory(m->kind), 0755, &dir_fd);
	if (r == 0) {
		d->fd = openat(dir_fd, strchr(m->path, '/') + 1, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
		r = d->fd < 0 ? -errno : 0;
	}
	if (r == 0 && fsync(dir_fd) < 0)
		r = -errno;
	return r;
}

static int on_begin(struct reading *d, uint64_t id)
{
	if (d->begun != d->ended || id != d->begun + 1)
		return -EPROTO;
	d->begun = id;
	d->size = 0;
	if (id == 1)
		return 0;
	if (!member(d))
		return refuse(d, "it holds a member that " PACK_MANIFEST " does not name");
	return hash_reset(d->hash) < 0 ? -ENOMEM : open_member(d, member(d));
}

static int take_manifest(struct reading *d, const void *data, size_t size)
{
	char *more;

	if (size > PACK_MANIFEST_MAX - d->manifest_size)
		return refuse(d, PACK_MANIFEST " is too long, or not the first member");
	more = realloc(d->manifest, d->manifest_size + size);
	if (!more)
		return -ENOMEM;
	d->manifest = more;
	memcpy(more + d->manifest_size, data, size);
	d->manifest_size += size;
	return 0;
}

static int take_bytes(struct reading *d, const void *data, size_t size)
{
	int r;

	if (d->begun == d->ended)
		return -EPROTO;
	if (size == 0)
		return 0;
	if (d->begun == 1)
		return take_manifest(d, data, size);
	if (size > member(d)->size - d->size)
		return refuse(d, "a member is longer than " PACK_MANIFEST " says");
	d->size += size;
	r = hash_update(d->hash, data, size);
	return r == 0 && d->fd >= 0 ? fd_write_all(d->fd, data, size) : r;
}

static int take_zeros(struct reading *d, uint64_t size)
{
	int r = 0;

	memset(d->chunk, 0, ZEROS);
	for (; r == 0 && size > 0; size -= MIN(size, (uint64_t)ZEROS))
		r = take_bytes(d, d->chunk, (size_t)MIN(size, (uint64_t)ZEROS));
	return r;
}

static int finish_file(struct reading *d, const struct pack_member *m)
{
	const struct timespec times[2] = { { .tv_sec = m->time }, { .tv_sec = m->time } };
	int r = 0;

	/* the age of a database without one of its own is that of its file */
	if (d->fd >= 0 && (futimens(d->fd, times) < 0 || fsync(d->fd) < 0))
		r = -errno;
	close_p(&d->fd);
	return r;
}

static int end_member(struct reading *d)
{
	const struct pack_member *m = member(d);
	char hex[SHA256_HEX_LEN + 1];
	uint8_t sum[SHA256_LEN];
	int r = hash_final(d->hash, sum);

	if (r < 0)
		return r;
	hex_encode(sum, sizeof(sum), hex);
	if (d->size != m->size || strcmp(hex, m->sha256) != 0)
		return pack_fail(d->why, -EBADMSG, "%s: not the content that " PACK_MANIFEST " names", m->path);
	return finish_file(d, m);
}

static int end_manifest(struct reading *d)
{
	int r = pack_parse(d->manifest ? d->manifest : "", d->manifest_size, &d->pack, d->why);

	return r == 0 && d->accept ? d->accept(d->context, d->pack, d->why) : r;
}

static int on_end(struct reading *d, uint64_t id, uint32_t status)
{
	int r;

	if (d->begun == d->ended || id != d->begun)
		return -EPROTO;
	if (status != STREAM_COMPLETE)
		return refuse(d, "a member is damaged");
	r = id == 1 ? end_manifest(d) : end_member(d);
	d->ended = id;
	return r;
}

static uint64_t number(const uint8_t *p, size_t bytes)
{
	uint64_t v = 0;

	for (size_t i = bytes; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

static int serve_stream(struct reading *d)
{
	uint8_t header[STREAM_HEADER_LEN];
	ssize_t n = recv(d->stream_fd, header, 1, 0);
	uint32_t type, size;
	uint64_t value;
	int r;

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (n == 0) {
		d->is_stream_done = true;
		return d->begun == d->ended ? 0 : refuse(d, "it ends inside a member");
	}
	r = receive_exact(d->stream_fd, header + 1, sizeof(header) - 1);
	if (r < 0)
		return r;
	type = (uint32_t)number(header, 4);
	size = (uint32_t)number(header + 4, 4);
	value = number(header + 8, 8);
	if (type == STREAM_BEGIN)
		return on_begin(d, value);
	if (type == STREAM_END)
		return on_end(d, value, size);
	if (type == STREAM_ZEROS)
		return value <= PACK_MEMBER_BYTES_MAX ? take_zeros(d, value) : refuse(d, "a member is too long");
	if (type != STREAM_DATA || size > sizeof(d->chunk))
		return -EPROTO;
	r = receive_exact(d->stream_fd, d->chunk, size);
	return r == 0 ? take_bytes(d, d->chunk, size) : r;
}

/* -- names -------------------------------------------------------------------------------------------------------------- */

static int on_member(struct reading *d, struct decoder *m)
{
	uint64_t id = decode_u64(m), size = decode_u64(m);
	_cleanup_free_ char *path = decode_str(m, CONTAINER_PATH_MAX);
	int r = decoder_end(m);

	if (r < 0)
		return r;
	if (id != d->told + 1)
		return -EPROTO;
	if (d->told == ARRAY_LEN(d->told_paths))
		return refuse(d, "it holds too many members");
	d->told_sizes[d->told] = size;
	d->told_paths[d->told++] = TAKE_PTR(path);
	return 0;
}

static int on_finding(struct reading *d, struct decoder *m)
{
	(void)decode_u32(m); /* whatever it is */
	_cleanup_free_ char *detail = decode_str(m, CONTAINER_DETAIL_MAX), *path = decode_str(m, CONTAINER_PATH_MAX);
	int r = decoder_end(m);

	if (r < 0)
		return r;
	return *path ? pack_fail(d->why, -EBADMSG, "it is not as `lazaret pack make` writes it: %s: %s", path, detail) : refuse(d, detail);
}

static int on_done(struct reading *d, struct decoder *m)
{
	uint64_t entries = decode_u64(m), files = decode_u64(m);
	bool is_opened;

	(void)decode_u64(m); /* bytes: counted here */
	is_opened = decode_u32(m) != 0;
	if (decoder_end(m) < 0 || files != d->told)
		return -EPROTO;
	d->is_done = true;
	if (!is_opened)
		return refuse(d, "it could not be opened");
	return entries == files ? 0 : refuse(d, "it holds something that is no file");
}

static int serve_channel(struct reading *d)
{
	struct message *m = &d->message;
	int r = channel_receive(&d->channel, m, false);

	if (r < 0)
		return r == -ENOTCONN ? -EPIPE : r;
	if (m->type == MESSAGE_CONTAINER_MEMBER)
		r = on_member(d, &m->payload);
	else if (m->type == MESSAGE_CONTAINER_FINDING)
		r = on_finding(d, &m->payload);
	else if (m->type == MESSAGE_CONTAINER_DONE)
		r = on_done(d, &m->payload);
	else
		r = -EPROTO;
	message_done(m);
	return r;
}

/* -- the role ----------------------------------------------------------------------------------------------------------- */

static int send_open(struct reading *d, int fd, int stream_fd)
{
	const int fds[] = { fd, stream_fd };
	struct encoder *e = malloc(sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	encoder_init(e);
	encode_u32(e, CONTAINER_TAR);
	encode_u32(e, CONTAINER_ARCHIVE);
	encode_u64(e, 1);
	encode_u64(e, PACK_MEMBERS_MAX + 1);
	encode_u64(e, PACK_BYTES_MAX + PACK_MANIFEST_MAX);
	encode_u64(e, PACK_MEMBER_BYTES_MAX);
	encode_str(e, "pack");
	r = channel_send(&d->channel, MESSAGE_CONTAINER_OPEN, e, fds, ARRAY_LEN(fds));
	free(e);
	return r;
}

static int expect(struct reading *d, struct channel *c, enum message_type type)
{
	struct pollfd polled = { .fd = c->fd, .events = POLLIN };
	int n = poll(&polled, 1, PACK_STALL_SECONDS * 1000);

	return n < 0 ? -errno : n == 0 ? -ETIMEDOUT : channel_expect(c, type, &d->message, d->why);
}

static int wait_ready(struct reading *d, struct channel *c)
{
	int r = expect(d, c, MESSAGE_READY);

	if (r == 0)
		message_done(&d->message);
	return r;
}

/* The one opener that is needed dies with its parent. */
static int start_opener(struct reading *d)
{
	int r = channel_send(&d->parent, MESSAGE_CONTAINER_START, NULL, NULL, 0);

	if (r == 0)
		r = wait_ready(d, &d->parent);
	if (r == 0)
		r = channel_send(&d->parent, MESSAGE_FORKSERVER_SPAWN, NULL, NULL, 0);
	if (r == 0)
		r = expect(d, &d->parent, MESSAGE_FORKSERVER_SPAWNED);
	if (r < 0)
		return r;
	channel_init(&d->channel, TAKE_FD(d->message.fds[0]), true, CHANNEL_CONTAINER);
	message_done(&d->message);
	return wait_ready(d, &d->channel);
}

static int begin(struct reading *d, int fd)
{
	const struct timeval patience = { .tv_sec = PACK_STALL_SECONDS };
	_cleanup_close_ int theirs = -EBADF, stream = -EBADF;
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	theirs = pair[1];
	channel_init(&d->parent, pair[0], true, CHANNEL_FORKSERVER);
	r = role_spawn(ROLE_UNPACK, theirs, &d->pid);
	close_p(&theirs); /* or its death would not be seen */
	if (r == 0)
		r = start_opener(d);
	if (r == 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		r = -errno;
	if (r < 0)
		return r;
	d->stream_fd = pair[0];
	stream = pair[1];
	if (setsockopt(d->stream_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return -errno;
	return send_open(d, fd, stream);
}

static int loop(struct reading *d)
{
	int r = 0;

	while (r == 0 && !(d->is_done && d->is_stream_done)) {
		struct pollfd polled[2] = { { .fd = d->is_stream_done ? -1 : d->stream_fd, .events = POLLIN },
					    { .fd = d->is_done ? -1 : d->channel.fd, .events = POLLIN } };
		int n = poll(polled, ARRAY_LEN(polled), PACK_STALL_SECONDS * 1000);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ETIMEDOUT;
		if (polled[1].revents) /* first: a finding says more than the end of the stream that follows it */
			r = serve_channel(d);
		if (r == 0 && polled[0].revents)
			r = serve_stream(d);
	}
	return r;
}

static int compare_names(struct reading *d)
{
	if (!d->pack || d->told != d->pack->member_count + 1 || d->ended != d->told)
		return refuse(d, "members are missing that " PACK_MANIFEST " names");
	for (uint64_t i = 0; i < d->told; i++) {
		const char *path = i == 0 ? PACK_MANIFEST : d->pack->members[i - 1].path;
		uint64_t size = i == 0 ? d->manifest_size : d->pack->members[i - 1].size;

		if (strcmp(d->told_paths[i], path) != 0 || d->told_sizes[i] != size)
			return pack_fail(d->why, -EBADMSG, "it is not as `lazaret pack make` writes it: in the place of %s stands %s", path,
					 d->told_paths[i]);
	}
	return d->dir_fd >= 0 && fsync(d->dir_fd) < 0 ? -errno : 0;
}

static void done(struct reading *d)
{
	if (d->pid > 0) {
		(void)kill(d->pid, SIGKILL); /* our child, not waited for yet; it holds nothing that must be kept */
		while (waitpid(d->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	channel_done(&d->channel);
	channel_done(&d->parent);
	close_p(&d->stream_fd);
	close_p(&d->fd);
	hash_free(d->hash);
	for (uint64_t i = 0; i < d->told; i++)
		free(d->told_paths[i]);
	free(d->manifest);
	pack_free(d->pack);
	free(d);
}

int pack_extract(int fd, int dir_fd, pack_accept *accept, void *context, struct pack **ret, char **ret_why)
{
	struct reading *d = calloc(1, sizeof(*d));
	int r;

	*ret_why = NULL;
	if (!d)
		return -ENOMEM;
	d->channel.fd = d->parent.fd = d->stream_fd = d->fd = -EBADF;
	d->dir_fd = dir_fd;
	d->accept = accept;
	d->context = context;
	d->why = ret_why;
	d->hash = hash_new();
	r = d->hash ? begin(d, fd) : -ENOMEM;
	if (r == 0)
		r = loop(d);
	if (r == 0)
		r = compare_names(d);
	if ((r == -EPROTO || r == -EPIPE) && !*ret_why)
		r = pack_fail(ret_why, -EBADMSG, "lazaret-unpack %s while it opened it", r == -EPIPE ? "died" : "broke its protocol");
	if (r == 0)
		*ret = TAKE_PTR(d->pack);
	done(d);
	return r;
}
