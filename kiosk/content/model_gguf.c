/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* GGUF 1 to 3, of either byte order: header, keys and values, descriptions of tensors, tensors (ggml, docs/gguf.md; sizes of types
 * from ggml.c). Its readers are programs in C whose bounds were wrong more than once: everything here must be as the format
 * says. The chat template is a program in Jinja (CVE-2024-34359: it reached out of llama-cpp-python). */
#include <string.h>

#include "content/detectors.h"
#include "content/model.h"

#define GGUF_MIME "application/vnd.gguf"
#define KEY_MAX 65535	   /* bytes: the format's */
#define NAME_MAX_BYTES 64  /* of a tensor: the format's, GGML_MAX_NAME */
#define DIMENSIONS_MAX 4   /* GGML_MAX_DIMS */
#define NESTING_MAX 4	   /* arrays in arrays: known files have none */
#define KEYS_MAX (1u << 16) /* known files have some forty; they are compared with each other */
#define TENSORS_MAX (1u << 22) /* 4 million; the largest known models have some thousands */

struct input {
	const uint8_t *data;
	size_t size, at;
	bool is_big;	  /* endian */
	uint32_t version; /* 1: counts of four bytes */
	const char *wrong; /* the first thing; static */
};

enum value_type { U8, I8, U16, I16, U32, I32, F32, BOOLEAN, STRING, ARRAY, U64, I64, F64, TYPES };

struct block { /* of numbers that are packed together */
	uint16_t elements, bytes;
};

static const struct block blocks[] = {
	[0] = { 1, 4 },	     [1] = { 1, 2 },	  [2] = { 32, 18 },    [3] = { 32, 20 },    [6] = { 32, 22 },	[7] = { 32, 24 },
	[8] = { 32, 34 },    [9] = { 32, 36 },	  [10] = { 256, 84 },  [11] = { 256, 110 }, [12] = { 256, 144 }, [13] = { 256, 176 },
	[14] = { 256, 210 }, [15] = { 256, 292 }, [16] = { 256, 66 },  [17] = { 256, 74 },  [18] = { 256, 98 }, [19] = { 256, 50 },
	[20] = { 32, 18 },   [21] = { 256, 110 }, [22] = { 256, 82 },  [23] = { 256, 136 }, [24] = { 1, 1 },	[25] = { 1, 2 },
	[26] = { 1, 4 },     [27] = { 1, 8 },	  [28] = { 1, 8 },     [29] = { 256, 56 },  [30] = { 1, 2 },	[31] = { 32, 18 },
	[32] = { 32, 18 },   [33] = { 32, 18 },	  [34] = { 256, 54 },  [35] = { 256, 66 },  [39] = { 32, 17 },
};

static void wrong(struct input *in, const char *what)
{
	if (!in->wrong)
		in->wrong = what;
	in->at = in->size;
}

/* `width` bytes as a number; 0 and `wrong` past the end. */
static uint64_t number(struct input *in, unsigned int width)
{
	uint64_t n = 0;

	if (in->size - in->at < width) {
		wrong(in, "it is cut off");
		return 0;
	}
	for (unsigned int i = 0; i < width; i++)
		n = n << 8 | in->data[in->at + (in->is_big ? i : width - 1 - i)];
	in->at += width;
	return n;
}

static uint64_t count(struct input *in)
{
	return number(in, in->version == 1 ? 4 : 8);
}

static struct span string(struct input *in, uint64_t size_max)
{
	uint64_t size = count(in);
	struct span s = { in->data + in->at, (size_t)size };

	if (size > in->size - in->at || size > size_max) {
		wrong(in, size > size_max ? "a name in it is longer than the format has" : "a string goes past its end");
		return (struct span){ NULL, 0 };
	}
	in->at += (size_t)size;
	return s;
}

static unsigned int width_of(uint64_t type)
{
	static const uint8_t widths[TYPES] = { [U8] = 1, [I8] = 1, [U16] = 2, [I16] = 2, [U32] = 4, [I32] = 4, [F32] = 4,
					       [BOOLEAN] = 1, [U64] = 8, [I64] = 8, [F64] = 8 };

	return type < TYPES ? widths[type] : 0;
}

/* Recursion ends at NESTING_MAX. */
static void skip_array(struct input *in, unsigned int depth)
{
	uint64_t type = number(in, 4), n = count(in);
	unsigned int width = width_of(type);

	if (depth >= NESTING_MAX || (width == 0 && type != STRING && type != ARRAY)) {
		wrong(in, "an array in it is nested too deep, or of no type");
	} else if (width > 0) {
		if (n > (in->size - in->at) / width)
			wrong(in, "an array goes past its end");
		else
			in->at += (size_t)n * width;
		return;
	}
	for (uint64_t i = 0; i < n && !in->wrong; i++) {
		if (type == STRING)
			(void)string(in, UINT64_MAX); /* skipped; `wrong` has what is to be said */
		else
			skip_array(in, depth + 1);
	}
}

/* "tokenizer.chat_template", and ".tool_use" behind it and the like. */
static bool is_template(struct span key)
{
	static const char name[] = "tokenizer.chat_template";

	return key.size >= sizeof(name) - 1 && memcmp(key.at, name, sizeof(name) - 1) == 0;
}

static int by_text(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	size_t size = MIN(x->size, y->size);
	int r = size > 0 ? memcmp(x->at, y->at, size) : 0;

	return r ? r : (x->size > y->size) - (x->size < y->size);
}

static void check_twice(struct input *in, struct span *names, size_t n, const char *what)
{
	if (in->wrong || n < 2)
		return;
	qsort(names, n, sizeof(*names), by_text);
	for (size_t i = 1; i < n; i++)
		if (by_text(&names[i - 1], &names[i]) == 0)
			wrong(in, what);
}

static int look_metadata(struct content *c, struct input *in, uint64_t n, uint64_t *ret_alignment)
{
	_cleanup_free_ struct span *keys = NULL;
	int r = 0;

	if (n > KEYS_MAX || n > in->size / 8) {
		wrong(in, "it has more keys than can be");
		return 0;
	}
	keys = calloc((size_t)n + 1, sizeof(*keys));
	if (!keys)
		return -ENOMEM;
	for (uint64_t i = 0; i < n && !in->wrong && r == 0; i++) {
		struct span key = string(in, KEY_MAX);
		uint64_t type = number(in, 4);

		keys[i] = key;
		if (type == ARRAY) {
			skip_array(in, 0);
		} else if (type == STRING) {
			struct span text = string(in, UINT64_MAX);

			if (is_template(key) && text.size > 0)
				r = model_judge_template(c, text);
		} else if (width_of(type) == 0) {
			wrong(in, "a value in it is of no type");
		} else {
			uint64_t value = number(in, width_of(type));

			if (key.size == 17 && memcmp(key.at, "general.alignment", 17) == 0)
				*ret_alignment = value;
			if (type == BOOLEAN && value > 1)
				wrong(in, "a truth value in it is neither");
		}
	}
	check_twice(in, keys, (size_t)n, "it has a key twice");
	return r;
}

struct place {
	uint64_t offset, size;
};

static void read_tensor(struct input *in, struct span *ret_name, struct place *ret)
{
	uint64_t dimensions, elements = 1, first = 0, type;

	*ret_name = string(in, NAME_MAX_BYTES);
	dimensions = number(in, 4);
	if (dimensions > DIMENSIONS_MAX) {
		wrong(in, "a tensor has more than four dimensions");
		return;
	}
	for (uint64_t i = 0; i < dimensions; i++) {
		uint64_t n = count(in);

		first = i == 0 ? n : first;
		if (n > INT64_MAX || __builtin_mul_overflow(elements, n, &elements))
			wrong(in, "a tensor has a shape that is no size");
	}
	type = number(in, 4);
	ret->offset = number(in, 8);
	if (in->wrong)
		return;
	if (type >= ARRAY_LEN(blocks) || blocks[type].elements == 0 || (dimensions > 0 && first % blocks[type].elements != 0) ||
	    __builtin_mul_overflow(elements / blocks[type].elements, (uint64_t)blocks[type].bytes, &ret->size))
		wrong(in, "a tensor is of a type that is not known, or that does not go with its shape");
}

static int by_offset(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return (x->size > y->size) - (x->size < y->size);
}

/* Each begins where the one before ends, on the next multiple of the alignment. */
static void check_places(struct input *in, struct place *places, size_t n, uint64_t alignment)
{
	uint64_t begin = (in->at + alignment - 1) / alignment * alignment, room, at = 0;

	if (in->wrong)
		return;
	room = begin < in->size ? in->size - begin : 0;
	if (n > 0)
		qsort(places, n, sizeof(*places), by_offset);
	for (size_t i = 0; i < n; i++) {
		uint64_t expected = (at + alignment - 1) / alignment * alignment;

		if (places[i].offset != expected)
			wrong(in, places[i].offset < at ? "a tensor overlaps another" :
							  "bytes between its tensors belong to none, or a tensor is not aligned");
		if (places[i].offset > room || places[i].size > room - places[i].offset)
			wrong(in, "a tensor goes past its end");
		if (in->wrong)
			return;
		at = places[i].offset + places[i].size;
	}
	if (room - at >= alignment)
		wrong(in, "bytes at its end belong to no tensor");
}

static int look_tensors(struct input *in, uint64_t n, uint64_t alignment)
{
	_cleanup_free_ struct place *places = NULL;
	_cleanup_free_ struct span *names = NULL;

	if (n > TENSORS_MAX || n > in->size / 16) {
		wrong(in, "it has more tensors than can be");
		return 0;
	}
	if (alignment == 0 || alignment > 1u << 20 || alignment & (alignment - 1)) {
		wrong(in, "its alignment is no power of two");
		return 0;
	}
	places = calloc((size_t)n + 1, sizeof(*places));
	names = calloc((size_t)n + 1, sizeof(*names));
	if (!places || !names)
		return -ENOMEM;
	for (uint64_t i = 0; i < n && !in->wrong; i++)
		read_tensor(in, &names[i], &places[i]);
	check_twice(in, names, (size_t)n, "it has a tensor twice");
	check_places(in, places, (size_t)n, alignment);
	return 0;
}

int look_model_gguf(struct content *c)
{
	struct input in = { .data = c->data, .size = c->size, .at = 4 };
	uint64_t tensors, keys, alignment = 32;
	int r;

	if (c->size < 8 || memcmp(c->data, "GGUF", 4) != 0)
		return 0;
	in.is_big = le32(c->data + 4) > 0xffff;
	in.version = (uint32_t)number(&in, 4);
	if ((in.version == 0 || in.version > 0xff) && !content_has_extension(c, "gguf"))
		return 0; /* text about it */
	r = content_is(c, GGUF_MIME);
	if (r < 0)
		return r;
	if (in.version == 0 || in.version > 3)
		return content_unsafe(c, REASON_ARCHIVE_UNSAFE, "GGUF: of a version that is not known");
	tensors = count(&in);
	keys = count(&in);
	r = look_metadata(c, &in, keys, &alignment);
	if (r == 0 && !in.wrong)
		r = look_tensors(&in, tensors, alignment);
	if (r == 0 && in.wrong)
		r = content_unsafe(c, REASON_ARCHIVE_UNSAFE, "GGUF: %s", in.wrong);
	return r;
}

/* What came before GGUF: no keys, no alignment, and readers that trust every number. */
int look_model_ggml(struct content *c)
{
	static const char magics[][4] = { { 'l', 'm', 'g', 'g' }, { 'f', 'm', 'g', 'g' }, { 't', 'j', 'g', 'g' }, { 'a', 'l', 'g', 'g' } };

	for (size_t i = 0; i < ARRAY_LEN(magics); i++)
		if (c->size >= 64 && memcmp(c->data, magics[i], 4) == 0 && memchr(c->data + 4, 0, 16))
			return content_is(c, "application/x-ggml");
	return 0;
}
