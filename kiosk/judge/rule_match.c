/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Does a rule match a file? Pure. Names, types and device strings are hostile: they are only compared and quoted. */
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "common/digest_name.h"
#include "judge/rule.h"

/* MD5 and SHA-1 count as a checksum, never as an origin. */
static bool is_strong(const char *algorithm)
{
	const struct digest *d = algorithm ? digest_by_name(algorithm) : NULL;

	return d && d->is_strong;
}

static bool name_set_has(const struct name_set *s, const char *name)
{
	return name && name[0] && (s->is_any || yaml_strings_has(&s->names, name));
}

static bool is_done(const struct subject *s, uint32_t checks)
{
	return (s->findings->done & checks) == checks;
}

bool subject_is_listed(const struct subject *s, const struct name_set *by)
{
	if (!is_done(s, CHECK_LISTS | CHECK_ORIGIN))
		return false;
	for (size_t i = 0; i < s->listing_count; i++)
		if (is_strong(s->listings[i].algorithm) && name_set_has(by, s->listings[i].signed_by))
			return true;
	return false;
}

bool subject_is_signed(const struct subject *s, const struct name_set *by)
{
	if (!is_done(s, CHECK_ORIGIN))
		return false;
	for (size_t i = 0; i < s->signer_count; i++)
		if (name_set_has(by, s->signers[i].key_name))
			return true;
	return subject_is_listed(s, by);
}

bool subject_is_listed_at_all(const struct subject *s)
{
	return is_done(s, CHECK_LISTS) && s->listing_count > 0;
}

/* libmagic ends the types of a binary file with octet-stream, from 5.46 on those of a text with text/plain, and tells a
 * docx's zip beside its docx. */
bool subject_type_is_implied(const struct rule_set *set, const struct subject *s, size_t index)
{
	return index > 0 && (strcasecmp(s->types[index], TYPE_OCTET_STREAM) == 0 ||
			     strcasecmp(s->types[index], TYPE_PLAIN_TEXT) == 0 ||
			     strcasecmp(s->types[index], s->types[0]) == 0 ||
			     types_is_implied(&set->types, s->types[0], s->types[index]));
}

/* An approving rule must know all that the file can be taken for; a refusing rule needs to find one. */
static const char *types_mismatch(const struct rule_set *set, const struct rule *rule, const struct subject *s,
				  char *why, size_t size)
{
	bool needs_all = rule->verdict == VERDICT_APPROVED;

	if (s->type_count == 0) {
		(void)snprintf(why, size, "the type is not known"); /* cut to size, as below */
		return why;
	}
	for (size_t i = 0; i < s->type_count; i++) {
		bool is_match = glob_list_match(&rule->match.types, s->types[i]);

		if (is_match && !needs_all)
			return NULL;
		if (!is_match && needs_all && !subject_type_is_implied(set, s, i)) {
			(void)snprintf(why, size, "%s '%s' is not among its types", i ? "the further type" : "type",
				       s->types[i]);
			return why;
		}
	}
	if (needs_all)
		return NULL;
	(void)snprintf(why, size, "type '%s' is not among its types", s->types[0]);
	return why;
}

/* A type that the name contradicts weighs more than one that the tables do not know. */
enum type_agreement subject_extension(const struct rule_set *set, const struct subject *s, const char **ret_type)
{
	enum type_agreement ret = TYPE_AGREES;
	bool is_nameless = s->container_count > 0 && types_is_nameless(&set->types, s->containers[0]);

	*ret_type = NULL;
	if (s->type_count == 0)
		return TYPE_UNKNOWN_NAME;
	for (size_t i = 0; i < s->type_count; i++) {
		enum type_agreement a = types_extension(&set->types, s->types[i], s->path);

		/* Whoever packed it gave it no name: there is none to agree with, only one that could lie. */
		if (a == TYPE_UNKNOWN_NAME && is_nameless && types_has_extensions(&set->types, s->types[i]))
			a = TYPE_AGREES;
		if (a == TYPE_AGREES || subject_type_is_implied(set, s, i) || (a == TYPE_UNKNOWN_NAME && *ret_type))
			continue;
		*ret_type = s->types[i];
		ret = a;
		if (a == TYPE_DISAGREES)
			break;
	}
	return ret;
}

static bool within_mismatch(const struct match_within *w, const struct subject *s, char *why, size_t size)
{
	if (!within_is_set(w) || (w->is_nothing && s->container_count == 0) || (w->is_anything && s->container_count > 0))
		return false;
	for (size_t i = 0; i < s->container_count; i++)
		if (glob_list_match(&w->types, s->containers[i]))
			return false;
	if (s->container_count == 0)
		(void)snprintf(why, size, "it is a file of the medium, and no member of %s container",
			       w->is_anything ? "a" : "such a");
	else if (w->types.count == 0)
		(void)snprintf(why, size, "it is a member of a container, '%s'", s->containers[0]);
	else
		(void)snprintf(why, size, "'%s'%s is not among the containers that it is for", s->containers[0],
			       s->container_count > 1 ? ", or what that is in," : "");
	return true;
}

static bool extension_mismatch(const struct rule_set *set, const struct rule_match *m, const struct subject *s,
			       char *why, size_t size)
{
	const char *type;
	enum type_agreement a;

	if (m->extension == MATCH_EXTENSION_ANY)
		return false;
	a = subject_extension(set, s, &type);
	if (a == (m->extension == MATCH_EXTENSION_AGREES ? TYPE_AGREES : TYPE_DISAGREES))
		return false;
	(void)snprintf(why, size, "the name %s the content",
		       a == TYPE_AGREES ? "agrees with" : a == TYPE_DISAGREES ? "disagrees with" : "cannot be compared with");
	return true;
}

static bool text_mismatch(const struct glob_list *l, const char *text, const char *what, char *why, size_t size)
{
	if (l->count == 0 || glob_list_match(l, text ? text : ""))
		return false;
	(void)snprintf(why, size, "%s '%s' does not match", what, text ? text : "");
	return true;
}

static bool size_mismatch(const struct rule_match *m, const struct subject *s, char *why, size_t size)
{
	if (s->size >= m->size_min && s->size <= m->size_max)
		return false;
	if (s->size < m->size_min)
		(void)snprintf(why, size, "%" PRIu64 " bytes are less than %" PRIu64, s->size, m->size_min);
	else
		(void)snprintf(why, size, "%" PRIu64 " bytes are more than %" PRIu64, s->size, m->size_max);
	return true;
}

static bool origin_mismatch(const struct rule_match *m, const struct subject *s, char *why, size_t size)
{
	const char *what = NULL;

	if (name_set_is_set(&m->signature) && !subject_is_signed(s, &m->signature))
		what = m->signature.is_any ? "it is not signed by a trusted key" : "it is not signed by the key it names";
	else if (m->checksum_any && !subject_is_listed_at_all(s))
		what = "no checksum list of the medium names the file";
	else if (name_set_is_set(&m->listed_by) && !subject_is_listed(s, &m->listed_by))
		what = "no checksum list that is signed so names the file";
	if (what)
		(void)snprintf(why, size, "%s", what);
	return what != NULL;
}

static bool medium_mismatch(const struct rule_match *m, const struct subject *s, char *why, size_t size)
{
	const char *kind = s->medium.kind ? s->medium.kind : "";

	if (m->medium_kinds.count > 0 && !yaml_strings_has(&m->medium_kinds, kind)) {
		(void)snprintf(why, size, "medium kind '%s' does not match", kind);
		return true;
	}
	return text_mismatch(&m->vendor, s->medium.vendor, "vendor", why, size) ||
	       text_mismatch(&m->model, s->medium.model, "model", why, size) ||
	       text_mismatch(&m->serial, s->medium.serial, "serial number", why, size);
}

const char *rule_mismatch(const struct rule_set *set, const struct rule *rule, const struct subject *s, char *why,
			  size_t size)
{
	const struct rule_match *m = &rule->match;

	if (within_mismatch(&m->within, s, why, size))
		return why;
	if (m->types.count > 0 && types_mismatch(set, rule, s, why, size))
		return why;
	if (extension_mismatch(set, m, s, why, size) || text_mismatch(&m->names, s->path, "name", why, size) ||
	    size_mismatch(m, s, why, size) ||
	    origin_mismatch(m, s, why, size) || medium_mismatch(m, s, why, size) ||
	    text_mismatch(&m->operator_names, s->operator_name, "operator", why, size) ||
	    text_mismatch(&m->operator_groups, s->operator_group, "operator group", why, size))
		return why;
	return NULL;
}
