/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A container whose members an opener of kiosk/container brings out. It meets hostile bytes: what it tells is checked, and
 * what it does not tell is missed by nobody but the container, which then is not opened. */
#include "supervisor/unpacking.h"

#include <string.h>

#include "common/log.h"

#define READY_SECONDS 30
/* A parent sees nothing of a file: what ends it is the machine (memory, an administrator), or that it cannot start here at all. */
#define PARENT_STARTS_MAX 8

const enum role_id unpack_openers[UNPACK_OPENERS] = { ROLE_UNPACK, ROLE_OLE, ROLE_PDF, ROLE_DISK };

static void lose_parent(struct unpack_parent *parent, enum role_id role, int r, const char *why)
{
	log_error("role=%s err=%s: did not start: %s", role_get(role)->name, errno_name(r), why ? why : strerror(-r));
	process_kill(&parent->process);
}

/* Without waiting until it is ready. 1: there is none, and there will be none. */
static int start_parent(struct unpack_parent *parent, enum role_id role)
{
	int r;

	if (parent->process.pid != 0)
		return 0;
	if (parent->starts == PARENT_STARTS_MAX)
		return 1;
	parent->starts++;
	parent->is_ready = false;
	r = process_start(role, &parent->process);
	if (r == 0)
		r = channel_send(&parent->process.channel, MESSAGE_CONTAINER_START, NULL, NULL, 0);
	if (r < 0)
		lose_parent(parent, role, r, NULL);
	return r;
}

static int ensure_parent(struct unpackers *all, enum role_id role, const struct patience *patience, struct process **ret)
{
	struct unpack_parent *parent = &all->parents[role];
	_cleanup_free_ char *why = NULL;
	int r = start_parent(parent, role);

	*ret = &parent->process;
	if (r != 0 || parent->is_ready)
		return r;
	r = process_ready(&parent->process, patience, &why);
	parent->is_ready = r == 0;
	if (r < 0)
		lose_parent(parent, role, r, why);
	return r;
}

void unpack_start_parents(struct unpackers *all)
{
	for (size_t k = 0; k < ARRAY_LEN(unpack_openers); k++)
		(void)start_parent(&all->parents[unpack_openers[k]], unpack_openers[k]); /* told; who needs it tries again */
}

int unpack_made_of(struct unpackers *all, enum role_id role, uint8_t ret[static SHA256_LEN])
{
	struct patience patience = supervisor_patience(all->i->supervisor, READY_SECONDS);
	struct process *parent;
	int r = ensure_parent(all, role, &patience, &parent);

	if (r == 0)
		memcpy(ret, parent->made_of, SHA256_LEN);
	return r > 0 ? -ENOTCONN : r;
}

static bool is_lost(const struct process *parent, int error)
{
	return error == -EPIPE || parent->channel.state != STATE_IDLE;
}

/* An opener of this file of the medium alone. A parent that is found dead had met nothing of it: another one is tried. */
static int ensure_opener(struct unpacker *u, enum role_id role, struct process **ret)
{
	struct patience patience = supervisor_patience(u->i->supervisor, READY_SECONDS);
	struct process *parent;
	bool again = true;
	int r;

	*ret = &u->roles[role];
	if ((*ret)->pid != 0)
		return 0;
	while ((r = ensure_parent(u->all, role, &patience, &parent)) == 0) {
		r = process_fork(parent, &patience, *ret, NULL);
		if (r == 0 || !is_lost(parent, r))
			return r;
		process_kill(parent);
		if (r != -ECANCELED)
			log_error("role=%s err=%s: no opener came of it", role_get(role)->name, errno_name(r));
		if (!again || (r != -EPIPE && r != -ENOTCONN))
			return r;
		again = false;
	}
	return r;
}

static int send_open(struct unpacker *u, struct process *p, int stream_fd)
{
	const int fds[] = { u->fd, stream_fd };
	struct encoder *e = malloc(sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	encoder_init(e);
	encode_u32(e, u->format);
	encode_u32(e, u->shape);
	encode_u64(e, u->first_id);
	encode_u64(e, u->members_left);
	encode_u64(e, u->bytes_left);
	encode_u64(e, u->i->supervisor->config->limits.largest_file);
	encode_bytes(e, u->path, MIN(strlen(u->path), (size_t)CONTAINER_PATH_MAX));
	r = channel_send(&p->channel, MESSAGE_CONTAINER_OPEN, e, fds, ARRAY_LEN(fds));
	free(e);
	return r;
}

static int lose_unopened(struct unpacker *u, bool is_for_good)
{
	const struct container_info *info = container_info(u->format);
	char detail[160];

	if (is_for_good)
		(void)snprintf(detail, sizeof(detail), "%s: not opened: %s died or did not start %d times during this inspection", info->name,
			       role_get(info->role)->executable, PARENT_STARTS_MAX);
	else
		(void)snprintf(detail, sizeof(detail), "%s: not opened: %s died before there was an opener for this file", info->name,
			       role_get(info->role)->executable);
	return unpack_lose(u, REASON_SCANNER_CRASHED, detail);
}

int unpack_begin_opener(struct unpacker *u)
{
	_cleanup_close_ int stream = -EBADF;
	struct process *p;
	int r = ensure_opener(u, container_info(u->format)->role, &p);

	if (r > 0 || r == -EPIPE || r == -ENOTCONN)
		return lose_unopened(u, r > 0);
	if (r == 0)
		r = unpack_open_stream(u, &stream);
	return r == 0 ? send_open(u, p, stream) : r;
}

static struct process *opener(const struct unpacker *u)
{
	return (struct process *)&u->roles[container_info(u->format)->role];
}

static int on_member(struct unpacker *u, struct decoder *d)
{
	uint64_t id = decode_u64(d), size = decode_u64(d);
	_cleanup_free_ char *path = decode_str(d, CONTAINER_PATH_MAX);
	int r = decoder_end(d);

	return r < 0 ? r : unpack_member(u, id, path, size);
}

static bool may_say(uint32_t reason)
{
	return reason == REASON_ARCHIVE_UNSAFE || reason == REASON_ENCRYPTED || reason == REASON_LIMIT_EXCEEDED ||
	       reason == REASON_CONTAINER_OPAQUE || reason == REASON_ACTIVE_CONTENT || reason == REASON_SCAN_ERROR;
}

static int on_finding(struct unpacker *u, struct decoder *d)
{
	uint32_t reason = decode_u32(d);
	_cleanup_free_ char *detail = decode_str(d, CONTAINER_DETAIL_MAX);
	_cleanup_free_ char *member = decode_str(d, CONTAINER_PATH_MAX);
	int r = decoder_end(d);

	if (r == 0 && !may_say(reason))
		r = -EPROTO;
	return r < 0 ? r : docket_find_in(u->i->docket, u->id, (enum reason)reason, *member ? member : NULL, detail);
}

/* Its own count must be ours: a member that it believes to have told, and we did not hear of, is examined by nobody. */
static int on_done(struct unpacker *u, struct decoder *d)
{
	uint64_t entries = decode_u64(d), files = decode_u64(d);
	bool is_opened;
	int r;

	(void)decode_u64(d); /* bytes: the vault counts them */
	is_opened = decode_u32(d) != 0;
	r = decoder_end(d);
	if (r == 0 && files != u->named)
		r = -EPROTO;
	u->came = entries;
	u->is_opened = u->is_opened && is_opened;
	u->is_told = true;
	return r;
}

static int lose(struct unpacker *u, int error)
{
	char detail[160];

	log_warning("job=%llu role=%s err=%s: lost", (unsigned long long)u->id, role_get(opener(u)->role)->name, errno_name(error));
	(void)snprintf(detail, sizeof(detail), "%s: the opener %s", container_info(u->format)->name,
		       error == -ENOTCONN ? "died while it opened this file" : "broke its protocol");
	return unpack_lose(u, REASON_SCANNER_CRASHED, detail);
}

int unpack_serve_opener(struct unpacker *u)
{
	struct message *m = &u->told;
	int r = channel_receive(&opener(u)->channel, m, true);

	if (r == -EAGAIN)
		return r;
	if (r == -ENOTCONN || r == -EPIPE || r == -EPROTO)
		return lose(u, r == -EPIPE ? -ENOTCONN : r);
	if (r < 0)
		return r;
	if (m->type == MESSAGE_CONTAINER_MEMBER)
		r = on_member(u, &m->payload);
	else if (m->type == MESSAGE_CONTAINER_FINDING)
		r = on_finding(u, &m->payload);
	else if (m->type == MESSAGE_CONTAINER_DONE)
		r = on_done(u, &m->payload);
	else
		r = -EPROTO;
	message_done(m);
	if (r == -EDQUOT) /* it has been told, and the opener has been ended */
		return 0;
	return r == -EPROTO ? lose(u, r) : r;
}

int unpack_polled_fd(const struct unpacker *u)
{
	if (container_info(u->format)->role != ROLE_INTAKE || u->is_probing)
		return opener(u)->channel.fd;
	return u->reader.pid != 0 ? u->reader.channel.fd : -1;
}
