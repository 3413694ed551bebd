/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "examine/examine.h"

#include <string.h>

#include "content/content.h"
#include "examine/windows.h"

/* A worker that cannot say what it found must die: its death is a verdict too ("could not tell"). */
static void flag(struct findings *f, enum reason reason, const char *text)
{
	if (findings_add(f, reason, NULL, "%s", text) < 0)
		abort();
}

static void check_denied(struct examiner *e, const uint8_t sum[static SHA256_LEN], struct findings *f)
{
	char hex[SHA256_HEX_LEN + 1];

	if (!denylist_has(e->denylist, sum))
		return;
	hex_encode(sum, SHA256_LEN, hex);
	flag(f, REASON_HASH_DENIED, hex);
}

static void check_types(struct examiner *e, const struct examination_job *job, struct examination *x)
{
	containers_find(job->data, job->size, &x->containers);
	if (x->containers.is_too_many)
		flag(&x->findings, REASON_CONTAINER_OPAQUE, "more containers at once than anything honest is");
	if (magic_types(e->magic, job->data, job->size, &x->containers, &x->types) == 0)
		x->findings.done |= CHECK_TYPE;
	else
		flag(&x->findings, REASON_SCAN_ERROR, "libmagic could not tell the type");
}

static void check_content(const struct examination_job *job, struct examination *x)
{
	const char *slash = strrchr(job->raw_name, '/'), *types[TYPES_MAX];
	struct content c = { .data = job->data, .size = job->size, .path = job->raw_name,
			     .name = slash ? slash + 1 : job->raw_name,
			     .container = *job->container ? job->container : NULL,
			     .types = types, .type_count = x->types.count, .findings = &x->findings };

	for (size_t i = 0; i < x->types.count; i++)
		types[i] = x->types.list[i];
	if (content_look(&c) < 0)
		return; /* says so itself */
	for (size_t i = 0; i < c.more_type_count; i++)
		if (types_say(&x->types, c.more_types[i]) < 0) {
			flag(&x->findings, REASON_SCAN_ERROR, "more types at once than anything honest has");
			x->findings.done &= ~(uint32_t)CHECK_CONTENT;
		}
}

/* A container that goes unscanned because these bytes were a layer of one that was scanned owes nothing here: what they
 * owed was told then. */
static void check_virus(struct examiner *e, const struct examination_job *job, struct examination *x)
{
	struct clam_file file = { .data = job->data, .size = job->size, .raw_name = job->raw_name, .sum = job->sum,
				  .containers = &x->containers, .window_note = window_note(&x->types) };

	if (clam_inspect(e->clam, &file, &x->findings, &x->tally))
		x->notes[x->note_count++] = file.window_note;
}

void examine_bytes(struct examiner *e, const struct examination_job *job, struct examination *ret)
{
	memset(ret, 0, sizeof(*ret));
	check_types(e, job, ret);
	check_denied(e, job->sum, &ret->findings);
	if (job->wanted & CHECK_CONTENT)
		check_content(job, ret);
	if (job->wanted & CHECK_VIRUS)
		check_virus(e, job, ret);
}

void examination_done(struct examination *x)
{
	findings_done(&x->findings);
	tally_done(&x->tally);
	x->types.count = 0;
}

void examiner_done(struct examiner *e)
{
	e->clam = clam_free(e->clam);
	e->magic = magic_free_engine(e->magic);
	e->denylist = denylist_free(e->denylist);
}
