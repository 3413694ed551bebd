/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "console/keys.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"

#define ESC 0x1b
#define ESCAPE_MS 60	 /* the rest of a sequence comes sooner, at 9600 baud and through a network too */
#define SEQUENCE_MAX 32 /* bytes; a longer one is no key */

int keys_read(struct keys *k, int fd, int64_t now_ms)
{
	ssize_t n;

	if (k->count == sizeof(k->raw))
		return 0; /* keys_next() first */
	n = read(fd, k->raw + k->count, sizeof(k->raw) - k->count);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -EPIPE;
	k->count += (size_t)n;
	k->since_ms = now_ms;
	return 0;
}

static void consume(struct keys *k, size_t n)
{
	memmove(k->raw, k->raw + n, k->count - n);
	k->count -= n;
	explicit_bzero(k->raw + k->count, n);
}

static bool is_late(const struct keys *k, int64_t now_ms)
{
	return now_ms - k->since_ms >= ESCAPE_MS;
}

static enum press_kind by_final(unsigned char final)
{
	switch (final) {
	case 'A':
		return PRESS_UP;
	case 'B':
		return PRESS_DOWN;
	case 'C':
		return PRESS_RIGHT;
	case 'D':
		return PRESS_LEFT;
	case 'H':
		return PRESS_HOME;
	case 'F':
		return PRESS_END;
	case 'Z':
		return PRESS_TAB_BACK;
	case 'M':
		return PRESS_ENTER; /* keypad */
	default:
		return PRESS_NOTHING;
	}
}

static enum press_kind by_number(unsigned int n)
{
	switch (n) {
	case 1:
	case 7:
		return PRESS_HOME;
	case 4:
	case 8:
		return PRESS_END;
	case 3:
		return PRESS_ERASE;
	case 5:
		return PRESS_PAGE_UP;
	case 6:
		return PRESS_PAGE_DOWN;
	default:
		return PRESS_NOTHING;
	}
}

/* After ESC [ (at raw[2]): length of the whole sequence, 0 while it is not complete. */
static size_t control_sequence(const struct keys *k, enum press_kind *ret)
{
	unsigned int number = 0;

	if (k->count > 2 && k->raw[2] == '[') { /* Linux console: ESC [ [ A is F1 */
		*ret = PRESS_NOTHING;
		return k->count > 3 ? 4 : 0;
	}
	for (size_t n = 2; n < k->count; n++) {
		unsigned char c = k->raw[n];

		if (c >= '0' && c <= '9' && number < 1000)
			number = number * 10 + (c - '0');
		if (c == ';')
			number = number > 0 && number < 1000 ? number + 1000 : 1000; /* with Shift and the like */
		if (c < 0x20 || c > 0x7e || n > SEQUENCE_MAX) {
			*ret = PRESS_NOTHING;
			return n;
		}
		if (c >= 0x40) {
			*ret = c == '~' ? by_number(number % 1000) : by_final(c);
			return n + 1;
		}
	}
	return 0;
}

static size_t escape(const struct keys *k, int64_t now_ms, enum press_kind *ret)
{
	size_t n = 0;

	*ret = PRESS_ESCAPE;
	if (k->count == 1)
		return is_late(k, now_ms) ? 1 : 0;
	if (k->raw[1] == '[') {
		n = control_sequence(k, ret);
	} else if (k->raw[1] == 'O') {
		n = k->count > 2 ? 3 : 0;
		*ret = n ? by_final(k->raw[2]) : PRESS_NOTHING;
	} else {
		return 1;
	}
	if (n == 0 && is_late(k, now_ms)) { /* Escape, and then the letter was typed */
		*ret = PRESS_ESCAPE;
		return 1;
	}
	return n;
}

static size_t utf8_length(unsigned char c)
{
	return c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
}

static size_t character(const struct keys *k, int64_t now_ms, struct press *ret)
{
	size_t n = utf8_length(k->raw[0]);

	ret->kind = PRESS_NOTHING;
	if (n == 0 || (k->count < n && is_late(k, now_ms)))
		return 1;
	if (k->count < n)
		return 0;
	/* The backslash is not "clean", being our escape character; it is a character like others when typed. */
	if (k->raw[0] != '\\' && !text_clean(k->raw, n))
		return text_utf8_valid(k->raw, n) ? n : 1;
	ret->kind = PRESS_TEXT;
	memcpy(ret->text, k->raw, n);
	return n;
}

static enum press_kind control(unsigned char c)
{
	switch (c) {
	case '\r':
	case '\n':
		return PRESS_ENTER;
	case '\t':
		return PRESS_TAB;
	case 0x08:
	case 0x7f:
		return PRESS_ERASE;
	case 0x15:
		return PRESS_CLEAR;
	case 0x0c:
		return PRESS_REDRAW;
	case 0x03:
		return PRESS_INTERRUPT;
	default:
		return PRESS_NOTHING;
	}
}

bool keys_next(struct keys *k, int64_t now_ms, struct press *ret)
{
	size_t n = 1;

	memset(ret, 0, sizeof(*ret));
	if (k->count == 0)
		return false;
	if (k->raw[0] == ESC)
		n = escape(k, now_ms, &ret->kind);
	else if (k->raw[0] < 0x20 || k->raw[0] == 0x7f)
		ret->kind = control(k->raw[0]);
	else
		n = character(k, now_ms, ret);
	if (n == 0)
		return false;
	consume(k, n);
	return true;
}

int keys_wait(const struct keys *k, int64_t now_ms)
{
	int64_t left = k->since_ms + ESCAPE_MS - now_ms;

	return k->count == 0 ? -1 : left > 0 ? (int)left : 0;
}
