/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `lazaret.rules/1`: from the YAML tree to rules. What a single rule can get wrong is found here; what several do to
 * each other in rule_check.c. A setting without effect is an error: a rule that silently does nothing is worse. */
#include <string.h>

#include "judge/rule.h"

#define RULES_MAX 1000 /* more are no policy that a person can review */
#define NAME_MAX_BYTES 64
#define WHY_MAX_BYTES 300

struct context {
	struct rule_set *set;
	const struct yaml_doc *doc;
	const struct rules_context *outside; /* may be NULL */
	struct yaml_errors *errors;
};

/* As written: strings with their places, before they become patterns. */
struct raw_size {
	uint64_t min, max;
};

struct raw_medium {
	struct yaml_strings kind, vendor, model, serial;
};

struct raw_match {
	struct yaml_strings type, within, name, signature, listed_by, operator_name, operator_group;
	bool ignore_case, extension_agrees;
	int checksum;
	struct raw_size size;
	struct raw_medium medium;
};

struct raw_require {
	struct yaml_strings signature, checksum;
	bool extension_agrees, no_active_content, content_checked;
};

struct raw_rule {
	char *name, *why;
	int verdict, reason;
	const struct yaml_node *match, *require, *reasons, *vouch;
};

struct raw_media {
	bool owner, ticket, reason;
};

struct raw_file {
	int format;
	char *title;
	struct raw_media media;
	const struct yaml_node *types, *reasons, *rules;
};

static const char *const formats[] = { "lazaret.rules/1", NULL };
static const char *const verdicts[] = { "approve", "hold", "block", NULL };
static const char *const only_any[] = { "any", NULL };

/* The reasons that can be a rule's own words; the others are facts that a check must find. */
static const char *const policy_reasons[] = { "type-denied",      "type-unknown",   "type-mismatch", "active-content",
					      "container-opaque", "limit-exceeded", "unsigned",	     "no-rule",
					      NULL };

static const struct yaml_field size_fields[] = {
	YAML_FIELD(struct raw_size, "min", SIZE, min),
	YAML_FIELD(struct raw_size, "max", SIZE, max),
	YAML_FIELD_END,
};

static const struct yaml_field medium_fields[] = {
	YAML_FIELD(struct raw_medium, "kind", STRINGS, kind),
	YAML_FIELD(struct raw_medium, "vendor", STRINGS, vendor),
	YAML_FIELD(struct raw_medium, "model", STRINGS, model),
	YAML_FIELD(struct raw_medium, "serial", STRINGS, serial),
	YAML_FIELD_END,
};

static const struct yaml_field match_fields[] = {
	YAML_FIELD(struct raw_match, "type", STRINGS, type),
	YAML_FIELD(struct raw_match, "within", STRINGS, within),
	YAML_FIELD(struct raw_match, "name", STRINGS, name),
	YAML_FIELD(struct raw_match, "ignore-case", BOOL, ignore_case),
	YAML_FIELD(struct raw_match, "extension-agrees", BOOL, extension_agrees),
	YAML_FIELD(struct raw_match, "size", MAP, size, .fields = size_fields),
	YAML_FIELD(struct raw_match, "signature", STRINGS, signature),
	YAML_FIELD(struct raw_match, "checksum", ENUM, checksum, .choices = only_any),
	YAML_FIELD(struct raw_match, "listed-by", STRINGS, listed_by),
	YAML_FIELD(struct raw_match, "medium", MAP, medium, .fields = medium_fields),
	YAML_FIELD(struct raw_match, "operator", STRINGS, operator_name),
	YAML_FIELD(struct raw_match, "operator-group", STRINGS, operator_group),
	YAML_FIELD_REFUSED("member", "members are judged like files; 'within' says which rules are for them"),
	YAML_FIELD_END,
};

static const struct yaml_field require_fields[] = {
	YAML_FIELD(struct raw_require, "signature", STRINGS, signature),
	YAML_FIELD(struct raw_require, "checksum", STRINGS, checksum),
	YAML_FIELD(struct raw_require, "extension-agrees", BOOL, extension_agrees),
	YAML_FIELD(struct raw_require, "no-active-content", BOOL, no_active_content),
	YAML_FIELD(struct raw_require, "content-checked", BOOL, content_checked),
	YAML_FIELD_END,
};

static const struct yaml_field rule_fields[] = {
	YAML_FIELD(struct raw_rule, "name", STRING, name, .is_required = true, .max = NAME_MAX_BYTES),
	YAML_FIELD(struct raw_rule, "match", NODE, match, .is_required = true),
	YAML_FIELD(struct raw_rule, "verdict", ENUM, verdict, .is_required = true, .choices = verdicts),
	YAML_FIELD(struct raw_rule, "why", STRING, why, .is_required = true, .max = WHY_MAX_BYTES),
	YAML_FIELD(struct raw_rule, "reason", ENUM, reason, .choices = policy_reasons),
	YAML_FIELD(struct raw_rule, "require", NODE, require),
	YAML_FIELD(struct raw_rule, "vouch", NODE, vouch),
	YAML_FIELD(struct raw_rule, "reasons", NODE, reasons),
	YAML_FIELD_END,
};

static const struct yaml_field media_fields[] = {
	YAML_FIELD(struct raw_media, "owner", BOOL, owner),
	YAML_FIELD(struct raw_media, "ticket", BOOL, ticket),
	YAML_FIELD(struct raw_media, "reason", BOOL, reason),
	YAML_FIELD_END,
};

static const struct yaml_field file_fields[] = {
	YAML_FIELD(struct raw_file, "format", ENUM, format, .is_required = true, .choices = formats),
	YAML_FIELD(struct raw_file, "title", STRING, title, .is_required = true, .max = NAME_MAX_BYTES),
	YAML_FIELD(struct raw_file, "media", MAP, media, .fields = media_fields),
	YAML_FIELD(struct raw_file, "types", NODE, types),
	YAML_FIELD(struct raw_file, "reasons", NODE, reasons),
	YAML_FIELD(struct raw_file, "rules", NODE, rules, .is_required = true),
	YAML_FIELD_END,
};

static void string_error(struct context *c, const struct yaml_string *s, const char *what, const char *extra)
{
	yaml_errors_add(c->errors, c->doc->file, s->line, s->column, "'%s' %s%s", s->value, what, extra ? extra : "");
}

/* -- match ------------------------------------------------------------------------------------------------ */
static int add_pattern(struct context *c, const struct yaml_string *s, struct glob_list *ret, bool ignore_case,
		       bool is_basename)
{
	int r = glob_list_add(ret, s->value, ignore_case, is_basename);

	if (r == -EINVAL)
		string_error(c, s, "is empty or longer than a pattern may be (255 bytes)", NULL);
	return r;
}

static int patterns(struct context *c, const struct yaml_strings *words, struct glob_list *ret)
{
	int result = 0;

	for (size_t i = 0; i < words->count && result != -ENOMEM; i++)
		result = yaml_worse(result, add_pattern(c, &words->list[i], ret, false, false));
	return result;
}

/* Never absolute, never "..": those would match nothing, as paths are beneath the volume's root. */
static int name_patterns(struct context *c, const struct raw_match *raw, struct glob_list *ret)
{
	int result = 0;

	for (size_t i = 0; i < raw->name.count && result != -ENOMEM; i++) {
		const struct yaml_string *s = &raw->name.list[i];
		int r = -EINVAL;

		if (s->value[0] == '/' || strstr(s->value, "//") || strncmp(s->value, "./", 2) == 0 ||
		    (*s->value && s->value[strlen(s->value) - 1] == '/'))
			string_error(c, s, "can match no file: paths are relative to the volume, and end in a name", NULL);
		else
			r = add_pattern(c, s, ret, raw->ignore_case, !strchr(s->value, '/'));
		result = yaml_worse(result, r);
	}
	return result;
}

static int use_group(struct context *c, const struct yaml_string *s, struct glob_list *ret)
{
	_cleanup_free_ const char **names = calloc(c->set->types.group_count + 1, sizeof(*names));
	struct type_group *g = types_group(&c->set->types, s->value);
	const char *near;

	if (!names)
		return -ENOMEM;
	if (g) {
		g->is_used = true;
		for (size_t i = 0; i < g->types.count; i++)
			if (glob_list_add(ret, g->types.list[i].pattern, true, false) < 0)
				return -ENOMEM; /* its patterns were accepted before */
		return 0;
	}
	for (size_t i = 0; i < c->set->types.group_count; i++)
		names[i] = c->set->types.groups[i].name;
	near = yaml_did_you_mean(s->value, names, c->set->types.group_count);
	if (near)
		string_error(c, s, "is neither a MIME type nor a type group; did you mean ", near);
	else
		string_error(c, s, "is neither a MIME type (text/plain) nor a type group", NULL);
	return -EINVAL;
}

/* A type that nothing is ever recognised as makes a rule that silently does nothing. */
static int use_mime(struct context *c, const struct yaml_string *s, struct glob_list *ret)
{
	const char *near;
	int r;

	if (!types_mime_valid(s->value)) {
		string_error(c, s, "is not a MIME type such as text/plain or image/*", NULL);
		return -EINVAL;
	}
	r = glob_list_add(ret, s->value, true, false);
	if (r < 0 || types_is_known(&c->set->types, &ret->list[ret->count - 1], &near))
		return r;
	if (near)
		string_error(c, s, "is not a type that this station knows; did you mean ", near);
	else
		string_error(c, s, "is not a type that this station knows: add it to a type table", NULL);
	return -EINVAL;
}

static int use_type(struct context *c, const struct yaml_string *s, struct glob_list *ret)
{
	return strchr(s->value, '/') ? use_mime(c, s, ret) : use_group(c, s, ret);
}

static int type_patterns(struct context *c, const struct yaml_strings *words, struct glob_list *ret)
{
	int result = 0;

	for (size_t i = 0; i < words->count && result != -ENOMEM; i++)
		result = yaml_worse(result, use_type(c, &words->list[i], ret));
	return result;
}

static int within(struct context *c, const struct yaml_strings *words, struct match_within *ret)
{
	int result = 0;

	for (size_t i = 0; i < words->count && result != -ENOMEM; i++) {
		const struct yaml_string *s = &words->list[i];

		if (strcmp(s->value, TYPE_WITHIN_NOTHING) == 0)
			ret->is_nothing = true;
		else if (strcmp(s->value, TYPE_WITHIN_ANYTHING) == 0)
			ret->is_anything = true;
		else
			result = yaml_worse(result, use_type(c, s, &ret->types));
	}
	for (size_t i = 0; i < words->count && ret->is_anything && words->count > 1; i++) {
		const struct yaml_string *s = &words->list[i];

		if (strcmp(s->value, TYPE_WITHIN_ANYTHING) != 0)
			continue;
		string_error(c, s, ret->is_nothing ? "beside 'nothing' means every file and member: leave 'within' out" :
						     "already means every container: the other words have no effect", NULL);
		return yaml_worse(result, -EINVAL);
	}
	return result;
}

/* Names of trusted keys, or "any". Takes the strings over. */
static int key_names(struct context *c, struct yaml_strings *words, struct name_set *ret)
{
	int result = 0;

	for (size_t i = 0; i < words->count; i++) {
		const struct yaml_string *s = &words->list[i];
		bool is_trusted = !c->outside || !c->outside->keys;

		if (strcmp(s->value, "any") == 0) {
			ret->is_any = true;
			if (words->count > 1) {
				string_error(c, s, "already means every trusted key: the other names have no effect", NULL);
				result = -EINVAL;
			}
			continue;
		}
		for (size_t j = 0; !is_trusted && j < c->outside->key_count; j++)
			is_trusted = strcmp(c->outside->keys[j], s->value) == 0;
		if (!is_trusted) {
			const char *near = yaml_did_you_mean(s->value, c->outside->keys, c->outside->key_count);

			string_error(c, s, near ? "is no trusted key; did you mean " : "is no trusted key of this station", near);
			result = -EINVAL;
		}
	}
	if (!ret->is_any)
		ret->names = *words;
	else
		yaml_strings_done(words);
	memset(words, 0, sizeof(*words));
	return result;
}

static int medium_kinds(struct context *c, struct yaml_strings *words, struct yaml_strings *ret)
{
	int result = 0;

	for (size_t i = 0; i < words->count; i++) {
		size_t j = 0;

		while (judge_medium_kinds[j] && strcmp(judge_medium_kinds[j], words->list[i].value) != 0)
			j++;
		if (!judge_medium_kinds[j]) {
			string_error(c, &words->list[i],
				     "is not a kind of medium: usb, card, optical, disk, image, directory", NULL);
			result = -EINVAL;
		}
	}
	*ret = *words;
	memset(words, 0, sizeof(*words));
	return result;
}

static void raw_match_done(struct raw_match *raw)
{
	struct yaml_strings *all[] = { &raw->type,	    &raw->within,	 &raw->name,	      &raw->signature,
				       &raw->listed_by,	    &raw->operator_name, &raw->operator_group, &raw->medium.kind,  &raw->medium.vendor,
				       &raw->medium.model,  &raw->medium.serial };

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		yaml_strings_done(all[i]);
}

static int check_match(struct context *c, const struct yaml_node *node, const struct raw_match *raw)
{
	const struct yaml_node *size = yaml_map_get(node, "size");
	const struct yaml_node *case_node = yaml_map_get(node, "ignore-case");
	int ret = 0;

	if (node->count == 0) {
		yaml_node_error(c->doc, node, c->errors, "match: is empty; write 'match: any' for a rule for every file");
		ret = -EINVAL;
	}
	if (case_node && (!raw->ignore_case || raw->name.count == 0)) {
		yaml_node_error(c->doc, case_node, c->errors, "ignore-case: has no effect %s",
				raw->ignore_case ? "without 'name'" : "unless it is true");
		ret = -EINVAL;
	}
	if (size && raw->size.min > raw->size.max) {
		yaml_node_error(c->doc, size, c->errors, "size: no file can be that large: min is more than max");
		ret = -EINVAL;
	} else if (size && raw->size.min == 0 && raw->size.max == UINT64_MAX) {
		yaml_node_error(c->doc, size, c->errors, "size: has no effect: every file is of that size");
		ret = -EINVAL;
	}
	return ret;
}

static int decode_match(struct context *c, const struct yaml_node *node, struct rule *rule)
{
	struct raw_match raw = { .size = { 0, UINT64_MAX } };
	struct rule_match *m = &rule->match;
	int ret;

	m->size_max = UINT64_MAX;
	if (node->kind == YAML_KIND_SCALAR && strcmp(node->value, "any") == 0)
		return 0;
	ret = yaml_decode(c->doc, node, match_fields, &raw, c->errors);
	if (ret == 0) {
		ret = check_match(c, node, &raw);
		m->size_min = raw.size.min;
		m->size_max = raw.size.max;
		if (yaml_map_get(node, "extension-agrees"))
			m->extension = raw.extension_agrees ? MATCH_EXTENSION_AGREES : MATCH_EXTENSION_DISAGREES;
		m->checksum_any = yaml_map_get(node, "checksum") != NULL;
		ret = yaml_worse(ret, type_patterns(c, &raw.type, &m->types));
		ret = yaml_worse(ret, within(c, &raw.within, &m->within));
		ret = yaml_worse(ret, name_patterns(c, &raw, &m->names));
		ret = yaml_worse(ret, key_names(c, &raw.signature, &m->signature));
		ret = yaml_worse(ret, key_names(c, &raw.listed_by, &m->listed_by));
		ret = yaml_worse(ret, medium_kinds(c, &raw.medium.kind, &m->medium_kinds));
		ret = yaml_worse(ret, patterns(c, &raw.medium.vendor, &m->vendor));
		ret = yaml_worse(ret, patterns(c, &raw.medium.model, &m->model));
		ret = yaml_worse(ret, patterns(c, &raw.medium.serial, &m->serial));
		ret = yaml_worse(ret, patterns(c, &raw.operator_name, &m->operator_names));
		ret = yaml_worse(ret, patterns(c, &raw.operator_group, &m->operator_groups));
	}
	raw_match_done(&raw);
	return ret;
}

/* -- require, vouch --------------------------------------------------------------------------------------- */
static int check_require(struct context *c, const struct yaml_node *node)
{
	static const char *const flags[] = { "extension-agrees", "no-active-content", "content-checked" };
	const struct yaml_node *checked = yaml_map_get(node, "content-checked");
	int ret = 0;

	if (node->count == 0) {
		yaml_node_error(c->doc, node, c->errors, "require: is empty, and has no effect");
		ret = -EINVAL;
	}
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		const struct yaml_node *flag = yaml_map_get(node, flags[i]);

		if (flag && strcmp(flag->value, "false") == 0) {
			yaml_node_error(c->doc, flag, c->errors, "%s: false has no effect: leave the line out", flags[i]);
			ret = -EINVAL;
		}
	}
	if (checked && yaml_map_get(node, "no-active-content")) {
		yaml_node_error(c->doc, checked, c->errors, "content-checked: has no effect beside 'no-active-content'");
		ret = -EINVAL;
	}
	return ret;
}

static int decode_require(struct context *c, const struct yaml_node *node, struct rule *rule)
{
	struct raw_require raw = { 0 };
	int ret = yaml_decode(c->doc, node, require_fields, &raw, c->errors);

	if (ret == 0) {
		ret = check_require(c, node);
		rule->require.extension_agrees = raw.extension_agrees;
		rule->require.no_active_content = raw.no_active_content;
		rule->require.content_checked = raw.content_checked;
		ret = yaml_worse(ret, key_names(c, &raw.signature, &rule->require.signature));
		ret = yaml_worse(ret, key_names(c, &raw.checksum, &rule->require.checksum));
	}
	yaml_strings_done(&raw.signature);
	yaml_strings_done(&raw.checksum);
	return ret;
}

static int vouch_word(struct context *c, const struct yaml_string *s, struct rule *rule)
{
	static const struct {
		const char *word;
		enum rule_vouch vouch;
	} words[] = {
		{ "virus", RULE_VOUCH_VIRUS },
		{ "active-content", RULE_VOUCH_ACTIVE_CONTENT },
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcmp(s->value, words[i].word) != 0)
			continue;
		rule->vouches |= words[i].vouch;
		return 0;
	}
	string_error(c, s, "cannot be vouched for; only 'virus' and 'active-content' can", NULL);
	return -EINVAL;
}

/* What may be vouched for is what could not be looked into, and what acts without being malware; a signature is what
 * vouches. */
static int decode_vouch(struct context *c, const struct yaml_node *node, struct rule *rule)
{
	struct yaml_strings words = { 0 };
	int ret = yaml_strings_decode(c->doc, node, &words, c->errors);

	for (size_t i = 0; ret != -ENOMEM && i < words.count; i++)
		ret = yaml_worse(ret, vouch_word(c, &words.list[i], rule));
	yaml_strings_done(&words);
	if (ret == 0 && !name_set_is_set(&rule->require.signature)) {
		yaml_node_error(c->doc, node, c->errors,
				"vouch: needs 'require: {signature: ...}': only a signature can stand in for a check");
		ret = -EINVAL;
	}
	if ((rule->vouches & RULE_VOUCH_ACTIVE_CONTENT) && rule->require.no_active_content) {
		yaml_node_error(c->doc, node, c->errors,
				"vouch: 'active-content' contradicts 'no-active-content': the rule refuses what it vouches for");
		ret = yaml_worse(ret, -EINVAL);
	}
	return ret;
}

/* -- rules ------------------------------------------------------------------------------------------------ */
void rule_done(struct rule *r)
{
	struct rule_match *m = &r->match;

	glob_list_done(&m->types);
	glob_list_done(&m->within.types);
	glob_list_done(&m->names);
	yaml_strings_done(&m->signature.names);
	yaml_strings_done(&m->listed_by.names);
	yaml_strings_done(&m->medium_kinds);
	glob_list_done(&m->vendor);
	glob_list_done(&m->model);
	glob_list_done(&m->serial);
	glob_list_done(&m->operator_names);
	glob_list_done(&m->operator_groups);
	yaml_strings_done(&r->require.signature.names);
	yaml_strings_done(&r->require.checksum.names);
	free(r->name);
	free(r->why);
}

/* Keys that only an approving rule can mean something with. */
static int check_verdict_keys(struct context *c, const struct raw_rule *raw, enum verdict verdict)
{
	const struct yaml_node *nodes[] = { raw->require, raw->vouch };
	static const char *const keys[] = { "require", "vouch" };
	int ret = 0;

	for (size_t i = 0; verdict != VERDICT_APPROVED && i < ARRAY_LEN(nodes); i++) {
		if (nodes[i]) {
			yaml_node_error(c->doc, nodes[i], c->errors, "%s: has no effect on a rule that does not approve",
					keys[i]);
			ret = -EINVAL;
		}
	}
	if (verdict == VERDICT_APPROVED && raw->reason >= 0) {
		yaml_errors_add(c->errors, c->doc->file, c->set->rules[c->set->count - 1].line,
				c->set->rules[c->set->count - 1].column,
				"reason: has no effect on a rule that approves");
		ret = -EINVAL;
	}
	return ret;
}

static int decode_parts(struct context *c, struct raw_rule *raw, struct rule *rule)
{
	int ret;

	rule->verdict = (enum verdict)raw->verdict;
	ret = check_verdict_keys(c, raw, rule->verdict);
	ret = yaml_worse(ret, decode_match(c, raw->match, rule));
	if (raw->require && rule->verdict == VERDICT_APPROVED)
		ret = yaml_worse(ret, decode_require(c, raw->require, rule));
	if (raw->vouch && rule->verdict == VERDICT_APPROVED)
		ret = yaml_worse(ret, decode_vouch(c, raw->vouch, rule));
	if (raw->reasons)
		ret = yaml_worse(ret, reason_map_decode(&rule->reasons, c->set, rule, c->doc, raw->reasons, c->errors));
	rule->reason = rule->match.types.count > 0 ? REASON_TYPE_DENIED : REASON_NO_RULE;
	if (raw->reason >= 0 && reason_parse(policy_reasons[raw->reason], &rule->reason) < 0)
		return -EINVAL; /* the table above holds reasons only; a test walks it */
	return ret;
}

static int decode_rule(struct context *c, const struct yaml_node *node)
{
	struct raw_rule raw = { .reason = -1 };
	struct rule *list, *rule;
	int ret;

	list = reallocarray(c->set->rules, c->set->count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	c->set->rules = list;
	rule = &list[c->set->count++];
	*rule = (struct rule){ .line = node->line, .column = node->column };
	reason_map_init(&rule->reasons);
	ret = yaml_decode(c->doc, node, rule_fields, &raw, c->errors);
	rule->name = raw.name;
	rule->why = raw.why;
	for (size_t i = 0; rule->name && i + 1 < c->set->count; i++) {
		if (list[i].name && strcmp(list[i].name, rule->name) == 0) {
			yaml_node_error(c->doc, node, c->errors, "a rule '%s' is there already (line %u)", rule->name,
					list[i].line);
			ret = yaml_worse(ret, -EINVAL);
		}
	}
	/* A half-read rule is still looked into as far as it goes, so that one run tells all errors. */
	if (ret != -ENOMEM && raw.match)
		ret = yaml_worse(ret, decode_parts(c, &raw, rule));
	return ret;
}

static int check_groups_used(struct context *c)
{
	int ret = 0;

	for (size_t i = 0; i < c->set->types.group_count; i++) {
		const struct type_group *g = &c->set->types.groups[i];

		if (g->is_used)
			continue;
		yaml_errors_add(c->errors, c->doc->file, g->line, g->column, "type group '%s' is used by no rule", g->name);
		ret = -EINVAL;
	}
	return ret;
}

static int decode_rules(struct context *c, const struct yaml_node *node)
{
	int ret = 0;

	if (node->kind != YAML_KIND_LIST || node->count == 0 || node->count > RULES_MAX) {
		yaml_node_error(c->doc, node, c->errors, "rules: must be a list of 1 to %d rules", RULES_MAX);
		return -EINVAL;
	}
	for (size_t i = 0; i < node->count && ret != -ENOMEM; i++)
		ret = yaml_worse(ret, decode_rule(c, node->children[i]));
	return ret == -ENOMEM ? ret : yaml_worse(ret, check_groups_used(c));
}

int rule_set_decode(struct rule_set *set, const struct yaml_doc *doc, const struct rules_context *context,
		    struct yaml_errors *errors)
{
	struct context c = { set, doc, context, errors };
	struct raw_file raw = { 0 };
	int ret = yaml_decode(doc, doc->root, file_fields, &raw, errors);

	set->title = raw.title;
	set->questions = (raw.media.owner ? RULES_ASK_OWNER : 0u) | (raw.media.ticket ? RULES_ASK_TICKET : 0u) |
			 (raw.media.reason ? RULES_ASK_REASON : 0u);
	reason_map_init(&set->reasons);
	if (raw.types && ret != -ENOMEM)
		ret = yaml_worse(ret, types_add_groups(&set->types, doc, raw.types, true, errors));
	if (raw.reasons && ret != -ENOMEM)
		ret = yaml_worse(ret, reason_map_decode(&set->reasons, set, NULL, doc, raw.reasons, errors));
	if (raw.rules && ret != -ENOMEM)
		ret = yaml_worse(ret, decode_rules(&c, raw.rules));
	return ret;
}
