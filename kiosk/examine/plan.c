/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Which of libclamav's types are containers, and how each of them is accounted for. Runs in a worker.
 *
 * Never clean: a type of which libclamav gives neither a list of members nor a promise that it saw them all.
 */
#include "examine/plan.h"

#include <string.h>

#include "examine/account.h"

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t le64(const uint8_t *p)
{
	return (uint64_t)le32(p) | (uint64_t)le32(p + 4) << 32;
}

bool plan_name_safe(const char *raw_name)
{
	const char *part = raw_name;

	/* "C:x" and "C:\x"; "B::Lint.3pm" is a manual page */
	if (*raw_name == '/' || *raw_name == '\\' || (raw_name[0] && raw_name[1] == ':' && raw_name[2] != ':'))
		return false;
	while (*part) {
		size_t length = strcspn(part, "/\\");

		if (length == 2 && part[0] == '.' && part[1] == '.')
			return false;
		part += length + (part[length] != '\0');
	}
	return true;
}

/* -- 7z: start header (7zFormat.txt in the LZMA SDK): where the end header stands, which ends the archive ------ */

static void plan_7z(struct plan *plan, struct account *a, const uint8_t *data, size_t size)
{
	uint64_t offset, length;

	plan->kind = PLAN_ANNOUNCED;
	if (size < 32) {
		account_flag(a, REASON_ARCHIVE_UNSAFE, NULL, "7z: truncated");
		return;
	}
	offset = le64(data + 12);
	length = le64(data + 20);
	if (offset > size - 32 || length > size - 32 - offset)
		account_flag(a, REASON_ARCHIVE_UNSAFE, NULL, "7z: truncated, or part of a split archive");
	else if (32 + offset + length != size)
		account_flag(a, REASON_ARCHIVE_UNSAFE, NULL, "7z: %llu bytes after its end",
			     (unsigned long long)(size - 32 - offset - length));
	else if (length == 0) /* holds nothing */
		plan->kind = PLAN_MEMBERS;
}

/* xz file format 1.0.4 §2.1.2, §2.2: footer magic, then zeros in groups of four. */
static void plan_xz(struct plan *plan, struct account *a, const uint8_t *data, size_t size)
{
	plan->kind = PLAN_ONE;
	while (size > 4 && le32(data + size - 4) == 0)
		size -= 4;
	if (size < 32 || data[size - 2] != 'Y' || data[size - 1] != 'Z')
		account_flag(a, REASON_ARCHIVE_UNSAFE, NULL, "xz: truncated, or data after its end");
}

/* [MS-CAB] 2.1 CFHEADER: cbCabinet at 8, flags at 30. */
static void plan_cab(struct plan *plan, struct account *a, const uint8_t *data, size_t size)
{
	plan->kind = PLAN_ANNOUNCED;
	if (size < 36 || le32(data + 8) > size) {
		account_flag(a, REASON_ARCHIVE_UNSAFE, NULL, "cabinet: truncated");
		return;
	}
	if (data[30] & 3)
		account_flag(a, REASON_CONTAINER_OPAQUE, NULL, "cabinet: part of a set, and parts are never joined");
}

/* cpio ends with an entry of this name (POSIX.1-2017 pax, "cpio Filename"). */
static void plan_cpio(struct plan *plan, struct account *a, const uint8_t *data, size_t size)
{
	static const char end[] = "TRAILER!!!";
	const uint8_t *found = memmem(data, size, end, sizeof(end) - 1);
	const uint8_t *after;

	plan->kind = PLAN_ANNOUNCED;
	if (!found) {
		account_flag(a, REASON_ARCHIVE_UNSAFE, NULL, "cpio: truncated");
		return;
	}
	for (after = found + sizeof(end) - 1; after < data + size && *after == 0;)
		after++;
	if (after < data + size)
		account_flag(a, REASON_ARCHIVE_UNSAFE, NULL, "cpio: data after its end");
}

/* ECMA-119 8.4.8, 8.4.11: volume space size and block size in the primary descriptor. */
static void plan_iso(struct plan *plan, struct account *a, const uint8_t *data, size_t size)
{
	const uint8_t *pvd = data + 16 * 2048;

	plan->kind = PLAN_ANNOUNCED;
	if (size < 17 * 2048 || memcmp(pvd + 1, "CD001", 5) != 0) {
		account_flag(a, REASON_CONTAINER_OPAQUE, NULL, "ISO 9660 image without a primary descriptor at its place");
		return;
	}
	if ((uint64_t)le32(pvd + 80) * (pvd[128] | pvd[129] << 8) > size)
		account_flag(a, REASON_ARCHIVE_UNSAFE, NULL, "ISO 9660: truncated");
}

static void plan_announced(struct plan *plan, struct account *a, const uint8_t *data, size_t size)
{
	plan->kind = PLAN_ANNOUNCED;
}

static void plan_one(struct plan *plan, struct account *a, const uint8_t *data, size_t size)
{
	plan->kind = PLAN_ONE;
}

/* libclamav calls every text that starts with "begin " uuencoded. The real thing has a mode (POSIX uuencode). */
static void plan_uuencode(struct plan *plan, struct account *a, const uint8_t *data, size_t size)
{
	plan->kind = PLAN_NONE;
	if (size > 10 && data[9] == ' ' && data[6] >= '0' && data[6] <= '7' && data[7] >= '0' && data[7] <= '7' &&
	    data[8] >= '0' && data[8] <= '7')
		plan->kind = PLAN_ONE;
}

static void plan_opaque(struct plan *plan, struct account *a, const uint8_t *data, size_t size)
{
	plan->kind = PLAN_NONE;
	account_owe(a, plan->container, NULL,
		    "a container of a type that libclamav does not open, or whose members cannot be accounted for");
}

static void plan_ignored(struct plan *plan, struct account *a, const uint8_t *data, size_t size)
{
	plan->kind = PLAN_NONE;
	account_flag(a, REASON_CONTAINER_OPAQUE, NULL, "a type in which libclamav matches no signature at all");
}

static const struct {
	const char *type;
	void (*read)(struct plan *plan, struct account *a, const uint8_t *data, size_t size);
	enum container_format container; /* as which another role opens it */
} readers[] = {
	{ "CL_TYPE_ZIP", plan_zip, CONTAINER_ZIP },
	{ "CL_TYPE_OOXML_WORD", plan_zip, CONTAINER_ZIP },
	{ "CL_TYPE_OOXML_PPT", plan_zip, CONTAINER_ZIP },
	{ "CL_TYPE_OOXML_XL", plan_zip, CONTAINER_ZIP },
	{ "CL_TYPE_OOXML_HWP", plan_zip, CONTAINER_ZIP },
	{ "CL_TYPE_GZ", plan_gzip, CONTAINER_GZIP },
	{ "CL_TYPE_BZ", plan_bzip2, CONTAINER_BZIP2 },
	{ "CL_TYPE_XZ", plan_xz, CONTAINER_XZ },
	{ "CL_TYPE_POSIX_TAR", plan_tar, CONTAINER_TAR },
	{ "CL_TYPE_OLD_TAR", plan_tar, CONTAINER_TAR },
	{ "CL_TYPE_7Z", plan_7z, CONTAINER_SEVENZIP },
	{ "CL_TYPE_MSCAB", plan_cab, CONTAINER_CAB },
	{ "CL_TYPE_ARJ", plan_announced, CONTAINER_NONE },
	{ "CL_TYPE_CPIO_OLD", plan_cpio, CONTAINER_CPIO },
	{ "CL_TYPE_CPIO_ODC", plan_cpio, CONTAINER_CPIO },
	{ "CL_TYPE_CPIO_NEWC", plan_cpio, CONTAINER_CPIO },
	{ "CL_TYPE_CPIO_CRC", plan_cpio, CONTAINER_CPIO },
	{ "CL_TYPE_ISO9660", plan_iso, CONTAINER_ISO9660 },
	{ "CL_TYPE_MSCHM", plan_announced, CONTAINER_NONE },
	{ "CL_TYPE_MSSZDD", plan_one, CONTAINER_NONE },
	{ "CL_TYPE_BINHEX", plan_one, CONTAINER_NONE },
	{ "CL_TYPE_UUENCODED", plan_uuencode, CONTAINER_UU },
	{ "CL_TYPE_TNEF", plan_one, CONTAINER_NONE },
	{ "CL_TYPE_SCRENC", plan_one, CONTAINER_NONE },
	{ "CL_TYPE_CRYPTFF", plan_one, CONTAINER_NONE },
	{ "CL_TYPE_RAR", plan_opaque, CONTAINER_RAR },
	{ "CL_TYPE_EGG", plan_opaque, CONTAINER_NONE },
	{ "CL_TYPE_ALZ", plan_opaque, CONTAINER_NONE },
	{ "CL_TYPE_LHA_LZH", plan_opaque, CONTAINER_LHA },
	{ "CL_TYPE_SIS", plan_opaque, CONTAINER_NONE },
	{ "CL_TYPE_XAR", plan_opaque, CONTAINER_XAR },
	{ "CL_TYPE_DMG", plan_opaque, CONTAINER_NONE },
	{ "CL_TYPE_PART_HFSPLUS", plan_opaque, CONTAINER_NONE },
	{ "CL_TYPE_MBR", plan_opaque, CONTAINER_DISK },
	{ "CL_TYPE_GPT", plan_opaque, CONTAINER_DISK },
	{ "CL_TYPE_APM", plan_opaque, CONTAINER_DISK },
	{ "CL_TYPE_UDF", plan_opaque, CONTAINER_DISK },
	{ "CL_TYPE_IGNORED", plan_ignored, CONTAINER_NONE },
};

enum container_format plan_container(const char *type)
{
	for (size_t i = 0; i < ARRAY_LEN(readers); i++)
		if (strcmp(readers[i].type, type) == 0)
			return readers[i].container;
	return CONTAINER_NONE;
}

void plan_read(struct plan *plan, struct account *a, const char *type, const uint8_t *data, size_t size)
{
	memset(plan, 0, sizeof(*plan));
	for (size_t i = 0; i < ARRAY_LEN(readers); i++) {
		if (strcmp(readers[i].type, type) != 0)
			continue;
		plan->may_hold_zip = true;
		plan->container = readers[i].container;
		readers[i].read(plan, a, data, size);
		return;
	}
	plan_zip_carved(plan, a, data, size);
}
