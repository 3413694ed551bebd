/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What packages say of themselves: RECORD of wheels, npm's lock files, manifest.json of `docker save`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ipc/channel.h"

#include "../lib/testing.h"
#include "../lib/proving.h"

#define EMPTY_SUM "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define EMPTY_URL_SAFE "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
#define EMPTY_512                                                                                  \
	"cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
#define EMPTY_512_BASE64 "z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="
#define SUM_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SUM_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static struct prover prover;

static int start(void **state)
{
	prover_start(&prover, "lazaret-origin", NULL, 0);
	return 0;
}

static int end(void **state)
{
	prover_end(&prover);
	return 0;
}

static void prove_text(const char *path, enum evidence_format format, const char *text, size_t size, struct proved *ret)
{
	struct medium m = { 0 };

	medium_add(&m, path, text, size);
	prove(&prover, &m, path, format, PROVING_NOW, ret);
	assert_int_equal(ret->error, 0);
	assert_int_equal(ret->signature_count + ret->text_size, 0);
	medium_done(&m);
}

/* -- wheels ------------------------------------------------------------------------------------------------------ */

static void prove_record(const char *text, struct proved *ret)
{
	prove_text("x-1.dist-info/RECORD", EVIDENCE_WHEEL, text, strlen(text), ret);
}

/* As wheel and setuptools write it. */
static void test_wheel(void **state)
{
	struct proved told;

	prove_record("x/__init__.py,sha256=" EMPTY_URL_SAFE ",0\r\n\"x/a, \"\"b\"\".py\",sha256=" EMPTY_URL_SAFE ",0\n"
		     "x/c.pyc,,\nx-1.dist-info/RECORD,,\nx-1.dist-info/RECORD.p7s,,", &told);
	assert_int_equal(told.outcome, LIST_READ);
	assert_int_equal(told.flags, PROVED_COMPLETE);
	assert_int_equal(told.bad, 0);
	assert_int_equal(told.entry_count, 2);
	assert_non_null(find_entry(&told, "x/__init__.py", "sha256", EMPTY_SUM));
	assert_non_null(find_entry(&told, "x/a, \"b\".py", "sha256", EMPTY_SUM));
	proved_done(&told);
}

static void test_wheels_that_are_broken(void **state)
{
	static const char *const rows[] = {
		"x.py\n",
		"x.py,sha256=" EMPTY_URL_SAFE "\n",
		"x.py,sha256=" EMPTY_URL_SAFE ",0,\n",
		"\"x.py,sha256=" EMPTY_URL_SAFE ",0\n",
		"\"x\"y.py,sha256=" EMPTY_URL_SAFE ",0\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct proved told;

		prove_record(rows[i], &told);
		if (told.outcome != LIST_BROKEN || told.entry_count != 0 || told.flags & PROVED_COMPLETE)
			fail_msg("%s: outcome %u, %zu entries", rows[i], told.outcome, told.entry_count);
		proved_done(&told);
	}
}

/* As pip writes them, and Debian, of what was installed: they list nothing, and then nobody says that the list is of all. */
static void test_lines_that_list_nothing(void **state)
{
	static const char *const rows[] = {
		"x.py,,\n",
		"x.py,sha256=" EMPTY_SUM ",0\n",
		"../../bin/x,sha256=" EMPTY_URL_SAFE ",0\n",
		"x.py,md5=1B2M2Y8AsgTpgAmY7PhCfg,0\n",
		"x.py,sha256=" EMPTY_URL_SAFE "A,0\n",
		"x.py,sha256=,0\n",
		"x.py,sha256,0\n",
		"../x.py,sha256=" EMPTY_URL_SAFE ",0\n",
		"/x.py,sha256=" EMPTY_URL_SAFE ",0\n",
		",sha256=" EMPTY_URL_SAFE ",0\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct proved told;

		prove_record(rows[i], &told);
		if (told.outcome != LIST_READ || told.bad != 1 || told.entry_count != 0 || told.flags & PROVED_COMPLETE)
			fail_msg("%s: outcome %u, %zu entries", rows[i], told.outcome, told.entry_count);
		proved_done(&told);
	}
}

static void test_a_record_that_is_no_text(void **state)
{
	struct proved told;

	prove_text("x-1.dist-info/RECORD", EVIDENCE_WHEEL, "x.py\0,,", 7, &told);
	assert_int_equal(told.outcome, LIST_BROKEN);
	proved_done(&told);
}

/* -- npm --------------------------------------------------------------------------------------------------------- */

static void prove_lock(const char *text, struct proved *ret)
{
	prove_text("app/package-lock.json", EVIDENCE_NPM_LOCK, text, strlen(text), ret);
}

static void test_lock(void **state)
{
	struct proved told;

	prove_lock("{\"lockfileVersion\":3,\"packages\":{\"\":{\"name\":\"app\"},"
		   "\"node_modules/ms\":{\"resolved\":\"https://host/ms/-/ms-2.1.3.tgz?x#y\",\"integrity\":\"sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk= sha512-"
		   EMPTY_512_BASE64 "\"},"
		   "\"node_modules/f\":{\"resolved\":\"file:packs/./f.tgz\",\"integrity\":\"sha512-" EMPTY_512_BASE64 "?opt\"},"
		   "\"node_modules/up\":{\"resolved\":\"file:../up.tgz\",\"integrity\":\"sha512-" EMPTY_512_BASE64 "\"},"
		   "\"node_modules/git\":{\"resolved\":\"git+ssh://git@host/x.git#1\",\"integrity\":\"sha512-" EMPTY_512_BASE64 "\"},"
		   "\"node_modules/bundled\":{\"inBundle\":true}}}", &told);
	assert_int_equal(told.outcome, LIST_READ);
	assert_int_equal(told.bad, 0);
	assert_int_equal(told.flags, 0);
	assert_int_equal(told.entry_count, 2);
	assert_non_null(find_entry(&told, "app/ms-2.1.3.tgz", "sha512", EMPTY_512));
	assert_non_null(find_entry(&told, "app/packs/f.tgz", "sha512", EMPTY_512));
	proved_done(&told);
	/* the old form, in each other */
	prove_lock("{\"lockfileVersion\":1,\"dependencies\":{\"a\":{\"resolved\":\"https://h/a/-/a-1.tgz\",\"integrity\":\"sha512-" EMPTY_512_BASE64
		   "\",\"dependencies\":{\"b\":{\"resolved\":\"https://h/b/-/b-1.tgz\",\"integrity\":\"sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=\"}}}}}", &told);
	assert_int_equal(told.entry_count, 2);
	assert_non_null(find_entry(&told, "app/b-1.tgz", "sha1", "da39a3ee5e6b4b0d3255bfef95601890afd80709"));
	proved_done(&told);
}

/* "@a/x" and "x" are both x-1.tgz. */
static void test_two_packages_of_one_file_name(void **state)
{
	struct proved told;

	prove_lock("{\"packages\":{\"node_modules/x\":{\"resolved\":\"https://h/x/-/x-1.tgz\",\"integrity\":\"sha512-" EMPTY_512_BASE64 "\"},"
		   "\"node_modules/@a/x\":{\"resolved\":\"https://h/@a/x/-/x-1.tgz\",\"integrity\":\"sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=\"},"
		   "\"node_modules/@b/x\":{\"resolved\":\"https://h/@b/x/-/x-1.tgz\",\"integrity\":\"sha512-" EMPTY_512_BASE64 "\"}}}", &told);
	assert_int_equal(told.outcome, LIST_READ);
	assert_int_equal(told.entry_count, 0);
	proved_done(&told);
}

static void test_locks_that_are_broken(void **state)
{
	static const char *const rows[] = {
		"", "{", "[]", "{\"packages\":{\"a\":{\"resolved\":\"https://h/a.tgz\",\"integrity\":\"sha512-AAAA\"}}}",
		"{\"packages\":{\"a\":{\"resolved\":\"https://h/a.tgz\",\"integrity\":\"sha999-AAAA\"}}}",
		"{\"packages\":{\"a\":{\"resolved\":\"https://h/a.tgz\",\"integrity\":\"\"}}}",
	};
	struct proved told;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		prove_lock(rows[i], &told);
		if (told.outcome != LIST_BROKEN || told.entry_count != 0)
			fail_msg("%s: outcome %u, %zu entries", rows[i], told.outcome, told.entry_count);
		proved_done(&told);
	}
	prove_lock("{\"name\":\"app\"}", &told);
	assert_int_equal(told.outcome, LIST_NONE);
	proved_done(&told);
}

/* -- docker save --------------------------------------------------------------------------------------------------- */

static void prove_manifest(const char *manifest, const char *config_path, const char *config, struct proved *ret)
{
	struct medium m = { 0 };

	medium_add(&m, "d/manifest.json", manifest, strlen(manifest));
	if (config)
		medium_add(&m, config_path, config, strlen(config));
	prove(&prover, &m, "d/manifest.json", EVIDENCE_DOCKER_ARCHIVE, PROVING_NOW, ret);
	assert_int_equal(ret->error, 0);
	medium_done(&m);
}

#define TWO_LAYERS "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:" SUM_A "\",\"sha256:" SUM_B "\"]}}"

static void test_image(void **state)
{
	struct proved told;

	prove_manifest("[{\"Config\":\"" EMPTY_SUM ".json\",\"RepoTags\":[\"a:1\"],\"Layers\":[\"x/layer.tar\",\"" SUM_B ".tar\"]}]",
		       "d/" EMPTY_SUM ".json", TWO_LAYERS, &told);
	assert_int_equal(told.outcome, LIST_READ);
	assert_int_equal(told.flags, 0);
	assert_int_equal(told.entry_count, 3);
	assert_non_null(find_entry(&told, "d/" EMPTY_SUM ".json", "sha256", EMPTY_SUM));
	assert_non_null(find_entry(&told, "d/x/layer.tar", "sha256", SUM_A));
	assert_non_null(find_entry(&told, "d/" SUM_B ".tar", "sha256", SUM_B));
	proved_done(&told);
}

/* diff_ids are of layers that are not compressed; names, where they are digests, are of what is there. */
static void test_image_with_compressed_layers(void **state)
{
	struct proved told;

	prove_manifest("[{\"Config\":\"config.json\",\"Layers\":[\"blobs/sha256/" EMPTY_SUM "\",\"" SUM_A ".tar.gz\"]}]", "d/config.json",
		       TWO_LAYERS, &told);
	assert_int_equal(told.outcome, LIST_READ);
	assert_int_equal(told.entry_count, 2);
	assert_non_null(find_entry(&told, "d/blobs/sha256/" EMPTY_SUM, "sha256", EMPTY_SUM));
	assert_non_null(find_entry(&told, "d/" SUM_A ".tar.gz", "sha256", SUM_A));
	proved_done(&told);
}

static void test_images_that_are_broken(void **state)
{
	static const struct {
		const char *manifest, *config;
	} rows[] = {
		{ "[{\"Config\":\"c.json\",\"Layers\":[\"a.tar\"]}]", NULL },
		{ "[{\"Config\":\"c.json\",\"Layers\":[\"a.tar\"]}]", "[]" },
		{ "[{\"Config\":\"c.json\",\"Layers\":[\"a.tar\"]}]", "{}" },
		{ "[{\"Config\":\"c.json\",\"Layers\":[\"a.tar\"]}]", TWO_LAYERS },
		{ "[{\"Config\":\"c.json\",\"Layers\":[\"../a.tar\",\"/b.tar\"]}]", TWO_LAYERS },
		{ "[{\"Config\":\"c.json\",\"Layers\":[1,null]}]", TWO_LAYERS },
		{ "[{\"Config\":\"c.json\"}]", TWO_LAYERS },
		{ "[{\"Config\":\"../c.json\",\"Layers\":[]}]", TWO_LAYERS },
		{ "[{\"Layers\":[]}]", TWO_LAYERS },
		{ "[{\"Config\":\"c.json\",\"Layers\":[\"a.tar\"]}]", "{\"rootfs\":{\"diff_ids\":[\"md5:0\"]}}" },
		{ "{}", TWO_LAYERS },
		{ "[", TWO_LAYERS },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct proved told;

		prove_manifest(rows[i].manifest, "d/c.json", rows[i].config, &told);
		if (told.outcome != LIST_BROKEN || told.entry_count != 0)
			fail_msg("%zu: %s: outcome %u, %zu entries", i, rows[i].manifest, told.outcome, told.entry_count);
		proved_done(&told);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wheel),
		cmocka_unit_test(test_wheels_that_are_broken),
		cmocka_unit_test(test_lines_that_list_nothing),
		cmocka_unit_test(test_a_record_that_is_no_text),
		cmocka_unit_test(test_lock),
		cmocka_unit_test(test_two_packages_of_one_file_name),
		cmocka_unit_test(test_locks_that_are_broken),
		cmocka_unit_test(test_image),
		cmocka_unit_test(test_image_with_compressed_layers),
		cmocka_unit_test(test_images_that_are_broken),
	};

	return cmocka_run_group_tests(tests, start, end);
}
