/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* joblib writes the bytes of an array into the middle of the pickle, behind the BUILD of a place-holder that has its shape and
 * type (joblib, numpy_pickle.py: NumpyArrayWrapper.read_array). Whoever loads the same file with plain pickle takes those bytes
 * for opcodes: they are walked as such, too. */
#include <string.h>

#include "content/pickle_run.h"

#define FORK_STACK 32 /* values of the stack that a walk beside the main one sees; below them it finds "anything" */

/* The dictionary of the place-holder, key by key as it is filled. */
void array_learn(struct walker *w, struct value dict, const struct value *items, size_t count)
{
	struct array_state *a = &w->array;

	for (size_t i = 0; i + 1 < count; i += 2) {
		struct value value = items[i + 1];
		struct span key;

		if (a->dict != dict.number)
			*a = (struct array_state){ .dict = dict.number };
		if (items[i].kind != KIND_STRING || !pickle_string(w, items[i].number, &key)) {
			a->is_strange = true; /* a computed key can be "shape" again */
			continue;
		}
		if (span_is(key, "shape")) {
			a->has_shape = value.kind == KIND_TUPLE_INTS;
			a->elements = value.number;
		} else if (span_is(key, "dtype")) {
			a->has_dtype = value.kind == KIND_DTYPE;
			a->dtype = value.number;
		} else if (span_is(key, "numpy_array_alignment_bytes")) {
			a->is_aligned = value.kind != KIND_NONE;
		}
	}
}

/* Bytes of an element of numpy.dtype("f8"), "U5", "V64"; -1: not known; 0 with `is_object`: objects, pickled. */
static int64_t element_size(struct span type, bool *is_object)
{
	uint64_t n = 0;
	size_t i = 0;

	if (type.size > 0 && memchr("<>|=", type.at[0], 4))
		i++;
	if (i >= type.size || !memchr("biufcmMOSUVa", type.at[i], 12))
		return -1;
	*is_object = type.at[i] == 'O';
	if (type.size - i < 2 || type.size - i > 10)
		return *is_object ? 0 : -1;
	for (size_t k = i + 1; k < type.size; k++) {
		if (type.at[k] < '0' || type.at[k] > '9')
			return -1;
		n = n * 10 + (type.at[k] - '0');
	}
	return (int64_t)(type.at[i] == 'U' ? n * 4 : n);
}

/* BUILD of a numpy.dtype: its size, and whether objects are in it, are told a second time, and count. The size of simple types
 * does not (it is -1). */
void array_mind_dtype(struct walker *w, struct value dtype, struct value state)
{
	bool is_object = false;
	struct span type;
	int64_t element = pickle_string(w, dtype.number, &type) ? element_size(type, &is_object) : -1;

	if (element < 0 || state.kind != KIND_TUPLE_DTYPE || (state.number & 1) != is_object ||
	    (state.number >> 1 != 0 && (int64_t)(state.number >> 1) - 1 != element))
		w->has_strange_dtype = true;
}

/* What a plain unpickler would do with these bytes. It may import nothing that the list has not. */
static int walk_beside(struct walker *w)
{
	struct pickle_report beside = { 0 };
	struct walker fork = { .data = w->data, .size = w->size, .next = w->next, .outer_memo = &w->memo,
			       .memo_count = w->memo_count, .depth = PICKLE_DEPTH_MAX, .budget = w->budget,
			       .is_fork = true, .report = &beside };
	size_t below = w->stack.count > FORK_STACK ? w->stack.count - FORK_STACK : 0;
	int r = 0;

	for (size_t i = below; r == 0 && i < w->stack.count; i++)
		r = pile_push(&fork.stack, w->stack.at[i].kind == KIND_WRAPPER ? (struct value){ KIND_PLAIN, 0 } : w->stack.at[i]);
	if (r == 0)
		r = pickle_run_all(&fork);
	pickle_walker_done(&fork);
	if (r < 0)
		return r;
	if ((beside.plain_refused > 0 && beside.calls > 0) ||
	    (beside.trouble && w->budget->beside == 0))
		trouble(w, "the bytes of an array in its middle are a program for an unpickler that knows nothing of arrays");
	return STEP_ON;
}

int array_skip(struct walker *w, struct value state)
{
	static const char *const opaque = "it has an array in its middle whose length is not clear";
	const struct array_state *a = &w->array;
	struct pile *s = &w->stack;
	bool is_object = false;
	struct span type;
	uint64_t length;
	int64_t element;
	int r;

	s->at[s->count - 1].kind = KIND_OTHER;
	if (w->is_fork)
		return STEP_ON;
	if (w->next < w->frame_end) {
		trouble(w, "it has an array in the middle of a frame, where different unpicklers look for it in different places");
		return STEP_DAMAGED;
	}
	if (state.kind != KIND_DICT || a->dict != state.number || !a->has_shape || !a->has_dtype || a->is_strange ||
	    w->has_strange_dtype || !pickle_string(w, a->dtype, &type) || (element = element_size(type, &is_object)) < 0) {
		trouble(w, opaque);
		return STEP_DAMAGED;
	}
	if (is_object) {
		struct walker inner = { .data = w->data, .size = w->size, .next = w->next, .report = w->report,
					.budget = w->budget, .depth = w->depth + 1 };

		if (w->depth >= PICKLE_DEPTH_MAX) {
			trouble(w, "it has pickles in pickles deeper than can be followed");
			return STEP_DAMAGED;
		}
		r = pickle_run_all(&inner);
		w->next = inner.next;
		pickle_walker_done(&inner);
		return r == STEP_STOP ? STEP_ON : r;
	}
	r = walk_beside(w);
	if (r != STEP_ON)
		return r;
	if (a->is_aligned) {
		if (w->next >= w->size || w->data[w->next] >= w->size - w->next)
			return STEP_DAMAGED;
		w->next += 1u + w->data[w->next];
	}
	if (__builtin_mul_overflow(a->elements, (uint64_t)element, &length) || length > w->size - w->next)
		return STEP_DAMAGED;
	w->next += (size_t)length;
	return STEP_ON;
}
