/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What is wrong with a transfer, told to a person: one line each on standard error, names escaped. */
#ifndef LAZARET_VERIFY_PROBLEM_H
#define LAZARET_VERIFY_PROBLEM_H

#include <stdint.h>

#include "common/macros.h"

#define PROBLEMS_SHOWN 100 /* of one transfer; the rest is counted: a missing tree would fill the screen */

struct problems {
	const char *transfer; /* borrowed; as the importer gave it */
	uint64_t count;
};

/* "TRANSFER: name: words". `name` NULL: the transfer as a whole. */
void problem(struct problems *p, const char *name, const char *fmt, ...) _printf_(3, 4);
/* Tell how many were not shown. */
void problems_end(const struct problems *p);

#endif
