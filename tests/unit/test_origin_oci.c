/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* OCI image layouts, and cosign's signatures by key in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ipc/channel.h"
#include "proof/digest.h"
#include "proof/proof.h"

#include "../lib/testing.h"
#include "../lib/proving.h"
#include "attestation_fixture.h"

#define BLOBS "blobs/sha256/"

/* The blobs' digests by their names in attestations.py. */
static struct {
	char name[32], hex[SHA256_HEX_LEN + 1];
} names[64];
static size_t name_count;

static void read_names(void)
{
	_cleanup_free_ char *text = read_whole(bench.fd, "oci/names", NULL);
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n")) != NULL && *line) {
		assert_true(name_count < ARRAY_LEN(names));
		assert_int_equal(sscanf(line, "%31s %64s", names[name_count].name, names[name_count].hex), 2);
		name_count++;
	}
}

static const char *hex_of(const char *name)
{
	for (size_t i = 0; i < name_count; i++)
		if (strcmp(names[i].name, name) == 0)
			return names[i].hex;
	return NULL;
}

/* Digests become the first name that they have, or "#". */
static void shorten(const char *line, char out[static LINE_MAX_BYTES])
{
	out[0] = '\0';
	while (*line) {
		const char *at = strstr(line, BLOBS), *name = "#";

		if (!at) {
			say(out, "%s", line);
			return;
		}
		at += strlen(BLOBS);
		for (size_t i = name_count; i > 0; i--)
			if (strncmp(names[i - 1].hex, at, SHA256_HEX_LEN) == 0)
				name = names[i - 1].name;
		say(out, "%.*s%s", (int)(at - strlen(BLOBS) - line), line, name);
		line = at + SHA256_HEX_LEN;
	}
}

struct oci_row {
	const char *specimen, *blob; /* NULL: index.json */
	enum evidence_format format;
	const char *expected, *words;
};

static bool check_oci(const char *root, const struct oci_row *row)
{
	struct medium m = { 0 };
	char directory[64], path[256], line[LINE_MAX_BYTES], short_line[LINE_MAX_BYTES];
	enum evidence_format format;
	struct proved told;
	bool is_good;

	(void)snprintf(directory, sizeof(directory), "oci/%s", row->specimen);
	load_medium(&m, directory);
	for (size_t i = 0; i < m.count; i++) { /* somewhere on the medium */
		char *moved;

		assert_true(asprintf(&moved, "%s%s", root, m.files[i].path) > 0);
		free(m.files[i].path);
		m.files[i].path = moved;
	}
	(void)snprintf(path, sizeof(path), "%s%s%s", root, row->blob ? BLOBS : "index.json", row->blob ? hex_of(row->blob) : "");
	format = recognise_fd(&bench.prover, path, medium_find(&m, path));
	prove(&bench.prover, &m, path, row->format, bench.now, &told);
	put_in_words(&m, &told, line);
	shorten(line, short_line);
	is_good = format == row->format && strcmp(short_line, row->expected) == 0 && (!row->words || has_words(&told, row->words));
	if (!is_good) {
		print_message("%s %s: recognised as %d\n  got      \"%s\"\n  expected \"%s\"\n", row->specimen,
			      row->blob ? row->blob : "", format, short_line, row->expected);
		print_proved(&told);
	}
	proved_done(&told);
	medium_done(&m);
	return is_good;
}

static void check_all(const char *root, const struct oci_row *rows, size_t count)
{
	unsigned int bad = 0;

	for (size_t i = 0; i < count; i++)
		bad += !check_oci(root, &rows[i]);
	assert_int_equal(bad, 0);
}

#define INDEX(specimen, expected, words) { specimen, NULL, EVIDENCE_OCI_INDEX, expected, words }
#define MANIFEST(specimen, blob, expected, words) { specimen, blob, EVIDENCE_OCI_MANIFEST, expected, words }

static void test_chain_of_digests(void **state)
{
	static const struct oci_row rows[] = {
		INDEX("signed", " | sha256 signed=; sha256 signed.sig=; sha256 unsigned=; sha256 stranger.sig= | read", NULL),
		MANIFEST("signed", "signed", " | sha256 #=; sha256 #= | read", NULL),
		{ "nested", "nested", EVIDENCE_OCI_INDEX, " | sha256 #= | read", NULL },
		/* what it is about is no part of it */
		MANIFEST("odd", "referrer", " | sha256 signed= | read", NULL),
		INDEX("no-layout", " |  | none", NULL),
	};

	check_all("", rows, ARRAY_LEN(rows));
}

static void test_layout_of_the_tools(void **state)
{
	static const struct oci_row rows[] = {
		INDEX("tools", " | sha256 tools= | read", NULL),
		MANIFEST("tools", "tools", " | sha256 #=; sha256 #= | read", NULL),
	};

	if (!hex_of("tools"))
		fail_msg("install umoci and skopeo");
	check_all("", rows, ARRAY_LEN(rows));
}

static void test_signatures(void **state)
{
	static const struct oci_row rows[] = {
		MANIFEST("signed", "signed.sig", "good vendor over #; good vendor over signed | sha256 #=; sha256 #= | read",
			 "registry.example/vendor/app"),
		MANIFEST("signed", "stranger.sig", "untrusted over #; untrusted over unsigned | sha256 #=; sha256 #= | read", NULL),
		MANIFEST("nested", "nested.sig", "good edwards over #; good edwards over nested | sha256 #=; sha256 #= | read", NULL),
	};

	check_all("", rows, ARRAY_LEN(rows));
	{
		char moved[LINE_MAX_BYTES];
		struct oci_row row = rows[0];

		(void)snprintf(moved, sizeof(moved), "good vendor over dir/images/#; good vendor over dir/images/signed | "
						     "sha256 dir/images/#=; sha256 dir/images/#= | read");
		row.expected = moved;
		assert_true(check_oci("dir/images/", &row));
	}
}

static void test_bad_signatures(void **state)
{
	static const struct oci_row rows[] = {
		/* made for another image, which is not here: covers its payload alone */
		MANIFEST("replayed", "replayed.sig", "good vendor over # | sha256 #=; sha256 #= | read", NULL),
		MANIFEST("swapped", "swapped.sig", "good vendor over #; bad vendor over signed | sha256 #=; sha256 #= | read",
			 "not what was signed"),
		/* the payload is not what its name says: that is told by the list */
		MANIFEST("odd", "altered.sig", " | sha256 #=; sha256 #! | read", NULL),
		MANIFEST("odd", "rewritten.sig", "untrusted over #; untrusted over signed | sha256 #=; sha256 #= | read", NULL),
		MANIFEST("odd", "long.sig", " | sha256 #=; sha256 #= | read", NULL),
		MANIFEST("odd", "stripped.sig", "malformed | sha256 #=; sha256 #= | read", "without a signature"),
		MANIFEST("odd", "other.sig", "malformed | sha256 #=; sha256 #= | read", "not about an image"),
		MANIFEST("odd", "traversal.sig", "good vendor over # | sha256 #=; sha256 #= | read", NULL),
	};

	check_all("", rows, ARRAY_LEN(rows));
}

static void test_documents_that_cannot_be_read(void **state)
{
	static const struct oci_row rows[] = {
		{ "odd", "ambiguous", EVIDENCE_OCI_INDEX, " |  | broken", "a manifest, too" },
		MANIFEST("odd", "mistyped", " |  | broken", "media type"),
		MANIFEST("odd", "old", " |  | broken", "schema version"),
		MANIFEST("odd", "upwards", " |  | broken", "without a proper digest"),
		MANIFEST("odd", "short", " |  | broken", "without a proper digest"),
		MANIFEST("odd", "unknown", " | sha256 signed= | read 1 bad", NULL),
		MANIFEST("odd", "weak", " | sha256 signed= | read 1 bad", NULL),
		MANIFEST("odd", "many", " |  | broken", "more than"),
		MANIFEST("odd", "misnamed", " |  | broken", "not what its name says"),
	};

	check_all("", rows, ARRAY_LEN(rows));
}

/* Newer signatures, and attestations, are blobs themselves, and name the image by its digest. */
static void test_attestations_in_a_layout(void **state)
{
	static const struct oci_row rows[] = {
		{ "odd", "dsse", EVIDENCE_DSSE, "good vendor | sha256 *. | read", NULL },
		{ "odd", "bundle", EVIDENCE_SIGSTORE_BUNDLE, "good vendor | sha256 *. | read", "cosign/sign" },
	};

	check_all("", rows, ARRAY_LEN(rows));
}

static int set_up(void **state)
{
	int r = digests_prepare() < 0 || make_bench(state) < 0;

	if (r == 0)
		read_names();
	return r;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chain_of_digests),
		cmocka_unit_test(test_layout_of_the_tools),
		cmocka_unit_test(test_signatures),
		cmocka_unit_test(test_bad_signatures),
		cmocka_unit_test(test_documents_that_cannot_be_read),
		cmocka_unit_test(test_attestations_in_a_layout),
	};

	return cmocka_run_group_tests(tests, set_up, remove_bench);
}
