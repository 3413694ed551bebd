/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret selfcheck: does the station itself hold what it promises? lazaret-selfcheck looks (kiosk/selfcheck). */
#ifndef LAZARET_CLI_SELFCHECK_H
#define LAZARET_CLI_SELFCHECK_H

#include "cli/cli.h"

/* 0 nothing is bad, 1 something is, 2 it could not be looked at, 64 usage. */
int cmd_selfcheck(struct cli *cli);

#endif
