/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* pam_start() to pam_end(). What modules say and ask goes to whoever started us, cleaned and cut; what comes back is handed to them and
 * wiped here. No session is opened and no credentials are set: nobody gets a shell, the station only wants to know.
 */
#include "login/attempt.h"

#include <security/pam_appl.h>
#include <string.h>

#include "common/text.h"

/* -- the conversation --------------------------------------------------------------------------------------------- */

/* One line of clean text, cut at a character. */
static char *clean_line(const char *raw)
{
	_cleanup_free_ char *line = strndup(raw ? raw : "", 4 * LOGIN_TEXT_MAX);
	char *clean;

	if (!line)
		return NULL;
	for (char *p = line; *p; p++)
		if (*p == '\n' || *p == '\t' || *p == '\r')
			*p = ' ';
	clean = text_escape(line, strlen(line));
	if (clean && strlen(clean) >= LOGIN_TEXT_MAX) {
		size_t size = LOGIN_TEXT_MAX - 1;

		while (size > 0 && ((unsigned char)clean[size] & 0xc0) == 0x80)
			size--;
		clean[size] = '\0';
	}
	return clean;
}

static int send_text(struct attempt *a, enum login_style style, const char *raw)
{
	_cleanup_free_ char *text = clean_line(raw);
	_cleanup_free_ struct encoder *e = malloc(sizeof(*e));

	if (!text || !e)
		return -ENOMEM;
	encoder_init(e);
	encode_u32(e, style);
	encode_str(e, text);
	return channel_send(a->channel, MESSAGE_LOGIN_TEXT, e, NULL, 0);
}

/* The reply, for a module to free; it came with its length and must have no NUL. */
static int receive_reply(struct attempt *a, char **ret)
{
	struct message *m = malloc(sizeof(*m));
	int r = m ? channel_expect(a->channel, MESSAGE_LOGIN_REPLY, m, NULL) : -ENOMEM;

	if (r == 0) {
		size_t size;
		const uint8_t *reply = decode_bytes(&m->payload, LOGIN_REPLY_MAX, &size);

		r = decoder_end(&m->payload);
		if (r == 0 && (memchr(reply, 0, size) || !(*ret = strndup((const char *)reply, size))))
			r = -ENOMEM;
		message_done(m);
	}
	if (m)
		explicit_bzero(m, sizeof(*m));
	free(m);
	return r;
}

static int one_text(struct attempt *a, const struct pam_message *asked, char **ret)
{
	enum login_style style;
	int r;

	if (++a->texts > LOGIN_TEXTS_MAX)
		return -E2BIG;
	switch (asked->msg_style) {
	case PAM_PROMPT_ECHO_OFF:
		style = LOGIN_ASKS_SECRET;
		break;
	case PAM_PROMPT_ECHO_ON:
		style = LOGIN_ASKS_VISIBLE;
		break;
	case PAM_TEXT_INFO:
	case PAM_ERROR_MSG:
		style = LOGIN_SAYS;
		break;
	default: /* PAM_RADIO_TYPE, PAM_BINARY_PROMPT: nobody here could answer */
		return -ENOTSUP;
	}
	r = send_text(a, style, asked->msg);
	if (r == 0 && style != LOGIN_SAYS)
		r = receive_reply(a, ret);
	if (r < 0)
		a->is_cut = true;
	return r;
}

static void wipe_responses(struct pam_response *all, int count)
{
	for (int k = 0; k < count; k++)
		if (all[k].resp) {
			explicit_bzero(all[k].resp, strlen(all[k].resp));
			free(all[k].resp);
		}
	free(all);
}

static int converse(int count, const struct pam_message **asked, struct pam_response **ret, void *context)
{
	struct attempt *a = context;
	struct pam_response *all;

	if (count < 1 || count > PAM_MAX_NUM_MSG)
		return PAM_CONV_ERR;
	all = calloc((size_t)count, sizeof(*all));
	if (!all)
		return PAM_BUF_ERR;
	for (int k = 0; k < count; k++)
		if (one_text(a, asked[k], &all[k].resp) < 0) {
			wipe_responses(all, count);
			return PAM_CONV_ERR;
		}
	*ret = all;
	return PAM_SUCCESS;
}

/* -- the attempt ---------------------------------------------------------------------------------------------------- */

/* Whoever started us makes every refusal take the same time; a delay of a module's own, which is random, would add to it. */
static void no_delay(int status, unsigned int usec, void *context)
{
	(void)status;
	(void)usec;
	(void)context;
}

static enum login_outcome outcome_of(int status)
{
	switch (status) {
	case PAM_SUCCESS:
		return LOGIN_IS_HIM;
	case PAM_AUTH_ERR:
	case PAM_USER_UNKNOWN:
	case PAM_MAXTRIES:
	case PAM_PERM_DENIED:
	case PAM_CRED_INSUFFICIENT:
		return LOGIN_IS_WRONG;
	case PAM_ACCT_EXPIRED:
	case PAM_NEW_AUTHTOK_REQD:
	case PAM_AUTHTOK_EXPIRED:
	case PAM_CRED_EXPIRED:
		return LOGIN_HAS_ENDED;
	default: /* a module that is missing, a directory that does not answer, a conversation that broke off */
		return LOGIN_CANNOT_TELL;
	}
}

/* A module may have put another user in his place (pam_get_user(3)): then it is not he who was asked about. */
static int check_user(pam_handle_t *pam, const char *person)
{
	const void *user = NULL;
	int status = pam_get_item(pam, PAM_USER, &user);

	return status != PAM_SUCCESS ? status : user && strcmp(user, person) == 0 ? PAM_SUCCESS : PAM_PERM_DENIED;
}

static int run(pam_handle_t *pam, const struct attempt *a)
{
	union {
		void (*function)(int status, unsigned int usec, void *context);
		const void *item;
	} delay = { .function = no_delay };
	int status = pam_set_item(pam, PAM_FAIL_DELAY, delay.item);

	if (status == PAM_SUCCESS)
		status = pam_set_item(pam, PAM_TTY, "lazaret"); /* some modules want one; it is no device's name */
	if (status == PAM_SUCCESS)
		status = pam_authenticate(pam, PAM_DISALLOW_NULL_AUTHTOK);
	if (status == PAM_SUCCESS)
		status = check_user(pam, a->person);
	if (status == PAM_SUCCESS)
		status = pam_acct_mgmt(pam, PAM_DISALLOW_NULL_AUTHTOK);
	return status == PAM_SUCCESS ? check_user(pam, a->person) : status;
}

static void say(char detail[static LOGIN_TEXT_MAX], const char *raw)
{
	_cleanup_free_ char *text = clean_line(raw);

	(void)snprintf(detail, LOGIN_TEXT_MAX, "%s", text ? text : "");
}

enum login_outcome attempt_make(struct attempt *a, char detail[static LOGIN_TEXT_MAX])
{
	const struct pam_conv conversation = { .conv = converse, .appdata_ptr = a };
	pam_handle_t *pam = NULL;
	int status = a->directory ? pam_start_confdir(a->service, a->person, &conversation, a->directory, &pam) :
				    pam_start(a->service, a->person, &conversation, &pam);

	if (status == PAM_SUCCESS)
		status = run(pam, a);
	say(detail, pam_strerror(pam, status));
	if (pam)
		(void)pam_end(pam, status | PAM_DATA_SILENT); /* nothing is left to be told */
	return outcome_of(status);
}
