/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "supervisor/supervisor.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/log.h"
#include "common/trust.h"
#include "ipc/ledger_client.h"
#include "sandbox/sandbox.h"
#include "supervisor/recover.h"

/* The official databases load in 6 to 19 s on one core (research); a slow disk and a busy machine times ten. */
#define EXAMINE_READY_SECONDS 300

struct patience supervisor_patience(const struct supervisor *s, uint64_t seconds)
{
	return (struct patience){ .signal_fd = s->signal_fd,
				  .deadline_ms = monotonic_ms() + (int64_t)MIN(seconds, (uint64_t)INT32_MAX) * 1000 };
}

/* -- configuration ---------------------------------------------------------------------------------------------- */

static void tell_yaml_errors(struct events *events, struct yaml_errors *errors)
{
	for (size_t k = 0; k < errors->count; k++) {
		const struct yaml_error *e = &errors->list[k];

		if (e->line > 0)
			events_error(events, "%s:%u:%u: %s", e->file, e->line, e->column, e->message);
		else
			events_error(events, "%s: %s", e->file, e->message);
	}
	if (errors->dropped > 0)
		events_error(events, "and %zu more errors", errors->dropped);
}

static int load_rules(struct supervisor *s, struct yaml_errors *errors)
{
	size_t n = json_array_size(s->keys);
	const char **names = calloc(n + 1, sizeof(*names));
	struct rules_context context = { names, n };
	int r;

	if (!names)
		return -ENOMEM;
	for (size_t k = 0; k < n; k++)
		names[k] = json_string_value(json_object_get(json_array_get(s->keys, k), "name"));
	r = rules_load(s->config->rules_file, s->config->types_dir, &context, errors, &s->rules);
	free(names);
	return r;
}

static int load_files(struct supervisor *s, const char *dir)
{
	struct yaml_errors errors = { 0 };
	_cleanup_free_ char *why = NULL;
	_cleanup_close_ int trust_fd = -EBADF;
	int r = station_config_load(dir, &errors, &s->config);

	if (r == 0) {
		trust_fd = open(s->config->trust_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (trust_fd < 0 && asprintf(&why, "%s: %s", s->config->trust_dir, strerror(errno)) < 0)
			why = NULL;
		r = trust_fd < 0 ? -errno : trust_load(trust_fd, &s->keys, &why);
		if (r < 0)
			events_error(s->events, "%s", why ? why : strerror(-r));
		else
			r = load_rules(s, &errors);
	}
	tell_yaml_errors(s->events, &errors);
	if (r < 0 && !yaml_errors_any(&errors) && !why)
		events_error(s->events, "%s: %s", dir, strerror(-r));
	yaml_errors_done(&errors);
	return r;
}

static int open_dir(struct supervisor *s, const char *path, enum role_id owner, bool has_owner, int *ret_fd)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int r = fd < 0 ? -errno : has_owner ? sandbox_own(owner, fd) : 0;

	if (r == -EROFS || r == -EPERM)
		r = 0; /* what cannot be given away may still be writable; the role finds out and says so */
	if (r < 0) {
		close_p(&fd);
		events_error(s->events, "%s: %s%s", path, strerror(-r),
			     r == -ESRCH ? ": the accounts of the roles are missing; run systemd-sysusers on lazaret.conf" :
					   ". `lazaret init` makes the directories of a station.");
		return r;
	}
	*ret_fd = fd;
	return 0;
}

static int open_dirs(struct supervisor *s)
{
	const struct station_config *c = s->config;
	int r = open_dir(s, c->spool_dir, ROLE_VAULT, false, &s->spool_fd);

	if (r == 0)
		r = open_dir(s, c->staging_dir, ROLE_PUBLISH, true, &s->staging_fd);
	if (r == 0)
		r = open_dir(s, c->audit_dir, ROLE_LEDGER, true, &s->audit_fd);
	if (r == 0)
		r = open_dir(s, c->reports_dir, ROLE_LEDGER, true, &s->reports_fd);
	if (r == 0)
		r = open_dir(s, c->history_dir, ROLE_LEDGER, true, &s->history_fd);
	return r;
}

/* -- ledger ----------------------------------------------------------------------------------------------------- */

static int start_ledger(struct supervisor *s)
{
	_cleanup_close_ int key_fd = open(s->config->audit_key, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct ledger_dirs dirs = { s->audit_fd, s->reports_fd, s->history_fd, key_fd };
	_cleanup_free_ char *why = NULL, *sandbox = NULL;
	int r;

	if (key_fd < 0) {
		r = -errno;
		events_error(s->events, "%s: %s. `lazaret key make` makes the station's keys.", s->config->audit_key,
			     strerror(-r));
		return r;
	}
	r = process_start(ROLE_LEDGER, &s->ledger);
	if (r == 0)
		r = ledger_start(&s->ledger.channel, s->config->id, &dirs, &sandbox, &why);
	if (r < 0) {
		events_error(s->events, "audit trail in %s: %s. No medium is accepted while it cannot be written.",
			     s->config->audit_dir, why ? why : strerror(-r));
		return r;
	}
	(void)snprintf(s->sandbox, sizeof(s->sandbox), "%s", sandbox ? sandbox : "");
	return 0;
}

int supervisor_audit(struct supervisor *s, const char *type, const json_t *body, uint64_t *ret_seq, char ret_hash[static 65])
{
	_cleanup_free_ char *text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS), *why = NULL;
	struct ledger_place place;
	int r = text ? ledger_append(&s->ledger.channel, type, text, &place, &why) : -ENOMEM;

	if (r < 0) {
		events_error(s->events, "audit trail in %s: %s. Transfers stop until it can be written again.",
			     s->config->audit_dir, why ? why : strerror(-r));
		return r;
	}
	*ret_seq = place.seq;
	hex_encode(place.hash, SHA256_LEN, ret_hash);
	return 0;
}

/* -- examine ---------------------------------------------------------------------------------------------------- */

static int send_examine_start(struct supervisor *s, int db_fd, const char *own_signatures)
{
	const struct station_database *db = &s->config->database;
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));

	if (!e)
		return -ENOMEM;
	encoder_init(e);
	encode_str(e, s->config->spool_dir); /* ours alone, and what a crash leaves there is removed */
	encode_u32(e, (uint32_t)db->count);
	for (size_t k = 0; k < db->count; k++) {
		encode_str(e, db->files[k].file);
		encode_str(e, db->files[k].sha256);
	}
	encode_str(e, s->config->hash_list);
	encode_u64(e, s->config->limits.scan_time_s * 1000);
	encode_u64(e, s->config->limits.worker_tmpfs);
	encode_u32(e, (uint32_t)s->config->limits.jobs_per_worker);
	encode_u32(e, db->require_eicar);
	encode_str(e, own_signatures);
	return channel_send(&s->examine.channel, MESSAGE_EXAMINE_START, e, &db_fd, 1);
}

/* Plain signature files carry no time of their own: the file's counts, in a directory that only root writes. */
static int64_t newest_file(const struct supervisor *s, int db_fd)
{
	int64_t newest = 0;

	for (size_t k = 0; k < s->config->database.count; k++) {
		struct stat st;

		if (*s->config->database.files[k].sha256 && fstatat(db_fd, s->config->database.files[k].file, &st, 0) == 0)
			newest = MAX(newest, (int64_t)st.st_mtim.tv_sec);
	}
	return newest;
}

static json_t *take_engine(struct supervisor *s, struct decoder *d, int64_t file_time)
{
	_cleanup_free_ char *name = decode_str(d, 255), *version = decode_str(d, 255), *database = decode_str(d, 255);
	int64_t time_s = (int64_t)decode_u64(d), now = time(NULL);
	uint64_t signatures = decode_u64(d);
	const struct station_database *db = &s->config->database;
	int64_t age;

	if (d->error)
		return NULL;
	if (signatures > 0 && time_s == 0)
		time_s = file_time;
	age = time_s > 0 ? MAX((int64_t)0, now - time_s) : 0;
	if (signatures > 0 && age >= (int64_t)db->stop_age_s) {
		s->is_database_stale = true;
		events_error(s->events, "the virus database is %lld days old: nothing will be approved. Update it, then insert the "
				       "medium again.", (long long)(age / 86400));
	} else if (signatures > 0 && age >= (int64_t)db->warn_age_s) {
		events_warning(s->events, "the virus database is %lld days old", (long long)(age / 86400));
	}
	return json_pack("{s:s,s:s,s:s,s:I,s:I,s:I}", "name", name, "version", version, "database_version", database,
			 "database_time", (json_int_t)time_s, "database_age_s", (json_int_t)age, "signatures",
			 (json_int_t)signatures);
}

static int take_engines(struct supervisor *s, const struct patience *patience, int64_t file_time, char **ret_why)
{
	_cleanup_free_ struct message *m = malloc(sizeof(*m));
	uint32_t n;
	int r = m ? process_expect(&s->examine, MESSAGE_EXAMINE_ENGINES, patience, m, ret_why) : -ENOMEM;

	if (r < 0)
		return r;
	s->engines = json_array();
	n = decode_u32(&m->payload);
	for (uint32_t k = 0; r == 0 && k < n && k < 16; k++) {
		json_t *engine = take_engine(s, &m->payload, file_time);

		if (!engine || json_array_append_new(s->engines, engine) < 0)
			r = -ENOMEM;
	}
	if (r == 0)
		r = decoder_end(&m->payload);
	message_done(m);
	return r;
}

static int start_examine(struct supervisor *s)
{
	const struct patience patience = supervisor_patience(s, EXAMINE_READY_SECONDS);
	const char *dir = s->config->database.dir;
	_cleanup_close_ int db_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *why = NULL, *data = NULL, *own = NULL;
	int r = db_fd < 0 ? -errno : 0;

	if (r < 0) {
		events_error(s->events, "%s: %s. Put the ClamAV databases there, or name another directory in %s/lazaret.yaml "
				       "(database.directory).", dir, strerror(-r), s->config->dir);
		return r;
	}
	r = station_data_dir(&data);
	if (r == 0 && asprintf(&own, "%s/clamav", data) < 0)
		r = -ENOMEM;
	if (r == 0)
		r = process_start(ROLE_EXAMINE, &s->examine);
	if (r == 0)
		r = send_examine_start(s, db_fd, own);
	if (r == 0)
		r = take_engines(s, &patience, newest_file(s, db_fd), &why);
	if (r == 0)
		r = process_ready(&s->examine, &patience, &why);
	if (r < 0 && r != -ECANCELED)
		events_error(s->events, "the examiners did not start: %s", why ? why : strerror(-r));
	return r;
}

/* -- all of it --------------------------------------------------------------------------------------------------- */

int supervisor_open(const char *dir, struct events *events, int signal_fd, struct supervisor **ret)
{
	_cleanup_(supervisor_freep) struct supervisor *s = calloc(1, sizeof(*s));
	const char *where;
	int r;

	if (!s)
		return -ENOMEM;
	s->events = events;
	s->signal_fd = signal_fd;
	s->spool_fd = s->staging_fd = s->audit_fd = s->reports_fd = s->history_fd = -EBADF;
	r = load_files(s, dir);
	if (r < 0)
		return r;
	r = sandbox_probe(&where);
	if (r < 0) {
		events_error(events, "this system cannot confine the examiners (%s: %s); the station does not start without", where,
			     strerror(-r));
		return r;
	}
	r = open_dirs(s);
	if (r == 0)
		r = start_ledger(s);
	if (r == 0)
		r = recover_all(s);
	if (r >= 0)
		r = start_examine(s);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

struct supervisor *supervisor_free(struct supervisor *s)
{
	if (!s)
		return NULL;
	(void)process_end(&s->examine); /* holds nothing that must be kept */
	if (process_end(&s->ledger) != 0)
		log_warning("the ledger did not end cleanly");
	rules_free(s->rules);
	station_config_free(s->config);
	json_decref(s->keys);
	json_decref(s->engines);
	close_p(&s->spool_fd);
	close_p(&s->staging_fd);
	close_p(&s->audit_fd);
	close_p(&s->reports_fd);
	close_p(&s->history_fd);
	free(s);
	return NULL;
}
