/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* STATION/maintenance.yaml (`lazaret.maintenance/1`): what an administrator has changed at an appliance's screen. lazaret.yaml stays as it was
 * written; what is here takes its place:
 *
 *   {"at": S, "by": NAME, "devices": {"hubs": [...], "inputs": [{"id": , "port": }, ...], "media-ports": [...]}, "format": "lazaret.maintenance/1",
 *    "name": "..."}
 *
 *   devices   the three lists of lazaret.yaml's `devices`, all of them: one that is missing is empty. No `devices`: as lazaret.yaml says
 *   name      the station's. Missing: as lazaret.yaml says
 *
 * JSON, which is YAML: read as strictly as lazaret.yaml is. Written by lazaretd alone, by one rename. */
#ifndef LAZARET_STATION_MAINTENANCE_H
#define LAZARET_STATION_MAINTENANCE_H

#include <jansson.h>
#include <stdbool.h>

#include "common/macros.h"
#include "station/config.h"

#define MAINTENANCE_FILE "maintenance.yaml"

/* May a station be called so? Not empty, UTF-8 without control characters, at most STATION_NAME_MAX bytes. */
_must_check_ bool station_name_valid(const char *name);

/* The lists in force: a new {"hubs", "inputs", "media-ports"}; NULL: out of memory. */
json_t *maintenance_devices(const struct station_config *c);

/* Keep `devices` or `name` (either may be NULL: as it was), by whom. Returns when it is on the disk: 0, or a negative errno, and then what was there before is there still. */
_must_check_ int maintenance_keep(const struct station_config *c, const char *by, const json_t *devices, const char *name);

/* What this file may change goes from `from` to `to`, and back. */
void maintenance_swap(struct station_config *to, struct station_config *from);

/* -- for config.c */

/* Let what is there take the place of what lazaret.yaml said. 0, -EINVAL with errors added, or -ENOMEM. */
_must_check_ int config_take_maintenance(struct station_config *c, struct yaml_errors *errors);

#endif
