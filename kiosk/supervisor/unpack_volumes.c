/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Disk images and file systems in files: walked like a medium, by intake and a reader. Only user-space drivers, whatever the
 * station allows for media: a medium has one image at most that a kernel's driver parses, and its files may have thousands. */
#include "supervisor/unpacking.h"

#include <string.h>

#include "common/log.h"

#define INTAKE_SECONDS 120 /* between two messages: a probe, or the start of a driver */
#define READY_SECONDS 30   /* before it has seen a byte */
#define READER_SECONDS 30

void unpack_volumes_done(struct unpacker *u)
{
	for (size_t k = 0; k < u->volume_count; k++)
		volume_done(&u->volumes[k]);
	free(TAKE_PTR(u->volumes));
	u->volume_count = u->volume_at = 0;
}

static int send_start(struct unpacker *u, struct process *intake)
{
	struct encoder *e = malloc(sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	encoder_init(e);
	encode_str(e, "image");
	encode_str(e, ""); /* for messages only */
	encode_u32(e, STATION_FS_COUNT_);
	for (unsigned int fs = 0; fs < STATION_FS_COUNT_; fs++) {
		encode_str(e, station_fs_name((enum station_fs)fs));
		encode_str(e, strstr(u->i->supervisor->config->drivers[fs], "user") ? "user" : "");
	}
	encode_u32(e, 0); /* nobody is asked for passphrases */
	r = channel_send(&intake->channel, MESSAGE_INTAKE_START, e, &u->fd, 1);
	free(e);
	return r;
}

/* What nobody will read is told; gaps and empty partitions hold no files. */
static int tell_refused(struct unpacker *u, const struct volume *v)
{
	bool is_locked = strstr(v->fs, "crypto") != NULL || strcmp(v->fs, "BitLocker") == 0;
	_cleanup_free_ char *detail = NULL;

	if (strcmp(v->outcome, "refused") != 0 && strcmp(v->outcome, "failed") != 0)
		return 0;
	u->is_opened = false;
	if (asprintf(&detail, "volume %u (%s): %s", v->index, *v->fs ? v->fs : "unknown", v->detail) < 0) {
		detail = NULL;
		return -ENOMEM;
	}
	return docket_find_in(u->i->docket, u->id, is_locked ? REASON_ENCRYPTED : REASON_CONTAINER_OPAQUE, NULL, detail);
}

static int take_volume(struct unpacker *u, struct message *m)
{
	struct volume *list, v;
	int r = volume_decode(m, &v);

	if (r == 0 && v.root_fd < 0)
		r = tell_refused(u, &v);
	if (r < 0 || v.root_fd < 0 || u->volume_count == VOLUMES_MAX) {
		volume_done(&v);
		return r;
	}
	list = reallocarray(u->volumes, u->volume_count + 1, sizeof(*list));
	if (!list) {
		volume_done(&v);
		return -ENOMEM;
	}
	u->volumes = list;
	list[u->volume_count++] = v;
	return 0;
}

static int begin_reader(struct unpacker *u)
{
	struct patience patience = supervisor_patience(u->i->supervisor, READER_SECONDS);
	struct volume *v = &u->volumes[u->volume_at++];
	const struct station_limits *l = &u->i->supervisor->config->limits;
	_cleanup_close_ int stream = -EBADF;
	struct encoder *e = malloc(sizeof(*e));
	int r = e ? unpack_open_stream(u, &stream) : -ENOMEM;

	u->is_told = false;
	if (r == 0)
		r = process_start(ROLE_READER, &u->reader);
	if (r == 0) {
		const int fds[] = { v->root_fd, stream };

		encoder_init(e);
		encode_u32(e, v->index);
		encode_u64(e, u->next_id);
		encode_u64(e, u->members_left);
		encode_u64(e, l->largest_file);
		encode_u32(e, (uint32_t)l->depth);
		encode_u32(e, 0); /* no total is wanted */
		r = channel_send(&u->reader.channel, MESSAGE_READER_START, e, fds, ARRAY_LEN(fds));
	}
	if (r == 0)
		r = process_ready(&u->reader, &patience, NULL);
	close_p(&v->root_fd);
	free(e);
	return r;
}

int unpack_begin_volumes(struct unpacker *u)
{
	struct process *intake = &u->roles[ROLE_INTAKE];
	struct patience patience = supervisor_patience(u->i->supervisor, READY_SECONDS);
	int r;

	process_kill(intake); /* that of another image */
	unpack_volumes_done(u);
	r = docket_unsettle(u->i->docket, u->root); /* drivers of file systems, and where they come from, are in no key of what is remembered */
	if (r == 0)
		r = process_start(ROLE_INTAKE, intake);
	if (r == 0)
		r = send_start(u, intake);
	if (r == 0)
		r = process_ready(intake, &patience, NULL);
	u->is_probing = u->is_begun = r == 0;
	u->is_stream_done = u->is_stream_clean = r == 0; /* none was opened yet */
	u->heard_ms = monotonic_ms();
	return r;
}

/* All volumes are known: the first one, or what is wrong. */
static int begin_reading(struct unpacker *u)
{
	u->is_probing = false;
	if (u->volume_count > 0)
		return begin_reader(u);
	u->is_told = true;
	if (!u->is_opened)
		return 0;
	u->is_opened = false;
	return docket_find_in(u->i->docket, u->id, REASON_CONTAINER_OPAQUE, NULL, "a disk image without a file system that this station reads");
}

static int serve_intake(struct unpacker *u)
{
	struct message *m = &u->told;
	int r = channel_receive(&u->roles[ROLE_INTAKE].channel, m, true);

	if (r == -EAGAIN)
		return r;
	if (r < 0)
		return unpack_lose(u, REASON_SCANNER_CRASHED, "who opens disk images died, or broke its protocol");
	u->heard_ms = monotonic_ms();
	if (m->type == MESSAGE_INTAKE_VOLUME || m->type == MESSAGE_INTAKE_REFUSED)
		r = take_volume(u, m);
	else if (m->type == MESSAGE_INTAKE_DONE)
		r = begin_reading(u);
	else
		r = m->type == MESSAGE_INTAKE_MEDIUM ? 0 : -EPROTO;
	message_done(m);
	if (r == 0 || r == -ECANCELED || r == -ENOMEM)
		return r;
	return unpack_lose(u, REASON_SCAN_ERROR, "the disk image could not be opened");
}

int unpack_check_volumes(struct unpacker *u)
{
	if (!u->is_probing || monotonic_ms() - u->heard_ms < INTAKE_SECONDS * 1000)
		return 0;
	u->is_probing = false;
	return unpack_lose(u, REASON_SCAN_TIMEOUT, "opening the disk image took too long");
}

int unpack_next_volume(struct unpacker *u)
{
	int r;

	if (container_info(u->format)->role != ROLE_INTAKE)
		return 0;
	process_kill(&u->reader);
	if (u->volume_at >= u->volume_count || u->is_over || !u->is_opened) {
		process_kill(&u->roles[ROLE_INTAKE]);
		return 0;
	}
	r = begin_reader(u);
	if (r < 0 && r != -ECANCELED)
		r = unpack_lose(u, REASON_SCAN_ERROR, "a volume of the disk image could not be read");
	return r < 0 ? r : 1;
}

/* -- what the reader tells --------------------------------------------------------------------------------------------- */

static char *member_path(const struct unpacker *u, const char *path)
{
	char *full;

	if (u->volume_count < 2)
		return strdup(path);
	return asprintf(&full, "volume-%u/%s", u->volumes[u->volume_at - 1].index, path) < 0 ? NULL : full;
}

static int on_entry(struct unpacker *u, struct decoder *d)
{
	uint64_t id = decode_u64(d);
	uint32_t kind = decode_u32(d);
	uint64_t size = decode_u64(d);
	_cleanup_free_ char *path = NULL, *full = NULL;
	int r;

	(void)decode_u64(d); /* time of change */
	path = decode_str(d, CONTAINER_PATH_MAX);
	r = decoder_end(d);
	if (r < 0 || kind >= ENTRY_KIND_COUNT_)
		return r < 0 ? r : -EPROTO;
	full = member_path(u, path);
	if (!full)
		return -ENOMEM;
	if (kind == ENTRY_FILE)
		return unpack_member(u, id, full, size);
	/* links and devices of a system's tree lead nowhere here: nothing of it is unpacked */
	if (id != u->next_id || u->members_left == 0)
		return -EPROTO;
	u->next_id++;
	u->members_left--;
	u->came++;
	if (kind != ENTRY_DIR_TROUBLE)
		return 0;
	u->is_opened = false;
	return docket_find_in(u->i->docket, u->id, REASON_CONTAINER_OPAQUE, full, "a directory that could not be listed");
}

static int on_trouble(struct unpacker *u, struct decoder *d)
{
	uint64_t id = decode_u64(d);
	uint32_t status = decode_u32(d);
	_cleanup_free_ char *detail = decode_str(d, 900);
	struct docket_member m = { 0 };
	int r = decoder_end(d);

	if (r == 0 && (status == STREAM_COMPLETE || status >= STREAM_STATUS_COUNT_))
		r = -EPROTO;
	if (r == 0)
		r = docket_get_member(u->i->docket, id, &m);
	if (r > 0) { /* a file; of other entries the kind says it all */
		u->is_opened = false;
		r = docket_trouble(u->i->docket, id, (enum stream_status)status, detail);
	}
	docket_member_done(&m);
	return r;
}

static int on_done(struct unpacker *u, struct decoder *d)
{
	uint32_t outcome;
	_cleanup_free_ char *detail = NULL;
	int r;

	(void)decode_u64(d); /* entries and bytes: counted */
	(void)decode_u64(d);
	outcome = decode_u32(d);
	detail = decode_str(d, 900);
	r = decoder_end(d);
	u->is_told = true;
	if (r < 0 || outcome == WALK_COMPLETE)
		return r;
	u->is_opened = false;
	return docket_find_in(u->i->docket, u->id, outcome == WALK_TOO_MUCH ? REASON_LIMIT_EXCEEDED : REASON_CONTAINER_OPAQUE, NULL, detail);
}

int unpack_serve_volumes(struct unpacker *u)
{
	struct message *m = &u->told;
	int r;

	if (u->is_probing)
		return serve_intake(u);
	r = u->reader.pid != 0 ? channel_receive(&u->reader.channel, m, true) : -EAGAIN;
	if (r == -EAGAIN)
		return r;
	if (r == -ENOTCONN || r == -EPIPE)
		return unpack_lose(u, REASON_SCANNER_CRASHED, "the reader of the disk image died");
	if (r == 0) {
		if (m->type == MESSAGE_READER_ENTRY)
			r = on_entry(u, &m->payload);
		else if (m->type == MESSAGE_READER_TROUBLE)
			r = on_trouble(u, &m->payload);
		else if (m->type == MESSAGE_READER_DONE)
			r = on_done(u, &m->payload);
		else
			r = m->type == MESSAGE_READER_TOTAL ? 0 : -EPROTO;
		message_done(m);
	}
	if (r == -EDQUOT)
		return 0;
	return r == -EPROTO ? unpack_lose(u, REASON_SCANNER_CRASHED, "the reader of the disk image broke its protocol") : r;
}
