/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Each plot has its numbers in a table, too; every table has a caption and headers; nothing is said by colour alone. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "cli/html.h"
#include "cli/month.h"
#include "cli/records.h"

static const char head[] =
	"<meta charset=\"utf-8\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<style>\n"
	"body{font:16px/1.5 sans-serif;color:#1a1a1a;background:#fff;max-width:60rem;margin:2rem auto;padding:0 1rem}\n"
	"h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem}\n"
	"table{border-collapse:collapse;margin:1rem 0;font-size:.9rem}caption{text-align:left;font-weight:bold;padding:.3rem 0}\n"
	"th,td{border:1px solid #767676;padding:.2rem .6rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}\n"
	"thead th{background:#eee}th{overflow-wrap:normal}tbody th{white-space:nowrap}td.n{text-align:right;white-space:nowrap}\n"
	"figure{margin:1rem 0}svg{width:100%;height:auto;font:12px sans-serif}svg text{fill:#1a1a1a;paint-order:stroke;stroke:#fff;stroke-width:3px}\n"
	"figcaption{font-size:.9rem}.grid{stroke:#767676;stroke-width:.5}.limit{stroke:#b00020;stroke-width:1.5;stroke-dasharray:6 3}\n"
	".key{display:inline-block;width:.8em;height:.8em;border:1px solid #1a1a1a}\n"
	".scroll{overflow-x:auto}\n"
	"@media print{body{margin:0;max-width:none;font-size:11px}figure,tr{break-inside:avoid}h2{break-after:avoid}.scroll{overflow:visible}\n"
	"thead{display:table-header-group}rect,.key,thead th{print-color-adjust:exact;-webkit-print-color-adjust:exact}}\n"
	"</style>\n";

static void cell(FILE *out, uint64_t n)
{
	(void)fprintf(out, "<td class=\"n\">%" PRIu64 "</td>", n); /* errors stay in the stream until its end */
}

/* "3 d 4 h", "2 h 5 min", "12 min 3 s", "-" for what is not known. */
static void put_duration(FILE *out, int64_t s)
{
	if (s < 0)
		(void)fputs("-", out);
	else if (s >= 86400)
		(void)fprintf(out, "%" PRId64 " d %" PRId64 " h", s / 86400, s % 86400 / 3600);
	else if (s >= 3600)
		(void)fprintf(out, "%" PRId64 " h %" PRId64 " min", s / 3600, s % 3600 / 60);
	else if (s >= 60)
		(void)fprintf(out, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
	else
		(void)fprintf(out, "%" PRId64 " s", s);
}

static void duration_cell(FILE *out, int64_t s)
{
	(void)fputs("<td class=\"n\">", out);
	put_duration(out, s);
	(void)fputs("</td>", out);
}

static void text_cell(FILE *out, const char *text)
{
	(void)fputs("<td>", out);
	html_text(out, text);
	(void)fputs("</td>", out);
}

static void begin_table(FILE *out, const char *caption, const char *const *columns)
{
	(void)fprintf(out, "<div class=\"scroll\"><table>\n<caption>%s</caption>\n<thead><tr>", caption);
	for (; *columns; columns++)
		(void)fprintf(out, "<th scope=\"col\">%s</th>", *columns);
	(void)fputs("</tr></thead>\n<tbody>\n", out);
}

static void end_table(FILE *out)
{
	(void)fputs("</tbody>\n</table></div>\n", out);
}

/* -- days ----------------------------------------------------------------------------------------------------------- */

struct days {
	char text[MONTH_DAYS_MAX][4];
	const char *names[MONTH_DAYS_MAX];
	double values[MONTH_DAYS_MAX * HTML_SERIES_MAX];
};

static struct html_plot day_plot(const struct month *m, struct days *d, const char *id)
{
	for (unsigned int k = 0; k < m->days; k++) {
		(void)snprintf(d->text[k], sizeof(d->text[k]), "%u", (k + 1) % 100);
		d->names[k] = d->text[k];
	}
	return (struct html_plot){ .id = id, .columns = d->names, .column_count = m->days, .values = d->values };
}

static void plot_media(FILE *out, const struct month *m)
{
	struct days d;
	struct html_plot p = day_plot(m, &d, "media");

	p.title = "Inspections by day";
	p.description = "Bars for each day of the month: inspections that were published, refused and aborted. The table of days has the numbers.";
	p.unit = "number of media";
	for (unsigned int s = 0; s < OUTCOME_COUNT_; s++) {
		p.series[s] = history_outcome_name((enum history_outcome)s);
		for (unsigned int k = 0; k < m->days; k++)
			d.values[k * OUTCOME_COUNT_ + s] = (double)m->day[k].outcomes[s];
	}
	html_plot_columns(out, &p);
}

static void plot_files(FILE *out, const struct month *m)
{
	struct days d;
	struct html_plot p = day_plot(m, &d, "files");

	p.title = "Files by verdict and day";
	p.description = "Bars for each day of the month: files that were approved, held and blocked. The table of days has the numbers.";
	p.unit = "number of files";
	for (unsigned int s = 0; s < VERDICT_COUNT_; s++) {
		p.series[s] = verdict_name((enum verdict)s);
		for (unsigned int k = 0; k < m->days; k++)
			d.values[k * VERDICT_COUNT_ + s] = (double)m->day[k].files[s];
	}
	html_plot_columns(out, &p);
}

static void plot_bytes(FILE *out, const struct month *m)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
	struct days d;
	struct html_plot p = day_plot(m, &d, "bytes");
	uint64_t most = 0;
	double scale = 1;
	size_t unit = 0;

	for (unsigned int k = 0; k < m->days; k++)
		most = MAX(most, m->day[k].bytes);
	for (; most >= 10 * 1024 && unit + 1 < ARRAY_LEN(units); most /= 1024, unit++)
		scale *= 1024;
	p.title = "Bytes read by day";
	p.description = "A bar for each day of the month: bytes of all files that were read. The table of days has the numbers.";
	p.unit = units[unit];
	p.series[0] = "bytes";
	for (unsigned int k = 0; k < m->days; k++)
		d.values[k] = (double)m->day[k].bytes / scale;
	html_plot_columns(out, &p);
}

static void plot_database(FILE *out, const struct month *m, const struct station_config *config)
{
	struct days d;
	struct html_plot p = day_plot(m, &d, "database");

	p.title = "Age of the oldest virus database at an inspection";
	p.description = "A bar for each day of the month with inspections, and lines where the station warns and where it stops approving. "
			"The table of days has the numbers.";
	p.unit = "days";
	p.series[0] = "age";
	p.lines[0].name = "warns";
	p.lines[0].value = (double)config->database.warn_age_s / 86400;
	p.lines[1].name = "stops";
	p.lines[1].value = (double)config->database.stop_age_s / 86400;
	for (unsigned int k = 0; k < m->days; k++)
		d.values[k] = (double)m->day[k].database_age_s / 86400;
	html_plot_columns(out, &p);
}

static void put_days(FILE *out, const struct month *m)
{
	static const char *const columns[] = { "Day (UTC)", "Published", "Refused", "Aborted", "Files approved", "Files held", "Files blocked", "Bytes",
					       "Oldest database", "Longest time at the station", NULL };

	begin_table(out, "Days with inspections", columns);
	for (unsigned int k = 0; k < m->days; k++) {
		const struct month_day *d = &m->day[k];
		uint64_t any = 0;

		for (unsigned int s = 0; s < OUTCOME_COUNT_; s++)
			any += d->outcomes[s];
		if (any == 0)
			continue;
		(void)fprintf(out, "<tr><th scope=\"row\">%s-%02u</th>", m->name, k + 1);
		for (unsigned int s = 0; s < OUTCOME_COUNT_; s++)
			cell(out, d->outcomes[s]);
		for (unsigned int s = 0; s < VERDICT_COUNT_; s++)
			cell(out, d->files[s]);
		cell(out, d->bytes);
		duration_cell(out, d->database_age_s);
		duration_cell(out, d->stay_s);
		(void)fputs("</tr>\n", out);
	}
	end_table(out);
}

/* -- reasons, stays, transfers, events ------------------------------------------------------------------------------- */

static void put_reasons(FILE *out, const struct month *m)
{
	static const char *const columns[] = { "Reason", "Files", "Meaning", NULL };
	const char *names[REASON_COUNT_];
	double values[REASON_COUNT_];
	struct html_plot p = { .id = "reasons", .title = "Files that were held or blocked, by their first reason", .unit = "number of files",
			       .description = "A bar for each reason that occurred. The table of reasons has the numbers.",
			       .columns = names, .values = values, .series = { "files" } };

	for (unsigned int k = 0; k < REASON_COUNT_; k++)
		if (m->reasons[k] > 0) {
			names[p.column_count] = reason_code((enum reason)k);
			values[p.column_count++] = (double)m->reasons[k];
		}
	(void)fputs("<h2 id=\"why\">Reasons</h2>\n", out);
	if (p.column_count == 0) {
		(void)fputs("<p>No file was held or blocked.</p>\n", out);
		return;
	}
	html_plot_rows(out, &p);
	begin_table(out, "Reasons", columns);
	for (unsigned int k = 0; k < REASON_COUNT_; k++) {
		if (m->reasons[k] == 0)
			continue;
		(void)fprintf(out, "<tr><th scope=\"row\">%s</th>", reason_code((enum reason)k));
		cell(out, m->reasons[k]);
		text_cell(out, reason_sentence((enum reason)k));
		(void)fputs("</tr>\n", out);
	}
	end_table(out);
}

static void put_stays(FILE *out, const struct month *m)
{
	static const char *const columns[] = { "Time at the station", "Media", NULL };
	const char *names[MONTH_STAYS];
	double values[MONTH_STAYS];
	struct html_plot p = { .id = "stays", .title = "Time at the station, from plugging in to when the medium may be taken out", .unit = "number of media",
			       .description = "A bar for each class of times. The table below has the numbers.", .columns = names,
			       .column_count = MONTH_STAYS, .values = values, .series = { "media" } };

	(void)fputs("<h2 id=\"time\">Time at the station</h2>\n", out);
	if (m->stay_count == 0) {
		(void)fputs("<p>No medium was read to its end.</p>\n", out);
		return;
	}
	(void)fputs("<p>On average ", out);
	put_duration(out, m->stay_sum_s / (int64_t)m->stay_count);
	(void)fprintf(out, " for the %" PRIu64 " media that were read to their end.</p>\n", m->stay_count);
	for (size_t k = 0; k < MONTH_STAYS; k++) {
		names[k] = month_stay_name(k);
		values[k] = (double)m->stays[k];
	}
	html_plot_rows(out, &p);
	begin_table(out, "Times at the station", columns);
	for (size_t k = 0; k < MONTH_STAYS; k++) {
		(void)fprintf(out, "<tr><th scope=\"row\">%s</th>", names[k]);
		cell(out, m->stays[k]);
		(void)fputs("</tr>\n", out);
	}
	end_table(out);
}

static void put_transfers(FILE *out, const struct month *m)
{
	static const char *const columns[] = { "Transfer", "Started (UTC)", "Outcome", "Medium", "Operator", "Files", "Approved", "Held", "Blocked",
					       "Time at the station", NULL };

	(void)fputs("<h2 id=\"transfers\">Transfers</h2>\n", out);
	if (m->transfers > m->row_count)
		(void)fprintf(out, "<p>The newest %zu of %" PRIu64 "; <code>lazaret history --from %s-01 --to %s-%02u --csv</code> lists all.</p>\n", m->row_count,
			      m->transfers, m->name, m->name, m->days);
	begin_table(out, "Transfers, newest first", columns);
	for (size_t k = 0; k < m->row_count; k++) {
		const struct month_row *row = &m->rows[k];
		char when[RECORDS_TIME_LEN];

		records_time(row->started, when);
		(void)fputs("<tr><th scope=\"row\">", out);
		html_text(out, row->transfer);
		(void)fputs("</th>", out);
		text_cell(out, when);
		text_cell(out, row->outcome);
		text_cell(out, row->medium);
		text_cell(out, row->operator_name);
		cell(out, (uint64_t)MAX(row->files, 0));
		cell(out, (uint64_t)MAX(row->approved, 0));
		cell(out, (uint64_t)MAX(row->held, 0));
		cell(out, (uint64_t)MAX(row->blocked, 0));
		duration_cell(out, row->stay_s);
		(void)fputs("</tr>\n", out);
	}
	end_table(out);
}

static void put_events(FILE *out, const struct month *m)
{
	static const char *const columns[] = { "Type of record", "Records", NULL };
	json_t *count;
	const char *type;

	(void)fputs("<h2 id=\"trail\">Audit trail</h2>\n", out);
	if (json_object_size(m->events) == 0) {
		(void)fputs("<p>Nothing was recorded.</p>\n", out);
		return;
	}
	begin_table(out, "Records of this month by type (lazaret-audit(5))", columns);
	json_object_foreach(m->events, type, count) {
		(void)fputs("<tr><th scope=\"row\">", out);
		html_text(out, type);
		(void)fputs("</th>", out);
		cell(out, (uint64_t)json_integer_value(count));
		(void)fputs("</tr>\n", out);
	}
	end_table(out);
}

/* -- the page --------------------------------------------------------------------------------------------------------- */

static void put_title(FILE *out, const struct month *m, const struct station_config *config)
{
	html_text(out, config->name);
	(void)fprintf(out, ", %s", m->name);
}

static void put_summary(FILE *out, const struct month *m, const struct station_config *config)
{
	struct month_day all = { 0 };
	char when[RECORDS_TIME_LEN];

	for (unsigned int k = 0; k < m->days; k++) {
		for (unsigned int s = 0; s < VERDICT_COUNT_; s++)
			all.files[s] += m->day[k].files[s];
		all.bytes += m->day[k].bytes;
	}
	records_time(time(NULL), when);
	(void)fputs("<p>Station ", out);
	html_text(out, config->name);
	(void)fprintf(out, " (%s), all days in UTC. Made on %s UTC by lazaret %s.</p>\n", config->id, when, LAZARET_VERSION);
	if (m->transfers == 0)
		(void)fputs("<p><strong>No medium was inspected in this month.</strong></p>\n", out);
	else
		(void)fprintf(out, "<p><strong>%" PRIu64 " media were inspected, with %" PRIu64 " files approved, %" PRIu64 " held and %" PRIu64
				   " blocked; %" PRIu64 " bytes were read.</strong></p>\n", m->transfers, all.files[VERDICT_APPROVED],
			      all.files[VERDICT_HELD], all.files[VERDICT_BLOCKED], all.bytes);
	if (m->missing > 0)
		(void)fprintf(out, "<p><strong>%" PRIu64 " reports are missing, or are not those that the audit trail has recorded:</strong> of these "
				   "neither database ages nor times are counted. See <code>lazaret audit verify</code>.</p>\n", m->missing);
}

void month_page(FILE *out, const struct month *m, const struct station_config *config)
{
	(void)fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<title>", out);
	put_title(out, m, config);
	(void)fprintf(out, "</title>\n%s</head>\n<body>\n<main>\n<h1>", head);
	put_title(out, m, config);
	(void)fputs("</h1>\n", out);
	put_summary(out, m, config);
	if (m->transfers > 0) {
		(void)fputs("<h2 id=\"days\">Days</h2>\n", out);
		plot_media(out, m);
		plot_files(out, m);
		plot_bytes(out, m);
		plot_database(out, m, config);
		put_days(out, m);
		put_reasons(out, m);
		put_stays(out, m);
		put_transfers(out, m);
	}
	put_events(out, m);
	(void)fputs("</main>\n</body>\n</html>\n", out);
}
