/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* safetensors: the length of a JSON header (8 bytes, little endian), the header, the numbers. The format was made so that nothing
 * in it can be a program; what is left to check is that it does not lie about its bounds (reference: safetensors, README.md
 * "Format" and tensor.rs, whose limits these are): no gaps and overlaps, where another file could lie hidden. */
#include <string.h>

#include "content/detectors.h"
#include "content/model.h"

#define SAFETENSORS_MIME "application/vnd.safetensors"
#define HEADER_MAX 100000000u /* bytes: MAX_HEADER_SIZE of the reference */

struct tensor {
	uint64_t begin, end;
	const char *name;
};

static const struct {
	const char *name;
	unsigned int bits;
} dtypes[] = {
	{ "BOOL", 8 }, { "F4", 4 }, { "F6_E2M3", 6 }, { "F6_E3M2", 6 }, { "U8", 8 }, { "I8", 8 }, { "F8_E5M2", 8 },
	{ "F8_E4M3", 8 }, { "F8_E8M0", 8 }, { "F8_E4M3FNUZ", 8 }, { "F8_E5M2FNUZ", 8 }, { "I16", 16 }, { "U16", 16 },
	{ "F16", 16 }, { "BF16", 16 }, { "I32", 32 }, { "U32", 32 }, { "F32", 32 }, { "C64", 64 }, { "I64", 64 },
	{ "U64", 64 }, { "F64", 64 },
};

static unsigned int dtype_bits(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_LEN(dtypes); i++)
		if (strcmp(dtypes[i].name, name) == 0)
			return dtypes[i].bits;
	return 0;
}

static bool get_number(const json_t *list, size_t i, uint64_t *ret)
{
	const json_t *n = json_array_get(list, i);

	if (!json_is_integer(n) || json_integer_value(n) < 0)
		return false;
	*ret = (uint64_t)json_integer_value(n);
	return true;
}

/* What is wrong with it; NULL: nothing. */
static const char *read_tensor(const json_t *object, struct tensor *ret)
{
	const json_t *shape = json_object_get(object, "shape"), *offsets = json_object_get(object, "data_offsets");
	uint64_t bits = dtype_bits(json_string_value(json_object_get(object, "dtype"))), n;

	if (bits == 0)
		return "is of a type that the format does not have";
	if (!json_is_array(shape) || !json_is_array(offsets) || json_array_size(offsets) != 2 || json_object_size(object) != 3 ||
	    !get_number(offsets, 0, &ret->begin) || !get_number(offsets, 1, &ret->end))
		return "is not told as dtype, shape and data_offsets";
	for (size_t i = 0; i < json_array_size(shape); i++)
		if (!get_number(shape, i, &n) || __builtin_mul_overflow(bits, n, &bits))
			return "has a shape that is no size";
	if (ret->begin > ret->end || bits % 8 != 0 || ret->end - ret->begin != bits / 8)
		return "has a length other than its shape and type say";
	return NULL;
}

static int by_begin(const void *a, const void *b)
{
	const struct tensor *x = a, *y = b;

	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	return (x->end > y->end) - (x->end < y->end);
}

static int broken(struct content *c, const char *name, const char *why)
{
	return content_unsafe(c, REASON_ARCHIVE_UNSAFE, "safetensors: tensor \"%.100s\" %s", name, why);
}

static int check_places(struct content *c, struct tensor *tensors, size_t count, uint64_t data_size)
{
	uint64_t at = 0;

	if (count > 0)
		qsort(tensors, count, sizeof(*tensors), by_begin);
	for (size_t i = 0; i < count; i++) {
		if (tensors[i].begin < at)
			return broken(c, tensors[i].name, "overlaps another one");
		if (tensors[i].begin > at)
			return broken(c, tensors[i].name, "has bytes in front of it that belong to none");
		at = tensors[i].end;
	}
	if (at > data_size)
		return broken(c, tensors[count - 1].name, "goes past the end of the file");
	if (at < data_size)
		return content_unsafe(c, REASON_ARCHIVE_UNSAFE, "safetensors: %llu bytes at its end belong to no tensor",
				      (unsigned long long)(data_size - at));
	return 0;
}

static bool is_string_map(const json_t *object)
{
	const char *key;
	const json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
		if (!json_is_string(value))
			return false;
	return json_is_object(object);
}

static int check_header(struct content *c, const json_t *header, uint64_t data_size)
{
	_cleanup_free_ struct tensor *tensors = calloc(json_object_size(header) + 1, sizeof(*tensors));
	const char *key, *why;
	const json_t *value;
	size_t count = 0;

	if (!tensors)
		return -ENOMEM;
	json_object_foreach((json_t *)(uintptr_t)header, key, value) {
		if (strcmp(key, "__metadata__") == 0) {
			if (!is_string_map(value))
				return broken(c, key, "holds more than strings");
			continue;
		}
		tensors[count].name = key;
		why = read_tensor(value, &tensors[count]);
		if (why)
			return broken(c, key, why);
		count++;
	}
	return check_places(c, tensors, count, data_size);
}

int look_model_safetensors(struct content *c)
{
	bool is_named = content_has_extension(c, "safetensors");
	struct span text;
	json_t *header;
	uint64_t size;
	int r;

	size = c->size >= 8 ? le64(c->data) : 0;
	if (size < 2 || size > c->size - 8 || c->data[8] != '{' || size > HEADER_MAX) {
		if (!is_named)
			return 0;
		return content_unsafe(c, REASON_ARCHIVE_UNSAFE, "safetensors: its header has no length that fits");
	}
	text = (struct span){ c->data + 8, (size_t)size };
	if (!is_named && !memmem(text.at, text.size, "\"data_offsets\"", 14))
		return 0;
	r = content_is(c, SAFETENSORS_MIME);
	if (r < 0)
		return r;
	header = model_json(text, false, NULL);
	if (!json_is_object(header)) {
		json_decref(header);
		return content_unsafe(c, REASON_ARCHIVE_UNSAFE, "safetensors: its header is not JSON, or names a tensor twice");
	}
	r = check_header(c, header, c->size - 8 - size);
	json_decref(header);
	return r;
}
