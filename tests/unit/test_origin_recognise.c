/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What is taken for which format, by real-looking beginnings of files; and what is taken for none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/evidence_name.h"
#include "ipc/channel.h"
#include "origin/formats.h"

#include "../lib/testing.h"
#include "../lib/proving.h"

#define B(bytes) bytes, sizeof(bytes) - 1
#define SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define BASE64_SIG "RUT6EHEhe7jTDbRq1qhIQQiBI5xJ6hdS23kPK6HsYOpriv4d8DUTi0heHZSup/rSpdOPLeZd0Wy4/01KfkN3aNv6acjvhEdk3QY=\n"
#define SIGNIFY_SIG "RWQO7LjKGXOrLBeCoTrcJJ3YMGi6UlTBBYpSJTV5jtSB7EHkHOktQQWTFGU/iLZDjHgzMQznSkqT0nYuRahJTRB1qUYrq+tv9gA=\n"
#define ARMOUR "-----BEGIN PGP SIGNATURE-----\n\niQIzBAABCAAdFiEE\n-----END PGP SIGNATURE-----\n"
#define DER_BASE64 "MEQCIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gAiAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4/QA=="
#define ED25519_BASE64 "EBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4/QEFCQ0RFRkdISUpLTE1OTw=="
#define SIXTY_ONE "0123456789012345678901234567890123456789012345678901234567890"
#define SIXTY_THREE SIXTY_ONE "12"
#define SIXTY_FOUR SIXTY_THREE "3"
#define CLEARSIGNED "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nx\n" ARMOUR

struct row {
	const char *path, *head;
	size_t size;
	enum evidence_format format;
};

static const struct row rows[] = {
	/* Ed25519 */
	{ "a.bin.minisig", B("untrusted comment: x\n" BASE64_SIG "trusted comment: y\nAAAA\n"), EVIDENCE_MINISIGN },
	{ "a.bin.MINISIG", B("untrusted comment: x\n" BASE64_SIG "trusted comment: y\nAAAA\n"), EVIDENCE_MINISIGN },
	{ "a.bin.sig", B("untrusted comment: x\n" BASE64_SIG "trusted comment: y\nAAAA\n"), EVIDENCE_MINISIGN },
	{ "a.bin.minisig", B(""), EVIDENCE_MINISIGN }, /* its name promises it: malformed, said by who proves it */
	{ "a.bin.minisig", B("junk\nuntrusted comment: x\n"), EVIDENCE_MINISIGN },
	{ "a.bin.sig", B("untrusted comment: verify with vendor.pub\n" SIGNIFY_SIG), EVIDENCE_SIGNIFY },
	{ "SHA256.sig", B("untrusted comment: verify with vendor.pub\n" SIGNIFY_SIG "SHA256 (a) = " SHA256 "\n"), EVIDENCE_SIGNIFY },
	/* bytes without a mark */
	{ "a.sig", B(DER_BASE64), EVIDENCE_RAW_SIGNATURE }, /* cosign */
	{ "a.sig", B(DER_BASE64 "\n"), EVIDENCE_RAW_SIGNATURE },
	{ "a.signature", B(ED25519_BASE64 "\r\n"), EVIDENCE_RAW_SIGNATURE },
	{ "a.sig", B(SIXTY_FOUR), EVIDENCE_RAW_SIGNATURE },
	{ "a.sig", B("\x88" SIXTY_THREE), EVIDENCE_RAW_SIGNATURE }, /* one of 64 begins as a packet of OpenPGP does */
	{ "a.sig", B("\xc2\x04\x04" SIXTY_ONE), EVIDENCE_RAW_SIGNATURE },
	{ "a.ed25519", B("\x10\x20\x30\x40"), EVIDENCE_RAW_SIGNATURE }, /* nothing else is called so: malformed */
	{ "a.p256", B("\x30\x44\x02\x20"), EVIDENCE_RAW_SIGNATURE },
	{ "a.p256", B(""), EVIDENCE_RAW_SIGNATURE },
	/* text that stood in a signature, at the signature's path */
	{ "SHA256.sig", B("SHA256 (a) = " SHA256 "\n"), EVIDENCE_CHECKSUMS },
	{ "SHA256SUMS.asc", B(SHA256 "  a\n"), EVIDENCE_CHECKSUMS },
	{ "release.asc", B("# words\n\n" SHA256 "  a\n"), EVIDENCE_CHECKSUMS },
	{ "a.iso.sha256.asc", B(SHA256 "\n"), EVIDENCE_CHECKSUMS },
	/* OpenPGP */
	{ "SHA256SUMS.asc", B(ARMOUR), EVIDENCE_OPENPGP },
	{ "SHA256SUMS.sig", B(ARMOUR), EVIDENCE_OPENPGP },
	{ "linux.tar.sign", B(ARMOUR), EVIDENCE_OPENPGP },
	{ "Release.gpg", B(ARMOUR), EVIDENCE_OPENPGP },
	{ "Release.gpg", B("\x89\x02\x33\x04\x00"), EVIDENCE_OPENPGP },
	{ "a.sig", B("\x88\x75\x04\x00\x16"), EVIDENCE_OPENPGP },
	{ "a.sig", B("\x8a\x00\x00\x02\x33\x04"), EVIDENCE_OPENPGP },
	{ "a.sig", B("\xc2\xc0\x73\x04\x00"), EVIDENCE_OPENPGP },
	{ "a.asc", B("words before it\n" ARMOUR), EVIDENCE_OPENPGP },
	{ "a.asc", B(CLEARSIGNED), EVIDENCE_OPENPGP_TEXT },
	{ "InRelease", B(CLEARSIGNED), EVIDENCE_OPENPGP_TEXT },
	{ "Fedora-40-CHECKSUM", B("# words\n" CLEARSIGNED), EVIDENCE_OPENPGP_TEXT }, /* text before it: refused by who proves it */
	{ "hello_1.dsc", B(CLEARSIGNED), EVIDENCE_OPENPGP_TEXT },
	/* Debian */
	{ "dists/bookworm/InRelease", B("Origin: Debian\nLabel: Debian\n"), EVIDENCE_DEBIAN_RELEASE },
	{ "Release", B("Origin: Debian\nLabel: Debian\n"), EVIDENCE_DEBIAN_RELEASE },
	{ "dists/x/main/binary-amd64/Packages", B("Package: hello\n"), EVIDENCE_DEBIAN_PACKAGES },
	{ "dists/x/main/binary-amd64/Packages.xz", B("\xfd" "7zXZ\0"), EVIDENCE_DEBIAN_PACKAGES },
	{ "dists/x/main/binary-amd64/by-hash/SHA256/" SHA256, B("\xfd" "7zXZ\0"), EVIDENCE_DEBIAN_PACKAGES },
	{ "dists/x/main/binary-amd64/by-hash/SHA256/" SHA256, B("\x1f\x8b\x08"), EVIDENCE_DEBIAN_PACKAGES },
	{ "dists/x/main/binary-amd64/by-hash/MD5Sum/0123", B("Package: hello\n"), EVIDENCE_DEBIAN_PACKAGES },
	{ "dists/x/main/source/Sources.gz", B("\x1f\x8b\x08"), EVIDENCE_DEBIAN_SOURCES },
	{ "dists/x/main/source/by-hash/SHA256/" SHA256, B("\x1f\x8b\x08"), EVIDENCE_DEBIAN_SOURCES },
	{ "hello_1.dsc", B("Format: 3.0 (quilt)\nSource: hello\n"), EVIDENCE_DEBIAN_CONTROL },
	{ "hello_1_amd64.changes", B("Format: 1.8\n"), EVIDENCE_DEBIAN_CONTROL },
	{ "hello_1_amd64.buildinfo", B("Format: 1.0\n"), EVIDENCE_DEBIAN_CONTROL },
	/* RPM */
	{ "hello-1-1.x86_64.rpm", B("\xed\xab\xee\xdb\x03\x00"), EVIDENCE_RPM },
	{ "hello-1-1.x86_64.rpm", B("junk"), EVIDENCE_RPM },
	{ "repodata/repomd.xml", B("<?xml version=\"1.0\"?>\n<repomd"), EVIDENCE_REPOMD },
	{ "repodata/" SHA256 "-primary.xml.gz", B("\x1f\x8b\x08"), EVIDENCE_RPM_PRIMARY },
	{ "repodata/primary.xml", B("<?xml version=\"1.0\"?>\n<metadata"), EVIDENCE_RPM_PRIMARY },
	/* containers */
	{ "image/index.json", B("{\"schemaVersion\":2,\"manifests\":[]}"), EVIDENCE_OCI_INDEX },
	{ "image/blobs/sha256/" SHA256, B("{\"schemaVersion\":2,\"manifests\":[]}"), EVIDENCE_OCI_INDEX },
	{ "image/blobs/sha256/" SHA256, B(" \n{\"schemaVersion\":2,\"config\":{},\"layers\":[]}"), EVIDENCE_OCI_MANIFEST },
	{ "blobs/sha256/" SHA256, B("{\"schemaVersion\":2,\"config\":{},\"layers\":[]}"), EVIDENCE_OCI_MANIFEST },
	{ "blobs/sha256/" SHA256, B("{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]},\"os\":\"linux\"}"), EVIDENCE_NONE },
	{ "blobs/sha256/" SHA256, B("{\"x\":\"layers\",\"layers\" : []}"), EVIDENCE_OCI_MANIFEST },
	/* attestations */
	{ "a.dsse", B("{\"payloadType\":\"application/vnd.in-toto+json\",\"payload\":\"e30=\"}"), EVIDENCE_DSSE },
	{ "a.intoto.jsonl", B("{\"payload\":\"e30=\",\"payloadType\":\"application/vnd.in-toto+json\"}\n"), EVIDENCE_DSSE },
	{ "a.sigstore.json", B("{\"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.3+json\"}"), EVIDENCE_SIGSTORE_BUNDLE },
	{ "model.sig", B("{\"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.3+json\"}"), EVIDENCE_SIGSTORE_BUNDLE },
	{ "a.bundle", B("{\"verificationMaterial\":{}}"), EVIDENCE_SIGSTORE_BUNDLE },
	/* ASN.1 */
	{ "a.bin.p7s", B("\x30\x82\x05\x00\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"), EVIDENCE_CMS },
	{ "a.bin.p7s", B("-----BEGIN PKCS7-----\nMII"), EVIDENCE_CMS },
	{ "a.bin.sig", B("-----BEGIN CMS-----\nMII"), EVIDENCE_CMS },
	{ "driver.cat", B("\x30\x82\x05\x00\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"), EVIDENCE_CATALOG },
	/* code */
	{ "Setup.exe", B("MZ\x90\x00\x03"), EVIDENCE_AUTHENTICODE },
	{ "setup.msi", B("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), EVIDENCE_AUTHENTICODE },
	{ "data.cab", B("MSCF\0\0\0\0"), EVIDENCE_AUTHENTICODE },
	/* lists */
	{ "SHA256SUMS", B(SHA256 "  a\n"), EVIDENCE_CHECKSUMS },
	{ "a.iso.sha256", B(SHA256 "\n"), EVIDENCE_CHECKSUMS },
	{ "SHA256SUMS", B(""), EVIDENCE_CHECKSUMS },
	{ "bag/manifest-sha256.txt", B(SHA256 "  data/a\n"), EVIDENCE_BAGIT },
	{ "bag/tagmanifest-sha256.txt", B(SHA256 "  bagit.txt\n"), EVIDENCE_BAGIT },
	{ "vendor/serde/.cargo-checksum.json", B("{\"files\":{},\"package\":\"" SHA256 "\"}"), EVIDENCE_CARGO },
	{ "x-1.0.dist-info/RECORD", B("x/__init__.py,sha256=,0\n"), EVIDENCE_WHEEL },
	{ "app/package-lock.json", B("{\"lockfileVersion\":3}"), EVIDENCE_NPM_LOCK },
	{ "npm-shrinkwrap.json", B("{}"), EVIDENCE_NPM_LOCK },
	{ "manifest.json", B(" [{\"Config\":\"c.json\",\"RepoTags\":null,\"Layers\":[]}]"), EVIDENCE_DOCKER_ARCHIVE },
};

/* Of no format: of these nothing may be believed, and nothing said. */
static const struct row negatives[] = {
	{ "letter.asc", B("Dear all\n"), EVIDENCE_NONE },
	{ "key.asc", B("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQINBF\n"), EVIDENCE_NONE },
	{ "secret.gpg", B("\x85\x01\x0c\x03"), EVIDENCE_NONE }, /* encrypted */
	{ "keyring.gpg", B("\x99\x02\x0d\x04"), EVIDENCE_NONE },
	{ "a.asc", B("not at the beginning of a line -----BEGIN PGP SIGNATURE-----\n"), EVIDENCE_NONE },
	{ "a.asc", B(""), EVIDENCE_NONE },
	{ "a.sign", B("\x10\x20"), EVIDENCE_NONE },
	/* ".sig" is used for much */
	{ "a.sig", B(""), EVIDENCE_NONE },
	{ "a.sig", B(SIXTY_THREE), EVIDENCE_NONE },
	{ "a.sig", B("\x88\x02\x09" SIXTY_FOUR), EVIDENCE_NONE }, /* no version of OpenPGP */
	{ "a.sig", B("Dear all\n"), EVIDENCE_NONE },
	{ "a.signature", B("-- \nYours\n"), EVIDENCE_NONE },
	{ "letter.asc", B("# " SHA256 "  a\nDear all\n"), EVIDENCE_NONE },
	{ "SHA512SUMS.asc", B(SHA256 "  a\n"), EVIDENCE_NONE }, /* not what its name says */
	{ "empty.cat", B(""), EVIDENCE_NONE },
	{ "cartoon.cat", B("purr"), EVIDENCE_NONE },
	{ "index.json", B("[1,2]"), EVIDENCE_NONE },
	{ "index.json", B("{\"name\":\"a web page's\"}"), EVIDENCE_NONE },
	{ "index.json", B(""), EVIDENCE_NONE },
	{ "image/blobs/sha256/" SHA256, B("\x1f\x8b\x08"), EVIDENCE_NONE }, /* a layer */
	{ "image/blobs/sha256/" SHA256, B("{\"architecture\":\"amd64\",\"rootfs\":{}}"), EVIDENCE_NONE }, /* a configuration */
	{ "a.bundle", B("# v2 git bundle\n"), EVIDENCE_NONE },
	{ "a.jsonl", B("{\"message\":\"hello\"}\n"), EVIDENCE_NONE },
	{ ".cargo-checksum.json", B("[]"), EVIDENCE_NONE },
	{ "dists/x/main/i18n/by-hash/SHA256/" SHA256, B("\x1f\x8b\x08"), EVIDENCE_NONE },
	{ "dists/x/main/binary-amd64/by-hash/SHA256/" SHA256, B("Origin: Debian\n"), EVIDENCE_NONE }, /* the Release of a directory */
	{ "notes.exe", B("Dear all\n"), EVIDENCE_NONE },
	{ "setup.msi", B("PK\x03\x04"), EVIDENCE_NONE },
	{ "a.txt", B("Dear all\n"), EVIDENCE_NONE },
	{ "a.bin", B("\x88\x75\x04\x00\x16"), EVIDENCE_NONE },
	{ "a.bin", B(""), EVIDENCE_NONE },
	{ "", B(""), EVIDENCE_NONE },
	/* what was installed is not what the wheel had */
	{ "usr/lib/python3/dist-packages/x-1.0.dist-info/RECORD", B("x/__init__.py,sha256=,0\n"), EVIDENCE_NONE },
	{ "x/RECORD", B("x/__init__.py,sha256=,0\n"), EVIDENCE_NONE },
	{ "manifest.json", B("{\"Config\":1,\"Layers\":2}"), EVIDENCE_NONE },
	{ "manifest.json", B("[{\"name\":\"an app\"}]"), EVIDENCE_NONE },
	{ "package.json", B("{}"), EVIDENCE_NONE },
};

static void expect(const struct row *row)
{
	_cleanup_close_ int fd = memory_file(row->head, row->size);
	enum evidence_format format = recognise(row->path, fd, row->size);

	if (format != row->format)
		fail_msg("%s: \"%.30s\": %s", row->path, row->head,
			 evidence_info(format) ? evidence_info(format)->name : "nothing");
}

static void test_formats(void **state)
{
	unsigned int seen[EVIDENCE_COUNT_] = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		expect(&rows[i]);
		seen[rows[i].format]++;
	}
	for (unsigned int i = EVIDENCE_NONE + 1; i < EVIDENCE_COUNT_; i++)
		if (!seen[i])
			fail_msg("no specimen of %s", evidence_info(i)->name);
}

static void test_negatives(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(negatives); i++)
		expect(&negatives[i]);
}

/* The supervisor has only those files recognised whose names promise something. */
static void test_names_take_in_what_is_recognised(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (!evidence_name_promises(rows[i].path))
			fail_msg("%s", rows[i].path);
}

/* A name that says nothing else is believed up to a length: a large file is no raw signature. */
static void test_raw_signatures_are_short(void **state)
{
	char data[201];

	memset(data, 'A', sizeof(data));
	expect(&(struct row){ "a.p256", data, 200, EVIDENCE_RAW_SIGNATURE });
	expect(&(struct row){ "a.p256", data, 201, EVIDENCE_NONE });
}

/* A mark that comes late is not looked for without end; one that sits across the end of what is read is not seen. */
static void test_only_the_beginning_is_read(void **state)
{
	size_t size = 100000;
	_cleanup_free_ char *data = calloc(1, size);
	static const char mark[] = "\n-----BEGIN PGP SIGNATURE-----\n";

	memset(data, 'x', size);
	memcpy(data + 4096 - strlen(mark), mark, strlen(mark));
	expect(&(struct row){ "a.asc", data, size, EVIDENCE_OPENPGP });
	memset(data, 'x', size);
	memcpy(data + 4096 - 10, mark, strlen(mark));
	expect(&(struct row){ "a.asc", data, size, EVIDENCE_NONE });
}

/* Every beginning of every specimen, and each with junk before it: it is recognised or not, and nothing breaks. */
static void test_parts_and_junk(void **state)
{
	static const char junk[] = { '\0', 'a', '\n', '{' };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_free_ char *data = malloc(rows[i].size + 2);

		for (size_t cut = 0; cut <= rows[i].size; cut++) {
			_cleanup_close_ int fd = memory_file(rows[i].head, cut);

			assert_true(recognise(rows[i].path, fd, cut) < EVIDENCE_COUNT_);
		}
		for (size_t k = 0; k < sizeof(junk); k++) {
			_cleanup_close_ int fd = -EBADF;

			data[0] = junk[k];
			memcpy(data + 1, rows[i].head, rows[i].size);
			fd = memory_file(data, rows[i].size + 1);
			assert_true(recognise(rows[i].path, fd, rows[i].size + 1) < EVIDENCE_COUNT_);
		}
	}
}

static void test_unreadable_has_a_name_only(void **state)
{
	_cleanup_close_ int directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(recognise("letter.asc", directory, 0), EVIDENCE_NONE);
	assert_int_equal(recognise("a.bin", -1, 0), EVIDENCE_NONE);
}

/* The same through the role in its sandbox, in one process. */
static void test_by_the_role(void **state)
{
	struct prover p;

	prover_start(&p, "lazaret-origin", NULL, 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(recognise_bytes(&p, rows[i].path, rows[i].head, rows[i].size), rows[i].format);
	for (size_t i = 0; i < ARRAY_LEN(negatives); i++)
		assert_int_equal(recognise_bytes(&p, negatives[i].path, negatives[i].head, negatives[i].size), EVIDENCE_NONE);
	prover_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_negatives),
		cmocka_unit_test(test_names_take_in_what_is_recognised),
		cmocka_unit_test(test_raw_signatures_are_short),
		cmocka_unit_test(test_only_the_beginning_is_read),
		cmocka_unit_test(test_parts_and_junk),
		cmocka_unit_test(test_unreadable_has_a_name_only),
		cmocka_unit_test(test_by_the_role),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
