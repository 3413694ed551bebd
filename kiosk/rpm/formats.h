/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The formats that lazaret-rpm proves: one function each. proof/proof.h says what it does. */
#ifndef LAZARET_RPM_FORMATS_H
#define LAZARET_RPM_FORMATS_H

#include "proof/proof.h"

/* A package's own signatures (signature.c). */
_must_check_ int prove_rpm(struct evidence *e);

/* Lists of a repository (repository.c): repodata/repomd.xml, and repodata/HASH-primary.xml in its compressions. What they
 * list stands beneath the directory that holds repodata. */
_must_check_ int prove_repomd(struct evidence *e);
_must_check_ int prove_primary(struct evidence *e);

#endif
