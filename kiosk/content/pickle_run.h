/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The machine that pickle.c walks with: what stands on its stack instead of values. Internal to pickle*.c. */
#ifndef LAZARET_CONTENT_PICKLE_RUN_H
#define LAZARET_CONTENT_PICKLE_RUN_H

#include "content/imports.h"
#include "content/pickle.h"

enum pickle_kind {
	KIND_NOTHING,	 /* no value: see pickle_opcodes.def */
	KIND_OTHER,	 /* result of a call, out-of-band data: could be anything, a string too */
	KIND_PERSISTENT, /* what the loader gives for a persistent number: torch, a storage */
	KIND_MARK,
	KIND_PLAIN,  /* certainly neither string nor function */
	KIND_NONE,   /* None */
	KIND_LIST,
	KIND_DICT,   /* number: offset of the opcode that made it */
	KIND_STRING, /* number: offset of its opcode */
	KIND_BYTES,  /* likewise */
	KIND_INT,    /* number: itself, not negative */
	KIND_GLOBAL, /* number: enum import_class */
	KIND_TUPLE,
	KIND_TUPLE_INTS,   /* number: product of all */
	KIND_TUPLE_STRING, /* number: offset of the opcode of its first, a string */
	KIND_TUPLE_BYTES,  /* one, bytes; number: offset of their opcode */
	KIND_DTYPE,	   /* numpy.dtype of a string; number: offset of its opcode */
	KIND_TUPLE_DTYPE,  /* what BUILD gives a numpy.dtype; number: 1 if objects are in it, (size of an element + 1) << 1 if told */
	KIND_WRAPPER,	   /* joblib: the next BUILD of it is followed by an array */
};

struct value {
	uint64_t kind : 6, number : 58;
};

#define NUMBER_MAX ((1ull << 58) - 1)

struct pile {
	struct value *at;
	size_t count, room;
};

struct array_state { /* of joblib's place-holder: what its last dictionary said */
	uint64_t dict;	 /* offset of the opcode that made it */
	bool has_shape, has_dtype, is_aligned, is_strange;
	uint64_t elements, dtype;
};

struct walker {
	const uint8_t *data;
	size_t size, at, next; /* the opcode under way, and what comes behind its argument */
	size_t frame_end;
	struct span argument;
	struct pile stack, memo;
	const struct pile *outer_memo; /* of a walk beside the main one; NULL */
	size_t memo_count;	       /* what the next MEMOIZE is called */
	unsigned int depth;
	struct pickle_budget *budget; /* borrowed: the main walk's report has it */
	bool is_fork, has_strange_dtype;
	struct array_state array;
	struct pickle_report *report;
};

enum step {
	STEP_ON = 0,
	STEP_STOP,    /* STOP */
	STEP_DAMAGED, /* here every unpickler gives up */
	/* or a negative errno */
};

/* Argument of the opcode at `at`: false when it is cut off or no opcode is there. */
bool pickle_argument(const uint8_t *data, size_t size, size_t at, struct span *ret);
/* The text of the string opcode at `at`; false for what would have to be decoded first. */
bool pickle_string(const struct walker *w, size_t at, struct span *ret);
int pickle_run_all(struct walker *w);
void pickle_walker_done(struct walker *w);

_must_check_ int pile_push(struct pile *p, struct value v);
bool take_to_mark(struct walker *w, size_t *ret_first);
bool take(struct walker *w, struct value *ret); /* false: empty, or a mark is in the way */
/* What it would do cannot be followed: the first reason stays. */
void trouble(struct walker *w, const char *why);
/* Looks like a name of Python's, with or without dots. */
bool pickle_is_plain_name(struct span s);

/* `leaves` and the like of pickle_opcodes.def are done before: each of these does the rest. enum step, or a negative errno. */
int run_stop(struct walker *w);
int run_pop(struct walker *w);
int run_dup(struct walker *w);
int run_number(struct walker *w);
int run_integer(struct walker *w);
int run_string(struct walker *w);
int run_get(struct walker *w);
int run_put(struct walker *w);
int run_tuple(struct walker *w);
int run_proto(struct walker *w);
int run_frame(struct walker *w);
/* pickle_call.c */
int run_reduce(struct walker *w);
int run_changes(struct walker *w);
int run_build(struct walker *w);
int run_global(struct walker *w);
int run_inst(struct walker *w);
int run_obj(struct walker *w);
int run_setitem(struct walker *w);
int run_extension(struct walker *w);
int run_stack_global(struct walker *w);
/* pickle_array.c: the array that stands in the middle of a pickle of joblib's, behind the BUILD of its place-holder. */
void array_learn(struct walker *w, struct value dict, const struct value *items, size_t count);
void array_mind_dtype(struct walker *w, struct value dtype, struct value state);
int array_skip(struct walker *w, struct value state);

#endif
