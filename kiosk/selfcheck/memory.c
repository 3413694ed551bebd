/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What of the memory may reach a disk, or another program. Keys, passphrases and the contents of files pass through it. */
#include <string.h>

#include "selfcheck/read.h"
#include "selfcheck/selfcheck.h"

void check_CORE_DUMPS(const struct system *sys, struct said *said)
{
	char pattern[512], dumpable[16];
	int r = read_line(sys->proc, "sys/kernel/core_pattern", pattern, sizeof(pattern));

	if (r == 0)
		r = read_line(sys->proc, "sys/fs/suid_dumpable", dumpable, sizeof(dumpable));
	if (r < 0)
		say_wrong(said, "/proc/sys/kernel/core_pattern: %s", strerror(-r));
	else if (strcmp(dumpable, "0") != 0)
		say_wrong(said, "fs.suid_dumpable is %s: privileged programs are dumped", dumpable);
	else if (pattern[0] == '|' && !strstr(pattern, "/bin/false") && !strstr(pattern, "/bin/true"))
		/* a pipe is not held by the limit of zero bytes that the units set */
		say_wrong(said, "kernel.core_pattern hands them to a program: %s", pattern);
	else
		say_ok(said, "none is handed on; the station's own processes have a limit of zero bytes");
}

void check_PTRACE(const struct system *sys, struct said *said)
{
	char scope[16];
	int r = read_line(sys->proc, "sys/kernel/yama/ptrace_scope", scope, sizeof(scope));

	if (r < 0)
		say_wrong(said, "/proc/sys/kernel/yama/ptrace_scope: %s", strerror(-r));
	else if (strcmp(scope, "0") == 0)
		say_wrong(said, "kernel.yama.ptrace_scope is 0");
	else
		say_ok(said, "kernel.yama.ptrace_scope is %s", scope);
}

struct swaps {
	const struct system *sys;
	bool is_header;
	size_t count;
	char clear[128]; /* the first that is not encrypted */
};

/* "/dev/dm-1  partition  ..."; zram is memory, and a mapped device is looked at. */
static int take_swap(void *context, const char *line, size_t size)
{
	struct swaps *s = context;
	size_t n = strcspn(line, " \t\n");
	char path[256], uuid[128], name[128];

	if (s->is_header) {
		s->is_header = false;
		return 0;
	}
	s->count++;
	if (n > 5 && n < sizeof(name) && strncmp(line, "/dev/", 5) == 0) {
		(void)snprintf(name, sizeof(name), "%.*s", (int)(n - 5), line + 5);
		if (strncmp(name, "zram", 4) == 0)
			return 0;
		(void)snprintf(path, sizeof(path), "class/block/%s/dm/uuid", name);
		if (strncmp(name, "dm-", 3) == 0 && read_line(s->sys->sys, path, uuid, sizeof(uuid)) == 0 &&
		    strncmp(uuid, "CRYPT-", 6) == 0 && strncmp(uuid, "CRYPT-VERITY", 12) != 0)
			return 0;
	}
	if (!s->clear[0])
		(void)snprintf(s->clear, sizeof(s->clear), "%.*s", (int)MIN(n, size), line);
	return 0;
}

void check_SWAP(const struct system *sys, struct said *said)
{
	_cleanup_free_ char *text = NULL;
	struct swaps s = { .sys = sys, .is_header = true };
	size_t size;
	int r = read_at(sys->proc, "swaps", &text, &size);

	if (r == 0)
		r = lines_each(text, take_swap, &s);
	if (r == -ENOENT)
		say_ok(said, "this kernel cannot swap");
	else if (r < 0)
		say_wrong(said, "/proc/swaps: %s", strerror(-r));
	else if (s.clear[0])
		say_wrong(said, "%s is not encrypted: what is in memory may be written there in clear", s.clear);
	else
		say_ok(said, "%zu, none of them in clear", s.count);
}
