/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include <stdarg.h>
#include <string.h>

#include "selfcheck/read.h"
#include "selfcheck/selfcheck.h"

static void say(struct said *s, enum selfcheck_state state, bool is_wrong, const char *fmt, va_list ap) _printf_(4, 0);
static void say(struct said *s, enum selfcheck_state state, bool is_wrong, const char *fmt, va_list ap)
{
	s->is_said = true;
	s->is_wrong = is_wrong;
	s->state = state;
	if (vsnprintf(s->text, sizeof(s->text), fmt, ap) < 0)
		s->text[0] = '\0';
}

#define SAY(name, state, is_wrong)                                                                                                             \
	void name(struct said *s, const char *fmt, ...)                                                                                        \
	{                                                                                                                                      \
		va_list ap;                                                                                                                    \
                                                                                                                                               \
		va_start(ap, fmt);                                                                                                             \
		say(s, state, is_wrong, fmt, ap);                                                                                              \
		va_end(ap);                                                                                                                    \
	}

SAY(say_ok, SELFCHECK_STATE_OK, false)
SAY(say_wrong, SELFCHECK_STATE_BAD, true)
SAY(say_warning, SELFCHECK_STATE_WARNING, false)
SAY(say_none, SELFCHECK_STATE_NONE, false)

static void (*const functions[SELFCHECK_COUNT_])(const struct system *sys, struct said *said) = {
#define S(id, name, does, trial, installed, appliance, looks, sentence) [SELFCHECK_##id] = check_##id,
#include "control/selfcheck.def"
#undef S
};

static enum selfcheck_state look(const struct system *sys, enum selfcheck check, struct said *said)
{
	enum selfcheck_state severity = selfcheck_severity(check, sys->machine);

	*said = (struct said){ 0 };
	if (severity == SELFCHECK_STATE_NONE) {
		say_none(said, "%s", selfcheck_severity(check, SELFCHECK_INSTALLED) == SELFCHECK_STATE_NONE ?
					     "looked at on an appliance alone" :
					     "looked at on an installed station alone");
		return SELFCHECK_STATE_NONE;
	}
	functions[check](sys, said);
	if (!said->is_said)
		say_wrong(said, "the check said nothing");
	return said->is_wrong ? severity : said->state;
}

json_t *selfcheck_run(const struct system *sys)
{
	struct said *said = calloc(SELFCHECK_COUNT_, sizeof(*said));
	enum selfcheck_state states[SELFCHECK_COUNT_];
	const char *texts[SELFCHECK_COUNT_];
	json_t *result;

	if (!said)
		return NULL;
	for (unsigned int k = 0; k < SELFCHECK_COUNT_; k++) {
		states[k] = look(sys, (enum selfcheck)k, &said[k]);
		texts[k] = said[k].text;
	}
	result = selfcheck_result(sys->machine, sys->is_whole, sys->now, states, texts);
	free(said);
	return result;
}

int appliance_is_there(const char *facts, bool *ret)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	json_t *o;
	int r = read_at(facts, "appliance.json", &text, &size);

	*ret = false;
	if (r < 0)
		return r == -ENOENT || r == -ENOTDIR ? 0 : r;
	o = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	*ret = json_is_string(json_object_get(o, "suite")) && json_object_get(o, "version") && json_object_get(o, "slot-layout");
	json_decref(o);
	return *ret ? 0 : -EBADMSG;
}

void check_SANDBOX(const struct system *sys, struct said *said)
{
	if (sys->sandbox < 0)
		say_wrong(said, "%s: %s", sys->sandbox_where, strerror(-sys->sandbox));
	else
		say_ok(said, "accounts, namespaces, Landlock and system-call filter were tried");
}
