/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Stage "judge": for each entry, gather what is known into a subject, ask the judge, write the verdict down. */
#include "supervisor/judging.h"

#include <string.h>
#include <time.h>

#include "common/name.h"
#include "common/text.h"

#define FILES_PREFIX "files/"

void judging_forget_origin(struct judging *j, size_t signers, size_t listings)
{
	for (size_t k = signers; k < j->signer_count; k++) {
		free(j->signers[k].key_name);
		free(j->signers[k].key_id);
		free(j->signers[k].via);
	}
	for (size_t k = listings; k < j->listing_count; k++) {
		free(j->listings[k].list_path);
		free(j->listings[k].signed_by);
	}
	j->signer_count = signers;
	j->listing_count = listings;
}

static void entry_facts_done(struct judging *j)
{
	facts_done(&j->facts);
	json_decref(j->told);
	j->told = NULL;
	judging_forget_origin(j, 0, 0);
}

static int load_findings(struct findings *f, const char *text)
{
	json_t *list = json_loads(text, 0, NULL), *o;
	size_t k;
	int r = json_is_array(list) ? 0 : -EIO;

	json_array_foreach(list, k, o) {
		const char *code = json_string_value(json_object_get(o, "code"));
		const char *detail = json_string_value(json_object_get(o, "detail"));
		enum reason reason;

		if (r == 0)
			r = code && detail ? reason_parse(code, &reason) : -EIO;
		if (r == 0)
			r = findings_add(f, reason, json_string_value(json_object_get(o, "member")), "%s", detail);
	}
	json_decref(list);
	return r;
}

static int load_types(struct examined_facts *f, const char *text)
{
	f->types = json_loads(text, 0, NULL);
	if (!json_is_array(f->types))
		return -EIO;
	for (size_t k = 0; k < json_array_size(f->types) && k < POOL_TYPES_MAX; k++)
		f->type_list[f->type_count++] = json_string_value(json_array_get(f->types, k));
	return 0;
}

static int add_owed(void *context, const char *member, const char *detail)
{
	struct examined_facts *f = context;
	_cleanup_free_ char *clean = text_escape(detail, strlen(detail)), *path = member ? text_escape(member, strlen(member)) : NULL;

	return clean && (path || !member) ? findings_add(&f->findings, REASON_CONTAINER_OPAQUE, path, "%s", clean) : -ENOMEM;
}

int facts_load(struct examined_facts *f, struct inspection *i, uint64_t root, uint64_t id, const char *types, const char *findings)
{
	int r = load_findings(&f->findings, findings);

	if (r == 0)
		r = docket_owed(i->docket, root, id, add_owed, f);
	return r == 0 ? load_types(f, types) : r;
}

void facts_done(struct examined_facts *f)
{
	findings_done(&f->findings);
	json_decref(f->types);
	f->types = NULL;
	f->type_count = 0;
}

int facts_of_stream(struct examined_facts *f, enum stream_status status, const char *trouble)
{
	static const enum reason by_status[STREAM_STATUS_COUNT_] = {
		[STREAM_COMPLETE] = REASON_UNREADABLE, [STREAM_UNREADABLE] = REASON_UNREADABLE,
		[STREAM_CHANGED] = REASON_CHANGED_WHILE_READING, [STREAM_QUOTA] = REASON_QUOTA_EXCEEDED,
		[STREAM_NO_SPACE] = REASON_QUOTA_EXCEEDED, [STREAM_CUT] = REASON_UNREADABLE,
	};

	return findings_add(&f->findings, by_status[status], NULL, "%s",
			    *trouble ? trouble : "the bytes did not reach the vault whole");
}

static int kind_findings(struct examined_facts *x, const struct docket_entry *e)
{
	struct findings *f = &x->findings;

	if (e->kind == ENTRY_SYMLINK)
		return findings_add(f, REASON_SYMLINK, NULL, "symbolic link");
	if (e->kind == ENTRY_SPECIAL)
		return findings_add(f, REASON_SPECIAL_FILE, NULL, "%s", e->trouble);
	if (e->kind == ENTRY_DIR_TROUBLE)
		return findings_add(f, strcmp(e->trouble, "too many levels of directories") == 0 ? REASON_LIMIT_EXCEEDED :
												   REASON_UNREADABLE,
				    NULL, "directory: %s", e->trouble);
	return e->has_sum ? 0 : facts_of_stream(x, e->status, e->trouble);
}

static bool has_several_volumes(const struct inspection *i)
{
	size_t read = 0;

	for (size_t k = 0; k < i->medium.volume_count; k++)
		read += strcmp(i->medium.volumes[k].outcome, "read") == 0 || strcmp(i->medium.volumes[k].outcome, "partial") == 0;
	return read > 1;
}

static char *path_of(const struct docket_entry *e, bool has_volumes)
{
	char *path;
	int n = has_volumes ? asprintf(&path, FILES_PREFIX "volume-%u/%s", e->volume, e->path) :
					 asprintf(&path, FILES_PREFIX "%s", e->path);

	return n < 0 ? NULL : path;
}

static char *published_path(const struct judging *j, const struct docket_entry *e)
{
	return path_of(e, j->has_several_volumes);
}

char *inspection_published_path(const struct inspection *i, const struct docket_entry *e)
{
	return path_of(e, has_several_volumes(i));
}

static int name_findings(struct judging *j, const struct docket_entry *e)
{
	_cleanup_free_ char *other = NULL, *clean = NULL, *published = published_path(j, e);
	const char *why;
	int r;

	if (!published)
		return -ENOMEM;
	/* As it would be published, beneath its volume: what the publisher refuses costs the whole transfer. */
	if (name_path_valid(e->path, strlen(e->path), &why) < 0 ||
	    name_path_valid(published + strlen(FILES_PREFIX), strlen(published) - strlen(FILES_PREFIX), &why) < 0) {
		j->facts.findings.done |= CHECK_NAME;
		return findings_add(&j->facts.findings, REASON_UNSAFE_NAME, NULL, "%s", why);
	}
	r = docket_collision(j->i->docket, e->volume, e->path, &other);
	if (r == 0 && other) {
		clean = text_escape(other, strlen(other));
		r = clean ? findings_add(&j->facts.findings, REASON_NAME_COLLISION, NULL, "same as %s on some systems", clean) :
			    -ENOMEM;
	}
	if (r == 0)
		j->facts.findings.done |= CHECK_NAME;
	return r;
}

static int keep_signer(void *context, const struct docket_signer *g)
{
	struct judging *j = context;
	struct docket_signer *copy = &j->signers[j->signer_count];

	if (j->signer_count == SIGNERS_MAX)
		return 0; /* more than enough to trust it */
	*copy = (struct docket_signer){ strdup(g->key_name), strdup(g->key_id), strdup(g->via) };
	j->judge_signers[j->signer_count++] = (struct judge_signer){ copy->key_name, copy->key_id, copy->via };
	return copy->key_name && copy->key_id && copy->via ? 0 : -ENOMEM;
}

static int keep_listing(void *context, const struct docket_listing *l)
{
	struct judging *j = context;
	struct docket_listing *copy = &j->listings[j->listing_count];

	if (j->listing_count == LISTINGS_MAX)
		return 0;
	*copy = *l;
	copy->list_path = strdup(l->list_path);
	copy->signed_by = l->signed_by ? strdup(l->signed_by) : NULL;
	j->judge_listings[j->listing_count++] = (struct judge_listing){ copy->list_path, copy->algorithm, copy->signed_by };
	return copy->list_path && (!l->signed_by || copy->signed_by) ? 0 : -ENOMEM;
}

int judging_origin(struct judging *j, uint64_t id)
{
	int r = docket_signers(j->i->docket, id, keep_signer, j);

	return r == 0 ? docket_covers(j->i->docket, id, keep_listing, j) : r;
}

/* Details were escaped when they came in; the judge's own words may quote a name. A backslash alone is no reason to
 * escape once more. */
static json_t *safe_string(const char *s)
{
	_cleanup_free_ char *probe = strdup(s), *clean = NULL;
	char *to = probe;

	if (!probe)
		return NULL;
	for (const char *from = s; *from; from++)
		if (*from != '\\')
			*to++ = *from;
	*to = '\0';
	if (text_clean(probe, strlen(probe)))
		return json_string(s);
	clean = text_escape(s, strlen(s));
	return clean ? json_string(clean) : NULL;
}

json_t *judging_reasons(const struct judgement_reason *reasons, size_t count)
{
	json_t *list = json_array();

	for (size_t k = 0; list && k < count; k++) {
		const struct judgement_reason *x = &reasons[k];
		json_t *o = json_pack("{s:s,s:o,s:o}", "code", reason_code(x->reason), "detail", safe_string(x->detail), "member",
				      x->member ? safe_string(x->member) : json_null());

		if (!o || json_array_append_new(list, o) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static void tell_verdict(struct judging *j, const struct docket_entry *e, const struct judgement *g, json_t *reasons)
{
	_cleanup_free_ char *path = text_escape(e->path, strlen(e->path));

	if (path)
		events_send(j->i->supervisor->events, "verdict",
			    json_pack("{s:I,s:s,s:s,s:s,s:O}", "volume", (json_int_t)e->volume, "path", path, "verdict",
				      verdict_name(g->verdict), "rule", decisions_rule(g), "reasons", reasons));
}

int facts_tell(struct judging *j, const struct examined_facts *f, const char *path)
{
	if (!j->told && !(j->told = json_array()))
		return -ENOMEM;
	for (size_t k = 0; k < f->findings.count && json_array_size(j->told) < JUDGING_TOLD; k++) {
		const struct finding *x = &f->findings.list[k];
		_cleanup_free_ char *member = NULL;

		if (path && asprintf(&member, "%s%s%s", path, x->member ? "/" : "", x->member ? x->member : "") < 0) {
			member = NULL;
			return -ENOMEM;
		}
		if (json_array_append_new(j->told, json_pack("{s:s,s:s,s:s?}", "code", reason_code(x->reason), "detail", x->detail,
							    "member", path ? member : x->member)) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* What officers have set aside no signature has vouched for: the report has it under `decision`. */
static void drop_overridden(json_t *told, const struct judgement *g)
{
	for (size_t k = json_array_size(told); k-- > 0;) {
		const char *code = json_string_value(json_object_get(json_array_get(told, k), "code"));
		bool is_overridden = false;

		for (size_t n = 0; n < g->overridden_count; n++)
			is_overridden |= code && strcmp(code, reason_code(g->overridden[n].reason)) == 0;
		if (is_overridden)
			(void)json_array_remove(told, k); /* k is within it */
	}
}

/* What a signature stood in for is in the report of a file that passes. */
static int store_told(struct judging *j, const struct docket_entry *e, const struct judgement *g)
{
	_cleanup_free_ char *text = NULL;
	int r = facts_tell(j, &j->facts, NULL);

	if (r < 0 || g->verdict != VERDICT_APPROVED || json_array_size(j->told) == 0)
		return r;
	drop_overridden(j->told, g);
	text = json_dumps(j->told, JSON_COMPACT | JSON_SORT_KEYS);
	return text ? docket_set_findings(j->i->docket, e->id, text) : -ENOMEM;
}

static int store(struct judging *j, const struct docket_entry *e, const struct judgement *g)
{
	json_t *reasons = judging_reasons(g->reasons, g->reason_count);
	_cleanup_free_ char *text = reasons ? json_dumps(reasons, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	_cleanup_free_ char *path = g->verdict == VERDICT_APPROVED ? published_path(j, e) : NULL;
	int r = -ENOMEM;

	if (text && (path || g->verdict != VERDICT_APPROVED))
		r = docket_judged(j->i->docket, e->id, g->verdict, decisions_rule(g), text, path);
	if (r == 0 && !j->i->is_aborted)
		tell_verdict(j, e, g, reasons);
	json_decref(reasons);
	return r;
}

static int gather(struct judging *j, const struct docket_entry *e, struct subject *s)
{
	int r;

	j->facts.findings.done = e->done;
	r = facts_load(&j->facts, j->i, e->id, e->id, e->types, e->findings);
	if (r == 0)
		r = kind_findings(&j->facts, e);
	if (r == 0)
		r = name_findings(j, e);
	if (r == 0 && j->i->supervisor->is_database_stale)
		r = findings_add(&j->facts.findings, REASON_DATABASE_STALE, NULL, "older than the station allows");
	if (r == 0 && j->are_decisions_unknown)
		r = findings_add(&j->facts.findings, REASON_SCAN_ERROR, NULL, "nobody can say what officers have decided: the audit trail is not good");
	s->type_count = j->facts.type_count;
	return r == 0 ? judging_origin(j, e->id) : r;
}

/* Everything that the judge will be told, for `lazaret rules explain`. */
static void tell_facts(struct judging *j, const struct docket_entry *e, const struct subject *s)
{
	_cleanup_free_ char *path = text_escape(e->path, strlen(e->path));
	json_t *findings = json_array(), *signers = json_array(), *lists = json_array();

	for (size_t k = 0; k < j->facts.findings.count; k++) {
		const struct finding *f = &j->facts.findings.list[k];

		json_array_append_new(findings, json_pack("{s:s,s:s,s:s?}", "code", reason_code(f->reason), "detail", f->detail,
							  "member", f->member));
	}
	for (size_t k = 0; k < s->signer_count; k++)
		json_array_append_new(signers, json_pack("{s:s,s:s,s:o}", "name", s->signers[k].key_name, "key",
							 s->signers[k].key_id, "via", safe_string(s->signers[k].via)));
	for (size_t k = 0; k < s->listing_count; k++)
		json_array_append_new(lists, json_pack("{s:o,s:s,s:s?}", "list", safe_string(s->listings[k].list), "algorithm",
						       s->listings[k].algorithm, "signed_by", s->listings[k].signed_by));
	events_send(j->i->supervisor->events, "facts",
		    json_pack("{s:s?,s:b,s:I,s:O,s:o,s:o,s:o,s:I}", "path", path, "asked",
			      j->i->asked && strcmp(j->i->asked, e->path) == 0, "size", (json_int_t)e->size, "types", j->facts.types, "findings",
			      findings, "signers", signers, "lists", lists, "done", (json_int_t)j->facts.findings.done));
}

static int each(void *context, struct docket_entry *e)
{
	struct judging *j = context;
	const struct inspection_medium *m = &j->i->medium;
	const char *operator_name = j->i->request->operator_name;
	struct judgement g = { .verdict = VERDICT_BLOCKED };
	struct docket_decision decision = { .decision = DECISION_NONE };
	struct subject s = {
		.volume = e->volume, .path = e->path, .size = e->size, .types = j->facts.type_list, .findings = &j->facts.findings,
		.signers = j->judge_signers, .listings = j->judge_listings,
		/* where a device hangs is not told yet: a device is a disk until intake knows better */
		.medium = { strcmp(m->kind, "device") == 0 ? "disk" : m->kind, m->vendor, m->model, m->serial },
		.operator_name = *operator_name ? operator_name : NULL,
		.checks_required = j->i->supervisor->config->checks,
	};
	int r = gather(j, e, &s);

	memcpy(s.sha256, e->sum, SHA256_LEN);
	s.signer_count = j->signer_count;
	s.listing_count = j->listing_count;
	if (r == 0 && j->i->request->is_explaining)
		tell_facts(j, e, &s);
	if (r == 0)
		r = judge_file(j->i->supervisor->rules, &s, &g);
	if (r == 0 && e->has_sum)
		r = judge_members(j, e, &s, &g);
	if (r == 0 && e->has_sum)
		r = decisions_of(j, e->sum, false, &decision);
	s.decision = decision.decision;
	if (r == 0)
		r = judge_decide(&s, &g);
	if (r == 0)
		r = decisions_tell(j, e->id, &decision, &g);
	if (r == 0)
		r = store_told(j, e, &g);
	if (r == 0)
		r = store(j, e, &g);
	judgement_done(&g);
	entry_facts_done(j);
	return r;
}

int inspection_judge(struct inspection *i)
{
	struct judging *j = calloc(1, sizeof(*j));
	int r = -ENOMEM;

	if (j) {
		j->i = i;
		j->has_several_volumes = has_several_volumes(i);
		j->now = time(NULL);
		r = i->request->is_explaining ? 0 : decisions_load(j);
		if (r == 0)
			r = docket_each(i->docket, each, j);
		if (r < 0)
			inspection_trouble(i, "judging", r, NULL);
	}
	free(j);
	return r;
}
