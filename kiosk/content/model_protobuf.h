/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Messages of Protocol Buffers without their generated code: the wire format (protobuf.dev, "Encoding"), and which fields are
 * messages again. Only what the detectors ask for is named. */
#ifndef LAZARET_CONTENT_MODEL_PROTOBUF_H
#define LAZARET_CONTENT_MODEL_PROTOBUF_H

#include "content/span.h"

#define PROTOBUF_DEPTH_MAX 64 /* of messages; protobuf's own readers stop at 100. Known models: some 20 */

enum wire { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 }; /* groups (3, 4) are in none of these formats */

struct item {
	uint32_t field;
	enum wire wire;
	uint64_t number;   /* WIRE_VARINT */
	struct span bytes; /* WIRE_BYTES; the number itself for the fixed ones */
};

/* The next field; `rest` moves on. 1: one; 0: the end; -EBADMSG: no such message. */
_must_check_ int protobuf_next(struct span *rest, struct item *ret);
/* The last field of this number (as protobuf's readers take it), of type bytes; empty when there is none. */
struct span protobuf_bytes(struct span message, uint32_t field);

struct message {
	const char *name;
	struct {
		uint32_t field;
		const struct message *message;
	} inner[12]; /* up to the first without message */
	/* Called before those inside of it. 0, or what ends the walk. */
	int (*look)(void *state, struct span body);
};

/* All of it. 0; -EBADMSG: damaged; -ELOOP: deeper than PROTOBUF_DEPTH_MAX; or what a `look` said. */
_must_check_ int protobuf_walk(const struct message *m, struct span body, void *state);

#endif
