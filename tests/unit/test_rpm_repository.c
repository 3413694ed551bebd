/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Indexes of RPM repositories by the rpm role's process: createrepo_c's own, and what attackers write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <zlib.h>

#include "ipc/channel.h"

#include "../lib/testing.h"
#include "../lib/proving.h"

#define HEX64 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define HEX128 HEX64 HEX64
#define HEX40 "da39a3ee5e6b4b0d3255bfef95601890afd80709"
#define REPOMD(inside) "<?xml version='1.0' encoding='UTF-8'?>\n<repomd xmlns='http://linux.duke.edu/metadata/repo'>" inside "</repomd>\n"
#define PRIMARY(inside) "<metadata xmlns='http://linux.duke.edu/metadata/common' packages='1'>" inside "</metadata>"
#define PACKAGE(checksum, location) "<package type='rpm'><name>n</name>" checksum location "</package>"
#define SUM "<checksum type='sha256' pkgid='YES'>" HEX64 "</checksum>"

static char directory[64];
static int directory_fd = -1;
static struct prover prover;

static int make_specimens(void **state)
{
	_cleanup_free_ char *script = realpath("tests/lib/rpms.py", NULL);

	assert_non_null(script);
	directory_fd = private_directory(directory);
	tool_run(directory, "python3", script, directory);
	prover_start(&prover, "lazaret-rpm", NULL, 0);
	return 0;
}

static int remove_specimens(void **state)
{
	prover_end(&prover);
	remove_private_directory(directory_fd, directory);
	return 0;
}

/* The name in `repo`/repodata that ends so; owned by the caller. */
static char *index_name(const char *repo, const char *ending)
{
	char path[128];
	char *found = NULL;
	struct dirent *d;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "%s/%s/repodata", directory, repo);
	dir = opendir(path);
	assert_non_null(dir);
	while (!found && (d = readdir(dir)))
		if (strlen(d->d_name) > strlen(ending) && strcmp(d->d_name + strlen(d->d_name) - strlen(ending), ending) == 0)
			assert_true(asprintf(&found, "repodata/%s", d->d_name) > 0);
	(void)closedir(dir);
	if (!found)
		fail_msg("no %s in %s", ending, path);
	return found;
}

static void prove_file(const char *repo, const char *name, enum evidence_format format, struct proved *ret)
{
	_cleanup_free_ char *path = NULL, *on_medium = NULL;
	struct medium m = { 0 };

	assert_true(asprintf(&path, "%s/%s", repo, name) > 0);
	assert_true(asprintf(&on_medium, "mirror/el9/%s", name) > 0);
	medium_add_from(&m, on_medium, directory_fd, path);
	prove(&prover, &m, on_medium, format, PROVING_NOW, ret);
	medium_done(&m);
}

static void prove_bytes(const char *path, const void *data, size_t size, struct proved *ret)
{
	_cleanup_close_ int fd = memory_file(data, size);
	struct medium m = { 0 };

	prove_fd(&prover, &m, path, fd, strstr(path, "repomd") ? EVIDENCE_REPOMD : EVIDENCE_RPM_PRIMARY, PROVING_NOW, ret);
}

static void prove_text(const char *path, const char *text, struct proved *ret)
{
	prove_bytes(path, text, strlen(text), ret);
}

static void sum_of(const char *repo, const char *name, char hex[static SHA256_HEX_LEN + 1])
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -EBADF;
	uint8_t sum[SHA256_LEN];

	assert_true(asprintf(&path, "%s/%s", repo, name) > 0);
	fd = openat(directory_fd, path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(sha256_fd(fd, sum, NULL), 0);
	hex_encode(sum, sizeof(sum), hex);
}

static void test_repomd_by_createrepo(void **state)
{
	_cleanup_free_ char *primary = index_name("repo", "-primary.xml.gz"), *other = index_name("repo", "-other.xml.gz");
	char hex[SHA256_HEX_LEN + 1], path[200];
	struct proved t;

	prove_file("repo", "repodata/repomd.xml", EVIDENCE_REPOMD, &t);
	assert_int_equal(t.error, 0);
	assert_int_equal(t.outcome, LIST_READ);
	assert_int_equal(t.bad, 0);
	assert_true(t.entry_count >= 3);
	assert_true(t.date > 1700000000); /* its revision */
	assert_int_equal(t.signature_count, 0);
	sum_of("repo", primary, hex);
	(void)snprintf(path, sizeof(path), "mirror/el9/%s", primary);
	assert_non_null(find_entry(&t, path, "sha256", hex));
	sum_of("repo", other, hex);
	(void)snprintf(path, sizeof(path), "mirror/el9/%s", other);
	assert_non_null(find_entry(&t, path, "sha256", hex));
	proved_done(&t);
}

static void check_primary(const char *repo, const char *ending)
{
	static const char *const packages[] = { "Packages/s/specimen-1.0-1.noarch.rpm", "Packages/s/specimen & co-0.9-1.noarch.rpm" };
	_cleanup_free_ char *primary = index_name(repo, ending);
	char hex[SHA256_HEX_LEN + 1], path[200];
	struct proved t;

	prove_file(repo, primary, EVIDENCE_RPM_PRIMARY, &t);
	if (t.outcome != LIST_READ)
		print_proved(&t);
	assert_int_equal(t.outcome, LIST_READ);
	assert_int_equal(t.bad, 0);
	assert_int_equal(t.entry_count, 2);
	for (size_t i = 0; i < ARRAY_LEN(packages); i++) {
		sum_of("repo", packages[i], hex);
		(void)snprintf(path, sizeof(path), "mirror/el9/%s", packages[i]);
		assert_non_null(find_entry(&t, path, "sha256", hex));
	}
	proved_done(&t);
}

static void test_primary_in_each_compression(void **state)
{
	check_primary("repo", "-primary.xml.gz");
	check_primary("repo-xz", "-primary.xml.xz");
	check_primary("repo-zst", "-primary.xml.zst");
}

static void expect_list(const char *path, const char *text, enum list_outcome outcome, size_t entries, uint32_t bad)
{
	struct proved t;

	prove_text(path, text, &t);
	if (t.error != 0 || t.outcome != outcome || t.entry_count != entries || t.bad != bad) {
		print_proved(&t);
		fail_msg("expected outcome %d with %zu entries and %u bad ones of %s", outcome, entries, bad, text);
	}
	proved_done(&t);
}

static void expect_primary(const char *text, enum list_outcome outcome, size_t entries, uint32_t bad)
{
	expect_list("repodata/primary.xml", text, outcome, entries, bad);
}

static void test_paths_that_lead_elsewhere(void **state)
{
	static const char *const bad[] = { "../evil.rpm", "a/../../evil.rpm", "/etc/passwd", "", ".", "a/..", "&#46;&#46;/evil.rpm" };
	struct proved t;
	char text[600];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		(void)snprintf(text, sizeof(text), PRIMARY(PACKAGE(SUM, "<location href='%s'/>")), bad[i]);
		expect_primary(text, LIST_READ, 0, 1);
	}
	expect_list("repodata/repomd.xml", REPOMD("<data type='primary'><checksum type='sha256'>" HEX64 "</checksum>"
						 "<location href='../../x'/></data>"), LIST_READ, 0, 1);
	/* what is merely unusual is put right */
	prove_text("r/repodata/primary.xml", PRIMARY(PACKAGE(SUM, "<location href='./a//b.rpm'/>")), &t);
	assert_non_null(find_entry(&t, "r/a/b.rpm", "sha256", HEX64));
	proved_done(&t);
	/* on another server: whichever file here has the digest */
	prove_text("r/repodata/primary.xml",
		   PRIMARY(PACKAGE(SUM, "<location xml:base='http://example.org/' href='b.rpm'/>")), &t);
	assert_non_null(find_entry(&t, "", "sha256", HEX64));
	assert_int_equal(t.entry_count, 1);
	proved_done(&t);
}

static void test_digests_of_every_kind(void **state)
{
	struct proved t;

	prove_text("repodata/primary.xml",
		   PRIMARY(PACKAGE("<checksum type='sha512' pkgid='YES'>\n " HEX128 " </checksum>", "<location href='a'/>")
			   PACKAGE("<checksum type='sha' pkgid='YES'>" HEX40 "</checksum>", "<location href='b'/>")
			   PACKAGE("<checksum type='sha256' pkgid='NO'>00</checksum>" SUM, "<location href='c'/>")), &t);
	assert_int_equal(t.outcome, LIST_READ);
	assert_int_equal(t.bad, 0);
	assert_non_null(find_entry(&t, "a", "sha512", HEX128));
	assert_non_null(find_entry(&t, "b", "sha1", HEX40));
	assert_non_null(find_entry(&t, "c", "sha256", HEX64));
	proved_done(&t);
}

static void test_entries_that_say_too_little_or_too_much(void **state)
{
	static const char *const bad[] = {
		PACKAGE("<checksum type='crc32' pkgid='YES'>00000000</checksum>", "<location href='a'/>"),
		PACKAGE("<checksum type='sha512' pkgid='YES'>" HEX64 "</checksum>", "<location href='a'/>"),
		PACKAGE("<checksum type='sha256' pkgid='YES'>" HEX64 "0</checksum>", "<location href='a'/>"),
		PACKAGE("<checksum type='sha256' pkgid='YES'>" HEX64 "<b/>00</checksum>", "<location href='a'/>"),
		PACKAGE("<checksum pkgid='YES'>" HEX64 "</checksum>", "<location href='a'/>"),
		PACKAGE("<checksum type='sha256' pkgid='NO'>" HEX64 "</checksum>", "<location href='a'/>"),
		PACKAGE("<checksum type='sha256'>" HEX64 "</checksum>", "<location href='a'/>"),
		PACKAGE("", "<location href='a'/>"),
		PACKAGE(SUM, ""),
		PACKAGE(SUM SUM, "<location href='a'/>"),
		PACKAGE(SUM, "<location href='a'/><location href='b'/>"),
		PACKAGE(SUM, "<format><location href='a'/></format>"),
		PACKAGE("<format>" SUM "</format>", "<location href='a'/>"),
		PACKAGE(SUM, "<x:location xmlns:x='urn:x' href='a'/>"),
		PACKAGE("<checksum xmlns='urn:x' type='sha256' pkgid='YES'>" HEX64 "</checksum>", "<location href='a'/>"),
	};
	_cleanup_free_ char *text = NULL;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		free(TAKE_PTR(text));
		assert_true(asprintf(&text, PRIMARY("%s" PACKAGE(SUM, "<location href='good'/>")), bad[i]) > 0);
		expect_primary(text, LIST_READ, 1, 1);
	}
}

static void test_what_is_no_index(void **state)
{
	static const char item[] = PRIMARY(PACKAGE(SUM, "<location href='a'/>"));
	char cut[sizeof(item)];

	expect_primary("", LIST_BROKEN, 0, 0);
	expect_primary("Dear all", LIST_BROKEN, 0, 0);
	expect_primary("<html/>", LIST_BROKEN, 0, 0);
	expect_primary("<metadata/>", LIST_BROKEN, 0, 0); /* another namespace */
	expect_primary(REPOMD(""), LIST_BROKEN, 0, 0);
	expect_primary(PRIMARY(""), LIST_READ, 0, 0);
	/* what was told before the end is no list */
	(void)snprintf(cut, sizeof(cut), "%.*s", (int)sizeof(item) - 5, item);
	expect_primary(cut, LIST_BROKEN, 1, 0);
	expect_primary(PRIMARY(PACKAGE(SUM, "<location href='a'/>")) "<more/>", LIST_BROKEN, 1, 0);
	/* a file of this name somewhere else promises nothing */
	expect_list("primary.xml", item, LIST_NONE, 0, 0);
	expect_list("my-repodata/primary.xml", item, LIST_NONE, 0, 0);
	expect_list("a/repodata/b/primary.xml", item, LIST_NONE, 0, 0);
	expect_list("a/repodata/primary.xml", item, LIST_READ, 1, 0);
	/* compressions that are not read */
	expect_primary("BZh91AY&SY", LIST_NONE, 0, 0);
}

#define LOL "<!DOCTYPE metadata [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>" \
	    "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;'>]>"

static void test_document_types_and_entities(void **state)
{
	expect_primary(LOL PRIMARY("<package>&d;&d;</package>"), LIST_BROKEN, 0, 0);
	expect_primary(LOL "<metadata xmlns='http://linux.duke.edu/metadata/common' packages='&d;&d;&d;'/>", LIST_BROKEN, 0, 0);
	expect_primary("<!DOCTYPE metadata SYSTEM 'file:///etc/passwd'>" PRIMARY(""), LIST_BROKEN, 0, 0);
	expect_primary("<!DOCTYPE metadata [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>" PRIMARY("&x;"), LIST_BROKEN, 0, 0);
	expect_primary("<!DOCTYPE metadata [<!ENTITY % x SYSTEM 'http://example.org/x'> %x;]>" PRIMARY(""), LIST_BROKEN, 0, 0);
	expect_primary(PRIMARY("&undeclared;"), LIST_BROKEN, 0, 0);
	expect_primary("<?xml-stylesheet href='http://example.org/'?>" PRIMARY("<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' "
									       "href='/etc/passwd'/>"), LIST_READ, 0, 0);
}

/* Encodings beyond UTF-8 would have the C library open its tables: the sandbox would kill the role. */
static void test_encodings(void **state)
{
	static const char *const names[] = { "SHIFT_JIS", "EBCDIC-US", "UTF-7", "ISO-2022-KR", "no-such-thing", "UTF-16" };
	static const uint8_t ebcdic[] = { 0x4c, 0x6f, 0xa7, 0x94, 0x93, 0x40 }, ucs4[] = { 0, 0, 0, '<', 0, 0, 0, 'm' },
			     utf16[] = { 0xfe, 0xff, 0, '<', 0, 'm' };
	struct proved t;
	char text[600];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		(void)snprintf(text, sizeof(text), "<?xml version='1.0' encoding='%s'?>" PRIMARY(PACKAGE(SUM, "<location href='a'/>")),
			       names[i]);
		prove_text("repodata/primary.xml", text, &t);
		assert_int_equal(t.error, 0);
		assert_true(t.outcome == LIST_READ ? t.entry_count == 1 : t.outcome == LIST_BROKEN);
		proved_done(&t);
	}
	prove_bytes("repodata/primary.xml", ebcdic, sizeof(ebcdic), &t);
	assert_int_equal(t.outcome, LIST_BROKEN);
	proved_done(&t);
	prove_bytes("repodata/primary.xml", ucs4, sizeof(ucs4), &t);
	assert_int_equal(t.outcome, LIST_BROKEN);
	proved_done(&t);
	prove_bytes("repodata/primary.xml", utf16, sizeof(utf16), &t);
	assert_int_equal(t.outcome, LIST_BROKEN);
	proved_done(&t);
	expect_primary(PRIMARY(PACKAGE(SUM, "<location href='\xc3\xa9.rpm'/>")), LIST_READ, 1, 0);
	expect_primary(PRIMARY(PACKAGE(SUM, "<location href='\xe9.rpm'/>")), LIST_BROKEN, 0, 0);
}

/* `count` times `piece`, between `head` and `tail`; owned by the caller. */
static char *repeat(const char *head, const char *piece, size_t count, const char *tail)
{
	size_t n = strlen(piece), at = strlen(head);
	char *text = malloc(at + count * n + strlen(tail) + 1);

	assert_non_null(text);
	memcpy(text, head, at);
	for (size_t i = 0; i < count; i++, at += n)
		memcpy(text + at, piece, n);
	memcpy(text + at, tail, strlen(tail) + 1);
	return text;
}

static void test_shapes_without_end(void **state)
{
	_cleanup_free_ char *deep = repeat("", "<a>", 100000, ""), *long_sum = NULL, *long_name = NULL, *long_path = NULL;
	_cleanup_free_ char *attributes = NULL;

	expect_primary(deep, LIST_BROKEN, 0, 0);
	free(TAKE_PTR(deep));
	deep = repeat("<metadata xmlns='http://linux.duke.edu/metadata/common'>", "<a>", 100000, "");
	expect_primary(deep, LIST_BROKEN, 0, 0);
	long_sum = repeat("<metadata xmlns='http://linux.duke.edu/metadata/common'><package><checksum type='sha256' pkgid='YES'>",
			  "00000000", 100000, "</checksum></package></metadata>");
	expect_primary(long_sum, LIST_BROKEN, 0, 0);
	long_path = repeat("<metadata xmlns='http://linux.duke.edu/metadata/common'><package>" SUM "<location href='", "00000000", 1000,
			   "'/></package></metadata>");
	expect_primary(long_path, LIST_READ, 0, 1);
	long_name = repeat("<", "a", 20 << 20, "/>");
	expect_primary(long_name, LIST_BROKEN, 0, 0);
	attributes = repeat("<metadata xmlns='http://linux.duke.edu/metadata/common' a='", "a", 20 << 20, "'/>");
	expect_primary(attributes, LIST_BROKEN, 0, 0);
}

static void test_bomb(void **state)
{
	static uint8_t packed[1 << 20];
	_cleanup_free_ char *text = repeat("<metadata xmlns='http://linux.duke.edu/metadata/common'>", "<a></a>", 16 << 20, "");
	z_stream z = { 0 };
	struct proved t;

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (uint8_t *)text;
	z.avail_in = (unsigned int)strlen(text);
	z.next_out = packed;
	z.avail_out = sizeof(packed);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	prove_bytes("repodata/x-primary.xml.gz", packed, sizeof(packed) - z.avail_out, &t);
	(void)deflateEnd(&z);
	assert_int_equal(t.outcome, LIST_BROKEN);
	assert_non_null(strstr(t.detail, "grows"));
	proved_done(&t);
	/* cut off, and with something behind its end */
	prove_bytes("repodata/x-primary.xml.gz", packed, 1000, &t);
	assert_int_equal(t.outcome, LIST_BROKEN);
	proved_done(&t);
}

static void test_many_packages(void **state)
{
	enum { COUNT = 100000 };
	_cleanup_free_ char *text = repeat("<metadata xmlns='http://linux.duke.edu/metadata/common'>",
					   PACKAGE(SUM, "<location href='Packages/a.rpm'/>"), COUNT, "</metadata>");
	struct proved t;

	prove_text("repodata/primary.xml", text, &t);
	assert_int_equal(t.outcome, LIST_READ);
	assert_int_equal(t.entry_count, COUNT);
	proved_done(&t);
}

/* Seven hundred kilobytes of attributes took libxml2 two seconds, seven megabytes minutes, in which all other evidence waited. */
static void test_an_element_of_many_attributes(void **state)
{
	enum { COUNT = 500000 };
	char *text = malloc(COUNT * 16 + 1000);
	size_t size;
	struct proved t;

	assert_non_null(text);
	size = (size_t)snprintf(text, 1000, "<metadata xmlns='http://linux.duke.edu/metadata/common'><package ");
	for (unsigned int i = 0; i < COUNT; i++)
		size += (size_t)snprintf(text + size, 16, "a%u='' ", i);
	(void)snprintf(text + size, 100, "/></metadata>");
	prove_text("repodata/primary.xml", text, &t);
	assert_int_equal(t.error, 0);
	assert_int_equal(t.outcome, LIST_BROKEN);
	proved_done(&t);
	free(text);
}

static void test_revisions(void **state)
{
	static const struct {
		const char *text;
		uint64_t date;
	} cases[] = {
		{ REPOMD("<revision>1700000000</revision>"), 1700000000 },
		{ REPOMD("<revision>spring</revision>"), 0 },
		{ REPOMD("<revision>99999999999999999999999</revision>"), 0 },
		{ REPOMD("<revision>9999999999</revision>"), 0 },
		{ REPOMD("<revision/>"), 0 },
		{ REPOMD("<x><revision>1700000000</revision></x>"), 0 },
	};
	struct proved t;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		prove_text("repodata/repomd.xml", cases[i].text, &t);
		assert_int_equal(t.outcome, LIST_READ);
		assert_int_equal(t.date, cases[i].date);
		proved_done(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_repomd_by_createrepo),
		cmocka_unit_test(test_primary_in_each_compression),
		cmocka_unit_test(test_paths_that_lead_elsewhere),
		cmocka_unit_test(test_digests_of_every_kind),
		cmocka_unit_test(test_entries_that_say_too_little_or_too_much),
		cmocka_unit_test(test_what_is_no_index),
		cmocka_unit_test(test_document_types_and_entities),
		cmocka_unit_test(test_encodings),
		cmocka_unit_test(test_shapes_without_end),
		cmocka_unit_test(test_bomb),
		cmocka_unit_test(test_many_packages),
		cmocka_unit_test(test_an_element_of_many_attributes),
		cmocka_unit_test(test_revisions),
	};

	return cmocka_run_group_tests(tests, make_specimens, remove_specimens);
}
