/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `lazaret person`: options, and what changes nothing. */
#include <getopt.h>
#include <string.h>
#include <time.h>

#include "cli/person_change.h"
#include "cli/records.h"
#include "common/log.h"
#include "people/lockout.h"

static const char usage_text[] =
	"usage: lazaret person list\n"
	"       lazaret person add NAME --role ROLE... [--full-name TEXT] [--until YYYY-MM-DD] [--no-password]\n"
	"       lazaret person change NAME [--role ROLE...] [--full-name TEXT] [--until YYYY-MM-DD|never]\n"
	"       lazaret person remove NAME [--reason TEXT]\n"
	"       lazaret person password NAME     a new password\n"
	"       lazaret person unlock NAME       after too many failed tries\n"
	"       lazaret person check             try to log in\n"
	"all but list ask who does it: [--credentials FD] reads names and secrets from there; [--recover REASON]: no\n"
	"administrator can log in\n"
	"roles: operator, officer, auditor, administrator\n";

static int usage(void)
{
	(void)fputs(usage_text, stderr); /* nowhere left to complain to */
	return EXIT_USAGE;
}

/* -- list ------------------------------------------------------------------------------------------------------------ */

static void put_roles(unsigned int roles)
{
	bool is_first = true;

	for (int k = 0; k < PERSON_ROLE_COUNT_; k++)
		if (roles & 1u << k) {
			(void)printf("%s%s", is_first ? "" : ",", person_role_name((enum person_role)k));
			is_first = false;
		}
}

static void put_person(const struct person *p, const struct lockout *l)
{
	char at[RECORDS_TIME_LEN];

	(void)printf("%-16s ", p->name);
	put_roles(p->roles);
	if (*p->full_name) {
		(void)printf("  ");
		records_put(p->full_name);
	}
	if (p->until > 0) {
		records_time(p->until, at);
		(void)printf("  %s %.10s", person_has_ended(p, time(NULL)) ? "ended" : "until", at);
	}
	if (l->until > 0) {
		records_time(l->until, at);
		(void)printf("  locked until %s UTC", at);
	} else if (l->failed > 0) {
		(void)printf("  %llu failed", (unsigned long long)l->failed);
	}
	(void)putchar('\n');
}

static json_t *person_entry(const struct person *p, const struct lockout *l)
{
	return json_pack("{s:s,s:s,s:o,s:I,s:s,s:I,s:I,s:I}", "name", p->name, "full_name", p->full_name, "roles", person_roles_json(p->roles),
			 "added_at", (json_int_t)p->added_at, "by", p->by, "until", (json_int_t)p->until, "failed", (json_int_t)l->failed,
			 "locked_until", (json_int_t)l->until);
}

static int list(const struct cli *cli, const struct station_config *config)
{
	const struct lockout_rule rule = { config->people.tries, config->people.lock_time_s };
	_cleanup_(people_freep) struct people *people = NULL;
	_cleanup_free_ char *why = NULL;
	json_t *all = json_array();
	int r = people_load(config->dir, &people, &why);

	for (size_t k = 0; r == 0 && k < people->count; k++) {
		struct lockout l;

		r = lockout_get(config->dir, people->list[k].name, &rule, time(NULL), &l);
		if (r == 0 && cli->is_json)
			r = json_array_append_new(all, person_entry(&people->list[k], &l)) < 0 ? -ENOMEM : 0;
		else if (r == 0)
			put_person(&people->list[k], &l);
	}
	if (r == 0 && cli->is_json && json_dumpf(all, stdout, JSON_COMPACT | JSON_SORT_KEYS) == 0)
		(void)putchar('\n');
	else if (r == 0 && !cli->is_json && people->count == 0)
		(void)puts("nobody yet: lazaret person add NAME --role administrator");
	json_decref(all);
	if (r < 0)
		log_error("%s", why ? why : strerror(-r));
	return r < 0 ? EXIT_CANNOT : EXIT_SUCCESS;
}

static int check(const struct station_config *config)
{
	_cleanup_(people_freep) struct people *people = NULL;
	_cleanup_free_ char *name = NULL;
	const struct person *p;
	int r = person_ask_role(config, "person", "person check", 0, NULL, &name);

	if (r < 0)
		return r == -EACCES ? EXIT_FAILURE : EXIT_CANNOT;
	r = people_load(config->dir, &people, NULL);
	p = r == 0 ? person_find(people, name) : NULL;
	if (!p)
		return EXIT_CANNOT;
	(void)printf("%s: ", p->name);
	put_roles(p->roles);
	(void)putchar('\n');
	return EXIT_SUCCESS;
}

/* -- options ---------------------------------------------------------------------------------------------------------- */

static int take_until(const char *text, struct person_change *c)
{
	struct tm tm = { 0 }, as_given;
	const char *end = strptime(text, "%Y-%m-%d", &tm);
	time_t t;

	if (strcmp(text, "never") == 0) {
		c->until = 0;
		return 0;
	}
	as_given = tm;
	t = timegm(&tm);
	if (!end || *end || t <= 0 || tm.tm_mday != as_given.tm_mday) {
		log_error("--until %s: not a day, such as 2030-12-31", text);
		return EXIT_USAGE;
	}
	c->until = (int64_t)t + 24 * 60 * 60 - 1; /* the day's end, UTC */
	return 0;
}

/* One, or some with commas. */
static int take_roles(const char *text, struct person_change *c)
{
	_cleanup_free_ char *words = strdup(text);
	char *rest = words;

	if (!words)
		return EXIT_CANNOT;
	for (char *word = strtok_r(words, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		int role = person_role_by_name(word);

		if (role < 0) {
			log_error("--role %s: not a role (operator, officer, auditor, administrator)", word);
			return EXIT_USAGE;
		}
		c->roles |= 1u << role;
	}
	return 0;
}

static int take_option(int o, struct person_change *c)
{
	switch (o) {
	case 'r':
		return take_roles(optarg, c);
	case 'f':
		c->full_name = optarg;
		return 0;
	case 'u':
		return take_until(optarg, c);
	case 'n':
		c->has_no_password = true;
		return 0;
	case 'w':
		c->reason = optarg;
		return 0;
	case 'e':
		c->recover = optarg;
		return *optarg ? 0 : usage();
	case 'c':
		return person_credentials(optarg) ? 0 : EXIT_USAGE;
	default:
		return usage();
	}
}

static int parse(int argc, char **argv, struct person_change *c)
{
	static const struct option longs[] = {
		{ "role", required_argument, NULL, 'r' },	 { "full-name", required_argument, NULL, 'f' },
		{ "until", required_argument, NULL, 'u' },	 { "no-password", no_argument, NULL, 'n' },
		{ "reason", required_argument, NULL, 'w' },	 { "recover", required_argument, NULL, 'e' },
		{ "credentials", required_argument, NULL, 'c' }, { 0 },
	};
	bool is_add = strcmp(argv[0], "add") == 0, is_change = strcmp(argv[0], "change") == 0, has_name = strcmp(argv[0], "check") != 0;
	int o, r;

	optind = 0; /* glibc: begin again with this vector */
	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if ((strchr("rfu", o) && !is_add && !is_change) || (o == 'n' && !is_add) || (o == 'w' && strcmp(argv[0], "remove") != 0) ||
		    (o == 'e' && !has_name))
			return usage();
		r = take_option(o, c);
		if (r != 0)
			return r;
	}
	if (optind != argc - has_name || (is_add && c->roles == 0))
		return usage();
	if (!has_name)
		return 0;
	c->name = argv[optind];
	if (!person_name_valid(c->name)) {
		log_error("a person's name has 1 to %d of a-z 0-9 . _ - @ and begins with a letter or digit", PERSON_NAME_MAX);
		return EXIT_USAGE;
	}
	if (c->full_name && !person_full_name_valid(c->full_name)) {
		log_error("--full-name: at most %d bytes of text in one line", PERSON_FULL_NAME_MAX);
		return EXIT_USAGE;
	}
	return 0;
}

int cmd_person(struct cli *cli)
{
	static const struct {
		const char *name;
		int (*run)(const struct station_config *config, const struct person_change *c);
	} changes[] = { { "add", person_add },		 { "change", person_alter },	{ "remove", person_remove },
			{ "password", person_password }, { "unlock", person_unlock } };
	const char *word = cli->argc >= 2 ? cli->argv[1] : "";
	struct person_change c = { .command = word, .until = -1 };
	int (*run)(const struct station_config *config, const struct person_change *c) = NULL;
	struct station_config *config;
	int status;

	for (size_t k = 0; k < ARRAY_LEN(changes); k++)
		if (strcmp(changes[k].name, word) == 0)
			run = changes[k].run;
	if (!run && strcmp(word, "check") != 0 && (strcmp(word, "list") != 0 || cli->argc != 2))
		return usage();
	status = strcmp(word, "list") == 0 ? 0 : parse(cli->argc - 1, cli->argv + 1, &c);
	if (status != 0)
		return status;
	config = records_config(cli);
	if (!config)
		return EXIT_CANNOT;
	status = run ? run(config, &c) : strcmp(word, "list") == 0 ? list(cli, config) : check(config);
	station_config_free(config);
	return status;
}
