/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The table of detectors, and the three things that they can say. */
#include "content/content.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "content/detectors.h"

static const struct detector detectors[] = {
#define DETECTOR_ENTRY(function, text) { text, look_##function },
	CONTENT_DETECTORS(DETECTOR_ENTRY)
#undef DETECTOR_ENTRY
	{ NULL, NULL },
};

/* A list of findings has one of each reason a file: what a second detector says is put behind what the first one said. */
static bool append(struct findings *f, enum reason reason, const char *text)
{
	for (size_t i = 0; i < f->count; i++) {
		struct finding *x = &f->list[i];
		_cleanup_free_ char *joined = NULL;

		if (x->reason != reason || x->member)
			continue;
		if (strlen(x->detail) + 2 + strlen(text) > FINDING_DETAIL_MAX || strstr(x->detail, text))
			return true;
		if (asprintf(&joined, "%s; %s", x->detail, text) < 0) {
			joined = NULL;
			return true; /* the reason stands there, which is what counts */
		}
		free(x->detail);
		x->detail = TAKE_PTR(joined);
		return true;
	}
	return false;
}

_printf_(3, 0) static int say(struct content *c, enum reason reason, const char *fmt, va_list ap)
{
	char text[FINDING_DETAIL_MAX + 1];
	int n = snprintf(text, sizeof(text), "%s: ", c->detector ? c->detector : "content");

	if (n < 0 || vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, ap) < 0)
		return -ENOMEM;
	if (append(c->findings, reason, text))
		return 0;
	return findings_add(c->findings, reason, NULL, "%s", text);
}

int content_active(struct content *c, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = say(c, REASON_ACTIVE_CONTENT, fmt, ap);
	va_end(ap);
	return r;
}

int content_unsafe(struct content *c, enum reason reason, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = say(c, reason, fmt, ap);
	va_end(ap);
	return r;
}

int content_is(struct content *c, const char *mime)
{
	if (content_has_type(c, mime))
		return 0;
	for (size_t i = 0; i < c->more_type_count; i++)
		if (strcasecmp(c->more_types[i], mime) == 0)
			return 0;
	if (c->more_type_count == CONTENT_TYPES_MAX)
		return -ENOMEM;
	c->more_types[c->more_type_count++] = mime;
	return 0;
}

bool content_has_type(const struct content *c, const char *mime)
{
	for (size_t i = 0; i < c->type_count; i++)
		if (strcasecmp(c->types[i], mime) == 0)
			return true;
	return false;
}

bool content_has_extension(const struct content *c, const char *extension)
{
	const char *dot = strrchr(c->name, '.');

	return dot && strcasecmp(dot + 1, extension) == 0;
}

bool content_is_in(const struct content *c, const char *mime_prefix)
{
	return c->container && strncasecmp(c->container, mime_prefix, strlen(mime_prefix)) == 0;
}

int content_look(struct content *c)
{
	int error = 0;

	for (const struct detector *d = detectors; d->name; d++) {
		int r;

		c->detector = d->name;
		r = d->look(c);
		if (r < 0 && error == 0)
			error = r;
		if (r < 0 && findings_add(c->findings, REASON_SCAN_ERROR, NULL, "%s: %s", d->name, strerror(-r)) < 0)
			error = -ENOMEM;
	}
	c->detector = NULL;
	if (error == 0)
		c->findings->done |= CHECK_CONTENT;
	return error;
}
