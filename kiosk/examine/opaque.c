/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The table of formats that libclamav 1.4 reports "clean" without having opened them (tested one by one; see
 * the rows' reasons). Runs in a worker, on the bytes of the file and of every member that libclamav brings out.
 *
 * A row is a magic number at an offset (negative: from the end), and where the number is short or common, a
 * function that looks closer. A row too many costs a held file; a row too few costs an uninspected one.
 */
#include "examine/opaque.h"

#include <stdbool.h>
#include <string.h>
#include <zlib.h>

struct row {
	struct opaque_format format;
	int64_t offset;
	const char *magic;
	size_t magic_size;
	bool (*confirm)(const uint8_t *data, size_t size); /* NULL: the magic number is enough */
};

static uint16_t le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)le16(p) | (uint32_t)le16(p + 2) << 16;
}

/* -- closer looks -------------------------------------------------------------------------------------------- */

/* RFC 8878 §3.1.2: 0x184D2A50 to 5F; at least two frames, or any at all: nothing else begins so. */
static bool is_skippable_frame(const uint8_t *data, size_t size)
{
	return size >= 8 && data[0] >= 0x50 && data[0] <= 0x5f && (uint64_t)le32(data + 4) + 8 <= size;
}

/* compress(1): third byte has 9 to 16 bits, two bits reserved as zero. */
static bool is_compress(const uint8_t *data, size_t size)
{
	unsigned int bits = data[2] & 0x1f;

	return size > 4 && bits >= 9 && bits <= 16 && (data[2] & 0x60) == 0;
}

/* .lzma has no magic number: properties, dictionary of 2^n or 2^n + 2^(n-1), size unknown or below 2^48, and a
 * range coder that starts with zero (LZMA specification, Igor Pavlov). */
static bool is_lzma(const uint8_t *data, size_t size)
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
static bool is_zlib(const uint8_t *data, size_t size)
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

/* A pickle is a program; protocol 2 to 5 and STOP at the end (CPython, pickletools). */
static bool is_pickle(const uint8_t *data, size_t size)
{
	return size > 4 && data[1] >= 2 && data[1] <= 5 && data[size - 1] == '.';
}

static bool is_boot_sector(const uint8_t *data, size_t size)
{
	return size >= 512 && data[510] == 0x55 && data[511] == 0xaa;
}

/* Four entries, each empty or with a sane flag, a type and a place; at least one in use. */
static bool is_mbr(const uint8_t *data, size_t size)
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
static bool is_ext(const uint8_t *data, size_t size)
{
	return size >= 2048 && le32(data + 1024 + 24) <= 6 && le32(data + 1024 + 76) <= 1 &&
	       le32(data + 1024) != 0;
}

/* OpenPGP (RFC 9580 §4.2): session key packet, old or new header, version 3 or later, then known algorithm. */
static bool is_openpgp_session(const uint8_t *data, size_t size)
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
static bool is_git_pack(const uint8_t *data, size_t size)
{
	return size > 12 && data[4] == 0 && data[5] == 0 && data[6] == 0 && (data[7] == 2 || data[7] == 3);
}

/* A zip without members is its end record, all zeros, and a comment (APPNOTE 4.3.16). Any other file that begins so is
 * an archive to some unpackers, and plain bytes to libclamav, which looks for a member's header. */
static bool is_odd_end_record(const uint8_t *data, size_t size)
{
	static const uint8_t none[16];

	return size < 22 || memcmp(data + 4, none, sizeof(none)) != 0 || le16(data + 20) != size - 22;
}

/* -- the table ----------------------------------------------------------------------------------------------- */

#define OPAQUE(off, bytes, fn, n, m, w)                                                            \
	{ { n, m, REASON_CONTAINER_OPAQUE, w }, off, bytes, sizeof(bytes) - 1, fn }
#define SECRET(off, bytes, fn, n, m, w)                                                            \
	{ { n, m, REASON_ENCRYPTED, w }, off, bytes, sizeof(bytes) - 1, fn }

#define STREAM "a compressed stream that libclamav does not open"
#define ARCHIVE "an archive that libclamav does not open"
#define DISK "a disk image: libclamav sees raw blocks, not files"
#define FILESYSTEM "a file system image: libclamav sees raw blocks, not files"
#define STORE "content lies in pieces or compressed inside, and libclamav sees only the raw bytes"

static const struct row rows[] = {
	/* compressed streams */
	OPAQUE(0, "\x28\xb5\x2f\xfd", NULL, "zstd", "application/zstd", STREAM),
	OPAQUE(1, "\x2a\x4d\x18", is_skippable_frame, "skippable frame (zstd, lz4)", "application/zstd", STREAM),
	OPAQUE(0, "\x04\x22\x4d\x18", NULL, "lz4", "application/x-lz4", STREAM),
	OPAQUE(0, "\x02\x21\x4c\x18", NULL, "lz4 (legacy)", "application/x-lz4", STREAM),
	OPAQUE(0, "LZIP\x01", NULL, "lzip", "application/lzip", STREAM),
	OPAQUE(0, "\x89LZO\0\r\n\x1a\n", NULL, "lzop", "application/x-lzop", STREAM),
	OPAQUE(0, "\x1f\x9d", is_compress, "compress (.Z)", "application/x-compress", STREAM),
	OPAQUE(0, "\x1f\xa0", NULL, "compress (.z, SCO LZH)", "application/x-compress", STREAM),
	OPAQUE(0, "\x1f\x1e", NULL, "pack (.z)", "application/x-compress", STREAM),
	OPAQUE(0, "\x5d\x00\x00", is_lzma, "lzma", "application/x-lzma", STREAM),
	OPAQUE(0, "\x78\x01", is_zlib, "zlib", "application/zlib", STREAM),
	OPAQUE(0, "\x78\x5e", is_zlib, "zlib", "application/zlib", STREAM),
	OPAQUE(0, "\x78\x9c", is_zlib, "zlib", "application/zlib", STREAM),
	OPAQUE(0, "\x78\xda", is_zlib, "zlib", "application/zlib", STREAM),
	OPAQUE(0, "\xff\x06\x00\x00sNaPpY", NULL, "snappy", "application/x-snappy-framed", STREAM),
	OPAQUE(0, "LRZI", NULL, "lrzip", "application/x-lrzip", STREAM),
	OPAQUE(0, "\x37\x6b\x53\x74\xa0\x31\x83\xd3", NULL, "zpaq", "application/x-zpaq", STREAM),
	OPAQUE(0, "zPQ", NULL, "zpaq", "application/x-zpaq", STREAM),
	OPAQUE(0, "\xce\xb2\xcf\x81", NULL, "brotli (framed)", NULL, STREAM),
	OPAQUE(0, "pbzx", NULL, "pbzx", NULL, STREAM),
	/* archives and packages */
	OPAQUE(0, "!<arch>\ndebian-binary", NULL, "Debian package (ar)", "application/vnd.debian.binary-package",
	       ARCHIVE),
	OPAQUE(0, "!<arch>\n", NULL, "ar", "application/x-archive", ARCHIVE),
	OPAQUE(0, "!<thin>\n", NULL, "ar (thin)", "application/x-archive", ARCHIVE),
	OPAQUE(0, "\xed\xab\xee\xdb", NULL, "RPM package", "application/x-rpm", ARCHIVE),
	OPAQUE(0, "Rar!\x1a\x07", NULL, "RAR", "application/vnd.rar", ARCHIVE " in this build"),
	OPAQUE(0, "RE~^", NULL, "RAR 1", "application/vnd.rar", ARCHIVE " in this build"),
	OPAQUE(0, "MSWIM\0\0\0", NULL, "WIM", "application/x-ms-wim", ARCHIVE),
	OPAQUE(0, "WLPWM\0\0\0", NULL, "WIM (pipable)", "application/x-ms-wim", ARCHIVE),
	OPAQUE(0, "PK\x05\x06", is_odd_end_record, "zip that begins with its end", "application/zip", ARCHIVE),
	OPAQUE(0, "begin-base64 ", NULL, "base64 as uuencode writes it", NULL, ARCHIVE),
	OPAQUE(0, "PK\x07\x08", NULL, "part of a split zip", "application/zip", "parts are never joined"),
	OPAQUE(7, "**ACE**", NULL, "ACE", "application/x-ace-compressed", ARCHIVE),
	OPAQUE(20, "\xdc\xa7\xc4\xfd", NULL, "zoo", "application/x-zoo", ARCHIVE),
	OPAQUE(0, "SIT!", NULL, "StuffIt", "application/x-stuffit", ARCHIVE),
	OPAQUE(0, "StuffIt (c)", NULL, "StuffIt 5", "application/x-stuffit", ARCHIVE),
	OPAQUE(0, "xar!", NULL, "xar (macOS package)", "application/x-xar", "its members cannot be accounted for"),
	OPAQUE(0, "WARC/", NULL, "web archive (WARC)", "application/warc", ARCHIVE),
	OPAQUE(0, "Cr24", NULL, "browser extension (crx)", "application/x-chrome-extension", ARCHIVE),
	OPAQUE(0, "flatpak\0", NULL, "flatpak bundle", "application/vnd.flatpak", ARCHIVE),
	OPAQUE(8, "AI\x02", NULL, "AppImage", "application/vnd.appimage", FILESYSTEM),
	OPAQUE(0, "# v2 git bundle\n", NULL, "git bundle", "application/x-git-bundle", STORE),
	OPAQUE(0, "# v3 git bundle\n", NULL, "git bundle", "application/x-git-bundle", STORE),
	OPAQUE(0, "PACK", is_git_pack, "git pack", "application/x-git-pack", STORE),
	OPAQUE(0, "dar\n", NULL, "dar", NULL, ARCHIVE),
	OPAQUE(0, "BORG_SEG", NULL, "borg repository segment", NULL, STORE),
	OPAQUE(0, "ISc(", NULL, "InstallShield cabinet", "application/x-installshield", ARCHIVE),
	OPAQUE(0, "EGGA", NULL, "EGG", "application/x-egg-compressed", "its members cannot be accounted for"),
	OPAQUE(0, "ALZ\x01", NULL, "ALZ", "application/x-alz-compressed", "its members cannot be accounted for"),
	/* data that carries programs or pieces of files */
	OPAQUE(0, "SQLite format 3\0", NULL, "SQLite database", "application/vnd.sqlite3", STORE),
	OPAQUE(0, "\x37\x7f\x06\x82", NULL, "SQLite log", NULL, STORE),
	OPAQUE(0, "\x37\x7f\x06\x83", NULL, "SQLite log", NULL, STORE),
	OPAQUE(0, "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", NULL, "SQLite journal", NULL, STORE),
	OPAQUE(0, "\x80", is_pickle, "Python pickle", "application/x-python-pickle",
	       "a program for Python's unpickler, which no signature of libclamav reads"),
	OPAQUE(0, "\x89HDF\r\n\x1a\n", NULL, "HDF5", "application/x-hdf5", STORE),
	OPAQUE(0, "PAR1", NULL, "Parquet", "application/vnd.apache.parquet", STORE),
	OPAQUE(0, "Obj\x01", NULL, "Avro", "application/vnd.apache.avro", STORE),
	OPAQUE(0, "!BDN", NULL, "Outlook mailbox (PST, OST)", "application/vnd.ms-outlook", STORE),
	OPAQUE(0, "\x00\x01\x00\x00Standard ", NULL, "Access database", "application/x-msaccess", STORE),
	OPAQUE(4, "\xef\xcd\xab\x89", NULL, "ESE database", NULL, STORE),
	/* disk images */
	OPAQUE(0, "QFI\xfb", NULL, "qcow2", "application/x-qemu-disk", DISK),
	OPAQUE(0, "QED\0", NULL, "qed", "application/x-qemu-disk", DISK),
	OPAQUE(0, "KDMV", NULL, "vmdk", "application/x-vmdk-disk", DISK),
	OPAQUE(0, "COWD", NULL, "vmdk (version 3)", "application/x-vmdk-disk", DISK),
	OPAQUE(0, "# Disk DescriptorFile", NULL, "vmdk (descriptor)", "application/x-vmdk-disk",
	       "content lies in files beside it"),
	OPAQUE(64, "\x7f\x10\xda\xbe", NULL, "vdi", "application/x-virtualbox-vdi", DISK),
	OPAQUE(0, "vhdxfile", NULL, "vhdx", "application/x-vhdx-disk", DISK),
	OPAQUE(0, "conectix", NULL, "vhd", "application/x-vhd-disk", DISK),
	OPAQUE(-512, "conectix", NULL, "vhd", "application/x-vhd-disk", DISK),
	OPAQUE(-512, "koly\0\0\0\x04", NULL, "dmg", "application/x-apple-diskimage",
	       "its members cannot be accounted for"),
	OPAQUE(0, "\x3a\xff\x26\xed", NULL, "Android sparse image", NULL, DISK),
	OPAQUE(0, "ANDROID!", NULL, "Android boot image", NULL, DISK),
	OPAQUE(0, "VMA\0", NULL, "Proxmox backup (VMA)", NULL, DISK),
	OPAQUE(0, "EVF\x09\x0d\x0a\xff\0", NULL, "EWF (E01)", NULL, DISK),
	OPAQUE(0, "EVF2\r\n\x81\0", NULL, "EWF2 (Ex01)", NULL, DISK),
	OPAQUE(512, "EFI PART", NULL, "GPT disk image", NULL, DISK),
	OPAQUE(4096, "EFI PART", NULL, "GPT disk image (4 KiB sectors)", NULL, DISK),
	OPAQUE(0, "ER\x02\x00", NULL, "Apple partition map", NULL, DISK),
	OPAQUE(512, "LABELONE", NULL, "LVM volume", NULL, DISK),
	/* file systems */
	OPAQUE(54, "FAT12   ", is_boot_sector, "FAT image", NULL, FILESYSTEM),
	OPAQUE(54, "FAT16   ", is_boot_sector, "FAT image", NULL, FILESYSTEM),
	OPAQUE(54, "FAT     ", is_boot_sector, "FAT image", NULL, FILESYSTEM),
	OPAQUE(82, "FAT32   ", is_boot_sector, "FAT image", NULL, FILESYSTEM),
	OPAQUE(3, "EXFAT   ", NULL, "exFAT image", NULL, FILESYSTEM),
	OPAQUE(3, "NTFS    ", NULL, "NTFS image", NULL, FILESYSTEM),
	OPAQUE(3, "ReFS\0\0\0\0", NULL, "ReFS image", NULL, FILESYSTEM),
	SECRET(3, "-FVE-FS-", NULL, "BitLocker volume", NULL, "encrypted"),
	OPAQUE(1080, "\x53\xef", is_ext, "ext2/3/4 image", NULL, FILESYSTEM),
	OPAQUE(0, "XFSB", NULL, "XFS image", NULL, FILESYSTEM),
	OPAQUE(65600, "_BHRfS_M", NULL, "btrfs image", NULL, FILESYSTEM),
	OPAQUE(1024, "\x10\x20\xf5\xf2", NULL, "F2FS image", NULL, FILESYSTEM),
	OPAQUE(1024, "\xe2\xe1\xf5\xe0", NULL, "EROFS image", NULL, FILESYSTEM),
	OPAQUE(1024, "H+\0\x04", NULL, "HFS+ image", NULL, FILESYSTEM),
	OPAQUE(1024, "HX\0\x05", NULL, "HFSX image", NULL, FILESYSTEM),
	OPAQUE(32, "NXSB", NULL, "APFS image", NULL, FILESYSTEM),
	OPAQUE(0, "hsqs", NULL, "squashfs", "application/vnd.squashfs", FILESYSTEM),
	OPAQUE(0, "sqsh", NULL, "squashfs (big endian)", "application/vnd.squashfs", FILESYSTEM),
	OPAQUE(0, "\x45\x3d\xcd\x28", NULL, "cramfs", NULL, FILESYSTEM),
	OPAQUE(0, "-rom1fs-", NULL, "romfs", NULL, FILESYSTEM),
	OPAQUE(0, "UBI#", NULL, "UBI image", NULL, FILESYSTEM),
	OPAQUE(0, "\x31\x18\x10\x06", NULL, "UBIFS image", NULL, FILESYSTEM),
	OPAQUE(65588, "ReIsEr", NULL, "ReiserFS image", NULL, FILESYSTEM),
	OPAQUE(4086, "SWAPSPACE2", NULL, "swap space", NULL, FILESYSTEM),
	OPAQUE(34817, "NSR0", NULL, "UDF image", "application/x-iso9660-image",
	       "only its ISO 9660 tree, if any, is opened"),
	OPAQUE(36865, "NSR0", NULL, "UDF image", "application/x-iso9660-image",
	       "only its ISO 9660 tree, if any, is opened"),
	OPAQUE(38913, "NSR0", NULL, "UDF image", "application/x-iso9660-image",
	       "only its ISO 9660 tree, if any, is opened"),
	OPAQUE(40961, "NSR0", NULL, "UDF image", "application/x-iso9660-image",
	       "only its ISO 9660 tree, if any, is opened"),
	OPAQUE(510, "\x55\xaa", is_mbr, "MBR disk image", NULL, DISK),
	/* encrypted */
	SECRET(0, "LUKS\xba\xbe", NULL, "LUKS volume", NULL, "encrypted"),
	SECRET(0, "Salted__", NULL, "OpenSSL enc", NULL, "encrypted"),
	SECRET(0, "age-encryption.org/v1", NULL, "age", NULL, "encrypted"),
	SECRET(0, "-----BEGIN AGE ENCRYPTED FILE-----", NULL, "age", NULL, "encrypted"),
	SECRET(0, "-----BEGIN PGP MESSAGE-----", NULL, "OpenPGP message", "application/pgp-encrypted", "encrypted"),
	SECRET(0, "\x84", is_openpgp_session, "OpenPGP message", "application/pgp-encrypted", "encrypted"),
	SECRET(0, "\x85", is_openpgp_session, "OpenPGP message", "application/pgp-encrypted", "encrypted"),
	SECRET(0, "\x8c", is_openpgp_session, "OpenPGP message", "application/pgp-encrypted", "encrypted"),
	SECRET(0, "\xc1", is_openpgp_session, "OpenPGP message", "application/pgp-encrypted", "encrypted"),
	SECRET(0, "\xc3", is_openpgp_session, "OpenPGP message", "application/pgp-encrypted", "encrypted"),
	SECRET(0, "\x03\xd9\xa2\x9a", NULL, "KeePass database", "application/x-keepass2", "encrypted"),
	SECRET(0, "AES\x02\0", NULL, "AES Crypt", NULL, "encrypted"),
};

static bool row_matches(const struct row *row, const uint8_t *data, size_t size)
{
	size_t at = row->offset >= 0 ? (size_t)row->offset : size - (size_t)-row->offset;

	if (row->offset < 0 && size < (size_t)-row->offset)
		return false;
	if (at > size || size - at < row->magic_size || memcmp(data + at, row->magic, row->magic_size) != 0)
		return false;
	return !row->confirm || (size >= 4 && row->confirm(data, size));
}

const struct opaque_format *opaque_find(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (row_matches(&rows[i], data, size))
			return &rows[i].format;
	return NULL;
}

/* Inside executables. NSIS and AutoIt scripts are opened by libclamav, but nothing tells how much of them. */
static const struct row installers[] = {
	OPAQUE(0, "Rar!\x1a\x07\0", NULL, "RAR in an executable", NULL, ARCHIVE " in this build"),
	OPAQUE(0, "Rar!\x1a\x07\x01\0", NULL, "RAR 5 in an executable", NULL, ARCHIVE " in this build"),
	OPAQUE(0, "Inno Setup Setup Data (", NULL, "Inno Setup installer", NULL, ARCHIVE),
	OPAQUE(0, "\xef\xbe\xad\xdeNullsoftInst", NULL, "NSIS installer", NULL,
	       "its members cannot be accounted for"),
};

const struct opaque_format *opaque_find_installer(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < ARRAY_LEN(installers); i++)
		if (memmem(data, size, installers[i].magic, installers[i].magic_size))
			return &installers[i].format;
	return NULL;
}
