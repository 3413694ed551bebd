/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `lazaret show ID`: one kept report, for people, or with --json byte for byte, or as its receipt: the same bytes as in the
 * transfer, and the only ones where nothing was published. It is compared with the hash that the audit trail has of it before a
 * word is shown.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "cli/records.h"
#include "common/chain.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/reason.h"
#include "common/report.h"
#include "receipt/receipt.h"

#define COPY_BLOCK 65536

struct wanted {
	const char *transfer;
	const char *receipt; /* "txt", "html"; NULL: not its receipt */
	char sha256[SHA256_HEX_LEN + 1]; /* "" while no record was found */
};

static int on_record(void *context, const struct chain_record *r, uint64_t line)
{
	struct wanted *w = context;
	const char *transfer = json_string_value(json_object_get(r->body, "transfer"));
	const char *sha256 = json_string_value(json_object_get(r->body, "sha256"));

	if (strcmp(r->type, CHAIN_TYPE_REPORT) == 0 && transfer && sha256 && strcmp(transfer, w->transfer) == 0)
		(void)snprintf(w->sha256, sizeof(w->sha256), "%s", sha256); /* 64 digits */
	return 0;
}

static int find_record(const struct station_config *config, struct wanted *w)
{
	struct chain_visitor visitor = { .record = on_record, .context = w };
	_cleanup_close_ int fd = open(config->audit_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct chain_result result;
	struct minisign_public key;

	if (fd < 0)
		return -errno;
	if (records_public_key(config->audit_key, &key) < 0)
		return -EINVAL; /* told already */
	return chain_walk_all(fd, &key, CHAIN_SEALS, &visitor, &result);
}

static void put_field(const char *label, const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	if (json_is_integer(value)) {
		(void)printf("%-12s %" JSON_INTEGER_FORMAT "\n", label, json_integer_value(value));
	} else if (json_is_string(value) && json_string_length(value) > 0) {
		(void)printf("%-12s ", label);
		records_put(json_string_value(value));
		(void)fputc('\n', stdout);
	}
}

static void put_time(const char *label, const json_t *object, const char *name)
{
	char when[RECORDS_TIME_LEN];

	records_time(json_integer_value(json_object_get(object, name)), when);
	(void)printf("%-12s %s UTC\n", label, when);
}

static void put_reasons(const json_t *file)
{
	json_t *reason;
	size_t i;

	json_array_foreach(json_object_get(file, "reasons"), i, reason) {
		const char *code = json_string_value(json_object_get(reason, "code"));
		const char *detail = json_string_value(json_object_get(reason, "detail"));
		const char *member = json_string_value(json_object_get(reason, "member"));
		enum reason known;

		(void)fputs("          ", stdout);
		if (code && reason_parse(code, &known) == 0)
			(void)printf("%s: %s", code, reason_sentence(known));
		else
			records_put(code ? code : "?");
		if (detail && *detail) {
			(void)fputs(" (", stdout);
			records_put(detail);
			(void)fputc(')', stdout);
		}
		if (member && *member) {
			(void)fputs(" in ", stdout);
			records_put(member);
		}
		(void)fputc('\n', stdout);
	}
}

static void put_signers(const json_t *file)
{
	json_t *signer;
	size_t i;

	json_array_foreach(json_object_get(file, "signers"), i, signer) {
		const char *name = json_string_value(json_object_get(signer, "name")), *via = json_string_value(json_object_get(signer, "via"));

		(void)fputs("          signed by ", stdout);
		records_put(name ? name : "?");
		(void)fputs(", proved by ", stdout);
		records_put(via ? via : "?");
		(void)fputc('\n', stdout);
	}
}

static void put_vouched(const json_t *file)
{
	json_t *finding;
	size_t i;

	json_array_foreach(json_object_get(file, "vouched"), i, finding) {
		const char *code = json_string_value(json_object_get(finding, "code"));

		(void)fputs("          not seen by the virus scanner (", stdout);
		records_put(code ? code : "?");
		(void)fputs("): the signature vouches for it\n", stdout);
	}
}

/* What officers have set aside, or why it is blocked. */
static void put_decision(const json_t *file)
{
	const json_t *d = json_object_get(file, "decision");
	const char *decision = json_string_value(json_object_get(d, "decision")), *id = json_string_value(json_object_get(d, "id"));
	json_t *reason;
	size_t i;

	if (!decision || !id)
		return;
	(void)fputs("          officers' decision: ", stdout);
	records_put(decision);
	(void)fputc(' ', stdout);
	records_put(id);
	json_array_foreach(json_object_get(d, "reasons"), i, reason) {
		const char *code = json_string_value(json_object_get(reason, "code"));

		(void)fputs(i == 0 ? ", in spite of " : ", ", stdout);
		records_put(code ? code : "?");
	}
	(void)fputc('\n', stdout);
}

static void put_release(const json_t *release)
{
	const char *by = json_string_value(json_object_get(release, "by")), *second = json_string_value(json_object_get(release, "second"));

	if (!by || !second)
		return;
	put_field("released of", release, "of");
	(void)fputs("released     by ", stdout);
	records_put(by);
	(void)fputs(" and ", stdout);
	records_put(second);
	(void)fputc('\n', stdout);
}

static void put_file(const json_t *file)
{
	const char *verdict = json_string_value(json_object_get(file, "verdict"));
	const char *path = json_string_value(json_object_get(file, "path"));

	(void)printf("%-9s ", verdict ? verdict : "?");
	records_put(path ? path : "?");
	(void)fputc('\n', stdout);
	put_signers(file);
	put_vouched(file);
	put_decision(file);
	put_reasons(file);
}

static void put_report(const json_t *report)
{
	const json_t *medium = json_object_get(report, "medium"), *counts = json_object_get(report, "counts");

	(void)fputc('\n', stdout);
	put_field("transfer", report, "transfer");
	put_field("outcome", report, "outcome");
	put_time("started", report, "started");
	put_time("finished", report, "finished");
	put_field("station", json_object_get(report, "station"), "name");
	put_field("policy", json_object_get(report, "station"), "policy");
	put_field("operator", report, "operator");
	put_field("reason", report, "reason");
	put_field("owner", report, "owner");
	put_field("ticket", report, "ticket");
	put_release(json_object_get(report, "release"));
	put_field("medium", medium, "kind");
	put_field("vendor", medium, "vendor");
	put_field("model", medium, "model");
	put_field("serial", medium, "serial");
	put_field("files", counts, "files");
	put_field("bytes", counts, "bytes");
	put_field("approved", counts, "approved");
	put_field("held", counts, "held");
	put_field("blocked", counts, "blocked");
}

/* Files first, as they stand in the report; the summary last, where a terminal leaves it in view. */
static int put_all(FILE *in)
{
	_cleanup_(report_reader_freep) struct report_reader *reader = NULL;
	json_t *file, *report = NULL;
	int r = report_reader_new(in, &reader);

	while (r == 0 && (r = report_next(reader, &file)) == 1) {
		put_file(file);
		json_decref(file);
		r = 0;
	}
	if (r == 0)
		r = report_rest(reader, &report);
	if (r == 0)
		put_report(report);
	json_decref(report);
	return r;
}

static int put_raw(FILE *in)
{
	char block[COPY_BLOCK];
	size_t n;

	while ((n = fread(block, 1, sizeof(block), in)) > 0)
		if (fwrite(block, 1, n, stdout) != n)
			return -EIO;
	return ferror(in) ? -EIO : 0;
}

static int put_receipt(int report_fd, const char *form)
{
	_cleanup_close_ int fd = memfd_create("receipt", MFD_CLOEXEC);
	_cleanup_fclose_ FILE *in = NULL;
	int r = fd < 0 ? -errno : receipt_write(report_fd, strcmp(form, "html") == 0 ? RECEIPT_HTML : RECEIPT_TEXT, 0, fd);

	if (r < 0)
		return r;
	in = fdopen(fd, "r");
	if (!in)
		return -errno;
	fd = -EBADF; /* owned by in */
	return put_raw(in);
}

static int show(const struct cli *cli, const struct station_config *config, struct wanted *w)
{
	_cleanup_close_ int fd = -EBADF;
	_cleanup_fclose_ FILE *in = NULL;
	_cleanup_free_ char *path = NULL;
	char hex[SHA256_HEX_LEN + 1];
	uint8_t sum[SHA256_LEN];
	int r = find_record(config, w);

	if (r < 0 || asprintf(&path, "%s/%s.json", config->reports_dir, w->transfer) < 0) {
		log_error("the audit trail cannot be read: %s", strerror(r < 0 ? -r : ENOMEM));
		return EXIT_CANNOT;
	}
	if (!w->sha256[0]) {
		log_error("%s: the audit trail knows no report of this transfer (`lazaret history` lists them)", w->transfer);
		return EXIT_FAILURE;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	r = fd < 0 ? -errno : sha256_fd(fd, sum, NULL);
	in = r < 0 ? NULL : fdopen(fd, "r");
	if (!in) {
		log_error("%s: %s", path, strerror(r < 0 ? -r : errno));
		return EXIT_CANNOT;
	}
	fd = -EBADF; /* owned by in */
	hex_encode(sum, sizeof(sum), hex);
	if (strcmp(hex, w->sha256) != 0) {
		log_error("%s: altered: its SHA-256 is not the one in the audit trail", path);
		return EXIT_FAILURE;
	}
	r = w->receipt ? put_receipt(fileno(in), w->receipt) : cli->is_json ? put_raw(in) : put_all(in);
	if (r == 0 && fflush(stdout) != 0)
		r = -errno;
	if (r < 0)
		log_error("%s: %s", path, strerror(-r));
	return r < 0 ? EXIT_CANNOT : EXIT_SUCCESS;
}

static bool is_form(const char *text)
{
	return strcmp(text, "txt") == 0 || strcmp(text, "html") == 0;
}

/* TRANSFER, and anywhere --receipt, which may have its form behind it. */
static bool parse(const struct cli *cli, struct wanted *w)
{
	char **argv = cli->argv;

	for (int k = 1; k < cli->argc; k++)
		if (strcmp(argv[k], "--receipt") == 0 && !w->receipt)
			w->receipt = k + 1 < cli->argc && is_form(argv[k + 1]) ? argv[++k] : "txt";
		else if (!*w->transfer)
			w->transfer = argv[k];
		else
			return false;
	return report_transfer_valid(w->transfer) && !(w->receipt && cli->is_json);
}

int cmd_show(struct cli *cli)
{
	struct wanted w = { .transfer = "" };
	struct station_config *config;
	int status;

	if (!parse(cli, &w)) {
		(void)fputs("usage: lazaret show TRANSFER [--receipt [txt|html]]\n", stderr); /* nowhere left to complain to */
		return EXIT_USAGE;
	}
	config = records_config(cli);
	if (!config)
		return EXIT_CANNOT;
	status = show(cli, config, &w);
	station_config_free(config);
	return status;
}
