/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "cli/month.h"

#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <time.h>

#include "cli/history_rows.h"
#include "cli/records.h"
#include "common/fd.h"
#include "common/log.h"

static int usage(void)
{
	(void)fputs("usage: lazaret report month [YYYY-MM] [--out FILE.html]\n", stderr); /* nowhere left to complain to */
	return EXIT_USAGE;
}

/* NULL: the present month. */
static int take_month(const char *text, struct month *m)
{
	char day[16];
	time_t t = time(NULL);
	struct tm tm;

	if (text ? strlen(text) != 7 : !gmtime_r(&t, &tm))
		return -EINVAL;
	if (text)
		(void)snprintf(m->name, sizeof(m->name), "%s", text);
	else if (strftime(m->name, sizeof(m->name), "%Y-%m", &tm) == 0)
		return -EINVAL;
	(void)snprintf(day, sizeof(day), "%.7s-01", m->name);
	if (history_day(day, &m->from) < 0)
		return -EINVAL;
	t = (time_t)m->from;
	if (!gmtime_r(&t, &tm))
		return -EINVAL;
	tm.tm_mon++; /* timegm() makes January of a 13th month */
	m->until = timegm(&tm);
	m->days = (unsigned int)((m->until - m->from) / 86400);
	return m->days > MONTH_DAYS_MAX ? -EINVAL : 0;
}

static int write_file(const char *path, const char *text, size_t size)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	_cleanup_free_ char *dir = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	_cleanup_close_ int dir_fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -EBADF;

	if (!dir || dir_fd < 0)
		return dir ? -errno : -ENOMEM;
	return *name ? file_replace(dir_fd, name, text, size, 0640) : -EISDIR;
}

static int make_page(const struct month *m, const struct station_config *config, const char *path)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	bool is_bad;
	int r;

	if (!out)
		return -ENOMEM;
	month_page(out, m, config);
	is_bad = ferror(out);
	if (fclose(out) != 0 || is_bad)
		return -ENOMEM;
	if (path)
		r = write_file(path, text, size);
	else
		r = fwrite(text, 1, size, stdout) == size && fflush(stdout) == 0 ? 0 : -EIO;
	return r;
}

static int report_month(const struct station_config *config, struct month *m, const char *path)
{
	int r = month_collect(m, config);

	if (r < 0)
		return EXIT_CANNOT; /* told */
	r = make_page(m, config, path);
	if (r < 0) {
		log_error("%s: %s", path ? path : "standard output", strerror(-r));
		return EXIT_CANNOT;
	}
	if (path)
		log_info("%s: %s, %llu media", path, m->name, (unsigned long long)m->transfers);
	return m->missing > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int cmd_report(struct cli *cli)
{
	static const struct option options[] = { { "out", required_argument, NULL, 'o' }, { 0 } };
	struct station_config *config;
	const char *path = NULL;
	struct month *m;
	int c, status;

	optind = 0; /* glibc: begin again with this vector */
	while ((c = getopt_long(cli->argc, cli->argv, "", options, NULL)) != -1) {
		if (c != 'o' || !*optarg)
			return usage();
		path = optarg;
	}
	if (cli->argc - optind < 1 || cli->argc - optind > 2 || strcmp(cli->argv[optind], "month") != 0)
		return usage();
	m = calloc(1, sizeof(*m));
	if (!m || take_month(cli->argv[optind + 1], m) < 0) {
		if (m)
			log_error("%s: not a month; give one as 2026-11", cli->argv[optind + 1]);
		free(m);
		return usage();
	}
	config = records_config(cli);
	status = config ? report_month(config, m, path) : EXIT_CANNOT;
	station_config_free(config);
	month_done(m);
	free(m);
	return status;
}
