/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "ipc/container.h"

static const struct container_info table[CONTAINER_COUNT_] = {
#define C(name, text, role, shape, mime) [CONTAINER_##name] = { text, ROLE_##role, CONTAINER_##shape, mime },
#include "ipc/container.def"
#undef C
};

const struct container_info *container_info(unsigned int format)
{
	return format < CONTAINER_COUNT_ && table[format].name ? &table[format] : NULL;
}
