/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* libgsf and GLib in a process that can open no file, and what they complain about: libgsf tells of damage by GLib's log alone,
 * and goes on.
 */
#ifndef LAZARET_OLE_LIBRARY_H
#define LAZARET_OLE_LIBRARY_H

#include "common/macros.h"

/* Before the sandbox, once: load what is loaded late, take the log over, write a compound file and read it again. 0, or
 * -ENOTSUP when it does not come back. */
_must_check_ int ole_prepare(void);

/* The first complaint since library_forget(), raw, valid until the next; NULL: none. */
const char *library_complaint(void);
void library_forget(void);

#endif
