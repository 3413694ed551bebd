/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-origin: where files come from. Reads checksum lists and signatures of the medium, all of them hostile, through
 * read-only descriptors of sealed copies; knows the public keys that the officer trusts; can open no file. What it says
 * is compared with the vault's digests by the supervisor, which believes no more than that.
 */
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "ipc/channel.h"
#include "origin/digest.h"
#include "origin/limits.h"
#include "origin/list.h"
#include "origin/signature.h"
#include "sandbox/sandbox.h"

struct origin {
	struct channel channel;
	struct keyring *keys;
};

static int take_key(struct keyring *keys, struct decoder *d)
{
	_cleanup_free_ char *name = decode_str(d, ORIGIN_KEY_NAME_MAX);
	_cleanup_free_ char *text = decode_str(d, MINISIGN_PUBLIC_MAX);
	_cleanup_free_ char *purposes = decode_str(d, 255);
	uint64_t until = decode_u64(d);

	if (d->error)
		return d->error;
	return keyring_add(keys, name, text, purposes, until);
}

static int take_keys(struct origin *o, struct decoder *d)
{
	uint32_t count = decode_u32(d);
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < count; i++)
		r = take_key(o->keys, d);
	return r == 0 ? decoder_end(d) : r;
}

static int start(struct origin *o, const char **ret_where)
{
	struct message m;
	int r = channel_expect(&o->channel, MESSAGE_ORIGIN_START, &m, NULL);

	if (r < 0)
		return r;
	*ret_where = "trusted keys";
	r = take_keys(o, &m.payload);
	message_done(&m);
	if (r < 0)
		return r;
	*ret_where = "libcrypto";
	r = digests_prepare();
	return r == 0 ? signatures_prepare() : r;
}

/* A raw path as a string; its NUL-free bytes are all that is asked of it. Owned by the caller, NULL after an error. */
static char *take_path(struct decoder *d)
{
	return decode_str(d, LIST_PATH_MAX);
}

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int fail(struct origin *o, int r, const char *where)
{
	return channel_fail(&o->channel, r, where, "%s", strerror(-r));
}

/* -- lists --------------------------------------------------------------------------------------------------- */

struct batch {
	struct origin *origin;
	struct encoder e;
	size_t count_at;
	uint32_t count;
};

static void batch_init(struct batch *b)
{
	encoder_init(&b->e);
	b->count_at = encode_reserve_u32(&b->e);
	b->count = 0;
}

/* Returns 0, or 1 when the supervisor cannot be told any more: the channel has failed. */
static int batch_send(struct batch *b)
{
	int r;

	if (b->count == 0)
		return 0;
	encode_patch_u32(&b->e, b->count_at, b->count);
	r = channel_send(&b->origin->channel, MESSAGE_ORIGIN_ENTRIES, &b->e, NULL, 0);
	batch_init(b);
	return r < 0;
}

static int on_entry(void *context, const struct list_entry *entry)
{
	struct batch *b = context;

	encode_str(&b->e, entry->digest->name);
	encode_bytes(&b->e, entry->sum, entry->digest->size);
	encode_bytes(&b->e, entry->path, entry->path_size);
	b->count++;
	return b->e.size >= ENTRIES_BYTES ? batch_send(b) : 0;
}

static int tell_list_end(struct origin *o, const struct list_summary *s)
{
	char detail[256] = "";
	struct encoder e;

	if (s->bad_lines > 0)
		(void)snprintf(detail, sizeof(detail), "line %u: %s", s->first_bad_line, s->why);
	else
		(void)snprintf(detail, sizeof(detail), "%s", s->why);
	encoder_init(&e);
	encode_u32(&e, s->outcome);
	encode_u32(&e, s->entries);
	encode_u32(&e, s->bad_lines);
	encode_str(&e, detail);
	return channel_send(&o->channel, MESSAGE_ORIGIN_LIST_END, &e, NULL, 0);
}

static int on_list(struct origin *o, struct message *m)
{
	_cleanup_free_ char *path = take_path(&m->payload);
	_cleanup_free_ struct batch *b = calloc(1, sizeof(*b));
	struct list_summary summary;
	int r = decoder_end(&m->payload);

	if (r < 0)
		return r;
	if (!b)
		return -ENOMEM;
	b->origin = o;
	batch_init(b);
	r = list_read(m->fds[0], last_component(path), on_entry, b, &summary);
	if (r < 0)
		return fail(o, r, "checksum list");
	if (r > 0 || batch_send(b) > 0)
		return -EPIPE;
	return tell_list_end(o, &summary);
}

/* -- digests and signatures ----------------------------------------------------------------------------------- */

static int on_digest(struct origin *o, struct message *m)
{
	char name[ORIGIN_ALGORITHM_MAX + 1];
	uint8_t sum[ORIGIN_DIGEST_MAX];
	const struct digest *d;
	struct encoder e;
	int r;

	decode_str_into(&m->payload, name, sizeof(name));
	r = decoder_end(&m->payload);
	if (r < 0)
		return r;
	d = digest_by_name(name);
	r = d ? digest_fd(d, m->fds[0], sum) : -ENOTSUP;
	if (r < 0)
		return fail(o, r, "digest");
	encoder_init(&e);
	encode_bytes(&e, sum, d->size);
	return channel_send(&o->channel, MESSAGE_ORIGIN_DIGESTED, &e, NULL, 0);
}

static int on_signature(struct origin *o, struct message *m)
{
	_cleanup_free_ char *path = take_path(&m->payload);
	struct signature_verdict v;
	struct encoder e;
	int r = decoder_end(&m->payload);

	if (r < 0)
		return r;
	r = signature_check(o->keys, m->fds[0], m->fds[1], path, (uint64_t)time(NULL), &v);
	if (r < 0)
		return fail(o, r, "signature");
	encoder_init(&e);
	encode_u32(&e, v.outcome);
	encode_str(&e, v.key_id);
	encode_str(&e, v.key_name);
	encode_str(&e, v.detail);
	return channel_send(&o->channel, MESSAGE_ORIGIN_SIGNED, &e, NULL, 0);
}

/* -- the role -------------------------------------------------------------------------------------------------- */

static int dispatch(struct origin *o, bool *ret_ends)
{
	struct message m;
	int r = channel_receive(&o->channel, &m, false);

	if (r == -ENOTCONN) {
		*ret_ends = true;
		return 0;
	}
	if (r < 0)
		return r;
	if (m.type == MESSAGE_ORIGIN_LIST)
		r = on_list(o, &m);
	else if (m.type == MESSAGE_ORIGIN_DIGEST)
		r = on_digest(o, &m);
	else if (m.type == MESSAGE_ORIGIN_SIGNATURE)
		r = on_signature(o, &m);
	else
		*ret_ends = m.type == MESSAGE_END;
	message_done(&m);
	return r;
}

static int serve(struct origin *o)
{
	bool ends = false;
	int r = 0;

	while (r == 0 && !ends)
		r = dispatch(o, &ends);
	return r;
}

int main(void)
{
	const char *sandbox = sandbox_describe(); /* asks the kernel, which is no longer allowed inside */
	struct origin o = { .keys = keyring_new() };
	const char *where = "start";
	int r;

	log_open("lazaret-origin");
	channel_init(&o.channel, CHANNEL_FD, false, CHANNEL_ORIGIN);
	r = o.keys ? start(&o, &where) : -ENOMEM;
	if (r == 0)
		r = sandbox_enter(ROLE_ORIGIN, NULL, 0, &where);
	if (r < 0) {
		(void)channel_fail(&o.channel, r, where, "%s", strerror(-r)); /* the exit status says it, too */
		keyring_free(o.keys);
		return EXIT_FAILURE;
	}
	r = channel_ready(&o.channel, "origin", sandbox);
	if (r == 0)
		r = serve(&o);
	if (r < 0)
		log_error("err=%s: %s", errno_name(r), strerror(-r));
	keyring_free(o.keys);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
