/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What a signature that names a trusted key is worth. */
#ifndef LAZARET_OPENPGP_JUDGE_H
#define LAZARET_OPENPGP_JUDGE_H

#include "openpgp/verify.h"

/* `status`: librnp's, under strict rules, of the signature `s` that names the key `fingerprint` of `c`, at or shortly after
 * `now` (s since 1970); the certificate is still loaded. Writes outcome and detail of `v`. Returns 0 or a negative errno. */
_must_check_ int judge(const struct signature *s, const struct certificate *c, const char *fingerprint, rnp_result_t status,
		       uint64_t now, struct verdict *v);

/* "2026-11-22 10:00:00 UTC" */
#define TIME_TEXT_LEN 79
void time_text(uint64_t s_since_1970, char ret[static TIME_TEXT_LEN + 1]);

#endif
