/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-reader: walks one mounted volume. What the file system says is hostile, and so is this role from the first
 * entry on: it has one directory to read, one stream to write, and its channel. One reader serves one volume.
 */
#include <signal.h>
#include <string.h>
#include <time.h>
#include <sys/vfs.h>

#include "common/log.h"
#include "ipc/channel.h"
#include "reader/feed.h"
#include "reader/walk.h"
#include "sandbox/sandbox.h"

struct reader {
	struct channel channel;
	int root_fd, stream_fd;
	struct walk_limits limits;
	uint64_t largest_bytes, id, entries, bytes;
	bool is_incomplete;
	uint32_t count_ms;
	struct feed *feed;
};

static int start(struct reader *rd)
{
	struct message m;
	int r = channel_expect(&rd->channel, MESSAGE_READER_START, &m, NULL);

	if (r < 0)
		return r;
	(void)decode_u32(&m.payload); /* the volume's index matters to the supervisor alone */
	rd->id = decode_u64(&m.payload);
	rd->limits.entries = decode_u64(&m.payload);
	rd->largest_bytes = decode_u64(&m.payload);
	rd->limits.depth = decode_u32(&m.payload);
	rd->count_ms = decode_u32(&m.payload);
	rd->root_fd = TAKE_FD(m.fds[0]);
	rd->stream_fd = TAKE_FD(m.fds[1]);
	r = decoder_end(&m.payload);
	message_done(&m);
	return r;
}

static int tell_entry(struct reader *rd, enum entry_kind kind, uint64_t size, int64_t mtime,
		      const char *path)
{
	struct encoder e;

	rd->entries++;
	encoder_init(&e);
	encode_u64(&e, rd->id);
	encode_u32(&e, kind);
	encode_u64(&e, size);
	encode_u64(&e, (uint64_t)mtime);
	encode_bytes(&e, path, strlen(path));
	return channel_send(&rd->channel, MESSAGE_READER_ENTRY, &e, NULL, 0);
}

static int tell_trouble(struct reader *rd, enum stream_status status, const char *detail)
{
	struct encoder e;

	encoder_init(&e);
	encode_u64(&e, rd->id);
	encode_u32(&e, status);
	encode_str(&e, detail);
	return channel_send(&rd->channel, MESSAGE_READER_TROUBLE, &e, NULL, 0);
}

static int on_file(void *context, const char *path, const struct stat *st)
{
	struct reader *rd = context;
	enum stream_status status = STREAM_UNREADABLE;
	const char *detail = "";
	_cleanup_close_ int fd = -EBADF;
	int r = tell_entry(rd, ENTRY_FILE, (uint64_t)st->st_size, st->st_mtim.tv_sec, path);

	if (r < 0)
		return r;
	fd = walk_open(rd->root_fd, path, 0);
	if ((uint64_t)st->st_size > rd->largest_bytes) {
		status = STREAM_QUOTA;
		detail = "larger than the station's largest file";
	} else if (fd < 0) {
		detail = strerror(-fd);
	} else {
		r = feed_file(rd->feed, rd->id, fd, st, &status, &detail);
		rd->bytes += (uint64_t)st->st_size;
	}
	if (r == 0 && status != STREAM_COMPLETE)
		r = tell_trouble(rd, status, detail);
	rd->id++;
	return r == 0 && feed_has_lost_medium(rd->feed) ? -ENODEV : r;
}

static int on_other(void *context, const char *path, enum entry_kind kind, const char *detail)
{
	struct reader *rd = context;
	int r = tell_entry(rd, kind, 0, 0, path);

	if (kind == ENTRY_DIR_TROUBLE)
		rd->is_incomplete = true;
	if (r == 0)
		r = tell_trouble(rd, STREAM_UNREADABLE, detail);
	rd->id++;
	return r;
}

struct totals {
	uint64_t files, bytes;
	int64_t deadline_ms;
};

static int64_t clock_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int count_file(void *context, const char *path, const struct stat *st)
{
	struct totals *t = context;

	t->files++;
	t->bytes += (uint64_t)st->st_size;
	return clock_ms() < t->deadline_ms ? 0 : -ETIME;
}

static int count_other(void *context, const char *path, enum entry_kind kind, const char *detail)
{
	return 0;
}

/* For the progress bar only. What cannot be counted in time is what the volume says that it holds: with its own overhead, and
 * for a directory with all of its file system. */
static int tell_total(struct reader *rd)
{
	struct totals t = { .deadline_ms = clock_ms() + rd->count_ms };
	const struct walk_events count = { count_file, count_other, &t, true };
	struct statfs fs;
	struct encoder e;

	if (walk(rd->root_fd, &rd->limits, &count) < 0) {
		t = (struct totals){ 0 };
		if (fstatfs(rd->root_fd, &fs) == 0 && fs.f_blocks >= fs.f_bfree)
			t.bytes = (uint64_t)(fs.f_blocks - fs.f_bfree) * (uint64_t)fs.f_bsize;
	}
	encoder_init(&e);
	encode_u64(&e, t.files);
	encode_u64(&e, t.bytes);
	return channel_send(&rd->channel, MESSAGE_READER_TOTAL, &e, NULL, 0);
}

static int tell_done(struct reader *rd, int walked)
{
	struct encoder e;

	encoder_init(&e);
	encode_u64(&e, rd->entries);
	encode_u64(&e, rd->bytes);
	encode_u32(&e, walked == -E2BIG ? WALK_TOO_MUCH : walked == 0 && !rd->is_incomplete ? WALK_COMPLETE : WALK_INCOMPLETE);
	encode_str(&e, walked == -ENODEV ? "the medium can no longer be read: reading has ended" :
		       walked == -E2BIG ? "more entries than the station accepts" :
		       walked < 0	? strerror(-walked) :
		       rd->is_incomplete ? "some directories could not be read" :
					   "");
	return channel_send(&rd->channel, MESSAGE_READER_DONE, &e, NULL, 0);
}

static int read_volume(struct reader *rd)
{
	const struct walk_events events = { on_file, on_other, rd, false };
	int r = tell_total(rd);
	int walked;

	if (r < 0)
		return r;
	walked = walk(rd->root_fd, &rd->limits, &events);
	close_p(&rd->stream_fd); /* the vault sees the end of the stream */
	return tell_done(rd, walked);
}

static int wait_for_end(struct reader *rd)
{
	struct message m;
	int r = channel_receive(&rd->channel, &m, false);

	if (r == 0)
		message_done(&m); /* END is the only message that is legal here */
	return r == -ENOTCONN ? 0 : r;
}

int main(void)
{
	const char *sandbox = sandbox_describe(); /* asks the kernel, which is no longer allowed inside */
	struct reader rd = { .root_fd = -EBADF, .stream_fd = -EBADF };
	const char *where = "start";
	int r;

	log_open("lazaret-reader");
	(void)signal(SIGPIPE, SIG_IGN); /* a vault that has gone is an error to report */
	channel_init(&rd.channel, CHANNEL_FD, false, CHANNEL_READER);
	r = start(&rd);
	if (r == 0) {
		const int keep[] = { rd.root_fd, rd.stream_fd };

		r = sandbox_enter(ROLE_READER, keep, ARRAY_LEN(keep), &where);
	}
	if (r == 0) {
		rd.feed = feed_new(rd.stream_fd);
		r = rd.feed ? 0 : -ENOMEM;
	}
	if (r < 0) {
		(void)channel_fail(&rd.channel, r, where, "%s", strerror(-r)); /* the exit status says it, too */
		return EXIT_FAILURE;
	}
	r = channel_ready(&rd.channel, "reader", sandbox);
	if (r == 0)
		r = read_volume(&rd);
	if (r == 0)
		r = wait_for_end(&rd);
	if (r < 0 && r != -EPIPE)
		log_error("err=%s: %s", errno_name(r), strerror(-r));
	feed_free(rd.feed);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
