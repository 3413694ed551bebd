/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `lazaret update slot`: what the appliance's own programs (image/appliance/tree/usr/lib/lazaret/slots) ask of the station while they
 * bring the next appliance into the slot that does not run. They know disks; this knows sets, trail and lazaretd. */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "cli/media.h"
#include "cli/records.h"
#include "cli/update.h"
#include "common/fd.h"
#include "common/log.h"
#include "station/sets.h"
#include "update/slots.h"

#define LATER_MS   1000
#define LATER_TRIES 180 /* a self-check may take two minutes (daemon/selfcheck.c) */
#define RESTART_MS (24 * 3600 * 1000) /* that a station may be at work without a pause; then it is asked again */

static const char usage_text[] = "usage: lazaret update slot next\n"
				 "       lazaret update slot written|confirmed|rolled-back|failed VERSION ROOTHASH SLOT [REASON]\n"
				 "       lazaret update slot ready\n"
				 "       lazaret update slot restart VERSION\n"
				 "for the appliance's own programs\n";

static int usage(void)
{
	(void)fputs(usage_text, stderr); /* nowhere left to complain to */
	return EXIT_USAGE;
}

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

static const char *text_of(const json_t *o, const char *field)
{
	const char *text = json_string_value(json_object_get(o, field));

	return text ? text : "";
}

/* -- what a pack brought ------------------------------------------------------------------------------------------------- */

static int check_file(const char *directory, const json_t *file)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -EBADF;
	char hex[SHA256_HEX_LEN + 1];
	uint8_t sum[SHA256_LEN];
	int r;

	if (asprintf(&path, "%s/%s", directory, text_of(file, "file")) < 0)
		return -ENOMEM;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	r = fd < 0 ? -errno : sha256_fd(fd, sum, NULL);
	if (r == 0) {
		hex_encode(sum, sizeof(sum), hex);
		r = strcmp(hex, text_of(file, "sha256")) == 0 ? 0 : -EBADMSG;
	}
	if (r < 0)
		log_error("%s: %s", path, r == -EBADMSG ? "not as the update pack brought it. Bring the pack again, with a greater version" : strerror(-r));
	return r;
}

/* The directory of the appliance that a pack brought, on standard output, when its files are what the pack brought. 1: there is none. */
static int next(const struct station_config *c)
{
	_cleanup_free_ char *sets = NULL, *why = NULL, *directory = NULL;
	_cleanup_(json_decref_p) json_t *current = NULL;
	_cleanup_close_ int fd = -EBADF;
	const json_t *set;
	json_t *file;
	size_t i;
	int r = asprintf(&sets, "%s/" SETS_DIRECTORY, c->dir) < 0 ? -ENOMEM : 0;

	if (r == 0)
		fd = open(sets, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r == 0)
		r = station_sets_load(fd, SETS_CURRENT, &current, &why);
	if (r < 0) {
		log_error("%s: %s", c->dir, why ? why : strerror(-r));
		return EXIT_CANNOT;
	}
	set = json_object_get(json_object_get(current, "sets"), station_set_kind_name(SET_APPLIANCE));
	if (!set)
		return EXIT_FAILURE;
	if (asprintf(&directory, "%s/%s/%s", sets, text_of(set, "set"), station_set_kind_name(SET_APPLIANCE)) < 0)
		return EXIT_CANNOT;
	json_array_foreach(json_object_get(set, "files"), i, file)
		if (check_file(directory, file) < 0)
			return EXIT_CANNOT;
	(void)puts(directory);
	return 0;
}

/* -- lazaretd ------------------------------------------------------------------------------------------------------------- */

/* Its station object; NULL: it does not answer, `*ret_why` says why (static). */
static json_t *ask_station(const struct station_config *c, const char **ret_why)
{
	struct control_client *client = NULL;
	_cleanup_(json_decref_p) json_t *answer = NULL;
	int r = daemon_connect(c, &client);

	if (r == 0)
		r = daemon_ask(client, "state", NULL, &answer);
	control_client_free(client);
	*ret_why = r < 0 ? daemon_words(r) : "its answer is not understood";
	return r == 0 ? json_incref(json_object_get(answer, "station")) : NULL;
}

static bool is_among(const json_t *names, const char *name)
{
	json_t *o;
	size_t i;

	json_array_foreach((json_t *)names, i, o)
		if (strcmp(json_string_value(o), name) == 0)
			return true;
	return false;
}

/* Does this station work? 0: it is ready, and finds nothing bad in itself that was not bad before the update; 1: not yet; 2: no. */
static int ready(const struct station_config *c)
{
	const char *why;
	_cleanup_(json_decref_p) json_t *station = ask_station(c, &why), *slots = slots_load(c->dir);
	const json_t *selfcheck = json_object_get(station, "selfcheck");
	_cleanup_(json_decref_p) json_t *bad = slots_bad_checks(selfcheck);
	json_t *name;
	size_t i;

	if (!station) {
		log_info("not yet: %s", why);
		return 1;
	}
	if (!json_is_object(selfcheck)) {
		log_info("not yet: %s", text_of(station, "state"));
		return 1;
	}
	if (json_is_true(json_object_get(selfcheck, "failed"))) { /* it is made again by itself */
		log_info("not yet: %s", text_of(selfcheck, "detail"));
		return 1;
	}
	json_array_foreach(bad, i, name)
		if (!is_among(json_object_get(slots, "bad"), json_string_value(name))) {
			log_error("the self-check finds what was not bad before the update: %s", text_of(selfcheck, "detail"));
			return 2;
		}
	if (strcmp(text_of(station, "state"), "ready") == 0)
		return 0;
	log_info("not yet: %s, %s", text_of(station, "state"), text_of(json_object_get(station, "trouble"), "text"));
	return 1;
}

/* Until nobody is at work at the station; it begins nothing any more then, for the time that a restart takes. */
static int restart(const struct station_config *c, const char *version)
{
	struct control_client *client = NULL;
	_cleanup_(json_decref_p) json_t *answer = NULL;
	int r;

	if (!slots_version_ok(version))
		return usage();
	r = daemon_connect(c, &client);
	if (r == 0)
		r = control_client_ask(client, "restart", json_pack("{s:s}", "version", version), RESTART_MS, &answer);
	control_client_free(client);
	if (r < 0) {
		log_error("%s", daemon_words(r));
		return EXIT_CANNOT;
	}
	if (json_is_true(json_object_get(answer, "ok")))
		return 0;
	log_error("%s", text_of(json_object_get(answer, "error"), "text"));
	return EXIT_FAILURE;
}

/* -- the trail ------------------------------------------------------------------------------------------------------------ */

/* Without lazaretd. */
static int record_here(const struct station_config *c, char **argv, const char *reason)
{
	_cleanup_(json_decref_p) json_t *slots = slots_make(argv[0], argv[1], argv[2], argv[3], reason, json_array()), *record = NULL;
	_cleanup_free_ char *type = NULL;
	int r;

	if (!slots)
		return usage();
	record = slots_record(slots);
	if (!record || asprintf(&type, "update-%s", argv[0]) < 0 || records_append(c, type, record) < 0)
		return EXIT_CANNOT;
	r = slots_save(c->dir, slots);
	if (r < 0)
		log_error("%s/" SLOTS_FILE ": recorded, but nobody will see it on the screen: %s", c->dir, strerror(-r));
	return r < 0 ? EXIT_CANNOT : 0;
}

/* lazaretd, where it runs, writes record and file: its caller then needs none of the privileges of which a ledger's sandbox is made. */
static int event(const struct station_config *c, char **argv, const char *reason)
{
	struct control_client *client = NULL;
	_cleanup_(json_decref_p) json_t *answer = NULL;
	int r = daemon_connect(c, &client);

	if (r == -ENOENT || r == -ECONNREFUSED)
		return record_here(c, argv, reason);
	for (int n = 0; r == 0 && n < LATER_TRIES; n++) {
		json_decref(answer);
		answer = NULL;
		r = daemon_ask(client, "slot", json_pack("{s:s,s:s,s:s,s:s,s:s}", "state", argv[0], "version", argv[1], "root", argv[2], "slot", argv[3],
							 "reason", reason), &answer);
		if (strcmp(text_of(json_object_get(answer, "error"), "code"), "not-now") != 0)
			break;
		(void)poll(NULL, 0, LATER_MS); /* until the first self-check of this boot has ended */
	}
	control_client_free(client);
	if (r == 0 && json_is_true(json_object_get(answer, "ok")))
		return 0;
	log_error("%s", r < 0 ? daemon_words(r) : text_of(json_object_get(answer, "error"), "text"));
	return EXIT_CANNOT;
}

int cmd_update_slot(struct cli *cli, int argc, char **argv)
{
	struct station_config *c;
	int status = -1;

	if (argc < 1)
		return usage();
	station_sets_use("");
	c = records_config(cli);
	if (!c)
		return EXIT_CANNOT;
	if (strcmp(argv[0], "next") == 0 && argc == 1)
		status = next(c);
	else if (strcmp(argv[0], "ready") == 0 && argc == 1)
		status = ready(c);
	else if (strcmp(argv[0], "restart") == 0 && argc == 2)
		status = restart(c, argv[1]);
	else if (slots_state_ok(argv[0]) && (argc == 4 || argc == 5))
		status = event(c, argv, argc == 5 ? argv[4] : "");
	station_config_free(c);
	return status < 0 ? usage() : status;
}
