/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-login: has PAM say whether somebody is who he says, once, and ends. Started by lazaretd and by `lazaret`, with the privileges
 * of the station, in the loosest sandbox of all roles (sandbox/role.c says why). It trusts whoever started it for directory, service
 * and name, and the administrator for the modules that the service file names; what is typed is at most LOGIN_REPLY_MAX bytes, never
 * logged, and wiped.
 *
 * Neither counts nor records: whoever started it does (people/attempt.h), before and after.
 */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/log.h"
#include "ipc/channel.h"
#include "login/attempt.h"
#include "sandbox/sandbox.h"

#define SYSTEM_DIRECTORY "/etc/pam.d"
#define SERVICE_MAX 64
#define PERSON_MAX 64 /* people/people.h: PERSON_NAME_MAX */

struct role_state {
	struct channel channel;
	char *directory, *service;
	char person[PERSON_MAX + 1];
};

/* -- the service file ---------------------------------------------------------------------------------------------- */

/* What it names is loaded into this process, as root where the station is root's: nobody but root and us may have written it. */
static int check_owner(int fd, const char **ret_where)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	*ret_where = "others may write to it";
	return (st.st_uid == 0 || st.st_uid == geteuid()) && !(st.st_mode & (S_IWGRP | S_IWOTH)) ? 0 : -EPERM;
}

/* Without its file PAM would take "other", of which nobody thought when he set this station up. */
static int check_service(const struct role_state *s, const char **ret_where)
{
	_cleanup_close_ int dir_fd = open(s->directory ? s->directory : SYSTEM_DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int fd = -EBADF;
	int r;

	*ret_where = "the directory of PAM's service files";
	if (dir_fd < 0)
		return -errno;
	r = check_owner(dir_fd, ret_where);
	if (r < 0)
		return r;
	*ret_where = "PAM's service file";
	fd = openat(dir_fd, s->service, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : check_owner(fd, ret_where);
}

/* -- start --------------------------------------------------------------------------------------------------------- */

/* SIGKILL, since modules handle signals as they like. */
static int set_deadline(uint32_t seconds)
{
	struct sigevent end = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };
	const struct itimerspec at = { .it_value = { .tv_sec = seconds } };
	timer_t timer;

	if (seconds == 0)
		return -EINVAL;
	return timer_create(CLOCK_MONOTONIC, &end, &timer) < 0 || timer_settime(timer, 0, &at, NULL) < 0 ? -errno : 0;
}

static int take_start(struct role_state *s, uint32_t *ret_seconds)
{
	struct message *m = malloc(sizeof(*m));
	int r = m ? channel_expect(&s->channel, MESSAGE_LOGIN_START, m, NULL) : -ENOMEM;

	if (r == 0) {
		s->directory = decode_str(&m->payload, PATH_MAX);
		s->service = decode_str(&m->payload, SERVICE_MAX);
		*ret_seconds = decode_u32(&m->payload);
		r = decoder_end(&m->payload);
		message_done(m);
	}
	free(m);
	if (r == 0 && (!s->directory || !s->service))
		r = -ENOMEM;
	if (r == 0 && (!*s->service || strchr(s->service, '/')))
		r = -EPROTO;
	if (r == 0 && !*s->directory) {
		free(s->directory);
		s->directory = NULL;
	}
	return r;
}

static int start(struct role_state *s, const char **ret_where)
{
	uint32_t seconds = 0;
	int r = take_start(s, &seconds);

	*ret_where = "start";
	if (r < 0)
		return r;
	r = sandbox_enter(ROLE_LOGIN, NULL, 0, ret_where);
	if (r < 0)
		return r;
	*ret_where = "deadline";
	r = set_deadline(seconds);
	if (r < 0)
		return r;
	r = check_service(s, ret_where);
	if (r < 0)
		return r;
	*ret_where = "ready";
	return channel_ready(&s->channel, "login", "capabilities+seccomp");
}

/* -- the attempt ----------------------------------------------------------------------------------------------------- */

static int take_person(struct role_state *s)
{
	struct message *m = malloc(sizeof(*m));
	int r = m ? channel_expect(&s->channel, MESSAGE_LOGIN_TRY, m, NULL) : -ENOMEM;

	if (r == 0) {
		decode_str_into(&m->payload, s->person, sizeof(s->person));
		r = decoder_end(&m->payload);
		message_done(m);
	}
	free(m);
	return r;
}

static int serve(struct role_state *s)
{
	struct attempt a = { .channel = &s->channel, .directory = s->directory, .service = s->service, .person = s->person };
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));
	char detail[LOGIN_TEXT_MAX] = "";
	enum login_outcome outcome;
	int r = e ? take_person(s) : -ENOMEM;

	if (r < 0)
		return r;
	outcome = attempt_make(&a, detail);
	if (a.is_cut)
		return 0; /* whoever asked has gone, or has seen enough */
	encoder_init(e);
	encode_u32(e, outcome);
	encode_str(e, detail);
	return channel_send(&s->channel, MESSAGE_LOGIN_RESULT, e, NULL, 0);
}

int main(void)
{
	struct role_state s = { 0 };
	const char *where = "start";
	int r;

	log_open("lazaret-login");
	(void)signal(SIGPIPE, SIG_IGN); /* cannot fail for this signal */
	channel_init(&s.channel, CHANNEL_FD, false, CHANNEL_LOGIN);
	/* modules may start programs (pam_exec, unix_chkpwd): none of them gets our channel */
	r = fcntl(CHANNEL_FD, F_SETFD, FD_CLOEXEC) < 0 ? -errno : start(&s, &where);
	if (r < 0) {
		(void)channel_fail(&s.channel, r, where, "%s", strerror(-r)); /* the exit status says it, too */
		return EXIT_FAILURE;
	}
	r = serve(&s);
	if (r == -ENOTCONN || r == -EPIPE)
		r = 0; /* nobody wants to know any more */
	if (r < 0)
		log_error("err=%s: %s", errno_name(r), strerror(-r));
	free(s.directory);
	free(s.service);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
