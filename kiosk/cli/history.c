/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `lazaret history`, and the index for other commands. It is brought up to the trail before it answers: every report record
 * whose report is not in it is read again.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/history_rows.h"
#include "cli/records.h"
#include "common/chain.h"
#include "common/fd.h"
#include "common/history.h"
#include "common/log.h"
#include "common/report.h"

struct update {
	struct history *history;
	int reports_fd;
	uint64_t added, missing;
	int64_t decided; /* the newest record about decisions */
};

/* -- bringing the index up to date ------------------------------------------------------------------------- */

static int index_open(struct history *h, FILE *in, uint64_t seq, const char *sha256)
{
	_cleanup_(report_reader_freep) struct report_reader *reader = NULL;
	json_t *file, *report = NULL;
	uint64_t at, size;
	int r = report_reader_new(in, &reader);

	while (r == 0 && (r = report_next(reader, &file)) == 1) {
		report_place(reader, &at, &size);
		r = history_add_file(h, file, at, size);
		json_decref(file);
	}
	if (r == 0)
		r = report_rest(reader, &report);
	if (r == 0)
		r = history_commit(h, report, seq, sha256);
	json_decref(report);
	return r;
}

static int index_report(struct update *u, const char *transfer, uint64_t seq, const char *sha256)
{
	_cleanup_close_ int fd = -EBADF;
	_cleanup_fclose_ FILE *in = NULL;
	char name[REPORT_TRANSFER_MAX + 16], hex[SHA256_HEX_LEN + 1];
	uint8_t sum[SHA256_LEN];
	int r;

	(void)snprintf(name, sizeof(name), "%s.json", transfer); /* fits: it is valid */
	fd = openat(u->reports_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	r = fd < 0 ? -errno : sha256_fd(fd, sum, NULL);
	if (r == 0)
		hex_encode(sum, sizeof(sum), hex);
	if (r < 0 || strcmp(hex, sha256) != 0) {
		log_warning("%s: not indexed: %s", name, r < 0 ? strerror(-r) : "altered since it was recorded");
		u->missing++;
		return 0;
	}
	in = fdopen(fd, "r");
	if (!in)
		return -errno;
	fd = -EBADF; /* owned by in */
	r = history_begin(u->history, transfer);
	if (r == 0)
		r = index_open(u->history, in, seq, sha256);
	if (r < 0)
		history_rollback(u->history);
	else
		u->added++;
	return r;
}

static int on_record(void *context, const struct chain_record *r, uint64_t line)
{
	struct update *u = context;
	const char *transfer = json_string_value(json_object_get(r->body, "transfer"));
	const char *sha256 = json_string_value(json_object_get(r->body, "sha256"));
	int found = history_series_add(u->history, r->type, r->body, r->seq);

	if (found == 0)
		found = history_decisions_add(u->history, r->type, r->body, r->seq);
	if (found < 0)
		return found;
	if (strcmp(r->type, HISTORY_TYPE_PROPOSAL) == 0 || strcmp(r->type, HISTORY_TYPE_DECISION) == 0)
		u->decided = (int64_t)r->seq;
	if (strcmp(r->type, CHAIN_TYPE_REPORT) != 0 || !transfer || !sha256 || !report_transfer_valid(transfer))
		return 0;
	found = history_find(u->history, transfer);
	return found == -ENOENT ? index_report(u, transfer, r->seq, sha256) : found;
}

/* Is there a report in the trail that is newer than the index? Asked from the trail's end, hence quick. */
static int is_behind(struct history *h, int audit_fd, int trail_fd, const struct minisign_public *key)
{
	struct chain_record record;
	struct chain_tail tail;
	const char *why = NULL;
	int64_t seq;
	int r = history_last_seq(h, &seq);

	if (r == 0)
		r = chain_tail_find(trail_fd, key, &tail, &why);
	if (r == 0)
		r = chain_last_report(audit_fd, trail_fd, &tail, &record);
	if (r == -ENODATA)
		return 0;
	if (r < 0)
		return r;
	r = (int64_t)record.seq > seq; /* parsed as a signed 64-bit number */
	if ((int64_t)record.seq < seq)
		log_warning("the history knows of reports that the audit trail does not: was the trail cut or replaced? See "
			    "`lazaret audit verify`; `lazaret history --rebuild` forgets them");
	chain_record_done(&record);
	return r;
}

static int update_index(struct history *h, const struct station_config *config, bool is_rebuild)
{
	struct update u = { .history = h, .reports_fd = -EBADF };
	struct chain_visitor visitor = { .record = on_record, .context = &u };
	_cleanup_close_ int audit_fd = records_directory(config->audit_dir), trail_fd = -EBADF;
	_cleanup_close_ int reports_fd = records_directory(config->reports_dir);
	struct chain_result result;
	struct minisign_public key;
	int r = records_public_key(config->audit_key, &key);

	if (r < 0 || audit_fd < 0 || reports_fd < 0)
		return -ENOENT; /* told already */
	trail_fd = chain_open(audit_fd, CHAIN_FILE);
	if (trail_fd < 0)
		return trail_fd == -ENOENT ? 0 : trail_fd; /* nothing recorded yet */
	r = is_rebuild ? history_clear(h) : is_behind(h, audit_fd, trail_fd, &key);
	if (r == 0 && !is_rebuild) {
		r = history_series_is_whole(h);
		if (r > 0)
			return 0;
	}
	if (r < 0)
		return r;
	u.reports_fd = reports_fd;
	r = chain_walk_all(audit_fd, &key, CHAIN_SEALS, &visitor, &result);
	if (r == 0 && !result.is_good && !result.is_torn_end)
		log_warning("the audit trail is not good (`lazaret audit verify`); indexed up to %s:%" PRIu64,
			    result.bad_file, result.bad_line);
	if (r == 0 && (result.is_good || result.is_torn_end))
		r = history_series_set_whole(h, true);
	if (r == 0 && is_rebuild && (result.is_good || result.is_torn_end))
		r = history_decisions_set_place(h, u.decided);
	if (r == 0 && is_rebuild)
		(void)printf("indexed %" PRIu64 " reports%s\n", u.added, u.missing ? "; some are missing, see above" : "");
	return r;
}

/* An officer who is root must not lock the ledger's account out: a file made here belongs to the directory's owner.
 * (SQLite does the same for its -wal and -shm.) */
static int make_file(const struct station_config *config)
{
	_cleanup_close_ int dir_fd = records_directory(config->history_dir), fd = -EBADF;
	struct stat st;

	if (dir_fd < 0)
		return dir_fd;
	fd = openat(dir_fd, HISTORY_FILE, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	if (fstat(dir_fd, &st) < 0 || (geteuid() == 0 && fchown(fd, st.st_uid, st.st_gid) < 0))
		return -errno;
	return 0;
}

/* With what SQLite keeps beside it, which would otherwise be taken for the new one's. */
static int remove_files(const char *path)
{
	static const char *const ends[] = { "-wal", "-shm", "" };
	int r = 0;

	for (size_t k = 0; r == 0 && k < ARRAY_LEN(ends); k++) {
		_cleanup_free_ char *name = NULL;

		if (asprintf(&name, "%s%s", path, ends[k]) < 0)
			return -ENOMEM;
		if (unlink(name) < 0 && errno != ENOENT)
			r = -errno;
	}
	return r;
}

static int open_history(const struct station_config *config, bool is_rebuild, struct history **ret)
{
	_cleanup_free_ char *path = NULL;
	int r;

	if (asprintf(&path, "%s/" HISTORY_FILE, config->history_dir) < 0)
		return -ENOMEM;
	r = make_file(config);
	if (r == 0)
		r = history_open(path, ret);
	if (r == -EUCLEAN && is_rebuild) {
		/* an index, made anew from the trail right away */
		r = remove_files(path);
		if (r == 0)
			r = make_file(config);
		if (r == 0)
			r = history_open(path, ret);
	}
	if (r < 0)
		log_error("%s: %s%s", path, r == -EPROTONOSUPPORT ? "made by a newer lazaret" : strerror(-r),
			  r == -EUCLEAN ? " (`lazaret history --rebuild` makes it anew from the trail and the reports)" : "");
	return r;
}

/* -- the command ---------------------------------------------------------------------------------------------- */

int records_history(const struct station_config *config, bool is_rebuild, struct history **ret)
{
	_cleanup_(history_freep) struct history *h = NULL;
	_cleanup_free_ char *trail = NULL;
	int r;

	if (asprintf(&trail, "%s/" CHAIN_FILE, config->audit_dir) < 0)
		return -ENOMEM;
	if (access(trail, F_OK) < 0 && errno == ENOENT)
		return -ENODATA;
	r = open_history(config, is_rebuild, &h);
	if (r < 0)
		return r;
	r = update_index(h, config, is_rebuild);
	if (r < 0) {
		log_error("the history cannot be brought up to date: %s (%s)", strerror(-r), history_error(h));
		return r == -ENODATA ? -EIO : r;
	}
	*ret = TAKE_PTR(h);
	return 0;
}

static int answer(const struct station_config *config, struct history_request *q)
{
	_cleanup_(history_freep) struct history *h = NULL;
	int r = records_history(config, q->is_rebuild, &h);

	if (r == -ENODATA) {
		log_info("nothing has been recorded at this station yet");
		r = history_open_memory(&h); /* a head without rows is an answer, too */
	}
	if (r == 0 && q->is_rebuild && !q->wanted)
		return EXIT_SUCCESS;
	if (r == 0) {
		r = history_request_answer(q, h);
		if (r < 0)
			log_error("%s: %s", strerror(-r), history_error(h));
	}
	return r < 0 ? EXIT_CANNOT : EXIT_SUCCESS;
}

int cmd_history(struct cli *cli)
{
	struct station_config *config;
	struct history_request q;
	int status;

	if (history_request_parse(cli, &q) < 0)
		return EXIT_USAGE;
	config = records_config(cli);
	if (!config)
		return EXIT_CANNOT;
	status = answer(config, &q);
	station_config_free(config);
	return status;
}
