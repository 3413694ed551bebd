/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Receipts: what a person takes away. The same facts as the report, which is what counts; refused files first. */
#include "supervisor/report.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "common/text.h"

struct receipt {
	struct inspection *i;
	const struct report_facts *facts;
	FILE *out;
	bool is_html;
	bool wants_approved; /* which half of the files this pass prints */
	uint64_t printed;
};

/* Text that was escaped for terminals, for HTML as well (HTML 5.2, 8.1.3: what may not stand in text and attributes). */
static void put(struct receipt *r, const char *text)
{
	for (const char *c = text; *c; c++) {
		if (!r->is_html)
			fputc(*c, r->out);
		else if (*c == '&')
			fputs("&amp;", r->out);
		else if (*c == '<')
			fputs("&lt;", r->out);
		else if (*c == '>')
			fputs("&gt;", r->out);
		else if (*c == '"')
			fputs("&quot;", r->out);
		else
			fputc(*c, r->out);
	}
}

static void put_time(struct receipt *r, int64_t seconds)
{
	struct tm tm;
	time_t t = seconds;
	char text[64];

	if (gmtime_r(&t, &tm) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm) > 0)
		put(r, text);
}

static void field(struct receipt *r, const char *name, const char *value)
{
	if (!*value)
		return;
	if (r->is_html) {
		fprintf(r->out, "<tr><th scope=\"row\">%s</th><td>", name);
		put(r, value);
		fputs("</td></tr>\n", r->out);
	} else {
		fprintf(r->out, "%-14s %s\n", name, value);
	}
}

static void time_field(struct receipt *r, const char *name, int64_t seconds)
{
	fprintf(r->out, r->is_html ? "<tr><th scope=\"row\">%s</th><td>" : "%-14s ", name);
	put_time(r, seconds);
	fputs(r->is_html ? "</td></tr>\n" : "\n", r->out);
}

static void number_field(struct receipt *r, const char *name, uint64_t value)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	field(r, name, text);
}

static const char *outcome_words(const char *outcome)
{
	if (strcmp(outcome, "published") == 0)
		return "PUBLISHED: the approved files are in staging";
	if (strcmp(outcome, "refused") == 0)
		return "REFUSED: nothing could be published";
	return "ABORTED: the inspection did not complete, nothing was published";
}

static void put_engines(struct receipt *r)
{
	size_t k;
	json_t *engine;

	json_array_foreach(r->i->supervisor->engines, k, engine) {
		const char *name = json_string_value(json_object_get(engine, "name"));
		const char *version = json_string_value(json_object_get(engine, "version"));
		json_int_t age = json_integer_value(json_object_get(engine, "database_age_s"));
		json_int_t signatures = json_integer_value(json_object_get(engine, "signatures"));
		char text[512];

		if (signatures > 0)
			(void)snprintf(text, sizeof(text), "%s %s, %lld signatures, %lld days old", name, version, (long long)signatures,
				       (long long)(age / 86400));
		else
			(void)snprintf(text, sizeof(text), "%s %s", name, version);
		field(r, "engine", text);
	}
}

static void put_volumes(struct receipt *r)
{
	for (size_t k = 0; k < r->i->medium.volume_count; k++) {
		const struct volume *v = &r->i->medium.volumes[k];
		_cleanup_free_ char *text = NULL;

		if (asprintf(&text, "%u %s%s%s: %s%s%s%s%s", v->index, *v->fs ? v->fs : "-", *v->label ? " " : "", v->label, v->outcome, *v->driver ? " by " : "",
			     v->driver, *v->detail ? ": " : "", v->detail) >= 0)
			field(r, "volume", text);
	}
}

static void put_head(struct receipt *r)
{
	const struct inspection *i = r->i;
	const struct report_facts *f = r->facts;
	_cleanup_free_ char *operator_name = text_escape(i->request->operator_name, strlen(i->request->operator_name));
	_cleanup_free_ char *reason = text_escape(i->request->reason, strlen(i->request->reason));
	_cleanup_free_ char *medium = NULL;

	if (asprintf(&medium, "%s%s%s%s%s%s%s", i->medium.kind, *i->medium.vendor ? " " : "", i->medium.vendor,
		     *i->medium.model ? " " : "", i->medium.model, *i->medium.serial ? " " : "", i->medium.serial) < 0)
		medium = NULL;
	field(r, "transfer", i->transfer);
	field(r, "outcome", outcome_words(f->outcome));
	field(r, "station", i->supervisor->config->name);
	field(r, "operator", operator_name ? operator_name : "");
	field(r, "reason", reason ? reason : "");
	time_field(r, "started", i->started);
	time_field(r, "finished", f->finished);
	field(r, "medium", medium ? medium : "");
	put_volumes(r);
	put_engines(r);
	field(r, "rules", rules_title(i->supervisor->rules));
	number_field(r, "files", f->counts.files);
	number_field(r, "bytes", f->counts.bytes);
	number_field(r, "approved", f->counts.approved);
	number_field(r, "held", f->counts.held);
	number_field(r, "blocked", f->counts.blocked);
}

static void put_reason(struct receipt *r, json_t *o)
{
	const char *code = json_string_value(json_object_get(o, "code"));
	const char *detail = json_string_value(json_object_get(o, "detail"));
	const char *member = json_string_value(json_object_get(o, "member"));
	enum reason reason;

	if (!code || reason_parse(code, &reason) < 0)
		return;
	fputs(r->is_html ? "<li><b>" : "    ", r->out);
	put(r, code);
	fputs(r->is_html ? "</b>: " : ": ", r->out);
	put(r, reason_sentence(reason));
	if (detail && *detail) {
		fputs(" (", r->out);
		put(r, detail);
		fputs(")", r->out);
	}
	if (member) {
		fputs(" in ", r->out);
		put(r, member);
	}
	fputs(r->is_html ? "<br>" : "\n        ", r->out);
	put(r, reason_next_step(reason));
	fputs(r->is_html ? "</li>\n" : "\n", r->out);
}

static void put_refused(struct receipt *r, const struct docket_entry *e, const char *path)
{
	json_t *reasons = json_loads(e->reasons, 0, NULL), *o;
	size_t k;

	if (r->is_html)
		fprintf(r->out, "<tr class=\"%s\"><td>%s</td><td>", verdict_name(e->verdict), verdict_name(e->verdict));
	else
		fprintf(r->out, "%-8s ", verdict_name(e->verdict));
	put(r, path);
	fputs(r->is_html ? "</td><td><ul>\n" : "\n", r->out);
	json_array_foreach(reasons, k, o)
		put_reason(r, o);
	if (r->is_html)
		fputs("</ul></td></tr>\n", r->out);
	json_decref(reasons);
}

static int put_signer(void *context, const struct docket_signer *g)
{
	struct receipt *r = context;
	_cleanup_free_ char *name = text_escape(g->key_name, strlen(g->key_name)), *via = text_escape(g->via, strlen(g->via));

	if (!name || !via)
		return -ENOMEM;
	fputs(r->is_html ? "<br>signed by " : "    signed by ", r->out);
	put(r, name);
	fputs(", proved by ", r->out);
	put(r, via);
	fputs(r->is_html ? "" : "\n", r->out);
	return 0;
}

/* An approved file has findings where a signature stands in for the scanner alone. */
static void put_vouched(struct receipt *r, const struct docket_entry *e)
{
	json_t *findings = json_loads(e->findings, 0, NULL), *o;
	size_t k;

	json_array_foreach(findings, k, o) {
		const char *code = json_string_value(json_object_get(o, "code"));

		fputs(r->is_html ? "<br><b>not seen by the virus scanner</b> (" : "    NOT SEEN BY THE VIRUS SCANNER (", r->out);
		put(r, code ? code : "");
		fputs(r->is_html ? "): the signature vouches for it" : "): the signature vouches for it\n", r->out);
	}
	json_decref(findings);
}

static int put_approved(struct receipt *r, const struct docket_entry *e, const char *path)
{
	char sum[SHA256_HEX_LEN + 1];
	int error;

	hex_encode(e->sum, SHA256_LEN, sum);
	fputs(r->is_html ? "<tr><td>" : "", r->out);
	put(r, path);
	if (!r->is_html)
		fprintf(r->out, "\n    %llu bytes, SHA-256\n    %s\n", (unsigned long long)e->size, sum);
	error = docket_signers(r->i->docket, e->id, put_signer, r);
	put_vouched(r, e);
	if (r->is_html)
		fprintf(r->out, "</td><td>%llu</td><td><code>%s</code></td></tr>\n", (unsigned long long)e->size, sum);
	return error;
}

static int put_entry(void *context, struct docket_entry *e)
{
	struct receipt *r = context;
	_cleanup_free_ char *path = NULL;
	int error = 0;

	if ((e->verdict == VERDICT_APPROVED) != r->wants_approved)
		return 0;
	path = text_escape(e->path, strlen(e->path));
	if (!path)
		return -ENOMEM;
	if (r->wants_approved)
		error = put_approved(r, e, path);
	else
		put_refused(r, e, path);
	r->printed++;
	return error < 0 ? error : ferror(r->out) ? -EIO : 0;
}

static int put_files(struct receipt *r, bool approved)
{
	r->wants_approved = approved;
	r->printed = 0;
	return r->i->docket ? docket_each(r->i->docket, put_entry, r) : 0;
}

static int put_text(struct receipt *r)
{
	int e;

	fputs("LAZARET TRANSFER RECEIPT\n========================\n\n", r->out);
	put_head(r);
	fputs("\nHELD AND BLOCKED\n----------------\n", r->out);
	e = put_files(r, false);
	if (r->printed == 0)
		fputs("none\n", r->out);
	fputs("\nAPPROVED\n--------\n", r->out);
	if (e == 0)
		e = put_files(r, true);
	if (r->printed == 0)
		fputs("none\n", r->out);
	fprintf(r->out, "\nCheck a published transfer with: lazaret-verify --key STATION.pub %s\n", r->i->transfer);
	return e;
}

static const char html_head[] =
	"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Lazaret transfer receipt</title>\n"
	"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
	"<style>body{font:15px sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#111;background:#fff}"
	"table{border-collapse:collapse;width:100%;margin-bottom:2em}th,td{text-align:left;vertical-align:top;"
	"border-bottom:1px solid #bbb;padding:.3em .6em;overflow-wrap:anywhere}.blocked td:first-child{font-weight:bold}"
	"ul{margin:0;padding-left:1.2em}code{font-size:85%}</style></head><body>\n<h1>Lazaret transfer receipt</h1>\n<table>\n";

static int put_html(struct receipt *r)
{
	int e;

	fputs(html_head, r->out);
	put_head(r);
	fputs("</table>\n<h2>Held and blocked</h2>\n<table><tr><th>verdict</th><th>file</th><th>why, and what to do</th></tr>\n",
	      r->out);
	e = put_files(r, false);
	fputs("</table>\n<h2>Approved</h2>\n<table><tr><th>file</th><th>bytes</th><th>SHA-256</th></tr>\n", r->out);
	if (e == 0)
		e = put_files(r, true);
	fputs("</table>\n</body></html>\n", r->out);
	return e;
}

static int write_receipt(struct inspection *i, const struct report_facts *facts, int fd, bool is_html)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	_cleanup_fclose_ FILE *out = copy < 0 ? NULL : fdopen(copy, "w");
	struct receipt r = { .i = i, .facts = facts, .out = out, .is_html = is_html };
	int e;

	if (!out)
		return -errno;
	e = is_html ? put_html(&r) : put_text(&r);
	if (e == 0 && (fflush(out) != 0 || ferror(out)))
		e = -EIO;
	if (e == 0 && lseek(fd, 0, SEEK_SET) < 0)
		e = -errno;
	return e;
}

int receipt_write_text(struct inspection *i, const struct report_facts *facts, int fd)
{
	return write_receipt(i, facts, fd, false);
}

int receipt_write_html(struct inspection *i, const struct report_facts *facts, int fd)
{
	return write_receipt(i, facts, fd, true);
}
