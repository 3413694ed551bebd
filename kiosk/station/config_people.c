/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* `people:` of lazaret.yaml: how the station finds out who is there. */
#include <string.h>

#include "station/config_parts.h"

const struct yaml_field config_people_fields[] = {
	YAML_FIELD(struct raw_people, "service", STRING, service, .max = 64),
	YAML_FIELD(struct raw_people, "tries", UINT, tries, .min = 1, .max = 100),
	YAML_FIELD(struct raw_people, "lock-time", DURATION, lock_time_s, .min = 1, .max = 30 * DAY),
	YAML_FIELD(struct raw_people, "session-time", DURATION, session_time_s, .min = 1, .max = DAY),
	YAML_FIELD(struct raw_people, "answer-time", DURATION, answer_time_s, .min = 1, .max = 600),
	YAML_FIELD(struct raw_people, "password-length", UINT, password_length, .min = 6, .max = 64),
	YAML_FIELD(struct raw_people, "second", STRINGS, second),
	YAML_FIELD_END,
};

/* In the order of enum person_role (people/people.h), which is made of this folder's configuration and not the other way round. */
static const char *const role_names[] = { "operator", "officer", "auditor", "administrator" };

/* It becomes a path beneath a directory of service files. */
static bool is_service(const char *name)
{
	return *name && name[0] != '.' && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == strlen(name);
}

int config_load_people(struct loader *l, struct raw_people *p)
{
	const struct yaml_node *node = yaml_map_get(l->doc->root, "people");

	if (p->service && !is_service(p->service))
		yaml_node_error(l->doc, node, l->errors, "service: a file's name of letters, digits, '.', '_' and '-'");
	for (size_t k = 0; k < p->second.count; k++) {
		size_t role = 0;

		while (role < ARRAY_LEN(role_names) && strcmp(role_names[role], p->second.list[k].value) != 0)
			role++;
		if (role == ARRAY_LEN(role_names))
			yaml_errors_add(l->errors, l->doc->file, p->second.list[k].line, p->second.list[k].column,
					"second: '%s' is no role (operator, officer, auditor, administrator)", p->second.list[k].value);
		else
			p->second_roles |= 1u << role;
	}
	return 0;
}

int config_take_people(struct station_people *to, struct raw_people *from)
{
	to->service = from->service ? TAKE_PTR(from->service) : strdup("lazaret");
	to->tries = from->tries;
	to->lock_time_s = from->lock_time_s;
	to->session_time_s = from->session_time_s;
	to->answer_time_s = from->answer_time_s;
	to->password_length = from->password_length;
	to->second_roles = from->second_roles ? from->second_roles : (1u << ARRAY_LEN(role_names)) - 1;
	return to->service ? 0 : -ENOMEM;
}

void config_raw_people_done(struct raw_people *p)
{
	free(p->service);
	yaml_strings_done(&p->second);
}
