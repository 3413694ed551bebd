/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `lazaret fleet export`: records since the last export, with their reports, into one file (common/parcel.h). The trail tells of it
 * before the file appears, and that record is the file's signed index: so the trail also knows where the next export begins, and
 * this program needs no key.
 */
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/fleet.h"
#include "cli/records.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/outbox.h"
#include "common/parcel.h"
#include "common/report.h"

#define COPY_SIZE (1u << 18)

struct export {
	struct station_config *config;
	struct minisign_public key;
	int audit_fd, reports_fd, out_dir_fd;
	char *out_dir, *name, *temporary; /* owned */
	struct outbox *outbox;
	bool has_from;
	uint64_t first, last;
	uint8_t prev[SHA256_LEN], hash[SHA256_LEN]; /* of the records before the first, and of the last */
	bool is_news; /* there is something in it besides earlier exports */
	FILE *out;
	struct hash *sum;
	uint64_t size, reports, missing;
};

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

static void done(struct export *e)
{
	if (e->temporary && e->out_dir_fd >= 0)
		(void)unlinkat(e->out_dir_fd, e->temporary, 0); /* gone when it got its name */
	fclose_p(&e->out);
	hash_free(e->sum);
	outbox_free(e->outbox);
	close_p(&e->audit_fd);
	close_p(&e->reports_fd);
	close_p(&e->out_dir_fd);
	free(e->out_dir);
	free(e->name);
	free(e->temporary);
	station_config_free(e->config);
}

/* -- what goes in ------------------------------------------------------------------------------------------------------ */

static int next(struct export *e, struct outbox_record *record)
{
	const char *why;
	int r = outbox_next(e->outbox, record, &why);

	if (r == -EBADMSG)
		log_error("the audit trail is altered, nothing was exported: %s (`lazaret audit verify`)", why ? why : "not a record");
	else if (r < 0)
		log_error("%s: %s", e->config->audit_dir, strerror(-r));
	return r;
}

/* From the record after the last export's last one, or from the one that was asked for, to the end. */
static int find_range(struct export *e)
{
	uint8_t before[SHA256_LEN] = { 0 };
	struct outbox_record record;
	bool is_any = false;
	int r;

	while ((r = next(e, &record)) == 1) {
		bool is_export = strcmp(record.record->type, PARCEL_TYPE) == 0;

		if (is_export && !e->has_from) {
			e->first = (uint64_t)json_integer_value(json_object_get(record.record->body, "last")) + 1;
			e->is_news = false;
		}
		e->is_news = e->is_news || (!is_export && record.place.seq >= e->first);
		e->last = record.place.seq;
		memcpy(e->hash, record.place.hash, SHA256_LEN);
		is_any = true;
	}
	if (r < 0)
		return r;
	if (!is_any || e->first > e->last || (!e->is_news && !e->has_from))
		return -ENODATA;
	r = outbox_rewind(e->outbox);
	if (r < 0)
		return r;
	for (uint64_t seq = 0; seq < e->first; seq++) {
		r = next(e, &record);
		if (r != 1)
			return r < 0 ? r : -EIO;
		memcpy(before, record.place.hash, SHA256_LEN);
	}
	memcpy(e->prev, before, SHA256_LEN);
	return 0;
}

/* -- the file ---------------------------------------------------------------------------------------------------------- */

static int put(struct export *e, const void *data, size_t size)
{
	if (fwrite(data, 1, size, e->out) != size)
		return -EIO;
	e->size += size;
	return hash_update(e->sum, data, size);
}

static int put_json(struct export *e, json_t *j)
{
	_cleanup_free_ char *text = j ? json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	int r = text ? put(e, text, strlen(text)) : -ENOMEM;

	json_decref(j);
	return r == 0 ? put(e, "\n", 1) : r;
}

static int put_header(struct export *e)
{
	char public[MINISIGN_PUBLIC_TEXT_LEN + 1], prev[SHA256_HEX_LEN + 1];

	minisign_public_base64(&e->key, public);
	hex_encode(e->prev, SHA256_LEN, prev);
	return put_json(e, json_pack("{sIsssIssssss}", "first", (json_int_t)e->first, "format", PARCEL_FORMAT, "last", (json_int_t)e->last,
				     "prev", prev, "public_key", public, "station", e->config->id));
}

static int open_report(struct export *e, const json_t *body, uint64_t *ret_size)
{
	const char *transfer = json_string_value(json_object_get(body, "transfer"));
	const char *named = json_string_value(json_object_get(body, "sha256"));
	char name[REPORT_TRANSFER_MAX + 16], hex[SHA256_HEX_LEN + 1];
	_cleanup_close_ int fd = -EBADF;
	uint8_t sum[SHA256_LEN];
	int r;

	if (!transfer || !named || !report_transfer_valid(transfer))
		return -EBADMSG;
	(void)snprintf(name, sizeof(name), "%s.json", transfer); /* fits: it is valid */
	fd = openat(e->reports_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	r = sha256_fd(fd, sum, ret_size);
	if (r < 0)
		return r;
	hex_encode(sum, sizeof(sum), hex);
	return strcmp(hex, named) == 0 ? TAKE_FD(fd) : -EBADMSG;
}

static int copy(struct export *e, int fd, uint64_t left)
{
	_cleanup_free_ char *data = malloc(COPY_SIZE);
	int r = data ? 0 : -ENOMEM;

	while (r == 0 && left > 0) {
		size_t size = (size_t)MIN(left, (uint64_t)COPY_SIZE);

		r = fd_read_exact(fd, data, size);
		if (r == 0)
			r = put(e, data, size);
		left -= size;
	}
	return r;
}

/* A report that is missing does not keep the records back: the centre then says that it is missing. */
static int put_report(struct export *e, const struct outbox_record *record)
{
	uint64_t size;
	_cleanup_close_ int fd = open_report(e, record->record->body, &size);
	int r;

	if (fd < 0) {
		log_warning("the report of record %" PRIu64 " is missing or altered, and goes without (`lazaret audit verify`): %s",
			    record->place.seq, strerror(-fd));
		e->missing++;
		return 0;
	}
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	r = put_json(e, json_pack("{sIsI}", "report", (json_int_t)record->place.seq, "size", (json_int_t)size));
	if (r == 0)
		r = copy(e, fd, size);
	if (r == 0)
		r = put(e, "\n", 1);
	e->reports++;
	return r;
}

static int put_records(struct export *e)
{
	struct outbox_record record;
	int r = put_header(e);

	for (uint64_t seq = e->first; r == 0 && seq <= e->last; seq++) {
		r = next(e, &record);
		if (r != 1)
			return r < 0 ? r : -EIO;
		r = put(e, record.line, record.size);
		if (r == 0)
			r = put(e, "\n", 1);
		if (r == 0 && strcmp(record.record->type, CHAIN_TYPE_REPORT) == 0)
			r = put_report(e, &record);
	}
	return r;
}

/* The trail tells of the file; its record is the file's last line. */
static int put_index(struct export *e)
{
	char sum_hex[SHA256_HEX_LEN + 1], hash_hex[SHA256_HEX_LEN + 1];
	_cleanup_(json_decref_p) json_t *body = NULL;
	struct outbox_record record;
	uint8_t sum[SHA256_LEN];
	int r = hash_final(e->sum, sum);

	if (r < 0)
		return r;
	hex_encode(sum, sizeof(sum), sum_hex);
	hex_encode(e->hash, SHA256_LEN, hash_hex);
	body = json_pack("{sIsssIsssI}", "first", (json_int_t)e->first, "hash", hash_hex, "last", (json_int_t)e->last, "sha256", sum_hex, "size",
			 (json_int_t)e->size);
	r = body ? records_append(e->config, PARCEL_TYPE, body) : -ENOMEM;
	if (r < 0)
		return r;
	do
		r = next(e, &record);
	while (r == 1 && !(strcmp(record.record->type, PARCEL_TYPE) == 0 && json_equal(record.record->body, body)));
	if (r == 1 && (fwrite(record.line, 1, record.size, e->out) != record.size || putc('\n', e->out) == EOF))
		r = -EIO;
	return r == 1 ? 0 : r < 0 ? r : -EIO;
}

static int finish(struct export *e)
{
	if (fflush(e->out) != 0 || fsync(fileno(e->out)) < 0 ||
	    renameat2(e->out_dir_fd, e->temporary, e->out_dir_fd, e->name, RENAME_NOREPLACE) < 0 || fsync(e->out_dir_fd) < 0)
		return -errno;
	return 0;
}

static int write_file(struct export *e)
{
	_cleanup_close_ int fd = openat(e->out_dir_fd, e->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
	int r;

	if (fd < 0)
		return -errno;
	e->sum = hash_new();
	e->out = fdopen(fd, "w");
	if (!e->sum || !e->out)
		return -ENOMEM;
	fd = -EBADF; /* owned by out */
	r = put_records(e);
	if (r == 0 && (fflush(e->out) != 0 || fsync(fileno(e->out)) < 0))
		r = -errno; /* a full disk shows here, before the trail says that it was exported */
	if (r < 0)
		return r;
	r = put_index(e);
	if (r == 0)
		r = finish(e);
	if (r < 0)
		log_error("if the trail tells of this export already, repeat it with --from %" PRIu64, e->first);
	return r;
}

/* -- start ------------------------------------------------------------------------------------------------------------- */

static int take_out(struct export *e, const char *out)
{
	_cleanup_free_ char *dir = strdup(out), *base = strdup(out);
	struct stat st;

	if (!dir || !base)
		return -ENOMEM;
	e->out_dir = strdup(dirname(dir));
	e->name = strdup(basename(base));
	if (!e->out_dir || !e->name || asprintf(&e->temporary, ".%s.new", e->name) < 0) {
		e->temporary = NULL;
		return -ENOMEM;
	}
	e->out_dir_fd = open(e->out_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (e->out_dir_fd < 0)
		return -errno;
	if (fstatat(e->out_dir_fd, e->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	return 0;
}

static int start(struct cli *cli, struct export *e, const char *out)
{
	int r;

	e->config = records_config(cli);
	if (!e->config)
		return -EINVAL;
	r = take_out(e, out);
	if (r < 0) {
		log_error("%s: %s", out, strerror(-r));
		return r;
	}
	e->audit_fd = records_directory(e->config->audit_dir);
	e->reports_fd = records_directory(e->config->reports_dir);
	if (e->audit_fd < 0 || e->reports_fd < 0)
		return -ENOENT;
	r = records_public_key(e->config->audit_key, &e->key);
	if (r < 0)
		return r;
	r = outbox_open(e->audit_fd, &e->key, &e->outbox);
	if (r < 0)
		log_error("%s: %s", e->config->audit_dir, r == -ENOENT ? "nothing has been recorded yet" : strerror(-r));
	return r;
}

static int run(struct cli *cli, struct export *e, const char *out)
{
	int r = start(cli, e, out);

	if (r < 0)
		return EXIT_CANNOT;
	r = find_range(e);
	if (r == -ENODATA) {
		(void)printf("nothing was recorded since the last export (--from SEQ makes it again)\n");
		return 0;
	}
	if (r == 0)
		r = write_file(e);
	if (r < 0) {
		log_error("%s: %s", out, strerror(-r));
		return EXIT_CANNOT;
	}
	(void)printf("%s: records %" PRIu64 " to %" PRIu64 ", %" PRIu64 " reports\n", out, e->first, e->last, e->reports);
	return e->missing > 0 ? 1 : 0;
}

int fleet_export(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = { { "out", required_argument, NULL, 'o' }, { "from", required_argument, NULL, 'f' }, { 0 } };
	struct export e = { .audit_fd = -EBADF, .reports_fd = -EBADF, .out_dir_fd = -EBADF };
	const char *out = NULL;
	char *end = NULL;
	int c, status;

	optind = 0; /* glibc: begin again with this vector */
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'o')
			out = optarg;
		if (c == 'f' && *optarg >= '0' && *optarg <= '9') {
			e.first = strtoull(optarg, &end, 10);
			e.has_from = *end == '\0';
		}
		if (c == '?' || (c == 'f' && !e.has_from))
			break;
	}
	if (c != -1 || !out || optind < argc) {
		(void)fputs("usage: lazaret fleet export --out FILE [--from SEQ]\n", stderr); /* nowhere left to complain to */
		return EXIT_USAGE;
	}
	status = run(cli, &e, out);
	done(&e);
	return status;
}
