/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* receipt.html: one file that shows the same wherever it is carried. No script and no reference to anything outside; a policy in
 * its head has browsers refuse both, should somebody have put one in. Readable on paper, in grey, at 320 pixels, and by a
 * screen reader.
 */
#include <inttypes.h>
#include <string.h>

#include "common/base64.h"
#include "common/text.h"
#include "receipt/forms.h"
#include "receipt/html_parts.h"
#include "receipt/qr.h"

/* ferror() is looked at in the end, here and below. */
/* A name is isolated: one in a script that runs from right to left must not reorder what stands around it (UAX #9). */
void html_name(FILE *out, const char *text)
{
	if (!*text)
		return;
	(void)fputs("<bdi>", out);
	text_put_html(out, text);
	(void)fputs("</bdi>", out);
}

static const char style[] =
	":root{color-scheme:light;--line:#b8b8b8;--soft:#f2f2ef}*{box-sizing:border-box}"
	"body{font:16px/1.45 system-ui,\"Liberation Sans\",\"DejaVu Sans\",Arial,sans-serif;color:#141414;background:#fff;margin:0 auto;max-width:60rem;"
	"padding:1.5rem 1.25rem 3rem}"
	"h1{font-size:1.7rem;line-height:1.2;margin:0 0 .25rem}h2{font-size:1.2rem;margin:2.25rem 0 .5rem;break-after:avoid}"
	"h3{font-size:1rem;margin:1.25rem 0 .4rem;break-after:avoid}p{margin:.4rem 0}"
	".outcome{font-size:1.15rem;margin:.5rem 0 1rem;padding:.6rem .9rem;border:2px solid #141414;border-left-width:.9rem}"
	"table{border-collapse:collapse;width:100%;margin:.25rem 0 0}th,td{text-align:left;vertical-align:top;border-bottom:1px solid var(--line);"
	"padding:.35rem .75rem .35rem 0;overflow-wrap:anywhere}thead th{border-bottom:2px solid #141414;font-size:.875rem;overflow-wrap:normal}"
	"tbody th{font-weight:600}tr{break-inside:avoid}"
	".facts th{width:11rem;font-weight:400;color:#444}.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}"
	".verdict{width:6rem;font-weight:700}.name{width:31%}ul{margin:0;padding:0;list-style:none}li+li{margin-top:.35rem}"
	"code,pre{font:.8rem/1.4 ui-monospace,\"Liberation Mono\",\"DejaVu Sans Mono\",monospace;overflow-wrap:anywhere}"
	"pre{white-space:pre-wrap;background:var(--soft);border:1px solid var(--line);padding:.6rem .8rem;margin:.5rem 0}"
	"bdi{white-space:pre-wrap}.sub{display:block;color:#444;font-size:.875rem;font-weight:400}.warn{font-weight:700;color:#141414}"
	".proof{display:flex;flex-wrap:wrap;gap:1rem 1.5rem;align-items:flex-start}.proof table{flex:1 1 20rem;min-width:0;width:auto}"
	".qr{shape-rendering:crispEdges;flex:none;width:184px;height:184px;border:1px solid var(--line)}.bar{display:block;width:100%;height:2.25rem;margin:.75rem 0 .4rem}"
	".legend{display:flex;flex-wrap:wrap;gap:.25rem 1.75rem;list-style:none;padding:0;margin:0}.legend li+li{margin:0}"
	".legend svg{width:1rem;height:1rem;vertical-align:-.15rem;margin-right:.45rem}"
	"@media (max-width:640px){body{padding:1rem .75rem 2rem}.stack thead{position:absolute;clip-path:inset(50%);width:1px;height:1px;"
	"overflow:hidden}.stack,.stack tbody,.stack tr,.stack th,.stack td{display:block;width:auto;text-align:left}.stack tr{border-bottom:1px solid "
	"var(--line);padding:.4rem 0}.stack th,.stack td{border:0;padding:.1rem 0}.facts th{padding-top:.4rem}"
	".stack td[data-label]::before{content:attr(data-label)\": \";color:#444;font-size:.875rem}}"
	"@media print{html{font-size:13px}body{font-size:10pt;max-width:none;padding:0}h2{margin-top:14pt}code{font-size:7.2pt}thead{display:table-header-group}"
	"pre,.bar,.legend,.qr,.check{break-inside:avoid}.bar,.legend svg,.outcome{print-color-adjust:exact;"
	"-webkit-print-color-adjust:exact}}";

/* "20261122T062801Z-a1b2c3, page 2 of 3" at the foot of each sheet, of A4 as of letter. */
#define PAGE_STYLE                                                                                                                           \
	"@page{size:auto;margin:16mm 15mm 18mm;@bottom-left{content:\"Lazaret %s\";font:8pt sans-serif;color:#444}"                          \
	"@bottom-right{content:\"page \" counter(page) \" of \" counter(pages);font:8pt sans-serif;color:#444}}"

/* Browsers apply a style that has this digest and no other (Content Security Policy Level 3, 2.3.1). */
static int put_head(const struct sheet *s)
{
	const char *transfer = json_string_value(json_object_get(s->summary->head, "transfer"));
	_cleanup_free_ char *page = NULL, *all = NULL;
	uint8_t sum[SHA256_LEN];
	char digest[BASE64_LEN(SHA256_LEN) + 1];
	int r;

	if (asprintf(&page, PAGE_STYLE, transfer) < 0 || asprintf(&all, "%s%s", style, page) < 0)
		return -ENOMEM;
	r = sha256(all, strlen(all), sum);
	if (r < 0)
		return r;
	base64_encode(sum, sizeof(sum), digest);
	(void)fprintf(s->out,
		      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=\""
		      "default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; form-action 'none'\">\n"
		      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"
		      "<title>Lazaret transfer receipt %s</title>\n<style>%s</style>\n</head>\n<body>\n<main>\n",
		      digest, transfer, all);
	return 0;
}

static void put_facts(const struct sheet *s, enum fact_section section)
{
	(void)fputs("<table class=\"facts stack\"><tbody>\n", s->out);
	for (size_t k = 0; k < s->facts->count; k++) {
		const struct fact *f = &s->facts->list[k];

		if (f->section != section)
			continue;
		(void)fprintf(s->out, "<tr><th scope=\"row\">%s</th><td>%s", f->label, f->is_code ? "<code>" : "");
		html_name(s->out, f->value);
		(void)fprintf(s->out, "%s</td></tr>\n", f->is_code ? "</code>" : "");
	}
	(void)fputs("</tbody></table>\n", s->out);
}

static int put_qr(const struct sheet *s)
{
	const char *transfer = json_string_value(json_object_get(s->summary->head, "transfer"));
	char text[QR_TEXT_MAX];
	struct qr qr;
	int r;

	qr_text(transfer, s->summary->sha256, text);
	r = qr_make(text, &qr);
	if (r < 0)
		return r;
	qr_svg(&qr, "QR code with the transfer's name and the SHA-256", s->out);
	qr_done(&qr);
	return 0;
}

static int put_top(const struct sheet *s)
{
	const char *words = facts_outcome(s->summary), *colon = strchr(words, ':');
	int r;

	(void)fprintf(s->out, "<h1>Transfer receipt</h1>\n<p class=\"outcome\"><strong>%.*s</strong>%s</p>\n", (int)(colon - words), words, colon);
	html_bar(s->out, s->summary);
	(void)fputs("<section aria-labelledby=\"proof\">\n<h2 id=\"proof\">What this is about</h2>\n<div class=\"proof\">\n", s->out);
	put_facts(s, FACTS_PROOF);
	r = put_qr(s);
	(void)fputs("</div>\n</section>\n<section aria-labelledby=\"inspection\">\n<h2 id=\"inspection\">Who, where and when</h2>\n", s->out);
	put_facts(s, FACTS_INSPECTION);
	(void)fputs("</section>\n", s->out);
	return r;
}

static void put_check(const struct sheet *s)
{
	const char *transfer = json_string_value(json_object_get(s->summary->head, "transfer"));

	(void)fputs("<section class=\"check\" aria-labelledby=\"check\">\n<h2 id=\"check\">How to check it</h2>\n", s->out);
	if (facts_is_published(s->summary))
		(void)fprintf(s->out,
			      "<p><code>STATION.pub</code> is the station's public key, as the security officer gave it to you: not one that came with the "
			      "files.</p>\n<pre>lazaret-verify --key STATION.pub %s</pre>\n<p>Or without any of Lazaret's programs, in the transfer's "
			      "directory. The second command prints the SHA-256 above.</p>\n<pre>minisign -V -p STATION.pub -m manifest.json\n"
			      "sha256sum manifest.json\nsha256sum -c SHA256SUMS</pre>\n",
			      transfer);
	else
		(void)fprintf(s->out,
			      "<p>Nothing was published, so there is no transfer to check. The station keeps the report, and compares it with the audit "
			      "trail before it shows a word:</p>\n<pre>lazaret show %s</pre>\n",
			      transfer);
	(void)fputs("</section>\n", s->out);
}

int sheet_html(const struct sheet *s)
{
	int r = put_head(s);

	if (r == 0)
		r = put_top(s);
	if (r == 0)
		r = html_refused(s);
	if (r == 0)
		r = html_approved(s);
	if (r == 0) {
		(void)fputs("<section aria-labelledby=\"medium\">\n<h2 id=\"medium\">Medium</h2>\n", s->out);
		put_facts(s, FACTS_MEDIUM);
		r = html_volumes(s);
		(void)fputs("</section>\n", s->out);
	}
	if (r == 0)
		r = html_engines(s);
	put_check(s);
	(void)fputs("</main>\n</body>\n</html>\n", s->out);
	return r;
}
