/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `lazaret review`: what is held, and what officers decide about it. */
#include "cli/review.h"

#include <getopt.h>
#include <string.h>
#include <time.h>

#include "cli/person.h"
#include "common/hash.h"
#include "common/log.h"

#define ROWS_DEFAULT 1000
#define PREFIX_MIN 6 /* hex digits that stand for a hash */

static const char usage_text[] =
	"usage: lazaret review list [--json] [--open | --proposed | --decided] [-n ROWS] [PART OF A PATH, TRANSFER OR SHA256]\n"
	"       lazaret review show [--json] [--bytes N] [--offset N] SHA256\n"
	"       lazaret review release --reason TEXT [--for TIME | --until TIME] [--propose] SHA256...\n"
	"       lazaret review reject --reason TEXT SHA256...\n"
	"       lazaret review proposals [--json]\n"
	"       lazaret review confirm PROPOSAL\n"
	"       lazaret review withdraw --reason TEXT PROPOSAL\n"
	"Names and secrets are asked for on the terminal; --credentials FD reads them from there, a line each.\n";

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

static int usage(void)
{
	(void)fputs(usage_text, stderr);
	return EXIT_USAGE;
}

static const char *text_of(const json_t *o, const char *field)
{
	const char *text = json_string_value(json_object_get(o, field));

	return text ? text : "";
}

void review_put_object(const json_t *o)
{
	_cleanup_free_ char *text = o ? json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	(void)puts(text ? text : "null");
}

/* -- list ------------------------------------------------------------------------------------------------------------------------ */

struct listing {
	const json_t *proposals;
	bool is_json;
};

static int put_file(void *context, const struct held_file *f)
{
	const struct listing *l = context;
	char when[RECORDS_TIME_LEN];

	if (l->is_json) {
		json_t *o = held_json(f, l->proposals);

		review_put_object(o);
		json_decref(o);
		return 0;
	}
	records_time(f->held_at, when);
	(void)printf("%.12s  %-8s %-18s %12llu  %s  %s  ", f->sha256, held_state_name(f->state), f->code, (unsigned long long)f->size, when,
		     f->transfer);
	records_put(f->path);
	if (!f->has_copy)
		(void)fputs("  (no copy)", stdout);
	if (*f->proposal)
		(void)printf("  (proposal %s)", f->proposal);
	(void)fputc('\n', stdout);
	return 0;
}

int review_with_store(const struct review *v, int (*act)(const struct review *v, struct held_store *h, const json_t *proposals))
{
	_cleanup_(held_freep) struct held_store *h = NULL;
	_cleanup_(json_decref_p) json_t *proposals = NULL;
	struct ledger_link l = { 0 };
	int status = EXIT_CANNOT;

	if (ledger_link_open(v->config, &l) < 0)
		return EXIT_CANNOT;
	proposals = decide_proposals(&l);
	h = proposals ? decide_store(v->config, &l) : NULL;
	ledger_link_close(&l);
	if (h && held_set_proposals(h, proposals) == 0)
		status = act(v, h, proposals);
	return status;
}

static int list(const struct review *v, struct held_store *h, const json_t *proposals)
{
	struct listing l = { proposals, v->is_json };
	uint64_t total = 0;
	int r = held_list(h, v->filter, v->argc > 0 ? v->argv[0] : NULL, time(NULL), 0, v->rows, &total, put_file, &l);

	if (r < 0) {
		log_error("%s: %s", v->config->held.dir, strerror(-r));
		return EXIT_CANNOT;
	}
	if (!v->is_json && total > (uint64_t)v->rows)
		(void)printf("and %llu more (-n ROWS)\n", (unsigned long long)(total - (uint64_t)v->rows));
	return EXIT_SUCCESS;
}

static int cmd_list(const struct review *v)
{
	return v->argc > 1 ? usage() : review_with_store(v, list);
}

/* -- proposals ------------------------------------------------------------------------------------------------------------------- */

static void put_proposal(const json_t *p)
{
	size_t count = json_array_size(json_object_get(p, "sha256"));
	char when[RECORDS_TIME_LEN];

	records_time(json_integer_value(json_object_get(p, "expires")), when);
	(void)printf("%s  %-7s  by %s, to be confirmed until %s UTC: ", text_of(p, "id"), text_of(p, "decision"), text_of(p, "by"), when);
	records_put(text_of(p, "reason"));
	(void)fputc('\n', stdout);
	for (size_t k = 0; k < count; k++)
		(void)printf("  %s\n", json_string_value(json_array_get(json_object_get(p, "sha256"), k)));
}

static int cmd_proposals(const struct review *v)
{
	_cleanup_(json_decref_p) json_t *proposals = NULL;
	struct ledger_link l = { 0 };

	if (v->argc > 0)
		return usage();
	if (ledger_link_open(v->config, &l) < 0)
		return EXIT_CANNOT;
	proposals = decide_proposals(&l);
	ledger_link_close(&l);
	for (size_t k = 0; k < json_array_size(proposals); k++) {
		if (v->is_json)
			review_put_object(json_array_get(proposals, k));
		else
			put_proposal(json_array_get(proposals, k));
	}
	return proposals ? EXIT_SUCCESS : EXIT_CANNOT;
}

/* -- deciding -------------------------------------------------------------------------------------------------------------------- */

/* The whole hash: as it is written, or of the one held file that begins so. 0, or -EINVAL after telling. */
int review_complete(struct held_store *h, const char *given, char ret[static SHA256_HEX_LEN + 1])
{
	size_t size = strlen(given);
	int found;

	if (size > SHA256_HEX_LEN || strspn(given, "0123456789abcdef") != size || size < PREFIX_MIN) {
		log_error("refused: %s is no SHA-256 (64 lower-case hex digits, or the first %d or more of one that is held)", given, PREFIX_MIN);
		return -EINVAL;
	}
	if (size == SHA256_HEX_LEN) {
		memcpy(ret, given, SHA256_HEX_LEN + 1);
		return 0;
	}
	found = h ? held_complete(h, given, ret) : 0;
	if (found == 1)
		return 0;
	log_error("refused: %s: %s (`lazaret review list`)", given, found > 1 ? "several held files begin so" : "no held file begins so");
	return -EINVAL;
}

json_t *review_hashes(const struct station_config *config, char *const *given, int count)
{
	_cleanup_(held_freep) struct held_store *h = NULL;
	json_t *hashes = json_array();

	if (held_open(config->held.dir, HELD_PATIENCE_MS, &h) < 0)
		h = NULL; /* whole hashes need none */
	for (int k = 0; hashes && k < count; k++) {
		char hex[SHA256_HEX_LEN + 1];
		bool is_twice = false;

		if (review_complete(h, given[k], hex) < 0) {
			json_decref(hashes);
			return NULL;
		}
		for (size_t n = 0; n < json_array_size(hashes); n++)
			is_twice |= strcmp(json_string_value(json_array_get(hashes, n)), hex) == 0;
		if (!is_twice && json_array_append_new(hashes, json_string(hex)) < 0) {
			json_decref(hashes);
			return NULL;
		}
	}
	if (json_array_size(hashes) > DECISION_HASHES_MAX) {
		log_error("refused: at most %d at a time", DECISION_HASHES_MAX);
		json_decref(hashes);
		return NULL;
	}
	return hashes;
}

int review_decide(const struct review *v, enum decision decision, const char *what)
{
	_cleanup_(json_decref_p) json_t *hashes = NULL;
	struct decide d = { .config = v->config, .decision = decision, .reason = v->reason, .until = v->until,
			    .is_proposal_only = v->is_proposal_only, .what = what };

	if ((v->until != 0 && !decision_has_end(decision)) || (v->is_proposal_only && !decision_needs_second(decision)))
		return EXIT_USAGE;
	hashes = review_hashes(v->config, v->argv, v->argc);
	if (!hashes)
		return EXIT_FAILURE;
	d.hashes = hashes;
	return decide(&d);
}

static int cmd_release(const struct review *v)
{
	int status = v->argc < 1 ? EXIT_USAGE : review_decide(v, DECISION_RELEASE, "review release");

	return status == EXIT_USAGE ? usage() : status;
}

static int cmd_reject(const struct review *v)
{
	int status = v->argc < 1 ? EXIT_USAGE : review_decide(v, DECISION_REJECT, "review reject");

	return status == EXIT_USAGE ? usage() : status;
}

static int cmd_confirm(const struct review *v)
{
	return v->argc != 1 ? usage() : decide_confirm(v->config, v->argv[0]);
}

static int cmd_withdraw(const struct review *v)
{
	return v->argc != 1 ? usage() : decide_withdraw(v->config, v->argv[0], v->reason);
}

static const struct review_command commands[] = {
	{ "list", cmd_list },	  { "show", review_show },	   { "release", cmd_release },	 { "reject", cmd_reject },
	{ "confirm", cmd_confirm }, { "withdraw", cmd_withdraw }, { "proposals", cmd_proposals },
};

/* -- options --------------------------------------------------------------------------------------------------------------------- */

static bool take_number(const char *text, long long max, long long *ret)
{
	char *end;

	errno = 0;
	*ret = strtoll(text, &end, 10);
	return !errno && end != text && !*end && *ret >= 0 && *ret <= max;
}

int review_options(struct cli *cli, struct review *v)
{
	static const struct option longs[] = { { "json", no_argument, NULL, 'j' },	     { "reason", required_argument, NULL, 'r' },
					       { "until", required_argument, NULL, 'u' },    { "for", required_argument, NULL, 'f' },
					       { "propose", no_argument, NULL, 'p' },	     { "credentials", required_argument, NULL, 'c' },
					       { "open", no_argument, NULL, 'O' },	     { "proposed", no_argument, NULL, 'P' },
					       { "decided", no_argument, NULL, 'D' },	     { "bytes", required_argument, NULL, 'b' },
					       { "offset", required_argument, NULL, 'o' },   { 0 } };
	long long n;
	int c;

	*v = (struct review){ .is_json = cli->is_json, .reason = "", .filter = HELD_FILTER_ALL, .rows = ROWS_DEFAULT, .bytes = 256 };
	optind = 0; /* glibc: begin again with this vector */
	while ((c = getopt_long(cli->argc, cli->argv, "n:", longs, NULL)) != -1) {
		if (c == 'j')
			v->is_json = true;
		else if (c == 'r')
			v->reason = optarg;
		else if (c == 'u' || c == 'f') {
			if (v->until != 0 || (v->until = decide_time(optarg, c == 'f')) == 0)
				return EXIT_USAGE;
		} else if (c == 'p')
			v->is_proposal_only = true;
		else if (c == 'O')
			v->filter = HELD_FILTER_OPEN;
		else if (c == 'P')
			v->filter = HELD_FILTER_PROPOSED;
		else if (c == 'D')
			v->filter = HELD_FILTER_DECIDED;
		else if (c == 'n' && take_number(optarg, 1000000, &n) && n > 0)
			v->rows = n;
		else if (c == 'b' && take_number(optarg, 1 << 20, &n))
			v->bytes = (uint64_t)n;
		else if (c == 'o' && take_number(optarg, INT64_MAX, &n))
			v->offset = (uint64_t)n;
		else if (c != 'c' || !person_credentials(optarg))
			return EXIT_USAGE;
	}
	v->argc = cli->argc - optind;
	v->argv = cli->argv + optind;
	return 0;
}

int review_run(struct cli *cli, const struct review_command *list, size_t count)
{
	struct station_config *config;
	struct review v;
	int status;

	/* "review list" is one word of options' own: the vector begins at "list" */
	cli->argc--;
	cli->argv++;
	if (cli->argc < 1 || review_options(cli, &v) != 0)
		return EXIT_USAGE;
	for (size_t k = 0; k < count; k++) {
		if (strcmp(list[k].name, cli->argv[0]) != 0)
			continue;
		config = records_config(cli);
		if (!config)
			return EXIT_CANNOT;
		v.config = config;
		status = list[k].run(&v);
		station_config_free(config);
		return status;
	}
	return EXIT_USAGE;
}

int cmd_review(struct cli *cli)
{
	int status = review_run(cli, commands, ARRAY_LEN(commands));

	return status == EXIT_USAGE ? usage() : status;
}
