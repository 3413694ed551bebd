/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* PDF documents, written here and by qpdf(1), and what can be wrong with them: lazaret-pdf in its sandbox. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <zlib.h>

#include "ipc/channel.h"

#include "../lib/testing.h"
#include "../lib/tools.h"
#include "../lib/opening.h"

static struct opener role;
static char dir[64];
static int dir_fd = -1;

/* -- a writer of documents --------------------------------------------------------------------------------------------------- */

#define OBJECTS_MAX 16

struct pdf {
	char *data;
	size_t size;
	FILE *f;
	long offsets[OBJECTS_MAX + 1];
	int count;
};

static void pdf_begin(struct pdf *p)
{
	*p = (struct pdf){ 0 };
	p->f = open_memstream(&p->data, &p->size);
	assert_non_null(p->f);
	fputs("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", p->f);
}

static void pdf_object(struct pdf *p, const char *text)
{
	p->offsets[++p->count] = ftell(p->f);
	fprintf(p->f, "%d 0 obj\n%s\nendobj\n", p->count, text);
}

static void pdf_stream(struct pdf *p, const char *entries, const void *data, size_t size)
{
	p->offsets[++p->count] = ftell(p->f);
	fprintf(p->f, "%d 0 obj\n<< %s /Length %zu >>\nstream\n", p->count, entries, size);
	assert_int_equal(fwrite(data, 1, size, p->f), size);
	fputs("\nendstream\nendobj\n", p->f);
}

/* The catalog is object 1. `data` is the caller's. */
static void pdf_end(struct pdf *p)
{
	long xref = ftell(p->f);

	fprintf(p->f, "xref\n0 %d\n0000000000 65535 f \n", p->count + 1);
	for (int i = 1; i <= p->count; i++)
		fprintf(p->f, "%010ld 00000 n \n", p->offsets[i]);
	fprintf(p->f, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%ld\n%%%%EOF\n", p->count + 1, xref);
	assert_int_equal(fclose(p->f), 0);
}

/* Catalog, pages, a page with a link to the web and some text; then objects from 5 on. */
static void pdf_ordinary(struct pdf *p, const char *catalog, const char *page)
{
	static const char text[] = "BT (see /JavaScript and /Launch) Tj ET";
	char line[600];

	pdf_begin(p);
	(void)snprintf(line, sizeof(line), "<< /Type /Catalog /Pages 2 0 R %s >>", catalog);
	pdf_object(p, line);
	pdf_object(p, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>");
	(void)snprintf(line, sizeof(line), "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R %s >>", page);
	pdf_object(p, line);
	pdf_stream(p, "", text, sizeof(text) - 1);
}

static void open_pdf(const struct pdf *p, struct opened *ret)
{
	open_bytes(&role, "specimen.pdf", CONTAINER_PDF, p->data, p->size, ret);
}

static int start(void **state)
{
	dir_fd = private_directory(dir);
	opener_start(&role, "lazaret-pdf");
	return 0;
}

static int end(void **state)
{
	opener_end(&role);
	remove_private_directory(dir_fd, dir);
	return 0;
}

/* -- what acts ------------------------------------------------------------------------------------------------------------------ */

static const struct specimen {
	const char *name, *catalog, *page, *objects[3]; /* from number 5 on */
	const char *words;			       /* NULL: must not fire */
} specimens[] = {
	{ "script when opened", "/OpenAction 5 0 R", "", { "<< /S /JavaScript /JS (app.alert\\(1\\)) >>" }, "JavaScript" },
	{ "written otherwise", "/OpenAction 5 0 R", "", { "<< /S /J#61va#53cript /#4aS (app.alert\\(1\\)) >>" }, "JavaScript" },
	{ "in the names", "/Names << /JavaScript << /Names [(a) 5 0 R] >> >>", "", { "<< /S /JavaScript /JS (app.alert\\(1\\)) >>" },
	  "JavaScript" },
	{ "of a page", "", "/AA << /O << /S /JavaScript /JS (app.alert\\(1\\)) >> >>", { NULL }, "JavaScript" },
	{ "of a link", "", "/Annots [<< /Subtype /Link /A << /S /JavaScript /JS (app.alert\\(1\\)) >> >>]", { NULL }, "JavaScript" },
	{ "of a field", "/AcroForm << /Fields [5 0 R] >>", "", { "<< /FT /Tx /AA << /K << /S /JavaScript /JS (app.alert\\(1\\)) >> >> >>" },
	  "JavaScript" },
	{ "that nothing refers to", "", "", { "<< /S /JavaScript /JS (app.alert\\(1\\)) >>" }, "JavaScript" },
	{ "in a deep array", "/X [[[[[[[[ << /Y [5 0 R] >> ]]]]]]]]", "", { "<< /S /JavaScript /JS (app.alert\\(1\\)) >>" }, "JavaScript" },
	{ "behind a circle", "/X 5 0 R", "", { "<< /A 6 0 R /B 5 0 R >>", "[5 0 R 6 0 R 7 0 R]", "<< /S /JavaScript /JS (1) >>" }, "JavaScript" },
	{ "with a rendition", "/OpenAction << /S /Rendition /JS (app.alert\\(1\\)) >>", "", { NULL }, "JavaScript" },
	{ "program", "/OpenAction << /S /Launch /Win << /F (cmd.exe) >> >>", "", { NULL }, "Launch" },
	{ "form", "", "/Annots [<< /A << /S /SubmitForm /F << /FS /URL /F (http://example.org) >> >> >>]", { NULL }, "SubmitForm" },
	{ "form data", "", "/Annots [<< /A << /S /ImportData /F (x.fdf) >> >>]", { NULL }, "ImportData" },
	{ "file without a click", "/OpenAction << /S /GoToR /F (other.pdf) /D [0 /Fit] >>", "", { NULL }, "GoToR" },
	{ "share by a click", "", "/Annots [<< /A << /S /GoToR /F (\\\\\\\\host\\\\share\\\\x.pdf) >> >>]", { NULL }, "GoToR" },
	{ "share by a specification", "", "/Annots [<< /A << /S /GoToR /F << /F (//host/x.pdf) >> >> >>]", { NULL }, "GoToR" },
	{ "embedded document", "", "/Annots [<< /A << /S /GoToE /T << /R /C /N (x) >> >> >>]", { NULL }, "GoToE" },
	{ "address without a click", "/OpenAction << /S /URI /URI (http://example.org) >>", "", { NULL }, "without a click" },
	{ "as the next action", "/OpenAction << /S /GoTo /D [3 0 R /Fit] /Next [5 0 R] >>", "",
	  { "<< /S /URI /URI (http://example.org) >>" }, "without a click" },
	{ "of a page's opening", "", "/AA << /O 5 0 R >> /Annots [<< /A 5 0 R >>]", { "<< /S /URI /URI (http://example.org) >>" },
	  "without a click" },
	{ "file from an address", "", "/Annots [<< /Subtype /FileAttachment /FS << /FS /URL /F (http://example.org/x) >> >>]", { NULL },
	  "fetched" },
	{ "Flash", "", "/Annots [<< /Subtype /RichMedia >>]", { NULL }, "rich media" },
	{ "3D", "", "/Annots [<< /Subtype /3D >>]", { NULL }, "3D" },
	{ "film", "", "/Annots [<< /Subtype /Movie /Movie << /F (x.avi) >> >>]", { NULL }, "sound or film" },
	{ "sound", "", "/Annots [<< /A << /S /Sound >> >>]", { NULL }, "sound or film" },
	{ "rendition", "/Names << /Renditions << /Names [(a) << /Type /Rendition /S /MR >>] >> >>", "", { NULL }, "sound or film" },
	{ "XFA", "/AcroForm << /XFA [(template) 4 0 R] >>", "", { NULL }, "XFA" },
	/* near misses */
	{ "link to the web", "", "/Annots [<< /Subtype /Link /A << /S /URI /URI (http://example.org) >> >>]", { NULL }, NULL },
	{ "place to open at, with that link", "/OpenAction [3 0 R /Fit]",
	  "/AA << >> /Annots [<< /Subtype /Link /A << /S /URI /URI (http://example.org) >> >>]", { NULL }, NULL },
	{ "the same as an action", "/OpenAction << /S /GoTo /D [3 0 R /Fit] >>", "/Annots [<< /A << /S /URI /URI (http://e.org) >> >>]",
	  { NULL }, NULL },
	{ "neighbour by a click", "", "/Annots [<< /A << /S /GoToR /F (other.pdf) /D (x) >> >>]", { NULL }, NULL },
	{ "named action", "/OpenAction << /S /Named /N /Print >>", "", { NULL }, NULL },
	{ "font of that name", "", "/Resources << /Font << /JS << /Type /Font /Subtype /Type1 /BaseFont /Courier >> >> >>", { NULL }, NULL },
	{ "words", "/Lang (/S /JavaScript /JS)", "", { "(<< /S /Launch >>)" }, NULL },
	{ "form without scripts", "/AcroForm << /Fields [5 0 R] /NeedAppearances true >>", "", { "<< /FT /Tx /T (name) >>" }, NULL },
	{ "circle alone", "/X 5 0 R", "", { "<< /A 6 0 R >>", "<< /B 5 0 R /C [6 0 R] >>" }, NULL },
};

static void make_specimen(const struct specimen *s, struct pdf *p)
{
	pdf_ordinary(p, s->catalog, s->page);
	for (size_t i = 0; i < ARRAY_LEN(s->objects) && s->objects[i]; i++)
		pdf_object(p, s->objects[i]);
	pdf_end(p);
}

static void expect_specimen(const struct specimen *s, const struct opened *told)
{
	expect_opened(told);
	if (!s->words) {
		expect_no_findings(told);
		return;
	}
	expect_finding(told, REASON_ACTIVE_CONTENT, "", s->words);
	assert_int_equal(told->finding_count, 1);
}

static void test_what_acts_is_told_and_only_that(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(specimens); i++) {
		struct opened told;
		struct pdf p;

		print_message("%s\n", specimens[i].name);
		make_specimen(&specimens[i], &p);
		open_pdf(&p, &told);
		expect_specimen(&specimens[i], &told);
		opened_done(&told);
		free(p.data);
	}
}

/* The same in streams of objects, in order for the web, and with every cipher but no password to open. */
static void test_it_is_told_however_it_is_stored(void **state)
{
	static const char *const options[][8] = {
		{ "--object-streams=generate" },
		{ "--linearize", "--object-streams=generate" },
		{ "--stream-data=uncompress", "--qdf" },
		{ "--encrypt", "", "owner", "256", "--" },
		{ "--allow-weak-crypto", "--encrypt", "", "owner", "128", "--use-aes=y", "--" },
		{ "--allow-weak-crypto", "--encrypt", "", "owner", "40", "--" },
	};

	for (size_t i = 0; i < ARRAY_LEN(specimens); i++)
		for (size_t k = 0; k < ARRAY_LEN(options); k++) {
			const char *argv[16] = { "qpdf", "--warning-exit-0", "plain.pdf", "stored.pdf" };
			struct opened told;
			struct pdf p;

			if (strcmp(specimens[i].name, "that nothing refers to") == 0 || (i % 4 != 0 && k > 0))
				continue; /* qpdf leaves it out; and a part of the rest will do */
			make_specimen(&specimens[i], &p);
			write_file(dir_fd, "plain.pdf", p.data, p.size);
			free(p.data);
			for (size_t n = 0; options[k][n]; n++)
				argv[4 + n] = options[k][n];
			tool_run_all(dir, argv);
			open_from(&role, dir_fd, "stored.pdf", CONTAINER_PDF, &told);
			print_message("%s %s\n", specimens[i].name, options[k][0]);
			expect_specimen(&specimens[i], &told);
			opened_done(&told);
		}
}

/* -- what comes out --------------------------------------------------------------------------------------------------------------- */

static void test_scripts_come_out(void **state)
{
	struct opened told;
	struct pdf p;

	pdf_ordinary(&p, "/OpenAction 5 0 R /X 5 0 R", "/AA << /C << /S /JavaScript /JS 6 0 R >> /O << /S /JavaScript /JS 6 0 R >> >>");
	pdf_object(&p, "<< /S /JavaScript /JS <FEFF006100620063> >>");
	pdf_stream(&p, "/Filter /ASCIIHexDecode", "6576616c>", 9);
	pdf_end(&p);
	open_pdf(&p, &told);
	expect_opened(&told);
	assert_int_equal(told.member_count, 2);
	for (size_t i = 0; i < 2; i++) {
		const char *expected = strcmp(told.members[i].path, "JavaScript/1.js") == 0 || i == 0 ? "JavaScript/1.js" : "JavaScript/2.js";

		assert_string_equal(told.members[i].path, expected);
		assert_true(strcmp((char *)told.members[i].data, "abc") == 0 || strcmp((char *)told.members[i].data, "eval") == 0);
	}
	assert_string_not_equal((char *)told.members[0].data, (char *)told.members[1].data);
	opened_done(&told);
	free(p.data);
}

static void test_attachments_come_out(void **state)
{
	struct opened told;
	struct pdf p;

	pdf_ordinary(&p, "", "");
	pdf_end(&p);
	write_file(dir_fd, "plain.pdf", p.data, p.size);
	free(p.data);
	write_file(dir_fd, "invoice.exe", "MZ123", 5);
	write_file(dir_fd, "two.txt", "", 0);
	tool_run(dir, "qpdf", "plain.pdf", "--add-attachment", "invoice.exe", "--", "--add-attachment", "two.txt", "--",
		 "--add-attachment", "plain.pdf", "--key=other", "--filename=invoice.exe", "--", "with.pdf");
	open_from(&role, dir_fd, "with.pdf", CONTAINER_PDF, &told);
	expect_opened(&told);
	expect_no_findings(&told);
	expect_member(&told, "EmbeddedFile/two.txt", "", 0);
	assert_int_equal(told.member_count, 3);
	/* two of one name: both come out */
	assert_non_null(find_member(&told, "EmbeddedFile/invoice.exe"));
	assert_int_equal(told.bytes, 5 + p.size);
	opened_done(&told);

	tool_run(dir, "qpdf", "with.pdf", "--encrypt", "", "owner", "256", "--", "locked.pdf");
	open_from(&role, dir_fd, "locked.pdf", CONTAINER_PDF, &told);
	expect_opened(&told);
	assert_int_equal(told.bytes, 5 + p.size);
	opened_done(&told);
}

static void test_embedded_streams_without_specification_come_out(void **state)
{
	struct opened told;
	struct pdf p;

	pdf_ordinary(&p, "/AcroForm << /XFA [(template) 5 0 R (../x/datasets) 6 0 R] >>", "");
	pdf_stream(&p, "", "<template/>", 11);
	pdf_stream(&p, "", "<datasets/>", 11);
	pdf_stream(&p, "/Type /EmbeddedFile", "hidden", 6);
	pdf_stream(&p, "", "related", 7);
	pdf_object(&p, "<< /Type /Filespec /F (a.txt) /EF << >> /RF << /F [(b.txt) 8 0 R] >> >>");
	pdf_end(&p);
	open_pdf(&p, &told);
	expect_opened(&told);
	expect_member(&told, "EmbeddedFile/7", "hidden", 6);
	expect_member(&told, "EmbeddedFile/b.txt", "related", 7);
	expect_member(&told, "XFA/template.xml", "<template/>", 11);
	expect_member(&told, "XFA/../x/datasets.xml", "<datasets/>", 11);
	assert_int_equal(told.member_count, 4);
	opened_done(&told);
	free(p.data);
}

/* -- passwords, damage, lies -------------------------------------------------------------------------------------------------------- */

static void write_script(const char *name)
{
	struct pdf p;

	make_specimen(&specimens[0], &p);
	write_file(dir_fd, name, p.data, p.size);
	free(p.data);
}

static void test_password_to_open_is_encrypted(void **state)
{
	static const char *const bits[] = { "40", "128", "256" };

	write_script("plain.pdf");
	for (size_t i = 0; i < ARRAY_LEN(bits); i++) {
		struct opened told;

		tool_run(dir, "qpdf", "--allow-weak-crypto", "plain.pdf", "--encrypt", "user", "owner", bits[i], "--", "locked.pdf");
		open_from(&role, dir_fd, "locked.pdf", CONTAINER_PDF, &told);
		expect_not_opened(&told);
		expect_finding(&told, REASON_ENCRYPTED, "", "password");
		opened_done(&told);
	}
}

static void test_unknown_encryption_is_encrypted(void **state)
{
	struct opened told;
	struct pdf p;

	pdf_ordinary(&p, "", "");
	pdf_end(&p);
	p.data = realloc(p.data, p.size + 100);
	assert_non_null(p.data);
	{
		static const char more[] = " /Encrypt << /Filter /Other /V 1 >> /ID [(a) (b)] >>\nstartxref\n";
		char *trailer = memmem(p.data, p.size, " >>\nstartxref\n", 14);

		assert_non_null(trailer);
		memmove(trailer + sizeof(more) - 1, trailer + 14, p.size - (size_t)(trailer + 14 - p.data));
		memcpy(trailer, more, sizeof(more) - 1);
		p.size += sizeof(more) - 1 - 14;
	}
	open_pdf(&p, &told);
	expect_not_opened(&told);
	expect_finding(&told, REASON_ENCRYPTED, "", NULL);
	opened_done(&told);
	free(p.data);
}

static void test_rebuilt_table_is_unsafe(void **state)
{
	struct opened told;
	struct pdf p;
	char *where;

	make_specimen(&specimens[0], &p);
	where = memmem(p.data, p.size, "startxref\n", 10);
	assert_non_null(where);
	where[10] ^= 1; /* the table is not where it should be */
	open_pdf(&p, &told);
	expect_finding(&told, REASON_ARCHIVE_UNSAFE, "", "cross-reference table");
	expect_finding(&told, REASON_ACTIVE_CONTENT, "", "JavaScript");
	opened_done(&told);
	where[10] ^= 1;
	where = memmem(p.data, p.size, "xref\n0 ", 7);
	assert_non_null(where);
	where[7 + 2 + 20 + 8] ^= 1; /* and here an object is not: found out only when it is looked for */
	open_pdf(&p, &told);
	expect_finding(&told, REASON_ARCHIVE_UNSAFE, "", "cross-reference table");
	opened_done(&told);
	free(p.data);
}

static void test_truncated_is_never_clean(void **state)
{
	struct pdf p;

	make_specimen(&specimens[ARRAY_LEN(specimens) - 1], &p);
	for (size_t cut = 1; cut + 1 < p.size; cut++) { /* but the last end of line */
		struct opened told;

		open_bytes(&role, "x.pdf", CONTAINER_PDF, p.data, cut, &told);
		if (told.finding_count == 0)
			fail_msg("cut after %zu of %zu bytes, nothing is told", cut, p.size);
		opened_done(&told);
	}
	free(p.data);
}

static void test_changed_bytes_do_not_end_the_role(void **state)
{
	_cleanup_free_ char *data = NULL;
	size_t size;

	write_script("plain.pdf");
	tool_run(dir, "qpdf", "--object-streams=generate", "plain.pdf", "--add-attachment", "plain.pdf", "--", "--encrypt", "", "owner",
		 "256", "--", "stored.pdf");
	data = read_whole(dir_fd, "stored.pdf", &size);
	for (size_t at = 0; at < size; at++) {
		struct opened told;

		data[at] ^= (char)(1 << at % 8);
		open_bytes(&role, "x.pdf", CONTAINER_PDF, data, size, &told);
		data[at] ^= (char)(1 << at % 8);
		opened_done(&told);
	}
}

static void check_envelope(const void *before, size_t before_size, const void *behind, size_t behind_size, bool is_unsafe)
{
	_cleanup_free_ char *data = NULL;
	struct opened told;
	struct pdf p;

	pdf_ordinary(&p, "", "");
	pdf_end(&p);
	data = malloc(before_size + p.size + behind_size);
	assert_non_null(data);
	memcpy(data, before, before_size);
	memcpy(data + before_size, p.data, p.size);
	memcpy(data + before_size + p.size, behind, behind_size);
	open_bytes(&role, "x.pdf", CONTAINER_PDF, data, before_size + p.size + behind_size, &told);
	if (is_unsafe)
		expect_finding(&told, REASON_ARCHIVE_UNSAFE, "", NULL);
	else
		expect_no_findings(&told);
	opened_done(&told);
	free(p.data);
}

static void test_what_stands_around_it_is_unsafe(void **state)
{
	char x[1100], white[1100];

	memset(x, 'x', sizeof(x));
	memset(white, '\n', sizeof(white));
	check_envelope("", 0, "", 0, false);
	check_envelope("", 0, x, 900, false);
	check_envelope("", 0, white, sizeof(white), false);
	check_envelope("\r\n \t", 4, "\r\n", 2, false);
	check_envelope("", 0, x, sizeof(x), true);
	check_envelope("", 0, "\nPK\3\4zip", 8, true);
	check_envelope("", 0, "xxxPK\5\6zip", 10, true);
	check_envelope("", 0, "MZ program", 10, true);
	check_envelope("", 0, "\n\n<SCRIPT>", 10, true);
	check_envelope("MZ", 2, "", 0, true);
	check_envelope("x", 1, "", 0, true);
	check_envelope("GIF89a/*", 8, "", 0, true);
	check_envelope(x, 1020, "", 0, true);
	check_envelope(x, sizeof(x), "", 0, true); /* no reader looks there any more */
}

static void test_damaged_stream_is_not_opened(void **state)
{
	struct opened told;
	struct pdf p;

	pdf_ordinary(&p, "", "");
	pdf_stream(&p, "/Type /EmbeddedFile /Filter /FlateDecode", "\x78\x9c\xff\xff\xff\xff", 6);
	pdf_stream(&p, "/Type /EmbeddedFile", "whole", 5);
	pdf_end(&p);
	open_pdf(&p, &told);
	expect_not_opened(&told);
	expect_finding(&told, REASON_ARCHIVE_UNSAFE, "EmbeddedFile/5", "decoded");
	expect_member(&told, "EmbeddedFile/6", "whole", 5);
	opened_done(&told);
	free(p.data);

	pdf_ordinary(&p, "", "");
	pdf_stream(&p, "/Type /EmbeddedFile /Filter /JBIG2Decode", "x", 1);
	pdf_end(&p);
	open_pdf(&p, &told);
	expect_not_opened(&told);
	expect_finding(&told, REASON_CONTAINER_OPAQUE, "EmbeddedFile/5", "filter");
	opened_done(&told);
	free(p.data);
}

/* -- limits --------------------------------------------------------------------------------------------------------------------------- */

/* `mib` MiB of `byte`, deflated; the caller frees it. */
static char *make_bomb(size_t mib, char byte, size_t *ret_size)
{
	static char block[1 << 20];
	size_t room = mib * 1100 + 1000;
	char *data = malloc(room);
	z_stream z = { .next_out = (Bytef *)data, .avail_out = (uInt)room };

	assert_non_null(data);
	memset(block, byte, sizeof(block));
	assert_int_equal(deflateInit(&z, 9), Z_OK);
	for (size_t i = 0; i < mib; i++) {
		z.next_in = (Bytef *)block;
		z.avail_in = sizeof(block);
		assert_int_equal(deflate(&z, i + 1 == mib ? Z_FINISH : Z_NO_FLUSH), i + 1 == mib ? Z_STREAM_END : Z_OK);
	}
	*ret_size = room - z.avail_out;
	assert_int_equal(deflateEnd(&z), Z_OK);
	return data;
}

static void check_bomb(size_t mib, const char *entries)
{
	_cleanup_free_ char *bomb = NULL;
	struct opened told;
	size_t size;
	struct pdf p;

	bomb = make_bomb(mib, ' ', &size);
	pdf_ordinary(&p, "", "");
	pdf_stream(&p, entries, bomb, size);
	pdf_end(&p);
	open_pdf(&p, &told);
	expect_not_opened(&told);
	expect_finding(&told, REASON_LIMIT_EXCEEDED, NULL, NULL);
	opened_done(&told);
	free(p.data);
}

/* Its end is a finding, and the role goes on with the next. */
static void test_bombs_end_in_a_limit(void **state)
{
#ifdef LAZARET_SANITIZE
	skip(); /* there, a role has no limit of its memory */
#endif
	static const size_t sizes[] = { 300, 490, 520, 1100 }; /* MiB; qpdf's buffer doubles, and its last copy is not checked */
	struct opened told;
	struct pdf p;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		check_bomb(sizes[i], "/Type /EmbeddedFile /Filter /FlateDecode");
	check_bomb(400, "/Type /EmbeddedFile /Filter [/FlateDecode /RunLengthDecode] /X 1");
	pdf_ordinary(&p, "", "");
	pdf_end(&p);
	open_pdf(&p, &told);
	expect_opened(&told);
	expect_no_findings(&told);
	opened_done(&told);
	free(p.data);
}

static void test_limits_end_it(void **state)
{
	struct container_limits all = role.limits;
	struct opened told;
	struct pdf p;

	pdf_ordinary(&p, "", "");
	for (int i = 0; i < 5; i++)
		pdf_stream(&p, "/Type /EmbeddedFile", "0123456789", 10);
	pdf_end(&p);
	role.limits.members = 3;
	open_pdf(&p, &told);
	expect_not_opened(&told);
	expect_finding(&told, REASON_LIMIT_EXCEEDED, NULL, NULL);
	opened_done(&told);
	role.limits = all;
	role.limits.bytes = 25;
	open_pdf(&p, &told);
	expect_not_opened(&told);
	expect_finding(&told, REASON_LIMIT_EXCEEDED, NULL, NULL);
	opened_done(&told);
	role.limits = all;
	open_pdf(&p, &told);
	expect_opened(&told);
	assert_int_equal(told.member_count, 5);
	opened_done(&told);
	free(p.data);
}

static void test_what_is_no_document_is_not_opened(void **state)
{
	static const char *const texts[] = { "%PDF-1.7\n", "%PDF-1.7\n%%EOF\n", "hello", "%PDF-1.7\nstartxref\n0\n%%EOF\n",
					     "%PDF-1.7\ntrailer\n<< /Root 1 0 R >>\nstartxref\n9\n%%EOF\n" };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct opened told;

		open_bytes(&role, "x.pdf", CONTAINER_PDF, texts[i], strlen(texts[i]), &told);
		expect_finding(&told, REASON_ARCHIVE_UNSAFE, "", NULL);
		opened_done(&told);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_acts_is_told_and_only_that),
		cmocka_unit_test(test_it_is_told_however_it_is_stored),
		cmocka_unit_test(test_scripts_come_out),
		cmocka_unit_test(test_attachments_come_out),
		cmocka_unit_test(test_embedded_streams_without_specification_come_out),
		cmocka_unit_test(test_password_to_open_is_encrypted),
		cmocka_unit_test(test_unknown_encryption_is_encrypted),
		cmocka_unit_test(test_rebuilt_table_is_unsafe),
		cmocka_unit_test(test_truncated_is_never_clean),
		cmocka_unit_test(test_changed_bytes_do_not_end_the_role),
		cmocka_unit_test(test_what_stands_around_it_is_unsafe),
		cmocka_unit_test(test_damaged_stream_is_not_opened),
		cmocka_unit_test(test_bombs_end_in_a_limit),
		cmocka_unit_test(test_limits_end_it),
		cmocka_unit_test(test_what_is_no_document_is_not_opened),
	};

	return cmocka_run_group_tests(tests, start, end);
}
