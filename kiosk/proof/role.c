/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The life of a role that proves evidence. */
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/log.h"
#include "proof/private.h"
#include "sandbox/sandbox.h"

struct server {
	const struct proof_role *role;
	struct channel channel;
	struct keyring *keys;
	struct proof_private private;
	struct evidence evidence;
	struct key_description key;
	struct encoder out;
};

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int fail(struct server *s, int r, const char *where)
{
	return channel_fail(&s->channel, r, where, "%s", strerror(-r));
}

/* A sealed copy is a regular file; anything else is a supervisor gone wrong. */
static int size_of(int fd, uint64_t *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	*ret = (uint64_t)st.st_size;
	return 0;
}

static const struct proof_format *format_of(const struct proof_role *role, uint32_t format)
{
	for (size_t i = 0; i < role->format_count; i++)
		if (role->formats[i].format == format)
			return &role->formats[i];
	return NULL;
}

static int on_recognise(struct server *s, struct message *m)
{
	_cleanup_free_ char *path = decode_str(&m->payload, ORIGIN_PATH_MAX);
	enum evidence_format format = EVIDENCE_NONE;
	uint64_t size = 0;
	int r = decoder_end(&m->payload);

	if (r < 0)
		return r;
	r = size_of(m->fds[0], &size);
	if (r < 0)
		return fail(s, r, "recognising");
	if (s->role->recognise)
		format = s->role->recognise(path, m->fds[0], size);
	encoder_init(&s->out);
	encode_u32(&s->out, format);
	return channel_send(&s->channel, MESSAGE_ORIGIN_RECOGNISED, &s->out, NULL, 0);
}

static int on_prove(struct server *s, struct message *m)
{
	uint32_t id = decode_u32(&m->payload);
	uint64_t now = decode_u64(&m->payload);
	_cleanup_free_ char *path = decode_str(&m->payload, ORIGIN_PATH_MAX);
	const struct proof_format *format = format_of(s->role, id);
	int r = decoder_end(&m->payload);

	if (r < 0 || !path)
		return r < 0 ? r : -ENOMEM;
	s->evidence = (struct evidence){ .path = path, .name = last_component(path), .fd = m->fds[0], .now = now,
					 .keys = s->keys, .private = &s->private };
	s->private.channel = &s->channel;
	s->private.text_fd = m->fds[1];
	s->private.text_size = 0;
	s->private.entries = s->private.batch_count = 0;
	r = format ? size_of(m->fds[0], &s->evidence.size) : -ENOTSUP;
	if (r == 0)
		r = format->prove(&s->evidence);
	if (r == -EPIPE || r == -ENOTCONN || r == -EPROTO) /* nobody is there to be told */
		return r;
	if (r < 0)
		return fail(s, r, format ? evidence_info(id)->name : "format");
	return proof_finish(&s->evidence);
}

static int on_digest(struct server *s, struct message *m)
{
	char name[ORIGIN_ALGORITHM_MAX + 1];
	uint8_t sum[ORIGIN_DIGEST_MAX];
	const struct digest *d;
	int r;

	decode_str_into(&m->payload, name, sizeof(name));
	r = decoder_end(&m->payload);
	if (r < 0)
		return r;
	d = digest_by_name(name);
	r = d ? digest_fd(d, m->fds[0], sum) : -ENOTSUP;
	if (r < 0)
		return fail(s, r, "digest");
	encoder_init(&s->out);
	encode_bytes(&s->out, sum, d->size);
	return channel_send(&s->channel, MESSAGE_ORIGIN_DIGESTED, &s->out, NULL, 0);
}

static int on_describe(struct server *s, struct message *m)
{
	struct key_description *k = &s->key;
	uint64_t size = 0;
	int r = size_of(m->fds[0], &size);

	memset(k, 0, sizeof(*k));
	if (r == 0)
		r = s->role->describe ? s->role->describe(m->fds[0], size, k) : 0;
	if (r < 0)
		return fail(s, r, "key");
	encoder_init(&s->out);
	encode_str(&s->out, r > 0 ? key_kind_name(k->kind) : "");
	encode_str(&s->out, k->fingerprint);
	encode_str(&s->out, k->key_id);
	encode_str(&s->out, k->owner);
	encode_u64(&s->out, k->created);
	encode_u64(&s->out, k->expires);
	encode_bytes(&s->out, k->bytes, k->size);
	encode_str(&s->out, k->trouble);
	return channel_send(&s->channel, MESSAGE_ORIGIN_DESCRIBED, &s->out, NULL, 0);
}

static int dispatch(struct server *s, bool *ret_ends)
{
	struct message m;
	int r = channel_receive(&s->channel, &m, false);

	if (r == -ENOTCONN) {
		*ret_ends = true;
		return 0;
	}
	if (r < 0)
		return r;
	switch (m.type) {
	case MESSAGE_ORIGIN_RECOGNISE:
		r = on_recognise(s, &m);
		break;
	case MESSAGE_ORIGIN_PROVE:
		r = on_prove(s, &m);
		break;
	case MESSAGE_ORIGIN_DIGEST:
		r = on_digest(s, &m);
		break;
	case MESSAGE_ORIGIN_DESCRIBE:
		r = on_describe(s, &m);
		break;
	default:
		*ret_ends = m.type == MESSAGE_END;
	}
	message_done(&m);
	return r;
}

static int start(struct server *s, const char **ret_where)
{
	struct message m;
	int r = channel_expect(&s->channel, MESSAGE_ORIGIN_START, &m, NULL);

	if (r < 0)
		return r;
	*ret_where = "trusted keys";
	r = keyring_read(m.fds[0], &s->keys);
	message_done(&m);
	if (r < 0)
		return r;
	*ret_where = "cryptography";
	r = digests_prepare();
	return r == 0 && s->role->prepare ? s->role->prepare(s->keys) : r;
}

static int serve(struct server *s)
{
	const char *sandbox = sandbox_describe(); /* asks the kernel, which is no longer allowed inside */
	const char *where = "start";
	bool ends = false;
	int r = start(s, &where);

	tzset(); /* the first gmtime_r(3) would open /etc/localtime, which the sandbox answers with death */

	if (r == 0)
		r = sandbox_enter(s->role->role, NULL, 0, &where);
	if (r < 0) {
		(void)channel_fail(&s->channel, r, where, "%s", strerror(-r)); /* the exit status says it, too */
		return r;
	}
	r = channel_ready(&s->channel, role_get(s->role->role)->name, sandbox);
	while (r == 0 && !ends)
		r = dispatch(s, &ends);
	return r;
}

int proof_main(const struct proof_role *role)
{
	struct server *s = calloc(1, sizeof(*s));
	int r = -ENOMEM;

	log_open(role_get(role->role)->executable);
	if (s) {
		s->role = role;
		channel_init(&s->channel, CHANNEL_FD, false, CHANNEL_ORIGIN);
		r = serve(s);
		keyring_free(s->keys);
	}
	free(s);
	if (r < 0)
		log_error("err=%s: %s", errno_name(r), strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
