/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Encoding of message fields, one by one: little endian, lengths checked, no raw structs.
 *
 * Both sides keep a sticky error, so that a run of calls is checked once at its end (as sshbuf or CBOR
 * decoders do). After an error a reader yields zeros and empty strings.
 */
#ifndef LAZARET_IPC_CODEC_H
#define LAZARET_IPC_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"

#define MESSAGE_MAX 65536 /* bytes with header; below the smallest default socket buffer (208 KiB) */
#define MESSAGE_FDS_MAX 4

struct encoder {
	uint8_t data[MESSAGE_MAX];
	size_t size;
	int error; /* 0 or negative errno; -EMSGSIZE when something did not fit */
};

void encoder_init(struct encoder *e);
void encode_u32(struct encoder *e, uint32_t v);
void encode_u64(struct encoder *e, uint64_t v);
void encode_bytes(struct encoder *e, const void *data, size_t size);
void encode_str(struct encoder *e, const char *s); /* NULL counts as "" */

/* Room for a count that is only known later: returns the place for encode_patch_u32(). */
size_t encode_reserve_u32(struct encoder *e);
void encode_patch_u32(struct encoder *e, size_t place, uint32_t v);

struct decoder {
	const uint8_t *data; /* borrowed */
	size_t size;
	size_t at;
	int error;
};

void decoder_init(struct decoder *d, const void *data, size_t size);
uint32_t decode_u32(struct decoder *d);
uint64_t decode_u64(struct decoder *d);

/* Borrowed slice of the message; longer than `max` is an error. */
const uint8_t *decode_bytes(struct decoder *d, size_t max, size_t *ret_size);

/* Exactly `size` bytes into `out`; any other length is an error. */
void decode_exact(struct decoder *d, void *out, size_t size);

/* A copy with a NUL; an embedded NUL or more than `max` bytes is an error. Owned by the caller; NULL after
 * an error. */
char *decode_str(struct decoder *d, size_t max);

/* As decode_str() into a buffer of `out_size` bytes (with NUL). */
void decode_str_into(struct decoder *d, char *out, size_t out_size);

/* Returns 0, or -EPROTO when anything was wrong or bytes are left over. */
_must_check_ int decoder_end(const struct decoder *d);

#endif
