/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "supervisor/unpacking.h"

#include <string.h>
#include <unistd.h>

#include "supervisor/remembering.h"

/* What a compressed file may grow to before its ratio counts: a sparse image of nothing compresses a thousand times. */
#define RATIO_FREE_BYTES (256ull << 20)

/* -- files and members in their turn ----------------------------------------------------------------------------------- */

/* Ask for its copy: a file's from the vault of the medium, a member's from the vault of members. */
static int fetch(struct unpacker *u, uint64_t id, uint64_t formats)
{
	struct encoder e;
	int r;

	u->id = id;
	u->formats = formats;
	u->fd = -EBADF;
	u->is_opened = true;
	r = unpack_load(u);
	if (r < 0)
		return r;
	if (!docket_is_member(id))
		return inspection_fetch_copy(u->i, id);
	encoder_init(&e);
	encode_u64(&e, id);
	return channel_send(&u->vault.channel, MESSAGE_VAULT_OPEN, &e, NULL, 0);
}

int unpack_take_copy(struct unpackers *all, uint64_t id, int fd)
{
	for (size_t k = 0; k < all->count; k++) {
		struct unpacker *u = &all->list[k];

		if (u->root == id && u->id == id && u->fd < 0)
			return unpack_begin(u, fd);
	}
	close_p(&fd);
	return -EPROTO;
}

static int begin_file(struct unpacker *u)
{
	const struct station_unpack *l = unpack_limits(u);
	uint64_t id, formats;
	int r = docket_next_waiting(u->i->docket, 0, &id, &formats);

	if (r <= 0)
		return r;
	u->all->waiting--;
	u->root = id;
	u->jobs = 0;
	u->is_over = u->is_late = u->is_evidence_lost = false;
	u->members_left = l->members;
	u->deadline_ms = monotonic_ms() + (int64_t)l->time_s * 1000;
	r = fetch(u, id, formats);
	if (r < 0)
		return r;
	u->root_size = u->size;
	u->bytes_left = MIN(l->bytes, MAX(RATIO_FREE_BYTES, u->size > UINT64_MAX / l->ratio ? UINT64_MAX : u->size * l->ratio));
	return 0;
}

/* What still waits is not going to be opened any more: its budget is spent. */
static int forget_waiting(struct unpacker *u)
{
	uint64_t id, formats;
	int r;

	while ((r = docket_next_waiting(u->i->docket, u->root, &id, &formats)) > 0) {
		r = unpack_forget_copy(u, id);
		if (r < 0)
			return r;
	}
	return r;
}

/* The file and all that is in it is done: so are the roles that saw it. */
static int end_file(struct unpacker *u)
{
	int r = forget_waiting(u);

	if (r == 0)
		r = docket_forget_inspected(u->i->docket, u->root);
	if (r == 0)
		r = remember_examined(u->i, u->root);
	for (size_t k = 0; k < ROLE_COUNT_; k++)
		process_kill(&u->roles[k]);
	u->root = 0;
	u->i->files_examined++;
	u->i->bytes_examined += u->root_size;
	return r;
}

static int next_member(struct unpacker *u)
{
	uint64_t id, formats;
	int r = u->is_over ? 0 : docket_next_waiting(u->i->docket, u->root, &id, &formats);

	if (r > 0)
		return fetch(u, id, formats);
	return r < 0 || u->jobs > 0 ? r : end_file(u);
}

/* -- the loop ------------------------------------------------------------------------------------------------------------ */

static int give_member(struct unpackers *all, struct job *job)
{
	int r = unpack_skip(all, job);

	if (r != 0)
		return r < 0 ? r : 0;
	r = unpack_decide(all, job);
	if (r < 0)
		return r;
	r = pool_give(all->i->pool, job);
	if (r < 0)
		inspection_trouble(all->i, "examining", r, pool_trouble(all->i->pool));
	return r;
}

static int give_members(struct unpackers *all)
{
	int r = 0;

	while (r == 0 && all->queued > 0 && pool_has_room(all->i->pool)) {
		r = give_member(all, &all->queue[all->first]);
		all->first = (all->first + 1) % UNPACK_JOBS_MAX;
		all->queued--;
	}
	return r;
}

static int start_vault(struct unpacker *u)
{
	/* all of them together as much again as the medium */
	const struct vault_limits limits = { u->i->supervisor->config->spool_bytes / u->all->count, UINT64_MAX };
	char name[32];

	(void)snprintf(name, sizeof(name), SPOOL_MEMBERS, u->index);
	return inspection_start_vault(u->i, name, &limits, &u->vault);
}

static int step(struct unpacker *u)
{
	int r = 0;

	if (u->root == 0 && u->all->waiting > 0 && u->i->fetching == 0) {
		r = u->vault.pid == 0 ? start_vault(u) : 0;
		return r == 0 ? begin_file(u) : r;
	}
	r = unpack_tell_forgotten(u);
	if (r == 0 && u->root != 0 && u->id != 0 && u->fd >= 0 && u->is_told && u->is_stream_done)
		r = unpack_end_format(u);
	if (r == 0 && u->root != 0 && u->id == 0)
		r = next_member(u);
	return r;
}

int unpackers_step(struct unpackers *all)
{
	int r = give_members(all);

	for (size_t k = 0; r == 0 && k < all->count; k++)
		r = step(&all->list[k]);
	return r;
}

static struct pollfd *polled(const struct unpacker *u, struct pollfd *fds)
{
	bool has_room = u->all->queued < UNPACK_JOBS_MAX;

	if (u->vault.pid != 0)
		*fds++ = (struct pollfd){ .fd = has_room ? u->vault.channel.fd : -1, .events = POLLIN };
	if (u->id != 0 && u->is_begun && !u->is_told)
		*fds++ = (struct pollfd){ .fd = unpack_polled_fd(u), .events = POLLIN };
	return fds;
}

size_t unpackers_poll(const struct unpackers *all, struct pollfd *fds, int64_t *ret_deadline_ms)
{
	struct pollfd *end = fds;

	*ret_deadline_ms = INT64_MAX;
	for (size_t k = 0; k < all->count; k++) {
		end = polled(&all->list[k], end);
		if (all->list[k].root != 0 && !all->list[k].is_over)
			*ret_deadline_ms = MIN(*ret_deadline_ms, all->list[k].deadline_ms);
	}
	return (size_t)(end - fds);
}

static int serve(struct unpacker *u)
{
	int r = 0;

	if (u->id != 0 && u->is_begun && !u->is_told)
		r = container_info(u->format)->role == ROLE_INTAKE ? unpack_serve_volumes(u) : unpack_serve_opener(u);
	if ((r == 0 || r == -EAGAIN) && u->vault.pid != 0 && u->all->queued < UNPACK_JOBS_MAX)
		r = unpack_serve_vault(u);
	if (r == -EAGAIN)
		r = 0;
	if (r == 0)
		r = unpack_check_volumes(u);
	if (r == 0 && u->root != 0 && !u->is_over && monotonic_ms() >= u->deadline_ms) {
		u->is_over = u->is_late = true;
		if (u->id != 0 && u->fd >= 0)
			r = unpack_lose(u, REASON_SCAN_TIMEOUT, "opening it took longer than the station allows");
		else
			r = docket_find_in(u->i->docket, u->root, REASON_SCAN_TIMEOUT, NULL,
					   "opening it took longer than the station allows");
	}
	return r;
}

int unpackers_serve(struct unpackers *all)
{
	int r = 0;

	for (size_t k = 0; r == 0 && k < all->count; k++)
		r = serve(&all->list[k]);
	return r;
}

uint64_t unpackers_take_ids(struct unpackers *all, uint64_t count)
{
	uint64_t first = all->next_id;

	all->next_id += count;
	return first;
}

bool unpackers_are_idle(const struct unpackers *all)
{
	for (size_t k = 0; k < all->count; k++)
		if (all->list[k].root != 0)
			return false;
	return all->waiting == 0 && all->queued == 0;
}

int unpackers_new(struct inspection *i, struct unpackers **ret)
{
	struct unpackers *all = calloc(1, sizeof(*all));
	uint64_t wanted = i->supervisor->config->unpack.at_once;

	if (!all)
		return -ENOMEM;
	if (wanted == 0)
		wanted = MAX((uint64_t)sysconf(_SC_NPROCESSORS_ONLN), (uint64_t)1);
	all->i = i;
	all->next_id = DOCKET_MEMBER_FIRST;
	all->count = MIN((size_t)wanted, (size_t)UNPACKERS_MAX);
	all->list = calloc(all->count, sizeof(*all->list));
	if (!all->list) {
		free(all);
		return -ENOMEM;
	}
	for (size_t k = 0; k < all->count; k++) {
		all->list[k] = (struct unpacker){ .all = all, .i = i, .index = (unsigned int)k, .fd = -EBADF };
		for (size_t n = 0; n < UNPACK_NEIGHBOURS; n++)
			all->list[k].neighbours[n].fd = -EBADF;
	}
	*ret = all;
	return 0;
}

struct unpackers *unpackers_free(struct unpackers *all)
{
	if (!all)
		return NULL;
	for (size_t k = 0; k < all->count; k++) {
		struct unpacker *u = &all->list[k];

		process_kill(&u->reader);
		for (size_t n = 0; n < ROLE_COUNT_; n++)
			process_kill(&u->roles[n]);
		process_kill(&u->vault);
		unpack_volumes_done(u);
		unpack_forget_neighbours(u);
		close_p(&u->fd);
		free(u->path);
		free(u->mime);
		numbers_done(&u->forgotten);
	}
	for (size_t n = 0; n < ROLE_COUNT_; n++)
		process_kill(&all->parents[n].process);
	for (; all->queued > 0; all->queued--) {
		job_done(&all->queue[all->first]);
		all->first = (all->first + 1) % UNPACK_JOBS_MAX;
	}
	free(all->list);
	free(all);
	return NULL;
}
