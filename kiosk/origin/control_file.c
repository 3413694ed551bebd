/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Run by the origin role. A paragraph is held in one piece, so that its fields may come in any order and their lists be read
 * when all of them are known; what comes next is read behind it.
 */
#include "origin/control_file.h"

#include <string.h>
#include <strings.h>

struct control_file {
	struct decompress *source; /* borrowed */
	char *text;
	size_t allocated, allocated_max, from, to; /* unread: from..to */
	uint64_t line;				    /* at `from`, from 1 */
	bool is_end, has_cr, has_begun;
	const char *why;
	int error;
};

int control_file_new(struct decompress *source, size_t paragraph_max, struct control_file **ret)
{
	struct control_file *f = calloc(1, sizeof(*f));

	if (f)
		f->text = malloc(CONTROL_BLOCK);
	if (!f || !f->text) {
		free(f);
		return -ENOMEM;
	}
	f->source = source;
	f->allocated = CONTROL_BLOCK;
	f->allocated_max = paragraph_max;
	f->line = 1;
	f->why = "";
	*ret = f;
	return 0;
}

struct control_file *control_file_free(struct control_file *f)
{
	if (f)
		free(f->text);
	free(f);
	return NULL;
}

const char *control_file_why(const struct control_file *f)
{
	return f->why;
}

uint64_t control_file_line(const struct control_file *f)
{
	return f->line;
}

bool control_file_has_begun(const struct control_file *f)
{
	return f->has_begun;
}

static int fault(struct control_file *f, int error, const char *why)
{
	f->why = why;
	return error;
}

/* -- bytes ---------------------------------------------------------------------------------------------------- */

/* Room behind what is unread: move it to the front, or take twice as much. */
static int make_room(struct control_file *f)
{
	size_t twice = MIN(f->allocated * 2, f->allocated_max);
	char *grown;

	if (f->from > 0) {
		memmove(f->text, f->text + f->from, f->to - f->from);
		f->to -= f->from;
		f->from = 0;
		return 0;
	}
	if (f->allocated == f->allocated_max)
		return fault(f, -EFBIG, "a paragraph that is longer than this station reads");
	grown = realloc(f->text, twice);
	if (!grown)
		return -ENOMEM;
	f->text = grown;
	f->allocated = twice;
	return 0;
}

/* Read as much as there is room for: the paragraph that is looked at again has doubled then, or is a small part of it. */
static int fill(struct control_file *f)
{
	int r = make_room(f);

	while (r == 0 && !f->is_end && f->to < f->allocated) {
		char *at = f->text + f->to;
		ssize_t n = decompress_read(f->source, at, f->allocated - f->to);

		if (n < 0)
			return fault(f, (int)n, decompress_why(f->source));
		if (memchr(at, '\0', (size_t)n))
			return fault(f, -EBADMSG, "a NUL byte");
		f->has_cr = f->has_cr || memchr(at, '\r', (size_t)n);
		f->to += (size_t)n;
		f->is_end = n == 0;
	}
	return r;
}

/* -- lines ---------------------------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct control_text trimmed(const char *at, const char *end)
{
	while (at < end && (is_blank(*at) || *at == '\n' || *at == '\r'))
		at++;
	while (end > at && (is_blank(end[-1]) || end[-1] == '\n' || end[-1] == '\r'))
		end--;
	return (struct control_text){ at, (size_t)(end - at) };
}

static bool is_all_blank(const char *at, const char *end)
{
	while (at < end && is_blank(*at))
		at++;
	return at == end;
}

/* The line at `at`, up to its end without CR and newline. 1 and `*ret_next` behind it; 0: there is not enough text. */
static int take_raw_line(struct control_file *f, const char *at, const char **ret_end, const char **ret_next)
{
	const char *text_end = f->text + f->to, *end = memchr(at, '\n', (size_t)(text_end - at));

	if (!end && !f->is_end && text_end - at <= (ptrdiff_t)CONTROL_LINE_MAX)
		return 0;
	*ret_next = end ? end + 1 : text_end;
	if (!end)
		end = text_end;
	if (end - at > (ptrdiff_t)CONTROL_LINE_MAX)
		return fault(f, -EFBIG, "a line that is longer than this station reads");
	if (f->has_cr) {
		if (end > at && end[-1] == '\r')
			end--;
		if (memchr(at, '\r', (size_t)(end - at)))
			return fault(f, -EBADMSG, "a CR that does not end a line");
	}
	*ret_end = end;
	return 1;
}

/* -- fields --------------------------------------------------------------------------------------------------- */

/* Policy 5.1: U+0021 to U+007E without the colon; the first one is neither '#' nor '-' (which OpenPGP's armour begins with).
 * Returns the colon, or NULL; and the FNV-1a hash of the name without case. */
static const char *scan_name(const char *at, const char *end, uint64_t *ret_hash)
{
	uint64_t hash = 0xcbf29ce484222325u;
	const char *p = at;

	if (p == end || *p == '#' || *p == '-')
		return NULL;
	for (; p < end && *p != ':'; p++) {
		unsigned char c = (unsigned char)*p;

		if (c < 0x21 || c > 0x7e || p - at == CONTROL_NAME_MAX)
			return NULL;
		hash = (hash ^ (c >= 'A' && c <= 'Z' ? c | 0x20 : c)) * 0x100000001b3u;
	}
	*ret_hash = hash;
	return p < end && p > at ? p : NULL;
}

static void note_repeated(struct control_paragraph *p, const struct control_field *field)
{
	for (const struct control_field *f = p->fields; f < field && !p->repeated; f++)
		if (f->hash == field->hash && f->name.size == field->name.size &&
		    strncasecmp(f->name.at, field->name.at, f->name.size) == 0)
			p->repeated = field;
}

/* One line that is not empty. */
static int take_field_line(struct control_file *f, struct control_paragraph *p, const char *at, const char *end)
{
	struct control_field *field;
	const char *colon;
	uint64_t hash;

	if (is_blank(*at)) {
		if (is_all_blank(at, end))
			return fault(f, -EBADMSG, "a line of blanks, which some take for the end of a paragraph and others do not");
		if (p->count == 0)
			return fault(f, -EBADMSG, "a line that continues no field");
		field = &p->fields[p->count - 1];
		field->value = trimmed(field->value.at, end);
		return 0;
	}
	colon = scan_name(at, end, &hash);
	if (!colon)
		return fault(f, -EBADMSG, "a line that is not \"Field: value\"");
	if (p->count == CONTROL_FIELDS_MAX)
		return fault(f, -EFBIG, "a paragraph of more fields than this station reads");
	field = &p->fields[p->count++];
	*field = (struct control_field){ { at, (size_t)(colon - at) }, trimmed(colon + 1, end), hash };
	note_repeated(p, field);
	f->has_begun = true;
	return 0;
}

/* The paragraph at `from`. 1 when it is complete: it has been taken then; 0 when there is not enough text; or an error. */
static int parse(struct control_file *f, struct control_paragraph *p)
{
	const char *at = f->text + f->from, *text_end = f->text + f->to, *end = NULL, *next = NULL;
	uint64_t first_line = f->line, line = f->line;
	int r = 0;

	p->count = 0;
	p->repeated = NULL;
	for (; at < text_end; at = next, line++) {
		r = take_raw_line(f, at, &end, &next);
		if (r == 0)
			return 0;
		if (r > 0 && end == at && p->count > 0)
			break;
		if (r > 0 && p->count == 0) { /* nothing but empty lines: they are done with, whatever comes */
			f->from = (size_t)(at - f->text);
			f->line = first_line = line;
		}
		if (r > 0 && end > at)
			r = take_field_line(f, p, at, end);
		if (r < 0) {
			f->line = line;
			return r;
		}
	}
	if (at >= text_end && !f->is_end)
		return 0;
	p->line = first_line;
	f->from = (size_t)(at - f->text);
	f->line = line;
	return p->count > 0;
}

int control_next(struct control_file *f, struct control_paragraph *ret)
{
	int r = f->error;

	while (r == 0) {
		r = parse(f, ret);
		if (r == 0 && f->is_end)
			return 0;
		if (r == 0)
			r = fill(f);
	}
	f->error = r < 0 ? r : 0;
	return r;
}

/* -- values --------------------------------------------------------------------------------------------------- */

bool control_text_is(const struct control_text *t, const char *words)
{
	return strlen(words) == t->size && strncasecmp(words, t->at, t->size) == 0;
}

uint64_t control_line_of(const struct control_paragraph *p, const char *at)
{
	uint64_t line = p->line;

	for (const char *c = p->fields[0].name.at; c < at; c++)
		line += *c == '\n';
	return line;
}

const struct control_text *control_find(const struct control_paragraph *p, const char *name)
{
	size_t size = strlen(name);

	for (size_t i = 0; i < p->count; i++)
		if (p->fields[i].name.size == size && strncasecmp(p->fields[i].name.at, name, size) == 0)
			return &p->fields[i].value;
	return NULL;
}

int control_find_line(const struct control_paragraph *p, const char *name, struct control_text *ret)
{
	const struct control_text *value = control_find(p, name);

	if (!value || value->size == 0)
		return 0;
	if (memchr(value->at, '\n', value->size))
		return -EBADMSG;
	*ret = *value;
	return 1;
}

bool control_take_line(struct control_text *rest, struct control_text *ret)
{
	const char *end = rest->at + rest->size, *newline;

	if (rest->size == 0)
		return false;
	newline = memchr(rest->at, '\n', rest->size);
	*ret = trimmed(rest->at, newline ? newline : end);
	rest->at = newline ? newline + 1 : end;
	rest->size = (size_t)(end - rest->at);
	return true;
}

bool control_take_word(struct control_text *line, struct control_text *ret)
{
	const char *end = line->at + line->size, *at = line->at, *stop;

	while (at < end && is_blank(*at))
		at++;
	for (stop = at; stop < end && !is_blank(*stop);)
		stop++;
	*ret = (struct control_text){ at, (size_t)(stop - at) };
	line->at = stop;
	line->size = (size_t)(end - stop);
	return stop > at;
}
