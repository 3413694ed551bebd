/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "cli/history_rows.h"

#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "cli/records.h"
#include "common/log.h"
#include "common/reason.h"

#define ROWS_DEFAULT 50
#define ROWS_MAX     1000000
#define DAY_SECONDS  86400

/* -- arguments -------------------------------------------------------------------------------------------------- */

static const char usage[] = "usage: lazaret history [--rebuild] [-n ROWS] [--from DAY] [--to DAY] [--outcome OUTCOME]\n"
			    "                       [--verdict VERDICT] [--code CODE] [--operator TEXT] [--medium TEXT]\n"
			    "                       [--files] [--json | --csv] [SHA256 | part of a path]\n";

int history_day(const char *text, int64_t *ret)
{
	struct tm tm = { 0 }, again;
	char same[sizeof("2026-11-22")];
	const char *end = strptime(text, "%Y-%m-%d", &tm);
	time_t t = end && !*end ? timegm(&tm) : 0;

	/* the 31st of February would be taken for the 3rd of March, "2026-1-1" and " 2026-01-01" for days */
	if (t <= 0 || !gmtime_r(&t, &again) || strftime(same, sizeof(same), "%Y-%m-%d", &again) == 0 || strcmp(same, text) != 0)
		return -EINVAL;
	*ret = t;
	return 0;
}

static int take_day(const char *name, const char *text, int64_t more, int64_t *ret)
{
	int r = history_day(text, ret);

	if (r < 0)
		log_error("%s %s: not a day; give one as 2026-11-22 (UTC)", name, text);
	else
		*ret += more;
	return r;
}

static int take_word(const char *name, const char *text, const char *const *list, const char **ret)
{
	for (size_t k = 0; list[k]; k++)
		if (strcmp(list[k], text) == 0) {
			*ret = list[k];
			return 0;
		}
	log_error("%s %s: must be %s, %s or %s", name, text, list[0], list[1], list[2]);
	return -EINVAL;
}

static int take_code(const char *text, const char **ret)
{
	enum reason reason;

	if (reason_parse(text, &reason) < 0) {
		log_error("--code %s: no such reason; lazaret-reasons(7) has them all", text);
		return -EINVAL;
	}
	*ret = reason_code(reason);
	return 0;
}

static int take_rows(const char *text, int64_t *ret)
{
	char *end = NULL;
	long long rows = strtoll(text, &end, 10);

	if (!*text || *end || rows < 1 || rows > ROWS_MAX)
		return -EINVAL;
	*ret = rows;
	return 0;
}

static int take_option(struct history_request *q, int c, bool *has_rows)
{
	static const char *const outcomes[] = { "published", "refused", "aborted", NULL };
	static const char *const verdicts[] = { "approved", "held", "blocked", NULL };

	switch (c) {
	case 'n':
		*has_rows = true;
		return take_rows(optarg, &q->rows);
	case 'r':
		q->is_rebuild = true;
		return 0;
	case 'F':
		q->is_files = true;
		return 0;
	case 'j':
		q->is_json = true;
		return 0;
	case 'c':
		q->is_csv = true;
		return 0;
	case 'f':
		return take_day("--from", optarg, 0, &q->by.from);
	case 't':
		return take_day("--to", optarg, DAY_SECONDS, &q->by.until); /* that day, too */
	case 'o':
		return take_word("--outcome", optarg, outcomes, &q->by.outcome);
	case 'v':
		return take_word("--verdict", optarg, verdicts, &q->by.verdict);
	case 'C':
		return take_code(optarg, &q->by.code);
	case 'p':
		q->by.operator_name = optarg;
		return 0;
	case 'm':
		q->by.medium = optarg;
		return 0;
	default:
		return -EINVAL;
	}
}

static int check(const struct history_request *q)
{
	if (q->is_json && q->is_csv)
		log_error("--json and --csv: one of them");
	else if (q->is_rebuild && q->is_csv)
		log_error("--rebuild makes the index anew, and says so: ask for the CSV afterwards");
	else if (q->by.from >= q->by.until)
		log_error("--to is before --from: no day is in between");
	else if (q->by.code && q->by.verdict && strcmp(q->by.verdict, "approved") == 0)
		log_error("--code with --verdict approved: what is approved has no reason against it");
	else
		return 0;
	return -EINVAL;
}

int history_request_parse(struct cli *cli, struct history_request *ret)
{
	static const struct option options[] = {
		{ "rebuild", no_argument, NULL, 'r' },	     { "from", required_argument, NULL, 'f' },
		{ "to", required_argument, NULL, 't' },	     { "outcome", required_argument, NULL, 'o' },
		{ "verdict", required_argument, NULL, 'v' }, { "code", required_argument, NULL, 'C' },
		{ "operator", required_argument, NULL, 'p' }, { "medium", required_argument, NULL, 'm' },
		{ "files", no_argument, NULL, 'F' },	     { "json", no_argument, NULL, 'j' },
		{ "csv", no_argument, NULL, 'c' },	     { 0 },
	};
	struct history_request q = { .by = { .until = INT64_MAX }, .rows = ROWS_DEFAULT, .is_json = cli->is_json };
	bool has_rows = false;
	int c, r = 0;

	optind = 0; /* glibc: begin again with this vector */
	while (r == 0 && (c = getopt_long(cli->argc, cli->argv, "n:", options, NULL)) != -1)
		r = take_option(&q, c, &has_rows);
	if (r == 0 && cli->argc - optind > 1)
		r = -EINVAL;
	if (r == 0)
		r = check(&q);
	if (r < 0) {
		(void)fputs(usage, stderr); /* nowhere left to complain to */
		return r;
	}
	q.wanted = cli->argv[optind];
	if (q.is_csv && !has_rows)
		q.rows = ROWS_MAX; /* a file is not read on one screen */
	*ret = q;
	return 0;
}

/* -- rows ------------------------------------------------------------------------------------------------------- */

static const char *const transfer_head[] = { "transfer", "started", "finished", "outcome", "operator", "reason", "medium", "serial", "files",
					     "bytes", "approved", "held", "blocked", "seq", "report_sha256", NULL };
static const char *const file_head[] = { "transfer", "started", "path", "verdict", "code", "rule", "size", "sha256", NULL };

static void put_object(json_t *o)
{
	_cleanup_free_ char *text = o ? json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	(void)puts(text ? text : "null");
	json_decref(o);
}

static void csv_transfer(struct csv *c, const struct history_transfer *t)
{
	const int64_t numbers[] = { t->files, t->bytes, t->approved, t->held, t->blocked, t->seq };

	csv_text(c, t->transfer);
	csv_time(c, t->started);
	csv_time(c, t->finished);
	csv_text(c, t->outcome);
	csv_text(c, t->operator_name);
	csv_text(c, t->reason);
	csv_text(c, t->medium);
	csv_text(c, t->serial);
	for (size_t k = 0; k < ARRAY_LEN(numbers); k++)
		csv_number(c, numbers[k]);
	csv_text(c, t->report_sha256);
	csv_end_line(c);
}

static void print_transfer(const struct history_transfer *t)
{
	char when[RECORDS_TIME_LEN];

	records_time(t->started, when);
	(void)printf("%s  %s  %-9s %7" PRId64 " files: %" PRId64 " approved, %" PRId64 " held, %" PRId64 " blocked  ", t->transfer,
		     when, t->outcome, t->files, t->approved, t->held, t->blocked);
	records_put(t->medium);
	if (*t->operator_name) {
		(void)fputs("  by ", stdout);
		records_put(t->operator_name);
	}
	(void)fputc('\n', stdout);
}

static int put_transfer(void *context, const struct history_transfer *t)
{
	struct history_request *q = context;

	if (q->is_csv)
		csv_transfer(&q->csv, t);
	else if (q->is_json)
		put_object(json_pack("{ss,ss,ss,ss,ss,ss,sI,sI,sI,sI,sI,sI,sI,sI,ss}", "transfer", t->transfer, "outcome", t->outcome,
				     "operator", t->operator_name, "reason", t->reason, "medium", t->medium, "serial", t->serial,
				     "started", (json_int_t)t->started, "finished", (json_int_t)t->finished, "files",
				     (json_int_t)t->files, "bytes", (json_int_t)t->bytes, "approved", (json_int_t)t->approved,
				     "held", (json_int_t)t->held, "blocked", (json_int_t)t->blocked, "seq", (json_int_t)t->seq,
				     "report_sha256", t->report_sha256));
	else
		print_transfer(t);
	return 0;
}

static int put_file(void *context, const struct history_file *f)
{
	struct history_request *q = context;

	if (q->is_csv) {
		csv_text(&q->csv, f->transfer);
		csv_time(&q->csv, f->started);
		csv_text(&q->csv, f->path);
		csv_text(&q->csv, f->verdict);
		csv_text(&q->csv, f->code);
		csv_text(&q->csv, f->rule);
		csv_number(&q->csv, f->size);
		csv_text(&q->csv, f->sha256);
		csv_end_line(&q->csv);
	} else if (q->is_json) {
		put_object(json_pack("{ss,ss,ss,ss?,ss?,ss?,sI,sI}", "transfer", f->transfer, "path", f->path, "verdict", f->verdict,
				     "code", f->code, "rule", f->rule, "sha256", f->sha256, "size", (json_int_t)f->size, "started",
				     (json_int_t)f->started));
	} else {
		(void)printf("%s  %-8s %s  ", f->transfer, f->verdict, f->sha256 ? f->sha256 : "(not read)");
		records_put(f->path);
		(void)fputc('\n', stdout);
	}
	return 0;
}

int history_request_answer(struct history_request *q, struct history *h)
{
	bool is_files = q->is_files || q->wanted;
	int r;

	q->csv.out = stdout;
	if (q->is_csv)
		csv_head(&q->csv, is_files ? file_head : transfer_head);
	r = is_files ? history_select_files(h, &q->by, q->wanted, q->rows, put_file, q) :
		       history_select_transfers(h, &q->by, q->rows, put_transfer, q);
	return r == 0 && (fflush(stdout) != 0 || ferror(stdout)) ? -EIO : r;
}
