/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* station: lazaret.yaml with its defaults and its errors; `lazaret init` and what it refuses. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "common/fd.h"
#include "common/finding.h"
#include "station/config.h"
#include "station/init.h"

#define HEAD "format: lazaret.station/1\nstation: {name: s, id: 0123456789abcdef}\n"
#define DB "database: {directory: /db, files: [{file: daily.cvd}]}\n"

static char *make_dir(void)
{
	char path[] = "/tmp/lazaret-station-XXXXXX";

	assert_non_null(mkdtemp(path));
	return strdup(path);
}

static void remove_dir(char *path)
{
	assert_int_equal(dir_remove_tree(AT_FDCWD, path), 0);
	free(path);
}

static void write_file(const char *dir, const char *name, const char *text)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(file_replace(fd, name, text, strlen(text), 0644), 0);
	close(fd);
}

/* Errors as printed, with the directory's name taken away; owned by the caller. */
static char *load(const char *text, struct station_config **ret)
{
	struct yaml_errors errors = { 0 };
	char *dir = make_dir(), *printed = NULL, *p;
	size_t size = 0;
	FILE *f = open_memstream(&printed, &size);
	int r;

	*ret = NULL;
	write_file(dir, STATION_FILE, text);
	r = station_config_load(dir, &errors, ret);
	assert_int_equal(r < 0, yaml_errors_any(&errors));
	assert_int_equal(r < 0, *ret == NULL);
	yaml_errors_print(&errors, f);
	fclose(f);
	yaml_errors_done(&errors);
	while ((p = strstr(printed, dir)))
		memmove(p, p + strlen(dir) + 1, strlen(p + strlen(dir) + 1) + 1);
	remove_dir(dir);
	return printed;
}

static void minimal_file(void **state)
{
	struct station_config *c;
	char *errors = load(HEAD DB, &c);

	assert_string_equal(errors, "");
	assert_string_equal(c->name, "s");
	assert_string_equal(c->database.dir, "/db");
	assert_int_equal(c->database.count, 1);
	assert_string_equal(c->database.files[0].sha256, "");
	assert_int_equal(c->database.warn_age_s, 3 * 86400);
	assert_int_equal(c->database.stop_age_s, 7 * 86400);
	assert_true(c->database.require_eicar);
	assert_int_equal(c->checks,
			 CHECK_READ | CHECK_NAME | CHECK_VIRUS | CHECK_TYPE | CHECK_LISTS | CHECK_ORIGIN | CHECK_CONTENT);
	assert_int_equal(c->rules_file[0], '/');
	assert_string_equal(strrchr(c->rules_file, '/'), "/rules.yaml");
	assert_non_null(strstr(c->manifest_key, "/keys/manifest.key"));
	assert_null(c->hash_list);
	assert_int_equal(c->limits.depth, 64);
	assert_int_equal(c->operators, STATION_OPERATORS_NONE);
	assert_int_equal(c->origin.rollback, STATION_STALE_HOLD);
	assert_int_equal(c->origin.valid_until, STATION_STALE_IGNORE);
	assert_null(c->receipts.printer);
	assert_string_equal(station_fs_drivers(c, "vfat"), "kernel,user");
	assert_string_equal(station_fs_drivers(c, "ext3"), "kernel,user");
	assert_string_equal(station_fs_drivers(c, "xfs"), "");
	assert_string_equal(station_fs_drivers(c, "reiserfs"), "");
	assert_string_equal(station_fs_drivers(c, ""), "");
	assert_string_equal(station_fs_drivers(c, "ext2 ext3"), "");
	free(errors);
	station_config_free(c);
}

static void full_file(void **state)
{
	struct station_config *c;
	char *errors = load(HEAD "database:\n  directory: db\n  files:\n    - {file: a.hdb, sha256: "
				 "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'}\n"
				 "  warn-age: 1d\n  stop-age: 36h\n  require-eicar: false\n"
				 "rules: {file: /etc/r.yaml, types: t}\nkeys: {trust: tr, manifest: m, audit: a}\n"
				 "hash-list: denied\nspool: {directory: sp, bytes: 10GiB}\n"
				 "staging: {directory: /srv/in, min-free: 1MB}\n"
				 "records: {audit: x, reports: y, history: z}\n"
				 "limits: {files: 5, bytes: 2GiB, largest-file: 1GiB, depth: 3, scan-time: 9s, "
				 "inspection-time: 1h, stall-time: 30s, answer-time: 2m, workers: 2, worker-tmpfs: 64MiB, jobs-per-worker: 7}\n"
				 "filesystems: {vfat: user, xfs: kernel, ntfs: deny, udf: [user, kernel]}\n"
				 "checks: {origin: false}\norigin: {rollback: ignore, valid-until: hold}\noperators: named\n"
				 "receipts: {printer: /dev/usb/lp0, form: label, columns: 32, time: 20s}\n"
				 "remember: {bytes: 1GiB, time: 2d, again: 5}\n"
				 "metrics: {file: /srv/collector/lazaret.prom}\n", &c);

	assert_string_equal(errors, "");
	assert_non_null(strstr(c->database.dir, "/db"));
	assert_int_equal(c->database.stop_age_s, 36 * 3600);
	assert_false(c->database.require_eicar);
	assert_string_equal(c->rules_file, "/etc/r.yaml");
	assert_string_equal(c->staging_dir, "/srv/in");
	assert_string_equal(c->metrics_file, "/srv/collector/lazaret.prom");
	assert_int_equal(c->staging_min_free, 1000000);
	assert_int_equal(c->limits.stall_time_s, 30);
	assert_int_equal(c->limits.answer_time_s, 120);
	assert_int_equal(c->spool_bytes, UINT64_C(10) << 30);
	assert_int_equal(c->limits.scan_time_s, 9);
	assert_int_equal(c->limits.worker_tmpfs, 64 << 20);
	assert_int_equal(c->checks & CHECK_ORIGIN, 0);
	assert_int_equal(c->operators, STATION_OPERATORS_NAMED);
	assert_int_equal(c->origin.rollback, STATION_STALE_IGNORE);
	assert_int_equal(c->origin.valid_until, STATION_STALE_HOLD);
	assert_string_equal(c->receipts.printer, "/dev/usb/lp0");
	assert_int_equal(c->receipts.form, STATION_PRINT_LABEL);
	assert_int_equal(c->receipts.columns, 32);
	assert_int_equal(c->receipts.time_s, 20);
	assert_int_equal(c->remember.bytes, UINT64_C(1) << 30);
	assert_int_equal(c->remember.time_s, 2 * 86400);
	assert_int_equal(c->remember.again, 5);
	assert_string_equal(station_fs_drivers(c, "vfat"), "user");
	assert_string_equal(station_fs_drivers(c, "xfs"), "kernel");
	assert_string_equal(station_fs_drivers(c, "ntfs"), "");
	assert_string_equal(station_fs_drivers(c, "udf"), "user,kernel");
	free(errors);
	station_config_free(c);
}

static void bad_files(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ "format: lazaret.station/2\n", "lazaret.yaml:1:9: format: 'lazaret.station/2' is not one of: lazaret.station/1" },
		{ HEAD, "lazaret.yaml:1:1: missing key 'database'" },
		{ HEAD DB "limit: {files: 1}\n", "lazaret.yaml:4:1: unknown key 'limit'; did you mean 'limits'?" },
		{ HEAD DB "filesystems: {fat: kernel}\n", "lazaret.yaml:4:15: unknown file system 'fat'; did you mean 'vfat'?" },
		{ HEAD DB "filesystems: {vfat: fuse}\n",
		  "lazaret.yaml:4:21: vfat: must be deny, kernel, user, [kernel, user] or [user, kernel]" },
		{ HEAD DB "filesystems: {vfat: [deny, user]}\n",
		  "lazaret.yaml:4:21: vfat: must be deny, kernel, user, [kernel, user] or [user, kernel]" },
		{ HEAD DB "filesystems: {xfs: user}\n", "lazaret.yaml:4:20: xfs: has no user-space driver; use kernel or deny" },
		{ HEAD DB "filesystems: 3\n", "lazaret.yaml:4:14: filesystems: must be a map" },
		{ HEAD DB "checks: {read: false}\n", "lazaret.yaml:4:10: read: cannot be turned off, and needs no line" },
		{ HEAD DB "origin: {rollback: allow}\n", "lazaret.yaml:4:20: rollback: 'allow' is not one of: hold, ignore" },
		{ HEAD DB "origin: {valid_until: hold}\n",
		  "lazaret.yaml:4:10: unknown key 'valid_until'; did you mean 'valid-until'?" },
		{ HEAD DB "metrics: {file: lazaret.txt}\n", "lazaret.yaml:4:10: file: has no effect: of a name that does not end in .prom" },
		{ HEAD DB "metrics: {}\n", "missing key 'file'" },
		{ HEAD DB "limits: {depth: 0}\n", "lazaret.yaml:4:17: depth: 0 is out of range (1 to 64)" },
		{ HEAD DB "limits: {bytes: 1MiB}\n", "lazaret.yaml:4:9: largest-file: has no effect beyond" },
		{ HEAD DB "limits: {workers: 65}\n", "lazaret.yaml:4:19: " },
		{ HEAD DB "limits: {scan-time: 2h, inspection-time: 1h}\n", "lazaret.yaml:4:9: scan-time: has no effect" },
		{ HEAD "database: {directory: /db, files: [{file: a.ign2}]}\n",
		  "lazaret.yaml:3:36: 'a.ign2' must not be loaded: it can switch detections off" },
		{ HEAD "database: {directory: /db, files: [{file: daily.cld}]}\n", "'daily.cld' must not be loaded" },
		{ HEAD "database: {directory: /db, files: [{file: a.hdb}]}\n",
		  "lazaret.yaml:3:36: 'a.hdb' carries no signature: pin it" },
		{ HEAD "database: {directory: /db, files: [{file: a.hdb, sha256: abc}]}\n",
		  "lazaret.yaml:3:36: sha256: must be 64 lower-case hex digits" },
		{ HEAD "database: {directory: /db, files: [{file: a.cvd}, {file: a.cvd}]}\n", "'a.cvd' is in the list twice" },
		{ HEAD "database: {directory: /db, files: [{file: ../a.cvd}]}\n", "must not be loaded" },
		{ HEAD "database: {directory: /db, files: []}\n", "files: must be a list of 1 to 256 databases" },
		{ HEAD "database: {directory: /db, files: [{file: a.cvd}], warn-age: 9d}\n", "warn-age: has no effect" },
		{ "format: lazaret.station/1\nstation: {name: s, id: XYZ}\n" DB, "lazaret.yaml:2:24: id: must be 16" },
		{ HEAD DB "remember: {bytes: 0, time: 2d}\n", "lazaret.yaml:4:11: has no effect: 'bytes' is 0" },
		{ HEAD DB "remember: {again: 0}\n", "again: 0 is out of range" },
		{ HEAD DB "remember: {again: 2}\nplugins: []\n", "lazaret.yaml:4:11: has no effect: with 'plugins' nothing is remembered" },
		{ HEAD DB "receipts: {columns: 32}\n", "lazaret.yaml:4:11: receipts: has no effect without 'printer'" },
		{ HEAD DB "receipts: {printer: lp0}\n", "lazaret.yaml:4:11: printer: must be an absolute path" },
		{ HEAD DB "receipts: {printer: /lp, form: text, columns: 32}\n", "lazaret.yaml:4:11: columns: has no effect with" },
		{ HEAD DB "receipts: {printer: /lp, columns: 23}\n", "columns: 23 is out of range (24 to 80)" },
		{ HEAD DB "receipts: {printer: /lp, form: pdf}\n", "form: 'pdf' is not one of: label, text" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct station_config *c;
		char *errors = load(rows[i].text, &c);

		if (!strstr(errors, rows[i].error))
			fail_msg("wanted '%s' in '%s'", rows[i].error, errors);
		free(errors);
	}
}

static void all_errors_in_one_run(void **state)
{
	struct station_config *c;
	char *errors = load("format: lazaret.station/1\nstation: {name: s}\ndatabase: {directory: /db, files: [{file: x.fp}]}\n"
			    "operators: some\nfilesystems: {zfs: kernel}\n", &c);

	assert_non_null(strstr(errors, "missing key 'id'"));
	assert_non_null(strstr(errors, "'x.fp' must not be loaded"));
	assert_non_null(strstr(errors, "'some' is not one of: none, named"));
	assert_non_null(strstr(errors, "unknown file system 'zfs'"));
	free(errors);
}

static void no_station(void **state)
{
	struct yaml_errors errors = { 0 };
	struct station_config *c = NULL;
	char *dir = make_dir();

	assert_int_equal(station_config_load(dir, &errors, &c), -ENOENT);
	assert_non_null(strstr(errors.list[0].message, "lazaret init"));
	yaml_errors_done(&errors);
	assert_int_equal(station_config_load("/nonexistent", &errors, &c), -ENOENT);
	assert_non_null(strstr(errors.list[0].message, "lazaret init"));
	yaml_errors_done(&errors);
	assert_null(c);
	remove_dir(dir);
}

static void database_names(void **state)
{
	static const struct {
		const char *name;
		bool is_ok;
	} rows[] = {
		{ "daily.cvd", true },	 { "local.hdb", true },	 { "x.ldb", true },	{ "x.msb", true },
		{ "daily.cld", false },	 { "x.cud", false },	 { "x.ign2", false },	{ "x.ign", false },
		{ "x.fp", false },	 { "x.sfp", false },	 { "x.cfg", false },	{ "x.ftm", false },
		{ "x.ldu", false },	 { "x.yar", false },	 { "x.cbc", false },	{ "x.HDB", false },
		{ "x.ign2.hdb", false }, { ".hdb", false },	 { "hdb", false },	{ "a/b.hdb", false },
		{ "a b.hdb", false },	 { "x.cvd\n", false },	 { "freshclam.dat", false }, { "", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *why = NULL;

		assert_int_equal(station_database_file_ok(rows[i].name, &why), rows[i].is_ok);
		if (!rows[i].is_ok)
			assert_non_null(why);
	}
}

/* -- init ------------------------------------------------------------------------------------------------- */
static int init(const char *dir, const char *db, const char *profile, const char *name, char **said, char **message)
{
	size_t size = 0;
	FILE *f = open_memstream(said, &size);
	struct station_init in = { .dir = dir, .db_dir = db, .profile = profile, .name = name, .out = f };
	int r;

	*message = NULL;
	r = station_init(&in, message);
	fclose(f);
	return r;
}

static mode_t mode_of(const char *dir, const char *name)
{
	_cleanup_free_ char *path = NULL;
	struct stat st;

	assert_true(asprintf(&path, "%s/%s", dir, name) > 0);
	if (stat(path, &st) < 0)
		fail_msg("%s is missing", path);
	return st.st_mode & 07777;
}

static void init_makes_a_station(void **state)
{
	char *dir = make_dir(), *db = make_dir(), *said = NULL, *message = NULL, *station = NULL;
	struct yaml_errors errors = { 0 };
	struct station_config *c = NULL;

	write_file(db, "local.hdb", "abc");
	write_file(db, "daily.cvd", "ClamAV-VDB:");
	write_file(db, "evil.ign2", "x");
	write_file(db, "empty.hdb", "");
	assert_true(asprintf(&station, "%s/new", dir) > 0);
	assert_int_equal(init(station, db, NULL, "Gate \"7\" \\ north", &said, &message), 0);
	assert_non_null(strstr(said, "evil.ign2: it can switch detections off"));
	assert_non_null(strstr(said, "empty.hdb: it is empty"));
	assert_int_equal(station_config_load(station, &errors, &c), 0);
	assert_string_equal(c->name, "Gate \"7\" \\ north");
	assert_int_equal(strlen(c->id), 16);
	assert_int_equal(c->database.count, 2);
	assert_string_equal(c->database.files[0].file, "daily.cvd");
	assert_string_equal(c->database.files[0].sha256, "");
	assert_string_equal(c->database.files[1].file, "local.hdb");
	assert_string_equal(c->database.files[1].sha256, /* FIPS 180-4: SHA-256("abc") */
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(mode_of(station, "keys"), 0700);
	assert_int_equal(mode_of(station, "keys/manifest.key"), 0600);
	assert_int_equal(mode_of(station, "keys/audit.pub"), 0644);
	assert_int_equal(mode_of(station, "staging"), 0755);
	assert_int_equal(mode_of(station, "spool"), 0700);
	assert_int_equal(mode_of(station, "audit"), 0700);
	assert_int_equal(mode_of(station, "trust"), 0755);
	assert_int_equal(mode_of(station, "rules.yaml"), 0644);
	assert_int_equal(mode_of(station, "types/extensions.yaml"), 0644);
	free(said);

	/* a second time: refused, and nothing changed */
	assert_int_equal(init(station, db, NULL, NULL, &said, &message), -EEXIST);
	assert_non_null(strstr(message, "nothing was changed"));
	free(message);
	free(said);
	station_config_free(c);
	free(station);
	remove_dir(db);
	remove_dir(dir);
}

/* The template's commented lines are what holds: turned on, they load, and change nothing. */
static void template_shows_the_defaults(void **state)
{
	char *dir = make_dir(), *db = make_dir(), *said = NULL, *message = NULL, *path = NULL, *text = NULL;
	struct yaml_errors errors = { 0 };
	struct station_config *a = NULL, *b = NULL;
	unsigned int turned_on = 0;

	write_file(db, "daily.cvd", "x");
	assert_int_equal(init(dir, db, "strict", NULL, &said, &message), 0);
	assert_int_equal(station_config_load(dir, &errors, &a), 0);
	assert_true(asprintf(&path, "%s/%s", dir, STATION_FILE) > 0);
	assert_int_equal(file_read(AT_FDCWD, path, 65536, &text, NULL), 0);
	for (char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		char *colon = strchr(line, ':'), *end = strchr(line, '\n'), *key = line + 1 + strspn(line + 1, " ");

		if (line[0] != '#' || !colon || colon > end)
			continue;
		if (key + strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789-") != colon || strncmp(key, "hash-list", 9) == 0 ||
		    strncmp(key, "named", 5) == 0)
			continue;
		/* "# key:" begins a section, "#  key:" and "#   key:" are lines in one */
		turned_on++;
		memmove(line, line + (line[2] == ' ' ? 1 : 2), strlen(line) - (line[2] == ' ' ? 0 : 1));
	}
	assert_true(turned_on >= 40);
	write_file(dir, STATION_FILE, text);
	if (station_config_load(dir, &errors, &b) < 0) {
		yaml_errors_print(&errors, stderr);
		fail();
	}
	assert_memory_equal(&a->limits, &b->limits, sizeof(a->limits));
	assert_memory_equal(a->drivers, b->drivers, sizeof(a->drivers));
	assert_int_equal(a->checks, b->checks);
	assert_int_equal(a->origin.rollback, b->origin.rollback);
	assert_int_equal(a->origin.valid_until, b->origin.valid_until);
	assert_int_equal(a->devices.source, b->devices.source);
	assert_int_equal(a->devices.is_guarded, b->devices.is_guarded);
	assert_int_equal(a->devices.has_optical, b->devices.has_optical);
	assert_null(a->devices.loop_dir);
	assert_int_equal(a->devices.at_once, b->devices.at_once);
	assert_int_equal(a->devices.unlock_tries, b->devices.unlock_tries);
	assert_int_equal(a->devices.unlock_time_s, b->devices.unlock_time_s);
	assert_string_equal(a->control.socket, b->control.socket);
	assert_string_equal(a->control.group, b->control.group);
	assert_int_equal(a->spool_bytes, b->spool_bytes);
	assert_int_equal(a->staging_min_free, b->staging_min_free);
	assert_int_equal(a->database.stop_age_s, b->database.stop_age_s);
	assert_int_equal(a->database.warn_age_s, b->database.warn_age_s);
	assert_string_equal(a->rules_file, b->rules_file);
	assert_string_equal(a->history_dir, b->history_dir);
	assert_string_equal(a->audit_key, b->audit_key);
	station_config_free(a);
	station_config_free(b);
	free(said);
	free(path);
	free(text);
	remove_dir(db);
	remove_dir(dir);
}

static void init_refuses(void **state)
{
	char *dir = make_dir(), *db = make_dir(), *said = NULL, *message = NULL, *station = NULL;
	static const struct {
		bool has_db;
		const char *profile, *name, *message;
		int error;
	} rows[] = {
		{ false, NULL, NULL, "name their directory with --db", -ENOENT },
		{ true, NULL, NULL, "there is no virus database in", -ENOENT },
		{ true, "documnts", NULL, "there is no profile 'documnts'", -ENOENT },
		{ true, "/nonexistent/p.yaml", NULL, "the profile /nonexistent/p.yaml cannot be read", -ENOENT },
		{ true, NULL, "two\nlines", "the station's name must be", -EINVAL },
	};

	write_file(db, "main.cld", "unsigned");
	assert_true(asprintf(&station, "%s/new", dir) > 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(init(station, rows[i].has_db ? db : "/nonexistent", rows[i].profile, rows[i].name, &said,
				      &message),
				 rows[i].error);
		assert_non_null(strstr(message, rows[i].message));
		assert_int_equal(access(station, F_OK), -1); /* nothing was made */
		free(said);
		free(message);
	}
	free(station);
	remove_dir(db);
	remove_dir(dir);
}

/* Broken off before lazaret.yaml was written: no station, and the keys that are there stay. */
static void init_goes_on(void **state)
{
	char *dir = make_dir(), *db = make_dir(), *said = NULL, *message = NULL, *path = NULL, *pub = NULL, *a = NULL, *b = NULL;

	write_file(db, "daily.cvd", "x");
	assert_int_equal(init(dir, db, NULL, NULL, &said, &message), 0);
	free(said);
	assert_true(asprintf(&path, "%s/%s", dir, STATION_FILE) > 0);
	assert_true(asprintf(&pub, "%s/keys/manifest.pub", dir) > 0);
	assert_int_equal(file_read(AT_FDCWD, pub, 4096, &a, NULL), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(init(dir, db, NULL, NULL, &said, &message), 0);
	assert_non_null(strstr(said, "kept      keys/manifest.key"));
	assert_int_equal(file_read(AT_FDCWD, pub, 4096, &b, NULL), 0);
	assert_string_equal(a, b);
	free(said);
	free(path);
	free(pub);
	free(a);
	free(b);
	remove_dir(db);
	remove_dir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(minimal_file),		 cmocka_unit_test(full_file),
		cmocka_unit_test(bad_files),		 cmocka_unit_test(all_errors_in_one_run),
		cmocka_unit_test(no_station),		 cmocka_unit_test(database_names),
		cmocka_unit_test(init_makes_a_station),	 cmocka_unit_test(template_shows_the_defaults),
		cmocka_unit_test(init_refuses),		 cmocka_unit_test(init_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
