/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Minisign keys and signatures, held against the packaged minisign(1) in both directions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/base64.h"
#include "common/fd.h"
#include "common/minisign.h"

extern char **environ;

static char dir[] = "/tmp/lazaret-minisign-XXXXXX";
static int dir_fd = -EBADF;

/* Exit status of a program run in the test's directory, its output thrown away. */
static int run(const char *const argv[])
{
	posix_spawn_file_actions_t actions;
	int status;
	pid_t pid;

	assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
	assert_int_equal(posix_spawn_file_actions_addchdir_np(&actions, dir), 0);
	for (int fd = 0; fd < 3; fd++)
		assert_int_equal(posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0), 0);
	assert_int_equal(posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL })

static void put(const char *name, const void *data, size_t size)
{
	assert_int_equal(file_replace(dir_fd, name, data, size, 0644), 0);
}

static char *get(const char *name, size_t *ret_size)
{
	char *text;

	assert_int_equal(file_read(dir_fd, name, 1 << 20, &text, ret_size), 0);
	return text;
}

static int open_file(const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static struct minisign_public load_public(const char *name)
{
	struct minisign_public p;
	const char *why = NULL;
	size_t size;
	_cleanup_free_ char *text = get(name, &size);

	assert_int_equal(minisign_public_parse(text, size, &p, &why), 0);
	return p;
}

static struct minisign_secret *load_secret(const char *name)
{
	_cleanup_close_ int fd = open_file(name);
	struct minisign_secret *s;

	assert_int_equal(minisign_secret_load(fd, &s), 0);
	return s;
}

/* Outcome for file `name` with this signature text and one key. */
static struct minisign_result check(const char *name, const char *sig, size_t size, const struct minisign_public *key)
{
	_cleanup_close_ int fd = open_file(name);
	struct minisign_result result;

	assert_int_equal(minisign_verify_fd(fd, sig, size, key, 1, &result), 0);
	return result;
}

static char *sign(const struct minisign_secret *s, const char *name, const char *trusted)
{
	_cleanup_close_ int fd = open_file(name);
	char *text;

	assert_int_equal(minisign_sign_fd(s, fd, trusted, NULL, &text), 0);
	return text;
}

static int setup(void **state)
{
	_cleanup_free_ char *big = calloc(1, 3 << 20);
	struct minisign_public p;

	if (!mkdtemp(dir))
		return -1;
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	put("f", "hello\n", 6);
	put("empty", "", 0);
	memset(big, 'x', 3 << 20);
	put("big", big, 3 << 20); /* larger than one read */
	assert_int_equal(minisign_pair_make(dir_fd, "ours", &p), 0);
	assert_int_equal(RUN("minisign", "-G", "-W", "-p", "theirs.pub", "-s", "theirs.key"), 0);
	return 0;
}

static int teardown(void **state)
{
	close_p(&dir_fd);
	return dir_remove_tree(AT_FDCWD, dir);
}

static void test_base64_is_strict(void **state)
{
	uint8_t out[3];

	assert_int_equal(base64_decode("YWJj", 4, out, 3), 0);
	assert_memory_equal(out, "abc", 3);
	assert_int_equal(base64_decode("YWI=", 4, out, 2), 0);
	assert_int_equal(base64_decode("YWJ=", 4, out, 2), -EINVAL); /* stray bits */
	assert_int_equal(base64_decode("YQ==", 4, out, 1), 0);
	assert_int_equal(base64_decode("YR==", 4, out, 1), -EINVAL);
	assert_int_equal(base64_decode("YWI=", 4, out, 3), -EINVAL);
	assert_int_equal(base64_decode("YWJj", 4, out, 2), -EINVAL);
	assert_int_equal(base64_decode("YW\nj", 4, out, 3), -EINVAL);
	assert_int_equal(base64_decode("YWJ", 3, out, 2), -EINVAL);
	for (size_t size = 0; size < 100; size++) {
		uint8_t raw[100], back[100];
		char text[BASE64_LEN(100) + 1];

		for (size_t i = 0; i < size; i++)
			raw[i] = (uint8_t)(i * 37 + size);
		base64_encode(raw, size, text);
		assert_int_equal(strlen(text), BASE64_LEN(size));
		assert_int_equal(base64_decode(text, strlen(text), back, size), 0);
		assert_memory_equal(raw, back, size);
	}
}

static void test_minisign_verifies_ours(void **state)
{
	_cleanup_(minisign_secret_freep) struct minisign_secret *s = load_secret("ours.key");
	const char *names[] = { "f", "empty", "big" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		_cleanup_free_ char *text = sign(s, names[i], "transfer:T1\tfile:manifest.json");

		put("sig", text, strlen(text));
		assert_int_equal(RUN("minisign", "-V", "-H", "-p", "ours.pub", "-x", "sig", "-m", names[i]), 0);
	}
	put("g", "hello!\n", 7);
	assert_int_not_equal(RUN("minisign", "-V", "-p", "ours.pub", "-x", "sig", "-m", "g"), 0);
}

static void test_minisign_signs_with_our_secret_key(void **state)
{
	struct minisign_public ours = load_public("ours.pub");
	_cleanup_free_ char *text = NULL;
	size_t size;

	assert_int_equal(RUN("minisign", "-S", "-W", "-s", "ours.key", "-x", "x", "-m", "f", "-t", "by them"), 0);
	text = get("x", &size);
	assert_int_equal(check("f", text, size, &ours).outcome, MINISIGN_OK);
	assert_string_equal(check("f", text, size, &ours).trusted, "by them");
}

static void test_we_verify_theirs(void **state)
{
	struct minisign_public theirs = load_public("theirs.pub");
	const char *names[] = { "f", "empty", "big" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		_cleanup_free_ char *text = NULL;
		struct minisign_result r;
		size_t size;

		assert_int_equal(RUN("minisign", "-S", "-s", "theirs.key", "-x", "x", "-m", names[i], "-t", "v 1.2"), 0);
		text = get("x", &size);
		r = check(names[i], text, size, &theirs);
		assert_int_equal(r.outcome, MINISIGN_OK);
		assert_string_equal(r.trusted, "v 1.2");
		assert_memory_equal(r.key_id, theirs.id, sizeof(theirs.id));
		assert_null(r.why);
		assert_int_equal(check("g", text, size, &theirs).outcome, MINISIGN_BAD);
	}
}

static void test_we_sign_with_their_secret_key(void **state)
{
	_cleanup_(minisign_secret_freep) struct minisign_secret *s = load_secret("theirs.key");
	struct minisign_public theirs = load_public("theirs.pub");
	_cleanup_free_ char *text = sign(s, "f", "");

	assert_memory_equal(minisign_secret_public(s), &theirs, sizeof(theirs));
	assert_int_equal(check("f", text, strlen(text), &theirs).outcome, MINISIGN_OK);
	put("sig", text, strlen(text));
	assert_int_equal(RUN("minisign", "-V", "-p", "theirs.pub", "-x", "sig", "-m", "f"), 0);
}

static void test_default_comment_of_minisign_is_accepted(void **state)
{
	struct minisign_public theirs = load_public("theirs.pub");
	_cleanup_free_ char *text = NULL;
	size_t size;

	assert_int_equal(RUN("minisign", "-S", "-s", "theirs.key", "-x", "x", "-m", "f"), 0);
	text = get("x", &size);
	assert_non_null(memchr(text, '\t', size)); /* "timestamp:N<TAB>file:f" */
	assert_int_equal(check("f", text, size, &theirs).outcome, MINISIGN_OK);
}

static void test_legacy_signature_is_refused_by_name(void **state)
{
	struct minisign_public theirs = load_public("theirs.pub");
	_cleanup_free_ char *text = NULL;
	struct minisign_result r;
	size_t size;

	assert_int_equal(RUN("minisign", "-S", "-l", "-s", "theirs.key", "-x", "x", "-m", "f"), 0);
	text = get("x", &size);
	r = check("f", text, size, &theirs);
	assert_int_equal(r.outcome, MINISIGN_MALFORMED);
	assert_non_null(strstr(r.why, "legacy"));
}

static void test_every_changed_byte_is_found(void **state)
{
	_cleanup_(minisign_secret_freep) struct minisign_secret *s = load_secret("ours.key");
	const struct minisign_public *key = minisign_secret_public(s);
	_cleanup_free_ char *text = sign(s, "f", "transfer:20261122T011500Z-3f9a2c");
	size_t size = strlen(text), untrusted = (size_t)(strchr(text, '\n') - text);

	for (size_t i = 0; i < size; i++) {
		static const unsigned char masks[] = { 0x01, 0x20, 0x80, 0xff };

		for (size_t k = 0; k < ARRAY_LEN(masks); k++) {
			_cleanup_free_ char *bad = strdup(text);
			struct minisign_result r;

			bad[i] = (char)(bad[i] ^ masks[k]);
			r = check("f", bad, size, key);
			if (i >= strlen("untrusted comment: ") && i < untrusted)
				continue; /* the one text that nobody signs */
			assert_int_not_equal(r.outcome, MINISIGN_OK);
			assert_non_null(r.why);
			assert_int_equal(strlen(r.trusted), 0); /* unsigned words are not handed out */
		}
		if (i != size - 1) /* the final newline is optional */
			assert_int_equal(check("f", text, i, key).outcome, MINISIGN_MALFORMED);
	}
	assert_int_equal(check("f", text, size - 1, key).outcome, MINISIGN_OK);
}

static void test_untrusted_comment_is_free(void **state)
{
	_cleanup_(minisign_secret_freep) struct minisign_secret *s = load_secret("ours.key");
	_cleanup_free_ char *text = sign(s, "f", "t"), *other = NULL;

	assert_true(asprintf(&other, "untrusted comment: trust me%s", strchr(text, '\n')) > 0);
	assert_int_equal(check("f", other, strlen(other), minisign_secret_public(s)).outcome, MINISIGN_OK);
}

static void test_trusted_comment_of_another_signature(void **state)
{
	_cleanup_(minisign_secret_freep) struct minisign_secret *s = load_secret("ours.key");
	_cleanup_free_ char *one = sign(s, "f", "version:1"), *two = sign(s, "big", "version:2"), *mixed = NULL;
	struct minisign_result r;

	/* lines 1 and 2 of one, lines 3 and 4 of the other */
	assert_true(asprintf(&mixed, "%.*s%s", (int)(strstr(one, "trusted comment: version") - one), one,
			     strstr(two, "trusted comment: version")) > 0);
	r = check("f", mixed, strlen(mixed), minisign_secret_public(s));
	assert_int_equal(r.outcome, MINISIGN_BAD);
	assert_string_equal(r.why, "the trusted comment was altered");
}

/* Replace the first `from` in a good signature by `to`; what comes of it? */
static struct minisign_result with(const char *from, const char *to)
{
	_cleanup_(minisign_secret_freep) struct minisign_secret *s = load_secret("ours.key");
	_cleanup_free_ char *text = sign(s, "f", "words"), *changed = NULL;
	char *at = strstr(text, from);

	assert_non_null(at);
	assert_true(asprintf(&changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) > 0);
	return check("f", changed, strlen(changed), minisign_secret_public(s));
}

static void test_line_traps(void **state)
{
	_cleanup_(minisign_secret_freep) struct minisign_secret *s = load_secret("ours.key");
	_cleanup_free_ char *text = sign(s, "f", "words"), *junk = NULL, *crlf = NULL;
	static char nul[] = "untrusted comment: a\0b\n";
	char long_comment[MINISIGN_COMMENT_MAX + 64];

	assert_int_equal(with("words", "words").outcome, MINISIGN_OK);
	assert_int_equal(with("words\n", "words\r\n").outcome, MINISIGN_MALFORMED);
	assert_int_equal(with("words\n", "words \n").outcome, MINISIGN_BAD);
	assert_int_equal(with("words\n", "words\x1b[2J\n").outcome, MINISIGN_MALFORMED);
	assert_int_equal(with("words\n", "words\nmore\n").outcome, MINISIGN_MALFORMED);
	assert_int_equal(with("words\n", "").outcome, MINISIGN_MALFORMED);
	assert_int_equal(with("untrusted comment: ", "\nuntrusted comment: ").outcome, MINISIGN_MALFORMED);
	assert_int_equal(with("\ntrusted", " \ntrusted").outcome, MINISIGN_MALFORMED);
	memset(long_comment, 'a', sizeof(long_comment));
	long_comment[sizeof(long_comment) - 1] = '\0';
	assert_int_equal(with("signature from", long_comment).outcome, MINISIGN_MALFORMED);

	assert_true(asprintf(&junk, "%s\n", text) > 0);
	assert_int_equal(check("f", junk, strlen(junk), minisign_secret_public(s)).outcome, MINISIGN_MALFORMED);
	assert_true(asprintf(&crlf, "%.*s\r\n", (int)strlen(text) - 1, text) > 0);
	assert_int_equal(check("f", crlf, strlen(crlf), minisign_secret_public(s)).outcome, MINISIGN_MALFORMED);
	assert_int_equal(check("f", nul, sizeof(nul) - 1, minisign_secret_public(s)).outcome, MINISIGN_MALFORMED);
	assert_int_equal(check("f", "", 0, minisign_secret_public(s)).outcome, MINISIGN_MALFORMED);
}

static void test_bad_comments_are_not_signed(void **state)
{
	_cleanup_(minisign_secret_freep) struct minisign_secret *s = load_secret("ours.key");
	_cleanup_close_ int fd = open_file("f");
	char longest[MINISIGN_TRUSTED_MAX + 2], *text = NULL;

	assert_int_equal(minisign_sign_fd(s, fd, "a\nb", NULL, &text), -EINVAL);
	assert_int_equal(minisign_sign_fd(s, fd, "a\r", NULL, &text), -EINVAL);
	assert_int_equal(minisign_sign_fd(s, fd, "a", "b\nc", &text), -EINVAL);
	memset(longest, 'c', sizeof(longest));
	longest[MINISIGN_TRUSTED_MAX + 1] = '\0';
	assert_int_equal(minisign_sign_fd(s, fd, longest, NULL, &text), -EINVAL);
	longest[MINISIGN_TRUSTED_MAX] = '\0';
	assert_int_equal(minisign_sign_fd(s, fd, longest, NULL, &text), 0);
	assert_int_equal(check("f", text, strlen(text), minisign_secret_public(s)).outcome, MINISIGN_OK);
	put("sig", text, strlen(text));
	free(text);
	assert_int_equal(RUN("minisign", "-V", "-p", "ours.pub", "-x", "sig", "-m", "f"), 0);
}

static void test_keys_are_told_apart(void **state)
{
	_cleanup_(minisign_secret_freep) struct minisign_secret *s = load_secret("ours.key");
	_cleanup_free_ char *text = sign(s, "f", "t");
	struct minisign_public theirs = load_public("theirs.pub"), keys[3], forged = load_public("theirs.pub");
	_cleanup_close_ int fd = open_file("f");
	struct minisign_result r;

	r = check("f", text, strlen(text), &theirs);
	assert_int_equal(r.outcome, MINISIGN_UNKNOWN_KEY);
	assert_memory_equal(r.key_id, minisign_secret_public(s)->id, MINISIGN_ID_LEN);
	assert_int_equal(minisign_verify_fd(fd, text, strlen(text), NULL, 0, &r), 0);
	assert_int_equal(r.outcome, MINISIGN_UNKNOWN_KEY);

	/* another key with the same id must neither pass nor stand in the way of the right one */
	memcpy(forged.id, minisign_secret_public(s)->id, MINISIGN_ID_LEN);
	assert_int_equal(check("f", text, strlen(text), &forged).outcome, MINISIGN_BAD);
	keys[0] = theirs;
	keys[1] = forged;
	keys[2] = *minisign_secret_public(s);
	assert_int_equal(minisign_verify_fd(fd, text, strlen(text), keys, 3, &r), 0);
	assert_int_equal(r.outcome, MINISIGN_OK);
	assert_int_equal(r.key_index, 2);
}

static void test_position_of_the_descriptor_does_not_matter(void **state)
{
	_cleanup_(minisign_secret_freep) struct minisign_secret *s = load_secret("ours.key");
	_cleanup_close_ int fd = open_file("f");
	_cleanup_free_ char *text = NULL;
	struct minisign_result r;

	assert_int_equal(lseek(fd, 3, SEEK_SET), 3);
	assert_int_equal(minisign_sign_fd(s, fd, "t", NULL, &text), 0);
	assert_int_equal(minisign_verify_fd(fd, text, strlen(text), minisign_secret_public(s), 1, &r), 0);
	assert_int_equal(r.outcome, MINISIGN_OK);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 3);
	assert_int_equal(minisign_verify_bytes("hello\n", 6, text, strlen(text), minisign_secret_public(s), 1, &r), 0);
	assert_int_equal(r.outcome, MINISIGN_OK);
	assert_int_equal(minisign_verify_bytes("hellO\n", 6, text, strlen(text), minisign_secret_public(s), 1, &r), 0);
	assert_int_equal(r.outcome, MINISIGN_BAD);
}

static void test_unreadable_file_is_an_error_not_a_verdict(void **state)
{
	_cleanup_(minisign_secret_freep) struct minisign_secret *s = load_secret("ours.key");
	_cleanup_free_ char *text = sign(s, "f", "t");
	struct minisign_result r;

	assert_int_equal(minisign_verify_fd(dir_fd, text, strlen(text), minisign_secret_public(s), 1, &r), -EISDIR);
}

static int load_text(const char *text, size_t size)
{
	_cleanup_(minisign_secret_freep) struct minisign_secret *s = NULL;
	_cleanup_close_ int fd = memfd_create("key", MFD_CLOEXEC);

	assert_int_equal(fd_write_all(fd, text, size), 0);
	return minisign_secret_load(fd, &s);
}

static void test_secret_keys(void **state)
{
	size_t size;
	_cleanup_free_ char *text = get("ours.key", &size), *locked = strdup(text), *crossed = strdup(text);
	char *body = strchr(locked, '\n') + 1;
	uint8_t raw[158];
	struct stat st;

	assert_int_equal(fstatat(dir_fd, "ours.key", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(load_text(text, size), 0);
	assert_int_equal(load_text(text, size - 5), -EINVAL);
	assert_int_equal(load_text("", 0), -EINVAL);

	assert_int_equal(base64_decode(body, strlen(body) - 1, raw, sizeof(raw)), 0);
	memcpy(raw + 2, "Sc", 2); /* scrypt: encrypted with a password */
	base64_encode(raw, sizeof(raw), body);
	assert_int_equal(load_text(locked, strlen(locked)), -EKEYREJECTED);

	memcpy(raw + 2, "\0\0", 2);
	raw[94] ^= 1; /* the public half no longer belongs to the secret one */
	body = strchr(crossed, '\n') + 1;
	base64_encode(raw, sizeof(raw), body);
	assert_int_equal(load_text(crossed, strlen(crossed)), -EINVAL);
}

static void test_a_key_is_never_replaced(void **state)
{
	struct minisign_public before = load_public("ours.pub"), p, after;
	struct stat st;

	assert_int_equal(minisign_pair_make(dir_fd, "ours", &p), -EEXIST);
	put("half.pub", "x", 1);
	assert_int_equal(minisign_pair_make(dir_fd, "half", &p), -EEXIST);
	assert_int_equal(fstatat(dir_fd, "half.key", &st, 0), -1); /* no half pair left behind */
	after = load_public("ours.pub");
	assert_memory_equal(&before, &after, sizeof(before));
}

static void test_public_keys(void **state)
{
	static const struct {
		const char *text, *words;
	} refused[] = {
		{ "", "not a minisign" },
		{ "RWQ", "not a minisign" },
		{ "-----BEGIN PGP PUBLIC KEY BLOCK-----\n", "OpenPGP" },
		{ "-----BEGIN PUBLIC KEY-----\n", "PEM public key" },
		{ "-----BEGIN CERTIFICATE-----\n", "X.509" },
		{ "ssh-ed25519 AAAA", "SSH" },
		{ "untrusted comment: minisign encrypted secret key\nRWQ=\n", "secret key" },
		{ "\x99\x02", "binary" },
	};
	size_t size;
	_cleanup_free_ char *text = get("theirs.pub", &size), *more = NULL, *crlf = NULL, *back = NULL;
	struct minisign_public p, q;
	char line[MINISIGN_PUBLIC_TEXT_LEN + 1], id[MINISIGN_ID_TEXT_LEN + 1];
	const char *why = NULL;

	p = load_public("theirs.pub");
	minisign_public_base64(&p, line);
	assert_non_null(strstr(text, line));
	minisign_id_text(p.id, id);
	/* minisign prints the id in its comment, without leading zeros */
	assert_non_null(strstr(text, id + strspn(id, "0")));
	assert_int_equal(minisign_public_text(&p, &back), 0);
	assert_string_equal(strchr(back, '\n'), strchr(text, '\n'));
	assert_int_equal(minisign_public_parse(line, strlen(line), &q, NULL), 0);
	assert_memory_equal(&p, &q, sizeof(p));
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		assert_int_equal(minisign_public_parse(refused[i].text, strlen(refused[i].text), &q, &why), -EINVAL);
		assert_non_null(strstr(why, refused[i].words));
	}
	assert_true(asprintf(&more, "%sRWQ\n", text) > 0);
	assert_int_equal(minisign_public_parse(more, strlen(more), &q, &why), -EINVAL);
	assert_true(asprintf(&crlf, "%.*s\r\n", (int)size - 1, text) > 0);
	assert_int_equal(minisign_public_parse(crlf, strlen(crlf), &q, &why), -EINVAL);
}

static void test_fingerprints_differ_with_id_and_key(void **state)
{
	struct minisign_public p = load_public("ours.pub"), q = p;
	char one[MINISIGN_FINGERPRINT_LEN + 1], two[MINISIGN_FINGERPRINT_LEN + 1];

	assert_int_equal(minisign_fingerprint(&p, one), 0);
	assert_int_equal(strlen(one), MINISIGN_FINGERPRINT_LEN);
	q.id[0] ^= 1;
	assert_int_equal(minisign_fingerprint(&q, two), 0);
	assert_string_not_equal(one, two);
	q = p;
	q.key[31] ^= 1;
	assert_int_equal(minisign_fingerprint(&q, two), 0);
	assert_string_not_equal(one, two);
}

static void test_raw_signature(void **state)
{
	_cleanup_(minisign_secret_freep) struct minisign_secret *s = load_secret("ours.key");
	const struct minisign_public *p = minisign_secret_public(s);
	uint8_t sig[MINISIGN_SIG_LEN], hash[32] = { 1, 2, 3 };

	assert_int_equal(minisign_raw_sign(s, hash, sizeof(hash), sig), 0);
	assert_int_equal(minisign_raw_verify(p, hash, sizeof(hash), sig), 0);
	hash[31] ^= 1;
	assert_int_equal(minisign_raw_verify(p, hash, sizeof(hash), sig), -EBADMSG);
	hash[31] ^= 1;
	sig[63] ^= 0x80; /* S is then beyond the group order (RFC 8032 section 5.1.7) */
	assert_int_equal(minisign_raw_verify(p, hash, sizeof(hash), sig), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base64_is_strict),
		cmocka_unit_test(test_minisign_verifies_ours),
		cmocka_unit_test(test_minisign_signs_with_our_secret_key),
		cmocka_unit_test(test_we_verify_theirs),
		cmocka_unit_test(test_we_sign_with_their_secret_key),
		cmocka_unit_test(test_default_comment_of_minisign_is_accepted),
		cmocka_unit_test(test_legacy_signature_is_refused_by_name),
		cmocka_unit_test(test_every_changed_byte_is_found),
		cmocka_unit_test(test_untrusted_comment_is_free),
		cmocka_unit_test(test_trusted_comment_of_another_signature),
		cmocka_unit_test(test_line_traps),
		cmocka_unit_test(test_bad_comments_are_not_signed),
		cmocka_unit_test(test_keys_are_told_apart),
		cmocka_unit_test(test_position_of_the_descriptor_does_not_matter),
		cmocka_unit_test(test_unreadable_file_is_an_error_not_a_verdict),
		cmocka_unit_test(test_secret_keys),
		cmocka_unit_test(test_a_key_is_never_replaced),
		cmocka_unit_test(test_public_keys),
		cmocka_unit_test(test_fingerprints_differ_with_id_and_key),
		cmocka_unit_test(test_raw_signature),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
