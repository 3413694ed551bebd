/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Whatever ends the console, the terminal is as before: a process of few lines, which reads nothing, starts the console
 * proper, waits for it, and puts the terminal back. So SIGKILL and a crash with a broken stack are covered as well, for which
 * no handler can be written. Should this process be the one that is killed, the console ends in order (PR_SET_PDEATHSIG). */
#ifndef LAZARET_CONSOLE_KEEPER_H
#define LAZARET_CONSOLE_KEEPER_H

#include <stdbool.h>

/* Run `run` in a child. `is_kiosk`: no key switches to another virtual terminal meanwhile. Returns the
 * exit status for main(): the child's, or 128 and its signal. */
int keeper_run(int (*run)(void *context), void *context, bool is_kiosk);

#endif
