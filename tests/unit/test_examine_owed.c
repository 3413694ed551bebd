/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What libclamav leaves to the roles that open containers, under whose digest, and what it spares them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../lib/testing.h"
#include "../lib/examining.h"

static struct bench bench;
static struct clam *engine;

/* One file, scanned as a worker does. */
struct look {
	struct findings findings;
	struct tally tally;
	struct containers containers;
	uint8_t sum[SHA256_LEN];
};

static int set_up(void **state)
{
	static const char *const databases[] = { "eicar.ndb", "eicar.hdb", NULL };

	bench_make(&bench, NULL);
	engine = engine_open(&bench, databases);
	return 0;
}

static int tear_down(void **state)
{
	clam_free(engine);
	bench_remove(&bench);
	return 0;
}

static void run_in_bench(const char *command)
{
	char text[4096];

	(void)snprintf(text, sizeof(text), "cd %s && exec >/dev/null 2>&1 && %s", bench.dir, command);
	if (system(text) != 0)
		fail_msg("%s", command);
}

static void sum_of(const char *name, uint8_t sum[static SHA256_LEN])
{
	int fd = openat(bench.dir_fd, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || sha256_fd(fd, sum, NULL) < 0)
		fail_msg("%s", name);
	(void)close(fd);
}

static void look_at(const char *name, struct look *l)
{
	_cleanup_free_ char *data = NULL;
	struct clam_file file = { .raw_name = name, .sum = l->sum, .containers = &l->containers };

	memset(l, 0, sizeof(*l));
	if (file_read(bench.dir_fd, name, 64 << 20, &data, &file.size) < 0)
		fail_msg("%s", name);
	file.data = (const uint8_t *)data;
	sum_of(name, l->sum);
	containers_find(file.data, file.size, &l->containers);
	(void)clam_inspect(engine, &file, &l->findings, &l->tally);
}

static void look_done(struct look *l)
{
	findings_done(&l->findings);
	tally_done(&l->tally);
}

static void print_look(const char *name, const struct look *l)
{
	print_findings(name, &l->findings);
	for (size_t i = 0; i < l->tally.owed_count; i++)
		print_message("    owed: %s @ %s\n", l->tally.owed[i].detail,
			      l->tally.owed[i].member ? l->tally.owed[i].member : "");
}

static bool owes(const struct look *l, const uint8_t *sum, const char *member)
{
	for (size_t i = 0; i < l->tally.owed_count; i++)
		if (memcmp(l->tally.owed[i].sum, sum, SHA256_LEN) == 0 &&
		    strcmp(l->tally.owed[i].member ? l->tally.owed[i].member : "", member) == 0)
			return true;
	return false;
}

static bool has_inspected(const struct look *l, const char *name)
{
	uint8_t sum[SHA256_LEN];

	sum_of(name, sum);
	for (size_t i = 0; i < l->tally.inspected_count; i++)
		if (memcmp(l->tally.inspected[i], sum, SHA256_LEN) == 0)
			return true;
	return false;
}

/* -- owed ---------------------------------------------------------------------------------------------------- */

/* Its own debt: under the file's own digest, no finding, and the check counts as done. */
static void test_formats_with_an_opener_owe(void **state)
{
	static const char *const files[] = { "plain.zst", "plain.tar.zst", "plain.lz4", "plain.lzma", "plain.lz", "plain.Z",
					     "plain.deb", "plain.a", "plain.rpm", "plain.squashfs", "fat.img", "ext4.img",
					     "ntfs.img", "exfat.img", "udf.img", "mbr.img", "gpt.img", "plain.warc", "plain.xar",
					     "plain.rar", "plain5.rar", "zip64.zip", "zip64-stream.zip", "lzma.zip", "ppmd.zip",
					     "xz.zip", "zstd.zip", "bzip2.7z", "deflate.7z", "streams.bz2", "behind64.txt" };

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		struct look l;

		look_at(files[i], &l);
		/* some of them hold the test file as it is: that is found, and the rest is owed all the same */
		if (has_finding(&l.findings, REASON_CONTAINER_OPAQUE, NULL) || !(l.findings.done & CHECK_VIRUS) ||
		    has_finding(&l.findings, REASON_ARCHIVE_UNSAFE, NULL) || l.tally.owed_count == 0 ||
		    memcmp(l.tally.owed[0].sum, l.sum, SHA256_LEN) != 0) {
			print_look(files[i], &l);
			fail();
		}
		look_done(&l);
	}
}

static void test_formats_without_an_opener_are_findings(void **state)
{
	static const char *const files[] = { "plain.lzo", "plain.zlib", "plain.wim", "plain.vdi", "plain.sqlite", "plain.dmg", "hidden.zip" };

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		struct look l;

		look_at(files[i], &l);
		if (!has_finding(&l.findings, REASON_CONTAINER_OPAQUE, "") && !has_finding(&l.findings, REASON_ARCHIVE_UNSAFE, NULL)) {
			print_look(files[i], &l);
			fail();
		}
		look_done(&l);
	}
}

static void test_encrypted_and_damaged_stay_findings(void **state)
{
	static const struct {
		const char *file;
		enum reason reason;
	} files[] = {
		{ "encrypted.zip", REASON_ENCRYPTED }, { "encrypted.7z", REASON_ENCRYPTED }, { "encrypted.docx", REASON_ENCRYPTED },
		{ "luks.img", REASON_ENCRYPTED },      { "truncated.zip", REASON_ARCHIVE_UNSAFE }, { "concat.zip", REASON_ARCHIVE_UNSAFE },
		{ "traversal.tar", REASON_ARCHIVE_UNSAFE }, { "truncated.7z", REASON_ARCHIVE_UNSAFE },
	};

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		struct look l;

		look_at(files[i].file, &l);
		if (!has_finding(&l.findings, files[i].reason, NULL)) {
			print_look(files[i].file, &l);
			fail();
		}
		look_done(&l);
	}
}

static void test_what_is_nested_is_owed_under_its_own_digest(void **state)
{
	uint8_t deb[SHA256_LEN], ar[SHA256_LEN];
	struct look l;

	run_in_bench("rm -rf n && mkdir -p n/d && cp plain.deb plain.a n/d && (cd n && zip -qr ../n.zip d) && tar -czf n.tgz n.zip text.txt");
	sum_of("plain.deb", deb);
	sum_of("plain.a", ar);
	look_at("n.zip", &l);
	if (l.findings.count > 0 || l.tally.owed_count != 2 || !owes(&l, deb, "d/plain.deb") || !owes(&l, ar, "d/plain.a")) {
		print_look("n.zip", &l);
		fail();
	}
	look_done(&l);
	look_at("n.tgz", &l);
	assert_int_equal(l.findings.count, 0);
	assert_int_equal(l.tally.owed_count, 2);
	assert_true(owes(&l, deb, "#1/n.zip/d/plain.deb"));
	look_done(&l);
}

/* libclamav calls it one thing and complains; the role that would be given the file would open it as another. */
static void test_a_debt_needs_the_format_that_it_is_of(void **state)
{
	struct look l;

	/* ARJ, which nobody opens, with a whole zip behind it */
	run_in_bench("(head -c -20 /usr/share/clamav-testfiles/clam.arj; cat plain.zip) > x");
	look_at("x", &l);
	assert_true(containers_cover(&l.containers, CONTAINER_ZIP));
	if (!has_finding(&l.findings, REASON_CONTAINER_OPAQUE, NULL) && !has_finding(&l.findings, REASON_ARCHIVE_UNSAFE, NULL)) {
		print_look("x", &l);
		fail();
	}
	look_done(&l);
	/* a WIM that is also a zip at its end */
	run_in_bench("cat plain.wim plain.zip > x");
	look_at("x", &l);
	assert_true(has_finding(&l.findings, REASON_CONTAINER_OPAQUE, ""));
	look_done(&l);
}

static void test_a_file_of_two_containers_owes_for_each(void **state)
{
	struct look l;

	run_in_bench("cat plain.deb zip64.zip > x");
	look_at("x", &l);
	assert_true(containers_cover(&l.containers, CONTAINER_ZIP) && containers_cover(&l.containers, CONTAINER_DEB));
	assert_true(l.tally.owed_count > 0 && owes(&l, l.sum, ""));
	look_done(&l);
}

/* What libclamav carves out of a program is no file to anybody else: the program owes it. */
static void test_what_is_carved_is_owed_by_the_file(void **state)
{
	struct look l;

	run_in_bench("cat /bin/true bzip2.7z > x");
	look_at("x", &l);
	assert_true(containers_cover(&l.containers, CONTAINER_SEVENZIP));
	if (l.findings.count > 0 || l.tally.owed_count == 0) {
		print_look("x", &l);
		fail();
	}
	for (size_t i = 0; i < l.tally.owed_count; i++)
		assert_memory_equal(l.tally.owed[i].sum, l.sum, SHA256_LEN);
	look_done(&l);
}

/* Nor is a zip in the raw bytes of an image anybody's but the image's; of a picture or a document it is. */
static void test_what_is_carved_from_an_image_is_owed_by_it(void **state)
{
	struct look l;

	run_in_bench("rm -f six.zip && zip -q -fz six.zip plain.html && (head -c 600000 fat.img; cat six.zip; tail -c +600001 fat.img) > x");
	look_at("x", &l);
	assert_false(containers_cover(&l.containers, CONTAINER_ZIP));
	if (l.findings.count > 0) {
		print_look("x", &l);
		fail();
	}
	assert_true(owes(&l, l.sum, ""));
	look_done(&l);
	run_in_bench("(cat plain.pdf six.zip; head -c 70000 /dev/zero) > x");
	look_at("x", &l);
	assert_false(containers_cover(&l.containers, CONTAINER_ZIP));
	assert_true(has_finding(&l.findings, REASON_CONTAINER_OPAQUE, NULL));
	look_done(&l);
}

/* A caller that has nobody to open things gets findings, as before there were openers. */
static void test_without_a_tally_everything_is_a_finding(void **state)
{
	_cleanup_(findings_done) struct findings f = { 0 };

	run_in_bench("cp plain.deb lone.deb && zip -q lone.zip lone.deb");
	scan_path(engine, bench.dir_fd, "lone.zip", &f);
	assert_true(has_finding(&f, REASON_CONTAINER_OPAQUE, "lone.deb"));
}

/* "Encrypted" ends libclamav's pass, and a signer may excuse it: what is behind it must be owed. */
static void test_what_lies_behind_a_hit_is_owed(void **state)
{
	uint8_t deb[SHA256_LEN];
	struct look l;

	run_in_bench("rm -f e.zip && zip -q e.zip encrypted.docx plain.deb");
	sum_of("plain.deb", deb);
	look_at("e.zip", &l);
	assert_true(has_finding(&l.findings, REASON_ENCRYPTED, "encrypted.docx"));
	assert_true(owes(&l, deb, "plain.deb"));
	assert_int_equal(l.tally.inspected_count, 0);
	look_done(&l);
}

/* -- inspected --------------------------------------------------------------------------------------------------- */

static void test_exactly_the_members_are_inspected(void **state)
{
	struct look l;

	run_in_bench("rm -rf m && mkdir m && for i in 1 2 3; do echo \"content of member $i\" > m/$i; done && zip -q0r m.zip m "
		     "&& tar -cf m.tar m && gzip -kf m.tar");
	look_at("m.zip", &l);
	assert_int_equal(l.tally.inspected_count, 3);
	assert_true(has_inspected(&l, "m/1") && has_inspected(&l, "m/2") && has_inspected(&l, "m/3"));
	assert_false(has_inspected(&l, "m.zip")); /* the file itself is the result's */
	look_done(&l);
	look_at("m.tar.gz", &l);
	assert_int_equal(l.tally.inspected_count, 4);
	assert_true(has_inspected(&l, "m/1") && has_inspected(&l, "m/2") && has_inspected(&l, "m/3") && has_inspected(&l, "m.tar"));
	look_done(&l);
	look_at("text.txt", &l);
	assert_int_equal(l.tally.inspected_count, 0);
	look_done(&l);
}

/* A rewritten view (normalised HTML) is no member; of five bytes and fewer libclamav sees nothing. */
static void test_what_is_no_member_is_not_told(void **state)
{
	struct look l;

	run_in_bench("rm -f v.zip && echo abc > tiny && zip -q v.zip plain.html tiny");
	look_at("v.zip", &l);
	assert_int_equal(l.tally.inspected_count, 1);
	assert_true(has_inspected(&l, "plain.html"));
	look_done(&l);
}

static void test_a_hit_spares_nobody_a_scan(void **state)
{
	struct look l;

	run_in_bench("rm -f h.zip && zip -q h.zip text.txt eicar.com plain.html");
	look_at("h.zip", &l);
	assert_true(has_finding(&l.findings, REASON_MALWARE, "eicar.com"));
	assert_int_equal(l.tally.inspected_count, 0);
	look_done(&l);
	/* nor does one that only means "encrypted" */
	run_in_bench("rm -f h.zip && zip -q h.zip text.txt encrypted.docx");
	look_at("h.zip", &l);
	assert_true(has_finding(&l.findings, REASON_ENCRYPTED, NULL));
	assert_int_equal(l.tally.inspected_count, 0);
	look_done(&l);
}

static void test_a_limit_spares_nobody_a_scan(void **state)
{
	struct look l;

	look_at("nested31h.zip", &l);
	assert_true(has_finding(&l.findings, REASON_LIMIT_EXCEEDED, NULL));
	assert_false(l.findings.done & CHECK_VIRUS);
	assert_int_equal(l.tally.inspected_count, 0);
	look_done(&l);
}

/* The container that owes is itself told as inspected: what is missing inside stays owed by the file. */
static void test_a_debt_stands_beside_what_was_inspected(void **state)
{
	uint8_t inner[SHA256_LEN];
	struct look l;

	run_in_bench("rm -f o.zip six.zip && zip -q -fz six.zip plain.html && zip -q o.zip six.zip text.txt");
	sum_of("six.zip", inner);
	look_at("o.zip", &l);
	assert_true(has_inspected(&l, "six.zip") && has_inspected(&l, "text.txt"));
	assert_true(l.tally.owed_count > 0);
	for (size_t i = 0; i < l.tally.owed_count; i++)
		assert_memory_equal(l.tally.owed[i].sum, inner, SHA256_LEN);
	look_done(&l);
}

/* -- limits of the lists ------------------------------------------------------------------------------------------ */

static void test_the_list_of_debts_is_bounded(void **state)
{
	struct tally t = { 0 };
	uint8_t sum[SHA256_LEN] = { 0 };

	for (uint32_t i = 0; i < OWED_MAX; i++) {
		memcpy(sum, &i, sizeof(i));
		assert_int_equal(tally_owe(&t, sum, "m", "x"), 0);
	}
	assert_int_equal(t.owed_count, OWED_MAX);
	assert_false(t.is_owed_full);
	memset(sum, 0xff, sizeof(sum));
	assert_int_equal(tally_owe(&t, sum, "m", "x"), 0);
	assert_true(t.is_owed_full);
	tally_done(&t);
}

static void test_a_layer_owes_a_few_by_name(void **state)
{
	struct tally t = { 0 };
	uint8_t sum[SHA256_LEN] = { 1 }, other[SHA256_LEN] = { 2 };
	char name[16];

	for (int i = 0; i < 2 * OWED_LAYER_MAX; i++) {
		(void)snprintf(name, sizeof(name), "%d", i);
		assert_int_equal(tally_owe(&t, sum, name, "x"), 0);
	}
	assert_int_equal(t.owed_count, OWED_LAYER_MAX);
	assert_int_equal(tally_owe(&t, other, "0", "x"), 0);
	assert_int_equal(tally_owe(&t, other, "0", "once more"), 0);
	assert_int_equal(t.owed_count, OWED_LAYER_MAX + 1);
	tally_done(&t);
}

static void test_the_list_of_inspected_layers_is_bounded(void **state)
{
	struct tally t = { 0 };
	uint8_t sum[SHA256_LEN] = { 0 };

	for (uint32_t i = 0; i < INSPECTED_MAX + 10; i++)
		assert_int_equal(tally_inspected(&t, sum), 0);
	assert_int_equal(t.inspected_count, INSPECTED_MAX);
	tally_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats_with_an_opener_owe),
		cmocka_unit_test(test_formats_without_an_opener_are_findings),
		cmocka_unit_test(test_encrypted_and_damaged_stay_findings),
		cmocka_unit_test(test_what_is_nested_is_owed_under_its_own_digest),
		cmocka_unit_test(test_a_debt_needs_the_format_that_it_is_of),
		cmocka_unit_test(test_a_file_of_two_containers_owes_for_each),
		cmocka_unit_test(test_what_is_carved_is_owed_by_the_file),
		cmocka_unit_test(test_what_is_carved_from_an_image_is_owed_by_it),
		cmocka_unit_test(test_without_a_tally_everything_is_a_finding),
		cmocka_unit_test(test_what_lies_behind_a_hit_is_owed),
		cmocka_unit_test(test_exactly_the_members_are_inspected),
		cmocka_unit_test(test_what_is_no_member_is_not_told),
		cmocka_unit_test(test_a_hit_spares_nobody_a_scan),
		cmocka_unit_test(test_a_limit_spares_nobody_a_scan),
		cmocka_unit_test(test_a_debt_stands_beside_what_was_inspected),
		cmocka_unit_test(test_the_list_of_debts_is_bounded),
		cmocka_unit_test(test_a_layer_owes_a_few_by_name),
		cmocka_unit_test(test_the_list_of_inspected_layers_is_bounded),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
