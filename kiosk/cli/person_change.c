/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Changes to the people of a station. An administrator makes them, who logs in for each; where there is none, or none can
 * log in, whoever holds the station's own account does, and the record says so: that account can write every file here anyway, but
 * not unseen.
 */
#include "cli/person_change.h"

#include <pwd.h>
#include <string.h>

#include "cli/records.h"
#include "cli/terminal.h"
#include "common/log.h"
#include "common/text.h"
#include "people/change.h"
#include "people/store.h"

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

static int tell(const char *what, int error, const char *why)
{
	log_error("%s: %s", what, why ? why : strerror(-error));
	return EXIT_CANNOT;
}

/* -- who does it ------------------------------------------------------------------------------------------------------ */

static int account(char **ret)
{
	const char *sudo = geteuid() == 0 ? getenv("SUDO_USER") : NULL;
	const struct passwd *pw = sudo && *sudo ? NULL : getpwuid(getuid());
	const char *raw = sudo && *sudo ? sudo : pw ? pw->pw_name : "unknown";
	_cleanup_free_ char *name = text_escape(raw, strlen(raw));

	if (!name || asprintf(ret, "account %s", name) < 0) {
		*ret = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* 0, or an exit status after telling. `is_own`: the person himself may do it as well. */
static int find_who(const struct station_config *config, const struct person_change *c, bool is_own, char **ret)
{
	_cleanup_(people_freep) struct people *people = NULL;
	_cleanup_free_ char *why = NULL, *what = NULL;
	int r = people_load(config->dir, &people, &why);

	if (r < 0)
		return tell(config->dir, r, why);
	if (c->recover || !people_have_administrator(people))
		return account(ret) < 0 ? tell("lazaret person", -ENOMEM, NULL) : 0;
	if (asprintf(&what, "person %s", c->command) < 0) {
		what = NULL;
		return EXIT_CANNOT;
	}
	r = person_ask_role(config, is_own ? c->name : "administrator", what, is_own ? 0 : 1u << PERSON_ADMINISTRATOR, NULL, ret);
	if (r < 0)
		return r == -EACCES ? EXIT_FAILURE : EXIT_CANNOT;
	if (is_own && strcmp(*ret, c->name) != 0 && !person_has_role(person_find(people, *ret), PERSON_ADMINISTRATOR)) {
		log_error("%s may change nobody's password but his own: he is no administrator", *ret);
		return EXIT_FAILURE;
	}
	return 0;
}

/* Who he is was found out before: the lock is taken for a moment only, and what is there then is looked at again. */
static int begin(const struct person_change *c, struct people_change *h)
{
	const char *why = NULL;
	int r = people_change_check(h, &why);

	if (r < 0) {
		log_error("%s: %s%s", c->name, why,
			  r == -ENOENT ? " (`lazaret person list`)" : r == -EEXIST ? " (`lazaret person change`)" : "");
		return r == -ENOENT || r == -EEXIST || r == -EPERM || r == -EINVAL ? EXIT_FAILURE : EXIT_CANNOT;
	}
	if (strncmp(h->by, "account ", 8) == 0 && !c->recover && people_have_administrator(h->people)) {
		log_error("there is an administrator now: he has to do it");
		return EXIT_FAILURE;
	}
	return 0;
}

static int record(const struct station_config *config, const struct person_change *c, const struct people_change *h)
{
	_cleanup_(json_decref_p) json_t *b = people_change_body(h);
	_cleanup_free_ char *recover = c->recover ? text_escape(c->recover, strlen(c->recover)) : NULL;

	if (!b || json_object_set_new(b, "by", json_string(h->by)) < 0 || (c->recover && !recover) ||
	    (recover && json_object_set_new(b, "recover", json_string(recover)) < 0)) {
		log_error("out of memory, nothing was changed");
		return EXIT_CANNOT;
	}
	return records_append(config, people_change_record(h), b) < 0 ? EXIT_CANNOT : 0; /* told */
}

static int not_kept(const struct station_config *config, int error)
{
	log_error("%s/" PEOPLE_DIR ": recorded, but it could not be kept: %s", config->dir, strerror(-error));
	return EXIT_CANNOT;
}

/* -- passwords ---------------------------------------------------------------------------------------------------------- */

static int ask_twice(const char *name, char secret[static PERSON_SECRET_MAX + 1])
{
	char again[PERSON_SECRET_MAX + 1] = "";
	_cleanup_free_ char *prompt = NULL;
	int r;

	if (asprintf(&prompt, "New password of %s: ", name) < 0) {
		prompt = NULL;
		return -ENOMEM;
	}
	r = terminal_ask(prompt, true, secret, PERSON_SECRET_MAX + 1);
	if (r == 0 && !terminal_is_program())
		r = terminal_ask("The same once more: ", true, again, sizeof(again));
	if (r == 0 && !terminal_is_program() && strcmp(secret, again) != 0)
		r = -EINVAL;
	explicit_bzero(again, sizeof(again));
	return r;
}

/* 0 with the hash (the caller's), or an exit status after telling. */
static int ask_password(const struct station_config *config, const char *name, char **ret)
{
	char secret[PERSON_SECRET_MAX + 1] = "";
	const char *why = NULL;
	int r = ask_twice(name, secret);

	if (r == 0)
		why = password_refused(secret, name, config->people.password_length);
	if (r == 0 && !why)
		r = password_hash(secret, ret);
	explicit_bzero(secret, sizeof(secret));
	if (why)
		log_error("this password is refused: %s", why);
	else if (r == -EINVAL)
		log_error("these are two different passwords; nothing was changed");
	else if (r == -ENOTTY)
		log_error("there is no terminal to ask at; give --credentials FD");
	else if (r < 0)
		log_error("no password: %s", r == -ECANCELED ? "nothing was typed" : r == -EMSGSIZE ? "too long" : strerror(-r));
	return why || r == -EINVAL ? EXIT_FAILURE : r < 0 ? EXIT_CANNOT : 0;
}

/* -- changes ------------------------------------------------------------------------------------------------------------ */

static int change(const struct station_config *config, const struct person_change *c, enum people_change_kind kind)
{
	_cleanup_free_ char *by = NULL, *reason = c->reason ? text_escape(c->reason, strlen(c->reason)) : NULL;
	struct people_change all = { .kind = kind, .dir = config->dir, .name = c->name, .full_name = c->full_name,
				     .roles = c->roles, .until = c->until, .reason = reason, .people_fd = -EBADF };
	_cleanup_(people_change_done) struct people_change *h = &all;
	bool is_password = kind == PEOPLE_PASSWORD;
	int status = c->reason && !reason ? tell(c->name, -ENOMEM, NULL) : find_who(config, c, is_password, &by);

	h->by = by;
	if (status == 0 && (is_password || (kind == PEOPLE_ADD && !c->has_no_password)))
		status = ask_password(config, c->name, &h->hash);
	if (status == 0)
		status = begin(c, h);
	if (status == 0)
		status = record(config, c, h);
	if (status == 0) {
		int r = people_change_make(h);

		if (r < 0)
			status = not_kept(config, r);
	}
	return status;
}

static int told(int status, const char *name, const char *words)
{
	if (status == 0)
		(void)printf("%s %s\n", name, words);
	return status;
}

int person_add(const struct station_config *config, const struct person_change *c)
{
	return told(change(config, c, PEOPLE_ADD), c->name, c->has_no_password ? "can log in, once the site's PAM stack knows the name" : "can log in");
}

int person_alter(const struct station_config *config, const struct person_change *c)
{
	return told(change(config, c, PEOPLE_ALTER), c->name, "is changed");
}

int person_remove(const struct station_config *config, const struct person_change *c)
{
	return told(change(config, c, PEOPLE_REMOVE), c->name, "is no longer known");
}

int person_password(const struct station_config *config, const struct person_change *c)
{
	return told(change(config, c, PEOPLE_PASSWORD), c->name, "has a new password");
}

int person_unlock(const struct station_config *config, const struct person_change *c)
{
	return told(change(config, c, PEOPLE_UNLOCK), c->name, "can log in again");
}
