/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Whatever an opener calls in whatever order: what the supervisor and the vault are told keeps to the protocol and the limits. */
#include "sink.h"

static int step(struct container *c, struct input *in, uint8_t what)
{
	struct input path = take_part(in, take_byte(in)), target = { NULL, 0 };
	uint64_t size = take_number(in, what & 0x80 ? 1 : 3);

	if ((what & 15) == 5 || (what & 15) == 6)
		target = take_part(in, take_byte(in));
	switch (what & 15) {
	case 0:
	case 1:
		return container_member(c, (const char *)path.at, path.left, what & 0x40 ? size : CONTAINER_SIZE_UNKNOWN);
	case 2:
		return container_data(c, path.at, path.left);
	case 3:
		return container_zeros(c, size);
	case 4:
		return container_directory(c, (const char *)path.at, path.left);
	case 5:
		return container_symlink(c, (const char *)path.at, path.left, (const char *)target.at, target.left);
	case 6:
		return container_hardlink(c, (const char *)path.at, path.left, (const char *)target.at, target.left);
	case 7:
		return container_special(c, (const char *)path.at, path.left);
	case 8:
		return container_broken(c, REASON_ARCHIVE_UNSAFE, "broken %.*s", (int)path.left, (const char *)path.at);
	case 9:
		return container_finding(c, REASON_ENCRYPTED, "secret %.*s", (int)path.left, (const char *)path.at);
	default:
		return container_end(c);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct container c = { .format = CONTAINER_TAR, .info = container_info(CONTAINER_TAR), .path = "a.tgz", .data = data,
			       .size = size };
	struct container_limits limits;
	int r = 0;

	c.shape = (enum container_shape)(take_byte(&in) % (CONTAINER_OBJECT + 1));
	limits.members = take_byte(&in);
	limits.bytes = take_number(&in, 3);
	limits.largest = take_number(&in, 3);
	sink_begin(&c, &limits);
	while (r == 0 && in.left > 0)
		r = step(&c, &in, take_byte(&in));
	sink_end(&c, r);
	return 0;
}
