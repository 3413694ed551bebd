/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Who signed all of what is in an archive signed the archive: `docker save` with cosign's signature in it, a wheel whose RECORD is
 * signed, a ZIP with a signed list of all that is in it. So a rule that asks for a signature can let it pass.
 *
 * Only where nothing else is in it that could be meant: an archive of one format, opened to its end with all of its bytes accounted
 * for and nothing found; not a disc or disk image (boot sectors), not a package (scripts of its own), not a document. What an archive
 * says of its members besides their names and bytes (times, modes, comments) is not signed then, and docs/trust.md says so.
 */
#include <string.h>

#include "ipc/container.h"
#include "supervisor/docket_trees.h"
#include "supervisor/vouching.h"

#define FRAME_BYTES_MAX (16u << 10) /* of what bears a signature, or says that this is an image: as in vouch_prove.c */
#define SIGNERS_MAX 16
#define LEVELS_MAX 64 /* containers in each other; station/config.c allows no more */

struct within {
	struct vouching *v;
	uint64_t container;
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

static void within_done(struct within *w)
{
	for (; w->count > 0; w->count--) {
		free(w->signers[w->count - 1].key_name);
		free(w->signers[w->count - 1].key_id);
		free(w->signers[w->count - 1].via);
	}
}

static bool can_be_signed_so(const struct container_info *info)
{
	return info->role == ROLE_UNPACK && (info->shape == CONTAINER_ARCHIVE || info->shape == CONTAINER_STREAM);
}

/* What it is called first is an archive or a compressed stream, and nothing else that holds files. */
static bool is_archive(const char *types)
{
	json_t *list = json_loads(types, 0, NULL), *type;
	size_t k, containers = 0;
	bool is_one = false;

	json_array_foreach(list, k, type)
		for (unsigned int f = CONTAINER_NONE + 1; f < CONTAINER_COUNT_; f++)
			if (strcmp(container_info(f)->mime, json_string_value(type) ? json_string_value(type) : "") == 0) {
				containers++;
				is_one |= k == 0 && can_be_signed_so(container_info(f));
			}
	json_decref(list);
	return is_one && containers == 1;
}

/* 1: it is an archive that was opened without trouble; and what it is in, 0 for a file of the medium. */
static int look_at(struct within *w, uint64_t *ret_outer)
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
	*ret_outer = m.container;
	docket_member_done(&m);
	docket_entry_done(&e);
	return is_fit;
}

static int has_mark(struct docket *d, uint32_t tree, const char *path, bool *ret)
{
	struct docket_entry e = { 0 };
	int r = tree ? docket_find_anywhere(d, tree, path, &e) : 0;

	*ret |= r > 0;
	docket_entry_done(&e);
	return MIN(r, 0);
}

/* 1: it has a further signer; 0. */
static int cover(struct within *w, uint32_t tree)
{
	struct docket *d = w->v->i->docket;
	bool is_image = false, is_covered = false;
	int r = has_mark(d, tree, "oci-layout", &is_image);

	if (r == 0)
		r = docket_signers_within(d, w->container, keep, w);
	for (size_t k = 0; r == 0 && k < w->count; k++) {
		const struct docket_signer *g = &w->signers[k];
		uint64_t others;

		r = docket_unsigned_within(d, w->container, g->key_name, FRAME_BYTES_MAX, is_image, &others);
		if (r == 0 && others == 0) {
			r = docket_add_signer(d, w->container, g->key_name, g->key_id, g->via);
			is_covered = true;
		}
	}
	within_done(w);
	return r < 0 ? r : is_covered;
}

/* From the tree outwards: a compressed archive is an archive in a stream. */
static int each_tree(void *context, const struct docket_tree *t)
{
	struct within w = { .v = context, .container = t->container };
	uint32_t tree = t->number;
	int r = 1;

	for (unsigned int level = 0; r > 0 && w.container != 0 && level < LEVELS_MAX; level++) {
		uint64_t outer = 0;

		r = vouch_breathe(w.v);
		if (r == 0)
			r = look_at(&w, &outer);
		if (r > 0)
			r = cover(&w, tree);
		w.container = outer;
		tree = 0;
	}
	return MIN(r, 0);
}

int vouch_within(struct vouching *v)
{
	return docket_each_tree(v->i->docket, each_tree, v);
}
