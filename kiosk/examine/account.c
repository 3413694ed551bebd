/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Runs in a worker, from libclamav's callbacks. All of what it is told (names, sizes, types) is derived from
 * untrusted bytes. It never says "clean": it only adds findings, or finds evidence missing.
 */
#include "examine/account.h"

#include <stdarg.h>
#include <string.h>
#include <zlib.h>

#include "examine/opaque.h"

#define PATH_CUT "..."

void account_begin(struct account *a, struct findings *findings, struct tally *tally,
		   const uint8_t root_sum[SHA256_LEN], uint64_t deadline_ms)
{
	memset(a, 0, sizeof(*a));
	a->findings = findings;
	a->tally = tally;
	if (tally)
		memcpy(a->root_sum, root_sum, SHA256_LEN);
	a->deadline_ms = deadline_ms;
	a->root_result = -1;
}

static struct layer *top(struct account *a)
{
	return a->depth > 0 ? &a->stack[a->depth - 1] : NULL;
}

/* -- paths and findings ---------------------------------------------------------------------------------- */

static size_t append(char *path, size_t used, const char *part)
{
	int n = snprintf(path + used, FINDING_MEMBER_MAX + 1 - used, "%s%s", used > 0 ? "/" : "", part);

	if (n >= 0 && used + (size_t)n <= FINDING_MEMBER_MAX)
		return used + (size_t)n;
	memcpy(path + FINDING_MEMBER_MAX - strlen(PATH_CUT), PATH_CUT, sizeof(PATH_CUT));
	return FINDING_MEMBER_MAX;
}

static bool is_same(const struct plan_member *a, const struct plan_member *b)
{
	return a->size == b->size && a->has_crc && b->has_crc && a->crc == b->crc;
}

/* libclamav's name, or the full one where we have read the directory: it keeps the last component only. Names of
 * its temporary files tell nothing. */
static const char *layer_name(struct account *a, size_t at, char number[static 16])
{
	struct layer *l = &a->stack[at];
	const struct plan *plan = &a->stack[at - 1].plan;

	/* once: a layer can have as many findings as members, in a container of as many */
	for (size_t i = 0; !l->is_looked_up && !l->full_name && i < plan->count; i++)
		if (plan->members[i].name && is_same(&plan->members[i], &l->self))
			l->full_name = plan->members[i].name;
	l->is_looked_up = true;
	if (l->full_name)
		return l->full_name;
	if (l->name)
		return l->name;
	(void)snprintf(number, 16, "#%u", l->number);
	return number;
}

static bool is_temporary(const char *name)
{
	size_t digits = strncmp(name, "clamav-", 7) == 0 ? strspn(name + 7, "0123456789abcdef") : 0;

	return digits == 32 && strcmp(name + 7 + digits, ".tmp") == 0;
}

char *account_path(struct account *a, const char *raw_leaf)
{
	char *path;
	size_t used = 0;

	if (a->depth <= 1 && !raw_leaf)
		return NULL;
	path = calloc(1, FINDING_MEMBER_MAX + 1);
	if (!path) {
		a->is_broken = true;
		return NULL;
	}
	for (size_t i = 1; i < a->depth; i++) {
		char number[16];

		if (!a->stack[i].is_normalised)
			used = append(path, used, layer_name(a, i, number));
	}
	if (raw_leaf)
		used = append(path, used, raw_leaf);
	if (used == 0) {
		free(path);
		return NULL;
	}
	return path;
}

static void add_finding(struct account *a, enum reason reason, const char *path, const char *detail)
{
	if (findings_add(a->findings, reason, path, "%s", detail) < 0)
		a->is_broken = true;
}

static bool is_carved(const struct account *a, size_t at)
{
	const struct layer *l = &a->stack[at], *parent = &a->stack[at - 1];

	return l->from >= parent->from && l->to <= parent->to && l->from < l->to;
}

/* libclamav walks no file system: what it takes out of an image are blocks in a row, and of a file in several pieces the wrong
 * ones. */
static bool is_from_image(const struct account *a, size_t at)
{
	const struct containers *c = &a->stack[at - 1].containers;

	for (size_t i = 0; i < c->count; i++)
		if (container_info(c->list[i].format)->role == ROLE_INTAKE)
			return true;
	return false;
}

/* The layer that another role would be given to open for what is missing in the one on top. What libclamav carves out of a
 * layer's bytes is no file to anybody else, nor is a rewritten view; and of a member that is cut, all beneath it comes out
 * whole only of the container that the member is in. */
static size_t holder(const struct account *a, bool *ret_is_cut)
{
	size_t at = a->depth - 1;

	*ret_is_cut = false;
	for (size_t i = 1; i < a->depth; i++)
		if (a->stack[i].is_cut) {
			at = i - 1;
			*ret_is_cut = true;
			break;
		}
	while (at > 0 && (a->stack[at].is_normalised || is_carved(a, at) || is_from_image(a, at)))
		at--;
	return at;
}

static void owe(struct account *a, enum container_format format, const char *path, const char *detail)
{
	bool is_cut;
	size_t at = holder(a, &is_cut);
	const struct layer *l = &a->stack[at];
	bool is_covered, is_carved = at + 1 < a->depth || l->plan.is_carved || format != l->plan.container;

	if (is_cut)
		format = l->plan.container;
	is_covered = containers_cover(&l->containers, format);
	/* what is carved is a member of the holder, if it is anything */
	if (format != CONTAINER_NONE && is_carved && !is_cut)
		is_covered |= containers_keep_files(&l->containers);
	if (!a->tally || !is_covered)
		add_finding(a, REASON_CONTAINER_OPAQUE, path, detail);
	else if (tally_owe(a->tally, l->sum, path, detail) < 0)
		a->is_broken = true;
	else if (a->tally->is_owed_full)
		add_finding(a, REASON_CONTAINER_OPAQUE, NULL, "more in it was not inspected than can be listed");
}

void account_owe(struct account *a, enum container_format format, const char *raw_leaf, const char *fmt, ...)
{
	_cleanup_free_ char *path = account_path(a, raw_leaf);
	char detail[FINDING_DETAIL_MAX + 1];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(detail, sizeof(detail), fmt, ap); /* cut when too long: still says what and where */
	va_end(ap);
	owe(a, format, path, detail);
}

void account_flag(struct account *a, enum reason reason, const char *raw_leaf, const char *fmt, ...)
{
	_cleanup_free_ char *path = account_path(a, raw_leaf);
	char detail[FINDING_DETAIL_MAX + 1];
	bool is_cut = false;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(detail, sizeof(detail), fmt, ap); /* cut when too long: still says what and where */
	va_end(ap);
	if (a->depth > 0)
		(void)holder(a, &is_cut);
	/* of a member that libclamav has cut, "truncated" says nothing */
	if (is_cut && (reason == REASON_ARCHIVE_UNSAFE || reason == REASON_CONTAINER_OPAQUE))
		owe(a, CONTAINER_NONE, path, detail);
	else
		add_finding(a, reason, path, detail);
}

/* -- what was seen --------------------------------------------------------------------------------------- */

static int push(struct plan_member **list, size_t *count, size_t *room, const struct plan_member *member)
{
	if (*count == *room) {
		size_t more = MAX(16u, *room * 2);
		struct plan_member *bigger = reallocarray(*list, more, sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		*list = bigger;
		*room = more;
	}
	(*list)[(*count)++] = *member;
	return 0;
}

int plan_add(struct plan *plan, const struct plan_member *member)
{
	struct plan_member m = *member;

	m.container = plan->container;
	return push(&plan->members, &plan->count, &plan->room, &m);
}

void plan_done(struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		free(plan->members[i].name);
	free(plan->members);
	memset(plan, 0, sizeof(*plan));
}

static void layer_done(struct layer *l)
{
	plan_done(&l->plan);
	for (size_t i = 0; i < l->announced_count; i++)
		free(l->announced[i].name);
	free(l->announced);
	free(l->seen);
	free(l->name);
	memset(l, 0, sizeof(*l));
}

static uint32_t crc_of(const uint8_t *data, size_t size)
{
	return (uint32_t)crc32_z(0, data, size);
}

/* Tell the parent, and take a number in it. A rewritten view is no member. */
static void enter_parent(struct account *a, struct layer *l, const uint8_t *data, size_t size)
{
	struct layer *parent = top(a);

	l->self.size = size;
	if (!parent || l->is_normalised)
		return;
	if (parent->plan.kind == PLAN_MEMBERS) {
		l->self.crc = crc_of(data, size);
		l->self.has_crc = true;
	}
	if (push(&parent->seen, &parent->seen_count, &parent->seen_room, &l->self) < 0)
		a->is_broken = true;
	l->number = ++parent->children;
}

/* The bytes of a stream of a PDF as they stand there: who opens the document undoes its filters. */
static bool is_stream_of_pdf(const struct account *a, const struct format *f)
{
	return a->depth > 1 && strcmp(a->stack[a->depth - 2].type, "CL_TYPE_PDF") == 0 && f->mime &&
	       strcmp(f->mime, "application/zlib") == 0;
}

static void check_opaque(struct account *a, const char *type, const uint8_t *data, size_t size)
{
	const struct format *f;
	size_t at = 0;

	while ((f = opaque_next(data, size, &at)) != NULL) {
		if (is_stream_of_pdf(a, f)) {
			top(a)->is_normalised = true;
			account_owe(a, CONTAINER_PDF, NULL, "%s: %s", f->name, f->why);
		} else if (f->reason == REASON_CONTAINER_OPAQUE)
			account_owe(a, f->container, NULL, "%s: %s", f->name, f->why);
		else
			account_flag(a, f->reason, NULL, "%s: %s", f->name, f->why);
	}
	if (strcmp(type, "CL_TYPE_MSEXE") != 0 && strcmp(type, "CL_TYPE_ELF") != 0)
		return;
	f = opaque_find_installer(data, size);
	if (f)
		account_owe(a, f->container, NULL, "%s: %s", f->name, f->why);
}

/* By what it is found again: its own digest, its place, and what other roles would take it for. */
static void identify(struct account *a, struct layer *l, const uint8_t *data, size_t size)
{
	l->from = (uintptr_t)data;
	l->to = l->from + size;
	if (!a->tally)
		return;
	containers_find(data, size, &l->containers);
	if (l->level == 0)
		memcpy(l->sum, a->root_sum, SHA256_LEN);
	else if (!l->is_normalised && sha256(data, size, l->sum) < 0)
		a->is_broken = true;
}

static void read_layer(struct account *a, const char *type, const uint8_t *data, size_t size)
{
	struct layer *l = top(a);

	if (l->is_cut) { /* its container's own word on it: what is beneath it is not held against it */
		account_owe(a, CONTAINER_NONE, NULL, "libclamav looks at %lld bytes: of this perhaps only the first", SCAN_FILE_MAX);
		return;
	}
	check_opaque(a, type, data, size);
	plan_read(&l->plan, a, type, data, size);
}

void account_layer(struct account *a, uint32_t level, const char *type, const char *raw_name, const uint8_t *data,
		   size_t size, bool is_normalised)
{
	struct layer layer = { .level = level, .type = type, .is_normalised = is_normalised,
			       .is_cut = level > 0 && size >= SCAN_CUT_MIN };

	a->was_root_done_last = false;
	/* Depth and order as they should be: levels rise by one or (carved parts) more; the root is level 0. */
	if (a->depth == ARRAY_LEN(a->stack) || (a->depth == 0) != (level == 0) || (!data && size > 0) ||
	    (a->depth > 0 && top(a)->level >= level)) {
		a->is_broken = true;
		return;
	}
	if (level > 0 && raw_name && *raw_name && !is_temporary(raw_name)) {
		layer.name = strdup(raw_name);
		if (!layer.name)
			a->is_broken = true;
	}
	enter_parent(a, &layer, data, size);
	identify(a, &layer, data, size);
	a->stack[a->depth++] = layer;
	if (level == 0)
		a->was_root_inspected = true;
	if (!a->is_raw)
		read_layer(a, type, data, size);
}

void account_announced(struct account *a, const char *container, const char *raw_name, uint64_t size,
		       bool is_encrypted)
{
	struct layer *l = top(a);
	struct plan_member m = { .size = size, .container = plan_container(container) };

	a->was_root_done_last = false;
	if (!l) {
		a->is_broken = true;
		return;
	}
	if (l->plan.kind == PLAN_MEMBERS || l->is_cut || a->is_raw) /* we know better, or ask nobody */
		return;
	/* libclamav takes each "PK\3\4" in a program for a member; without a directory no unpacker finds one. */
	if (!l->plan.may_hold_zip && strcmp(container, "CL_TYPE_ZIP") == 0)
		return;
	if (is_encrypted) {
		account_flag(a, REASON_ENCRYPTED, raw_name, "encrypted member of an archive");
		return;
	}
	m.name = strdup(raw_name ? raw_name : "");
	if (!m.name || push(&l->announced, &l->announced_count, &l->announced_room, &m) < 0) {
		free(m.name);
		a->is_broken = true;
	}
}

/* -- holding the two against each other ------------------------------------------------------------------- */

static int compare_members(const void *x, const void *y)
{
	const struct plan_member *a = x, *b = y;

	if (a->size != b->size)
		return a->size < b->size ? -1 : 1;
	if (!a->has_crc || !b->has_crc || a->crc == b->crc)
		return 0;
	return a->crc < b->crc ? -1 : 1;
}

/* An announcement may be of another container than the layer: libclamav carves archives out of anything. */
static void flag_missing(struct account *a, const struct plan_member *m)
{
	account_owe(a, m->container, m->name && *m->name ? m->name : NULL,
		    "a member of %llu bytes was not inspected%s%s", (unsigned long long)m->size, m->note ? ": " : "",
		    m->note ? m->note : "");
}

/* Every member that is not blank must be among the inspected children. Two members of one content need one
 * inspection only: libclamav skips the second of two directory entries for one place. */
static void compare_lists(struct account *a, struct plan_member *wanted, size_t count, struct layer *l)
{
	size_t at = 0;

	if (count > 0)
		qsort(wanted, count, sizeof(*wanted), compare_members);
	if (l->seen_count > 0)
		qsort(l->seen, l->seen_count, sizeof(*l->seen), compare_members);
	for (size_t i = 0; i < count; i++) {
		if (wanted[i].size <= SCAN_BLIND_BYTES)
			continue;
		while (at < l->seen_count && compare_members(&l->seen[at], &wanted[i]) < 0)
			at++;
		if (at == l->seen_count || compare_members(&l->seen[at], &wanted[i]) != 0)
			flag_missing(a, &wanted[i]);
	}
}

static void settle(struct account *a, struct layer *l)
{
	if (l->plan.kind == PLAN_MEMBERS) {
		compare_lists(a, l->plan.members, l->plan.count, l);
		return;
	}
	compare_lists(a, l->announced, l->announced_count, l);
	if ((l->plan.kind == PLAN_ANNOUNCED || l->plan.kind == PLAN_ONE) && l->seen_count == 0)
		account_owe(a, l->plan.container, NULL, "%s: nothing inside it was inspected", l->type);
}

/* Whether its own bytes were looked at whole: then they need not be again, wherever they turn up. What is inside it and was
 * not is owed in any case. */
static bool is_inspected(const struct account *a, const struct layer *l, int result)
{
	bool is_cut = false;

	(void)holder(a, &is_cut);
	return l->level > 0 && result == 0 && !is_cut && !l->is_normalised && !a->was_hit && !a->is_raw &&
	       l->self.size > SCAN_BLIND_BYTES && strcmp(l->type, "CL_TYPE_IGNORED") != 0;
}

void account_layer_done(struct account *a, int result)
{
	struct layer *l = top(a);

	if (!l) {
		a->is_broken = true;
		return;
	}
	/* After a hit libclamav stops where it is: what is missing then says nothing. */
	if (!a->was_hit)
		settle(a, l);
	if (a->tally && is_inspected(a, l, result) && tally_inspected(a->tally, l->sum) < 0)
		a->is_broken = true;
	if (a->depth == 1) {
		a->was_root_done_last = true;
		a->root_result = result;
	}
	layer_done(l);
	a->depth--;
}

const char *account_end(struct account *a, int result)
{
	const char *missing = NULL;

	if (a->is_broken)
		missing = "the record of what was inspected is incomplete";
	else if (!a->was_root_inspected)
		missing = "the file was never inspected";
	else if (a->depth > 0 || !a->was_root_done_last)
		missing = "the inspection did not come to its end";
	else if (a->root_result != result)
		missing = "the inspection ended with an error";
	while (a->depth > 0)
		layer_done(&a->stack[--a->depth]);
	return missing;
}
