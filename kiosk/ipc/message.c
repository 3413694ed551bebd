/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "ipc/message.h"

#include "common/hash.h"

/* Shorthand under which messages.def is read here and nowhere else. */
#define BOOT STATE_BOOT
#define IDLE STATE_IDLE
#define BUSY STATE_BUSY
#define ENDING STATE_ENDING
#define SAME STATE_SAME
#define SUPERVISOR true
#define ROLE false
#define LEDGER false
#define VAULT false
#define INTAKE false
#define READER false
#define FORKSERVER false
#define WORKER false
#define CONTAINER false
#define ORIGIN false
#define PUBLISH false
#define DEVICES false
#define RECORDS false
#define LOGIN false
#define PRINTER false

static const struct message_rule rules[MESSAGE_COUNT_] = {
#define M(name, sender, channel, states, next, max, fds)                                           \
	[MESSAGE_##name] = { #name, sender, CHANNEL_##channel, states, next, max, fds },
#include "ipc/messages.def"
#undef M
};

/* The same table as text, hashed: both ends compare it. */
static const char table_text[] =
#define M(name, sender, channel, states, next, max, fds)                                           \
	#name " " #sender " " #channel " " #states " " #next " " #max " " #fds "\n"
#include "ipc/messages.def"
#undef M
	LAZARET_VERSION;

const struct message_rule *message_rule(unsigned int type)
{
	return type < MESSAGE_COUNT_ ? &rules[type] : NULL;
}

bool message_permitted(unsigned int type, enum message_channel channel, bool from_supervisor,
		       enum message_state state)
{
	const struct message_rule *r = message_rule(type);

	return r && (r->channel == channel || r->channel == CHANNEL_ANY) &&
	       r->from_supervisor == from_supervisor && (r->states & state) != 0;
}

int protocol_hash(uint8_t ret_hash[static PROTOCOL_HASH_LEN])
{
	return sha256(table_text, sizeof(table_text), ret_hash);
}
