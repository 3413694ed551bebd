/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "daemon/daemon.h"
#include "daemon/machine.h"
#include "daemon/setup.h"

#include <signal.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "common/log.h"
#include "daemon/monitor.h"

#define TICK_US (5 * UINT64_C(1000000))	 /* room in staging, ages of databases */
#define END_US (60 * UINT64_C(1000000)) /* inspections that were stopped write their reports */

/* Words of the station itself: the first error of an attempt to load is its cause. */
static void take_words(void *context, const json_t *event)
{
	struct daemon *d = context;
	const char *name = json_string_value(json_object_get(event, "event"));
	const char *text = json_string_value(json_object_get(event, "text"));

	if (!name || !text)
		return;
	if (strcmp(name, "error") != 0) {
		log_warning("%s", text);
		return;
	}
	log_error("%s", text);
	if (d->words)
		return;
	d->words = fold_text(text);
	d->words_trouble = trouble_find(json_string_value(json_object_get(event, "code")));
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
	station_load(context);
	return 0;
}

static int on_end_late(sd_event_source *source, uint64_t usec, void *context)
{
	log_error("an inspection does not end; it is recorded as aborted at the next start");
	return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int on_terminate(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
	struct daemon *d = context;
	uint64_t now;

	if (d->is_ending)
		return 0;
	d->is_ending = true;
	(void)sd_notify(0, "STOPPING=1"); /* nothing to be done about a manager that does not listen */
	control_touch(d->control, CONTROL_STATION);
	for (size_t k = 0; k < d->media_count; k++)
		if (d->media[k]->pid > 0)
			media_cancel(d->media[k]);
	review_stop(d);
	if ((media_running(d) == 0 && !review_is_running(d)) || sd_event_now(d->loop, CLOCK_MONOTONIC, &now) < 0 ||
	    sd_event_add_time(d->loop, NULL, CLOCK_MONOTONIC, now + END_US, 0, on_end_late, d) < 0)
		return sd_event_exit(d->loop, 0);
	return 0;
}

static int on_tick(sd_event_source *source, uint64_t usec, void *context)
{
	struct daemon *d = context;

	if (d->is_trail_lost && !d->next)
		station_load(d); /* perhaps it can be written again */
	station_tick(d);
	sets_tick(d);
	devices_tick(d);
	archive_tick(d);
	sessions_tick(d);
	review_tick(d);
	trail_tick(d);
	selfcheck_tick(d);
	restart_tick(d);
	setup_tick(d);
	media_schedule(d);
	control_touch(d->control, CONTROL_STATION);
	if (sd_event_source_set_time(source, usec + TICK_US) < 0 || sd_event_source_set_enabled(source, SD_EVENT_ONESHOT) < 0)
		log_error("the clock of the station stopped"); /* the queue then moves only when something happens */
	return 0;
}

static int block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	/* inspections hear them (child.c), and must not die of one that comes before they listen */
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -errno;
	return 0;
}

static int open_loop(struct daemon *d)
{
	uint64_t now;
	int r = block_signals();

	if (r == 0)
		r = sd_event_new(&d->loop);
	if (r >= 0)
		r = sd_event_add_signal(d->loop, NULL, SIGTERM, on_terminate, d);
	if (r >= 0)
		r = sd_event_add_signal(d->loop, NULL, SIGINT, on_terminate, d);
	if (r >= 0)
		r = sd_event_add_signal(d->loop, NULL, SIGHUP, on_hangup, d);
	if (r >= 0)
		r = sd_event_now(d->loop, CLOCK_MONOTONIC, &now);
	if (r >= 0)
		r = sd_event_add_time(d->loop, &d->tick, CLOCK_MONOTONIC, now + TICK_US, 0, on_tick, d);
	if (r >= 0)
		r = sd_event_set_watchdog(d->loop, 1); /* only where the manager asks for it */
	return r < 0 ? r : 0;
}

int daemon_run(const char *dir, const char *selfcheck, const char *machine)
{
	struct daemon d = { .usb = json_array(), .machine = machine };
	_cleanup_free_ char *real = realpath(dir, NULL);
	int r;

	d.dir = real ? real : dir; /* a station that is not there: told when it is loaded */
	d.events = events_new_sink(take_words, &d);
	r = d.usb && d.events ? open_loop(&d) : -ENOMEM;
	if (r == 0)
		r = requests_open(&d);
	if (r == 0)
		r = selfcheck_open(&d, selfcheck);
	if (r == 0)
		r = monitor_start(&d);
	if (r == 0) {
		station_load(&d);
		r = sd_event_loop(d.loop);
	}
	media_done(&d);
	machine_done(&d);
	devices_done(&d);
	if (d.control)
		archive_done(&d);
	d.control = control_server_free(d.control);
	selfcheck_done(&d);
	sessions_done(&d);
	review_done(&d);
	station_audit(&d, "station-stopped", json_object());
	monitor_done(&d);
	station_done(&d);
	d.events = events_free(d.events);
	d.loop = sd_event_unref(d.loop);
	if (r < 0)
		log_error("err=%s: %s", errno_name(r), strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
