/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* libclamav's callbacks in any order: an account of a scan holds, or says that it does not. */
#include "accounted.h"

static const char *const types[] = { "CL_TYPE_ZIP", "CL_TYPE_GZ", "CL_TYPE_POSIX_TAR", "CL_TYPE_MSEXE", "CL_TYPE_TEXT_ASCII",
				     "CL_TYPE_IGNORED", "CL_TYPE_RAR", "CL_TYPE_7Z" };

static void step(struct account *a, struct input *in, const uint8_t *whole, size_t size)
{
	uint8_t what = take_byte(in);
	const char *type = types[take_byte(in) % ARRAY_LEN(types)];
	char *name = exactly_text(take_part(in, take_byte(in)));
	size_t from = take_number(in, 2), length = take_number(in, 2);

	from = MIN(from, size);
	length = MIN(length, size - from);
	switch (what & 7) {
	case 0:
	case 1:
	case 2:
		account_layer(a, what & 8 ? (uint32_t)(what >> 4) : (uint32_t)a->depth, type, what & 2 ? name : NULL, whole + from,
			      length, what & 0x80);
		break;
	case 3:
	case 4:
		account_announced(a, type, what & 8 ? name : NULL, what & 0x10 ? UINT64_MAX : length, what & 0x20);
		break;
	case 5:
		a->was_hit |= what & 0x80;
		break;
	default:
		account_layer_done(a, what & 8 ? 1 : 0);
	}
	free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct accounted *a = accounted_new();
	uint8_t *whole = exactly(in);

	while (in.left > 0)
		step(&a->account, &in, whole, size);
	(void)account_end(&a->account, 0);
	CLAIM(a->account.depth == 0);
	accounted_free(a);
	free(whole);
	return 0;
}
