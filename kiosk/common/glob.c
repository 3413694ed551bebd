/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A pattern of m bytes is a non-deterministic automaton: state i < m waits for pattern byte i, state m accepts.
 * A basename pattern has one more state, m + 1, which reads directories. Covering is language inclusion, decided by
 * walking both automata side by side, the covering one as a set of states (Hopcroft, Ullman: subset construction). */
#include "common/glob.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#define STATES_MAX (GLOB_MAX + 2)
#define SET_WORDS ((STATES_MAX + 63) / 64)
#define STEPS_MAX 4096 /* pairs visited; ordinary patterns need a few dozen */

/* -- lists ---------------------------------------------------------------------------------------------- */
int glob_list_add(struct glob_list *l, const char *pattern, bool ignore_case, bool is_basename)
{
	size_t length = strlen(pattern);
	struct glob *list;
	char *copy;

	if (length == 0 || length > GLOB_MAX)
		return -EINVAL;
	list = reallocarray(l->list, l->count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	l->list = list;
	copy = strdup(pattern);
	if (!copy)
		return -ENOMEM;
	list[l->count++] = (struct glob){ copy, ignore_case, is_basename };
	return 0;
}

void glob_list_done(struct glob_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->list[i].pattern);
	free(l->list);
	memset(l, 0, sizeof(*l));
}

/* -- matching ------------------------------------------------------------------------------------------- */
static bool byte_matches(const struct glob *g, char p, char c)
{
	if (p == '?')
		return !(g->is_basename && c == '/');
	if (g->ignore_case)
		return tolower((unsigned char)p) == tolower((unsigned char)c);
	return p == c;
}

/* Greedy with one point of return: O(pattern * text), no recursion on hostile names. */
bool glob_match(const struct glob *g, const char *text)
{
	const char *p = g->pattern, *star = NULL, *resume = NULL;

	if (g->is_basename && strrchr(text, '/'))
		text = strrchr(text, '/') + 1;
	while (*text) {
		if (*p == '*') {
			star = ++p;
			resume = text;
		} else if (*p && byte_matches(g, *p, *text)) {
			p++;
			text++;
		} else if (star) {
			p = star;
			text = ++resume;
		} else {
			return false;
		}
	}
	while (*p == '*')
		p++;
	return *p == '\0';
}

bool glob_list_match(const struct glob_list *l, const char *text)
{
	for (size_t i = 0; i < l->count; i++)
		if (glob_match(&l->list[i], text))
			return true;
	return false;
}

bool glob_is_literal(const struct glob *g)
{
	return strpbrk(g->pattern, "*?") == NULL;
}

/* -- automata ------------------------------------------------------------------------------------------- */
struct state_set {
	uint64_t words[SET_WORDS];
};

static bool set_has(const struct state_set *s, size_t state)
{
	return s->words[state / 64] >> (state % 64) & 1;
}

static bool set_is_empty(const struct state_set *s)
{
	for (size_t i = 0; i < SET_WORDS; i++)
		if (s->words[i])
			return false;
	return true;
}

/* Add a state and what it reaches without reading: past each '*', and from directories into the pattern. */
static void set_add(const struct glob *g, struct state_set *s, size_t state)
{
	s->words[state / 64] |= UINT64_C(1) << (state % 64);
	for (; state < strlen(g->pattern) && g->pattern[state] == '*'; state++)
		s->words[(state + 1) / 64] |= UINT64_C(1) << ((state + 1) % 64);
}

static struct state_set set_start(const struct glob *g)
{
	struct state_set s = { 0 };

	set_add(g, &s, 0);
	if (g->is_basename)
		set_add(g, &s, strlen(g->pattern) + 1);
	return s;
}

static void state_step(const struct glob *g, size_t state, char c, struct state_set *ret)
{
	size_t length = strlen(g->pattern);

	if (state == length + 1) { /* in the directories: any byte, and a '/' may be the last one */
		set_add(g, ret, state);
		if (c == '/')
			set_add(g, ret, 0);
	} else if (state < length && g->pattern[state] == '*') {
		if (!(g->is_basename && c == '/'))
			set_add(g, ret, state);
	} else if (state < length && byte_matches(g, g->pattern[state], c)) {
		set_add(g, ret, state + 1);
	}
}

static struct state_set set_step(const struct glob *g, const struct state_set *from, char c)
{
	struct state_set to = { 0 };

	for (size_t i = 0, last = strlen(g->pattern) + 1; i <= last; i++)
		if (set_has(from, i))
			state_step(g, i, c, &to);
	return to;
}

/* The bytes that can make a difference to either pattern, and one that stands for all others. */
static size_t alphabet(const struct glob *a, const struct glob *b, char ret[256])
{
	bool used[256] = { ['/'] = true };
	size_t count = 0;
	bool has_other = false;

	for (const struct glob *g = a;; g = b) {
		for (const char *p = g->pattern; *p; p++) {
			used[(unsigned char)*p] = true;
			used[(unsigned char)tolower((unsigned char)*p)] = true;
			used[(unsigned char)toupper((unsigned char)*p)] = true;
		}
		if (g == b)
			break;
	}
	for (int c = 1; c < 256; c++) {
		if (!used[c] && has_other)
			continue;
		has_other = has_other || !used[c];
		ret[count++] = (char)c;
	}
	return count;
}

/* Pairs (state of b, set of states of a) that have been seen, and those still to be looked at. */
struct walk {
	size_t count, done;
	struct {
		size_t state;
		struct state_set set;
	} pairs[STEPS_MAX];
};

static bool walk_add(struct walk *w, size_t state, const struct state_set *set)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->pairs[i].state == state && memcmp(&w->pairs[i].set, set, sizeof(*set)) == 0)
			return true;
	if (w->count == STEPS_MAX)
		return false;
	w->pairs[w->count].state = state;
	w->pairs[w->count++].set = *set;
	return true;
}

static bool walk_add_all(struct walk *w, const struct glob *g, const struct state_set *states, const struct state_set *set)
{
	for (size_t i = 0, last = strlen(g->pattern) + 1; i <= last; i++)
		if (set_has(states, i) && !walk_add(w, i, set))
			return false;
	return true;
}

/* Texts that both match begin alike: most pairs of types and names differ in what stands before their first wildcard. */
static bool begin_apart(const struct glob *a, const struct glob *b)
{
	if (a->is_basename || b->is_basename)
		return false;
	for (size_t i = 0;; i++) {
		char x = a->pattern[i], y = b->pattern[i];

		if (x == '*' || x == '?' || y == '*' || y == '?')
			return false;
		if (tolower((unsigned char)x) != tolower((unsigned char)y))
			return true;
		if (x == '\0')
			return false;
	}
}

bool glob_covers(const struct glob *a, const struct glob *b)
{
	_cleanup_free_ struct walk *w = calloc(1, sizeof(*w));
	struct state_set a_start = set_start(a), b_start = set_start(b);
	size_t a_end = strlen(a->pattern), b_end = strlen(b->pattern), letters;
	char abc[256];

	if (begin_apart(a, b)) /* some text matches b, and a does not */
		return false;
	if (!w || !walk_add_all(w, b, &b_start, &a_start))
		return false;
	letters = alphabet(a, b, abc);
	for (; w->done < w->count; w->done++) {
		size_t state = w->pairs[w->done].state;
		struct state_set set = w->pairs[w->done].set;

		if (state == b_end && !set_has(&set, a_end))
			return false;
		for (size_t i = 0; i < letters; i++) {
			struct state_set b_next = { 0 }, a_next = set_step(a, &set, abc[i]);

			state_step(b, state, abc[i], &b_next);
			if (!walk_add_all(w, b, &b_next, &a_next))
				return false;
		}
	}
	return true;
}

/* Most patterns are literal; for them matching is covering, and meeting. */
static bool is_one_text_to(const struct glob *a, const struct glob *b)
{
	return glob_is_literal(b) && !b->is_basename && (!b->ignore_case || a->ignore_case);
}

static bool pattern_covers(const struct glob *a, const struct glob *b)
{
	return is_one_text_to(a, b) ? glob_match(a, b->pattern) : glob_covers(a, b);
}

bool glob_list_covers(const struct glob_list *a, const struct glob_list *b)
{
	for (size_t i = 0; i < b->count; i++) {
		bool is_covered = false;

		for (size_t j = 0; j < a->count && !is_covered; j++)
			is_covered = pattern_covers(&a->list[j], &b->list[i]);
		if (!is_covered)
			return false;
	}
	return true;
}

/* Both run as plain sets over single states of each other: the product has at most STATES_MAX^2 states. */
bool glob_meets(const struct glob *a, const struct glob *b)
{
	static const struct state_set none;
	_cleanup_free_ struct state_set *seen = calloc(STATES_MAX, sizeof(*seen)); /* [state of a] -> states of b */
	struct state_set a_start = set_start(a), b_start = set_start(b);
	size_t a_end = strlen(a->pattern), b_end = strlen(b->pattern), letters;
	bool is_growing = true;
	char abc[256];

	if (is_one_text_to(a, b) || is_one_text_to(b, a))
		return is_one_text_to(a, b) ? glob_match(a, b->pattern) : glob_match(b, a->pattern);
	if (begin_apart(a, b))
		return false;
	if (!seen)
		return true; /* the side on which no rule is called contradictory */
	letters = alphabet(a, b, abc);
	for (size_t i = 0; i < STATES_MAX; i++)
		seen[i] = set_has(&a_start, i) ? b_start : none;
	while (is_growing) {
		is_growing = false;
		for (size_t i = 0; i < STATES_MAX; i++) {
			for (size_t c = 0; !set_is_empty(&seen[i]) && c < letters; c++) {
				struct state_set a_next = { 0 }, b_next = set_step(b, &seen[i], abc[c]);

				state_step(a, i, abc[c], &a_next);
				for (size_t j = 0; j < STATES_MAX; j++) {
					for (size_t k = 0; set_has(&a_next, j) && k < SET_WORDS; k++) {
						uint64_t grown = seen[j].words[k] | b_next.words[k];

						is_growing = is_growing || grown != seen[j].words[k];
						seen[j].words[k] = grown;
					}
				}
			}
		}
	}
	return set_has(&seen[a_end], b_end);
}
