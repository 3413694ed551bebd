/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* libblkid on a descriptor, in the probe's sandbox. Every byte read here is untrusted; so is what libblkid says.
 *
 * blkid_do_safeprobe() is not used: it takes the first of several signatures on media of up to 1.44 MB, and stops at
 * the first RAID or encryption signature. Here all are collected, and more than one is an ambiguity.
 */
#include "intake/content.h"

#include <blkid/blkid.h>
#include <string.h>

#include "intake/optical.h"

#define DISC_BLOCK 2048
#define CORESTORAGE_LEN 512

#define SECTOR 512 /* libblkid counts partitions in these, whatever the medium's own sectors */

/* MBR (UEFI 2.10, 5.2.3): four entries of 16 bytes at 446, type at 4, signature at 510; 0xEE announces a GPT. */
#define MBR_LEN 512
#define MBR_ENTRIES 446
#define MBR_TYPE_PROTECTIVE 0xee

static void probe_free(blkid_probe *pr)
{
	if (*pr)
		blkid_free_probe(*pr);
	*pr = NULL;
}

static void copy_value(blkid_probe pr, const char *name, char *out, size_t out_size)
{
	const char *data = NULL;
	size_t size = 0;

	memset(out, 0, out_size);
	if (blkid_probe_lookup_value(pr, name, &data, &size) < 0 || !data || size == 0)
		return;
	size = MIN(strnlen(data, size), out_size - 1);
	memcpy(out, data, size);
}

static bool is_disc_type(const char *fs)
{
	return strcmp(fs, "iso9660") == 0 || strcmp(fs, "udf") == 0;
}

static void take_signature(blkid_probe pr, struct content *c)
{
	char fs[VOLUME_FS_MAX + 1];
	size_t at = strlen(c->names);

	copy_value(pr, "TYPE", fs, sizeof(fs));
	if (!fs[0])
		return;
	(void)snprintf(c->names + at, sizeof(c->names) - at, "%s%s", at > 0 ? ", " : "", fs);
	if (c->kind != CONTENT_UNKNOWN) {
		if (c->kind == CONTENT_ONE && strcmp(fs, c->fs) != 0 && is_disc_type(fs) && is_disc_type(c->fs))
			c->has_bridge = true;
		else
			c->kind = CONTENT_AMBIGUOUS;
		return;
	}
	c->kind = CONTENT_ONE;
	memcpy(c->fs, fs, sizeof(fs));
	copy_value(pr, "USAGE", c->usage, sizeof(c->usage));
	copy_value(pr, "LABEL", c->label, sizeof(c->label));
	copy_value(pr, "UUID", c->uuid, sizeof(c->uuid));
}

static blkid_probe probe_open(int fd, uint64_t offset, uint64_t size)
{
	blkid_probe pr = blkid_new_probe();

	if (pr && blkid_probe_set_device(pr, fd, (blkid_loff_t)offset, (blkid_loff_t)size) < 0)
		probe_free(&pr);
	return pr;
}

static uint32_t little(const uint8_t *p, size_t size)
{
	uint32_t v = 0;

	for (size_t i = size; i > 0; i--)
		v = v << 8 | p[i - 1];
	return v;
}

/* The primary volume descriptor (ECMA-119, 8.4): blocks at 80, their size at 128, both little endian first. */
static uint64_t disc_size(int fd, uint64_t offset)
{
	uint8_t d[DISC_BLOCK];

	if (pread(fd, d, sizeof(d), (off_t)(offset + 16 * DISC_BLOCK)) != (ssize_t)sizeof(d) || memcmp(d, "\001CD001", 6) != 0)
		return 0;
	return (uint64_t)little(d + 80, 4) * little(d + 128, 2);
}

/* FileVault 2 (CoreStorage), which libblkid knows from 2.39 on: format version and block type at 8 and 10, signature at 88
 * (Choudary, Groebert, Metz: "Infiltrate the Vault", 2012). */
static void look_for_corestorage(int fd, uint64_t offset, uint64_t size, struct content *c)
{
	static const uint8_t version_and_type[] = { 1, 0, 0x10, 0 };
	uint8_t head[CORESTORAGE_LEN];

	if (size < sizeof(head) || pread(fd, head, sizeof(head), (off_t)offset) != (ssize_t)sizeof(head) ||
	    memcmp(head + 8, version_and_type, sizeof(version_and_type)) != 0 || memcmp(head + 88, "CS", 2) != 0)
		return;
	c->kind = CONTENT_ONE;
	(void)snprintf(c->fs, sizeof(c->fs), "cs_fvault2");
	(void)snprintf(c->usage, sizeof(c->usage), "crypto");
}

void content_read(int fd, uint64_t offset, uint64_t size, struct content *ret)
{
	_cleanup_(probe_free) blkid_probe pr = NULL;
	uint32_t session = optical_last_session(fd); /* of no other source */
	int r;

	*ret = (struct content){ .kind = CONTENT_UNREADABLE };
	pr = probe_open(fd, offset, size);
	if (pr && offset == 0 && session > 0 && blkid_probe_set_hint(pr, "session_offset", (uint64_t)session * DISC_BLOCK) < 0)
		return;
	if (!pr || blkid_probe_enable_superblocks(pr, 1) < 0 ||
	    blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_USAGE | BLKID_SUBLKS_LABEL |
							  BLKID_SUBLKS_UUID) < 0)
		return;
	ret->kind = CONTENT_UNKNOWN;
	while ((r = blkid_do_probe(pr)) == 0)
		take_signature(pr, ret);
	if (r < 0)
		ret->kind = CONTENT_UNREADABLE;
	if (ret->kind == CONTENT_ONE && is_disc_type(ret->fs))
		ret->disc_size = disc_size(fd, offset);
	if (ret->kind == CONTENT_UNKNOWN)
		look_for_corestorage(fd, offset, size, ret);
}

static void take_entries(blkid_partlist list, struct layout *l)
{
	int count = blkid_partlist_numof_partitions(list);

	for (int i = 0; i < count; i++) {
		blkid_partition par = blkid_partlist_get_partition(list, i);
		struct partition *p = &l->partitions[l->partition_count];
		uint64_t start, size;

		if (!par)
			continue;
		if (l->partition_count >= PARTITIONS_MAX) {
			l->partitions_left_off++;
			continue;
		}
		start = (uint64_t)blkid_partition_get_start(par);
		size = (uint64_t)blkid_partition_get_size(par);
		/* What cannot be counted in bytes reaches past the end of any medium. */
		*p = (struct partition){
			.number = (uint32_t)blkid_partition_get_partno(par),
			.offset = start > INT64_MAX / SECTOR ? INT64_MAX : start * SECTOR,
			.size = size > INT64_MAX / SECTOR ? INT64_MAX : size * SECTOR,
			.is_container = blkid_partition_is_extended(par) != 0,
		};
		l->partition_count++;
	}
}

static bool has_protective_mbr(int fd)
{
	uint8_t mbr[MBR_LEN];

	if (pread(fd, mbr, sizeof(mbr), 0) != MBR_LEN || mbr[510] != 0x55 || mbr[511] != 0xaa)
		return false;
	for (size_t i = 0; i < 4; i++)
		if (mbr[MBR_ENTRIES + 16 * i + 4] == MBR_TYPE_PROTECTIVE)
			return true;
	return false;
}

void content_read_table(int fd, struct layout *l)
{
	_cleanup_(probe_free) blkid_probe pr = probe_open(fd, 0, l->size);
	blkid_partlist list;
	blkid_parttable table;
	const char *type;

	l->table[0] = '\0';
	l->partition_count = l->partitions_left_off = 0;
	/* The table of a hybrid disc is written for sticks, also where the drive's own sectors have 2048 bytes. */
	if (pr && l->whole.kind == CONTENT_ONE && is_disc_type(l->whole.fs) && blkid_probe_set_sectorsize(pr, SECTOR) < 0)
		return;
	if (!pr || blkid_probe_enable_superblocks(pr, 0) < 0 || blkid_probe_enable_partitions(pr, 1) < 0)
		return;
	list = blkid_probe_get_partitions(pr);
	table = list ? blkid_partlist_get_table(list) : NULL;
	type = table ? blkid_parttable_get_type(table) : NULL;
	if (type) {
		(void)snprintf(l->table, sizeof(l->table), "%s", type);
		take_entries(list, l);
	}
	l->has_lost_gpt = strcmp(l->table, "gpt") != 0 && has_protective_mbr(fd);
}
