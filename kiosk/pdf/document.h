/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* One document that is being walked; between the files of this folder alone. */
#ifndef LAZARET_PDF_DOCUMENT_H
#define LAZARET_PDF_DOCUMENT_H

#include <stdbool.h>
#include <stdint.h>

#include <qpdf/qpdf-c.h>

#include "container/container.h"

/* Objects that are looked at. The largest real documents (manuals of 2,000 pages full of links) have some hundred thousand;
 * qpdf keeps them all in memory, at some KiB each, so that with larger ones the role's memory is the limit. */
#define PDF_OBJECTS_MAX 1000000u

/* What acts, or reaches outside, when the document is opened or used. */
enum act {
#define A(id, text) ACT_##id,
#include "pdf/acts.def"
#undef A
	ACT_COUNT_
};

/* From where an object was reached. */
enum reached {
	REACHED_ANYHOW,
	REACHED_AS_ACTION,  /* that starts without a click: /OpenAction, an event, or what follows one of them */
	REACHED_AS_EVENTS,  /* the dictionary of /AA: every value is an action that starts without a click */
	REACHED_AS_NEXT,    /* one action or an array of them (ISO 32000-1, 12.6.2) */
};

struct work {
	qpdf_oh handle; /* owned */
	enum reached reached;
	bool is_again; /* it, or what it is a part of, was looked at before, reached otherwise: its members are out */
};

struct object_id {
	int id, generation;
};

struct document {
	struct container *c;
	qpdf_data q;
	uint32_t acts;	    /* mask of enum act */
	void *walked;	    /* tsearch(3) of keys: indirect objects on the stack or done */
	void *brought_out;  /* the same: what became a member */
	void *names;	    /* tsearch(3) of strings: paths of members */
	uint32_t objects;   /* walked */
	uint32_t scripts;   /* brought out */
	struct work *stack; /* owned */
	size_t stack_count, stack_room;
	struct object_id *embedded; /* owned; streams of /Type /EmbeddedFile, wherever they hang */
	size_t embedded_count, embedded_room;
	bool is_rebuilt;    /* the cross-reference table was damaged, and qpdf made one up */
	bool has_no_memory; /* something was too large for this process */
	bool hides_files;   /* encryption of the attachments alone */
	char unread[200];   /* the first object that could not be read; "" none; raw */
};

/* -- document.c -- */
/* Take qpdf's warnings and its last error into account: to be called now and then, they cost memory. */
void document_drain(struct document *d);
/* Was it new? `set` is of `walked` or `brought_out`. -ENOMEM. */
_must_check_ int document_mark(void **set, uint64_t key);

/* -- walk.c -- */
/* Every object that can be reached, then every other that the cross-reference table has. 0, -EDQUOT with the finding told,
 * -ENOMEM, or what container functions return. */
_must_check_ int walk(struct document *d);

/* -- acts.c -- */
/* One entry of a dictionary (or of a stream's): does it act? */
void acts_look(struct document *d, qpdf_oh dict, const char *key, qpdf_oh value, bool is_stream, enum reached reached);
/* One finding with all of them. */
_must_check_ int acts_tell(struct document *d);

/* -- members.c -- */
/* One entry of a dictionary: bring out what it embeds. */
_must_check_ int members_look(struct document *d, qpdf_oh dict, const char *key, qpdf_oh value);
/* Embedded files that no file specification names. */
_must_check_ int members_rest(struct document *d);

static inline enum qpdf_object_type_e type_of(struct document *d, qpdf_oh h)
{
	return qpdf_oh_get_type_code(d->q, h);
}

#endif
