/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret.yaml -> struct station_config. Trusted input (the administrator's), yet checked to the last key: what a
 * station does must be what its file says. */
#include "station/config.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "common/finding.h"
#include "common/hash.h"
#include "station/config_parts.h"
#include "station/devices.h"
#include "station/maintenance.h"
#include "station/path.h"
#include "station/sets.h"

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)

#define DATABASE_FILES_MAX 256
#define WITNESS_FILE "audit.witness" /* in the directory of the history */

struct raw_checks {
	bool virus, type, lists, origin, content;
};

struct raw_rules {
	char *file, *types;
};

struct raw_keys {
	char *trust, *manifest, *audit;
};

struct raw_origin {
	int rollback, valid_until; /* enum station_stale */
};

struct raw_control {
	char *socket, *group;
};

struct raw_selfcheck {
	int on_bad; /* enum station_on_bad */
	uint64_t interval_s;
};

struct raw_metrics {
	char *file;
};

struct raw {
	int format;
	char *name, *id;
	bool awaits_set_up;
	struct raw_rules rules;
	struct raw_keys keys;
	struct station_database database;
	const struct yaml_node *database_files, *yara, *plugins, *fleet, *share;
	char *hash_list;
	char *spool_dir, *staging_dir, *audit_dir, *reports_dir, *history_dir;
	uint64_t spool_bytes, staging_min_free;
	char *witness;
	uint64_t segment_bytes, trail_warn_free;
	struct station_limits limits;
	struct station_unpack unpack;
	struct station_remember remember;
	const struct yaml_node *filesystems;
	struct raw_checks checks;
	int operators;
	struct raw_origin origin;
	struct raw_devices devices;
	struct raw_control control;
	struct yaml_strings groups;
	char *known_good;
	struct raw_people people;
	struct station_held held;
	struct station_review review;
	struct raw_metrics metrics;
	struct raw_selfcheck selfcheck;
	struct raw_receipts receipts;
};

static const char *const formats[] = { "lazaret.station/1", NULL };
static const char *const operator_names[] = { "none", "named", "authenticated", NULL };
static const char *const on_bad_names[] = { "stop", "warn", NULL };
static const char *const stale_names[] = { "hold", "ignore", NULL };

static const struct yaml_field origin_fields[] = {
	YAML_FIELD(struct raw_origin, "rollback", ENUM, rollback, .choices = stale_names),
	YAML_FIELD(struct raw_origin, "valid-until", ENUM, valid_until, .choices = stale_names),
	YAML_FIELD_END,
};

static const struct yaml_field control_fields[] = {
	YAML_FIELD(struct raw_control, "socket", STRING, socket, .max = 100), /* sun_path has 108 bytes (unix(7)) */
	YAML_FIELD(struct raw_control, "group", STRING, group, .max = 32),
	YAML_FIELD_END,
};

static const struct yaml_field metrics_fields[] = {
	YAML_FIELD(struct raw_metrics, "file", STRING, file, .is_required = true),
	YAML_FIELD_END,
};

static const struct yaml_field selfcheck_fields[] = {
	YAML_FIELD(struct raw_selfcheck, "on-bad", ENUM, on_bad, .choices = on_bad_names),
	YAML_FIELD(struct raw_selfcheck, "interval", DURATION, interval_s, .min = 60, .max = 30 * DAY),
	YAML_FIELD_END,
};

static const struct yaml_field station_fields[] = {
	YAML_FIELD(struct raw, "name", STRING, name, .is_required = true, .max = STATION_NAME_MAX),
	YAML_FIELD(struct raw, "id", STRING, id, .is_required = true, .max = 16),
	YAML_FIELD(struct raw, "groups", STRINGS, groups),
	YAML_FIELD_END,
};

static const struct yaml_field update_fields[] = {
	YAML_FIELD(struct raw, "known-good", STRING, known_good),
	YAML_FIELD_END,
};

static const struct yaml_field rules_fields[] = {
	YAML_FIELD(struct raw_rules, "file", STRING, file),
	YAML_FIELD(struct raw_rules, "types", STRING, types),
	YAML_FIELD_END,
};

static const struct yaml_field keys_fields[] = {
	YAML_FIELD(struct raw_keys, "trust", STRING, trust),
	YAML_FIELD(struct raw_keys, "manifest", STRING, manifest),
	YAML_FIELD(struct raw_keys, "audit", STRING, audit),
	YAML_FIELD_END,
};

static const struct yaml_field database_fields[] = {
	YAML_FIELD(struct raw, "directory", STRING, database.dir, .is_required = true),
	YAML_FIELD(struct raw, "files", NODE, database_files, .is_required = true),
	YAML_FIELD(struct raw, "warn-age", DURATION, database.warn_age_s, .min = 1),
	YAML_FIELD(struct raw, "stop-age", DURATION, database.stop_age_s, .min = 1),
	YAML_FIELD(struct raw, "require-eicar", BOOL, database.require_eicar),
	YAML_FIELD(struct raw, "at-once", UINT, database.at_once, .min = 1, .max = 2),
	YAML_FIELD_END,
};

static const struct yaml_field spool_fields[] = {
	YAML_FIELD(struct raw, "directory", STRING, spool_dir),
	YAML_FIELD(struct raw, "bytes", SIZE, spool_bytes, .min = 1 << 20),
	YAML_FIELD_END,
};

static const struct yaml_field staging_fields[] = {
	YAML_FIELD(struct raw, "directory", STRING, staging_dir),
	YAML_FIELD(struct raw, "min-free", SIZE, staging_min_free),
	YAML_FIELD_END,
};

static const struct yaml_field records_fields[] = {
	YAML_FIELD(struct raw, "audit", STRING, audit_dir),
	YAML_FIELD(struct raw, "reports", STRING, reports_dir),
	YAML_FIELD(struct raw, "history", STRING, history_dir),
	YAML_FIELD(struct raw, "witness", STRING, witness),
	YAML_FIELD(struct raw, "segment", SIZE, segment_bytes, .min = 4096, .max = TIB),
	YAML_FIELD(struct raw, "warn-free", SIZE, trail_warn_free, .max = 1024 * TIB),
	YAML_FIELD_END,
};

/* Upper ends keep products of these numbers within 64 bits and a typing error within reason. */
static const struct yaml_field limits_fields[] = {
	YAML_FIELD(struct station_limits, "files", UINT, files, .min = 1, .max = 100000000),
	YAML_FIELD(struct station_limits, "bytes", SIZE, bytes, .min = 1, .max = 1024 * TIB),
	YAML_FIELD(struct station_limits, "largest-file", SIZE, largest_file, .min = 1, .max = 1024 * TIB),
	YAML_FIELD(struct station_limits, "depth", UINT, depth, .min = 1, .max = 64),
	YAML_FIELD(struct station_limits, "scan-time", DURATION, scan_time_s, .min = 1, .max = DAY),
	YAML_FIELD(struct station_limits, "inspection-time", DURATION, inspection_time_s, .min = 1, .max = 30 * DAY),
	YAML_FIELD(struct station_limits, "stall-time", DURATION, stall_time_s, .min = 1, .max = DAY),
	YAML_FIELD(struct station_limits, "answer-time", DURATION, answer_time_s, .min = 1, .max = DAY),
	YAML_FIELD(struct station_limits, "workers", UINT, workers, .max = STATION_WORKERS_MAX),
	YAML_FIELD(struct station_limits, "worker-tmpfs", SIZE, worker_tmpfs, .min = 16 * MIB, .max = TIB),
	YAML_FIELD(struct station_limits, "jobs-per-worker", UINT, jobs_per_worker, .min = 1, .max = 1000000),
	YAML_FIELD_END,
};

static const struct yaml_field unpack_fields[] = {
	YAML_FIELD(struct station_unpack, "depth", UINT, depth, .min = 1, .max = 64),
	YAML_FIELD(struct station_unpack, "members", UINT, members, .min = 1, .max = 100000000),
	YAML_FIELD(struct station_unpack, "bytes", SIZE, bytes, .min = 1 << 20, .max = 1024 * TIB),
	YAML_FIELD(struct station_unpack, "ratio", UINT, ratio, .min = 2, .max = 1000000),
	YAML_FIELD(struct station_unpack, "time", DURATION, time_s, .min = 1, .max = DAY),
	YAML_FIELD(struct station_unpack, "at-once", UINT, at_once, .max = 16),
	YAML_FIELD_END,
};

static const struct yaml_field remember_fields[] = {
	YAML_FIELD(struct station_remember, "bytes", SIZE, bytes, .max = TIB),
	YAML_FIELD(struct station_remember, "time", DURATION, time_s, .min = 1, .max = 366 * DAY),
	YAML_FIELD(struct station_remember, "again", UINT, again, .min = 1, .max = 1000000),
	YAML_FIELD_END,
};

static const struct yaml_field checks_fields[] = {
	YAML_FIELD(struct raw_checks, "virus", BOOL, virus),
	YAML_FIELD(struct raw_checks, "type", BOOL, type),
	YAML_FIELD(struct raw_checks, "lists", BOOL, lists),
	YAML_FIELD(struct raw_checks, "origin", BOOL, origin),
	YAML_FIELD(struct raw_checks, "content", BOOL, content),
	YAML_FIELD_REFUSED("read", "cannot be turned off, and needs no line"),
	YAML_FIELD_REFUSED("name", "cannot be turned off, and needs no line"),
	YAML_FIELD_REFUSED("members", "cannot be turned off, and needs no line"),
	YAML_FIELD_REFUSED("yara", "follows from 'yara:', and needs no line"),
	YAML_FIELD_REFUSED("plugins", "follows from 'plugins:', and needs no line"),
	YAML_FIELD_END,
};

/* Sections without an offset of their own decode straight into struct raw. */
static const struct yaml_field top_fields[] = {
	YAML_FIELD(struct raw, "format", ENUM, format, .is_required = true, .choices = formats),
	{ .key = "station", .type = YAML_TYPE_MAP, .is_required = true, .fields = station_fields },
	{ .key = "database", .type = YAML_TYPE_MAP, .is_required = true, .fields = database_fields },
	{ .key = "spool", .type = YAML_TYPE_MAP, .fields = spool_fields },
	{ .key = "staging", .type = YAML_TYPE_MAP, .fields = staging_fields },
	{ .key = "records", .type = YAML_TYPE_MAP, .fields = records_fields },
	{ .key = "update", .type = YAML_TYPE_MAP, .fields = update_fields },
	YAML_FIELD(struct raw, "rules", MAP, rules, .fields = rules_fields),
	YAML_FIELD(struct raw, "keys", MAP, keys, .fields = keys_fields),
	YAML_FIELD(struct raw, "hash-list", STRING, hash_list),
	YAML_FIELD(struct raw, "yara", NODE, yara),
	YAML_FIELD(struct raw, "plugins", NODE, plugins),
	YAML_FIELD(struct raw, "limits", MAP, limits, .fields = limits_fields),
	YAML_FIELD(struct raw, "unpack", MAP, unpack, .fields = unpack_fields),
	YAML_FIELD(struct raw, "remember", MAP, remember, .fields = remember_fields),
	YAML_FIELD(struct raw, "filesystems", NODE, filesystems),
	YAML_FIELD(struct raw, "checks", MAP, checks, .fields = checks_fields),
	YAML_FIELD(struct raw, "operators", ENUM, operators, .choices = operator_names),
	YAML_FIELD(struct raw, "origin", MAP, origin, .fields = origin_fields),
	YAML_FIELD(struct raw, "devices", MAP, devices, .fields = config_devices_fields),
	YAML_FIELD(struct raw, "control", MAP, control, .fields = control_fields),
	YAML_FIELD(struct raw, "held", MAP, held, .fields = config_held_fields),
	YAML_FIELD(struct raw, "review", MAP, review, .fields = config_review_fields),
	YAML_FIELD(struct raw, "people", MAP, people, .fields = config_people_fields),
	YAML_FIELD(struct raw, "metrics", MAP, metrics, .fields = metrics_fields),
	YAML_FIELD(struct raw, "selfcheck", MAP, selfcheck, .fields = selfcheck_fields),
	YAML_FIELD(struct raw, "receipts", MAP, receipts, .fields = config_receipts_fields),
	YAML_FIELD(struct raw, "fleet", NODE, fleet),
	YAML_FIELD(struct raw, "share", NODE, share),
	YAML_FIELD(struct raw, "awaits-set-up", BOOL, awaits_set_up),
	YAML_FIELD_END,
};

static const struct raw defaults = {
	.database = { .warn_age_s = 3 * DAY, .stop_age_s = 7 * DAY, .require_eicar = true, .at_once = 2 },
	.spool_bytes = 64 * GIB,
	.staging_min_free = 256 * MIB,
	.segment_bytes = 16 * MIB, /* 40,000 records: in the last file each signature is checked, which takes some seconds */
	.trail_warn_free = 512 * MIB, /* years of records, or weeks of reports of large media: time to act */
	.limits = {
		.files = 1000000, /* the list of a whole system's files fits */
		.bytes = 1 * TIB,
		.largest_file = 64 * GIB, /* past 2147483645 bytes libclamav cannot look: held, or vouched for */
		.depth = 64,		  /* NAME_DEPTH_MAX */
		.scan_time_s = 120,
		.inspection_time_s = 12 * 3600,
		.stall_time_s = 300, /* a batch of 4096 look-ups on a scratched disc takes minutes */
		.answer_time_s = 600, /* disks try a bad sector again for minutes, and a share waits for its server */
		.workers = 0,
		.worker_tmpfs = 4 * GIB, /* a limit, not a reservation: what a 2 GiB archive unpacks to in layers */
		.jobs_per_worker = 500,	 /* what a worker may have leaked or been led to keep goes with it */
	},
	.unpack = {
		.depth = 16,	   /* a model in a layer in an image in an archive on a disk image: ten */
		.members = 500000, /* a file system of a whole system's files */
		.bytes = 64 * GIB,
		.ratio = 200,	   /* text compresses fifty times; zeros, a thousand times */
		.time_s = 3600,
	},
	/* a wrong entry is found out at its 64th use, on average */
	.remember = { .bytes = 512 * MIB, .time_s = 30 * DAY, .again = 64 },
	.checks = { true, true, true, true, true },
	/* a mirror on a medium is some weeks old, often past the end that its vendor gave it for mirrors on the Internet */
	.origin = { .rollback = STATION_STALE_HOLD, .valid_until = STATION_STALE_IGNORE },
	.devices = {
		.is_guarded = true,
		.has_optical = true,
		.at_once = 2, /* one more than the people at the port: the next one need not wait for the first one's files */
		.unlock_tries = 3,
		.unlock_time_s = 300,
	},
	.held = { .bytes = 16 * GIB, .files = 10000, .time_s = 30 * DAY },
	.review = { .release_time_s = 7 * DAY, .proposal_time_s = DAY },
	.people = {
		.tries = 5,	      /* who has mistyped a password five times does not know it */
		.lock_time_s = 15 * 60,
		.session_time_s = 10 * 60, /* of a desk that others walk past */
		.answer_time_s = 60,  /* a key to be found and touched, a PIN to be looked up */
		.password_length = 12,
	},
	.selfcheck = { .interval_s = DAY },
	.receipts = { .columns = 42, .time_s = 10 }, /* paper of 80 mm in the usual font A; 58 mm has 32 */
};

/* -- database -------------------------------------------------------------------------------------------- */
struct raw_file {
	char *file, *sha256;
};

static const struct yaml_field file_fields[] = {
	YAML_FIELD(struct raw_file, "file", STRING, file, .is_required = true, .max = NAME_MAX),
	YAML_FIELD(struct raw_file, "sha256", STRING, sha256, .max = SHA256_HEX_LEN),
	YAML_FIELD_END,
};

static bool is_hex(const char *text, size_t digits)
{
	return strlen(text) == digits && strspn(text, "0123456789abcdef") == digits;
}

static void check_database_file(struct loader *l, const struct yaml_node *node, const struct raw_file *f)
{
	bool is_signed = strlen(f->file) > 4 && strcmp(f->file + strlen(f->file) - 4, ".cvd") == 0;
	const char *why = NULL;

	for (size_t i = 0; i < l->c->database.count; i++)
		if (strcmp(l->c->database.files[i].file, f->file) == 0)
			yaml_node_error(l->doc, node, l->errors, "'%s' is in the list twice", f->file);
	if (!station_database_file_ok(f->file, &why))
		yaml_node_error(l->doc, node, l->errors, "'%s' must not be loaded: %s", f->file, why);
	else if (!is_signed && !f->sha256)
		yaml_node_error(l->doc, node, l->errors, "'%s' carries no signature: pin it with sha256 (sha256sum %s)",
				f->file, f->file);
	if (f->sha256 && !is_hex(f->sha256, SHA256_HEX_LEN))
		yaml_node_error(l->doc, node, l->errors, "sha256: must be %d lower-case hex digits", SHA256_HEX_LEN);
}

static int load_database_file(struct loader *l, const struct yaml_node *node)
{
	struct station_database *d = &l->c->database;
	struct station_database_file *list;
	struct raw_file f = { 0 };
	int r = yaml_decode(l->doc, node, file_fields, &f, l->errors);

	if (r == 0) {
		check_database_file(l, node, &f);
		list = reallocarray(d->files, d->count + 1, sizeof(*list));
		if (list)
			d->files = list;
		if (!f.sha256)
			f.sha256 = strdup("");
		if (list && f.sha256) {
			list[d->count++] = (struct station_database_file){ f.file, f.sha256 };
			return 0;
		}
		r = -ENOMEM;
	}
	free(f.file);
	free(f.sha256);
	return r == -ENOMEM ? r : 0;
}

static int load_database_files(struct loader *l, const struct yaml_node *node)
{
	int r = 0;

	if (!node)
		return 0;
	if (node->kind != YAML_KIND_LIST || node->count == 0 || node->count > DATABASE_FILES_MAX) {
		yaml_node_error(l->doc, node, l->errors, "files: must be a list of 1 to %d databases", DATABASE_FILES_MAX);
		return 0;
	}
	for (size_t i = 0; i < node->count && r == 0; i++)
		r = load_database_file(l, node->children[i]);
	return r;
}

/* -- putting together ------------------------------------------------------------------------------------ */
static void check_whole(struct loader *l, const struct raw *raw)
{
	const struct yaml_node *station = yaml_map_get(l->doc->root, "station");
	const struct yaml_node *limits = yaml_map_get(l->doc->root, "limits");
	const struct yaml_node *database = yaml_map_get(l->doc->root, "database");
	const struct yaml_node *remember = yaml_map_get(l->doc->root, "remember");

	config_check_receipts(l, &raw->receipts);
	if (raw->id && !is_hex(raw->id, 16))
		yaml_node_error(l->doc, yaml_map_get(station, "id"), l->errors, "id: must be 16 lower-case hex digits");
	for (size_t k = 0; k < raw->groups.count; k++)
		if (!station_group_ok(raw->groups.list[k].value))
			yaml_errors_add(l->errors, l->doc->file, raw->groups.list[k].line, raw->groups.list[k].column,
					"groups: '%s' is not a name: a-z 0-9 . _ -, begins with a letter or digit, is not 'any' and no id of a station",
					raw->groups.list[k].value);
	if (raw->metrics.file && (strlen(raw->metrics.file) < 6 || strcmp(raw->metrics.file + strlen(raw->metrics.file) - 5, ".prom") != 0))
		yaml_node_error(l->doc, yaml_map_get(l->doc->root, "metrics"), l->errors,
				"file: has no effect: of a name that does not end in .prom the collector reads nothing");
	if (raw->database.warn_age_s > raw->database.stop_age_s)
		yaml_node_error(l->doc, database, l->errors,
				"warn-age: has no effect: stop-age is earlier, and stops approvals first");
	if (raw->limits.largest_file > raw->limits.bytes)
		yaml_node_error(l->doc, limits ? limits : l->doc->root, l->errors,
				"largest-file: has no effect beyond the medium's own limit 'bytes'");
	if (raw->limits.scan_time_s > raw->limits.inspection_time_s)
		yaml_node_error(l->doc, limits ? limits : l->doc->root, l->errors,
				"scan-time: has no effect beyond 'inspection-time'");
	if (remember && raw->remember.bytes == 0 && (yaml_map_get(remember, "time") || yaml_map_get(remember, "again")))
		yaml_node_error(l->doc, remember, l->errors, "has no effect: 'bytes' is 0, and nothing is remembered");
	if (remember && raw->remember.bytes > 0 && raw->plugins)
		yaml_node_error(l->doc, remember, l->errors,
				"has no effect: with 'plugins' nothing is remembered, since nobody knows what their answers depend on");
	if (raw->spool_bytes < raw->limits.largest_file && yaml_map_get(l->doc->root, "spool") && limits &&
	    yaml_map_get(limits, "largest-file"))
		yaml_node_error(l->doc, limits, l->errors, "largest-file: has no effect beyond the spool's 'bytes'");
}

static int resolve(struct loader *l, char **ret, char *given, const char *usual)
{
	*ret = path_resolve(l->c->dir, given ? given : usual);
	return *ret ? 0 : -ENOMEM;
}

/* After the directories. Who can change the trail can change what lies beside it. */
static int take_witness(struct loader *l, struct raw *raw)
{
	struct station_config *c = l->c;
	const struct yaml_node *records = yaml_map_get(l->doc->root, "records");
	size_t size = c->audit_dir ? strlen(c->audit_dir) : 0;
	int r;

	if (raw->witness && strcmp(raw->witness, "none") == 0)
		return 0;
	if (raw->witness) {
		r = resolve(l, &c->witness_file, raw->witness, "");
	} else {
		c->witness_file = c->history_dir ? path_resolve(c->history_dir, WITNESS_FILE) : NULL;
		r = c->witness_file ? 0 : -ENOMEM;
	}
	if (r < 0 || strncmp(c->witness_file, c->audit_dir, size) != 0 || c->witness_file[size] != '/')
		return r;
	yaml_node_error(l->doc, records ? records : l->doc->root, l->errors, "witness: must lie outside of the audit trail's directory, best on another disk");
	return -EINVAL;
}

static int take(struct loader *l, struct raw *raw)
{
	struct station_config *c = l->c;
	int r = 0;

	c->name = TAKE_PTR(raw->name);
	c->id = TAKE_PTR(raw->id);
	r = yaml_worse(r, resolve(l, &c->rules_file, raw->rules.file, "rules.yaml"));
	r = yaml_worse(r, resolve(l, &c->types_dir, raw->rules.types, "types"));
	r = yaml_worse(r, resolve(l, &c->trust_dir, raw->keys.trust, "trust"));
	r = yaml_worse(r, resolve(l, &c->manifest_key, raw->keys.manifest, "keys/manifest.key"));
	r = yaml_worse(r, resolve(l, &c->audit_key, raw->keys.audit, "keys/audit.key"));
	r = yaml_worse(r, resolve(l, &c->database.dir, raw->database.dir, ""));
	r = yaml_worse(r, resolve(l, &c->spool_dir, raw->spool_dir, "spool"));
	r = yaml_worse(r, resolve(l, &c->staging_dir, raw->staging_dir, "staging"));
	r = yaml_worse(r, resolve(l, &c->audit_dir, raw->audit_dir, "audit"));
	r = yaml_worse(r, resolve(l, &c->reports_dir, raw->reports_dir, "reports"));
	r = yaml_worse(r, resolve(l, &c->history_dir, raw->history_dir, "history"));
	r = yaml_worse(r, take_witness(l, raw));
	c->segment_bytes = raw->segment_bytes;
	c->trail_warn_free = raw->trail_warn_free;
	if (raw->hash_list)
		r = yaml_worse(r, resolve(l, &c->hash_list, raw->hash_list, ""));
	c->database.warn_age_s = raw->database.warn_age_s;
	c->database.stop_age_s = raw->database.stop_age_s;
	c->database.require_eicar = raw->database.require_eicar;
	c->database.at_once = raw->database.at_once;
	c->groups = raw->groups;
	raw->groups = (struct yaml_strings){ 0 };
	if (raw->known_good)
		r = yaml_worse(r, resolve(l, &c->known_good, raw->known_good, ""));
	c->spool_bytes = raw->spool_bytes;
	c->staging_min_free = raw->staging_min_free;
	c->limits = raw->limits;
	c->unpack = raw->unpack;
	c->remember = raw->remember;
	c->awaits_set_up = raw->awaits_set_up;
	c->operators = (enum station_operators)raw->operators;
	c->origin.rollback = (enum station_stale)raw->origin.rollback;
	c->origin.valid_until = (enum station_stale)raw->origin.valid_until;
	r = yaml_worse(r, resolve(l, &c->control.socket, raw->control.socket, "control.sock"));
	c->control.group = raw->control.group ? TAKE_PTR(raw->control.group) : strdup("lazaret");
	if (!c->control.group)
		r = -ENOMEM;
	if (raw->metrics.file)
		r = yaml_worse(r, resolve(l, &c->metrics_file, raw->metrics.file, ""));
	config_take_devices(&c->devices, &raw->devices);
	c->selfcheck = (struct station_selfcheck){ (enum station_on_bad)raw->selfcheck.on_bad, raw->selfcheck.interval_s };
	c->held = raw->held;
	c->held.dir = NULL;
	r = yaml_worse(r, resolve(l, &c->held.dir, raw->held.dir, "held"));
	c->review = raw->review;
	r = yaml_worse(r, config_take_people(&c->people, &raw->people));
	c->receipts = (struct station_receipts){ TAKE_PTR(raw->receipts.printer), (enum station_print)raw->receipts.form, raw->receipts.columns,
						 raw->receipts.time_s };
	if (raw->devices.loop_dir)
		r = yaml_worse(r, resolve(l, &c->devices.loop_dir, raw->devices.loop_dir, ""));
	c->checks = CHECK_READ | CHECK_NAME | (raw->checks.virus ? CHECK_VIRUS : 0u) |
		    (raw->checks.type ? CHECK_TYPE : 0u) | (raw->checks.lists ? CHECK_LISTS : 0u) |
		    (raw->checks.origin ? CHECK_ORIGIN : 0u) | (raw->checks.content ? CHECK_CONTENT : 0u) |
		    (c->yara.count > 0 ? CHECK_YARA : 0u);
	for (size_t i = 0; i < c->plugin_count; i++)
		c->checks |= c->plugins[i].is_required ? CHECK_PLUGINS : 0u;
	return r;
}

static void raw_done(struct raw *raw)
{
	char *strings[] = { raw->name,	     raw->id,	       raw->rules.file,	 raw->rules.types,  raw->keys.trust,
			    raw->keys.manifest, raw->keys.audit, raw->database.dir, raw->hash_list,   raw->spool_dir,
			    raw->staging_dir, raw->audit_dir,  raw->reports_dir, raw->history_dir, raw->witness, raw->control.socket,
			    raw->control.group, raw->devices.loop_dir, raw->known_good, raw->metrics.file, raw->receipts.printer };
	struct yaml_strings *lists[] = { &raw->devices.media_ports, &raw->devices.hubs, &raw->devices.allow, &raw->devices.deny,
					 &raw->groups };

	for (size_t i = 0; i < ARRAY_LEN(strings); i++)
		free(strings[i]);
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		yaml_strings_done(lists[i]);
	free(raw->held.dir);
	config_raw_people_done(&raw->people);
}

static int load_tree(struct loader *l)
{
	struct raw raw = defaults;
	int r = yaml_decode(l->doc, l->doc->root, top_fields, &raw, l->errors);

	/* The parts that are lists are looked into even when something else is wrong, for one run to tell all. */
	if (r != -ENOMEM && l->doc->root->kind == YAML_KIND_MAP) {
		r = config_load_filesystems(l, raw.filesystems);
		if (r == 0)
			r = load_database_files(l, raw.database_files);
		if (r == 0)
			r = config_load_yara(l, raw.yara);
		if (r == 0)
			r = config_load_plugins(l, raw.plugins);
		if (r == 0)
			r = config_load_fleet(l, raw.fleet);
		if (r == 0)
			r = config_load_share(l, raw.share);
		if (r == 0)
			r = config_load_devices(l, &raw.devices);
		if (r == 0)
			r = config_load_people(l, &raw.people);
		if (r == 0 && !yaml_errors_any(l->errors))
			check_whole(l, &raw);
	}
	if (r != -ENOMEM && yaml_errors_any(l->errors))
		r = -EINVAL;
	if (r == 0)
		r = take(l, &raw);
	raw_done(&raw);
	return r;
}

static int load(const char *dir, struct yaml_errors *errors, struct station_config *c)
{
	_cleanup_(yaml_doc_freep) struct yaml_doc *doc = NULL;
	struct loader l = { .errors = errors, .c = c };
	_cleanup_free_ char *file = NULL;
	struct stat st;
	int r;

	c->dir = realpath(dir, NULL);
	if (!c->dir) {
		r = -errno;
		yaml_errors_add(errors, dir, 0, 0, "no station can be opened here: %s; make one with 'lazaret init %s'",
				strerror(-r), dir);
		return r;
	}
	file = path_resolve(c->dir, STATION_FILE);
	if (!file)
		return -ENOMEM;
	if (stat(file, &st) < 0 && errno == ENOENT) {
		yaml_errors_add(errors, dir, 0, 0, "there is no station here (no %s); make one with 'lazaret init %s'",
				STATION_FILE, dir);
		return -ENOENT;
	}
	r = yaml_doc_load(file, errors, &doc);
	if (r < 0)
		return r;
	l.doc = doc;
	r = load_tree(&l);
	if (r == 0)
		r = config_take_maintenance(c, errors);
	return r == 0 ? config_take_sets(c, errors) : r;
}

int station_config_load(const char *dir, struct yaml_errors *errors, struct station_config **ret)
{
	_cleanup_(station_config_freep) struct station_config *c = calloc(1, sizeof(*c));
	int r = c ? load(dir, errors, c) : -ENOMEM;

	if (r < 0 && !yaml_errors_any(errors))
		yaml_errors_add(errors, dir, 0, 0, "%s", strerror(-r));
	if (r < 0)
		return r;
	*ret = TAKE_PTR(c);
	return 0;
}

const char *station_operators_name(enum station_operators operators)
{
	return operator_names[operators];
}

struct station_config *station_config_free(struct station_config *c)
{
	if (!c)
		return NULL;
	for (size_t i = 0; i < c->database.count; i++) {
		free(c->database.files[i].file);
		free(c->database.files[i].sha256);
	}
	free(c->database.files);
	config_examiners_done(c);
	config_sets_done(c);
	config_fleet_done(c);
	config_share_done(c);
	char *strings[] = { c->dir,	  c->name,	c->id,	       c->rules_file, c->types_dir,
			    c->trust_dir, c->manifest_key, c->audit_key, c->database.dir, c->hash_list,
			    c->spool_dir, c->staging_dir,  c->audit_dir, c->reports_dir,  c->history_dir, c->witness_file,
			    c->control.socket, c->control.group, c->devices.loop_dir, c->known_good, c->metrics_file, c->receipts.printer };
	struct yaml_strings *lists[] = { &c->devices.media_ports, &c->devices.hubs, &c->devices.allow, &c->devices.deny, &c->groups };

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		yaml_strings_done(lists[i]);
	devices_inputs_free(c->devices.inputs, c->devices.input_count);
	for (size_t i = 0; i < ARRAY_LEN(strings); i++)
		free(strings[i]);
	free(c->people.service);
	free(c->held.dir);
	free(c);
	return NULL;
}

void station_config_freep(struct station_config **c)
{
	*c = station_config_free(*c);
}
