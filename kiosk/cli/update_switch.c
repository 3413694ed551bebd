/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What is in force changes here, by one rename, after the trail has it. */
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "cli/key.h"
#include "cli/media.h"
#include "cli/records.h"
#include "cli/update.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/text.h"
#include "station/sets.h"

#define REST_MS 900000 /* inspections may take long; the officer is waiting */
#define TURN_POLL_MS 200
#define TURNS 900 /* as long as databases may load (daemon/station.c) */

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

static json_t *clean_text(const char *raw)
{
	_cleanup_free_ char *clean = text_escape(raw, strlen(raw));

	return clean ? json_string(clean) : NULL;
}

/* -- what would be in force --------------------------------------------------------------------------------------------- */

static int set_kind(enum pack_kind kind)
{
	static const int of[PACK_KIND_COUNT_] = {
		[PACK_DATABASE] = SET_DATABASE, [PACK_RULES] = SET_RULES,	  [PACK_TYPES] = SET_TYPES, [PACK_YARA] = SET_YARA,
		[PACK_HASH_LIST] = SET_HASH_LIST, [PACK_SOFTWARE] = SET_SOFTWARE, [PACK_KEY] = -1,
		[PACK_APPLIANCE] = SET_APPLIANCE,
	};

	return of[kind];
}

static json_t *new_set(const struct update *u, int64_t now)
{
	return json_pack("{s:I,s:[],s:I,s:s,s:s,s:s,s:I}", "applied_at", (json_int_t)now, "files", "made", (json_int_t)u->pack->made,
			 "name", u->pack->name, "pack", u->pack_sha256, "set", u->set, "version", (json_int_t)u->pack->version);
}

static int add_file(const struct update *u, json_t *sets, const struct pack_member *m, int64_t now)
{
	const char *kind = station_set_kind_name((unsigned int)set_kind(m->kind));
	json_t *set = json_object_get(sets, kind);
	const char *of = json_string_value(json_object_get(set, "set"));

	if (!set || !of || strcmp(of, u->set) != 0) { /* that of another pack, which this one replaces */
		set = new_set(u, now);
		if (!set || json_object_set_new(sets, kind, set) < 0)
			return -ENOMEM;
	}
	return json_array_append_new(json_object_get(set, "files"), json_pack("{s:s,s:s}", "file", strchr(m->path, '/') + 1, "sha256",
									      m->sha256)) < 0 ? -ENOMEM : 0;
}

/* Without its own way back: that of one step is kept. */
static json_t *before(const json_t *current)
{
	json_t *o = json_copy((json_t *)current);

	if (o)
		(void)json_object_del(o, "undo"); /* it is there in what was loaded */
	if (o)
		(void)json_object_del(o, "format");
	return o;
}

json_t *update_next(const struct update *u)
{
	json_t *sets = json_copy(json_object_get(u->current, "sets")), *versions = json_copy(json_object_get(u->current, "versions"));
	int64_t now = time(NULL);
	int r = sets && versions ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < u->pack->member_count; i++)
		if (u->pack->members[i].kind != PACK_KEY)
			r = add_file(u, sets, &u->pack->members[i], now);
	if (r == 0 && json_object_set_new(versions, u->pack->name, json_integer((json_int_t)u->pack->version)) < 0)
		r = -ENOMEM;
	if (r < 0) {
		json_decref(sets);
		json_decref(versions);
		return NULL;
	}
	return json_pack("{s:s,s:I,s:s,s:[],s:o,s:o,s:o}", "format", SETS_FORMAT, "applied_at", (json_int_t)now, "by", u->person, "keys",
			 "sets", sets, "undo", before(u->current), "versions", versions);
}

/* -- records ------------------------------------------------------------------------------------------------------------- */

static json_t *kinds_of(const struct pack *p)
{
	json_t *list = json_array();
	unsigned int seen = 0;

	for (size_t i = 0; i < p->member_count; i++)
		seen |= 1u << p->members[i].kind;
	for (unsigned int k = 0; k < PACK_KIND_COUNT_; k++)
		if (seen & 1u << k)
			(void)json_array_append_new(list, json_string(pack_kind_name(k))); /* told for people; pack.json is named by hash */
	return list;
}

static json_t *stations_of(const struct pack *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->station_count; i++)
		(void)json_array_append_new(list, json_string(p->stations[i])); /* as above */
	return list;
}

static const char *hash_of(const char *text, char out[static SHA256_HEX_LEN + 1])
{
	uint8_t sum[SHA256_LEN];

	out[0] = '\0';
	if (sha256(text, strlen(text), sum) == 0)
		hex_encode(sum, sizeof(sum), out);
	return out;
}

static int record_applied(const struct update *u, const char *text)
{
	char hash[SHA256_HEX_LEN + 1];
	json_int_t was = json_integer_value(json_object_get(json_object_get(u->current, "versions"), u->pack->name));
	_cleanup_(json_decref_p) json_t *body =
		json_pack("{s:s,s:I,s:I,s:s,s:s,s:s,s:s,s:o,s:o,s:s,s:s,s:s,s:o,s:I}", "name", u->pack->name, "version",
			  (json_int_t)u->pack->version, "made", (json_int_t)u->pack->made, "pack", u->pack_sha256, "manifest",
			  u->manifest_sha256, "key", u->signer.name, "key_id", u->signer.key_id, "kinds", kinds_of(u->pack), "stations",
			  stations_of(u->pack), "sets_sha256", hash_of(text, hash), "by", u->person, "second",
			  u->second ? u->second : "", "reason", clean_text(u->reason ? u->reason : ""), "was", was);

	return body ? records_append(u->config, "update-applied", body) : -ENOMEM;
}

int update_refuse(struct update *u)
{
	const char *by = u->person ? u->person : u->by ? u->by : key_who();
	_cleanup_(json_decref_p) json_t *body =
		json_pack("{s:s,s:I,s:s,s:o,s:o,s:o}", "name", u->pack ? u->pack->name : "", "version",
			  (json_int_t)(u->pack ? u->pack->version : 0), "pack", u->pack_sha256, "file", clean_text(u->file), "by",
			  clean_text(by), "why", clean_text(u->why ? u->why : "it could not be looked at"));

	if (!body || records_append(u->config, "update-refused", body) < 0)
		log_error("the refusal is not in the audit trail");
	log_error("%s: refused: %s", u->file, u->why ? u->why : "it could not be looked at");
	return EXIT_FAILURE;
}

/* -- the switch ---------------------------------------------------------------------------------------------------------- */

static int trust_keys(struct update *u, json_t *next)
{
	json_t *added = json_object_get(next, "keys");

	for (size_t i = 0; i < u->pack->member_count; i++) {
		const struct pack_member *m = &u->pack->members[i];
		_cleanup_close_ int fd = -EBADF;
		_cleanup_free_ char *path = NULL;
		struct key_change c = { .name = m->name, .by = u->person, .purposes = m->purposes, .is_agreed = true };
		_cleanup_(json_decref_p) json_t *keys = NULL;

		if (m->kind != PACK_KEY)
			continue;
		fd = records_directory(u->config->trust_dir);
		if (fd < 0 || asprintf(&path, "%s/" SETS_DIRECTORY "/%s/%s", u->config->dir, u->set, m->path) < 0 ||
		    trust_metadata_load(fd, &keys, NULL) < 0)
			return EXIT_CANNOT;
		c.file = path;
		if (json_object_get(keys, m->name)) /* the same one: the trial looked */
			continue;
		if (key_trust(u->cli, u->config, &c) != 0)
			return EXIT_CANNOT;
		if (json_array_append_new(added, json_string(m->name)) < 0)
			return EXIT_CANNOT;
	}
	return 0;
}

static int replace_current(struct update *u, const char *text)
{
	int r = file_replace(u->sets_fd, SETS_CURRENT, text, strlen(text), 0644);

	if (r < 0)
		log_error("%s/" SETS_DIRECTORY ": recorded, but what is in force stays as it was: %s", u->config->dir, strerror(-r));
	return r;
}

/* The names of keys that will be new have to be in what is recorded. */
static int note_keys(struct update *u, json_t *next)
{
	_cleanup_close_ int fd = records_directory(u->config->trust_dir);
	_cleanup_(json_decref_p) json_t *keys = NULL;

	if (fd < 0 || trust_metadata_load(fd, &keys, NULL) < 0)
		return -EIO;
	for (size_t i = 0; i < u->pack->member_count; i++) {
		const struct pack_member *m = &u->pack->members[i];

		if (m->kind == PACK_KEY && !json_object_get(keys, m->name) &&
		    json_array_append_new(json_object_get(next, "keys"), json_string(m->name)) < 0)
			return -ENOMEM;
	}
	return 0;
}

int update_switch(struct update *u, json_t *next)
{
	_cleanup_free_ char *text = NULL;

	if (note_keys(u, next) < 0 || !(text = json_dumps(next, JSON_INDENT(1) | JSON_SORT_KEYS)) || record_applied(u, text) < 0)
		return EXIT_CANNOT;
	if (trust_keys(u, next) != 0 || replace_current(u, text) < 0)
		return EXIT_CANNOT;
	json_decref(u->current);
	u->current = json_incref(next);
	(void)printf("%s %" PRIu64 " is in force\n", u->pack->name, u->pack->version);
	return 0;
}

/* -- the way back -------------------------------------------------------------------------------------------------------- */

static json_t *back(const struct update *u)
{
	json_t *o = json_copy(json_object_get(u->current, "undo"));

	if (o && (json_object_set_new(o, "format", json_string(SETS_FORMAT)) < 0 || json_object_set_new(o, "undo", json_null()) < 0)) {
		json_decref(o);
		o = NULL;
	}
	return o;
}

static int record_undone(const struct update *u, const char *text)
{
	char hash[SHA256_HEX_LEN + 1];
	_cleanup_(json_decref_p) json_t *body =
		json_pack("{s:s,s:s,s:o,s:O,s:O,s:O,s:s}", "by", u->person, "second", u->second ? u->second : "", "reason", clean_text(u->reason ? u->reason : ""), "versions",
			  json_object_get(json_object_get(u->current, "undo"), "versions"), "was", json_object_get(u->current, "versions"),
			  "keys", json_object_get(u->current, "keys"), "sets_sha256", hash_of(text, hash));

	return body ? records_append(u->config, "update-undone", body) : -ENOMEM;
}

static void distrust_keys(struct update *u)
{
	json_t *name;
	size_t i;

	json_array_foreach(json_object_get(u->current, "keys"), i, name) {
		const struct key_change c = { .name = json_string_value(name), .by = u->person, .reason = "update undone" };

		if (key_distrust(u->config, &c) != 0)
			log_warning("%s: `lazaret key list` says whether it is still trusted", c.name);
	}
}

static bool has_appliance(const json_t *state)
{
	return json_object_get(json_object_get(state, "sets"), station_set_kind_name(SET_APPLIANCE)) != NULL;
}

int update_back(struct update *u)
{
	_cleanup_(json_decref_p) json_t *next = back(u);
	_cleanup_free_ char *text = next ? json_dumps(next, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL;
	bool had_appliance;

	if (!text || record_undone(u, text) < 0 || replace_current(u, text) < 0)
		return EXIT_CANNOT;
	distrust_keys(u); /* afterwards: the rules that named them are no longer in force */
	had_appliance = has_appliance(u->current);
	json_decref(u->current);
	u->current = json_incref(next);
	(void)puts("what was in force before is in force again");
	if (had_appliance)
		(void)puts("but for the appliance itself, which stays as it is: the version before is built anew, with a greater IMAGE_VERSION");
	return 0;
}

/* Is it told to wait: what the pack before brought is still being loaded? */
static bool is_for_later(const json_t *answer)
{
	const char *code = json_string_value(json_object_get(json_object_get(answer, "error"), "code"));

	return code && strcmp(code, "not-now") == 0;
}

int update_rest(struct update *u)
{
	struct control_client *client = NULL;
	json_t *answer = NULL;
	int r = u->config->database.at_once == 1 ? daemon_connect(u->config, &client) : -ENOENT;
	bool is_ok;

	if (r == -ENOENT || r == -ECONNREFUSED)
		return 0; /* nobody has one */
	u->is_resting = true;
	if (r == 0)
		r = control_client_ask(client, "rest", NULL, REST_MS, &answer);
	for (int n = 0; r == 0 && is_for_later(answer) && n < TURNS; n++) {
		json_decref(answer);
		answer = NULL;
		(void)poll(NULL, 0, TURN_POLL_MS);
		r = control_client_ask(client, "rest", NULL, REST_MS, &answer);
	}
	is_ok = r == 0 && json_is_true(json_object_get(answer, "ok"));
	if (!is_ok)
		log_error("lazaretd did not give its database up (database: at-once: 1): %s. Try again when no medium is inspected",
			  r < 0 ? daemon_words(r) : json_string_value(json_object_get(json_object_get(answer, "error"), "text")));
	json_decref(answer);
	control_client_free(client);
	return is_ok ? 0 : EXIT_CANNOT;
}

void update_reload(const struct update *u)
{
	struct control_client *client = NULL;
	json_t *answer = NULL;
	int r = daemon_connect(u->config, &client);

	if (r == 0)
		r = daemon_ask(client, "reload", NULL, &answer);
	if (r == 0 && json_is_true(json_object_get(answer, "ok")))
		(void)puts("lazaretd loads what is in force now; inspections that run end with what they began with");
	else if (r != -ENOENT && r != -ECONNREFUSED)
		log_warning("lazaretd was not told: %s. `lazaret reload` does it", r < 0 ? daemon_words(r) : "it refused");
	json_decref(answer);
	control_client_free(client);
}
