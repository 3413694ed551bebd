/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "verify/problem.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "common/text.h"

static void put_escaped(const char *text)
{
	_cleanup_free_ char *clean = text_escape(text, strlen(text));

	(void)fprintf(stderr, "%s: ", clean ? clean : "(out of memory)"); /* nowhere left to complain to */
}

void problem(struct problems *p, const char *name, const char *fmt, ...)
{
	va_list ap;

	if (p->count++ >= PROBLEMS_SHOWN)
		return;
	put_escaped(p->transfer);
	if (name)
		put_escaped(name);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap); /* as above */
	va_end(ap);
	(void)fputc('\n', stderr);
}

void problems_end(const struct problems *p)
{
	if (p->count <= PROBLEMS_SHOWN)
		return;
	put_escaped(p->transfer);
	(void)fprintf(stderr, "%" PRIu64 " more problems are not shown\n", p->count - PROBLEMS_SHOWN);
}
