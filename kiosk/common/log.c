/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "common/log.h"

#include <stdarg.h>
#include <string.h>

#include "common/text.h"

#define LINE_MAX_BYTES 4096 /* a log line; longer ones are cut */

static const char *program_name = "lazaret";

void log_open(const char *program)
{
	program_name = program;
}

static void _printf_(2, 0) log_line(const char *level, const char *fmt, va_list ap)
{
	char line[LINE_MAX_BYTES];
	_cleanup_free_ char *clean = NULL;

	if (vsnprintf(line, sizeof(line), fmt, ap) < 0)
		return;
	clean = text_escape(line, strlen(line));
	/* One call, one line: lines of several roles on one descriptor do not mix. */
	dprintf(STDERR_FILENO, "%s: %s%s\n", program_name, level, clean ? clean : "(out of memory)");
}

#define LOG_FUNCTION(name, level)                                                                  \
	void name(const char *fmt, ...)                                                            \
	{                                                                                          \
		va_list ap;                                                                        \
		va_start(ap, fmt);                                                                 \
		log_line(level, fmt, ap);                                                          \
		va_end(ap);                                                                        \
	}

LOG_FUNCTION(log_error, "error: ")
LOG_FUNCTION(log_warning, "warning: ")
LOG_FUNCTION(log_info, "")

const char *errno_name(int error)
{
	const char *name = strerrorname_np(error < 0 ? -error : error);

	return name ? name : "E?";
}
