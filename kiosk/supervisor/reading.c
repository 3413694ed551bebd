/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Stage "read": one reader after the other streams its volume into the vault; sealed copies go to the workers while
 * reading goes on, and those that find no worker wait (backlog.h). Reader and vault are always listened to: the medium
 * never waits for an examiner. What is in memory is bounded by the backlog; what is on disk by the spool's quota.
 */
#include "supervisor/backlog.h"
#include "supervisor/engine.h"
#include "supervisor/examining.h"
#include "supervisor/remembering.h"
#include "supervisor/unpacking.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "common/log.h"
#include "common/text.h"

#define READY_SECONDS 30
#define CLOSE_SECONDS 30
/* For a bar that tells the truth: 3 s are some 100,000 files on a stick. Past it, a volume's own word for what it holds. */
#define COUNT_MS 3000
/* For what the reader told before its bytes, which is in the socket already: longer takes only a reader that floods us. */
#define CATCH_UP_MS 10000
/* Messages at a time of reader and vault: between two rounds of the loop openers and workers are started, which takes milliseconds. */
#define HEARD_AT_ONCE 64
#define TICK_MS 200 /* progress, and how late a cancelled client is noticed */

struct reading {
	struct inspection *i;
	struct process reader;
	struct volume *volume; /* NULL between two volumes */
	bool is_reader_done, is_stream_done, is_stream_clean, is_complete;
	char *reader_detail;
	struct backlog *backlog;
	uint64_t first_id, entries_max; /* of this volume */
	uint64_t bytes_before;		/* read of the volumes before this one */
	int64_t heard_ms;		/* when reader or vault last told something that came from this volume */
	bool is_cut;			/* given up because it told nothing */
	bool is_closing;     /* intake was asked to let go */
	struct message message, reader_message; /* two: catching up with the reader happens inside a vault message */
};

/* -- reader --------------------------------------------------------------------------------------------------- */

/* A reader that dies or misbehaves ends its volume: what came whole is still judged, the volume is "partial". */
static int lose_reader(struct reading *rd, const char *why)
{
	process_kill(&rd->reader);
	rd->is_reader_done = true;
	rd->is_complete = false; /* also when it had said that all is told */
	free(rd->reader_detail);
	rd->reader_detail = strdup(why);
	return rd->reader_detail ? 0 : -ENOMEM;
}

/* One name for two files: who can say which of them was meant? The first is not to be trusted any more, either. */
static int lose_double(struct reading *rd, const char *path)
{
	struct docket_entry e = { 0 };
	int r = docket_find_path(rd->i->docket, rd->volume->index, path, &e);

	if (r > 0)
		r = docket_trouble(rd->i->docket, e.id, STREAM_CHANGED, "the file system has this name twice");
	docket_entry_done(&e);
	return r < 0 ? r : lose_reader(rd, "one name is there twice: the file system is damaged");
}

static int on_entry(struct reading *rd, struct decoder *d)
{
	struct inspection *i = rd->i;
	uint64_t id = decode_u64(d);
	uint32_t kind = decode_u32(d);
	uint64_t size = decode_u64(d);
	int64_t mtime = (int64_t)decode_u64(d);
	_cleanup_free_ char *path = decode_str(d, 4095);
	int r = decoder_end(d);

	if (r < 0)
		return r;
	if (id != i->next_id || kind >= ENTRY_KIND_COUNT_ || size > INT64_MAX || rd->is_reader_done)
		return -EPROTO;
	if (id - rd->first_id >= rd->entries_max)
		return lose_reader(rd, "more entries than the station accepts");
	i->next_id++;
	/* Trouble with the root of the volume has no path; "." cannot be the name of an entry. */
	r = docket_add(i->docket, id, rd->volume->index, (enum entry_kind)kind, *path ? path : ".", size, mtime);
	return r == -EEXIST ? lose_double(rd, *path ? path : ".") : r;
}

static int on_trouble(struct reading *rd, struct decoder *d)
{
	uint64_t id = decode_u64(d);
	uint32_t status = decode_u32(d);
	_cleanup_free_ char *detail = decode_str(d, 900);
	int r = decoder_end(d);

	if (r < 0)
		return r;
	if (id < rd->first_id || id >= rd->i->next_id || status == STREAM_COMPLETE || status >= STREAM_STATUS_COUNT_)
		return -EPROTO;
	return docket_trouble(rd->i->docket, id, (enum stream_status)status, detail);
}

static int on_reader_done(struct reading *rd, struct decoder *d)
{
	(void)decode_u64(d); /* entries and bytes: we counted them ourselves */
	(void)decode_u64(d);
	rd->is_complete = decode_u32(d) == WALK_COMPLETE;
	free(rd->reader_detail);
	rd->reader_detail = decode_str(d, 900);
	rd->is_reader_done = true;
	return decoder_end(d);
}

static int on_total(struct reading *rd, struct decoder *d)
{
	uint64_t files = decode_u64(d), bytes = decode_u64(d);

	rd->i->files_total += MIN(files, (uint64_t)1 << 40);
	rd->i->bytes_total += MIN(bytes, (uint64_t)1 << 50);
	return decoder_end(d);
}

/* 1: a message was taken; 0: there is none; or a negative errno. */
static int serve_reader(struct reading *rd)
{
	struct message *m = &rd->reader_message;
	int r = rd->is_reader_done ? -EAGAIN : channel_receive(&rd->reader.channel, m, true);

	if (r == -ENOTCONN || r == -EPROTO)
		return lose_reader(rd, r == -ENOTCONN ? "the reader died" : "the reader broke its protocol");
	if (r < 0)
		return r == -EAGAIN ? 0 : r;
	if (m->type == MESSAGE_READER_ENTRY)
		r = on_entry(rd, &m->payload);
	else if (m->type == MESSAGE_READER_TROUBLE)
		r = on_trouble(rd, &m->payload);
	else if (m->type == MESSAGE_READER_TOTAL)
		r = on_total(rd, &m->payload);
	else if (m->type == MESSAGE_READER_DONE)
		r = on_reader_done(rd, &m->payload);
	else
		r = -EPROTO;
	message_done(m);
	if (r == -EPROTO)
		r = lose_reader(rd, "the reader broke its protocol");
	return r < 0 ? r : 1;
}

/* -- vault ---------------------------------------------------------------------------------------------------- */

/* The reader announces an entry before its bytes flow, on another channel: catch up with it. Nothing is waited for: what
 * was announced before is there. */
static int catch_up(struct reading *rd, uint64_t id)
{
	const int64_t deadline = monotonic_ms() + CATCH_UP_MS;
	int r = 1;

	while (r > 0 && id >= rd->i->next_id && monotonic_ms() < deadline)
		r = serve_reader(rd);
	if (r < 0)
		return r;
	/* bytes of a file that nobody named, or that was another volume's: not kept */
	return id >= rd->first_id && id < rd->i->next_id ? 0 : -ENOENT;
}

/* To the workers (`*fd` is taken over), unless all that they could say of it is known. */
static int queue_job(struct reading *rd, uint64_t id, uint64_t size, const uint8_t sum[static SHA256_LEN], int *fd)
{
	struct docket_entry e = { 0 };
	int r = docket_get(rd->i->docket, id, &e), is_known = r > 0 ? remember_recall(rd->i, id, size, sum, e.path) : 0;

	if (r == 0)
		r = -ENOENT;
	if (is_known < 0) {
		r = is_known;
	} else if (is_known > 0) {
		rd->i->files_examined++;
		rd->i->bytes_examined += size;
		r = 0;
	} else if (r > 0) {
		struct job job = { .id = id, .size = size, .path = TAKE_PTR(e.path), .fd = TAKE_FD(*fd) };

		memcpy(job.sum, sum, sizeof(job.sum));
		r = backlog_add(rd->backlog, &job);
	}
	docket_entry_done(&e);
	return r;
}

static int on_sealed(struct reading *rd, struct message *m)
{
	struct inspection *i = rd->i;
	uint64_t id = decode_u64(&m->payload), size = decode_u64(&m->payload);
	uint8_t sum[SHA256_LEN];
	int r;

	decode_exact(&m->payload, sum, sizeof(sum));
	(void)decode_u32(&m->payload); /* STREAM_COMPLETE, or it would not be sealed */
	r = decoder_end(&m->payload);
	if (r == 0)
		r = catch_up(rd, id);
	if (r == 0)
		r = docket_sealed(i->docket, id, size, sum);
	if (r == 0)
		r = docket_done(i->docket, id, CHECK_READ);
	if (r == 0)
		r = queue_job(rd, id, size, sum, &m->fds[0]);
	i->files_read++;
	return r == -ENOENT ? lose_reader(rd, "the reader sent bytes that belong to no file it named") : r;
}

static int on_dropped(struct reading *rd, struct message *m)
{
	uint64_t id = decode_u64(&m->payload);
	uint32_t status;
	int r;

	(void)decode_u64(&m->payload); /* bytes that came */
	status = decode_u32(&m->payload);
	r = decoder_end(&m->payload);
	if (r == 0)
		r = catch_up(rd, id);
	rd->i->files_read++;
	if (r == -ENOENT)
		return lose_reader(rd, "the reader sent bytes that belong to no file it named");
	/* What the reader says of it comes on its own channel, with words; limits are the vault's to tell. */
	if (r == 0)
		r = docket_trouble(rd->i->docket, id, (enum stream_status)status,
				   status == STREAM_NO_SPACE ? "the spool is full" :
				   status == STREAM_QUOTA    ? "more than the station accepts from one medium" :
							       "");
	return r;
}

/* To be examined, or opened. */
static int on_copy(struct reading *rd, struct message *m)
{
	uint64_t id = decode_u64(&m->payload);
	int r = decoder_end(&m->payload);

	if (r < 0)
		return r;
	if (id != rd->i->fetching)
		return -EPROTO;
	rd->i->fetching = 0;
	r = backlog_take_copy(rd->backlog, id, &m->fds[0]);
	if (r != 0)
		return MIN(r, 0);
	return unpack_take_copy(rd->i->unpackers, id, TAKE_FD(m->fds[0]));
}

static int on_stream_end(struct reading *rd, struct decoder *d)
{
	(void)decode_u64(d); /* files: each was told */
	rd->bytes_before += decode_u64(d);
	rd->i->bytes_read = rd->bytes_before;
	rd->is_stream_clean = decode_u32(d) != 0;
	rd->is_stream_done = true;
	return decoder_end(d);
}

/* 1: a message was taken; 0: there is none; or a negative errno. */
static int serve_vault(struct reading *rd)
{
	struct message *m = &rd->message;
	int r = channel_receive(&rd->i->vault.channel, m, true);

	if (r < 0)
		return r == -EAGAIN ? 0 : r;
	if (m->type != MESSAGE_VAULT_COPY) /* of its own disk: says nothing of the medium */
		rd->heard_ms = monotonic_ms();
	if (m->type == MESSAGE_VAULT_SEALED)
		r = on_sealed(rd, m);
	if (m->type == MESSAGE_VAULT_DROPPED)
		r = on_dropped(rd, m);
	if (m->type == MESSAGE_VAULT_COPY)
		r = on_copy(rd, m);
	if (m->type == MESSAGE_FAILED)
		r = inspection_vault_failed(rd->i, m);
	if (m->type == MESSAGE_VAULT_PROGRESS) {
		rd->i->bytes_read = rd->bytes_before + decode_u64(&m->payload);
		r = decoder_end(&m->payload);
	}
	if (m->type == MESSAGE_VAULT_STREAM_END)
		r = on_stream_end(rd, &m->payload);
	message_done(m);
	return r < 0 ? r : 1;
}

/* -- volumes -------------------------------------------------------------------------------------------------- */

static int start_reader(struct reading *rd, struct volume *v)
{
	struct inspection *i = rd->i;
	const struct station_limits *l = &i->supervisor->config->limits;
	struct patience patience = supervisor_patience(i->supervisor, READY_SECONDS);
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));
	_cleanup_free_ char *why = NULL;
	int stream[2];
	int r;

	if (!e)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream) < 0)
		return -errno;
	encoder_init(e);
	encode_u32(e, v->index);
	encode_u64(e, i->next_id);
	encode_u64(e, rd->entries_max - 1); /* and one for trouble with the volume's root */
	encode_u64(e, l->largest_file);
	encode_u32(e, (uint32_t)l->depth);
	encode_u32(e, COUNT_MS);
	r = process_start(ROLE_READER, &rd->reader);
	if (r == 0) {
		const int fds[] = { v->root_fd, stream[0] };

		r = channel_send(&rd->reader.channel, MESSAGE_READER_START, e, fds, ARRAY_LEN(fds));
	}
	if (r == 0)
		r = process_ready(&rd->reader, &patience, &why);
	if (r == 0)
		r = channel_send(&i->vault.channel, MESSAGE_VAULT_STREAM, NULL, &stream[1], 1);
	close_p(&stream[0]);
	close_p(&stream[1]);
	close_p(&v->root_fd);
	if (r < 0)
		inspection_trouble(i, "starting the reader", r, why);
	return r;
}

static int next_volume(struct reading *rd)
{
	struct inspection *i = rd->i;

	rd->volume = NULL;
	for (size_t k = 0; k < i->medium.volume_count; k++) {
		struct volume *v = &i->medium.volumes[k];

		if (v->root_fd < 0)
			continue;
		rd->is_reader_done = rd->is_stream_done = rd->is_stream_clean = rd->is_complete = rd->is_cut = false;
		rd->heard_ms = monotonic_ms();
		rd->volume = v;
		rd->first_id = i->next_id;
		rd->entries_max = i->supervisor->config->limits.files - MIN(i->supervisor->config->limits.files, i->next_id - 1) + 1;
		return start_reader(rd, v);
	}
	return 0;
}

static int finish_volume(struct reading *rd)
{
	struct inspection *i = rd->i;
	struct volume *v = rd->volume;
	bool is_whole = rd->is_complete && rd->is_stream_clean;
	const char *detail = rd->reader_detail ? rd->reader_detail : "";

	if (!is_whole && !*detail)
		detail = "the stream to the vault was cut";
	if (*detail) { /* otherwise intake's remark stays */
		free(v->detail);
		v->detail = text_escape(detail, strlen(detail));
	}
	if (!v->detail)
		return -ENOMEM;
	(void)snprintf(v->outcome, sizeof(v->outcome), "%s", is_whole ? "read" : "partial");
	events_send(i->supervisor->events, "volume",
		    json_pack("{s:I,s:s,s:s,s:s,s:s,s:s}", "index", (json_int_t)v->index, "fs", v->fs, "label", v->label,
			      "driver", v->driver, "outcome", v->outcome, "detail", v->detail));
	i->has_volumes_read = true;
	free(TAKE_PTR(rd->reader_detail));
	(void)process_end(&rd->reader); /* it has nothing left to tell */
	return next_volume(rd);
}

/* -- letting the medium go ------------------------------------------------------------------------------------ */

static int begin_close(struct reading *rd)
{
	rd->is_closing = true;
	return channel_send(&rd->i->intake.channel, MESSAGE_INTAKE_CLOSE, NULL, NULL, 0);
}

static int take_closed(struct reading *rd)
{
	struct inspection *i = rd->i;
	struct patience patience = supervisor_patience(i->supervisor, CLOSE_SECONDS);
	uint32_t is_protected, is_present;
	uint64_t sectors;
	int r = process_expect(&i->intake, MESSAGE_INTAKE_CLOSED, &patience, &rd->message, NULL);

	if (r < 0)
		return r;
	is_protected = decode_u32(&rd->message.payload);
	sectors = decode_u64(&rd->message.payload);
	is_present = decode_u32(&rd->message.payload);
	r = decoder_end(&rd->message.payload);
	message_done(&rd->message);
	if (r == 0 && !is_present)
		return -ENODEV; /* a medium that has gone lists empty directories: nothing that was read counts */
	i->medium.is_write_protected = i->medium.is_write_protected && is_protected;
	i->medium.sectors_after = sectors;
	i->medium.removable_at = time(NULL);
	inspection_may_go(i);
	events_send(i->supervisor->events, "removable", NULL);
	(void)process_end(&i->intake); /* nothing is asked of it any more */
	return r;
}

/* -- the loop ------------------------------------------------------------------------------------------------- */

/* A medium, or its driver, that gives nothing any more must not hold the station until somebody pulls it: what has come
 * is judged, the volume is partial. */
static int check_stall(struct reading *rd)
{
	int64_t now = monotonic_ms();
	_cleanup_free_ char *why = NULL;
	uint64_t limit_s = rd->i->supervisor->config->limits.stall_time_s;
	int r;

	if (!rd->volume || rd->is_cut)
		rd->heard_ms = now;
	if (now - rd->heard_ms < (int64_t)limit_s * 1000)
		return 0;
	if (asprintf(&why, "the medium gave nothing for %llu seconds", (unsigned long long)limit_s) < 0) {
		why = NULL;
		return -ENOMEM;
	}
	rd->is_cut = true;
	events_warning(rd->i->supervisor->events, "volume %u: %s; it is given up", rd->volume->index, why);
	r = lose_reader(rd, why);
	return r < 0 ? r : channel_send(&rd->i->vault.channel, MESSAGE_VAULT_CUT, NULL, NULL, 0);
}

static bool is_everything_done(const struct reading *rd)
{
	return !rd->volume && rd->is_closing && rd->i->intake.pid == 0 && backlog_is_empty(rd->backlog) && pool_busy(rd->i->pool) == 0 &&
	       unpackers_are_idle(rd->i->unpackers);
}

static int hear(struct reading *rd, int (*serve)(struct reading *rd))
{
	int r = 1;

	for (size_t k = 0; r > 0 && k < HEARD_AT_ONCE; k++)
		r = serve(rd);
	return MIN(r, 0);
}

static int step(struct reading *rd)
{
	struct inspection *i = rd->i;
	struct pollfd fds[4 + POOL_WORKERS_MAX + UNPACKERS_MAX * UNPACKER_POLLED];
	int64_t deadline, unpack_deadline, now = monotonic_ms();
	size_t n;
	int r;

	fds[0] = (struct pollfd){ .fd = i->supervisor->signal_fd, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = i->vault.channel.fd, .events = POLLIN };
	fds[2] = (struct pollfd){ .fd = rd->volume && rd->reader.pid > 0 && !rd->is_reader_done ? rd->reader.channel.fd : -1,
				  .events = POLLIN };
	fds[3] = (struct pollfd){ .fd = rd->is_closing && i->intake.pid > 0 ? i->intake.channel.fd : -1, .events = POLLIN };
	n = 4 + pool_poll(i->pool, fds + 4, &deadline);
	n += unpackers_poll(i->unpackers, fds + n, &unpack_deadline);
	deadline = MIN(MIN(deadline, unpack_deadline), MIN(i->patience.deadline_ms, now + TICK_MS));
	if (poll(fds, n, (int)MAX((int64_t)0, deadline - now)) < 0)
		return errno == EINTR ? 0 : -errno;
	if (fds[0].revents || events_client_gone(i->supervisor->events))
		return -ECANCELED;
	if (monotonic_ms() >= i->patience.deadline_ms)
		return -ETIMEDOUT;
	if (fds[2].revents)
		rd->heard_ms = monotonic_ms();
	r = fds[2].revents ? hear(rd, serve_reader) : 0;
	if (r == 0 && fds[1].revents)
		r = hear(rd, serve_vault);
	if (r == 0 && fds[3].revents)
		r = take_closed(rd);
	return r;
}

static int loop(struct reading *rd)
{
	int r = next_volume(rd);

	while (r == 0) {
		if (rd->volume && rd->is_reader_done && rd->is_stream_done)
			r = finish_volume(rd);
		if (r == 0 && !rd->volume && !rd->is_closing)
			r = begin_close(rd);
		if (r == 0) /* members before files */
			r = unpackers_step(rd->i->unpackers);
		if (r == 0)
			r = backlog_step(rd->backlog);
		if (r < 0 || is_everything_done(rd))
			break;
		r = step(rd);
		if (r == 0)
			r = check_stall(rd);
		if (r == 0)
			r = pool_serve(rd->i->pool);
		if (r == 0)
			r = unpackers_serve(rd->i->unpackers);
		inspection_progress(rd->i, "reading", false);
	}
	return r;
}

int inspection_read(struct inspection *i)
{
	const struct pool_events events = { examined, examined_layer, examined_owed, examined_noted, i };
	struct pool_settings settings;
	struct reading *rd = calloc(1, sizeof(*rd));
	int r = 0;

	engine_stages(i->supervisor, &settings);
	i->pool = pool_new(&settings, &events);
	if (rd)
		rd->backlog = backlog_new(i);
	if (!rd || !rd->backlog || !i->pool)
		r = -ENOMEM;
	if (r == 0) {
		rd->i = i;
		r = loop(rd);
		if (r < 0 && r != -ECANCELED)
			inspection_trouble(i, "reading", r, pool_trouble(i->pool));
	}
	if (rd) {
		process_kill(&rd->reader);
		backlog_free(rd->backlog);
		free(rd->reader_detail);
	}
	free(rd);
	/* Nobody who has met a hostile byte is there any more when verdicts are made and published. */
	i->unpackers = unpackers_free(i->unpackers);
	i->pool = pool_free(i->pool);
	return r;
}
