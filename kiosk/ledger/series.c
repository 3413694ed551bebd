/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "ledger/series.h"

#include "common/log.h"

struct series {
	struct trail *trail;	 /* borrowed */
	struct history *history; /* borrowed; NULL: none, or given up */
	/* Owned; serves when there is no other. NULL: not needed yet. What other ledgers append from then on is not in it: a ledger
	 * that is asked lives for one inspection. */
	struct history *memory;
};

int series_new(struct trail *trail, struct history *history, struct series **ret)
{
	struct series *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->trail = trail;
	s->history = history;
	*ret = s;
	return 0;
}

struct series *series_free(struct series *s)
{
	if (s)
		history_free(s->memory);
	free(s);
	return NULL;
}

static struct history *index_of(struct series *s)
{
	return s->history ? s->history : s->memory;
}

/* What is wrong with an index must not become an index that is wrong: from now on the trail is read into memory. */
static void give_up(struct series *s, int error)
{
	if (!s->history)
		return;
	log_warning("series err=%s: goes on without the index (`lazaret history --rebuild`): %s", errno_name(error),
		    history_error(s->history));
	s->history = NULL;
}

static int take(void *context, const struct chain_record *r, uint64_t line)
{
	return history_series_add(context, r->type, r->body, r->seq);
}

/* All series of the trail into the index, unless they are there. */
static int make_whole(struct series *s, const char **ret_why)
{
	struct history *h = index_of(s);
	int r = h ? history_series_is_whole(h) : history_open_memory(&s->memory);

	if (r > 0)
		return 0;
	if (r == 0)
		r = trail_walk(s->trail, take, index_of(s));
	if (r == -EBADMSG)
		*ret_why = "the audit trail is not good (`lazaret audit verify`)";
	return r == 0 ? history_series_set_whole(index_of(s), true) : r;
}

static int try_date(struct series *s, const char *series, const char *key, uint64_t *ret, const char **ret_why)
{
	int r = make_whole(s, ret_why);

	return r == 0 ? history_series_date(index_of(s), series, key, ret) : r;
}

int series_date(struct series *s, const char *series, const char *key, uint64_t *ret, const char **ret_why)
{
	int r = try_date(s, series, key, ret, ret_why);

	if (r == 0 || r == -EBADMSG || !s->history)
		return r;
	give_up(s, r);
	return try_date(s, series, key, ret, ret_why);
}

/* Not whole while the trail is a record ahead: where the power goes in between, the next question reads the trail. */
int series_append(struct series *s, const json_t *body, struct trail_place *ret, const char **ret_why)
{
	struct history *h = index_of(s);
	int is_whole = 0, e = 0, r;

	if (!history_series_valid(body)) {
		*ret_why = "not {date, key, series, transfer}";
		return -EINVAL;
	}
	if (h) {
		is_whole = history_series_is_whole(h);
		e = is_whole > 0 ? history_series_set_whole(h, false) : is_whole;
	}
	r = trail_append(s->trail, HISTORY_TYPE_SERIES, body, ret, ret_why);
	if (!h || r < 0)
		return r; /* it was not whole, or is read anew */
	if (e < 0)
		give_up(s, e); /* and yet: it may still think of itself as whole, so that the record should be in it */
	e = history_series_add(h, HISTORY_TYPE_SERIES, body, ret->seq);
	if (e == 0 && is_whole > 0)
		e = history_series_set_whole(h, true);
	if (e < 0)
		give_up(s, e);
	return 0;
}
