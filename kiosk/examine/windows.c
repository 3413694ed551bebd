/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Past SCAN_FILE_MAX libclamav does not look. Over a window of a file there are no whole-file hashes (our own list of
 * forbidden contents has them, denylist.h), no rules for places in the file but in its first window, no logical signature
 * whose parts lie in two windows, and no unpacking but of what lies in one piece. That is sound for what is data to its
 * readers from end to end, and for nothing that carries programs: no executables, no octet-stream, which is what nobody knows.
 */
#include "examine/windows.h"

#include <string.h>

#define NOTE(what) what ": too long for one look of libclamav; looked at in overlapping windows of 1 GiB, without signatures " \
		   "over the whole file or over places in it"

static const struct {
	const char *type; /* a prefix when it ends with '/' */
	const char *note;
} rows[] = {
	/* a header that our own detector reads to its end, and numbers that are mapped, never unpacked (kiosk/content) */
	{ "application/vnd.safetensors", NOTE("model weights") },
	{ "application/vnd.gguf", NOTE("model weights") },
	/* samples in frames: players decode them and run nothing */
	{ "video/", NOTE("video") },
	{ "audio/", NOTE("audio") },
};

static const char *note_of(const char *type)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t n = strlen(rows[i].type);

		if (rows[i].type[n - 1] == '/' ? strncmp(type, rows[i].type, n) == 0 : strcmp(type, rows[i].type) == 0)
			return rows[i].note;
	}
	return NULL;
}

/* All of them but libmagic's "I do not know", which it adds to every binary file: a polyglot is more than a video. */
const char *window_note(const struct types *t)
{
	const char *note = NULL;

	for (size_t i = 0; i < t->count; i++) {
		const char *one = note_of(t->list[i]);

		if (!one && strcmp(t->list[i], "application/octet-stream") != 0)
			return NULL;
		note = note ? note : one;
	}
	return note;
}
