/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* ext2, ext3 and ext4 by libext2fs, the library of e2fsck, behind the FUSE face: no journal is replayed (the library
 * cannot; fuse2fs, which adds that, may write to the volume for it). Runs as ROLE_DRIVER. */
#include <ext2fs/ext2fs.h>
#include <string.h>
#include <sys/stat.h>

#include "intake/userfs.h"

/* -- the volume's bytes for the library --------------------------------------------------------------------- */

/* The library opens by name and knows no argument: one volume per process. */
static const struct source *the_source;

static errcode_t channel_open(const char *name, int flags, io_channel *ret);

static errcode_t channel_close(io_channel channel)
{
	if (--channel->refcount > 0)
		return 0;
	free(channel->name);
	free(channel);
	return 0;
}

static errcode_t channel_set_blksize(io_channel channel, int size)
{
	if (size < 512 || size > 65536)
		return EXT2_ET_INVALID_ARGUMENT;
	channel->block_size = size;
	return 0;
}

/* A negative count is in bytes. */
static errcode_t channel_read64(io_channel channel, unsigned long long block, int count, void *to)
{
	uint64_t size = count < 0 ? (uint64_t) - (int64_t)count : (uint64_t)count * (uint64_t)channel->block_size;
	uint64_t at;

	if (__builtin_mul_overflow((uint64_t)block, (uint64_t)channel->block_size, &at))
		return EIO;
	return (errcode_t)-source_read(the_source, at, to, size);
}

static errcode_t channel_read(io_channel channel, unsigned long block, int count, void *to)
{
	return channel_read64(channel, block, count, to);
}

static errcode_t channel_write64(io_channel channel, unsigned long long block, int count, const void *from)
{
	return EROFS;
}

static errcode_t channel_write(io_channel channel, unsigned long block, int count, const void *from)
{
	return EROFS;
}

static errcode_t channel_flush(io_channel channel)
{
	return 0;
}

static struct struct_io_manager manager = {
	.magic = EXT2_ET_MAGIC_IO_MANAGER,
	.name = "volume",
	.open = channel_open,
	.close = channel_close,
	.set_blksize = channel_set_blksize,
	.read_blk = channel_read,
	.write_blk = channel_write,
	.flush = channel_flush,
	.read_blk64 = channel_read64,
	.write_blk64 = channel_write64,
};

static errcode_t channel_open(const char *name, int flags, io_channel *ret)
{
	io_channel channel = calloc(1, sizeof(*channel));

	if (!channel)
		return EXT2_ET_NO_MEMORY;
	channel->magic = EXT2_ET_MAGIC_IO_CHANNEL;
	channel->manager = &manager;
	channel->name = strdup(name);
	channel->block_size = 1024;
	channel->refcount = 1;
	*ret = channel;
	return 0;
}

/* -- the file system ------------------------------------------------------------------------------------------- */

/* Numbers below 4096 are errno's own; what the library adds to them means that the volume contradicts itself. */
static int to_errno(errcode_t e)
{
	if (e == 0)
		return 0;
	if (e == EXT2_ET_NO_MEMORY)
		return -ENOMEM;
	return e > 0 && e < 4096 ? -(int)e : -EIO;
}

static int extfs_open(const struct source *source, void **ret_volume, char *words, size_t words_size)
{
	ext2_filsys fs = NULL;
	errcode_t e;

	the_source = source;
	e = ext2fs_open("volume", EXT2_FLAG_64BITS, 0, 0, &manager, &fs);
	if (e != 0) {
		initialize_ext2_error_table();
		(void)snprintf(words, words_size, "libext2fs: %s", error_message(e));
		return to_errno(e) == -EIO ? -EINVAL : to_errno(e);
	}
	if (ext2fs_has_feature_journal_needs_recovery(fs->super))
		(void)snprintf(words, words_size, "it was not unmounted when last used; its journal is not replayed");
	*ret_volume = fs;
	return 0;
}

static ext2_ino_t inode_of(uint64_t node)
{
	return node == USERFS_ROOT ? EXT2_ROOT_INO : (ext2_ino_t)node;
}

static int read_inode(ext2_filsys fs, uint64_t node, struct ext2_inode *ret)
{
	ext2_ino_t number = inode_of(node);

	if (node > UINT32_MAX || number < EXT2_ROOT_INO || number > fs->super->s_inodes_count)
		return -EIO;
	return to_errno(ext2fs_read_inode(fs, number, ret));
}

static unsigned int type_of(const struct ext2_inode *inode)
{
	return inode->i_mode & S_IFMT;
}

static int extfs_stat(void *volume, uint64_t node, struct userfs_stat *ret)
{
	struct ext2_inode inode;
	int r = read_inode(volume, node, &inode);

	if (r < 0)
		return r;
	if (type_of(&inode) == 0 || inode.i_links_count == 0)
		return -EIO; /* a name for what was removed */
	*ret = (struct userfs_stat){ .type = type_of(&inode), .mtime = inode.i_mtime };
	if (LINUX_S_ISREG(inode.i_mode) || LINUX_S_ISLNK(inode.i_mode))
		ret->size = EXT2_I_SIZE(&inode);
	return 0;
}

struct collect {
	ext2_filsys fs;
	struct listing *listing;
	int error;
};

static unsigned int type_hint(int file_type)
{
	static const unsigned int types[] = { 0, S_IFREG, S_IFDIR, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK, S_IFLNK };

	return (size_t)file_type < ARRAY_LEN(types) ? types[file_type] : 0;
}

/* The type in the entry is a second record of what the inode says: only a hint, for which a stat follows. */
static int collect_entry(ext2_ino_t dir, int entry, struct ext2_dir_entry *e, int offset, int block_size, char *buffer,
			 void *arg)
{
	struct collect *c = arg;
	size_t size = (size_t)ext2fs_dirent_name_len(e);

	if (e->inode == 0 || entry == DIRENT_DOT_FILE || entry == DIRENT_DOT_DOT_FILE)
		return 0;
	if (e->inode == EXT2_ROOT_INO || e->inode > c->fs->super->s_inodes_count)
		c->error = -EIO;
	else
		c->error = listing_add(c->listing, e->name, size, e->inode, type_hint(ext2fs_dirent_file_type(e)));
	return c->error < 0 ? DIRENT_ABORT : 0;
}

static int extfs_list(void *volume, uint64_t node, struct listing *ret)
{
	struct collect c = { .fs = volume, .listing = ret };
	struct ext2_inode inode;
	int r = read_inode(volume, node, &inode);

	if (r < 0)
		return r;
	if (!LINUX_S_ISDIR(inode.i_mode))
		return -ENOTDIR;
	if (inode.i_flags & EXT4_ENCRYPT_FL)
		return -ENOKEY;
	r = to_errno(ext2fs_dir_iterate2(volume, inode_of(node), 0, NULL, collect_entry, &c));
	return r < 0 ? r : c.error;
}

/* Encrypted files have no content without their key, and e2compr's are no longer read by any system: their bytes as they
 * lie there would be taken for the files. */
static int extfs_file_open(void *volume, uint64_t node, void **ret_file)
{
	struct ext2_inode inode;
	ext2_file_t file;
	int r = read_inode(volume, node, &inode);

	if (r < 0)
		return r;
	if (!LINUX_S_ISREG(inode.i_mode))
		return LINUX_S_ISDIR(inode.i_mode) ? -EISDIR : -EACCES;
	if (inode.i_flags & EXT4_ENCRYPT_FL)
		return -ENOKEY;
	if (inode.i_flags & EXT2_COMPRBLK_FL)
		return -EOPNOTSUPP;
	r = to_errno(ext2fs_file_open(volume, inode_of(node), 0, &file));
	if (r == 0)
		*ret_file = file;
	return r;
}

static ssize_t extfs_file_read(void *volume, void *file, uint64_t at, void *to, size_t size)
{
	unsigned int got = 0;
	size_t done = 0;
	int r = to_errno(ext2fs_file_llseek(file, at, EXT2_SEEK_SET, NULL));

	while (r == 0 && done < size) {
		r = to_errno(ext2fs_file_read(file, (char *)to + done, (unsigned int)(size - done), &got));
		if (got == 0)
			break;
		done += got;
	}
	return r < 0 ? r : (ssize_t)done;
}

static void extfs_file_close(void *volume, void *file)
{
	(void)ext2fs_file_close(file); /* nothing was written */
}

static const char *const names[] = { "ext2", "ext3", "ext4", NULL };

const struct userfs userfs_ext = {
	.name = "ext2fs", .fs = names, .open = extfs_open, .list = extfs_list, .stat = extfs_stat,
	.file_open = extfs_file_open, .file_read = extfs_file_read, .file_close = extfs_file_close,
};
