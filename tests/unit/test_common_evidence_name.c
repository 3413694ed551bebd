/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Which names are looked at for what vouches for files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/evidence_name.h"

static void test_promising(void **state)
{
	static const char *const rows[] = {
		"a.bin.minisig", "a.bin.MINISIG", "x/y z/a.sig", "a.asc", "a.gpg", "a.pgp", "a.sign", "a.signature", "a.ed25519",
		"a.p256", "a.p7s", "a.p7b", "a.p7", "a.p7c", "a.cms", "x_1.dsc", "x.changes", "x.buildinfo", "x.rpm", "x.src.rpm",
		"a.dsse", "a.intoto.jsonl", "a.att", "a.sigstore", "a.sigstore.json", "a.bundle", "a.intoto.json", "Setup.EXE",
		"a.dll", "a.sys", "a.msi", "a.cab", "a.cat", "a.efi",
		"dists/bookworm/InRelease", "Release", "dists/x/main/binary-amd64/Packages", "Packages.xz", "packages.GZ",
		"Sources", "Sources.gz", "repodata/repomd.xml", "repodata/0123-primary.xml.gz", "primary.xml", "index.json",
		"bag/manifest-sha256.txt", "bag/tagmanifest-sha512.txt", "vendor/serde/.cargo-checksum.json",
		"dists/x/main/binary-amd64/by-hash/SHA256/e3b0", "blobs/sha256/e3b0", "image/blobs/sha256/e3b0",
		"x-1.0.dist-info/RECORD", "manifest.json", "app/package-lock.json", "npm-shrinkwrap.json",
		"SHA256SUMS", "iso/SHA256", "a.iso.sha256", "Fedora-40-CHECKSUM",
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (!evidence_name_promises(rows[i]))
			fail_msg("%s", rows[i]);
}

/* A suffix is none without a name before it, a name is none in another's middle, a directory's name is none. */
static void test_not_promising(void **state)
{
	static const char *const rows[] = {
		"", "a", "a.bin", "a.txt", ".minisig", "dir/.sig", "a.sig/b", "a.sig.txt", "asc", "InRelease.old", "xRelease", "Release.txt",
		"MyPackages", "Packages-x", "manifest.txt", "manifest-sha256.txt.bak", "cargo-checksum.json", "index.json5", "xindex.json",
		"blobs/sha512/x", "sha256/x", "xblobs/sha256/e3b0", "by-hash", "letter.json", "photo.jpg", "a.tar.gz", "a.deb",
		"RECORD", "x/RECORD", "package.json",
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (evidence_name_promises(rows[i]))
			fail_msg("%s", rows[i]);
}

static void test_what_a_signature_is_of(void **state)
{
	assert_int_equal(evidence_signed_length("a/b.iso.sig"), 7);
	assert_int_equal(evidence_signed_length("b.SIGSTORE.JSON"), 1);
	assert_int_equal(evidence_signed_length("b.intoto.jsonl"), 1);
	assert_int_equal(evidence_signed_length("a.sig/b"), 0);
	assert_int_equal(evidence_signed_length(".sig"), 0);
	assert_int_equal(evidence_signed_length("a.rpm"), 0);
}

static void test_parts(void **state)
{
	assert_string_equal(evidence_base_name("a/b/c"), "c");
	assert_string_equal(evidence_base_name("c"), "c");
	assert_string_equal(evidence_base_name("a/"), "");
	assert_true(evidence_has_suffix("x.Sig", ".sig"));
	assert_false(evidence_has_suffix(".sig", ".sig"));
	assert_false(evidence_has_suffix("sig", ".sig"));
	assert_false(evidence_has_suffix("", ".sig"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_promising),
		cmocka_unit_test(test_not_promising),
		cmocka_unit_test(test_what_a_signature_is_of),
		cmocka_unit_test(test_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
