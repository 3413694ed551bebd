/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `lazaret key`: the station's own keys, and the options of what the officer does with vendors' keys. */
#include "cli/key.h"

#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <string.h>
#include <time.h>

#include "cli/records.h"
#include "common/log.h"
#include "common/text.h"

static const char usage_text[] =
	"usage: lazaret key make            make the station's keys that are missing\n"
	"       lazaret key show            the station's public keys\n"
	"       lazaret key list            the vendor keys that are trusted\n"
	"       lazaret key trust FILE --name NAME [--for PURPOSE]... [--path GLOB]... [--type GLOB]... [--until YYYY-MM-DD]\n"
	"                         [--by WHO] [--yes | --fingerprint HEX]\n"
	"       lazaret key distrust NAME [--reason TEXT] [--by WHO]\n"
	"purposes: files, repository, package, image, attestation, code; all of them when none is given; update (packs for this\n"
	"station), when it is named\n";

static int usage(void)
{
	(void)fputs(usage_text, stderr); /* nowhere left to complain to */
	return EXIT_USAGE;
}

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

/* -- the station's keys -------------------------------------------------------------------------------------- */

static void put_key(const char *role, const char *path, const struct minisign_public *p, bool is_json)
{
	char id[MINISIGN_ID_TEXT_LEN + 1], fingerprint[MINISIGN_FINGERPRINT_LEN + 1],
		text[MINISIGN_PUBLIC_TEXT_LEN + 1];

	minisign_id_text(p->id, id);
	minisign_public_base64(p, text);
	if (minisign_fingerprint(p, fingerprint) < 0)
		(void)snprintf(fingerprint, sizeof(fingerprint), "(out of memory)");
	if (is_json)
		(void)printf("{\"fingerprint\":\"%s\",\"key\":\"%s\",\"key_id\":\"%s\",\"role\":\"%s\"}\n", fingerprint, text, id,
			     role);
	else
		(void)printf("%s key %s\n  public       %s\n  fingerprint  %s\n  secret file  %s\n", role, id, text,
			     fingerprint, path);
}

static int show_one(const char *role, const char *path, bool is_json)
{
	struct minisign_public p;

	if (records_public_key(path, &p) < 0)
		return EXIT_CANNOT;
	put_key(role, path, &p, is_json);
	return EXIT_SUCCESS;
}

static int key_show(const struct cli *cli, const struct station_config *config)
{
	int manifest = show_one("manifest", config->manifest_key, cli->is_json);
	int audit = show_one("audit", config->audit_key, cli->is_json);

	return MAX(manifest, audit);
}

/* 1: made; 0: was there; negative errno after telling. */
static int make_one(const char *role, const char *path, struct minisign_public *ret)
{
	_cleanup_free_ char *for_dir = strdup(path), *for_base = strdup(path);
	_cleanup_close_ int dir_fd = -EBADF;
	char *name, *dot;
	int r;

	if (!for_dir || !for_base)
		return -ENOMEM;
	if (access(path, F_OK) == 0)
		return 0;
	name = basename(for_base);
	dot = strrchr(name, '.');
	if (!dot || strcmp(dot, ".key") != 0) {
		log_error("%s: the name of a secret key file ends in .key", path);
		return -EINVAL;
	}
	*dot = '\0';
	dir_fd = records_directory(dirname(for_dir));
	if (dir_fd < 0)
		return dir_fd;
	r = minisign_pair_make(dir_fd, name, ret);
	if (r < 0)
		log_error("%s: the %s key cannot be made: %s", path, role, strerror(-r));
	return r < 0 ? r : 1;
}

static int record_made(const struct station_config *config, const char *role, const struct minisign_public *p)
{
	char id[MINISIGN_ID_TEXT_LEN + 1], fingerprint[MINISIGN_FINGERPRINT_LEN + 1];
	_cleanup_(json_decref_p) json_t *body = NULL;

	minisign_id_text(p->id, id);
	if (minisign_fingerprint(p, fingerprint) < 0)
		return -ENOMEM;
	body = json_pack("{ss,ss,ss}", "role", role, "key_id", id, "fingerprint", fingerprint);
	return body ? records_append(config, "key-made", body) : -ENOMEM;
}

static int key_make(const struct cli *cli, const struct station_config *config)
{
	struct minisign_public audit, manifest;
	int made_audit = make_one("audit", config->audit_key, &audit);
	int made = made_audit < 0 ? made_audit : make_one("manifest", config->manifest_key, &manifest);

	if (made < 0)
		return EXIT_CANNOT;
	if (made_audit == 0 && made == 0) {
		(void)puts("the station has its keys already; none was replaced");
		return EXIT_SUCCESS;
	}
	/* an audit key names itself in the first record of the trail */
	if (made == 1 && record_made(config, "manifest", &manifest) < 0)
		return EXIT_CANNOT;
	return key_show(cli, config);
}

/* -- options ------------------------------------------------------------------------------------------------- */

/* The day's end in UTC, or -1. */
static int64_t parse_day(const char *text)
{
	struct tm tm = { 0 }, as_given;
	const char *end = strptime(text, "%Y-%m-%d", &tm);
	time_t t;

	if (!end || *end)
		return -1;
	as_given = tm;
	t = timegm(&tm);
	if (t <= 0 || tm.tm_mday != as_given.tm_mday) /* the 31st of February became another day */
		return -1;
	return (int64_t)t + 24 * 60 * 60 - 1;
}

static int take_until(const char *text, struct key_change *c)
{
	c->until = parse_day(text);
	if (c->until >= 0 && c->until > time(NULL))
		return 0;
	log_error(c->until < 0 ? "--until %s: not a day, such as 2030-12-31" : "--until %s: that day is over", text);
	return EXIT_USAGE;
}

static int take_purpose(const char *word, struct key_change *c)
{
	int purpose = trust_purpose_by_name(word);

	if (purpose < 0) {
		log_error("--for %s: not a purpose (files, repository, package, image, attestation, code, update)", word);
		return EXIT_USAGE;
	}
	c->purposes |= 1u << purpose;
	return 0;
}

static int take_pattern(const char *option, const char *pattern, bool is_valid, const char *hint, struct key_patterns *p)
{
	if (!is_valid || !text_utf8_valid(pattern, strlen(pattern))) {
		log_error("%s %s: %s", option, pattern, is_valid ? "not UTF-8; '?' stands for any one byte" : hint);
		return EXIT_USAGE;
	}
	if (p->count == TRUST_SCOPE_MAX) {
		log_error("%s: more than %d", option, TRUST_SCOPE_MAX);
		return EXIT_USAGE;
	}
	p->list[p->count++] = pattern;
	return 0;
}

static int take_option(int o, struct key_change *c)
{
	switch (o) {
	case 'n':
		c->name = optarg;
		return 0;
	case 'b':
		c->by = optarg;
		return 0;
	case 'r':
		c->reason = optarg;
		return 0;
	case 'f':
		c->fingerprint = optarg;
		return 0;
	case 'y':
		c->is_agreed = true;
		return 0;
	case 'u':
		return take_until(optarg, c);
	case 'o':
		return take_purpose(optarg, c);
	case 'p':
		return take_pattern("--path", optarg, trust_path_valid(optarg),
				    "can match no file: paths are relative to the volume, and end in a name", &c->paths);
	case 't':
		return take_pattern("--type", optarg, trust_type_valid(optarg),
				    "not a MIME type such as application/pdf or image/*", &c->types);
	default:
		return usage();
	}
}

static int parse_change(int argc, char **argv, struct key_change *c, bool is_trust)
{
	static const struct option trust_options[] = {
		{ "name", required_argument, NULL, 'n' },  { "for", required_argument, NULL, 'o' },
		{ "path", required_argument, NULL, 'p' },  { "type", required_argument, NULL, 't' },
		{ "until", required_argument, NULL, 'u' }, { "by", required_argument, NULL, 'b' },
		{ "yes", no_argument, NULL, 'y' },	   { "fingerprint", required_argument, NULL, 'f' },
		{ 0 },
	};
	static const struct option distrust_options[] = {
		{ "reason", required_argument, NULL, 'r' },
		{ "by", required_argument, NULL, 'b' },
		{ 0 },
	};
	int o, r;

	optind = 0; /* glibc: begin again with this vector */
	while ((o = getopt_long(argc, argv, "", is_trust ? trust_options : distrust_options, NULL)) != -1) {
		r = take_option(o, c);
		if (r != 0)
			return r;
	}
	if (optind != argc - 1)
		return usage();
	if (is_trust)
		c->file = argv[optind];
	else
		c->name = argv[optind];
	if (!c->name)
		return usage();
	if (!trust_name_valid(c->name)) {
		log_error("%s: a key's name has 1 to %d of a-z 0-9 . _ - and begins with a letter or digit", c->name,
			  TRUST_NAME_MAX);
		return EXIT_USAGE;
	}
	return 0;
}

static int change(const struct cli *cli, const struct station_config *config, bool is_trust)
{
	struct key_change c = { 0 };
	int r = parse_change(cli->argc - 1, cli->argv + 1, &c, is_trust);

	if (r != 0)
		return r;
	return is_trust ? key_trust(cli, config, &c) : key_distrust(config, &c);
}

int cmd_key(struct cli *cli)
{
	const char *word = cli->argc >= 2 ? cli->argv[1] : "";
	bool is_plain = cli->argc == 2;
	struct station_config *config;
	int status;

	if (!(is_plain && (strcmp(word, "make") == 0 || strcmp(word, "show") == 0 || strcmp(word, "list") == 0)) &&
	    strcmp(word, "trust") != 0 && strcmp(word, "distrust") != 0)
		return usage();
	config = records_config(cli);
	if (!config)
		return EXIT_CANNOT;
	if (strcmp(word, "make") == 0)
		status = key_make(cli, config);
	else if (strcmp(word, "show") == 0)
		status = key_show(cli, config);
	else if (strcmp(word, "list") == 0)
		status = key_list(cli, config);
	else
		status = change(cli, config, strcmp(word, "trust") == 0);
	station_config_free(config);
	return status;
}
