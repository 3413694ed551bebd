/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Inside of lazaret-cms. */
#ifndef LAZARET_CMS_CMS_H
#define LAZARET_CMS_CMS_H

#include "proof/proof.h"

#define CMS_FILE_MAX (1500000u) /* bytes of the evidence: CMS_BYTES_MAX in PEM, with some words around it */

/* FILE.p7s (.p7b .p7 .p7c .cms .sig) beside FILE: what each signer says of FILE (proof/proof.h). */
_must_check_ int prove_cms(struct evidence *e);

/* key_file.c: an X.509 certificate that the officer wants to trust. 1, 0 or a negative errno (proof/proof.h). */
_must_check_ int describe_certificate(int fd, uint64_t size, struct key_description *ret);

/* The whole of `fd` (borrowed), exactly `size` bytes, with a NUL behind them; owned by the caller. */
_must_check_ int read_whole_fd(int fd, uint64_t size, uint8_t **ret);

#endif
