/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What several screens have in them: a line that is typed, and a choice of one of many. */
#ifndef LAZARET_CONSOLE_FIELD_H
#define LAZARET_CONSOLE_FIELD_H

#include <stddef.h>
#include <stdint.h>

/* A choice of one of `total`, of which `height` fit on the screen from `top`. */
struct list {
	int64_t total, at, top;
	int height; /* as last drawn */
};

#define ENTRY_MAX 512 /* bytes with NUL; longer than any passphrase that cryptsetup accepts */

/* A line that is typed. */
struct entry {
	char text[ENTRY_MAX];
	size_t length;
};

#endif
