/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* ISO 9660 by libisofs (libburnia: the library of xorriso, and better kept than the readers made for mounting) behind the
 * FUSE face. Rock Ridge where it is, else Joliet, else the plain names as recorded: the order in which Linux
 * prefers them. The library's objects give the bytes as stored; zisofs is not unpacked. Runs as ROLE_DRIVER. */
#include <iconv.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <libisofs/libisofs.h>

#include "intake/nodes.h"
#include "intake/userfs.h"

#define BLOCK 2048

struct iso_volume {
	IsoDataSource blocks;
	const struct source *source;
	IsoFilesystem *fs;
	struct nodes nodes; /* things: IsoFileSource */
	bool is_asked;	    /* only where it would read */
	uint32_t asked;	    /* that block; 0: none */
};

static int blocks_open(IsoDataSource *d)
{
	return 1;
}

static int blocks_close(IsoDataSource *d)
{
	return 1;
}

static int blocks_read(IsoDataSource *d, uint32_t block, uint8_t *to)
{
	struct iso_volume *v = d->data;

	if (v->is_asked) {
		if (v->asked == 0)
			v->asked = block;
		memset(to, 0, BLOCK);
		return 1;
	}
	return source_read(v->source, (uint64_t)block * BLOCK, to, BLOCK) < 0 ? (int)ISO_DATA_SOURCE_FAILURE : 1;
}

static void blocks_free(IsoDataSource *d)
{
}

/* Tables of character sets are files: they have to be read while there are any, and stay loaded as long as they are in
 * use. Joliet is UCS-2 or UTF-16, big-endian. */
static void isofs_prepare(void)
{
	static const char *const sets[] = { "UCS-2BE", "UTF-16BE", "UTF-8", "ASCII", "WCHAR_T", "ISO-8859-1" };

	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		(void)iconv_open("UTF-8", sets[i]); /* kept on purpose; without it, names are refused later */
		(void)iconv_open("WCHAR_T", sets[i]);
	}
	(void)iso_init(); /* idem */
	(void)iso_set_msgs_severities((char *)"NEVER", (char *)"NEVER", (char *)"");
	(void)iso_set_local_charset((char *)"UTF-8", 0);
}

static int set_options(IsoReadOpts *o, uint32_t first_block)
{
	int r = iso_read_opts_set_start_block(o, first_block);

	if (r >= 0)
		r = iso_read_opts_set_no_md5(o, 1);
	if (r >= 0)
		r = iso_read_opts_set_no_aaip(o, 1);
	if (r >= 0)
		r = iso_read_opts_set_no_iso1999(o, 1);
	if (r >= 0)
		r = iso_read_opts_set_ecma119_map(o, 1);
	if (r >= 0)
		r = iso_read_opts_set_joliet_map(o, 1);
	if (r >= 0)
		r = iso_read_opts_set_default_permissions(o, 0444, 0555);
	return r;
}

/* Errors end the process, and what it had with it. */
static int open_image(struct iso_volume *v)
{
	IsoFileSource *root;
	IsoReadOpts *options;
	int r = iso_read_opts_new(&options, 0);

	if (r >= 0)
		r = set_options(options, v->source->session_block);
	if (r >= 0)
		r = iso_image_filesystem_new(&v->blocks, options, 0x1fffff, &v->fs);
	if (r >= 0)
		r = v->fs->get_root(v->fs, &root);
	return r >= 0 && nodes_init(&v->nodes, root) < 0 ? (int)ISO_OUT_OF_MEM : r;
}

static int isofs_open(const struct source *source, void **ret_volume, char *words, size_t words_size)
{
	struct iso_volume *v = calloc(1, sizeof(*v));
	int r;

	if (!v)
		return -ENOMEM;
	v->source = source;
	v->blocks = (IsoDataSource){ .version = 0, .refcount = 1, .open = blocks_open, .close = blocks_close,
				     .read_block = blocks_read, .free_data = blocks_free, .data = v };
	r = open_image(v);
	if (r < 0) {
		(void)snprintf(words, words_size, "libisofs: %s", iso_error_to_msg(r));
		return -EINVAL;
	}
	*ret_volume = v;
	return 0;
}

/* The library does not tell where a file lies, and its inode numbers are not what Linux makes of them (0, or a serial number of whoever
 * wrote the disc). So it is made to read the first byte, and the block that it asks for is noted instead of read: a drive's head does
 * not move. What it got is gone with the close. */
static uint64_t place_of(struct iso_volume *v, IsoFileSource *file)
{
	uint8_t byte;

	v->asked = 0;
	v->is_asked = true;
	if (iso_file_source_open(file) >= 0) {
		(void)iso_file_source_read(file, &byte, sizeof(byte)); /* what it says is in `asked` */
		(void)iso_file_source_close(file);
	}
	v->is_asked = false;
	return v->asked;
}

static int add_child(struct iso_volume *v, uint64_t node, IsoFileSource *child)
{
	_cleanup_free_ char *name = iso_file_source_get_name(child);
	struct stat st;
	int r;

	if (!name || iso_file_source_lstat(child, &st) < 0)
		return -EIO;
	r = nodes_add(&v->nodes, node, name, st.st_mode & S_IFMT, child);
	if (r == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
		nodes_get(&v->nodes, v->nodes.count)->place = place_of(v, child); /* the one that was added */
	return r;
}

static int read_directory(struct iso_volume *v, uint64_t node, IsoFileSource *dir)
{
	IsoFileSource *child;
	int r = 0, more;

	if (iso_file_source_open(dir) < 0)
		return -EIO;
	while (r == 0 && (more = iso_file_source_readdir(dir, &child)) != 0)
		r = more < 0 ? -EIO : add_child(v, node, child);
	(void)iso_file_source_close(dir); /* was only read */
	return r;
}

static int isofs_list(void *volume, uint64_t node, struct listing *ret)
{
	struct iso_volume *v = volume;
	struct node *n = nodes_get(&v->nodes, node);

	if (!n || n->type != S_IFDIR)
		return n ? -ENOTDIR : -EIO;
	if (!n->is_known) {
		int r = read_directory(v, node, n->thing);

		n = nodes_get(&v->nodes, node); /* it may have moved */
		n->is_known = true;
		n->error = r;
	}
	return nodes_list(&v->nodes, node, ret);
}

static int isofs_stat(void *volume, uint64_t node, struct userfs_stat *ret)
{
	struct iso_volume *v = volume;
	const struct node *n = nodes_get(&v->nodes, node);
	struct stat st;

	if (!n || iso_file_source_lstat(n->thing, &st) < 0 || st.st_size < 0)
		return -EIO;
	*ret = (struct userfs_stat){ .type = n->type, .mtime = st.st_mtime, .place = n->place };
	if (n->type == S_IFREG)
		ret->size = (uint64_t)st.st_size;
	return 0;
}

/* The library opens an object once: further users share it. A file is its node's number. */
static int isofs_file_open(void *volume, uint64_t node, void **ret_file)
{
	struct iso_volume *v = volume;
	struct node *n = nodes_get(&v->nodes, node);

	if (!n || n->type != S_IFREG)
		return n ? -EISDIR : -EIO;
	if (n->opened == 0 && iso_file_source_open(n->thing) < 0)
		return -EIO;
	n->opened++;
	*ret_file = (void *)(uintptr_t)node;
	return 0;
}

/* A short answer before the end is an error of the volume, never the end. */
static ssize_t isofs_file_read(void *volume, void *file, uint64_t at, void *to, size_t size)
{
	struct iso_volume *v = volume;
	const struct node *n = nodes_get(&v->nodes, (uintptr_t)file);
	struct userfs_stat st;
	size_t want, got = 0;
	int r = isofs_stat(volume, (uintptr_t)file, &st);

	if (r < 0 || at >= st.size)
		return r;
	want = (size_t)MIN((uint64_t)size, st.size - at);
	if (iso_file_source_lseek(n->thing, (off_t)at, 0) != (off_t)at)
		return -EIO;
	while (got < want) {
		int part = iso_file_source_read(n->thing, (char *)to + got, want - got);

		if (part <= 0)
			return -EIO;
		got += (size_t)part;
	}
	return (ssize_t)got;
}

static void isofs_file_close(void *volume, void *file)
{
	struct iso_volume *v = volume;
	struct node *n = nodes_get(&v->nodes, (uintptr_t)file);

	if (n && --n->opened == 0)
		(void)iso_file_source_close(n->thing); /* was only read */
}

static const char *const names[] = { "iso9660", NULL };

const struct userfs userfs_iso = {
	.name = "iso9660", .fs = names, .prepare = isofs_prepare, .open = isofs_open, .list = isofs_list,
	.stat = isofs_stat, .file_open = isofs_file_open, .file_read = isofs_file_read, .file_close = isofs_file_close,
};
