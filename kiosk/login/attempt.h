/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* One attempt of one person, by PAM. Inside kiosk/login. */
#ifndef LAZARET_LOGIN_ATTEMPT_H
#define LAZARET_LOGIN_ATTEMPT_H

#include "common/macros.h"
#include "ipc/channel.h"
#include "ipc/login.h"

struct attempt {
	struct channel *channel; /* borrowed: where the questions go, and the replies come from */
	const char *directory;	 /* of service files; NULL: the system's */
	const char *service, *person;
	unsigned int texts;	 /* asked or said so far */
	bool is_cut;		 /* nobody replies any more */
};

/* Blocks on the person. The outcome, with words for the log (static, or of the PAM handle no longer) in `detail`. */
enum login_outcome attempt_make(struct attempt *a, char detail[static LOGIN_TEXT_MAX]);

#endif
