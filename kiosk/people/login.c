/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What is said to lazaret-login, and how its words are taken. */
#include <string.h>
#include <sys/stat.h>

#include "people/attempt.h"

#define PAM_DIR "pam.d"

int login_send_start(struct channel *c, const struct station_config *config)
{
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));
	_cleanup_free_ char *dir = NULL;
	struct stat st;

	if (!e || asprintf(&dir, "%s/" PAM_DIR, config->dir) < 0) {
		dir = NULL;
		return -ENOMEM;
	}
	/* One that is there and cannot be used is an error of lazaret-login's, not the system's stack by accident. */
	if (lstat(dir, &st) < 0 && errno == ENOENT)
		*dir = '\0';
	encoder_init(e);
	encode_str(e, dir);
	encode_str(e, config->people.service);
	encode_u32(e, (uint32_t)config->people.answer_time_s);
	return channel_send(c, MESSAGE_LOGIN_START, e, NULL, 0);
}

int login_send_try(struct channel *c, const char *person)
{
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));

	if (!e)
		return -ENOMEM;
	encoder_init(e);
	encode_str(e, person);
	return channel_send(c, MESSAGE_LOGIN_TRY, e, NULL, 0);
}

int login_send_reply(struct channel *c, const char *secret)
{
	struct encoder *e = malloc(sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	encoder_init(e);
	encode_bytes(e, secret, strlen(secret));
	r = channel_send(c, MESSAGE_LOGIN_REPLY, e, NULL, 0);
	explicit_bzero(e, sizeof(*e));
	free(e);
	return r;
}

int login_take_text(struct message *m, enum login_style *ret_style, char ret_text[static LOGIN_TEXT_MAX])
{
	uint32_t style = decode_u32(&m->payload);
	int r;

	decode_str_into(&m->payload, ret_text, LOGIN_TEXT_MAX);
	r = decoder_end(&m->payload);
	if (r < 0 || style > LOGIN_SAYS)
		return -EPROTO;
	*ret_style = (enum login_style)style;
	return 0;
}

int login_take_result(struct message *m, enum login_outcome *ret_outcome, char ret_detail[static LOGIN_TEXT_MAX])
{
	uint32_t outcome = decode_u32(&m->payload);
	int r;

	decode_str_into(&m->payload, ret_detail, LOGIN_TEXT_MAX);
	r = decoder_end(&m->payload);
	if (r < 0 || outcome > LOGIN_CANNOT_TELL)
		return -EPROTO;
	*ret_outcome = (enum login_outcome)outcome;
	return 0;
}
