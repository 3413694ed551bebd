/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "supervisor/docket_sql.h"

#include <string.h>

int docket_add_decision(struct docket *d, const uint8_t sum[static SHA256_LEN], const struct docket_decision *x)
{
	sqlite3_stmt *s = docket_begin(d, ADD_DECISION);

	sqlite3_bind_blob(s, 1, sum, SHA256_LEN, SQLITE_STATIC);
	docket_bind_u64(s, 2, x->decision);
	docket_bind_text(s, 3, x->id);
	docket_bind_u64(s, 4, (uint64_t)x->until);
	return docket_run(d, s);
}

int docket_decision_of(struct docket *d, const uint8_t sum[static SHA256_LEN], int64_t now, struct docket_decision *ret)
{
	sqlite3_stmt *s = docket_begin(d, GET_DECISION);
	struct docket_decision x = { .decision = DECISION_NONE };
	int code, r;

	sqlite3_bind_blob(s, 1, sum, SHA256_LEN, SQLITE_STATIC);
	code = sqlite3_step(s);
	r = docket_error(d, code);
	if (code == SQLITE_ROW) {
		x.decision = (enum decision)sqlite3_column_int(s, 0);
		(void)snprintf(x.id, sizeof(x.id), "%s", (const char *)sqlite3_column_text(s, 1));
		x.until = sqlite3_column_int64(s, 2);
	}
	sqlite3_reset(s); /* repeats the code of the step */
	if (x.until != 0 && x.until <= now)
		x.decision = DECISION_NONE;
	if (r == 0)
		*ret = x;
	return r;
}

int docket_decided(struct docket *d, uint64_t id, const char *told)
{
	sqlite3_stmt *s = docket_begin(d, ADD_DECIDED);

	docket_bind_u64(s, 1, id);
	docket_bind_text(s, 2, told);
	return docket_run(d, s);
}

int docket_told(struct docket *d, uint64_t id, char **ret_told)
{
	sqlite3_stmt *s = docket_begin(d, GET_DECIDED);
	char *told = NULL;
	int code, r;

	docket_bind_u64(s, 1, id);
	code = sqlite3_step(s);
	r = docket_error(d, code);
	if (code == SQLITE_ROW && !(told = strdup((const char *)sqlite3_column_text(s, 0))))
		r = -ENOMEM;
	sqlite3_reset(s); /* repeats the code of the step */
	if (r == 0)
		*ret_told = told;
	return r;
}

int docket_keep(struct docket *d, uint64_t id)
{
	sqlite3_stmt *s = docket_begin(d, ADD_KEPT);

	docket_bind_u64(s, 1, id);
	return docket_run(d, s);
}

int docket_is_kept(struct docket *d, uint64_t id)
{
	return docket_number(d, GET_KEPT, id, NULL);
}

int docket_forget_kept(struct docket *d)
{
	return docket_run(d, docket_begin(d, FORGET_KEPT));
}
