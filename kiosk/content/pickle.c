/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The walk through a pickle: opcodes, stack and memo. What is said about calls and imports: pickle_call.c. */
#include "content/pickle.h"

#include <string.h>

#include "content/pickle_run.h"

/* A walk beside the main one begins at the same text again and again: it reads no longer lines. */
#define FORK_LINE_MAX 65536
/* A pickler numbers what it writes, a byte and more each; numbers that no byte stands for are those of former pickles. */
#define PLACES_MIN (1u << 20)
#define BESIDE_MIN 65536 /* opcodes and bytes: those of small files are as many as they like */

enum argument { ARGUMENT_NONE, ARGUMENT_B1, ARGUMENT_B2, ARGUMENT_B4, ARGUMENT_B8, ARGUMENT_LINE, ARGUMENT_LINES,
		ARGUMENT_LEN1, ARGUMENT_LEN4, ARGUMENT_SIGNED4, ARGUMENT_LEN8 };

struct opcode {
	const char *name;
	enum argument argument;
	bool to_mark;
	unsigned int pops;
	enum pickle_kind leaves;
	int (*run)(struct walker *w);
};

#define run_none NULL
static const struct opcode opcodes[256] = {
#define P(code, name, argument, to_mark, pops, leaves, run)                                        \
	[code] = { #name, ARGUMENT_##argument, to_mark, pops, KIND_##leaves, run_##run },
#include "content/pickle_opcodes.def"
#undef P
};
#undef run_none

/* -- arguments ------------------------------------------------------------------------------------------------- */

/* The unpickler that is written in Python cuts off the last byte of what it takes for a line, line feed or not: at the end of
 * the file, "system!" is "system", and INST has called it. */
static bool take_line(const uint8_t *data, size_t size, size_t from, size_t *ret_end)
{
	const uint8_t *end = from < size ? memchr(data + from, '\n', size - from) : NULL;

	if (from >= size)
		return false;
	*ret_end = end ? (size_t)(end - data) : size - 1;
	return true;
}

/* `width` bytes of length in front. */
static bool take_counted(const uint8_t *data, size_t size, size_t at, unsigned int width, struct span *ret)
{
	uint64_t length;

	if (size - at < width)
		return false;
	length = width == 1 ? data[at] : width == 4 ? le32(data + at) : le64(data + at);
	if (length > size - at - width)
		return false;
	*ret = (struct span){ data + at + width, (size_t)length };
	return true;
}

bool pickle_argument(const uint8_t *data, size_t size, size_t at, struct span *ret)
{
	static const size_t widths[] = { 0, 1, 2, 4, 8 };
	const struct opcode *op = &opcodes[data[at]];
	size_t from = at + 1, end;

	if (!op->name)
		return false;
	switch (op->argument) {
	case ARGUMENT_NONE:
	case ARGUMENT_B1:
	case ARGUMENT_B2:
	case ARGUMENT_B4:
	case ARGUMENT_B8:
		*ret = (struct span){ data + from, widths[op->argument] };
		return size - from >= widths[op->argument];
	case ARGUMENT_LINE:
		if (!take_line(data, size, from, &end))
			return false;
		*ret = (struct span){ data + from, end - from };
		return true;
	case ARGUMENT_LINES:
		if (!take_line(data, size, from, &end) || !take_line(data, size, end + 1, &end))
			return false;
		*ret = (struct span){ data + from, end - from };
		return true;
	case ARGUMENT_LEN1:
		return take_counted(data, size, from, 1, ret);
	case ARGUMENT_SIGNED4:
		if (size - from >= 4 && data[from + 3] & 0x80)
			return false;
		return take_counted(data, size, from, 4, ret);
	case ARGUMENT_LEN4:
		return take_counted(data, size, from, 4, ret);
	case ARGUMENT_LEN8:
		return take_counted(data, size, from, 8, ret);
	}
	return false;
}

/* The end of an opcode: behind its argument, and the line feed of what ends in one. */
static size_t behind(const struct opcode *op, struct span argument, const uint8_t *data)
{
	return (size_t)(argument.at - data) + argument.size +
	       (op->argument == ARGUMENT_LINE || op->argument == ARGUMENT_LINES);
}

/* Escapes (STRING, UNICODE) are not decoded: nothing that is honest needs them in the name of a module. */
bool pickle_string(const struct walker *w, size_t at, struct span *ret)
{
	bool is_line = opcodes[w->data[at]].argument == ARGUMENT_LINE;
	struct span s;

	if (is_line && !memchr(w->data + at, '\n', MIN(w->size - at, (size_t)PICKLE_NAME_READ_MAX)))
		return false;
	if (!pickle_argument(w->data, w->size, at, &s))
		return false;
	if (is_line && s.size > 0 && memchr(s.at, '\\', s.size))
		return false;
	if (opcodes[w->data[at]].run == run_string) {
		if (s.size < 2)
			return false;
		s = (struct span){ s.at + 1, s.size - 2 };
	}
	*ret = s;
	return true;
}

/* -- stack ----------------------------------------------------------------------------------------------------- */

int pile_push(struct pile *p, struct value v)
{
	if (p->count == p->room) {
		size_t room = p->room ? p->room * 2 : 64;
		struct value *grown;

		if (p->count >= PICKLE_VALUES_MAX)
			return -E2BIG;
		grown = reallocarray(p->at, room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		p->at = grown;
		p->room = room;
	}
	p->at[p->count++] = v;
	return 0;
}

/* joblib looks whether a value is its place-holder, whoever made it, and then reads on elsewhere (pickle_array.c). Only one
 * way to make it is followed, the one that joblib takes: class and place-holder must not get lost among other values. */
static void mind_wrapper(struct walker *w, struct value v)
{
	if (v.kind == KIND_WRAPPER || (v.kind == KIND_GLOBAL && v.number == IMPORT_WRAPPER))
		trouble(w, "it makes a place-holder for an array in a way that joblib does not");
}

bool take(struct walker *w, struct value *ret)
{
	struct pile *s = &w->stack;

	if (s->count == 0 || s->at[s->count - 1].kind == KIND_MARK)
		return false;
	*ret = s->at[--s->count];
	mind_wrapper(w, *ret);
	return true;
}

/* The values above the mark keep their place in memory until the next push. */
bool take_to_mark(struct walker *w, size_t *ret_first)
{
	struct pile *s = &w->stack;

	for (size_t i = s->count; i > 0; i--)
		if (s->at[i - 1].kind == KIND_MARK) {
			*ret_first = i;
			s->count = i - 1;
			return true;
		} else {
			mind_wrapper(w, s->at[i - 1]);
		}
	return false;
}

void trouble(struct walker *w, const char *why)
{
	if (!w->report->trouble)
		w->report->trouble = why;
}

void pickle_walker_done(struct walker *w)
{
	free(w->stack.at);
	free(w->memo.at);
}

/* -- opcodes without calls --------------------------------------------------------------------------------------- */

int run_stop(struct walker *w)
{
	return STEP_STOP;
}

int run_pop(struct walker *w)
{
	if (w->stack.count == 0)
		return STEP_DAMAGED;
	w->stack.count--;
	return STEP_ON;
}

int run_dup(struct walker *w)
{
	struct pile *s = &w->stack;

	if (s->count == 0 || s->at[s->count - 1].kind == KIND_MARK)
		return STEP_DAMAGED;
	return pile_push(s, s->at[s->count - 1]);
}

/* What Python takes for a number is wider than this; what is none ends the unpickling, and is text most often. */
int run_number(struct walker *w)
{
	for (size_t i = 0; i < w->argument.size; i++)
		if (!strchr("0123456789+-.eELinfa", w->argument.at[i]))
			w->report->is_odd = true;
	if (w->argument.size == 0)
		w->report->is_odd = true;
	return STEP_ON;
}

int run_integer(struct walker *w)
{
	struct value v = { KIND_INT, 0 };

	for (size_t i = w->argument.size; i > 0; i--) {
		if (v.number > NUMBER_MAX >> 8) {
			v = (struct value){ KIND_PLAIN, 0 };
			break;
		}
		v.number = v.number << 8 | w->argument.at[i - 1];
	}
	/* BININT and LONG1 are signed, BININT1 and BININT2 are not */
	if ((w->data[w->at] == 'J' || w->data[w->at] == 0x8a) && w->argument.size > 0 &&
	    w->argument.at[w->argument.size - 1] & 0x80)
		v = (struct value){ KIND_PLAIN, 0 };
	return pile_push(&w->stack, v);
}

int run_string(struct walker *w)
{
	struct span s = w->argument;

	if (s.size < 2 || s.at[0] != s.at[s.size - 1] || (s.at[0] != '\'' && s.at[0] != '"'))
		w->report->is_odd = true;
	return STEP_ON;
}

static bool is_blank(uint8_t b)
{
	return b == ' ' || (b >= '\t' && b <= '\r');
}

/* A number as int() takes it: blanks around, a sign, underscores between digits. The unpickler refuses negative ones. */
static bool read_index(struct span s, uint64_t *ret)
{
	bool is_negative = false, was_digit = false;
	uint64_t n = 0;

	for (; s.size > 0 && is_blank(s.at[0]); s = (struct span){ s.at + 1, s.size - 1 })
		;
	while (s.size > 0 && is_blank(s.at[s.size - 1]))
		s.size--;
	if (s.size > 0 && (s.at[0] == '+' || s.at[0] == '-')) {
		is_negative = s.at[0] == '-';
		s = (struct span){ s.at + 1, s.size - 1 };
	}
	for (size_t i = 0; i < s.size; i++) {
		bool is_digit = s.at[i] >= '0' && s.at[i] <= '9';

		if (!is_digit && !(s.at[i] == '_' && was_digit))
			return false;
		if (is_digit)
			n = MIN(n * 10 + (s.at[i] - '0'), (uint64_t)1 << 40);
		was_digit = is_digit;
	}
	*ret = n;
	return was_digit && !(is_negative && n > 0);
}

static bool take_index(struct walker *w, size_t *ret)
{
	uint64_t n = 0;

	if (opcodes[w->data[w->at]].argument == ARGUMENT_LINE) {
		if (!read_index(w->argument, &n))
			return false;
	} else {
		for (size_t i = w->argument.size; i > 0; i--)
			n = n << 8 | w->argument.at[i - 1];
	}
	*ret = (size_t)n;
	return true;
}

int run_get(struct walker *w)
{
	size_t i;

	if (!take_index(w, &i))
		return STEP_DAMAGED;
	if (i < w->memo.count && w->memo.at[i].kind != KIND_NOTHING)
		return pile_push(&w->stack, w->memo.at[i]);
	if (w->outer_memo && i < w->outer_memo->count && w->outer_memo->at[i].kind != KIND_NOTHING)
		return pile_push(&w->stack, w->outer_memo->at[i]);
	return STEP_DAMAGED;
}

int run_put(struct walker *w)
{
	struct pile *s = &w->stack;
	size_t i = w->memo_count;

	if (s->count == 0 || s->at[s->count - 1].kind == KIND_MARK)
		return STEP_DAMAGED;
	if (opcodes[w->data[w->at]].argument != ARGUMENT_NONE && !take_index(w, &i))
		return STEP_DAMAGED;
	if (i > w->memo.count && i - w->memo.count > w->budget->places) {
		trouble(w, "it keeps a value under so high a number that an unpickler runs out of memory");
		return STEP_DAMAGED;
	}
	w->report->memos++;
	w->budget->places -= i > w->memo.count ? i - w->memo.count : 0;
	while (w->memo.count <= i) {
		int r = pile_push(&w->memo, (struct value){ KIND_NOTHING, 0 });

		if (r < 0)
			return r;
	}
	w->memo_count += w->memo.at[i].kind == KIND_NOTHING;
	w->memo.at[i] = s->at[s->count - 1];
	return STEP_ON;
}

static struct value make_tuple(const struct value *items, size_t count)
{
	struct value v = { KIND_TUPLE_INTS, 1 };

	for (size_t i = 0; i < count && v.kind == KIND_TUPLE_INTS; i++) {
		uint64_t product;

		if (items[i].kind != KIND_INT || __builtin_mul_overflow((uint64_t)v.number, (uint64_t)items[i].number, &product) ||
		    product > NUMBER_MAX)
			v = (struct value){ KIND_TUPLE, 0 };
		else
			v.number = product;
	}
	if ((count == 8 || count == 9) && items[0].kind == KIND_INT && items[1].kind == KIND_STRING && items[7].kind == KIND_INT)
		return (struct value){ KIND_TUPLE_DTYPE,
				       (items[7].number & 1) | (items[5].kind == KIND_INT ? (items[5].number + 1) << 1 : 0) };
	if (count > 0 && items[0].kind == KIND_STRING)
		return (struct value){ KIND_TUPLE_STRING, items[0].number };
	if (count == 1 && items[0].kind == KIND_BYTES)
		return (struct value){ KIND_TUPLE_BYTES, items[0].number };
	return v;
}

int run_tuple(struct walker *w)
{
	struct pile *s = &w->stack;
	uint8_t code = w->data[w->at];
	size_t first, count = s->count;

	if (code == 't') {
		if (!take_to_mark(w, &first))
			return STEP_DAMAGED;
		return pile_push(s, make_tuple(s->at + first, count - first));
	}
	count = code == ')' ? 0 : code - 0x84u;
	for (size_t i = 0; i < count; i++) {
		if (s->count <= i || s->at[s->count - 1 - i].kind == KIND_MARK)
			return STEP_DAMAGED;
		mind_wrapper(w, s->at[s->count - 1 - i]);
	}
	s->count -= count;
	return pile_push(s, make_tuple(count > 0 ? s->at + s->count : NULL, count));
}

int run_proto(struct walker *w)
{
	return w->argument.at[0] <= 5 ? STEP_ON : STEP_DAMAGED;
}

/* One unpickler of CPython's minds the length of a frame, the other does not: neither jumps by it. */
int run_frame(struct walker *w)
{
	uint64_t length = le64(w->argument.at);

	if (length > w->size - w->next)
		w->report->is_odd = true;
	w->frame_end = w->next + (size_t)MIN(length, w->size - w->next);
	return STEP_ON;
}

/* -- the walk ------------------------------------------------------------------------------------------------------ */

static int run_one(struct walker *w)
{
	const struct opcode *op = &opcodes[w->data[w->at]];
	struct value ignored;
	size_t first;
	int r;

	if (!pickle_argument(w->data, w->size, w->at, &w->argument))
		return STEP_DAMAGED;
	w->next = behind(op, w->argument, w->data);
	w->report->opcodes++;
	if (op->run == run_reduce || op->run == run_inst || op->run == run_changes)
		return op->run(w); /* these want to see what they take */
	if (op->to_mark && !take_to_mark(w, &first))
		return STEP_DAMAGED;
	for (unsigned int i = 0; i < op->pops; i++)
		if (!take(w, &ignored))
			return STEP_DAMAGED;
	if (op->leaves != KIND_NOTHING) {
		r = pile_push(&w->stack, (struct value){ op->leaves, w->at & NUMBER_MAX });
		if (r < 0)
			return r;
	}
	return op->run ? op->run(w) : STEP_ON;
}

/* Bytes of the lines that the opcode at hand takes. A walk beside the main one reads no line that is longer than it may be: no
 * module has such a name; a function can, for "a.b" names what hangs on it, and something always does. */
static bool measure_lines(struct walker *w, size_t *ret_size)
{
	enum argument argument = opcodes[w->data[w->at]].name ? opcodes[w->data[w->at]].argument : ARGUMENT_NONE;
	unsigned int lines = argument == ARGUMENT_LINES ? 2 : argument == ARGUMENT_LINE ? 1 : 0;
	struct span rest = { w->data + w->at + 1, w->size - w->at - 1 };

	*ret_size = 0;
	for (unsigned int i = 0; i < lines && rest.size > 0; i++) {
		size_t most = MIN(rest.size, (size_t)FORK_LINE_MAX);
		const uint8_t *end = memchr(rest.at, '\n', most);
		size_t size = end ? (size_t)(end + 1 - rest.at) : most;

		if (!end && rest.size > most) {
			if (i == 1 && pickle_is_plain_name((struct span){ rest.at, PICKLE_NAME_READ_MAX }))
				w->budget->beside = 0;
			return false;
		}
		*ret_size += size;
		rest = (struct span){ rest.at + size, rest.size - size };
	}
	return true;
}

/* One step of a walk beside the main one, and what it costs. */
static int run_beside(struct walker *w)
{
	size_t lines;
	int r = STEP_DAMAGED;

	if (measure_lines(w, &lines) && w->budget->beside > 0)
		r = run_one(w);
	w->budget->beside -= MIN(w->budget->beside, 1 + lines);
	if (w->budget->beside == 0)
		trouble(w, "it has more arrays in its middle than can be looked at from both sides");
	return r;
}

int pickle_run_all(struct walker *w)
{
	int r = STEP_ON;

	while (r == STEP_ON && w->next < w->size) {
		w->at = w->next;
		r = w->is_fork ? run_beside(w) : run_one(w);
	}
	if (r == -E2BIG) {
		trouble(w, "it has more values at a time than can be followed");
		r = STEP_DAMAGED;
	}
	return r == STEP_ON ? STEP_DAMAGED : r;
}

int pickle_walk(const uint8_t *data, size_t size, struct pickle_report *ret)
{
	struct walker w = { .data = data, .size = size, .report = ret, .budget = &ret->budget };
	int r;

	if (!ret->budget.is_set)
		ret->budget = (struct pickle_budget){ .beside = BESIDE_MIN + size, .nested = PICKLE_DEPTH_MAX * size,
						      .places = MIN(PLACES_MIN + size, (size_t)PICKLE_VALUES_MAX), .is_set = true };
	r = pickle_run_all(&w);
	pickle_walker_done(&w);
	if (r < 0)
		return r;
	ret->is_whole = r == STEP_STOP;
	ret->end = r == STEP_STOP ? w.next : w.at;
	ret->has_protocol = size >= 2 && data[0] == 0x80 && data[1] <= 5;
	return 0;
}
