/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Certificates that an officer may want to trust, made by gpg; and Debian's own, with what Debian signed, where they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <glob.h>
#include <time.h>

#include "ipc/channel.h"
#include "openpgp/limits.h"

#include "../lib/testing.h"
#include "../lib/proving.h"
#include "../lib/gpg.h"

#define SPECIMENS \
	"key 'Vendor X <x@example.org>' ed25519 sign 20350101T000000\n" \
	"for k in plain stranger revoked subrevoked subexpired; do key $k ed25519 cert,sign; done\n" \
	"key certifier ed25519 cert\n" \
	"key split ed25519 cert\n" \
	"sub split rsa2048\n" \
	"key lost ed25519 cert\n" \
	"sub lost ed25519\n" \
	"key ended ed25519 cert\n" \
	"sub ended ed25519 20260601T000000\n" \
	"key weaksub ed25519 cert\n" \
	"sub weaksub rsa1024\n" \
	"key small rsa1024 sign\n" \
	"key old dsa2048 sign\n" \
	"key expired ed25519 sign 20260601T000000\n" \
	"key silently ed25519 sign\n" \
	"sed 's/^:---/---/' h/openpgp-revocs.d/$(fingerprint revoked).rev > rev\n" \
	"at 20260701T000000 --import rev\n" \
	"answer 20260701T000000 'y\\n0\\n\\ny\\n' --cert-digest-algo SHA1 -o rev.sha1 --gen-revoke =silently\n" \
	"at 20260701T000000 --import rev.sha1\n" \
	"answer 20260701T000000 'key 1\\nrevkey\\ny\\n0\\n\\ny\\nsave\\n' --edit-key =lost\n" \
	"g --export =plain > bare.key\n" \
	"at 20260201T000000 -u =stranger --quick-sign-key $(fingerprint plain)\n" \
	"g --export '=Vendor X <x@example.org>' > vendor.key\n" \
	"g --armor --export '=Vendor X <x@example.org>' > vendor.asc\n" \
	"fingerprint 'Vendor X <x@example.org>' > vendor.fpr\n" \
	"for k in plain revoked certifier split lost ended weaksub small old expired silently; do\n" \
	"	g --export =$k > $k.key\n" \
	"	fingerprint $k > $k.fpr\n" \
	"done\n" \
	"g --export =plain =split =small > three.key\n" \
	"g --armor --export-secret-keys =plain > secret.asc\n" \
	"g --export-secret-keys =plain > secret.key\n" \
	"g --export-secret-subkeys =split > secret-sub.key\n" \
	"cat vendor.asc > two.asc; g --armor --export =plain >> two.asc\n" \
	"printf 'the data\\n' > data\n" \
	"sign plain data.asc --armor -b data\n"

static char dir[64];
static int dir_fd = -1;

static int make_specimens(void **state)
{
	dir_fd = private_directory(dir);
	gpg_run(dir, SPECIMENS);
	return 0;
}

static int remove_specimens(void **state)
{
	remove_private_directory(dir_fd, dir);
	return 0;
}

static void describe_file(const char *name, struct described *ret)
{
	size_t size;
	_cleanup_free_ char *data = read_whole(dir_fd, name, &size);
	struct prover p;

	prover_start(&p, "lazaret-openpgp", NULL, 0);
	describe_bytes(&p, data, size, ret);
	prover_end(&p);
}

static char *fingerprint_of(const char *name)
{
	char file[64], *text;

	(void)snprintf(file, sizeof(file), "%s.fpr", name);
	text = read_whole(dir_fd, file, NULL);
	text[40] = '\0';
	return text;
}

static void test_certificate(void **state)
{
	_cleanup_free_ char *fingerprint = fingerprint_of("vendor");
	static struct described binary, armored;

	describe_file("vendor.key", &binary);
	assert_string_equal(binary.kind, "openpgp");
	assert_string_equal(binary.fingerprint, fingerprint);
	assert_string_equal(binary.key_id, fingerprint);
	assert_string_equal(binary.owner, "Vendor X <x@example.org>");
	assert_int_equal(binary.created, 1767225600);
	assert_int_equal(binary.expires, 2051222400);
	assert_string_equal(binary.trouble, "");
	describe_file("vendor.asc", &armored);
	assert_string_equal(armored.trouble, "");
	assert_int_equal(armored.size, binary.size);
	assert_memory_equal(armored.bytes, binary.bytes, binary.size);
}

/* What is kept proves what its key signs; signatures by strangers are not kept. */
static void test_minimised(void **state)
{
	static struct described d, bare;
	struct pretend_key key = { "plain", KEY_OPENPGP, d.bytes, 0, 0 };
	struct medium m = { 0 };
	struct proved told;
	struct prover p;

	describe_file("plain.key", &d);
	describe_file("bare.key", &bare);
	assert_string_equal(d.trouble, "");
	assert_int_equal(d.size, bare.size);
	assert_memory_equal(d.bytes, bare.bytes, bare.size);
	key.size = d.size;
	prover_start(&p, "lazaret-openpgp", &key, 1);
	medium_add_from(&m, "data", dir_fd, "data");
	medium_add_from(&m, "data.asc", dir_fd, "data.asc");
	prove(&p, &m, "data.asc", EVIDENCE_OPENPGP, PROVING_NOW, &told);
	expect_signature(&told, 0, SIGNATURE_GOOD, "data", "plain");
	proved_done(&told);
	medium_done(&m);
	prover_end(&p);
}

static void expect_trouble(const char *file, const char *name, const char *words)
{
	_cleanup_free_ char *fingerprint = fingerprint_of(name);
	static struct described d;

	describe_file(file, &d);
	assert_string_equal(d.kind, "openpgp");
	assert_string_equal(d.fingerprint, fingerprint);
	assert_true(d.size > 0 && d.size <= ORIGIN_KEY_BYTES_MAX);
	if (*words ? !strstr(d.trouble, words) : *d.trouble != '\0')
		fail_msg("%s: \"%s\", not \"%s\"", file, d.trouble, words);
}

static void test_troubles(void **state)
{
	expect_trouble("split.key", "split", "");
	expect_trouble("revoked.key", "revoked", "revoked by its owner");
	expect_trouble("silently.key", "silently", "revoked by its owner"); /* with SHA-1, which counts here */
	expect_trouble("expired.key", "expired", "expired at 2026-06-01 00:00:00 UTC");
	expect_trouble("certifier.key", "certifier", "cannot sign");
	expect_trouble("lost.key", "lost", "which signs, has been revoked");
	expect_trouble("ended.key", "ended", "which signs, has expired");
	expect_trouble("weaksub.key", "weaksub", "too weak: the subkey is RSA with 1024 bits");
	expect_trouble("small.key", "small", "too weak: the key is RSA with 1024 bits");
	expect_trouble("old.key", "old", "too weak: the key is DSA");
	expect_trouble("secret.key", "plain", "this is a secret key: trust its public half");
	expect_trouble("secret.asc", "plain", "this is a secret key");
	expect_trouble("secret-sub.key", "split", "this is a secret key");
	expect_trouble("two.asc", "vendor", "2 keys in one file");
}

/* A secret key is shown without its secret. */
static void test_secret_stays_secret(void **state)
{
	static struct described d, bare;

	describe_file("secret.key", &d);
	describe_file("bare.key", &bare);
	assert_int_equal(d.size, bare.size);
	assert_memory_equal(d.bytes, bare.bytes, bare.size);
}

static void test_several(void **state)
{
	static const char *const names[] = { "plain", "split", "small" };
	static struct described d;

	describe_file("three.key", &d);
	assert_non_null(strstr(d.trouble, "3 keys in one file"));
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		_cleanup_free_ char *fingerprint = fingerprint_of(names[i]);

		assert_non_null(strstr(d.trouble, fingerprint));
	}
}

/* Its own user ids stay, for librnp takes ends and flags from them: too many are too much. */
static void test_too_large(void **state)
{
	gpg_run(dir, "key big ed25519 sign\n"
		     "f=$(fingerprint big)\n"
		     "fingerprint big > big.fpr\n"
		     "for i in $(seq 22); do at 20260102T000000 --quick-add-uid $f \"$(printf '%08d%1900d' $i 0)\"; done\n"
		     "at 20260103T000000 --quick-set-primary-uid $f big\n"
		     "g --export =big > big.key\n");
	expect_trouble("big.key", "big", "larger than a station takes");
}

static void test_no_certificate(void **state)
{
	static struct described d;
	static const char *const files[] = { "data", "data.asc" };
	size_t size;
	_cleanup_free_ char *key = read_whole(dir_fd, "vendor.key", &size);
	struct prover p;

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		describe_file(files[i], &d);
		assert_string_equal(d.kind, "");
	}
	prover_start(&p, "lazaret-openpgp", NULL, 0);
	describe_bytes(&p, "", 0, &d);
	assert_string_equal(d.kind, "");
	describe_bytes(&p, "-----BEGIN PGP PUBLIC KEY BLOCK-----\n", 37, &d);
	assert_string_equal(d.kind, "");
	for (size_t n = 1; n < size; n += 5) { /* cut off: none, or one with trouble */
		describe_bytes(&p, key, n, &d);
		assert_true(*d.kind == '\0' || *d.trouble != '\0');
	}
	for (size_t i = 0; i < size; i++) { /* altered: none, another, or one with trouble */
		key[i] ^= 1;
		describe_bytes(&p, key, size, &d);
		key[i] ^= 1;
	}
	describe_bytes(&p, key, size, &d);
	assert_string_equal(d.trouble, "");
	prover_end(&p);
}

/* -- Debian ------------------------------------------------------------------------------------------------------ */

#define LISTS "/var/lib/apt/lists/*_dists_bookworm_InRelease"
#define KEYRINGS "/usr/share/keyrings/debian-archive-*-*.gpg"

static uint8_t debian_keys[16][ORIGIN_KEY_BYTES_MAX];
static struct pretend_key debian_ring[16];

/* Debian's keyrings of one certificate each, by way of description. */
static size_t describe_debian(void)
{
	static struct described d;
	static char names[16][64];
	struct prover p;
	size_t count = 0;
	glob_t found;

	if (glob(KEYRINGS, 0, NULL, &found) != 0)
		return 0;
	prover_start(&p, "lazaret-openpgp", NULL, 0);
	for (size_t i = 0; i < found.gl_pathc && count < ARRAY_LEN(names); i++) {
		size_t size;
		_cleanup_free_ char *data = read_whole(AT_FDCWD, found.gl_pathv[i], &size);

		describe_bytes(&p, data, size, &d);
		print_message("%s: %s: %s%s\n", strrchr(found.gl_pathv[i], '/') + 1, d.fingerprint, d.owner, d.trouble);
		if (!*d.kind || *d.trouble)
			continue;
		(void)snprintf(names[count], sizeof(names[count]), "%s", strrchr(found.gl_pathv[i], '/') + 1);
		memcpy(debian_keys[count], d.bytes, d.size);
		debian_ring[count] = (struct pretend_key){ names[count], KEY_OPENPGP, debian_keys[count], d.size, 0 };
		count++;
	}
	prover_end(&p);
	globfree(&found);
	return count;
}

static size_t count_good(const struct pretend_key *keys, size_t count, const char *path, char **ret_text, size_t *ret_all)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct medium m = { 0 };
	struct proved told;
	struct prover p;
	size_t good = 0;

	assert_true(fd >= 0);
	prover_start(&p, "lazaret-openpgp", keys, count);
	prove_fd(&p, &m, "dists/bookworm/InRelease", fd, EVIDENCE_OPENPGP_TEXT, (uint64_t)time(NULL), &told);
	assert_int_equal(told.error, 0);
	for (size_t i = 0; i < told.signature_count; i++) {
		assert_true(told.signatures[i].outcome == SIGNATURE_GOOD || told.signatures[i].outcome == SIGNATURE_UNTRUSTED);
		good += told.signatures[i].outcome == SIGNATURE_GOOD;
		print_message("%d by %s (%s): %s\n", told.signatures[i].outcome, told.signatures[i].key_id,
			      told.signatures[i].key_name, told.signatures[i].detail);
	}
	*ret_all = told.signature_count;
	*ret_text = TAKE_PTR(told.text);
	proved_done(&told);
	prover_end(&p);
	return good;
}

static void test_debian(void **state)
{
	_cleanup_free_ char *text = NULL;
	size_t keys = describe_debian(), all, good;
	glob_t found;

	if (keys == 0 || glob(LISTS, 0, NULL, &found) != 0) {
		print_message("SKIPPED: no " LISTS " (apt-get update), or no " KEYRINGS " (debian-archive-keyring)\n");
		return;
	}
	good = count_good(debian_ring, keys, found.gl_pathv[0], &text, &all);
	assert_true(good >= 1);
	assert_int_equal(good, all);
	assert_non_null(strstr(text, "\nSHA256:\n"));
	assert_int_equal(strncmp(text, "Origin: Debian\n", 15), 0);
	assert_null(strstr(text, "-----"));
	/* with one of the keys, one is good, and the others are strangers' (gpgv: exit status 2) */
	for (size_t i = 0, with_one = 0; i < keys; i++) {
		_cleanup_free_ char *same = NULL;

		if (count_good(&debian_ring[i], 1, found.gl_pathv[0], &same, &all) == 1)
			with_one++;
		assert_string_equal(same, text);
		if (i + 1 == keys)
			assert_int_equal(with_one, good);
	}
	globfree(&found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_certificate),
		cmocka_unit_test(test_minimised),
		cmocka_unit_test(test_troubles),
		cmocka_unit_test(test_secret_stays_secret),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_no_certificate),
		cmocka_unit_test(test_debian),
	};

	return cmocka_run_group_tests(tests, make_specimens, remove_specimens);
}
