/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "control/selfcheck.h"

#include <string.h>

#include "common/text.h"

enum { TELL, STOP };
enum { NONE = SELFCHECK_STATE_NONE, WARN = SELFCHECK_STATE_WARNING, BAD = SELFCHECK_STATE_BAD };

static const struct {
	const char *name;
	int does;
	int severity[SELFCHECK_MACHINE_COUNT_];
	const char *looks, *sentence;
} checks[SELFCHECK_COUNT_] = {
#define S(id, name, does, trial, installed, appliance, looks, sentence)                                                                       \
	[SELFCHECK_##id] = { name, does, { trial, installed, appliance }, looks, sentence },
#include "control/selfcheck.def"
#undef S
};

static const char *const states[SELFCHECK_STATE_COUNT_] = { "ok", "warning", "bad", "not-applicable" };
static const char *const sums[SELFCHECK_STATE_COUNT_] = { "good", "warnings", "bad", "not_applicable" };
static const char *const machines[SELFCHECK_MACHINE_COUNT_] = { "trial", "installed", "appliance" };

const char *selfcheck_name(enum selfcheck check)
{
	return check < SELFCHECK_COUNT_ ? checks[check].name : NULL;
}

const char *selfcheck_sentence(enum selfcheck check)
{
	return check < SELFCHECK_COUNT_ ? checks[check].sentence : NULL;
}

const char *selfcheck_looks(enum selfcheck check)
{
	return check < SELFCHECK_COUNT_ ? checks[check].looks : NULL;
}

const char *selfcheck_state_name(enum selfcheck_state state)
{
	return state < SELFCHECK_STATE_COUNT_ ? states[state] : NULL;
}

const char *selfcheck_machine_name(enum selfcheck_machine machine)
{
	return machine < SELFCHECK_MACHINE_COUNT_ ? machines[machine] : NULL;
}

bool selfcheck_stops(enum selfcheck check)
{
	return check < SELFCHECK_COUNT_ && checks[check].does == STOP;
}

enum selfcheck_state selfcheck_severity(enum selfcheck check, enum selfcheck_machine machine)
{
	return (enum selfcheck_state)checks[check].severity[machine];
}

static size_t find(const char *const *list, size_t count, const char *name)
{
	size_t k = 0;

	while (k < count && (!name || strcmp(list[k], name) != 0))
		k++;
	return k;
}

enum selfcheck selfcheck_find(const char *name)
{
	unsigned int k = 0;

	while (k < SELFCHECK_COUNT_ && (!name || strcmp(checks[k].name, name) != 0))
		k++;
	return (enum selfcheck)k;
}

/* -- results ---------------------------------------------------------------------------------------------------- */

static json_t *one(enum selfcheck check, enum selfcheck_state state, const char *raw_text, bool is_kept)
{
	size_t size = strnlen(raw_text, SELFCHECK_TEXT_MAX);
	_cleanup_free_ char *cut = strndup(raw_text, size);
	_cleanup_free_ char *text = !cut ? NULL : is_kept ? text_escape_kept(cut) : text_escape(cut, size);

	return text ? json_pack("{s:s,s:s,s:s}", "name", checks[check].name, "state", states[state], "text", text) : NULL;
}

static json_t *result_of(enum selfcheck_machine machine, bool is_whole, json_int_t at, const enum selfcheck_state *of,
			 const char *const *texts, bool is_kept)
{
	json_t *list = json_array(), *o = json_pack("{s:s,s:I,s:s,s:b}", "format", SELFCHECK_FORMAT, "at", at, "machine",
						    machines[machine], "whole", is_whole);
	size_t counts[SELFCHECK_STATE_COUNT_] = { 0 };
	bool stops = false, is_good = list && o;

	for (unsigned int k = 0; is_good && k < SELFCHECK_COUNT_; k++) {
		counts[of[k]]++;
		stops = stops || (of[k] == SELFCHECK_STATE_BAD && checks[k].does == STOP);
		is_good = json_array_append_new(list, one((enum selfcheck)k, of[k], texts[k], is_kept)) == 0;
	}
	for (size_t k = 0; is_good && k < SELFCHECK_STATE_COUNT_; k++)
		is_good = json_object_set_new(o, sums[k], json_integer((json_int_t)counts[k])) == 0;
	if (is_good && json_object_set_new(o, "stops", json_boolean(stops)) == 0 && json_object_set(o, "checks", list) == 0) {
		json_decref(list);
		return o;
	}
	json_decref(list);
	json_decref(o);
	return NULL;
}

json_t *selfcheck_result(enum selfcheck_machine machine, bool is_whole, json_int_t at, const enum selfcheck_state *of,
			 const char *const *raw_texts)
{
	return result_of(machine, is_whole, at, of, raw_texts, false);
}

/* Its sums and sentences are made anew: what is believed of it are states and texts. */
int selfcheck_parse(const char *raw, size_t size, json_t **ret)
{
	json_t *o = size <= SELFCHECK_MAX ? json_loadb(raw, size, JSON_REJECT_DUPLICATES, NULL) : NULL;
	const json_t *list = json_object_get(o, "checks"), *at = json_object_get(o, "at"), *format = json_object_get(o, "format");
	size_t machine = find(machines, SELFCHECK_MACHINE_COUNT_, json_string_value(json_object_get(o, "machine")));
	enum selfcheck_state of[SELFCHECK_COUNT_];
	const char *texts[SELFCHECK_COUNT_];
	bool is_good = o && json_is_string(format) && strcmp(json_string_value(format), SELFCHECK_FORMAT) == 0 &&
		       machine < SELFCHECK_MACHINE_COUNT_ && json_is_integer(at) && json_is_boolean(json_object_get(o, "whole")) &&
		       json_array_size(list) == SELFCHECK_COUNT_;

	for (size_t k = 0; is_good && k < SELFCHECK_COUNT_; k++) {
		const json_t *c = json_array_get(list, k);
		const char *name = json_string_value(json_object_get(c, "name"));
		size_t state = find(states, SELFCHECK_STATE_COUNT_, json_string_value(json_object_get(c, "state")));

		texts[k] = json_string_value(json_object_get(c, "text"));
		is_good = name && strcmp(name, checks[k].name) == 0 && state < SELFCHECK_STATE_COUNT_ && texts[k];
		of[k] = (enum selfcheck_state)state;
	}
	*ret = is_good ? result_of((enum selfcheck_machine)machine, json_is_true(json_object_get(o, "whole")), json_integer_value(at), of,
				   texts, true) :
			 NULL;
	json_decref(o);
	return *ret ? 0 : is_good ? -ENOMEM : -EBADMSG;
}

enum selfcheck selfcheck_first(const json_t *result, enum selfcheck_state state, const char **ret_text)
{
	enum selfcheck found = SELFCHECK_COUNT_;
	const json_t *c;
	size_t k;

	json_array_foreach(json_object_get(result, "checks"), k, c) {
		const char *s = json_string_value(json_object_get(c, "state"));
		enum selfcheck check = selfcheck_find(json_string_value(json_object_get(c, "name")));

		if (!s || strcmp(s, states[state]) != 0 || check == SELFCHECK_COUNT_ ||
		    (found < SELFCHECK_COUNT_ && (selfcheck_stops(found) || !selfcheck_stops(check))))
			continue;
		found = check;
		*ret_text = json_string_value(json_object_get(c, "text"));
	}
	return found;
}
