/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Between the files certificate*.c alone. */
#ifndef LAZARET_PROOF_CERTIFICATE_PRIVATE_H
#define LAZARET_PROOF_CERTIFICATE_PRIVATE_H

#include "proof/certificate.h"

/* The chain of the known answer; the caller frees both. 0 or -ENOTSUP. */
_must_check_ int certificates_known(X509 **ret_root, X509 **ret_leaf);

#endif
