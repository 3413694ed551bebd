/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Enums, names and permit table made from messages.def. */
#ifndef LAZARET_IPC_MESSAGE_H
#define LAZARET_IPC_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"

enum message_type {
#define M(name, sender, channel, states, next, max, fds) MESSAGE_##name,
#include "ipc/messages.def"
#undef M
	MESSAGE_COUNT_
};

enum message_channel {
	CHANNEL_ANY,
	CHANNEL_LEDGER,
	CHANNEL_VAULT,
	CHANNEL_INTAKE,
	CHANNEL_READER,
	CHANNEL_FORKSERVER,
	CHANNEL_WORKER,
	CHANNEL_CONTAINER,
	CHANNEL_ORIGIN,
	CHANNEL_PUBLISH,
	CHANNEL_DEVICES,
	CHANNEL_RECORDS,
	CHANNEL_LOGIN,
	CHANNEL_PRINTER,
};

enum message_state {
	STATE_SAME = 0,
	STATE_BOOT = 1,
	STATE_IDLE = 2,
	STATE_BUSY = 4,
	STATE_ENDING = 8,
};

struct message_rule {
	const char *name;
	bool from_supervisor;
	enum message_channel channel;
	unsigned int states; /* mask of enum message_state */
	enum message_state next;
	size_t payload_max;
	size_t fds;
};

/* NULL when out of range. */
const struct message_rule *message_rule(unsigned int type);

/* Is `type` legal on this channel, from this side, in this state? */
_must_check_ bool message_permitted(unsigned int type, enum message_channel channel,
				    bool from_supervisor, enum message_state state);

/* SHA-256 over the table: both ends compare it, so that a role of another build is refused. */
#define PROTOCOL_HASH_LEN 32
_must_check_ int protocol_hash(uint8_t ret_hash[static PROTOCOL_HASH_LEN]);

#endif
