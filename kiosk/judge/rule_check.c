/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What rules do to each other and to themselves: dead rules, requirements that nothing can meet. Never calls a live
 * rule dead: each "covers" below is proved, and where proof is out of reach the answer is no. */
#include <string.h>

#include "judge/rule.h"

struct checker {
	const struct rule_set *set;
	const struct yaml_doc *doc;
	struct yaml_errors *errors;
};

/* -- dead rules ------------------------------------------------------------------------------------------ */
/* An absent list matches everything. */
static bool covers(const struct glob_list *a, const struct glob_list *b)
{
	return a->count == 0 || (b->count > 0 && glob_list_covers(a, b));
}

static bool words_cover(const struct yaml_strings *a, const struct yaml_strings *b)
{
	if (a->count == 0)
		return true;
	for (size_t i = 0; i < b->count; i++)
		if (!yaml_strings_has(a, b->list[i].value))
			return false;
	return b->count > 0;
}

static bool names_cover(const struct name_set *a, const struct name_set *b)
{
	if (!name_set_is_set(a))
		return true;
	if (!name_set_is_set(b) || (b->is_any && !a->is_any))
		return false;
	return a->is_any || words_cover(&a->names, &b->names);
}

static bool within_covers(const struct match_within *a, const struct match_within *b)
{
	if (!within_is_set(a))
		return true;
	if (!within_is_set(b)) /* files and members: 'anything' and 'nothing' together are no rule */
		return false;
	return (!b->is_nothing || a->is_nothing) && (!b->is_anything || a->is_anything) &&
	       (b->types.count == 0 || a->is_anything || glob_list_covers(&a->types, &b->types));
}

/* A file listed by a key counts as signed by it, and as listed. */
static bool origin_covers(const struct rule_match *a, const struct rule_match *b)
{
	bool is_signed = names_cover(&a->signature, &b->signature) ||
			 (name_set_is_set(&b->listed_by) && names_cover(&a->signature, &b->listed_by));

	return is_signed && names_cover(&a->listed_by, &b->listed_by) &&
	       (!a->checksum_any || b->checksum_any || name_set_is_set(&b->listed_by));
}

/* An approving rule wants all types of a file among its own, any other rule one of them: "one of them" is no
 * proof of "all of them". */
static bool types_cover(const struct rule *a, const struct rule *b)
{
	if (a->match.types.count == 0)
		return true;
	if (a->verdict == VERDICT_APPROVED && b->verdict != VERDICT_APPROVED)
		return false;
	return b->match.types.count > 0 && glob_list_covers(&a->match.types, &b->match.types);
}

static bool rule_covers(const struct rule *a, const struct rule *b)
{
	const struct rule_match *x = &a->match, *y = &b->match;

	return types_cover(a, b) && within_covers(&x->within, &y->within) &&
	       (x->extension == MATCH_EXTENSION_ANY || x->extension == y->extension) &&
	       covers(&x->names, &y->names) && x->size_min <= y->size_min &&
	       x->size_max >= y->size_max && origin_covers(x, y) && words_cover(&x->medium_kinds, &y->medium_kinds) &&
	       covers(&x->vendor, &y->vendor) && covers(&x->model, &y->model) && covers(&x->serial, &y->serial) &&
	       covers(&x->operator_names, &y->operator_names) && covers(&x->operator_groups, &y->operator_groups);
}

static void check_dead(struct checker *c, size_t index)
{
	const struct rule *rule = &c->set->rules[index];

	for (size_t i = 0; i < index; i++) {
		const struct rule *earlier = &c->set->rules[i];

		if (!rule_covers(earlier, rule))
			continue;
		yaml_errors_add(c->errors, c->doc->file, rule->line, rule->column,
				"rule '%s' is dead: rule '%s' at line %u matches all of its files first", rule->name,
				earlier->name, earlier->line);
		return;
	}
}

/* -- requirements that nothing can meet ------------------------------------------------------------------ */
static void rule_error(struct checker *c, const struct rule *rule, const char *message)
{
	yaml_errors_add(c->errors, c->doc->file, rule->line, rule->column, "rule '%s': %s", rule->name, message);
}

static bool extension_possible(const struct rule_set *set, const struct rule_match *m, const struct glob *type)
{
	if (m->names.count == 0)
		return types_extension_possible(&set->types, type, NULL);
	for (size_t i = 0; i < m->names.count; i++)
		if (types_extension_possible(&set->types, type, &m->names.list[i]))
			return true;
	return false;
}

static void check_extensions(struct checker *c, const struct rule *rule)
{
	const struct rule_match *m = &rule->match;

	if (m->extension == MATCH_EXTENSION_DISAGREES && rule->require.extension_agrees)
		rule_error(c, rule, "'extension-agrees' is required of files that the rule matches because it does not");
	for (size_t i = 0; rule->require.extension_agrees && i < m->types.count; i++) {
		const char *type = m->types.list[i].pattern;

		if (extension_possible(c->set, m, &m->types.list[i]))
			continue;
		yaml_errors_add(c->errors, c->doc->file, rule->line, rule->column,
				"rule '%s': 'extension-agrees' cannot be met by type '%s'%s", rule->name, type,
				m->names.count > 0 ? " under any name that the rule matches" :
						     ": no type table says how such files are called");
	}
}

static void check_active(struct checker *c, const struct rule *rule)
{
	const struct glob_list *active = &c->set->types.active_types;
	const struct glob_list *types = &rule->match.types;

	for (size_t i = 0; rule->require.no_active_content && i < types->count; i++) {
		struct glob_list one = { &types->list[i], 1 };

		if (glob_list_covers(active, &one))
			yaml_errors_add(c->errors, c->doc->file, rule->line, rule->column,
					"rule '%s': 'no-active-content' cannot be met by type '%s', which is active content",
					rule->name, types->list[i].pattern);
	}
}

/* A require that the match has already made sure of says nothing. */
static void check_said_twice(struct checker *c, const struct rule *rule)
{
	const struct rule_match *m = &rule->match;
	const struct rule_require *r = &rule->require;

	if (name_set_is_set(&r->signature) && !rule->vouches && name_set_is_set(&m->signature) &&
	    names_cover(&r->signature, &m->signature))
		rule_error(c, rule, "'require: signature' has no effect: the rule matches only such files");
	if (r->checksum.is_any && (m->checksum_any || name_set_is_set(&m->listed_by)))
		rule_error(c, rule, "'require: checksum' has no effect: the rule matches only listed files");
	else if (r->checksum.names.count > 0 && name_set_is_set(&m->listed_by) &&
		 names_cover(&r->checksum, &m->listed_by))
		rule_error(c, rule, "'require: checksum' has no effect: the rule matches only files so listed");
	if (m->extension == MATCH_EXTENSION_AGREES && r->extension_agrees)
		rule_error(c, rule, "'require: extension-agrees' has no effect: the rule matches only such files");
	if (m->checksum_any && name_set_is_set(&m->listed_by))
		rule_error(c, rule, "'checksum: any' has no effect beside 'listed-by'");
}

void rule_set_check(const struct rule_set *set, const struct yaml_doc *doc, struct yaml_errors *errors)
{
	struct checker c = { set, doc, errors };

	for (size_t i = 0; i < set->count; i++) {
		check_extensions(&c, &set->rules[i]);
		check_active(&c, &set->rules[i]);
		check_said_twice(&c, &set->rules[i]);
		check_dead(&c, i);
	}
}
