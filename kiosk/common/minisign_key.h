/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Shared by minisign.c and minisign_key.c alone. */
#ifndef LAZARET_COMMON_MINISIGN_KEY_H
#define LAZARET_COMMON_MINISIGN_KEY_H

#include <stdbool.h>

#include "common/minisign.h"

#define UNTRUSTED_PREFIX "untrusted comment: "
#define TRUSTED_PREFIX	 "trusted comment: "

struct minisign_secret {
	struct minisign_public public;
	uint8_t seed[32]; /* RFC 8032 section 5.1.5: the private key */
};

/* The next line of `*text` without its newline; `*left` shrinks. False at the end. A last line needs no newline. */
_must_check_ bool minisign_line(const char **text, size_t *left, const char **ret_line, size_t *ret_size);

/* One line of a comment: no control characters but TAB, which minisign itself writes between fields. */
_must_check_ bool minisign_comment_valid(const char *raw, size_t size);

#endif
