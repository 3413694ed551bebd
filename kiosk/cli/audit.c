/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `lazaret audit verify` and `lazaret audit show`. Reads alone.
 *
 * A trail cut between two records is a good, shorter trail. What proves the later ones is outside of it: the kept
 * reports (each names a record in its "audit"), witnesses (--witness; the station's own is always asked), and what the officer
 * wrote down (--expect-seq, --expect-hash).
 */
#include <dirent.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cli/audit.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/report.h"

#define SHOW_DEFAULT 20
#define SHOW_MAX     100000

void audit_done(struct audit *a)
{
	close_p(&a->audit_fd);
	close_p(&a->reports_fd);
	json_decref(a->recorded);
	json_decref(a->present);
	free(a->hashes);
	station_config_free(a->config);
}

int audit_open(const struct cli *cli, struct audit *a)
{
	int fd;

	a->is_json = cli->is_json;
	a->config = records_config(cli);
	if (!a->config)
		return -EINVAL;
	a->audit_fd = records_directory(a->config->audit_dir);
	a->reports_fd = records_directory(a->config->reports_dir);
	if (a->audit_fd < 0 || a->reports_fd < 0)
		return -ENOENT;
	fd = chain_open(a->audit_fd, CHAIN_FILE);
	if (fd < 0)
		log_error("%s/%s: %s", a->config->audit_dir, CHAIN_FILE,
			  fd == -ENOENT ? "the trail is missing (or this station has not recorded anything yet)" : strerror(-fd));
	close_p(&(int){ fd });
	return MIN(fd, 0);
}

static void problem(struct audit *a, const char *fmt, ...) _printf_(2, 3);
static void problem(struct audit *a, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	a->problems++;
	va_start(ap, fmt);
	if (vsnprintf(line, sizeof(line), fmt, ap) >= 0)
		log_error("%s", line);
	va_end(ap);
}

/* -- verify ------------------------------------------------------------------------------------------------- */

static int note_hash(struct audit *a, const struct chain_record *r)
{
	if (a->count == a->room) {
		size_t more = a->room ? 2 * a->room : 1024;
		void *grown = reallocarray(a->hashes, more, SHA256_LEN);

		if (!grown)
			return -ENOMEM;
		a->hashes = grown;
		a->room = more;
	}
	memcpy(a->hashes[a->count++], r->hash, SHA256_LEN); /* the walk has checked that seq counts up from 0 */
	return 0;
}

static bool is_record(const struct audit *a, json_int_t seq, const char *hash)
{
	uint8_t sum[SHA256_LEN];

	return seq >= 0 && (uint64_t)seq < a->count && strlen(hash) == SHA256_HEX_LEN &&
	       hex_decode(hash, sum, sizeof(sum)) == 0 && memcmp(sum, a->hashes[seq], sizeof(sum)) == 0;
}

static void tell_clock_step(struct audit *a, const struct chain_record *r)
{
	json_int_t moved_ms = json_integer_value(json_object_get(r->body, "moved_ms"));
	char before[RECORDS_TIME_LEN], now[RECORDS_TIME_LEN];

	a->clock_steps++;
	records_time(json_integer_value(json_object_get(r->body, "expected")), before);
	records_time(json_integer_value(json_object_get(r->body, "now")), now);
	log_warning("record %" PRIu64 ": the clock was set by %s%" JSON_INTEGER_FORMAT ".%03d s: %s where %s was expected", r->seq,
		    moved_ms < 0 ? "-" : "+", moved_ms < 0 ? -(moved_ms / 1000) : moved_ms / 1000, abs((int)(moved_ms % 1000)), now, before);
}

#define REPORT_NAME_ROOM (REPORT_TRANSFER_MAX + 16)

/* Does it record a report? The file's name. (The ledger, whose signature it has, never writes one without these.) */
static bool is_report(const struct chain_record *r, char ret[static REPORT_NAME_ROOM])
{
	const char *transfer = json_string_value(json_object_get(r->body, "transfer"));

	if (strcmp(r->type, CHAIN_TYPE_REPORT) != 0 || !transfer || !report_transfer_valid(transfer) ||
	    !json_is_string(json_object_get(r->body, "sha256")))
		return false;
	(void)snprintf(ret, REPORT_NAME_ROOM, "%s.json", transfer); /* fits: it is valid */
	return true;
}

static int on_record(void *context, const struct chain_record *r, uint64_t line)
{
	struct audit *a = context;
	char hex[SHA256_HEX_LEN + 1], name[REPORT_NAME_ROOM];

	if (strcmp(r->type, CHAIN_TYPE_CLOCK) == 0)
		tell_clock_step(a, r);
	hex_encode(r->hash, sizeof(r->hash), hex);
	if ((a->expected.has_seq ? r->seq == a->expected.seq : a->expected.hash && strcasecmp(hex, a->expected.hash) == 0)) {
		if (a->expected.hash && strcasecmp(hex, a->expected.hash) != 0)
			problem(a, "line %" PRIu64 ": record %" PRIu64 " has hash %s, not the expected one", line, r->seq, hex);
		a->is_expected_seen = true;
	}
	if (is_report(r, name) && json_object_set(a->recorded, name, json_object_get(r->body, "sha256")) < 0)
		return -ENOMEM;
	return note_hash(a, r);
}

static int on_fragment(void *context, uint64_t offset, uint64_t length)
{
	log_warning("a write was interrupted at byte %" PRIu64 ": %" PRIu64 " bytes are no record, and declared so", offset,
		    length);
	return 0;
}

static void read_witness(struct audit *a, const struct minisign_public *key, const char *path, bool may_be_missing)
{
	struct audit_witness_file *w = &a->read[a->read_count];
	_cleanup_free_ char *text = NULL;
	const char *why = NULL;
	size_t size;
	int r = file_read(AT_FDCWD, path, CHAIN_WITNESS_MAX, &text, &size);

	if (r == -ENOENT && may_be_missing)
		return;
	if (r == 0)
		r = chain_witness_parse(text, size, key, &w->said, &why);
	if (r < 0) {
		problem(a, "%s: %s", path, why ? why : strerror(-r));
		return;
	}
	w->path = path;
	a->read_count++;
}

/* Before the trail is walked: one that was replaced meanwhile would know of a record that came after the walk, and look like a cut. */
static void read_witnesses(struct audit *a, const struct minisign_public *key)
{
	if (a->config->witness_file)
		read_witness(a, key, a->config->witness_file, true);
	for (size_t i = 0; i < a->witness_count; i++)
		read_witness(a, key, a->witnesses[i], false);
}

static void check_witnesses(struct audit *a)
{
	for (size_t i = 0; i < a->read_count; i++) {
		const struct chain_witness *w = &a->read[i].said;
		char hash[SHA256_HEX_LEN + 1], when[RECORDS_TIME_LEN];

		hex_encode(w->hash, SHA256_LEN, hash);
		records_time(w->time, when);
		if (!is_record(a, (json_int_t)w->seq, hash))
			problem(a, "%s: at %s UTC record %" PRIu64 " with hash %s was the trail's last, and that is not in the trail: %s",
				a->read[i].path, when, w->seq, hash, w->seq >= a->count ? "its end was cut off, or an older copy was put back" :
				"it is another trail");
	}
}

/* The witness in a report: the last record when it was written. */
static void check_witness(struct audit *a, const char *name, FILE *in)
{
	_cleanup_(report_reader_freep) struct report_reader *reader = NULL;
	json_t *file, *report = NULL, *audit;
	const char *hash;
	json_int_t seq;
	int r = report_reader_new(in, &reader);

	while (r == 0 && (r = report_next(reader, &file)) == 1) {
		json_decref(file);
		r = 0;
	}
	if (r == 0)
		r = report_rest(reader, &report);
	if (r < 0)
		problem(a, "%s: not a %s", name, REPORT_FORMAT);
	audit = json_object_get(report, "audit");
	hash = json_string_value(json_object_get(audit, "hash"));
	seq = json_integer_value(json_object_get(audit, "seq"));
	if (r == 0 && (!hash || !is_record(a, seq, hash)))
		problem(a, "%s: it was written when record %" JSON_INTEGER_FORMAT " with hash %s was the trail's last, and that "
			   "is not in the trail", name, seq, hash ? hash : "(none)");
	json_decref(report);
}

static void check_report(struct audit *a, const char *name, const char *expected)
{
	_cleanup_close_ int fd = openat(a->reports_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_fclose_ FILE *in = NULL;
	char hex[SHA256_HEX_LEN + 1];
	uint8_t sum[SHA256_LEN];
	int r;

	if (fd < 0) {
		problem(a, "%s/%s: recorded in the trail, but: %s", a->config->reports_dir, name, strerror(errno));
		return;
	}
	r = sha256_fd(fd, sum, NULL);
	if (r < 0) {
		problem(a, "%s/%s: %s", a->config->reports_dir, name, strerror(-r));
		return;
	}
	hex_encode(sum, sizeof(sum), hex);
	if (strcmp(hex, expected) != 0) {
		problem(a, "%s/%s: altered: its SHA-256 is not the recorded one", a->config->reports_dir, name);
		return;
	}
	in = fdopen(fd, "r");
	if (!in)
		return;
	fd = -EBADF; /* owned by in */
	check_witness(a, name, in);
}

/* Those that are there now; -ENOMEM or what listing met, after telling. */
static int list_reports(struct audit *a)
{
	int copy = fcntl(a->reports_fd, F_DUPFD_CLOEXEC, 0), r = 0;
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	if (!dir) {
		r = -errno;
		close_p(&copy);
		problem(a, "%s: %s", a->config->reports_dir, strerror(-r));
		return r;
	}
	rewinddir(dir); /* the descriptors share their position */
	while (r == 0 && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && json_object_set_new(a->present, entry->d_name, json_true()) < 0)
			r = -ENOMEM;
	(void)closedir(dir); /* read-only use */
	return r;
}

static int on_later_record(void *context, const struct chain_record *r, uint64_t line)
{
	struct audit *a = context;
	char name[REPORT_NAME_ROOM];

	if (is_report(r, name) && !json_object_get(a->recorded, name))
		(void)json_object_del(a->present, name); /* later than what is verified here */
	return 0;
}

/* A report gets its name just before its record. One that was there before the trail was read, and has no record in it, may have got
 * that meanwhile: it is in the trail when that is read once more. */
static int read_again(struct audit *a, const struct minisign_public *key, enum chain_care care)
{
	struct chain_visitor visitor = { .record = on_later_record, .context = a };
	struct chain_result result;
	const char *name;
	json_t *x;

	json_object_foreach(a->present, name, x)
		if (!json_object_get(a->recorded, name))
			return chain_walk_all(a->audit_fd, key, care, &visitor, &result);
	return 0;
}

static void check_reports(struct audit *a)
{
	const char *name;
	json_t *x;

	json_object_foreach(a->recorded, name, x)
		check_report(a, name, json_string_value(x));
	json_object_foreach(a->present, name, x)
		if (!json_object_get(a->recorded, name))
			problem(a, "%s/%s: no record in the trail tells of it", a->config->reports_dir, name);
}

static void tell_trail(struct audit *a, const struct chain_result *result)
{
	if (!result->is_good)
		problem(a, "%s/%s:%" PRIu64 ": (byte %" PRIu64 ") %s; %" PRIu64 " good records come before it",
			a->config->audit_dir, result->bad_file, result->bad_line, result->bad_offset, result->why,
			result->records);
	if ((a->expected.has_seq || a->expected.hash) && !a->is_expected_seen)
		problem(a, "the expected record is not in the trail: it was cut, or replaced by another");
}

static int tell_result(const struct audit *a, const struct chain_result *result)
{
	char hex[SHA256_HEX_LEN + 1];

	hex_encode(result->last_hash, sizeof(result->last_hash), hex);
	if (a->is_json)
		(void)printf("{\"clock_steps\":%zu,\"fragments\":%" PRIu64 ",\"hash\":\"%s\",\"ok\":%s,\"problems\":%" PRIu64 ",\"records\":%" PRIu64
			     ",\"reports\":%zu,\"segments\":%" PRIu64 ",\"seq\":%" PRIu64 "}\n", a->clock_steps, result->fragments, hex,
			     a->problems > 0 ? "false" : "true", a->problems, result->records,
			     json_object_size(a->recorded), result->segments + 1, result->last_seq);
	else if (a->problems == 0)
		(void)printf("ok: %" PRIu64 " records, %zu reports, %" PRIu64 " declared fragments; the last record is seq %" PRIu64
			     " hash %s\n", result->records, json_object_size(a->recorded), result->fragments,
			     result->last_seq, hex);
	return a->problems > 0 ? 1 : 0;
}

static int verify(struct audit *a)
{
	enum chain_care care = a->is_thorough ? CHAIN_SIGNATURES : CHAIN_SEALS;
	struct chain_visitor visitor = { on_record, on_fragment, a };
	struct chain_result result;
	struct minisign_public key;
	int r = records_public_key(a->config->audit_key, &key);

	if (r < 0)
		return r;
	read_witnesses(a, &key);
	r = list_reports(a);
	if (r < 0)
		return r;
	r = chain_walk_all(a->audit_fd, &key, care, &visitor, &result);
	if (r == 0) {
		tell_trail(a, &result);
		if (result.is_good) {
			check_witnesses(a);
			r = read_again(a, &key, care);
			if (r == 0)
				check_reports(a);
		}
	}
	if (r < 0) {
		log_error("%s/%s: %s", a->config->audit_dir, CHAIN_FILE, strerror(-r));
		return r;
	}
	return tell_result(a, &result);
}

/* False after telling. */
static bool verify_option(struct audit *a, int c)
{
	uint8_t sum[SHA256_LEN];
	char *end = NULL;

	switch (c) {
	case 's':
		if (*optarg >= '0' && *optarg <= '9') {
			a->expected.seq = strtoull(optarg, &end, 10);
			a->expected.has_seq = *end == '\0';
		}
		if (!a->expected.has_seq)
			log_error("--expect-seq takes a number");
		return a->expected.has_seq;
	case 'h':
		if (strlen(optarg) == SHA256_HEX_LEN && hex_decode(optarg, sum, sizeof(sum)) == 0)
			a->expected.hash = optarg;
		else
			log_error("--expect-hash takes 64 hex digits");
		return a->expected.hash == optarg;
	case 'w':
		if (a->witness_count == AUDIT_WITNESSES_MAX)
			log_error("--witness: at most %d", AUDIT_WITNESSES_MAX);
		else
			a->witnesses[a->witness_count++] = optarg;
		return a->witness_count > 0 && a->witnesses[a->witness_count - 1] == optarg;
	case 'e':
		a->is_thorough = true;
		return true;
	default:
		return false;
	}
}

static int audit_verify(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = { { "expect-seq", required_argument, NULL, 's' },
						 { "expect-hash", required_argument, NULL, 'h' },
						 { "witness", required_argument, NULL, 'w' },
						 { "every-signature", no_argument, NULL, 'e' },
						 { 0 } };
	struct audit a = AUDIT_INIT;
	int c, r;

	optind = 0; /* glibc: begin again with this vector */
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!verify_option(&a, c))
			return EXIT_USAGE;
	if (optind < argc) {
		log_error("audit verify takes no argument \"%s\"", argv[optind]);
		return EXIT_USAGE;
	}
	a.recorded = json_object();
	a.present = json_object();
	r = a.recorded && a.present ? audit_open(cli, &a) : -ENOMEM;
	if (r == 0)
		r = verify(&a);
	audit_done(&a);
	return r < 0 ? EXIT_CANNOT : r;
}

/* -- show --------------------------------------------------------------------------------------------------- */

struct show {
	json_t *last; /* array used as a ring: the last `wanted` records, rendered */
	size_t wanted, at;
	bool is_json;
};

static int keep_record(void *context, const struct chain_record *r, uint64_t line)
{
	struct show *s = context;
	json_t *o = json_pack("{sI,sI,ss,sO}", "seq", (json_int_t)r->seq, "time", (json_int_t)r->time, "type", r->type,
			      "body", r->body);

	if (!o)
		return -ENOMEM;
	if (json_array_size(s->last) < s->wanted)
		return json_array_append_new(s->last, o) < 0 ? -ENOMEM : 0;
	if (json_array_set_new(s->last, s->at, o) < 0)
		return -ENOMEM;
	s->at = (s->at + 1) % s->wanted;
	return 0;
}

static void put_record(const json_t *o, bool is_json)
{
	_cleanup_free_ char *text = json_dumps(is_json ? o : json_object_get(o, "body"), JSON_COMPACT | JSON_SORT_KEYS);
	char when[RECORDS_TIME_LEN];

	if (!is_json) {
		records_time(json_integer_value(json_object_get(o, "time")), when);
		(void)printf("%6" JSON_INTEGER_FORMAT "  %s  %-22s ", json_integer_value(json_object_get(o, "seq")), when,
			     json_string_value(json_object_get(o, "type")));
		records_put(text ? text : "(out of memory)");
	} else {
		(void)fputs(text ? text : "null", stdout);
	}
	(void)fputc('\n', stdout);
}

static int show(struct audit *a, struct show *s)
{
	struct chain_visitor visitor = { .record = keep_record, .context = s };
	struct chain_result result;
	struct minisign_public key;
	int r = records_public_key(a->config->audit_key, &key);

	if (r < 0)
		return r;
	r = chain_walk_all(a->audit_fd, &key, CHAIN_SEALS, &visitor, &result);
	if (r < 0)
		return r;
	for (size_t i = 0, n = json_array_size(s->last); i < n; i++)
		put_record(json_array_get(s->last, (s->at + i) % n), s->is_json);
	tell_trail(a, &result);
	return a->problems > 0 ? 1 : 0;
}

static int audit_show(struct cli *cli, int argc, char **argv)
{
	struct audit a = AUDIT_INIT;
	struct show s = { .wanted = SHOW_DEFAULT, .is_json = cli->is_json };
	char *end = NULL;
	int c, r;

	optind = 0; /* glibc: begin again with this vector */
	while ((c = getopt(argc, argv, "n:")) != -1) {
		unsigned long n = c == 'n' ? strtoul(optarg, &end, 10) : 0;

		if (n == 0 || n > SHOW_MAX || *end || *optarg == '-') {
			log_error("audit show [-n N]: N from 1 to %d", SHOW_MAX);
			return EXIT_USAGE;
		}
		s.wanted = n;
	}
	if (optind < argc) {
		log_error("audit show takes no argument \"%s\"", argv[optind]);
		return EXIT_USAGE;
	}
	s.last = json_array();
	r = s.last ? audit_open(cli, &a) : -ENOMEM;
	if (r == 0)
		r = show(&a, &s);
	json_decref(s.last);
	audit_done(&a);
	return r < 0 ? EXIT_CANNOT : r;
}

int cmd_audit(struct cli *cli)
{
	static const struct {
		const char *name;
		int (*run)(struct cli *cli, int argc, char **argv);
	} actions[] = {
		{ "verify", audit_verify },
		{ "show", audit_show },
		{ "witness", audit_witness },
		{ "export", audit_export },
	};

	for (size_t i = 0; cli->argc >= 2 && i < ARRAY_LEN(actions); i++)
		if (strcmp(cli->argv[1], actions[i].name) == 0)
			return actions[i].run(cli, cli->argc - 1, cli->argv + 1);
	(void)fputs("usage: lazaret audit verify [--witness FILE]... [--expect-seq N] [--expect-hash HEX] [--every-signature]\n"
		    "       lazaret audit show [-n N]\n"
		    "       lazaret audit witness [--out FILE]\n"
		    "       lazaret audit export [--from SEQ|DATE] [--to SEQ|DATE] [--by NAME] --out DIR|FILE.tar\n",
		    stderr); /* nowhere left to complain to */
	return EXIT_USAGE;
}
