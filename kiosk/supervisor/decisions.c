/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Officers' decisions in an inspection. They are loaded when its files are judged, all at once: what was denied while it read counts,
 * and 100,000 files cost no message each. */
#include "ipc/decisions_client.h"
#include "supervisor/judging.h"

#include <string.h>

static int keep(void *context, const struct ledger_decision *x)
{
	struct inspection *i = context;
	struct docket_decision d = { .decision = x->decision, .until = (int64_t)x->until };

	(void)snprintf(d.id, sizeof(d.id), "%s", x->id); /* as long as it may be */
	return docket_add_decision(i->docket, x->sha256, &d);
}

int decisions_load(struct judging *j)
{
	struct inspection *i = j->i;
	_cleanup_free_ char *why = NULL;
	int r = ledger_decisions(&i->supervisor->ledger.channel, keep, i, &why);

	/* the trail is altered: what was denied may be missing from it, so that nothing passes, but the report can be written */
	j->are_decisions_unknown = r == -EBADMSG;
	if (r == -EBADMSG) {
		events_warning(i->supervisor->events, "nobody can say what officers have decided: %s. Nothing is approved.", why ? why : strerror(-r));
		return 0;
	}
	if (r < 0)
		inspection_trouble(i, "decisions of officers", r, why);
	return r;
}

int decisions_of(struct judging *j, const uint8_t sum[static SHA256_LEN], bool is_member, struct docket_decision *ret)
{
	int r = docket_decision_of(j->i->docket, sum, j->now, ret);

	if (r == 0 && is_member && ret->decision != DECISION_REJECT && ret->decision != DECISION_DENY)
		ret->decision = DECISION_NONE;
	return r;
}

const char *decisions_rule(const struct judgement *g)
{
	bool is_settled = g->decision != DECISION_NONE && (g->verdict == VERDICT_APPROVED || g->decision == DECISION_REJECT ||
							   g->decision == DECISION_DENY);

	return is_settled ? decision_name(g->decision) : g->rule;
}

int decisions_tell(struct judging *j, uint64_t id, const struct docket_decision *x, const struct judgement *g)
{
	_cleanup_free_ char *text = NULL;
	json_t *o;

	if (g->decision == DECISION_NONE)
		return 0;
	o = json_pack("{s:s,s:s,s:o,s:o,s:o}", "decision", decision_name(g->decision), "id", x->id, "reasons",
		      judging_reasons(g->overridden, g->overridden_count), "rule", *g->rule ? json_string(g->rule) : json_null(), "until",
		      x->until ? json_integer(x->until) : json_null());
	text = o ? json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	json_decref(o);
	return text ? docket_decided(j->i->docket, id, text) : -ENOMEM;
}
