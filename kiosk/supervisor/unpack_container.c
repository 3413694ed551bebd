/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* One container, from its copy to its end, in each of the formats that it has. */
#include "supervisor/unpacking.h"

#include <string.h>
#include <sys/socket.h>

#include "common/log.h"

const struct station_unpack *unpack_limits(const struct unpacker *u)
{
	return &u->i->supervisor->config->unpack;
}

static char *main_type(const char *types)
{
	json_t *list = json_loads(types, 0, NULL);
	const char *first = json_string_value(json_array_get(list, 0));
	char *copy = strdup(first ? first : "application/octet-stream");

	json_decref(list);
	return copy;
}

static bool is_type(const char *types, const char *mime)
{
	return strstr(types, mime) != NULL; /* a JSON array of our own making: types have no quotes in them */
}

static bool ends(const char *path, const char *with)
{
	size_t n = strlen(path), m = strlen(with);

	return n >= m && strcmp(path + n - m, with) == 0;
}

/* As podman and skopeo name the layers of a `docker save`: what they are, uncompressed. */
static bool is_named_by_digest(const struct unpacker *u, const char *path)
{
	char hex[SHA256_HEX_LEN + 1];

	hex_encode(u->sum, SHA256_LEN, hex);
	return strncmp(path, hex, SHA256_HEX_LEN) == 0 && strcmp(path + SHA256_HEX_LEN, ".tar") == 0;
}

/* A layer of an image, as `docker save` and the OCI layout have it: not by its name alone, with which any archive could have its
 * links and devices excused, but in what is such a layout. */
static int is_layer(struct unpacker *u, uint64_t container, const char *path)
{
	if (!ends(path, "/layer.tar") && strncmp(path, "blobs/sha256/", 13) != 0 && !is_named_by_digest(u, path))
		return 0;
	return docket_is_layout(u->i->docket, container);
}

/* The data.tar of a package, the cpio of an RPM, the layers of an image: trees of systems, in which absolute links and devices
 * have their place. Streams in between change nothing. */
static int find_system(struct unpacker *u, uint64_t container, const char *path)
{
	int layer = is_layer(u, container, path);
	uint64_t id = container;
	int r = MIN(layer, 0);

	u->is_system_inside = layer > 0;
	while (r == 0 && !u->is_system_inside && id != 0) {
		struct docket_member m = { 0 };
		struct docket_entry e = { 0 };
		const char *types;
		bool is_stream;

		r = docket_is_member(id) ? docket_get_member(u->i->docket, id, &m) : docket_get(u->i->docket, id, &e);
		types = m.types ? m.types : e.types ? e.types : "";
		u->is_system_inside = is_type(types, container_info(CONTAINER_DEB)->mime) || is_type(types, container_info(CONTAINER_RPM)->mime);
		is_stream = false;
		for (unsigned int f = CONTAINER_GZIP; f <= CONTAINER_COMPRESS; f++)
			is_stream |= is_type(types, container_info(f)->mime);
		id = is_stream ? m.container : 0;
		r = r < 0 ? r : 0;
		docket_member_done(&m);
		docket_entry_done(&e);
	}
	return r;
}

int unpack_load(struct unpacker *u)
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
			if (u->path && find_system(u, m.container, u->path) < 0)
				r = -EIO;
		}
	} else {
		r = docket_get(u->i->docket, u->id, &e);
		u->is_system_inside = false;
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

int unpack_lose(struct unpacker *u, enum reason reason, const char *detail)
{
	process_kill(&u->reader);
	for (size_t k = 0; k < ROLE_COUNT_; k++)
		process_kill(&u->roles[k]);
	u->is_opened = u->is_probing = false;
	u->is_told = true;
	if (!u->is_begun)
		u->is_stream_done = true;
	return docket_find_in(u->i->docket, u->id, reason, NULL, detail);
}

int unpack_over_budget(struct unpacker *u, const char *what)
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
		r = unpack_over_budget(u, "holds more members than the station opens");
		return r < 0 ? r : -EDQUOT;
	}
	u->members_left--;
	u->next_id++;
	u->came++;
	u->named++;
	r = docket_add_member(u->i->docket, &m);
	if (r == 0 && (strcmp(raw_path, "manifest.json") == 0 || strcmp(raw_path, "oci-layout") == 0))
		r = docket_mark_layout(u->i->docket, u->id);
	return r;
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

int unpack_forget_copy(struct unpacker *u, uint64_t id)
{
	return docket_is_member(id) ? numbers_add(&u->forgotten, id) : 0;
}

/* Never waits: the vault may be waiting for us to take what it has sealed. */
int unpack_tell_forgotten(struct unpacker *u)
{
	struct pollfd p = { .fd = u->vault.channel.fd, .events = POLLOUT };
	int r = 0;

	while (r == 0 && u->forgotten.count > 0 && poll(&p, 1, 0) == 1 && p.revents == POLLOUT) {
		struct encoder e;

		encoder_init(&e);
		encode_u64(&e, u->forgotten.list[u->forgotten.count - 1]);
		r = channel_send(&u->vault.channel, MESSAGE_VAULT_FORGET, &e, NULL, 0);
		if (r == 0)
			u->forgotten.count--;
	}
	return r;
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

int unpack_begin_format(struct unpacker *u)
{
	uint64_t span = unpack_limits(u)->members + 1;
	const struct container_info *info;
	char detail[128];
	int r;

	u->format = take_format(&u->formats);
	info = container_info(u->format);
	u->is_begun = u->is_told = u->is_stream_done = u->is_stream_clean = u->is_short = false;
	u->came = u->named = u->ended = 0;
	u->is_probing = false;
	u->first_id = u->next_id = u->all->next_id;
	u->end_id = u->all->next_id += span; /* ids are there in plenty: 64 bits */
	u->shape = info && info->shape == CONTAINER_ARCHIVE && u->is_system_inside ? CONTAINER_ROOT : info ? info->shape : CONTAINER_OBJECT;
	r = !info ? -EPROTO : info->role == ROLE_INTAKE ? unpack_begin_volumes(u) : unpack_begin_opener(u);
	if (r == 0 || r == -ECANCELED)
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

/* Who told a member and never sent its bytes has hidden them. */
static int check_bytes(struct unpacker *u)
{
	char detail[128];

	if (u->named == u->ended || !u->is_opened)
		return 0;
	u->is_opened = false;
	(void)snprintf(detail, sizeof(detail), "%s: the bytes of %llu members did not come", container_info(u->format)->name,
		       (unsigned long long)(u->named - u->ended));
	return docket_find_in(u->i->docket, u->id, REASON_SCAN_ERROR, NULL, detail);
}

/* A member for which there was no room: who opened it has said why when it was its budget, and knows nothing of the spool. */
static int check_room(struct unpacker *u)
{
	struct docket_member m = { 0 };
	struct docket_entry e = { 0 };
	const char *findings;
	int r = 0;

	if (!u->is_short)
		return 0;
	r = docket_is_member(u->id) ? docket_get_member(u->i->docket, u->id, &m) : docket_get(u->i->docket, u->id, &e);
	findings = m.findings ? m.findings : e.findings ? e.findings : "";
	if (r > 0)
		r = strstr(findings, reason_code(REASON_LIMIT_EXCEEDED)) ? 0 :
		    docket_find_in(u->i->docket, u->id, REASON_LIMIT_EXCEEDED, NULL, "what is in it does not fit into the spool");
	docket_member_done(&m);
	docket_entry_done(&e);
	return r;
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
		r = unpack_forget_copy(u, u->id);
	unpack_volumes_done(u);
	unpack_forget_neighbours(u);
	close_p(&u->fd);
	free(TAKE_PTR(u->path));
	free(TAKE_PTR(u->mime));
	u->id = 0;
	return r;
}

/* The format at hand has come to its end. */
int unpack_end_format(struct unpacker *u)
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
	if (r == 0)
		r = check_bytes(u);
	if (r == 0)
		r = check_room(u);
	if (r < 0)
		return r;
	if (u->formats && !u->is_over)
		return unpack_begin_format(u);
	if (u->formats) {
		u->is_opened = false;
		r = docket_find_in(u->i->docket, u->id, REASON_LIMIT_EXCEEDED, NULL, "can be read in other ways, too, for which no budget was left");
		if (r < 0)
			return r;
	}
	return end_container(u);
}

int unpack_begin(struct unpacker *u, int fd)
{
	u->fd = fd;
	if (!u->is_over)
		return unpack_begin_format(u);
	/* its time ended while the copy was fetched */
	u->format = take_format(&u->formats);
	u->is_begun = false;
	u->named = u->ended = u->came = 0;
	return unpack_lose(u, REASON_SCAN_TIMEOUT, "opening it took longer than the station allows");
}
