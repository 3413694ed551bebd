/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "supervisor/docket_members.h"

#include <string.h>

#include "common/text.h"
#include "supervisor/docket_sql.h"

void docket_member_done(struct docket_member *m)
{
	free(m->path);
	free(m->trouble);
	free(m->types);
	free(m->findings);
	memset(m, 0, sizeof(*m));
}

int docket_add_member(struct docket *d, const struct docket_member *m)
{
	sqlite3_stmt *s = docket_begin(d, ADD_MEMBER);

	docket_bind_u64(s, 1, m->id);
	docket_bind_u64(s, 2, m->container);
	docket_bind_u64(s, 3, m->root);
	docket_bind_u64(s, 4, m->depth);
	docket_bind_path(s, 5, m->path);
	docket_bind_u64(s, 6, m->size);
	return docket_run(d, s);
}

static int load_member(sqlite3_stmt *s, struct docket_member *m)
{
	*m = (struct docket_member){
		.id = (uint64_t)sqlite3_column_int64(s, 0),
		.container = (uint64_t)sqlite3_column_int64(s, 1),
		.root = (uint64_t)sqlite3_column_int64(s, 2),
		.depth = (uint32_t)sqlite3_column_int64(s, 3),
		.path = docket_column_bytes(s, 4),
		.size = (uint64_t)sqlite3_column_int64(s, 5),
		.has_sum = sqlite3_column_bytes(s, 6) == SHA256_LEN,
		.status = (enum stream_status)sqlite3_column_int(s, 7),
		.trouble = docket_column_bytes(s, 8),
		.types = docket_column_bytes(s, 9),
		.findings = docket_column_bytes(s, 10),
		.done = (uint32_t)sqlite3_column_int64(s, 11),
	};
	if (m->has_sum)
		memcpy(m->sum, sqlite3_column_blob(s, 6), SHA256_LEN);
	return m->path && m->trouble && m->types && m->findings ? 0 : -ENOMEM;
}

int docket_get_member(struct docket *d, uint64_t id, struct docket_member *ret)
{
	sqlite3_stmt *s = docket_begin(d, GET_MEMBER);
	int code, r;

	docket_bind_u64(s, 1, id);
	code = sqlite3_step(s);
	r = docket_error(d, code);
	if (code == SQLITE_ROW) {
		r = load_member(s, ret);
		if (r < 0)
			docket_member_done(ret);
		else
			r = 1;
	}
	sqlite3_reset(s);
	return r;
}

int docket_mark_layout(struct docket *d, uint64_t container)
{
	sqlite3_stmt *s = docket_begin(d, MARK);

	docket_bind_u64(s, 1, container);
	return docket_run(d, s);
}

int docket_is_layout(struct docket *d, uint64_t container)
{
	return docket_number(d, IS_MARKED, container, NULL);
}

int docket_each_member(struct docket *d, uint64_t root, docket_member_fn each, void *context)
{
	sqlite3_stmt *s = docket_begin(d, EACH_MEMBER);
	int code, r = 0;

	docket_bind_u64(s, 1, root);
	while (r == 0 && (code = sqlite3_step(s)) != SQLITE_DONE) {
		struct docket_member m = { 0 };

		r = docket_error(d, code);
		if (r == 0)
			r = load_member(s, &m);
		if (r == 0)
			r = each(context, &m);
		docket_member_done(&m);
	}
	sqlite3_reset(s);
	return r;
}

int docket_unsettle(struct docket *d, uint64_t root)
{
	sqlite3_stmt *s = docket_begin(d, UNSETTLE);

	docket_bind_u64(s, 1, root);
	return docket_run(d, s);
}

int docket_is_unsettled(struct docket *d, uint64_t root)
{
	return docket_number(d, IS_UNSETTLED, root, NULL);
}

int docket_recalled(struct docket *d, uint64_t id, enum docket_recall kind, uint64_t found)
{
	sqlite3_stmt *s = docket_begin(d, ADD_RECALL);

	docket_bind_u64(s, 1, id);
	docket_bind_u64(s, 2, kind);
	docket_bind_u64(s, 3, found);
	return docket_run(d, s);
}

int docket_recall_of(struct docket *d, uint64_t id, enum docket_recall *ret, uint64_t *ret_found)
{
	int64_t kind = DOCKET_EXAMINED, found = 0;
	int r = docket_number(d, GET_RECALL, id, &kind);

	if (r > 0)
		r = docket_number(d, GET_RECALL_FOUND, id, &found);
	*ret = (enum docket_recall)kind;
	*ret_found = (uint64_t)found;
	return MIN(r, 0);
}

/* -- containers that wait ---------------------------------------------------------------------------------------- */

int docket_wait(struct docket *d, uint64_t id, uint64_t root, uint64_t formats)
{
	sqlite3_stmt *s = docket_begin(d, WAIT);

	docket_bind_u64(s, 1, id);
	docket_bind_u64(s, 2, root);
	docket_bind_u64(s, 3, formats);
	return docket_run(d, s);
}

int docket_next_waiting(struct docket *d, uint64_t root, uint64_t *ret_id, uint64_t *ret_formats)
{
	sqlite3_stmt *s = docket_begin(d, root == 0 ? NEXT_FILE : NEXT_MEMBER);
	int code, r;

	docket_bind_u64(s, 1, root);
	code = sqlite3_step(s);
	r = docket_error(d, code);
	if (code == SQLITE_ROW) {
		*ret_id = (uint64_t)sqlite3_column_int64(s, 0);
		*ret_formats = (uint64_t)sqlite3_column_int64(s, 1);
		r = 1;
	}
	sqlite3_reset(s);
	if (r == 1) {
		int error;

		s = docket_begin(d, NO_LONGER_WAIT);
		docket_bind_u64(s, 1, *ret_id);
		error = docket_run(d, s);
		r = error < 0 ? error : 1;
	}
	return r;
}

int docket_defer(struct docket *d, uint64_t id)
{
	sqlite3_stmt *s = docket_begin(d, DEFER);

	docket_bind_u64(s, 1, id);
	return docket_run(d, s);
}

int docket_next_deferred(struct docket *d, uint64_t *ret_id)
{
	int64_t id = 0;
	int r = docket_number(d, NEXT_DEFERRED, 0, &id);

	*ret_id = (uint64_t)id;
	return r;
}

static int forget(struct docket *d, enum statement which, uint64_t root)
{
	sqlite3_stmt *s = docket_begin(d, which);

	docket_bind_u64(s, 1, root);
	return docket_run(d, s);
}

/* -- what is known of bytes ---------------------------------------------------------------------------------------- */

static int add_sum(struct docket *d, enum statement which, uint64_t root, const uint8_t sum[static SHA256_LEN])
{
	sqlite3_stmt *s = docket_begin(d, which);

	docket_bind_u64(s, 1, root);
	sqlite3_bind_blob(s, 2, sum, SHA256_LEN, SQLITE_STATIC);
	return docket_run(d, s);
}

int docket_inspected(struct docket *d, uint64_t root, const uint8_t sum[static SHA256_LEN])
{
	return add_sum(d, ADD_INSPECTED, root, sum);
}

int docket_opened(struct docket *d, uint64_t root, const uint8_t sum[static SHA256_LEN])
{
	return add_sum(d, ADD_OPENED, root, sum);
}

int docket_give_up(struct docket *d, uint64_t root, const uint8_t sum[static SHA256_LEN])
{
	return add_sum(d, ADD_GIVEN_UP, root, sum);
}

int docket_forget_inspected(struct docket *d, uint64_t root)
{
	int r = forget(d, FORGET_INSPECTED, root);

	return r == 0 ? forget(d, FORGET_GIVEN_UP, root) : r;
}

static int has_sum(struct docket *d, enum statement which, uint64_t root, const uint8_t sum[static SHA256_LEN])
{
	sqlite3_stmt *s = docket_begin(d, which);
	int code, r;

	docket_bind_u64(s, 1, root);
	sqlite3_bind_blob(s, 2, sum, SHA256_LEN, SQLITE_STATIC);
	code = sqlite3_step(s);
	r = code == SQLITE_ROW ? 1 : docket_error(d, code);
	sqlite3_reset(s);
	return r;
}

int docket_is_inspected(struct docket *d, uint64_t root, const uint8_t sum[static SHA256_LEN])
{
	return has_sum(d, IS_INSPECTED, root, sum);
}

int docket_is_given_up(struct docket *d, uint64_t root, const uint8_t sum[static SHA256_LEN])
{
	return has_sum(d, IS_GIVEN_UP, root, sum);
}

int docket_owe(struct docket *d, uint64_t root, uint64_t id, const uint8_t sum[static SHA256_LEN], const char *raw_member, const char *detail)
{
	sqlite3_stmt *s = docket_begin(d, OWE);

	docket_bind_u64(s, 1, root);
	docket_bind_u64(s, 2, id);
	sqlite3_bind_blob(s, 3, sum, SHA256_LEN, SQLITE_STATIC);
	docket_bind_path(s, 4, raw_member ? raw_member : "");
	docket_bind_path(s, 5, detail);
	return docket_run(d, s);
}

int docket_owed(struct docket *d, uint64_t root, uint64_t id, docket_owed_fn each, void *context)
{
	sqlite3_stmt *s = docket_begin(d, OWED);
	int code, r = 0;

	docket_bind_u64(s, 1, root);
	docket_bind_u64(s, 2, id);
	docket_bind_u64(s, 3, DOCKET_OWED_TOLD);
	while (r == 0 && (code = sqlite3_step(s)) != SQLITE_DONE) {
		_cleanup_free_ char *member = NULL, *detail = NULL;

		r = docket_error(d, code);
		if (r < 0)
			break;
		member = docket_column_bytes(s, 0);
		detail = docket_column_bytes(s, 1);
		r = member && detail ? each(context, *member ? member : NULL, detail) : -ENOMEM;
	}
	sqlite3_reset(s);
	return r;
}
