/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Ports and devices as lazaret.yaml and a station's answers (kiosk/setup) name them. */
#ifndef LAZARET_STATION_DEVICES_H
#define LAZARET_STATION_DEVICES_H

#include "common/yaml.h"
#include "station/config.h"

/* "1-2", "1-2.3": as the kernel names a USB port. */
_must_check_ bool device_port_valid(const char *port);

/* A list of {port: , id: } maps; `node` may be NULL. Returns 0, also when something is wrong, which is among `errors` then, or -ENOMEM.
 * `*ret` (owned by the caller, devices_inputs_free()) is written in every case. */
_must_check_ int devices_inputs_decode(const struct yaml_doc *doc, const struct yaml_node *node, struct yaml_errors *errors,
				       struct station_input **ret, size_t *ret_count);
void devices_inputs_free(struct station_input *inputs, size_t count);

#endif
