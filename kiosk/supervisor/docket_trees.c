/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "supervisor/docket_trees.h"

#include "supervisor/docket_sql.h"

/* Made when it is needed first: media on which nothing of the kind is in a container do without. */
static int index_containers(struct docket *d)
{
	int r;

	if (d->has_container_index)
		return 0;
	r = docket_error(d, sqlite3_exec(d->db, "CREATE INDEX member_container ON member (container, id)", NULL, NULL, NULL));
	d->has_container_index = r == 0;
	return r;
}

int docket_keep_copy(struct docket *d, uint64_t id)
{
	int r = index_containers(d);
	sqlite3_stmt *s;

	if (r < 0)
		return r;
	s = docket_begin(d, KEEP_COPY);
	docket_bind_u64(s, 1, id);
	return docket_run(d, s);
}

struct entries {
	docket_each_fn each;
	void *context;
};

static int each_entry(void *context, struct docket_entry *e, uint32_t format)
{
	struct entries *all = context;

	(void)format;
	return all->each(all->context, e);
}

int docket_each_copy(struct docket *d, docket_each_fn each, void *context)
{
	return docket_walk(d, EACH_COPY, each_entry, &(struct entries){ each, context });
}

int docket_each_leaf(struct docket *d, docket_each_fn each, void *context)
{
	return docket_walk(d, EACH_LEAF, each_entry, &(struct entries){ each, context });
}

static struct docket_tree load_tree(sqlite3_stmt *s)
{
	return (struct docket_tree){ (uint32_t)sqlite3_column_int64(s, 0), (uint64_t)sqlite3_column_int64(s, 1),
				     (uint64_t)sqlite3_column_int64(s, 2) };
}

static int get_tree(struct docket *d, enum statement which, uint64_t by, struct docket_tree *ret)
{
	sqlite3_stmt *s = docket_begin(d, which);
	int code, r;

	docket_bind_u64(s, 1, by);
	code = sqlite3_step(s);
	r = docket_error(d, code);
	if (code == SQLITE_ROW) {
		*ret = load_tree(s);
		r = 1;
	}
	sqlite3_reset(s);
	return r;
}

int docket_get_tree(struct docket *d, uint32_t number, struct docket_tree *ret)
{
	return get_tree(d, TREE_OF, number, ret);
}

/* Names are compared as for files of a medium: where somebody unpacks it, "SETUP.EXE" may be "setup.exe". */
static int add_folds(struct docket *d, uint32_t tree)
{
	sqlite3_stmt *s = docket_begin(d, LEAVES_OF);
	int code, r = 0;

	docket_bind_u64(s, 1, tree);
	while (r == 0 && (code = sqlite3_step(s)) != SQLITE_DONE) {
		_cleanup_free_ char *path = NULL;

		r = docket_error(d, code);
		if (r < 0)
			break;
		path = docket_column_bytes(s, 3);
		r = path ? docket_add_fold(d, tree, path, false) : -ENOMEM;
		d->entries++;
	}
	sqlite3_reset(s);
	return r;
}

int docket_plant(struct docket *d, uint64_t id)
{
	sqlite3_stmt *s = docket_begin(d, ADD_TREE);
	struct docket_tree t;
	int r;

	docket_bind_u64(s, 1, id);
	docket_bind_u64(s, 2, DOCKET_TREE_FIRST);
	r = docket_run(d, s);
	if (r < 0 || sqlite3_changes(d->db) == 0)
		return r;
	r = get_tree(d, GET_TREE, id, &t);
	if (r <= 0)
		return r < 0 ? r : -EIO;
	s = docket_begin(d, ADD_LEAVES);
	docket_bind_u64(s, 1, t.number);
	docket_bind_u64(s, 2, t.container);
	r = docket_run(d, s);
	return r == 0 ? add_folds(d, t.number) : r;
}

int docket_add_frame(struct docket *d, uint64_t id, const char *key_name)
{
	sqlite3_stmt *s = docket_begin(d, ADD_FRAME);

	docket_bind_u64(s, 1, id);
	docket_bind_text(s, 2, key_name);
	return docket_run(d, s);
}

int docket_signers_within(struct docket *d, uint64_t container, docket_signer_fn each, void *context)
{
	return docket_walk_signers(d, SIGNERS_WITHIN, container, each, context);
}

int docket_has_unsigned(struct docket *d, uint64_t container, const char *key_name, uint64_t small, const uint8_t layouts[][SHA256_LEN])
{
	sqlite3_stmt *s = docket_begin(d, UNSIGNED_WITHIN);
	int code, r;

	docket_bind_u64(s, 1, container);
	docket_bind_text(s, 2, key_name);
	docket_bind_u64(s, 3, small);
	for (int k = 0; k < DOCKET_LAYOUTS; k++)
		sqlite3_bind_blob(s, 4 + k, layouts[k], SHA256_LEN, SQLITE_STATIC);
	code = sqlite3_step(s);
	r = code == SQLITE_ROW ? sqlite3_column_int(s, 0) : docket_error(d, code);
	sqlite3_reset(s);
	return r;
}

int docket_pend_trees(struct docket *d)
{
	return docket_run(d, docket_begin(d, PEND_TREES));
}

static int run_container(struct docket *d, enum statement which, uint64_t container)
{
	sqlite3_stmt *s = docket_begin(d, which);

	docket_bind_u64(s, 1, container);
	return docket_run(d, s);
}

int docket_pend(struct docket *d, uint64_t container)
{
	return run_container(d, PEND, container);
}

int docket_next_pending(struct docket *d, uint64_t *ret_container, uint32_t *ret_tree)
{
	sqlite3_stmt *s = docket_begin(d, NEXT_PENDING);
	int code = sqlite3_step(s), r = docket_error(d, code);

	if (code == SQLITE_ROW) {
		*ret_container = (uint64_t)sqlite3_column_int64(s, 0);
		*ret_tree = (uint32_t)sqlite3_column_int64(s, 1);
		r = 1;
	}
	sqlite3_reset(s);
	if (r <= 0)
		return r;
	r = run_container(d, NO_LONGER_PENDING, *ret_container);
	return r < 0 ? r : 1;
}
