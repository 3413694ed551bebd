/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* For the targets of this folder: choices out of the input's first bytes, and claims. */
#ifndef LAZARET_TESTS_FUZZ_INPUT_H
#define LAZARET_TESTS_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/macros.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What has to be so whatever the input: a crash, as for any other mistake. */
#define CLAIM(what)                                                                        \
	do {                                                                               \
		if (!(what)) {                                                             \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
			abort();                                                           \
		}                                                                          \
	} while (0)

struct input {
	const uint8_t *at;
	size_t left;
};

_unused_ static uint8_t take_byte(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->at++;
}

_unused_ static uint32_t take_number(struct input *in, unsigned int bytes)
{
	uint32_t n = 0;

	while (bytes-- > 0)
		n = n << 8 | take_byte(in);
	return n;
}

/* At most so many bytes. */
_unused_ static struct input take_part(struct input *in, size_t most)
{
	struct input part = { in->at, MIN(most, in->left) };

	in->at += part.left;
	in->left -= part.left;
	return part;
}

/* Bytes on the heap without a byte to spare, so that a read past them, or before them, is seen. Never NULL. */
_unused_ static uint8_t *exactly(struct input in)
{
	uint8_t *copy = malloc(in.left ? in.left : 1);

	CLAIM(copy);
	if (in.left > 0)
		memcpy(copy, in.at, in.left);
	return copy;
}

/* The same as a string: up to the first NUL. */
_unused_ static char *exactly_text(struct input in)
{
	const uint8_t *nul = in.left > 0 ? memchr(in.at, 0, in.left) : NULL;
	size_t size = nul ? (size_t)(nul - in.at) : in.left;
	char *copy = malloc(size + 1);

	CLAIM(copy);
	if (size > 0)
		memcpy(copy, in.at, size);
	copy[size] = '\0';
	return copy;
}

#endif
