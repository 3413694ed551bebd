/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `lazaret audit witness`: what somebody else keeps, to notice later that the trail was cut. lazaret-ledger signs it. */
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <string.h>

#include "cli/audit.h"
#include "cli/ledger.h"
#include "common/fd.h"
#include "common/log.h"
#include "ipc/ledger_client.h"

static int put(const char *text, const char *path)
{
	_cleanup_free_ char *dir_of = strdup(path), *name_of = strdup(path);
	_cleanup_close_ int dir_fd = -EBADF;
	int r;

	if (!dir_of || !name_of)
		return -ENOMEM;
	dir_fd = open(dirname(dir_of), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = dir_fd < 0 ? -errno : file_replace(dir_fd, basename(name_of), text, strlen(text), 0644);
	if (r < 0)
		log_error("%s: %s", path, strerror(-r));
	return r;
}

static int witness(const struct station_config *config, const char *path)
{
	_cleanup_free_ char *text = NULL, *why = NULL;
	struct ledger_link l = { 0 };
	int r = ledger_link_open(config, &l);

	if (r < 0)
		return r;
	r = ledger_witness(&l.channel, &text, &why);
	if (r < 0)
		log_error("no witness: %s", why ? why : strerror(-r));
	ledger_link_close(&l);
	if (r < 0)
		return r;
	if (path)
		return put(text, path);
	return fputs(text, stdout) < 0 || fflush(stdout) != 0 ? -EIO : 0;
}

int audit_witness(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = { { "out", required_argument, NULL, 'o' }, { 0 } };
	struct station_config *config;
	const char *path = NULL;
	int c, r;

	optind = 0; /* glibc: begin again with this vector */
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'o' || !*optarg)
			return EXIT_USAGE;
		path = optarg;
	}
	if (optind < argc) {
		log_error("audit witness takes no argument \"%s\"", argv[optind]);
		return EXIT_USAGE;
	}
	config = records_config(cli);
	r = config ? witness(config, path) : -EINVAL;
	station_config_free(config);
	return r < 0 ? EXIT_CANNOT : EXIT_SUCCESS;
}
