/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Run by lazaret-ledger. The report comes from the supervisor, whose words it is: checked are its form and that it
 * takes its place in the line of reports, so that a fault shows here and not at an importer's.
 *
 * Order: file, then record. A file without record (the power went in between) is replaced by the next
 * attempt, and the record names the hash of what it replaced.
 */
#include "ledger/reports.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "common/hash.h"
#include "common/log.h"
#include "common/report.h"

#define NAME_ROOM (REPORT_TRANSFER_MAX + 16)

struct keeping {
	int dir_fd;
	const char *transfer, *previous;
	struct history *history; /* NULL: none, or given up */
	char name[NAME_ROOM], temporary[NAME_ROOM];
	json_t *report; /* without its files */
	uint8_t sum[SHA256_LEN];
	uint64_t size;
	char replaced[SHA256_HEX_LEN + 1]; /* hash of a file that was never recorded; "" */
	const char *why;
};

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

int reports_any(int dir_fd)
{
	_cleanup_close_ int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(closedir_p) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir)
		return -errno;
	fd = -EBADF; /* owned by dir */
	while ((errno = 0, entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			return 1;
	return -errno;
}

/* The copy that reports_stage() made, if it is of this very report. */
static bool is_staged(struct keeping *k, int src_fd)
{
	_cleanup_close_ int fd = openat(k->dir_fd, k->temporary, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint8_t sum[SHA256_LEN];

	return fd >= 0 && sha256_fd(fd, k->sum, &k->size) == 0 && sha256_fd(src_fd, sum, NULL) == 0 &&
	       memcmp(sum, k->sum, sizeof(sum)) == 0;
}

static int copy_report(struct keeping *k, int src_fd)
{
	_cleanup_close_ int fd = openat(k->dir_fd, k->temporary,
					O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	struct stat st;
	int r;

	if (fd < 0 || fstat(src_fd, &st) < 0)
		return -errno;
	r = fd_copy(fd, src_fd, (uint64_t)st.st_size);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	/* what was kept counts, not what was sent */
	return r < 0 ? r : sha256_fd(fd, k->sum, &k->size);
}

static void give_up_index(struct keeping *k, int error)
{
	log_warning("transfer=%s err=%s: not indexed (`lazaret history --rebuild` makes up for it): %s", k->transfer,
		    errno_name(error), history_error(k->history));
	history_rollback(k->history);
	k->history = NULL;
}

/* Every file's line: its form is checked, and it is indexed on the way. */
static int read_files(struct keeping *k, struct report_reader *reader)
{
	uint64_t at, size;
	json_t *file;
	int r;

	while ((r = report_next(reader, &file)) == 1) {
		int e = 0;

		report_place(reader, &at, &size);
		if (k->history)
			e = history_add_file(k->history, file, at, size);
		json_decref(file);
		if (e < 0)
			give_up_index(k, e);
	}
	return r;
}

static int read_report(struct keeping *k)
{
	_cleanup_close_ int fd = openat(k->dir_fd, k->temporary, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_fclose_ FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
	_cleanup_(report_reader_freep) struct report_reader *reader = NULL;
	int r;

	if (!in)
		return -errno;
	fd = -EBADF; /* owned by in */
	r = report_reader_new(in, &reader);
	if (r == 0)
		r = read_files(k, reader);
	if (r == 0)
		r = report_rest(reader, &k->report);
	if (r == -EBADMSG)
		k->why = "not a lazaret.report/1";
	return r;
}

static int check_report(struct keeping *k)
{
	const char *transfer = json_string_value(json_object_get(k->report, "transfer"));
	const json_t *previous = json_object_get(k->report, "previous");
	const char *text = json_string_value(previous);

	if (!transfer || strcmp(transfer, k->transfer) != 0)
		k->why = "it is another transfer's";
	else if (!json_is_string(json_object_get(k->report, "outcome")))
		k->why = "it has no outcome";
	else if (k->previous[0] ? !text || strcmp(text, k->previous) != 0 : !json_is_null(previous))
		k->why = "it does not name the report before it (\"previous\")";
	return k->why ? -EBADMSG : 0;
}

/* A report of this name is there: recorded, or left behind by a power cut between file and record? */
static int check_existing(struct keeping *k, struct trail *trail)
{
	_cleanup_close_ int fd = openat(k->dir_fd, k->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint8_t sum[SHA256_LEN];
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	r = trail_has_report(trail, k->transfer);
	if (r == 0)
		return -EEXIST;
	if (r != -ENOENT)
		return r;
	r = sha256_fd(fd, sum, NULL);
	if (r == 0)
		hex_encode(sum, sizeof(sum), k->replaced);
	return r;
}

static json_t *record_body(const struct keeping *k)
{
	char hex[SHA256_HEX_LEN + 1];
	json_t *body;

	hex_encode(k->sum, sizeof(k->sum), hex);
	body = json_pack("{sOsOsssIss}", "outcome", json_object_get(k->report, "outcome"), "previous",
			 json_object_get(k->report, "previous"), "sha256", hex, "size", (json_int_t)k->size,
			 "transfer", k->transfer);
	if (body && k->replaced[0] && json_object_set_new(body, "replaced", json_string(k->replaced)) < 0) {
		json_decref(body);
		body = NULL;
	}
	return body;
}

static int record(struct keeping *k, struct trail *trail, struct trail_place *ret)
{
	_cleanup_(json_decref_p) json_t *body = record_body(k);
	char hex[SHA256_HEX_LEN + 1];
	int r;

	if (!body)
		return -ENOMEM;
	if (renameat(k->dir_fd, k->temporary, k->dir_fd, k->name) < 0 || fsync(k->dir_fd) < 0)
		return -errno;
	r = trail_append(trail, CHAIN_TYPE_REPORT, body, ret, &k->why);
	if (r < 0 || !k->history)
		return r;
	hex_encode(k->sum, sizeof(k->sum), hex);
	r = history_commit(k->history, k->report, ret->seq, hex);
	if (r < 0)
		give_up_index(k, r);
	k->history = NULL; /* nothing to roll back */
	return 0;
}

static int keep(struct keeping *k, int src_fd, struct trail *trail, struct trail_place *ret)
{
	int r = check_existing(k, trail);

	if (r == 0 && !is_staged(k, src_fd))
		r = copy_report(k, src_fd);
	if (r == 0 && k->history) {
		int e = history_begin(k->history, k->transfer);

		if (e < 0)
			give_up_index(k, e);
	}
	if (r == 0)
		r = read_report(k);
	if (r == 0)
		r = check_report(k);
	if (r == 0)
		r = record(k, trail, ret);
	return r;
}

static int name_report(struct keeping *k)
{
	if (!report_transfer_valid(k->transfer))
		return -EBADMSG;
	(void)snprintf(k->name, sizeof(k->name), "%s.json", k->transfer);
	(void)snprintf(k->temporary, sizeof(k->temporary), ".%s.json.new", k->transfer);
	return 0;
}

int reports_stage(int dir_fd, const char *transfer, int src_fd)
{
	struct keeping k = { .dir_fd = dir_fd, .transfer = transfer };
	int r = name_report(&k);

	if (r < 0)
		return r;
	r = copy_report(&k, src_fd);
	if (r == 0 && fsync(dir_fd) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(dir_fd, k.temporary, 0); /* ours; the error is what matters */
	return r;
}

int reports_keep(int dir_fd, const char *transfer, int src_fd, const char *previous, struct trail *trail,
		 struct history *history, struct trail_place *ret, const char **ret_why)
{
	struct keeping k = { .dir_fd = dir_fd, .transfer = transfer, .previous = previous, .history = history };
	int r;

	r = name_report(&k);
	if (r < 0) {
		*ret_why = "not a transfer's name";
		return r;
	}
	r = keep(&k, src_fd, trail, ret);
	if (r < 0) {
		if (k.history)
			history_rollback(k.history);
		(void)unlinkat(dir_fd, k.temporary, 0); /* ours; usually gone or never made */
		*ret_why = k.why;
	}
	json_decref(k.report);
	return r;
}
