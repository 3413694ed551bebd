/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What time is it? No step of the station needs a time server, so nothing but the machine itself is asked. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/chain.h"
#include "selfcheck/read.h"
#include "selfcheck/selfcheck.h"

#define SLACK_S	    2	/* a clock that is being adjusted */
#define RTC_APART_S 120 /* it has whole seconds, and drifts while the machine is off */

static void utc(int64_t at, char ret[static 32])
{
	time_t t = (time_t)at;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || strftime(ret, 32, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		(void)snprintf(ret, 32, "?");
}

/* 0: there is no record yet. */
static int newest_record(const struct system *sys, int64_t *ret)
{
	_cleanup_close_ int dir_fd = open(sys->config->audit_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int fd = dir_fd < 0 ? -EBADF : chain_open(dir_fd, CHAIN_FILE);
	struct chain_tail tail;
	int r;

	*ret = 0;
	if (fd < 0)
		return dir_fd < 0 ? -errno : fd == -ENOENT ? 0 : fd;
	r = chain_tail_find(fd, NULL, &tail, NULL);
	if (r == 0)
		*ret = tail.time;
	return r == -ENODATA ? 0 : r;
}

/* The software cannot have been made after now, and a record cannot come from the future. Both are seconds of this machine. */
void check_CLOCK(const struct system *sys, struct said *said)
{
	char now[32], then[32], name[64];
	struct stat st;
	int64_t newest = 0;
	int r;

	(void)snprintf(name, sizeof(name), "%s/self/exe", sys->proc);
	utc(sys->now, now);
	r = stat(name, &st) < 0 ? -errno : newest_record(sys, &newest);
	if (r < 0) {
		say_wrong(said, "this program's file or the audit trail: %s", strerror(-r));
	} else if (sys->now + SLACK_S < st.st_mtim.tv_sec) {
		utc(st.st_mtim.tv_sec, then);
		say_wrong(said, "it is %s, and the software was made %s", now, then);
	} else if (sys->now + SLACK_S < newest) {
		utc(newest, then);
		say_wrong(said, "it is %s, and the newest audit record was made %s", now, then);
	} else {
		say_ok(said, "%s", now);
	}
}

/* /etc/adjtime, third line: a clock that keeps local time cannot be compared without knowing the zone's history. */
static bool is_local(const struct system *sys)
{
	_cleanup_free_ char *text = NULL;
	size_t size;

	return read_at(sys->etc, "adjtime", &text, &size) == 0 && strstr(text, "\nLOCAL");
}

void check_RTC(const struct system *sys, struct said *said)
{
	char line[32], *end;
	long long at, apart;
	int r = read_line(sys->sys, "class/rtc/rtc0/since_epoch", line, sizeof(line));

	if (r < 0) {
		say_none(said, "this machine has no battery-backed clock, or one that cannot be read: %s", strerror(-r));
		return;
	}
	at = strtoll(line, &end, 10);
	apart = at > sys->now ? at - sys->now : sys->now - at;
	if (end == line || *end)
		say_wrong(said, "rtc0: not understood");
	else if (is_local(sys))
		say_none(said, "it keeps local time (/etc/adjtime)");
	else if (apart > RTC_APART_S)
		say_wrong(said, "%lld s apart: hwclock --systohc, when the time is right; a battery that is empty?", apart);
	else
		say_ok(said, "%lld s apart", apart);
}
