/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `lazaret audit export`: a gap-free range of the trail with its reports, for somebody who has nothing else (lazaret-verify --audit,
 * docs/proof.md). The trail is read twice: once, checked, for what the signed index says of it; once for its lines, which must
 * have the same hash then.
 *
 * Order: all of it is written under a hidden name and synced; the trail records `exported`; it gets its name.
 */
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <pwd.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "cli/archive.h"
#include "cli/audit.h"
#include "cli/ledger.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/report.h"
#include "common/text.h"
#include "ipc/ledger_client.h"

#define EXPORT_FORMAT "lazaret.audit-export/1"
#define RECORDS_FILE  "records.jsonl"
#define COPY_BLOCK    65536
#define DAY_S	      86400

/* One end of the range. */
struct bound {
	bool is_given, is_date;
	uint64_t seq;
	int64_t time_s; /* from: of its first second; to: of its last */
};

struct export {
	struct audit audit;
	struct bound from, to;
	const char *out_path, *by;
	struct archive_out *out;
	struct ledger_link ledger;

	/* what was found */
	bool has_begun, has_ended;
	uint64_t first, last, records, bytes;
	uint8_t prev[SHA256_LEN], last_hash[SHA256_LEN], sum[SHA256_LEN];
	struct hash *hash;
	json_t *reports; /* transfer -> sha256 */
	json_t *files;	 /* name -> {sha256, size}, for the index */
	json_t *missing; /* array of {transfer, why} */
	char *witness, *index, *index_sig, *public_text;
};

static void export_done(struct export *x)
{
	archive_out_free(x->out);
	audit_done(&x->audit);
	hash_free(x->hash);
	json_decref(x->reports);
	json_decref(x->files);
	json_decref(x->missing);
	free(x->witness);
	free(x->index);
	free(x->index_sig);
	free(x->public_text);
}

/* -- the range ------------------------------------------------------------------------------------------------------- */

static bool is_before(const struct bound *from, const struct chain_record *r)
{
	return from->is_given && (from->is_date ? r->time < from->time_s : r->seq < from->seq);
}

static bool is_behind(const struct bound *to, const struct chain_record *r)
{
	return to->is_given && (to->is_date ? r->time > to->time_s : r->seq > to->seq);
}

/* Without gaps whatever the clock did: what comes before the first record in the range is left out, and so is what comes from the
 * first one on that is behind it. */
static bool is_in_range(struct export *x, const struct chain_record *r)
{
	if (!x->has_begun && is_before(&x->from, r))
		return false;
	if (!x->has_ended && is_behind(&x->to, r))
		x->has_ended = true;
	x->has_begun = x->has_begun || !x->has_ended;
	return !x->has_ended;
}

static int note_report(struct export *x, const struct chain_record *r)
{
	const char *transfer = json_string_value(json_object_get(r->body, "transfer"));
	json_t *sum = json_object_get(r->body, "sha256");

	if (strcmp(r->type, CHAIN_TYPE_REPORT) != 0 || !transfer || !report_transfer_valid(transfer) || !json_is_string(sum))
		return 0;
	return json_object_set(x->reports, transfer, sum) < 0 ? -ENOMEM : 0;
}

static int on_first_reading(void *context, const struct chain_record *r, uint64_t line)
{
	struct export *x = context;
	int e;

	if (!is_in_range(x, r))
		return 0;
	if (x->records++ == 0) {
		x->first = r->seq;
		memcpy(x->prev, r->prev, SHA256_LEN);
	}
	x->last = r->seq;
	memcpy(x->last_hash, r->hash, SHA256_LEN);
	x->bytes += r->line_size + 1;
	e = hash_update(x->hash, r->line, r->line_size);
	if (e == 0)
		e = hash_update(x->hash, "\n", 1);
	return e == 0 ? note_report(x, r) : e;
}

static int read_trail(struct export *x)
{
	struct chain_visitor visitor = { .record = on_first_reading, .context = x };
	struct chain_result result;
	struct minisign_public key;
	int r = records_public_key(x->audit.config->audit_key, &key);

	if (r == 0)
		r = minisign_public_text(&key, &x->public_text);
	if (r == 0)
		r = chain_walk_all(x->audit.audit_fd, &key, CHAIN_SEALS, &visitor, &result);
	if (r == 0)
		r = hash_final(x->hash, x->sum);
	if (r < 0)
		return r;
	if (!result.is_good && !result.is_torn_end) {
		log_error("%s/%s:%" PRIu64 ": %s: nothing is exported from a trail that is not good (`lazaret audit verify`)",
			  x->audit.config->audit_dir, result.bad_file, result.bad_line, result.why);
		return -EBADMSG;
	}
	if (x->records == 0) {
		log_error("no record of the trail is in this range; the last one is number %" PRIu64, result.last_seq);
		return -ENODATA;
	}
	return 0;
}

/* -- the index ------------------------------------------------------------------------------------------------------- */

static int add_file(struct export *x, const char *name, const uint8_t sum[static SHA256_LEN], uint64_t size)
{
	char hex[SHA256_HEX_LEN + 1];

	hex_encode(sum, SHA256_LEN, hex);
	return json_object_set_new(x->files, name, json_pack("{s:s,s:I}", "sha256", hex, "size", (json_int_t)size)) < 0 ? -ENOMEM : 0;
}

static int add_text(struct export *x, const char *name, const char *text)
{
	uint8_t sum[SHA256_LEN];
	int r = sha256(text, strlen(text), sum);

	return r == 0 ? add_file(x, name, sum, strlen(text)) : r;
}

static void name_report(const char *transfer, const char *dir, char ret[static REPORT_TRANSFER_MAX + 16])
{
	(void)snprintf(ret, REPORT_TRANSFER_MAX + 16, "%s%s.json", dir, transfer); /* fits: it is valid */
}

static int add_report(struct export *x, const char *transfer, const char *recorded)
{
	char name[REPORT_TRANSFER_MAX + 16], hex[SHA256_HEX_LEN + 1] = "";
	_cleanup_close_ int fd = -EBADF;
	uint8_t sum[SHA256_LEN];
	const char *why;
	uint64_t size;
	int r;

	name_report(transfer, "", name);
	fd = openat(x->audit.reports_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	r = fd < 0 ? -errno : sha256_fd(fd, sum, &size);
	if (r == 0)
		hex_encode(sum, sizeof(sum), hex);
	name_report(transfer, "reports/", name);
	if (strcmp(hex, recorded) == 0)
		return add_file(x, name, sum, size);
	why = r < 0 ? strerror(-r) : "altered since it was recorded";
	log_warning("%s/%s.json: %s: the export says so, and goes without it", x->audit.config->reports_dir, transfer, why);
	return json_array_append_new(x->missing, json_pack("{s:s,s:s}", "transfer", transfer, "why", why)) < 0 ? -ENOMEM : 0;
}

static int collect(struct export *x)
{
	const char *transfer;
	json_t *sum;
	int r = add_file(x, RECORDS_FILE, x->sum, x->bytes);

	if (r == 0)
		r = add_text(x, "audit.pub", x->public_text);
	if (r == 0)
		r = add_text(x, "audit.witness", x->witness);
	json_object_foreach(x->reports, transfer, sum)
		if (r == 0)
			r = add_report(x, transfer, json_string_value(sum));
	return r;
}

static int make_index(struct export *x)
{
	char prev[SHA256_HEX_LEN + 1], hash[SHA256_HEX_LEN + 1], key[MINISIGN_PUBLIC_TEXT_LEN + 1];
	_cleanup_free_ char *text = NULL;
	struct minisign_public public;
	json_t *index;

	hex_encode(x->prev, SHA256_LEN, prev);
	hex_encode(x->last_hash, SHA256_LEN, hash);
	if (minisign_public_parse(x->public_text, strlen(x->public_text), &public, NULL) < 0)
		return -EINVAL;
	minisign_public_base64(&public, key);
	index = json_pack("{s:O,s:{s:s,s:I},s:s,s:{s:s,s:I},s:I,s:O,s:s,s:I,s:s}", "files", x->files, "first", "prev", prev, "seq",
			  (json_int_t)x->first, "format", EXPORT_FORMAT, "last", "hash", hash, "seq", (json_int_t)x->last, "made",
			  (json_int_t)time(NULL), "missing", x->missing, "public_key", key, "records", (json_int_t)x->records, "station",
			  x->audit.config->id);
	text = index ? json_dumps(index, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	json_decref(index);
	return text && asprintf(&x->index, "%s\n", text) >= 0 ? 0 : -ENOMEM;
}

static int sign_index(struct export *x)
{
	_cleanup_close_ int fd = memfd_create("index", MFD_CLOEXEC);
	_cleanup_free_ char *why = NULL;
	char range[64];
	int r = fd < 0 ? -errno : fd_write_all(fd, x->index, strlen(x->index));

	(void)snprintf(range, sizeof(range), "%" PRIu64 "-%" PRIu64, x->first, x->last); /* two numbers of 20 digits */
	if (r == 0)
		r = ledger_sign(&x->ledger.channel, fd, range, &x->index_sig, &why);
	if (r < 0)
		log_error("the index cannot be signed: %s", why ? why : strerror(-r));
	return r;
}

/* -- writing --------------------------------------------------------------------------------------------------------- */

static int put_text(struct export *x, const char *name, const char *text)
{
	int r = archive_out_begin(x->out, name, strlen(text));

	if (r == 0)
		r = archive_out_data(x->out, text, strlen(text));
	return r == 0 ? archive_out_end(x->out) : r;
}

static int on_second_reading(void *context, const struct chain_record *r, uint64_t line)
{
	struct export *x = context;
	int e;

	if (r->seq < x->first || r->seq > x->last)
		return 0;
	e = hash_update(x->hash, r->line, r->line_size);
	if (e == 0)
		e = hash_update(x->hash, "\n", 1);
	if (e == 0)
		e = archive_out_data(x->out, r->line, r->line_size);
	return e == 0 ? archive_out_data(x->out, "\n", 1) : e;
}

static int put_records(struct export *x)
{
	struct chain_visitor visitor = { .record = on_second_reading, .context = x };
	struct chain_result result;
	struct minisign_public key;
	uint8_t sum[SHA256_LEN];
	int r = minisign_public_parse(x->public_text, strlen(x->public_text), &key, NULL);

	if (r == 0)
		r = archive_out_begin(x->out, RECORDS_FILE, x->bytes);
	if (r == 0)
		r = hash_reset(x->hash);
	if (r == 0)
		r = chain_walk_all(x->audit.audit_fd, &key, CHAIN_LINKS, &visitor, &result);
	if (r == 0)
		r = hash_final(x->hash, sum);
	if (r == 0 && memcmp(sum, x->sum, SHA256_LEN) != 0) {
		log_error("the trail changed while it was read: nothing was exported");
		r = -EBADMSG;
	}
	return r == 0 ? archive_out_end(x->out) : r;
}

/* What is written must be what the index says. */
static int put_report(struct export *x, const char *name, const json_t *entry)
{
	_cleanup_close_ int fd = openat(x->audit.reports_fd, name + strlen("reports/"), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_free_ char *block = malloc(COPY_BLOCK);
	char hex[SHA256_HEX_LEN + 1];
	uint8_t sum[SHA256_LEN];
	ssize_t n = 0;
	int r;

	if (!block || fd < 0)
		return block ? -errno : -ENOMEM;
	r = archive_out_begin(x->out, name, (uint64_t)json_integer_value(json_object_get(entry, "size")));
	if (r == 0)
		r = hash_reset(x->hash);
	while (r == 0 && (n = read(fd, block, COPY_BLOCK)) > 0) {
		r = hash_update(x->hash, block, (size_t)n);
		if (r == 0)
			r = archive_out_data(x->out, block, (size_t)n);
	}
	if (r == 0)
		r = n < 0 ? -errno : hash_final(x->hash, sum);
	if (r < 0)
		return r;
	hex_encode(sum, sizeof(sum), hex);
	if (strcmp(hex, json_string_value(json_object_get(entry, "sha256"))) != 0) {
		log_error("%s changed while it was read: nothing was exported", name);
		return -EBADMSG;
	}
	return archive_out_end(x->out);
}

/* The index and its signature first: who reads an archive from its beginning knows what to expect. */
static int put_all(struct export *x)
{
	const char *name;
	json_t *entry;
	int r = put_text(x, "index.json", x->index);

	if (r == 0)
		r = put_text(x, "index.json.minisig", x->index_sig);
	if (r == 0)
		r = put_text(x, "audit.pub", x->public_text);
	if (r == 0)
		r = put_text(x, "audit.witness", x->witness);
	if (r == 0)
		r = put_records(x);
	json_object_foreach(x->files, name, entry)
		if (r == 0 && strncmp(name, "reports/", strlen("reports/")) == 0)
			r = put_report(x, name, entry);
	return r == 0 ? archive_out_finish(x->out) : r;
}

static const char *caller(void)
{
	const char *sudo = geteuid() == 0 ? getenv("SUDO_USER") : NULL;
	const struct passwd *pw = sudo && *sudo ? NULL : getpwuid(getuid());

	return sudo && *sudo ? sudo : pw ? pw->pw_name : "?";
}

static int record(struct export *x)
{
	const char *by = x->by ? x->by : caller(), *slash = strrchr(x->out_path, '/');
	const char *name = slash && slash[1] ? slash + 1 : x->out_path;
	_cleanup_free_ char *clean_by = text_escape(by, strlen(by)), *clean_name = text_escape(name, strlen(name)), *text = NULL, *why = NULL;
	char hex[SHA256_HEX_LEN + 1];
	uint8_t sum[SHA256_LEN];
	json_t *body;
	int r = sha256(x->index, strlen(x->index), sum);

	hex_encode(sum, sizeof(sum), hex);
	if (!clean_by || !clean_name)
		return -ENOMEM;
	body = json_pack("{s:s,s:I,s:I,s:I,s:s,s:I,s:I,s:s}", "by", clean_by, "first_seq", (json_int_t)x->first, "last_seq", (json_int_t)x->last,
			 "missing", (json_int_t)json_array_size(x->missing), "out", clean_name, "records", (json_int_t)x->records, "reports",
			 (json_int_t)(json_object_size(x->reports) - json_array_size(x->missing)), "sha256", hex);
	text = body ? json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	json_decref(body);
	if (r == 0)
		r = text ? ledger_append(&x->ledger.channel, "exported", text, NULL, &why) : -ENOMEM;
	if (r < 0)
		log_error("the audit trail cannot be written, nothing was exported: %s", why ? why : strerror(-r));
	return r;
}

/* -- all of it ------------------------------------------------------------------------------------------------------- */

static int export_with_ledger(struct export *x)
{
	_cleanup_free_ char *why = NULL;
	int r = read_trail(x);

	if (r < 0)
		return r;
	/* after the reading: of a record that came meanwhile it knows, and never of less than what is exported */
	r = ledger_witness(&x->ledger.channel, &x->witness, &why);
	if (r < 0) {
		log_error("no witness: %s", why ? why : strerror(-r));
		return r;
	}
	r = collect(x);
	if (r == 0)
		r = make_index(x);
	if (r == 0)
		r = sign_index(x);
	if (r == 0)
		r = put_all(x);
	if (r == 0)
		r = record(x);
	return r == 0 ? archive_out_publish(x->out) : r;
}

static int export(struct cli *cli, struct export *x)
{
	int r = audit_open(cli, &x->audit);

	if (r == 0)
		r = archive_out_new(x->out_path, &x->out);
	if (r < 0)
		return r;
	x->hash = hash_new();
	x->reports = json_object();
	x->files = json_object();
	x->missing = json_array();
	if (!x->hash || !x->reports || !x->files || !x->missing)
		return -ENOMEM;
	r = ledger_link_open(x->audit.config, &x->ledger);
	if (r < 0)
		return r;
	r = export_with_ledger(x);
	ledger_link_close(&x->ledger);
	return r;
}

/* A number, a day, or a second: "2026-11-22", "2026-11-22T01:15:00Z", all UTC. */
static bool bound_parse(const char *text, bool is_end, struct bound *ret)
{
	struct tm tm = { 0 };
	const char *end;
	char *digits_end;

	*ret = (struct bound){ .is_given = true };
	if (*text && strspn(text, "0123456789") == strlen(text) && strlen(text) < 19) {
		ret->seq = strtoull(text, &digits_end, 10);
		return true;
	}
	ret->is_date = true;
	end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (!end || *end) {
		tm = (struct tm){ 0 };
		end = strptime(text, "%Y-%m-%d", &tm);
		if (!end || *end)
			return false;
		ret->time_s = is_end ? DAY_S - 1 : 0;
	}
	ret->time_s += timegm(&tm);
	return true;
}

/* False after telling. */
static bool export_option(struct export *x, int c)
{
	struct bound *bound = c == 'f' ? &x->from : &x->to;

	switch (c) {
	case 'f':
	case 't':
		if (bound_parse(optarg, c == 't', bound))
			return true;
		log_error("--%s %s: not a record's number, a day (2026-11-22) or a second (2026-11-22T01:15:00Z)", c == 'f' ? "from" : "to", optarg);
		return false;
	case 'o':
		x->out_path = optarg;
		return *optarg;
	case 'b':
		x->by = optarg;
		return true;
	default:
		return false;
	}
}

static int tell(const struct export *x)
{
	size_t reports = json_object_size(x->reports), missing = json_array_size(x->missing);

	if (x->audit.is_json)
		(void)printf("{\"first_seq\":%" PRIu64 ",\"last_seq\":%" PRIu64 ",\"missing\":%zu,\"records\":%" PRIu64 ",\"reports\":%zu}\n", x->first,
			     x->last, missing, x->records, reports - missing);
	else
		(void)printf("exported: records %" PRIu64 " to %" PRIu64 ", %zu reports; the next export begins with --from %" PRIu64 "\n", x->first,
			     x->last, reports - missing, x->last + 1);
	return missing > 0 ? 1 : EXIT_SUCCESS;
}

int audit_export(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = { { "from", required_argument, NULL, 'f' },
						 { "to", required_argument, NULL, 't' },
						 { "out", required_argument, NULL, 'o' },
						 { "by", required_argument, NULL, 'b' },
						 { 0 } };
	struct export x = { .audit = AUDIT_INIT };
	int c, r;

	optind = 0; /* glibc: begin again with this vector */
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!export_option(&x, c))
			return EXIT_USAGE;
	if (optind < argc || !x.out_path) {
		log_error("audit export [--from SEQ|DATE] [--to SEQ|DATE] [--by NAME] --out DIR|FILE.tar");
		return EXIT_USAGE;
	}
	r = export(cli, &x);
	c = r < 0 ? EXIT_CANNOT : tell(&x);
	export_done(&x);
	return c;
}
