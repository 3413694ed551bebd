/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Archives by libarchive: one format, no filter; each entry to the library of members, whatever kind it is. */
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "unpack/layout.h"
#include "unpack/unpack.h"

/* So many times in a row libarchive may ask to be called again for the next entry. */
#define RETRIES_MAX 1000

#define TAR_BLOCK 512u

static int enable(struct archive *a, enum container_format format)
{
	switch (format) {
	case CONTAINER_TAR:
		return archive_read_support_format_tar(a);
	case CONTAINER_CPIO:
		return archive_read_support_format_cpio(a);
	case CONTAINER_AR:
	case CONTAINER_DEB:
		return archive_read_support_format_ar(a);
	case CONTAINER_ZIP:
		return archive_read_support_format_zip_seekable(a); /* by its directory, as everyone else */
	case CONTAINER_SEVENZIP:
		return archive_read_support_format_7zip(a);
	case CONTAINER_CAB:
		return archive_read_support_format_cab(a);
	case CONTAINER_RAR: {
		int r = archive_read_support_format_rar(a);

		return r == ARCHIVE_OK ? archive_read_support_format_rar5(a) : r;
	}
	case CONTAINER_LHA:
		return archive_read_support_format_lha(a);
	case CONTAINER_XAR:
		return archive_read_support_format_xar(a);
	case CONTAINER_ISO9660:
		return archive_read_support_format_iso9660(a);
	default:
		return ARCHIVE_FATAL;
	}
}

struct entry {
	struct archive_entry *e;
	const char *path, *target; /* of the entry; may be NULL */
	size_t path_size, target_size;
	uint64_t announced;
	bool is_sparse;
};

/* Names are bytes: what libarchive has converted is UTF-8, everything else as it stands in the archive. */
static void read_entry(const struct unpack *u, struct archive_entry *e, struct entry *ret)
{
	const char *hard = archive_entry_hardlink(e);

	*ret = (struct entry){ .e = e, .path = archive_entry_pathname(e), .target = hard ? hard : archive_entry_symlink(e),
			       .announced = CONTAINER_SIZE_UNKNOWN, .is_sparse = archive_entry_sparse_count(e) > 0 };
	/* parts of a static library (ar(5)) that have no name that a file could have */
	if (u->c->format == CONTAINER_AR && ret->path && (strcmp(ret->path, "/") == 0 || strcmp(ret->path, "/SYM64/") == 0))
		ret->path = "symbol-index";
	if (u->c->format == CONTAINER_AR && ret->path && strcmp(ret->path, "//") == 0)
		ret->path = "long-names";
	ret->path_size = ret->path ? strlen(ret->path) : 0;
	ret->target_size = ret->target ? strlen(ret->target) : 0;
	if (archive_entry_size_is_set(e) && archive_entry_size(e) >= 0)
		ret->announced = (uint64_t)archive_entry_size(e);
}

/* Between a member of a tar and the next header nothing may stand: at the end of its bytes libarchive has passed what fills the
 * last block. */
static int look_at_padding(struct unpack *u, uint64_t size)
{
	uint64_t end = unpack_position(u), padding = (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK;

	if (size == CONTAINER_SIZE_UNKNOWN || end < padding || end > u->c->size || end % TAR_BLOCK != 0)
		return 0;
	if (unpack_is_zero(u->c->data + end - padding, padding))
		return 0;
	return container_finding(u->c, REASON_ARCHIVE_UNSAFE, "bytes stand in the padding before byte %" PRIu64, end);
}

static int open_member(struct unpack *u, const struct entry *f, bool *ret_fatal)
{
	int r = container_member(u->c, f->path, f->path_size, f->announced);

	if (r < 0)
		return r;
	if (archive_entry_is_encrypted(f->e))
		return container_broken(u->c, REASON_ENCRYPTED, "encrypted, so that nobody could look at it");
	r = unpack_data(u, f->is_sparse, ret_fatal);
	return r == 0 && u->c->format == CONTAINER_TAR && !f->is_sparse && !*ret_fatal ? look_at_padding(u, f->announced) : r;
}

/* What is no file, and has bytes all the same: they are looked at, and nobody else would. */
static int open_oddity(struct unpack *u, const struct entry *f, bool *ret_fatal)
{
	int r = container_member(u->c, f->path, f->path_size, CONTAINER_SIZE_UNKNOWN);

	if (r == 0)
		r = container_finding(u->c, REASON_ARCHIVE_UNSAFE, "bytes behind what says that it is no file");
	return r < 0 ? r : unpack_data(u, false, ret_fatal);
}

static bool has_bytes(const struct entry *f)
{
	return f->announced != CONTAINER_SIZE_UNKNOWN && f->announced > 0;
}

static int open_entry(struct unpack *u, const struct entry *f, bool *ret_fatal)
{
	struct container *c = u->c;
	mode_t type = archive_entry_filetype(f->e);

	if (archive_entry_hardlink(f->e)) /* with bytes of its own in pax archives, and in cpio at the last of them */
		return has_bytes(f) ? open_member(u, f, ret_fatal) :
				      container_hardlink(c, f->path, f->path_size, f->target, f->target_size);
	if (type == AE_IFREG || type == 0)
		return open_member(u, f, ret_fatal);
	if (type != AE_IFLNK && has_bytes(f) && unpack_peek(u))
		return open_oddity(u, f, ret_fatal);
	if (type == AE_IFDIR)
		return container_directory(c, f->path, f->path_size);
	if (type == AE_IFLNK)
		return container_symlink(c, f->path, f->path_size, f->target, f->target_size);
	return container_special(c, f->path, f->path_size);
}

/* libarchive has something to say of an entry that it lists all the same. That a user's name could not be converted is
 * nothing; that a name could not is told by the name that is missing. */
static int tell_warning(struct unpack *u)
{
	const char *words = archive_error_string(u->a);

	if (words && strcasestr(words, "can't be converted") && !strcasestr(words, "linkname"))
		return 0;
	return container_finding(u->c, REASON_ARCHIVE_UNSAFE, "damaged: %s", words ? words : "an entry");
}

static int list(struct unpack *u)
{
	unsigned int retries = 0;
	bool is_fatal = false;
	int r = 0;

	while (r == 0 && !is_fatal) {
		struct archive_entry *e = NULL;
		struct entry f;
		int said = archive_read_next_header(u->a, &e);

		if (said == ARCHIVE_EOF)
			return 0;
		if (said == ARCHIVE_RETRY && retries++ < RETRIES_MAX)
			continue;
		if (said != ARCHIVE_OK && said != ARCHIVE_WARN) {
			r = unpack_broken(u);
			return r < 0 ? r : -EBADMSG;
		}
		retries = 0;
		u->entries++;
		if (said == ARCHIVE_WARN)
			r = tell_warning(u);
		if (r < 0)
			return r;
		read_entry(u, e, &f);
		r = open_entry(u, &f, &is_fatal);
	}
	return r < 0 ? r : -EBADMSG;
}

/* What libarchive read last is the first block of zeros of two, or both. */
static bool has_tar_end(const struct unpack *u)
{
	uint64_t at = unpack_position(u);

	return at >= TAR_BLOCK && at <= u->c->size && unpack_is_zero(u->c->data + at - TAR_BLOCK, TAR_BLOCK);
}

static int compare(struct unpack *u, const struct layout *l)
{
	struct container *c = u->c;
	int r = 0;

	/* LHA ends with a byte of zero, which libarchive does not take, and whose absence it takes for an end */
	if ((c->format == CONTAINER_TAR && !has_tar_end(u)) || (c->format == CONTAINER_LHA && unpack_position(u) >= c->size))
		r = container_broken(c, REASON_ARCHIVE_UNSAFE, "damaged: it stops without its end mark; cut off, perhaps");
	else if (l->entries != LAYOUT_UNKNOWN && l->entries != u->entries)
		r = container_broken(c, REASON_ARCHIVE_UNSAFE, "says that it has %" PRIu64 " entries, and %" PRIu64 " can be found",
				     l->entries, u->entries);
	else if (u->entries == 0 && !l->may_be_empty)
		r = container_broken(c, REASON_CONTAINER_OPAQUE, "nothing came out");
	if (r < 0)
		return r;
	return unpack_expect_end(c, MIN(l->end != LAYOUT_UNKNOWN ? l->end : unpack_position(u) + l->slack, c->size));
}

int unpack_archive(struct container *c, struct unpack_sums *sums, bool *ret_has_extension)
{
	struct layout l;
	struct unpack u;
	const char *name;
	int r = layout_of_archive(c, &l);

	if (r < 0)
		return r;
	if (l.is_empty)
		return unpack_expect_end(c, l.end);
	r = unpack_new(c, &u);
	if (r < 0)
		return r;
	u.sums = sums;
	if (enable(u.a, c->format) != ARCHIVE_OK)
		r = -ENOTSUP;
	if (r == 0)
		r = unpack_open(&u);
	if (r == 0)
		r = list(&u);
	if (r == 0)
		r = compare(&u, &l);
	name = u.is_open ? archive_format_name(u.a) : NULL;
	*ret_has_extension = name && strstr(name, "Rockridge");
	unpack_done(&u);
	return r;
}

int open_archive(struct container *c)
{
	bool has_extension;

	return unpack_archive(c, NULL, &has_extension);
}
