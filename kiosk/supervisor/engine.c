/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "supervisor/engine.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* The official databases load in 6 to 19 s on one core (research); a slow disk and a busy machine times ten. */
#define EXAMINE_READY_SECONDS 300

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
	return channel_send(&s->examiners[0].process.channel, MESSAGE_EXAMINE_START, e, &db_fd, 1);
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

static json_t *take_engine(struct supervisor *s, struct decoder *d)
{
	_cleanup_free_ char *name = decode_str(d, 255), *version = decode_str(d, 255), *database = decode_str(d, 255);
	int64_t time_s = (int64_t)decode_u64(d);
	uint64_t signatures = decode_u64(d);

	if (d->error)
		return NULL;
	if (signatures > 0 && time_s == 0)
		time_s = s->database_file_time;
	return json_pack("{s:s,s:s,s:s,s:I,s:I,s:I}", "name", name, "version", version, "database_version", database,
			 "database_time", (json_int_t)time_s, "database_age_s", (json_int_t)0, "signatures",
			 (json_int_t)signatures);
}

static int take_engines(struct supervisor *s, struct examiner_parent *e, struct message *m)
{
	uint32_t n = decode_u32(&m->payload);
	int r = 0;

	if (!s->engines)
		s->engines = json_array();
	for (uint32_t k = 0; r == 0 && k < n && k < 16; k++) {
		json_t *engine = take_engine(s, &m->payload);

		if (!engine || json_array_append_new(s->engines, engine) < 0)
			r = -ENOMEM;
	}
	decode_exact(&m->payload, e->data_sum, sizeof(e->data_sum));
	return r == 0 ? decoder_end(&m->payload) : r;
}

/* Signatures of no known age are as old as can be. */
static int64_t age_of(const json_t *engine, int64_t now)
{
	int64_t made = json_integer_value(json_object_get(engine, "database_time"));

	return made > 0 ? MAX((int64_t)0, now - made) : now;
}

/* A site's list or rule is as good as on the day when it was written. */
static bool is_virus_database(const json_t *engine)
{
	const char *name = json_string_value(json_object_get(engine, "name"));

	return name && strcmp(name, "libclamav") == 0;
}

int64_t engine_age(struct supervisor *s)
{
	int64_t now = time(NULL), oldest = 0;
	json_t *engine;
	size_t k;

	json_array_foreach(s->engines, k, engine) {
		bool has_signatures = json_integer_value(json_object_get(engine, "signatures")) > 0;
		int64_t age = has_signatures ? age_of(engine, now) : 0;

		if (is_virus_database(engine))
			oldest = MAX(oldest, age);
		if (json_object_set_new(engine, "database_age_s", json_integer((json_int_t)age)) < 0)
			oldest = now; /* a report that cannot say its age */
	}
	s->is_database_stale = oldest >= (int64_t)s->config->database.stop_age_s;
	return oldest;
}

void engine_tell_age(struct supervisor *s)
{
	int64_t age = engine_age(s);

	if (s->is_database_stale)
		events_trouble(s->events, TROUBLE_DATABASE_STALE, "the virus database is %lld days old: nothing will be approved. Update it, then "
			       "insert the medium again.", (long long)(age / 86400));
	else if (age >= (int64_t)s->config->database.warn_age_s)
		events_warning(s->events, "the virus database is %lld days old", (long long)(age / 86400));
}

static struct examiner_parent *add_examiner(struct supervisor *s, enum role_id role)
{
	struct examiner_parent *e = &s->examiners[s->examiner_count++];

	*e = (struct examiner_parent){ .process = { .role = role } };
	return e;
}

static int start_examine(struct supervisor *s)
{
	const char *dir = s->config->database.dir;
	_cleanup_close_ int db_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *data = NULL, *own = NULL;
	struct examiner_parent *e;
	int r = db_fd < 0 ? -errno : 0;

	if (r < 0) {
		events_trouble(s->events, TROUBLE_DATABASE_MISSING,
			       "%s: %s. Put the ClamAV databases there, or name another directory in %s/lazaret.yaml "
			       "(database.directory).", dir, strerror(-r), s->config->dir);
		return r;
	}
	s->database_file_time = newest_file(s, db_fd);
	r = station_data_dir(&data);
	if (r == 0 && asprintf(&own, "%s/clamav", data) < 0)
		r = -ENOMEM;
	e = add_examiner(s, ROLE_EXAMINE);
	if (r == 0)
		r = process_start(ROLE_EXAMINE, &e->process);
	if (r == 0)
		r = send_examine_start(s, db_fd, own);
	if (r < 0)
		events_trouble(s->events, TROUBLE_DATABASE_MISSING, "the examiners did not start: %s", strerror(-r));
	return r;
}

static int send_yara_start(struct supervisor *s, struct process *p)
{
	const struct station_yara *y = &s->config->yara;
	_cleanup_close_ int dir_fd = open(y->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));

	if (dir_fd < 0 || !e)
		return e ? -errno : -ENOMEM;
	encoder_init(e);
	encode_u32(e, (uint32_t)y->count);
	for (size_t k = 0; k < y->count; k++) {
		encode_str(e, y->files[k].file);
		encode_str(e, y->files[k].sha256);
	}
	encode_u64(e, s->config->limits.scan_time_s * 1000);
	encode_u32(e, (uint32_t)s->config->limits.jobs_per_worker);
	return channel_send(&p->channel, MESSAGE_YARA_START, e, &dir_fd, 1);
}

static int start_yara(struct supervisor *s)
{
	struct examiner_parent *e;
	int r;

	if (s->config->yara.count == 0)
		return 0;
	e = add_examiner(s, ROLE_YARA);
	r = process_start(ROLE_YARA, &e->process);
	if (r == 0)
		r = send_yara_start(s, &e->process);
	if (r < 0)
		events_trouble(s->events, TROUBLE_CONFIGURATION, "YARA rules in %s: %s", s->config->yara.dir, strerror(-r));
	return r;
}

static int start_plugin(struct supervisor *s, const struct station_plugin *plugin)
{
	_cleanup_free_ struct encoder *m = malloc(sizeof(*m));
	struct examiner_parent *e = add_examiner(s, ROLE_PLUGIN);
	int r = m ? process_start(ROLE_PLUGIN, &e->process) : -ENOMEM;

	e->plugin = plugin;
	if (r == 0) {
		encoder_init(m);
		encode_str(m, plugin->name);
		encode_str(m, plugin->program);
		encode_str(m, plugin->sha256);
		encode_u64(m, plugin->time_s * 1000);
		r = channel_send(&e->process.channel, MESSAGE_PLUGIN_START, m, NULL, 0);
	}
	if (r < 0)
		events_trouble(s->events, TROUBLE_CONFIGURATION, "plug-in %s: %s", plugin->name, strerror(-r));
	return r;
}

int engine_start(struct supervisor *s)
{
	int r = start_examine(s);

	if (r == 0)
		r = start_yara(s);
	for (size_t k = 0; r == 0 && k < s->config->plugin_count; k++)
		r = start_plugin(s, &s->config->plugins[k]);
	return r;
}

/* ENGINES comes first, then READY. */
static int take_next(struct supervisor *s, struct examiner_parent *e, const struct patience *patience, char **ret_why)
{
	_cleanup_free_ struct message *m = NULL;
	int r;

	if (e->has_told) {
		r = process_ready(&e->process, patience, ret_why);
		e->is_ready = r == 0;
		return r;
	}
	m = malloc(sizeof(*m));
	r = m ? process_expect(&e->process, MESSAGE_EXAMINE_ENGINES, patience, m, ret_why) : -ENOMEM;
	if (r == 0) {
		r = take_engines(s, e, m);
		message_done(m);
		e->has_told = r == 0;
	}
	return r;
}

static void tell_trouble(struct supervisor *s, const struct examiner_parent *e, const char *why)
{
	if (e->process.role == ROLE_EXAMINE)
		events_trouble(s->events, TROUBLE_DATABASE_MISSING, "the examiners did not start: %s", why);
	else if (e->plugin)
		events_trouble(s->events, TROUBLE_CONFIGURATION, "plug-in %s: %s", e->plugin->name, why);
	else
		events_trouble(s->events, TROUBLE_CONFIGURATION, "%s", why);
}

static int take_with(struct supervisor *s, struct examiner_parent *e, const struct patience *patience)
{
	_cleanup_free_ char *why = NULL;
	int r = take_next(s, e, patience, &why);

	if (r < 0 && r != -ECANCELED)
		tell_trouble(s, e, why ? why : strerror(-r));
	return r;
}

static bool are_ready(const struct supervisor *s)
{
	for (size_t k = 0; k < s->examiner_count; k++)
		if (!s->examiners[k].is_ready)
			return false;
	return true;
}

int engine_continue(struct supervisor *s, size_t which)
{
	const struct patience none = { .signal_fd = -1, .deadline_ms = monotonic_ms() + 1000 };
	int r = take_with(s, &s->examiners[which], &none);

	return r == 0 ? are_ready(s) : r;
}

int engine_wait(struct supervisor *s)
{
	const struct patience patience = supervisor_patience(s, EXAMINE_READY_SECONDS);
	int r = 0;

	for (size_t k = 0; r == 0 && k < s->examiner_count; k++)
		while (r == 0 && !s->examiners[k].is_ready)
			r = take_with(s, &s->examiners[k], &patience);
	return r;
}

/* -- at work ------------------------------------------------------------------------------------------------------ */

static const char *name_of(const struct examiner_parent *e)
{
	return e->plugin ? e->plugin->name : e->process.role == ROLE_YARA ? "YARA" : "the virus scanner";
}

static struct pool_stage stage_of(struct supervisor *s, struct examiner_parent *e)
{
	const struct station_limits *l = &s->config->limits;
	struct pool_stage stage = { .parent = &e->process, .name = name_of(e), .time_ms = l->scan_time_s * 1000,
				    .jobs_per_worker = l->jobs_per_worker };

	if (e->process.role == ROLE_EXAMINE)
		stage.checks = CHECK_VIRUS | CHECK_TYPE | CHECK_CONTENT;
	if (e->process.role == ROLE_YARA)
		stage.checks = CHECK_YARA;
	if (e->plugin) {
		stage.checks = CHECK_PLUGINS;
		stage.time_ms = e->plugin->time_s * 1000;
		stage.jobs_per_worker = 1; /* and with it go all processes that the plug-in started */
		stage.types = &e->plugin->types;
		stage.is_optional = !e->plugin->is_required;
	}
	return stage;
}

void engine_stages(struct supervisor *s, struct pool_settings *ret)
{
	const struct station_limits *l = &s->config->limits;

	*ret = (struct pool_settings){ .jobs = l->workers > 0 ? l->workers : (uint64_t)sysconf(_SC_NPROCESSORS_ONLN) };
	for (size_t k = 0; k < s->examiner_count; k++)
		ret->stages[ret->stage_count++] = stage_of(s, &s->examiners[k]);
}
