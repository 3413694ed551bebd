/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The members of a tar (POSIX.1-2017 pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format").
 *
 * Refused because tar programs read them differently or libclamav does not read them at all: sparse members,
 * volumes, sizes in pax records, data after the end, a last member cut short.
 */
#include "examine/plan.h"

#include <string.h>
#include <zlib.h>

#include "examine/account.h"

#define BLOCK 512u
#define NAME_SIZE 100u
#define PREFIX_SIZE 155u

struct tar {
	struct plan *plan;
	struct account *account;
	const uint8_t *data;
	uint64_t size, at;
	bool is_bad; /* the walk could not go on; flagged already */
	char *long_name; /* owned: from a GNU 'L' or pax path record, for the next member */
};

/* Octal, or base-256 when the first bit is set (GNU). False: not a number. */
static bool number(const uint8_t *field, size_t size, uint64_t *ret)
{
	uint64_t value = 0;
	size_t i = 0;

	if (field[0] & 0x80) {
		for (i = 1; i < size; i++) {
			if (value >> 55)
				return false;
			value = value << 8 | field[i];
		}
		*ret = value;
		return !(field[0] & 0x7f);
	}
	while (i < size && field[i] == ' ')
		i++;
	for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
		value = value << 3 | (uint64_t)(field[i] - '0');
	*ret = value;
	return i == size || field[i] == '\0' || field[i] == ' ';
}

bool plan_tar_has_checksum(const uint8_t h[static 512])
{
	uint64_t wanted, sum = 0;
	int64_t signed_sum = 0; /* some old programs add signed bytes */

	for (size_t i = 0; i < BLOCK; i++) {
		uint8_t b = i >= 148 && i < 156 ? ' ' : h[i];

		sum += b;
		signed_sum += (int8_t)b;
	}
	return number(h + 148, 8, &wanted) && (wanted == sum || (int64_t)wanted == signed_sum);
}

static bool is_zero(const uint8_t *data, uint64_t size)
{
	for (uint64_t i = 0; i < size; i++)
		if (data[i] != 0)
			return false;
	return true;
}

static char *member_name(struct tar *t, const uint8_t *h)
{
	char prefix[PREFIX_SIZE + 1], *name = NULL;

	if (t->long_name)
		return TAKE_PTR(t->long_name);
	(void)snprintf(prefix, sizeof(prefix), "%.*s", (int)PREFIX_SIZE, (const char *)h + 345);
	if (memcmp(h + 257, "ustar\0", 6) != 0)
		prefix[0] = '\0';
	if (asprintf(&name, "%s%s%.*s", prefix, prefix[0] ? "/" : "", (int)NAME_SIZE, (const char *)h) < 0)
		return NULL;
	return name;
}

static void flag(struct tar *t, enum reason reason, const char *name, const char *what)
{
	account_flag(t->account, reason, name, "tar: %s", what);
}

/* A symbolic link may point beneath the place where the archive is unpacked, not out of it. */
static bool link_leads_out(const char *name, const char *target)
{
	int depth = 0;

	if (*target == '/')
		return true;
	for (const char *p = name; (p = strchr(p, '/')) != NULL; p++)
		depth++;
	while (*target) {
		size_t length = strcspn(target, "/");

		if (length == 2 && target[0] == '.' && target[1] == '.')
			depth--;
		else if (length > 0 && !(length == 1 && *target == '.'))
			depth++;
		if (depth < 0)
			return true;
		target += length + (target[length] == '/');
	}
	return false;
}

static void take_file(struct tar *t, const char *name, const uint8_t *bytes, uint64_t size)
{
	struct plan_member m = { .size = size, .crc = (uint32_t)crc32_z(0, bytes, size), .has_crc = true };

	m.name = strdup(name);
	if (!m.name || plan_add(t->plan, &m) < 0) {
		free(m.name);
		t->account->is_broken = true;
	}
}

/* The value of a record with this key ("path="), NULL when it has another. */
static const uint8_t *value_of(const uint8_t *record, uint64_t length, const char *key)
{
	size_t key_size = strlen(key);

	return length > key_size && memcmp(record, key, key_size) == 0 ? record + key_size : NULL;
}

static void take_pax(struct tar *t, const uint8_t *record, uint64_t length)
{
	const uint8_t *path = value_of(record, length, "path=");

	if (value_of(record, length, "size=") || value_of(record, length, "GNU.sparse."))
		account_owe(t->account, CONTAINER_TAR, NULL, "tar: sizes in pax records, which libclamav does not read");
	if (path) {
		free(t->long_name);
		t->long_name = strndup((const char *)path, length - (uint64_t)(path - record) - 1);
	}
}

/* pax records: "LENGTH KEY=VALUE\n". Sizes and sparse maps given here change what a member is. */
static void read_pax(struct tar *t, const uint8_t *bytes, uint64_t size)
{
	while (size > 0) {
		const uint8_t *space = memchr(bytes, ' ', MIN(size, 20u));
		uint64_t length = 0, head;

		for (const uint8_t *p = bytes; space && p < space && *p >= '0' && *p <= '9'; p++)
			length = length * 10 + (uint64_t)(*p - '0');
		head = space ? (uint64_t)(space + 1 - bytes) : 0;
		if (head == 0 || length <= head || length > size) {
			flag(t, REASON_ARCHIVE_UNSAFE, NULL, "damaged pax record");
			return;
		}
		take_pax(t, bytes + head, length - head);
		bytes += length;
		size -= length;
	}
}

static void take_member(struct tar *t, const uint8_t *h, const uint8_t *bytes, uint64_t size)
{
	_cleanup_free_ char *name = NULL;
	char target[NAME_SIZE + 1];
	char type = (char)h[156];

	if (type == 'x' || type == 'g') {
		read_pax(t, bytes, size);
		return;
	}
	if (type == 'L') { /* GNU: the next member's name */
		free(t->long_name);
		t->long_name = strndup((const char *)bytes, size);
		return;
	}
	if (type == 'K') /* GNU: the next member's link target; judged as a link by the member itself */
		return;
	name = member_name(t, h);
	if (!name) {
		t->account->is_broken = true;
		return;
	}
	if (!plan_name_safe(name))
		flag(t, REASON_ARCHIVE_UNSAFE, name, "a name that leads out of the archive");
	(void)snprintf(target, sizeof(target), "%.*s", (int)NAME_SIZE, (const char *)h + 157);
	switch (type) {
	case '0': case '\0': case '7':
		take_file(t, name, bytes, size);
		break;
	case '1': /* hard link: the target is a member's name */
		if (!plan_name_safe(target))
			flag(t, REASON_ARCHIVE_UNSAFE, name, "a link that leads out of the archive");
		break;
	case '2':
		/* it belongs into the tree of a system, and who opens the archive knows whether it is one */
		if (link_leads_out(name, target))
			account_owe(t->account, CONTAINER_TAR, name, "tar: a link that leads out of the archive");
		break;
	case '3': case '4': case '6':
		account_owe(t->account, CONTAINER_TAR, name, "tar: a device or pipe"); /* likewise */
		break;
	case '5':
		break;
	case 'S': /* GNU sparse */
		account_owe(t->account, CONTAINER_TAR, name, "tar: a sparse member, which libclamav does not read");
		break;
	default:
		flag(t, REASON_CONTAINER_OPAQUE, name, "a kind of entry that libclamav does not read (volume, dump)");
	}
}

/* What has data blocks: links, devices and directories have none whatever their size field says (POSIX). */
static uint64_t stored_size(const uint8_t *h, uint64_t size)
{
	return h[156] >= '1' && h[156] <= '6' ? 0 : size;
}

/* One header and its data. Returns false at the end, good or bad. */
static bool read_member(struct tar *t)
{
	const uint8_t *h = t->data + t->at;
	uint64_t size, left = t->size - t->at;

	if (left < BLOCK || is_zero(h, BLOCK))
		return false;
	if (!plan_tar_has_checksum(h) || !number(h + 124, 12, &size)) {
		flag(t, REASON_ARCHIVE_UNSAFE, NULL, "damaged header");
		t->is_bad = true;
		return false;
	}
	size = stored_size(h, size);
	if (size > left - BLOCK) {
		flag(t, REASON_ARCHIVE_UNSAFE, NULL, "truncated");
		t->is_bad = true;
		return false;
	}
	take_member(t, h, h + BLOCK, size);
	t->at += BLOCK + MIN(left - BLOCK, (size + BLOCK - 1) / BLOCK * BLOCK);
	return true;
}

void plan_tar(struct plan *plan, struct account *a, const uint8_t *data, size_t size)
{
	struct tar t = { .plan = plan, .account = a, .data = data, .size = size };

	plan->kind = PLAN_MEMBERS;
	while (read_member(&t))
		;
	/* POSIX: two blocks of zeros end an archive. One is enough here, none means that something is missing. */
	if (!t.is_bad && size - t.at < BLOCK)
		flag(&t, REASON_ARCHIVE_UNSAFE, NULL, "truncated (no end mark)");
	else if (!t.is_bad && !is_zero(data + t.at, size - t.at))
		flag(&t, REASON_ARCHIVE_UNSAFE, NULL, "data after its end");
	free(t.long_name);
}
