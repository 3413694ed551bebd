/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The bytes of a held file, as numbers and as text. Nothing of the file reaches the terminal as it is: a byte becomes two
 * hexadecimal digits, and one character that is the byte itself only where that is printable ASCII (0x20 to 0x7e, which no
 * terminal takes for anything but a character), else a dot. */
#include <string.h>

#include "console/intent.h"
#include "console/result.h"

#define OFFSET_DIGITS 10
#define ACROSS_MAX 32

/* A line: offset, two blanks, three columns a byte, a blank in the middle, a blank, one column a byte. */
static int line_columns(int across)
{
	return OFFSET_DIGITS + 2 + across * 3 + 1 + 1 + across;
}

static int across_of(int columns)
{
	int across = ACROSS_MAX;

	while (across > 4 && line_columns(across) > columns)
		across /= 2;
	return across;
}

static void draw_line(const unsigned char *raw, int count, int across, int64_t offset, struct pen *p)
{
	char hex[ACROSS_MAX * 3 + 2], text[ACROSS_MAX + 1];
	int x = 0;

	for (int k = 0; k < across; k++) {
		if (k == across / 2)
			hex[x++] = ' ';
		(void)snprintf(hex + x, 4, k < count ? "%02x " : "   ", k < count ? raw[k] : 0);
		x += 3;
	}
	hex[x] = '\0';
	for (int k = 0; k < count; k++)
		text[k] = raw[k] >= 0x20 && raw[k] <= 0x7e ? (char)raw[k] : '.';
	text[count] = '\0';
	pen_line(p, 0, STYLE_PLAIN, "%0*llx  %s %s", OFFSET_DIGITS, (unsigned long long)offset, hex, text);
}

static void draw(struct console *c, struct pen *p)
{
	struct bytes *b = &c->desk.bytes;
	int64_t first = b->list.at * MAX(b->across, 1), total = b->list.total;
	char title[RESULT_LINE];

	b->across = across_of(p->width - 2);
	(void)snprintf(title, sizeof(title), _("Bytes %s of %s"), words_number((uint64_t)first).s,
		       b->size >= 0 ? words_number((uint64_t)b->size).s : "?");
	pen_rule(p, title);
	/* The whole screen moves, there is no chosen line. */
	list_fit(&b->list, b->size > 0 ? (b->size + b->across - 1) / b->across : 0, pen_left(p));
	if (b->list.total != total)
		c->is_dirty = true; /* the keys for it are drawn before */
	if (b->has_failed) {
		pen_line(p, 0, STYLE_PLAIN, "%s", _("The bytes of this file are not available now."));
		return;
	}
	if (b->size == 0)
		pen_line(p, 0, STYLE_PLAIN, "%s", _("None."));
	for (int k = 0; k < b->list.height && b->list.top + k < b->list.total; k++) {
		int64_t at = (b->list.top + k) * b->across;
		int64_t left = b->base + (int64_t)b->count - at;

		if (at >= b->base && left > 0)
			draw_line(b->raw + (at - b->base), (int)MIN(left, b->across), b->across, at, p);
		else
			p->y++; /* it has been asked for */
	}
}

static void enter(struct console *c)
{
	struct bytes *b = &c->desk.bytes;

	*b = (struct bytes){ .size = -1, .across = 16, .generation = b->generation + 1 };
}

static bool press(struct console *c, const struct press *press)
{
	struct bytes *b = &c->desk.bytes;

	if (press->kind == PRESS_LEFT) {
		console_back(c);
		return true;
	}
	if (is_letter(press, 'r') && b->has_failed) {
		b->has_failed = false;
		b->size = -1;
		return true;
	}
	b->list.at = b->list.top;
	if (!list_press(&b->list, press))
		return false;
	b->list.at = b->list.top = MAX(MIN(b->list.at, b->list.total - b->list.height), 0);
	return true;
}

static void keys(struct console *c, struct bar *b)
{
	const struct list *l = &c->desk.bytes.list;

	if (c->desk.bytes.has_failed)
		bar_add(b, "r", _("Try again"));
	if (l->total > l->height) {
		bar_add(b, _("Arrows"), _("Scroll"));
		bar_add(b, "g/G", _("Begin, end"));
	}
}

const struct screen screen_bytes = { .enter = enter, .draw = draw, .press = press, .keys = keys };
