/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Who sits at the terminal: the same as the daemon finds out for its clients (daemon/login.c), but waiting. */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "cli/person.h"
#include "cli/records.h"
#include "cli/terminal.h"
#include "common/log.h"
#include "common/text.h"
#include "people/attempt.h"
#include "sandbox/spawn.h"

struct asking {
	const struct station_config *station;
	const char *what;
	struct attempt attempt;
	struct channel channel;
	pid_t pid;
	int64_t began_ms, typed_ms;
};

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool person_credentials(const char *number)
{
	char *end;
	long fd;

	errno = 0;
	fd = strtol(number, &end, 10);
	if (errno || *end || end == number || fd < 0 || fd > 1 << 20 || fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0) {
		log_error("--credentials %s: not the number of an open descriptor", number);
		return false;
	}
	terminal_lines_from((int)fd);
	return true;
}

/* -- lazaret-login ------------------------------------------------------------------------------------------------------ */

static int start_login(struct asking *a)
{
	struct message *m = NULL;
	_cleanup_free_ char *why = NULL;
	struct ready ready;
	int ends[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	channel_init(&a->channel, ends[0], true, CHANNEL_LOGIN);
	r = role_spawn(ROLE_LOGIN, ends[1], &a->pid);
	close_p(&ends[1]);
	if (r == 0)
		r = login_send_start(&a->channel, a->station);
	m = malloc(sizeof(*m));
	if (r == 0)
		r = m ? channel_expect(&a->channel, MESSAGE_READY, m, &why) : -ENOMEM;
	if (r == 0)
		r = channel_take_ready(m, &ready);
	if (r == -EPROTONOSUPPORT || (r == 0 && strcmp(ready.role, "login") != 0))
		r = -EPROTO;
	free(m);
	if (r < 0)
		log_error("lazaret-login: %s", why ? why : strerror(-r));
	return r;
}

static void end_login(struct asking *a)
{
	channel_done(&a->channel);
	if (a->pid > 0) {
		(void)kill(a->pid, SIGKILL); /* our child, not reaped yet; it has said all that it has to say */
		while (waitpid(a->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	a->pid = 0;
}

static int answer_text(struct asking *a, struct message *m)
{
	char text[LOGIN_TEXT_MAX], secret[LOGIN_REPLY_MAX + 1];
	enum login_style style;
	int r = login_take_text(m, &style, text);

	if (r < 0)
		return r;
	attempt_text(&a->attempt, text);
	if (style == LOGIN_SAYS) {
		terminal_say(text);
		return 0;
	}
	r = terminal_ask(text, style == LOGIN_ASKS_SECRET, secret, sizeof(secret));
	a->typed_ms = now_ms();
	if (r == 0)
		r = login_send_reply(&a->channel, secret);
	explicit_bzero(secret, sizeof(secret));
	return r;
}

/* 0: PAM has said `*ret`; otherwise how it broke off. */
static enum attempt_how converse(struct asking *a, enum login_outcome *ret)
{
	struct message *m = malloc(sizeof(*m));
	bool has_result = false;
	int64_t late_ms = a->began_ms + (int64_t)a->station->people.answer_time_s * 1000 - 100;
	char detail[LOGIN_TEXT_MAX];
	int r = m ? login_send_try(&a->channel, attempt_pam_name(&a->attempt)) : -ENOMEM;

	while (r == 0 && !has_result) {
		r = channel_receive(&a->channel, m, false);
		if (r < 0)
			break;
		has_result = m->type == MESSAGE_LOGIN_RESULT;
		r = has_result ? login_take_result(m, ret, detail) : m->type == MESSAGE_LOGIN_TEXT ? answer_text(a, m) : -EPROTO;
		message_done(m);
	}
	free(m);
	if (r == 0) {
		if (*ret == LOGIN_CANNOT_TELL)
			log_error("lazaret-login: %s", detail);
		return ATTEMPT_BY_PAM;
	}
	return r == -ECANCELED || r == -ENOTTY || r == -EMSGSIZE || r == -EILSEQ ? ATTEMPT_BROKEN_OFF :
	       now_ms() >= late_ms					       ? ATTEMPT_TOO_LATE :
										 ATTEMPT_BROKEN;
}

/* -- what came of it ------------------------------------------------------------------------------------------------ */

static int write_records(const struct asking *a, const struct attempt_result *result)
{
	int r = 0;

	for (size_t k = 0; r == 0 && k < result->record_count; k++)
		r = records_append(a->station, result->records[k].type, result->records[k].body);
	return r;
}

static void wait_a_moment(const struct asking *a)
{
	(void)poll(NULL, 0, (int)attempt_wait_ms(a->typed_ms, now_ms())); /* cut short by a signal: it ends us anyway */
}

static int conclude(struct asking *a, int begun, enum attempt_how how, enum login_outcome outcome, unsigned int roles, char **ret)
{
	json_t *facts = json_pack("{s:s,s:I,s:I}", "for", a->what, "uid", (json_int_t)getuid(), "pid", (json_int_t)getpid());
	struct attempt_result result = { 0 };
	int r = facts ? attempt_end(&a->attempt, begun, how, outcome, facts, time(NULL), &result) : -ENOMEM;

	json_decref(facts);
	if (r == 0)
		r = write_records(a, &result); /* tells */
	if (r == 0)
		r = attempt_settle(&a->attempt);
	if (r == 0 && !result.who) {
		wait_a_moment(a);
		log_error("%s", result.text);
		r = -EACCES;
	} else if (r == 0 && roles != 0 && !(result.who->roles & roles)) {
		log_error("%s has not the role that this takes", result.who->name);
		r = -EACCES;
	} else if (r == 0) {
		*ret = strdup(result.who->name);
		r = *ret ? 0 : -ENOMEM;
	}
	attempt_result_done(&result);
	return r;
}

static int ask_name(const char *who, const char *not_name, char name[static PERSON_NAME_MAX + 1])
{
	_cleanup_free_ char *prompt = NULL;
	int r;

	if (asprintf(&prompt, "Name (%s): ", who) < 0) {
		prompt = NULL;
		return -ENOMEM;
	}
	r = terminal_ask(prompt, false, name, PERSON_NAME_MAX + 1);
	if (r == -ENOTTY)
		log_error("%s: there is no terminal to ask at; give --credentials FD", who);
	else if (r == -EMSGSIZE || r == -EILSEQ)
		log_error("that is nobody's name");
	else if (r < 0)
		log_error("%s: nobody answered", who);
	if (r == 0 && not_name && strcmp(name, not_name) == 0) {
		log_error("%s: this takes somebody else than %s", who, not_name);
		r = -EACCES;
	}
	return r;
}

int person_ask_role(const struct station_config *station, const char *who, const char *what, unsigned int roles, const char *not_name,
		    char **ret)
{
	struct asking a = { .station = station, .what = what, .channel = { .fd = -EBADF } };
	enum login_outcome outcome = LOGIN_CANNOT_TELL;
	enum attempt_how how = ATTEMPT_BY_PAM;
	char name[PERSON_NAME_MAX + 1];
	int begun, r = ask_name(who, not_name, name);

	if (r < 0)
		return r;
	a.began_ms = a.typed_ms = now_ms();
	begun = attempt_begin(&a.attempt, station, name, time(NULL));
	if (begun == 0) {
		how = start_login(&a) < 0 ? ATTEMPT_BROKEN : converse(&a, &outcome);
		end_login(&a);
	}
	r = conclude(&a, begun, how, outcome, roles, ret);
	if (r < 0 && r != -EACCES)
		log_error("%s: %s", who, strerror(-r));
	attempt_done(&a.attempt);
	return r;
}

int person_ask(const struct station_config *station, const char *who, char **ret)
{
	return person_ask_role(station, who, who, 0, NULL, ret);
}
