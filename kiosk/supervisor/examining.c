/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What the examiners say of files and members, into the docket; and on to those who open containers. */
#include "supervisor/examining.h"

#include <string.h>

#include "common/text.h"
#include "supervisor/remembering.h"
#include "supervisor/unpacking.h"

static json_t *types_json(const struct job_result *r)
{
	json_t *list = json_array();

	for (size_t k = 0; list && k < r->type_count; k++)
		if (json_array_append_new(list, json_string(r->types[k])) < 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *finding_json(const struct finding *f)
{
	_cleanup_free_ char *detail = text_escape(f->detail, strlen(f->detail));
	_cleanup_free_ char *member = f->member ? text_escape(f->member, strlen(f->member)) : NULL;

	if (!detail || (f->member && !member))
		return NULL;
	return json_pack("{s:s,s:s,s:s?}", "code", reason_code(f->reason), "detail", detail, "member", member);
}

static json_t *findings_json(const struct findings *f)
{
	json_t *list = json_array();

	for (size_t k = 0; list && k < f->count; k++)
		if (json_array_append_new(list, finding_json(&f->list[k])) < 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

/* The file of the medium that the job is about, or that its member is in. */
static int root_of(struct inspection *i, const struct job *job, uint64_t *ret)
{
	struct docket_member m = { 0 };
	int r = 1;

	*ret = job->id;
	if (docket_is_member(job->id)) {
		r = docket_get_member(i->docket, job->id, &m);
		*ret = m.root;
		docket_member_done(&m);
	}
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

int examined_layer(void *context, const struct job *job, const uint8_t sum[static SHA256_LEN])
{
	struct inspection *i = context;
	uint64_t root;
	int r = root_of(i, job, &root);

	return r == 0 ? docket_inspected(i->docket, root, sum) : r;
}

int examined_owed(void *context, const struct job *job, const uint8_t sum[static SHA256_LEN], const char *detail, const char *member)
{
	struct inspection *i = context;
	uint64_t root;
	int r = root_of(i, job, &root);

	return r == 0 ? docket_owe(i->docket, root, job->id, sum, *member ? member : NULL, detail) : r;
}

int examined_noted(void *context, const struct job *job, const char *note)
{
	struct inspection *i = context;
	_cleanup_free_ char *clean = text_escape(note, strlen(note)), *path = text_escape(job->path, strlen(job->path)), *words = NULL;
	uint64_t root;
	int r = root_of(i, job, &root);

	if (r < 0)
		return r;
	if (!clean || !path || asprintf(&words, docket_is_member(job->id) ? "%2$s: %1$s" : "%1$s", clean, path) < 0) {
		words = NULL;
		return -ENOMEM;
	}
	return docket_note(i->docket, root, words);
}

/* Findings in a member are told at the end, with the verdict of the file that it is in. */
void examined_tell(struct inspection *i, const char *raw_path, json_t *findings)
{
	_cleanup_free_ char *path = text_escape(raw_path, strlen(raw_path));

	events_send(i->supervisor->events, "finding", json_pack("{s:s?,s:O}", "path", path, "findings", findings));
}

int examined(void *context, const struct job *job, const struct job_result *result)
{
	struct inspection *i = context;
	json_t *types = types_json(result), *findings = findings_json(&result->findings);
	_cleanup_free_ char *types_text = types ? json_dumps(types, JSON_COMPACT) : NULL;
	_cleanup_free_ char *findings_text = findings ? json_dumps(findings, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	int r = -ENOMEM;

	if (types_text && findings_text)
		r = docket_examined(i->docket, job->id, result->findings.done, types_text, findings_text);
	if (r == 0 && result->findings.count > 0 && !docket_is_member(job->id))
		examined_tell(i, job->path, findings);
	json_decref(types);
	json_decref(findings);
	if (!docket_is_member(job->id) && !result->formats) { /* of a container, when all that is in it has been, too */
		i->files_examined++;
		i->bytes_examined += job->size;
	}
	if (r == 0)
		r = unpack_examined(i->unpackers, job, result);
	return r == 0 && !docket_is_member(job->id) && !result->formats ? remember_examined(i, job->id) : r;
}
