/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* From signed lists to what they list, step by step; then what must not count is taken away. */
#include <string.h>

#include "common/evidence_name.h"
#include "common/trust.h"
#include "supervisor/docket_trees.h"
#include "supervisor/vouching.h"

#define STEPS_MAX 16 /* InRelease -> Packages -> .deb are two; nested OCI indexes a few more */
#define TYPES_MAX 16

/* A key for single files that signed a list with a repository's index in it does not speak for the repository. */
static int allow(struct vouching *v, const json_t *key)
{
	int r = 0;

	for (uint32_t format = EVIDENCE_NONE + 1; r == 0 && format < EVIDENCE_COUNT_; format++)
		if (evidence_info(format)->kinds & EVIDENCE_LISTS && trust_key_counts(key, evidence_info(format)->purpose, v->now))
			r = docket_allow(v->i->docket, json_string_value(json_object_get(key, "name")), format);
	return r;
}

static int propagate(struct vouching *v)
{
	size_t n;
	json_t *key;
	int r = 1;

	json_array_foreach(v->i->supervisor->keys, n, key)
		if (r > 0 && allow(v, key) < 0)
			r = -EIO;
	for (unsigned int k = 0; r > 0 && k < STEPS_MAX; k++)
		r = docket_propagate_signers(v->i->docket);
	return MIN(r, 0);
}

/* -- files that a complete list does not have ------------------------------------------------------------------- */

/* Signatures and lists that stand right beside it are no part of what it lists. Deeper down they are, and so are files that
 * only carry a signature of their own. */
static bool is_beside(const struct complete_list *c, const struct docket_entry *e, uint32_t format)
{
	size_t dir = (size_t)(evidence_base_name(c->path) - c->path);

	if ((size_t)(evidence_base_name(e->path) - e->path) != dir || strncmp(e->path, c->path, dir) != 0)
		return false;
	if (c->format == EVIDENCE_WHEEL) /* RECORD.jws and RECORD.p7s, says the binary distribution format */
		return strcmp(e->path + dir, "RECORD.jws") == 0 || strcmp(e->path + dir, "RECORD.p7s") == 0;
	return format != EVIDENCE_NONE && format != EVIDENCE_RPM && format != EVIDENCE_AUTHENTICODE;
}

/* 1: it is not, and that has been told. */
static int check_listed(struct vouching *v, const struct complete_list *c, struct docket_entry *e)
{
	_cleanup_free_ char *words = NULL;
	uint32_t format = EVIDENCE_NONE;
	int r = docket_is_listed_by(v->i->docket, c->id, e->path);

	if (r != 0)
		return MIN(r, 0);
	r = docket_evidence_of(v->i->docket, e->id, &format);
	if (r < 0 || is_beside(c, e, format))
		return MIN(r, 0);
	if (asprintf(&words, "%s lists all files of its directory, and not this one", c->path) < 0)
		return -ENOMEM;
	r = docket_find(v->i->docket, e->id, REASON_CHECKSUM_MISMATCH, words);
	return r < 0 ? r : 1;
}

static int by_volume(const void *a, const void *b)
{
	const struct complete_list *x = a, *y = b;

	return x->volume == y->volume ? 0 : x->volume < y->volume ? -1 : 1;
}

/* A medium of wheels has as many lists as wheels, each for itself. */
static size_t first_of(const struct vouching *v, uint32_t volume)
{
	size_t low = 0, high = v->complete_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (v->complete[middle].volume < volume)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int each_beneath(void *context, struct docket_entry *e)
{
	struct vouching *v = context;
	int r = 0;

	for (size_t k = first_of(v, e->volume); r == 0 && k < v->complete_count && v->complete[k].volume == e->volume; k++) {
		const struct complete_list *c = &v->complete[k];

		r = vouch_breathe(v);
		if (r == 0 && e->kind == ENTRY_FILE && e->id != c->id && e->volume == c->volume &&
		    strncmp(e->path, c->beneath, strlen(c->beneath)) == 0)
			r = check_listed(v, c, e);
	}
	return MIN(r, 0);
}

/* -- scopes ------------------------------------------------------------------------------------------------------ */

struct scope {
	struct vouching *v;
	struct docket_entry *entry;
	const char *path; /* on the medium: of the file that it is in, where it is a member */
	const char *types[TYPES_MAX];
	size_t type_count;
	char *refused[SIGNATURES_MAX]; /* names; owned */
	size_t refused_count, kept_count;
};

static int each_signer(void *context, const struct docket_signer *g)
{
	struct scope *s = context;
	const json_t *key = vouch_key(s->v, g->key_name);

	if (key && trust_key_covers(key, s->path, s->types, s->type_count)) {
		s->kept_count++;
		return 0;
	}
	if (s->refused_count == SIGNATURES_MAX)
		return -E2BIG;
	s->refused[s->refused_count] = strdup(g->key_name);
	return s->refused[s->refused_count++] ? 0 : -ENOMEM;
}

static int refuse(struct scope *s, bool is_evidence)
{
	struct docket *d = s->v->i->docket;
	int r = 0;

	for (size_t k = 0; r == 0 && k < s->refused_count; k++) {
		_cleanup_free_ char *words = NULL;

		r = docket_remove_signer(d, s->entry->id, s->refused[k]);
		if (asprintf(&words, "by the key '%s', which is not trusted for such a name or type", s->refused[k]) < 0)
			r = -ENOMEM;
		/* What lists files may lie outside of the scope of the key that vouches for the files. */
		if (r == 0 && s->kept_count == 0 && !is_evidence && !docket_is_tree(s->entry->volume))
			r = docket_find(d, s->entry->id, REASON_UNTRUSTED_KEY, words);
	}
	return r;
}

static int file_of(struct vouching *v, const struct docket_entry *member, struct docket_entry *ret)
{
	struct docket_tree t;
	int r = docket_get_tree(v->i->docket, member->volume, &t);

	if (r > 0)
		r = docket_get(v->i->docket, t.root, ret);
	return r > 0 ? 0 : r < 0 ? r : -EIO;
}

static int each_scoped(void *context, struct docket_entry *e)
{
	struct scope s = { .v = context, .entry = e, .path = e->path };
	json_t *types = json_loads(e->types, 0, NULL);
	struct docket_entry file = { 0 };
	uint32_t format = EVIDENCE_NONE;
	int r = docket_evidence_of(s.v->i->docket, e->id, &format);

	if (r == 0 && docket_is_tree(e->volume)) {
		r = file_of(s.v, e, &file);
		s.path = file.path;
	}
	for (size_t k = 0; k < MIN(json_array_size(types), (size_t)TYPES_MAX); k++)
		s.types[s.type_count++] = json_string_value(json_array_get(types, k));
	if (r == 0)
		r = docket_signers(s.v->i->docket, e->id, each_signer, &s);
	if (r == 0)
		r = refuse(&s, format != EVIDENCE_NONE);
	for (size_t k = 0; k < s.refused_count; k++)
		free(s.refused[k]);
	json_decref(types);
	docket_entry_done(&file);
	return r;
}

static bool has_scopes(const struct vouching *v)
{
	size_t k;
	json_t *key;

	json_array_foreach(v->i->supervisor->keys, k, key)
		if (json_array_size(json_object_get(key, "paths")) > 0 || json_array_size(json_object_get(key, "types")) > 0)
			return true;
	return false;
}

/* -- strangers --------------------------------------------------------------------------------------------------- */

static int each_stranger(void *context, uint64_t id, uint64_t evidence, const char *words)
{
	struct vouching *v = context;
	int r = docket_find(v->i->docket, id, REASON_UNTRUSTED_KEY, words);

	return r == 0 && evidence != id ? docket_find(v->i->docket, evidence, REASON_UNTRUSTED_KEY, words) : r;
}

int vouch_cover(struct vouching *v)
{
	int r = vouch_judge_series(v);

	if (r == 0)
		r = propagate(v);
	if (v->complete_count > 0)
		qsort(v->complete, v->complete_count, sizeof(*v->complete), by_volume);
	if (r == 0 && v->complete_count > 0)
		r = vouch_each(v, each_beneath);
	if (r == 0 && has_scopes(v))
		r = vouch_each(v, each_scoped);
	if (r == 0 && v->is_inside) /* by keys whose scope was asked */
		r = vouch_within(v);
	return r == 0 ? docket_strangers(v->i->docket, each_stranger, v) : r;
}
