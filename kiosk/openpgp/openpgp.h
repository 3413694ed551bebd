/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The formats that lazaret-openpgp proves, and the keys that it describes. proof/proof.h says what these do. */
#ifndef LAZARET_OPENPGP_OPENPGP_H
#define LAZARET_OPENPGP_OPENPGP_H

#include "proof/proof.h"

/* X.asc, X.sig, X.gpg, X.pgp, X.sign, X.signature over the file X. kernel.org's linux-6.1.tar.sign covers linux-6.1.tar: where
 * only linux-6.1.tar.xz is there, nothing is said, for nobody signed that. */
_must_check_ int prove_openpgp(struct evidence *e);

/* A cleartext signed message; hands its text on unless a signature is bad. RFC 9580 section 7. */
_must_check_ int prove_openpgp_text(struct evidence *e);

/* One certificate, binary or armoured; the bytes are binary, without signatures by others and without pictures. */
_must_check_ int describe_certificate(int fd, uint64_t size, struct key_description *ret);

#endif
