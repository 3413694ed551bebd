/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "console/app.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <time.h>

#include "common/log.h"
#include "console/frame.h"
#include "console/intent.h"

#define DRAW_MS 100	    /* news are drawn ten times a second at most; keys at once */
#define TICK_MS 1000	    /* clock and ages */
#define ALONE_MS (120 * 1000) /* nobody presses a key: the next operator finds the first screen */

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* -- connection ------------------------------------------------------------------------------------------- */

/* Results that somebody has yet to see may have come meanwhile: the list of the last transfers is asked for again. */
static bool ends_something(struct console *c, const json_t *o)
{
	const char *event = member_text(o, "event");
	struct item *i = state_find(&c->state, member_number(o, "medium"));

	if (strcmp(event, "medium-gone") == 0)
		return true;
	return strcmp(event, "medium") == 0 && strcmp(member_text(o, "state"), "done") == 0 && !(i && item_is_done(i));
}

static void take(struct console *c, json_t *o)
{
	bool is_end = ends_something(c, o);

	if (json_is_integer(json_object_get(o, "answer"))) {
		if (state_clean(o) == 0)
			intent_answer(c, o);
	} else if (state_fold(&c->state, o, c->now_ms) < 0) {
		console_notice(c, "%s", _("This console is short of memory."));
	}
	if (strcmp(member_text(o, "event"), "session") == 0)
		session_event(c, o);
	else if (strcmp(member_text(o, "event"), "release") == 0)
		desk_release(c, o);
	if (is_end)
		intent_recent(c);
	c->is_dirty = true;
}

static void serve(struct console *c)
{
	bool is_up;
	json_t *o;

	if (link_renew(&c->link, c->now_ms)) {
		intent_recent(c);
		c->is_dirty = true;
	}
	if (!link_is_up(&c->link))
		return;
	is_up = link_serve(&c->link);
	while ((o = link_next(&c->link))) {
		take(c, o);
		json_decref(o);
	}
	if (is_up && !c->is_stale)
		return;
	c->is_stale = false;
	link_drop(&c->link, c->now_ms);
	intent_lost(c);
	state_lost(&c->state);
	c->is_dirty = true;
}

/* -- time -------------------------------------------------------------------------------------------------- */

static void tick(struct console *c)
{
	struct item *i = state_expired(&c->state, c->now_ms);

	if (i) {
		json_t *fields = item_is_ours(i) ? NULL : json_pack("{sI}", "medium", (json_int_t)i->number);

		if (fields && link_request(&c->link, "dismiss", fields) < 0)
			return; /* next time */
		state_forget(&c->state, i->number);
	}
	if (c->recent_retry_ms > 0 && c->now_ms >= c->recent_retry_ms) {
		c->recent_retry_ms = 0;
		intent_recent(c);
	}
	session_tick(c);
	/* An officer reads longer than that; what is opened for him ends with his session. */
	if (c->now_ms - c->pressed_ms >= ALONE_MS && !session_is(&c->session) && !setup_is_awaited(c))
		while (c->depth > 0)
			console_back(c);
}

static int sooner(int a, int b)
{
	return a < 0 ? b : b < 0 ? a : MIN(a, b);
}

static int wait_ms(const struct console *c, int64_t drawn_ms)
{
	int wait = TICK_MS;

	wait = sooner(wait, link_wait(&c->link, c->now_ms));
	wait = sooner(wait, keys_wait(&c->keys, c->now_ms));
	if (c->is_dirty)
		wait = sooner(wait, (int)MAX(drawn_ms + DRAW_MS - c->now_ms, 0));
	return wait;
}

/* -- signals and keys ------------------------------------------------------------------------------------ */

static int open_signals(void)
{
	sigset_t set;

	(void)signal(SIGTSTP, SIG_IGN); /* no way out to a shell */
	(void)signal(SIGTTIN, SIG_IGN);
	(void)signal(SIGTTOU, SIG_IGN);
	(void)signal(SIGQUIT, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGWINCH);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void read_signals(struct console *c, int fd)
{
	struct signalfd_siginfo s;

	while (read(fd, &s, sizeof(s)) == (ssize_t)sizeof(s)) {
		if (s.ssi_signo == SIGWINCH)
			term_resize();
		else if (s.ssi_signo != SIGINT || !c->is_kiosk)
			c->is_ending = true;
		c->is_dirty = true;
	}
}

/* Returns true when something was pressed. */
static bool read_keys(struct console *c, bool is_readable)
{
	struct press press;
	bool is_any = false;
	int r = is_readable ? keys_read(&c->keys, STDIN_FILENO, c->now_ms) : 0;

	if (r < 0 && r != -EAGAIN && r != -EINTR)
		c->is_ending = true; /* the terminal has gone */
	while (keys_next(&c->keys, c->now_ms, &press)) {
		is_any = true;
		c->pressed_ms = c->now_ms;
		if (c->now_ms >= c->deaf_ms)
			frame_press(c, &press);
		explicit_bzero(&press, sizeof(press));
	}
	return is_any;
}

/* -- loop -------------------------------------------------------------------------------------------------- */

static int loop(struct console *c, int signal_fd)
{
	int64_t drawn_ms = 0;

	c->is_dirty = true;
	while (!c->is_ending) {
		struct pollfd fds[] = {
			{ .fd = STDIN_FILENO, .events = POLLIN },
			{ .fd = signal_fd, .events = POLLIN },
			{ .fd = link_is_up(&c->link) ? control_client_fd(c->link.client) : -1,
			  .events = link_is_up(&c->link) ? control_client_events(c->link.client) : 0 },
		};
		bool has_ticked;
		int n = poll(fds, ARRAY_LEN(fds), wait_ms(c, drawn_ms));

		if (n < 0 && errno != EINTR)
			return 1;
		has_ticked = n == 0;
		c->now_ms = now_ms();
		if (n > 0 && fds[1].revents)
			read_signals(c, signal_fd);
		serve(c);
		tick(c);
		frame_settle(c);
		if (read_keys(c, n > 0 && fds[0].revents)) {
			drawn_ms = 0;
			c->is_dirty = true;
			frame_settle(c);
		}
		if ((c->is_dirty || has_ticked) && c->now_ms - drawn_ms >= DRAW_MS) {
			c->is_dirty = false;
			frame_draw(c);
			drawn_ms = c->now_ms;
		}
		intent_files(c);
		desk_bytes(c);
	}
	return 0;
}


int app_run(void *options)
{
	const struct app_options *o = options;
	static struct console c;
	_cleanup_close_ int signal_fd = -EBADF;
	int r;

	(void)prctl(PR_SET_DUMPABLE, 0); /* no core file with a passphrase */
	(void)mlock(&c, sizeof(c));	 /* nor a swap file, as far as the limit lets us */
	layout_ascii(o->is_ascii);
	words_open(o->is_ascii);
	if (words_speak(o->language) < 0 && words_speak("en") < 0)
		return 1;
	signal_fd = open_signals();
	if (signal_fd < 0 || state_init(&c.state) < 0)
		return 1;
	r = term_open(o->is_ascii);
	if (r < 0) {
		fprintf(stderr, "lazaret-console: %s\n",
			r == -ENOTTY ? "standard input and output must be a terminal" : "the terminal's type (TERM) is not known");
		return 1;
	}
	link_init(&c.link, o->socket);
	c.is_kiosk = o->is_kiosk;
	c.rows.total = -1;
	c.now_ms = c.pressed_ms = now_ms();
	r = loop(&c, signal_fd);
	term_close();
	frame_done(&c);
	return r;
}
