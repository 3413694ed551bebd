/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* TensorFlow: SavedModel, MetaGraph and GraphDef (messages of Protocol Buffers), and the description that Keras 2 lays beside. A graph
 * runs when the model is used: operations of it read and write files, and call Python ("Using TensorFlow Securely": models are
 * programs). PyTorch's own programs, too: Python text in a zip. */
#include <string.h>

#include "content/detectors.h"
#include "content/model.h"
#include "content/model_protobuf.h"

#define TENSORFLOW_MIME "application/vnd.tensorflow"

static int look_node(void *state, struct span body);
static int look_keras(void *state, struct span body);

/* Numbers of fields: saved_model.proto, meta_graph.proto, graph.proto, function.proto, saved_metadata.proto */
static const struct message node = { "node", { { 0 } }, look_node };
static const struct message function = { "function", { { 3, &node } }, NULL };
static const struct message library = { "library", { { 1, &function } }, NULL };
static const struct message graph = { "graph", { { 1, &node }, { 2, &library } }, NULL };
static const struct message meta = { "meta graph", { { 2, &graph } }, NULL };
static const struct message saved = { "saved model", { { 2, &meta } }, NULL };
static const struct message keras_node = { "node of Keras", { { 0 } }, look_keras };
static const struct message keras = { "metadata of Keras", { { 1, &keras_node } }, NULL };

static int look_node(void *state, struct span body)
{
	static const struct {
		const char *op, *does;
	} ops[] = {
		{ "ReadFile", "reads files" },	       { "WriteFile", "writes files" },
		{ "PyFunc", "calls Python" },	       { "PyFuncStateless", "calls Python" },
		{ "EagerPyFunc", "calls Python" },     { "ImmutableConst", "maps a file of any name" },
		{ "DebugIdentity", "sends its input to an address" }, { "DebugIdentityV2", "writes its input to files" },
		{ "DebugIdentityV3", "sends its input to an address" }, { "DatasetToTFRecord", "writes files" },
		{ "FileSystemSetConfiguration", "sets up a file system" }, { "RemoteCall", "calls another machine" },
		{ "PrintV2", "can write files" },
	};
	struct span op = protobuf_bytes(body, 2);
	struct content *c = state;

	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		if (op.size != strlen(ops[i].op) || memcmp(op.at, ops[i].op, op.size) != 0)
			continue;
		/* "stderr" is where it prints by default; "file://..." is what one does not want */
		if (strcmp(ops[i].op, "PrintV2") == 0 && !memmem(body.at, body.size, "file://", 7))
			return 0;
		return content_unsafe(c, REASON_ARCHIVE_UNSAFE, "TensorFlow: the operation %s %s", ops[i].op, ops[i].does);
	}
	return 0;
}

static int look_keras(void *state, struct span body)
{
	struct span text = protobuf_bytes(body, 5);
	struct content *c = state;
	json_t *config;
	int r;

	if (text.size == 0)
		return 0;
	config = model_json(text, false, NULL);
	r = config ? model_judge_keras(c, config) :
		     content_unsafe(c, REASON_ARCHIVE_UNSAFE, "Keras: a layer's description that is not JSON");
	json_decref(config);
	return r;
}

/* Does the whole walk by this description, with at least one of its inner messages? */
static bool fits(struct span s, uint32_t highest, const char *wires)
{
	struct item i;
	int r;

	if (s.size == 0)
		return false;
	while ((r = protobuf_next(&s, &i)) > 0)
		if (i.field > highest || (wires[i.field - 1] == 'v') != (i.wire == WIRE_VARINT))
			return false;
	return r == 0;
}

static const struct message *recognise(const struct content *c, bool *ret_is_sure)
{
	struct span all = { c->data, c->size };

	*ret_is_sure = true;
	if (strcasecmp(c->name, "saved_model.pb") == 0)
		return &saved;
	if (strcasecmp(c->name, "keras_metadata.pb") == 0)
		return &keras;
	*ret_is_sure = false;
	if (content_has_extension(c, "meta") && fits(all, 7, "bbbbbbb"))
		return &meta;
	if (!content_has_extension(c, "pb"))
		return NULL;
	if (fits(all, 2, "vb"))
		return &saved;
	return fits(all, 5, "bbvbb") ? &graph : NULL;
}

int look_model_tensorflow(struct content *c)
{
	bool is_sure;
	const struct message *m = recognise(c, &is_sure);
	int r;

	if (!m)
		return 0;
	r = is_sure ? content_is(c, TENSORFLOW_MIME) : 0;
	if (r == 0)
		r = protobuf_walk(m, (struct span){ c->data, c->size }, c);
	if (r == -EBADMSG || r == -ELOOP) /* of a name that says little: another kind of message */
		return is_sure ? content_unsafe(c, REASON_ARCHIVE_UNSAFE, "TensorFlow: damaged or cut off") : 0;
	return r;
}

int look_model_torchscript(struct content *c)
{
	const char *code = strstr(c->path, "code/__torch__");

	if (!c->container || !code || (code != c->path && code[-1] != '/') || !content_has_extension(c, "py"))
		return 0;
	return content_active(c, "TorchScript: a program of the model's");
}
