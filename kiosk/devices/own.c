/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "devices/own.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "common/fd.h"
#include "devices/sysfs.h"
#include "devices/usb_policy.h"

#define SLAVES_DEEP_MAX 8 /* file system on LUKS on LVM on RAID, and some */

static int add_port(struct own *o, const char *path)
{
	char *const copy = strdup(path);
	char *at = copy, *part, *last = NULL;
	size_t n = 0;

	if (!copy)
		return -ENOMEM;
	while ((part = strsep(&at, "/")))
		if (usb_port_valid(part))
			last = part; /* the innermost: hubs come before it */
	while (last && o->ports[n] && strcmp(o->ports[n], last) != 0)
		n++;
	if (last && !o->ports[n])
		o->ports[n] = strdup(last); /* at most one a disk, hence room */
	free(copy);
	return last && !o->ports[n] ? -ENOMEM : 0;
}

/* `path`: of a whole disk in /sys. */
static int add_disk(struct own *o, const char *path)
{
	struct own_disk *d = &o->disks[o->count];
	const char *name = strrchr(path, '/') + 1;
	uint64_t diskseq = sysfs_number(path, "diskseq", 10, 0);

	if (own_has(o, name, diskseq))
		return 0;
	if (o->count == OWN_MAX)
		return -E2BIG;
	(void)snprintf(d->name, sizeof(d->name), "%s", name); /* the kernel's names have at most 31 bytes */
	d->diskseq = diskseq;
	o->count++;
	return add_port(o, path);
}

static int add_device(struct own *o, const char *number, int deep);

/* What a mapping is made of. */
static int add_slaves(struct own *o, const char *path, int deep)
{
	char dir_path[SYSFS_PATH_MAX];
	_cleanup_(closedir_p) DIR *dir = NULL;
	struct dirent *entry;
	int r = 0;

	if (snprintf(dir_path, sizeof(dir_path), "%s/slaves", path) >= (int)sizeof(dir_path))
		return -ENAMETOOLONG;
	dir = opendir(dir_path);
	while (dir && r == 0 && (entry = readdir(dir))) {
		char number[32], attribute[300];

		(void)snprintf(attribute, sizeof(attribute), "%s/dev", entry->d_name);
		if (entry->d_name[0] != '.' && sysfs_text(dir_path, attribute, number, sizeof(number)) == 0)
			r = add_device(o, number, deep + 1);
	}
	return r;
}

/* `number`: "8:1", a disk or a partition. What is no block device (anonymous numbers of file systems) is none of ours. */
static int add_device(struct own *o, const char *number, int deep)
{
	char link[64], path[PATH_MAX];
	int r;

	(void)snprintf(link, sizeof(link), "/sys/dev/block/%s", number);
	if (deep > SLAVES_DEEP_MAX || !realpath(link, path))
		return 0;
	if (sysfs_number(path, "partition", 10, 0) > 0)
		*strrchr(path, '/') = '\0';
	r = add_disk(o, path);
	return r < 0 ? r : add_slaves(o, path, deep);
}

static int add_node(struct own *o, const char *node)
{
	char number[32];
	struct stat st;

	if (strncmp(node, "/dev/", 5) != 0 || stat(node, &st) < 0 || !S_ISBLK(st.st_mode))
		return 0;
	(void)snprintf(number, sizeof(number), "%u:%u", major(st.st_rdev), minor(st.st_rdev));
	return add_device(o, number, 0);
}

/* proc_pid_mountinfo(5): ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [FIELD...] - TYPE SOURCE OPTIONS. Number and source both: btrfs
 * has numbers of its own, a source may have been renamed. */
static int add_mount(struct own *o, char *line)
{
	char number[32], *dash = strstr(line, " - "), *source;
	int r = 0;

	if (sscanf(line, "%*s %*s %31s", number) == 1)
		r = add_device(o, number, 0);
	source = dash ? strchr(dash + 3, ' ') : NULL;
	if (r < 0 || !source)
		return r;
	source++;
	source[strcspn(source, " \n")] = '\0';
	return add_node(o, source);
}

static int add_swap(struct own *o, char *line)
{
	line[strcspn(line, " \t\n")] = '\0';
	return add_node(o, line);
}

static int read_lines(struct own *o, const char *path, int (*take)(struct own *o, char *line))
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	int r = 0;

	if (!f)
		return errno == ENOENT ? 0 : -errno; /* a kernel without swap */
	while (r == 0 && getline(&line, &size, f) > 0)
		r = take(o, line);
	return r == 0 && ferror(f) ? -EIO : r;
}

int own_find(struct own *ret)
{
	int r;

	*ret = (struct own){ 0 };
	r = read_lines(ret, "/proc/self/mountinfo", add_mount);
	if (r == 0)
		r = read_lines(ret, "/proc/swaps", add_swap);
	if (r < 0)
		own_done(ret);
	return r;
}

void own_done(struct own *o)
{
	for (char **p = o->ports; *p; p++)
		free(*p);
	*o = (struct own){ 0 };
}

bool own_has(const struct own *o, const char *name, uint64_t diskseq)
{
	for (size_t i = 0; i < o->count; i++)
		if (strcmp(o->disks[i].name, name) == 0 && o->disks[i].diskseq == diskseq)
			return true;
	return false;
}
