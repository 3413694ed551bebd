/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Members of containers are judged like files, with the signers of what they are in: a signature over an archive is one over
 * every byte of it. One member that does not pass holds or blocks the file. */
#include "supervisor/judging.h"

#include <string.h>

#include "common/text.h"
#include "judge/roll_up.h"

struct place {
	uint64_t container; /* whose members these are; 0: not known yet */
	char *prefix;	    /* escaped path within the file, with '/' behind it; "" directly in the file */
	char *types[CONTAINERS_MAX]; /* owned; main types, the nearest container first */
	size_t count;
};

struct member_judging {
	struct judging *j;
	const struct docket_entry *entry;
	const struct subject *file;
	const struct judgement *g; /* the file's own */
	struct roll_up rolled;
	struct place place;
};

static void place_done(struct place *p)
{
	for (size_t k = 0; k < p->count; k++)
		free(p->types[k]);
	free(p->prefix);
	memset(p, 0, sizeof(*p));
}

/* What libmagic has no word for has one of the examiners' own behind it. */
static char *main_type(const char *types)
{
	json_t *list = json_loads(types, 0, NULL);
	const char *first = json_string_value(json_array_get(list, 0)), *second = json_string_value(json_array_get(list, 1));
	bool is_vague = !first || strcmp(first, "application/octet-stream") == 0 || strcmp(first, "text/plain") == 0;
	char *copy = strdup(is_vague && second ? second : first ? first : "application/octet-stream");

	json_decref(list);
	return copy;
}

static int add_container(struct place *p, const char *types)
{
	if (p->count == CONTAINERS_MAX)
		return -EOVERFLOW;
	p->types[p->count] = main_type(types);
	return p->types[p->count++] ? 0 : -ENOMEM;
}

/* From the container upwards to the file. */
static int find_place(struct member_judging *mj, uint64_t container)
{
	struct place *p = &mj->place;
	uint64_t id = container;
	int r = 0;

	place_done(p);
	p->container = container;
	p->prefix = strdup("");
	while (r == 0 && p->prefix && docket_is_member(id)) {
		struct docket_member m = { 0 };
		_cleanup_free_ char *clean = NULL, *longer = NULL;

		r = docket_get_member(mj->j->i->docket, id, &m);
		if (r > 0) {
			clean = text_escape(m.path, strlen(m.path));
			if (!clean || asprintf(&longer, "%s/%s", clean, p->prefix) < 0)
				longer = NULL;
			r = longer ? add_container(p, m.types) : -ENOMEM;
			id = m.container;
		} else if (r == 0) {
			r = -EIO;
		}
		docket_member_done(&m);
		if (r == 0) {
			free(p->prefix);
			p->prefix = TAKE_PTR(longer);
		}
	}
	return r < 0 ? r : p->prefix ? add_container(p, mj->entry->types) : -ENOMEM;
}

/* Everything that the judge will be told, for `lazaret rules explain`. */
static void tell_facts(const struct member_judging *mj, const struct subject *s, const struct examined_facts *f, const char *path)
{
	_cleanup_free_ char *own = text_escape(s->path, strlen(s->path));
	const struct inspection *i = mj->j->i;
	json_t *findings = json_array(), *containers = json_array();

	for (size_t k = 0; k < f->findings.count; k++) {
		const struct finding *x = &f->findings.list[k];

		json_array_append_new(findings, json_pack("{s:s,s:s,s:s?}", "code", reason_code(x->reason), "detail", x->detail,
							  "member", x->member));
	}
	for (size_t k = 0; k < s->container_count; k++)
		json_array_append_new(containers, json_string(s->containers[k]));
	events_send(i->supervisor->events, "facts",
		    json_pack("{s:s?,s:s,s:b,s:I,s:O,s:o,s:o,s:I}", "path", own, "member", path, "asked",
			      i->asked && strcmp(i->asked, mj->entry->path) == 0, "size", (json_int_t)s->size, "types", f->types,
			      "containers", containers, "findings", findings, "done", (json_int_t)f->findings.done));
}

static int judge_one(struct member_judging *mj, const struct docket_member *m, struct examined_facts *f)
{
	struct subject s = *mj->file;
	struct judgement g = { .verdict = VERDICT_BLOCKED };
	struct docket_decision decision = { .decision = DECISION_NONE };
	const size_t signers = mj->j->signer_count, listings = mj->j->listing_count;
	_cleanup_free_ char *clean = text_escape(m->path, strlen(m->path)), *path = NULL;
	int r;

	if (!clean || asprintf(&path, "%s%s", mj->place.prefix, clean) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	s.path = m->path;
	s.containers = (const char *const *)mj->place.types;
	s.container_count = mj->place.count;
	s.size = m->size;
	memcpy(s.sha256, m->sum, SHA256_LEN);
	s.types = f->type_list;
	s.type_count = f->type_count;
	s.findings = &f->findings;
	r = judging_origin(mj->j, m->id); /* and the file's, which are over every byte of it */
	s.signer_count = mj->j->signer_count;
	s.listing_count = mj->j->listing_count;
	if (r == 0 && mj->j->i->request->is_explaining)
		tell_facts(mj, &s, f, path);
	if (r == 0)
		r = judge_file(mj->j->i->supervisor->rules, &s, &g);
	if (r == 0 && m->has_sum)
		r = decisions_of(mj->j, m->sum, true, &decision);
	s.decision = decision.decision;
	if (r == 0)
		r = judge_decide(&s, &g);
	if (r == 0 && g.verdict != VERDICT_APPROVED)
		r = roll_up_add(&mj->rolled, mj->g, &g, path);
	judgement_done(&g);
	judging_forget_origin(mj->j, signers, listings);
	return r;
}

static int tell_place(struct member_judging *mj, const struct docket_member *m, const struct examined_facts *f)
{
	_cleanup_free_ char *clean = text_escape(m->path, strlen(m->path)), *path = NULL;

	if (!clean || asprintf(&path, "%s%s", mj->place.prefix, clean) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	return facts_tell(mj->j, f, path);
}

static int each_member(void *context, struct docket_member *m)
{
	struct member_judging *mj = context;
	struct examined_facts f = { 0 };
	int r;

	/* what a budget or the spool had no room for, and what an opener gave up (encrypted, damaged), is told of the container, which
	 * does not count as opened; a reader of a disk image has words of its own */
	if (!m->has_sum && (m->status == STREAM_QUOTA || m->status == STREAM_NO_SPACE || (m->status == STREAM_UNREADABLE && !*m->trouble)))
		return 0;
	r = m->container == mj->place.container ? 0 : find_place(mj, m->container);

	/* where the file comes from is known of all that is in it */
	f.findings.done = m->done | CHECK_NAME | (mj->file->findings->done & (CHECK_LISTS | CHECK_ORIGIN));
	if (r == 0)
		r = facts_load(&f, mj->j->i, m->root, m->id, m->types, m->findings);
	if (r == 0 && !m->has_sum && m->status == STREAM_CUT)
		r = findings_add(&f.findings, REASON_SCAN_ERROR, NULL, "its bytes did not come out whole");
	else if (r == 0 && !m->has_sum)
		r = facts_of_stream(&f, m->status, m->trouble);
	if (r == 0)
		r = judge_one(mj, m, &f);
	if (r == 0 && f.findings.count > 0)
		r = tell_place(mj, m, &f);
	facts_done(&f);
	return r;
}

int judge_members(struct judging *j, const struct docket_entry *e, const struct subject *file, struct judgement *g)
{
	struct member_judging *mj = calloc(1, sizeof(*mj));
	int r;

	if (!mj)
		return -ENOMEM;
	*mj = (struct member_judging){ .j = j, .entry = e, .file = file, .g = g };
	r = docket_each_member(j->i->docket, e->id, each_member, mj);
	if (r == 0)
		r = roll_up_end(&mj->rolled, g);
	roll_up_done(&mj->rolled);
	place_done(&mj->place);
	free(mj);
	return r;
}
