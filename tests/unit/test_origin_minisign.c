/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Minisign signatures: what counts as good, and the ways to make a bad one look so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/minisign.h"
#include "ipc/channel.h"
#include "origin/limits.h"

#include "../lib/testing.h"
#include "../lib/proving.h"

#define NOW PROVING_NOW

static struct minisign_secret *vendor, *stranger;

static int make_keys(void **state)
{
	return minisign_secret_new(&vendor) < 0 || minisign_secret_new(&stranger) < 0;
}

static int free_keys(void **state)
{
	vendor = minisign_secret_free(vendor);
	stranger = minisign_secret_free(stranger);
	return 0;
}

struct ring {
	struct prover prover;
	struct pretend_key keys[4];
	size_t count;
};

static void ring_add(struct ring *r, const char *name, const struct minisign_public *key, uint64_t until)
{
	char *text = NULL;

	assert_int_equal(minisign_public_text(key, &text), 0);
	r->keys[r->count++] = (struct pretend_key){ name, KEY_MINISIGN, text, strlen(text), until };
}

static void ring_start(struct ring *r)
{
	prover_start(&r->prover, "lazaret-origin", r->keys, r->count);
}

static void ring_of(struct ring *r, const struct minisign_secret *s, uint64_t until)
{
	*r = (struct ring){ .count = 0 };
	ring_add(r, "vendor-x", minisign_secret_public(s), until);
	ring_start(r);
}

static void ring_end(struct ring *r)
{
	prover_end(&r->prover);
	for (size_t i = 0; i < r->count; i++)
		free((void *)(uintptr_t)r->keys[i].bytes);
}

static char *sign(const struct minisign_secret *s, const char *content, const char *comment)
{
	_cleanup_close_ int fd = memory_text(content);
	char *text;

	assert_int_equal(minisign_sign_fd(s, fd, comment, NULL, &text), 0);
	return text;
}

/* The outcome for this signature beside this file; `ret` may be NULL. */
static enum signature_outcome check(struct ring *r, const char *sig, const char *content, const char *path,
				    struct told_signature *ret)
{
	char sig_path[256];
	struct medium m = { 0 };
	struct proved told;
	enum signature_outcome outcome;

	(void)snprintf(sig_path, sizeof(sig_path), "%s.minisig", path);
	medium_add(&m, path, content, strlen(content));
	medium_add(&m, sig_path, sig, strlen(sig));
	prove(&r->prover, &m, sig_path, EVIDENCE_MINISIGN, NOW, &told);
	assert_int_equal(told.error, 0);
	assert_int_equal(told.signature_count, 1);
	assert_int_equal(told.entry_count + told.text_size, 0);
	assert_string_equal(told.signatures[0].path, path);
	outcome = told.signatures[0].outcome;
	if (ret) {
		*ret = told.signatures[0];
		ret->path = NULL;
	}
	proved_done(&told);
	medium_done(&m);
	return outcome;
}

static void test_good(void **state)
{
	_cleanup_free_ char *sig = sign(vendor, "data", "timestamp:1\tfile:a.bin\thashed");
	char id[MINISIGN_ID_TEXT_LEN + 1];
	struct told_signature v;
	struct ring r;

	ring_of(&r, vendor, 0);
	assert_int_equal(check(&r, sig, "data", "dir/a.bin", &v), SIGNATURE_GOOD);
	assert_string_equal(v.key_name, "vendor-x");
	assert_string_equal(v.detail, "timestamp:1\tfile:a.bin\thashed");
	minisign_id_text(minisign_secret_public(vendor)->id, id);
	assert_string_equal(v.key_id, id);
	ring_end(&r);
}

static void test_altered_file_is_bad(void **state)
{
	_cleanup_free_ char *sig = sign(vendor, "data", "x");
	struct told_signature v;
	struct ring r;

	ring_of(&r, vendor, 0);
	assert_int_equal(check(&r, sig, "Data", "a", &v), SIGNATURE_BAD);
	assert_string_equal(v.key_name, "");
	assert_int_equal(check(&r, sig, "dat", "a", NULL), SIGNATURE_BAD);
	assert_int_equal(check(&r, sig, "data\n", "a", NULL), SIGNATURE_BAD);
	ring_end(&r);
}

/* The comment is what binds the name: altering it must not go unnoticed. */
static void test_altered_comment_is_bad(void **state)
{
	_cleanup_free_ char *sig = sign(vendor, "data", "timestamp:1\tfile:a.bin\thashed");
	char *at = strstr(sig, "a.bin");
	struct ring r;

	at[0] = 'b';
	ring_of(&r, vendor, 0);
	assert_int_equal(check(&r, sig, "data", "b.bin", NULL), SIGNATURE_BAD);
	ring_end(&r);
}

static void test_unknown_key_is_untrusted(void **state)
{
	_cleanup_free_ char *sig = sign(stranger, "data", "x");
	struct ring r, empty = { .count = 0 };
	struct told_signature v;

	ring_of(&r, vendor, 0);
	assert_int_equal(check(&r, sig, "data", "a", &v), SIGNATURE_UNTRUSTED);
	assert_string_equal(v.key_name, "");
	assert_int_equal(strlen(v.key_id), MINISIGN_ID_TEXT_LEN);
	ring_end(&r);
	ring_start(&empty);
	assert_int_equal(check(&empty, sig, "data", "a", NULL), SIGNATURE_UNTRUSTED);
	ring_end(&empty);
}

/* Keys of other kinds are not this format's, and are not in its way. */
static void test_other_kinds_do_not_count(void **state)
{
	_cleanup_free_ char *sig = sign(vendor, "data", "x");
	struct ring r = { .count = 0 };

	ring_add(&r, "vendor-x", minisign_secret_public(vendor), 0);
	r.keys[0].kind = KEY_SIGNIFY;
	ring_start(&r);
	assert_int_equal(check(&r, sig, "data", "a", NULL), SIGNATURE_UNTRUSTED);
	ring_end(&r);
}

/* A key id is eight bytes that anyone can put into a signature. */
static void test_borrowed_key_id_is_bad(void **state)
{
	struct minisign_public forged = *minisign_secret_public(vendor);
	_cleanup_free_ char *sig = sign(stranger, "data", "x");
	struct ring r = { .count = 0 };

	memcpy(forged.id, minisign_secret_public(stranger)->id, sizeof(forged.id));
	ring_add(&r, "vendor-x", &forged, 0);
	ring_start(&r);
	assert_int_equal(check(&r, sig, "data", "a", NULL), SIGNATURE_BAD);
	ring_end(&r);
}

static const struct {
	const char *comment, *path;
	enum signature_outcome outcome;
} names_table[] = {
	{ "timestamp:1\tfile:a.bin\thashed", "a.bin", SIGNATURE_GOOD },
	{ "timestamp:1\tfile:a.bin\thashed", "x/y/a.bin", SIGNATURE_GOOD },
	{ "timestamp:1\tfile:a.bin\thashed", "b.bin", SIGNATURE_OTHER_FILE },
	{ "timestamp:1\tfile:a.bin\thashed", "A.BIN", SIGNATURE_OTHER_FILE },
	{ "timestamp:1\tfile:a.bin/\thashed", "a.bin", SIGNATURE_OTHER_FILE },
	{ "timestamp:1\tfile:a.bin\thashed", "a.bin/b", SIGNATURE_OTHER_FILE },
	{ "timestamp:1\tfile:a.bin\thashed", "a.bi", SIGNATURE_OTHER_FILE },
	{ "timestamp:1\tfile:a.bin\thashed", "a.binx", SIGNATURE_OTHER_FILE },
	{ "timestamp:1\tfile:a b\thashed", "a b", SIGNATURE_GOOD },
	{ "timestamp:1\tfile:a b\thashed", "a", SIGNATURE_OTHER_FILE },
	{ "file:a", "a", SIGNATURE_GOOD },
	{ "file:a", "b", SIGNATURE_OTHER_FILE },
	{ "timestamp:1 file:a hashed", "a", SIGNATURE_GOOD },
	{ "timestamp:1 file:a hashed", "b", SIGNATURE_OTHER_FILE },
	{ "timestamp:1 file:a b", "a b", SIGNATURE_GOOD },
	{ "file:a\tfile:b", "a", SIGNATURE_OTHER_FILE },
	{ "file:a\tfile:b", "b", SIGNATURE_OTHER_FILE },
	{ "timestamp:1\thashed", "anything", SIGNATURE_GOOD },
	{ "", "anything", SIGNATURE_GOOD },
	{ "see profile:x", "anything", SIGNATURE_GOOD },
};

static void test_name_binding(void **state)
{
	struct ring r;

	ring_of(&r, vendor, 0);
	for (size_t i = 0; i < ARRAY_LEN(names_table); i++) {
		_cleanup_free_ char *sig = sign(vendor, "data", names_table[i].comment);
		struct told_signature v;

		if (check(&r, sig, "data", names_table[i].path, &v) != names_table[i].outcome)
			fail_msg("\"%s\" for %s: %d", names_table[i].comment, names_table[i].path, v.outcome);
		assert_string_equal(v.key_name, "vendor-x");
	}
	ring_end(&r);
}

static void test_expired_keys_do_not_count(void **state)
{
	_cleanup_free_ char *sig = sign(vendor, "data", "x");
	struct ring just, later;
	struct told_signature v;

	ring_of(&just, vendor, NOW);
	ring_of(&later, vendor, NOW + 1);
	assert_int_equal(check(&later, sig, "data", "a", NULL), SIGNATURE_GOOD);
	assert_int_equal(check(&just, sig, "data", "a", &v), SIGNATURE_EXPIRED);
	assert_string_equal(v.key_name, "vendor-x");
	assert_non_null(strstr(v.detail, "'vendor-x', which has expired"));
	assert_int_equal(check(&just, sig, "other", "a", NULL), SIGNATURE_BAD);
	ring_end(&just);
	ring_end(&later);
}

/* The officer trusted the key again under another name: the older entry's end is not in the way. */
static void test_renewed_key_counts(void **state)
{
	_cleanup_free_ char *sig = sign(vendor, "data", "x");
	struct ring r = { .count = 0 };
	struct told_signature v;

	ring_add(&r, "vendor-x", minisign_secret_public(vendor), 1);
	ring_add(&r, "renewed", minisign_secret_public(vendor), 0);
	ring_start(&r);
	assert_int_equal(check(&r, sig, "data", "a", &v), SIGNATURE_GOOD);
	assert_string_equal(v.key_name, "renewed");
	ring_end(&r);
}

static void test_malformed(void **state)
{
	_cleanup_free_ char *sig = sign(vendor, "data", "x"), *longer = NULL, *huge = malloc(MINISIGN_TEXT_MAX + 100);
	struct told_signature v;
	struct ring r;

	ring_of(&r, vendor, 0);
	assert_int_equal(check(&r, "", "data", "a", &v), SIGNATURE_MALFORMED);
	assert_string_equal(v.key_id, "");
	assert_true(v.detail[0] != '\0');
	assert_true(asprintf(&longer, "%sjunk", sig) > 0);
	assert_int_equal(check(&r, longer, "data", "a", NULL), SIGNATURE_MALFORMED);
	assert_int_equal(check(&r, "-----BEGIN PGP SIGNATURE-----\n", "data", "a", NULL), SIGNATURE_MALFORMED);
	/* a good signature with more behind it than is read */
	(void)snprintf(huge, MINISIGN_TEXT_MAX + 100, "%s%0*d", sig, (int)(MINISIGN_TEXT_MAX - strlen(sig) + 50), 0);
	assert_int_equal(check(&r, huge, "data", "a", NULL), SIGNATURE_MALFORMED);
	for (size_t cut = 0; cut + 1 < strlen(sig); cut++) {
		_cleanup_free_ char *part = strndup(sig, cut);

		assert_int_equal(check(&r, part, "data", "a", NULL), SIGNATURE_MALFORMED);
	}
	ring_end(&r);
}

/* The longest comment that is allowed fits into the answer, cut. */
static void test_long_comment(void **state)
{
	char comment[MINISIGN_TRUSTED_MAX + 1];
	_cleanup_free_ char *sig = NULL;
	struct ring r;

	memset(comment, 'c', sizeof(comment) - 1);
	comment[sizeof(comment) - 1] = '\0';
	sig = sign(vendor, "data", comment);
	ring_of(&r, vendor, 0);
	assert_int_equal(check(&r, sig, "data", "a", NULL), SIGNATURE_GOOD);
	ring_end(&r);
}

/* The signed file is not there, or the name is not one of a signature: nothing is said. */
static void test_nothing_to_say(void **state)
{
	static const char *const paths[] = { "d/a.minisig", "d/other", ".minisig" };
	_cleanup_free_ char *sig = sign(vendor, "data", "x");
	struct ring r;

	ring_of(&r, vendor, 0);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct medium m = { 0 };
		struct proved told;

		medium_add(&m, "a", "data", 4); /* in another directory */
		medium_add(&m, paths[i], sig, strlen(sig));
		prove(&r.prover, &m, paths[i], EVIDENCE_MINISIGN, NOW, &told);
		assert_int_equal(told.error, 0);
		assert_int_equal(told.signature_count, 0);
		assert_int_equal(told.outcome, LIST_NONE);
		assert_int_equal(told.wanted_count, i == 0);
		proved_done(&told);
		medium_done(&m);
	}
	ring_end(&r);
}

/* What cannot be read is no verdict of any kind: the role ends, or says that it could not. */
static void test_unreadable_is_no_verdict(void **state)
{
	_cleanup_close_ int directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct medium m = { 0 };
	struct proved told;
	struct ring r;

	ring_of(&r, vendor, 0);
	medium_add(&m, "a", "data", 4);
	prove_fd(&r.prover, &m, "a.minisig", directory, EVIDENCE_MINISIGN, NOW, &told);
	assert_int_equal(told.error, -EINVAL);
	assert_int_equal(told.signature_count, 0);
	proved_done(&told);
	medium_done(&m);
	ring_end(&r);
}

/* More keys than are kept, and what is no key: the role does not start. */
static void test_ring_refuses(void **state)
{
	struct pretend_key keys[KEYS_MAX + 1];
	char text[MINISIGN_PUBLIC_TEXT_LEN + 1];
	struct prover p;

	minisign_public_base64(minisign_secret_public(vendor), text);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		keys[i] = (struct pretend_key){ "x", KEY_MINISIGN, text, strlen(text), 0 };
	prover_start(&p, "lazaret-origin", keys, KEYS_MAX);
	prover_end(&p);
	prover_send_start(&p, "lazaret-origin", keys, KEYS_MAX + 1);
	assert_int_equal(channel_expect(&p.peer.channel, MESSAGE_READY, &proving_in, NULL), -E2BIG);
	assert_int_equal(peer_wait(&p.peer), EXIT_FAILURE);
	keys[0].bytes = "not a key";
	keys[0].size = 9;
	prover_send_start(&p, "lazaret-origin", keys, 1);
	assert_int_equal(channel_expect(&p.peer.channel, MESSAGE_READY, &proving_in, NULL), -EINVAL);
	assert_int_equal(peer_wait(&p.peer), EXIT_FAILURE);
}

/* What minisign itself makes, today's way and the legacy one; moved to another name, cut, and beside another file. */
static void test_specimens_of_minisign(void **state)
{
	char dir[64];
	int dir_fd = private_directory(dir);
	_cleanup_free_ char *key = NULL, *sig = NULL;
	struct told_signature v;
	struct prover p;
	struct ring r;
	size_t size;

	write_file(dir_fd, "a.bin", "data", 4);
	tool_run(dir, "minisign", "-G", "-W", "-p", "v.pub", "-s", "v.key");
	tool_run(dir, "minisign", "-S", "-H", "-s", "v.key", "-m", "a.bin");
	key = read_whole(dir_fd, "v.pub", &size);
	sig = read_whole(dir_fd, "a.bin.minisig", NULL);
	r = (struct ring){ .keys = { { "vendor-x", KEY_MINISIGN, key, size, 0 } }, .count = 1 };
	ring_start(&r);
	assert_int_equal(check(&r, sig, "data", "d/a.bin", &v), SIGNATURE_GOOD);
	assert_non_null(strstr(v.detail, "file:a.bin"));
	assert_int_equal(check(&r, sig, "data", "d/b.bin", NULL), SIGNATURE_OTHER_FILE);
	assert_int_equal(check(&r, sig, "date", "d/a.bin", NULL), SIGNATURE_BAD);
	free_p(&sig);
	tool_run(dir, "minisign", "-S", "-l", "-s", "v.key", "-m", "a.bin");
	sig = read_whole(dir_fd, "a.bin.minisig", NULL);
	assert_int_equal(check(&r, sig, "data", "d/a.bin", &v), SIGNATURE_MALFORMED);
	assert_non_null(strstr(v.detail, "legacy"));
	p = r.prover;
	prover_end(&p);
	remove_private_directory(dir_fd, dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_altered_file_is_bad),
		cmocka_unit_test(test_altered_comment_is_bad),
		cmocka_unit_test(test_unknown_key_is_untrusted),
		cmocka_unit_test(test_other_kinds_do_not_count),
		cmocka_unit_test(test_borrowed_key_id_is_bad),
		cmocka_unit_test(test_name_binding),
		cmocka_unit_test(test_expired_keys_do_not_count),
		cmocka_unit_test(test_renewed_key_counts),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_long_comment),
		cmocka_unit_test(test_nothing_to_say),
		cmocka_unit_test(test_unreadable_is_no_verdict),
		cmocka_unit_test(test_ring_refuses),
		cmocka_unit_test(test_specimens_of_minisign),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
