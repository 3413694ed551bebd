/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Update packs that a medium brings: one that a key for updates has signed is kept for the officer (update/offers.h), whatever the rules
 * say of it as a file. It is not opened here: its bytes are hashed, and the signature beside it is read (common/minisign.h).
 */
#include <string.h>

#include "common/log.h"
#include "common/text.h"
#include "supervisor/inspection.h"
#include "update/offers.h"
#include "update/pack.h"

static int note(struct inspection *i, const struct docket_entry *e, const char *what, const char *why)
{
	_cleanup_free_ char *text = NULL, *clean = NULL;

	if (asprintf(&text, "update pack: %s%s%s", what, *why ? ": " : "", why) < 0)
		return -ENOMEM;
	clean = text_escape(text, strlen(text));
	return clean ? docket_note(i->docket, e->id, clean) : -ENOMEM;
}

/* The text of its signature, owned by the caller; NULL: there is none that could be read. */
static char *load_signature(struct inspection *i, const struct docket_entry *e)
{
	_cleanup_free_ char *path = NULL, *text = calloc(1, MINISIGN_TEXT_MAX + 1);
	_cleanup_close_ int fd = -EBADF;
	struct docket_entry s;
	ssize_t n = -1;

	if (!text || asprintf(&path, "%s" PACK_SIGNATURE_SUFFIX, e->path) < 0 || docket_find_path(i->docket, e->volume, path, &s) != 1)
		return NULL;
	if (s.kind == ENTRY_FILE && s.has_sum && s.size <= MINISIGN_TEXT_MAX && inspection_open_copy(i, s.id, &fd) == 0)
		n = pread(fd, text, MINISIGN_TEXT_MAX, 0);
	docket_entry_done(&s);
	return n > 0 && strlen(text) == (size_t)n ? TAKE_PTR(text) : NULL;
}

static json_t *make_facts(const struct inspection *i, const struct docket_entry *e, const char *name, const struct pack_signer *signer)
{
	char pack_name[TRUST_NAME_MAX + 1] = "", hex[SHA256_HEX_LEN + 1];
	uint64_t version = 0;

	if (!offers_comment(signer->comment, pack_name, &version)) {
		pack_name[0] = '\0'; /* signed by other means than `lazaret pack make` */
		version = 0;
	}
	hex_encode(e->sum, SHA256_LEN, hex);
	return json_pack("{s:I,s:s,s:s,s:s,s:s,s:s,s:I}", "at", (json_int_t)i->started, "from", i->transfer, "key", signer->name, "name",
			 pack_name, "pack", name, "sha256", hex, "version", (json_int_t)version);
}

static int keep(struct inspection *i, const struct docket_entry *e, const char *name, int fd, const char *sig, const struct pack_signer *signer)
{
	json_t *facts = make_facts(i, e, name, signer);
	char hash[SHA256_HEX_LEN + 1];
	uint64_t seq;
	int r = facts ? offers_room(i->supervisor->config->dir, name, e->size) : -ENOMEM;

	if (r == 0) /* of what is kept alone: a medium full of packs must not fill the trail */
		r = supervisor_audit(i->supervisor, "update-offered", facts, &seq, hash);
	if (r == 0)
		r = offers_keep(i->supervisor->config->dir, name, fd, e->size, sig, facts);
	json_decref(facts);
	if (r < 0)
		return note(i, e, "not kept", r == -EMLINK ? "too many wait already" : strerror(-r));
	return note(i, e, "kept for the officer; signed by the key", signer->name);
}

/* Of one medium: one name in many folders is one offer, and each would be a record. */
struct offering {
	struct inspection *i;
	unsigned int count;
};

static int each(void *context, struct docket_entry *e)
{
	const char *slash = strrchr(e->path, '/'), *name = slash ? slash + 1 : e->path;
	struct offering *o = context;
	struct inspection *i = o->i;
	_cleanup_free_ char *sig = NULL, *why = NULL;
	_cleanup_close_ int fd = -EBADF;
	struct pack_signer signer = { 0 };
	int r;

	if (e->kind != ENTRY_FILE || !e->has_sum || !offers_name_ok(name) || o->count > OFFERS_MAX)
		return 0;
	sig = load_signature(i, e);
	if (!sig)
		return note(i, e, "not kept", "it has no signature");
	r = inspection_open_copy(i, e->id, &fd);
	if (r == 0)
		r = pack_verify(fd, sig, strlen(sig), i->supervisor->keys, i->started, &signer, &why);
	if (r < 0)
		return note(i, e, "not kept", why ? why : strerror(-r));
	if (o->count++ == OFFERS_MAX)
		return note(i, e, "not kept", "nor any that comes behind it: there are too many on this medium");
	return keep(i, e, name, fd, sig, &signer);
}

/* An offer that could not be made is no reason against the medium. */
void inspection_offer(struct inspection *i)
{
	struct offering o = { .i = i };
	int r = docket_each(i->docket, each, &o);

	if (r < 0)
		log_warning("job=%s: update packs: %s", i->transfer, strerror(-r));
}
