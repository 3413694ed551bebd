/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Words of the channel to lazaret-login (messages.def, LOGIN_*). */
#ifndef LAZARET_IPC_LOGIN_H
#define LAZARET_IPC_LOGIN_H

enum login_style {
	LOGIN_ASKS_SECRET,  /* PAM_PROMPT_ECHO_OFF */
	LOGIN_ASKS_VISIBLE, /* PAM_PROMPT_ECHO_ON */
	LOGIN_SAYS,	    /* PAM_TEXT_INFO, PAM_ERROR_MSG: "touch the key"; no reply */
};

enum login_outcome {
	LOGIN_IS_HIM,
	LOGIN_IS_WRONG,	      /* the person, a secret, or both: PAM does not say which, and neither do we */
	LOGIN_HAS_ENDED,      /* it is him, but the account or its secret has expired by PAM's word */
	LOGIN_CANNOT_TELL,    /* the stack is broken, or what it asks cannot be reached */
};

#define LOGIN_TEXT_MAX 512   /* bytes of one prompt, clean text (common/text.h) */
#define LOGIN_REPLY_MAX 511  /* bytes: PAM_MAX_RESP_SIZE with its NUL */
#define LOGIN_TEXTS_MAX 16   /* questions and remarks of one attempt: a stack that asks for ever ends as one that cannot tell */

#endif
