/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The formats that lazaret-origin proves: one function each, in the file of the same name. proof/proof.h says what it does.
 */
#ifndef LAZARET_ORIGIN_FORMATS_H
#define LAZARET_ORIGIN_FORMATS_H

#include "proof/proof.h"

_must_check_ int prove_checksums(struct evidence *e);
_must_check_ int prove_minisign(struct evidence *e);
_must_check_ int prove_debian_release(struct evidence *e);
_must_check_ int prove_debian_packages(struct evidence *e);
_must_check_ int prove_debian_sources(struct evidence *e); /* debian_index.c, like the one before */
_must_check_ int prove_debian_control(struct evidence *e);
_must_check_ int prove_signify(struct evidence *e);
_must_check_ int prove_raw_signature(struct evidence *e);
_must_check_ int prove_bagit(struct evidence *e);
_must_check_ int prove_cargo(struct evidence *e);
_must_check_ int prove_wheel(struct evidence *e);
_must_check_ int prove_npm(struct evidence *e);
_must_check_ int prove_docker_archive(struct evidence *e);
_must_check_ int prove_oci(struct evidence *e);	/* oci.c, cosign.c: indexes and manifests */
_must_check_ int prove_attestation(struct evidence *e); /* DSSE and Sigstore bundles */

/* All of them (formats.c). */
#define ORIGIN_FORMAT_COUNT 17
extern const struct proof_format origin_formats[ORIGIN_FORMAT_COUNT];

/* What is this file, by its name and its first bytes? (recognise.c: every format of every role.) Reads `fd` (borrowed) from
 * offset 0; a file that cannot be read is none. */
enum evidence_format recognise(const char *path, int fd, uint64_t size);

/* What role to start from: try Ed25519 on a known answer, take in the minisign keys. */
_must_check_ int minisign_prepare(const struct keyring *keys);

/* Likewise: take in the signify keys. After minisign_prepare(). */
_must_check_ int signify_prepare(const struct keyring *keys);

/* checksums.c: is this the beginning of a checksum list, though its name is that of a signature? So it is with text that stood
 * inside of one. */
_must_check_ bool checksums_begin(const char *name, const char *head, size_t size);

/* raw_signature.c: could these bytes be one? They bear no mark, so it is little to go by. */
_must_check_ bool raw_signature_is_likely(const void *raw, size_t size);

/* key_file.c: minisign, signify and raw public keys. */
_must_check_ int describe_key(int fd, uint64_t size, struct key_description *ret);

#endif
