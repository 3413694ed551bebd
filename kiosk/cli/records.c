/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "cli/records.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <time.h>

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
	_cleanup_free_ char *path = NULL, *text = NULL;
	size_t size = strlen(secret_path), text_size;
	const char *why = NULL;
	int r;

	if (size > 4 && strcmp(secret_path + size - 4, ".key") == 0)
		size -= 4;
	if (asprintf(&path, "%.*s.pub", (int)size, secret_path) < 0)
		return -ENOMEM;
	r = file_read(AT_FDCWD, path, MINISIGN_PUBLIC_MAX, &text, &text_size);
	if (r < 0)
		log_error("%s: %s", path, strerror(-r));
	else if ((r = minisign_public_parse(text, text_size, ret, &why)) < 0)
		log_error("%s: %s", path, why);
	return r;
}

static int start_over(struct channel *c, const struct station_config *config, char **ret_why)
{
	_cleanup_close_ int audit_fd = records_directory(config->audit_dir);
	_cleanup_close_ int reports_fd = records_directory(config->reports_dir);
	_cleanup_close_ int history_fd = records_directory(config->history_dir);
	_cleanup_close_ int key_fd = open(config->audit_key, O_RDONLY | O_CLOEXEC);
	const struct ledger_dirs dirs = { audit_fd, reports_fd, history_fd, key_fd };
	int r;

	if (key_fd < 0) {
		r = -errno;
		log_error("%s: %s", config->audit_key, strerror(-r));
		return r;
	}
	if (audit_fd < 0 || reports_fd < 0 || history_fd < 0)
		return -ENOENT; /* told already */
	r = ledger_settings(c, config->segment_bytes, config->witness_file, ret_why);
	return r == 0 ? ledger_start(c, config->id, &dirs, NULL, ret_why) : r;
}

int records_ledger_start(const struct station_config *config, struct channel *ret, pid_t *ret_pid)
{
	_cleanup_free_ char *why = NULL;
	char path[PATH_MAX];
	int r = program_find("lazaret-ledger", path);

	if (r == 0)
		r = ledger_spawn(path, ret, ret_pid);
	if (r < 0) {
		log_error("lazaret-ledger cannot be started: %s", strerror(-r));
		return r;
	}
	r = start_over(ret, config, &why);
	if (r == 0)
		return 0;
	log_error("the audit trail cannot be written, nothing was changed: %s", why ? why : strerror(-r));
	records_ledger_end(ret, *ret_pid);
	return r;
}

void records_ledger_end(struct channel *channel, pid_t pid)
{
	if (ledger_end(channel, pid) < 0)
		log_warning("lazaret-ledger did not end cleanly"); /* what it was asked for it has answered before */
}

int records_append(const struct station_config *config, const char *type, const json_t *body)
{
	_cleanup_free_ char *text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS), *why = NULL;
	struct channel channel;
	pid_t pid;
	int r = text ? records_ledger_start(config, &channel, &pid) : -ENOMEM;

	if (r < 0)
		return r;
	r = ledger_append(&channel, type, text, NULL, &why);
	if (r == 0)
		journal_record(type, body);
	else
		log_error("the audit trail cannot be written, nothing was changed: %s", why ? why : strerror(-r));
	records_ledger_end(&channel, pid);
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
