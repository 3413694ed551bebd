/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A signature is good for ever: last year's index, with last year's packages, passes every check of signatures and digests.
 * Whoever carries the medium could so bring back what the vendor has withdrawn (the rollback
 * attack of The Update Framework's specification). Against that stands what this station has let in before, by series and
 * trusted key. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "common/text.h"
#include "ipc/ledger_client.h"
#include "supervisor/vouching.h"

/* Clocks differ and time zones are mistaken. Later ones must never be recorded: they would keep out all that come until then. */
#define FUTURE_SECONDS_MAX 86400

struct utc {
	char text[40];
};

static struct utc utc(uint64_t seconds)
{
	time_t t = (time_t)seconds;
	struct utc u = { "some far day" };
	struct tm tm;

	if (seconds <= INT64_MAX && gmtime_r(&t, &tm) && strftime(u.text, sizeof(u.text), "%Y-%m-%d %H:%M UTC", &tm) == 0)
		u = (struct utc){ "some far day" };
	return u;
}

int vouch_note_series(struct vouching *v, const struct proving_summary *s)
{
	if (!*s->series && s->valid_until == 0)
		return 0;
	/* It goes into the audit trail, as text. */
	if (!text_utf8_valid(s->series, strlen(s->series))) {
		int r = docket_find(v->i->docket, v->entry->id, REASON_SCAN_ERROR, "the name of its series is no text");

		return r == 0 ? docket_distrust(v->i->docket, v->entry->id) : r;
	}
	return docket_add_series(v->i->docket, &(struct docket_series){ v->entry->id, s->series, s->date, s->valid_until });
}

struct judging {
	struct vouching *v;
	const struct docket_series *series;
	bool has_signer, asks;
	uint64_t newest; /* date that was let in under one of its keys; 0: none was */
	char *unknown;	 /* why that could not be found out; owned */
};

static int each_signer(void *context, const struct docket_signer *g)
{
	struct judging *j = context;
	_cleanup_free_ char *why = NULL;
	uint64_t date = 0;
	int r;

	j->has_signer = true;
	if (!j->asks || j->unknown)
		return 0;
	r = ledger_series(&j->v->i->supervisor->ledger.channel, j->series->series, g->key_name, &date, &why);
	if (r < 0 && !why)
		return r; /* there is no ledger any more */
	if (r < 0)
		j->unknown = TAKE_PTR(why);
	j->newest = MAX(j->newest, date);
	return 0;
}

static int hold(struct judging *j, enum reason reason, const char *words)
{
	struct docket *d = j->v->i->docket;
	int r = docket_find(d, j->series->id, reason, words);

	return r == 0 ? docket_distrust(d, j->series->id) : r;
}

static int judge_rollback(struct judging *j)
{
	const struct docket_series *s = j->series;
	uint64_t now = (uint64_t)MAX(j->v->now, 0);
	_cleanup_free_ char *words = NULL;
	enum reason reason = REASON_UNSIGNED;
	int n = 0;

	if (s->date > now + FUTURE_SECONDS_MAX) {
		n = asprintf(&words, "dated %s, and it is %s by this station's clock: an index from the future would keep out all "
			     "later ones; if the clock is right, ask the vendor", utc(s->date).text, utc(now).text);
	} else if (j->unknown) {
		reason = REASON_SCAN_ERROR;
		n = asprintf(&words, "whether an old index was put in the place of a newer one could not be found out: %s", j->unknown);
	} else if (s->date < j->newest) {
		n = asprintf(&words, "dated %s: older than what this station has already let in (%s): an old index brings back what "
			     "was withdrawn; ask the vendor for the current one",
			     s->date > 0 ? utc(s->date).text : "on no day", utc(j->newest).text);
	}
	if (n < 0)
		return -ENOMEM;
	return words ? hold(j, reason, words) : 0;
}

static int judge_end(struct judging *j)
{
	_cleanup_free_ char *words = NULL;

	if (j->series->valid_until == 0 || (int64_t)MIN(j->series->valid_until, (uint64_t)INT64_MAX) >= j->v->now)
		return 0;
	if (asprintf(&words, "its vendor let it be valid until %s: what it lists may have been withdrawn since; ask the vendor for the "
		     "current one", utc(j->series->valid_until).text) < 0)
		return -ENOMEM;
	return hold(j, REASON_UNSIGNED, words);
}

static int each_series(void *context, const struct docket_series *s)
{
	struct judging j = { .v = context, .series = s };
	const struct station_origin *config = &j.v->i->supervisor->config->origin;
	int r;

	j.asks = *s->series && config->rollback == STATION_STALE_HOLD;
	r = docket_signers(j.v->i->docket, s->id, each_signer, &j);
	/* What nobody signed vouches for nothing, and may say of itself what it likes. */
	if (r == 0 && j.has_signer && j.asks)
		r = judge_rollback(&j);
	if (r == 0 && j.has_signer && config->valid_until == STATION_STALE_HOLD)
		r = judge_end(&j);
	free(j.unknown);
	return r;
}

int vouch_judge_series(struct vouching *v)
{
	int r = docket_each_series(v->i->docket, each_series, v);

	return r == 0 ? docket_see_series(v->i->docket, (uint64_t)MAX(v->now, 0) + FUTURE_SECONDS_MAX) : r;
}
