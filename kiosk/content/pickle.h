/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A pickle is a program for a small stack machine, and a call of any function of any library is one of its instructions. This
 * walks through it without carrying out anything, and tells what it would import. An unpickler acts while it reads: a pickle
 * that breaks off later has done all that stands before; "damaged" is therefore no excuse for what was met.
 *
 * Source: CPython, Lib/pickle.py and Modules/_pickle.c (whichever takes more is followed), Lib/pickletools.py for opcodes.
 */
#ifndef LAZARET_CONTENT_PICKLE_H
#define LAZARET_CONTENT_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"

#define PICKLE_IMPORTS_MAX 12 /* told by name: what a sentence has room for */
#define PICKLE_NAME_MAX 72    /* bytes of "module.name" that are told */
#define PICKLE_DEPTH_MAX 4    /* pickles in pickles: tensors in bytes in a tensor's pickle in an array are three */
#define PICKLE_VALUES_MAX (16u << 20) /* of stack, and of memo (8 bytes each): a list of as many different strings; a memo
				       * index costs five bytes to write and would cost the unpickler gigabytes */
#define PICKLE_NAME_READ_MAX 1024 /* bytes of a module's or a function's name that are read: the same string can be meant again
				   * and again */

struct pickle_report {
	size_t end;	    /* offset behind STOP, or of what stopped the walk */
	bool is_whole;	    /* reached STOP */
	bool has_protocol;  /* begins with PROTO */
	bool is_odd;	    /* numbers that are none and the like: text that merely begins like a pickle */
	bool is_torch;	    /* begins with the number that torch.save() wrote before its version 1.6 */
	size_t opcodes, calls, memos, import_count, refused_count;
	size_t plain_count, plain_refused; /* imports whose names look like Python's */

	char imports[PICKLE_IMPORTS_MAX][PICKLE_NAME_MAX + 1]; /* different ones, printable ASCII; the first import_listed */
	size_t import_listed;
	char refused[PICKLE_NAME_MAX + 1]; /* an import that the allow-list has not; a known dangerous one where there is any */
	const char *danger;	/* why that one is known to be dangerous; NULL */
	const char *trouble;	/* what cannot be followed without carrying it out, so that it has to be refused; NULL */

	/* What all the walks of one report may still cost, so that many small pickles cost no more than one: of walks beside the
	 * main one (joblib's arrays), of pickles within pickles, of which one can be loaded again and again, in bytes; and of
	 * places in memos that nobody filled. */
	struct pickle_budget {
		size_t beside, nested, places;
		bool is_set;
	} budget;
};

/* Walk the one pickle at the start of `data`; `ret` is added to (zero it first), but for end, is_whole and has_protocol, which
 * are of this one. Time and memory are linear in `size`, of several walks with one report in the largest size. Returns 0, or -ENOMEM. */
_must_check_ int pickle_walk(const uint8_t *data, size_t size, struct pickle_report *ret);

#endif
