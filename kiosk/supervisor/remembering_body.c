/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What is known of one file and of all that is in it, as lines of JSON and back, one after the other: a package may have a hundred
 * thousand members.
 *
 *   {"done": checks, "findings": [...], "notes": [...], "types": [...]}
 *   [container, path, size, SHA-256, types, checks, findings]     for each member
 *
 * container  0: the file; n: the n-th member, which comes before its own
 * path       raw, in hexadecimal; types, findings: text of a JSON array, as in the docket
 */
#include "supervisor/remembering.h"

#include <inttypes.h>
#include <string.h>

#include "common/numbers.h"
#include "common/reason.h"
#include "supervisor/unpacking.h"

#define PATH_BYTES_MAX 65536

/* What the bytes alone decide, so that it is found again in them as long as nothing that is in the key changes. All else that can be found
 * is about other files (names, lists, signatures), about the moment (time, room), or is malware. */
#define OF_THE_BYTES (UINT64_C(1) << REASON_ACTIVE_CONTENT | UINT64_C(1) << REASON_ENCRYPTED | UINT64_C(1) << REASON_CONTAINER_OPAQUE)

struct body {
	struct inspection *i;
	FILE *out;	 /* borrowed; NULL: nobody wants it */
	uint32_t needed; /* checks without which nothing is remembered */
	json_t *notes;
	struct numbers ids; /* of members so far, ascending */
	uint64_t found; /* bits of enum reason */
	bool is_incomplete;
};

/* A bit for each reason among these findings. -EBADMSG: they are none. */
static int reasons_of(const json_t *findings, uint64_t *ret)
{
	const json_t *o;
	size_t k;

	*ret = 0;
	if (!json_is_array(findings))
		return -EBADMSG;
	json_array_foreach(findings, k, o) {
		const char *code = json_string_value(json_object_get(o, "code"));
		enum reason reason;

		if (!code || reason_parse(code, &reason) < 0)
			return -EBADMSG;
		*ret |= UINT64_C(1) << reason;
	}
	return 0;
}

static int note_found(struct body *b, const char *findings)
{
	uint64_t found;
	json_t *list;
	int r;

	if (strcmp(findings, "[]") == 0)
		return 0;
	list = json_loads(findings, 0, NULL);
	r = reasons_of(list, &found);
	json_decref(list);
	b->found |= found;
	b->is_incomplete |= found & ~OF_THE_BYTES;
	return r < 0 ? -EIO : 0; /* the docket is ours */
}

static int note_owed(void *context, const char *member, const char *detail)
{
	struct body *b = context;

	b->is_incomplete = true;
	return 0;
}

static int add_note(void *context, const char *note)
{
	struct body *b = context;

	return json_array_append_new(b->notes, json_string(note)) < 0 ? -ENOMEM : 0;
}

static int compare_ids(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* 0: none of them. */
static size_t place_of(const struct body *b, uint64_t id)
{
	const uint64_t *at = b->ids.count > 0 ? bsearch(&id, b->ids.list, b->ids.count, sizeof(id), compare_ids) : NULL;

	return at ? (size_t)(at - b->ids.list) + 1 : 0;
}

/* What cannot be written shows in ferror(). */
static int write_line(FILE *out, json_t *line)
{
	_cleanup_free_ char *text = line ? json_dumps(line, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	json_decref(line);
	if (text)
		(void)fprintf(out, "%s\n", text); /* JSON has no newline of its own */
	return text ? 0 : -ENOMEM;
}

static int write_member(struct body *b, const struct docket_member *m)
{
	_cleanup_free_ char *path = calloc(2, strlen(m->path) + 1);
	char sum[SHA256_HEX_LEN + 1];
	int r;

	if (!path)
		return -ENOMEM;
	hex_encode(m->sum, SHA256_LEN, sum);
	hex_encode((const uint8_t *)m->path, strlen(m->path), path);
	r = write_line(b->out, json_pack("[I,s,I,s,s,I,s]", (json_int_t)place_of(b, m->container), path, (json_int_t)m->size, sum, m->types,
					 (json_int_t)m->done, m->findings));
	return r == 0 ? numbers_add(&b->ids, m->id) : r;
}

static int add_member(void *context, struct docket_member *m)
{
	struct body *b = context;
	int r = note_found(b, m->findings);

	if (!m->has_sum || m->status != STREAM_COMPLETE || (m->done & b->needed) != b->needed || b->ids.count == REMEMBERED_MEMBERS_MAX ||
	    strlen(m->path) > PATH_BYTES_MAX)
		b->is_incomplete = true;
	if (r == 0)
		r = docket_owed(b->i->docket, m->root, m->id, note_owed, b);
	return r == 0 && b->out && !b->is_incomplete ? write_member(b, m) : r;
}

static int write_head(struct body *b, const struct docket_entry *e)
{
	json_t *types = json_loads(e->types, 0, NULL), *findings = json_loads(e->findings, 0, NULL);
	int r = docket_notes(b->i->docket, e->id, add_note, b);

	if (r == 0)
		r = write_line(b->out, json_pack("{s:I,s:O,s:O,s:O}", "done", (json_int_t)(e->done & REMEMBERED_CHECKS), "findings", findings, "notes",
						 b->notes, "types", types));
	json_decref(types);
	json_decref(findings);
	return r;
}

int remembered_write(struct inspection *i, const struct docket_entry *e, FILE *out, uint64_t *ret_found)
{
	struct body b = { .i = i, .out = out, .needed = (i->supervisor->config->checks & REMEMBERED_CHECKS) | CHECK_MEMBERS, .notes = json_array() };
	int r = b.notes ? note_found(&b, e->findings) : -ENOMEM;

	if ((e->done & b.needed) != b.needed || e->status != STREAM_COMPLETE)
		b.is_incomplete = true;
	if (r == 0)
		r = docket_owed(i->docket, e->id, e->id, note_owed, &b);
	if (r == 0) {
		int is_unsettled = docket_is_unsettled(i->docket, e->id);

		b.is_incomplete |= is_unsettled > 0;
		r = MIN(is_unsettled, 0);
	}
	if (r == 0 && out && !b.is_incomplete)
		r = write_head(&b, e);
	if (r == 0)
		r = docket_each_member(i->docket, e->id, add_member, &b);
	*ret_found = b.found;
	json_decref(b.notes);
	numbers_done(&b.ids);
	return r < 0 ? r : out && !b.is_incomplete;
}

/* -- and back ---------------------------------------------------------------------------------------------------- */

struct restoring {
	struct inspection *i;
	uint64_t id, first; /* the file; its first member */
	struct numbers depths; /* of members so far */
	uint64_t found;	       /* bits of enum reason, of the file and its members */
	bool is_trying; /* first everything is read, and nothing changed */
};

struct known_member {
	json_int_t container;
	struct docket_member m; /* borrows types and findings */
	char *path;		/* owned */
};

/* What is told and shown as it stands: escaped when it was found (text_escape()), so that a control character is another's. */
static bool is_escaped(const json_t *text)
{
	const char *p = json_string_value(text);

	for (; p && *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return false;
	return p != NULL;
}

static bool are_escaped(const json_t *findings)
{
	const json_t *o;
	size_t k;

	json_array_foreach(findings, k, o) {
		const json_t *member = json_object_get(o, "member");

		if (!is_escaped(json_object_get(o, "detail")) || (member && !json_is_null(member) && !is_escaped(member)))
			return false;
	}
	return true;
}

/* Nothing else is ever written: who could write it could as well leave out what was found. */
static int take_reasons(struct restoring *x, const json_t *findings)
{
	uint64_t found;
	int r = reasons_of(findings, &found);

	x->found |= found;
	return r < 0 || found & ~OF_THE_BYTES || !are_escaped(findings) ? -EBADMSG : 0;
}

static int take_findings(struct restoring *x, const char *text)
{
	json_t *findings;
	int r;

	if (strcmp(text, "[]") == 0)
		return 0;
	findings = json_loads(text, 0, NULL);
	r = take_reasons(x, findings);
	json_decref(findings);
	return r;
}

static int decode_member(const json_t *o, size_t place, struct known_member *ret)
{
	const char *path, *sum, *types, *findings;
	json_int_t size, done;
	size_t length;

	*ret = (struct known_member){ 0 };
	if (json_unpack((json_t *)(uintptr_t)o, "[I,s,I,s,s,I,s]", &ret->container, &path, &size, &sum, &types, &done, &findings) < 0 || ret->container < 0 ||
	    (size_t)ret->container > place || size < 0 || done < 0 || done > UINT32_MAX)
		return -EBADMSG;
	length = strlen(path);
	ret->path = calloc(1, length / 2 + 1);
	if (!ret->path)
		return -ENOMEM;
	if (length % 2 != 0 || hex_decode(path, (uint8_t *)ret->path, length / 2) < 0 || hex_decode(sum, ret->m.sum, SHA256_LEN) < 0) {
		free(ret->path);
		return -EBADMSG;
	}
	ret->m.path = ret->path;
	ret->m.size = (uint64_t)size;
	ret->m.done = (uint32_t)done;
	ret->m.types = (char *)(uintptr_t)types;
	ret->m.findings = (char *)(uintptr_t)findings;
	return 0;
}

static int restore_member(struct restoring *x, const json_t *o)
{
	struct docket *d = x->i->docket;
	struct known_member known;
	struct docket_member *m = &known.m;
	int r = x->depths.count < REMEMBERED_MEMBERS_MAX ? decode_member(o, x->depths.count, &known) : -EBADMSG;

	if (r < 0)
		return r;
	m->id = x->first + x->depths.count;
	m->root = x->id;
	m->container = known.container == 0 ? x->id : x->first + (uint64_t)known.container - 1;
	m->depth = known.container == 0 ? 1 : (uint32_t)x->depths.list[known.container - 1] + 1;
	r = take_findings(x, m->findings);
	if (r == 0)
		r = numbers_add(&x->depths, m->depth);
	if (r == 0 && !x->is_trying)
		r = docket_add_member(d, m);
	if (r == 0 && !x->is_trying)
		r = docket_sealed(d, m->id, m->size, m->sum);
	if (r == 0 && !x->is_trying)
		r = docket_examined(d, m->id, m->done, m->types, m->findings);
	free(known.path);
	return r;
}

static int restore_head(struct restoring *x, const json_t *o)
{
	_cleanup_free_ char *types_text = NULL, *findings_text = NULL;
	json_t *findings, *notes, *types, *note;
	json_int_t done;
	size_t k;
	int r = 0;

	if (json_unpack((json_t *)(uintptr_t)o, "{s:I,s:o,s:o,s:o!}", "done", &done, "findings", &findings, "notes", &notes, "types", &types) < 0 ||
	    !json_is_array(notes) || !json_is_array(types) || take_reasons(x, findings) < 0 || done < 0 || ((uint64_t)done & ~(uint64_t)REMEMBERED_CHECKS))
		return -EBADMSG;
	json_array_foreach(notes, k, note) {
		if (!json_is_string(note))
			return -EBADMSG;
		if (r == 0 && !x->is_trying)
			r = docket_note(x->i->docket, x->id, json_string_value(note));
	}
	types_text = json_dumps(types, JSON_COMPACT);
	findings_text = json_dumps(findings, JSON_COMPACT | JSON_SORT_KEYS);
	if (r == 0)
		r = types_text && findings_text ? 0 : -ENOMEM;
	return r == 0 && !x->is_trying ? docket_examined(x->i->docket, x->id, (uint32_t)done, types_text, findings_text) : r;
}

static int restore_lines(struct restoring *x, FILE *in)
{
	_cleanup_free_ char *line = NULL;
	bool is_head = true;
	size_t room = 0;
	ssize_t n;
	int r = 0;

	x->depths.count = 0;
	rewind(in);
	while (r == 0 && (n = getline(&line, &room, in)) > 0) {
		json_t *o = json_loadb(line, (size_t)n, 0, NULL);

		r = !o ? -EBADMSG : is_head ? restore_head(x, o) : restore_member(x, o);
		is_head = false;
		json_decref(o);
	}
	return r < 0 ? r : is_head || ferror(in) ? -EBADMSG : 0;
}

int remembered_found(struct inspection *i, FILE *in, uint64_t *ret)
{
	struct restoring x = { .i = i, .is_trying = true };
	int r = restore_lines(&x, in);

	*ret = x.found;
	numbers_done(&x.depths);
	return r;
}

int remembered_restore(struct inspection *i, uint64_t id, FILE *in)
{
	struct restoring x = { .i = i, .id = id, .is_trying = true };
	int r = restore_lines(&x, in);

	if (r == 0) {
		x.first = unpackers_take_ids(i->unpackers, x.depths.count);
		x.is_trying = false;
		r = restore_lines(&x, in);
	}
	i->members_examined += r == 0 ? x.depths.count : 0;
	numbers_done(&x.depths);
	return r;
}
