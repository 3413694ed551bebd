/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "cli/records.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <time.h>

#include "cli/ledger.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/program.h"
#include "common/text.h"
#include "ipc/ledger_client.h"
#include "monitor/journal.h"

struct station_config *records_config(const struct cli *cli)
{
	struct yaml_errors errors = { 0 };
	struct station_config *config = NULL;

	if (station_config_load(cli->dir, &errors, &config) < 0)
		yaml_errors_print(&errors, stderr);
	yaml_errors_done(&errors);
	return config;
}

int records_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		int r = -errno;

		log_error("%s: %s", path, strerror(-r));
		return r;
	}
	return fd;
}

int records_public_key(const char *secret_path, struct minisign_public *ret)
{
	_cleanup_free_ char *path = minisign_public_path(secret_path), *text = NULL;
	const char *why = NULL;
	size_t text_size;
	int r;

	if (!path)
		return -ENOMEM;
	r = file_read(AT_FDCWD, path, MINISIGN_PUBLIC_MAX, &text, &text_size);
	if (r < 0)
		log_error("%s: %s", path, strerror(-r));
	else if ((r = minisign_public_parse(text, text_size, ret, &why)) < 0)
		log_error("%s: %s", path, why);
	return r;
}

int records_append(const struct station_config *config, const char *type, const json_t *body)
{
	_cleanup_free_ char *text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS), *why = NULL;
	struct ledger_link l = { 0 };
	int r = text ? ledger_link_open(config, &l) : -ENOMEM;

	if (r < 0)
		return r;
	r = ledger_append(&l.channel, type, text, NULL, &why);
	if (r == 0)
		journal_record(type, body);
	else
		log_error("the audit trail cannot be written, nothing was changed: %s", why ? why : strerror(-r));
	ledger_link_close(&l);
	return r;
}

void records_print(FILE *out, const char *text)
{
	_cleanup_free_ char *clean = text_escape_kept(text);

	(void)fputs(clean ? clean : "(out of memory)", out);
}

void records_put(const char *text)
{
	records_print(stdout, text);
}

void records_time(int64_t seconds, char out[static RECORDS_TIME_LEN])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || strftime(out, RECORDS_TIME_LEN, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		(void)snprintf(out, RECORDS_TIME_LEN, "?");
}
