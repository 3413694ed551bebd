/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `lazaret rules`: check the officer's rules, and ask what they make of a file. */
#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/explain.h"
#include "cli/records.h"
#include "common/digest_name.h"
#include "common/log.h"
#include "common/report.h"
#include "common/trust.h"
#include "judge/rules.h"

static const char usage_text[] =
	"usage: lazaret rules check [FILE]\n"
	"       lazaret rules explain [--root DIR] FILE\n"
	"       lazaret rules explain FILE --type MIME [--type MIME]... [--within MIME]... [--name PATH] [--size SIZE] [--signature KEY]\n"
	"                             [--checksum ALGORITHM[:KEY]] [--finding REASON]... [--medium KIND] [--operator NAME]\n"
	"       lazaret rules explain --report TRANSFER PATH\n";

struct rules_command {
	struct cli *cli;
	struct station_config *config;
	json_t *keys; /* as trust_load() gives them */
	const char **key_names;
	struct rule_set *rules;
	const char *report; /* --report */
	const char *root;   /* --root */
	struct explain_facts facts;
	char *checksums[EXPLAIN_MAX]; /* owned copies, cut in two */
};

static int usage(void)
{
	(void)fputs(usage_text, stderr); /* nowhere left to complain to */
	return EXIT_USAGE;
}

/* -- rules ------------------------------------------------------------------------------------------------- */
static int load_key_names(struct rules_command *c)
{
	_cleanup_close_ int fd = open(c->config->trust_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *why = NULL;
	json_t *key;
	size_t i;
	int r = fd < 0 ? -errno : trust_load(fd, &c->keys, &why);

	if (r < 0) {
		log_error("%s: %s", c->config->trust_dir, why ? why : strerror(-r));
		return r;
	}
	c->key_names = calloc(json_array_size(c->keys) + 1, sizeof(*c->key_names));
	if (!c->key_names)
		return -ENOMEM;
	json_array_foreach(c->keys, i, key)
		c->key_names[i] = json_string_value(json_object_get(key, "name"));
	return 0;
}

static int load_rules(struct rules_command *c, const char *file)
{
	struct yaml_errors errors = { 0 };
	struct rules_context context;
	int r = load_key_names(c);

	if (r < 0)
		return EXIT_CANNOT;
	context = (struct rules_context){ c->key_names, json_array_size(c->keys) };
	r = rules_load(file ? file : c->config->rules_file, c->config->types_dir, &context, &errors, &c->rules);
	if (r < 0)
		yaml_errors_print(&errors, stderr);
	yaml_errors_done(&errors);
	return r == 0 ? EXIT_SUCCESS : r == -EINVAL ? EXIT_FAILURE : EXIT_CANNOT;
}

static int print_check_json(const struct rule_set *rules, const char *hex)
{
	json_t *all = json_pack("{s:s, s:s, s:I}", "policy", rules_title(rules), "policy_sha256", hex, "rules",
				(json_int_t)rules_count(rules));
	int r = all ? json_dumpf(all, stdout, JSON_COMPACT | JSON_SORT_KEYS) : -1;

	json_decref(all);
	(void)fputc('\n', stdout);
	return r == 0 ? EXIT_SUCCESS : EXIT_CANNOT;
}

static int check(struct rules_command *c, int argc, char **argv)
{
	char hex[SHA256_HEX_LEN + 1];
	int status;

	if (argc > 2)
		return usage();
	status = load_rules(c, argc == 2 ? argv[1] : NULL);
	if (status != EXIT_SUCCESS)
		return status;
	hex_encode(rules_sha256(c->rules), SHA256_LEN, hex);
	if (c->cli->is_json)
		return print_check_json(c->rules, hex);
	for (size_t i = 0; i < rules_count(c->rules); i++) {
		(void)printf("%3zu  ", i + 1);
		records_put(rules_name(c->rules, i));
		(void)fputs(": ", stdout);
		records_put(rules_why(c->rules, rules_name(c->rules, i)));
		(void)fputc('\n', stdout);
	}
	(void)printf("%zu rules, no errors; policy_sha256 %s\n", rules_count(c->rules), hex);
	return EXIT_SUCCESS;
}

/* -- explain ----------------------------------------------------------------------------------------------- */
static int add_signer(struct rules_command *c, const char *name)
{
	struct subject *s = &c->facts.subject;

	if (s->signer_count == EXPLAIN_MAX)
		return -E2BIG;
	c->facts.signers[s->signer_count++] = (struct judge_signer){ name, "", "--signature" };
	return 0;
}

static int add_type(struct rules_command *c, const char *mime)
{
	struct subject *s = &c->facts.subject;

	if (s->type_count == EXPLAIN_MAX)
		return -E2BIG;
	c->facts.types[s->type_count++] = mime;
	return 0;
}

/* The nearest container first. */
static int add_container(struct rules_command *c, const char *mime)
{
	struct subject *s = &c->facts.subject;

	if (s->container_count == EXPLAIN_CONTAINERS_MAX)
		return -E2BIG;
	c->facts.containers[s->container_count++] = mime;
	return 0;
}

static int add_checksum(struct rules_command *c, const char *text)
{
	struct subject *s = &c->facts.subject;
	char *copy, *key;

	if (s->listing_count == EXPLAIN_MAX)
		return -E2BIG;
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	key = strchr(copy, ':');
	if (key)
		*key++ = '\0';
	if (!digest_by_name(copy)) {
		free(copy);
		return -ENOENT;
	}
	c->checksums[s->listing_count] = copy;
	c->facts.listings[s->listing_count++] = (struct judge_listing){ "--checksum", copy, key };
	return 0;
}

static int add_finding(struct rules_command *c, const char *code)
{
	enum reason reason;
	int r = reason_parse(code, &reason);

	return r == 0 ? findings_add(&c->facts.findings, reason, NULL, "--finding") : r;
}

static int set_kind(struct rules_command *c, const char *kind)
{
	for (size_t i = 0; judge_medium_kinds[i]; i++) {
		if (strcmp(judge_medium_kinds[i], kind) == 0) {
			c->facts.subject.medium.kind = kind;
			return 0;
		}
	}
	return -ENOENT;
}

static int set_option(struct rules_command *c, int option, const char *value)
{
	switch (option) {
	case 'R':
		c->root = value;
		return 0;
	case 't':
		return add_type(c, value);
	case 'w':
		return add_container(c, value);
	case 'n':
		c->facts.subject.path = value;
		return 0;
	case 's':
		return size_parse(value, &c->facts.subject.size);
	case 'k':
		return add_signer(c, value);
	case 'c':
		return add_checksum(c, value);
	case 'f':
		return add_finding(c, value);
	case 'm':
		return set_kind(c, value);
	case 'o':
		c->facts.subject.operator_name = value;
		return 0;
	default:
		c->report = value;
		return 0;
	}
}

/* With --report everything else is in the report. */
static int explain_report(struct rules_command *c, const char *path)
{
	_cleanup_fclose_ FILE *in = NULL;
	_cleanup_free_ char *file = NULL;
	int fd, r;

	if (!report_transfer_valid(c->report))
		return usage();
	if (asprintf(&file, "%s/%s.json", c->config->reports_dir, c->report) < 0) {
		file = NULL;
		return EXIT_CANNOT;
	}
	fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	in = fd < 0 ? NULL : fdopen(fd, "r");
	if (!in) {
		log_error("%s: %s (`lazaret history` lists the transfers)", file, strerror(errno));
		close_p(&fd);
		return EXIT_CANNOT;
	}
	r = explain_from_report(in, path, &c->facts);
	if (r < 0)
		log_error("%s: %s", file, r == -ENOENT ? "the report does not name this file" : strerror(-r));
	return r == 0 ? EXIT_SUCCESS : EXIT_CANNOT;
}

static int explain_options(struct rules_command *c, const char *file, bool has_size)
{
	struct subject *s = &c->facts.subject;
	struct stat st;

	if (s->type_count == 0) { /* nothing said of its content: have it examined */
		int r = explain_from_examination(c->cli->dir, file, c->root, &c->facts);

		return r == 0 ? EXIT_SUCCESS : EXIT_CANNOT;
	}
	if (!*s->path)
		s->path = file;
	if (!has_size && stat(file, &st) == 0)
		s->size = (uint64_t)st.st_size;
	return EXIT_SUCCESS;
}

static int explain(struct rules_command *c, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "type", required_argument, NULL, 't' },     { "within", required_argument, NULL, 'w' },
		{ "name", required_argument, NULL, 'n' },
		{ "size", required_argument, NULL, 's' },     { "signature", required_argument, NULL, 'k' },
		{ "checksum", required_argument, NULL, 'c' }, { "finding", required_argument, NULL, 'f' },
		{ "medium", required_argument, NULL, 'm' },   { "operator", required_argument, NULL, 'o' },
		{ "report", required_argument, NULL, 'r' },   { "root", required_argument, NULL, 'R' },
		{ 0 },
	};
	bool has_size = false;
	unsigned int options = 0;
	int option, status, r;

	explain_init(&c->facts, c->config->checks);
	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (option == '?')
			return usage();
		options += option != 'r' && option != 'R';
		has_size = has_size || option == 's';
		r = set_option(c, option, optarg);
		if (r < 0) {
			log_error("'%s' cannot be: %s", optarg, r == -ENOENT ? "no such name" : strerror(-r));
			return EXIT_USAGE;
		}
	}
	if (optind + 1 != argc || (c->report && options > 0) || (c->root && (c->report || options > 0)))
		return usage();
	status = c->report ? explain_report(c, argv[optind]) : explain_options(c, argv[optind], has_size);
	if (status == EXIT_SUCCESS)
		status = load_rules(c, NULL);
	if (status != EXIT_SUCCESS)
		return status;
	r = rules_explain_print(c->rules, &c->facts, c->cli->is_json, stdout);
	return r < 0 ? EXIT_CANNOT : r == 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run(struct rules_command *c, int argc, char **argv)
{
	return strcmp(argv[0], "check") == 0 ? check(c, argc, argv) : explain(c, argc, argv);
}

int cmd_rules(struct cli *cli)
{
	struct rules_command c = { .cli = cli };
	int status;

	if (cli->argc < 2 || (strcmp(cli->argv[1], "check") != 0 && strcmp(cli->argv[1], "explain") != 0))
		return usage();
	c.config = records_config(cli);
	if (!c.config)
		return EXIT_CANNOT;
	status = run(&c, cli->argc - 1, cli->argv + 1);
	rules_free(c.rules);
	explain_done(&c.facts);
	for (size_t i = 0; i < EXPLAIN_MAX; i++)
		free(c.checksums[i]);
	free(c.key_names);
	json_decref(c.keys);
	station_config_free(c.config);
	return status;
}
