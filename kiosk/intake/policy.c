/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* From the supervisor, which is trusted; checked all the same. */
#include "intake/policy.h"

#include <string.h>

static int parse_drivers(const char *text, enum policy_driver drivers[static 3])
{
	size_t count = 0;

	while (*text) {
		size_t size = strcspn(text, ",");
		enum policy_driver d;

		if (size == 6 && strncmp(text, "kernel", size) == 0)
			d = DRIVER_KERNEL;
		else if (size == 4 && strncmp(text, "user", size) == 0)
			d = DRIVER_USER;
		else
			return -EINVAL;
		if (count >= 2 || (count == 1 && drivers[0] == d))
			return -EINVAL;
		drivers[count++] = d;
		text += size;
		if (*text == ',' && !*++text) /* nothing after the comma */
			return -EINVAL;
	}
	drivers[count] = DRIVER_END;
	return 0;
}

int policy_decode(struct policy *ret, struct decoder *d)
{
	uint32_t count = decode_u32(d);
	char drivers[16];

	ret->count = 0;
	if (count > POLICY_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < count && !d->error; i++) {
		struct policy_line *line = &ret->lines[ret->count];

		decode_str_into(d, line->fs, sizeof(line->fs));
		decode_str_into(d, drivers, sizeof(drivers));
		if (d->error)
			break;
		if (!line->fs[0] || parse_drivers(drivers, line->drivers) < 0)
			return -EINVAL;
		ret->count++;
	}
	return d->error;
}

static const struct policy_line *find_exact(const struct policy *p, const char *fs)
{
	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->lines[i].fs, fs) == 0)
			return &p->lines[i];
	return NULL;
}

const struct policy_line *policy_find(const struct policy *p, const char *fs)
{
	const struct policy_line *line = find_exact(p, fs);

	if (!line && (strcmp(fs, "ext2") == 0 || strcmp(fs, "ext3") == 0 || strcmp(fs, "ext4") == 0))
		line = find_exact(p, "ext");
	return line;
}
