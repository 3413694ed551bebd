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

static const struct proof_format formats[] = {
	{ EVIDENCE_CHECKSUMS, prove_checksums },
	{ EVIDENCE_MINISIGN, prove_minisign },
	{ EVIDENCE_SIGNIFY, prove_signify },
	{ EVIDENCE_RAW_SIGNATURE, prove_raw_signature },
	{ EVIDENCE_DEBIAN_RELEASE, prove_debian_release },
	{ EVIDENCE_DEBIAN_PACKAGES, prove_debian_packages },
	{ EVIDENCE_DEBIAN_SOURCES, prove_debian_sources },
	{ EVIDENCE_DEBIAN_CONTROL, prove_debian_control },
	{ EVIDENCE_OCI_INDEX, prove_oci },
	{ EVIDENCE_OCI_MANIFEST, prove_oci },
	{ EVIDENCE_DSSE, prove_attestation },
	{ EVIDENCE_SIGSTORE_BUNDLE, prove_attestation },
	{ EVIDENCE_BAGIT, prove_bagit },
	{ EVIDENCE_CARGO, prove_cargo },
	{ EVIDENCE_WHEEL, prove_wheel },
	{ EVIDENCE_NPM_LOCK, prove_npm },
	{ EVIDENCE_DOCKER_ARCHIVE, prove_docker_archive },
};

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
		.role = ROLE_ORIGIN, .formats = formats, .format_count = ARRAY_LEN(formats),
		.prepare = prepare,  .recognise = recognise, .describe = describe_key,
	};

	return proof_main(&role);
}
