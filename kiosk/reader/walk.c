/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "reader/walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "common/fd.h"

struct batch_entry {
	uint64_t position; /* bytes on the device, or the inode number: rises with the place on most file systems */
	char *path;
	/* what is needed of its struct stat */
	dev_t dev;
	ino_t ino;
	mode_t mode;
	off_t size;
	struct timespec mtime;
};

struct walker {
	int root_fd;
	const struct walk_limits *limits;
	const struct walk_events *events;
	uint64_t entries;
	bool knows_extents; /* until the file system says that it does not */
	char path[WALK_PATH_MAX + 1];
	size_t path_len;
	struct batch_entry *batch;
	size_t batch_len, batch_capacity;
};

int walk_open(int root_fd, const char *path, uint64_t flags)
{
	struct open_how how = { .flags = flags | O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
					   RESOLVE_NO_XDEV };
	long fd = syscall(SYS_openat2, root_fd, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* Where the file begins on the device: one extent by FIEMAP (Documentation/filesystems/fiemap.rst). */
static uint64_t position_of(struct walker *w, const struct batch_entry *b)
{
	union {
		struct fiemap map;
		uint8_t room[sizeof(struct fiemap) + sizeof(struct fiemap_extent)];
	} query = { .map = { .fm_length = ~0ull, .fm_extent_count = 1 } };
	_cleanup_close_ int fd = -EBADF;

	if (!w->knows_extents)
		return b->ino;
	fd = walk_open(w->root_fd, b->path, 0);
	if (fd < 0)
		return b->ino;
	if (ioctl(fd, FS_IOC_FIEMAP, &query) < 0) {
		w->knows_extents = false;
		return b->ino;
	}
	return query.map.fm_mapped_extents > 0 ? query.map.fm_extents[0].fe_physical : 0;
}

static int by_position(const void *a, const void *b)
{
	const struct batch_entry *x = a, *y = b;

	if (x->position != y->position)
		return x->position < y->position ? -1 : 1;
	return strcmp(x->path, y->path);
}

static int flush(struct walker *w)
{
	int r = 0;

	for (size_t i = 0; i < w->batch_len; i++)
		w->batch[i].position = position_of(w, &w->batch[i]);
	qsort(w->batch, w->batch_len, sizeof(w->batch[0]), by_position);
	for (size_t i = 0; i < w->batch_len; i++) {
		const struct batch_entry *b = &w->batch[i];
		struct stat st = { .st_dev = b->dev, .st_ino = b->ino, .st_mode = b->mode, .st_size = b->size, .st_mtim = b->mtime };

		if (r == 0)
			r = w->events->file(w->events->context, b->path, &st);
		free(b->path);
	}
	w->batch_len = 0;
	return r;
}

/* Where there is no memory for more, the batch stays as large as it is. */
static void grow(struct walker *w)
{
	const size_t capacity = MIN(w->batch_capacity * 2, (size_t)WALK_BATCH_MAX);
	struct batch_entry *more = capacity > w->batch_capacity ? reallocarray(w->batch, capacity, sizeof(*more)) : NULL;

	if (more) {
		w->batch = more;
		w->batch_capacity = capacity;
	}
}

static int add_file(struct walker *w, const struct stat *st)
{
	char *path;
	int r;

	if (w->events->is_unordered)
		return w->events->file(w->events->context, w->path, st);
	path = strdup(w->path);
	if (!path)
		return -ENOMEM;
	w->batch[w->batch_len++] = (struct batch_entry){ .path = path, .dev = st->st_dev, .ino = st->st_ino, .mode = st->st_mode,
							 .size = st->st_size, .mtime = st->st_mtim };
	if (w->batch_len < w->batch_capacity)
		return 0;
	r = flush(w);
	grow(w);
	return r;
}

static int tell(struct walker *w, enum entry_kind kind, const char *detail)
{
	return w->events->other(w->events->context, w->path_len > 0 ? w->path : ".", kind, detail);
}

static int visit_directory(struct walker *w, unsigned int depth);

static int visit(struct walker *w, int dir_fd, const char *name, unsigned int depth)
{
	struct stat st;

	if (++w->entries > w->limits->entries)
		return -E2BIG;
	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
		return tell(w, ENTRY_DIR_TROUBLE, strerror(errno));
	if (S_ISREG(st.st_mode))
		return add_file(w, &st);
	if (S_ISLNK(st.st_mode))
		return tell(w, ENTRY_SYMLINK, "");
	if (!S_ISDIR(st.st_mode))
		return tell(w, ENTRY_SPECIAL, S_ISFIFO(st.st_mode) ? "FIFO" : S_ISSOCK(st.st_mode) ? "socket" : "device");
	if (depth >= MIN(w->limits->depth, WALK_DEPTH_MAX))
		return tell(w, ENTRY_DIR_TROUBLE, "too many levels of directories");
	return visit_directory(w, depth + 1);
}

/* One entry of the directory at w->path; the path is put back afterwards. `*trouble` is what to say of the directory. */
static int visit_entry(struct walker *w, int dir_fd, const char *name, unsigned int depth, const char **trouble)
{
	size_t before = w->path_len, len = strlen(name);
	int r;

	/* A corrupt file system may hand out a name with a slash; the kernel checks, FUSE may not. */
	if (len == 0 || strchr(name, '/')) {
		*trouble = "an entry in here has an impossible name";
		return 0;
	}
	if (before + 1 + len > WALK_PATH_MAX) {
		*trouble = "an entry in here has a path that is too long";
		return 0;
	}
	if (before > 0)
		w->path[w->path_len++] = '/';
	memcpy(w->path + w->path_len, name, len + 1);
	w->path_len += len;
	r = visit(w, dir_fd, name, depth);
	w->path_len = before;
	w->path[before] = '\0';
	return r;
}

static bool is_dot(const char *name)
{
	return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

static int visit_directory(struct walker *w, unsigned int depth)
{
	int fd = walk_open(w->root_fd, w->path_len > 0 ? w->path : ".", O_DIRECTORY);
	_cleanup_(closedir_p) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const char *trouble = NULL; /* told once a directory, however much there is: its path must stand in the report once */
	struct dirent *entry;

	if (!dir)
		return tell(w, ENTRY_DIR_TROUBLE, strerror(fd < 0 ? -fd : errno));
	while ((errno = 0, entry = readdir(dir))) {
		int r = is_dot(entry->d_name) ? 0 : visit_entry(w, dirfd(dir), entry->d_name, depth, &trouble);

		if (r != 0)
			return r;
	}
	if (errno != 0)
		trouble = strerror(errno);
	return trouble ? tell(w, ENTRY_DIR_TROUBLE, trouble) : 0;
}

int walk(int root_fd, const struct walk_limits *limits, const struct walk_events *events)
{
	_cleanup_free_ struct walker *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	*w = (struct walker){ .root_fd = root_fd, .limits = limits, .events = events, .knows_extents = true };
	w->batch_capacity = WALK_BATCH_MIN;
	w->batch = calloc(w->batch_capacity, sizeof(w->batch[0]));
	if (!w->batch)
		return -ENOMEM;
	r = visit_directory(w, 0);
	/* At the limit, what was found before it is still read and reported. */
	if (r == 0 || r == -E2BIG) {
		int f = flush(w);

		r = f != 0 ? f : r;
	}
	for (size_t i = 0; i < w->batch_len; i++)
		free(w->batch[i].path);
	free(w->batch);
	return r;
}
