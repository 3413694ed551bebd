/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* ONNX (onnx.proto3): a graph as a message of Protocol Buffers. Its tensors may lie in other files, named by the model: a path that
 * leaves its folder reads whatever the user can (CVE-2022-25882, CVE-2024-27318), and onnxruntime takes one name for an address
 * in memory. Operators that are not ONNX's come from a library, or are Python. */
#include <string.h>

#include "content/detectors.h"
#include "content/model.h"
#include "content/model_protobuf.h"

#define ONNX_MIME "application/vnd.onnx"

struct state {
	struct content *c;
	bool is_custom; /* told once */
};

static int look_node(void *state, struct span body);
static int look_entry(void *state, struct span body);

/* Numbers of fields: onnx.proto3. Sub-graphs hang on attributes of nodes, hence the circle; PROTOBUF_DEPTH_MAX ends it. */
static const struct message graph, tensor, entry, sparse, node, attribute;
static const struct message entry = { "entry", { { 0 } }, look_entry };
static const struct message tensor = { "tensor", { { 13, &entry } }, NULL };
static const struct message sparse = { "sparse tensor", { { 1, &tensor }, { 2, &tensor } }, NULL };
static const struct message attribute = {
	"attribute",
	{ { 5, &tensor }, { 6, &graph }, { 10, &tensor }, { 11, &graph }, { 22, &sparse }, { 23, &sparse } },
	NULL
};
static const struct message node = { "node", { { 5, &attribute } }, look_node };
static const struct message graph = { "graph", { { 1, &node }, { 5, &tensor }, { 15, &sparse } }, NULL };
static const struct message function = { "function", { { 7, &node }, { 11, &attribute } }, NULL };
static const struct message training = { "training", { { 1, &graph }, { 2, &graph } }, NULL };
static const struct message model = { "model", { { 7, &graph }, { 20, &training }, { 25, &function } }, NULL };

static bool is_text(struct span s, const char *text)
{
	return s.size == strlen(text) && (s.size == 0 || memcmp(s.at, text, s.size) == 0);
}

/* Absolute, of another drive, or with a way up. Bytes that end a C string too: readers differ about what stands behind. */
static bool leaves_folder(struct span path)
{
	if (path.size == 0 || path.at[0] == '/' || path.at[0] == '\\' || (path.size > 1 && path.at[1] == ':') ||
	    memchr(path.at, '\0', path.size) || memmem(path.at, path.size, "://", 3))
		return true;
	for (size_t i = 0; i + 1 < path.size; i++)
		if (path.at[i] == '.' && path.at[i + 1] == '.' && (i == 0 || path.at[i - 1] == '/' || path.at[i - 1] == '\\') &&
		    (i + 2 == path.size || path.at[i + 2] == '/' || path.at[i + 2] == '\\'))
			return true;
	return false;
}

/* external_data of a tensor: a key and a value. */
static int look_entry(void *state, struct span body)
{
	struct state *s = state;
	struct span value = protobuf_bytes(body, 2);

	if (!is_text(protobuf_bytes(body, 1), "location"))
		return 0;
	if (value.size > 0 && memmem(value.at, value.size, "_ORT_MEM_ADDR_", 14))
		return content_unsafe(s->c, REASON_ARCHIVE_UNSAFE, "ONNX: a tensor is an address in memory");
	if (leaves_folder(value))
		return content_unsafe(s->c, REASON_ARCHIVE_UNSAFE, "ONNX: reads the file \"%.*s\", outside of the model's folder",
				      SPAN_ARGS(value));
	return 0;
}

static int look_node(void *state, struct span body)
{
	static const char *const known[] = { "", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview",
					     "ai.onnx.preview.training", "com.microsoft", "com.microsoft.nchwc", "pkg.onnxscript" };
	struct state *s = state;
	struct span domain = protobuf_bytes(body, 7), op = protobuf_bytes(body, 4);

	if (is_text(op, "PyOp") || is_text(op, "PythonOp") || is_text(op, "PythonOpGrad") || is_text(op, "PyCustomOp"))
		return content_unsafe(s->c, REASON_ARCHIVE_UNSAFE, "ONNX: the operator %.*s calls a function of Python", SPAN_ARGS(op));
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (is_text(domain, known[i]))
			return 0;
	if (s->is_custom)
		return 0;
	s->is_custom = true;
	return content_active(s->c, "ONNX: the operator %.*s of \"%.*s\" needs a library of its own", SPAN_ARGS(op), SPAN_ARGS(domain));
}

/* There is no magic number. A version of the format that exists, a graph, the operator sets, and nothing that is unknown, from the
 * first byte to the last, is no other file. */
static bool is_model(struct span s)
{
	uint32_t seen = 0;
	struct item i;
	int r;

	while ((r = protobuf_next(&s, &i)) > 0) {
		enum wire wanted = i.field == 1 || i.field == 5 ? WIRE_VARINT : WIRE_BYTES;

		if (i.wire != wanted || !((i.field >= 1 && i.field <= 8) || i.field == 14 || i.field == 20 || (i.field >= 25 && i.field <= 26)))
			return false;
		if (i.field == 1 && (i.number == 0 || i.number > 100))
			return false;
		seen |= 1u << i.field;
	}
	return r == 0 && seen & 1u << 1 && seen & 1u << 7 && seen & 1u << 8;
}

int look_model_onnx(struct content *c)
{
	bool is_named = content_has_extension(c, "onnx");
	struct state s = { .c = c };
	struct span all = { c->data, c->size };
	int r;

	if (c->size < 8 || (!is_named && !is_model(all)))
		return 0;
	r = content_is(c, ONNX_MIME);
	if (r == 0)
		r = protobuf_walk(&model, all, &s);
	if (r == -EBADMSG)
		return content_unsafe(c, REASON_ARCHIVE_UNSAFE, "ONNX: damaged or cut off");
	if (r == -ELOOP)
		return content_unsafe(c, REASON_ARCHIVE_UNSAFE, "ONNX: graphs in graphs deeper than %u", PROTOBUF_DEPTH_MAX);
	if (r == 0 && is_named && !is_model(all))
		return content_unsafe(c, REASON_TYPE_MISMATCH, "named like ONNX, and is no model of it");
	return r;
}
