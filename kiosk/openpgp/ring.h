/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The certificates that the officer trusts, by the fingerprints of their keys. */
#ifndef LAZARET_OPENPGP_RING_H
#define LAZARET_OPENPGP_RING_H

#include "openpgp/library.h"
#include "openpgp/packets.h"
#include "proof/keyring.h"

struct certificate {
	const struct trusted_key *trusted; /* borrowed */
	char (*keys)[FINGERPRINT_LEN + 1]; /* upper case; the first is the primary key's */
	size_t key_count;
};

struct ring {
	struct certificate *certificates;
	size_t count;
};

/* Borrowed; lives as long as the process. */
const struct ring *ring(void);

/* Take in the OpenPGP certificates of `keys`, which must live as long as the process. -EINVAL when one of them is none. */
_must_check_ int ring_prepare(const struct keyring *keys);

/* The key of this certificate that the signature names, or NULL. */
const char *certificate_key_of(const struct certificate *c, const struct signature *s);

/* Have the two a key in common, or two with the same key id? librnp could take one for the other in one ring. */
_must_check_ bool certificates_overlap(const struct certificate *a, const struct certificate *b);

#endif
