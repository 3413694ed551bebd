/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The docket's part about origin. */
#include <string.h>

#include "common/digest_name.h"
#include "common/name.h"
#include "common/text.h"
#include "supervisor/docket_sql.h"
#include "supervisor/docket_trees.h"

#define LISTING_OVERHEAD 32 /* bytes of a row beside its texts, and what pages leave free */

int docket_find_anywhere(struct docket *d, uint32_t volume, const char *path, struct docket_entry *ret)
{
	sqlite3_stmt *s = docket_begin(d, docket_is_tree(volume) ? FIND_LEAF : FIND_ANYWHERE);

	docket_bind_u64(s, 1, volume);
	docket_bind_path(s, 2, path);
	return docket_get_one(d, s, ret);
}


static int run_pair(struct docket *d, enum statement which, uint64_t id, uint32_t format)
{
	sqlite3_stmt *s = docket_begin(d, which);

	docket_bind_u64(s, 1, id);
	docket_bind_u64(s, 2, format);
	return docket_run(d, s);
}

int docket_set_evidence(struct docket *d, uint64_t id, uint32_t format)
{
	return run_pair(d, docket_is_member(id) ? SET_LEAF_EVIDENCE : SET_EVIDENCE, id, format);
}

int docket_lists_as(struct docket *d, uint64_t id, uint32_t format)
{
	return run_pair(d, LISTS_AS, id, format);
}

int docket_allow(struct docket *d, const char *key_name, uint32_t format)
{
	sqlite3_stmt *s = docket_begin(d, ALLOW);

	docket_bind_text(s, 1, key_name);
	docket_bind_u64(s, 2, format);
	return docket_run(d, s);
}

int docket_evidence_of(struct docket *d, uint64_t id, uint32_t *ret_format)
{
	int64_t format = 0;
	int r = docket_number(d, EVIDENCE_OF, id, &format);

	*ret_format = (uint32_t)format;
	return MIN(r, 0);
}

int docket_distrust(struct docket *d, uint64_t id)
{
	sqlite3_stmt *s = docket_begin(d, DISTRUST);

	docket_bind_u64(s, 1, id);
	return docket_run(d, s);
}

int docket_each_evidence(struct docket *d, docket_evidence_fn each, void *context)
{
	return docket_walk(d, EACH_EVIDENCE, each, context);
}

/* -- lists --------------------------------------------------------------------------------------------------- */

/* Lists say "Setup.exe" where a FAT volume has "SETUP.EXE": compared as such systems do, or a mismatch would stay
 * unseen. Where a file system tells the two apart, they collide and neither passes. */
static char *listing_key(const char *path)
{
	char *key = text_utf8_valid(path, strlen(path)) ? name_fold(path) : NULL;

	return key ? key : strdup(path);
}

/* The docket lies in the spool: indexes that are small when compressed must not fill it up, which would end the inspection. */
static int run_listing(struct docket *d, sqlite3_stmt *s, size_t bytes)
{
	uint64_t max = DOCKET_LISTED_BYTES + d->entries * DOCKET_LISTED_BYTES_PER_ENTRY;
	int r = d->listed_bytes > max ? -EDQUOT : docket_run(d, s);

	if (r == 0 && sqlite3_changes(d->db) > 0)
		d->listed_bytes += bytes + LISTING_OVERHEAD;
	return r;
}

static int add_listed_digest(struct docket *d, uint64_t list_id, const uint8_t *sum)
{
	sqlite3_stmt *s = docket_begin(d, ADD_LISTED_DIGEST);

	sqlite3_bind_blob(s, 1, sum, SHA256_LEN, SQLITE_STATIC);
	docket_bind_u64(s, 2, list_id);
	return run_listing(d, s, SHA256_LEN);
}

int docket_add_listing(struct docket *d, uint64_t list_id, uint32_t volume, const char *path, const char *algorithm,
		       const uint8_t *digest, size_t digest_size)
{
	_cleanup_free_ char *key = listing_key(path);
	sqlite3_stmt *s;

	if (!key)
		return -ENOMEM;
	if (!*path)
		return digest_size == SHA256_LEN && strcmp(algorithm, "sha256") == 0 ? add_listed_digest(d, list_id, digest) : 0;
	s = docket_begin(d, docket_is_tree(volume) ? ADD_LEAF_LISTING : ADD_LISTING);
	docket_bind_u64(s, 1, volume);
	docket_bind_path(s, 2, key);
	docket_bind_u64(s, 3, list_id);
	docket_bind_text(s, 4, algorithm);
	sqlite3_bind_blob(s, 5, digest, (int)digest_size, SQLITE_STATIC);
	docket_bind_u64(s, 6, !text_utf8_valid(path, strlen(path))); /* such names have no folded key to be found by */
	docket_bind_u64(s, 7, DOCKET_LISTINGS_OF_ONE_NAME);
	return run_listing(d, s, strlen(key) + strlen(algorithm) + digest_size);
}

static int load_listing(sqlite3_stmt *s, struct docket_listing *l)
{
	*l = (struct docket_listing){ .list_id = (uint64_t)sqlite3_column_int64(s, 0),
				      .list_path = docket_column_bytes(s, 1),
				      .digest_size = (size_t)sqlite3_column_bytes(s, 3),
				      .volume = (uint32_t)sqlite3_column_int64(s, 4) };
	(void)snprintf(l->algorithm, sizeof(l->algorithm), "%s", (const char *)sqlite3_column_text(s, 2));
	if (l->digest_size > sizeof(l->digest) || !l->list_path)
		return -EIO;
	if (l->digest_size > 0)
		memcpy(l->digest, sqlite3_column_blob(s, 3), l->digest_size);
	if (sqlite3_column_count(s) > 5 && sqlite3_column_type(s, 5) != SQLITE_NULL) {
		l->signed_by = docket_column_bytes(s, 5);
		if (!l->signed_by)
			return -ENOMEM;
	}
	return 0;
}

static int each_row(struct docket *d, sqlite3_stmt *s, docket_listing_fn each, void *context)
{
	int code, r = 0;

	while (r == 0 && (code = sqlite3_step(s)) != SQLITE_DONE) {
		struct docket_listing l = { 0 };

		r = docket_error(d, code);
		if (r == 0)
			r = load_listing(s, &l);
		if (r == 0)
			r = each(context, &l);
		free(l.list_path);
		free(l.signed_by);
	}
	sqlite3_reset(s);
	return r;
}

int docket_listings(struct docket *d, uint32_t volume, const char *path, const uint8_t sum[static SHA256_LEN],
		    docket_listing_fn each, void *context)
{
	_cleanup_free_ char *key = listing_key(path);
	sqlite3_stmt *s = docket_begin(d, LISTINGS);

	if (!key)
		return -ENOMEM;
	docket_bind_path(s, 1, key);
	sqlite3_bind_blob(s, 2, sum, SHA256_LEN, SQLITE_STATIC);
	docket_bind_u64(s, 3, volume);
	return each_row(d, s, each, context);
}

int docket_is_listed_by(struct docket *d, uint64_t list_id, const char *path)
{
	_cleanup_free_ char *key = listing_key(path);
	sqlite3_stmt *s = docket_begin(d, IS_LISTED_BY);
	int code, r;

	if (!key)
		return -ENOMEM;
	docket_bind_path(s, 1, key);
	docket_bind_u64(s, 2, list_id);
	code = sqlite3_step(s);
	r = docket_error(d, code);
	sqlite3_reset(s);
	return r < 0 ? r : code == SQLITE_ROW;
}

int docket_cover(struct docket *d, uint64_t id, uint64_t list_id, const char *algorithm)
{
	const struct digest *digest = digest_by_name(algorithm);
	sqlite3_stmt *s = docket_begin(d, COVER);

	docket_bind_u64(s, 1, id);
	docket_bind_u64(s, 2, list_id);
	docket_bind_text(s, 3, algorithm);
	docket_bind_u64(s, 4, digest && digest->is_strong);
	return docket_run(d, s);
}

int docket_covers(struct docket *d, uint64_t id, docket_listing_fn each, void *context)
{
	sqlite3_stmt *s = docket_begin(d, COVERS);

	docket_bind_u64(s, 1, id);
	return each_row(d, s, each, context);
}

/* -- signers ------------------------------------------------------------------------------------------------- */

int docket_add_signer(struct docket *d, uint64_t id, const char *key_name, const char *key_id, const char *via)
{
	sqlite3_stmt *s = docket_begin(d, ADD_SIGNER);

	docket_bind_u64(s, 1, id);
	docket_bind_text(s, 2, key_name);
	docket_bind_text(s, 3, key_id);
	docket_bind_path(s, 4, via);
	return docket_run(d, s);
}

int docket_walk_signers(struct docket *d, enum statement which, uint64_t id, docket_signer_fn each, void *context)
{
	sqlite3_stmt *s = docket_begin(d, which);
	int code, r = 0;

	docket_bind_u64(s, 1, id);
	while (r == 0 && (code = sqlite3_step(s)) != SQLITE_DONE) {
		struct docket_signer g = { 0 };

		r = docket_error(d, code);
		if (r == 0) {
			g = (struct docket_signer){ docket_column_bytes(s, 0), docket_column_bytes(s, 1), docket_column_bytes(s, 2) };
			r = g.key_name && g.key_id && g.via ? each(context, &g) : -ENOMEM;
		}
		free(g.key_name);
		free(g.key_id);
		free(g.via);
	}
	sqlite3_reset(s);
	return r;
}

int docket_signers(struct docket *d, uint64_t id, docket_signer_fn each, void *context)
{
	return docket_walk_signers(d, SIGNERS, id, each, context);
}

int docket_remove_signer(struct docket *d, uint64_t id, const char *key_name)
{
	sqlite3_stmt *s = docket_begin(d, REMOVE_SIGNER);

	docket_bind_u64(s, 1, id);
	docket_bind_text(s, 2, key_name);
	return docket_run(d, s);
}

int docket_propagate_signers(struct docket *d)
{
	int r = docket_run(d, docket_begin(d, PROPAGATE));

	return r < 0 ? r : sqlite3_changes(d->db);
}

/* -- series -------------------------------------------------------------------------------------------------- */

int docket_add_series(struct docket *d, const struct docket_series *series)
{
	sqlite3_stmt *s = docket_begin(d, ADD_SERIES);

	docket_bind_u64(s, 1, series->id);
	docket_bind_text(s, 2, series->series);
	/* SQLite's integers have a sign; these are some 292 billion years off */
	docket_bind_u64(s, 3, MIN(series->date, (uint64_t)INT64_MAX));
	docket_bind_u64(s, 4, MIN(series->valid_until, (uint64_t)INT64_MAX));
	return docket_run(d, s);
}

int docket_each_series(struct docket *d, docket_series_fn each, void *context)
{
	sqlite3_stmt *s = docket_begin(d, EACH_SERIES);
	int code, r = 0;

	while (r == 0 && (code = sqlite3_step(s)) != SQLITE_DONE) {
		struct docket_series row = { 0 };

		r = docket_error(d, code);
		if (r == 0) {
			row = (struct docket_series){ (uint64_t)sqlite3_column_int64(s, 0), docket_column_bytes(s, 1),
						      (uint64_t)sqlite3_column_int64(s, 2), (uint64_t)sqlite3_column_int64(s, 3) };
			r = row.series ? each(context, &row) : -ENOMEM;
		}
		free(row.series);
	}
	sqlite3_reset(s);
	return r;
}

int docket_see_series(struct docket *d, uint64_t latest)
{
	sqlite3_stmt *s = docket_begin(d, SEE_SERIES);

	docket_bind_u64(s, 1, latest);
	return docket_run(d, s);
}

int docket_each_seen(struct docket *d, docket_seen_fn each, void *context)
{
	sqlite3_stmt *s = docket_begin(d, SEEN_SERIES);
	int code, r = 0;

	while (r == 0 && (code = sqlite3_step(s)) != SQLITE_DONE) {
		_cleanup_free_ char *series = NULL, *key = NULL;

		r = docket_error(d, code);
		if (r < 0)
			break;
		series = docket_column_bytes(s, 0);
		key = docket_column_bytes(s, 1);
		r = series && key ? each(context, series, key, (uint64_t)sqlite3_column_int64(s, 2)) : -ENOMEM;
	}
	sqlite3_reset(s);
	return r;
}

int docket_add_stranger(struct docket *d, uint64_t id, uint64_t evidence, const char *words)
{
	sqlite3_stmt *s = docket_begin(d, ADD_STRANGER);

	docket_bind_u64(s, 1, id);
	docket_bind_u64(s, 2, evidence);
	docket_bind_path(s, 3, words);
	docket_bind_u64(s, 4, DOCKET_FINDINGS_OF_ONE_REASON);
	return docket_run(d, s);
}

int docket_strangers(struct docket *d, docket_stranger_fn each, void *context)
{
	sqlite3_stmt *s = docket_begin(d, STRANGERS);
	int code, r = 0;

	while (r == 0 && (code = sqlite3_step(s)) != SQLITE_DONE) {
		_cleanup_free_ char *words = NULL;

		r = docket_error(d, code);
		if (r == 0)
			words = docket_column_bytes(s, 2);
		if (r == 0)
			r = words ? each(context, (uint64_t)sqlite3_column_int64(s, 0), (uint64_t)sqlite3_column_int64(s, 1), words) :
				    -ENOMEM;
	}
	sqlite3_reset(s);
	return r;
}
