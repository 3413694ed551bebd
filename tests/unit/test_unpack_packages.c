/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Packages, web archives, disc images and libraries, and names and links that lie: lazaret-unpack in its sandbox. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ipc/channel.h"

#include "../lib/testing.h"
#include "../lib/tools.h"
#include "../lib/opening.h"

static struct opener role;
static char dir[64];
static int dir_fd = -1;

static void shell(const char *command)
{
	tool_run(dir, "sh", "-ec", command);
}

static int start(void **state)
{
	dir_fd = private_directory(dir);
	opener_start(&role, "lazaret-unpack");
	return 0;
}

static int end(void **state)
{
	opener_end(&role);
	remove_private_directory(dir_fd, dir);
	return 0;
}

static void open_shell(const char *command, const char *name, enum container_format format, struct opened *told)
{
	print_message("%s\n", command);
	shell(command);
	open_from(&role, dir_fd, name, format, told);
}

/* -- deb ------------------------------------------------------------------------------------------------------- */

static void make_deb(void)
{
	shell("rm -rf p; mkdir -p p/DEBIAN p/usr/share/doc/x; echo text >p/usr/share/doc/x/README; ln -s /etc/x.conf p/usr/share/doc/x/c;"
	      "printf 'Package: x\\nVersion: 1\\nArchitecture: all\\nMaintainer: A <a@b.c>\\nDescription: x\\n' >p/DEBIAN/control;"
	      "for z in gzip xz zstd none; do dpkg-deb -Z$z --root-owner-group -b p $z.deb >/dev/null; done");
}

static void test_deb(void **state)
{
	static const struct {
		const char *name, *data;
		enum container_format inner;
	} cases[] = { { "gzip.deb", "data.tar.gz", CONTAINER_GZIP }, { "xz.deb", "data.tar.xz", CONTAINER_XZ },
		      { "zstd.deb", "data.tar.zst", CONTAINER_ZSTD } };

	make_deb();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct opened told, inner;
		const struct opened_member *m;

		open_from(&role, dir_fd, cases[i].name, CONTAINER_DEB, &told);
		expect_opened(&told);
		expect_no_findings(&told);
		assert_int_equal(told.member_count, 3);
		expect_member(&told, "debian-binary", "2.0\n", 4);
		m = find_member(&told, cases[i].data);
		assert_non_null(m);
		open_bytes(&role, cases[i].data, cases[i].inner, m->data, m->size, &inner);
		expect_opened(&inner);
		assert_string_equal(inner.members[0].path, "data.tar");
		opened_done(&told);
		m = &inner.members[0];
		open_bytes(&role, "data.tar", CONTAINER_TAR, m->data, m->size, &told);
		expect_opened(&told);
		expect_member(&told, "usr/share/doc/x/README", "text\n", 5);
		expect_finding(&told, REASON_ARCHIVE_UNSAFE, "usr/share/doc/x/c", "absolute"); /* as a tar of its own */
		opened_done(&told);
		role.is_system = true;
		open_bytes(&role, "data.tar", CONTAINER_TAR, m->data, m->size, &told);
		role.is_system = false;
		expect_opened(&told);
		expect_no_findings(&told);
		opened_done(&told);
		opened_done(&inner);
	}
}

static void test_deb_that_is_none(void **state)
{
	static const char *const commands[] = {
		"ar rc bad.deb debian-binary data.tar.xz control.tar.xz", /* order */
		"ar rc bad.deb control.tar.xz debian-binary data.tar.xz",
		"ar rc bad.deb debian-binary control.tar.xz",
		"ar rc bad.deb debian-binary data.tar.xz",
		"cp data.tar.xz data.tar; ar rc bad.deb debian-binary control.tar.xz data.tar.xz data.tar", /* two of them */
		"echo 3.0 >debian-binary; ar rc bad.deb debian-binary control.tar.xz data.tar.xz",
		"printf '2.0\\n\\n' >debian-binary; ar rc bad.deb debian-binary control.tar.xz data.tar.xz",
	};

	make_deb();
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		struct opened told;

		shell("rm -f bad.deb; ar x xz.deb");
		open_shell(commands[i], "bad.deb", CONTAINER_DEB, &told);
		expect_not_opened(&told);
		expect_finding(&told, REASON_ARCHIVE_UNSAFE, "", NULL);
		opened_done(&told);
	}
}

/* What dpkg passes over is a member like the others. */
static void test_deb_with_a_signature_opens(void **state)
{
	struct opened told;

	make_deb();
	open_shell("echo signed >_gpgorigin; cp xz.deb s.deb; ar r s.deb _gpgorigin 2>/dev/null", "s.deb", CONTAINER_DEB, &told);
	expect_opened(&told);
	expect_member(&told, "_gpgorigin", "signed\n", 7);
	opened_done(&told);
}

static void test_static_library(void **state)
{
	struct opened told;

	open_shell("printf 'int f(void) { return 1; }' >f.c; cc -c -o a_rather_long_name_of_an_object.o f.c; rm -f l.a;"
		   "ar rcs l.a a_rather_long_name_of_an_object.o", "l.a", CONTAINER_AR, &told);
	expect_opened(&told);
	expect_no_findings(&told);
	assert_non_null(find_member(&told, "a_rather_long_name_of_an_object.o"));
	assert_non_null(find_member(&told, "symbol-index"));
	opened_done(&told);
}

/* -- rpm ------------------------------------------------------------------------------------------------------- */

static void make_rpm(const char *payload)
{
	char command[1200];

	(void)snprintf(command, sizeof(command),
		       "printf 'Name: x\\nVersion: 1\\nRelease: 1\\nSummary: x\\nLicense: x\\nBuildArch: noarch\\n%%%%description\\nx\\n"
		       "%%%%install\\nmkdir -p %%%%{buildroot}/opt\\necho text >%%%%{buildroot}/opt/f\\n"
		       "ln -s /etc/x %%%%{buildroot}/opt/l\\n%%%%post\\necho post\\n%%%%preun\\necho preun\\n%%%%files\\n/opt/*\\n' >x.spec;"
		       "rpmbuild --quiet --define \"_topdir $PWD/rb\" --define '_binary_payload %s' -bb x.spec >/dev/null;"
		       "cp rb/RPMS/noarch/x-1-1.noarch.rpm x.rpm", payload);
	shell(command);
}

static void test_rpm(void **state)
{
	static const struct {
		const char *payload, *name;
		enum container_format inner;
	} cases[] = { { "w9.gzdio", "payload.cpio.gz", CONTAINER_GZIP },  { "w7.xzdio", "payload.cpio.xz", CONTAINER_XZ },
		      { "w3.zstdio", "payload.cpio.zst", CONTAINER_ZSTD }, { "w9.bzdio", "payload.cpio.bz2", CONTAINER_BZIP2 } };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct opened told, inner;
		const struct opened_member *m;

		make_rpm(cases[i].payload);
		open_from(&role, dir_fd, "x.rpm", CONTAINER_RPM, &told);
		expect_opened(&told);
		expect_no_findings(&told);
		expect_member(&told, "scripts/postin", "echo post", 9);
		expect_member(&told, "scripts/preun", "echo preun", 10);
		m = find_member(&told, cases[i].name);
		assert_non_null(m);
		open_bytes(&role, cases[i].name, cases[i].inner, m->data, m->size, &inner);
		expect_opened(&inner);
		assert_string_equal(inner.members[0].path, "payload.cpio");
		opened_done(&told);
		m = &inner.members[0];
		open_bytes(&role, "payload.cpio", CONTAINER_CPIO, m->data, m->size, &told);
		expect_opened(&told);
		expect_member(&told, "opt/f", "text\n", 5);
		opened_done(&told);
		opened_done(&inner);
	}
}

/* Every length and a change of every byte before the payload: an answer, never a crash; never opened when cut in the headers. */
static void test_damaged_rpm(void **state)
{
	_cleanup_free_ char *data = NULL;
	size_t size, payload;

	make_rpm("w9.gzdio");
	data = read_whole(dir_fd, "x.rpm", &size);
	payload = (size_t)((char *)memrchr(data, 0x1f, size - 8) - data);
	for (size_t cut = 1; cut < size; cut += cut < 400 ? 1 : 37) {
		struct opened told;

		open_bytes(&role, "x.rpm", CONTAINER_RPM, data, cut, &told);
		if (told.is_opened && !find_member(&told, "payload.cpio.gz"))
			fail_msg("cut after %zu bytes, it is opened", cut);
		opened_done(&told);
	}
	for (size_t at = 0; at < payload && at < size; at += 3) {
		struct opened told;

		data[at] = (char)~data[at];
		open_bytes(&role, "x.rpm", CONTAINER_RPM, data, size, &told);
		data[at] = (char)~data[at];
		opened_done(&told);
	}
}

/* -- warc ------------------------------------------------------------------------------------------------------ */

#define RECORD(type, fields, size, body) \
	"WARC/1.0\r\nWARC-Type: " type "\r\n" fields "Content-Length: " size "\r\n\r\n" body "\r\n\r\n"

static void test_warc(void **state)
{
	static const char text[] =
		RECORD("warcinfo", "", "5", "hello")
		RECORD("request", "WARC-Target-URI: http://a.example/x\r\nContent-Type: application/http;msgtype=request\r\n", "18",
		       "GET / HTTP/1.0\r\n\r\n")
		RECORD("response", "WARC-Target-URI: <http://a.example/dir/x>\r\nContent-Type: application/http; msgtype=response\r\n",
		       "44", "HTTP/1.0 200 OK\r\nServer: x\r\n\r\nbody\0with NUL!")
		RECORD("response", "WARC-Target-URI: http://a.example/c\r\nContent-Type: application/http\r\n", "68",
		       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x\r\nd\r\n0\r\n\r\n")
		RECORD("conversion", "", "3", "abc");
	struct opened told;

	open_bytes(&role, "x.warc", CONTAINER_WARC, text, sizeof(text) - 1, &told);
	expect_opened(&told);
	expect_no_findings(&told);
	expect_member(&told, "1-warcinfo", "hello", 5);
	expect_member(&told, "2-request/a.example/x.http", "GET / HTTP/1.0\r\n\r\n", 18);
	expect_member(&told, "3-response/a.example/dir/x", "body\0with NUL!", 14);
	expect_member(&told, "4-response/a.example/c", "abcd", 4);
	expect_member(&told, "5-conversion", "abc", 3);
	opened_done(&told);
	for (size_t cut = 1; cut < sizeof(text) - 1; cut++) {
		open_bytes(&role, "x.warc", CONTAINER_WARC, text, cut, &told);
		if (told.is_opened && memcmp(text + cut, "WARC/", 5) != 0)
			fail_msg("cut after %zu bytes, it is opened", cut);
		opened_done(&told);
	}
}

static void test_warc_that_lies(void **state)
{
	static const struct {
		const char *text;
		enum reason reason;
	} cases[] = {
		{ RECORD("resource", "", "99999", "x"), REASON_ARCHIVE_UNSAFE },
		{ RECORD("resource", "", "99999999999999999999999999", "x"), REASON_ARCHIVE_UNSAFE },
		{ RECORD("resource", "", "-1", "x"), REASON_ARCHIVE_UNSAFE },
		{ RECORD("resource", "", "1", "x") "payload", REASON_ARCHIVE_UNSAFE },
		{ RECORD("resource", "", "1", "xx"), REASON_ARCHIVE_UNSAFE },
		{ RECORD("resource", "WARC-Segment-Number: 1\r\n", "1", "x"), REASON_CONTAINER_OPAQUE },
		{ RECORD("response", "Content-Type: application/http\r\n", "47",
			 "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\nbrotli"), REASON_CONTAINER_OPAQUE },
		{ RECORD("response", "Content-Type: application/http\r\n", "61",
			 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n99\r\nabc\r\n0\r\n\r"), REASON_ARCHIVE_UNSAFE },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct opened told;

		open_bytes(&role, "x.warc", CONTAINER_WARC, cases[i].text, strlen(cases[i].text), &told);
		if (told.is_opened)
			print_message("case %zu\n", i);
		expect_not_opened(&told);
		expect_finding(&told, cases[i].reason, NULL, NULL);
		opened_done(&told);
	}
}

static void test_warc_of_a_tool(void **state)
{
	struct opened told;

	open_shell("mkdir -p w; echo 1 >w/1; head -c 3000000 /dev/zero >w/2; bsdtar --format warc -cf w.warc w/1 w/2", "w.warc",
		   CONTAINER_WARC, &told);
	expect_opened(&told);
	expect_no_findings(&told);
	assert_int_equal(told.member_count, 3);
	assert_int_equal(told.members[2].size, 3000000);
	opened_done(&told);
}

/* -- disc images ------------------------------------------------------------------------------------------------ */

static void test_disc_image_with_two_directories_that_differ(void **state)
{
	struct opened told;

	open_shell("mkdir -p i; echo 1 >i/1; echo 2 >i/2; genisoimage -quiet -J -R -hide 2 -o h.iso i 2>/dev/null", "h.iso",
		   CONTAINER_ISO9660, &told);
	expect_not_opened(&told);
	expect_finding(&told, REASON_CONTAINER_OPAQUE, "", "second directory");
	opened_done(&told);
	open_shell("genisoimage -quiet -J -R -hide-joliet 2 -o h.iso i 2>/dev/null", "h.iso", CONTAINER_ISO9660, &told);
	expect_opened(&told); /* the second shows less: all was examined */
	opened_done(&told);
}

/* Nothing to compare with: once qsort(3) of no list at all. */
static void test_disc_image_of_empty_directories_in_two_trees(void **state)
{
	struct opened told;

	open_shell("mkdir -p e/d; genisoimage -quiet -J -R -o e.iso e 2>/dev/null", "e.iso", CONTAINER_ISO9660, &told);
	expect_opened(&told);
	expect_no_findings(&told);
	opened_done(&told);
}

static void test_disc_image_with_udf_is_opaque(void **state)
{
	struct opened told;

	open_shell("mkdir -p i; echo 1 >i/1; genisoimage -quiet -udf -J -o u.iso i 2>/dev/null", "u.iso", CONTAINER_ISO9660, &told);
	expect_not_opened(&told);
	expect_finding(&told, REASON_CONTAINER_OPAQUE, "", "UDF");
	opened_done(&told);
}

/* A system's tree: absolute links and devices belong there. */
static void test_disc_image_is_a_tree_of_a_system(void **state)
{
	struct opened told;

	open_shell("mkdir -p i; ln -sf /etc/passwd i/l; genisoimage -quiet -R -o r.iso i", "r.iso", CONTAINER_ISO9660, &told);
	expect_opened(&told);
	expect_no_findings(&told);
	opened_done(&told);
}

/* -- names and links -------------------------------------------------------------------------------------------- */

static void expect_unsafe(const char *command, const char *member, const char *words)
{
	struct opened told;

	open_shell(command, "n.tar", CONTAINER_TAR, &told);
	expect_opened(&told); /* all of it came out, with what is wrong */
	expect_finding(&told, REASON_ARCHIVE_UNSAFE, member, words);
	assert_int_equal(told.finding_count, 1);
	opened_done(&told);
}

static void test_names_that_lie(void **state)
{
	shell("echo x >x; mkdir -p d; echo y >d/y; echo z >z");
	expect_unsafe("tar -Pcf n.tar --transform 's,^,../,' x", "../x", "upwards");
	expect_unsafe("tar -Pcf n.tar --transform 's,^,a/../../,' x", "a/../../x", "upwards");
	expect_unsafe("tar -Pcf n.tar --transform 's,^,/,' x", "x", "absolute");
	expect_unsafe("tar -Pcf n.tar --transform 's,^,C:/,' x", "C:/x", "drive");
	expect_unsafe("tar -Pcf n.tar --transform 's,^,a\\\\,' x", "a\\x", "backslash");
	expect_unsafe("cp x \"$(printf 'e\\033[2Jx')\"; tar -cf n.tar \"$(printf 'e\\033[2Jx')\"", NULL, "control");
	expect_unsafe("cp x \"$(printf 'e\\342\\200\\256x')\"; tar -cf n.tar \"$(printf 'e\\342\\200\\256x')\"", NULL, "direction");
	expect_unsafe("tar -cf n.tar x; tar -rf n.tar x", "x", "more than one");
	expect_unsafe("tar -cf n.tar x ./x", "x", "more than one");
	expect_unsafe("tar -cf n.tar x; tar -rf n.tar --transform 's,^,x/,' z", "x/z", "a file has");
	expect_unsafe("tar -cf n.tar d; tar -rf n.tar --transform 's,^x,d,' x", "d", "a directory has");
	expect_unsafe("mkdir -p $(printf 'a/%.0s' $(seq 66)); echo >$(printf 'a/%.0s' $(seq 66))f; tar -cf n.tar --no-recursion "
		      "$(printf 'a/%.0s' $(seq 66))f", NULL, "in each other");
}

static void test_links_that_lie(void **state)
{
	shell("mkdir -p k/d; echo x >k/x");
	expect_unsafe("rm -f k/l; ln -s /etc/passwd k/l; tar -cf n.tar k/l", "k/l", "absolute");
	expect_unsafe("rm -f k/l; ln -s ../../x k/l; tar -cf n.tar k/l", "k/l", "out of the archive");
	expect_unsafe("rm -f k/l; ln -s d/../../../x k/l; tar -cf n.tar k/l", "k/l", "turns back");
	expect_unsafe("rm -rf k/l; ln -s d k/l; tar -cf n.tar k/l; rm k/l; mkdir k/l; echo >k/l/y; tar -rf n.tar k/l/y; rm -r k/l",
		      "k/l/y", "written through a link");
	expect_unsafe("ln -f k/x k/h; tar -cf n.tar k/x k/h; tar --delete -f n.tar k/x", "k/h", "not there before");
	expect_unsafe("rm -f k/f; mkfifo k/f; tar -cf n.tar k/f", "k/f", "device");
}

/* A hard link to a symbolic one is one: what is written through it leaves the tree. */
static void test_hard_link_to_a_symbolic_one(void **state)
{
	expect_unsafe("mkdir -p s/d; rm -rf s/h s/l; ln -s d s/l; ln -P s/l s/h; tar -cf n.tar s/l s/h; rm s/h; mkdir s/h; echo >s/h/y;"
		      "tar -rf n.tar s/h/y", "s/h/y", "written through a link");
}

static void test_near_misses_of_names_and_links(void **state)
{
	struct opened told;

	open_shell("rm -rf g; mkdir -p g/a/b g/..x g/lib; echo 1 >g/a/B::Lint.3pm; echo 2 >g/..x/...; echo 3 >g/'a b  c'; ln -s ../a g/a/up;"
		   "ln -s ../../lib/none g/a/b/dangling; ln -s . g/self; echo 4 >g/\"$(printf '\\360\\237\\221\\250\\342\\200\\215x')\";"
		   "ln -f g/'a b  c' g/hard; (cd g && tar -cf ../n.tar . ./a)", "n.tar", CONTAINER_TAR, &told);
	expect_opened(&told);
	for (size_t i = 0; i < told.finding_count; i++) /* only a/B... is there twice, which this test made so */
		assert_non_null(strstr(told.findings[i].detail, "more than one"));
	opened_done(&told);
	open_shell("(cd g && tar -cf ../n.tar .)", "n.tar", CONTAINER_TAR, &told);
	expect_opened(&told);
	expect_no_findings(&told);
	opened_done(&told);
}

/* A million bad names are not told one by one; no reason is lost. */
static void test_findings_are_bounded(void **state)
{
	struct opened told;

	shell("rm -rf m; mkdir m; for i in $(seq 300); do echo >m/$i; done; tar -Pcf n.tar --transform 's,^,/,' m; "
	      "7z a -tzip -ppw e.zip m >/dev/null; python3 - <<'X'\nimport zipfile\nz = zipfile.ZipFile('f.zip', 'w')\n"
	      "for i in range(300): z.writestr('../%d' % i, 'x')\nz.close()\nX");
	open_from(&role, dir_fd, "n.tar", CONTAINER_TAR, &told);
	assert_true(told.finding_count >= 10 && told.finding_count <= 70);
	assert_int_equal(told.files, 300);
	opened_done(&told);
	open_from(&role, dir_fd, "f.zip", CONTAINER_ZIP, &told);
	assert_true(told.finding_count >= 10 && told.finding_count <= 70);
	opened_done(&told);
}

/* -- the role ----------------------------------------------------------------------------------------------------- */

static void test_what_the_supervisor_would_not_say(void **state)
{
	struct opened told;

	open_bytes(&role, "x", CONTAINER_PDF, "x", 1, &told); /* of another role */
	assert_int_equal(told.error, -ENOTSUP);
	opened_done(&told);
	open_bytes(&role, "x", (enum container_format)4000, "x", 1, &told);
	assert_int_equal(told.error, -ENOTSUP);
	opened_done(&told);
	{
		_cleanup_close_ int directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		open_fd(&role, "x", CONTAINER_TAR, directory, &told);
		expect_not_opened(&told);
		expect_finding(&told, REASON_SCAN_ERROR, "", NULL);
		opened_done(&told);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deb),
		cmocka_unit_test(test_deb_that_is_none),
		cmocka_unit_test(test_deb_with_a_signature_opens),
		cmocka_unit_test(test_static_library),
		cmocka_unit_test(test_rpm),
		cmocka_unit_test(test_damaged_rpm),
		cmocka_unit_test(test_warc),
		cmocka_unit_test(test_warc_that_lies),
		cmocka_unit_test(test_warc_of_a_tool),
		cmocka_unit_test(test_disc_image_with_two_directories_that_differ),
		cmocka_unit_test(test_disc_image_of_empty_directories_in_two_trees),
		cmocka_unit_test(test_disc_image_with_udf_is_opaque),
		cmocka_unit_test(test_disc_image_is_a_tree_of_a_system),
		cmocka_unit_test(test_names_that_lie),
		cmocka_unit_test(test_links_that_lie),
		cmocka_unit_test(test_hard_link_to_a_symbolic_one),
		cmocka_unit_test(test_near_misses_of_names_and_links),
		cmocka_unit_test(test_findings_are_bounded),
		cmocka_unit_test(test_what_the_supervisor_would_not_say),
	};

	return cmocka_run_group_tests(tests, start, end);
}
