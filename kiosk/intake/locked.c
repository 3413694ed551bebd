/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Passphrases pass through here: they are in one message buffer, which is wiped as soon as the child has them. */
#include "intake/locked.h"

#include <string.h>

#include "intake/mapping.h"
#include "intake/unlock.h"

static const char *fs_of(const struct volume *v)
{
	return v->is_noise ? UNLOCK_FS_NOISE : v->fs;
}

bool locked_is(const struct volume *v)
{
	return v->outcome == VOLUME_REFUSED && unlock_knows(fs_of(v));
}

/* The volume's detail is only about this now. */
static int stay_closed(struct volume *v, const char *format, const char *words)
{
	v->outcome = VOLUME_REFUSED;
	v->detail[0] = '\0';
	if (v->is_noise)
		volume_detail(v, "unknown: nothing but noise, perhaps an encrypted volume (VeraCrypt): %s", words);
	else
		volume_detail(v, "encrypted (%s): %s", format, words);
	return 0;
}

/* Before an operator is troubled. */
static const char *why_not_here(void)
{
	int r = mapping_available();

	return r == 0	       ? NULL :
	       r == -EPERM     ? "only a station that runs as root can open it" :
				 "this kernel cannot open it, it has no device mapper";
}

static int tell_locked(struct channel *c, size_t index, const struct volume *v, const char *format, uint32_t tries,
		       const char *wrong)
{
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));

	if (!e)
		return -ENOMEM;
	encoder_init(e);
	encode_u32(e, (uint32_t)index);
	encode_str(e, format);
	encode_str(e, v->label);
	encode_u32(e, tries);
	encode_str(e, wrong);
	return channel_send(c, MESSAGE_INTAKE_LOCKED, e, NULL, 0);
}

struct asking {
	struct channel *channel;
	size_t index;
	struct volume *volume;
	struct unlock *unlock;
	struct table table;
	uint64_t sectors;
	char words[VOLUME_DETAIL_MAX];
	struct message message;
};

/* 0 with the passphrase tried and `*ret_tried` what came of it: 0, -EPERM wrong, -ECANCELED none given, other errors. */
static int try_next(struct asking *a, int *ret_tried)
{
	const uint8_t *passphrase;
	size_t size = 0;
	uint32_t index;
	int r = channel_receive(a->channel, &a->message, false);

	if (r < 0)
		return r;
	if (a->message.type != MESSAGE_INTAKE_UNLOCK) {
		r = a->message.type == MESSAGE_END ? -ENOTCONN : -EPROTO;
	} else {
		index = decode_u32(&a->message.payload);
		passphrase = decode_bytes(&a->message.payload, UNLOCK_PASSPHRASE_MAX, &size);
		r = decoder_end(&a->message.payload);
		if (r == 0 && index != a->index)
			r = -EPROTO;
		if (r == 0)
			*ret_tried = size == 0 ? -ECANCELED : unlock_try(a->unlock, passphrase, size, &a->table, &a->sectors,
									  a->words, sizeof(a->words));
	}
	explicit_bzero(a->message.raw, sizeof(a->message.raw));
	message_done(&a->message);
	return r;
}

/* Returns as locked_open(). */
static int ask(struct asking *a, uint32_t tries, int *ret_fd)
{
	const char *format = a->unlock->format, *wrong = "";
	char words[64];
	int tried = -EPERM;

	for (uint32_t left = tries; tried == -EPERM && left > 0; left--) {
		int r = tell_locked(a->channel, a->index, a->volume, format, left, wrong);

		if (r == 0)
			r = try_next(a, &tried);
		if (r < 0)
			return r;
		wrong = a->volume->is_noise ? "this passphrase does not open it (VeraCrypt with AES is what is tried)" :
					      "this passphrase does not open it";
	}
	if (tried == 0)
		tried = mapping_make(&a->table, a->sectors, a->unlock->loop_fd, ret_fd, a->words, sizeof(a->words));
	if (tried == 0) {
		a->volume->detail[0] = '\0';
		volume_detail(a->volume, "unlocked %s", format);
		return 1;
	}
	(void)snprintf(words, sizeof(words), "no correct passphrase in %u %s", tries, tries == 1 ? "try" : "tries");
	return stay_closed(a->volume, format, tried == -EPERM     ? words :
					      tried == -ECANCELED ? "left locked, no passphrase was given" :
								    a->words);
}

int locked_open(struct channel *c, uint32_t tries, size_t index, struct volume *v, int source_fd, int *ret_fd,
		uint64_t *ret_size)
{
	_cleanup_(unlock_end) struct unlock u = UNLOCK_NONE;
	_cleanup_free_ struct asking *a = calloc(1, sizeof(*a));
	const char *why = why_not_here();
	int r;

	if (!a)
		return -ENOMEM;
	if (why)
		return stay_closed(v, v->fs, why);
	r = unlock_start(fs_of(v), source_fd, v->offset, v->size, &u, a->words, sizeof(a->words));
	if (r < 0)
		return stay_closed(v, v->fs, a->words[0] ? a->words : strerror(-r));
	a->channel = c;
	a->index = index;
	a->volume = v;
	a->unlock = &u;
	r = ask(a, MIN(tries, (uint32_t)UNLOCK_TRIES_MAX), ret_fd);
	if (r == 1)
		*ret_size = a->sectors * 512;
	explicit_bzero(a, sizeof(*a));
	return r;
}
