/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-rpm: RPM packages and repositories. */
#include "proof/proof.h"

int main(void)
{
	static const struct proof_role role = { .role = ROLE_RPM };

	return proof_main(&role);
}
