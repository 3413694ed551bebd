/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include <string.h>

#include "authenticode/bytes.h"
#include "authenticode/subject.h"

int prove_authenticode(struct evidence *e)
{
	uint8_t head[4];
	int r = read_at(e->fd, 0, head, sizeof(head));

	if (r <= 0)
		return r;
	if (memcmp(head, "MSCF", 4) == 0)
		return prove_cab(e);
	return memcmp(head, "\xd0\xcf\x11\xe0", 4) == 0 ? prove_msi(e) : prove_pe(e);
}
