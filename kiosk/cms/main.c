/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-cms: CMS signatures. */
#include "proof/proof.h"

int main(void)
{
	static const struct proof_role role = { .role = ROLE_CMS };

	return proof_main(&role);
}
