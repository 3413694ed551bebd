/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Imports and calls. What is called must be an import that the list has: then it is harmless whatever its arguments are. The
 * rest follows from that: nothing that was computed is called, for it could be anything; nothing is hung on an import, for it
 * would change what others mean by it (BUILD of a class sets its attributes). */
#include <string.h>

#include "content/pickle_run.h"

/* -- imports ------------------------------------------------------------------------------------------------------- */

bool pickle_is_plain_name(struct span s)
{
	bool is_start = true;

	for (size_t i = 0; i < s.size; i++) {
		uint8_t b = s.at[i];
		bool is_letter = (b >= 'A' && b <= 'Z') || (b >= 'a' && b <= 'z') || b == '_';

		if (!is_letter && (is_start || ((b < '0' || b > '9') && b != '.')))
			return false;
		is_start = b == '.';
	}
	return !is_start;
}

/* "module.name" for people: what is not printable ASCII is a question mark. */
static void write_name(char out[static PICKLE_NAME_MAX + 1], struct span module, struct span name)
{
	size_t n = 0;

	for (size_t i = 0; i < module.size && n < PICKLE_NAME_MAX; i++)
		out[n++] = module.at[i] > ' ' && module.at[i] < 0x7f ? (char)module.at[i] : '?';
	if (n < PICKLE_NAME_MAX)
		out[n++] = '.';
	for (size_t i = 0; i < name.size && n < PICKLE_NAME_MAX; i++)
		out[n++] = name.at[i] > ' ' && name.at[i] < 0x7f ? (char)name.at[i] : '?';
	out[n] = '\0';
}

static void list_import(struct pickle_report *r, const char *text)
{
	for (size_t i = 0; i < r->import_listed; i++)
		if (strcmp(r->imports[i], text) == 0)
			return;
	if (r->import_listed < PICKLE_IMPORTS_MAX)
		memcpy(r->imports[r->import_listed++], text, PICKLE_NAME_MAX + 1);
}

/* The list has no long names; of those the beginning tells enough. True: it is one. */
static bool cut_name(struct span *s)
{
	if (s->size <= PICKLE_NAME_READ_MAX)
		return false;
	s->size = PICKLE_NAME_READ_MAX;
	while (s->size > 1 && s->at[s->size - 1] == '.')
		s->size--;
	return true;
}

static struct value import(struct walker *w, struct span module, struct span name)
{
	bool is_long_module = cut_name(&module), is_long_name = cut_name(&name);
	enum import_class class = is_long_module || is_long_name ? IMPORT_REFUSED : import_class(module, name);
	struct pickle_report *r = w->report;
	bool is_plain = pickle_is_plain_name(module) && pickle_is_plain_name(name);
	char text[PICKLE_NAME_MAX + 1] = { 0 };

	r->import_count++;
	r->plain_count += is_plain;
	r->plain_refused += is_plain && class == IMPORT_REFUSED;
	if (r->import_listed < PICKLE_IMPORTS_MAX || class == IMPORT_REFUSED) {
		write_name(text, module, name);
		list_import(r, text);
	}
	if (class == IMPORT_REFUSED) {
		const char *danger = r->danger ? NULL : import_danger(module, name);

		if (r->refused_count++ == 0 || danger)
			memcpy(r->refused, text, sizeof(text));
		if (danger)
			r->danger = danger;
	}
	return (struct value){ KIND_GLOBAL, class };
}

static struct value import_lines(struct walker *w)
{
	const uint8_t *end = memchr(w->argument.at, '\n', w->argument.size);
	struct span module = { w->argument.at, (size_t)(end - w->argument.at) };

	return import(w, module, span_from(w->argument, end + 1));
}

int run_global(struct walker *w)
{
	return pile_push(&w->stack, import_lines(w));
}

static bool can_be_string(struct value v)
{
	return v.kind == KIND_STRING || v.kind == KIND_OTHER || v.kind == KIND_PERSISTENT;
}

int run_stack_global(struct walker *w)
{
	struct value name, module;
	struct span n, m;

	if (!take(w, &name) || !take(w, &module) || !can_be_string(name) || !can_be_string(module))
		return STEP_DAMAGED;
	if (name.kind == KIND_STRING && module.kind == KIND_STRING && pickle_string(w, name.number, &n) &&
	    pickle_string(w, module.number, &m))
		return pile_push(&w->stack, import(w, m, n));
	trouble(w, "it imports something under a name that it computes");
	return pile_push(&w->stack, (struct value){ KIND_GLOBAL, IMPORT_REFUSED });
}

int run_extension(struct walker *w)
{
	trouble(w, "it calls for an extension by number (copyreg), which only the program that loads it knows");
	return STEP_ON;
}

/* -- calls ----------------------------------------------------------------------------------------------------------- */

static int walk_nested(struct walker *w, struct value arguments)
{
	static const char *const opaque = "it loads a tensor from bytes that are no pickle that could be followed";
	struct walker inner = { .report = w->report, .budget = w->budget, .depth = w->depth + 1 };
	struct span bytes = { NULL, 0 };
	int r;

	if (arguments.kind != KIND_TUPLE_BYTES || w->depth >= PICKLE_DEPTH_MAX ||
	    !pickle_argument(w->data, w->size, arguments.number, &bytes)) {
		trouble(w, opaque);
		return STEP_ON;
	}
	if (bytes.size > w->budget->nested) {
		trouble(w, "it loads the same tensors from bytes more often than can be followed");
		return STEP_ON;
	}
	w->budget->nested -= bytes.size;
	/* torch before 1.6: number, version, system, the object, the keys of the storages; then their bytes */
	inner.data = bytes.at;
	inner.size = bytes.size;
	for (int i = 0; i < 5; i++) {
		inner.stack.count = inner.memo.count = inner.memo_count = 0;
		r = pickle_run_all(&inner);
		if (r != STEP_STOP)
			break;
	}
	pickle_walker_done(&inner);
	if (r < 0)
		return r;
	if (r != STEP_STOP)
		trouble(w, opaque);
	return STEP_ON;
}

/* What a call of `f` gives. */
static int call(struct walker *w, struct value f, struct value arguments)
{
	struct value result = { KIND_OTHER, 0 };
	int r = 0;

	w->report->calls++;
	if (f.kind != KIND_GLOBAL) {
		trouble(w, "it calls something that it computes");
	} else if (f.number == IMPORT_NESTED) {
		r = walk_nested(w, arguments);
	} else if (f.number == IMPORT_DTYPE && arguments.kind == KIND_TUPLE_STRING) {
		result = (struct value){ KIND_DTYPE, arguments.number };
	} else if (f.number == IMPORT_WRAPPER) {
		result.kind = KIND_WRAPPER;
	}
	if (r != 0)
		return r;
	return pile_push(&w->stack, result);
}

/* REDUCE, NEWOBJ: function, arguments; NEWOBJ_EX: and named ones. */
int run_reduce(struct walker *w)
{
	struct value f, arguments, named;

	if (w->data[w->at] == 0x92 && !take(w, &named))
		return STEP_DAMAGED;
	if (!take(w, &arguments) || w->stack.count == 0)
		return STEP_DAMAGED;
	f = w->stack.at[w->stack.count - 1]; /* not take(): the class of joblib's place-holder has its place here */
	if (f.kind == KIND_MARK)
		return STEP_DAMAGED;
	w->stack.count--;
	return call(w, f, arguments);
}

int run_inst(struct walker *w)
{
	size_t first;

	if (!take_to_mark(w, &first))
		return STEP_DAMAGED;
	return call(w, import_lines(w), (struct value){ KIND_TUPLE, 0 });
}

int run_obj(struct walker *w)
{
	size_t first, end = w->stack.count;

	if (!take_to_mark(w, &first) || first == end)
		return STEP_DAMAGED;
	return call(w, w->stack.at[first], (struct value){ KIND_TUPLE, 0 });
}

/* -- changes --------------------------------------------------------------------------------------------------------- */

static int change(struct walker *w, struct value *ret_target)
{
	if (w->stack.count == 0 || w->stack.at[w->stack.count - 1].kind == KIND_MARK)
		return STEP_DAMAGED;
	*ret_target = w->stack.at[w->stack.count - 1];
	if (ret_target->kind == KIND_GLOBAL)
		trouble(w, "it changes what it imports");
	return STEP_ON;
}

/* APPEND, APPENDS, ADDITEMS */
int run_changes(struct walker *w)
{
	struct value item, target;
	size_t first;

	if (w->data[w->at] == 'a' ? !take(w, &item) : !take_to_mark(w, &first))
		return STEP_DAMAGED;
	return change(w, &target);
}

int run_setitem(struct walker *w)
{
	struct pile *s = &w->stack;
	size_t first, end = s->count;
	struct value target;

	if (w->data[w->at] == 's') {
		if (end < 3 || s->at[end - 1].kind == KIND_MARK || s->at[end - 2].kind == KIND_MARK)
			return STEP_DAMAGED;
		first = s->count = end - 2;
	} else if (!take_to_mark(w, &first) || (end - first) % 2 != 0) {
		return STEP_DAMAGED;
	}
	if (change(w, &target) != STEP_ON)
		return STEP_DAMAGED;
	if (target.kind == KIND_DICT)
		array_learn(w, target, s->at + first, end - first);
	return STEP_ON;
}

/* It sets attributes, or calls __setstate__ of a class that was imported. */
int run_build(struct walker *w)
{
	struct value state, target;

	if (!take(w, &state) || change(w, &target) != STEP_ON)
		return STEP_DAMAGED;
	w->report->calls++;
	if (target.kind == KIND_DTYPE)
		array_mind_dtype(w, target, state);
	if (target.kind == KIND_WRAPPER)
		return array_skip(w, state);
	return STEP_ON;
}
