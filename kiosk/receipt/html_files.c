/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Files in receipt.html: what was refused, why and what to do; what was approved, and who signed it. */
#include <inttypes.h>
#include <string.h>

#include "common/text.h"
#include "receipt/html_parts.h"

/* -- refused ---------------------------------------------------------------------------------------------------- */

static int put_decision(const struct sheet *s, const json_t *file)
{
	_cleanup_free_ char *words = sheet_decision(file);

	if (!words)
		return -ENOMEM;
	if (*words)
		(void)fputs("<span class=\"sub\">", s->out);
	text_put_html(s->out, words);
	if (*words)
		(void)fputs("</span>", s->out);
	return 0;
}

static int put_finding(const struct sheet *s, const json_t *finding)
{
	_cleanup_free_ char *words = NULL;
	const char *code;
	int r = sheet_finding(finding, &code, &words);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	(void)fprintf(s->out, "<li><strong>%s</strong>: ", code);
	html_name(s->out, words);
	(void)fputs("</li>", s->out);
	return 0;
}

static int put_refused(const struct sheet *s, const json_t *file)
{
	_cleanup_free_ char *path = facts_short(file, "path", PATH_COLUMNS), *verdict = facts_text(file, "verdict");
	const json_t *reasons = json_object_get(file, "reasons");
	size_t count = json_array_size(reasons);
	int r = 0;

	if (!path || !verdict)
		return -ENOMEM;
	(void)fprintf(s->out, "<tr><td class=\"verdict\">%s</td><th scope=\"row\" class=\"name\">", verdict);
	html_name(s->out, path);
	(void)fputs("</th><td><ul>", s->out);
	for (size_t k = 0; r == 0 && k < MIN(count, (size_t)FINDINGS_TOLD); k++)
		r = put_finding(s, json_array_get(reasons, k));
	if (count > FINDINGS_TOLD)
		(void)fprintf(s->out, "<li>and %zu more, in the report</li>", count - FINDINGS_TOLD);
	(void)fputs("</ul>", s->out);
	if (r == 0)
		r = put_decision(s, file);
	(void)fputs("</td></tr>\n", s->out);
	return r;
}

static void put_next_steps(const struct sheet *s)
{
	(void)fputs("<h3 id=\"next\">What to do next</h3>\n<table class=\"stack\" aria-labelledby=\"next\"><thead><tr><th scope=\"col\">Reason</th>"
		    "<th scope=\"col\" class=\"n\">Files</th><th scope=\"col\">Next step</th></tr></thead><tbody>\n", s->out);
	for (unsigned int k = 0; k < REASON_COUNT_; k++) {
		uint64_t files = s->summary->reasons[k];

		if (files > 0)
			(void)fprintf(s->out, "<tr><th scope=\"row\">%s</th><td class=\"n\" data-label=\"Files\">%" PRIu64 "</td><td>", reason_code((enum reason)k), files);
		if (files > 0)
			text_put_html(s->out, reason_next_step((enum reason)k));
		if (files > 0)
			(void)fputs("</td></tr>\n", s->out);
	}
	(void)fputs("</tbody></table>\n", s->out);
}

int html_refused(const struct sheet *s)
{
	struct places blocked, held;
	uint64_t more;
	int r;

	sheet_refused(s, &blocked, &held, &more);
	(void)fputs("<section aria-labelledby=\"refused\">\n<h2 id=\"refused\">Blocked and held</h2>\n", s->out);
	if (blocked.count + held.count == 0) {
		(void)fputs("<p>None.</p>\n</section>\n", s->out);
		return 0;
	}
	(void)fputs("<table class=\"stack\" aria-labelledby=\"refused\"><thead><tr><th scope=\"col\">Verdict</th><th scope=\"col\">File</th>"
		    "<th scope=\"col\">Why</th></tr></thead><tbody>\n", s->out);
	r = sheet_each(s, &blocked, put_refused);
	if (r == 0)
		r = sheet_each(s, &held, put_refused);
	(void)fputs("</tbody></table>\n", s->out);
	if (more > 0)
		(void)fprintf(s->out, "<p>And %" PRIu64 " more. The report names each: <code>lazaret show</code>.</p>\n", more);
	put_next_steps(s);
	(void)fputs("</section>\n", s->out);
	return r;
}

/* -- approved --------------------------------------------------------------------------------------------------- */

static int put_signers(const struct sheet *s, const json_t *file)
{
	json_t *signer;
	size_t k;

	json_array_foreach(json_object_get(file, "signers"), k, signer) {
		_cleanup_free_ char *name = facts_text(signer, "name"), *via = facts_short(signer, "via", DETAIL_COLUMNS), *words = NULL;

		if (!name || !via || asprintf(&words, "signed by %s, proved by %s", name, via) < 0)
			return -ENOMEM;
		(void)fputs("<span class=\"sub\">", s->out);
		text_put_html(s->out, words);
		(void)fputs("</span>", s->out);
	}
	return 0;
}

static int put_vouched(const struct sheet *s, const json_t *file)
{
	json_t *finding;
	size_t k;

	json_array_foreach(json_object_get(file, "vouched"), k, finding) {
		_cleanup_free_ char *code = facts_text(finding, "code");

		if (!code)
			return -ENOMEM;
		(void)fputs("<span class=\"sub warn\">not seen by the virus scanner (", s->out);
		text_put_html(s->out, code);
		(void)fputs("): the signature vouches for it</span>", s->out);
	}
	return 0;
}

static int put_approved(const struct sheet *s, const json_t *file)
{
	_cleanup_free_ char *path = facts_short(file, "path", PATH_COLUMNS), *sum = facts_text(file, "sha256"), *type = facts_text(file, "type");
	int r;

	if (!path || !sum || !type)
		return -ENOMEM;
	(void)fputs("<tr><th scope=\"row\">", s->out);
	html_name(s->out, path);
	if (*type)
		(void)fputs("<span class=\"sub\">", s->out);
	text_put_html(s->out, type);
	(void)fprintf(s->out, "%s</th><td class=\"n\" data-label=\"Bytes\">%" JSON_INTEGER_FORMAT "</td><td><code>", *type ? "</span>" : "",
		      json_integer_value(json_object_get(file, "size")));
	text_put_html(s->out, sum);
	(void)fputs("</code>", s->out);
	r = put_signers(s, file);
	if (r == 0)
		r = put_vouched(s, file);
	if (r == 0)
		r = put_decision(s, file);
	(void)fputs("</td></tr>\n", s->out);
	return r;
}

static int put_list(const struct sheet *s, const struct places *places, const char *title_id)
{
	int r;

	(void)fprintf(s->out,
		      "<table class=\"stack\" aria-labelledby=\"%s\"><thead><tr><th scope=\"col\" class=\"name\">File</th><th scope=\"col\" class=\"n\">Bytes</th>"
		      "<th scope=\"col\">SHA-256, and who signed it</th></tr></thead><tbody>\n",
		      title_id);
	r = sheet_each(s, places, put_approved);
	(void)fputs("</tbody></table>\n", s->out);
	return r;
}

static int put_text(FILE *out, const char *raw)
{
	json_t *holder = json_pack("{s:s}", "text", raw);
	_cleanup_free_ char *text = facts_short(holder, "text", PATH_COLUMNS);

	json_decref(holder);
	if (!text)
		return -ENOMEM;
	html_name(out, text);
	return 0;
}

static int put_groups(const struct sheet *s, const char *id, const char *title, const struct groups *g)
{
	char size[FACT_SIZE_LEN];
	int r = 0;

	(void)fprintf(s->out,
		      "<h3 id=\"by-%s\">By %s</h3>\n<table class=\"stack\" aria-labelledby=\"by-%s\"><thead><tr><th scope=\"col\" class=\"name\">%s</th>"
		      "<th scope=\"col\" class=\"n\">Files</th><th scope=\"col\">Size</th></tr></thead><tbody>\n",
		      id, id, id, title);
	for (size_t k = 0; r == 0 && k < g->count + (g->others.files > 0); k++) {
		const struct group *group = k < g->count ? &g->list[k] : &g->others;

		facts_size(group->bytes, size);
		(void)fputs("<tr><th scope=\"row\" class=\"name\">", s->out);
		if (k < g->count)
			r = put_text(s->out, group->name);
		else
			(void)fputs("others", s->out);
		(void)fprintf(s->out, "</th><td class=\"n\" data-label=\"Files\">%" PRIu64 "</td><td>%s</td></tr>\n", group->files, size);
	}
	(void)fputs("</tbody></table>\n", s->out);
	return r;
}

static int put_signer_sums(const struct sheet *s)
{
	const struct summary *m = s->summary;
	int r = 0;

	if (m->signer_count == 0)
		return 0;
	(void)fputs("<h3 id=\"by-signer\">By who signed them</h3>\n<table class=\"stack\" aria-labelledby=\"by-signer\"><thead><tr><th scope=\"col\" class=\"name\">Signer</th>"
		    "<th scope=\"col\" class=\"n\">Files</th><th scope=\"col\">Key</th></tr></thead><tbody>\n", s->out);
	for (size_t k = 0; r == 0 && k < m->signer_count; k++) {
		(void)fputs("<tr><th scope=\"row\" class=\"name\">", s->out);
		r = put_text(s->out, m->signers[k].name);
		(void)fprintf(s->out, "</th><td class=\"n\" data-label=\"Files\">%" PRIu64 "</td><td><code>", m->signers[k].files);
		if (r == 0)
			r = put_text(s->out, m->signers[k].key);
		(void)fputs("</code></td></tr>\n", s->out);
	}
	(void)fputs("</tbody></table>\n", s->out);
	if (m->has_more_signers)
		(void)fputs("<p>And others.</p>\n", s->out);
	return r;
}

static int put_sums(const struct sheet *s)
{
	const struct summary *m = s->summary;
	int r;

	(void)fprintf(s->out, "<p>%" PRIu64 " files: too many to name here. <code>SHA256SUMS</code> and <code>manifest.json</code> name each.</p>\n",
		      m->verdicts[VERDICT_APPROVED]);
	r = put_groups(s, "folder", "Folder", &m->folders);
	if (r == 0)
		r = put_groups(s, "type", "Type", &m->types);
	if (r == 0)
		r = put_signer_sums(s);
	if (r == 0 && m->approved_vouched > 0) {
		(void)fprintf(s->out, "<h3 id=\"vouched\">Signed, and seen by no virus scanner: %" PRIu64 "</h3>\n", m->approved_vouched);
		r = put_list(s, &m->vouched, "vouched");
		if (m->approved_vouched > m->vouched.count)
			(void)fprintf(s->out, "<p>And %" PRIu64 " more.</p>\n", m->approved_vouched - m->vouched.count);
	}
	return r;
}

int html_approved(const struct sheet *s)
{
	uint64_t files = s->summary->verdicts[VERDICT_APPROVED];
	int r = 0;

	(void)fprintf(s->out, "<section aria-labelledby=\"approved\">\n<h2 id=\"approved\">%s</h2>\n",
		      facts_is_published(s->summary) ? "Approved" : "Approved, but not published");
	if (!facts_is_published(s->summary) && files > 0)
		(void)fputs("<p class=\"warn\">Nothing was published.</p>\n", s->out);
	if (files == 0)
		(void)fputs("<p>None.</p>\n", s->out);
	else
		r = sheet_lists_approved(s) ? put_list(s, &s->summary->places[VERDICT_APPROVED], "approved") : put_sums(s);
	(void)fputs("</section>\n", s->out);
	return r;
}
