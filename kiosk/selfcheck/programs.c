/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What runs, and as whom; what could become root. Names of programs are what they call themselves: this finds what somebody installed or
 * forgot, not who hides. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "selfcheck/read.h"
#include "selfcheck/selfcheck.h"

#define DEPTH_MAX   32
#define ENTRIES_MAX 1000000

/* Whole names, or beginnings that end with '*'. */
static bool is_among(const char *name, const char *const *list)
{
	for (; *list; list++) {
		size_t size = strlen(*list);

		if ((*list)[size - 1] == '*' ? strncmp(name, *list, size - 1) == 0 : strcmp(name, *list) == 0)
			return true;
	}
	return false;
}

static void add_name(char *words, size_t size, const char *name)
{
	if (strlen(words) + strlen(name) + 3 < size)
		(void)snprintf(words + strlen(words), size - strlen(words), "%s%s", words[0] ? ", " : "", name);
}

/* -- processes -------------------------------------------------------------------------------------------------- */

struct census {
	size_t processes, found;
	char words[256];
	bool (*is_wanted)(const struct process_status *s);
	bool wants_terminal; /* those alone that have one */
	bool excuses_units;  /* but those that run for a unit of the station */
};

/* In the control group of a service whose name begins with lazaret (cgroups(7), proc_pid_cgroup(5)): what the station's own units start is known by
 * them, whatever it is called. 1, 0, or a negative errno; -ESRCH: it has ended. */
static int is_of_unit(const struct system *sys, const char *pid)
{
	_cleanup_free_ char *text = NULL;
	char name[300];
	char *group, *unit;
	size_t size;
	int r;

	(void)snprintf(name, sizeof(name), "%s/cgroup", pid);
	r = read_at(sys->proc, name, &text, &size);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	group = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	if (!group)
		return 0;
	group += strcspn(group, "/");
	group[strcspn(group, "\n")] = '\0';
	unit = strrchr(group, '/');
	size = strlen(group);
	return unit && strncmp(unit, "/lazaret", 8) == 0 && size > 8 && strcmp(group + size - 8, ".service") == 0;
}

static int take_process(const struct system *sys, const char *pid, struct census *c)
{
	_cleanup_free_ char *text = NULL;
	struct process_status s;
	char name[300];
	size_t size;
	int r;

	(void)snprintf(name, sizeof(name), "%s/status", pid);
	r = read_at(sys->proc, name, &text, &size);
	if (r == -ENOENT || r == -ESRCH) /* it has ended */
		return 0;
	if (r == 0)
		r = status_parse(text, &s);
	if (r < 0)
		return r;
	c->processes++;
	if (!c->is_wanted(&s))
		return 0;
	if (c->wants_terminal) {
		_cleanup_free_ char *stat = NULL;

		(void)snprintf(name, sizeof(name), "%s/stat", pid);
		r = read_at(sys->proc, name, &stat, &size);
		if (r == 0)
			r = stat_has_terminal(stat);
		if (r <= 0)
			return r == -ENOENT || r == -ESRCH ? 0 : r;
	}
	if (c->excuses_units) {
		r = is_of_unit(sys, pid);
		if (r != 0)
			return r == -ESRCH || r > 0 ? 0 : r;
	}
	c->found++;
	add_name(c->words, sizeof(c->words), s.name);
	return 0;
}

static int look_at_processes(const struct system *sys, struct census *c)
{
	_cleanup_(closedir_p) DIR *dir = opendir(sys->proc);
	int r = dir ? 0 : -errno;

	for (struct dirent *e; r == 0 && (e = readdir(dir));)
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9')
			r = take_process(sys, e->d_name, c);
	return r;
}

/* "(smbd)" is systemd, about to start smbd. */
static void strip_parentheses(const char *name, char *ret, size_t size)
{
	size_t length = strlen(name);
	bool has = length > 2 && name[0] == '(' && name[length - 1] == ')';

	(void)snprintf(ret, size, "%.*s", (int)(has ? length - 2 : length), has ? name + 1 : name);
}

static bool is_unknown_root(const struct process_status *s)
{
	static const char *const known[] = { "systemd*", "(sd-*", "(systemd*", "(udev-worker)", "lazaret*", "init", "dbus-daemon", "dbus-broker*",
					     "smbd*", "nmbd", "winbindd", "samba*", "ganesha.nfsd", "rpcbind", "sshd*", "plymouthd", "agetty", NULL };

	char name[sizeof(s->name)];

	strip_parentheses(s->name, name, sizeof(name));
	return s->euid == 0 && !s->is_kernel && !is_among(s->name, known) && !is_among(name, known);
}

void check_ROOT_PROGRAMS(const struct system *sys, struct said *said)
{
	struct census c = { .is_wanted = is_unknown_root, .excuses_units = true };
	int r = look_at_processes(sys, &c);

	if (r < 0)
		say_wrong(said, "/proc: %s", strerror(-r));
	else if (c.found > 0)
		say_wrong(said, "%zu: %s", c.found, c.words);
	else
		say_ok(said, "%zu processes, none unknown among root's", c.processes);
}

static bool is_login(const struct process_status *s)
{
	static const char *const ways[] = { "agetty", "getty", "mgetty", "login", "dropbear", "telnetd", "in.telnetd", "rlogind", "rshd",
					    "gdm*", "lightdm", "sddm", "xrdp", NULL };

	return !s->is_kernel && is_among(s->name, ways);
}

/* Scripts of the system's own have no terminal. */
static bool is_shell(const struct process_status *s)
{
	static const char *const shells[] = { "bash", "sh", "dash", "zsh", "ksh*", "-bash", "-sh", "busybox", NULL };

	return !s->is_kernel && is_among(s->name, shells);
}

static bool is_ssh(const struct process_status *s)
{
	return !s->is_kernel && strncmp(s->name, "sshd", 4) == 0;
}

/* The share's SFTP is an sshd of its own, without a shell (docs/share.md). */
void check_LOGINS(const struct system *sys, struct said *said)
{
	const struct station_share *share = &sys->config->share;
	struct census logins = { .is_wanted = is_login }, ssh = { .is_wanted = is_ssh }, shells = { .is_wanted = is_shell, .wants_terminal = true };
	bool has_sftp = share->interface && share->is_on[SHARE_SFTP];
	int r = look_at_processes(sys, &logins);

	if (r == 0)
		r = look_at_processes(sys, &ssh);
	if (r == 0)
		r = look_at_processes(sys, &shells);
	if (r < 0)
		say_wrong(said, "/proc: %s", strerror(-r));
	else if (logins.found > 0)
		say_wrong(said, "running: %s", logins.words);
	else if (shells.found > 0)
		say_wrong(said, "on a terminal: %s", shells.words);
	else if (ssh.found > 0 && !has_sftp)
		say_wrong(said, "running: %s", ssh.words);
	else
		say_ok(said, "no getty, no shell on a terminal%s", has_sftp ? "; sshd for the share alone" : ", no sshd");
}

/* -- setuid ----------------------------------------------------------------------------------------------------- */

struct setuid {
	size_t entries, found;
	char words[256];
};

/* What Debian's essential and required packages bring, and what lazaret depends on. */
static const char *const debian[] = { "su", "mount", "umount", "passwd", "chsh", "chfn", "newgrp", "gpasswd", "chage", "expiry", "unix_chkpwd",
				      "fusermount3", "ntfs-3g", "dbus-daemon-launch-helper", NULL };

static int walk(int dir_fd, const char *name, unsigned int depth, struct setuid *s)
{
	_cleanup_close_ int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_(closedir_p) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int r = 0;

	if (!dir)
		return errno == ENOENT || errno == ELOOP || errno == ENOTDIR ? 0 : -errno;
	fd = -EBADF; /* owned by dir */
	for (struct dirent *e; r == 0 && (e = readdir(dir));) {
		struct stat st;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (++s->entries > ENTRIES_MAX || depth > DEPTH_MAX)
			return -E2BIG;
		if (e->d_type == DT_DIR) {
			r = walk(dirfd(dir), e->d_name, depth + 1, s);
		} else if (e->d_type != DT_LNK && fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
			   st.st_mode & (S_ISUID | S_ISGID) && !is_among(e->d_name, debian)) {
			s->found++;
			add_name(s->words, sizeof(s->words), e->d_name);
		}
	}
	return r;
}

/* A file system that can be written, and where a setuid program would count. */
static int take_mount(void *context, const char *line, size_t size)
{
	static const char *const none[] = { "proc", "sysfs", "cgroup*", "devpts", "securityfs", "efivarfs", "bpf", "debugfs", "tracefs",
					    "configfs", "fusectl", "mqueue", "hugetlbfs", "pstore", "autofs", "binfmt_misc", "rpc_pipefs", "nsfs",
					    "selinuxfs", NULL };
	struct setuid *s = context;
	struct mount m;
	int r = mount_parse(line, size, &m);

	if (r < 0 || is_among(m.type, none) || mount_has(m.options, "nosuid") || mount_has(m.options, "ro") || mount_has(m.super, "ro"))
		return r;
	s->found++;
	add_name(s->words, sizeof(s->words), m.point);
	return 0;
}

void check_SETUID(const struct system *sys, struct said *said)
{
	_cleanup_free_ char *mounts = NULL;
	struct setuid files = { 0 }, places = { 0 };
	size_t size;
	int r = sys->is_whole ? walk(AT_FDCWD, sys->usr, 0, &files) : 0; /* it cannot change while the root is read-only */

	if (r == 0)
		r = read_at(sys->proc, "1/mountinfo", &mounts, &size);
	if (r == 0)
		r = lines_each(mounts, take_mount, &places);
	if (r < 0)
		say_wrong(said, "%s, /proc/1/mountinfo: %s", sys->usr, strerror(-r));
	else if (files.found > 0)
		say_wrong(said, "%zu in %s: %s", files.found, sys->usr, files.words);
	else if (places.found > 0)
		say_wrong(said, "writable, and not mounted nosuid: %s", places.words);
	else
		say_ok(said, "none where something can be written; %s%s", sys->usr,
		       sys->is_whole ? " has Debian's own" : " is looked through on demand and once a day");
}
