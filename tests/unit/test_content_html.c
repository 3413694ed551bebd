/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Pages, web archives and SVG pictures. */
#include "content_fixture.h"

#define PAGE(text) look_text("<!DOCTYPE html><html><body>" text "</body></html>", "a.html", NULL, "text/html")
#define SVG(text) look_text("<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\">" text "</svg>", \
			    "a.svg", NULL, "image/svg+xml")

static void pages_that_act(void **state)
{
	ACTIVE(PAGE("<script>x()</script>"), "a script");
	ACTIVE(PAGE("<SCRIPT\nSRC=//example.org/x.js></SCRIPT>"), "//example.org/x.js");
	ACTIVE(PAGE("<script/src=x.js>"), "x.js");
	ACTIVE(PAGE("<img src=x onerror=alert(1)>"), "onerror");
	ACTIVE(PAGE("<img alt='>' src=x ONLOAD = 'a'>"), "ONLOAD");
	ACTIVE(PAGE("<a href=\"java&#x73;cript:x()\">"), "a script as an address");
	ACTIVE(PAGE("<a href=\" java\nscript&colon;x()\">"), "a script as an address");
	ACTIVE(PAGE("<a href=\"data:text/html;base64,PHNjcmlwdD4=\">"), "data:");
	ACTIVE(PAGE("<meta http-equiv=Refresh content='0; url=http://example.org/'>"), "sends the reader");
	ACTIVE(PAGE("<iframe src=a.html></iframe>"), "a frame");
	ACTIVE(PAGE("<object data=a.swf></object>"), "embedded object");
	ACTIVE(PAGE("<p srcdoc='x'>"), "srcdoc");
	ACTIVE(PAGE("<!--[if IE]><script>x()</script><![endif]-->"), "a script");
	ACTIVE(PAGE("<!--><script>x()</script>-->"), "a script"); /* the comment is empty */
	ACTIVE(PAGE("<!-- --!><script>x()</script>"), "a script");
	ACTIVE(PAGE("<p title=\"no end><script>x()</script>"), "a script"); /* readers differ */
	ACTIVE(PAGE("<hta:application id=x>"), "HTML application");
	ACTIVE(look_text("\n<script>x()</script>", "notes.txt", NULL, "text/plain"), "a script");
}

static void pages_that_do_not(void **state)
{
	said_nothing(PAGE("<h1 class=on title='onload=x'>on load: &lt;script&gt;</h1><a href='https://example.org/javascript:'>x</a>"));
	said_nothing(PAGE("<!-- <script>x()</script> -->"));
	said_nothing(PAGE("<script type=\"application/ld+json\">{\"a\": 1}</script>"));
	said_nothing(PAGE("<meta http-equiv='refresh' content='60'><img src='data:image/png;base64,iVBORw0KGgo='>"));
	said_nothing(PAGE("<p one=1 only=2 once=3 on=4>"));
	said_nothing(PAGE("<a href=a.html download>save</a><style>p { x: 1 }</style>"));
	silent_text("Write <script> into the page, and <img onerror=x>.", "notes.txt", NULL, "text/plain");
}

static void pictures(void **state)
{
	ACTIVE(SVG("<script>x()</script>"), "a script");
	ACTIVE(SVG("<svg:script xmlns:svg='http://www.w3.org/2000/svg'>x()</svg:script>"), "a script");
	ACTIVE(SVG("<foreignObject><p/></foreignObject>"), "a page within");
	ACTIVE(SVG("<use xlink:href=\"https://example.org/x.svg#a\"/>"), "https://example.org");
	ACTIVE(SVG("<animate attributeName='href' to='javascript:x()'/>"), "a script as an address");
	ACTIVE(SVG("<g onbegin='x()'/>"), "onbegin");
	ACTIVE(look_text("<?xml version=\"1.0\"?><!DOCTYPE svg [<!ENTITY x \"&#60;script&#62;x()&#60;/script&#62;\">]><svg>&x;</svg>", "a.svg", NULL,
			 "image/svg+xml"),
	       "an entity");
	said_nothing(SVG("<use xlink:href=\"#a\"/><a xlink:href='https://example.org/'><path d='M0 0'/></a>"));
	silent_text("<?xml version=\"1.0\"?><!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"svg11.dtd\" [<!ENTITY ns_svg "
		    "\"http://www.w3.org/2000/svg\">]><svg xmlns=\"&ns_svg;\"><path d='M0 0'/></svg>",
		    "a.svg", NULL, "image/svg+xml");
}

static struct looked smuggle(const char *before, size_t run, const char *save)
{
	size_t size = run + 1024;
	char *text = malloc(size);
	struct looked l;
	int n;

	assert_non_null(text);
	n = snprintf(text, size, "<html><script>%s", before);
	for (size_t i = 0; i < run; i++)
		text[n++] = "ABCDabcd0123+/xy"[(i * 7 + i / 13) % 16];
	n += snprintf(text + n, size - (size_t)n, "'; %s</script></html>", save);
	l = look_bytes(text, (size_t)n, "a.html", NULL, "text/html");
	free(text);
	return l;
}

#define SAVE "var b = new Blob([atob(d)]); a.href = URL.createObjectURL(b); a.download = 'x.iso'; a.click();"

static void smuggling(void **state)
{
	struct looked l;

	MISMATCH(smuggle("var d = 'UEsDBBQAAAAIA", 2000, SAVE), "smuggling");
	MISMATCH(smuggle("var d = 'TVqQAAMAAAAEAAAA", 600, "navigator.msSaveOrOpenBlob(new Blob([d]), 'x.exe');"), "smuggling");
	MISMATCH(smuggle("var d = '", 20000, SAVE), "smuggling"); /* encrypted: no beginning tells */
	/* a picture of the page, a short text, no saving: scripts, and no more than that */
	l = smuggle("var d = 'data:image/png;base64,", 20000, SAVE);
	assert_int_equal(l.findings.count, 1);
	ACTIVE(l, "a script");
	l = smuggle("var d = '", 300, SAVE);
	assert_int_equal(l.findings.count, 1);
	ACTIVE(l, "a script");
	l = smuggle("var d = '", 20000, "show(atob(d));");
	assert_int_equal(l.findings.count, 1);
	ACTIVE(l, "a script");
}

static void web_archives(void **state)
{
	ACTIVE(look_text("MIME-Version: 1.0\nContent-Type: multipart/related; boundary=x\n\n--x\nContent-Type: text/html\n"
			 "Content-Transfer-Encoding: base64\n\nPHNjcmlwdD4=\n--x--\n",
			 "a.mht", NULL, "message/rfc822"),
	       "an encoded page");
	ACTIVE(look_text("MIME-Version: 1.0\nContent-Type: multipart/related; boundary=x\n\n--x\nContent-Type: application/x-mso\n", "a.doc", NULL,
			 "message/rfc822"),
	       "ActiveMime");
	silent_text("MIME-Version: 1.0\nContent-Type: multipart/related; boundary=x\n\n--x\nContent-Type: text/html\n\n<p>x</p>\n--x--\n",
		    "a.mht", NULL, "message/rfc822");
}

static void wide_and_cut(void **state)
{
	static const char page[] = "<html><p a='b' c=\"d\" e=f><!-- x --><a href='&#x6a;&Tab;avascript:'><svg><use href=http:></html>";
	size_t size;
	uint8_t *wide = widen("<html><img src=x onerror=x()></html>", &size);

	ACTIVE(look_bytes(wide, size, "a.html", NULL, "text/html"), "onerror");
	ACTIVE(look_bytes(wide + 2, size - 2, "a.html", NULL, "text/html"), "onerror"); /* no mark */
	survives_cutting(wide, size, "a.html", NULL, "text/html");
	survives_cutting(page, sizeof(page) - 1, "a.html", NULL, "text/html");
	free(wide);
}

/* Tags and quotes without end: the time of a reader that starts again at each would be hours. */
static void no_square_of_the_size(void **state)
{
	static const char *const pieces[] = { "<a b=\"", "<!--", "<a ", "<a b='\"", "<!ENTITY ", "&#x", "<![CDATA[" };
	size_t size = 4u << 20;
	char *text = malloc(size);

	assert_non_null(text);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct looked l;

		for (size_t n = 0; n < size; n++)
			text[n] = pieces[i][n % strlen(pieces[i])];
		l = look_bytes(text, size, "a.html", NULL, "text/html");
		findings_done(&l.findings);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_that_act), cmocka_unit_test(pages_that_do_not), cmocka_unit_test(pictures), cmocka_unit_test(smuggling),
		cmocka_unit_test(web_archives),	  cmocka_unit_test(wide_and_cut),	cmocka_unit_test(no_square_of_the_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
