/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* rtf: what acts in Rich Text Format (specification 1.9.1): embedded and linked objects, templates of elsewhere, fields that start
 * programs; and objects that are hidden from whoever reads by the letter. Word accepts nearly anything, exploits live of that.
 */
#include <string.h>

#include "content/detectors.h"
#include "content/office.h"

#define WORD_MAX 32	/* letters of a control word (specification: 32) */
#define GROUPS_MAX 1024 /* groups within one another that are told apart; deeper ones count as the last */
#define KEPT_MAX 2048	/* bytes of a field code or template name that are kept */

enum destination { TEXT, OBJECT_DATA, OBJECT_CLASS, TEMPLATE, FIELD };

struct rtf {
	struct content *c;
	struct span rest, behind; /* the document's last brace */
	unsigned int depth;
	uint8_t in[GROUPS_MAX]; /* enum destination of each open group */
	bool has_object, has_link, is_updated, is_hidden, is_equation;
	size_t kept_size;
	uint8_t kept[KEPT_MAX];
};

static uint8_t *here(struct rtf *f)
{
	return &f->in[MIN(f->depth, (unsigned int)GROUPS_MAX - 1)];
}

static void keep(struct rtf *f, uint8_t b)
{
	if (f->kept_size < KEPT_MAX)
		f->kept[f->kept_size++] = b;
}

static int judge_kept(struct rtf *f, enum destination d)
{
	struct span text = span_trim((struct span){ f->kept, f->kept_size });
	const char *acts;

	f->kept_size = 0;
	if (d == TEMPLATE && is_remote(text))
		return content_active(f->c, "a template of elsewhere: %.*s", SPAN_ARGS(text));
	if (d == OBJECT_CLASS && (span_find(text, "equation") || span_find(text, "htmlfile") || span_find(text, "otkloadr")))
		f->is_equation = true;
	if (d != FIELD)
		return 0;
	acts = office_field_acts(text);
	return acts ? content_active(f->c, "%s: %.*s", acts, SPAN_ARGS(text)) : 0;
}

static bool is_kept(enum destination d)
{
	return d == TEMPLATE || d == FIELD || d == OBJECT_CLASS;
}

static int open_group(struct rtf *f)
{
	enum destination outer = *here(f);

	f->depth++;
	*here(f) = (uint8_t)outer;
	f->is_hidden |= outer == OBJECT_DATA;
	return 0;
}

static int close_group(struct rtf *f)
{
	enum destination inner = *here(f);

	if (f->depth == 0)
		return 0;
	f->depth--;
	if (f->depth == 0 && f->behind.size == 0)
		f->behind = f->rest;
	/* a field code is formatted in groups of its own, and ends where its destination does */
	return is_kept(inner) && *here(f) != inner ? judge_kept(f, inner) : 0;
}

static void start(struct rtf *f, enum destination d)
{
	*here(f) = (uint8_t)d;
	f->kept_size = 0;
}

static void on_word(struct rtf *f, struct span word)
{
	/* the object's data are hexadecimal digits, blanks and nothing else in what word processors write */
	f->is_hidden |= *here(f) == OBJECT_DATA && !span_is(word, "objdata");
	if (span_is(word, "objdata")) {
		f->has_object = true;
		start(f, OBJECT_DATA);
	} else if (span_is(word, "objupdate")) {
		f->is_updated = true;
	} else if (span_is(word, "objautlink") || span_is(word, "objlink") || span_is(word, "objsub") ||
		   span_is(word, "objhtml") || span_is(word, "objocx")) {
		f->has_link = true;
	} else if (span_is(word, "objclass")) {
		start(f, OBJECT_CLASS);
	} else if (span_is(word, "template")) {
		start(f, TEMPLATE);
	} else if (span_is(word, "fldinst")) {
		start(f, FIELD);
	}
}

static bool is_letter(uint8_t b)
{
	return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z');
}

static uint8_t take(struct rtf *f)
{
	f->rest.size--;
	return *f->rest.at++;
}

/* "\word-12 ": letters, a number, one blank that belongs to it. \binN: N bytes that are no text. */
static void control_word(struct rtf *f)
{
	struct span word = { f->rest.at, 0 };
	uint64_t number = 0;
	bool is_negative = false;

	while (f->rest.size > 0 && is_letter(*f->rest.at))
		(void)take(f);
	word.size = (size_t)(f->rest.at - word.at);
	if (f->rest.size > 0 && *f->rest.at == '-')
		is_negative = take(f) == '-';
	while (f->rest.size > 0 && *f->rest.at >= '0' && *f->rest.at <= '9') {
		number = number * 10 + (uint64_t)(take(f) - '0');
		number = MIN(number, (uint64_t)UINT32_MAX);
	}
	if (f->rest.size > 0 && *f->rest.at == ' ')
		(void)take(f);
	if (word.size <= WORD_MAX)
		on_word(f, word);
	if (span_is(word, "bin") && !is_negative) {
		size_t n = (size_t)MIN(number, (uint64_t)f->rest.size);

		f->rest.at += n;
		f->rest.size -= n;
	}
}

static int hex_digit(uint8_t b)
{
	if (b >= '0' && b <= '9')
		return b - '0';
	b |= 0x20;
	return b >= 'a' && b <= 'f' ? b - 'a' + 10 : -1;
}

static void control(struct rtf *f)
{
	if (f->rest.size == 0)
		return;
	if (is_letter(*f->rest.at)) {
		control_word(f);
	} else if (*f->rest.at == '\'' && f->rest.size >= 3) { /* one character in hexadecimal */
		int high = hex_digit(f->rest.at[1]), low = hex_digit(f->rest.at[2]);

		f->is_hidden |= *here(f) == OBJECT_DATA;
		if (high >= 0 && low >= 0)
			keep(f, (uint8_t)(high << 4 | low));
		f->rest.at += 3;
		f->rest.size -= 3;
	} else {
		uint8_t symbol = take(f);

		f->is_hidden |= *here(f) == OBJECT_DATA && symbol != '*' && symbol > ' ';
		if (symbol == '\\' || symbol == '{' || symbol == '}')
			keep(f, symbol);
	}
}

static int read_all(struct rtf *f)
{
	int r = 0;

	while (r == 0 && f->rest.size > 0) {
		uint8_t b = take(f);

		if (b == '{')
			r = open_group(f);
		else if (b == '}')
			r = close_group(f);
		else if (b == '\\')
			control(f);
		else if (*here(f) == OBJECT_DATA)
			f->is_hidden |= b > ' ' && hex_digit(b) < 0;
		else if (is_kept(*here(f)) && b >= ' ')
			keep(f, b);
	}
	return r;
}

/* Blanks, zeros, and braces that nothing opened. */
static bool is_left_behind(uint8_t b)
{
	return b <= ' ' || b == '}';
}

/* A reader stops at the brace that closes the document. */
static int look_behind(struct rtf *f)
{
	size_t size = f->behind.size;

	while (size > 0 && is_left_behind(f->behind.at[size - 1]))
		size--;
	while (size > 0 && is_left_behind(*f->behind.at))
		f->behind.at++, size--;
	return size > 0 ? content_active(f->c, "%zu bytes behind the end of the document", size) : 0;
}

static int tell(struct rtf *f)
{
	int r = look_behind(f);

	if (r < 0)
		return r;
	if (f->has_object || f->has_link)
		r = content_active(f->c, "%s%s", f->has_object ? "an embedded object" : "a linked object",
				   f->is_updated ? " that is loaded when it is opened" : "");
	if (r == 0 && f->has_object && f->is_equation)
		r = content_unsafe(f->c, REASON_ARCHIVE_UNSAFE, "an object of a class that serves attacks (Equation, htmlfile)");
	if (r == 0 && f->has_object && f->is_hidden)
		r = content_unsafe(f->c, REASON_ARCHIVE_UNSAFE, "an object hidden among control words");
	return r;
}

int look_rtf(struct content *c)
{
	_cleanup_free_ struct rtf *f = NULL;
	struct span head = span_trim((struct span){ c->data, MIN(c->size, (size_t)256) });
	int r;

	if (!span_starts(head, "{\\rt")) /* Word asks for no more */
		return 0;
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->c = c;
	f->rest = (struct span){ c->data, c->size };
	r = read_all(f);
	if (r == 0 && f->kept_size > 0) /* cut off within */
		r = judge_kept(f, *here(f));
	return r == 0 ? tell(f) : r;
}
