/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* UDF by libudfread (VideoLAN) behind the FUSE face. It reads all revisions (1.02 to 2.60), from volumes with blocks of 2048
 * bytes: those of discs. Sticks and disks have 512 (ECMA-167 wants the device's sector size): they are refused in words.
 * Runs as ROLE_DRIVER. */
#include <string.h>
#include <sys/stat.h>
#include <udfread/blockinput.h>
#include <udfread/udfread.h>

#include "intake/nodes.h"
#include "intake/userfs.h"

#define ANCHOR_BLOCK 256 /* ECMA-167 3/8.4.2.1 */
#define TAG_ANCHOR 2	 /* ECMA-167 3/7.2.1 */

struct udf_volume {
	struct udfread_block_input input; /* first: the library hands it back */
	const struct source *source;
	udfread *udf;
	struct nodes nodes; /* a directory's thing: UDFDIR, once it has been opened */
};

static int input_read(udfread_block_input *input, uint32_t block, void *to, uint32_t count, int flags)
{
	const struct udf_volume *v = (const struct udf_volume *)input;
	int r = source_read(v->source, (uint64_t)block * UDF_BLOCK_SIZE, to, (size_t)count * UDF_BLOCK_SIZE);

	return r < 0 ? -1 : (int)count;
}

static uint32_t input_size(udfread_block_input *input)
{
	const struct udf_volume *v = (const struct udf_volume *)input;

	return (uint32_t)MIN(v->source->size / UDF_BLOCK_SIZE, (uint64_t)UINT32_MAX);
}

/* Where the anchor is tells the block size. */
static bool has_anchor(const struct source *s, uint32_t block_size)
{
	uint8_t tag[2];

	return source_read(s, (uint64_t)ANCHOR_BLOCK * block_size, tag, sizeof(tag)) == 0 &&
	       (tag[0] | tag[1] << 8) == TAG_ANCHOR;
}

static int tell_fault(const struct source *s, char *words, size_t words_size)
{
	static const uint32_t others[] = { 512, 1024, 4096 };

	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		if (has_anchor(s, UDF_BLOCK_SIZE) || !has_anchor(s, others[i]))
			continue;
		(void)snprintf(words, words_size,
			       "UDF with blocks of %u bytes: libudfread reads those with 2048 only, as discs have them",
			       others[i]);
		return -ENODEV;
	}
	(void)snprintf(words, words_size, "libudfread: its descriptors are damaged or of an unknown kind");
	return -EINVAL;
}

static int open_root(struct udf_volume *v)
{
	UDFDIR *root = udfread_opendir(v->udf, "/");

	return root ? nodes_init(&v->nodes, root) : -EIO;
}

/* Errors end the process, and what it had with it. */
static int udffs_open(const struct source *source, void **ret_volume, char *words, size_t words_size)
{
	struct udf_volume *v = calloc(1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	v->input.read = input_read;
	v->input.size = input_size;
	v->source = source;
	v->udf = udfread_init();
	if (!v->udf)
		return -ENOMEM;
	if (udfread_open_input(v->udf, &v->input) < 0 || open_root(v) < 0)
		return tell_fault(source, words, words_size);
	*ret_volume = v;
	return 0;
}

/* The library's handle of a directory; its parent has one, since it was listed. */
static UDFDIR *directory(struct udf_volume *v, struct node *n)
{
	struct node *parent = nodes_get(&v->nodes, n->parent);

	if (!n->thing && n->type == S_IFDIR && parent && parent->thing)
		n->thing = udfread_opendir_at(parent->thing, n->name);
	return n->thing;
}

static int read_directory(struct udf_volume *v, uint64_t node, UDFDIR *dir)
{
	struct udfread_dirent e;

	udfread_rewinddir(dir);
	while (udfread_readdir(dir, &e)) {
		int r;

		if (strcmp(e.d_name, ".") == 0 || strcmp(e.d_name, "..") == 0)
			continue;
		r = nodes_add(&v->nodes, node, e.d_name, e.d_type == UDF_DT_DIR ? S_IFDIR : S_IFREG, NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

static int udffs_list(void *volume, uint64_t node, struct listing *ret)
{
	struct udf_volume *v = volume;
	struct node *n = nodes_get(&v->nodes, node);
	UDFDIR *dir;

	if (!n || n->type != S_IFDIR)
		return n ? -ENOTDIR : -EIO;
	if (!n->is_known) {
		int r;

		dir = directory(v, n);
		if (!dir)
			return -EIO;
		r = read_directory(v, node, dir);
		n = nodes_get(&v->nodes, node); /* it may have moved */
		n->is_known = true;
		n->error = r;
	}
	return nodes_list(&v->nodes, node, ret);
}

static UDFFILE *open_file(struct udf_volume *v, const struct node *n)
{
	const struct node *parent = nodes_get(&v->nodes, n->parent);

	return parent && parent->thing ? udfread_file_openat(parent->thing, n->name) : NULL;
}

static int udffs_stat(void *volume, uint64_t node, struct userfs_stat *ret)
{
	struct udf_volume *v = volume;
	struct node *n = nodes_get(&v->nodes, node);
	UDFFILE *file;
	int64_t size;

	if (!n)
		return -EIO;
	if (n->type == S_IFREG && !n->is_known) {
		file = open_file(v, n);
		if (!file)
			return -EIO;
		size = udfread_file_size(file);
		n->place = size > 0 ? udfread_file_lba(file, 0) : 0;
		udfread_file_close(file);
		if (size < 0)
			return -EIO;
		n->size = (uint64_t)size;
		n->is_known = true;
	}
	*ret = (struct userfs_stat){ .type = n->type, .size = n->size, .place = n->place };
	return 0;
}

static int udffs_file_open(void *volume, uint64_t node, void **ret_file)
{
	struct udf_volume *v = volume;
	const struct node *n = nodes_get(&v->nodes, node);

	if (!n || n->type != S_IFREG)
		return n ? -EISDIR : -EIO;
	*ret_file = open_file(v, n);
	return *ret_file ? 0 : -EIO;
}

/* A short answer before the end is an error of the volume, never the end. */
static ssize_t udffs_file_read(void *volume, void *file, uint64_t at, void *to, size_t size)
{
	int64_t total = udfread_file_size(file);
	size_t want, got = 0;

	if (total < 0 || at >= (uint64_t)total)
		return total < 0 ? -EIO : 0;
	want = (size_t)MIN((uint64_t)size, (uint64_t)total - at);
	if (udfread_file_seek(file, (int64_t)at, UDF_SEEK_SET) < 0)
		return -EIO;
	while (got < want) {
		ssize_t n = udfread_file_read(file, (char *)to + got, want - got);

		if (n <= 0)
			return -EIO;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

static void udffs_file_close(void *volume, void *file)
{
	udfread_file_close(file);
}

static const char *const names[] = { "udf", NULL };

const struct userfs userfs_udf = {
	.name = "udfread", .fs = names, .open = udffs_open, .list = udffs_list, .stat = udffs_stat,
	.file_open = udffs_file_open, .file_read = udffs_file_read, .file_close = udffs_file_close,
};
