/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Answers to what a new station has to know (lazaret-answers(5)): YAML, from the image, from a medium (after its signature), or made of
 * what was typed at the machine. Everything is checked before anything is made of it.
 */
#ifndef LAZARET_SETUP_ANSWERS_H
#define LAZARET_SETUP_ANSWERS_H

#include <stdint.h>

#include "common/macros.h"
#include "common/yaml.h"
#include "people/people.h"
#include "station/config.h"

#define ANSWERS_BYTES_MAX 65536 /* a site's hundred persons take 15 KiB */
#define ANSWERS_PERSONS_MAX 100
#define ZONES_DIRECTORY "/usr/share/zoneinfo"

/* All strings owned. */
struct answers_person {
	char *name, *full_name;
	char *hash; /* of crypt(5); "": he cannot log in until an administrator gives him a password */
	struct yaml_strings role_names;
	unsigned int roles;
};

struct answers {
	char *name;	 /* of the station; NULL: not said */
	int profile;
	char *time_zone; /* "Europe/Berlin"; NULL: UTC */
	struct yaml_strings media_ports, hubs;
	struct station_input *inputs;
	size_t input_count;
	struct yaml_strings stations; /* ids of those that they are for; none: any */
	int64_t clock;		      /* s since 1970: the time is later than this; 0: not said */
	struct answers_person *persons;
	size_t person_count;
};

/* Check and take. `file`: for messages. Returns 0; -EINVAL with every error in `errors`; or -ENOMEM. */
_must_check_ int answers_parse(const char *file, const void *data, size_t size, struct yaml_errors *errors, struct answers **ret);
struct answers *answers_free(struct answers *a);
void answers_freep(struct answers **a);

/* Are they for the station with this id? */
bool answers_are_for(const struct answers *a, const char *id);

/* "strict", ...: static. */
const char *answers_profile(const struct answers *a);

/* "Europe/Berlin": a name of a zone that this system has? */
_must_check_ bool time_zone_valid(const char *zone);

/* The lines of lazaret.yaml's `devices` that follow from them; owned by the caller, NULL when out of memory. */
char *answers_devices(const struct answers *a);

#endif
