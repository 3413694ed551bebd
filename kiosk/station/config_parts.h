/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Sections of lazaret.yaml that have a file of their own; for config*.c alone. */
#ifndef LAZARET_STATION_CONFIG_PARTS_H
#define LAZARET_STATION_CONFIG_PARTS_H

#include "common/yaml.h"
#include "station/config.h"

#define DAY UINT64_C(86400) /* seconds */

struct loader {
	const struct yaml_doc *doc;
	struct yaml_errors *errors;
	struct station_config *c;
};

/* config_filesystems.c: `map` NULL: what is usual. 0 or -ENOMEM; whatever else is wrong is among the errors. */
_must_check_ int config_load_filesystems(struct loader *l, const struct yaml_node *map);

/* config_examiners.c: rules and programs of the site. 0 or -ENOMEM, as above; `yara` and `plugins` may be NULL. */
_must_check_ int config_load_yara(struct loader *l, const struct yaml_node *yara);
_must_check_ int config_load_plugins(struct loader *l, const struct yaml_node *plugins);
void config_examiners_done(struct station_config *c);

/* config_fleet.c: 0 or -ENOMEM, as above; `map` may be NULL. */
_must_check_ int config_load_fleet(struct loader *l, const struct yaml_node *map);
void config_fleet_done(struct station_config *c);

/* share.c: 0 or -ENOMEM, as above; `map` may be NULL. */
_must_check_ int config_load_share(struct loader *l, const struct yaml_node *map);
void config_share_done(struct station_config *c);

/* config_devices.c: as it is written. */
struct raw_devices {
	int source;
	bool is_guarded, has_optical;
	char *loop_dir;
	struct yaml_strings media_ports, hubs, allow, deny;
	const struct yaml_node *inputs;
	uint64_t at_once, unlock_tries, unlock_time_s;
};

extern const struct yaml_field config_devices_fields[], config_devices_lists[];
/* Look into the lists, which the fields cannot describe, and fill the station's inputs. 0 or -ENOMEM, as above. */
_must_check_ int config_load_devices(struct loader *l, struct raw_devices *d);
/* The strings go over; `loop_dir` and `inputs` stay. */
void config_take_devices(struct station_devices *to, struct raw_devices *from);
/* `media_ports` and `hubs` alone, in the place of those that are there. */
void config_take_lists(struct station_devices *to, struct raw_devices *from);

/* config_people.c: as it is written, and the mask that `second` makes. */
struct raw_people {
	char *service;
	uint64_t tries, lock_time_s, session_time_s, answer_time_s, password_length;
	struct yaml_strings second;
	unsigned int second_roles;
};

extern const struct yaml_field config_people_fields[];
_must_check_ int config_load_people(struct loader *l, struct raw_people *p);
_must_check_ int config_take_people(struct station_people *to, struct raw_people *from);
void config_raw_people_done(struct raw_people *p);

/* config_review.c: into the station's own; `dir` as it is written. */
extern const struct yaml_field config_held_fields[], config_review_fields[];

/* config_receipts.c */
struct raw_receipts {
	char *printer;
	int form;
	uint64_t columns, time_s;
};

extern const struct yaml_field config_receipts_fields[];
void config_check_receipts(struct loader *l, const struct raw_receipts *r);

#endif
