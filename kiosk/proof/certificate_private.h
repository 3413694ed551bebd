/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Between the files certificate*.c alone. */
#ifndef LAZARET_PROOF_CERTIFICATE_PRIVATE_H
#define LAZARET_PROOF_CERTIFICATE_PRIVATE_H

#include "proof/certificate.h"

/* Static sentence when `c` must not be used for this; NULL when it may. `is_signer`: it signed something that is no
 * certificate; else it is an issuer on the way. */
const char *certificate_usage_trouble(X509 *c, enum certificate_use use, bool is_signer);

/* The chain of the known answer; the caller frees both. 0 or -ENOTSUP. */
_must_check_ int certificates_known(X509 **ret_root, X509 **ret_leaf);

#endif
