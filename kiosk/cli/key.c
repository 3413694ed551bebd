/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `lazaret key`: the station's own keys, and the vendor keys that the officer trusts. Each change is recorded in the audit
 * trail before it is made: when the trail cannot be written, nothing changes.
 */
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <pwd.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "cli/records.h"
#include "common/fd.h"
#include "common/hash.h"
#include "common/log.h"
#include "common/text.h"
#include "common/trust.h"

struct key_change {
	const char *name, *file, *by, *fingerprint, *reason;
	int64_t until; /* 0: no end */
	bool is_agreed;
};

static const char usage_text[] =
	"usage: lazaret key make            make the station's keys that are missing\n"
	"       lazaret key show            the station's public keys\n"
	"       lazaret key list            the vendor keys that are trusted\n"
	"       lazaret key trust FILE --name NAME [--until YYYY-MM-DD] [--by WHO] [--yes | --fingerprint HEX]\n"
	"       lazaret key distrust NAME [--reason TEXT] [--by WHO]\n";

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

/* -- trusted keys -------------------------------------------------------------------------------------------- */

/* Changes to the directory come one after the other. */
static int open_trust(const struct station_config *config)
{
	int fd = records_directory(config->trust_dir);

	if (fd >= 0 && flock(fd, LOCK_EX) < 0) {
		log_error("%s: %s", config->trust_dir, strerror(errno));
		close_p(&fd);
		return -EIO;
	}
	return fd;
}

static int tell(const char *path, int error, char *why)
{
	log_error("%s/%s", path, why ? why : strerror(-error));
	free(why);
	return EXIT_CANNOT;
}

static void put_trusted(const json_t *key)
{
	json_int_t until = json_integer_value(json_object_get(key, "until"));
	char added[RECORDS_TIME_LEN], end[RECORDS_TIME_LEN];

	records_time(json_integer_value(json_object_get(key, "added_at")), added);
	records_time(until, end);
	(void)printf("%s\n  key id       %s\n  fingerprint  %s\n  trusted      %s UTC by ",
		     json_string_value(json_object_get(key, "name")), json_string_value(json_object_get(key, "key_id")),
		     json_string_value(json_object_get(key, "fingerprint")), added);
	records_put(json_string_value(json_object_get(key, "by")));
	if (until > 0)
		(void)printf("\n  until        %s UTC%s", end, until < time(NULL) ? " (expired: counts no more)" : "");
	(void)fputc('\n', stdout);
}

static int key_list(const struct cli *cli, const struct station_config *config)
{
	_cleanup_close_ int fd = records_directory(config->trust_dir);
	_cleanup_(json_decref_p) json_t *keys = NULL;
	char *why = NULL;
	json_t *key;
	size_t i;
	int r;

	if (fd < 0)
		return EXIT_CANNOT;
	r = trust_load(fd, &keys, &why);
	if (r < 0)
		return tell(config->trust_dir, r, why);
	json_array_foreach(keys, i, key) {
		if (cli->is_json) {
			(void)json_dumpf(key, stdout, JSON_COMPACT | JSON_SORT_KEYS); /* checked at the end by main() */
			(void)fputc('\n', stdout);
		} else {
			put_trusted(key);
		}
	}
	if (!cli->is_json && json_array_size(keys) == 0)
		(void)puts("no vendor key is trusted");
	return EXIT_SUCCESS;
}

/* The day's end in UTC, or -1. */
static int64_t parse_day(const char *text)
{
	struct tm tm = { 0 };
	const char *end = strptime(text, "%Y-%m-%d", &tm);
	time_t t;

	if (!end || *end)
		return -1;
	t = timegm(&tm);
	return t <= 0 ? -1 : (int64_t)t + 24 * 60 * 60 - 1;
}

static const char *who(void)
{
	const char *sudo = geteuid() == 0 ? getenv("SUDO_USER") : NULL;
	const struct passwd *pw = sudo && *sudo ? NULL : getpwuid(getuid());

	return sudo && *sudo ? sudo : pw ? pw->pw_name : "unknown";
}

/* Escaped: what ends up in the trail and on screens. Owned by the caller. */
static json_t *clean_text(const char *raw)
{
	_cleanup_free_ char *clean = text_escape(raw, strlen(raw));

	return clean ? json_string(clean) : NULL;
}

static int read_key(const char *path, struct minisign_public *ret)
{
	_cleanup_free_ char *text = NULL;
	const char *why = NULL;
	size_t size;
	int r = file_read(AT_FDCWD, path, 1 << 20, &text, &size);

	if (r < 0)
		log_error("%s: %s", path, strerror(-r));
	else if ((r = minisign_public_parse(text, size, ret, &why)) < 0)
		log_error("%s: %s", path, why);
	return r;
}

/* Does the officer mean this key? By --fingerprint, --yes, or an answer on the terminal. */
static bool agree(const struct key_change *c, const char *fingerprint, const char *id)
{
	char answer[8];

	if (c->fingerprint) {
		if (strcasecmp(c->fingerprint, fingerprint) == 0)
			return true;
		log_error("%s: its fingerprint is %s, not the one given", c->file, fingerprint);
		return false;
	}
	(void)fprintf(stderr, "key id       %s\nfingerprint  %s\n", id, fingerprint);
	if (c->is_agreed)
		return true;
	if (!isatty(STDIN_FILENO)) {
		log_error("compare the fingerprint with the vendor's, then give it with --fingerprint (or --yes)");
		return false;
	}
	(void)fputs("Compare this with the vendor's own word, from another place than the key. Trust it? [y/N] ", stderr);
	if (!fgets(answer, sizeof(answer), stdin) || (answer[0] != 'y' && answer[0] != 'Y')) {
		log_error("not trusted");
		return false;
	}
	return true;
}

static bool is_taken(const json_t *keys, const char *name, const char *fingerprint)
{
	const char *other;
	json_t *entry;

	if (json_object_get(keys, name)) {
		log_error("%s: this name is taken; `lazaret key distrust %s` first", name, name);
		return true;
	}
	json_object_foreach((json_t *)keys, other, entry) {
		const char *theirs = json_string_value(json_object_get(entry, "fingerprint"));

		if (theirs && strcmp(theirs, fingerprint) == 0) {
			log_error("this key is trusted already, as %s", other);
			return true;
		}
	}
	return false;
}

static int save_trusted(int fd, json_t *keys, const struct key_change *c, const char *text, json_t *entry)
{
	_cleanup_free_ char *file = NULL;
	int r;

	if (asprintf(&file, "%s.pub", c->name) < 0)
		return -ENOMEM;
	r = file_replace(fd, file, text, strlen(text), 0644);
	if (r == 0 && json_object_set(keys, c->name, entry) < 0)
		r = -ENOMEM;
	return r < 0 ? r : trust_metadata_save(fd, keys);
}

static int trust_checked(const struct station_config *config, int fd, json_t *keys, const struct key_change *c,
			 const struct minisign_public *key, const char *fingerprint, const char *id)
{
	char text[MINISIGN_PUBLIC_TEXT_LEN + 1], hex[SHA256_HEX_LEN + 1];
	_cleanup_(json_decref_p) json_t *entry = NULL, *body = NULL;
	uint8_t sum[SHA256_LEN];
	int r;

	minisign_public_base64(key, text);
	if (sha256(text, strlen(text), sum) < 0)
		return EXIT_CANNOT;
	hex_encode(sum, sizeof(sum), hex);
	entry = json_pack("{sI,so,si,si,ss,ss,ss,ss,s[],s[s],ss,s[],sI}", "added_at", (json_int_t)time(NULL), "by",
			  clean_text(c->by ? c->by : who()), "created", 0, "expires", 0, "fingerprint", fingerprint, "key_id",
			  id, "kind", "minisign", "owner", "", "paths", "purposes", trust_purpose_name(PURPOSE_FILES),
			  "sha256", hex, "types", "until", (json_int_t)c->until);
	body = entry ? json_copy(entry) : NULL;
	if (!body || json_object_set_new(body, "name", json_string(c->name)) < 0)
		return EXIT_CANNOT;
	if (records_append(config, "key-trusted", body) < 0)
		return EXIT_CANNOT;
	r = save_trusted(fd, keys, c, text, entry);
	if (r < 0) {
		log_error("%s: recorded, but the key could not be kept: %s", config->trust_dir, strerror(-r));
		return EXIT_CANNOT;
	}
	(void)printf("%s is trusted: key %s\n", c->name, id);
	return EXIT_SUCCESS;
}

static int key_trust(const struct station_config *config, const struct key_change *c)
{
	char id[MINISIGN_ID_TEXT_LEN + 1], fingerprint[MINISIGN_FINGERPRINT_LEN + 1];
	_cleanup_close_ int fd = -EBADF;
	_cleanup_(json_decref_p) json_t *keys = NULL;
	struct minisign_public key;
	char *why = NULL;
	int r;

	if (read_key(c->file, &key) < 0 || minisign_fingerprint(&key, fingerprint) < 0)
		return EXIT_CANNOT;
	minisign_id_text(key.id, id);
	if (!agree(c, fingerprint, id))
		return EXIT_FAILURE;
	fd = open_trust(config);
	if (fd < 0)
		return EXIT_CANNOT;
	r = trust_metadata_load(fd, &keys, &why);
	if (r < 0)
		return tell(config->trust_dir, r, why);
	if (json_object_size(keys) >= TRUST_KEYS_MAX) {
		log_error("more than %d trusted keys", TRUST_KEYS_MAX);
		return EXIT_FAILURE;
	}
	if (is_taken(keys, c->name, fingerprint))
		return EXIT_FAILURE;
	return trust_checked(config, fd, keys, c, &key, fingerprint, id);
}

static int key_distrust(const struct station_config *config, const struct key_change *c)
{
	_cleanup_close_ int fd = open_trust(config);
	_cleanup_(json_decref_p) json_t *keys = NULL, *body = NULL;
	_cleanup_free_ char *file = NULL;
	char *why = NULL;
	json_t *entry;
	int r;

	if (fd < 0 || asprintf(&file, "%s.pub", c->name) < 0)
		return EXIT_CANNOT;
	r = trust_metadata_load(fd, &keys, &why);
	if (r < 0)
		return tell(config->trust_dir, r, why);
	entry = json_object_get(keys, c->name);
	if (!entry) {
		log_error("%s: no key of this name is trusted (`lazaret key list`)", c->name);
		return EXIT_FAILURE;
	}
	body = json_pack("{ss,so,so,sO,sO}", "name", c->name, "by", clean_text(c->by ? c->by : who()), "reason",
			 clean_text(c->reason ? c->reason : ""), "fingerprint", json_object_get(entry, "fingerprint"),
			 "key_id", json_object_get(entry, "key_id"));
	if (!body || records_append(config, "key-distrusted", body) < 0)
		return EXIT_CANNOT;
	r = json_object_del(keys, c->name) < 0 ? -ENOENT : trust_metadata_save(fd, keys);
	if (r == 0 && unlinkat(fd, file, 0) < 0 && errno != ENOENT)
		r = -errno;
	if (r < 0) {
		log_error("%s: recorded, but: %s", config->trust_dir, strerror(-r));
		return EXIT_CANNOT;
	}
	(void)printf("%s is no longer trusted\n", c->name);
	return EXIT_SUCCESS;
}

/* -- options ------------------------------------------------------------------------------------------------- */

static int parse_change(int argc, char **argv, struct key_change *c, bool is_trust)
{
	static const struct option trust_options[] = {
		{ "name", required_argument, NULL, 'n' },	 { "until", required_argument, NULL, 'u' },
		{ "by", required_argument, NULL, 'b' },		 { "yes", no_argument, NULL, 'y' },
		{ "fingerprint", required_argument, NULL, 'f' }, { 0 },
	};
	static const struct option distrust_options[] = {
		{ "reason", required_argument, NULL, 'r' },
		{ "by", required_argument, NULL, 'b' },
		{ 0 },
	};
	int o;

	optind = 0; /* glibc: begin again with this vector */
	while ((o = getopt_long(argc, argv, "", is_trust ? trust_options : distrust_options, NULL)) != -1) {
		if (o == 'n')
			c->name = optarg;
		else if (o == 'b')
			c->by = optarg;
		else if (o == 'r')
			c->reason = optarg;
		else if (o == 'f')
			c->fingerprint = optarg;
		else if (o == 'y')
			c->is_agreed = true;
		else if (o != 'u' || (c->until = parse_day(optarg)) < 0)
			return usage();
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
	return is_trust ? key_trust(config, &c) : key_distrust(config, &c);
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
