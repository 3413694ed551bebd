/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Changes to the people of a station. An administrator makes them, who logs in for each; where there is none, or none can
 * log in, whoever holds the station's own account does, and the record says so: that account can write every file here anyway, but
 * not unseen.
 */
#include "cli/person_change.h"

#include <pwd.h>
#include <string.h>
#include <time.h>

#include "cli/records.h"
#include "cli/terminal.h"
#include "common/log.h"
#include "common/text.h"
#include "people/change.h"
#include "people/lockout.h"
#include "people/store.h"

/* A change under way: who makes it, and the people as they are, locked against others. */
struct change {
	char *by; /* clean text */
	int fd;
	struct people *people;
};

static void change_done(struct change *h)
{
	free(h->by);
	close_p(&h->fd);
	people_free(h->people);
}

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
static int begin(const struct station_config *config, const struct person_change *c, struct change *h)
{
	_cleanup_free_ char *why = NULL;
	int r = people_open(config->dir, true, &h->fd);

	if (r == 0)
		r = people_load_at(h->fd, &h->people, &why);
	if (r < 0)
		return tell(config->dir, r, why);
	if (strncmp(h->by, "account ", 8) == 0 && !c->recover && people_have_administrator(h->people)) {
		log_error("there is an administrator now: he has to do it");
		return EXIT_FAILURE;
	}
	return 0;
}

/* `body` is taken over and gets what every such record has. */
static int record(const struct station_config *config, const struct person_change *c, const struct change *h, const char *type, json_t *body)
{
	_cleanup_(json_decref_p) json_t *b = body;
	_cleanup_free_ char *recover = c->recover ? text_escape(c->recover, strlen(c->recover)) : NULL;

	if (!b || json_object_set_new(b, "by", json_string(h->by)) < 0 || (c->recover && !recover) ||
	    (recover && json_object_set_new(b, "recover", json_string(recover)) < 0)) {
		log_error("out of memory, nothing was changed");
		return EXIT_CANNOT;
	}
	return records_append(config, type, b) < 0 ? EXIT_CANNOT : 0; /* told */
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

int person_password(const struct station_config *config, const struct person_change *c)
{
	_cleanup_(change_done) struct change h = { .fd = -EBADF };
	_cleanup_free_ char *hash = NULL;
	int status = find_who(config, c, true, &h.by), r;

	if (status == 0)
		status = ask_password(config, c->name, &hash);
	if (status == 0)
		status = begin(config, c, &h);
	if (status == 0 && !person_find(h.people, c->name)) {
		log_error("%s: nobody of this name is known here (`lazaret person list`)", c->name);
		status = EXIT_FAILURE;
	}
	if (status == 0)
		status = record(config, c, &h, "person-password", json_pack("{s:s}", "person", c->name));
	if (status != 0)
		return status;
	r = passwd_set(h.fd, c->name, hash);
	if (r < 0)
		return not_kept(config, r);
	(void)printf("%s has a new password\n", c->name);
	return EXIT_SUCCESS;
}

/* -- persons ------------------------------------------------------------------------------------------------------------ */

static json_t *person_body(const struct person *p)
{
	json_t *body = person_json(p);

	if (body && json_object_set_new(body, "until", json_integer((json_int_t)p->until)) < 0) {
		json_decref(body);
		return NULL;
	}
	return body;
}

/* Nobody could undo it, or do anything else about people, without the station's own account. */
static bool loses_administrator(const struct people *before, const char *name, const struct person *after)
{
	if (!people_lose_administrator(before, name, after))
		return false;
	log_error("%s is the last administrator: make somebody else one first", name);
	return true;
}

static int keep_new(const struct station_config *config, const struct change *h, const char *name, const char *hash)
{
	/* failed tries of a name that nobody had are not his */
	int r = passwd_set(h->fd, name, hash);

	if (r == 0)
		r = people_save(h->fd, h->people);
	return r < 0 ? not_kept(config, r) : EXIT_SUCCESS;
}

int person_add(const struct station_config *config, const struct person_change *c)
{
	_cleanup_(change_done) struct change h = { .fd = -EBADF };
	_cleanup_free_ char *hash = NULL;
	struct person p = { .name = (char *)c->name, .full_name = (char *)(c->full_name ? c->full_name : ""), .roles = c->roles,
			    .added_at = time(NULL), .until = MAX(c->until, (int64_t)0) };
	int status = find_who(config, c, false, &h.by), r;

	if (status == 0 && !c->has_no_password)
		status = ask_password(config, c->name, &hash);
	if (status == 0)
		status = begin(config, c, &h);
	if (status == 0 && person_find(h.people, c->name)) {
		log_error("%s: this name is taken (`lazaret person change`)", c->name);
		status = EXIT_FAILURE;
	}
	if (status != 0)
		return status;
	p.by = h.by;
	r = people_put(h.people, &p);
	if (r < 0)
		return tell(c->name, r, r == -ENOSPC ? "a station has at most 1000 people" : NULL);
	status = record(config, c, &h, "person-added", person_body(&p));
	if (status == 0)
		status = keep_new(config, &h, c->name, hash);
	close_p(&h.fd); /* the tries have the same lock */
	if (status == 0 && lockout_good(config->dir, c->name) < 0)
		log_warning("%s: earlier failed tries of this name could not be forgotten", c->name);
	if (status == 0)
		(void)printf("%s can log in%s\n", c->name, c->has_no_password ? ", once the site's PAM stack knows the name" : "");
	return status;
}

int person_alter(const struct station_config *config, const struct person_change *c)
{
	_cleanup_(change_done) struct change h = { .fd = -EBADF };
	const struct person *old;
	struct person p;
	int status = find_who(config, c, false, &h.by), r;

	if (status == 0)
		status = begin(config, c, &h);
	if (status != 0)
		return status;
	old = person_find(h.people, c->name);
	if (!old) {
		log_error("%s: nobody of this name is known here (`lazaret person list`)", c->name);
		return EXIT_FAILURE;
	}
	p = *old;
	p.roles = c->roles ? c->roles : p.roles;
	p.full_name = c->full_name ? (char *)c->full_name : p.full_name;
	p.until = c->until >= 0 ? c->until : p.until;
	if (loses_administrator(h.people, c->name, &p))
		return EXIT_FAILURE;
	status = record(config, c, &h, "person-changed", person_body(&p));
	if (status != 0)
		return status;
	r = people_put(h.people, &p);
	if (r == 0)
		r = people_save(h.fd, h.people);
	if (r < 0)
		return not_kept(config, r);
	(void)printf("%s is changed\n", c->name);
	return EXIT_SUCCESS;
}

int person_remove(const struct station_config *config, const struct person_change *c)
{
	_cleanup_(change_done) struct change h = { .fd = -EBADF };
	_cleanup_free_ char *reason = text_escape(c->reason ? c->reason : "", c->reason ? strlen(c->reason) : 0);
	int status = find_who(config, c, false, &h.by), r;

	if (status == 0)
		status = begin(config, c, &h);
	if (status == 0 && !person_find(h.people, c->name)) {
		log_error("%s: nobody of this name is known here (`lazaret person list`)", c->name);
		status = EXIT_FAILURE;
	}
	if (status == 0 && loses_administrator(h.people, c->name, NULL))
		status = EXIT_FAILURE;
	if (status == 0)
		status = record(config, c, &h, "person-removed", reason ? json_pack("{s:s,s:s}", "person", c->name, "reason", reason) : NULL);
	if (status != 0)
		return status;
	r = people_take(h.people, c->name);
	if (r == 0)
		r = people_save(h.fd, h.people); /* what he may do goes first */
	if (r == 0)
		r = passwd_set(h.fd, c->name, NULL);
	if (r < 0)
		return not_kept(config, r);
	(void)printf("%s is no longer known\n", c->name);
	return EXIT_SUCCESS;
}

int person_unlock(const struct station_config *config, const struct person_change *c)
{
	_cleanup_(change_done) struct change h = { .fd = -EBADF };
	int status = find_who(config, c, false, &h.by), r;

	if (status == 0)
		status = begin(config, c, &h);
	if (status == 0 && !person_find(h.people, c->name)) {
		log_error("%s: nobody of this name is known here (`lazaret person list`)", c->name);
		status = EXIT_FAILURE;
	}
	if (status == 0)
		status = record(config, c, &h, "person-unlocked", json_pack("{s:s}", "person", c->name));
	if (status != 0)
		return status;
	close_p(&h.fd); /* the tries have the same lock */
	r = lockout_good(config->dir, c->name);
	if (r < 0)
		return not_kept(config, r);
	(void)printf("%s can log in again\n", c->name);
	return EXIT_SUCCESS;
}
