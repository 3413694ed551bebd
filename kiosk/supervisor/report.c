/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "supervisor/report.h"

#include <jansson.h>
#include <string.h>

#include "common/base64.h"
#include "common/fd.h"
#include "common/minisign.h"
#include "common/report.h"
#include "common/text.h"
#include "station/sets.h"

#define JSON_FORM (JSON_COMPACT | JSON_SORT_KEYS)

static json_t *volumes_json(const struct inspection_medium *m)
{
	json_t *list = json_array();

	for (size_t k = 0; list && k < m->volume_count; k++) {
		const struct volume *v = &m->volumes[k];
		json_t *o = json_pack("{s:I,s:s,s:s,s:s,s:s,s:s,s:s}", "index", (json_int_t)v->index, "fs", v->fs,
				      "label", v->label, "uuid", v->uuid, "driver", v->driver, "outcome", v->outcome,
				      "detail", v->detail);

		if (!o || json_array_append_new(list, o) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *medium_json(const struct inspection_medium *m)
{
	json_t *writes = m->counts_writes ? json_integer((json_int_t)(m->sectors_after - m->sectors_before)) : json_null();
	json_t *removable = m->removable_at > 0 ? json_integer(m->removable_at) : json_null();

	return json_pack("{s:s,s:s,s:s,s:s,s:I,s:b,s:o,s:o,s:o}", "kind", m->kind, "vendor", m->vendor, "model",
			 m->model, "serial", m->serial, "size", (json_int_t)m->size, "write_protected",
			 m->is_write_protected, "sectors_written", writes, "removable_at", removable, "volumes",
			 volumes_json(m));
}

/* What update packs brought, and is in force. */
static json_t *sets_json(const struct station_config *c)
{
	json_t *list = json_array();

	for (size_t k = 0; list && k < c->set_count; k++)
		if (json_array_append_new(list, json_pack("{s:s,s:s,s:I,s:s}", "kind", station_set_kind_name(c->sets[k].kind), "name",
							  c->sets[k].name, "version", (json_int_t)c->sets[k].version, "pack",
							  c->sets[k].pack)) < 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

/* Which key signs the manifest: NULL when its public half is not beside it ("manifest.key", "manifest.pub"). */
static const char *manifest_key_id(const struct supervisor *s, char out[static MINISIGN_ID_TEXT_LEN + 1])
{
	struct minisign_public key;

	if (minisign_public_beside(s->config->manifest_key, &key) < 0)
		return NULL;
	minisign_id_text(key.id, out);
	return out;
}

static json_t *station_json(const struct supervisor *s)
{
	char policy[SHA256_HEX_LEN + 1];

	hex_encode(rules_sha256(s->rules), SHA256_LEN, policy);
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:o,s:s,s:s}", "id", s->config->id, "name", s->config->name, "version",
			 LAZARET_VERSION, "policy", rules_title(s->rules), "policy_sha256", policy, "sets", sets_json(s->config), "sandbox",
			 s->sandbox, "operators", station_operators_name(s->config->operators));
}

static json_t *head_json(struct inspection *i, const struct report_facts *f)
{
	_cleanup_free_ char *operator_name = text_escape(i->request->operator_name, strlen(i->request->operator_name));
	_cleanup_free_ char *reason = text_escape(i->request->reason, strlen(i->request->reason));
	_cleanup_free_ char *owner = text_escape(i->request->owner, strlen(i->request->owner));
	_cleanup_free_ char *ticket = text_escape(i->request->ticket, strlen(i->request->ticket));

	json_t *engines = i->supervisor->engines ? json_incref(i->supervisor->engines) : json_array(); /* recovering: none yet */

	if (!operator_name || !reason || !owner || !ticket) {
		json_decref(engines);
		return NULL;
	}
	return json_pack("{s:s,s:s,s:s,s:I,s:I,s:o,s:s,s:s,s:s,s:s,s:o,s:o,s:{s:I,s:I,s:I,s:I,s:I},s:o,s:{s:I,s:s},s:O*}", "format",
			 REPORT_FORMAT, "transfer", i->transfer, "outcome", f->outcome, "started",
			 (json_int_t)i->started, "finished", (json_int_t)f->finished, "station",
			 station_json(i->supervisor), "operator", operator_name, "reason", reason, "owner", owner, "ticket",
			 ticket, "engines", engines, "medium", medium_json(&i->medium), "counts", "files",
			 (json_int_t)f->counts.files, "bytes", (json_int_t)f->counts.bytes, "approved",
			 (json_int_t)f->counts.approved, "held", (json_int_t)f->counts.held, "blocked",
			 (json_int_t)f->counts.blocked, "previous",
			 *f->previous ? json_string(f->previous) : json_null(), "audit", "seq",
			 (json_int_t)f->audit_seq, "hash", f->audit_hash, "release", i->release);
}

/* For receipts, which are made of the report alone: which key signs, and what ended an aborted inspection. */
static int set_circumstances(json_t *head, const struct supervisor *s, const struct report_facts *f)
{
	char id[MINISIGN_ID_TEXT_LEN + 1];
	const char *key = manifest_key_id(s, id);
	int bad = key ? json_object_set_new(json_object_get(head, "station"), "manifest_key", json_string(key)) : 0;

	if (f->why && *f->why)
		bad |= json_object_set_new(head, "why", json_string(f->why));
	return bad ? -ENOMEM : 0;
}

static int set_path(json_t *o, const char *raw)
{
	size_t size = strlen(raw);
	_cleanup_free_ char *clean = text_escape(raw, size);
	_cleanup_free_ char *encoded = malloc(BASE64_LEN(size) + 1);

	if (!clean || !encoded || json_object_set_new(o, "path", json_string(clean)) < 0)
		return -ENOMEM;
	if (strcmp(clean, raw) == 0)
		return 0;
	base64_encode(raw, size, encoded);
	return json_object_set_new(o, "path_b64", json_string(encoded)) < 0 ? -ENOMEM : 0;
}

static int add_signer(void *context, const struct docket_signer *g)
{
	_cleanup_free_ char *via = text_escape(g->via, strlen(g->via));
	json_t *o = via ? json_pack("{s:s,s:s,s:s}", "key", g->key_id, "name", g->key_name, "via", via) : NULL;

	return !o || json_array_append_new(context, o) < 0 ? -ENOMEM : 0;
}

/* Findings did not keep the file back: a rule has let a signature stand in for what no engine has seen. Said, not hidden. */
static int set_vouched(json_t *o, const struct docket_entry *e)
{
	json_t *findings = e->verdict == VERDICT_APPROVED ? json_loads(e->findings, 0, NULL) : NULL;
	int r = json_array_size(findings) > 0 && json_object_set(o, "vouched", findings) < 0 ? -ENOMEM : 0;

	json_decref(findings);
	return r;
}

static int set_decision(json_t *o, struct inspection *i, const struct docket_entry *e)
{
	_cleanup_free_ char *told = NULL;
	int r = docket_told(i->docket, e->id, &told);

	if (r == 0 && told && json_object_set_new(o, "decision", json_loads(told, 0, NULL)) < 0)
		r = -ENOMEM;
	return r;
}

/* Of held files: can officers still decide on it? */
static int set_kept(json_t *o, struct inspection *i, const struct docket_entry *e)
{
	int r = e->verdict == VERDICT_HELD ? docket_is_kept(i->docket, e->id) : 0;

	if (r < 0 || e->verdict != VERDICT_HELD)
		return r;
	return json_object_set_new(o, "kept", json_boolean(r > 0)) < 0 ? -ENOMEM : 0;
}

static int add_note(void *context, const char *note)
{
	return json_array_append_new(context, json_string(note)) < 0 ? -ENOMEM : 0;
}

static int set_notes(json_t *o, struct inspection *i, uint64_t id)
{
	json_t *notes = json_array();
	int r = notes ? docket_notes(i->docket, id, add_note, notes) : -ENOMEM;

	if (r == 0 && json_array_size(notes) > 0 && json_object_set(o, "notes", notes) < 0)
		r = -ENOMEM;
	json_decref(notes);
	return r;
}

static json_t *file_json(struct inspection *i, const struct report_facts *f, const struct docket_entry *e)
{
	char sum[SHA256_HEX_LEN + 1];
	json_t *types = json_loads(e->types, 0, NULL);
	json_t *type = json_array_get(types, 0);
	json_t *signers = json_array();
	json_t *reasons = json_loads(e->reasons, 0, NULL);
	json_t *o;

	hex_encode(e->sum, SHA256_LEN, sum);
	if (!signers || docket_signers(i->docket, e->id, add_signer, signers) < 0 || !reasons || !types) {
		json_decref(types);
		json_decref(signers);
		json_decref(reasons);
		return NULL;
	}
	o = json_pack("{s:I,s:I,s:o,s:O?,s:s,s:o,s:o,s:o,s:o}", "volume", (json_int_t)e->volume, "size",
		      (json_int_t)e->size, "sha256", e->has_sum ? json_string(sum) : json_null(), "type", type,
		      "verdict", verdict_name(e->verdict), "rule", *e->rule ? json_string(e->rule) : json_null(),
		      "reasons", reasons, "signers", signers, "published_as",
		      f->is_published && e->published_as ? json_string(e->published_as) : json_null());
	json_decref(types);
	if (o && (set_path(o, e->path) < 0 || set_vouched(o, e) < 0 || set_notes(o, i, e->id) < 0 || set_decision(o, i, e) < 0 ||
		  set_kept(o, i, e) < 0)) {
		json_decref(o);
		o = NULL;
	}
	return o;
}

json_t *report_file_json(struct inspection *i, const struct docket_entry *e)
{
	static const struct report_facts unpublished;

	return file_json(i, &unpublished, e);
}

json_t *report_medium_json(const struct inspection *i)
{
	return medium_json(&i->medium);
}

struct writer {
	struct inspection *i;
	const struct report_facts *facts;
	FILE *out;
	bool is_first;
};

static int write_file(void *context, struct docket_entry *e)
{
	struct writer *w = context;
	json_t *o = file_json(w->i, w->facts, e);
	_cleanup_free_ char *text = o ? json_dumps(o, JSON_FORM) : NULL;
	int n;

	json_decref(o);
	if (!text)
		return -ENOMEM;
	n = fprintf(w->out, "%s%s", w->is_first ? "" : ",\n", text);
	w->is_first = false;
	return n < 0 ? -EIO : 0;
}

static int write_files(struct writer *w)
{
	int r = docket_each(w->i->docket, write_file, w);

	if (r == 0 && !w->is_first && fputc('\n', w->out) == EOF)
		r = -EIO;
	return r;
}

int report_write(struct inspection *i, const struct report_facts *facts, int fd)
{
	_cleanup_free_ char *before = NULL, *after = NULL;
	_cleanup_fclose_ FILE *out = fd_stream(fd, "w");
	struct writer w = { i, facts, out, true };
	json_t *head = head_json(i, facts);
	int r = head && out ? set_circumstances(head, i->supervisor, facts) : -ENOMEM;

	if (r == 0)
		r = report_frame(head, &before, &after);
	json_decref(head);
	if (r == 0 && fputs(before, out) == EOF)
		r = -EIO;
	if (r == 0 && i->docket)
		r = write_files(&w);
	if (r == 0 && (fputs(after, out) == EOF || fflush(out) != 0))
		r = -EIO;
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	return r;
}
