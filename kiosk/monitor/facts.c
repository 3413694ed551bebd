/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "monitor/facts.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "common/chain.h"
#include "common/fd.h"

const char *facts_directory_name(enum facts_directory d)
{
	static const char *const names[] = { "spool", "staging", "audit", "reports" };

	return names[d];
}

static void look_at_room(const char *path, struct facts *f, enum facts_directory d)
{
	struct statvfs fs;

	if (statvfs(path, &fs) < 0)
		return;
	f->directories[d].is_known = true;
	f->directories[d].free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	f->directories[d].size_bytes = (uint64_t)fs.f_blocks * fs.f_frsize;
}

/* The number of the last whole line. A torn end is passed over, as the ledger does. */
static int last_seq(int fd, off_t size, uint64_t *ret)
{
	off_t from = MAX(size - (off_t)(2 * CHAIN_LINE_MAX), 0);
	size_t room = (size_t)(size - from);
	_cleanup_free_ char *text = malloc(room + 1);
	ssize_t n = text ? pread(fd, text, room, from) : -1;
	char *end = n > 0 ? memrchr(text, '\n', (size_t)n) : NULL;

	while (end) {
		char *start = memrchr(text, '\n', (size_t)(end - text));
		char *line = start ? start + 1 : text;
		struct chain_record record;
		const char *why;

		if (chain_line_parse(line, (size_t)(end - line), &record, &why) == 0) {
			*ret = record.seq;
			chain_record_done(&record);
			return 0;
		}
		end = start;
	}
	return -ENODATA;
}

static void look_at_trail(const char *path, struct facts *f)
{
	_cleanup_close_ int dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int fd = dir_fd < 0 ? -EBADF : openat(dir_fd, CHAIN_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_(closedir_p) DIR *dir = NULL;
	struct stat st;
	uint64_t seq;

	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	f->has_trail = last_seq(fd, st.st_size, &seq) == 0;
	f->trail_records = f->has_trail ? seq + 1 : 0;
	dir = fdopendir(dir_fd);
	if (!dir)
		return;
	dir_fd = -EBADF; /* owned by dir */
	for (struct dirent *e; (e = readdir(dir));)
		if (strncmp(e->d_name, "audit", 5) == 0 && fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
			f->trail_bytes += (uint64_t)st.st_size;
}

void facts_look(const struct station_config *c, struct facts *ret)
{
	*ret = (struct facts){ 0 };
	look_at_room(c->spool_dir, ret, FACTS_SPOOL);
	look_at_room(c->staging_dir, ret, FACTS_STAGING);
	look_at_room(c->audit_dir, ret, FACTS_AUDIT);
	look_at_room(c->reports_dir, ret, FACTS_REPORTS);
	look_at_trail(c->audit_dir, ret);
}
