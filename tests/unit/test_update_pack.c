/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* pack.json: what is written is read, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/testing.h"
#include "common/base64.h"
#include "update/pack.h"

static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";

static struct pack *make(void)
{
	struct pack *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->name = strdup("site");
	p->version = 7;
	p->made = 1700000000;
	p->stations = calloc(2, sizeof(*p->stations));
	p->stations[p->station_count++] = strdup("0123456789abcdef");
	p->stations[p->station_count++] = strdup("reactors");
	p->members = calloc(2, sizeof(*p->members));
	p->members[0] = (struct pack_member){ .kind = PACK_DATABASE, .path = strdup("database/a.hdb"), .size = 3, .time = 5 };
	p->members[1] = (struct pack_member){ .kind = PACK_KEY, .path = strdup("keys/v.pub"), .size = 4, .name = strdup("v"),
					      .purposes = 1u << PURPOSE_FILES | 1u << PURPOSE_CODE };
	p->member_count = 2;
	for (size_t i = 0; i < 2; i++)
		memcpy(p->members[i].sha256, zeros, sizeof(zeros));
	return p;
}

static void test_written_is_read(void **state)
{
	struct pack *p = make(), *again = NULL;
	char *text = pack_text(p), *why = NULL;

	assert_non_null(text);
	assert_int_equal(pack_parse(text, strlen(text), &again, &why), 0);
	assert_string_equal(again->name, "site");
	assert_int_equal(again->version, 7);
	assert_int_equal(again->member_count, 2);
	assert_string_equal(again->members[1].name, "v");
	assert_int_equal(again->members[1].purposes, 1u << PURPOSE_FILES | 1u << PURPOSE_CODE);
	pack_free(again);
	free(text);
	pack_free(p);
}

/* Every single byte changed, left out or put twice: another pack that says it so, or none; never one that would be written otherwise. */
static void test_one_way_to_say_it(void **state)
{
	struct pack *p = make();
	char *text = pack_text(p);
	size_t size = strlen(text), taken = 0;
	char *copy = malloc(size + 2);

	for (size_t at = 0; at < size; at++)
		for (unsigned int how = 0; how < 10; how++) {
			struct pack *other = NULL;
			char *why = NULL, *said;
			size_t n = how == 8 ? size - 1 : how == 9 ? size + 1 : size;

			memcpy(copy, text, at);
			if (how == 8)
				memcpy(copy + at, text + at + 1, size - at - 1);
			else
				memcpy(copy + at + (how == 9), text + at, size - at);
			if (how < 8)
				copy[at] = (char)(copy[at] ^ (1 << how));
			else if (how == 9)
				copy[at] = text[at];
			if (pack_parse(copy, n, &other, &why) == 0) {
				said = pack_text(other);
				assert_int_equal(strlen(said), n);
				assert_memory_equal(said, copy, n);
				free(said);
				taken++;
			}
			pack_free(other);
			free(why);
		}
	assert_true(taken > 0); /* another digit of a size is another pack */
	free(copy);
	free(text);
	pack_free(p);
}

static void refused(const char *from, const char *to, const char *words)
{
	struct pack *p = make(), *other = NULL;
	char *text = pack_text(p), *at = strstr(text, from), *changed = NULL, *why = NULL;

	assert_non_null(at);
	assert_true(asprintf(&changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) >= 0);
	assert_int_equal(pack_parse(changed, strlen(changed), &other, &why), -EBADMSG);
	assert_non_null(why);
	if (!strstr(why, words))
		fail_msg("%s: %s", to, why);
	free(why);
	free(changed);
	free(text);
	pack_free(p);
}

static void test_refused(void **state)
{
	refused("database/a.hdb", "database/a.cld", "looks like a signed database");
	refused("database/a.hdb", "database/../a.hdb", "its name is not");
	refused("database/a.hdb", "yara/a.hdb", "not where a member of its kind");
	refused("database/a.hdb", "/etc/a.hdb", "not where a member of its kind");
	refused("keys/v.pub", "keys/v.key", "NAME.pub");
	refused("\"code\"", "\"update\"", "cannot bring a key for updates");
	refused("\"code\"", "\"nothing\"", "a purpose that keys cannot have");
	refused("lazaret.pack/1", "lazaret.pack/2", "not in the form");
	refused("\"reactors\"", "\"any thing\"", "station or group");
	refused("\"version\": 7", "\"version\": 0", "out of bounds");
	refused("\"version\": 7", "\"version\": 1000000000000", "out of bounds");
	refused("\"version\": 7", "\"version\": 7.0", "not in the form");
	refused("\"name\": \"site\"", "\"name\": \"../x\"", "out of bounds");
	refused(" \"version\"", "\"version\"", "not as `lazaret pack make` writes it");
	refused("\"kind\": \"database\",\n   \"path\": \"database/a.hdb\"", "\"kind\": \"appliance\",\n   \"path\": \"appliance/root.squashfs\"", "belong together");
	refused("\"kind\": \"database\",\n   \"path\": \"database/a.hdb\"", "\"kind\": \"appliance\",\n   \"path\": \"appliance/esp.img\"", "root.squashfs, root.verity");
}

static void test_for_whom(void **state)
{
	static const char *const groups[] = { "others", "reactors" };
	struct pack *p = make();

	assert_true(pack_is_for(p, "0123456789abcdef", NULL, 0));
	assert_false(pack_is_for(p, "0123456789abcdee", NULL, 0));
	assert_false(pack_is_for(p, "0123456789abcdee", groups, 1));
	assert_true(pack_is_for(p, "0123456789abcdee", groups, 2));
	free(p->stations[1]);
	p->stations[1] = strdup("any");
	assert_true(pack_is_for(p, "0123456789abcdee", NULL, 0));
	assert_false(pack_station_ok("ANY"));
	assert_false(pack_station_ok(""));
	assert_true(pack_station_ok("any"));
	pack_free(p);
}

/* Signed with `secret`; the store has its public half for these purposes, with this end. */
static void verified(const struct minisign_secret *secret, const char *purpose, int until, int expected, const char *words)
{
	int fd = memory_file("some bytes", 10);
	char *sig = NULL, *public = NULL, *why = NULL, encoded[BASE64_LEN(MINISIGN_PUBLIC_MAX) + 1];
	struct pack_signer signer = { 0 };
	json_t *keys = json_array();

	assert_int_equal(minisign_sign_fd(secret, fd, "words", NULL, &sig), 0);
	assert_int_equal(minisign_public_text(minisign_secret_public(secret), &public), 0);
	base64_encode(public, strlen(public), encoded);
	if (purpose)
		assert_int_equal(json_array_append_new(keys, json_pack("{s:s,s:s,s:s,s:[s],s:i,s:i}", "name", "k", "kind", "minisign", "key",
								       encoded, "purposes", purpose, "until", until, "expires", 0)), 0);
	assert_int_equal(pack_verify(fd, sig, strlen(sig), keys, 1000, &signer, &why), expected);
	if (words && !strstr(why ? why : "", words))
		fail_msg("%s: %s", words, why ? why : "nothing");
	if (expected == 0)
		assert_string_equal(signer.name, "k");
	free(why);
	json_decref(keys);
	free(public);
	free(sig);
	close(fd);
}

static void test_signers(void **state)
{
	struct minisign_secret *secret = NULL;

	assert_int_equal(minisign_secret_new(&secret), 0);
	verified(secret, NULL, 0, -EKEYREJECTED, "does not know");
	verified(secret, "files", 0, -EKEYREJECTED, "not trusted for updates");
	verified(secret, "update", 1000, -EKEYREJECTED, "expired");
	verified(secret, "update", 1001, 0, NULL);
	verified(secret, "update", 0, 0, NULL);
	minisign_secret_free(secret);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_written_is_read), cmocka_unit_test(test_one_way_to_say_it), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_for_whom),	cmocka_unit_test(test_signers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
