/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "supervisor/unpacking.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"

/* What a compressed file may grow to before its ratio counts: a sparse image of nothing compresses a thousand times. */
#define RATIO_FREE_BYTES (256ull << 20)

struct unpackers {
	struct inspection *i;
	struct unpacker *list;
	size_t count;
	struct job queue[UNPACK_JOBS_MAX];
	size_t first, queued;
	uint64_t next_id;   /* of members */
	uint64_t fetching;  /* the file whose copy the vault of the medium was asked for; 0 */
	uint64_t waiting;   /* files */
};

static const struct station_unpack *limits_of(const struct unpacker *u)
{
	return &u->i->supervisor->config->unpack;
}

/* -- what becomes of the container at hand ---------------------------------------------------------------------------- */

int unpack_lose(struct unpacker *u, enum reason reason, const char *detail)
{
	process_kill(&u->reader);
	for (size_t k = 0; k < ROLE_COUNT_; k++)
		process_kill(&u->roles[k]);
	u->is_opened = false;
	u->is_told = true;
	if (!u->is_begun)
		u->is_stream_done = true;
	return docket_find_in(u->i->docket, u->id, reason, NULL, detail);
}

static int over_budget(struct unpacker *u, const char *what)
{
	if (!u->is_over)
		u->is_over = true;
	return unpack_lose(u, REASON_LIMIT_EXCEEDED, what);
}

int unpack_member(struct unpacker *u, uint64_t id, const char *raw_path, uint64_t size)
{
	struct docket_member m = { .id = id, .container = u->id, .root = u->root, .depth = u->depth,
				   .path = (char *)(uintptr_t)raw_path, .size = MIN(size, (uint64_t)INT64_MAX) };
	int r;

	if (id != u->next_id || id >= u->end_id || u->is_told)
		return -EPROTO;
	if (u->members_left == 0) {
		r = over_budget(u, "holds more members than the station opens");
		return r < 0 ? r : -EDQUOT;
	}
	u->members_left--;
	u->next_id++;
	u->came++;
	return docket_add_member(u->i->docket, &m);
}

int unpack_open_stream(struct unpacker *u, int *ret_fd)
{
	int stream[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stream) < 0)
		return -errno;
	r = channel_send(&u->vault.channel, MESSAGE_VAULT_STREAM, NULL, &stream[1], 1);
	close_p(&stream[1]);
	if (r < 0) {
		close_p(&stream[0]);
		return r;
	}
	u->is_begun = true;
	u->is_stream_done = u->is_stream_clean = false;
	*ret_fd = stream[0];
	return 0;
}

static int forget_copy(struct unpacker *u, uint64_t id)
{
	struct encoder e;

	if (!docket_is_member(id))
		return 0;
	encoder_init(&e);
	encode_u64(&e, id);
	return channel_send(&u->vault.channel, MESSAGE_VAULT_FORGET, &e, NULL, 0);
}

/* -- one format after the other ---------------------------------------------------------------------------------------- */

static enum container_format take_format(uint64_t *formats)
{
	enum container_format format = CONTAINER_NONE;

	while (*formats && !(*formats & UINT64_C(1) << format))
		format++;
	*formats &= ~(UINT64_C(1) << format);
	return format;
}

static int begin_format(struct unpacker *u)
{
	uint64_t span = limits_of(u)->members + 1;
	const struct container_info *info;
	char detail[128];
	int r;

	u->format = take_format(&u->formats);
	info = container_info(u->format);
	u->is_begun = u->is_told = u->is_stream_done = u->is_stream_clean = false;
	u->came = 0;
	u->first_id = u->next_id = u->all->next_id;
	u->end_id = u->all->next_id += span; /* ids are there in plenty: 64 bits */
	r = !info ? -EPROTO : info->role == ROLE_INTAKE ? unpack_begin_volumes(u) : unpack_begin_opener(u);
	if (r == 0 || r == -ECANCELED || r == -ETIMEDOUT)
		return r;
	(void)snprintf(detail, sizeof(detail), "%s: could not be opened: %s", info ? info->name : "?", strerror(-r));
	log_warning("job=%llu %s", (unsigned long long)u->id, detail);
	return unpack_lose(u, REASON_SCAN_ERROR, detail);
}

/* Nothing in many bytes is what an archive says that hides what it holds. */
#define EMPTY_BYTES_MAX (32u << 10)

static int check_emptiness(struct unpacker *u)
{
	const struct container_info *info = container_info(u->format);
	char detail[128];

	if (!u->is_opened || u->came > 0 || u->size <= EMPTY_BYTES_MAX || info->shape == CONTAINER_OBJECT)
		return 0;
	(void)snprintf(detail, sizeof(detail), "%s: nothing came out of %llu bytes", info->name, (unsigned long long)u->size);
	u->is_opened = false;
	return docket_find_in(u->i->docket, u->id, REASON_CONTAINER_OPAQUE, NULL, detail);
}

static int end_container(struct unpacker *u)
{
	struct docket *d = u->i->docket;
	int r = 0;

	if (u->is_opened) {
		r = docket_done(d, u->id, CHECK_MEMBERS);
		if (r == 0)
			r = docket_opened(d, u->root, u->sum);
	}
	if (r == 0)
		r = forget_copy(u, u->id);
	unpack_volumes_done(u);
	close_p(&u->fd);
	free(TAKE_PTR(u->path));
	free(TAKE_PTR(u->mime));
	u->id = 0;
	return r;
}

/* The format at hand has come to its end. */
static int end_format(struct unpacker *u)
{
	int r;

	if (!u->is_stream_clean && u->is_begun && u->is_opened) {
		u->is_opened = false;
		r = docket_find_in(u->i->docket, u->id, REASON_SCAN_ERROR, NULL, "the stream of its members was cut");
		if (r < 0)
			return r;
	}
	r = unpack_next_volume(u);
	if (r != 0)
		return r < 0 ? r : 0;
	r = check_emptiness(u);
	if (r < 0)
		return r;
	if (u->formats && !u->is_over)
		return begin_format(u);
	return end_container(u);
}

/* -- files and members in their turn ----------------------------------------------------------------------------------- */

static char *main_type(const char *types)
{
	json_t *list = json_loads(types, 0, NULL);
	const char *first = json_string_value(json_array_get(list, 0));
	char *copy = strdup(first ? first : "application/octet-stream");

	json_decref(list);
	return copy;
}

static int load_container(struct unpacker *u)
{
	struct docket_entry e = { 0 };
	struct docket_member m = { 0 };
	int r;

	if (docket_is_member(u->id)) {
		r = docket_get_member(u->i->docket, u->id, &m);
		if (r > 0) {
			u->path = TAKE_PTR(m.path);
			u->mime = main_type(m.types);
			u->depth = m.depth + 1;
			u->size = m.size;
			memcpy(u->sum, m.sum, SHA256_LEN);
		}
	} else {
		r = docket_get(u->i->docket, u->id, &e);
		if (r > 0) {
			u->path = TAKE_PTR(e.path);
			u->mime = main_type(e.types);
			u->depth = 1;
			u->size = e.size;
			memcpy(u->sum, e.sum, SHA256_LEN);
		}
	}
	docket_member_done(&m);
	docket_entry_done(&e);
	return r == 0 ? -ENOENT : r < 0 ? r : u->path && u->mime ? 0 : -ENOMEM;
}

/* Ask for its copy: a file's from the vault of the medium, a member's from the vault of members. */
static int fetch(struct unpacker *u, uint64_t id, uint64_t formats)
{
	struct channel *vault = docket_is_member(id) ? &u->vault.channel : &u->i->vault.channel;
	struct encoder e;
	int r;

	u->id = id;
	u->formats = formats;
	u->fd = -EBADF;
	u->is_opened = true;
	r = load_container(u);
	if (r < 0)
		return r;
	encoder_init(&e);
	encode_u64(&e, id);
	if (!docket_is_member(id))
		u->all->fetching = id;
	return channel_send(vault, MESSAGE_VAULT_OPEN, &e, NULL, 0);
}

static int begin_with_copy(struct unpacker *u, int fd)
{
	u->fd = fd;
	return begin_format(u);
}

int unpack_take_copy(struct unpackers *all, uint64_t id, int fd)
{
	for (size_t k = 0; k < all->count; k++) {
		struct unpacker *u = &all->list[k];

		if (u->root == id && u->id == id && all->fetching == id) {
			all->fetching = 0;
			return begin_with_copy(u, fd);
		}
	}
	close_p(&fd);
	return -EPROTO;
}

static int begin_file(struct unpacker *u)
{
	const struct station_unpack *l = limits_of(u);
	uint64_t id, formats;
	int r = docket_next_waiting(u->i->docket, 0, &id, &formats);

	if (r <= 0)
		return r;
	u->all->waiting--;
	u->root = id;
	u->jobs = 0;
	u->is_over = false;
	u->members_left = l->members;
	u->deadline_ms = monotonic_ms() + (int64_t)l->time_s * 1000;
	r = fetch(u, id, formats);
	if (r < 0)
		return r;
	u->root_size = u->size;
	u->bytes_left = MIN(l->bytes, MAX(RATIO_FREE_BYTES, u->size > UINT64_MAX / l->ratio ? UINT64_MAX : u->size * l->ratio));
	return 0;
}

/* The file and all that is in it is done: so are the roles that saw it. */
static int end_file(struct unpacker *u)
{
	int r = docket_forget_inspected(u->i->docket, u->root);

	if (r == 0)
		r = docket_forget_waiting(u->i->docket, u->root);
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

/* -- members on their way ------------------------------------------------------------------------------------------------ */

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
	int r = docket_get_member(u->i->docket, id, &m);
	int is_inspected = r > 0 ? docket_is_inspected(u->i->docket, u->root, sum) : r;

	if (r > 0 && is_inspected >= 0) {
		*job = (struct job){ .id = id, .size = size, .path = TAKE_PTR(m.path), .container = strdup(u->mime), .fd = fd };
		job->wanted = CHECK_TYPE | CHECK_CONTENT | (is_inspected ? 0 : CHECK_VIRUS);
		memcpy(job->sum, sum, SHA256_LEN);
		all->queued++;
		u->jobs++;
		r = !job->container ? -ENOMEM : is_inspected ? docket_done(u->i->docket, id, CHECK_VIRUS) : 0;
	} else if (r == 0) {
		r = -ENOENT;
	}
	docket_member_done(&m);
	return is_inspected < 0 ? is_inspected : r;
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
	if (size > u->bytes_left) {
		u->bytes_left = 0;
		return over_budget(u, "unpacks to more than the station opens");
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
		r = docket_trouble(u->i->docket, id, status, status == STREAM_NO_SPACE || status == STREAM_QUOTA ?
				   "the spool has no room for it" : "");
	u->is_opened = false;
	if (r == 0 && (status == STREAM_NO_SPACE || status == STREAM_QUOTA))
		r = docket_find_in(u->i->docket, u->id, REASON_LIMIT_EXCEEDED, NULL, "what is in it does not fit into the spool");
	return r;
}

static int serve_vault(struct unpacker *u)
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
			r = begin_with_copy(u, TAKE_FD(m->fds[0]));
		break;
	default: /* VAULT_PROGRESS: it lives */
		break;
	}
	message_done(m);
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
	if (!result->formats) {
		/* Only who has seen the type can say that there is nothing in it. */
		r = result->findings.done & CHECK_TYPE ? docket_done(d, job->id, CHECK_MEMBERS) : 0;
		return r == 0 && u ? forget_copy(u, job->id) : r;
	}
	if (u && (depth >= limits_of(u)->depth || u->is_over)) {
		r = docket_find_in(d, job->id, REASON_LIMIT_EXCEEDED, NULL,
				   u->is_over ? "not opened: what it is in had cost enough" : "nested deeper than the station opens");
		return r == 0 ? forget_copy(u, job->id) : r;
	}
	if (!u)
		all->waiting++;
	return docket_wait(d, job->id, root, result->formats);
}

/* -- the loop ------------------------------------------------------------------------------------------------------------ */

static int give_members(struct unpackers *all)
{
	int r = 0;

	while (r == 0 && all->queued > 0 && pool_has_room(all->i->pool)) {
		r = pool_give(all->i->pool, &all->queue[all->first]);
		all->first = (all->first + 1) % UNPACK_JOBS_MAX;
		all->queued--;
		if (r < 0)
			inspection_trouble(all->i, "examining", r, pool_trouble(all->i->pool));
	}
	return r;
}

static int start_vault(struct unpacker *u)
{
	const struct vault_limits limits = { u->i->supervisor->config->spool_bytes, UINT64_MAX };
	char name[32];

	(void)snprintf(name, sizeof(name), SPOOL_MEMBERS, u->index);
	return inspection_start_vault(u->i, name, &limits, &u->vault);
}

static int step(struct unpacker *u)
{
	int r = 0;

	if (u->root == 0 && u->all->waiting > 0 && u->all->fetching == 0) {
		r = u->vault.pid == 0 ? start_vault(u) : 0;
		return r == 0 ? begin_file(u) : r;
	}
	if (u->root != 0 && u->id != 0 && u->fd >= 0 && u->is_told && u->is_stream_done)
		r = end_format(u);
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
		r = serve_vault(u);
	if (r == -EAGAIN)
		r = 0;
	if (r == 0 && u->root != 0 && !u->is_over && monotonic_ms() >= u->deadline_ms) {
		u->is_over = true;
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
	for (size_t k = 0; k < all->count; k++)
		all->list[k] = (struct unpacker){ .all = all, .i = i, .index = (unsigned int)k, .fd = -EBADF };
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
		close_p(&u->fd);
		free(u->path);
		free(u->mime);
	}
	for (; all->queued > 0; all->queued--) {
		job_done(&all->queue[all->first]);
		all->first = (all->first + 1) % UNPACK_JOBS_MAX;
	}
	free(all->list);
	free(all);
	return NULL;
}
