/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret.yaml, `fleet:`: the database to which this station's records go. Without it nothing connects anywhere (invariant 7). */
#include <string.h>

#include "station/config_parts.h"
#include "station/path.h"

#define INTERVAL_DEFAULT_S 60

struct raw_fleet {
	char *database, *password_file, *ca;
	uint64_t interval_s;
	bool reads_back;
};

static const struct yaml_field fleet_fields[] = {
	YAML_FIELD(struct raw_fleet, "database", STRING, database, .is_required = true, .max = 1000),
	YAML_FIELD(struct raw_fleet, "password-file", STRING, password_file),
	YAML_FIELD(struct raw_fleet, "ca", STRING, ca),
	YAML_FIELD(struct raw_fleet, "interval", DURATION, interval_s, .min = 1, .max = DAY),
	YAML_FIELD(struct raw_fleet, "read-back", BOOL, reads_back),
	YAML_FIELD_END,
};

/* What else the words of `database` must be, libpq tells lazaret-fleet; this file is read by people who must not see a secret. */
static void check_fleet(struct loader *l, const struct yaml_node *map, const struct raw_fleet *f)
{
	const struct yaml_node *database = yaml_map_get(map, "database");

	if (f->database && strcasestr(f->database, "password"))
		yaml_node_error(l->doc, database, l->errors, "database: must not hold a password: 'password-file' names a file that does");
	if (f->database && strstr(f->database, "://"))
		yaml_node_error(l->doc, database, l->errors,
				"database: must be words such as 'host=records.site dbname=lazaret user=station7', no URI");
}

static int take_path(struct loader *l, char **ret, const char *given)
{
	if (!given)
		return 0;
	*ret = path_resolve(l->c->dir, given);
	return *ret ? 0 : -ENOMEM;
}

int config_load_fleet(struct loader *l, const struct yaml_node *map)
{
	struct raw_fleet f = { .interval_s = INTERVAL_DEFAULT_S, .reads_back = true };
	struct station_fleet *to = &l->c->fleet;
	int r;

	if (!map)
		return 0;
	r = yaml_decode(l->doc, map, fleet_fields, &f, l->errors);
	if (r != -ENOMEM)
		check_fleet(l, map, &f);
	if (r == 0)
		r = yaml_worse(take_path(l, &to->password_file, f.password_file), take_path(l, &to->ca, f.ca));
	to->database = TAKE_PTR(f.database);
	to->interval_s = f.interval_s;
	to->reads_back = f.reads_back;
	free(f.password_file);
	free(f.ca);
	return r == -ENOMEM ? r : 0;
}

void config_fleet_done(struct station_config *c)
{
	free(c->fleet.database);
	free(c->fleet.password_file);
	free(c->fleet.ca);
}
