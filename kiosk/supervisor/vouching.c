/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Stage "vouch": what the medium says about itself (checksum lists) and what others say about it (signatures). The
 * origin role reads the bytes; this stage only joins its answers with the docket.
 *
 *   - a digest that does not match blocks the file, whether anybody signed the list or not
 *   - a signature of a trusted key that does not match blocks the file
 *   - a list that was read only in part can prove a mismatch, and vouches for nothing
 */
#include "supervisor/inspection.h"

#include <string.h>

#include "common/list_name.h"
#include "common/text.h"
#include "ipc/origin.h"

#define SIGNATURE_SUFFIX ".minisig"
#define LIST_BYTES_MAX (64u << 20) /* a list of half a million files; the origin role has a limit of its own */
#define ENTRY_BYTES_MIN 32	   /* an MD5 digest in hex, the shortest that is read */
#define READY_SECONDS 30
#define ANSWER_SECONDS 300 /* hashing the largest file for a list of another algorithm */

struct vouching {
	struct inspection *i;
	uint64_t entries; /* of the list at hand */
	struct message message;
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool has_suffix(const char *path, const char *suffix)
{
	size_t n = strlen(path), m = strlen(suffix);

	return n > m && strcmp(path + n - m, suffix) == 0;
}

static struct patience answer_patience(const struct vouching *v)
{
	struct patience p = supervisor_patience(v->i->supervisor, ANSWER_SECONDS);

	p.deadline_ms = MIN(p.deadline_ms, v->i->patience.deadline_ms);
	return p;
}

static int start(struct vouching *v)
{
	struct inspection *i = v->i;
	struct patience patience = supervisor_patience(i->supervisor, READY_SECONDS);
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));
	_cleanup_free_ char *why = NULL;
	size_t k;
	json_t *key;
	int r;

	if (!e)
		return -ENOMEM;
	encoder_init(e);
	encode_u32(e, (uint32_t)json_array_size(i->supervisor->keys));
	json_array_foreach(i->supervisor->keys, k, key) {
		encode_str(e, json_string_value(json_object_get(key, "name")));
		encode_str(e, json_string_value(json_object_get(key, "key")));
		encode_str(e, json_string_value(json_object_get(key, "purposes")));
		encode_u64(e, (uint64_t)json_integer_value(json_object_get(key, "until")));
	}
	r = process_start(ROLE_ORIGIN, &i->origin);
	if (r == 0)
		r = channel_send(&i->origin.channel, MESSAGE_ORIGIN_START, e, NULL, 0);
	if (r == 0)
		r = process_ready(&i->origin, &patience, &why);
	if (r < 0)
		inspection_trouble(i, "starting the origin role", r, why);
	return r;
}

/* -- checksum lists ------------------------------------------------------------------------------------------- */

/* "dir/SHA256SUMS" and "a/b" give "dir/a/b". */
static char *beside(const char *list_path, const char *name)
{
	size_t dir = (size_t)(base_name(list_path) - list_path);
	char *path = malloc(dir + strlen(name) + 1);

	if (path) {
		memcpy(path, list_path, dir);
		memcpy(path + dir, name, strlen(name) + 1);
	}
	return path;
}

static int take_entries(struct vouching *v, const struct docket_entry *list)
{
	struct decoder *d = &v->message.payload;
	uint32_t n = decode_u32(d);
	int r = 0;

	v->entries += n;
	if (v->entries > list->size / ENTRY_BYTES_MIN + 1)
		return -EPROTO; /* more than such a list can hold */
	for (uint32_t k = 0; r == 0 && k < n; k++) {
		char algorithm[ORIGIN_ALGORITHM_MAX + 1];
		size_t size;
		const uint8_t *digest;
		_cleanup_free_ char *name = NULL, *path = NULL;

		decode_str_into(d, algorithm, sizeof(algorithm));
		digest = decode_bytes(d, ORIGIN_DIGEST_MAX, &size);
		name = decode_str(d, 4095);
		if (!name)
			return d->error ? d->error : -ENOMEM;
		path = beside(list->path, name);
		r = path ? docket_add_listing(v->i->docket, list->id, list->volume, path, algorithm, digest, size) : -ENOMEM;
	}
	return r == 0 ? decoder_end(d) : r;
}

static int take_list_end(struct vouching *v, const struct docket_entry *list)
{
	struct decoder *d = &v->message.payload;
	uint32_t outcome = decode_u32(d);
	_cleanup_free_ char *detail = NULL;
	int r;

	(void)decode_u32(d);
	(void)decode_u32(d);
	detail = decode_str(d, 900);
	r = decoder_end(d);
	if (r < 0 || outcome >= LIST_OUTCOME_COUNT_)
		return r < 0 ? r : -EPROTO;
	/* A list that promises checksums and cannot be read whole leaves the rest of its files unchecked: a person
	 * must know. */
	return outcome == LIST_BROKEN ? docket_find(v->i->docket, list->id, REASON_SCAN_ERROR, detail) : 0;
}

static int read_list(struct vouching *v, const struct docket_entry *list)
{
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));
	struct patience patience = answer_patience(v); /* for all of it: a role that was taken over never ends */
	bool is_done = false;
	int r = e ? inspection_open_copy(v->i, list->id, &fd) : -ENOMEM;

	if (r < 0)
		return r;
	encoder_init(e);
	encode_bytes(e, list->path, strlen(list->path));
	v->entries = 0;
	r = channel_send(&v->i->origin.channel, MESSAGE_ORIGIN_LIST, e, &fd, 1);
	while (r == 0 && !is_done) {
		r = wait_readable(v->i->origin.channel.fd, &patience);
		if (r == 0)
			r = channel_receive(&v->i->origin.channel, &v->message, false);
		if (r < 0)
			break;
		if (v->message.type == MESSAGE_ORIGIN_ENTRIES) {
			r = take_entries(v, list);
		} else {
			is_done = true;
			r = v->message.type == MESSAGE_ORIGIN_LIST_END ?
				    take_list_end(v, list) :
				    docket_find(v->i->docket, list->id, REASON_SCAN_ERROR, "the checksum list could not be read");
		}
		message_done(&v->message);
	}
	return r;
}

static int each_list(void *context, struct docket_entry *e)
{
	struct vouching *v = context;

	if (e->kind != ENTRY_FILE || !e->has_sum || !list_name_promises(base_name(e->path)))
		return 0;
	if (e->size > LIST_BYTES_MAX)
		return docket_find(v->i->docket, e->id, REASON_LIMIT_EXCEEDED, "the checksum list is too large to be read");
	return read_list(v, e);
}

/* -- signatures ----------------------------------------------------------------------------------------------- */

/* The role met hostile bytes: it cannot make a key trusted by naming it. */
static bool is_trusted(const struct vouching *v, const char *name)
{
	size_t k;
	json_t *key;

	json_array_foreach(v->i->supervisor->keys, k, key) {
		const char *trusted = json_string_value(json_object_get(key, "name"));

		if (trusted && strcmp(trusted, name) == 0)
			return true;
	}
	return false;
}

static int take_signed(struct vouching *v, const struct docket_entry *signature, const struct docket_entry *signed_file)
{
	struct decoder *d = &v->message.payload;
	uint32_t outcome = decode_u32(d);
	_cleanup_free_ char *key_id = decode_str(d, 255), *name = decode_str(d, ORIGIN_KEY_NAME_MAX);
	_cleanup_free_ char *detail = decode_str(d, ORIGIN_DETAIL_MAX), *text = NULL;
	int r = decoder_end(d);

	if (r == 0 && (outcome >= SIGNATURE_OUTCOME_COUNT_ || (outcome == SIGNATURE_GOOD && !is_trusted(v, name))))
		r = -EPROTO;
	if (r < 0)
		return r;
	if (asprintf(&text, "%s: %s%s%s", base_name(signature->path), *key_id ? "key " : "", key_id, *key_id ? ": " : "") < 0)
		return -ENOMEM;
	if (outcome == SIGNATURE_GOOD)
		return docket_add_signer(v->i->docket, signed_file->id, name, key_id, signature->path);
	{
		_cleanup_free_ char *words = NULL;
		enum reason reason = outcome == SIGNATURE_UNTRUSTED ? REASON_UNTRUSTED_KEY : REASON_BAD_SIGNATURE;

		if (asprintf(&words, "%s%s", text, detail) < 0)
			return -ENOMEM;
		r = docket_find(v->i->docket, signed_file->id, reason, words);
		/* The signature itself is of no use to anybody then, and may mislead an importer. */
		return r == 0 ? docket_find(v->i->docket, signature->id, reason, words) : r;
	}
}

static int check_signature(struct vouching *v, const struct docket_entry *signature, const struct docket_entry *signed_file)
{
	_cleanup_close_ int sig_fd = -EBADF, file_fd = -EBADF;
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));
	struct patience patience = answer_patience(v);
	int r = e ? inspection_open_copy(v->i, signature->id, &sig_fd) : -ENOMEM;

	if (r == 0)
		r = inspection_open_copy(v->i, signed_file->id, &file_fd);
	if (r < 0)
		return r;
	encoder_init(e);
	encode_bytes(e, signed_file->path, strlen(signed_file->path));
	{
		const int fds[] = { sig_fd, file_fd };

		r = channel_send(&v->i->origin.channel, MESSAGE_ORIGIN_SIGNATURE, e, fds, ARRAY_LEN(fds));
	}
	if (r == 0)
		r = process_expect(&v->i->origin, MESSAGE_ORIGIN_SIGNED, &patience, &v->message, NULL);
	if (r < 0)
		return r;
	r = take_signed(v, signature, signed_file);
	message_done(&v->message);
	return r;
}

static int each_signature(void *context, struct docket_entry *e)
{
	struct vouching *v = context;
	_cleanup_free_ char *target = NULL;
	struct docket_entry signed_file = { 0 };
	int r;

	if (e->kind != ENTRY_FILE || !e->has_sum || !has_suffix(e->path, SIGNATURE_SUFFIX))
		return 0;
	target = strndup(e->path, strlen(e->path) - strlen(SIGNATURE_SUFFIX));
	if (!target)
		return -ENOMEM;
	r = docket_find_path(v->i->docket, e->volume, target, &signed_file);
	if (r > 0)
		r = signed_file.has_sum ? check_signature(v, e, &signed_file) : 0;
	docket_entry_done(&signed_file);
	return r;
}

/* -- comparing ------------------------------------------------------------------------------------------------ */

struct comparison {
	struct vouching *v;
	const struct docket_entry *entry;
	char known_algorithm[16]; /* the digest that was computed last */
	uint8_t known[ORIGIN_DIGEST_MAX];
	size_t known_size;
};

static int compute(struct comparison *c, const char *algorithm)
{
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));
	struct vouching *v = c->v;
	struct patience patience = answer_patience(v);
	const uint8_t *digest;
	int r = e ? inspection_open_copy(v->i, c->entry->id, &fd) : -ENOMEM;

	if (r < 0)
		return r;
	encoder_init(e);
	encode_str(e, algorithm);
	r = channel_send(&v->i->origin.channel, MESSAGE_ORIGIN_DIGEST, e, &fd, 1);
	if (r == 0)
		r = process_expect(&v->i->origin, MESSAGE_ORIGIN_DIGESTED, &patience, &v->message, NULL);
	if (r < 0)
		return r;
	digest = decode_bytes(&v->message.payload, sizeof(c->known), &c->known_size);
	memcpy(c->known, digest, c->known_size);
	r = decoder_end(&v->message.payload);
	message_done(&v->message);
	(void)snprintf(c->known_algorithm, sizeof(c->known_algorithm), "%s", algorithm);
	return r;
}

static int each_listing(void *context, const struct docket_listing *l)
{
	struct comparison *c = context;
	_cleanup_free_ char *words = NULL;
	int r = 0;

	if (strcmp(l->algorithm, "sha256") == 0) {
		memcpy(c->known, c->entry->sum, SHA256_LEN);
		c->known_size = SHA256_LEN;
		c->known_algorithm[0] = '\0';
	} else if (strcmp(c->known_algorithm, l->algorithm) != 0) {
		r = compute(c, l->algorithm);
	}
	if (r < 0)
		return r;
	if (c->known_size == l->digest_size && memcmp(c->known, l->digest, l->digest_size) == 0)
		return 0;
	if (asprintf(&words, "%s says another %s", l->list_path, l->algorithm) < 0)
		return -ENOMEM;
	return docket_find(c->v->i->docket, c->entry->id, REASON_CHECKSUM_MISMATCH, words);
}

static int each_compared(void *context, struct docket_entry *e)
{
	struct comparison c = { .v = context, .entry = e };
	int r = 0;

	if (e->kind != ENTRY_FILE || !e->has_sum)
		return 0;
	r = docket_listings(c.v->i->docket, e->volume, e->path, each_listing, &c);
	return r;
}

static int each_vouched(void *context, struct docket_entry *e)
{
	struct vouching *v = context;

	return e->kind == ENTRY_FILE && e->has_sum ? docket_done(v->i->docket, e->id, CHECK_LISTS | CHECK_ORIGIN) : 0;
}

/* A list that takes the role over must not tell digests or signatures afterwards: who parses lists only parses lists, and
 * who computes digests parses nothing. */
static int in_own_process(struct vouching *v, docket_each_fn each)
{
	int r = start(v);

	if (r == 0)
		r = docket_each(v->i->docket, each, v);
	(void)process_end(&v->i->origin); /* its answers are all here */
	return r;
}

int inspection_vouch(struct inspection *i)
{
	struct vouching *v = calloc(1, sizeof(*v));
	int r = -ENOMEM;

	if (v) {
		v->i = i;
		r = in_own_process(v, each_list);
		if (r == 0)
			r = in_own_process(v, each_compared);
		if (r == 0)
			r = in_own_process(v, each_signature);
		if (r == 0)
			r = docket_each(i->docket, each_vouched, v);
		if (r < 0 && r != -ECANCELED)
			inspection_trouble(i, "checking origins", r, NULL);
	}
	free(v);
	return r;
}
