/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Where members go in targets of kiosk/container and the roles that use it: instead of the channel to the supervisor and the
 * stream to the vault there is this, which keeps nothing and holds what it is told against the protocol. The functions have
 * the names of those of kiosk/ipc, so that the linker leaves these out. */
#ifndef LAZARET_TESTS_FUZZ_SINK_H
#define LAZARET_TESTS_FUZZ_SINK_H

#include "container/private.h"
#include "input.h"

#define SINK_FIRST_ID 7

static struct {
	const struct container *c;
	uint64_t next_id, members, findings, bytes, member_bytes;
	uint64_t member_id; /* 0: none is on its way */
	bool is_incomplete; /* a member was thrown away */
	char last_path[CONTAINER_PATH_MAX + 1];
	bool needs_reason; /* that member has to be told of */
} sink;

static struct container_private sink_private;

static bool has_dots(const char *path)
{
	for (const char *p = path; (p = strstr(p, "..")) != NULL; p += 2)
		if ((p == path || p[-1] == '/') && (p[2] == '\0' || p[2] == '/'))
			return true;
	return false;
}

static void sink_member(struct decoder *d)
{
	uint64_t id = decode_u64(d);

	(void)decode_u64(d);
	CLAIM(!sink.needs_reason);
	decode_str_into(d, sink.last_path, sizeof(sink.last_path));
	CLAIM(decoder_end(d) == 0 && id == sink.next_id && sink.last_path[0] != '\0');
	sink.next_id++;
	sink.members++;
	sink.needs_reason = sink.c->shape != CONTAINER_OBJECT && sink.c->shape != CONTAINER_STREAM && has_dots(sink.last_path);
}

static void sink_finding(struct decoder *d)
{
	uint32_t reason = decode_u32(d);
	char *detail = decode_str(d, CONTAINER_DETAIL_MAX), *path = decode_str(d, CONTAINER_PATH_MAX);

	CLAIM(decoder_end(d) == 0 && detail[0] != '\0');
	CLAIM(reason == REASON_ARCHIVE_UNSAFE || reason == REASON_ENCRYPTED || reason == REASON_LIMIT_EXCEEDED ||
	      reason == REASON_CONTAINER_OPAQUE || reason == REASON_ACTIVE_CONTENT || reason == REASON_SCAN_ERROR);
	sink.findings++;
	if (strcmp(path, sink.last_path) == 0 || sink.findings >= FINDINGS_TOLD_MAX)
		sink.needs_reason = false;
	free(detail);
	free(path);
}

int channel_send(struct channel *c, enum message_type type, const struct encoder *e, const int *fds, size_t fd_count)
{
	struct decoder d;

	CLAIM(e->error == 0 && e->size <= message_rule(type)->payload_max && fd_count == 0);
	decoder_init(&d, e->data, e->size);
	if (type == MESSAGE_CONTAINER_MEMBER)
		sink_member(&d);
	else
		sink_finding(&d);
	return 0;
}

void stream_writer_init(struct stream_writer *w, int fd)
{
	w->fd = fd;
}

int stream_begin(struct stream_writer *w, uint64_t id)
{
	CLAIM(sink.member_id == 0 && id + 1 == sink.next_id);
	sink.member_id = id;
	sink.member_bytes = 0;
	return 0;
}

static int sink_add(uint64_t size)
{
	const struct container_limits *l = &sink.c->private->limits;

	CLAIM(sink.member_id != 0);
	sink.member_bytes += size;
	sink.bytes += size;
	CLAIM(sink.member_bytes <= l->largest && sink.bytes <= l->bytes);
	return 0;
}

int stream_add(struct stream_writer *w, const void *data, size_t size)
{
	volatile const uint8_t *p = data;

	for (size_t i = 0; i < size; i++) /* AddressSanitizer looks at each of them */
		(void)p[i];
	return sink_add(size);
}

int stream_add_zeros(struct stream_writer *w, uint64_t size)
{
	return sink_add(size);
}

int stream_end(struct stream_writer *w, uint64_t id, enum stream_status status)
{
	CLAIM(sink.member_id == id);
	sink.is_incomplete |= status != STREAM_COMPLETE;
	sink.member_id = 0;
	return 0;
}

_unused_ static void sink_begin(struct container *c, const struct container_limits *limits)
{
	memset(&sink, 0, sizeof(sink));
	sink.next_id = SINK_FIRST_ID;
	sink.c = c;
	c->private = &sink_private;
	sink_private.channel = NULL;
	CLAIM(private_begin(c, SINK_FIRST_ID, limits, -1) == 0);
}

/* What the format's function returned. */
_unused_ static void sink_end(struct container *c, int r)
{
	bool is_opened = true;

	CLAIM(private_finish(c, r, &is_opened) == 0);
	CLAIM(sink.member_id == 0 && !sink.needs_reason);
	CLAIM(!is_opened || (r == 0 && !sink.is_incomplete));
	CLAIM(is_opened || sink.findings > 0);
	CLAIM(sink.members == c->private->files && sink.members <= c->private->entries);
	CLAIM(c->private->entries <= c->private->limits.members);
	private_done(c);
}

/* One container, `open`ed as `format`. An opener that returns anything but these has lost its way. */
_unused_ static int open_in_sink(int (*open)(struct container *c), enum container_format format, struct input bytes)
{
	static const struct container_limits limits = { .members = 300, .bytes = 4u << 20, .largest = 1u << 20 };
	uint8_t *data = exactly(bytes);
	struct container c = { .format = format, .info = container_info(format), .shape = container_info(format)->shape,
			       .path = "folder/a.tar.gz", .data = data, .size = bytes.left };
	int r;

	if (bytes.left == 0) { /* role.c gives nobody an empty file */
		free(data);
		return 0;
	}
	sink_begin(&c, &limits);
	r = open(&c);
	CLAIM(r == 0 || r == -EBADMSG || r == -EDQUOT || r == -ENOMEM);
	sink_end(&c, r);
	free(data);
	return 0;
}

#endif
