/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "origin/formats.h"

const struct proof_format origin_formats[ORIGIN_FORMAT_COUNT] = {
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
