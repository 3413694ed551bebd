/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* FAT behind the FUSE face. Runs as ROLE_DRIVER. */
#include <sys/stat.h>

#include "intake/fat.h"
#include "intake/userfs.h"

static int fatfs_open(const struct source *source, void **ret_volume, char *words, size_t words_size)
{
	_cleanup_free_ struct fat_volume *v = malloc(sizeof(*v));
	int r = v ? fat_open(v, source, words, words_size) : -ENOMEM;

	if (r < 0)
		return r;
	if (v->is_dirty)
		(void)snprintf(words, words_size, "it was not safely removed when last used");
	*ret_volume = TAKE_PTR(v);
	return 0;
}

static int fatfs_list(void *volume, uint64_t node, struct listing *ret)
{
	return fat_list(volume, node, ret);
}

static int fatfs_stat(void *volume, uint64_t node, struct userfs_stat *ret)
{
	struct fat_entry e;
	int r = fat_stat(volume, node, &e);

	if (r == 0)
		*ret = (struct userfs_stat){ .type = e.is_directory ? S_IFDIR : S_IFREG, .size = e.size, .mtime = e.mtime };
	return r;
}

static int fatfs_file_open(void *volume, uint64_t node, void **ret_file)
{
	_cleanup_free_ struct fat_file *f = calloc(1, sizeof(*f));
	int r = f ? fat_file_open(volume, node, f) : -ENOMEM;

	if (r == 0)
		*ret_file = TAKE_PTR(f);
	return r;
}

static ssize_t fatfs_file_read(void *volume, void *file, uint64_t at, void *to, size_t size)
{
	return fat_file_read(volume, file, at, to, size);
}

static void fatfs_file_close(void *volume, void *file)
{
	fat_file_done(file);
	free(file);
}

static const char *const names[] = { "vfat", NULL };

const struct userfs userfs_fat = {
	.name = "fat", .fs = names, .open = fatfs_open, .list = fatfs_list, .stat = fatfs_stat,
	.file_open = fatfs_file_open, .file_read = fatfs_file_read, .file_close = fatfs_file_close,
};
