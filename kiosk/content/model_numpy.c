/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* NumPy's .npy (numpy.lib.format; members of .npz come here one by one): a header that is the text of a Python dictionary, then the
 * numbers. Arrays of objects are a pickle. */
#include <string.h>

#include "content/detectors.h"
#include "content/model.h"

#define NUMPY_MIME "application/vnd.numpy"
#define NESTING_MAX 16	  /* of records in records; known: 3 */
#define DIMENSIONS_MAX 64 /* NPY_MAXDIMS, since numpy 2 */

struct text {
	struct span rest;
	bool is_wrong;
};

static uint8_t peek(struct text *t)
{
	while (t->rest.size > 0 && (*t->rest.at == ' ' || *t->rest.at == '\n' || *t->rest.at == '\t')) {
		t->rest.at++;
		t->rest.size--;
	}
	if (t->rest.size == 0)
		t->is_wrong = true;
	return t->is_wrong ? 0 : *t->rest.at;
}

static bool accept(struct text *t, char want)
{
	if (peek(t) != (uint8_t)want)
		return false;
	t->rest.at++;
	t->rest.size--;
	return true;
}

static void expect(struct text *t, char want)
{
	if (!accept(t, want))
		t->is_wrong = true;
}

static struct span quoted(struct text *t)
{
	uint8_t quote = peek(t);
	struct span s = { NULL, 0 };
	const uint8_t *end;

	if (quote != '\'' && quote != '"') {
		t->is_wrong = true;
		return s;
	}
	end = memchr(t->rest.at + 1, quote, t->rest.size - 1);
	if (!end || memchr(t->rest.at, '\\', (size_t)(end - t->rest.at))) {
		t->is_wrong = true;
		return s;
	}
	s = (struct span){ t->rest.at + 1, (size_t)(end - t->rest.at) - 1 };
	t->rest = span_from(t->rest, end + 1);
	return s;
}

static uint64_t digits(struct text *t)
{
	uint64_t n = 0;

	if (peek(t) < '0' || peek(t) > '9')
		t->is_wrong = true;
	while (!t->is_wrong && t->rest.size > 0 && *t->rest.at >= '0' && *t->rest.at <= '9') {
		if (__builtin_mul_overflow(n, 10u, &n) || __builtin_add_overflow(n, *t->rest.at - '0', &n))
			t->is_wrong = true;
		t->rest.at++;
		t->rest.size--;
	}
	if (t->rest.size > 0 && *t->rest.at == 'L') /* Python 2 */
		(void)accept(t, 'L');
	return n;
}

/* "(2, 3)", "()", "(2,)", "3": the product. */
static uint64_t shape(struct text *t)
{
	uint64_t product = 1;

	if (!accept(t, '('))
		return digits(t);
	for (int i = 0; i < DIMENSIONS_MAX && !t->is_wrong && peek(t) != ')'; i++) {
		if (__builtin_mul_overflow(product, digits(t), &product))
			t->is_wrong = true;
		if (!accept(t, ','))
			break;
	}
	expect(t, ')');
	return product;
}

struct element {
	uint64_t size;
	bool has_objects;
};

/* "<f8", "|S10", "<U5", "<M8[ns]", "|O" */
static void simple_type(struct text *t, struct span s, struct element *ret)
{
	static const char codes[] = "?bBhHiIlLqQefdgFDGSUVaOMmc";
	uint64_t n = 0;
	size_t i = s.size > 0 && memchr("<>|=", s.at[0], 4) ? 1 : 0;
	uint8_t code = i < s.size ? s.at[i++] : 0;

	if (code == 0 || !strchr(codes, code)) {
		t->is_wrong = true;
		return;
	}
	ret->has_objects |= code == 'O';
	while (i < s.size && s.at[i] >= '0' && s.at[i] <= '9' && n < 1u << 28)
		n = n * 10 + (s.at[i++] - '0');
	if (i < s.size && !(s.at[i] == '[' && (code == 'M' || code == 'm')))
		t->is_wrong = true;
	if (n == 0 && (code == '?' || code == 'b' || code == 'B' || code == 'c'))
		n = 1;
	ret->size = code == 'U' ? n * 4 : n;
}

/* Recursion ends at NESTING_MAX: numpy nests records in records. */
static struct element type(struct text *t, unsigned int depth)
{
	struct element e = { 0 };

	if (depth > NESTING_MAX)
		t->is_wrong = true;
	if (t->is_wrong)
		return e;
	if (!accept(t, '[')) {
		if (accept(t, '(')) { /* a type and how often: ('<f8', (3,)) */
			e = type(t, depth + 1);
			expect(t, ',');
			if (__builtin_mul_overflow(e.size, shape(t), &e.size))
				t->is_wrong = true;
			(void)accept(t, ',');
			expect(t, ')');
			return e;
		}
		simple_type(t, quoted(t), &e);
		return e;
	}
	while (!t->is_wrong && peek(t) != ']') { /* ('name', type) or ('name', type, shape); the name: or ('title', 'name') */
		struct element field;

		expect(t, '(');
		if (accept(t, '(')) {
			(void)quoted(t);
			expect(t, ',');
			(void)quoted(t);
			expect(t, ')');
		} else {
			(void)quoted(t);
		}
		expect(t, ',');
		field = type(t, depth + 1);
		if (accept(t, ',') && peek(t) != ')' && __builtin_mul_overflow(field.size, shape(t), &field.size))
			t->is_wrong = true;
		(void)accept(t, ',');
		expect(t, ')');
		if (__builtin_add_overflow(e.size, field.size, &e.size))
			t->is_wrong = true;
		e.has_objects |= field.has_objects;
		if (!accept(t, ','))
			break;
	}
	expect(t, ']');
	return e;
}

static void truth(struct text *t)
{
	struct span s = t->rest;

	(void)peek(t);
	s = t->rest;
	if (s.size >= 4 && memcmp(s.at, "True", 4) == 0)
		t->rest = span_from(s, s.at + 4);
	else if (s.size >= 5 && memcmp(s.at, "False", 5) == 0)
		t->rest = span_from(s, s.at + 5);
	else
		t->is_wrong = true;
}

/* The three keys, each once, in any order, and blanks behind. */
static bool read_header(struct span header, struct element *ret_element, uint64_t *ret_count)
{
	struct text t = { header, false };
	unsigned int seen = 0;

	expect(&t, '{');
	while (!t.is_wrong && peek(&t) != '}') {
		struct span key = quoted(&t);
		unsigned int bit = span_is(key, "descr") ? 1 : span_is(key, "fortran_order") ? 2 : span_is(key, "shape") ? 4 : 0;

		expect(&t, ':');
		if (bit == 0 || seen & bit)
			return false;
		seen |= bit;
		if (bit == 1)
			*ret_element = type(&t, 0);
		else if (bit == 2)
			truth(&t);
		else
			*ret_count = shape(&t);
		if (!accept(&t, ','))
			break;
	}
	expect(&t, '}');
	if (t.is_wrong || seen != 7)
		return false;
	(void)peek(&t);
	return t.rest.size == 0;
}

/* One array at `*at`; what follows in the file may be the next. 1: go on there. */
static int look_array(struct content *c, size_t *at)
{
	const uint8_t *p = c->data + *at;
	size_t left = c->size - *at, width = left > 6 && p[6] == 1 ? 2 : 4, length;
	struct element element = { 0 };
	uint64_t count = 0, size;

	if (left < 12 || p[6] < 1 || p[6] > 3)
		return content_unsafe(c, REASON_ARCHIVE_UNSAFE, "NumPy: of a version that is not known, or cut off");
	length = width == 2 ? le16(p + 8) : le32(p + 8);
	if (length > left - 8 - width || !read_header((struct span){ p + 8 + width, length }, &element, &count))
		return content_unsafe(c, REASON_ARCHIVE_UNSAFE, "NumPy: its header is not as numpy writes it");
	*at += 8 + width + length;
	if (element.has_objects)
		return model_judge_pickle(c, c->data + *at, c->size - *at, "the array's ");
	if (__builtin_mul_overflow(count, element.size, &size) || size > c->size - *at)
		return content_unsafe(c, REASON_ARCHIVE_UNSAFE, "NumPy: shorter than its shape and type say");
	*at += (size_t)size;
	return *at < c->size;
}

int look_model_numpy(struct content *c)
{
	size_t at = 0;
	int r;

	if (c->size < 8 || memcmp(c->data, "\x93NUMPY", 6) != 0)
		return 0;
	r = content_is(c, NUMPY_MIME);
	for (r = r < 0 ? r : 1; r > 0;) {
		if (c->size - at < 8 || memcmp(c->data + at, "\x93NUMPY", 6) != 0)
			return content_unsafe(c, REASON_TYPE_MISMATCH, "%zu bytes behind the array", c->size - at);
		r = look_array(c, &at);
	}
	return r;
}
