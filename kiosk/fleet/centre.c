/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "fleet/centre.h"

#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "common/log.h"
#include "fleet/check.h"
#include "fleet/parcel.h"
#include "fleet/serve.h"
#include "sandbox/sandbox.h"

#define FILES_MAX 14 /* descriptors that sandbox_enter() keeps, less the connection */

struct centre {
	const char *keys_dir, *station;
	bool is_json;
	struct link link;
	struct keys *keys;
};

/* 0, or EXIT_USAGE after telling. */
static int parse(struct centre *c, int argc, char **argv, bool is_check)
{
	static const struct option options[] = { { "keys", required_argument, NULL, 'k' },
						 { "json", no_argument, NULL, 'j' },
						 { "station", required_argument, NULL, 's' },
						 { 0 } };
	int o;

	optind = 0; /* glibc: begin again with this vector */
	while ((o = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (o == 'k')
			c->keys_dir = optarg;
		else if (o == 'j' && is_check)
			c->is_json = true;
		else if (o == 's' && is_check)
			c->station = optarg;
		else
			o = '?';
		if (o == '?')
			break;
	}
	if (o == '?' || argc - optind < (is_check ? 1 : 2) || (is_check && argc - optind > 1)) {
		(void)fputs(is_check ? "usage: lazaret-fleet check [--json] [--keys DIR] [--station ID] DSN\n" :
				       "usage: lazaret-fleet import [--keys DIR] FILE... DSN\n", stderr); /* nowhere left to complain to */
		return EXIT_USAGE;
	}
	return 0;
}

/* Connect, and give up the rest of the world but `files`. 0 or a negative errno after telling. */
static int enter(struct centre *c, const char *words, const int *files, size_t count)
{
	int keep[FILES_MAX + 1], r;
	const char *where = "start";
	uint8_t sum[SHA256_LEN];

	r = c->keys_dir ? keys_load(c->keys_dir, &c->keys) : 0;
	if (r < 0)
		return r;
	r = link_open_words(&c->link, words);
	if (r < 0) {
		log_error("%s", c->link.error);
		return r;
	}
	json_object_seed(0); /* from /dev/urandom, and libcrypto fetches its algorithms, while there still is a file system */
	r = sha256("", 0, sum);
	if (r < 0)
		return r;
	if (count > 0)
		memcpy(keep, files, count * sizeof(int));
	keep[count] = PQsocket(c->link.connection);
	r = sandbox_enter(ROLE_CENTRE, keep, count + 1, &where);
	if (r < 0) {
		log_error("sandbox: %s: %s", where, strerror(-r));
		return r;
	}
	if (c->keys)
		return 0;
	r = keys_fetch(&c->link, &c->keys);
	if (r < 0)
		log_error("%s", c->link.error);
	else
		log_info("keys are those that the database names (--keys DIR: those that you name)");
	return r;
}

static void done(struct centre *c)
{
	link_close(&c->link);
	keys_free(c->keys);
}

/* -- import ------------------------------------------------------------------------------------------------------------ */

static int import_one(struct centre *c, const char *name, int fd)
{
	struct parcel p = { 0 };
	const char *why = NULL;
	int r = parcel_import(&c->link, c->keys, fd, &p, &why);

	if (r == -EBADMSG || r == -ENOKEY) {
		log_error("%s: refused: %s", name, why ? why : strerror(-r));
		return 1;
	}
	if (r < 0) {
		log_error("%s: %s", name, c->link.error[0] ? c->link.error : strerror(-r));
		return EXIT_CANNOT;
	}
	(void)printf("%s: station %s, records %" PRIu64 " to %" PRIu64 ": %" PRIu64 " new, %" PRIu64 " known; %" PRIu64 " reports\n", name,
		     p.station, p.first, p.last, p.carried.added, p.carried.known, p.reports);
	if (p.carried.forks == 0)
		return 0;
	log_error("%s: the centre has other records in the places of %" PRIu64 " of these (%s ...): kept beside them as forks", name,
		  p.carried.forks, p.carried.first_forks);
	return 1;
}

static int import_files(struct centre *c, int argc, char **argv)
{
	int files[FILES_MAX], count = argc - optind - 1, first = optind, status = 0;

	if (count > FILES_MAX) {
		log_error("at most %d files at a time", FILES_MAX);
		return EXIT_USAGE;
	}
	for (int i = 0; i < count; i++) {
		files[i] = open(argv[first + i], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (files[i] < 0) {
			log_error("%s: %s", argv[first + i], strerror(errno));
			return EXIT_CANNOT;
		}
	}
	if (enter(c, argv[argc - 1], files, (size_t)count) < 0)
		return EXIT_CANNOT;
	for (int i = 0; i < count && status != EXIT_CANNOT; i++) {
		int one = import_one(c, argv[first + i], files[i]);

		status = MAX(status, one);
	}
	return status;
}

int centre_import(int argc, char **argv)
{
	struct centre c = { 0 };
	int status = parse(&c, argc, argv, false);

	if (status == 0)
		status = import_files(&c, argc, argv);
	done(&c);
	return status;
}

/* -- check ------------------------------------------------------------------------------------------------------------- */

static void print_seq(const json_t *from, const json_t *to)
{
	if (!json_is_integer(from))
		return;
	(void)printf(" %" JSON_INTEGER_FORMAT, json_integer_value(from));
	if (json_integer_value(to) != json_integer_value(from))
		(void)printf("-%" JSON_INTEGER_FORMAT, json_integer_value(to));
}

static void print_text(const struct check *k)
{
	size_t i;
	json_t *p;

	json_array_foreach(k->problems, i, p) {
		(void)printf("%s %s", json_string_value(json_object_get(p, "station")), json_string_value(json_object_get(p, "problem")));
		print_seq(json_object_get(p, "from"), json_object_get(p, "to"));
		(void)printf(": %s\n", json_string_value(json_object_get(p, "detail")));
	}
	(void)printf("%s: %" PRIu64 " stations, %" PRIu64 " records, %" PRIu64 " reports; %zu problems\n",
		     json_array_size(k->problems) == 0 ? "complete" : "not complete", k->stations, k->records, k->reports,
		     json_array_size(k->problems));
}

static int print(const struct centre *c, struct check *k)
{
	json_t *o;
	char *text;

	if (!c->is_json) {
		print_text(k);
		return json_array_size(k->problems) > 0;
	}
	o = json_pack("{sbsOsIsIsI}", "complete", json_array_size(k->problems) == 0, "problems", k->problems, "records",
		      (json_int_t)k->records, "reports", (json_int_t)k->reports, "stations", (json_int_t)k->stations);
	text = o ? json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	(void)puts(text ? text : "null"); /* errors show in fflush() */
	free(text);
	json_decref(o);
	return json_array_size(k->problems) > 0;
}

static int check(struct centre *c, const char *words)
{
	struct check k = { .station = c->station };
	int r, status;

	if (enter(c, words, NULL, 0) < 0)
		return EXIT_CANNOT;
	r = check_all(&c->link, c->keys, &k);
	if (r < 0)
		log_error("%s", c->link.error[0] ? c->link.error : strerror(-r));
	status = r < 0 ? EXIT_CANNOT : print(c, &k);
	json_decref(k.problems);
	return fflush(stdout) == 0 ? status : EXIT_CANNOT;
}

int centre_check(int argc, char **argv)
{
	struct centre c = { 0 };
	int status = parse(&c, argc, argv, true);

	if (status == 0)
		status = check(&c, argv[optind]);
	done(&c);
	return status;
}
