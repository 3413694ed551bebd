/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `lazaret fleet`: what waits for the centre, and what other places decided. Connects to nothing: what does is lazaret-fleet, which
 * this starts for `push`, `import` and `check`.
 */
#include "cli/fleet.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <time.h>

#include "cli/records.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/outbox.h"
#include "common/parcel.h"
#include "common/program.h"
#include "station/path.h"

#define STATE_FILE   "state.json"  /* fleet/state.h */
#define ADVICE_FILE  "advice.json" /* fleet/lists.h */
#define STATE_MAX    16384	   /* bytes */
#define ADVICE_MAX   (512u << 20)

struct status {
	struct station_config *config;
	json_t *state;	 /* as lazaret-fleet left it; NULL: it never ran */
	bool has_last;	 /* of the trail */
	uint64_t last;
	uint64_t waiting;
	int64_t waiting_since; /* time of the oldest record that waits */
	bool has_exported;
	uint64_t exported; /* last record of the last export */
	char why[200];	   /* the trail cannot be read to its end */
};

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

/* -- status ------------------------------------------------------------------------------------------------------------ */

/* NULL: it is not there, or no JSON. */
static json_t *load_json(const struct station_config *c, const char *name, size_t limit)
{
	_cleanup_free_ char *dir = path_resolve(c->dir, STATION_FLEET_DIR), *path = dir ? path_resolve(dir, name) : NULL, *text = NULL;

	if (!path || file_read(AT_FDCWD, path, limit, &text, NULL) < 0)
		return NULL;
	return json_loads(text, JSON_REJECT_DUPLICATES, NULL);
}

static void note(struct status *s, const struct outbox_record *record, const json_t *acknowledged)
{
	bool is_known = acknowledged && (uint64_t)json_integer_value(json_object_get(acknowledged, "seq")) >= record->place.seq;

	s->has_last = true;
	s->last = record->place.seq;
	if (!is_known && s->waiting++ == 0)
		s->waiting_since = record->time;
	if (strcmp(record->record->type, PARCEL_TYPE) == 0) {
		s->has_exported = true;
		s->exported = (uint64_t)json_integer_value(json_object_get(record->record->body, "last"));
	}
}

static int read_trail(struct status *s)
{
	const json_t *acknowledged = json_object_get(s->state, "acknowledged");
	_cleanup_close_ int audit_fd = records_directory(s->config->audit_dir);
	_cleanup_(outbox_freep) struct outbox *outbox = NULL;
	struct outbox_record record;
	struct minisign_public key;
	const char *why = NULL;
	int r;

	if (audit_fd < 0)
		return audit_fd;
	r = records_public_key(s->config->audit_key, &key);
	if (r < 0)
		return r;
	r = outbox_open(audit_fd, &key, &outbox);
	if (r == -ENOENT)
		return 0; /* nothing was recorded yet */
	while (r >= 0 && (r = outbox_next(outbox, &record, &why)) == 1)
		note(s, &record, json_is_object(acknowledged) ? acknowledged : NULL);
	if (r == -EBADMSG)
		(void)snprintf(s->why, sizeof(s->why), "the audit trail is altered (`lazaret audit verify`): %s", why ? why : "not a record");
	return r == -EBADMSG ? 0 : r;
}

static void print_time(const char *words, int64_t seconds)
{
	char when[RECORDS_TIME_LEN];

	records_time(seconds, when);
	(void)printf("%s%s UTC", words, when);
}

static void print_line(const char *name, const char *text)
{
	(void)printf("%-13s", name);
	records_put(text);
	(void)putchar('\n');
}

static void print_position(const struct status *s)
{
	const json_t *at = json_object_get(s->state, "acknowledged");

	if (!s->has_last)
		(void)printf("records      nothing has been recorded yet\n");
	else if (!json_is_object(at))
		(void)printf("records      none of %" PRIu64 " acknowledged", s->last + 1);
	else
		(void)printf("records      %" JSON_INTEGER_FORMAT " of %" PRIu64 " acknowledged",
			     json_integer_value(json_object_get(at, "seq")) + 1, s->last + 1);
	if (s->has_last && json_is_object(at))
		print_time(", the last one ", json_integer_value(json_object_get(at, "at")));
	if (s->has_last)
		(void)putchar('\n');
	if (s->waiting > 0) {
		(void)printf("behind       by %" PRIu64 " records", s->waiting);
		print_time(", the oldest of ", s->waiting_since);
		(void)putchar('\n');
	}
}

static void print_state(const struct status *s)
{
	const json_t *error = json_object_get(s->state, "error"), *lists = json_object_get(s->state, "lists");
	const char *problem = json_string_value(json_object_get(s->state, "problem"));

	if (!s->state)
		(void)printf("service      lazaret-fleet has not run yet\n");
	if (json_string_value(json_object_get(s->state, "network")))
		print_line("may reach", json_string_value(json_object_get(s->state, "network")));
	if (json_is_object(error)) {
		print_line("last error", json_string_value(json_object_get(error, "text")));
		print_time("             ", json_integer_value(json_object_get(error, "last")));
		print_time(", since ", json_integer_value(json_object_get(error, "since")));
		(void)putchar('\n');
	}
	if (problem && problem[0])
		print_line("problem", problem);
	if (json_is_object(lists)) {
		(void)printf("decisions    %" JSON_INTEGER_FORMAT " contents denied, %" JSON_INTEGER_FORMAT " for information",
			     json_integer_value(json_object_get(lists, "denied")), json_integer_value(json_object_get(lists, "advice")));
		print_time(", read ", json_integer_value(json_object_get(lists, "at")));
		(void)putchar('\n');
	}
}

static void print_status(const struct status *s)
{
	if (s->config->fleet.database)
		print_line("database", s->config->fleet.database);
	else
		(void)printf("database     none configured: nothing connects anywhere\n");
	if (s->config->fleet.database) {
		print_position(s);
		print_state(s);
	}
	if (s->has_exported)
		(void)printf("exported     by file up to record %" PRIu64 " of %" PRIu64 "\n", s->exported, s->last);
	if (s->why[0])
		(void)printf("problem      %s\n", s->why);
}

static json_t *number_if(bool is_there, int64_t number)
{
	return is_there ? json_integer(number) : json_null();
}

static void print_json(const struct status *s)
{
	_cleanup_(json_decref_p) json_t *o = json_pack("{sosososossso?sO?}", "behind", number_if(s->config->fleet.database, (int64_t)s->waiting),
						       "behind_since", number_if(s->waiting > 0, s->waiting_since), "exported",
						       number_if(s->has_exported, (int64_t)s->exported), "last", number_if(s->has_last, (int64_t)s->last),
						       "trouble", s->why, "database",
						       s->config->fleet.database ? json_string(s->config->fleet.database) : json_null(), "state", s->state);
	_cleanup_free_ char *text = o ? json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	(void)puts(text ? text : "null"); /* errors of standard output show at the end of the program */
}

static bool is_well(const struct status *s)
{
	const char *problem = json_string_value(json_object_get(s->state, "problem"));

	if (s->why[0])
		return false;
	return !s->config->fleet.database || (s->waiting == 0 && !(problem && problem[0]) && !json_is_object(json_object_get(s->state, "error")));
}

static int status(struct cli *cli)
{
	struct status s = { .config = records_config(cli) };
	int r;

	if (!s.config)
		return EXIT_CANNOT;
	s.state = load_json(s.config, STATE_FILE, STATE_MAX);
	r = read_trail(&s);
	if (r < 0)
		log_error("%s: %s", s.config->audit_dir, strerror(-r));
	else if (cli->is_json)
		print_json(&s);
	else
		print_status(&s);
	r = r < 0 ? EXIT_CANNOT : is_well(&s) ? 0 : 1;
	json_decref(s.state);
	station_config_free(s.config);
	return r;
}

/* -- what others decided about a content ---------------------------------------------------------------------------------- */

static const char *text_of(const json_t *o, const char *key, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text && text[0] ? text : otherwise;
}

static void print_advice(const json_t *o)
{
	(void)fputs(text_of(o, "decision", "?"), stdout);
	(void)fputs(" at ", stdout);
	records_put(text_of(o, "station", "the centre"));
	print_time(", ", json_integer_value(json_object_get(o, "decided_at")));
	(void)fputs(", by ", stdout);
	records_put(text_of(o, "by", "?"));
	if (json_is_string(json_object_get(o, "second"))) {
		(void)fputs(" and ", stdout);
		records_put(text_of(o, "second", "?"));
	}
	(void)fputs(": ", stdout);
	records_put(text_of(o, "reason", "(no reason given)"));
	(void)putchar('\n');
}

static int print_denied(const struct station_config *c, const char *sum)
{
	_cleanup_free_ char *dir = path_resolve(c->dir, STATION_FLEET_DIR), *path = dir ? path_resolve(dir, "denied.sha256") : NULL;
	_cleanup_fclose_ FILE *in = path ? fopen(path, "re") : NULL;
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	int found = 0;

	while (in && getline(&line, &room, in) > 0)
		if (strncmp(line, sum, SHA256_HEX_LEN) == 0) {
			line[strcspn(line, "\n")] = '\0';
			(void)fputs("deny", stdout);
			records_put(line + SHA256_HEX_LEN);
			(void)putchar('\n');
			found++;
		}
	return found;
}

static int about(struct cli *cli, const char *sum)
{
	struct station_config *config = records_config(cli);
	_cleanup_(json_decref_p) json_t *advice = NULL;
	json_t *o;
	size_t i;
	int found;

	if (!config)
		return EXIT_CANNOT;
	found = print_denied(config, sum);
	advice = load_json(config, ADVICE_FILE, ADVICE_MAX);
	json_array_foreach(json_object_get(advice, "decisions"), i, o)
		if (strcmp(text_of(o, "sha256", ""), sum) == 0) {
			print_advice(o);
			found++;
		}
	if (found == 0)
		(void)printf("nothing was decided about it elsewhere\n");
	station_config_free(config);
	return 0;
}

/* -- the other program ----------------------------------------------------------------------------------------------------- */

/* Does not return when it succeeds. */
static int run_fleet(const char **argv)
{
	char path[PATH_MAX];
	int r = program_find("lazaret-fleet", path);

	if (r == 0) {
		argv[0] = path;
		(void)execv(path, (char *const *)argv); /* returns when it fails alone, and changes nothing */
		r = -errno;
	}
	log_error("lazaret-fleet cannot be started: %s", strerror(-r));
	return EXIT_CANNOT;
}

static int push(struct cli *cli)
{
	const char *argv[] = { NULL, "-C", cli->dir, "--once", NULL };

	return run_fleet(argv);
}

/* `import` and `check` have arguments of their own. */
static int pass_on(struct cli *cli)
{
	const char **argv = calloc((size_t)cli->argc + 3, sizeof(*argv));
	int n = 1, status;

	if (!argv)
		return EXIT_CANNOT;
	argv[n++] = cli->argv[1];
	if (cli->is_json && strcmp(cli->argv[1], "check") == 0)
		argv[n++] = "--json";
	for (int i = 2; i < cli->argc; i++)
		argv[n++] = cli->argv[i];
	status = run_fleet(argv);
	free(argv);
	return status;
}

static bool is_sum(const char *text)
{
	return strlen(text) == SHA256_HEX_LEN && strspn(text, "0123456789abcdef") == SHA256_HEX_LEN;
}

int cmd_fleet(struct cli *cli)
{
	const char *what = cli->argc >= 2 ? cli->argv[1] : "";

	if (strcmp(what, "status") == 0 && cli->argc == 2)
		return status(cli);
	if (strcmp(what, "status") == 0 && cli->argc == 3 && is_sum(cli->argv[2]))
		return about(cli, cli->argv[2]);
	if (strcmp(what, "push") == 0 && cli->argc == 2)
		return push(cli);
	if (strcmp(what, "export") == 0)
		return fleet_export(cli, cli->argc - 1, cli->argv + 1);
	if (strcmp(what, "import") == 0 || strcmp(what, "check") == 0)
		return pass_on(cli);
	(void)fputs("usage: lazaret fleet status [SHA256]\n"
		    "       lazaret fleet push\n"
		    "       lazaret fleet export --out FILE [--from SEQ]\n"
		    "       lazaret fleet import [--keys DIR] FILE... DSN\n"
		    "       lazaret fleet check [--keys DIR] [--station ID] DSN\n", stderr); /* nowhere left to complain to */
	return EXIT_USAGE;
}
