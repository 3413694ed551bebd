/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Members on their way: told by an opener, sealed by the vault, examined, perhaps opened in their turn. */
#include "supervisor/unpacking.h"

#include <string.h>

/* The opener announces a member before its bytes flow, on another channel: what was announced is there. */
static int catch_up(struct unpacker *u, uint64_t id)
{
	int r = 0;

	while (r == 0 && id >= u->next_id && !u->is_told)
		r = container_info(u->format)->role == ROLE_INTAKE ? unpack_serve_volumes(u) : unpack_serve_opener(u);
	if (r == 0 || r == -EAGAIN)
		r = id >= u->first_id && id < u->next_id ? 0 : -ENOENT;
	return r;
}

static struct unpacker *unpacker_of(struct unpackers *all, uint64_t root)
{
	for (size_t k = 0; k < all->count; k++)
		if (all->list[k].root == root)
			return &all->list[k];
	return NULL;
}

static int queue_member(struct unpacker *u, uint64_t id, uint64_t size, const uint8_t sum[static SHA256_LEN], int fd)
{
	struct unpackers *all = u->all;
	struct job *job = &all->queue[(all->first + all->queued) % UNPACK_JOBS_MAX];
	struct docket_member m = { 0 };
	int r = docket_get_member(u->i->docket, id, &m), error = r > 0 ? unpack_keep_evidence(u, id, m.path, size, fd) : 0;

	if (error < 0) {
		r = error;
	} else if (r > 0) {
		*job = (struct job){ .id = id, .size = size, .root = u->root, .path = TAKE_PTR(m.path), .container = strdup(u->mime), .fd = fd };
		memcpy(job->sum, sum, SHA256_LEN);
		all->queued++;
		u->jobs++;
		r = job->container ? 0 : -ENOMEM;
	} else if (r == 0) {
		r = -ENOENT;
	}
	docket_member_done(&m);
	return r;
}

/* What libclamav inspected to its end as a part of the same file needs no second look; what it has given up once, for its time or its
 * limits, is given up at once: sixteen zips in sixteen zips in sixteen zips are the same bytes four thousand times. */
int unpack_decide(struct unpackers *all, struct job *job)
{
	struct docket *d = all->i->docket;
	int is_inspected = docket_is_inspected(d, job->root, job->sum);
	int is_given_up = is_inspected == 0 ? docket_is_given_up(d, job->root, job->sum) : 0;

	job->wanted = CHECK_TYPE | CHECK_CONTENT | (is_inspected == 1 || is_given_up == 1 ? 0 : CHECK_VIRUS);
	if (is_inspected < 0 || is_given_up < 0)
		return is_inspected < 0 ? is_inspected : is_given_up;
	return is_inspected ? docket_done(d, job->id, CHECK_VIRUS) : 0;
}

static bool is_out_of_time(const struct unpackers *all, const struct job *job)
{
	for (size_t k = 0; k < all->count; k++)
		if (all->list[k].root == job->root)
			return all->list[k].is_late;
	return false;
}

/* The time of its file is over: not examined. 1: so it was; 0. */
int unpack_skip(struct unpackers *all, struct job *job)
{
	struct unpacker *u = unpacker_of(all, job->root);
	int r;

	if (!u || !is_out_of_time(all, job))
		return 0;
	r = docket_find_in(all->i->docket, job->id, REASON_SCAN_TIMEOUT, NULL, "not examined: the file that it is in had taken too long");
	if (r == 0)
		r = unpack_forget_copy(u, job->id);
	u->jobs--;
	job_done(job);
	return r < 0 ? r : 1;
}

static int on_sealed(struct unpacker *u, struct message *m)
{
	uint64_t id = decode_u64(&m->payload), size = decode_u64(&m->payload);
	uint8_t sum[SHA256_LEN];
	int r;

	decode_exact(&m->payload, sum, sizeof(sum));
	(void)decode_u32(&m->payload); /* STREAM_COMPLETE, or it would not be sealed */
	r = decoder_end(&m->payload);
	if (r == 0)
		r = catch_up(u, id);
	if (r == 0)
		r = docket_sealed(u->i->docket, id, size, sum);
	if (r == -ENOENT)
		return unpack_lose(u, REASON_SCANNER_CRASHED, "the opener sent bytes of a member that it had not named");
	if (r == 0) /* names were checked by who told them: a container whose names are not safe has a finding */
		r = docket_done(u->i->docket, id, CHECK_READ | CHECK_NAME);
	if (r == 0)
		r = queue_member(u, id, size, sum, m->fds[0]);
	if (r < 0)
		return r;
	m->fds[0] = -EBADF; /* the queue has it */
	u->ended++;
	if (size > u->bytes_left) {
		u->bytes_left = 0;
		return unpack_over_budget(u, "unpacks to more than the station opens");
	}
	u->bytes_left -= size;
	return 0;
}

static int on_dropped(struct unpacker *u, struct message *m)
{
	uint64_t id = decode_u64(&m->payload);
	enum stream_status status;
	int r;

	(void)decode_u64(&m->payload); /* bytes that came */
	status = (enum stream_status)decode_u32(&m->payload);
	r = decoder_end(&m->payload);
	if (r == 0)
		r = catch_up(u, id);
	if (r == -ENOENT)
		return unpack_lose(u, REASON_SCANNER_CRASHED, "the opener sent bytes of a member that it had not named");
	if (r == 0)
		r = docket_trouble(u->i->docket, id, status, "");
	u->is_opened = false;
	u->ended++;
	u->is_short |= status == STREAM_NO_SPACE || status == STREAM_QUOTA;
	return r;
}

int unpack_serve_vault(struct unpacker *u)
{
	struct message *m = &u->message;
	int r = channel_receive(&u->vault.channel, m, true);

	if (r < 0)
		return r == -EAGAIN ? 0 : r;
	switch (m->type) {
	case MESSAGE_VAULT_SEALED:
		r = on_sealed(u, m);
		break;
	case MESSAGE_VAULT_DROPPED:
		r = on_dropped(u, m);
		break;
	case MESSAGE_VAULT_STREAM_END:
		(void)decode_u64(&m->payload);
		(void)decode_u64(&m->payload); /* each file was told */
		u->is_stream_clean = decode_u32(&m->payload) != 0;
		u->is_stream_done = true;
		r = decoder_end(&m->payload);
		break;
	case MESSAGE_VAULT_COPY:
		r = decode_u64(&m->payload) == u->id ? decoder_end(&m->payload) : -EPROTO;
		if (r == 0)
			r = unpack_begin(u, TAKE_FD(m->fds[0]));
		break;
	case MESSAGE_FAILED:
		r = inspection_vault_failed(u->i, m);
		break;
	default: /* VAULT_PROGRESS: it lives */
		break;
	}
	message_done(m);
	return r;
}

static int note_given_up(struct unpackers *all, uint64_t root, const struct job *job, const struct job_result *result)
{
	struct docket *d = all->i->docket;
	bool was_wanted = job->wanted & CHECK_VIRUS;
	int r = 0;

	if (result->findings.done & CHECK_VIRUS || (!was_wanted && docket_is_inspected(d, root, job->sum) != 0))
		return 0;
	if (!was_wanted)
		return docket_find_in(d, job->id, REASON_SCAN_TIMEOUT, NULL, "the virus scanner had given up the same bytes before");
	for (size_t k = 0; k < result->findings.count && r == 0; k++)
		if (result->findings.list[k].reason == REASON_SCAN_TIMEOUT || result->findings.list[k].reason == REASON_LIMIT_EXCEEDED)
			r = docket_give_up(d, root, job->sum);
	return r;
}

int unpack_examined(struct unpackers *all, const struct job *job, const struct job_result *result)
{
	struct docket *d = all->i->docket;
	uint64_t root = 0;
	struct unpacker *u = NULL;
	uint32_t depth = 0;
	int r = 0;

	if (docket_is_member(job->id)) {
		struct docket_member m = { 0 };

		r = docket_get_member(d, job->id, &m);
		root = m.root;
		depth = m.depth;
		docket_member_done(&m);
		u = unpacker_of(all, root);
		if (r <= 0 || !u)
			return r < 0 ? r : -ENOENT;
		u->jobs--;
		all->i->members_examined++;
	}
	r = note_given_up(all, root ? root : job->id, job, result);
	if (r < 0)
		return r;
	if (!result->formats) {
		/* Only who has seen the type can say that there is nothing in it. */
		r = result->findings.done & CHECK_TYPE ? docket_done(d, job->id, CHECK_MEMBERS) : 0;
		return r == 0 && u ? unpack_forget_copy(u, job->id) : r;
	}
	if (u && (depth >= unpack_limits(u)->depth || u->is_over)) {
		r = docket_find_in(d, job->id, REASON_LIMIT_EXCEEDED, NULL,
				   u->is_over ? "not opened: what it is in had cost enough" : "nested deeper than the station opens");
		return r == 0 ? unpack_forget_copy(u, job->id) : r;
	}
	if (!u)
		all->waiting++;
	return docket_wait(d, job->id, root, result->formats);
}
