/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The one table of magic numbers for what holds other content. A row says three things: whether libclamav opens it (OPENED),
 * or answers "clean" without having done so (OWED, OPAQUE; tested one by one with 1.4, see the rows' reasons), and which
 * container format it is, if another role opens such (OWED, OPENED).
 *
 * A row is a magic number at an offset (negative: from the end), and where the number is short or common, a function that
 * looks closer. A row too many costs a held file; a row too few costs an uninspected one.
 */
#include "examine/formats.h"

#include <string.h>

#include "common/macros.h"
#include "examine/looks.h"

#define ROW(c, off, bytes, fn, n, m, r, w)                                                         \
	{ n, m, r, w, CONTAINER_##c, off, bytes, sizeof(bytes) - 1, fn }
#define OPENED(c, off, bytes, fn, n) ROW(c, off, bytes, fn, n, NULL, REASON_CONTAINER_OPAQUE, NULL)
#define OWED(c, off, bytes, fn, n, m, w) ROW(c, off, bytes, fn, n, m, REASON_CONTAINER_OPAQUE, w)
#define OPAQUE(off, bytes, fn, n, m, w) ROW(NONE, off, bytes, fn, n, m, REASON_CONTAINER_OPAQUE, w)
#define SECRET(off, bytes, fn, n, m, w) ROW(NONE, off, bytes, fn, n, m, REASON_ENCRYPTED, w)

#define STREAM "a compressed stream that libclamav does not open"
#define ARCHIVE "an archive that libclamav does not open"
#define DISK_IMAGE "a disk image: libclamav sees raw blocks, not files"
#define FILESYSTEM "a file system image: libclamav sees raw blocks, not files"
#define STORE "content lies in pieces or compressed inside, and libclamav sees only the raw bytes"

static const struct format rows[] = {
	/* compressed streams */
	OWED(ZSTD, 0, "\x28\xb5\x2f\xfd", NULL, "zstd", "application/zstd", STREAM),
	OWED(ZSTD, 1, "\x2a\x4d\x18", looks_like_skipped_zstd, "zstd behind a skippable frame", "application/zstd", STREAM),
	OWED(LZ4, 1, "\x2a\x4d\x18", looks_like_skipped_lz4, "lz4 behind a skippable frame", "application/x-lz4", STREAM),
	OPAQUE(1, "\x2a\x4d\x18", looks_like_skipped_frame, "skippable frame (zstd, lz4)", "application/zstd", STREAM),
	OPENED(GZIP, 0, "\x1f\x8b\x08", NULL, "gzip"),
	OPENED(BZIP2, 0, "BZh", looks_like_bzip2, "bzip2"),
	OPENED(XZ, 0, "\xfd" "7zXZ\0", NULL, "xz"),
	OWED(LZ4, 0, "\x04\x22\x4d\x18", NULL, "lz4", "application/x-lz4", STREAM),
	OWED(LZ4, 0, "\x02\x21\x4c\x18", NULL, "lz4 (legacy)", "application/x-lz4", STREAM),
	OWED(LZIP, 0, "LZIP\x01", NULL, "lzip", "application/lzip", STREAM),
	OPAQUE(0, "\x89LZO\0\r\n\x1a\n", NULL, "lzop", "application/x-lzop", STREAM),
	OWED(COMPRESS, 0, "\x1f\x9d", looks_like_compress, "compress (.Z)", "application/x-compress", STREAM),
	OPAQUE(0, "\x1f\xa0", NULL, "compress (.z, SCO LZH)", "application/x-compress", STREAM),
	OPAQUE(0, "\x1f\x1e", NULL, "pack (.z)", "application/x-compress", STREAM),
	OWED(LZMA, 0, "\x5d\x00\x00", looks_like_lzma, "lzma", "application/x-lzma", STREAM),
	OPAQUE(0, "\x78\x01", looks_like_zlib, "zlib", "application/zlib", STREAM),
	OPAQUE(0, "\x78\x5e", looks_like_zlib, "zlib", "application/zlib", STREAM),
	OPAQUE(0, "\x78\x9c", looks_like_zlib, "zlib", "application/zlib", STREAM),
	OPAQUE(0, "\x78\xda", looks_like_zlib, "zlib", "application/zlib", STREAM),
	OPAQUE(0, "\xff\x06\x00\x00sNaPpY", NULL, "snappy", "application/x-snappy-framed", STREAM),
	OPAQUE(0, "LRZI", NULL, "lrzip", "application/x-lrzip", STREAM),
	OPAQUE(0, "\x37\x6b\x53\x74\xa0\x31\x83\xd3", NULL, "zpaq", "application/x-zpaq", STREAM),
	OPAQUE(0, "zPQ", NULL, "zpaq", "application/x-zpaq", STREAM),
	OPAQUE(0, "\xce\xb2\xcf\x81", NULL, "brotli (framed)", NULL, STREAM),
	OPAQUE(0, "pbzx", NULL, "pbzx", NULL, STREAM),
	/* archives and packages */
	OWED(DEB, 0, "!<arch>\ndebian-binary", NULL, "Debian package (ar)", "application/vnd.debian.binary-package",
	       ARCHIVE),
	OWED(AR, 0, "!<arch>\n", looks_like_plain_ar, "ar", "application/x-archive", ARCHIVE),
	OPENED(TAR, 257, "ustar", NULL, "tar"),
	OPENED(TAR, 0, "", looks_like_old_tar, "tar (version 7)"),
	OPENED(CPIO, 0, "070701", NULL, "cpio"),
	OPENED(CPIO, 0, "070702", NULL, "cpio"),
	OPENED(CPIO, 0, "070707", NULL, "cpio"),
	OPENED(CPIO, 0, "\xc7\x71", looks_like_binary_cpio, "cpio (binary)"),
	OPENED(CPIO, 0, "\x71\xc7", looks_like_binary_cpio, "cpio (binary)"),
	OPENED(ZIP, 0, "PK\x03\x04", NULL, "zip"),
	OPENED(ZIP, 0, "PK\x05\x06", looks_like_empty_zip, "zip without members"),
	OPENED(SEVENZIP, 0, "7z\xbc\xaf\x27\x1c", NULL, "7z"),
	OPENED(CAB, 0, "MSCF\0\0\0\0", NULL, "cabinet"),
	OPENED(UU, 0, "begin ", looks_like_uuencode, "uuencode"),
	OWED(LHA, 2, "-l", looks_like_lha, "LHA", "application/x-lha", "its members cannot be accounted for"),
	OPAQUE(0, "!<thin>\n", NULL, "ar (thin)", "application/x-archive", ARCHIVE),
	OWED(RPM, 0, "\xed\xab\xee\xdb", NULL, "RPM package", "application/x-rpm", ARCHIVE),
	OWED(RAR, 0, "Rar!\x1a\x07", NULL, "RAR", "application/vnd.rar", ARCHIVE " in this build"),
	OPAQUE(0, "RE~^", NULL, "RAR 1", "application/vnd.rar", ARCHIVE " in this build"),
	OPAQUE(0, "MSWIM\0\0\0", NULL, "WIM", "application/x-ms-wim", ARCHIVE),
	OPAQUE(0, "WLPWM\0\0\0", NULL, "WIM (pipable)", "application/x-ms-wim", ARCHIVE),
	OPAQUE(0, "PK\x05\x06", looks_like_odd_end_record, "zip that begins with its end", "application/zip", ARCHIVE),
	OWED(UU, 0, "begin-base64 ", looks_like_uuencode_base64, "base64 as uuencode writes it", NULL, ARCHIVE),
	OPAQUE(0, "PK\x07\x08", NULL, "part of a split zip", "application/zip", "parts are never joined"),
	OPAQUE(7, "**ACE**", NULL, "ACE", "application/x-ace-compressed", ARCHIVE),
	OPAQUE(20, "\xdc\xa7\xc4\xfd", NULL, "zoo", "application/x-zoo", ARCHIVE),
	OPAQUE(0, "SIT!", NULL, "StuffIt", "application/x-stuffit", ARCHIVE),
	OPAQUE(0, "StuffIt (c)", NULL, "StuffIt 5", "application/x-stuffit", ARCHIVE),
	OWED(XAR, 0, "xar!", NULL, "xar (macOS package)", "application/x-xar", "its members cannot be accounted for"),
	OWED(WARC, 0, "WARC/", NULL, "web archive (WARC)", "application/warc", ARCHIVE),
	OWED(ZIP, 0, "Cr24", NULL, "browser extension (crx)", "application/x-chrome-extension", ARCHIVE),
	OPAQUE(0, "flatpak\0", NULL, "flatpak bundle", "application/vnd.flatpak", ARCHIVE),
	OPAQUE(8, "AI\x02", NULL, "AppImage", "application/vnd.appimage", FILESYSTEM),
	OPAQUE(0, "# v2 git bundle\n", NULL, "git bundle", "application/x-git-bundle", STORE),
	OPAQUE(0, "# v3 git bundle\n", NULL, "git bundle", "application/x-git-bundle", STORE),
	OPAQUE(0, "PACK", looks_like_git_pack, "git pack", "application/x-git-pack", STORE),
	OPAQUE(0, "dar\n", NULL, "dar", NULL, ARCHIVE),
	OPAQUE(0, "BORG_SEG", NULL, "borg repository segment", NULL, STORE),
	OPAQUE(0, "ISc(", NULL, "InstallShield cabinet", "application/x-installshield", ARCHIVE),
	OPAQUE(0, "EGGA", NULL, "EGG", "application/x-egg-compressed", "its members cannot be accounted for"),
	OPAQUE(0, "ALZ\x01", NULL, "ALZ", "application/x-alz-compressed", "its members cannot be accounted for"),
	/* documents that hold other files */
	OPENED(OLE, 0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", NULL, "OLE2"),
	OPENED(PDF, 0, "%PDF-", NULL, "PDF"),
	/* data that carries programs or pieces of files */
	OPAQUE(0, "SQLite format 3\0", NULL, "SQLite database", "application/vnd.sqlite3", STORE),
	OPAQUE(0, "\x37\x7f\x06\x82", NULL, "SQLite log", NULL, STORE),
	OPAQUE(0, "\x37\x7f\x06\x83", NULL, "SQLite log", NULL, STORE),
	OPAQUE(0, "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", NULL, "SQLite journal", NULL, STORE),
	OPAQUE(0, "\x89HDF\r\n\x1a\n", NULL, "HDF5", "application/x-hdf5", STORE),
	OPAQUE(0, "PAR1", NULL, "Parquet", "application/vnd.apache.parquet", STORE),
	OPAQUE(0, "Obj\x01", NULL, "Avro", "application/vnd.apache.avro", STORE),
	OPAQUE(0, "!BDN", NULL, "Outlook mailbox (PST, OST)", "application/vnd.ms-outlook", STORE),
	OPAQUE(0, "\x00\x01\x00\x00Standard ", NULL, "Access database", "application/x-msaccess", STORE),
	OPAQUE(4, "\xef\xcd\xab\x89", NULL, "ESE database", NULL, STORE),
	/* disk images */
	OWED(QCOW, 0, "QFI\xfb", NULL, "qcow2", "application/x-qemu-disk", DISK_IMAGE),
	OPAQUE(0, "QED\0", NULL, "qed", "application/x-qemu-disk", DISK_IMAGE),
	OWED(VMDK, 0, "KDMV", NULL, "vmdk", "application/x-vmdk-disk", DISK_IMAGE),
	OPAQUE(0, "COWD", NULL, "vmdk (version 3)", "application/x-vmdk-disk", DISK_IMAGE),
	OPAQUE(0, "# Disk DescriptorFile", NULL, "vmdk (descriptor)", "application/x-vmdk-disk",
	       "content lies in files beside it"),
	OPAQUE(64, "\x7f\x10\xda\xbe", NULL, "vdi", "application/x-virtualbox-vdi", DISK_IMAGE),
	OWED(VHDX, 0, "vhdxfile", NULL, "vhdx", "application/x-vhdx-disk", DISK_IMAGE),
	OWED(VHD, 0, "conectix", NULL, "vhd", "application/x-vhd-disk", DISK_IMAGE),
	OWED(VHD, -512, "conectix", NULL, "vhd", "application/x-vhd-disk", DISK_IMAGE),
	OPAQUE(-512, "koly\0\0\0\x04", NULL, "dmg", "application/x-apple-diskimage",
	       "its members cannot be accounted for"),
	OPAQUE(0, "\x3a\xff\x26\xed", NULL, "Android sparse image", NULL, DISK_IMAGE),
	OPAQUE(0, "ANDROID!", NULL, "Android boot image", NULL, DISK_IMAGE),
	OPAQUE(0, "VMA\0", NULL, "Proxmox backup (VMA)", NULL, DISK_IMAGE),
	OPAQUE(0, "EVF\x09\x0d\x0a\xff\0", NULL, "EWF (E01)", NULL, DISK_IMAGE),
	OPAQUE(0, "EVF2\r\n\x81\0", NULL, "EWF2 (Ex01)", NULL, DISK_IMAGE),
	OWED(DISK, 512, "EFI PART", NULL, "GPT disk image", NULL, DISK_IMAGE),
	OWED(DISK, 4096, "EFI PART", NULL, "GPT disk image (4 KiB sectors)", NULL, DISK_IMAGE),
	OWED(DISK, 0, "ER\x02\x00", NULL, "Apple partition map", NULL, DISK_IMAGE),
	OPAQUE(512, "LABELONE", NULL, "LVM volume", NULL, DISK_IMAGE),
	/* file systems */
	OPENED(ISO9660, 32769, "CD001", NULL, "ISO 9660 image"),
	OWED(DISK, 54, "FAT12   ", looks_like_boot_sector, "FAT image", NULL, FILESYSTEM),
	OWED(DISK, 54, "FAT16   ", looks_like_boot_sector, "FAT image", NULL, FILESYSTEM),
	OWED(DISK, 54, "FAT     ", looks_like_boot_sector, "FAT image", NULL, FILESYSTEM),
	OWED(DISK, 82, "FAT32   ", looks_like_boot_sector, "FAT image", NULL, FILESYSTEM),
	OWED(DISK, 3, "EXFAT   ", NULL, "exFAT image", NULL, FILESYSTEM),
	OWED(DISK, 3, "NTFS    ", NULL, "NTFS image", NULL, FILESYSTEM),
	OPAQUE(3, "ReFS\0\0\0\0", NULL, "ReFS image", NULL, FILESYSTEM),
	SECRET(3, "-FVE-FS-", NULL, "BitLocker volume", NULL, "encrypted"),
	OWED(DISK, 1080, "\x53\xef", looks_like_ext, "ext2/3/4 image", NULL, FILESYSTEM),
	OWED(DISK, 0, "XFSB", NULL, "XFS image", NULL, FILESYSTEM),
	OWED(DISK, 65600, "_BHRfS_M", NULL, "btrfs image", NULL, FILESYSTEM),
	OPAQUE(1024, "\x10\x20\xf5\xf2", NULL, "F2FS image", NULL, FILESYSTEM),
	OWED(DISK, 1024, "\xe2\xe1\xf5\xe0", NULL, "EROFS image", NULL, FILESYSTEM),
	OPAQUE(1024, "H+\0\x04", NULL, "HFS+ image", NULL, FILESYSTEM),
	OPAQUE(1024, "HX\0\x05", NULL, "HFSX image", NULL, FILESYSTEM),
	OPAQUE(32, "NXSB", NULL, "APFS image", NULL, FILESYSTEM),
	OWED(SQUASHFS, 0, "hsqs", NULL, "squashfs", "application/vnd.squashfs", FILESYSTEM),
	OPAQUE(0, "sqsh", NULL, "squashfs (big endian)", "application/vnd.squashfs", FILESYSTEM),
	OPAQUE(0, "\x45\x3d\xcd\x28", NULL, "cramfs", NULL, FILESYSTEM),
	OPAQUE(0, "-rom1fs-", NULL, "romfs", NULL, FILESYSTEM),
	OPAQUE(0, "UBI#", NULL, "UBI image", NULL, FILESYSTEM),
	OPAQUE(0, "\x31\x18\x10\x06", NULL, "UBIFS image", NULL, FILESYSTEM),
	OPAQUE(65588, "ReIsEr", NULL, "ReiserFS image", NULL, FILESYSTEM),
	OPAQUE(4086, "SWAPSPACE2", NULL, "swap space", NULL, FILESYSTEM),
	OWED(DISK, 34817, "NSR0", NULL, "UDF image", "application/x-iso9660-image",
	       "only its ISO 9660 tree, if any, is opened"),
	OWED(DISK, 36865, "NSR0", NULL, "UDF image", "application/x-iso9660-image",
	       "only its ISO 9660 tree, if any, is opened"),
	OWED(DISK, 38913, "NSR0", NULL, "UDF image", "application/x-iso9660-image",
	       "only its ISO 9660 tree, if any, is opened"),
	OWED(DISK, 40961, "NSR0", NULL, "UDF image", "application/x-iso9660-image",
	       "only its ISO 9660 tree, if any, is opened"),
	OWED(DISK, 510, "\x55\xaa", looks_like_mbr, "MBR disk image", NULL, DISK_IMAGE),
	/* encrypted */
	SECRET(0, "LUKS\xba\xbe", NULL, "LUKS volume", NULL, "encrypted"),
	SECRET(0, "Salted__", NULL, "OpenSSL enc", NULL, "encrypted"),
	SECRET(0, "age-encryption.org/v1", NULL, "age", NULL, "encrypted"),
	SECRET(0, "-----BEGIN AGE ENCRYPTED FILE-----", NULL, "age", NULL, "encrypted"),
	SECRET(0, "-----BEGIN PGP MESSAGE-----", NULL, "OpenPGP message", "application/pgp-encrypted", "encrypted"),
	SECRET(0, "\x84", looks_like_openpgp_session, "OpenPGP message", "application/pgp-encrypted", "encrypted"),
	SECRET(0, "\x85", looks_like_openpgp_session, "OpenPGP message", "application/pgp-encrypted", "encrypted"),
	SECRET(0, "\x8c", looks_like_openpgp_session, "OpenPGP message", "application/pgp-encrypted", "encrypted"),
	SECRET(0, "\xc1", looks_like_openpgp_session, "OpenPGP message", "application/pgp-encrypted", "encrypted"),
	SECRET(0, "\xc3", looks_like_openpgp_session, "OpenPGP message", "application/pgp-encrypted", "encrypted"),
	SECRET(0, "\x03\xd9\xa2\x9a", NULL, "KeePass database", "application/x-keepass2", "encrypted"),
	SECRET(0, "AES\x02\0", NULL, "AES Crypt", NULL, "encrypted"),
};

static bool matches(const struct format *row, const uint8_t *data, size_t size)
{
	size_t at = row->offset >= 0 ? (size_t)row->offset : size - (size_t)-row->offset;

	if (row->offset < 0 && size < (size_t)-row->offset)
		return false;
	if (at > size || size - at < row->magic_size || memcmp(data + at, row->magic, row->magic_size) != 0)
		return false;
	return !row->confirm || (size >= 4 && row->confirm(data, size));
}

const struct format *format_next(const uint8_t *data, size_t size, size_t *at)
{
	while (*at < ARRAY_LEN(rows)) {
		const struct format *row = &rows[(*at)++];

		if (matches(row, data, size))
			return row;
	}
	return NULL;
}
