/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* librpm is given bytes, never a descriptor: its way of reading moves the offset, which all processes share that hold a copy of
 * the file open, and which a process gone bad could move under its feet.
 */
#include "rpm/package.h"

#include <endian.h>
#include <string.h>

#include <rpm/rpmlog.h>
#include <rpm/rpmtag.h>
#include <rpm/rpmtd.h>

#include "common/hash.h"
#include "rpm/limits.h"

#define LEAD_BYTES 96
#define INTRO_BYTES 16 /* magic number (3), version (1), reserved (4), number of entries (4), bytes of data (4) */
#define MAGIC_BYTES 8
#define ENTRY_BYTES 16

static const uint8_t lead_magic[4] = { 0xed, 0xab, 0xee, 0xdb };
static const uint8_t header_magic[MAGIC_BYTES] = { 0x8e, 0xad, 0xe8, 0x01 };

/* What it says holds names from hostile files, and the roles that use it say what has to be said. */
static int drop_log(rpmlogRec rec, rpmlogCallbackData data)
{
	return 0;
}

void package_prepare(void)
{
	(void)rpmlogSetCallback(drop_log, NULL); /* returns the one before it: none */
}

/* -ENODATA when the file ends before. */
static int read_exactly(int fd, uint64_t offset, void *buffer, size_t size)
{
	uint8_t *at = buffer;

	while (size > 0) {
		ssize_t n = pread(fd, at, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENODATA;
		at += n;
		offset += (uint64_t)n;
		size -= (size_t)n;
	}
	return 0;
}

static uint32_t big_endian(const uint8_t *at)
{
	uint32_t x;

	memcpy(&x, at, sizeof(x));
	return be32toh(x);
}

/* The bytes of a header with its introduction, owned by the caller. 1, 0 with `*ret_why`, or a negative errno. */
static int read_header(int fd, uint64_t offset, uint64_t file_size, size_t max, uint8_t **ret, size_t *ret_size,
		       const char **ret_why)
{
	_cleanup_free_ uint8_t *bytes = NULL;
	uint8_t intro[INTRO_BYTES];
	uint64_t size;
	int r;

	*ret_why = "a header is cut off";
	if (offset > file_size || file_size - offset < INTRO_BYTES)
		return 0;
	r = read_exactly(fd, offset, intro, sizeof(intro));
	if (r < 0)
		return r;
	if (memcmp(intro, header_magic, MAGIC_BYTES) != 0) {
		*ret_why = "a header has not the magic number of one";
		return 0;
	}
	size = INTRO_BYTES + (uint64_t)big_endian(intro + MAGIC_BYTES) * ENTRY_BYTES + big_endian(intro + MAGIC_BYTES + 4);
	if (size > file_size - offset)
		return 0;
	if (size > max) {
		*ret_why = "a header is larger than any that is known";
		return 0;
	}
	bytes = malloc(size);
	if (!bytes)
		return -ENOMEM;
	r = read_exactly(fd, offset, bytes, size);
	if (r < 0)
		return r;
	/* between two looks at it */
	if (memcmp(bytes, intro, sizeof(intro)) != 0)
		return -EIO;
	*ret = TAKE_PTR(bytes);
	*ret_size = size;
	return 1;
}

/* librpm's own form has no magic number; it checks every entry's tag, type, offset and length. NULL when it refuses. */
static Header import(uint8_t *bytes, size_t size)
{
	return headerImport(bytes + MAGIC_BYTES, (unsigned int)(size - MAGIC_BYTES), HEADERIMPORT_COPY);
}

/* Is the immutable region all there is? What stood beside it would be believed by an installer, and signed by nobody. */
static bool is_all_immutable(const struct package *p)
{
	bool is_same = false;
	struct rpmtd_s td;

	if (headerGet(p->header, RPMTAG_HEADERIMMUTABLE, &td, HEADERGET_DEFAULT) != 1)
		return false;
	is_same = td.type == RPM_BIN_TYPE && td.count == p->header_size - MAGIC_BYTES &&
		  memcmp(td.data, p->header_bytes + MAGIC_BYTES, td.count) == 0;
	rpmtdFreeData(&td);
	return is_same;
}

static const char *word(Header h, rpmTagVal tag)
{
	const char *s = headerGetString(h, tag);

	return s ? s : "?";
}

static void take_name(struct package *p)
{
	(void)snprintf(p->name, sizeof(p->name), "%s-%s-%s.%s", word(p->header, RPMTAG_NAME), word(p->header, RPMTAG_VERSION),
		       word(p->header, RPMTAG_RELEASE),
		       headerIsSource(p->header) ? "src" : word(p->header, RPMTAG_ARCH));
}

static int open_signatures(int fd, uint64_t size, struct package *p, const char **ret_why)
{
	_cleanup_free_ uint8_t *bytes = NULL;
	size_t bytes_size;
	int r = read_header(fd, LEAD_BYTES, size, SIGNATURE_HEADER_MAX, &bytes, &bytes_size, ret_why);

	if (r <= 0)
		return r;
	p->signatures = import(bytes, bytes_size);
	if (!p->signatures) {
		*ret_why = "its signature header is malformed";
		return 0;
	}
	/* the header begins at a multiple of eight bytes from the signature header's beginning */
	p->header_at = LEAD_BYTES + (bytes_size + 7) / 8 * 8;
	return 1;
}

static int open_header(int fd, uint64_t size, struct package *p, const char **ret_why)
{
	int r = read_header(fd, p->header_at, size, HEADER_MAX, &p->header_bytes, &p->header_size, ret_why);

	if (r <= 0)
		return r;
	p->payload_at = p->header_at + p->header_size;
	p->header = import(p->header_bytes, p->header_size);
	*ret_why = "its header is malformed";
	if (!p->header)
		return 0;
	*ret_why = "its header has entries outside the region that can be signed";
	if (!is_all_immutable(p))
		return 0;
	take_name(p);
	return 1;
}

int package_open(int fd, uint64_t size, struct package *ret, const char **ret_why)
{
	struct package p = { 0 };
	uint8_t lead[LEAD_BYTES];
	int r;

	*ret_why = "";
	if (size < sizeof(lead))
		return 0;
	r = read_exactly(fd, 0, lead, sizeof(lead));
	if (r < 0)
		return r;
	if (memcmp(lead, lead_magic, sizeof(lead_magic)) != 0)
		return 0;
	r = open_signatures(fd, size, &p, ret_why);
	if (r > 0)
		r = open_header(fd, size, &p, ret_why);
	if (r <= 0) {
		package_done(&p);
		return r;
	}
	*ret = p;
	return 1;
}

void package_done(struct package *p)
{
	(void)headerFree(p->signatures); /* both return NULL */
	(void)headerFree(p->header);
	free(p->header_bytes);
	*p = (struct package){ 0 };
}

/* By number in RFC 9580 section 9.5. Packages of RPM 6 do not say which: theirs is SHA-256. */
static const struct digest *digest_of(uint64_t algorithm)
{
	switch (algorithm) {
	case 1:
		return digest_by_name("md5");
	case 2:
		return digest_by_name("sha1");
	case 0:
	case 8:
		return digest_by_name("sha256");
	case 9:
		return digest_by_name("sha384");
	case 10:
		return digest_by_name("sha512");
	case 11:
		return digest_by_name("sha224");
	default:
		return NULL;
	}
}

int package_payload_digest(const struct package *p, const struct digest **ret_digest, uint8_t ret_sum[static ORIGIN_DIGEST_MAX])
{
	const struct digest *d = digest_of(headerGetNumber(p->header, RPMTAG_PAYLOADDIGESTALGO));
	struct rpmtd_s td;
	const char *hex;
	int r = 0;

	if (!d || headerGet(p->header, RPMTAG_PAYLOADDIGEST, &td, HEADERGET_MINMEM) != 1)
		return 0;
	/* librpm compares the first one, too */
	hex = td.type == RPM_STRING_ARRAY_TYPE && rpmtdInit(&td) == 0 ? rpmtdNextString(&td) : NULL;
	if (hex && hex_decode(hex, ret_sum, d->size) == 0) {
		*ret_digest = d;
		r = 1;
	}
	rpmtdFreeData(&td);
	return r;
}
