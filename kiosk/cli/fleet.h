/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret fleet status | push | export | import | check. */
#ifndef LAZARET_CLI_FLEET_H
#define LAZARET_CLI_FLEET_H

#include "cli/cli.h"

/* 0 done, 1 something waits or is wrong, 2 it could not be done, 64 usage. */
int cmd_fleet(struct cli *cli);

/* fleet export --out FILE [--from SEQ]: argv[0] is "export". */
int fleet_export(struct cli *cli, int argc, char **argv);

#endif
