/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#ifndef LAZARET_CLI_SHARE_H
#define LAZARET_CLI_SHARE_H

#include "cli/cli.h"

/* lazaret share show | write | password: 0 done, 1 it is not configured, 2 could not be done, 64 usage. */
int cmd_share(struct cli *cli);

#endif
