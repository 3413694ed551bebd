/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The life of an opener and, before it, of its parent. Nothing of one container is left when the next one comes. */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "common/log.h"
#include "container/private.h"
#include "forkserver/forkserver.h"
#include "sandbox/sandbox.h"

struct server {
	const struct container_role *role;
	struct channel channel;
	struct container_private private;
	struct message message;
};

static const struct container_opener *opener_of(const struct container_role *role, uint32_t format)
{
	for (size_t i = 0; i < role->opener_count; i++)
		if (role->openers[i].format == format)
			return &role->openers[i];
	return NULL;
}

/* A sealed copy is a regular file that nobody can shorten; anything else is a supervisor gone wrong. */
static int map_copy(int fd, struct container *c)
{
	struct stat st;
	void *data;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size == 0)
		return -ENODATA;
	if ((uint64_t)st.st_size > SIZE_MAX)
		return -EFBIG;
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return -errno;
	c->data = data;
	c->size = (uint64_t)st.st_size;
	return 0;
}

static void unmap_copy(struct container *c)
{
	if (c->data)
		(void)munmap((void *)(uintptr_t)c->data, (size_t)c->size); /* fails for addresses that are no mapping of ours */
	c->data = NULL;
}

static int open_mapped(struct container *c, const struct container_opener *opener, int fd)
{
	int r = map_copy(fd, c);

	if (r == -ENODATA)
		return container_broken(c, REASON_CONTAINER_OPAQUE, "an empty file: nothing came out of it");
	return r < 0 ? r : opener->open(c);
}

static int send_done(struct container_private *p, bool opened)
{
	encoder_init(&p->out);
	encode_u64(&p->out, p->entries);
	encode_u64(&p->out, p->files);
	encode_u64(&p->out, p->bytes);
	encode_u32(&p->out, opened);
	return channel_send(p->channel, MESSAGE_CONTAINER_DONE, &p->out, NULL, 0);
}

static int open_container(struct server *s, struct container *c, const struct container_limits *limits, uint64_t first_id,
			  struct message *m)
{
	const struct container_opener *opener = opener_of(s->role, c->format);
	bool opened = false;
	int r = private_begin(c, first_id, limits, m->fds[1]);

	if (r == 0)
		r = opener ? open_mapped(c, opener, m->fds[0]) : -ENOTSUP;
	r = private_finish(c, r, &opened);
	unmap_copy(c);
	private_done(c);
	close_p(&m->fds[1]);
	return r < 0 ? r : send_done(&s->private, opened);
}

static int on_open(struct server *s, struct message *m)
{
	uint32_t format = decode_u32(&m->payload);
	uint32_t shape = decode_u32(&m->payload);
	uint64_t first_id = decode_u64(&m->payload);
	struct container_limits limits = { .members = decode_u64(&m->payload) };
	struct container c = { .format = (enum container_format)format, .info = container_info(format), .private = &s->private };
	_cleanup_free_ char *path = NULL;
	int r;

	limits.bytes = decode_u64(&m->payload);
	limits.largest = decode_u64(&m->payload);
	path = decode_str(&m->payload, MESSAGE_MAX);
	r = decoder_end(&m->payload);
	if (r < 0 || !path)
		return r < 0 ? r : -ENOMEM;
	c.shape = (enum container_shape)shape;
	if (!c.info || c.info->role != s->role->role || shape > CONTAINER_OBJECT) /* a supervisor gone wrong */
		return channel_fail(&s->channel, -ENOTSUP, "format", "%s", strerror(ENOTSUP));
	c.path = path;
	return open_container(s, &c, &limits, first_id, m);
}

static int dispatch(struct server *s, bool *ret_ends)
{
	struct message *m = &s->message;
	int r = channel_receive(&s->channel, m, false);

	if (r == -ENOTCONN) {
		*ret_ends = true;
		return 0;
	}
	if (r < 0)
		return r;
	if (m->type == MESSAGE_CONTAINER_OPEN)
		r = on_open(s, m);
	else
		*ret_ends = m->type == MESSAGE_END;
	message_done(m);
	return r;
}

/* -- the opener ----------------------------------------------------------------------------------------------------------- */

static int serve(struct server *s, const char *sandbox)
{
	enum role_id id = role_get(s->role->role)->forks;
	const char *where = "";
	bool ends = false;
	int r = sandbox_enter_child(id, &where);

	if (r < 0) {
		(void)channel_fail(&s->channel, r, where, "%s", strerror(-r)); /* the end that follows says it, too */
		return r;
	}
	r = channel_ready(&s->channel, role_get(id)->name, sandbox);
	while (r == 0 && !ends)
		r = dispatch(s, &ends);
	return r;
}

static void open_containers(void *context, const char *sandbox)
{
	struct server *s = calloc(1, sizeof(*s));
	int r = -ENOMEM;

	if (s) {
		s->role = context;
		channel_init(&s->channel, CHANNEL_FD, false, CHANNEL_CONTAINER);
		s->private.channel = &s->channel;
		r = serve(s, sandbox);
	}
	if (r < 0)
		log_error("err=%s: %s", errno_name(r), strerror(-r));
	_exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* -- its parent ----------------------------------------------------------------------------------------------------------- */

static int load(void *context, struct channel *c, char ret_why[static FORKSERVER_WHY_MAX])
{
	const struct container_role *role = context;
	uint8_t hash[PROTOCOL_HASH_LEN];
	struct message m;
	int r = channel_expect(c, MESSAGE_CONTAINER_START, &m, NULL);

	if (r < 0)
		return r;
	message_done(&m);
	r = protocol_hash(hash); /* libcrypto reads its configuration at its first use */
	if (r < 0)
		(void)snprintf(ret_why, FORKSERVER_WHY_MAX, "cryptography: %s", strerror(-r));
	if (r == 0 && role->prepare && (r = role->prepare()) < 0)
		(void)snprintf(ret_why, FORKSERVER_WHY_MAX, "library: %s", strerror(-r));
	return r;
}

int container_main(const struct container_role *role)
{
	const struct forkserver_role server = { .parent = role->role, .load = load, .child = open_containers };

	(void)signal(SIGPIPE, SIG_IGN); /* a vault that has gone is an error to tell */
	/* Libraries turn local time into seconds, and each mktime(3) would look at /etc/localtime, which the sandbox answers with
	 * death. No time of a member is used. */
	(void)setenv("TZ", "UTC0", 1); /* fails without memory: then the first container kills us, and is held */
	tzset();
	return forkserver_main(&server, (void *)(uintptr_t)role);
}
