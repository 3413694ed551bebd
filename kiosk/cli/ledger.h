/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-ledger for one command: started, asked, ended. */
#ifndef LAZARET_CLI_LEDGER_H
#define LAZARET_CLI_LEDGER_H

#include <sys/types.h>

#include "common/macros.h"
#include "ipc/channel.h"
#include "station/config.h"

struct ledger_link {
	struct channel channel;
	pid_t pid; /* 0: none */
};

/* 0, or a negative errno after telling. */
_must_check_ int ledger_link_open(const struct station_config *config, struct ledger_link *ret);
void ledger_link_close(struct ledger_link *l); /* fine on one that is all zeros */

#endif
