/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Findings and rules -> verdict and reasons. Runs in the supervisor; pure.
 *
 * A file is never approved by what is absent: every finding is a reason, and so is each required check that did not
 * run to its end, what the rule itself says, and what it requires and is not met. Approval is what remains when a
 * rule approves and the list of reasons is empty. */
#include "judge/judge.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "judge/rule.h"

const char *const judge_medium_kinds[] = { "usb", "card", "optical", "disk", "image", "directory", NULL };

struct check_row {
	enum check check;
	const char *name;
	uint64_t explained_by; /* reasons (bits) that say why this check did not run to its end */
};

#define BIT(r) (UINT64_C(1) << REASON_##r)
#define BROKEN (BIT(SCAN_ERROR) | BIT(SCAN_TIMEOUT) | BIT(SCANNER_CRASHED))

static const struct check_row check_rows[] = {
	{ CHECK_READ, "read",
	  BIT(UNREADABLE) | BIT(CHANGED_WHILE_READING) | BIT(QUOTA_EXCEEDED) | BIT(SPECIAL_FILE) | BIT(SYMLINK) |
		  BIT(LIMIT_EXCEEDED) },
	{ CHECK_NAME, "name", BIT(UNSAFE_NAME) | BIT(NAME_COLLISION) },
	{ CHECK_VIRUS, "virus",
	  BROKEN | BIT(MALWARE) | BIT(HASH_DENIED) | BIT(ENCRYPTED) | BIT(ARCHIVE_UNSAFE) | BIT(LIMIT_EXCEEDED) |
		  BIT(CONTAINER_OPAQUE) | BIT(DATABASE_STALE) },
	{ CHECK_TYPE, "type", BROKEN },
	{ CHECK_LISTS, "lists", BIT(CHECKSUM_MISMATCH) },
	{ CHECK_ORIGIN, "origin", BIT(BAD_SIGNATURE) | BIT(UNTRUSTED_KEY) },
	{ CHECK_CONTENT, "content", BROKEN | BIT(ACTIVE_CONTENT) | BIT(ARCHIVE_UNSAFE) | BIT(TYPE_MISMATCH) },
	{ CHECK_MEMBERS, "members",
	  BROKEN | BIT(MALWARE) | BIT(HASH_DENIED) | BIT(ENCRYPTED) | BIT(ARCHIVE_UNSAFE) | BIT(LIMIT_EXCEEDED) |
		  BIT(CONTAINER_OPAQUE) | BIT(QUOTA_EXCEEDED) },
	{ CHECK_YARA, "yara", BROKEN | BIT(LIMIT_EXCEEDED) },
	{ CHECK_PLUGINS, "plugins", BROKEN },
};

_Static_assert(REASON_COUNT_ <= 64, "reasons are kept as bits");

/* What could not be looked into, as opposed to what was found or failed: a signature that vouches for 'virus' can stand
 * in for these alone. A crash or an error may be the file's doing. */
#define VOUCHABLE_VIRUS (BIT(ENCRYPTED) | BIT(LIMIT_EXCEEDED) | BIT(CONTAINER_OPAQUE) | BIT(SCAN_TIMEOUT))

const char *check_name(enum check check)
{
	for (size_t i = 0; i < ARRAY_LEN(check_rows); i++)
		if (check_rows[i].check == check)
			return check_rows[i].name;
	return NULL;
}

/* -- the list of reasons --------------------------------------------------------------------------------- */
struct bench {
	const struct rule_set *set;
	const struct rule *rule; /* NULL: none matched */
	const struct subject *s;
	struct judgement *j;
	uint64_t reasons; /* bits of the findings that count */
};

static bool is_same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* One reason is told once; what two checks say of it is told together. */
static int append_detail(struct judgement_reason *r, const char *detail)
{
	char *both;

	if (!*detail || strstr(r->detail, detail))
		return 0;
	if (asprintf(&both, "%s%s%s", r->detail, *r->detail ? "; " : "", detail) < 0)
		return -ENOMEM;
	free(r->detail);
	r->detail = both;
	return 0;
}

_must_check_ static int add(struct bench *b, enum reason reason, enum verdict verdict, const char *member,
			    const char *fmt, ...) _printf_(5, 6);

static int add(struct bench *b, enum reason reason, enum verdict verdict, const char *member, const char *fmt, ...)
{
	_cleanup_free_ char *detail = NULL, *copy = NULL;
	struct judgement_reason *list;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&detail, fmt, ap);
	va_end(ap);
	if (n < 0) {
		detail = NULL;
		return -ENOMEM;
	}
	for (size_t i = 0; i < b->j->reason_count; i++) {
		struct judgement_reason *r = &b->j->reasons[i];

		if (r->reason == reason && is_same(r->member, member)) {
			r->verdict = MAX(r->verdict, verdict);
			return append_detail(r, detail);
		}
	}
	if (member && !(copy = strdup(member)))
		return -ENOMEM;
	list = reallocarray(b->j->reasons, b->j->reason_count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	b->j->reasons = list;
	list[b->j->reason_count++] = (struct judgement_reason){ reason, verdict, TAKE_PTR(detail), TAKE_PTR(copy) };
	return 0;
}

#define ADD(b, reason, ...) add(b, reason, rule_reason_verdict((b)->set, (b)->rule, reason), NULL, __VA_ARGS__)

static int compare_reasons(const void *a, const void *b)
{
	const struct judgement_reason *x = a, *y = b;

	if (x->verdict != y->verdict)
		return x->verdict > y->verdict ? -1 : 1;
	if (x->reason != y->reason)
		return x->reason < y->reason ? -1 : 1;
	return strcmp(x->member ? x->member : "", y->member ? y->member : "");
}

/* -- what the rule requires ------------------------------------------------------------------------------- */
static const char *wanted(const struct name_set *s)
{
	return s->is_any ? "any trusted key" : s->names.count == 1 ? s->names.list[0].value : "one of the rule's keys";
}

static int require_origin(struct bench *b)
{
	const struct rule_require *r = &b->rule->require;

	if (name_set_is_set(&r->signature) && !subject_is_signed(b->s, &r->signature))
		return ADD(b, REASON_UNSIGNED, "needs a signature of %s", wanted(&r->signature));
	if (r->checksum.is_any && !subject_is_listed_at_all(b->s))
		return ADD(b, REASON_UNSIGNED, "needs a checksum list that names the file");
	if (r->checksum.names.count > 0 && !subject_is_listed(b->s, &r->checksum))
		return ADD(b, REASON_UNSIGNED, "needs a checksum list signed by %s", wanted(&r->checksum));
	return 0;
}

static int require_extension(struct bench *b)
{
	const char *type;
	enum type_agreement a;

	if (!b->rule->require.extension_agrees)
		return 0;
	a = subject_extension(b->set, b->s, &type);
	if (a == TYPE_DISAGREES)
		return ADD(b, REASON_TYPE_MISMATCH, "the content is %s", type);
	if (a == TYPE_UNKNOWN_NAME && !type)
		return ADD(b, REASON_TYPE_UNKNOWN, "the type is not known");
	if (a == TYPE_UNKNOWN_NAME)
		return ADD(b, REASON_TYPE_UNKNOWN, "the type tables know no file of type %s under such a name", type);
	return 0;
}

static int require_no_active_content(struct bench *b)
{
	const struct subject *s = b->s;
	const char *extension;

	if (!b->rule->require.no_active_content)
		return 0;
	for (size_t i = 0; i < s->type_count; i++)
		if (types_is_active(&b->set->types, s->types[i]) && !subject_type_is_implied(b->set, s, i))
			return ADD(b, REASON_ACTIVE_CONTENT, "files of type %s are active content", s->types[i]);
	extension = types_active_extension(&b->set->types, s->path);
	if (extension)
		return ADD(b, REASON_ACTIVE_CONTENT, "files named .%s are active content", extension);
	return 0;
}

/* That no rule matches a file whose type nobody could tell is a consequence of the reasons that are there already:
 * "could not tell" is what the operator should read, and what decides between held and blocked. */
static bool is_unexamined(const struct bench *b)
{
	return b->s->type_count == 0 && !(b->s->findings->done & CHECK_TYPE) && b->j->reason_count > 0;
}

static int say_rule(struct bench *b)
{
	int r;

	if (!b->rule && is_unexamined(b))
		return 0;
	if (!b->rule)
		return ADD(b, REASON_NO_RULE, "no rule matches the file");
	if (b->rule->verdict != VERDICT_APPROVED)
		return add(b, b->rule->reason, b->rule->verdict, NULL, "%s", b->rule->why);
	r = require_origin(b);
	if (r == 0)
		r = require_extension(b);
	return r == 0 ? require_no_active_content(b) : r;
}

/* -- what the examiners say ------------------------------------------------------------------------------- */
/* Reasons (bits) that are none here. Only a signature that the rule requires, and that is there, can vouch. */
static uint64_t vouched(const struct bench *b)
{
	uint64_t ret = 0;

	if (!b->rule || b->rule->verdict != VERDICT_APPROVED || !name_set_is_set(&b->rule->require.signature) ||
	    !subject_is_signed(b->s, &b->rule->require.signature))
		return 0;
	if (b->rule->vouches & RULE_VOUCH_VIRUS)
		ret |= VOUCHABLE_VIRUS;
	if (b->rule->vouches & RULE_VOUCH_ACTIVE_CONTENT)
		ret |= BIT(ACTIVE_CONTENT);
	return ret;
}

/* `ret_excused`: something could not be looked into, and that is vouched for. */
static int say_findings(struct bench *b, bool *ret_excused)
{
	const struct findings *f = b->s->findings;
	uint64_t excuses = vouched(b);

	*ret_excused = false;
	for (size_t i = 0; i < f->count; i++) {
		const struct finding *x = &f->list[i];
		enum reason reason = (unsigned int)x->reason < REASON_COUNT_ ? x->reason : REASON_SCAN_ERROR;
		int r;

		if ((unsigned int)x->reason < REASON_COUNT_ && (excuses >> x->reason & 1)) {
			*ret_excused = *ret_excused || (VOUCHABLE_VIRUS >> x->reason & 1);
			continue;
		}
		b->reasons |= UINT64_C(1) << reason;
		r = add(b, reason, rule_reason_verdict(b->set, b->rule, x->reason), x->member, "%s",
			x->detail ? x->detail : "");
		if (r < 0)
			return r;
	}
	return 0;
}

/* What a rule builds on must have been looked at, whether or not the configuration wants it of every file. */
static uint32_t checks_of(const struct bench *b)
{
	uint32_t checks = b->s->checks_required | JUDGE_CHECKS_ALWAYS;
	const struct rule_match *m;
	const struct rule_require *r;

	if (!b->rule)
		return checks;
	m = &b->rule->match;
	r = &b->rule->require;
	if (m->types.count > 0 || m->extension != MATCH_EXTENSION_ANY || r->extension_agrees || r->no_active_content)
		checks |= CHECK_TYPE;
	if (r->no_active_content || r->content_checked)
		checks |= CHECK_CONTENT;
	if (name_set_is_set(&m->signature) || name_set_is_set(&r->signature))
		checks |= CHECK_ORIGIN;
	if (m->checksum_any || r->checksum.is_any)
		checks |= CHECK_LISTS;
	if (name_set_is_set(&m->listed_by) || r->checksum.names.count > 0)
		checks |= CHECK_LISTS | CHECK_ORIGIN;
	return checks;
}

/* A check that did not run to its end is a reason, unless a finding that counts says why it did not. */
static int say_missing(struct bench *b, bool is_excused)
{
	uint32_t missing = checks_of(b) & ~b->s->findings->done;

	if (is_excused)
		missing &= ~(uint32_t)(CHECK_VIRUS | CHECK_MEMBERS);
	for (size_t i = 0; i < ARRAY_LEN(check_rows); i++) {
		const struct check_row *row = &check_rows[i];
		int r;

		if (!(missing & row->check) || (b->reasons & row->explained_by))
			continue;
		/* What was not read could not be examined either: one reason says it all. */
		if (row->check != CHECK_NAME && row->check != CHECK_READ && (missing & CHECK_READ))
			continue;
		r = ADD(b, REASON_SCAN_ERROR, "the check '%s' did not run to its end", row->name);
		if (r < 0)
			return r;
	}
	/* A required check that this build does not know is one that nobody has made. */
	for (size_t i = 0; i < ARRAY_LEN(check_rows); i++)
		missing &= ~(uint32_t)check_rows[i].check;
	if (missing)
		return ADD(b, REASON_SCAN_ERROR, "a required check is not known");
	return 0;
}

static int conclude(struct bench *b)
{
	struct judgement *j = b->j;
	bool is_excused = false;
	int r = say_findings(b, &is_excused);

	if (r == 0)
		r = say_missing(b, is_excused);
	if (r == 0)
		r = say_rule(b);
	if (r < 0)
		return r;
	j->rule = b->rule ? b->rule->name : "";
	if (b->rule && b->rule->verdict == VERDICT_APPROVED && j->reason_count == 0) {
		j->verdict = VERDICT_APPROVED;
		return 0;
	}
	/* The strictest wins; HELD is the least that anything but a clear approval can be. */
	j->verdict = b->rule ? MAX(VERDICT_HELD, b->rule->verdict) : VERDICT_HELD;
	for (size_t i = 0; i < j->reason_count; i++)
		j->verdict = MAX(j->verdict, j->reasons[i].verdict);
	if (j->reason_count > 1)
		qsort(j->reasons, j->reason_count, sizeof(*j->reasons), compare_reasons);
	return 0;
}

/* -- the two ways in --------------------------------------------------------------------------------------- */
static int trace_add(struct judge_trace *t, const struct rule *rule, const char *mismatch)
{
	struct judge_step *list;
	char *why;

	if (!t)
		return 0;
	list = reallocarray(t->steps, t->count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	t->steps = list;
	why = strdup(mismatch ? mismatch : rule->why);
	if (!why)
		return -ENOMEM;
	list[t->count++] = (struct judge_step){ rule->name, !mismatch, why };
	return 0;
}

static int judge(const struct rule_set *set, const struct subject *s, struct judge_trace *trace, struct judgement *ret)
{
	struct judgement j = { .verdict = VERDICT_BLOCKED, .rule = "" };
	struct bench b = { .set = set, .s = s, .j = &j };
	char why[512];
	int r = 0;

	for (size_t i = 0; r == 0 && !b.rule && i < set->count; i++) {
		const char *mismatch = rule_mismatch(set, &set->rules[i], s, why, sizeof(why));

		if (!mismatch)
			b.rule = &set->rules[i];
		r = trace_add(trace, &set->rules[i], mismatch);
	}
	if (r == 0)
		r = conclude(&b);
	if (r < 0) {
		judgement_done(&j);
		return r;
	}
	*ret = j;
	return 0;
}

int judge_file(const struct rule_set *rules, const struct subject *subject, struct judgement *ret)
{
	return judge(rules, subject, NULL, ret);
}

int judge_explain(const struct rule_set *rules, const struct subject *subject, struct judge_trace *ret)
{
	struct judge_trace t = { .judgement = { .verdict = VERDICT_BLOCKED, .rule = "" } };
	int r = judge(rules, subject, &t, &t.judgement);

	if (r < 0) {
		judge_trace_done(&t);
		return r;
	}
	*ret = t;
	return 0;
}

static void reasons_done(struct judgement_reason *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(list[i].detail);
		free(list[i].member);
	}
	free(list);
}

void judgement_done(struct judgement *j)
{
	reasons_done(j->reasons, j->reason_count);
	reasons_done(j->overridden, j->overridden_count);
	*j = (struct judgement){ .verdict = VERDICT_BLOCKED, .rule = "" };
}

void judge_trace_done(struct judge_trace *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->steps[i].why);
	free(t->steps);
	judgement_done(&t->judgement);
	t->steps = NULL;
	t->count = 0;
}
