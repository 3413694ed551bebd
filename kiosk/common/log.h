/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Diagnostics on standard error (never the audit trail): "lazaret-vault: job=... err=EIO: words".
 * Every line is escaped by text_escape(), so that no argument can forge a second line (invariant 8). */
#ifndef LAZARET_COMMON_LOG_H
#define LAZARET_COMMON_LOG_H

#include "common/macros.h"

void log_open(const char *program); /* borrowed, kept */
void log_error(const char *fmt, ...) _printf_(1, 2);
void log_warning(const char *fmt, ...) _printf_(1, 2);
void log_info(const char *fmt, ...) _printf_(1, 2);

/* "ENOENT" for -ENOENT or ENOENT; "E?" when unknown. Static. */
const char *errno_name(int error);

#endif
