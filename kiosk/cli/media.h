/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Commands that speak with a running lazaretd (docs/control.md). */
#ifndef LAZARET_CLI_MEDIA_H
#define LAZARET_CLI_MEDIA_H

#include <jansson.h>

#include "cli/cli.h"
#include "common/macros.h"
#include "control/client.h"
#include "station/config.h"

#define EXIT_REFUSED 1 /* lazaretd said no */

/* lazaret media [--json] [--watch] | media cancel|dismiss|eject|again ID: 0, 1 refused, 2 no daemon, 64 usage. */
int cmd_media(struct cli *cli);
/* lazaret devices [--json]: as above. */
int cmd_devices(struct cli *cli);
/* lazaret reload: as above. */
int cmd_reload(struct cli *cli);

/* A connection to the station's daemon. */
_must_check_ int daemon_connect(const struct station_config *c, struct control_client **ret);
/* Why there is none, in words; `error` as of control_client_new() or control_client_ask(). Static. */
const char *daemon_words(int error);
/* One question. Returns 0 with the answer (a new reference, "ok" may be false) or a negative errno. */
_must_check_ int daemon_ask(struct control_client *client, const char *name, json_t *fields, json_t **ret);

#endif
