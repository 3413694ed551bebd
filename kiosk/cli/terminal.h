/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Lines that a person types, or that a program gives through a descriptor; secrets are not shown and are wiped. */
#ifndef LAZARET_CLI_TERMINAL_H
#define LAZARET_CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

#include "common/macros.h"

/* Read lines from this descriptor (owned by the process) instead of the terminal. */
void terminal_lines_from(int fd);
bool terminal_is_program(void); /* terminal_lines_from() was called */

/* Ask `prompt` (clean text) on the controlling terminal and read a line of at most `size` - 1 bytes, without echo when it is a
 * secret. The line is written without its end. Blocks. Returns 0; -ENOTTY: there is no terminal, and no descriptor was given; -ECANCELED: ^C, ^D
 * or the end of the descriptor; -EMSGSIZE: longer; -EILSEQ: a NUL in it. */
_must_check_ int terminal_ask(const char *prompt, bool is_secret, char *out, size_t size);

/* Show a line on the terminal, or on standard error where there is none. */
void terminal_say(const char *text);

#endif
