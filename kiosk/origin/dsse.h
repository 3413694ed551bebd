/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* DSSE envelopes, v1 (https://github.com/secure-systems-lab/dsse, protocol.md and envelope.md). */
#ifndef LAZARET_ORIGIN_DSSE_H
#define LAZARET_ORIGIN_DSSE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"

#define DSSE_SIGNATURES_MAX 16 /* of an envelope: real ones have one or two; each is tried with every trusted key */
#define DSSE_TYPE_MAX 255      /* bytes of a payload's type: a media type or a URI */
#define DSSE_HINT_MAX 128      /* bytes of a key's id; longer ones are of no use as a hint */

struct dsse_envelope {
	uint8_t *signed_bytes; /* the pre-authentication encoding: what the signatures cover; owned */
	size_t signed_size;
	const char *payload; /* the end of it; NUL-terminated; not to be parsed before the signatures are looked at */
	size_t payload_size;
	char type[DSSE_TYPE_MAX + 1];
	struct dsse_signature {
		uint8_t *bytes; /* owned */
		size_t size;
		char hint[DSSE_HINT_MAX + 1]; /* keyid; "" */
	} signatures[DSSE_SIGNATURES_MAX];
	size_t signature_count; /* at least 1 */
};

/* Take an envelope apart; `object` is not referred to afterwards. Returns 0; -EBADMSG and a static sentence in `*ret_why`;
 * -ENOMEM. The caller releases `ret` with dsse_done() in any case. */
_must_check_ int dsse_parse(const json_t *object, struct dsse_envelope *ret, const char **ret_why);
void dsse_done(struct dsse_envelope *d);

#endif
