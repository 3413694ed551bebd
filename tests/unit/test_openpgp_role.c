/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-openpgp in its sandbox, with keys and signatures that gpg has made: what counts, and the ways to make what does not
 * look so. */
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

#define NOW PROVING_NOW

/* Keys are of 2026-01-01 and signatures of 2026-02-01 where nothing else is said; "now" is 2027. */
#define SPECIMENS \
	"key plain ed25519 sign\n" \
	"key rsa rsa3072 sign\n" \
	"key nist nistp256 sign\n" \
	"key small rsa1024 sign\n" \
	"key old dsa2048 sign\n" \
	"key expired ed25519 sign 20260601T000000\n" \
	"key stranger ed25519 sign\n" \
	"key revoked ed25519 sign\n" \
	"key silently ed25519 sign\n" \
	"key certifier ed25519 cert\n" \
	"key split ed25519 cert\n" \
	"sub split ed25519\n" \
	"key shorter ed25519 cert\n" \
	"sub shorter ed25519 20260601T000000\n" \
	"key lost ed25519 cert\n" \
	"sub lost ed25519\n" \
	"key sha1 ed25519 sign\n" /* its self-signature is made anew below */ \
	"printf 'the data\\n' > data\n" \
	"printf 'other data\\n' > other\n" \
	"for k in plain rsa nist small old expired stranger revoked silently split shorter lost; do\n" \
	"	sign $k $k.sig -b data\n" \
	"	sign $k $k.asc --armor -b data\n" \
	"done\n" \
	"sign plain other.sig -b other\n" \
	"sign plain sha1.sig --digest-algo SHA1 -b data\n" \
	"sign plain md5.sig --digest-algo MD5 -b data\n" \
	"sign rsa ripemd.sig --digest-algo RIPEMD160 -b data\n" \
	"at 20100101T000000 --ignore-time-conflict --ignore-valid-from -u =plain -o early.sig --digest-algo SHA256 -b data\n" \
	"sign rsa sha224.sig --digest-algo SHA224 -b data\n" \
	"sign plain ended.sig --default-sig-expire 20260301T000000 -b data\n" \
	"sign plain notation.sig --sig-notation 'note@example.org=x' -b data\n" \
	"sign plain critical.sig --sig-notation '!note@example.org=x' -b data\n" \
	"at 20270115T120000 -u =plain -o ahead.sig -b data\n" \
	"at 20270301T000000 -u =plain -o future.sig -b data\n" \
	"printf 'line one  \\nline two\\n' > text\n" \
	"sign plain text.sig --textmode -b text\n" \
	"sed 's/$/\\r/' text > text.crlf\n" \
	"sign plain whole.gpg --sign data\n" \
	"cat plain.sig stranger.sig rsa.sig > several.sig\n" \
	"cat plain.asc stranger.asc > several.asc\n" \
	"printf '%s\\n' '-dash' 'From me' '- - twice' '-----BEGIN PGP SIGNATURE-----' 'trailing \t ' '' 'end' > message\n" \
	"sign plain message.asc --clearsign message\n" \
	"sign stranger foreign.asc --clearsign message\n" \
	"at 20260201T000000 -u =plain -u =stranger -u =rsa -o three.asc --clearsign message\n" \
	/* what its owner did to the others after they had signed */ \
	"tail -n +1 h/openpgp-revocs.d/$(fingerprint revoked).rev | sed 's/^:---/---/' > rev\n" \
	"at 20260701T000000 --import rev\n" \
	"answer 20260701T000000 'y\\n0\\n\\ny\\n' --cert-digest-algo SHA1 -o rev.sha1 --gen-revoke =silently\n" \
	"at 20260701T000000 --import rev.sha1\n" \
	"answer 20260701T000000 'key 1\\nrevkey\\ny\\n0\\n\\ny\\nsave\\n' --edit-key =lost\n" \
	"at 20260101T000001 --cert-digest-algo SHA1 --quick-set-primary-uid $(fingerprint sha1) sha1\n" \
	"sign sha1 byweak.sig -b data\n" \
	"at 20260201T000000 -u =stranger --quick-sign-key $(fingerprint plain)\n" \
	"for k in plain rsa nist small old expired stranger revoked silently certifier split shorter lost sha1; do\n" \
	"	g --export =$k > $k.key\n" \
	"	g --armor --export =$k > $k.key.asc\n" \
	"	fingerprint $k > $k.fpr\n" \
	"done\n" \
	"g --export =plain =rsa > two.key\n" \
	"g --export-secret-keys =plain > secret.key\n" \
	/* the certification of a user id, as a file of its own */ \
	"mkdir split.d; cd split.d; gpgsplit < ../plain.key; cp *.sig ../; cd ..; ls *.sig > names\n"

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

/* -- the role, and what it says --------------------------------------------------------------------------------- */

struct trusted {
	struct prover prover;
	struct pretend_key keys[8];
	size_t count;
};

static void trust(struct trusted *t, const char *key, uint64_t until)
{
	char name[64];
	size_t size;
	char *bytes;

	(void)snprintf(name, sizeof(name), "%s.key", key);
	bytes = read_whole(dir_fd, name, &size);
	t->keys[t->count++] = (struct pretend_key){ key, KEY_OPENPGP, bytes, size, until };
}

static void begin(struct trusted *t)
{
	prover_start(&t->prover, "lazaret-openpgp", t->keys, t->count);
}

static void begin_with(struct trusted *t, const char *key)
{
	*t = (struct trusted){ 0 };
	trust(t, key, 0);
	begin(t);
}

static void end(struct trusted *t)
{
	prover_end(&t->prover);
	for (size_t i = 0; i < t->count; i++)
		free((void *)(uintptr_t)t->keys[i].bytes);
}

/* The signature `sig` beside `file` (both specimens' names), as dir/NAME and dir/NAME.SUFFIX. */
static void prove_beside_as(struct trusted *t, const char *sig, const char *file, const char *suffix, struct proved *ret)
{
	struct medium m = { 0 };
	char path[128];

	(void)snprintf(path, sizeof(path), "dir/f.bin%s", suffix);
	medium_add_from(&m, path, dir_fd, sig);
	medium_add_from(&m, "dir/f.bin", dir_fd, file);
	prove(&t->prover, &m, path, EVIDENCE_OPENPGP, NOW, ret);
	medium_done(&m);
	assert_int_equal(ret->error, 0);
	assert_int_equal(ret->text_size + ret->entry_count, 0);
}

static void prove_beside(struct trusted *t, const char *sig, const char *file, struct proved *ret)
{
	prove_beside_as(t, sig, file, ".sig", ret);
}

/* One signature, with this outcome; `words` are in its detail, and its key is the first fingerprint of KEY.fpr. */
static void expect_one(struct trusted *t, const char *sig, const char *file, enum signature_outcome outcome, const char *key,
		       const char *words)
{
	_cleanup_free_ char *fingerprint = NULL;
	char name[64];
	struct proved told;
	bool is_nobody = outcome == SIGNATURE_UNTRUSTED || outcome == SIGNATURE_MALFORMED;

	prove_beside(t, sig, file, &told);
	expect_signature(&told, 0, outcome, "dir/f.bin", is_nobody ? "" : key);
	assert_int_equal(told.signature_count, 1);
	if (!strstr(told.signatures[0].detail, words))
		fail_msg("%s: \"%s\", not \"%s\"", sig, told.signatures[0].detail, words);
	if (key && *key) {
		(void)snprintf(name, sizeof(name), "%s.fpr", key);
		fingerprint = read_whole(dir_fd, name, NULL);
		fingerprint[40] = '\0';
		assert_string_equal(told.signatures[0].key_id, fingerprint);
	}
	proved_done(&told);
}

/* -- detached ----------------------------------------------------------------------------------------------------- */

static void test_good(void **state)
{
	static const char *const keys[] = { "plain", "rsa", "nist" };

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		char sig[32], armored[32];
		struct trusted t;

		(void)snprintf(sig, sizeof(sig), "%s.sig", keys[i]);
		(void)snprintf(armored, sizeof(armored), "%s.asc", keys[i]);
		begin_with(&t, keys[i]);
		expect_one(&t, sig, "data", SIGNATURE_GOOD, keys[i], "signed at 2026-02-01 00:00:00 UTC with SHA");
		expect_one(&t, armored, "data", SIGNATURE_GOOD, keys[i], "signed at 2026-02-01");
		expect_one(&t, sig, "other", SIGNATURE_BAD, keys[i], "this is not what was signed");
		expect_one(&t, armored, "other", SIGNATURE_BAD, keys[i], "this is not what was signed");
		end(&t);
	}
}

static void test_suffixes(void **state)
{
	static const char *const suffixes[] = { ".asc", ".sig", ".gpg", ".pgp", ".sign", ".signature", ".SIG" };
	struct trusted t;
	struct proved told;

	begin_with(&t, "plain");
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		prove_beside_as(&t, "plain.sig", "data", suffixes[i], &told);
		expect_signature(&told, 0, SIGNATURE_GOOD, "dir/f.bin", "plain");
		proved_done(&told);
	}
	end(&t);
}

/* kernel.org signs the tar, and delivers tar.xz: nobody signed that. */
static void test_without_its_file_nothing_is_said(void **state)
{
	struct medium m = { 0 };
	struct proved told;
	struct trusted t;

	begin_with(&t, "plain");
	medium_add_from(&m, "linux-6.1.tar.sign", dir_fd, "plain.sig");
	medium_add_from(&m, "linux-6.1.tar.xz", dir_fd, "data");
	prove(&t.prover, &m, "linux-6.1.tar.sign", EVIDENCE_OPENPGP, NOW, &told);
	assert_int_equal(told.error, 0);
	assert_int_equal(told.signature_count, 0);
	proved_done(&told);
	medium_add_from(&m, "linux-6.1.tar", dir_fd, "data");
	prove(&t.prover, &m, "linux-6.1.tar.sign", EVIDENCE_OPENPGP, NOW, &told);
	expect_signature(&told, 0, SIGNATURE_GOOD, "linux-6.1.tar", "plain");
	proved_done(&told);
	medium_add_from(&m, "dists/x/Release", dir_fd, "data");
	medium_add_from(&m, "dists/x/Release.gpg", dir_fd, "plain.asc");
	prove(&t.prover, &m, "dists/x/Release.gpg", EVIDENCE_OPENPGP, NOW, &told);
	expect_signature(&told, 0, SIGNATURE_GOOD, "dists/x/Release", "plain");
	proved_done(&told);
	medium_done(&m);
	end(&t);
}

static void test_strangers(void **state)
{
	struct trusted t = { 0 };

	begin_with(&t, "plain");
	expect_one(&t, "stranger.sig", "data", SIGNATURE_UNTRUSTED, "stranger", "not trusted");
	expect_one(&t, "stranger.sig", "other", SIGNATURE_UNTRUSTED, "stranger", "not trusted");
	end(&t);
	t = (struct trusted){ 0 };
	begin(&t); /* no key at all */
	expect_one(&t, "plain.sig", "data", SIGNATURE_UNTRUSTED, "plain", "not trusted");
	end(&t);
}

static void test_several_signers(void **state)
{
	struct trusted t = { 0 };
	struct proved told;

	begin_with(&t, "plain");
	prove_beside(&t, "several.sig", "data", &told);
	expect_signature(&told, 0, SIGNATURE_GOOD, "dir/f.bin", "plain");
	expect_signature(&told, 1, SIGNATURE_UNTRUSTED, "dir/f.bin", "");
	expect_signature(&told, 2, SIGNATURE_UNTRUSTED, "dir/f.bin", "");
	assert_int_equal(told.signature_count, 3);
	proved_done(&told);
	prove_beside(&t, "several.asc", "data", &told); /* two blocks in one file */
	expect_signature(&told, 0, SIGNATURE_GOOD, "dir/f.bin", "plain");
	expect_signature(&told, 1, SIGNATURE_UNTRUSTED, "dir/f.bin", "");
	assert_int_equal(told.signature_count, 2);
	proved_done(&told);
	end(&t);
	/* The same certificate under two names, one of which has ended: each is told. */
	t = (struct trusted){ 0 };
	trust(&t, "plain", NOW - 1);
	trust(&t, "plain", 0);
	trust(&t, "rsa", 0);
	t.keys[0].name = "ended";
	begin(&t);
	prove_beside(&t, "several.sig", "data", &told);
	expect_signature(&told, 0, SIGNATURE_EXPIRED, "dir/f.bin", "ended");
	expect_signature(&told, 1, SIGNATURE_GOOD, "dir/f.bin", "plain");
	expect_signature(&told, 2, SIGNATURE_UNTRUSTED, "dir/f.bin", "");
	expect_signature(&told, 3, SIGNATURE_GOOD, "dir/f.bin", "rsa");
	assert_int_equal(told.signature_count, 4);
	proved_done(&told);
	end(&t);
}

static void test_subkeys(void **state)
{
	struct trusted t;

	begin_with(&t, "split");
	expect_one(&t, "split.sig", "data", SIGNATURE_GOOD, "split", "by its subkey ");
	expect_one(&t, "split.sig", "other", SIGNATURE_BAD, "split", "its subkey ");
	end(&t);
	begin_with(&t, "shorter");
	expect_one(&t, "shorter.sig", "data", SIGNATURE_EXPIRED, "shorter", "its subkey ");
	end(&t);
	begin_with(&t, "lost");
	expect_one(&t, "lost.sig", "data", SIGNATURE_REVOKED, "lost", "its subkey ");
	end(&t);
}

static void test_expired_and_revoked(void **state)
{
	struct trusted t;

	begin_with(&t, "expired");
	expect_one(&t, "expired.sig", "data", SIGNATURE_EXPIRED, "expired", "expired at 2026-06-01");
	expect_one(&t, "expired.sig", "other", SIGNATURE_BAD, "expired", "not what was signed");
	end(&t);
	begin_with(&t, "revoked");
	expect_one(&t, "revoked.sig", "data", SIGNATURE_REVOKED, "revoked", "revoked by its owner");
	end(&t);
	/* A revocation counts whatever it was made with: rules that refuse SHA-1 make librnp overlook it. */
	begin_with(&t, "silently");
	expect_one(&t, "silently.sig", "data", SIGNATURE_REVOKED, "silently", "revoked by its owner");
	end(&t);
	t = (struct trusted){ 0 };
	trust(&t, "plain", NOW);
	begin(&t);
	expect_one(&t, "plain.sig", "data", SIGNATURE_EXPIRED, "plain", "'plain', which has expired");
	end(&t);
	begin_with(&t, "plain");
	expect_one(&t, "ended.sig", "data", SIGNATURE_EXPIRED, "plain", "expired at 2026-03-01");
	expect_one(&t, "ahead.sig", "data", SIGNATURE_GOOD, "plain", "signed at 2027-01-15 12:00"); /* four hours */
	expect_one(&t, "future.sig", "data", SIGNATURE_EXPIRED, "plain", "in the future");
	expect_one(&t, "early.sig", "data", SIGNATURE_BAD, "plain", "before the key ");
	end(&t);
}

static void test_weak(void **state)
{
	struct trusted t;

	begin_with(&t, "small");
	expect_one(&t, "small.sig", "data", SIGNATURE_WEAK, "small", "RSA with 1024 bits");
	expect_one(&t, "small.sig", "other", SIGNATURE_BAD, "small", "");
	end(&t);
	begin_with(&t, "old");
	expect_one(&t, "old.sig", "data", SIGNATURE_WEAK, "old", "DSA");
	end(&t);
	begin_with(&t, "plain");
	expect_one(&t, "sha1.sig", "data", SIGNATURE_WEAK, "plain", "SHA1");
	expect_one(&t, "md5.sig", "data", SIGNATURE_WEAK, "plain", "MD5");
	end(&t);
	begin_with(&t, "rsa");
	expect_one(&t, "ripemd.sig", "data", SIGNATURE_WEAK, "rsa", "RIPEMD160");
	expect_one(&t, "sha224.sig", "data", SIGNATURE_GOOD, "rsa", "SHA224");
	end(&t);
	begin_with(&t, "sha1");
	expect_one(&t, "byweak.sig", "data", SIGNATURE_WEAK, "sha1", "holds together by signatures with SHA-1");
	end(&t);
}

static void test_notations(void **state)
{
	struct trusted t;

	begin_with(&t, "plain");
	expect_one(&t, "notation.sig", "data", SIGNATURE_GOOD, "plain", "");
	expect_one(&t, "critical.sig", "data", SIGNATURE_MALFORMED, "plain", "critical notation");
	end(&t);
}

static void test_text_mode(void **state)
{
	struct trusted t;

	begin_with(&t, "plain");
	expect_one(&t, "text.sig", "text", SIGNATURE_GOOD, "plain", "");
	expect_one(&t, "text.sig", "text.crlf", SIGNATURE_GOOD, "plain", ""); /* that is what text signatures are for */
	expect_one(&t, "text.sig", "data", SIGNATURE_BAD, "plain", "");
	end(&t);
}

/* A certification says something of a user id, and is as well made as any signature. */
static void test_certification_is_no_signature(void **state)
{
	glob_t found;
	char pattern[128];
	struct trusted t;

	(void)snprintf(pattern, sizeof(pattern), "%s/0*.sig", dir);
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= 2); /* its own, and the stranger's */
	begin_with(&t, "plain");
	for (size_t i = 0; i < found.gl_pathc; i++)
		expect_one(&t, strrchr(found.gl_pathv[i], '/') + 1, "data", SIGNATURE_MALFORMED, "",
			   "the signature is not over a document: its type is 'certification");
	globfree(&found);
	end(&t);
}

static void expect_malformed(struct trusted *t, const void *data, size_t size, const char *words)
{
	write_file(dir_fd, "made", data, size);
	expect_one(t, "made", "data", SIGNATURE_MALFORMED, "", words);
}

/* What stands beside a good signature and was not signed by anybody: the file would pass as its signer's. */
static void expect_riders(struct trusted *t, const char *sig, size_t size, const char *armored, size_t armored_size)
{
	static const struct {
		const char *before, *behind;
		bool is_armored;
		const char *words; /* "": good */
	} riders[] = {
		{ "", "and more\n", true, "beside the signature" },
		{ "first this\n", "", true, "beside the signature" },
		{ "\r\n", " \n\t\r\n", true, "" },
		{ "", "\xd5\x03xyz", false, "packet 21" }, /* padding */
		{ "", "\xca\x03PGP", false, "" },
		{ "", "\xca\x03xyz", false, "a marker that is none" },
		{ "", "\xca\x04PGPx", false, "a marker that is none" },
	};

	for (size_t i = 0; i < ARRAY_LEN(riders); i++) {
		const char *middle = riders[i].is_armored ? armored : sig;
		size_t n = strlen(riders[i].before), m = riders[i].is_armored ? armored_size : size, k = strlen(riders[i].behind);
		_cleanup_free_ char *made = malloc(n + m + k);

		assert_non_null(made);
		memcpy(made, riders[i].before, n);
		memcpy(made + n, middle, m);
		memcpy(made + n + m, riders[i].behind, k);
		if (*riders[i].words) {
			expect_malformed(t, made, n + m + k, riders[i].words);
			continue;
		}
		write_file(dir_fd, "made", made, n + m + k);
		expect_one(t, "made", "data", SIGNATURE_GOOD, "plain", "");
	}
}

static void test_malformed(void **state)
{
	size_t size, armored_size, whole_size;
	_cleanup_free_ char *sig = read_whole(dir_fd, "plain.sig", &size), *armored = read_whole(dir_fd, "plain.asc", &armored_size),
			    *whole = read_whole(dir_fd, "whole.gpg", &whole_size), *many = malloc(65 * size),
			    *large = calloc(1, SIGNATURE_FILE_MAX + 1);
	char broken[512];
	struct trusted t;

	begin_with(&t, "plain");
	assert_true(size < sizeof(broken));
	expect_malformed(&t, "", 0, "there is no signature in it");
	expect_malformed(&t, "garbage", 7, "there is no signature in it");
	expect_malformed(&t, "\xff\xff\xff\xff\xff\xff", 6, "holds more than signatures (packet 63)");
	expect_malformed(&t, "\xc2\xe0", 2, "not OpenPGP signatures");
	expect_malformed(&t, "\x8b" "abc", 4, "not OpenPGP signatures");
	for (size_t n = 1; n < size; n += 7)
		expect_malformed(&t, sig, n, "cut off");
	expect_malformed(&t, armored, armored_size - 20, "cut off");
	/* a signed message, not a signature: its content is another file's */
	expect_malformed(&t, whole, whole_size, "holds more than signatures");
	memcpy(broken, sig, size);
	broken[size] = '\xcb'; /* a literal packet behind it */
	broken[size + 1] = 0;
	expect_malformed(&t, broken, size + 2, "holds more than signatures (packet 11)");
	expect_riders(&t, sig, size, armored, armored_size);
	memcpy(broken, sig, size);
	broken[2] = 5; /* its version: of the future, perhaps beside one that is known */
	write_file(dir_fd, "made", broken, size);
	expect_one(&t, "made", "data", SIGNATURE_UNTRUSTED, "", "of version 5 cannot be read");
	broken[2] = 4;
	broken[4] = 77; /* its algorithm */
	expect_malformed(&t, broken, size, "cannot be read");
	for (size_t i = 0; i < 65; i++)
		memcpy(many + i * size, sig, size);
	expect_malformed(&t, many, 65 * size, "more than 64 signatures");
	expect_malformed(&t, large, SIGNATURE_FILE_MAX + 1, "larger than any signature");
	end(&t);
}

/* Any bit of what is signed with the file: not good, and the role lives on. */
static void test_flipped_bits(void **state)
{
	size_t size, hashed;
	_cleanup_free_ char *sig = read_whole(dir_fd, "plain.sig", &size);
	struct trusted t;
	struct proved told;

	hashed = 2 + 6 + (size_t)(uint8_t)sig[7]; /* header, fixed fields, hashed subpackets */
	begin_with(&t, "plain");
	for (size_t i = 0; i < 8 * size; i++) {
		sig[i / 8] ^= (char)(1 << i % 8);
		write_file(dir_fd, "made", sig, size);
		sig[i / 8] ^= (char)(1 << i % 8);
		prove_beside(&t, "made", "data", &told);
		assert_true(told.signature_count > 0);
		for (size_t k = 0; k < told.signature_count; k++)
			if (told.signatures[k].outcome == SIGNATURE_GOOD && ((i >= 16 && i / 8 < hashed) || i / 8 >= size - 30))
				fail_msg("bit %zu: %s", i, told.signatures[k].detail);
		proved_done(&told);
	}
	end(&t);
}

/* A subpacket that holds a signature that holds a subpacket ...: as deep as a packet of the largest size takes. */
static void test_embedded_signatures(void **state)
{
	enum { SIZE = SIGNATURE_PACKET_MAX - 3, LAYER = 4 + 2 + 5 };
	_cleanup_free_ uint8_t *p = calloc(1, SIGNATURE_PACKET_MAX);
	size_t at = 3;
	struct trusted t;
	struct proved told;

	p[0] = 0xc2;
	p[1] = (uint8_t)(((SIZE - 192) >> 8) + 192);
	p[2] = (uint8_t)(SIZE - 192);
	while (at + 32 < SIGNATURE_PACKET_MAX - 400) {
		size_t left = SIGNATURE_PACKET_MAX - at, subpackets = left - 6 - 2 - 2 - 3, sub = subpackets - 5;

		memcpy(p + at, "\x04\x00\x01\x08", 4); /* version, binary, RSA, SHA-256 */
		p[at + 4] = (uint8_t)(subpackets >> 8);
		p[at + 5] = (uint8_t)subpackets;
		p[at + 6] = 255;
		p[at + 9] = (uint8_t)(sub >> 8);
		p[at + 10] = (uint8_t)sub;
		p[at + 11] = 32; /* embedded signature */
		at += 12;
	}
	begin_with(&t, "plain");
	write_file(dir_fd, "made", p, SIGNATURE_PACKET_MAX);
	prove_beside(&t, "made", "data", &told);
	assert_int_equal(told.signature_count, 1);
	assert_int_not_equal(told.signatures[0].outcome, SIGNATURE_GOOD);
	proved_done(&told);
	end(&t);
}

/* Read as a stream: the role may take 256 MiB. */
static void test_large_file(void **state)
{
	enum { MIB = 400 };
	struct trusted t;
	struct proved told;
	struct medium m = { 0 };
	int fd = openat(dir_fd, "large", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)MIB << 20), 0);
	gpg_run(dir, "sign plain large.sig -b large\n");
	begin_with(&t, "plain");
	medium_add_fd(&m, "large", fd);
	medium_add_from(&m, "large.sig", dir_fd, "large.sig");
	prove(&t.prover, &m, "large.sig", EVIDENCE_OPENPGP, NOW, &told);
	expect_signature(&told, 0, SIGNATURE_GOOD, "large", "plain");
	proved_done(&told);
	medium_done(&m);
	end(&t);
	assert_int_equal(unlinkat(dir_fd, "large", 0), 0);
}

static void test_start_with_no_certificate_fails(void **state)
{
	const struct pretend_key bad = { "x", KEY_OPENPGP, "garbage", 7, 0 };
	_cleanup_free_ char *why = NULL;
	struct prover p;

	prover_send_start(&p, "lazaret-openpgp", &bad, 1);
	assert_int_equal(channel_expect(&p.peer.channel, MESSAGE_READY, &proving_in, &why), -EINVAL);
	assert_int_equal(peer_wait(&p.peer), EXIT_FAILURE);
}

/* -- text ------------------------------------------------------------------------------------------------------- */

static void prove_message(struct trusted *t, const char *data, size_t size, struct proved *ret)
{
	_cleanup_close_ int fd = memory_file(data, size);
	struct medium m = { 0 };

	prove_fd(&t->prover, &m, "dir/CHECKSUM", fd, EVIDENCE_OPENPGP_TEXT, NOW, ret);
	assert_int_equal(ret->error, 0);
}

#define MESSAGE "-dash\nFrom me\n- - twice\n-----BEGIN PGP SIGNATURE-----\ntrailing\n\nend\n"

static void test_text(void **state)
{
	size_t size;
	_cleanup_free_ char *message = read_whole(dir_fd, "message.asc", &size);
	struct trusted t;
	struct proved told;

	begin_with(&t, "plain");
	prove_message(&t, message, size, &told);
	expect_signature(&told, 0, SIGNATURE_GOOD, "", "plain");
	assert_int_equal(told.signature_count, 1);
	assert_string_equal(told.text, MESSAGE); /* unescaped; white space at ends of lines is not signed, and not there */
	proved_done(&told);
	end(&t);
	begin_with(&t, "rsa"); /* a stranger's text is handed on: what it lists can still be compared */
	prove_message(&t, message, size, &told);
	expect_signature(&told, 0, SIGNATURE_UNTRUSTED, "", "");
	assert_string_equal(told.text, MESSAGE);
	proved_done(&told);
	end(&t);
}

static void test_text_with_three_signatures(void **state)
{
	size_t size;
	_cleanup_free_ char *message = read_whole(dir_fd, "three.asc", &size);
	struct trusted t = { 0 };
	struct proved told;
	size_t good = 0, untrusted = 0;

	begin_with(&t, "stranger");
	prove_message(&t, message, size, &told);
	assert_int_equal(told.signature_count, 3);
	for (size_t i = 0; i < 3; i++) {
		good += told.signatures[i].outcome == SIGNATURE_GOOD;
		untrusted += told.signatures[i].outcome == SIGNATURE_UNTRUSTED;
	}
	assert_int_equal(good, 1);
	assert_int_equal(untrusted, 2);
	assert_string_equal(told.text, MESSAGE);
	proved_done(&told);
	end(&t);
	t = (struct trusted){ 0 };
	trust(&t, "plain", 0);
	trust(&t, "rsa", 0);
	trust(&t, "stranger", 0);
	begin(&t);
	prove_message(&t, message, size, &told);
	assert_int_equal(told.signature_count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(told.signatures[i].outcome, SIGNATURE_GOOD);
	assert_string_equal(told.text, MESSAGE);
	proved_done(&told);
	end(&t);
}

/* The message with `from` replaced by `to`, once. Owned by the caller. */
static char *altered(const char *message, const char *from, const char *to)
{
	const char *at = strstr(message, from);
	char *made;

	assert_non_null(at);
	assert_true(asprintf(&made, "%.*s%s%s", (int)(at - message), message, to, at + strlen(from)) >= 0);
	return made;
}

static void expect_text(struct trusted *t, char *message, enum signature_outcome outcome, const char *words)
{
	struct proved told;

	prove_message(t, message, strlen(message), &told);
	assert_int_equal(told.signature_count, 1);
	expect_signature(&told, 0, outcome, "", outcome == SIGNATURE_MALFORMED ? "" : "plain");
	if (!strstr(told.signatures[0].detail, words))
		fail_msg("\"%s\", not \"%s\"", told.signatures[0].detail, words);
	if (outcome == SIGNATURE_GOOD)
		assert_string_equal(told.text, MESSAGE);
	else
		assert_int_equal(told.text_size, 0);
	proved_done(&told);
	free(message);
}

static void test_text_altered(void **state)
{
	_cleanup_free_ char *m = read_whole(dir_fd, "message.asc", NULL), *foreign = read_whole(dir_fd, "foreign.asc", NULL);
	char *twice, *header;
	struct trusted t;

	begin_with(&t, "plain");
	expect_text(&t, altered(m, "end", "eNd"), SIGNATURE_BAD, "this is not what was signed");
	expect_text(&t, altered(m, "- -dash", "-  -dash"), SIGNATURE_BAD, "this is not what was signed");
	expect_text(&t, altered(m, "end\n", "end\n\n"), SIGNATURE_BAD, "this is not what was signed");
	/* unsigned text that would look signed */
	expect_text(&t, altered(m, "-----BEGIN", "junk\n-----BEGIN"), SIGNATURE_MALFORMED, "before the signed message");
	expect_text(&t, altered(m, "-----BEGIN", "\xef\xbb\xbf-----BEGIN"), SIGNATURE_MALFORMED, "before the signed message");
	expect_text(&t, altered(m, "-----END PGP SIGNATURE-----\n", "-----END PGP SIGNATURE-----\njunk\n"), SIGNATURE_MALFORMED,
		    "behind the signature");
	expect_text(&t, altered(m, "Hash:", "Comment: 0123 file\nHash:"), SIGNATURE_MALFORMED, "a header that looks like text");
	expect_text(&t, altered(m, "\n\n", "\n0123 file\n\n"), SIGNATURE_MALFORMED, "a header that looks like text");
	expect_text(&t, altered(m, "end\n", "end\n-----BEGIN PGP MESSAGE-----\n"), SIGNATURE_MALFORMED, "begins with dashes");
	expect_text(&t, altered(m, "-----END PGP SIGNATURE-----", "-----END PGP MESSAGE-----"), SIGNATURE_MALFORMED, "in the signature");
	assert_true(asprintf(&twice, "%s%s", m, foreign) >= 0);
	expect_text(&t, twice, SIGNATURE_MALFORMED, "behind the signature");
	assert_true(asprintf(&twice, "%s%s", foreign, m) >= 0);
	expect_text(&t, twice, SIGNATURE_MALFORMED, "behind the signature");
	expect_text(&t, strdup("hello\n"), SIGNATURE_MALFORMED, "before the signed message");
	expect_text(&t, strdup(""), SIGNATURE_MALFORMED, "there is no signed message");
	/* white space around it, CR LF, no header, another header than the true one: the same text */
	expect_text(&t, altered(m, "-----BEGIN", "\n \t\r\n-----BEGIN"), SIGNATURE_GOOD, "");
	expect_text(&t, altered(m, "-----END PGP SIGNATURE-----\n", "-----END PGP SIGNATURE-----\n\n \r\n"), SIGNATURE_GOOD, "");
	expect_text(&t, altered(m, "-----END PGP SIGNATURE-----\n", "-----END PGP SIGNATURE-----"), SIGNATURE_GOOD, "");
	expect_text(&t, altered(m, "end\n", "end \t \n"), SIGNATURE_GOOD, "");
	expect_text(&t, altered(m, "end\n", "end\r\n"), SIGNATURE_GOOD, "");
	expect_text(&t, altered(m, "Hash: ", "Hash: SHA1\nHash: "), SIGNATURE_GOOD, "");
	header = strndup(strstr(m, "Hash: "), strcspn(strstr(m, "Hash: "), "\n") + 1);
	expect_text(&t, altered(m, header, ""), SIGNATURE_GOOD, "");
	expect_text(&t, altered(m, header, "Hash: SHA1\n"), SIGNATURE_GOOD, "");
	free(header);
	end(&t);
}

static void test_text_with_nul_and_cut_off(void **state)
{
	size_t size;
	_cleanup_free_ char *m = read_whole(dir_fd, "message.asc", &size);
	struct trusted t;
	struct proved told;

	begin_with(&t, "plain");
	for (size_t n = size - 2; n > 12; n -= 11) {
		prove_message(&t, m, n, &told);
		expect_signature(&told, 0, SIGNATURE_MALFORMED, "", "");
		assert_int_equal(told.text_size, 0);
		proved_done(&told);
	}
	m[size - 1] = '\0';
	prove_message(&t, m, size, &told);
	expect_signature(&told, 0, SIGNATURE_MALFORMED, "", "");
	proved_done(&told);
	end(&t);
}

/* librnp reads lines in pieces of 4 KiB: where they end must not matter. */
static void test_text_with_long_lines(void **state)
{
	_cleanup_free_ char *message = NULL, *text = NULL;
	size_t size, text_size;
	struct trusted t;
	struct proved told;

	gpg_run(dir, "{ for i in $(seq 4080 4109); do head -c $i /dev/zero | tr '\\0' x; echo; done; seq 0 19999; } > long\n"
		     "sign plain long.asc --clearsign long\n");
	message = read_whole(dir_fd, "long.asc", &size);
	text = read_whole(dir_fd, "long", &text_size);
	begin_with(&t, "plain");
	prove_message(&t, message, size, &told);
	expect_signature(&told, 0, SIGNATURE_GOOD, "", "plain");
	assert_int_equal(told.text_size, text_size);
	assert_memory_equal(told.text, text, text_size);
	proved_done(&told);
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_suffixes),
		cmocka_unit_test(test_without_its_file_nothing_is_said),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_several_signers),
		cmocka_unit_test(test_subkeys),
		cmocka_unit_test(test_expired_and_revoked),
		cmocka_unit_test(test_weak),
		cmocka_unit_test(test_notations),
		cmocka_unit_test(test_text_mode),
		cmocka_unit_test(test_certification_is_no_signature),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_flipped_bits),
		cmocka_unit_test(test_embedded_signatures),
		cmocka_unit_test(test_large_file),
		cmocka_unit_test(test_start_with_no_certificate_fails),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_text_with_three_signatures),
		cmocka_unit_test(test_text_altered),
		cmocka_unit_test(test_text_with_nul_and_cut_off),
		cmocka_unit_test(test_text_with_long_lines),
	};

	return cmocka_run_group_tests(tests, make_specimens, remove_specimens);
}
