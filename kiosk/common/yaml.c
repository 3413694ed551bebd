/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* YAML events -> tree, with every error of the file. Used by the supervisor and the CLI, on the officer's files.
 *
 * Refused here, because each of them makes a file say something else than it seems to: anchors and aliases (a
 * shared node is changed in two places), tags, merge keys, a second document, duplicate keys, keys that are not
 * plain words, control characters, NUL. */
#include "common/yaml.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <yaml.h>

#include "common/fd.h"
#include "common/text.h"

/* -- errors --------------------------------------------------------------------------------------------- */
void yaml_errors_add(struct yaml_errors *e, const char *file, unsigned int line, unsigned int column,
		     const char *fmt, ...)
{
	_cleanup_free_ char *message = NULL, *name = NULL;
	struct yaml_error *list;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&message, fmt, ap);
	va_end(ap);
	if (n < 0)
		message = NULL; /* undefined after a failure */
	name = strdup(file);
	list = e->count < YAML_ERRORS_MAX ? reallocarray(e->list, e->count + 1, sizeof(*list)) : NULL;
	if (list)
		e->list = list;
	if (!message || !name || !list) {
		e->dropped++;
		return;
	}
	list[e->count++] = (struct yaml_error){ TAKE_PTR(name), line, column, TAKE_PTR(message) };
}

bool yaml_errors_any(const struct yaml_errors *e)
{
	return e->count > 0 || e->dropped > 0;
}

static int compare_errors(const void *a, const void *b)
{
	const struct yaml_error *x = a, *y = b;
	int c = strcmp(x->file, y->file);

	if (c == 0)
		c = (x->line > y->line) - (x->line < y->line);
	if (c == 0)
		c = (x->column > y->column) - (x->column < y->column);
	return c;
}

void yaml_errors_print(struct yaml_errors *e, FILE *f)
{
	if (e->count > 1)
		qsort(e->list, e->count, sizeof(*e->list), compare_errors);
	for (size_t i = 0; i < e->count; i++) {
		const struct yaml_error *x = &e->list[i];
		_cleanup_free_ char *file = text_escape(x->file, strlen(x->file));
		_cleanup_free_ char *message = text_escape(x->message, strlen(x->message));

		fprintf(f, "%s:", file ? file : "?");
		if (x->line > 0)
			fprintf(f, "%u:%u:", x->line, x->column);
		fprintf(f, " %s\n", message ? message : "out of memory");
	}
	if (e->dropped > 0)
		fprintf(f, "and %zu more errors\n", e->dropped);
}

void yaml_errors_done(struct yaml_errors *e)
{
	for (size_t i = 0; i < e->count; i++) {
		free(e->list[i].file);
		free(e->list[i].message);
	}
	free(e->list);
	memset(e, 0, sizeof(*e));
}

void yaml_node_error(const struct yaml_doc *d, const struct yaml_node *node, struct yaml_errors *errors,
		     const char *fmt, ...)
{
	_cleanup_free_ char *message = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&message, fmt, ap);
	va_end(ap);
	if (n < 0)
		message = NULL;
	yaml_errors_add(errors, d->file, node->line, node->column, "%s", message ? message : "out of memory");
}

/* -- tree ----------------------------------------------------------------------------------------------- */
struct builder {
	yaml_parser_t parser;
	struct yaml_doc *doc;
	struct yaml_errors *errors;
	bool is_out_of_memory;
	bool is_broken; /* no sense in reading on */
};

static struct yaml_node *node_free(struct yaml_node *n)
{
	if (!n)
		return NULL;
	for (size_t i = 0; i < n->count; i++)
		node_free(n->children[i]);
	free(n->children);
	free(n->value);
	free(n);
	return NULL;
}

struct yaml_doc *yaml_doc_free(struct yaml_doc *d)
{
	if (d) {
		node_free(d->root);
		free(d->file);
		free(d);
	}
	return NULL;
}

void yaml_doc_freep(struct yaml_doc **d)
{
	*d = yaml_doc_free(*d);
}

static void mark_error(struct builder *b, yaml_mark_t mark, const char *message)
{
	yaml_errors_add(b->errors, b->doc->file, (unsigned int)mark.line + 1,
			(unsigned int)mark.column + 1, "%s", message);
}

static bool next_event(struct builder *b, yaml_event_t *ret)
{
	if (yaml_parser_parse(&b->parser, ret))
		return true;
	b->is_broken = true;
	if (b->parser.error == YAML_MEMORY_ERROR) {
		b->is_out_of_memory = true;
		return false;
	}
	yaml_errors_add(b->errors, b->doc->file, (unsigned int)b->parser.problem_mark.line + 1,
			(unsigned int)b->parser.problem_mark.column + 1, "not valid YAML: %s%s%s",
			b->parser.problem ? b->parser.problem : "cannot be read",
			b->parser.context ? ", " : "", b->parser.context ? b->parser.context : "");
	return false;
}

static struct yaml_node *node_new(struct builder *b, const yaml_event_t *event, enum yaml_kind kind)
{
	struct yaml_node *n = calloc(1, sizeof(*n));

	if (!n) {
		b->is_out_of_memory = b->is_broken = true;
		return NULL;
	}
	n->kind = kind;
	n->line = (unsigned int)event->start_mark.line + 1;
	n->column = (unsigned int)event->start_mark.column + 1;
	return n;
}

static bool node_append(struct builder *b, struct yaml_node *parent, struct yaml_node *child)
{
	struct yaml_node **list = reallocarray(parent->children, parent->count + 1, sizeof(struct yaml_node *));

	if (!list) {
		node_free(child);
		b->is_out_of_memory = b->is_broken = true;
		return false;
	}
	parent->children = list;
	list[parent->count++] = child;
	return true;
}

static struct yaml_node *build_scalar(struct builder *b, const yaml_event_t *event)
{
	const char *value = (const char *)event->data.scalar.value;
	struct yaml_node *n = node_new(b, event, YAML_KIND_SCALAR);

	if (!n)
		return NULL;
	if (memchr(value, 0, event->data.scalar.length))
		mark_error(b, event->start_mark, "a NUL character is not allowed here");
	n->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	n->value = strdup(value);
	if (!n->value) {
		b->is_out_of_memory = b->is_broken = true;
		return node_free(n);
	}
	return n;
}

/* Anchors and tags stand in the same place of three different events. */
static void check_properties(struct builder *b, const yaml_event_t *event)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;

	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
	}
	if (anchor)
		mark_error(b, event->start_mark, "anchors ('&name') are not allowed");
	if (tag)
		mark_error(b, event->start_mark, "tags ('!name') are not allowed");
}

static void check_key(struct builder *b, const struct yaml_node *map, const struct yaml_node *key)
{
	if (key->kind != YAML_KIND_SCALAR) {
		yaml_node_error(b->doc, key, b->errors, "a key must be a plain word");
		return;
	}
	for (size_t i = 0; i + 1 < map->count; i += 2) {
		const struct yaml_node *other = map->children[i];

		if (other->kind == YAML_KIND_SCALAR && strcmp(other->value, key->value) == 0) {
			yaml_node_error(b->doc, key, b->errors, "duplicate key '%s' (first at line %u)",
					key->value, other->line);
			return;
		}
	}
}

static struct yaml_node *build_node(struct builder *b, const yaml_event_t *event, unsigned int depth);

static struct yaml_node *build_collection(struct builder *b, const yaml_event_t *start,
					  enum yaml_kind kind, unsigned int depth)
{
	yaml_event_type_t end = kind == YAML_KIND_MAP ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
	struct yaml_node *n;

	if (depth >= YAML_DEPTH_MAX) {
		mark_error(b, start->start_mark, "nested too deeply");
		b->is_broken = true;
		return NULL;
	}
	n = node_new(b, start, kind);
	while (n && !b->is_broken) {
		struct yaml_node *child;
		yaml_event_t event;

		if (!next_event(b, &event))
			break;
		if (event.type == end) {
			yaml_event_delete(&event);
			return n;
		}
		child = build_node(b, &event, depth + 1);
		yaml_event_delete(&event);
		if (!child)
			break;
		if (kind == YAML_KIND_MAP && n->count % 2 == 0)
			check_key(b, n, child);
		if (!node_append(b, n, child))
			break;
	}
	b->is_broken = true;
	return node_free(n);
}

static struct yaml_node *build_node(struct builder *b, const yaml_event_t *event, unsigned int depth)
{
	check_properties(b, event);
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return build_scalar(b, event);
	case YAML_SEQUENCE_START_EVENT:
		return build_collection(b, event, YAML_KIND_LIST, depth);
	case YAML_MAPPING_START_EVENT:
		return build_collection(b, event, YAML_KIND_MAP, depth);
	case YAML_ALIAS_EVENT:
		mark_error(b, event->start_mark, "aliases ('*name') are not allowed; quote a text that begins with '*'");
		b->is_broken = true;
		return NULL;
	default: /* the parser gives no other event here */
		mark_error(b, event->start_mark, "unexpected content");
		b->is_broken = true;
		return NULL;
	}
}

static void build_document(struct builder *b)
{
	unsigned int documents = 0;

	while (!b->is_broken) {
		yaml_event_t event;
		yaml_event_type_t type;

		if (!next_event(b, &event))
			return;
		type = event.type;
		if (type == YAML_DOCUMENT_START_EVENT && ++documents > 1) {
			mark_error(b, event.start_mark, "a second document ('---') is not allowed");
			b->is_broken = true;
		} else if (type != YAML_STREAM_START_EVENT && type != YAML_STREAM_END_EVENT &&
			   type != YAML_DOCUMENT_START_EVENT && type != YAML_DOCUMENT_END_EVENT) {
			b->doc->root = build_node(b, &event, 0);
		}
		yaml_event_delete(&event);
		if (type == YAML_STREAM_END_EVENT)
			break;
	}
	if (documents == 0 && !b->is_broken)
		yaml_errors_add(b->errors, b->doc->file, 1, 1, "the file is empty");
}

int yaml_doc_parse(const char *file, const void *data, size_t size, struct yaml_errors *errors,
		   struct yaml_doc **ret)
{
	_cleanup_(yaml_doc_freep) struct yaml_doc *doc = calloc(1, sizeof(*doc));
	struct builder b = { .doc = doc, .errors = errors };
	size_t before = errors->count + errors->dropped;

	if (!doc || !(doc->file = strdup(file)))
		return -ENOMEM;
	if (size > YAML_INPUT_MAX) {
		yaml_errors_add(errors, file, 0, 0, "larger than %u bytes", YAML_INPUT_MAX);
		return -EINVAL;
	}
	if (!yaml_parser_initialize(&b.parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&b.parser, data, size);
	build_document(&b);
	yaml_parser_delete(&b.parser);
	if (b.is_out_of_memory)
		return -ENOMEM;
	if (errors->count + errors->dropped > before)
		return -EINVAL;
	*ret = TAKE_PTR(doc);
	return 0;
}

int yaml_doc_load(const char *path, struct yaml_errors *errors, struct yaml_doc **ret)
{
	_cleanup_free_ char *data = NULL;
	size_t size = 0;
	int r = file_read(AT_FDCWD, path, YAML_INPUT_MAX, &data, &size);

	if (r == -EFBIG)
		yaml_errors_add(errors, path, 0, 0, "larger than %u bytes", YAML_INPUT_MAX);
	else if (r < 0)
		yaml_errors_add(errors, path, 0, 0, "cannot be read: %s", strerror(-r));
	if (r < 0)
		return r;
	return yaml_doc_parse(path, data, size, errors, ret);
}

const struct yaml_node *yaml_map_get(const struct yaml_node *map, const char *key)
{
	for (size_t i = 0; map->kind == YAML_KIND_MAP && i + 1 < map->count; i += 2)
		if (map->children[i]->kind == YAML_KIND_SCALAR && strcmp(map->children[i]->value, key) == 0)
			return map->children[i + 1];
	return NULL;
}
