/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#ifndef LAZARET_CLI_SHARE_H
#define LAZARET_CLI_SHARE_H

#include <sys/types.h>

#include "cli/cli.h"
#include "station/config.h"

/* lazaret share show | write | password | push: 0 done, 1 it is not configured, or not all is at the far end, 2 could not be done, 64 usage. */
int cmd_share(struct cli *cli);

/* share_push.c: its exit status. `uid`, `gid`: of SHARE_ACCOUNT. */
int share_push(const struct station_config *config, uid_t uid, gid_t gid);

#endif
