/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `lazaret update`: options, and what is in force. */
#include "cli/update.h"

#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "cli/key.h"
#include "cli/person.h"
#include "cli/records.h"
#include "common/log.h"
#include "common/text.h"
#include "station/sets.h"
#include "update/offers.h"
#include "update/undo.h"

static const char usage_text[] = "usage: lazaret update apply [--older] [--reason TEXT] [--by WHO | --credentials FD | --approved] FILE" PACK_SUFFIX "\n"
				 "       lazaret update undo [--reason TEXT] [--by WHO | --credentials FD | --approved]\n"
				 "       lazaret update list\n"
				 "       lazaret update drop NAME" PACK_SUFFIX "   forget one that came on a medium\n"
				 "       lazaret update slot ...   for the appliance's own programs\n";

static int usage(void)
{
	(void)fputs(usage_text, stderr); /* nowhere left to complain to */
	return EXIT_USAGE;
}

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

/* A station that knows no persons: whoever may write to it, by the name that he gives or the account that he has. */
static int take_account(struct update *u, const char *what)
{
	const char *who = u->by ? u->by : key_who();

	if (u->is_older) {
		log_error("%s --older: takes two persons, and this station knows none (`lazaret person add`)", what);
		return EXIT_FAILURE;
	}
	u->person = text_escape(who, strlen(who));
	return u->person ? 0 : EXIT_CANNOT;
}

/* Whoever approved it at the machine must still be an officer; what it takes two for he cannot do there. */
static int take_approval(struct update *u, const struct people *people, bool takes_two)
{
	const char *slash = strrchr(u->file, '/');
	const struct person *p;

	u->person = offers_approved_by(u->config->dir, slash ? slash + 1 : u->file, u->pack_sha256);
	p = u->person ? person_find(people, u->person) : NULL;
	if (!p || !person_has_role(p, PERSON_OFFICER) || person_has_ended(p, time(NULL))) {
		log_error("--approved: no officer has approved this very pack at the machine");
		return EXIT_FAILURE;
	}
	if (takes_two)
		log_error("--approved: going back to an older version takes two persons, by command");
	return takes_two ? EXIT_FAILURE : 0;
}

static int ask_persons(struct update *u, const char *what, bool takes_two)
{
	const unsigned int officer = 1u << PERSON_OFFICER, second = officer | 1u << PERSON_ADMINISTRATOR;
	int r;

	if (u->by) {
		log_error("--by: this station knows its persons, and asks who it is");
		return EXIT_USAGE;
	}
	r = person_ask_role(u->config, takes_two ? "first person" : "officer", what, officer, NULL, &u->person);
	if (r == 0 && takes_two)
		r = person_ask_role(u->config, "second person", what, second, u->person, &u->second);
	return r == 0 ? 0 : r == -EACCES ? EXIT_FAILURE : EXIT_CANNOT;
}

int update_ask(struct update *u, const char *what, bool takes_two)
{
	_cleanup_(people_freep) struct people *people = NULL;
	_cleanup_free_ char *why = NULL;
	int r = people_load(u->config->dir, &people, &why);

	if (r < 0) {
		log_error("%s/" PEOPLE_DIR ": %s", u->config->dir, why ? why : strerror(-r));
		return EXIT_CANNOT;
	}
	if (people->count == 0)
		return take_account(u, what);
	return u->is_approved ? take_approval(u, people, takes_two) : ask_persons(u, what, takes_two);
}

/* -- apply --------------------------------------------------------------------------------------------------------------- */

static bool is_refusal(int r)
{
	return r == -EKEYREJECTED || r == -EBADMSG || r == -EPERM;
}

static int tell(struct update *u, int r)
{
	if (is_refusal(r))
		return update_refuse(u);
	log_error("%s: %s", u->file, u->why ? u->why : strerror(-r));
	return EXIT_CANNOT;
}

static int apply_opened(struct update *u)
{
	_cleanup_(json_decref_p) json_t *next = NULL;
	int r = update_unpack(u), status;

	if (r < 0)
		return tell(u, r);
	pack_print(stdout, u->pack);
	(void)fflush(stdout); /* before questions */
	status = update_ask(u, "update apply", u->is_older);
	if (status != 0)
		return status;
	next = update_next(u);
	if (!next)
		return tell(u, -ENOMEM);
	status = update_rest(u);
	if (status == 0) {
		r = update_try(u, next);
		status = r < 0 ? tell(u, r) : update_switch(u, next);
	}
	if (status == 0 || u->is_resting)
		update_reload(u);
	return status;
}

/* A name alone, of which there is no file here, is one that came on a medium: `*ret_offered`. */
static int find_offer(struct update *u, char **ret_path, const char **ret_offered)
{
	if (strchr(u->file, '/') || !offers_name_ok(u->file) || access(u->file, F_OK) == 0)
		return 0;
	if (asprintf(ret_path, "%s/" OFFERS_DIRECTORY "/%s", u->config->dir, u->file) < 0)
		return EXIT_CANNOT;
	*ret_offered = u->file;
	u->file = *ret_path;
	return 0;
}

static int apply(struct update *u)
{
	_cleanup_free_ char *path = NULL;
	const char *offered = NULL;
	int status = find_offer(u, &path, &offered);

	if (status == 0)
		status = update_open(u);
	if (status == 0)
		status = apply_opened(u);
	if (status == 0 && offered && offers_remove(u->config->dir, offered) < 0)
		log_warning("%s is in force, and could not be removed from " OFFERS_DIRECTORY, offered);
	return status;
}

static int drop(struct update *u)
{
	int r = offers_name_ok(u->file) ? offers_remove(u->config->dir, u->file) : -EINVAL;

	if (r < 0)
		log_error("%s: %s", u->file, r == -EINVAL ? "not the name of a pack that waits (`lazaret update list`)" : strerror(-r));
	return r < 0 ? EXIT_CANNOT : 0;
}

static int refuse_undo(struct update *u, const char *why)
{
	u->file = "undo";
	u->why = strdup(why);
	return update_refuse(u);
}

/* Two persons have said so at the machine, of what is in force still; both must still be who they were. */
static int take_undo_approval(struct update *u)
{
	_cleanup_(people_freep) struct people *people = NULL;
	_cleanup_(json_decref_p) json_t *said = NULL;
	char sha256[SHA256_HEX_LEN + 1];
	const char *by, *reason, *second, *why;

	if (undo_current_sha256(u->sets_fd, sha256) == 0)
		said = undo_approved(u->config->dir, sha256);
	if (!said || json_unpack(said, "{s:s,s:s,s:s}", "by", &by, "reason", &reason, "second", &second) < 0)
		return refuse_undo(u, "nobody has agreed at the machine to go back from what is in force now");
	if (people_load(u->config->dir, &people, NULL) < 0)
		return EXIT_CANNOT;
	why = undo_persons_refused(person_find(people, by), person_find(people, second));
	if (why)
		return refuse_undo(u, why);
	u->person = strdup(by);
	u->second = strdup(second);
	u->reason = u->approved_reason = strdup(reason);
	return u->person && u->second && u->reason ? 0 : EXIT_CANNOT;
}

static int undo(struct update *u)
{
	int status = update_open(u);

	if (status == 0 && !json_is_object(json_object_get(u->current, "undo"))) {
		log_error("there is nothing to go back to");
		status = EXIT_FAILURE;
	}
	if (status == 0)
		status = u->is_approved ? take_undo_approval(u) : update_ask(u, "update undo", true);
	if (status == 0)
		status = update_back(u);
	if (status == 0)
		update_reload(u);
	return status;
}

/* -- list ---------------------------------------------------------------------------------------------------------------- */

static void put_sets(const json_t *state)
{
	int64_t now = time(NULL);

	for (unsigned int k = 0; k < SET_KIND_COUNT_; k++) {
		const json_t *set = json_object_get(json_object_get(state, "sets"), station_set_kind_name(k));
		char when[RECORDS_TIME_LEN];

		if (!set)
			continue;
		records_time(json_integer_value(json_object_get(set, "applied_at")), when);
		(void)printf("%-9s  %s %" JSON_INTEGER_FORMAT ", made %" JSON_INTEGER_FORMAT " days ago, applied %s UTC, %zu files\n",
			     station_set_kind_name(k), json_string_value(json_object_get(set, "name")),
			     json_integer_value(json_object_get(set, "version")),
			     MAX((json_int_t)0, (json_int_t)now - json_integer_value(json_object_get(set, "made"))) / 86400, when,
			     json_array_size(json_object_get(set, "files")));
	}
}

static void put_offers(struct update *u)
{
	_cleanup_(json_decref_p) json_t *offers = offers_json(u->config->dir, json_object_get(u->current, "versions"));
	json_t *o;
	size_t i;

	json_array_foreach(offers, i, o) {
		const char *name = json_string_value(json_object_get(o, "name")), *trouble = json_string_value(json_object_get(o, "trouble"));

		if (i == 0)
			(void)puts("came on media, and `lazaret update apply NAME` takes it:");
		(void)printf("           %s, %s %" JSON_INTEGER_FORMAT ", from %s%s%s\n", json_string_value(json_object_get(o, "pack")),
			     name && *name ? name : "name not told", json_integer_value(json_object_get(o, "version")),
			     json_string_value(json_object_get(o, "from")), trouble ? ": " : "", trouble ? trouble : "");
	}
}

static int list(struct update *u)
{
	_cleanup_free_ char *path = NULL, *why = NULL;
	_cleanup_close_ int fd = -EBADF;
	const json_t *undo;
	int r = asprintf(&path, "%s/" SETS_DIRECTORY, u->config->dir) < 0 ? -ENOMEM : 0;

	if (r == 0)
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r == 0)
		r = station_sets_load(fd, SETS_CURRENT, &u->current, &why);
	if (r < 0) {
		log_error("%s: %s", u->config->dir, why ? why : strerror(-r));
		return EXIT_CANNOT;
	}
	if (u->cli->is_json) {
		(void)json_dumpf(u->current, stdout, JSON_COMPACT | JSON_SORT_KEYS);
		(void)putchar('\n');
		return 0;
	}
	if (json_object_size(json_object_get(u->current, "sets")) == 0)
		(void)puts("nothing of an update pack is in force; what lazaret.yaml says holds");
	put_sets(u->current);
	undo = json_object_get(u->current, "undo");
	if (json_is_object(undo)) {
		(void)puts("`lazaret update undo` goes back to");
		if (json_object_size(json_object_get(undo, "sets")) == 0)
			(void)puts("           what lazaret.yaml says");
		put_sets(undo);
	}
	put_offers(u);
	return 0;
}

/* -- options ------------------------------------------------------------------------------------------------------------- */

static int parse(int argc, char **argv, struct update *u, bool takes_file, bool may_be_approved)
{
	static const struct option options[] = { { "older", no_argument, NULL, 'o' },
						 { "reason", required_argument, NULL, 'r' },
						 { "by", required_argument, NULL, 'b' },
						 { "approved", no_argument, NULL, 'a' },
						 { "credentials", required_argument, NULL, 'c' },
						 { 0 } };
	int o;

	optind = 0; /* glibc: begin again with this vector */
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'o' && takes_file)
			u->is_older_wanted = true;
		else if (o == 'a' && may_be_approved)
			u->is_approved = true;
		else if (o == 'r')
			u->reason = optarg;
		else if (o == 'b')
			u->by = optarg;
		else if (o != 'c' || !person_credentials(optarg))
			return usage();
	}
	if (optind != argc - takes_file)
		return usage();
	u->file = takes_file ? argv[optind] : NULL;
	return 0;
}

int cmd_update(struct cli *cli)
{
	static const struct {
		const char *name;
		int (*run)(struct update *u);
		bool takes_file, may_be_approved;
	} commands[] = { { "apply", apply, true, true }, { "undo", undo, false, true }, { "list", list, false, false }, { "drop", drop, true, false } };
	const char *word = cli->argc >= 2 ? cli->argv[1] : "";
	struct update u = { .cli = cli, .sets_fd = -EBADF, .lock_fd = -EBADF };
	int status = EXIT_USAGE;
	size_t k = 0;

	if (strcmp(word, "slot") == 0)
		return cmd_update_slot(cli, cli->argc - 2, cli->argv + 2);
	while (k < ARRAY_LEN(commands) && strcmp(commands[k].name, word) != 0)
		k++;
	if (k == ARRAY_LEN(commands))
		return usage();
	status = parse(cli->argc - 1, cli->argv + 1, &u, commands[k].takes_file, commands[k].may_be_approved);
	if (status != 0)
		return status;
	station_sets_use("");
	u.config = records_config(cli);
	if (!u.config)
		return EXIT_CANNOT;
	status = commands[k].run(&u);
	update_done(&u);
	station_config_free(u.config);
	return status;
}
