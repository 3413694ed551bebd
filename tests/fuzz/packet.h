/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Packets of a hostile peer, out of a fuzzer's input. */
#ifndef LAZARET_TESTS_FUZZ_PACKET_H
#define LAZARET_TESTS_FUZZ_PACKET_H

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "input.h"

/* Type and bytes, as they stand in a packet; mostly of a `known` type. */
_unused_ static void send_packet(int fd, struct input *in, const uint8_t *known, size_t known_count)
{
	uint8_t which = take_byte(in);
	struct input payload = take_part(in, take_number(in, 2));
	uint8_t *packet = malloc(payload.left + 4);

	CLAIM(packet);
	memset(packet, 0, 4);
	packet[0] = which < 250 ? known[which % known_count] : take_byte(in);
	if (payload.left > 0)
		memcpy(packet + 4, payload.at, payload.left);
	CLAIM(send(fd, packet, payload.left + 4, 0) == (ssize_t)payload.left + 4);
	free(packet);
}

#endif
