/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "cli/ledger.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "cli/records.h"
#include "common/log.h"
#include "common/program.h"
#include "ipc/ledger_client.h"

static int start(struct channel *c, const struct station_config *config)
{
	_cleanup_close_ int audit_fd = records_directory(config->audit_dir);
	_cleanup_close_ int reports_fd = records_directory(config->reports_dir);
	_cleanup_close_ int history_fd = records_directory(config->history_dir);
	_cleanup_close_ int key_fd = open(config->audit_key, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	const struct ledger_dirs dirs = { audit_fd, reports_fd, history_fd, key_fd };
	_cleanup_free_ char *why = NULL;
	int r;

	if (key_fd < 0) {
		r = -errno;
		log_error("%s: %s", config->audit_key, strerror(-r));
		return r;
	}
	if (audit_fd < 0 || reports_fd < 0 || history_fd < 0)
		return -ENOENT; /* told already */
	r = ledger_answer_within(c, config->limits.answer_time_s);
	if (r == 0)
		r = ledger_settings(c, config->segment_bytes, config->witness_file, &why);
	if (r == 0)
		r = ledger_start(c, config->id, &dirs, NULL, &why);
	if (r < 0)
		log_error("the audit trail cannot be written, nothing was changed: %s", why ? why : strerror(-r));
	return r;
}

int ledger_link_open(const struct station_config *config, struct ledger_link *ret)
{
	struct ledger_link l = { .pid = 0 };
	char path[PATH_MAX];
	int r = program_find("lazaret-ledger", path);

	if (r == 0)
		r = ledger_spawn(path, &l.channel, &l.pid);
	if (r < 0) {
		log_error("lazaret-ledger cannot be started: %s", strerror(-r));
		return r;
	}
	r = start(&l.channel, config);
	if (r < 0)
		ledger_link_close(&l);
	else
		*ret = l;
	return r;
}

void ledger_link_close(struct ledger_link *l)
{
	if (l->pid > 0 && ledger_end(&l->channel, l->pid) < 0)
		log_warning("lazaret-ledger did not end cleanly"); /* after its records were synced */
	l->pid = 0;
}
