/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "ipc/origin.h"

#define SIGNS EVIDENCE_SIGNS
#define COVERS EVIDENCE_COVERS
#define LISTS EVIDENCE_LISTS

static const struct evidence_info table[EVIDENCE_COUNT_] = {
#define E(name, text, role, kinds, purpose) [EVIDENCE_##name] = { text, ROLE_##role, kinds, PURPOSE_##purpose },
#include "ipc/evidence.def"
#undef E
};

const struct evidence_info *evidence_info(unsigned int format)
{
	return format < EVIDENCE_COUNT_ && table[format].name ? &table[format] : NULL;
}
