/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Kinds of keys in the trust store, and what a key may be trusted for. */
#ifndef LAZARET_COMMON_KEY_KIND_H
#define LAZARET_COMMON_KEY_KIND_H

#include "common/macros.h"

#define KEY_BYTES_MAX 40000 /* bytes of a key as the trust store keeps it: what a message carries, base64 in a list of 256 */

enum key_kind {
	KEY_MINISIGN,	 /* "minisign": two lines of text, or the base64 one alone */
	KEY_SIGNIFY,	 /* "signify": likewise, of OpenBSD's signify */
	KEY_OPENPGP,	 /* "openpgp": one certificate, binary */
	KEY_X509_CA,	 /* "x509-ca": one certificate that may sign others, PEM */
	KEY_X509_SIGNER, /* "x509-signer": one certificate that stands for its own key alone, PEM */
	KEY_RAW,	 /* "raw": an Ed25519 or ECDSA P-256 public key, PEM SubjectPublicKeyInfo */
	KEY_KIND_COUNT_
};

/* `lazaret key trust --for`, keys.json. */
enum key_purpose {
	PURPOSE_FILES,	     /* "files": signatures of single files and of checksum lists */
	PURPOSE_REPOSITORY,  /* "repository": indexes of package repositories */
	PURPOSE_PACKAGE,     /* "package": single packages */
	PURPOSE_IMAGE,	     /* "image": container images */
	PURPOSE_ATTESTATION, /* "attestation": in-toto statements, provenance, signed models */
	PURPOSE_CODE,	     /* "code": Authenticode */
	PURPOSE_UPDATE,	     /* "update": update packs for this station; only where it is named */
	PURPOSE_COUNT_
};

const char *key_kind_name(unsigned int kind);	     /* static; NULL when there is none */
_must_check_ int key_kind_by_name(const char *name); /* enum key_kind, or -EINVAL */

#endif
