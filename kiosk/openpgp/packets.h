/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The signatures of one piece of evidence, taken apart before any is verified: what each says of itself, unverified. */
#ifndef LAZARET_OPENPGP_PACKETS_H
#define LAZARET_OPENPGP_PACKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openpgp/library.h"
#include "openpgp/limits.h"

struct signature {
	size_t offset, size;	       /* of its packet in the bundle */
	uint8_t version;	       /* 0: not even that can be read */
	bool is_readable;	       /* librnp has parsed it; otherwise nothing below is set but `trouble` */
	bool is_document;	       /* over a document, binary or text: RFC 9580 section 5.2.1, types 0x00 and 0x01 */
	bool has_critical_notation;    /* which this station does not know: RFC 9580 section 5.2.3.24 */
	char hash[16];		       /* librnp's name: "SHA512" */
	char type[32];		       /* librnp's name: "binary" */
	char issuer[FINGERPRINT_LEN + 1]; /* upper case: the fingerprint, or a key id of 16; "": not said */
	uint32_t created, expires;     /* s since 1970; s after that, 0: never */
	char trouble[120];	       /* why it is not readable */
};

struct bundle {
	uint8_t *packets; /* binary, owned */
	size_t size;
	struct signature signatures[SIGNATURES_OF_ONE_MAX];
	size_t count;
	char trouble[160]; /* why it is no bundle of signatures; "" */
};

/* Take signatures apart: binary packets (RFC 9580 section 10.4), or armoured blocks (section 6.2) among any other text, which
 * nobody signed and nobody reads. What is malformed is told in `ret->trouble`. Returns 0, -ENOMEM or -ENOTSUP. */
_must_check_ int bundle_read(const uint8_t *raw, size_t size, struct bundle *ret);
void bundle_done(struct bundle *b);

/* Does the signature say that this key made it? `fingerprint`: 40 digits, upper case. */
_must_check_ bool signature_names(const struct signature *s, const char *fingerprint);

#endif
