/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What may be proposed of what is held, and how it is told. */
#include "common/held_store.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/name.h"

_printf_(3, 4) static int says(char **ret_why, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(ret_why, fmt, ap) < 0)
		*ret_why = NULL;
	va_end(ap);
	return error;
}

struct looking {
	const char *of;	 /* the transfer that all of them have to have in common; NULL: the first one's newest */
	char *found;	 /* owned */
	bool has_copy, is_of; /* of this one */
	const char *unsafe, *conflict;
	char *beyond; /* owned: what it is held for, and no release is about; "": nobody knows */
	uint64_t size;
};

static int look_at_file(void *context, const struct held_file *f)
{
	struct looking *l = context;

	l->has_copy = f->has_copy;
	l->size = f->size;
	/* the ledger says the same; said first, since what was rejected has no copy either */
	l->conflict = f->until == 0 || f->until > time(NULL) ? decision_conflict(f->decision, DECISION_RELEASE) : NULL;
	return 0;
}

/* What it is held for there, by the entry of its report. NULL: a release reaches all of it. */
static int find_beyond(const char *text, char **ret)
{
	json_t *entry = json_loads(text, 0, NULL);
	const json_t *reasons = json_object_get(entry, "reasons");
	const char *beyond = json_array_size(reasons) > 0 ? NULL : "";

	for (size_t k = 0; !beyond && k < json_array_size(reasons); k++) {
		const char *code = json_string_value(json_object_get(json_array_get(reasons, k), "code"));
		enum reason reason;

		if (!code || reason_parse(code, &reason) < 0 || !decision_reaches(DECISION_RELEASE, reason))
			beyond = code ? code : "";
	}
	*ret = beyond ? strdup(beyond) : NULL;
	json_decref(entry);
	return beyond && !*ret ? -ENOMEM : 0;
}

static int look_at_place(void *context, const struct held_place *p)
{
	struct looking *l = context;
	const char *of = l->of ? l->of : l->found;

	if (!of) {
		of = l->found = strdup(p->transfer);
		if (!of)
			return -ENOMEM;
	}
	if (strcmp(p->transfer, of) != 0)
		return 0;
	l->is_of = true;
	if (memchr(p->path, '\0', p->path_size)) {
		l->unsafe = "it has a NUL";
		return -EINVAL;
	}
	if (name_path_valid(p->path, p->path_size, &l->unsafe) < 0)
		return -EINVAL;
	return l->beyond ? 0 : find_beyond(p->entry, &l->beyond);
}

static bool has_size(struct held_store *h, const char *sha256, uint64_t size)
{
	_cleanup_close_ int fd = -EBADF;
	struct stat st;

	return held_open_copy(h, sha256, &fd) == 0 && fstat(fd, &st) == 0 && (uint64_t)st.st_size == size;
}

static int say_beyond(char **ret_why, const char *sha256, const char *beyond)
{
	if (!*beyond)
		return says(ret_why, -EEXIST, "%.12s: what it is held for is not known; insert the medium again", sha256);
	return says(ret_why, -EEXIST, "%.12s: held for %s; a release does not reach that; insert the medium again", sha256, beyond);
}

static int look(struct held_store *h, const char *sha256, char **of, char **ret_why)
{
	struct looking l = { .of = *of };
	int r = held_find(h, sha256, time(NULL), look_at_file, &l);

	if (r < 0)
		return r;
	if (r == 0)
		return says(ret_why, -ENOENT, "%.12s: not held, or no longer; insert the medium again", sha256);
	if (l.conflict)
		return says(ret_why, -EEXIST, "%.12s: %s", sha256, l.conflict);
	if (!l.has_copy || !has_size(h, sha256, l.size))
		return says(ret_why, -ENOENT, "%.12s: its copy is gone; insert the medium again", sha256);
	r = held_places(h, sha256, look_at_place, &l);
	if (r == 0 && !*of)
		*of = TAKE_PTR(l.found);
	free(l.found);
	if (r == -EINVAL)
		r = says(ret_why, r, "%.12s: its name cannot be published: %s", sha256, l.unsafe);
	if (r == 0 && !l.is_of)
		r = says(ret_why, -EINVAL, "%.12s: not held in %s; release the files of one transfer at a time", sha256, *of);
	if (r == 0 && l.beyond)
		r = say_beyond(ret_why, sha256, l.beyond);
	free(l.beyond);
	return r;
}

int held_may_release(struct held_store *h, const json_t *hashes, const char *expected, char **ret_of, char **ret_why)
{
	char *of = expected ? strdup(expected) : NULL;
	int r = expected && !of ? -ENOMEM : json_array_size(hashes) > 0 ? 0 : -EINVAL;

	*ret_why = NULL;
	for (size_t k = 0; r == 0 && k < json_array_size(hashes); k++)
		r = look(h, json_string_value(json_array_get(hashes, k)), &of, ret_why);
	if (r == 0)
		*ret_of = of;
	else
		free(of);
	return r;
}

int held_may_reject(struct held_store *h, const json_t *hashes, char **ret_why)
{
	struct looking l = { 0 };
	int r = 0;

	*ret_why = NULL;
	for (size_t k = 0; r >= 0 && k < json_array_size(hashes); k++) {
		const char *sha256 = json_string_value(json_array_get(hashes, k));

		r = held_find(h, sha256, time(NULL), look_at_file, &l);
		if (r == 0)
			r = says(ret_why, -ENOENT, "%.12s: not held, or no longer; `hash deny` blocks any content", sha256);
	}
	return MIN(r, 0);
}

/* -- in words of docs/control.md ----------------------------------------------------------------------------------------------- */

static json_t *proposal_of(const json_t *proposals, const char *id)
{
	size_t k;
	json_t *p;

	json_array_foreach((json_t *)proposals, k, p)
		if (*id && strcmp(json_string_value(json_object_get(p, "id")), id) == 0)
			return json_incref(p);
	return json_null();
}

json_t *held_json(const struct held_file *f, const json_t *proposals)
{
	return json_pack("{s:s,s:s,s:I,s:s,s:I,s:I,s:s,s:s,s:s,s:o,s:o,s:o,s:b}", "sha256", f->sha256, "path", f->path, "size",
			 (json_int_t)f->size, "transfer", f->transfer, "held_at", (json_int_t)f->held_at, "expires",
			 (json_int_t)f->expires, "code", f->code, "type", f->type, "state", held_state_name(f->state), "proposal",
			 proposal_of(proposals, f->proposal), "until", f->until > 0 ? json_integer(f->until) : json_null(), "released_as",
			 *f->released_as ? json_string(f->released_as) : json_null(), "copy", f->has_copy);
}

json_t *held_proposal_json(const json_t *record)
{
	json_t *o = json_copy((json_t *)record);

	if (!o || json_object_set_new(o, "needs_second", json_true()) < 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}
