/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Release, Packages, Sources, .dsc and .changes, as lazaret-origin tells them from its sandbox. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ipc/channel.h"

#include "../lib/testing.h"

#include "../lib/proving.h"

#define MD5 "900150983cd24fb0d6963f7d28e17f72"
#define SHA1 "a9993e364706816aba3e25717850c26c9cd0d89d"
#define SHA256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define OTHER256 "ca7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define SHA512 \
	"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"

static struct prover role;

static int start(void **state)
{
	prover_start(&role, "lazaret-origin", NULL, 0);
	return 0;
}

static int stop(void **state)
{
	prover_end(&role);
	return 0;
}

static void prove_sized(const char *path, enum evidence_format format, const void *data, size_t size, struct proved *ret)
{
	struct medium m = { 0 };

	medium_add(&m, path, data, size);
	prove(&role, &m, path, format, PROVING_NOW, ret);
	medium_done(&m);
	assert_int_equal(ret->error, 0);
	assert_int_equal(ret->signature_count, 0);
	assert_int_equal(ret->wanted_count, 0);
}

static void prove_text(const char *path, enum evidence_format format, const char *text, struct proved *ret)
{
	prove_sized(path, format, text, strlen(text), ret);
}

#define expect_outcome(t, outcome, entries, bad, words) expect_outcome_at(t, outcome, entries, bad, words, __LINE__)
static void expect_outcome_at(struct proved *t, enum list_outcome outcome, size_t entries, uint32_t bad, const char *words, int line)
{
	if (t->outcome != outcome || t->entry_count != entries || t->bad != bad || !strstr(t->detail, words) ||
	    (!*words && *t->detail)) {
		print_proved(t);
		fail_msg("line %d: expected outcome %d, %zu entries, %u bad: %s", line, outcome, entries, bad, words);
	}
}

/* One text, what is said of it, and nothing more. */
#define expect(path, format, text, outcome, entries, bad, words) \
	expect_at(path, format, text, outcome, entries, bad, words, __LINE__)
static void expect_at(const char *path, enum evidence_format format, const char *text, enum list_outcome outcome, size_t entries,
		      uint32_t bad, const char *words, int line)
{
	struct proved t;

	prove_text(path, format, text, &t);
	expect_outcome_at(&t, outcome, entries, bad, words, line);
	proved_done(&t);
}

/* -- Release -------------------------------------------------------------------------------------------------- */

#define RELEASE_HEAD \
	"Origin: Debian\nLabel: Debian/Security 50%\nSuite: stable\nCodename: bookworm\nDate: Sat, 17 May 2025 09:17:55 UTC\n" \
	"Valid-Until: Sat, 24 May 2025 09:17:55 UTC\n"

static void test_release(void **state)
{
	struct proved t;

	prove_text("mirror/dists/bookworm/InRelease", EVIDENCE_DEBIAN_RELEASE,
		   RELEASE_HEAD "MD5Sum:\n " MD5 "        3 main/binary-amd64/Packages.xz\n"
				"SHA1:\n " SHA1 " 3 main/binary-amd64/Packages.xz\n"
				"SHA256:\n " SHA256 " 3 main/binary-amd64/Packages.xz\n " SHA256 " 3 ./Contents-amd64.gz\n"
				"SHA512:\n " SHA512 " 3 main/binary-amd64/Packages.xz\n",
		   &t);
	expect_outcome(&t, LIST_READ, 5, 0, "");
	assert_non_null(find_entry(&t, "mirror/dists/bookworm/main/binary-amd64/Packages.xz", "sha256", SHA256));
	assert_non_null(find_entry(&t, "mirror/dists/bookworm/main/binary-amd64/Packages.xz", "sha512", SHA512));
	assert_non_null(find_entry(&t, "mirror/dists/bookworm/main/binary-amd64/Packages.xz", "sha1", SHA1));
	assert_non_null(find_entry(&t, "mirror/dists/bookworm/main/binary-amd64/Packages.xz", "md5", MD5));
	assert_non_null(find_entry(&t, "mirror/dists/bookworm/Contents-amd64.gz", "sha256", SHA256));
	assert_int_equal(t.date, 1747473475);
	assert_int_equal(t.valid_until, 1747473475 + 7 * 86400);
	assert_string_equal(t.series, "debian Debian/Debian%2FSecurity%2050%25/stable/bookworm");
	proved_done(&t);
}

static void test_release_by_hash(void **state)
{
	struct proved t;

	prove_text("dists/x/Release", EVIDENCE_DEBIAN_RELEASE,
		   "Suite: x\r\nAcquire-By-Hash: yes\r\nMD5Sum:\r\n " MD5 " 3 main/binary-amd64/Packages\r\n " MD5 " 3 other\r\n"
		   "SHA256:\r\n " SHA256 " 3 main/binary-amd64/Packages\r\n " SHA256 " 3 top\r\n",
		   &t);
	expect_outcome(&t, LIST_READ, 9, 0, "");
	assert_non_null(find_entry(&t, "dists/x/main/binary-amd64/by-hash/SHA256/" SHA256, "sha256", SHA256));
	assert_non_null(find_entry(&t, "dists/x/by-hash/SHA256/" SHA256, "sha256", SHA256));
	/* what MD5 names is as good as the same file's SHA-256; alone it is nothing */
	assert_non_null(find_entry(&t, "dists/x/main/binary-amd64/by-hash/MD5Sum/" MD5, "md5", MD5));
	assert_non_null(find_entry(&t, "dists/x/main/binary-amd64/by-hash/MD5Sum/" MD5, "sha256", SHA256));
	assert_non_null(find_entry(&t, "dists/x/by-hash/MD5Sum/" MD5, "md5", MD5));
	assert_null(find_entry(&t, "dists/x/by-hash/MD5Sum/" MD5, "sha256", NULL));
	assert_string_equal(t.series, "debian //x/");
	assert_int_equal(t.date, 0);
	proved_done(&t);
}

static void test_release_without_a_strong_digest(void **state)
{
	expect("Release", EVIDENCE_DEBIAN_RELEASE, "Suite: x\nMD5Sum:\n " MD5 " 3 a\nSHA1:\n " SHA1 " 3 a\n", LIST_BROKEN, 2, 0,
	       "no section SHA256");
	expect("Release", EVIDENCE_DEBIAN_RELEASE, "Suite: x\nSHA512:\n " SHA512 " 3 a\n", LIST_READ, 1, 0, "");
	expect("InRelease", EVIDENCE_DEBIAN_RELEASE, "Suite: x\n", LIST_BROKEN, 0, 0, "no section SHA256");
	/* of a component: it is listed itself, and lists nothing */
	expect("main/binary-amd64/Release", EVIDENCE_DEBIAN_RELEASE,
	       "Archive: stable\nOrigin: Debian\nLabel: Debian\nAcquire-By-Hash: no\nComponent: main\nArchitecture: amd64\n",
	       LIST_NONE, 0, 0, "");
}

static void test_release_with_bad_entries(void **state)
{
	struct proved t;

	prove_text("dists/x/InRelease", EVIDENCE_DEBIAN_RELEASE,
		   "Suite: x\nSHA256:\n " SHA256 " 3 ../../etc/passwd\n " SHA256 " 3 /etc/passwd\n " SHA256 " 3 a/../../b\n " SHA256
		   " 3 ./\n " SHA256 " 3\n " SHA256 " x a\n " SHA256 " 3 a b\n " MD5 " 3 a\n " SHA256 " -3 a\n z" SHA256
		   " 3 a\n " SHA256 " 3 .hidden/..x\n",
		   &t);
	expect_outcome(&t, LIST_READ, 1, 10, "line 3: ");
	assert_non_null(find_entry(&t, "dists/x/.hidden/..x", "sha256", SHA256));
	proved_done(&t);
}

static void test_release_that_can_be_understood_twice(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "Suite: x\nSHA256:\n " SHA256 " 3 a\nSHA256:\n " OTHER256 " 3 a\n", "SHA256 stands twice" },
		{ "Suite: x\nSHA256:\n " SHA256 " 3 a\nsha256:\n " OTHER256 " 3 b\n", "sha256 stands twice" },
		{ "Suite: x\nSuite: y\nSHA256:\n " SHA256 " 3 a\n", "Suite stands twice" },
		{ "Suite: x\nSHA256:\n " SHA256 " 3 a\n\nSuite: y\nSHA256:\n " OTHER256 " 3 a\n", "more than one paragraph" },
		{ "Suite: x\nSHA256:\n " SHA256 " 3 a\n \n " OTHER256 " 3 b\n", "blanks" },
		{ "Suite: x\nSHA256:\n " SHA256 " 3 a\n " OTHER256 " 3 a\n", "twice, with different digests" },
		{ "Suite: x\nSHA256:\n " SHA256 " 3 a\nno field\n", "line 4: " },
		{ "Suite: x\nDate: yesterday\nSHA256:\n " SHA256 " 3 a\n", "Date is no date" },
		{ "Suite: x\nDate: Sat, 17 May 2025 09:17:55 UTC\n and later\nSHA256:\n " SHA256 " 3 a\n", "Date is no date" },
		{ "Suite: x\nValid-Until: Sat, 17 May 2025 09:17:55 CEST\nSHA256:\n " SHA256 " 3 a\n", "Valid-Until is no date" },
		{ "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nSuite: x\nSHA256:\n " SHA256 " 3 a\n", "line 1: " },
		{ "", "empty" },
		{ "\n\n", "empty" },
		{ "Dear all,\n", "line 1: " },
	};
	static const char nul[] = "Suite: x\nSHA256:\n " SHA256 " 3 a\0b\n";
	struct proved t;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		prove_text("dists/x/InRelease", EVIDENCE_DEBIAN_RELEASE, cases[i].text, &t);
		if (t.outcome != LIST_BROKEN || !strstr(t.detail, cases[i].words))
			fail_msg("case %zu: %d: %s", i, t.outcome, t.detail);
		proved_done(&t);
	}
	prove_sized("InRelease", EVIDENCE_DEBIAN_RELEASE, nul, sizeof(nul) - 1, &t);
	expect_outcome(&t, LIST_BROKEN, 0, 0, "NUL");
	proved_done(&t);
	/* somebody's notes on a release */
	expect("Release", EVIDENCE_DEBIAN_RELEASE, "Dear all,\nthis is the release.\n", LIST_NONE, 0, 0, "");
}

static void test_series_are_told_apart(void **state)
{
	static const char *const heads[] = {
		"Origin: a/b\nLabel: c\n", "Origin: a\nLabel: b/c\n", "Origin: a%2Fb\nLabel: c\n", "Origin: a\nLabel: b\nSuite: c\n",
		"Suite: a b\n", "Suite: a%20b\n", "Codename: a b\n", "Suite: a\tb\n", "Suite: a\n b\n",
	};
	struct proved told[ARRAY_LEN(heads)];
	char text[4096];

	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		(void)snprintf(text, sizeof(text), "%sSHA256:\n " SHA256 " 3 a\n", heads[i]);
		prove_text("InRelease", EVIDENCE_DEBIAN_RELEASE, text, &told[i]);
		assert_int_equal(told[i].outcome, LIST_READ);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(told[i].series, told[k].series);
	}
	for (size_t i = 0; i < ARRAY_LEN(heads); i++)
		proved_done(&told[i]);
	(void)snprintf(text, sizeof(text), "Suite: %0*d\nSHA256:\n " SHA256 " 3 a\n", ORIGIN_SERIES_MAX, 1);
	expect("InRelease", EVIDENCE_DEBIAN_RELEASE, text, LIST_BROKEN, 1, 0, "longer");
}

/* -- Packages ------------------------------------------------------------------------------------------------- */

static void test_packages(void **state)
{
	struct proved t;

	prove_text("a/dists/b/dists/bookworm/main/binary-amd64/Packages", EVIDENCE_DEBIAN_PACKAGES,
		   "Package: one\nFilename: pool/main/o/one_1_amd64.deb\nSize: 3\nMD5sum: " MD5 "\nSHA1: " SHA1 "\nSHA256: " SHA256
		   "\nDescription: x\n y\n .\n z\n\nPackage: two\nSHA512: " SHA512 "\nFilename: ./pool/two.deb\n",
		   &t);
	expect_outcome(&t, LIST_READ, 2, 0, "");
	assert_non_null(find_entry(&t, "a/dists/b/pool/main/o/one_1_amd64.deb", "sha256", SHA256));
	assert_non_null(find_entry(&t, "a/dists/b/pool/two.deb", "sha512", SHA512));
	proved_done(&t);
	/* the name of the directory of a suite, and not of the archive; and on the medium's root */
	prove_text("dists/dists/main/binary-amd64/Packages", EVIDENCE_DEBIAN_PACKAGES, "Filename: p.deb\nSHA256: " SHA256 "\n", &t);
	assert_non_null(find_entry(&t, "dists/p.deb", "sha256", SHA256));
	proved_done(&t);
	prove_text("dists/x/main/binary-amd64/Packages", EVIDENCE_DEBIAN_PACKAGES, "Filename: p.deb\nSHA256: " SHA256 "\n", &t);
	assert_non_null(find_entry(&t, "p.deb", "sha256", SHA256));
	proved_done(&t);
	prove_text("m/dists/x/main/binary-amd64/by-hash/SHA256/" SHA256, EVIDENCE_DEBIAN_PACKAGES,
		   "Package: p\nFilename: p.deb\nSHA256: " SHA256 "\n", &t);
	assert_non_null(find_entry(&t, "m/p.deb", "sha256", SHA256));
	proved_done(&t);
}

static void test_flat_repositories(void **state)
{
	static const struct {
		const char *index, *file_name, *first, *second; /* where the package may be */
	} cases[] = {
		{ "repo/Packages", "./p.deb", "repo/p.deb", NULL },
		{ "repo/Packages", "amd64/p.deb", "repo/amd64/p.deb", NULL },
		{ "Packages", "p.deb", "p.deb", NULL },
		{ "repo/sub/Packages", "sub/p.deb", "repo/sub/p.deb", "repo/sub/sub/p.deb" },
		{ "repo/a/b/Packages", "a/b/p.deb", "repo/a/b/p.deb", "repo/a/b/a/b/p.deb" },
		{ "repo/sub/Packages", "submarine/p.deb", "repo/sub/submarine/p.deb", NULL },
		{ "sub/Packages", "sub/p.deb", "sub/p.deb", "sub/sub/p.deb" },
		{ "repo/by-hash/SHA256/" SHA256, "p.deb", "repo/p.deb", NULL },
		{ "dists/Packages", "p.deb", "dists/p.deb", NULL }, /* no suite in it */
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[256];
		struct proved t;

		(void)snprintf(text, sizeof(text), "Package: p\nFilename: %s\nSHA256: " SHA256 "\n", cases[i].file_name);
		prove_text(cases[i].index, EVIDENCE_DEBIAN_PACKAGES, text, &t);
		if (t.entry_count != (cases[i].second ? 2 : 1) || !find_entry(&t, cases[i].first, "sha256", SHA256) ||
		    (cases[i].second && !find_entry(&t, cases[i].second, "sha256", SHA256))) {
			print_proved(&t);
			fail_msg("case %zu", i);
		}
		proved_done(&t);
	}
}

static void test_packages_with_bad_entries(void **state)
{
	static const struct {
		const char *text, *words;
		size_t entries;
	} cases[] = {
		{ "Filename: ../../p.deb\nSHA256: " SHA256, "leads out", 0 },
		{ "Filename: pool/../../p.deb\nSHA256: " SHA256, "leads out", 0 },
		{ "Filename: /p.deb\nSHA256: " SHA256, "absolute", 0 },
		{ "Filename: .\nSHA256: " SHA256, "empty", 0 },
		{ "Filename:\nSHA256: " SHA256, "Filename", 0 },
		{ "Package: p\nSHA256: " SHA256, "Filename", 0 },
		{ "Filename: p.deb\n q.deb\nSHA256: " SHA256, "Filename", 0 },
		{ "Filename: p.deb\nSHA256: " MD5, "digest", 0 },
		{ "Filename: p.deb\nSHA256: " SHA256 "00", "digest", 0 },
		{ "Filename: p.deb\nSHA256:\nSHA512: " SHA512, "SHA256", 0 },
		{ "Filename: p.deb\nMD5sum: " MD5, "without SHA256", 1 },
		{ "Filename: p.deb\nSize: 3", "without SHA256", 0 },
		{ "Filename: p.deb\nSHA256: " SHA256 "\nFilename: q.deb", "twice", 0 },
		{ "Filename: p.deb\nSHA256: " SHA256 "\nSHA256: " OTHER256, "twice", 0 },
		{ "Filename: p.deb\nSHA256: " SHA256 "\nDescription: a\ndescription: b", "twice", 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[1024];
		struct proved t;

		(void)snprintf(text, sizeof(text), "%s\n\nPackage: good\nFilename: good.deb\nSHA256: " SHA256 "\n", cases[i].text);
		prove_text("Packages", EVIDENCE_DEBIAN_PACKAGES, text, &t);
		if (t.outcome != LIST_READ || t.bad != 1 || t.entry_count != cases[i].entries + 1 ||
		    !strstr(t.detail, cases[i].words) || !find_entry(&t, "good.deb", "sha256", SHA256)) {
			print_proved(&t);
			fail_msg("case %zu", i);
		}
		proved_done(&t);
	}
}

static void test_packages_that_are_none(void **state)
{
	char deep[3 * ORIGIN_UP_MAX + 16] = "";

	expect("Packages", EVIDENCE_DEBIAN_PACKAGES, "", LIST_READ, 0, 0, ""); /* of an empty component */
	expect("packages.config", EVIDENCE_DEBIAN_PACKAGES, "<packages>\n", LIST_NONE, 0, 0, "");
	expect("packages.txt", EVIDENCE_DEBIAN_PACKAGES, "Filename: a\nSHA256: " SHA256 "\n", LIST_NONE, 0, 0, "");
	expect("Packages", EVIDENCE_DEBIAN_PACKAGES, "Dear all,\n", LIST_NONE, 0, 0, "");
	expect("Packages", EVIDENCE_DEBIAN_PACKAGES, "Filename: a\nSHA256: " SHA256 "\n\nDear all,\n", LIST_BROKEN, 1, 0, "line 4: ");
	expect("Packages.gz", EVIDENCE_DEBIAN_PACKAGES, "Filename: a\nSHA256: " SHA256 "\n", LIST_BROKEN, 0, 0, "not compressed");
	for (int i = 0; i < ORIGIN_UP_MAX; i++)
		memcpy(deep + 2 * i, "d/", 2);
	memcpy(deep + 2 * ORIGIN_UP_MAX, "Packages", 9);
	expect(deep, EVIDENCE_DEBIAN_PACKAGES, "Filename: a\nSHA256: " SHA256 "\n", LIST_READ, 1, 0, "");
	memmove(deep + 8, deep, strlen(deep) + 1);
	memcpy(deep, "dists/x/", 8);
	expect(deep, EVIDENCE_DEBIAN_PACKAGES, "Filename: a\nSHA256: " SHA256 "\n", LIST_BROKEN, 0, 0, "too many directories");
}

static void test_many_packages(void **state)
{
	enum { COUNT = 20000 };
	_cleanup_free_ char *text = malloc(COUNT * 200);
	struct proved t;
	size_t at = 0;

	for (int i = 0; i < COUNT; i++)
		at += (size_t)snprintf(text + at, 200, "Package: p%d\nFilename: pool/p%d.deb\nSHA256: %064x\n\n", i, i, i);
	prove_sized("dists/x/main/binary-all/Packages", EVIDENCE_DEBIAN_PACKAGES, text, at, &t);
	expect_outcome(&t, LIST_READ, COUNT, 0, "");
	for (int i = 0; i < COUNT; i++) {
		char path[32];

		(void)snprintf(path, sizeof(path), "pool/p%d.deb", i);
		assert_string_equal(t.entries[i].path, path);
		assert_int_equal(t.entries[i].sum[30] << 8 | t.entries[i].sum[31], i);
	}
	proved_done(&t);
}

/* -- Sources -------------------------------------------------------------------------------------------------- */

static void test_sources(void **state)
{
	struct proved t;

	prove_text("m/dists/x/main/source/Sources", EVIDENCE_DEBIAN_SOURCES,
		   "Package: a\nFiles:\n " MD5 " 3 a_1.dsc\nChecksums-Sha256:\n " SHA256 " 3 a_1.dsc\n " SHA256 " 3 a_1.tar.xz\n"
		   "Directory: pool/main/a/a\n\nPackage: b\nChecksums-Sha256:\n " SHA256 " 3 b_1.dsc\n",
		   &t);
	expect_outcome(&t, LIST_READ, 3, 0, "");
	assert_non_null(find_entry(&t, "m/pool/main/a/a/a_1.dsc", "sha256", SHA256));
	assert_non_null(find_entry(&t, "m/pool/main/a/a/a_1.tar.xz", "sha256", SHA256));
	assert_non_null(find_entry(&t, "m/b_1.dsc", "sha256", SHA256));
	proved_done(&t);
	expect("Sources", EVIDENCE_DEBIAN_SOURCES, "Package: a\nDirectory: ../x\nChecksums-Sha256:\n " SHA256 " 3 a\n", LIST_READ, 0, 1,
	       "line 4: a name that leads out");
	expect("Sources", EVIDENCE_DEBIAN_SOURCES, "Package: a\nDirectory: /x\nChecksums-Sha256:\n " SHA256 " 3 a\n", LIST_READ, 0, 1,
	       "absolute");
	expect("Sources", EVIDENCE_DEBIAN_SOURCES,
	       "Package: a\nDirectory: x\nChecksums-Sha256:\n " SHA256 " 3 ../a\n " SHA256 " 3 b/c\n " SHA256 " 3 ..\n " SHA256
	       " 3 .\n " SHA256 " 3 good\n",
	       LIST_READ, 1, 4, "slash");
	expect("Sources", EVIDENCE_DEBIAN_SOURCES, "Package: a\nDirectory: x\nFiles:\n " MD5 " 3 a\n", LIST_READ, 1, 1, "without");
	expect("Sources", EVIDENCE_DEBIAN_SOURCES, "Package: a\nDirectory: x\n", LIST_READ, 0, 1, "without");
	expect("Sources", EVIDENCE_DEBIAN_SOURCES, "Package: a\nDirectory: x\n y\nChecksums-Sha256:\n " SHA256 " 3 a\n", LIST_READ, 0, 1,
	       "Directory");
	expect("sources.list", EVIDENCE_DEBIAN_SOURCES, "deb http://deb.example.org/ stable main\n", LIST_NONE, 0, 0, "");
}

/* -- .dsc, .changes, .buildinfo ------------------------------------------------------------------------------- */

static void test_control_files(void **state)
{
	struct proved t;

	prove_text("src/a_1.2-3.dsc", EVIDENCE_DEBIAN_CONTROL,
		   "Format: 3.0 (quilt)\nSource: a\nVersion: 7:1.2-3\nChecksums-Sha1:\n " SHA1 " 3 a.tar\nChecksums-Sha256:\n " SHA256
		   " 3 a.tar\nFiles:\n " MD5 " 3 a.tar\n\n",
		   &t);
	expect_outcome(&t, LIST_READ, 3, 0, "");
	assert_non_null(find_entry(&t, "src/a.tar", "sha256", SHA256));
	assert_non_null(find_entry(&t, "src/a.tar", "sha1", SHA1));
	assert_non_null(find_entry(&t, "src/a.tar", "md5", MD5));
	proved_done(&t);
	prove_text("a_1_amd64.changes", EVIDENCE_DEBIAN_CONTROL,
		   "Format: 1.8\nSource: a\nChanges:\n a (1) x; urgency=low\n .\n   * y\nChecksums-Sha256:\n " SHA256
		   " 3 a_1_amd64.deb\nFiles:\n " MD5 " 3 utils optional a_1_amd64.deb\n",
		   &t);
	expect_outcome(&t, LIST_READ, 2, 0, "");
	assert_non_null(find_entry(&t, "a_1_amd64.deb", "md5", MD5));
	proved_done(&t);
	expect("a_1_amd64.buildinfo", EVIDENCE_DEBIAN_CONTROL, "Format: 1.0\nSource: a\nChecksums-Sha256:\n " SHA256 " 3 a.deb\n",
	       LIST_READ, 1, 0, "");
}

static void test_control_files_with_traps(void **state)
{
#define DSC "Format: 1.0\nSource: a\nVersion: 1\n"
#define SUMS "Checksums-Sha256:\n " SHA256 " 3 f\n"
	expect("b_1.dsc", EVIDENCE_DEBIAN_CONTROL, DSC SUMS, LIST_BROKEN, 1, 0, "another name");
	expect("a_2.dsc", EVIDENCE_DEBIAN_CONTROL, DSC SUMS, LIST_BROKEN, 1, 0, "another name");
	expect("a_1.dsc", EVIDENCE_DEBIAN_CONTROL, "Format: 1.0\nSource: a\n" SUMS, LIST_BROKEN, 1, 0, "no Version");
	expect("a_1.dsc", EVIDENCE_DEBIAN_CONTROL, DSC "Files:\n " MD5 " 3 f\n", LIST_BROKEN, 1, 0, "no Checksums-Sha256");
	expect("a_1.dsc", EVIDENCE_DEBIAN_CONTROL, DSC SUMS SUMS, LIST_BROKEN, 0, 0, "twice");
	expect("a_1.dsc", EVIDENCE_DEBIAN_CONTROL, DSC SUMS "\n" DSC SUMS, LIST_BROKEN, 1, 0, "more than one paragraph");
	expect("a_1.dsc", EVIDENCE_DEBIAN_CONTROL, DSC SUMS "\nDear all,\n", LIST_BROKEN, 1, 0, "line 7: ");
	expect("a_1.dsc", EVIDENCE_DEBIAN_CONTROL,
	       DSC SUMS " " SHA256 " 3 ../f\n " SHA256 " 3 /f\n " SHA256 " 3 d/f\n " SHA256 " 3 ..\n " SHA256 " 3\n", LIST_READ, 1, 5,
	       "line 6: a name with a slash");
	expect("a_1.changes", EVIDENCE_DEBIAN_CONTROL, "Format: 1.8\nFiles:\n " MD5 " 3 f\n" SUMS, LIST_READ, 1, 1, "not \"digest");
	/* other programs' */
	expect("scan.dsc", EVIDENCE_DEBIAN_CONTROL, "[camera]\nmodel = x\n", LIST_NONE, 0, 0, "");
	expect("wiki.changes", EVIDENCE_DEBIAN_CONTROL, "Author: x\nPage: y\n", LIST_NONE, 0, 0, "");
	expect("a.dsc", EVIDENCE_DEBIAN_CONTROL, "", LIST_NONE, 0, 0, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_release_by_hash),
		cmocka_unit_test(test_release_without_a_strong_digest),
		cmocka_unit_test(test_release_with_bad_entries),
		cmocka_unit_test(test_release_that_can_be_understood_twice),
		cmocka_unit_test(test_series_are_told_apart),
		cmocka_unit_test(test_packages),
		cmocka_unit_test(test_flat_repositories),
		cmocka_unit_test(test_packages_with_bad_entries),
		cmocka_unit_test(test_packages_that_are_none),
		cmocka_unit_test(test_many_packages),
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_control_files),
		cmocka_unit_test(test_control_files_with_traps),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
