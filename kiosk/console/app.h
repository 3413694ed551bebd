/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The console proper: one loop over terminal, signals and the connection; nothing in it waits for anything else. */
#ifndef LAZARET_CONSOLE_APP_H
#define LAZARET_CONSOLE_APP_H

#include <stdbool.h>

struct app_options {
	const char *socket, *language; /* borrowed */
	bool is_ascii, is_kiosk;
};

/* Until the operator leaves, a signal ends it, or the terminal has gone. `options`: struct app_options. Returns the exit
 * status. */
int app_run(void *options);

#endif
