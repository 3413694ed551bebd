/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "cli/explain.h"

#include <string.h>

#include "common/report.h"
#include "common/text.h"

void explain_init(struct explain_facts *f, uint32_t checks)
{
	f->findings.done = UINT32_MAX;
	f->subject = (struct subject){
		.path = "",
		.types = f->types,
		.containers = f->containers,
		.findings = &f->findings,
		.signers = f->signers,
		.listings = f->listings,
		.medium = { .kind = "" },
		.checks_required = checks,
	};
}

void explain_done(struct explain_facts *f)
{
	findings_done(&f->findings);
	json_decref(f->file);
	json_decref(f->report);
	json_decref(f->members);
}

/* -- printing ------------------------------------------------------------------------------------------------ */
static void put(FILE *out, const char *text)
{
	_cleanup_free_ char *clean = text_escape(text, strlen(text));

	fputs(clean ? clean : "?", out);
}

/* Who vouches for the file, and how that was proved. */
static void print_origin(const struct subject *s, FILE *out)
{
	for (size_t i = 0; i < s->signer_count; i++) {
		const struct judge_signer *g = &s->signers[i];

		fputs("  signed by ", out);
		put(out, g->key_name);
		if (g->key_id && *g->key_id) {
			fputs(", key ", out);
			put(out, g->key_id);
		}
		if (g->via && *g->via) {
			fputs(", proved by ", out);
			put(out, g->via);
		}
		fputc('\n', out);
	}
	for (size_t i = 0; i < s->listing_count; i++) {
		fprintf(out, "  %s as listed in ", s->listings[i].algorithm);
		put(out, s->listings[i].list);
		fputs(s->listings[i].signed_by ? ", signed\n" : ", which nobody signed whom the station trusts\n", out);
	}
}

static void print_members(const struct explain_members *m, FILE *out)
{
	if (m->count == 0)
		return;
	fprintf(out, "  %zu members, of which %zu do not pass%s\n", m->count, m->refused, m->refused ? ":" : "");
	for (size_t i = 0; i < m->named_count; i++) {
		const struct explain_member *x = &m->named[i];

		/* escaped already */
		fprintf(out, "    %s  %s: %s\n", verdict_name(x->verdict), *x->rule ? x->rule : "no rule", x->path);
	}
	if (m->refused > m->named_count)
		fprintf(out, "    and %zu more\n", m->refused - m->named_count);
}

static void print_text(const struct judge_trace *t, const struct subject *s, const struct explain_members *m, FILE *out)
{
	put(out, s->path);
	fputc('\n', out);
	for (size_t i = 0; i < s->container_count; i++) {
		fputs(i == 0 ? "  within " : ", in ", out);
		put(out, s->containers[i]);
		if (i + 1 == s->container_count)
			fputc('\n', out);
	}
	print_origin(s, out);
	for (size_t i = 0; i < t->count; i++) {
		fprintf(out, "  %s  %s: ", t->steps[i].is_match ? "fired " : "no    ", t->steps[i].rule);
		put(out, t->steps[i].why);
		fputc('\n', out);
	}
	if (!*t->judgement.rule)
		fputs("  none   no rule matches\n", out);
	print_members(m, out);
	fprintf(out, "%s\n", verdict_name(t->judgement.verdict));
	for (size_t i = 0; i < t->judgement.reason_count; i++) {
		const struct judgement_reason *r = &t->judgement.reasons[i];

		fprintf(out, "  %s (%s): %s", reason_code(r->reason), verdict_name(r->verdict), reason_sentence(r->reason));
		if (*r->detail) {
			fputs(" (", out);
			put(out, r->detail);
			fputc(')', out);
		}
		if (r->member) {
			fputs(" in ", out);
			put(out, r->member);
		}
		fprintf(out, "\n    %s\n", reason_next_step(r->reason));
	}
}

/* Escaped text is valid UTF-8, which json_string() insists on. NULL counts as out of memory. */
static json_t *clean_string(const char *text)
{
	_cleanup_free_ char *clean = text_escape(text, strlen(text));

	return clean ? json_string(clean) : NULL;
}

static int append(json_t *list, json_t *object)
{
	return object ? json_array_append_new(list, object) : -1;
}

static json_t *members_json(const struct explain_members *m)
{
	json_t *refused = json_array();
	int r = 0;

	for (size_t i = 0; i < m->named_count; i++)
		r |= append(refused, json_pack("{s:s, s:s, s:s}", "path", m->named[i].path, "verdict",
					       verdict_name(m->named[i].verdict), "rule", m->named[i].rule));
	if (r != 0) {
		json_decref(refused);
		return NULL;
	}
	return json_pack("{s:I, s:I, s:o}", "count", (json_int_t)m->count, "refused_count", (json_int_t)m->refused, "refused", refused);
}

static int print_json(const struct judge_trace *t, const struct subject *s, const struct explain_members *m, FILE *out)
{
	const struct judgement *j = &t->judgement;
	json_t *steps = json_array(), *reasons = json_array(), *signers = json_array(), *lists = json_array(), *all;
	json_t *within = json_array();
	int r = 0;

	for (size_t i = 0; i < t->count; i++)
		r |= append(steps, json_pack("{s:s, s:b, s:o}", "rule", t->steps[i].rule, "fired", t->steps[i].is_match, "why",
					     clean_string(t->steps[i].why)));
	for (size_t i = 0; i < j->reason_count; i++)
		r |= append(reasons, json_pack("{s:s, s:s, s:o, s:o}", "code", reason_code(j->reasons[i].reason), "verdict",
					       verdict_name(j->reasons[i].verdict), "detail",
					       clean_string(j->reasons[i].detail), "member",
					       clean_string(j->reasons[i].member ? j->reasons[i].member : "")));
	for (size_t i = 0; i < s->signer_count; i++)
		r |= append(signers, json_pack("{s:o, s:o, s:o}", "name", clean_string(s->signers[i].key_name), "key",
					       clean_string(s->signers[i].key_id ? s->signers[i].key_id : ""), "via",
					       clean_string(s->signers[i].via ? s->signers[i].via : "")));
	for (size_t i = 0; i < s->listing_count; i++)
		r |= append(lists, json_pack("{s:o, s:s, s:o?}", "list", clean_string(s->listings[i].list), "algorithm",
					     s->listings[i].algorithm, "signed_by",
					     s->listings[i].signed_by ? clean_string(s->listings[i].signed_by) : NULL));
	for (size_t i = 0; i < s->container_count; i++)
		r |= append(within, clean_string(s->containers[i]));
	all = json_pack("{s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:o, s:o}", "signers", signers, "lists", lists, "within", within,
			"members", members_json(m), "path", clean_string(s->path), "verdict", verdict_name(j->verdict), "rule",
			j->rule, "reasons", reasons, "rules_tried", steps);
	if (r != 0 || !all || json_dumpf(all, out, JSON_SORT_KEYS | JSON_COMPACT) != 0)
		r = -ENOMEM;
	fputc('\n', out);
	json_decref(all);
	return r;
}

int rules_explain_print(const struct rule_set *rules, const struct explain_facts *f, bool is_json, FILE *out)
{
	struct explain_members *m = calloc(1, sizeof(*m));
	struct judge_trace t;
	int r = m ? judge_explain(rules, &f->subject, &t) : -ENOMEM;

	if (r < 0) {
		free(m);
		return r;
	}
	r = explain_members(rules, f, &t.judgement, m);
	if (r == 0 && is_json)
		r = print_json(&t, &f->subject, m, out);
	else if (r == 0)
		print_text(&t, &f->subject, m, out);
	if (r == 0)
		r = t.judgement.verdict == VERDICT_APPROVED;
	explain_members_done(m);
	free(m);
	judge_trace_done(&t);
	return r;
}

/* -- facts of a report ---------------------------------------------------------------------------------------- */
/* Those that come of the rules of that day; the rules of today are being asked. Of members the report has no facts, so that
 * what the rules said of them then stands. */
static bool is_rules_word(enum reason reason)
{
	return reason == REASON_TYPE_DENIED || reason == REASON_NO_RULE || reason == REASON_TYPE_MISMATCH ||
	       reason == REASON_TYPE_UNKNOWN || reason == REASON_UNSIGNED;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static int take_reasons(struct explain_facts *f)
{
	json_t *x;
	size_t i;

	json_array_foreach(json_object_get(f->file, "reasons"), i, x) {
		const char *member = text_of(x, "member");
		enum reason reason;
		int r;

		if (reason_parse(text_of(x, "code"), &reason) < 0)
			return -EBADMSG;
		if (is_rules_word(reason) && !*member)
			continue;
		r = findings_add(&f->findings, reason, *member ? member : NULL, "%s", text_of(x, "detail"));
		if (r < 0)
			return r;
	}
	return 0;
}

static int take_file(struct explain_facts *f)
{
	struct subject *s = &f->subject;
	json_t *x;
	size_t i;

	s->path = text_of(f->file, "path");
	s->size = (uint64_t)json_integer_value(json_object_get(f->file, "size"));
	f->types[0] = text_of(f->file, "type");
	s->type_count = *f->types[0] ? 1 : 0;
	json_array_foreach(json_object_get(f->file, "signers"), i, x)
		if (s->signer_count < EXPLAIN_MAX)
			f->signers[s->signer_count++] =
				(struct judge_signer){ text_of(x, "name"), text_of(x, "key"), text_of(x, "via") };
	if (s->type_count == 0)
		f->findings.done &= ~(uint32_t)CHECK_TYPE;
	return take_reasons(f);
}

int explain_from_report(FILE *in, const char *path, struct explain_facts *f)
{
	_cleanup_(report_reader_freep) struct report_reader *reader = NULL;
	json_t *file, *medium;
	int r = report_reader_new(in, &reader);

	while (r == 0 && (r = report_next(reader, &file)) == 1) {
		if (!f->file && strcmp(text_of(file, "path"), path) == 0)
			f->file = json_incref(file);
		json_decref(file);
		r = 0;
	}
	if (r == 0)
		r = report_rest(reader, &f->report);
	if (r < 0)
		return r;
	if (!f->file)
		return -ENOENT;
	medium = json_object_get(f->report, "medium");
	f->subject.medium = (struct judge_medium){ text_of(medium, "kind"), text_of(medium, "vendor"), text_of(medium, "model"),
						   text_of(medium, "serial") };
	f->subject.operator_name = text_of(f->report, "operator");
	return take_file(f);
}
