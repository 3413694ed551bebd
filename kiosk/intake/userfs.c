/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The FUSE face of intake's own readers. Runs as ROLE_DRIVER with three descriptors: the source (opened read-only by the
 * supervisor), /dev/fuse, and a socket for one word to intake. No operation writes; none can, for want of a descriptor
 * and of a mount option.
 *
 * A directory is read once, as a whole, into a sorted list that answers its look-ups: directories of FAT and ISO 9660 have
 * no index, and a search for each of 20,000 names would read it 20,000 times. */
#include "intake/userfs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "intake/fuseserve.h"
#include "intake/limits.h"
#include "sandbox/sandbox.h"

#define WORDS_MAX 256

struct kept {
	uint64_t node; /* 0: free */
	uint64_t used; /* when, in look-ups */
	struct listing listing;
};

struct server {
	const struct userfs *fs;
	struct source source;
	int server_fd;
	void *volume;
	uint64_t clock;
	size_t kept_bytes;
	struct kept kept[LISTINGS_KEPT];
	char buffer[FUSEFD_READ_MAX];
};

static const struct userfs *const table[] = { &userfs_fat, &userfs_ext, &userfs_udf, &userfs_iso };

const struct userfs *userfs_find(const char *fs)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		for (const char *const *name = table[i]->fs; *name; name++)
			if (strcmp(*name, fs) == 0)
				return table[i];
	return NULL;
}

/* -- directories ----------------------------------------------------------------------------------------- */

static void forget(struct server *s, struct kept *k)
{
	s->kept_bytes -= listing_bytes(&k->listing);
	listing_done(&k->listing);
	k->node = 0;
	k->used = 0;
}

static struct kept *oldest(struct server *s)
{
	struct kept *found = NULL;

	for (size_t i = 0; i < LISTINGS_KEPT; i++)
		if (s->kept[i].node != 0 && (!found || s->kept[i].used < found->used))
			found = &s->kept[i];
	return found;
}

static struct kept *make_room(struct server *s)
{
	while (s->kept_bytes > LISTINGS_BYTES_MAX)
		forget(s, oldest(s));
	for (size_t i = 0; i < LISTINGS_KEPT; i++)
		if (s->kept[i].node == 0)
			return &s->kept[i];
	forget(s, oldest(s));
	return make_room(s);
}

static int find_listing(struct server *s, uint64_t node, const struct listing **ret)
{
	struct listing fresh = { 0 };
	struct kept *k;
	int r;

	for (size_t i = 0; i < LISTINGS_KEPT; i++) {
		if (s->kept[i].node == node) {
			s->kept[i].used = ++s->clock;
			*ret = &s->kept[i].listing;
			return 0;
		}
	}
	r = s->fs->list(s->volume, node, &fresh);
	if (r == 0)
		r = listing_sort(&fresh);
	if (r < 0) {
		listing_done(&fresh);
		return r;
	}
	k = make_room(s);
	*k = (struct kept){ .node = node, .used = ++s->clock, .listing = fresh };
	s->kept_bytes += listing_bytes(&fresh);
	*ret = &k->listing;
	return 0;
}

/* -- operations ------------------------------------------------------------------------------------------ */

/* Replies fail only when the mount has gone: the loop ends then. */

static int node_stat(struct server *s, uint64_t node, struct stat *ret)
{
	struct userfs_stat st = { 0 };
	int r = s->fs->stat(s->volume, node, &st);

	if (r < 0)
		return r;
	*ret = (struct stat){
		.st_ino = st.place > 0 ? st.place : node,
		.st_mode = st.type | (st.type == S_IFDIR ? 0555 : 0444),
		.st_nlink = 1,
		.st_size = (off_t)st.size,
		.st_blksize = 4096,
		.st_blocks = (blkcnt_t)(st.size / 512 + (st.size % 512 != 0)),
		.st_mtim.tv_sec = st.mtime,
		.st_ctim.tv_sec = st.mtime,
		.st_atim.tv_sec = st.mtime,
	};
	return 0;
}

static void face_getattr(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	struct stat st;
	int r = node_stat(fuse_req_userdata(req), node, &st);

	if (r < 0)
		(void)fuse_reply_err(req, -r);
	else
		(void)fuse_reply_attr(req, &st, FUSESERVE_CACHE_SECONDS);
}

static void face_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct server *s = fuse_req_userdata(req);
	struct fuse_entry_param e = { .attr_timeout = FUSESERVE_CACHE_SECONDS, .entry_timeout = FUSESERVE_CACHE_SECONDS };
	const struct listing_entry *found = NULL;
	const struct listing *listing;
	int r = find_listing(s, parent, &listing);

	if (r == 0) {
		found = listing_find(listing, name);
		r = found ? node_stat(s, found->node, &e.attr) : -ENOENT;
	}
	if (r < 0) {
		(void)fuse_reply_err(req, -r);
		return;
	}
	e.ino = found->node;
	(void)fuse_reply_entry(req, &e);
}

/* Offsets are places in the sorted list, which comes out the same whenever the directory is read. */
static void face_readdir(fuse_req_t req, fuse_ino_t node, size_t size, off_t at, struct fuse_file_info *fi)
{
	struct server *s = fuse_req_userdata(req);
	const struct listing *listing;
	size_t used = 0;
	int r = find_listing(s, node, &listing);

	if (r < 0) {
		(void)fuse_reply_err(req, -r);
		return;
	}
	size = MIN(size, sizeof(s->buffer));
	for (uint64_t i = at < 0 ? listing->count : (uint64_t)at; i < listing->count; i++) {
		const struct listing_entry *e = &listing->entries[i];
		struct stat st = { .st_ino = e->node, .st_mode = e->type };
		size_t n = fuse_add_direntry(req, s->buffer + used, size - used, listing_name(listing, e), &st,
					     (off_t)(i + 1));

		if (n > size - used)
			break;
		used += n;
	}
	(void)fuse_reply_buf(req, s->buffer, used);
}

static void face_open(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	struct server *s = fuse_req_userdata(req);
	void *file = NULL;
	int r = (fi->flags & O_ACCMODE) == O_RDONLY ? s->fs->file_open(s->volume, node, &file) : -EROFS;

	if (r < 0) {
		(void)fuse_reply_err(req, -r);
		return;
	}
	fi->fh = (uint64_t)(uintptr_t)file;
	fi->keep_cache = 1;
	if (fuse_reply_open(req, fi) < 0)
		s->fs->file_close(s->volume, file);
}

static void face_read(fuse_req_t req, fuse_ino_t node, size_t size, off_t at, struct fuse_file_info *fi)
{
	struct server *s = fuse_req_userdata(req);
	ssize_t n = at < 0 ? -EINVAL :
			     s->fs->file_read(s->volume, (void *)(uintptr_t)fi->fh, (uint64_t)at, s->buffer,
					      MIN(size, sizeof(s->buffer)));

	if (n < 0)
		(void)fuse_reply_err(req, (int)-n);
	else
		(void)fuse_reply_buf(req, s->buffer, (size_t)n);
}

static void face_release(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	struct server *s = fuse_req_userdata(req);

	s->fs->file_close(s->volume, (void *)(uintptr_t)fi->fh);
	(void)fuse_reply_err(req, 0);
}

static const struct fuse_lowlevel_ops operations = {
	.init = fuseserve_init,
	.getattr = face_getattr,
	.lookup = face_lookup,
	.readdir = face_readdir,
	.open = face_open,
	.read = face_read,
	.release = face_release,
};

/* -- the child ------------------------------------------------------------------------------------------- */

struct opened {
	int error;
	char words[WORDS_MAX];
};

static int server_run(void *arg, int sock)
{
	struct server *s = arg;
	struct opened answer = { 0 };
	int keep[] = { s->source.fd, s->server_fd, sock };
	const char *where = "descriptors";
	int r;

	if (s->fs->prepare)
		s->fs->prepare();
	r = sandbox_enter(ROLE_DRIVER, keep, ARRAY_LEN(keep), &where);
	if (r == 0)
		r = child_bind_life(); /* the change of account has cleared it */
	if (r < 0)
		(void)snprintf(answer.words, sizeof(answer.words), "sandbox: %s: %s", where, strerror(-r));
	else
		r = s->fs->open(&s->source, &s->volume, answer.words, sizeof(answer.words));
	answer.error = r;
	r = child_send(sock, &answer, sizeof(answer), -EBADF);
	if (answer.error < 0)
		return answer.error;
	return r < 0 ? r : fuseserve(s->server_fd, &operations, sizeof(operations), s);
}

/* What the child says is untrusted: it has read the medium. */
static int hear(struct child *c, char *words, size_t words_size)
{
	struct opened answer = { 0 };
	size_t size = 0;
	int r = child_receive(c, DRIVER_TIME_MS, &answer, sizeof(answer), &size, NULL);

	if (r < 0)
		(void)snprintf(words, words_size, "%s", r == -ETIMEDOUT ? "did not start in time" :
			       r == -ECHILD ? "was stopped by its sandbox or crashed" : strerror(-r));
	if (r < 0)
		return r;
	if (size != sizeof(answer) || answer.error > 0 || answer.error < -4095)
		return -EPROTO;
	answer.words[sizeof(answer.words) - 1] = '\0';
	(void)snprintf(words, words_size, "%s", answer.words);
	return answer.error;
}

int userfs_start(const struct userfs *fs, int source_fd, const struct volume *v, int server_fd, struct child *ret, char *words,
		 size_t words_size)
{
	_cleanup_free_ struct server *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->fs = fs;
	s->server_fd = server_fd;
	source_init_fd(&s->source, source_fd, v->offset, v->size);
	s->source.session_block = v->session_block;
	r = child_start(ret, 0, server_run, s);
	if (r < 0)
		return r;
	r = hear(ret, words, words_size);
	if (r < 0)
		child_end(ret);
	return r;
}
