/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-origin: where files come from. Recognises what vouches for files, reads lists of digests, verifies signatures that
 * libcrypto alone can verify. All that it reads is hostile, through read-only descriptors of sealed copies; it knows the
 * public keys that the officer trusts, and can open no file. What it says of digests is compared with the vault's by the
 * supervisor.
 */
#include "origin/formats.h"

static const struct proof_format formats[] = {
	{ EVIDENCE_CHECKSUMS, prove_checksums },
	{ EVIDENCE_MINISIGN, prove_minisign },
};

static int prepare(const struct keyring *keys)
{
	return minisign_prepare(keys);
}

int main(void)
{
	static const struct proof_role role = {
		.role = ROLE_ORIGIN, .formats = formats, .format_count = ARRAY_LEN(formats),
		.prepare = prepare,  .recognise = recognise, .describe = describe_key,
	};

	return proof_main(&role);
}
