/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-verify [--key FILE.pub]... TRANSFER...: the importer's one command; with --audit it checks exports of an audit trail instead. Needs no station, no configuration and no
 * privilege; links libcrypto and jansson only. The key comes from the importer's side, never from the transfer:
 * what is delivered together can be forged together.
 */
#include <dirent.h>
#include <fcntl.h>
#include <getopt.h>
#include <openssl/crypto.h>
#include <string.h>

#include "common/fd.h"
#include "common/log.h"
#include "common/minisign.h"
#include "verify/export.h"
#include "verify/transfer.h"

#define EXIT_USAGE 64 /* sysexits.h: EX_USAGE */
#define KEYS_MAX   64 /* stations that deliver to one place */
#define KEYS_DIR   "/etc/lazaret/keys"
#define KEYS_HOME  ".config/lazaret/keys"

struct keys {
	struct minisign_public list[KEYS_MAX];
	size_t count;
};

struct audit {
	bool is_wanted;
	const char *after; /* path of an export; NULL */
	const char *witnesses[EXPORT_WITNESSES_MAX];
	size_t witness_count;
};

static const char usage_text[] =
	"usage: lazaret-verify [--key FILE.pub]... TRANSFER...\n"
	"       lazaret-verify --audit [--key FILE.pub]... [--after EXPORT] [--witness FILE]... EXPORT...\n"
	"\n"
	"Check transfers from a Lazaret station: signature, completeness, sizes and hashes.\n"
	"With --audit: exports of its audit trail, each following the one before.\n"
	"\n"
	"  -k, --key FILE     minisign public key of a station; may be given several times\n"
	"      --audit        check exports of an audit trail (`lazaret audit export`)\n"
	"      --after EXPORT the first one must follow this one\n"
	"      --witness FILE the last one must hold what this witness knows; up to 16 times\n"
	"      --version      print the version\n"
	"  -h, --help         print this\n"
	"\n"
	"Without --key, every *.pub in ~/" KEYS_HOME " and in " KEYS_DIR " counts.\n"
	"Exit status: 0 all are good, 1 one is not, 64 usage.\n";

static bool add_key(struct keys *keys, int dir_fd, const char *path)
{
	_cleanup_free_ char *text = NULL;
	const char *why = NULL;
	size_t size;
	int r = file_read(dir_fd, path, MINISIGN_PUBLIC_MAX, &text, &size);

	if (r < 0) {
		log_error("%s: %s", path, strerror(-r));
		return false;
	}
	if (keys->count == KEYS_MAX) {
		log_error("%s: more than %d keys", path, KEYS_MAX);
		return false;
	}
	if (minisign_public_parse(text, size, &keys->list[keys->count], &why) < 0) {
		log_error("%s: %s", path, why);
		return false;
	}
	keys->count++;
	return true;
}

/* A directory that is not there is no error; a key in it that cannot be read is. */
static bool add_directory(struct keys *keys, const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	bool is_good = true;

	if (!dir) {
		close_p(&fd);
		return true;
	}
	while ((entry = readdir(dir))) {
		size_t size = strlen(entry->d_name);

		if (size > 4 && entry->d_name[0] != '.' && strcmp(entry->d_name + size - 4, ".pub") == 0 &&
		    !add_key(keys, dirfd(dir), entry->d_name))
			is_good = false;
	}
	(void)closedir(dir); /* read-only use */
	return is_good;
}

static bool find_keys(struct keys *keys, bool audit)
{
	const char *home = getenv("HOME");
	_cleanup_free_ char *path = NULL;
	bool is_good = true;

	if (home && *home == '/' && asprintf(&path, "%s/" KEYS_HOME, home) >= 0)
		is_good = add_directory(keys, path);
	if (!add_directory(keys, KEYS_DIR))
		is_good = false;
	if (is_good && keys->count == 0)
		log_error("no key to check with: get the station's keys/%s on a trusted way and name it with "
			  "--key, or put it into %s", audit ? "audit.pub" : "manifest.pub", KEYS_DIR);
	return is_good && keys->count > 0;
}

/* -1: go on; otherwise the exit status. */
static int parse_options(int argc, char **argv, struct keys *keys, struct audit *audit)
{
	static const struct option options[] = {
		{ "key", required_argument, NULL, 'k' },
		{ "audit", no_argument, NULL, 'a' },
		{ "after", required_argument, NULL, 'A' },
		{ "witness", required_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "k:h", options, NULL)) != -1) {
		if (c == 'k' && !add_key(keys, AT_FDCWD, optarg))
			return EXIT_FAILURE;
		if (c == 'h' || c == 'V') {
			(void)fputs(c == 'h' ? usage_text : "lazaret-verify " LAZARET_VERSION "\n", stdout);
			return EXIT_SUCCESS;
		}
		audit->is_wanted = audit->is_wanted || c == 'a';
		if (c == 'A')
			audit->after = optarg;
		if (c == 'w' && audit->witness_count < EXPORT_WITNESSES_MAX)
			audit->witnesses[audit->witness_count++] = optarg;
		else if (c == 'w')
			c = '?';
		if (c == '?')
			break;
	}
	if (c == '?' || optind >= argc || (!audit->is_wanted && (audit->after || audit->witness_count > 0))) {
		(void)fputs(usage_text, stderr); /* nowhere left to complain to */
		return EXIT_USAGE;
	}
	return -1;
}

/* The witnesses are asked about the last one: it is the one that may have been cut. */
static int verify_exports(char **paths, int count, const struct keys *keys, const struct audit *audit)
{
	struct export_end end = { 0 };

	if (audit->after && !export_end_read(audit->after, keys->list, keys->count, &end))
		return EXIT_FAILURE;
	for (int i = 0; i < count; i++)
		if (!export_verify(paths[i], keys->list, keys->count, audit->witnesses, i + 1 == count ? audit->witness_count : 0, &end))
			return EXIT_FAILURE; /* what should follow a bad one cannot be said */
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static struct keys keys;
	struct audit audit = { 0 };
	int status;

	log_open("lazaret-verify");
	/* The machine's openssl.cnf may name modules that are loaded into this program, and take algorithms from it. On
	 * a distribution that is not the one where this was linked it is also somebody else's. */
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1) {
		log_error("libcrypto cannot be initialised");
		return EXIT_FAILURE;
	}
	status = parse_options(argc, argv, &keys, &audit);
	if (status >= 0)
		return status;
	if (keys.count == 0 && !find_keys(&keys, audit.is_wanted))
		return EXIT_FAILURE;
	status = audit.is_wanted ? verify_exports(argv + optind, argc - optind, &keys, &audit) : EXIT_SUCCESS;
	for (int i = optind; !audit.is_wanted && i < argc; i++)
		if (!transfer_verify(argv[i], keys.list, keys.count))
			status = EXIT_FAILURE;
	if (fflush(stdout) != 0)
		return EXIT_FAILURE;
	return status;
}
