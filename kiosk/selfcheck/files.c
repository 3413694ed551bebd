/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Databases, room, file systems. What a disk knows of itself (SMART) is out of reach: it takes raw commands to the device, which
 * nothing here may give. */
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "common/fd.h"
#include "selfcheck/read.h"
#include "selfcheck/selfcheck.h"

#define CVD_HEADER    512 /* "ClamAV-VDB:" and fields with colons between; the ninth is when it was made */
#define CVD_TIME      8
#define SPOOL_FEW     (256 * UINT64_C(1048576)) /* less than the smallest media that are made */
#define TRAIL_STOP    (16 * UINT64_C(1048576))  /* daemon/trail.c begins no medium then */

/* When it was made: of a signed one as it says itself (the examiners verify it), of a pinned one its file's. */
static int made_at(int dir_fd, const struct station_database_file *f, int64_t *ret)
{
	_cleanup_close_ int fd = openat(dir_fd, f->file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char header[CVD_HEADER + 1], *field = header, *end;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	*ret = st.st_mtim.tv_sec;
	if (*f->sha256)
		return 0;
	if (fd_read_exact(fd, header, CVD_HEADER) < 0 || strncmp(header, "ClamAV-VDB:", 11) != 0)
		return -EBADMSG;
	header[CVD_HEADER] = '\0';
	for (unsigned int k = 0; field && k < CVD_TIME; k++) {
		field = strchr(field, ':');
		field = field ? field + 1 : NULL;
	}
	if (!field)
		return -EBADMSG;
	*ret = strtoll(field, &end, 10);
	return end == field ? -EBADMSG : 0;
}

void check_DATABASES(const struct system *sys, struct said *said)
{
	const struct station_database *d = &sys->config->database;
	_cleanup_close_ int fd = open(d->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int64_t oldest = 0, newest_pinned = 0, made;

	if (fd < 0) {
		say_wrong(said, "%s: %s", d->dir, strerror(errno));
		return;
	}
	for (size_t k = 0; k < d->count; k++) {
		int r = made_at(fd, &d->files[k], &made);

		if (r < 0) {
			say_wrong(said, "%s/%s: %s", d->dir, d->files[k].file, strerror(-r));
			return;
		}
		/* pinned ones count together, by the newest (supervisor/engine.c) */
		if (*d->files[k].sha256)
			newest_pinned = MAX(newest_pinned, made);
		else
			oldest = MAX(oldest, sys->now - made);
	}
	if (newest_pinned > 0)
		oldest = MAX(oldest, sys->now - newest_pinned);
	if ((uint64_t)MAX(oldest, 0) >= d->stop_age_s)
		say_wrong(said, "%" PRId64 " days old: nothing is approved (database.stop-age)", oldest / 86400);
	else if ((uint64_t)MAX(oldest, 0) >= d->warn_age_s)
		say_warning(said, "%" PRId64 " days old (database.warn-age)", oldest / 86400);
	else
		say_ok(said, "%zu, at most %" PRId64 " days old", d->count, oldest / 86400);
}

/* -- room --------------------------------------------------------------------------------------------------------- */

static int room_in(const char *path, uint64_t *ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statvfs fs;

	if (fd < 0 || fstatvfs(fd, &fs) < 0)
		return -errno;
	*ret = (uint64_t)fs.f_bavail * fs.f_frsize;
	return 0;
}

void check_ROOM(const struct system *sys, struct said *said)
{
	const struct station_config *c = sys->config;
	const struct {
		const char *name, *path;
		uint64_t stop, warn; /* bytes */
	} places[] = { { "spool", c->spool_dir, 0, MIN(SPOOL_FEW, c->spool_bytes) },
		       { "staging", c->staging_dir, c->staging_min_free, 0 },
		       { "audit trail", c->audit_dir, MIN(TRAIL_STOP, c->trail_warn_free), c->trail_warn_free },
		       { "reports", c->reports_dir, MIN(TRAIL_STOP, c->trail_warn_free), c->trail_warn_free },
		       { "history", c->history_dir, MIN(TRAIL_STOP, c->trail_warn_free), c->trail_warn_free } };
	uint64_t least = UINT64_MAX;
	const char *low = NULL;

	for (size_t k = 0; k < ARRAY_LEN(places); k++) {
		uint64_t room = 0;
		int r = room_in(places[k].path, &room);

		if (r < 0) {
			say_wrong(said, "%s: %s", places[k].path, strerror(-r));
			return;
		}
		if (room <= places[k].stop) {
			say_wrong(said, "%s: %" PRIu64 " MiB left in %s", places[k].name, room >> 20, places[k].path);
			return;
		}
		if (room < places[k].warn && !low)
			low = places[k].name;
		least = MIN(least, room);
	}
	if (low)
		say_warning(said, "%s: little room is left, %" PRIu64 " MiB at least everywhere", low, least >> 20);
	else
		say_ok(said, "%" PRIu64 " MiB at least everywhere", least >> 20);
}

/* -- file systems -------------------------------------------------------------------------------------------------- */

struct place {
	unsigned int major, minor;
	struct mount mount; /* type "": not found */
};

static int take_mount(void *context, const char *line, size_t size)
{
	struct place *p = context;
	struct mount m;
	int r = mount_parse(line, size, &m);

	if (r == 0 && m.major == p->major && m.minor == p->minor)
		p->mount = m;
	return r;
}

/* Errors that ext4 has recorded in its super block; they stay until fsck has mended them. */
static uint64_t errors_of(const struct system *sys, const struct place *p)
{
	char path[PATH_MAX], target[PATH_MAX], count[32], *slash;
	ssize_t n;

	if (strncmp(p->mount.type, "ext", 3) != 0)
		return 0;
	(void)snprintf(path, sizeof(path), "%s/dev/block/%u:%u", sys->sys, p->major, p->minor);
	n = readlinkat(AT_FDCWD, path, target, sizeof(target) - 1);
	if (n <= 0)
		return 0;
	target[n] = '\0';
	slash = strrchr(target, '/');
	if ((size_t)snprintf(path, sizeof(path), "fs/ext4/%s/errors_count", slash ? slash + 1 : target) >= sizeof(path) ||
	    read_line(sys->sys, path, count, sizeof(count)) < 0)
		return 0;
	return strtoull(count, NULL, 10);
}

void check_DISK(const struct system *sys, struct said *said)
{
	const struct station_config *c = sys->config;
	const char *const dirs[] = { c->dir, c->spool_dir, c->staging_dir, c->audit_dir, c->reports_dir, c->history_dir };
	_cleanup_free_ char *mounts = NULL;
	size_t size;
	int r = read_at(sys->proc, "self/mountinfo", &mounts, &size);

	for (size_t k = 0; r == 0 && k < ARRAY_LEN(dirs); k++) {
		struct place p = { 0 };
		struct stat st;
		uint64_t errors;

		if (stat(dirs[k], &st) < 0) {
			say_wrong(said, "%s: %s", dirs[k], strerror(errno));
			return;
		}
		p.major = major(st.st_dev);
		p.minor = minor(st.st_dev);
		r = lines_each(mounts, take_mount, &p);
		/* the station's directory itself is not written to while it runs */
		if (r == 0 && k > 0 && p.mount.type[0] && mount_has(p.mount.super, "ro")) {
			say_wrong(said, "%s: its file system (%s) is read-only, as after an error", dirs[k], p.mount.type);
			return;
		}
		errors = errors_of(sys, &p);
		if (errors > 0) {
			say_wrong(said, "%s: its file system has recorded %" PRIu64 " errors (dmesg; fsck; another disk)", dirs[k], errors);
			return;
		}
	}
	if (r < 0)
		say_wrong(said, "/proc/self/mountinfo: %s", strerror(-r));
	else
		say_ok(said, "writable, no recorded errors; the disk's own state (SMART) is not read");
}
