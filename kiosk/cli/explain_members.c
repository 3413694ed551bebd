/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What is in a file, as the supervisor judges it: each member like a file, with the signers of the file around it. */
#include "cli/explain.h"

#include <string.h>

#include "common/text.h"
#include "judge/roll_up.h"

static int keep(struct explain_members *m, const char *path, const struct judgement *g)
{
	struct explain_member *x = &m->named[m->named_count];

	m->refused++;
	if (m->named_count == EXPLAIN_NAMED_MAX)
		return 0;
	*x = (struct explain_member){ strdup(path), g->verdict, g->rule };
	m->named_count += x->path != NULL;
	return x->path ? 0 : -ENOMEM;
}

static int judge_member(const struct rule_set *rules, const struct explain_facts *f, const json_t *event,
			const struct judgement *file, struct roll_up *rolled, struct explain_members *m)
{
	struct explain_facts own = { 0 };
	const char *within = json_string_value(json_object_get(event, "member"));
	struct judgement g = { .verdict = VERDICT_BLOCKED, .rule = "" };
	_cleanup_free_ char *path = NULL;
	int r;

	own.subject = f->subject; /* medium, people, signers, lists */
	own.subject.types = own.types;
	own.subject.type_count = 0;
	own.subject.findings = &own.findings;
	own.subject.containers = own.containers;
	own.subject.container_count = 0;
	r = explain_take_facts(&own, event);
	if (!within)
		within = own.subject.path;
	path = text_escape(within, strlen(within));
	if (r == 0)
		r = path ? judge_file(rules, &own.subject, &g) : -ENOMEM;
	if (r == 0 && g.verdict != VERDICT_APPROVED)
		r = roll_up_add(rolled, file, &g, path);
	if (r == 0 && g.verdict != VERDICT_APPROVED)
		r = keep(m, path, &g);
	m->count++;
	judgement_done(&g);
	findings_done(&own.findings);
	return r;
}

int explain_members(const struct rule_set *rules, const struct explain_facts *f, struct judgement *file,
		    struct explain_members *ret)
{
	struct roll_up *rolled = calloc(1, sizeof(*rolled));
	json_t *event;
	size_t i;
	int r = rolled ? 0 : -ENOMEM;

	json_array_foreach(f->members, i, event) {
		r = r == 0 ? judge_member(rules, f, event, file, rolled, ret) : r;
		if (r < 0)
			break;
	}
	if (r == 0)
		r = roll_up_end(rolled, file);
	if (rolled)
		roll_up_done(rolled);
	free(rolled);
	return r;
}

void explain_members_done(struct explain_members *m)
{
	for (size_t i = 0; i < m->named_count; i++)
		free(m->named[i].path);
	m->named_count = 0;
}
