/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `reasons:` maps: what a reason leads to. They can always make it stricter. What a check has proved is never up for
 * discussion, so that only the few reasons of reason_softens() can be put before an officer instead of blocking. */
#include <string.h>

#include "judge/rule.h"

static const enum reason softens[] = {
	REASON_TYPE_MISMATCH,  /* vendors misname files */
	REASON_ARCHIVE_UNSAFE, /* damaged or oddly made archives are common */
	REASON_NO_RULE,	       /* "ask an officer about everything else" */
};

bool reason_softens(enum reason reason)
{
	for (size_t i = 0; i < ARRAY_LEN(softens); i++)
		if (softens[i] == reason)
			return true;
	return false;
}

void reason_map_init(struct reason_map *map)
{
	for (size_t i = 0; i < REASON_COUNT_; i++)
		map->verdicts[i] = VERDICT_COUNT_;
}

enum verdict rule_reason_verdict(const struct rule_set *set, const struct rule *rule, enum reason reason)
{
	enum verdict v = VERDICT_COUNT_;

	if ((unsigned int)reason >= REASON_COUNT_)
		return VERDICT_BLOCKED; /* no value of the list: our own bug, and then nothing passes */
	if (rule)
		v = rule->reasons.verdicts[reason];
	if (v == VERDICT_COUNT_)
		v = set->reasons.verdicts[reason];
	if (v == VERDICT_COUNT_)
		v = reason_default_verdict(reason);
	return v == VERDICT_APPROVED ? VERDICT_BLOCKED : v;
}

/* Under a hold rule every file is held at least, under a block rule blocked: what a reason adds can be nothing. */
static enum verdict floor_of(const struct rule *rule)
{
	return rule ? rule->verdict : VERDICT_APPROVED;
}

static const char *useless(const struct rule_set *set, const struct rule *rule, enum reason reason, enum verdict v)
{
	enum verdict now = rule_reason_verdict(set, rule, reason);

	if (rule && reason == REASON_NO_RULE)
		return "cannot happen once a rule has matched; it belongs into the 'reasons' of the file";
	if (MAX(v, floor_of(rule)) == MAX(now, floor_of(rule)))
		return "has no effect: it is what happens anyway";
	return NULL;
}

static int decode_reason(struct reason_map *map, const struct rule_set *set, const struct rule *rule,
			 const struct yaml_doc *doc, const struct yaml_node *key, const struct yaml_node *value,
			 struct yaml_errors *errors)
{
	const char *codes[REASON_COUNT_], *near, *why;
	enum verdict v = VERDICT_COUNT_;
	enum reason reason;

	for (unsigned int i = 0; i < REASON_COUNT_; i++)
		codes[i] = reason_code((enum reason)i);
	if (reason_parse(key->value, &reason) < 0) {
		near = yaml_did_you_mean(key->value, codes, REASON_COUNT_);
		yaml_node_error(doc, key, errors, "'%s' is not a reason%s%s%s", key->value,
				near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
		return -EINVAL;
	}
	if (value->kind == YAML_KIND_SCALAR && strcmp(value->value, "hold") == 0)
		v = VERDICT_HELD;
	else if (value->kind == YAML_KIND_SCALAR && strcmp(value->value, "block") == 0)
		v = VERDICT_BLOCKED;
	if (v == VERDICT_COUNT_) {
		yaml_node_error(doc, value, errors, "%s: must be one of: hold, block", key->value);
		return -EINVAL;
	}
	why = useless(set, rule, reason, v);
	if (why) {
		yaml_node_error(doc, key, errors, "'%s: %s' %s", key->value, value->value, why);
		return -EINVAL;
	}
	if (v == VERDICT_HELD && reason_default_verdict(reason) == VERDICT_BLOCKED && !reason_softens(reason)) {
		yaml_node_error(doc, key, errors, "'%s' always blocks: no officer can decide on it", key->value);
		return -EINVAL;
	}
	map->verdicts[reason] = v;
	return 0;
}

int reason_map_decode(struct reason_map *map, const struct rule_set *set, const struct rule *rule,
		      const struct yaml_doc *doc, const struct yaml_node *node, struct yaml_errors *errors)
{
	int ret = 0;

	if (node->kind != YAML_KIND_MAP) {
		yaml_node_error(doc, node, errors, "reasons: must be a map of 'reason: hold' or 'reason: block' lines");
		return -EINVAL;
	}
	for (size_t i = 0; i + 1 < node->count; i += 2)
		if (decode_reason(map, set, rule, doc, node->children[i], node->children[i + 1], errors) < 0)
			ret = -EINVAL;
	return ret;
}
