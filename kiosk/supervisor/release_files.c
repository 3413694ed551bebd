/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What was kept of the inspection that held the files. It is the station's own word, of what it wrote into its report then. */
#include "supervisor/release_files.h"

#include <string.h>

#include "common/base64.h"

#define FILES_PREFIX "files/"

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

static const char *text_of(const json_t *o, const char *field)
{
	const char *text = json_string_value(json_object_get(o, field));

	return text ? text : "";
}

/* -- the medium ---------------------------------------------------------------------------------------------------------------- */

static int take_text(char **to, const json_t *o, const char *field)
{
	free(*to);
	*to = strdup(text_of(o, field));
	return *to ? 0 : -ENOMEM;
}

static int take_volume(struct inspection_medium *m, const json_t *o)
{
	struct volume *v = &m->volumes[m->volume_count];
	int r;

	if (m->volume_count == VOLUMES_MAX)
		return -E2BIG;
	*v = (struct volume){ .index = (uint32_t)json_integer_value(json_object_get(o, "index")), .root_fd = -EBADF };
	m->volume_count++;
	(void)snprintf(v->outcome, sizeof(v->outcome), "%s", text_of(o, "outcome"));
	r = take_text(&v->fs, o, "fs");
	if (r == 0)
		r = take_text(&v->label, o, "label");
	if (r == 0)
		r = take_text(&v->uuid, o, "uuid");
	if (r == 0)
		r = take_text(&v->driver, o, "driver");
	return r == 0 ? take_text(&v->detail, o, "detail") : r;
}

static int take_medium(struct inspection_medium *m, const json_t *o)
{
	const json_t *written = json_object_get(o, "sectors_written");
	const json_t *volumes = json_object_get(o, "volumes");
	int r;

	(void)snprintf(m->kind, sizeof(m->kind), "%s", text_of(o, "kind"));
	m->size = (uint64_t)json_integer_value(json_object_get(o, "size"));
	m->is_write_protected = json_is_true(json_object_get(o, "write_protected"));
	m->counts_writes = json_is_integer(written);
	m->sectors_after = (uint64_t)json_integer_value(written);
	m->removable_at = json_integer_value(json_object_get(o, "removable_at"));
	r = take_text(&m->vendor, o, "vendor");
	if (r == 0)
		r = take_text(&m->model, o, "model");
	if (r == 0)
		r = take_text(&m->serial, o, "serial");
	for (size_t k = 0; r == 0 && k < json_array_size(volumes); k++)
		r = take_volume(m, json_array_get(volumes, k));
	return r;
}

/* Whoever looks at a manifest wants to know what examined the files, not what is loaded now. */
static int take_transfer(struct inspection *i, struct held_store *store, const char *of)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_(json_decref_p) json_t *facts = NULL;
	json_t *engines;
	int r = held_transfer(store, of, &text);

	if (r < 0 || !text)
		return r < 0 ? r : -ENOENT;
	facts = json_loads(text, 0, NULL);
	engines = json_object_get(facts, "engines");
	if (!json_is_array(engines) || !json_is_object(json_object_get(facts, "medium")))
		return -EUCLEAN;
	json_decref(i->supervisor->engines);
	i->supervisor->engines = json_incref(engines);
	i->has_volumes_read = true;
	return take_medium(&i->medium, json_object_get(facts, "medium"));
}

/* -- the files ----------------------------------------------------------------------------------------------------------------- */

struct filling {
	struct inspection *i;
	const char *of, *hex;
	const json_t *proposal;
};

static char *raw_path(const json_t *entry)
{
	const char *encoded = text_of(entry, "path_b64");
	size_t size = strlen(encoded), padding;
	char *raw;

	if (!*encoded)
		return strdup(text_of(entry, "path"));
	padding = size >= 4 ? (size_t)(encoded[size - 1] == '=') + (encoded[size - 2] == '=') : 0;
	if (size % 4 != 0)
		return NULL;
	raw = calloc(1, size / 4 * 3 + 1);
	if (raw && base64_decode(encoded, size, raw, size / 4 * 3 - padding) == 0)
		return raw;
	free(raw);
	return NULL;
}

static int add_signers(struct docket *d, uint64_t id, const json_t *entry)
{
	const json_t *list = json_object_get(entry, "signers");
	int r = 0;

	for (size_t k = 0; r == 0 && k < json_array_size(list); k++) {
		const json_t *o = json_array_get(list, k);

		r = docket_add_signer(d, id, text_of(o, "name"), text_of(o, "key"), text_of(o, "via"));
	}
	return r;
}

static int tell_decision(struct filling *f, uint64_t id, const json_t *entry)
{
	_cleanup_(json_decref_p) json_t *o =
		json_pack("{s:s,s:O,s:O,s:O,s:O}", "decision", "release", "id", json_object_get(f->proposal, "id"), "reasons",
			  json_object_get(entry, "reasons"), "rule", json_object_get(entry, "rule"), "until",
			  json_object_get(f->proposal, "until"));
	_cleanup_free_ char *text = o ? json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	return text ? docket_decided(f->i->docket, id, text) : -ENOMEM;
}

static int add_entry(struct filling *f, const struct held_place *p, const json_t *entry)
{
	_cleanup_free_ char *path = raw_path(entry), *published = NULL, *types = NULL;
	_cleanup_(json_decref_p) json_t *list = json_array();
	struct docket *d = f->i->docket;
	uint64_t id = f->i->next_id++;
	uint8_t sum[SHA256_LEN];
	int r = hex_decode(f->hex, sum, sizeof(sum));

	if (!path || !list || asprintf(&published, FILES_PREFIX "%.*s", (int)p->path_size, (const char *)p->path) < 0) {
		published = NULL;
		return -ENOMEM;
	}
	if (json_is_string(json_object_get(entry, "type")) && json_array_append(list, json_object_get(entry, "type")) < 0)
		return -ENOMEM;
	types = json_dumps(list, JSON_COMPACT);
	if (!types)
		return -ENOMEM;
	if (r == 0)
		r = docket_add(d, id, (uint32_t)json_integer_value(json_object_get(entry, "volume")), ENTRY_FILE, path, 0, 0);
	if (r == 0)
		r = docket_sealed(d, id, (uint64_t)json_integer_value(json_object_get(entry, "size")), sum);
	if (r == 0)
		r = docket_examined(d, id, 0, types, "[]");
	if (r == 0)
		r = add_signers(d, id, entry);
	if (r == 0)
		r = docket_judged(d, id, VERDICT_APPROVED, "release", "[]", published);
	return r == 0 ? tell_decision(f, id, entry) : r;
}

static int add_place(void *context, const struct held_place *p)
{
	struct filling *f = context;
	_cleanup_(json_decref_p) json_t *entry = NULL;

	if (strcmp(p->transfer, f->of) != 0)
		return 0;
	entry = json_loads(p->entry, 0, NULL);
	return json_is_object(entry) ? add_entry(f, p, entry) : -EUCLEAN;
}

int release_fill(struct inspection *i, struct held_store *store, const char *of, const json_t *proposal)
{
	struct filling f = { .i = i, .of = of, .proposal = proposal };
	const json_t *list = json_object_get(proposal, "sha256");
	int r = take_transfer(i, store, of);

	for (size_t k = 0; r == 0 && k < json_array_size(list); k++) {
		f.hex = json_string_value(json_array_get(list, k));
		r = held_places(store, f.hex, add_place, &f);
	}
	return r;
}
