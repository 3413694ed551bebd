/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Commands about what the station keeps: audit trail, keys, history, reports; and what they share. */
#ifndef LAZARET_CLI_RECORDS_H
#define LAZARET_CLI_RECORDS_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "cli/cli.h"
#include "common/macros.h"
#include "common/minisign.h"
#include "station/config.h"

#define EXIT_CANNOT 2  /* something could not be read or done */
#define EXIT_USAGE  64 /* sysexits.h: EX_USAGE */

/* lazaret audit verify | show | witness | export: 0 good, 1 the trail is not good, 2 it could not be read, 64 usage. */
int cmd_audit(struct cli *cli);
/* lazaret key make | show | trust | distrust | list: 0 done, 1 refused, 2 could not be done, 64 usage. */
int cmd_key(struct cli *cli);
/* lazaret plugin check PROGRAM: 0 it conforms, 1 it does not, 2 it could not be tried, 64 usage. */
int cmd_plugin(struct cli *cli);
/* lazaret history [FILTERS] [SHA256|TEXT]: 0, 2 could not be read, 64 usage. */
int cmd_history(struct cli *cli);
/* lazaret metrics: 0, 2 nothing is known, 64 usage. */
int cmd_metrics(struct cli *cli);
/* lazaret report month [YYYY-MM] [--out FILE]: 0, 1 a report of that month is missing or altered (told; the page is made), 2 could
 * not be made, 64 usage. */
int cmd_report(struct cli *cli);
/* lazaret show ID: 0, 1 there is no such report, or it was altered, 2 could not be read, 64 usage. */
int cmd_show(struct cli *cli);

/* The configuration of the station, or NULL after telling what is wrong with it. */
struct station_config *records_config(const struct cli *cli);

struct history;
/* The history, opened and brought up to the trail (made anew: `is_rebuild`). 0; -ENODATA when nothing has been recorded yet;
 * or another negative errno after telling. Reads the whole trail where the index is not known to have all of it. */
_must_check_ int records_history(const struct station_config *config, bool is_rebuild, struct history **ret);

/* An absolute directory, opened; negative errno after telling what is wrong. */
_must_check_ int records_directory(const char *path);

/* The public key beside a secret one ("audit.key" -> "audit.pub"). 0, or a negative errno after telling why. */
_must_check_ int records_public_key(const char *secret_path, struct minisign_public *ret);

/* Append one record through lazaret-ledger, which is started and ended for it. 0, or a negative errno after telling. */
_must_check_ int records_append(const struct station_config *config, const char *type, const json_t *body);

/* Untrusted or kept text on its way to standard output, escaped once more unless it is clean. */
void records_put(const char *text);
void records_print(FILE *out, const char *text);

/* "2026-11-22 02:38:53" (UTC). */
#define RECORDS_TIME_LEN 20
void records_time(int64_t seconds, char out[static RECORDS_TIME_LEN]);

#endif
