/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Volumes and engines in receipt.html. */
#include <inttypes.h>

#include "receipt/html_parts.h"

/* One cell with a string of the report, and what else is known beneath it. */
static int put_cell(const struct sheet *s, const char *label, const json_t *object, const char *key, const char *more_key)
{
	_cleanup_free_ char *text = facts_short(object, key, DETAIL_COLUMNS), *more = facts_short(object, more_key ? more_key : "", DETAIL_COLUMNS);

	if (!text || !more)
		return -ENOMEM;
	(void)fprintf(s->out, "<td data-label=\"%s\">", label);
	html_name(s->out, text);
	if (*more) {
		(void)fputs("<span class=\"sub\">", s->out);
		html_name(s->out, more);
		(void)fputs("</span>", s->out);
	}
	(void)fputs("</td>", s->out);
	return 0;
}

int html_volumes(const struct sheet *s)
{
	static const struct {
		const char *label, *key, *more;
	} cells[] = { { "File system", "fs", "driver" }, { "Label", "label", "uuid" }, { "Outcome", "outcome", NULL }, { "Remark", "detail", NULL } };
	const json_t *volumes = json_object_get(json_object_get(s->summary->head, "medium"), "volumes");
	json_t *volume;
	size_t k;
	int r = 0;

	if (json_array_size(volumes) == 0)
		return 0;
	(void)fputs("<h3 id=\"volumes\">Volumes</h3>\n<table class=\"stack\" aria-labelledby=\"volumes\"><thead><tr><th scope=\"col\">Volume</th>"
		    "<th scope=\"col\">File system, driver</th><th scope=\"col\">Label, UUID</th><th scope=\"col\">Outcome</th>"
		    "<th scope=\"col\">Remark</th></tr></thead><tbody>\n", s->out);
	json_array_foreach(volumes, k, volume) {
		(void)fprintf(s->out, "<tr><th scope=\"row\">%" JSON_INTEGER_FORMAT "</th>", json_integer_value(json_object_get(volume, "index")));
		for (size_t c = 0; r == 0 && c < ARRAY_LEN(cells); c++)
			r = put_cell(s, cells[c].label, volume, cells[c].key, cells[c].more);
		(void)fputs("</tr>\n", s->out);
	}
	(void)fputs("</tbody></table>\n", s->out);
	return r;
}

static int put_engine(const struct sheet *s, const json_t *engine)
{
	_cleanup_free_ char *name = facts_text(engine, "name");
	json_int_t signatures = json_integer_value(json_object_get(engine, "signatures")), made = json_integer_value(json_object_get(engine, "database_time"));
	char age[FACT_AGE_LEN], when[FACT_TIME_LEN];
	int r;

	if (!name)
		return -ENOMEM;
	(void)fputs("<tr><th scope=\"row\">", s->out);
	html_name(s->out, name);
	(void)fputs("</th>", s->out);
	r = put_cell(s, "Version", engine, "version", NULL);
	if (r == 0)
		r = put_cell(s, "Database", engine, "database_version", NULL);
	facts_time(made, when);
	facts_age(json_integer_value(json_object_get(engine, "database_age_s")), age);
	(void)fprintf(s->out, "<td data-label=\"Database of\">%s</td><td data-label=\"Age\">%s</td>", made > 0 ? when : "", made > 0 ? age : "");
	(void)fputs("<td class=\"n\" data-label=\"Signatures\">", s->out);
	if (signatures > 0)
		(void)fprintf(s->out, "%" JSON_INTEGER_FORMAT, signatures);
	(void)fputs("</td></tr>\n", s->out);
	return r;
}

int html_engines(const struct sheet *s)
{
	const json_t *engines = json_object_get(s->summary->head, "engines");
	json_t *engine;
	size_t k;
	int r = 0;

	(void)fputs("<section aria-labelledby=\"engines\">\n<h2 id=\"engines\">Examined by</h2>\n", s->out);
	if (json_array_size(engines) == 0) {
		(void)fputs("<p>The inspection ended before any engine was ready.</p>\n</section>\n", s->out);
		return 0;
	}
	(void)fputs("<table class=\"stack\" aria-labelledby=\"engines\"><thead><tr><th scope=\"col\">Engine</th><th scope=\"col\">Version</th>"
		    "<th scope=\"col\">Database</th><th scope=\"col\">Database of</th><th scope=\"col\">Age then</th><th scope=\"col\" class=\"n\">"
		    "Signatures</th></tr></thead><tbody>\n", s->out);
	json_array_foreach(engines, k, engine)
		r = r < 0 ? r : put_engine(s, engine);
	(void)fputs("</tbody></table>\n</section>\n", s->out);
	return r;
}
