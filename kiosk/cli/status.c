/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret status: what this station is made of, and whether it could inspect now. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/media.h"
#include "cli/records.h"
#include "common/trust.h"
#include "sandbox/sandbox.h"
#include "station/maintenance.h"
#include "station/sets.h"

struct status {
	json_t *root;
	bool is_good;
};

static void trouble(struct status *s, const char *what, const char *why)
{
	_cleanup_free_ char *text = NULL;
	json_t *list = json_object_get(s->root, "troubles");

	s->is_good = false;
	if (asprintf(&text, "%s: %s", what, why ? why : "?") >= 0)
		(void)json_array_append_new(list, json_string(text)); /* the exit status tells it in any case */
}

static const char *privilege_text(enum role_privilege p)
{
	return p == PRIVILEGE_MOUNT ? "mounts" : p == PRIVILEGE_NAMESPACE || p == PRIVILEGE_PROGRAM ? "confines children" :
	       p == PRIVILEGE_READ    ? "reads any owner" :
	       p == PRIVILEGE_DEVICES ? "root's /sys" :
	       p == PRIVILEGE_MAP     ? "device mapper" :
	       p == PRIVILEGE_LOGIN   ? "as PAM needs" :
	       p == PRIVILEGE_SYSTEM  ? "root's view, loops" :
					"none";
}

static const char *access_text(enum role_access a)
{
	return a == ACCESS_SYSTEM ? "reads the system, writes devices" : a == ACCESS_WRITE ? "writes given directories" : a == ACCESS_READ  ? "reads given directories" :
	       a == ACCESS_NODES ? "reads and asks given devices" : a == ACCESS_RUN ? "reads and runs its own root" : "none";
}

static void add_roles(struct status *s)
{
	json_t *list = json_array();

	for (unsigned int id = 0; id < ROLE_COUNT_; id++) {
		const struct role *role = role_get((enum role_id)id);

		json_array_append_new(list, json_pack("{s:s,s:s?,s:s,s:s,s:s,s:s}", "name", role->name, "executable",
						      role->executable, "account", role->account, "privilege",
						      privilege_text(role->privilege), "files", access_text(role->access),
						      "does", role->does));
	}
	json_object_set_new(s->root, "roles", list);
}

static void add_sandbox(struct status *s)
{
	const char *where;
	int r = sandbox_probe(&where);

	json_object_set_new(s->root, "sandbox", json_string(r == 0 ? sandbox_describe() : ""));
	if (r < 0)
		trouble(s, where, strerror(-r));
}

static void add_directory(struct status *s, json_t *list, const char *name, const char *path)
{
	struct statvfs fs;
	int r = statvfs(path, &fs) < 0 ? errno : 0;

	json_array_append_new(list, json_pack("{s:s,s:s,s:I}", "name", name, "path", path, "free_bytes",
					      r == 0 ? (json_int_t)(fs.f_bavail * fs.f_frsize) : (json_int_t)0));
	if (r)
		trouble(s, path, strerror(r));
	else if (fs.f_flag & ST_RDONLY)
		trouble(s, path, "read-only file system");
}

static void add_databases(struct status *s, const struct station_config *c)
{
	json_t *list = json_array();
	time_t now = time(NULL);

	for (size_t k = 0; k < c->database.count; k++) {
		const struct station_database_file *f = &c->database.files[k];
		_cleanup_free_ char *path = NULL;
		struct stat st = { 0 };

		if (asprintf(&path, "%s/%s", c->database.dir, f->file) < 0)
			continue;
		if (stat(path, &st) < 0)
			trouble(s, path, strerror(errno));
		json_array_append_new(list, json_pack("{s:s,s:I,s:b}", "file", f->file, "age_s", (json_int_t)(now - st.st_mtim.tv_sec),
						      "pinned", *f->sha256 != '\0'));
	}
	json_object_set_new(s->root, "databases", list);
}

static void add_sets(struct status *s, const struct station_config *c)
{
	json_t *list = json_array();
	time_t now = time(NULL);

	for (size_t k = 0; k < c->set_count; k++)
		json_array_append_new(list, json_pack("{s:s,s:s,s:I,s:I,s:s}", "kind", station_set_kind_name(c->sets[k].kind), "name",
						      c->sets[k].name, "version", (json_int_t)c->sets[k].version, "age_s",
						      (json_int_t)MAX((int64_t)0, now - c->sets[k].made), "pack", c->sets[k].pack));
	json_object_set_new(s->root, "sets", list);
}

static void add_yara(struct status *s, const struct station_config *c)
{
	json_t *list = json_array();
	time_t now = time(NULL);

	for (size_t k = 0; k < c->yara.count; k++) {
		_cleanup_free_ char *path = NULL;
		struct stat st = { 0 };

		if (asprintf(&path, "%s/%s", c->yara.dir, c->yara.files[k].file) < 0)
			continue;
		if (stat(path, &st) < 0)
			trouble(s, path, strerror(errno));
		json_array_append_new(list, json_pack("{s:s,s:I}", "file", c->yara.files[k].file, "age_s", (json_int_t)(now - st.st_mtim.tv_sec)));
	}
	json_object_set_new(s->root, "yara", list);
}

static void add_plugins(struct status *s, const struct station_config *c)
{
	json_t *list = json_array();

	for (size_t k = 0; k < c->plugin_count; k++) {
		const struct station_plugin *p = &c->plugins[k];

		if (access(p->program, X_OK) < 0)
			trouble(s, p->program, strerror(errno));
		json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:b}", "name", p->name, "program", p->program, "sha256", p->sha256,
						      "required", p->is_required));
	}
	json_object_set_new(s->root, "plugins", list);
}

static void add_keys(struct status *s, const struct station_config *c)
{
	_cleanup_close_ int fd = open(c->trust_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *why = NULL;
	json_t *keys = NULL;

	if (fd < 0)
		trouble(s, c->trust_dir, strerror(errno));
	else if (trust_load(fd, &keys, &why) < 0)
		trouble(s, c->trust_dir, why ? why : "cannot be read");
	json_object_set_new(s->root, "trusted_keys", json_integer((json_int_t)json_array_size(keys)));
	json_decref(keys);
}

/* The running lazaretd, if there is one: a station without is in order, too (`lazaret inspect` needs none). */
static void add_daemon(struct status *s, const struct station_config *c)
{
	struct control_client *client = NULL;
	json_t *answer = NULL, *station, *why;
	int r = daemon_connect(c, &client);

	if (r == 0)
		r = daemon_ask(client, "state", NULL, &answer);
	control_client_free(client);
	station = json_object_get(answer, "station");
	if (r < 0 || !json_is_object(station)) {
		json_object_set_new(s->root, "daemon",
				    json_pack("{s:b,s:s}", "runs", r < 0 && r != -EACCES && r != -EUSERS ? 0 : 1, "why",
					      r < 0 ? daemon_words(r) : "it told nothing about itself"));
		json_decref(answer);
		return;
	}
	why = json_object_get(station, "trouble");
	if (json_is_object(why))
		trouble(s, "lazaretd", json_string_value(json_object_get(why, "text")));
	why = json_object_get(station, "reload");
	if (json_is_object(why) && json_is_false(json_object_get(why, "ok")))
		trouble(s, "last reload", json_string_value(json_object_get(why, "text")));
	json_object_set_new(s->root, "daemon", json_pack("{s:b,s:O,s:O?}", "runs", 1, "station", station, "media",
							 json_object_get(answer, "media")));
	json_decref(answer);
}

static void add_station(struct status *s, const struct station_config *c)
{
	json_t *directories = json_array();

	json_object_set_new(s->root, "station", json_pack("{s:s,s:s,s:s,s:s,s:s}", "id", c->id, "name", c->name, "version", LAZARET_VERSION, "name_file",
									   c->has_kept_name ? MAINTENANCE_FILE : STATION_FILE, "devices_file",
									   c->has_kept_devices ? MAINTENANCE_FILE : STATION_FILE));
	add_directory(s, directories, "spool", c->spool_dir);
	add_directory(s, directories, "staging", c->staging_dir);
	add_directory(s, directories, "audit", c->audit_dir);
	add_directory(s, directories, "reports", c->reports_dir);
	json_object_set_new(s->root, "directories", directories);
	add_sets(s, c);
	add_databases(s, c);
	add_yara(s, c);
	add_plugins(s, c);
	add_keys(s, c);
	add_daemon(s, c);
}

static const char *get(const json_t *o, const char *key)
{
	const char *v = json_string_value(json_object_get(o, key));

	return v ? v : "-";
}

static void print_daemon(const json_t *daemon)
{
	const json_t *station = json_object_get(daemon, "station");
	size_t k;
	json_t *o;

	if (!json_is_object(station)) {
		printf("daemon    %s\n", json_is_object(daemon) ? get(daemon, "why") : "-");
		return;
	}
	printf("daemon    %s, version %s, %zu media", get(station, "state"), get(station, "version"),
	       json_array_size(json_object_get(daemon, "media")));
	printf(", databases %s\n", get(station, "database_state"));
	json_array_foreach(json_object_get(station, "databases"), k, o)
		printf("          %s %s, %lld days old, %lld signatures\n", get(o, "name"), get(o, "version"),
		       (long long)json_integer_value(json_object_get(o, "age_s")) / 86400,
		       (long long)json_integer_value(json_object_get(o, "signatures")));
}

static void print_selfcheck(const json_t *daemon)
{
	const json_t *c = json_object_get(json_object_get(daemon, "station"), "selfcheck"), *o;
	char at[RECORDS_TIME_LEN];
	size_t k;

	if (!json_is_object(c))
		return;
	records_time(json_integer_value(json_object_get(c, "at")), at);
	if (json_is_true(json_object_get(c, "failed")))
		printf("selfcheck %s, %s\n", at, get(c, "detail"));
	else
		printf("selfcheck %s, %lld good, %lld warnings, %lld bad\n", at, (long long)json_integer_value(json_object_get(c, "good")),
		       (long long)json_integer_value(json_object_get(c, "warnings")), (long long)json_integer_value(json_object_get(c, "bad")));
	json_array_foreach(json_object_get(c, "wrong"), k, o)
		printf("          %s: %s: %s\n", get(o, "state"), get(o, "name"), get(o, "text"));
}

static void print_text(const struct status *s)
{
	const json_t *station = json_object_get(s->root, "station");
	size_t k;
	json_t *o;

	printf("station   %s (%s), lazaret %s\n", get(station, "name"), get(station, "id"), get(station, "version"));
	if (strcmp(get(station, "name_file"), MAINTENANCE_FILE) == 0)
		printf("          name: as changed at the screen (" MAINTENANCE_FILE "), not as in lazaret.yaml\n");
	if (strcmp(get(station, "devices_file"), MAINTENANCE_FILE) == 0)
		printf("          ports, keyboards and hubs: as changed at the screen (" MAINTENANCE_FILE "), not as in lazaret.yaml\n");
	printf("sandbox   %s\n", get(s->root, "sandbox"));
	json_array_foreach(json_object_get(s->root, "directories"), k, o)
		printf("%-9s %s, %lld MiB free\n", get(o, "name"), get(o, "path"),
		       (long long)json_integer_value(json_object_get(o, "free_bytes")) >> 20);
	json_array_foreach(json_object_get(s->root, "databases"), k, o)
		printf("database  %s, %lld days old%s\n", get(o, "file"),
		       (long long)json_integer_value(json_object_get(o, "age_s")) / 86400,
		       json_is_true(json_object_get(o, "pinned")) ? ", pinned" : ", signed");
	json_array_foreach(json_object_get(s->root, "sets"), k, o)
		printf("set       %s: %s %lld, %lld days old%s\n", get(o, "kind"), get(o, "name"),
		       (long long)json_integer_value(json_object_get(o, "version")),
		       (long long)json_integer_value(json_object_get(o, "age_s")) / 86400,
		       strcmp(get(o, "kind"), "software") == 0 ? ", laid down, to be installed by the administrator" : "");
	json_array_foreach(json_object_get(s->root, "yara"), k, o)
		printf("yara      %s, %lld days old, pinned\n", get(o, "file"), (long long)json_integer_value(json_object_get(o, "age_s")) / 86400);
	json_array_foreach(json_object_get(s->root, "plugins"), k, o)
		printf("plug-in   %s, %s%s\n", get(o, "name"), get(o, "program"), json_is_true(json_object_get(o, "required")) ? "" : ", not required");
	print_daemon(json_object_get(s->root, "daemon"));
	print_selfcheck(json_object_get(s->root, "daemon"));
	printf("keys      %lld trusted\n\n", (long long)json_integer_value(json_object_get(s->root, "trusted_keys")));
	printf("%-8s %-17s %-17s %s\n", "role", "account", "privileges", "does");
	json_array_foreach(json_object_get(s->root, "roles"), k, o)
		printf("%-8s %-17s %-17s %s\n", get(o, "name"), get(o, "account"), get(o, "privilege"), get(o, "does"));
	json_array_foreach(json_object_get(s->root, "troubles"), k, o)
		printf("%sTROUBLE   %s\n", k == 0 ? "\n" : "", json_string_value(o));
}

int cmd_status(struct cli *cli)
{
	struct status s = { .root = json_object(), .is_good = true };
	struct station_config *c;

	if (cli->argc > 2 || (cli->argc == 2 && strcmp(cli->argv[1], "--json") != 0)) {
		fprintf(stderr, "usage: lazaret -C DIR status [--json]\n");
		json_decref(s.root);
		return EXIT_USAGE;
	}
	json_object_set_new(s.root, "troubles", json_array());
	c = records_config(cli);
	if (c)
		add_station(&s, c);
	else
		s.is_good = false; /* what is wrong was told */
	add_sandbox(&s);
	add_roles(&s);
	if (cli->is_json || cli->argc == 2) {
		json_dumpf(s.root, stdout, JSON_INDENT(1) | JSON_SORT_KEYS);
		putchar('\n');
	} else {
		print_text(&s);
	}
	station_config_free(c);
	json_decref(s.root);
	return s.is_good ? 0 : 1;
}
