/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A list of numbers that grows; zeroed, it is empty. */
#ifndef LAZARET_COMMON_NUMBERS_H
#define LAZARET_COMMON_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"

struct numbers {
	uint64_t *list;
	size_t count, room;
};

_must_check_ int numbers_add(struct numbers *n, uint64_t number); /* 0 or -ENOMEM */
void numbers_done(struct numbers *n);

#endif
