/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Evidence after evidence is proved; what its signatures are worth is decided here. */
#include <string.h>

#include "common/digest_name.h"
#include "common/evidence_name.h"
#include "common/trust.h"
#include "supervisor/docket_trees.h"
#include "supervisor/vouching.h"

#define LIST_BYTES_MAX (512u << 20)	/* the Packages file of all Debian takes 60 MB, unpacked */
#define CHECKSUMS_BYTES_MAX (64u << 20) /* a list of half a million files */
#define CHECKSUM_BYTES_MIN 32		/* an MD5 digest in hex, the shortest that is read */
#define SIGNATURE_BYTES_MAX (16u << 10) /* what is larger carries more than a signature with its certificates and time stamp:
					 * in attributes and packets that are not signed there is room for anything */
#define COMPLETE_MAX 1024		/* signed models and bags of one medium: each file is looked up in those above it */
#define LISTINGS_MAX 2000000u		/* PROOF_ENTRIES_MAX */

/* -- what a role asks and tells --------------------------------------------------------------------------------- */

static int on_want(void *context, const char *path, int *ret_fd, uint64_t *ret_size)
{
	struct vouching *v = context;
	struct docket_entry e = { 0 };
	int r = docket_find_anywhere(v->i->docket, v->entry->volume, path, &e);

	if (r > 0)
		r = e.has_sum ? inspection_open_copy(v->i, e.id, ret_fd) : -ENOENT;
	*ret_size = e.size;
	docket_entry_done(&e);
	return r == -ENOENT ? 0 : r < 0 ? r : *ret_fd >= 0;
}

static int on_signature(void *context, enum signature_outcome outcome, const char *path, const char *key_name, const char *key_id,
			const char *detail)
{
	struct vouching *v = context;
	struct told_signature *s = &v->signatures[v->signature_count];
	uint64_t id = v->entry->id;

	/* The role met hostile bytes: it cannot make a key trusted by naming it, nor speak of a file that is not there. */
	if (v->signature_count == SIGNATURES_MAX || (outcome == SIGNATURE_GOOD && !vouch_key(v, key_name)))
		return -EPROTO;
	if (path) {
		struct docket_entry e = { 0 };
		int r = docket_find_anywhere(v->i->docket, v->entry->volume, path, &e);

		id = e.id;
		docket_entry_done(&e);
		if (r <= 0)
			return r < 0 ? r : -EPROTO;
	}
	*s = (struct told_signature){ outcome, id, strdup(key_name), strdup(key_id), strdup(detail) };
	v->signature_count++;
	return s->key_name && s->key_id && s->detail ? 0 : -ENOMEM;
}

static int on_listing(void *context, const char *path, const char *algorithm, const uint8_t *digest, size_t digest_size)
{
	const struct digest *d = digest_by_name(algorithm);
	struct vouching *v = context;

	if (!d || d->size != digest_size)
		return -EPROTO;
	return docket_add_listing(v->i->docket, v->entry->id, v->entry->volume, path, algorithm, digest, digest_size);
}

static const struct proving_events events = { on_want, on_signature, on_listing };

static void forget_signatures(struct vouching *v)
{
	for (size_t k = 0; k < v->signature_count; k++) {
		free(v->signatures[k].key_name);
		free(v->signatures[k].key_id);
		free(v->signatures[k].detail);
	}
	v->signature_count = 0;
}

/* -- what signatures are worth ---------------------------------------------------------------------------------- */

/* Findings stand at the file and at its signature, which is of no use to anybody then and may mislead an importer. */
static int find_both(struct vouching *v, const struct told_signature *s, enum reason reason, const char *words)
{
	_cleanup_free_ char *text = NULL;
	int r;

	if (asprintf(&text, "%s: %s%s%s%s", evidence_base_name(v->entry->path), *s->key_id ? "key " : "", s->key_id, *s->key_id ? ": " : "",
		     words) < 0)
		return -ENOMEM;
	/* A stranger's signature is worth showing only where nobody who is trusted vouches for the file: an index may, later. In containers
	 * third parties' signatures are many, and what cannot be read may be a specimen: they say nothing, which is noted. */
	if (v->is_inside && (reason == REASON_UNTRUSTED_KEY || s->outcome == SIGNATURE_MALFORMED))
		return vouch_note(v, v->entry, words);
	if (reason == REASON_UNTRUSTED_KEY)
		return docket_add_stranger(v->i->docket, s->id, v->entry->id, text);
	r = docket_find(v->i->docket, s->id, reason, text);
	if (r == 0 && s->id != v->entry->id)
		r = docket_find(v->i->docket, v->entry->id, reason, text);
	if (r == 0)
		r = docket_distrust(v->i->docket, s->id);
	if (r == 0)
		r = docket_distrust(v->i->docket, v->entry->id);
	return r;
}

static bool counts(const struct vouching *v, const struct told_signature *s, enum key_purpose purpose)
{
	return s->outcome == SIGNATURE_GOOD && trust_key_counts(vouch_key(v, s->key_name), purpose, v->now);
}

/* What a key must be trusted for depends on what it signed: a Release file is a repository's, whoever signs it how. */
static int purpose_of(struct vouching *v, uint64_t id, enum evidence_format format, enum evidence_format text_format,
		      enum key_purpose *ret)
{
	uint32_t signed_format = EVIDENCE_NONE;
	int r = id == v->entry->id ? 0 : docket_evidence_of(v->i->docket, id, &signed_format);
	const struct evidence_info *info;

	if (r < 0)
		return r;
	if (id == v->entry->id)
		signed_format = text_format;
	info = evidence_info(signed_format);
	if (info && info->kinds & EVIDENCE_LISTS)
		*ret = info->purpose;
	else if (id != v->entry->id && format == EVIDENCE_SIGSTORE_BUNDLE)
		*ret = PURPOSE_FILES; /* the signature of one file, whatever it is wrapped in */
	else
		*ret = evidence_info(format)->purpose;
	return 0;
}

/* A signature file that has verified is the signer's as well: otherwise a rule that asks for signatures lets the file go
 * and keeps back what importers verify it with. Not one that lists files besides: who copies a good signature into a
 * list of his own must not vouch for them (a cosign signature in a manifest with other layers). */
static int add_signer(struct vouching *v, const struct told_signature *s, enum evidence_format format)
{
	bool is_signature_alone = !(evidence_info(format)->kinds & EVIDENCE_LISTS) && v->entry->size <= SIGNATURE_BYTES_MAX;
	int r = docket_add_signer(v->i->docket, s->id, s->key_name, s->key_id, v->entry->path);

	if (r == 0 && s->id != v->entry->id && v->is_frame)
		r = docket_add_frame(v->i->docket, v->entry->id, s->key_name);
	if (r == 0 && s->id != v->entry->id && is_signature_alone)
		r = docket_add_signer(v->i->docket, v->entry->id, s->key_name, s->key_id, v->entry->path);
	return r;
}

static int judge_signature(struct vouching *v, const struct told_signature *s, enum evidence_format format, enum key_purpose purpose,
			   bool has_good)
{
	char words[ORIGIN_KEY_NAME_MAX + 100];

	switch (s->outcome) {
	case SIGNATURE_GOOD:
		if (counts(v, s, purpose))
			return add_signer(v, s, format);
		(void)snprintf(words, sizeof(words), "by the key '%s', which is not trusted for this purpose (%s), or no more", s->key_name,
			       trust_purpose_name(purpose));
		return has_good ? 0 : find_both(v, s, REASON_UNTRUSTED_KEY, words);
	case SIGNATURE_BAD:
	case SIGNATURE_OTHER_FILE:
		return find_both(v, s, REASON_BAD_SIGNATURE, s->detail);
	case SIGNATURE_MALFORMED:
		/* of a kind that came after us, beside one that we know (Debian signs in several ways at once) */
		return has_good ? 0 : find_both(v, s, REASON_BAD_SIGNATURE, s->detail);
	default:
		return has_good ? 0 : find_both(v, s, REASON_UNTRUSTED_KEY, s->detail);
	}
}

static int judge_signatures(struct vouching *v, enum evidence_format format, enum evidence_format text_format)
{
	int r = 0;

	for (size_t k = 0; r == 0 && k < v->signature_count; k++) {
		const struct told_signature *s = &v->signatures[k];
		enum key_purpose purpose = PURPOSE_FILES;
		bool has_good = false;

		r = purpose_of(v, s->id, format, text_format, &purpose);
		for (size_t n = 0; n < v->signature_count; n++)
			has_good |= v->signatures[n].id == s->id && counts(v, &v->signatures[n], purpose);
		if (r == 0)
			r = judge_signature(v, s, format, purpose, has_good);
	}
	return r;
}

/* -- lists -------------------------------------------------------------------------------------------------------- */

/* A wheel's list is complete, but for itself, in the wheel alone: where several were unpacked (or packed together after it), others
 * are beside it. 1, 0. */
static int is_in_wheel(const struct vouching *v)
{
	struct docket *d = v->i->docket;
	struct docket_member m = { 0 };
	struct docket_entry e = { 0 };
	struct docket_tree t;
	int r = docket_is_tree(v->entry->volume) ? docket_get_tree(d, v->entry->volume, &t) : 0;

	if (r > 0)
		r = docket_is_member(t.container) ? docket_get_member(d, t.container, &m) : docket_get(d, t.container, &e);
	if (r > 0)
		r = evidence_has_suffix(evidence_base_name(m.path ? m.path : e.path), ".whl");
	docket_member_done(&m);
	docket_entry_done(&e);
	return r;
}

static int note_complete(struct vouching *v, enum evidence_format format)
{
	const struct docket_entry *e = v->entry;
	struct complete_list *more, *c;
	size_t dir = (size_t)(evidence_base_name(e->path) - e->path);

	if (format == EVIDENCE_WHEEL) {
		int r = is_in_wheel(v);

		if (r <= 0)
			return r;
		dir = 0;
	}
	more = reallocarray(v->complete, v->complete_count + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	v->complete = more;
	c = &more[v->complete_count];
	*c = (struct complete_list){ .id = e->id, .volume = e->volume, .format = format, .path = strdup(e->path) };
	/* RFC 8493 section 3: what is complete is the payload, beneath "data". */
	if (asprintf(&c->beneath, "%.*s%s", (int)dir, e->path, format == EVIDENCE_BAGIT ? "data/" : "") < 0)
		c->beneath = NULL;
	v->complete_count++;
	return c->path && c->beneath ? 0 : -ENOMEM;
}

static int take_list(struct vouching *v, enum evidence_format format, const struct proving_summary *s)
{
	int r;

	if (s->outcome == LIST_BROKEN) {
		/* A list that promises checksums and cannot be read whole leaves the rest of its files unchecked: a person
		 * must know. */
		r = v->is_inside ? vouch_note(v, v->entry, s->detail) :
				   docket_find(v->i->docket, v->entry->id, REASON_SCAN_ERROR, s->detail);
		return r == 0 ? docket_distrust(v->i->docket, v->entry->id) : r;
	}
	if (s->outcome != LIST_READ)
		return 0;
	if (s->flags & PROVED_WITHOUT_VOUCHING)
		return docket_distrust(v->i->docket, v->entry->id);
	if (s->flags & PROVED_FRAME && format == EVIDENCE_OCI_INDEX && v->is_inside && (r = docket_add_frame(v->i->docket, v->entry->id, "")) < 0)
		return r;
	if (s->flags & PROVED_COMPLETE && format != EVIDENCE_WHEEL && v->complete_count >= COMPLETE_MAX) {
		r = docket_find(v->i->docket, v->entry->id, REASON_LIMIT_EXCEEDED, "too many lists that say that they are complete");
		return r == 0 ? docket_distrust(v->i->docket, v->entry->id) : r;
	}
	r = vouch_note_series(v, s);
	return r == 0 && s->flags & PROVED_COMPLETE ? note_complete(v, format) : r;
}

static uint64_t listings_max(enum evidence_format format, uint64_t size)
{
	return format == EVIDENCE_CHECKSUMS ? size / CHECKSUM_BYTES_MIN + 1 : LISTINGS_MAX;
}

/* -- proving ------------------------------------------------------------------------------------------------------ */

static int prove(struct vouching *v, struct process *p, enum evidence_format format, int fd, uint64_t size, struct proving_summary *s)
{
	struct patience patience = vouch_patience(v, size); /* for all of it: a role that was taken over never ends */
	int r = proving_prove(p, format, v->entry->path, fd, (uint64_t)v->now, listings_max(format, size), &patience, &events, v, s);

	return r < 0 ? vouch_role_failed(v, p, v->entry->id, r, s->detail) : 1;
}

/* The text that a signature covers, in a process that sees no signatures. */
static int start_index(struct vouching *v)
{
	struct patience patience = vouch_patience(v, 0);
	_cleanup_free_ char *why = NULL;
	int r = v->index.pid == 0 ? proving_start(ROLE_ORIGIN, NULL, &patience, &v->index, &why) : 0;

	if (r < 0)
		inspection_trouble(v->i, "starting the origin role", r, why);
	return r;
}

static int recognise_text(struct vouching *v, int fd, enum evidence_format *ret)
{
	struct patience patience = vouch_patience(v, 0);
	int r = start_index(v);

	if (r < 0)
		return r;
	r = proving_recognise(&v->index, v->entry->path, fd, &patience, ret);
	return r < 0 ? vouch_role_failed(v, &v->index, v->entry->id, r, NULL) : 0;
}

static int prove_text(struct vouching *v, enum evidence_format format, int fd)
{
	const struct evidence_info *info = evidence_info(format);
	struct proving_summary s = { .text_fd = -EBADF };
	int r;

	if (!info || !(info->kinds & EVIDENCE_LISTS) || info->role != ROLE_ORIGIN)
		return 0;
	r = docket_lists_as(v->i->docket, v->entry->id, format);
	if (r == 0)
		r = prove(v, &v->index, format, fd, v->entry->size, &s);
	if (r > 0)
		r = take_list(v, format, &s);
	proving_summary_done(&s);
	return r;
}

static int prove_entry(struct vouching *v, struct docket_entry *e, enum evidence_format format)
{
	struct proving_summary s = { .text_fd = -EBADF };
	enum evidence_format text_format = EVIDENCE_NONE;
	_cleanup_close_ int fd = -EBADF;
	struct process *p;
	int r = vouch_is_late(v, e->id);

	if (r != 0)
		return MIN(r, 0);
	r = vouch_role(v, evidence_info(format)->role, &p);
	if (r == 0)
		r = inspection_open_copy(v->i, e->id, &fd);
	if (r < 0)
		return r;
	v->entry = e;
	r = prove(v, p, format, fd, e->size, &s);
	v->is_frame = r > 0 && s.flags & PROVED_FRAME;
	if (r > 0) {
		r = s.text_fd >= 0 ? recognise_text(v, s.text_fd, &text_format) : 0;
		if (r == 0)
			r = judge_signatures(v, format, text_format);
		if (r == 0)
			r = take_list(v, format, &s);
		if (r == 0 && text_format != EVIDENCE_NONE)
			r = prove_text(v, text_format, s.text_fd);
	}
	forget_signatures(v);
	proving_summary_done(&s);
	v->entry = NULL; /* its owner frees it */
	return r;
}

int vouch_prove_signatures(void *context, struct docket_entry *e, uint32_t format)
{
	struct vouching *v = context;

	return evidence_info(format)->kinds & (EVIDENCE_SIGNS | EVIDENCE_COVERS) && docket_is_member(e->id) == v->is_inside ?
		       prove_entry(v, e, (enum evidence_format)format) :
		       0;
}

int vouch_prove_lists(void *context, struct docket_entry *e, uint32_t format)
{
	struct vouching *v = context;
	const struct evidence_info *info = evidence_info(format);

	if (info->kinds != EVIDENCE_LISTS || docket_is_member(e->id) != v->is_inside)
		return 0;
	if (e->size > (format == EVIDENCE_CHECKSUMS ? CHECKSUMS_BYTES_MAX : LIST_BYTES_MAX)) {
		int r = docket_find(v->i->docket, e->id, REASON_LIMIT_EXCEEDED,
				    format == EVIDENCE_CHECKSUMS ? "the checksum list is too large to be read" :
								   "the index is too large to be read");

		return r == 0 ? docket_distrust(v->i->docket, e->id) : r;
	}
	return prove_entry(v, e, (enum evidence_format)format);
}
