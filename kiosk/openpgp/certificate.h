/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What speaks for and against a key of a certificate, from both of the library's rings (library.h). */
#ifndef LAZARET_OPENPGP_CERTIFICATE_H
#define LAZARET_OPENPGP_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openpgp/library.h"

struct key_facts {
	char fingerprint[FINGERPRINT_LEN + 1];
	bool is_subkey;
	bool is_revoked;	/* it, or the primary key of its certificate, whatever the revocation was made with */
	uint64_t expires;	/* s since 1970, of whichever of the two ends first; 0: never */
	bool is_weak;		/* `weakness` says why */
	bool is_bound;		/* by a self-signature that counts; a subkey that signs, in both directions */
	bool may_sign;		/* its flags say so: RFC 9580 section 5.2.3.29 */
	uint64_t created;	/* s since 1970 */
	uint64_t valid_till;	/* s since 1970: signatures made later than this librnp does not even try */
	char weakness[120];
};

/* About the key `fingerprint` of the certificate whose primary key is `primary` (the same for the primary key itself); both
 * are loaded in the library. Returns 0, -ENOENT or another negative errno. */
_must_check_ int key_facts(const char *primary, const char *fingerprint, struct key_facts *ret);

bool key_has_expired(const struct key_facts *f, uint64_t now);

/* The fingerprints of the keys in a ring (`ffi`), primary keys or subkeys: version 4 only. `each` returns 0, or an error that
 * ends it. */
_must_check_ int each_key(rnp_ffi_t ffi, bool wants_subkeys, int (*each)(void *context, const char *fingerprint), void *context);

#endif
