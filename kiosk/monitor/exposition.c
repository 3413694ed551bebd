/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "monitor/exposition.h"

#include <inttypes.h>
#include <string.h>

#include "common/text.h"

void exposition_family(FILE *out, const char *name, const char *type, const char *help)
{
	(void)fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* No longer than it may be, cut between characters. */
static size_t cut(const char *text)
{
	size_t size = strnlen(text, EXPOSITION_LABEL_MAX + 1);

	if (size <= EXPOSITION_LABEL_MAX)
		return size;
	size = EXPOSITION_LABEL_MAX;
	while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80)
		size--;
	return size;
}

static void put_value(FILE *out, const char *value)
{
	size_t size = cut(value);
	/* what cannot be printed, or is no UTF-8, is shown as everywhere else */
	_cleanup_free_ char *clean = text_clean(value, size) ? NULL : text_escape(value, size);

	if (clean) {
		value = clean;
		size = strlen(clean);
	}
	for (size_t k = 0; k < size; k++) {
		if (value[k] == '\\' || value[k] == '"')
			(void)fputc('\\', out);
		if (value[k] == '\n')
			(void)fputs("\\n", out); /* only when text_escape() had no memory */
		else
			(void)fputc(value[k], out);
	}
}

void exposition_sample(FILE *out, const char *name, const char *const *labels, int64_t value)
{
	(void)fputs(name, out);
	for (size_t k = 0; labels && labels[k]; k += 2) {
		(void)fprintf(out, "%s%s=\"", k == 0 ? "{" : ",", labels[k]);
		put_value(out, labels[k + 1]);
		(void)fputc('"', out);
	}
	(void)fprintf(out, "%s %" PRId64 "\n", labels && labels[0] ? "}" : "", value);
}

void exposition_gauge(FILE *out, const char *name, const char *help, int64_t value)
{
	exposition_family(out, name, "gauge", help);
	exposition_sample(out, name, NULL, value);
}

void exposition_counter(FILE *out, const char *name, const char *help, uint64_t value)
{
	exposition_family(out, name, "counter", help);
	exposition_sample(out, name, NULL, (int64_t)value); /* counts of things: below 2^63 */
}

void exposition_labelled(FILE *out, const char *name, const char *label, const char *label_value, int64_t value)
{
	const char *const labels[] = { label, label_value, NULL };

	exposition_sample(out, name, labels, value);
}
