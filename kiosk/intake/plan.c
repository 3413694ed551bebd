/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The rules of plan.h. Runs in the probe, without privilege; trusts nothing of the layout but its bounds. */
#include "intake/plan.h"

#include <string.h>

static const struct {
	const char *fs;
	const char *words;
} named_refusals[] = {
	{ "crypto_LUKS", "encrypted volume (LUKS): this station has no key for it" },
	{ "BitLocker", "encrypted volume (BitLocker): this station has no key for it" },
	{ "LVM2_member", "physical volume of a volume group (LVM): not assembled here" },
	{ "LVM1_member", "physical volume of a volume group (LVM): not assembled here" },
	{ "linux_raid_member", "member of a RAID: not assembled here" },
	{ "swap", "swap space, no file system" },
	{ "swsuspend", "hibernation image, no file system" },
};

static const char *usage_words(const char *usage)
{
	if (strcmp(usage, "crypto") == 0)
		return "encrypted volume: this station has no key for it";
	if (strcmp(usage, "raid") == 0)
		return "member of a RAID or pool: not assembled here";
	return "no file system";
}

static void refuse_by_name(struct volume *v, const struct content *c)
{
	v->outcome = VOLUME_REFUSED;
	for (size_t i = 0; i < ARRAY_LEN(named_refusals); i++)
		if (strcmp(c->fs, named_refusals[i].fs) == 0) {
			volume_detail(v, "%s", named_refusals[i].words);
			return;
		}
	volume_detail(v, "%s: %s", c->fs, usage_words(c->usage));
}

static void take_names(struct volume *v, const struct content *c)
{
	memcpy(v->fs, c->fs, sizeof(v->fs));
	memcpy(v->label, c->label, sizeof(v->label));
	memcpy(v->uuid, c->uuid, sizeof(v->uuid));
}

static void judge_content(struct volume *v, const struct content *c)
{
	if (c->kind == CONTENT_UNKNOWN) {
		v->outcome = VOLUME_EMPTY;
		return;
	}
	if (c->kind == CONTENT_UNREADABLE) {
		v->outcome = VOLUME_FAILED;
		volume_detail(v, "cannot be read: the medium reported an error");
		return;
	}
	if (c->kind == CONTENT_AMBIGUOUS) {
		v->outcome = VOLUME_REFUSED;
		volume_detail(v, "ambiguous: looks like several things at once (%s), other systems may see other files",
			      c->names);
		return;
	}
	take_names(v, c);
	if (strcmp(c->usage, "filesystem") != 0)
		refuse_by_name(v, c);
	else if (c->has_bridge)
		volume_detail(v, "a disc with two directories (%s): only the files of one of them are read", c->names);
}

bool partition_fits(const struct layout *l, const struct partition *p)
{
	return p->size > 0 && p->offset < l->size && p->size <= l->size - p->offset;
}

static bool overlaps(const struct partition *a, const struct partition *b)
{
	return a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

/* The first other partition that shares bytes with this one; 0 when none does. */
static uint32_t overlapping(const struct layout *l, const struct partition *p)
{
	for (size_t i = 0; i < l->partition_count; i++) {
		const struct partition *other = &l->partitions[i];

		if (other != p && !other->is_container && partition_fits(l, other) && overlaps(p, other))
			return other->number;
	}
	return 0;
}

static bool is_disc(const struct content *c)
{
	return c->kind == CONTENT_ONE && (strcmp(c->fs, "iso9660") == 0 || strcmp(c->fs, "udf") == 0);
}

static bool is_second_view(const struct layout *l, const struct partition *p)
{
	const struct content *whole = &l->whole, *own = &p->content;

	if (p->offset == 0)
		return true;
	if (own->kind == CONTENT_UNKNOWN) /* behind the disc's end it is nothing of the disc's */
		return p->offset < whole->disc_size && p->size <= whole->disc_size - p->offset;
	return is_disc(own) && strcmp(own->fs, whole->fs) == 0 && own->uuid[0] &&
	       strcmp(own->uuid, whole->uuid) == 0 && strcmp(own->label, whole->label) == 0;
}

/* Room is left for one more entry, which says that others were left off. */
static struct volume *add_most(struct volume_list *ret, uint64_t offset, uint64_t size, size_t *left_off)
{
	if (ret->count >= VOLUMES_MAX - 1) {
		(*left_off)++;
		return NULL;
	}
	return volume_add(ret, offset, size, VOLUME_OPEN);
}

static void add_partition(const struct layout *l, const struct partition *p, bool is_hybrid,
			  struct volume_list *ret, size_t *left_off)
{
	struct volume *v = add_most(ret, p->offset, p->size, left_off);
	uint32_t other;

	if (!v)
		return;
	if (!partition_fits(l, p)) {
		v->outcome = VOLUME_REFUSED;
		volume_detail(v, "partition %u reaches past the end of the medium", p->number);
		return;
	}
	if (is_hybrid && is_second_view(l, p)) {
		take_names(v, &p->content);
		v->outcome = VOLUME_COVERED;
		volume_detail(v, "partition %u of a hybrid disc image: %s", p->number,
			      p->content.kind == CONTENT_UNKNOWN && p->offset > 0 ?
				      "no file system of its own" :
				      "inspected once, as volume 0");
		return;
	}
	other = is_hybrid ? 0 : overlapping(l, p);
	if (other > 0) {
		take_names(v, &p->content);
		v->outcome = VOLUME_REFUSED;
		volume_detail(v, "partition %u overlaps partition %u", p->number, other);
		return;
	}
	judge_content(v, &p->content);
}

static void add_gap(uint64_t from, uint64_t to, struct volume_list *ret, size_t *left_off)
{
	struct volume *v;

	if (to <= from || to - from <= GAP_SLACK_BYTES)
		return;
	v = add_most(ret, from, to - from, left_off);
	if (v)
		v->outcome = VOLUME_UNALLOCATED;
}

/* Indices of the partitions that are no containers, by offset, then by number. */
static size_t sort_partitions(const struct layout *l, size_t order[static PARTITIONS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < l->partition_count; i++) {
		size_t at = count;

		if (l->partitions[i].is_container)
			continue;
		while (at > 0 && l->partitions[order[at - 1]].offset > l->partitions[i].offset) {
			order[at] = order[at - 1];
			at--;
		}
		order[at] = i;
		count++;
	}
	return count;
}

static void add_partitions(const struct layout *l, bool is_hybrid, struct volume_list *ret)
{
	size_t order[PARTITIONS_MAX];
	size_t count = sort_partitions(l, order), left_off = l->partitions_left_off;
	uint64_t covered = 0; /* bytes from the start that are told */
	struct volume *v;

	for (size_t i = 0; i < count; i++) {
		const struct partition *p = &l->partitions[order[i]];

		if (!is_hybrid)
			add_gap(covered, MIN(p->offset, l->size), ret, &left_off);
		add_partition(l, p, is_hybrid, ret, &left_off);
		covered = MAX(covered, partition_fits(l, p) ? p->offset + p->size : MIN(p->offset, l->size));
	}
	if (!is_hybrid)
		add_gap(covered, l->size, ret, &left_off);
	if (left_off == 0)
		return;
	v = volume_add(ret, 0, 0, VOLUME_REFUSED);
	if (v)
		volume_detail(v, "%zu further volumes: this station reads at most %d of one medium", left_off,
			      VOLUMES_MAX - 1);
}

static bool has_volumes(const struct layout *l)
{
	for (size_t i = 0; i < l->partition_count; i++)
		if (!l->partitions[i].is_container)
			return true;
	return false;
}

void plan_make(const struct layout *l, struct volume_list *ret)
{
	bool is_hybrid = is_disc(&l->whole);
	struct volume *v;

	memset(ret, 0, sizeof(*ret));
	if (!has_volumes(l) || is_hybrid) {
		v = volume_add(ret, 0, l->size, VOLUME_OPEN);
		if (v && l->has_lost_gpt && l->whole.kind == CONTENT_UNKNOWN) {
			v->outcome = VOLUME_REFUSED;
			volume_detail(v, "damaged partition table: a GPT is announced, but neither copy of it is valid");
			return;
		}
		if (v)
			judge_content(v, &l->whole);
	} else if (l->whole.kind != CONTENT_UNKNOWN) {
		v = volume_add(ret, 0, l->size, VOLUME_OPEN);
		if (v) {
			judge_content(v, &l->whole);
			v->outcome = l->whole.kind == CONTENT_UNREADABLE ? VOLUME_FAILED : VOLUME_REFUSED;
			volume_detail(v, "ambiguous: there is a partition table (%s) too; its partitions are read", l->table);
		}
	}
	if (has_volumes(l))
		add_partitions(l, is_hybrid, ret);
}
