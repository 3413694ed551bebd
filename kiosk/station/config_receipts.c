/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret.yaml, `receipts:`: the printer. */
#include "station/config_parts.h"

static const char *const print_forms[] = { "label", "text", NULL };

const struct yaml_field config_receipts_fields[] = {
	YAML_FIELD(struct raw_receipts, "printer", STRING, printer, .max = 1000),
	YAML_FIELD(struct raw_receipts, "form", ENUM, form, .choices = print_forms),
	YAML_FIELD(struct raw_receipts, "columns", UINT, columns, .min = STATION_LABEL_COLUMNS_MIN, .max = STATION_LABEL_COLUMNS_MAX),
	YAML_FIELD(struct raw_receipts, "time", DURATION, time_s, .min = 1, .max = 300),
	YAML_FIELD_END,
};

void config_check_receipts(struct loader *l, const struct raw_receipts *r)
{
	const struct yaml_node *map = yaml_map_get(l->doc->root, "receipts");

	if (!map || map->kind != YAML_KIND_MAP)
		return;
	if (!r->printer)
		yaml_node_error(l->doc, map, l->errors, "receipts: has no effect without 'printer'");
	else if (r->printer[0] != '/')
		yaml_node_error(l->doc, map, l->errors, "printer: must be an absolute path such as /dev/usb/lp0");
	if (r->form == STATION_PRINT_TEXT && yaml_map_get(map, "columns"))
		yaml_node_error(l->doc, map, l->errors, "columns: has no effect with 'form: text', which has 80");
}
