/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Copies of members that may vouch for others are kept for the stage "vouch", which comes when all has been read and the vaults of
 * members are gone. Which they are their names say, as for files of the medium; what a signature is about has the signature's name
 * without its ending, and stands beside it in the archive, before or behind.
 *
 * What is in a package, an image's layer or an installed system is not asked: it is what a packager put there, for whom the package
 * vouches, and lists in it speak of other trees (a Python package's of what it was before it was installed).
 */
#include "supervisor/unpacking.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/evidence_name.h"
#include "common/fd.h"
#include "supervisor/docket_trees.h"

#define KEPT_BYTES_MAX (64ull << 20)	   /* of one; a longer list or package vouches for nothing inside of a container */
#define KEPT_ALL_BYTES_MAX (512ull << 20)  /* of one medium, and */
#define KEPT_SHARE 8			   /* at most this part of the spool */
#define KEPT_COUNT_MAX 65536u
#define CONFIGURATION_BYTES_MAX (4u << 20) /* OCI_DOCUMENT_MAX */

static bool may_vouch(const struct unpacker *u)
{
	const struct container_info *info = container_info(u->format);

	if (u->is_system_inside || u->format == CONTAINER_DEB || u->format == CONTAINER_RPM || u->format == CONTAINER_SQUASHFS)
		return false;
	return info->shape == CONTAINER_ARCHIVE || info->shape == CONTAINER_ROOT;
}

/* What an index or a manifest wants to see: that this is a layout; the configuration of an image, which goes by any name. */
static bool may_be_asked_for(const char *path, uint64_t size)
{
	if (strcmp(evidence_base_name(path), "oci-layout") == 0)
		return size <= CONFIGURATION_BYTES_MAX;
	return !strchr(path, '/') && size <= CONFIGURATION_BYTES_MAX && (evidence_has_suffix(path, ".json") || strncmp(path, "sha256:", 7) == 0);
}

/* Blobs of an image are documents or layers; those are long, and vouch for nothing. */
static bool is_layer(const char *path, uint64_t size)
{
	return size > CONFIGURATION_BYTES_MAX && fnmatch("*blobs/sha256/*", path, 0) == 0;
}

static int copy_bytes(int from, int to, uint64_t size)
{
	off_t at = 0;

	while ((uint64_t)at < size) {
		ssize_t n = copy_file_range(from, &at, to, NULL, (size_t)size - (size_t)at, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
	}
	return 0;
}

static int copy(struct inspection *i, uint64_t id, int from, uint64_t size)
{
	_cleanup_close_ int dir = -EBADF, to = -EBADF;
	char name[32];
	int r = dir_open_make(i->spool_fd, SPOOL_EVIDENCE, 0700, &dir);

	if (r < 0)
		return r;
	(void)snprintf(name, sizeof(name), "%" PRIu64, id);
	to = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0400);
	if (to < 0)
		return -errno;
	r = copy_bytes(from, to, size);
	if (r < 0)
		(void)unlinkat(dir, name, 0);
	return r;
}

/* What has no room is not looked at, which is told: nobody has vouched for anything then. */
static int keep(struct unpacker *u, uint64_t id, uint64_t size, int fd)
{
	struct unpackers *all = u->all;
	int r = docket_unsettle(u->i->docket, u->root); /* without it there would be no copy the next time */

	if (r < 0)
		return r;
	r = -EFBIG;
	if (size <= KEPT_BYTES_MAX && all->kept_bytes + size <= MIN(KEPT_ALL_BYTES_MAX, u->i->supervisor->config->spool_bytes / KEPT_SHARE) &&
	    all->kept_count < KEPT_COUNT_MAX)
		r = copy(u->i, id, fd, size);
	if (r == -EEXIST)
		return 0; /* it is a signature, and is signed */
	if (r == 0) {
		all->kept_bytes += size;
		all->kept_count++;
		return docket_keep_copy(u->i->docket, id);
	}
	if (r != -EFBIG && r != -ENOSPC && r != -EDQUOT)
		return r;
	if (u->is_evidence_lost)
		return 0;
	u->is_evidence_lost = true;
	return docket_note(u->i->docket, u->root, "not all signatures and lists in it were looked at: there are more, or larger ones, than the station keeps");
}

static struct unpack_neighbour *find_neighbour(struct unpacker *u, const char *path, size_t len)
{
	for (size_t k = 0; k < UNPACK_NEIGHBOURS; k++) {
		struct unpack_neighbour *n = &u->neighbours[k];

		if (n->path && strlen(n->path) == len && memcmp(n->path, path, len) == 0)
			return n;
	}
	return NULL;
}

static void neighbour_done(struct unpack_neighbour *n)
{
	free(n->path);
	close_p(&n->fd);
	*n = (struct unpack_neighbour){ .fd = -EBADF };
}

static int remember(struct unpacker *u, uint64_t id, const char *path, uint64_t size, int fd, bool is_kept)
{
	struct unpack_neighbour *n = &u->neighbours[u->neighbour_at++ % UNPACK_NEIGHBOURS];

	neighbour_done(n);
	*n = (struct unpack_neighbour){ .id = id, .size = size, .path = strdup(path), .fd = -EBADF, .is_kept = is_kept };
	if (!n->path)
		return -ENOMEM;
	if (is_kept || size > KEPT_BYTES_MAX)
		return 0;
	n->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return n->fd < 0 ? -errno : 0;
}

/* Has a signature of it come already? */
static bool is_awaited(struct unpacker *u, const char *path)
{
	size_t size = strlen(path);

	for (size_t k = 0; k < UNPACK_NEIGHBOURS; k++) {
		const char *other = u->neighbours[k].path;

		if (u->neighbours[k].is_kept && other && evidence_signed_length(other) == size && memcmp(other, path, size) == 0)
			return true;
	}
	return false;
}

static int keep_signed(struct unpacker *u, const char *path)
{
	struct unpack_neighbour *n = find_neighbour(u, path, evidence_signed_length(path));
	int r;

	if (!n || n->is_kept || n->fd < 0)
		return 0;
	r = keep(u, n->id, n->size, n->fd);
	n->is_kept = true;
	close_p(&n->fd);
	return r;
}

int unpack_keep_evidence(struct unpacker *u, uint64_t id, const char *path, uint64_t size, int fd)
{
	bool promises;
	int r = 0;

	if (!may_vouch(u))
		return 0;
	promises = evidence_name_promises(path) && !is_layer(path, size);
	if (promises || is_awaited(u, path) || may_be_asked_for(path, size))
		r = keep(u, id, size, fd);
	if (r == 0 && promises)
		r = keep_signed(u, path);
	return r == 0 ? remember(u, id, path, size, fd, promises) : r;
}

void unpack_forget_neighbours(struct unpacker *u)
{
	for (size_t k = 0; k < UNPACK_NEIGHBOURS; k++)
		neighbour_done(&u->neighbours[k]);
}
