/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Closer looks at bytes that have a short or common magic number. Runs in a worker, on untrusted bytes. */
#include "examine/looks.h"

#include <string.h>
#include <zlib.h>

#include "common/macros.h"
#include "examine/plan.h"

#define FRAMES_MAX 1000 /* skipped, one after another: nobody writes more than a handful */

static uint16_t le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)le16(p) | (uint32_t)le16(p + 2) << 16;
}

/* RFC 8878 §3.1.2: frames 0x184D2A50 to 5F are skipped. `*ret_magic` is that of the first frame that is not, 0 at the end of
 * the data. False: no such frame, or one that is cut. */
static bool skip_frames(const uint8_t *data, size_t size, uint32_t *ret_magic)
{
	size_t at = 0;

	*ret_magic = 0;
	for (unsigned int n = 0; size - at >= 8 && (le32(data + at) & 0xfffffff0u) == 0x184d2a50u; n++) {
		uint64_t end = (uint64_t)at + 8 + le32(data + at + 4);

		if (end > size || n == FRAMES_MAX)
			return false;
		at = (size_t)end;
	}
	if (size - at >= 4)
		*ret_magic = le32(data + at);
	return at > 0;
}

bool looks_like_skipped_zstd(const uint8_t *data, size_t size)
{
	uint32_t magic;

	return skip_frames(data, size, &magic) && magic == 0xfd2fb528u;
}

bool looks_like_skipped_lz4(const uint8_t *data, size_t size)
{
	uint32_t magic;

	return skip_frames(data, size, &magic) && (magic == 0x184d2204u || magic == 0x184c2102u);
}

/* With nothing behind it that one of the two above knows. */
bool looks_like_skipped_frame(const uint8_t *data, size_t size)
{
	return size >= 8 && data[0] >= 0x50 && data[0] <= 0x5f && (uint64_t)le32(data + 4) + 8 <= size &&
	       !looks_like_skipped_zstd(data, size) && !looks_like_skipped_lz4(data, size);
}

/* compress(1): third byte has 9 to 16 bits, two bits reserved as zero. */
bool looks_like_compress(const uint8_t *data, size_t size)
{
	unsigned int bits = data[2] & 0x1f;

	return size > 4 && bits >= 9 && bits <= 16 && (data[2] & 0x60) == 0;
}

/* .lzma has no magic number: properties, dictionary of 2^n or 2^n + 2^(n-1), size unknown or below 2^48, and a
 * range coder that starts with zero (LZMA specification, Igor Pavlov). */
bool looks_like_lzma(const uint8_t *data, size_t size)
{
	uint32_t dictionary;
	uint64_t length;

	if (size < 18 || data[0] >= 225 || data[13] != 0)
		return false;
	dictionary = le32(data + 1);
	if (dictionary < 4096 || (dictionary & (dictionary - 1) &&
				  (dictionary & (dictionary - 1)) != dictionary / 3 * 2))
		return false;
	length = (uint64_t)le32(data + 9) << 32 | le32(data + 5);
	return length == UINT64_MAX || (length > 0 && length < 1ull << 40);
}

/* RFC 1950: two bytes with a check, and then data that inflate. Text begins like this too ("x", then a byte),
 * hence a trial over the first bytes. */
bool looks_like_zlib(const uint8_t *data, size_t size)
{
	uint8_t out[4096];
	z_stream z = { 0 };
	int r;

	if (size < 8 || (data[0] << 8 | data[1]) % 31 != 0 || data[1] & 0x20)
		return false;
	if (inflateInit(&z) != Z_OK)
		return true; /* out of memory: cannot tell, so not clean */
	z.next_in = (Bytef *)(uintptr_t)data;
	z.avail_in = (uInt)MIN(size, 4096u);
	z.next_out = out;
	z.avail_out = sizeof(out);
	r = inflate(&z, Z_SYNC_FLUSH);
	r = (r == Z_STREAM_END || r == Z_OK || r == Z_BUF_ERROR) && (z.total_out >= 16 || r == Z_STREAM_END);
	(void)inflateEnd(&z);
	return r;
}

bool looks_like_boot_sector(const uint8_t *data, size_t size)
{
	return size >= 512 && data[510] == 0x55 && data[511] == 0xaa;
}

/* Four entries, each empty or with a sane flag, a type and a place; at least one in use. */
bool looks_like_mbr(const uint8_t *data, size_t size)
{
	int used = 0;

	for (const uint8_t *e = data + 446; e < data + 510; e += 16) {
		if (e[0] != 0 && e[0] != 0x80)
			return false;
		if (e[4] == 0)
			continue;
		if (le32(e + 12) == 0)
			return false;
		used++;
	}
	return used > 0 && size > 512;
}

/* ext2/3/4: block size and revision of the superblock at 1024 are small numbers. */
bool looks_like_ext(const uint8_t *data, size_t size)
{
	return size >= 2048 && le32(data + 1024 + 24) <= 6 && le32(data + 1024 + 76) <= 1 &&
	       le32(data + 1024) != 0;
}

/* OpenPGP (RFC 9580 §4.2): session key packet, old or new header, version 3 or later, then known algorithm. */
bool looks_like_openpgp_session(const uint8_t *data, size_t size)
{
	if (size < 16)
		return false;
	if (data[0] == 0x84 || data[0] == 0xc1) /* public-key encrypted, one-byte length or new format */
		return data[2] == 3 && data[11] >= 1 && data[11] <= 25;
	if (data[0] == 0x85) /* two-byte length */
		return data[3] == 3 && data[12] >= 1 && data[12] <= 25;
	return (data[0] == 0x8c || data[0] == 0xc3) && (data[2] == 4 || data[2] == 5) && data[3] >= 1 &&
	       data[3] <= 13 && data[4] <= 4; /* passphrase */
}

/* The first of four: PACK, version 2 or 3 (gitformat-pack(5)). */
bool looks_like_git_pack(const uint8_t *data, size_t size)
{
	return size > 12 && data[4] == 0 && data[5] == 0 && data[6] == 0 && (data[7] == 2 || data[7] == 3);
}

/* A zip without members is its end record, all zeros, and a comment (APPNOTE 4.3.16). Any other file that begins so is
 * an archive to some unpackers, and plain bytes to libclamav, which looks for a member's header. */
bool looks_like_odd_end_record(const uint8_t *data, size_t size)
{
	static const uint8_t none[16];

	return size < 22 || memcmp(data + 4, none, sizeof(none)) != 0 || le16(data + 20) != size - 22;
}

bool looks_like_empty_zip(const uint8_t *data, size_t size)
{
	return !looks_like_odd_end_record(data, size);
}

/* Not that of a Debian package, which has a row of its own (deb(5)). */
bool looks_like_plain_ar(const uint8_t *data, size_t size)
{
	return size < 21 || memcmp(data + 8, "debian-binary", 13) != 0;
}

/* A block's magic number is pi or its square root in BCD (bzip2 1.0.8, compress.c). */
bool looks_like_bzip2(const uint8_t *data, size_t size)
{
	return size >= 10 && data[3] >= '1' && data[3] <= '9' &&
	       (memcmp(data + 4, "\x31\x41\x59\x26\x53\x59", 6) == 0 || memcmp(data + 4, "\x17\x72\x45\x38\x50\x90", 6) == 0);
}

/* The tar of Unix version 7 has no magic number: a check sum over the header that holds, and a name (POSIX.1-2017 pax). */
bool looks_like_old_tar(const uint8_t *data, size_t size)
{
	return size >= 512 && data[0] != 0 && plan_tar_has_checksum(data);
}

/* Binary cpio (POSIX.1-1988 10.1.2; 16 bits, either order): a name of sane length that ends with a NUL. */
bool looks_like_binary_cpio(const uint8_t *data, size_t size)
{
	size_t length;

	if (size < 26)
		return false;
	length = data[0] == 0xc7 ? le16(data + 20) : (size_t)(data[20] << 8 | data[21]);
	return length > 1 && length <= 4096 && 26 + length <= size && data[26 + length - 1] == '\0' &&
	       !memchr(data + 26, '\0', length - 1);
}

/* "-lh5-", "-lzs-": method, and the level of the header, 0 to 3 (LHa for UNIX, header.doc). */
bool looks_like_lha(const uint8_t *data, size_t size)
{
	return size > 21 && (data[4] == 'h' || data[4] == 'z') && data[6] == '-' && data[20] <= 3 &&
	       ((data[5] >= '0' && data[5] <= '9') || strchr("dsx", data[5])) && data[5] != '\0';
}

/* POSIX uuencode: "begin MODE NAME", the mode in octal. */
static bool has_mode(const uint8_t *data, size_t size, size_t at)
{
	size_t digits = 0;

	while (at + digits < size && digits < 5 && data[at + digits] >= '0' && data[at + digits] <= '7')
		digits++;
	return digits >= 3 && digits <= 4 && at + digits < size && data[at + digits] == ' ';
}

bool looks_like_uuencode(const uint8_t *data, size_t size)
{
	return has_mode(data, size, 6);
}

bool looks_like_uuencode_base64(const uint8_t *data, size_t size)
{
	return has_mode(data, size, 13);
}
