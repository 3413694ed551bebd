/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The graph of a document's objects, with a stack of our own: nesting and references are the attacker's. Every indirect object
 * is looked at once for each way in which it can be reached (enum reached).
 */
#include "pdf/document.h"

#include <malloc.h>
#include <string.h>

#include "sandbox/role.h"

#define STACK_MAX (4u * PDF_OBJECTS_MAX) /* entries: containers that wait, direct ones included */
#define DRAIN_EVERY 4096u		 /* objects */

#define MEMORY_SPARE (128ull << 20)	 /* bytes: qpdf's C API lets some failures of small allocations end the process */

static void check_memory(struct document *d)
{
	struct mallinfo2 m = mallinfo2();

	if ((uint64_t)m.uordblks + m.hblkhd + MEMORY_SPARE > role_get(ROLE_PDF)->data_max)
		d->has_no_memory = true;
}

static int over_limit(struct document *d)
{
	int r = container_finding(d->c, REASON_LIMIT_EXCEEDED, "has more than %u objects", PDF_OBJECTS_MAX);

	return r < 0 ? r : -EDQUOT;
}

/* Takes `w.handle` over. */
static int push(struct document *d, struct work w)
{
	if (d->stack_count == d->stack_room) {
		size_t room = d->stack_room ? d->stack_room * 2 : 256;
		struct work *stack;

		if (room > STACK_MAX) {
			qpdf_oh_release(d->q, w.handle);
			return over_limit(d);
		}
		stack = realloc(d->stack, room * sizeof(*stack));
		if (!stack) {
			qpdf_oh_release(d->q, w.handle);
			return -ENOMEM;
		}
		d->stack = stack;
		d->stack_room = room;
	}
	d->stack[d->stack_count++] = w;
	return 0;
}

/* 0: it was reached so before; 1: new, or direct: direct objects belong to one place, and are a part of it. */
static int is_new(struct document *d, struct work *w)
{
	int id = qpdf_oh_get_object_id(d->q, w->handle), r;
	uint64_t key;

	if (id <= 0)
		return 1;
	key = (uint64_t)id << 20 | (uint64_t)(qpdf_oh_get_generation(d->q, w->handle) & 0xffff) << 4 | 1;
	r = document_mark(&d->walked, key);
	if (r < 0)
		return r;
	w->is_again = r == 0;
	if (w->reached != REACHED_ANYHOW)
		r = document_mark(&d->walked, key | (uint64_t)w->reached << 1);
	if (r <= 0)
		return r;
	if (++d->objects > PDF_OBJECTS_MAX)
		return over_limit(d);
	if (d->objects % DRAIN_EVERY == 0) {
		document_drain(d);
		check_memory(d);
	}
	return d->has_no_memory ? -EDQUOT : 1; /* told at the end: document.c */
}

/* Takes `w.handle` over: on the stack when there is something in it and it is new. */
static int consider(struct document *d, struct work w)
{
	enum qpdf_object_type_e type = type_of(d, w.handle);
	int r = 0;

	if (type == ot_array || type == ot_dictionary || type == ot_stream)
		r = is_new(d, &w);
	if (r > 0)
		return push(d, w);
	qpdf_oh_release(d->q, w.handle);
	return r;
}

static enum reached reaches(const char *key, enum reached from)
{
	if (from == REACHED_AS_EVENTS || strcmp(key, "/OpenAction") == 0)
		return REACHED_AS_ACTION;
	if (strcmp(key, "/AA") == 0)
		return REACHED_AS_EVENTS;
	if ((from == REACHED_AS_ACTION || from == REACHED_AS_NEXT) && strcmp(key, "/Next") == 0)
		return REACHED_AS_NEXT;
	return REACHED_ANYHOW;
}

static int walk_array(struct document *d, struct work w)
{
	int count = qpdf_oh_get_array_n_items(d->q, w.handle);
	/* an array behind /OpenAction is a place in the document, whose page is no action */
	enum reached items = w.reached == REACHED_AS_NEXT ? REACHED_AS_ACTION : REACHED_ANYHOW;
	int r = 0;

	for (int i = 0; r == 0 && i < count; i++)
		r = consider(d, (struct work){ qpdf_oh_get_array_item(d->q, w.handle, i), items, w.is_again });
	return r;
}

/* `dict` is that of `w`, or of the stream that it is. */
static int walk_dictionary(struct document *d, struct work w, qpdf_oh dict, bool is_stream)
{
	int r = 0;

	qpdf_oh_begin_dict_key_iter(d->q, dict);
	while (r == 0 && qpdf_oh_dict_more_keys(d->q)) {
		const char *key = qpdf_oh_dict_next_key(d->q);
		qpdf_oh value = qpdf_oh_get_key(d->q, dict, key);

		acts_look(d, dict, key, value, is_stream, w.reached);
		if (!w.is_again)
			r = members_look(d, dict, key, value);
		if (r == 0)
			r = consider(d, (struct work){ value, reaches(key, w.reached), w.is_again });
		else
			qpdf_oh_release(d->q, value);
	}
	return r;
}

static int remember_embedded(struct document *d, qpdf_oh stream)
{
	if (d->embedded_count == d->embedded_room) {
		size_t room = d->embedded_room ? d->embedded_room * 2 : 64;
		struct object_id *list = realloc(d->embedded, room * sizeof(*list));

		if (!list)
			return -ENOMEM;
		d->embedded = list;
		d->embedded_room = room;
	}
	d->embedded[d->embedded_count++] = (struct object_id){ .id = qpdf_oh_get_object_id(d->q, stream),
							       .generation = qpdf_oh_get_generation(d->q, stream) };
	return 0;
}

static int walk_stream(struct document *d, struct work w)
{
	qpdf_oh dict = qpdf_oh_get_dict(d->q, w.handle);
	int r = 0;

	if (qpdf_oh_is_dictionary_of_type(d->q, dict, "/EmbeddedFile", ""))
		r = remember_embedded(d, w.handle);
	if (r == 0)
		r = walk_dictionary(d, w, dict, true);
	qpdf_oh_release(d->q, dict);
	return r;
}

static int walk_one(struct document *d, struct work w)
{
	int r = 0;

	switch (type_of(d, w.handle)) {
	case ot_array:
		r = walk_array(d, w);
		break;
	case ot_dictionary:
		r = walk_dictionary(d, w, w.handle, false);
		break;
	case ot_stream:
		r = walk_stream(d, w);
		break;
	default:
		break;
	}
	qpdf_oh_release(d->q, w.handle);
	return r;
}

static int empty_stack(struct document *d)
{
	int r = 0;

	while (r == 0 && d->stack_count > 0)
		r = walk_one(d, d->stack[--d->stack_count]);
	return r;
}

/* One more than the highest object number (7.5.5). */
static int highest(struct document *d, qpdf_oh trailer, uint32_t *ret)
{
	qpdf_oh size = qpdf_oh_get_key(d->q, trailer, "/Size");
	long long count = 0;

	if (type_of(d, size) == ot_integer)
		count = qpdf_oh_get_int_value(d->q, size);
	qpdf_oh_release(d->q, size);
	if (count > PDF_OBJECTS_MAX)
		return over_limit(d);
	*ret = (uint32_t)MAX(count, 0);
	return 0;
}

int walk(struct document *d)
{
	qpdf_oh trailer = qpdf_get_trailer(d->q);
	uint32_t count;
	int r = highest(d, trailer, &count);

	if (r < 0) {
		qpdf_oh_release(d->q, trailer);
		return r;
	}
	r = consider(d, (struct work){ .handle = trailer });
	if (r == 0)
		r = empty_stack(d);
	/* what nothing refers to: no reader shows it, but a file may hide there */
	for (uint32_t id = 1; r == 0 && id < count; id++) {
		r = consider(d, (struct work){ .handle = qpdf_get_object_by_id(d->q, (int)id, 0) });
		if (r == 0)
			r = empty_stack(d);
	}
	return r;
}
