/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `lazaret pack`: update packs on the outside, where no station is (docs/updates.md). */
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <libgen.h>
#include <string.h>
#include <time.h>

#include "cli/records.h"
#include "cli/update.h"
#include "common/fd.h"
#include "common/log.h"
#include "station/sets.h"
#include "update/pack.h"

static const char usage_text[] =
	"usage: lazaret pack make --name NAME --version N --for ID|GROUP|any [--for ...] [--key SECRET] --out FILE" PACK_SUFFIX "\n"
	"                         [--database FILE]... [--rules FILE] [--types FILE]... [--yara FILE]... [--hash-list FILE]\n"
	"                         [--trust-key FILE --as NAME --for PURPOSE [--for ...]]... [--software FILE.deb]...\n"
	"                         [--appliance DIR]\n"
	"       lazaret pack show [--key FILE.pub] FILE" PACK_SUFFIX "\n"
	"without --key the pack has to be signed afterwards, with minisign\n";

static int usage(void)
{
	(void)fputs(usage_text, stderr); /* nowhere left to complain to */
	return EXIT_USAGE;
}

struct making {
	struct pack *pack;
	const char *sources[PACK_MEMBERS_MAX]; /* borrowed from the command line */
	char *appliance[PACK_APPLIANCE_COUNT]; /* owned: paths in the directory that was given */
	const char *key, *out;
};

static int add_member(struct making *m, enum pack_kind kind, const char *source, const char *called)
{
	_cleanup_free_ char *copy = strdup(source);
	struct pack *p = m->pack;
	struct pack_member *x;
	const char *why, *file;

	if (!copy)
		return EXIT_CANNOT;
	file = called ? called : basename(copy);
	if (!pack_file_ok(kind, file, &why)) {
		log_error("%s: it cannot be in a pack: %s", source, why);
		return EXIT_USAGE;
	}
	if (p->member_count == PACK_MEMBERS_MAX) {
		log_error("a pack has at most %d members", PACK_MEMBERS_MAX);
		return EXIT_USAGE;
	}
	x = &p->members[p->member_count];
	*x = (struct pack_member){ .kind = kind };
	if (asprintf(&x->path, "%s/%s", pack_kind_directory(kind), file) < 0)
		return EXIT_CANNOT;
	m->sources[p->member_count++] = source;
	for (size_t i = 0; i + 1 < p->member_count; i++)
		if (strcmp(p->members[i].path, x->path) == 0) {
			log_error("%s: there is a %s already", source, x->path);
			return EXIT_USAGE;
		}
	return 0;
}

static int add_appliance(struct making *m, const char *directory)
{
	static const char *const files[PACK_APPLIANCE_COUNT] = PACK_APPLIANCE_FILES;
	int status = 0;

	for (size_t i = 0; status == 0 && i < ARRAY_LEN(files); i++) {
		if (m->appliance[i]) {
			log_error("--appliance %s: a pack brings one appliance", directory);
			return EXIT_USAGE;
		}
		if (asprintf(&m->appliance[i], "%s/%s", directory, files[i]) < 0) {
			m->appliance[i] = NULL;
			return EXIT_CANNOT;
		}
		status = add_member(m, PACK_APPLIANCE, m->appliance[i], files[i]);
	}
	return status;
}

/* The key that was named last. */
static struct pack_member *last_key(struct making *m)
{
	struct pack *p = m->pack;
	struct pack_member *x = p->member_count > 0 ? &p->members[p->member_count - 1] : NULL;

	return x && x->kind == PACK_KEY ? x : NULL;
}

static int name_key(struct making *m, const char *name)
{
	struct pack_member *x = last_key(m);

	if (!x || x->name || !trust_name_valid(name)) {
		log_error("--as %s: %s", name, x && !x->name ? "a key's name has a-z 0-9 . _ - and begins with a letter or digit" :
							       "stands behind the --trust-key that it names");
		return EXIT_USAGE;
	}
	x->name = strdup(name);
	return x->name ? 0 : EXIT_CANNOT;
}

static int add_purpose(struct making *m, const char *word)
{
	struct pack_member *x = last_key(m);
	int purpose = trust_purpose_by_name(word);

	if (purpose == PURPOSE_UPDATE) {
		log_error("--for update: a pack brings no key for updates; `lazaret key trust --for update` at the station");
		return EXIT_USAGE;
	}
	x->purposes |= 1u << purpose;
	return 0;
}

static int add_station(struct pack *p, const char *word)
{
	if (!pack_station_ok(word)) {
		log_error("--for %s: neither a station's id (16 hex digits), nor a group, nor any", word);
		return EXIT_USAGE;
	}
	if (p->station_count == PACK_STATIONS_MAX)
		return usage();
	p->stations[p->station_count] = strdup(word);
	return p->stations[p->station_count++] ? 0 : EXIT_CANNOT;
}

static int take_version(struct pack *p, const char *text)
{
	char *end;

	errno = 0;
	p->version = strtoull(text, &end, 10);
	if (errno == 0 && *text >= '1' && *text <= '9' && *end == '\0' && p->version <= PACK_VERSION_MAX)
		return 0;
	log_error("--version %s: a number from 1 to %" PRIu64 ", greater than that of the pack before", text, PACK_VERSION_MAX);
	return EXIT_USAGE;
}

static int take_name(struct pack *p, const char *text)
{
	if (!trust_name_valid(text)) {
		log_error("--name %s: a-z 0-9 . _ -, begins with a letter or digit", text);
		return EXIT_USAGE;
	}
	free(p->name);
	p->name = strdup(text);
	return p->name ? 0 : EXIT_CANNOT;
}

static int take_make_option(struct making *m, int o)
{
	switch (o) {
	case 'k':
		m->key = optarg;
		return 0;
	case 'o':
		m->out = optarg;
		return 0;
	case 'n':
		return take_name(m->pack, optarg);
	case 'v':
		return take_version(m->pack, optarg);
	case 'f':
		/* behind --trust-key a purpose is that key's */
		return last_key(m) && trust_purpose_by_name(optarg) >= 0 ? add_purpose(m, optarg) : add_station(m->pack, optarg);
	case 'd':
		return add_member(m, PACK_DATABASE, optarg, NULL);
	case 'r':
		return add_member(m, PACK_RULES, optarg, SET_RULES_FILE);
	case 't':
		return add_member(m, PACK_TYPES, optarg, NULL);
	case 'y':
		return add_member(m, PACK_YARA, optarg, NULL);
	case 'h':
		return add_member(m, PACK_HASH_LIST, optarg, SET_HASH_LIST_FILE);
	case 'K':
		return add_member(m, PACK_KEY, optarg, NULL);
	case 'a':
		return name_key(m, optarg);
	case 's':
		return add_member(m, PACK_SOFTWARE, optarg, NULL);
	case 'A':
		return add_appliance(m, optarg);
	default:
		return usage();
	}
}

static bool is_whole(const struct making *m)
{
	const struct pack *p = m->pack;

	for (size_t i = 0; i < p->member_count; i++)
		if (p->members[i].kind == PACK_KEY && (!p->members[i].name || !p->members[i].purposes)) {
			log_error("%s: say --as NAME and --for PURPOSE behind it", m->sources[i]);
			return false;
		}
	return p->name && p->version > 0 && p->station_count > 0 && p->member_count > 0 && m->out;
}

static int parse_make(int argc, char **argv, struct making *m)
{
	static const struct option options[] = {
		{ "key", required_argument, NULL, 'k' },      { "out", required_argument, NULL, 'o' },
		{ "name", required_argument, NULL, 'n' },     { "version", required_argument, NULL, 'v' },
		{ "for", required_argument, NULL, 'f' },      { "database", required_argument, NULL, 'd' },
		{ "rules", required_argument, NULL, 'r' },    { "types", required_argument, NULL, 't' },
		{ "yara", required_argument, NULL, 'y' },     { "hash-list", required_argument, NULL, 'h' },
		{ "trust-key", required_argument, NULL, 'K' }, { "as", required_argument, NULL, 'a' },
		{ "software", required_argument, NULL, 's' },  { "appliance", required_argument, NULL, 'A' },
		{ 0 },
	};
	int o, r;

	optind = 0; /* glibc: begin again with this vector */
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		r = take_make_option(m, o);
		if (r != 0)
			return r;
	}
	if (optind != argc || !is_whole(m))
		return usage();
	if (strlen(m->out) <= strlen(PACK_SUFFIX) || strcmp(m->out + strlen(m->out) - strlen(PACK_SUFFIX), PACK_SUFFIX) != 0) {
		log_error("--out %s: a pack is called NAME" PACK_SUFFIX, m->out);
		return EXIT_USAGE;
	}
	return 0;
}

static int sign(const struct making *m, const struct minisign_secret *secret, int fd)
{
	_cleanup_free_ char *for_dir = strdup(m->out), *for_base = strdup(m->out), *name = NULL, *text = NULL, *comment = NULL;
	_cleanup_close_ int dir_fd = -EBADF;
	int r;

	if (!for_dir || !for_base || asprintf(&name, "%s" PACK_SIGNATURE_SUFFIX, basename(for_base)) < 0 ||
	    asprintf(&comment, "lazaret.pack/1 name:%s version:%" PRIu64 " made:%" PRId64, m->pack->name, m->pack->version, m->pack->made) < 0)
		return -ENOMEM;
	dir_fd = records_directory(dirname(for_dir));
	r = dir_fd < 0 ? dir_fd : minisign_sign_fd(secret, fd, comment, NULL, &text);
	return r == 0 ? file_replace(dir_fd, name, text, strlen(text), 0644) : r;
}

static int load_secret(const char *path, struct minisign_secret **ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : minisign_secret_load(fd, ret);

	if (r == -EKEYREJECTED)
		log_error("%s: encrypted with a password: leave --key out, then sign with `minisign -S -s %s -m FILE`", path, path);
	else if (r < 0)
		log_error("%s: %s", path, r == -EINVAL ? "no secret key of minisign" : strerror(-r));
	return r;
}

static int write_out(struct making *m, const struct minisign_secret *secret)
{
	_cleanup_free_ char *part = NULL, *why = NULL;
	_cleanup_close_ int fd = -EBADF;
	int r;

	if (asprintf(&part, "%s.part", m->out) < 0)
		return -ENOMEM;
	fd = open(part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	r = fd < 0 ? -errno : pack_write(m->pack, m->sources, fd, &why);
	if (r == 0 && rename(part, m->out) < 0)
		r = -errno;
	if (r == 0 && secret)
		r = sign(m, secret, fd);
	if (r < 0) {
		log_error("%s: %s", m->out, why ? why : strerror(-r));
		if (fd >= 0)
			(void)unlink(part); /* it may have been renamed already */
	}
	return r;
}

static int make(int argc, char **argv)
{
	struct making m = { .pack = calloc(1, sizeof(*m.pack)) };
	struct minisign_secret *secret = NULL;
	int status = EXIT_CANNOT;

	if (m.pack) {
		m.pack->members = calloc(PACK_MEMBERS_MAX, sizeof(*m.pack->members));
		m.pack->stations = calloc(PACK_STATIONS_MAX, sizeof(*m.pack->stations));
		m.pack->made = time(NULL);
	}
	if (m.pack && m.pack->members && m.pack->stations)
		status = parse_make(argc, argv, &m);
	if (status == 0 && m.key && load_secret(m.key, &secret) < 0)
		status = EXIT_CANNOT;
	if (status == 0 && write_out(&m, secret) < 0)
		status = EXIT_CANNOT;
	if (status == 0)
		(void)printf("%s: %s %" PRIu64 ", %zu members%s\n", m.out, m.pack->name, m.pack->version, m.pack->member_count,
			     secret ? "" : ". Sign it: minisign -S -m FILE");
	for (size_t i = 0; i < PACK_APPLIANCE_COUNT; i++)
		free(m.appliance[i]);
	minisign_secret_free(secret);
	pack_free(m.pack);
	return status;
}

/* -- show --------------------------------------------------------------------------------------------------------------- */

void pack_print(FILE *out, const struct pack *p)
{
	char when[RECORDS_TIME_LEN];

	records_time(p->made, when);
	(void)fprintf(out, "%s %" PRIu64 ", made %s UTC\n", p->name, p->version, when);
	for (size_t i = 0; i < p->station_count; i++)
		(void)fprintf(out, "%s%s", i == 0 ? "for " : ", ", p->stations[i]);
	(void)fputc('\n', out);
	for (size_t i = 0; i < p->member_count; i++) {
		const struct pack_member *m = &p->members[i];

		(void)fprintf(out, "%-9s %s, %" PRIu64 " bytes, %s\n", pack_kind_name(m->kind), m->path, m->size, m->sha256);
		if (m->kind != PACK_KEY)
			continue;
		(void)fprintf(out, "          as %s, for", m->name);
		for (unsigned int k = 0; k < PURPOSE_COUNT_; k++)
			if (m->purposes & 1u << k)
				(void)fprintf(out, " %s", trust_purpose_name(k));
		(void)fputc('\n', out);
	}
}

/* 0: good; 1: not; told either way. Without a key nobody can say. */
static int check_signature(int fd, const char *file, const char *key_file)
{
	_cleanup_free_ char *path = NULL, *sig = NULL, *text = NULL;
	struct minisign_result *result = malloc(sizeof(*result));
	struct minisign_public key;
	const char *why = NULL;
	size_t size = 0, key_size;
	int r = asprintf(&path, "%s" PACK_SIGNATURE_SUFFIX, file) < 0 || !result ? -ENOMEM : 0;

	if (r == 0)
		r = file_read(AT_FDCWD, path, MINISIGN_TEXT_MAX, &sig, &size);
	if (r < 0)
		log_error("%s: %s", path ? path : file, strerror(-r));
	if (r == 0) {
		r = file_read(AT_FDCWD, key_file, MINISIGN_PUBLIC_MAX, &text, &key_size);
		if (r == 0)
			r = minisign_public_parse(text, key_size, &key, &why);
		if (r < 0)
			log_error("%s: %s", key_file, why ? why : strerror(-r));
	}
	if (r == 0) {
		r = minisign_verify_fd(fd, sig, size, &key, 1, result);
		if (r == 0 && result->outcome != MINISIGN_OK) {
			log_error("%s: the signature is not good: %s", file, result->why);
			r = -EKEYREJECTED;
		} else if (r == 0) {
			(void)fputs("signature good, ", stdout);
			records_put(result->trusted);
			(void)putchar('\n');
		}
	}
	free(result);
	return r;
}

static int show(int argc, char **argv)
{
	static const struct option options[] = { { "key", required_argument, NULL, 'k' }, { 0 } };
	_cleanup_(pack_freep) struct pack *p = NULL;
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ char *why = NULL;
	const char *key = NULL, *file;
	int o, r;

	optind = 0;
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o != 'k')
			return usage();
		key = optarg;
	}
	if (optind != argc - 1)
		return usage();
	file = argv[optind];
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		log_error("%s: %s", file, strerror(errno));
		return EXIT_CANNOT;
	}
	if (key && check_signature(fd, file, key) < 0)
		return EXIT_FAILURE;
	r = pack_extract(fd, -EBADF, NULL, NULL, &p, &why);
	if (r < 0) {
		log_error("%s: %s", file, why ? why : strerror(-r));
		return r == -EBADMSG ? EXIT_FAILURE : EXIT_CANNOT;
	}
	if (!key)
		(void)puts("signature not looked at (--key FILE.pub)");
	pack_print(stdout, p);
	return 0;
}

int cmd_pack(struct cli *cli)
{
	const char *word = cli->argc >= 2 ? cli->argv[1] : "";

	if (strcmp(word, "make") == 0)
		return make(cli->argc - 1, cli->argv + 1);
	if (strcmp(word, "show") == 0)
		return show(cli->argc - 1, cli->argv + 1);
	return usage();
}
