/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-origin: where files come from. Recognises what vouches for files, reads lists of digests, verifies signatures that
 * libcrypto alone can verify. All that it reads is hostile, through read-only descriptors of sealed copies; it knows the
 * public keys that the officer trusts, and can open no file. What it says of digests is compared with the vault's by the
 * supervisor.
 */
#include "origin/formats.h"
#include "origin/json_input.h"
#include "origin/public_key.h"
#include "proof/certificate.h"

static int prepare(const struct keyring *keys)
{
	int r = minisign_prepare(keys);

	if (r == 0)
		r = signify_prepare(keys);
	json_input_prepare();
	if (r == 0)
		r = certificates_prepare(keys);
	return r == 0 ? public_keys_prepare(keys) : r;
}

int main(void)
{
	static const struct proof_role role = {
		.role = ROLE_ORIGIN, .formats = origin_formats, .format_count = ORIGIN_FORMAT_COUNT,
		.prepare = prepare,  .recognise = recognise, .describe = describe_key,
	};

	return proof_main(&role);
}
