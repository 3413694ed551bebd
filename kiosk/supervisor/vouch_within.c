/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Who signed all of what is in an archive signed the archive: an image with cosign's signature in it, a wheel whose RECORD is signed, a
 * ZIP with a signed list of all that is in it. So a rule that asks for a signature can let it pass.
 *
 * Only an archive of one type, opened to its end with nothing found; not a disc or disk image (boot sectors), not a package (scripts of its
 * own), not a document. All means each member. Excused is what nobody signs and nobody can put a word of his own into (PROVED_FRAME): an
 * image's index, cosign's manifest with its configuration. By name alone nothing is: manifest.json and the configuration that it names
 * decide what an image runs.
 *
 * What an archive says of its members besides their names and bytes, and what unpackers skip (comments, extra fields, skippable frames),
 * is not signed then: docs/trust.md.
 */
#include <string.h>

#include "common/hash.h"
#include "common/trust.h"
#include "ipc/container.h"
#include "supervisor/docket_trees.h"
#include "supervisor/vouching.h"

#define FRAME_BYTES_MAX (16u << 10) /* of what bears a signature, or says that this is an image: as in vouch_prove.c */
#define SIGNERS_MAX 16

struct within {
	struct vouching *v;
	uint8_t layouts[DOCKET_LAYOUTS][SHA256_LEN];

	/* the container at hand */
	uint64_t container, outer, root;
	char *types; /* JSON; owned */
	struct docket_signer signers[SIGNERS_MAX]; /* owned */
	size_t count;
};

static int keep(void *context, const struct docket_signer *g)
{
	struct within *w = context;
	struct docket_signer *copy = &w->signers[w->count];

	if (w->count == SIGNERS_MAX)
		return 0; /* the first ones are enough to trust it */
	w->count++;
	*copy = (struct docket_signer){ strdup(g->key_name), strdup(g->key_id), NULL };
	if (asprintf(&copy->via, "%s \u2192 all that is in it", g->via) < 0)
		copy->via = NULL;
	return copy->key_name && copy->key_id && copy->via ? 0 : -ENOMEM;
}

static bool can_be_signed_so(const struct container_info *info)
{
	return info->role == ROLE_UNPACK && (info->shape == CONTAINER_ARCHIVE || info->shape == CONTAINER_STREAM);
}

/* Further names of a tar, and what everything is. */
static bool says_nothing(const char *type)
{
	static const char *const types[] = { "application/octet-stream", "text/plain", "application/x-gtar", "application/x-ustar",
					     "application/x-dbt" /* libmagic, by a few zero bytes */ };
	bool is_there = false;

	for (size_t k = 0; k < ARRAY_LEN(types); k++)
		is_there |= strcmp(types[k], type) == 0;
	return is_there;
}

/* It is an archive or a compressed stream, and nothing else. */
static bool is_archive(const char *types)
{
	json_t *list = json_loads(types, 0, NULL), *type;
	size_t k;
	bool is_one = false, is_other = false, is_first = true; /* as yet: that says something */

	json_array_foreach(list, k, type) {
		const char *name = json_string_value(type) ? json_string_value(type) : "";
		bool is_container = false;

		for (unsigned int f = CONTAINER_NONE + 1; f < CONTAINER_COUNT_; f++)
			is_container |= strcmp(container_info(f)->mime, name) == 0 && can_be_signed_so(container_info(f));
		is_one |= is_container;
		is_other |= !is_container && !says_nothing(name);
		is_other |= is_container && k > 0 && !is_first;
		is_first &= says_nothing(name);
	}
	json_decref(list);
	return is_one && !is_other;
}

/* 1: it is an archive that was opened without trouble, with its type and what it is in (0: a file of the medium); 0. */
static int look_at(struct within *w)
{
	struct docket *d = w->v->i->docket;
	struct docket_member m = { 0 };
	struct docket_entry e = { 0 };
	bool is_fit;
	int r = docket_is_member(w->container) ? docket_get_member(d, w->container, &m) : docket_get(d, w->container, &e);

	if (r <= 0)
		return r < 0 ? r : -EIO;
	if (m.path)
		is_fit = m.has_sum && m.done & CHECK_MEMBERS && strcmp(m.findings, "[]") == 0 && is_archive(m.types);
	else
		is_fit = e.has_sum && e.done & CHECK_MEMBERS && strcmp(e.findings, "[]") == 0 && is_archive(e.types);
	w->outer = m.container;
	w->root = m.path ? m.root : w->container;
	w->types = m.path ? TAKE_PTR(m.types) : TAKE_PTR(e.types);
	docket_member_done(&m);
	docket_entry_done(&e);
	return is_fit;
}

/* Is it in the key's scope: its own type, the path of the file that it is in? */
static int is_in_scope(struct within *w, const char *key_name)
{
	const json_t *key = vouch_key(w->v, key_name);
	json_t *types = json_loads(w->types, 0, NULL);
	const char *type = json_string_value(json_array_get(types, 0));
	struct docket_entry e = { 0 };
	int r = docket_get(w->v->i->docket, w->root, &e);

	if (r > 0)
		r = key && type && trust_key_covers(key, e.path, &type, 1);
	json_decref(types);
	docket_entry_done(&e);
	return r;
}

/* image-layout.md, "oci-layout file", as the tools write it. */
static int sums_of_layouts(uint8_t ret[DOCKET_LAYOUTS][SHA256_LEN])
{
	static const char *const texts[DOCKET_LAYOUTS] = { "{\"imageLayoutVersion\":\"1.0.0\"}", "{\"imageLayoutVersion\": \"1.0.0\"}",
							   "{\"imageLayoutVersion\":\"1.0.0\"}\n" };
	int r = 0;

	for (size_t k = 0; r == 0 && k < DOCKET_LAYOUTS; k++)
		r = sha256(texts[k], strlen(texts[k]), ret[k]);
	return r;
}

/* 1: it has a further signer; 0. */
static int cover(struct within *w)
{
	struct docket *d = w->v->i->docket;
	int r = docket_signers_within(d, w->container, keep, w);
	bool is_covered = false;

	for (size_t k = 0; r == 0 && k < w->count; k++) {
		const struct docket_signer *g = &w->signers[k];

		r = is_in_scope(w, g->key_name);
		if (r <= 0)
			continue;
		r = docket_has_unsigned(d, w->container, g->key_name, FRAME_BYTES_MAX, (const uint8_t(*)[SHA256_LEN])w->layouts);
		if (r != 0) {
			r = MIN(r, 0);
			continue;
		}
		r = docket_add_signer(d, w->container, g->key_name, g->key_id, g->via);
		is_covered = true;
	}
	return r < 0 ? r : is_covered;
}

static void within_done(struct within *w)
{
	for (; w->count > 0; w->count--) {
		free(w->signers[w->count - 1].key_name);
		free(w->signers[w->count - 1].key_id);
		free(w->signers[w->count - 1].via);
	}
	free(TAKE_PTR(w->types));
}

/* From the innermost outwards, each once: a compressed archive is an archive in a stream. What there is no time for has no signer. */
int vouch_within(struct vouching *v)
{
	struct docket *d = v->i->docket;
	struct within w = { .v = v };
	uint32_t tree;
	int r = sums_of_layouts(w.layouts);

	if (r == 0)
		r = docket_pend_trees(d);
	if (r < 0)
		return r;
	while ((r = docket_next_pending(d, &w.container, &tree)) > 0 && monotonic_ms() < v->deadline_ms) {
		r = vouch_breathe_now(v);
		if (r == 0)
			r = look_at(&w);
		if (r > 0)
			r = cover(&w);
		if (r > 0 && w.outer != 0)
			r = docket_pend(d, w.outer);
		within_done(&w);
		if (r < 0)
			break;
	}
	return MIN(r, 0);
}
