/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* receipt.txt: 80 columns, problems first.
 *
 * What a medium says can be as long as it likes, and goes on in the next line. There it stands further to the right than anything of
 * ours: no name can make a line that reads like another file's, or like a signature.
 */
#include <inttypes.h>
#include <string.h>

#include "receipt/columns.h"
#include "receipt/forms.h"
#include "receipt/receipt.h"

#define WIDTH	RECEIPT_TEXT_COLUMNS
#define INDENT	4 /* of what is told of a file, behind */
#define VERDICT 9 /* columns, in which its name goes on */
#define FURTHER 8
#define LABELS	20 /* columns of the facts' labels */
#define BAR	60

static void heading(const struct sheet *s, const char *words)
{
	size_t n = strlen(words);

	(void)fprintf(s->out, "\n%s\n", words); /* here and below: ferror() is looked at in the end */
	for (size_t k = 0; k < n; k++)
		(void)fputc('-', s->out);
	(void)fputc('\n', s->out);
}

/* One line about a file; what of it does not fit goes on further to the right. */
static void put_line(const struct sheet *s, const char *line)
{
	(void)fprintf(s->out, "%*s", INDENT, "");
	columns_put(s->out, line, COLUMNS_WORDS, WIDTH, INDENT, FURTHER);
}

static void put_facts(const struct sheet *s, enum fact_section section)
{
	for (size_t k = 0; k < s->facts->count; k++) {
		const struct fact *f = &s->facts->list[k];

		if (f->section != section)
			continue;
		if (f->is_code && strlen(f->value) + LABELS > WIDTH) /* a digest stays in one piece: to be compared, and copied */
			(void)fprintf(s->out, "%s\n%*s%s\n", f->label, INDENT, "", f->value);
		else
			columns_field(s->out, f->label, f->value, f->is_code ? COLUMNS_NAME : COLUMNS_WORDS, WIDTH, LABELS);
	}
}

/* At least one character for what is there at all. */
static unsigned int share(uint64_t part, uint64_t all)
{
	unsigned int n = all > 0 ? (unsigned int)((double)part * BAR / (double)all) : 0;

	return part > 0 ? MAX(n, 1u) : 0;
}

static void put_bar(const struct sheet *s)
{
	const struct summary *m = s->summary;
	unsigned int blocked = share(m->verdicts[VERDICT_BLOCKED], m->files), held = share(m->verdicts[VERDICT_HELD], m->files);
	unsigned int approved = m->verdicts[VERDICT_APPROVED] > 0 ? BAR - blocked - held : 0;

	if (m->files == 0)
		return;
	(void)fputs("  [", s->out);
	for (unsigned int k = 0; k < approved + held + blocked; k++)
		(void)fputc(k < approved ? '=' : k < approved + held ? '?' : '#', s->out);
	(void)fputs("]\n", s->out);
}

static void put_counts(const struct sheet *s)
{
	const struct summary *m = s->summary;
	const json_t *bytes = json_object_get(json_object_get(m->head, "counts"), "bytes");
	char size[FACT_SIZE_LEN], line[160];

	facts_size((uint64_t)json_integer_value(bytes), size);
	(void)snprintf(line, sizeof(line), "%" PRIu64 " file%s, %s", m->files, m->files == 1 ? "" : "s", size); /* fits */
	(void)fputc('\n', s->out);
	columns_field(s->out, "Seen", line, COLUMNS_WORDS, WIDTH, LABELS);
	(void)fprintf(s->out, "%-*s%" PRIu64 "  (=)%s\n%-*s%" PRIu64 "  (?)\n%-*s%" PRIu64 "  (#)\n", LABELS, "approved", m->verdicts[VERDICT_APPROVED],
		      facts_is_published(m) ? "" : "  not published", LABELS, "held", m->verdicts[VERDICT_HELD], LABELS, "blocked",
		      m->verdicts[VERDICT_BLOCKED]);
	put_bar(s);
}

static int put_path(const struct sheet *s, enum verdict verdict, const json_t *file)
{
	_cleanup_free_ char *path = facts_short(file, "path", PATH_COLUMNS);

	if (!path)
		return -ENOMEM;
	columns_field(s->out, verdict_name(verdict), path, COLUMNS_NAME, WIDTH, VERDICT);
	return 0;
}

static int put_decision(const struct sheet *s, const json_t *file)
{
	_cleanup_free_ char *words = sheet_decision(file);

	if (!words)
		return -ENOMEM;
	if (*words)
		put_line(s, words);
	return 0;
}

static int put_finding(const struct sheet *s, const json_t *finding)
{
	_cleanup_free_ char *words = NULL, *line = NULL;
	const char *code;
	int r = sheet_finding(finding, &code, &words);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (asprintf(&line, "%s: %s", code, words) < 0)
		return -ENOMEM;
	put_line(s, line);
	return 0;
}

static int put_refused(const struct sheet *s, const json_t *file)
{
	const json_t *reasons = json_object_get(file, "reasons");
	const char *verdict = json_string_value(json_object_get(file, "verdict"));
	size_t count = json_array_size(reasons);
	int r = put_path(s, verdict && strcmp(verdict, "held") == 0 ? VERDICT_HELD : VERDICT_BLOCKED, file);

	for (size_t k = 0; r == 0 && k < MIN(count, (size_t)FINDINGS_TOLD); k++)
		r = put_finding(s, json_array_get(reasons, k));
	if (count > FINDINGS_TOLD)
		(void)fprintf(s->out, "    and %zu more, in the report\n", count - FINDINGS_TOLD);
	return r < 0 ? r : put_decision(s, file);
}

static void put_next_steps(const struct sheet *s)
{
	heading(s, "WHAT TO DO NEXT");
	for (unsigned int k = 0; k < REASON_COUNT_; k++) {
		uint64_t files = s->summary->reasons[k];

		if (files == 0)
			continue;
		(void)fprintf(s->out, "%s, %" PRIu64 " file%s\n", reason_code((enum reason)k), files, files == 1 ? "" : "s");
		columns_field(s->out, "", reason_next_step((enum reason)k), COLUMNS_WORDS, WIDTH, INDENT);
	}
}

static int put_all_refused(const struct sheet *s)
{
	struct places blocked, held;
	uint64_t more;
	int r;

	sheet_refused(s, &blocked, &held, &more);
	heading(s, "BLOCKED AND HELD");
	if (blocked.count + held.count == 0) {
		(void)fputs("none\n", s->out);
		return 0;
	}
	r = sheet_each(s, &blocked, put_refused);
	if (r == 0)
		r = sheet_each(s, &held, put_refused);
	if (more > 0)
		(void)fprintf(s->out, "\nAnd %" PRIu64 " more. The report names each: lazaret show.\n", more);
	put_next_steps(s);
	return r;
}

static int put_signers(const struct sheet *s, const json_t *file)
{
	json_t *signer;
	size_t k;

	json_array_foreach(json_object_get(file, "signers"), k, signer) {
		_cleanup_free_ char *name = facts_text(signer, "name"), *via = facts_short(signer, "via", DETAIL_COLUMNS), *line = NULL;

		if (!name || !via || asprintf(&line, "signed by %s, proved by %s", name, via) < 0)
			return -ENOMEM;
		put_line(s, line);
	}
	return 0;
}

static int put_vouched(const struct sheet *s, const json_t *file)
{
	json_t *finding;
	size_t k;

	json_array_foreach(json_object_get(file, "vouched"), k, finding) {
		_cleanup_free_ char *code = facts_text(finding, "code"), *line = NULL;

		if (!code || asprintf(&line, "NOT SEEN BY THE VIRUS SCANNER (%s): the signature vouches for it", code) < 0)
			return -ENOMEM;
		put_line(s, line);
	}
	return 0;
}

static int put_approved(const struct sheet *s, const json_t *file)
{
	_cleanup_free_ char *sum = facts_text(file, "sha256"), *type = facts_text(file, "type"), *line = NULL;
	int r = put_path(s, VERDICT_APPROVED, file);

	if (r < 0 || !sum || !type ||
	    asprintf(&line, "%" JSON_INTEGER_FORMAT " bytes%s%s, SHA-256", json_integer_value(json_object_get(file, "size")), *type ? ", " : "", type) < 0)
		return r < 0 ? r : -ENOMEM;
	put_line(s, line);
	(void)fprintf(s->out, "    %s\n", sum);
	r = put_signers(s, file);
	if (r == 0)
		r = put_vouched(s, file);
	return r < 0 ? r : put_decision(s, file);
}

static int put_groups(const struct sheet *s, const char *title, const struct groups *g)
{
	char size[FACT_SIZE_LEN], before[32];

	(void)fprintf(s->out, "\n%s\n", title);
	for (size_t k = 0; k < g->count; k++) {
		_cleanup_free_ char *name = NULL, *line = NULL;
		json_t *holder = json_pack("{s:s}", "name", g->list[k].name);

		name = facts_short(holder, "name", PATH_COLUMNS);
		json_decref(holder);
		facts_size(g->list[k].bytes, size);
		if (!name || asprintf(&line, "%s: %s", name, size) < 0)
			return -ENOMEM;
		(void)snprintf(before, sizeof(before), "%12" PRIu64 "  ", g->list[k].files);
		columns_field(s->out, before, line, COLUMNS_WORDS, WIDTH, 14);
	}
	facts_size(g->others.bytes, size);
	if (g->others.files > 0)
		(void)fprintf(s->out, "%12" PRIu64 "  others: %s\n", g->others.files, size);
	return 0;
}

static int put_sums(const struct sheet *s)
{
	const struct summary *m = s->summary;
	int r;

	(void)fprintf(s->out, "%" PRIu64 " files: too many to name here. SHA256SUMS and manifest.json name each.\n", m->verdicts[VERDICT_APPROVED]);
	r = put_groups(s, "files by folder", &m->folders);
	if (r == 0)
		r = put_groups(s, "files by type", &m->types);
	if (r == 0 && m->signer_count > 0) {
		(void)fputs("\nfiles by who signed them\n", s->out);
		for (size_t k = 0; r == 0 && k < m->signer_count; k++) {
			json_t *holder = json_pack("{s:s}", "name", m->signers[k].name);
			_cleanup_free_ char *name = facts_text(holder, "name");
			char before[32];

			json_decref(holder);
			(void)snprintf(before, sizeof(before), "%12" PRIu64 "  ", m->signers[k].files);
			if (name)
				columns_field(s->out, before, name, COLUMNS_WORDS, WIDTH, 14);
			else
				r = -ENOMEM;
		}
		if (m->has_more_signers)
			(void)fputs("              and others\n", s->out);
	}
	if (r == 0 && m->approved_vouched > 0) {
		(void)fputs("\nof these, a signature vouches for what no virus scanner has seen\n", s->out);
		r = sheet_each(s, &m->vouched, put_approved);
		if (m->approved_vouched > m->vouched.count)
			(void)fprintf(s->out, "and %" PRIu64 " more\n", m->approved_vouched - m->vouched.count);
	}
	return r;
}

static int put_all_approved(const struct sheet *s)
{
	heading(s, facts_is_published(s->summary) ? "APPROVED" : "APPROVED, BUT NOT PUBLISHED");
	if (s->summary->verdicts[VERDICT_APPROVED] == 0)
		(void)fputs("none\n", s->out);
	return sheet_lists_approved(s) ? sheet_each(s, &s->summary->places[VERDICT_APPROVED], put_approved) : put_sums(s);
}

static int put_volumes(const struct sheet *s)
{
	json_t *volume;
	size_t k;

	json_array_foreach(json_object_get(json_object_get(s->summary->head, "medium"), "volumes"), k, volume) {
		_cleanup_free_ char *fs = facts_text(volume, "fs"), *label = facts_short(volume, "label", DETAIL_COLUMNS), *uuid = facts_text(volume, "uuid");
		_cleanup_free_ char *driver = facts_text(volume, "driver"), *outcome = facts_text(volume, "outcome"), *line = NULL;
		_cleanup_free_ char *detail = facts_short(volume, "detail", DETAIL_COLUMNS);
		char before[40];

		if (!fs || !label || !uuid || !driver || !outcome || !detail ||
		    asprintf(&line, "%s%s%s%s%s%s: %s%s%s%s%s", *fs ? fs : "-", *label ? " \"" : "", label, *label ? "\"" : "", *uuid ? ", " : "", uuid, outcome,
			     *driver ? " by " : "", driver, *detail ? ": " : "", detail) < 0)
			return -ENOMEM;
		(void)snprintf(before, sizeof(before), "Volume %" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(volume, "index")));
		columns_field(s->out, before, line, COLUMNS_WORDS, WIDTH, LABELS);
	}
	return 0;
}

static int put_engines(const struct sheet *s)
{
	json_t *engine;
	size_t k;

	heading(s, "EXAMINED BY");
	json_array_foreach(json_object_get(s->summary->head, "engines"), k, engine) {
		_cleanup_free_ char *name = facts_text(engine, "name"), *version = facts_text(engine, "version");
		_cleanup_free_ char *database = facts_text(engine, "database_version"), *line = NULL;
		json_int_t signatures = json_integer_value(json_object_get(engine, "signatures"));
		char age[FACT_AGE_LEN], when[FACT_TIME_LEN];
		int n;

		if (!name || !version || !database)
			return -ENOMEM;
		facts_age(json_integer_value(json_object_get(engine, "database_age_s")), age);
		facts_time(json_integer_value(json_object_get(engine, "database_time")), when);
		if (signatures > 0)
			n = asprintf(&line, "%s; %" JSON_INTEGER_FORMAT " signatures%s%s, of %s, %s old", version, signatures, *database ? ", database " : "",
				     database, when, age);
		else
			n = asprintf(&line, "%s%s%s", version, *database ? "; database " : "", database);
		if (n < 0)
			return -ENOMEM;
		columns_field(s->out, name, line, COLUMNS_WORDS, WIDTH, LABELS);
	}
	return 0;
}

static void put_check(const struct sheet *s)
{
	heading(s, "HOW TO CHECK IT");
	if (!facts_is_published(s->summary)) {
		columns_field(s->out, "", "Nothing was published, so there is no transfer to check. The station keeps the report: `lazaret show` compares it with the "
			      "audit trail before it shows a word.", COLUMNS_WORDS, WIDTH, 0);
		(void)fprintf(s->out, "\n    lazaret show %s\n", json_string_value(json_object_get(s->summary->head, "transfer")));
		return;
	}
	columns_field(s->out, "", "STATION.pub is the station's public key, as the security officer gave it to you: not one that came with the files.",
		      COLUMNS_WORDS, WIDTH, 0);
	(void)fprintf(s->out, "\n    lazaret-verify --key STATION.pub %s\n\n", json_string_value(json_object_get(s->summary->head, "transfer")));
	(void)fputs("Or without any of Lazaret's programs, in the transfer's directory:\n\n"
		    "    minisign -V -p STATION.pub -m manifest.json\n"
		    "    sha256sum manifest.json      (prints the SHA-256 above)\n"
		    "    sha256sum -c SHA256SUMS\n", s->out);
}

int sheet_text(const struct sheet *s)
{
	int r;

	(void)fputs("LAZARET TRANSFER RECEIPT\n========================\n\n", s->out);
	columns_field(s->out, "Outcome", facts_outcome(s->summary), COLUMNS_WORDS, WIDTH, LABELS);
	put_facts(s, FACTS_PROOF);
	put_counts(s);
	(void)fputc('\n', s->out);
	put_facts(s, FACTS_INSPECTION);
	(void)fputc('\n', s->out);
	put_facts(s, FACTS_MEDIUM);
	r = put_volumes(s);
	if (r == 0)
		r = put_all_refused(s);
	if (r == 0)
		r = put_all_approved(s);
	if (r == 0)
		r = put_engines(s);
	put_check(s);
	return r;
}
