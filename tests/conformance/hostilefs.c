/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A file system that lies, for the conformance suite: what a broken or malicious medium can do between two looks.
 *
 *   hostilefs SCENARIO MOUNTPOINT     stays in the foreground; end it with SIGTERM
 *
 *   files    one file a behaviour, in the root directory; behaviours are the table below
 *   twice    the root directory lists one name two times
 *   slash    the root directory lists a name with a slash in it
 *   endless  the root directory never ends
 *   deep     each directory holds a file and another directory, without end
 *   broken   the directory "torn" gives an error after its first entry, "shut" cannot be opened
 *   hang     reading "slow.bin" is never answered
 *
 * Nothing is cached by the kernel: each look reaches this program.
 */
#define FUSE_USE_VERSION 31

#include <errno.h>
#include <fuse.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define KIB 1024
#define MIB (1024 * KIB)
#define LINE "All of these lines are harmless, and so is the file.\n"
#define MTIME 1767225600 /* 2026-01-01 */

enum behaviour {
	GOOD,
	EIO_AT_ONCE,   /* the first read fails */
	EIO_LATER,     /* a read in the middle fails */
	EIO_ON_OPEN,
	NO_STAT,       /* listed, but cannot be looked at */
	FORBIDDEN,     /* EACCES for everybody */
	GROWS,	       /* larger at each look */
	SHRINKS,       /* smaller once it was opened */
	SHORT,	       /* ends before its size, which stays */
	TOUCHED,       /* another time of change after reading */
	SWAPPED,       /* a file in the directory, a FIFO when it is opened */
	OTHER_INODE,   /* another file when it is opened */
	TWO_FACED,     /* harmless when read first, the test virus when read again */
	ENORMOUS,      /* claims an exbibyte */
	NEVER,	       /* reading does not return */
};

struct file {
	const char *name;
	enum behaviour behaviour;
	off_t size;
	unsigned int looks, opens, reads;
};

static struct file files[] = {
	{ "good.txt", GOOD, 60 * KIB, 0, 0, 0 },	{ "eio-at-once.txt", EIO_AT_ONCE, 60 * KIB, 0, 0, 0 },
	{ "eio-later.txt", EIO_LATER, 3 * MIB, 0, 0, 0 }, { "eio-on-open.txt", EIO_ON_OPEN, 60 * KIB, 0, 0, 0 },
	{ "no-stat.txt", NO_STAT, 0, 0, 0, 0 },		{ "forbidden.txt", FORBIDDEN, 60 * KIB, 0, 0, 0 },
	{ "grows.txt", GROWS, 60 * KIB, 0, 0, 0 },	{ "shrinks.txt", SHRINKS, 3 * MIB, 0, 0, 0 },
	{ "short.txt", SHORT, 3 * MIB, 0, 0, 0 },	{ "touched.txt", TOUCHED, 60 * KIB, 0, 0, 0 },
	{ "swapped.txt", SWAPPED, 60 * KIB, 0, 0, 0 },	{ "other-inode.txt", OTHER_INODE, 60 * KIB, 0, 0, 0 },
	{ "two-faced.txt", TWO_FACED, 60 * KIB, 0, 0, 0 }, { "enormous.txt", ENORMOUS, (off_t)1 << 60, 0, 0, 0 },
	{ "last.txt", GOOD, 60 * KIB, 0, 0, 0 },
};

static const char *scenario;
static struct file slow = { "slow.bin", NEVER, 60 * KIB, 0, 0, 0 };
static struct file plain = { "plain.txt", GOOD, 60 * KIB, 0, 0, 0 };

static bool is_scenario(const char *name)
{
	return strcmp(scenario, name) == 0;
}

static struct file *find(const char *path)
{
	const char *name = strrchr(path, '/') + 1;

	if (is_scenario("hang") && strcmp(name, slow.name) == 0)
		return &slow;
	if (strcmp(name, plain.name) == 0 || strncmp(name, "entry-", 6) == 0)
		return &plain;
	for (size_t i = 0; is_scenario("files") && i < sizeof(files) / sizeof(files[0]); i++)
		if (strcmp(name, files[i].name) == 0)
			return &files[i];
	return NULL;
}

static bool is_directory(const char *path)
{
	const char *name = strrchr(path, '/') + 1;

	return *name == '\0' || strcmp(name, "d") == 0 || strcmp(name, "torn") == 0 || strcmp(name, "shut") == 0;
}

static int stat_file(struct file *f, struct stat *st)
{
	bool is_later = f->opens > 0;

	f->looks++;
	st->st_mode = S_IFREG | 0644;
	st->st_nlink = 1;
	st->st_size = f->size;
	st->st_mtim.tv_sec = MTIME;
	if (f->behaviour == NO_STAT)
		return -EIO;
	if (f->behaviour == FORBIDDEN)
		st->st_mode = S_IFREG;
	if (f->behaviour == GROWS)
		st->st_size += (off_t)f->looks;
	if (f->behaviour == SHRINKS && is_later)
		st->st_size /= 2;
	if (f->behaviour == TOUCHED && f->reads > 0)
		st->st_mtim.tv_sec++;
	if (f->behaviour == SWAPPED && f->looks > 1)
		st->st_mode = S_IFIFO | 0644;
	if (f->behaviour == OTHER_INODE && is_later)
		st->st_mtim.tv_nsec = 1;
	return 0;
}

static int on_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
	struct file *f = find(path);

	(void)fi;
	memset(st, 0, sizeof(*st));
	if (f)
		return stat_file(f, st);
	if (!is_directory(path))
		return -ENOENT;
	st->st_mode = S_IFDIR | 0755;
	st->st_nlink = 2;
	st->st_mtim.tv_sec = MTIME;
	return 0;
}

static int on_opendir(const char *path, struct fuse_file_info *fi)
{
	(void)fi;
	return strstr(path, "/shut") ? -EIO : 0;
}

/* `offset` is the number of the entry to go on with. */
static int list(void *buffer, fuse_fill_dir_t fill, off_t offset, const char *const *names)
{
	for (off_t i = 0; names[i]; i++)
		if (i >= offset && fill(buffer, names[i], NULL, i + 1, 0) != 0)
			break;
	return 0;
}

static int on_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset, struct fuse_file_info *fi,
		      enum fuse_readdir_flags flags)
{
	(void)fi;
	(void)flags;
	if (strstr(path, "/torn"))
		return offset == 0 && fill(buffer, plain.name, NULL, 1, 0) == 0 ? 0 : -EIO;
	if (is_scenario("twice"))
		return list(buffer, fill, offset, (const char *[]){ "plain.txt", "entry-1", "plain.txt", "entry-2", NULL });
	if (is_scenario("slash"))
		return list(buffer, fill, offset, (const char *[]){ "plain.txt", "../../x", "entry-1", NULL });
	if (is_scenario("deep"))
		return list(buffer, fill, offset, (const char *[]){ "plain.txt", "d", NULL });
	if (is_scenario("broken"))
		return list(buffer, fill, offset, (const char *[]){ "plain.txt", "torn", "shut", "entry-1", NULL });
	if (is_scenario("hang"))
		return list(buffer, fill, offset, (const char *[]){ "plain.txt", "slow.bin", NULL });
	if (is_scenario("endless"))
		for (char name[32]; snprintf(name, sizeof(name), "entry-%lld", (long long)offset) > 0;)
			if (fill(buffer, name, NULL, ++offset, 0) != 0)
				return 0;
	for (size_t i = (size_t)offset; i < sizeof(files) / sizeof(files[0]); i++)
		if (fill(buffer, files[i].name, NULL, (off_t)i + 1, 0) != 0)
			break;
	return 0;
}

static int on_open(const char *path, struct fuse_file_info *fi)
{
	struct file *f = find(path);

	if (!f)
		return -ENOENT;
	if (f->behaviour == EIO_ON_OPEN)
		return -EIO;
	if (f->behaviour == FORBIDDEN)
		return -EACCES;
	f->opens++;
	fi->direct_io = 1;
	return 0;
}

static void fill_text(char *data, size_t size, off_t offset)
{
	for (size_t i = 0; i < size; i++)
		data[i] = LINE[((size_t)offset + i) % (sizeof(LINE) - 1)];
}

/* Put together here, so that neither this file nor the program holds the test virus. */
static void fill_virus(char *data, size_t size, off_t offset)
{
	static const char *const parts[] = { "X5O!P%@AP[4\\PZX54(P^)7CC)7}$", "EICAR-STANDARD-", "ANTIVIRUS-TEST-FILE!$H+H*" };
	char virus[80];

	(void)snprintf(virus, sizeof(virus), "%s%s%s", parts[0], parts[1], parts[2]);
	fill_text(data, size, offset);
	if (offset == 0 && size > strlen(virus))
		memcpy(data, virus, strlen(virus));
}

static int on_read(const char *path, char *data, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct file *f = find(path);
	off_t end;

	(void)fi;
	if (!f)
		return -ENOENT;
	end = f->behaviour == SHRINKS || f->behaviour == SHORT ? f->size / 2 : f->size;
	if (f->behaviour == NEVER)
		for (;;)
			(void)pause();
	if (f->behaviour == EIO_AT_ONCE || (f->behaviour == EIO_LATER && offset >= MIB))
		return -EIO;
	if (offset >= end)
		return 0;
	if ((off_t)size > end - offset)
		size = (size_t)(end - offset);
	if (f->behaviour == TWO_FACED && offset == 0 && f->reads > 0)
		fill_virus(data, size, offset);
	else
		fill_text(data, size, offset);
	f->reads++;
	return (int)size;
}

static void *on_init(struct fuse_conn_info *connection, struct fuse_config *config)
{
	(void)connection;
	config->kernel_cache = 0;
	config->entry_timeout = config->attr_timeout = config->negative_timeout = 0;
	return NULL;
}

static const struct fuse_operations operations = {
	.init = on_init, .getattr = on_getattr, .opendir = on_opendir, .readdir = on_readdir, .open = on_open, .read = on_read,
};

int main(int argc, char **argv)
{
	/* One thread: a read that never returns must not stop the others, but then there is nothing else to answer. */
	char *fuse_argv[7] = { argv[0], (char *)"-f", (char *)"-s", (char *)"-o", (char *)"ro,allow_other" };

	if (argc != 3) {
		(void)fprintf(stderr, "usage: hostilefs SCENARIO MOUNTPOINT\n");
		return 64;
	}
	scenario = argv[1];
	if (getuid() != 0)
		fuse_argv[4] = (char *)"ro"; /* the reader has our own account then */
	fuse_argv[5] = argv[2];
	return fuse_main(6, fuse_argv, &operations, NULL);
}
