/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "monitor/metrics.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "control/selfcheck.h"
#include "control/trouble.h"
#include "monitor/exposition.h"

#define NAMES_MAX 64 /* databases and sets that are told one by one */

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static int64_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

/* One sample for each state there is, 1 for the present one. */
static void put_states(FILE *out, const char *name, const char *help, const char *label, const char *const *states, const char *now)
{
	exposition_family(out, name, "gauge", help);
	for (; *states; states++)
		exposition_labelled(out, name, label, *states, strcmp(*states, now) == 0);
}

/* -- the station ------------------------------------------------------------------------------------------------ */

static void put_station(FILE *out, const struct metrics *m)
{
	static const char *const states[] = { "starting", "ready", "stopped", "ending", NULL };
	static const enum trouble troubles[] = { TROUBLE_TRAIL,	       TROUBLE_CONFIGURATION, TROUBLE_DATABASE_MISSING, TROUBLE_DATABASE_STALE,
						 TROUBLE_STAGING_FULL, TROUBLE_INTERNAL,	TROUBLE_SELF_CHECK };
	const char *state = text(m->station, "state"), *code = text(json_object_get(m->station, "trouble"), "code");
	const char *const info[] = { "version", LAZARET_VERSION, "id", text(m->station, "id"), "name", text(m->station, "name"),
				     "policy", text(m->station, "policy"), NULL };
	bool is_known = !*code;

	exposition_family(out, "lazaret_station_info", "gauge", "Which station this is, which software and rules it runs.");
	exposition_sample(out, "lazaret_station_info", info, 1);
	exposition_gauge(out, "lazaret_up", "Whether lazaretd runs.", m->live && strcmp(state, "ending") != 0);
	exposition_gauge(out, "lazaret_metrics_timestamp_seconds", "When these metrics were written.", m->now);
	if (m->live)
		exposition_gauge(out, "lazaret_start_timestamp_seconds", "When lazaretd was started.", m->live->started);
	put_states(out, "lazaret_station_state", "What the station does; it accepts media while it is ready.", "state", states, state);
	exposition_family(out, "lazaret_station_trouble", "gauge", "Why media are not accepted, or nothing is approved (docs/control.md).");
	for (size_t k = 0; k < ARRAY_LEN(troubles); k++) {
		bool is_it = strcmp(trouble_code(troubles[k]), code) == 0;

		is_known = is_known || is_it;
		exposition_labelled(out, "lazaret_station_trouble", "code", trouble_code(troubles[k]), is_it);
	}
	exposition_labelled(out, "lazaret_station_trouble", "code", "other", !is_known);
}

static void put_reload(FILE *out, const struct metrics *m)
{
	const json_t *reload = json_object_get(m->station, "reload");

	if (!json_is_object(reload))
		return;
	exposition_gauge(out, "lazaret_reload_success", "Whether the last reload of the configuration succeeded.", json_is_true(json_object_get(reload, "ok")));
	exposition_gauge(out, "lazaret_reload_timestamp_seconds", "When that was.", number(reload, "at"));
}

/* One family over a list of {name, ...}. */
static void put_named(FILE *out, const json_t *list, const char *metric, const char *help, const char *key)
{
	bool is_begun = false;
	const json_t *o;
	size_t k;

	json_array_foreach(list, k, o) {
		if (k >= NAMES_MAX || !json_is_integer(json_object_get(o, key)))
			continue;
		if (!is_begun)
			exposition_family(out, metric, "gauge", help);
		is_begun = true;
		exposition_labelled(out, metric, "name", text(o, "name"), number(o, key));
	}
}

static void put_databases(FILE *out, const struct metrics *m)
{
	static const char *const states[] = { "ok", "warn", "stop", NULL };
	const json_t *list = json_object_get(m->station, "databases"), *sets = json_object_get(m->station, "sets");

	put_named(out, list, "lazaret_database_age_seconds", "Age of each virus database.", "age_s");
	put_named(out, list, "lazaret_database_timestamp_seconds", "When each virus database was made.", "time");
	put_named(out, list, "lazaret_database_signatures", "Signatures in each virus database.", "signatures");
	put_named(out, sets, "lazaret_set_age_seconds", "Age of each set that update packs bring.", "age_s");
	put_named(out, sets, "lazaret_set_timestamp_seconds", "When each set was made.", "time");
	if (*text(m->station, "database_state"))
		put_states(out, "lazaret_database_state", "Age of the oldest virus database against the configuration: stop means that nothing is approved.",
			   "state", states, text(m->station, "database_state"));
	if (number(m->station, "rules_time") > 0)
		exposition_gauge(out, "lazaret_rules_timestamp_seconds", "When the rules file was last changed.", number(m->station, "rules_time"));
	if (!m->config)
		return;
	exposition_gauge(out, "lazaret_database_warn_age_seconds", "Age of a database from which reports warn.", (int64_t)m->config->database.warn_age_s);
	exposition_gauge(out, "lazaret_database_stop_age_seconds", "Age of a database from which nothing is approved.",
			 (int64_t)m->config->database.stop_age_s);
}

static void put_media(FILE *out, const struct metrics *m)
{
	static const char *const states[] = { "queued", "identify", "opening", "locked", "reading", "examining", "checking", "publishing", "done" };
	int64_t counts[ARRAY_LEN(states)] = { 0 }, running = 0;
	const json_t *o;
	size_t i;

	if (!m->media)
		return;
	json_array_foreach(m->media, i, o)
		for (size_t k = 0; k < ARRAY_LEN(states); k++)
			counts[k] += strcmp(states[k], text(o, "state")) == 0;
	exposition_family(out, "lazaret_media", "gauge", "Media at the station, or with a result that nobody has dismissed, by what happens to them.");
	for (size_t k = 0; k < ARRAY_LEN(states); k++) {
		exposition_labelled(out, "lazaret_media", "state", states[k], counts[k]);
		running += k >= 2 && k + 1 < ARRAY_LEN(states) ? counts[k] : 0;
	}
	exposition_gauge(out, "lazaret_queue_length", "Media that wait for their inspection.", counts[0] + counts[1]);
	exposition_gauge(out, "lazaret_inspections_running", "Inspections under way.", running);
	if (m->config)
		exposition_gauge(out, "lazaret_inspections_limit", "Inspections that may be under way at a time.", (int64_t)m->config->devices.at_once);
}

static void put_room(FILE *out, const struct metrics *m)
{
	static const struct {
		const char *name, *help;
		bool is_size;
	} families[] = { { "lazaret_directory_free_bytes", "Free space of the file system of each directory.", false },
			 { "lazaret_directory_size_bytes", "Size of the file system of each directory.", true } };

	if (!m->facts)
		return;
	for (size_t f = 0; f < ARRAY_LEN(families); f++) {
		exposition_family(out, families[f].name, "gauge", families[f].help);
		for (unsigned int d = 0; d < FACTS_DIRECTORY_COUNT_; d++)
			if (m->facts->directories[d].is_known)
				exposition_labelled(out, families[f].name, "directory", facts_directory_name((enum facts_directory)d),
						    (int64_t)(families[f].is_size ? m->facts->directories[d].size_bytes :
										    m->facts->directories[d].free_bytes));
	}
	if (m->config) {
		exposition_gauge(out, "lazaret_staging_min_free_bytes", "Free space in staging below which nothing is published.",
				 (int64_t)m->config->staging_min_free);
		exposition_gauge(out, "lazaret_spool_limit_bytes", "What the spool may hold at most.", (int64_t)m->config->spool_bytes);
	}
	if (!m->facts->has_trail)
		return;
	exposition_gauge(out, "lazaret_trail_records", "Records in the audit trail.", (int64_t)m->facts->trail_records);
	exposition_gauge(out, "lazaret_trail_bytes", "Size of the audit trail.", (int64_t)m->facts->trail_bytes);
	if (m->facts->directories[FACTS_AUDIT].is_known)
		exposition_gauge(out, "lazaret_trail_free_bytes", "Free space where the audit trail is kept.",
				 (int64_t)m->facts->directories[FACTS_AUDIT].free_bytes);
}

/* Of each check, whether the last self-check found it bad, or worth a warning. Not before there was one. */
static void put_selfcheck(FILE *out, const struct metrics *m)
{
	static const struct {
		const char *metric, *help, *state;
	} families[] = { { "lazaret_selfcheck_bad", "Whether the last self-check found this not to be so (docs/selfcheck.md).", "bad" },
			 { "lazaret_selfcheck_warning", "Whether the last self-check warned of this.", "warning" } };
	const json_t *s = json_object_get(m->station, "selfcheck"), *o;
	size_t i;

	if (!json_is_object(s))
		return;
	exposition_gauge(out, "lazaret_selfcheck_timestamp_seconds", "When the last self-check was made.", number(s, "at"));
	exposition_gauge(out, "lazaret_selfcheck_failed", "Whether the last self-check could not be made.", json_is_true(json_object_get(s, "failed")));
	for (size_t f = 0; f < ARRAY_LEN(families) && !json_is_true(json_object_get(s, "failed")); f++) {
		exposition_family(out, families[f].metric, "gauge", families[f].help);
		for (unsigned int k = 0; k < SELFCHECK_COUNT_; k++) {
			bool is_it = false;

			json_array_foreach(json_object_get(s, "wrong"), i, o)
				is_it = is_it || (strcmp(text(o, "name"), selfcheck_name((enum selfcheck)k)) == 0 &&
						  strcmp(text(o, "state"), families[f].state) == 0);
			exposition_labelled(out, families[f].metric, "check", selfcheck_name((enum selfcheck)k), is_it);
		}
	}
}

/* Of stations that keep what an officer must decide on. */
static void put_held(FILE *out, const struct metrics *m)
{
	const json_t *held = json_object_get(m->station, "held");

	if (!json_is_object(held))
		return;
	exposition_gauge(out, "lazaret_held_files", "Held files that are kept for an officer to decide on.", number(held, "files"));
	exposition_gauge(out, "lazaret_held_bytes", "Their size.", number(held, "bytes"));
	exposition_gauge(out, "lazaret_held_open", "Held files for which nobody has decided or proposed anything.", number(held, "open"));
	exposition_gauge(out, "lazaret_held_proposed", "Held files whose release waits for a second person.", number(held, "proposed"));
}

/* -- counters --------------------------------------------------------------------------------------------------- */

static void put_totals(FILE *out, const struct history_totals *t)
{
	uint64_t inspections = 0;

	exposition_family(out, "lazaret_inspections_total", "counter", "Inspections by their outcome.");
	for (unsigned int k = 0; k < OUTCOME_COUNT_; k++) {
		exposition_labelled(out, "lazaret_inspections_total", "outcome", history_outcome_name((enum history_outcome)k), (int64_t)t->inspections[k]);
		inspections += t->inspections[k];
	}
	exposition_family(out, "lazaret_media_total", "counter", "Inspected media by their kind.");
	for (unsigned int k = 0; k < MEDIUM_KIND_COUNT_; k++)
		exposition_labelled(out, "lazaret_media_total", "kind", history_medium_name((enum history_medium)k), (int64_t)t->media[k]);
	exposition_family(out, "lazaret_files_total", "counter", "Files by their verdict.");
	for (unsigned int k = 0; k < VERDICT_COUNT_; k++)
		exposition_labelled(out, "lazaret_files_total", "verdict", verdict_name((enum verdict)k), (int64_t)t->files[k]);
	exposition_family(out, "lazaret_file_reasons_total", "counter", "Held and blocked files by the code of their first reason (lazaret-reasons(7)).");
	for (unsigned int k = 0; k < REASON_COUNT_; k++)
		exposition_labelled(out, "lazaret_file_reasons_total", "code", reason_code((enum reason)k), (int64_t)t->reasons[k]);
	exposition_counter(out, "lazaret_workers_crashed_total", "Examiners' workers that died of the file they looked at.",
			   t->reasons[REASON_SCANNER_CRASHED]);
	exposition_counter(out, "lazaret_read_bytes_total", "Bytes of all files that were read.", t->bytes);
	exposition_family(out, "lazaret_inspection_duration_seconds", "summary", "Time from the start of an inspection to its end.");
	exposition_sample(out, "lazaret_inspection_duration_seconds_sum", NULL, (int64_t)t->seconds);
	exposition_sample(out, "lazaret_inspection_duration_seconds_count", NULL, (int64_t)inspections);
	exposition_family(out, "lazaret_last_inspection_timestamp_seconds", "gauge", "When the last inspection of each outcome ended; 0: there was none.");
	for (unsigned int k = 0; k < OUTCOME_COUNT_; k++)
		exposition_labelled(out, "lazaret_last_inspection_timestamp_seconds", "outcome", history_outcome_name((enum history_outcome)k), t->ended[k]);
}

static void put_live(FILE *out, const struct metrics_live *l)
{
	exposition_counter(out, "lazaret_members_examined_total", "Files in archives, packages, images and documents that were examined since lazaretd was started.",
			   l->members);
	exposition_family(out, "lazaret_processes_lost_total", "counter", "Processes of the station that died and were replaced since lazaretd was started.");
	exposition_labelled(out, "lazaret_processes_lost_total", "process", "inspection", (int64_t)l->inspections_lost);
	exposition_labelled(out, "lazaret_processes_lost_total", "process", "examiners", (int64_t)l->examiners_lost);
	exposition_labelled(out, "lazaret_processes_lost_total", "process", "devices", (int64_t)l->devices_lost);
	exposition_counter(out, "lazaret_devices_refused_total", "USB devices that were refused since lazaretd was started.", l->devices_refused);
	exposition_counter(out, "lazaret_login_failures_total", "Failed log-ins since lazaretd was started.", l->login_failures);
}

int metrics_write(const struct metrics *m, char **ret, size_t *ret_size)
{
	_cleanup_free_ char *all = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&all, &size);
	bool is_bad;

	if (!out)
		return -ENOMEM;
	put_station(out, m);
	put_reload(out, m);
	put_databases(out, m);
	put_media(out, m);
	put_room(out, m);
	put_held(out, m);
	put_selfcheck(out, m);
	if (m->totals)
		put_totals(out, m->totals);
	if (m->live)
		put_live(out, m->live);
	is_bad = ferror(out);
	if (fclose(out) != 0 || is_bad)
		return -ENOMEM;
	*ret = TAKE_PTR(all);
	*ret_size = size;
	return 0;
}

/* -- the file --------------------------------------------------------------------------------------------------- */

static int write_new(int dir_fd, const char *name, const char *data, size_t size)
{
	_cleanup_close_ int fd = -EBADF;

	/* What a crash left. Whoever else may write in this directory cannot lead us elsewhere: the file is made by us, or not. */
	if (unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 || fchmod(fd, 0644) < 0) /* whatever our umask is: the collector is another account */
		return -errno;
	while (size > 0) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno != EINTR)
			return -errno;
		data += MAX(n, 0);
		size -= (size_t)MAX(n, 0);
	}
	return 0;
}

int metrics_replace(const char *path, const char *data, size_t size)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	_cleanup_free_ char *dir = strndup(path, slash ? (size_t)(slash - path) + 1 : 0), *fresh = NULL;
	_cleanup_close_ int dir_fd = -EBADF;
	int r;

	/* not *.prom: the collector must not read it half written */
	if (!dir || asprintf(&fresh, ".%s.new", name) < 0)
		return -ENOMEM;
	dir_fd = open(*dir ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return -errno;
	r = write_new(dir_fd, fresh, data, size);
	if (r == 0 && renameat(dir_fd, fresh, dir_fd, name) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(dir_fd, fresh, 0); /* the error that led here is the one to report */
	return r;
}
