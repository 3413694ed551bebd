/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The shipped profiles: each loads without any error, each of its rules fires on some file, and the files that a demo
 * stick holds come out as people would expect. */
#include "judge_fixture.h"

#define PE "application/vnd.microsoft.portable-executable"
#define DEB "application/vnd.debian.binary-package"
#define DOCX "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

struct row {
	const char *profile, *path;
	const char *types[3];
	enum { NOTHING, IS_SIGNED, IS_LISTED } origin;
	int finding; /* -1: none */
	enum verdict verdict;
	const char *rule, *reason; /* the first reason; "" when approved */
};

static const struct row rows[] = {
	/* documents: a demo stick */
	{ "documents", "readme.txt", { "text/plain" }, NOTHING, -1, VERDICT_APPROVED, "text", "" },
	{ "documents", "report.pdf", { "application/pdf", "application/octet-stream" }, NOTHING, -1, VERDICT_APPROVED, "documents", "" },
	{ "documents", "letter.docx", { DOCX, "application/zip" }, NOTHING, -1, VERDICT_APPROVED, "documents", "" },
	{ "documents", "letter.odt", { "application/vnd.oasis.opendocument.text", "application/zip" }, NOTHING, -1, VERDICT_APPROVED, "documents", "" },
	{ "documents", "photo.PNG", { "image/png" }, NOTHING, -1, VERDICT_APPROVED, "images", "" },
	{ "documents", "files.zip", { "application/zip" }, NOTHING, -1, VERDICT_APPROVED, "archives", "" },
	{ "documents", "update.tar.gz", { "application/gzip" }, IS_SIGNED, -1, VERDICT_APPROVED, "signed-software", "" },
	{ "documents", "update.tar.gz.minisig", { "text/plain" }, NOTHING, -1, VERDICT_APPROVED, "text", "" },
	{ "documents", "SHA256SUMS", { "text/plain" }, NOTHING, -1, VERDICT_APPROVED, "text", "" },
	{ "documents", "eicar.com", { "text/plain" }, NOTHING, REASON_MALWARE, VERDICT_BLOCKED, "text", "malware" },
	{ "documents", "holiday.jpg", { PE }, NOTHING, -1, VERDICT_BLOCKED, "disguised-program", "type-mismatch" },
	{ "documents", "holiday.jpg", { "application/x-pie-executable" }, NOTHING, -1, VERDICT_BLOCKED, "disguised-program", "type-mismatch" },
	{ "documents", "secret.zip", { "application/zip" }, NOTHING, REASON_ENCRYPTED, VERDICT_HELD, "archives", "encrypted" },
	{ "documents", "setup.exe", { PE }, NOTHING, -1, VERDICT_BLOCKED, "programs", "type-denied" },
	{ "documents", "tool.deb", { DEB }, NOTHING, REASON_CONTAINER_OPAQUE, VERDICT_HELD, "packages", "container-opaque" },
	{ "documents", "tool.deb", { DEB }, IS_SIGNED, REASON_CONTAINER_OPAQUE, VERDICT_APPROVED, "signed-software", "" },
	{ "documents", "tool.deb", { DEB }, IS_SIGNED, REASON_MALWARE, VERDICT_BLOCKED, "signed-software", "malware" },
	{ "documents", "blob.bin", { "application/octet-stream" }, NOTHING, -1, VERDICT_HELD, "unknown-content", "type-unknown" },
	{ "documents", "run.ps1", { "text/plain" }, NOTHING, -1, VERDICT_HELD, "text", "active-content" },
	{ "documents", "page.html", { "text/html" }, NOTHING, -1, VERDICT_HELD, "text", "active-content" },
	{ "documents", "sheet.xlsm", { "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "application/zip" }, NOTHING, -1, VERDICT_HELD, "documents", "active-content" },
	{ "documents", "README.md", { "application/javascript" }, NOTHING, -1, VERDICT_HELD, "scripts", "active-content" },
	{ "documents", "logo.svg", { "image/svg+xml", "text/plain" }, NOTHING, -1, VERDICT_HELD, "scripts", "active-content" },
	{ "documents", "data.json", { "application/json", "text/plain" }, NOTHING, -1, VERDICT_APPROVED, "text", "" },
	{ "documents", "letter.docx", { "application/zip" }, NOTHING, -1, VERDICT_APPROVED, "archives", "" },
	{ "documents", "letter.docm", { "application/zip" }, NOTHING, -1, VERDICT_BLOCKED, "archives", "type-mismatch" },
	{ "documents", "pic.gif", { "image/gif", "application/zip" }, NOTHING, -1, VERDICT_BLOCKED, "", "no-rule" },
	{ "documents", "film.mp4", { "video/mp4" }, NOTHING, -1, VERDICT_BLOCKED, "", "no-rule" },
	{ "documents", "empty.dat", { "application/x-empty" }, NOTHING, -1, VERDICT_APPROVED, "text", "" },
	/* updates */
	{ "updates", "tool.deb", { DEB, "application/x-archive" }, IS_SIGNED, REASON_CONTAINER_OPAQUE, VERDICT_APPROVED, "signed-software", "" },
	{ "updates", "tool.rpm", { "application/x-rpm" }, NOTHING, REASON_CONTAINER_OPAQUE, VERDICT_HELD, "unsigned-software", "container-opaque" },
	{ "updates", "tool.rpm", { "application/x-rpm" }, NOTHING, -1, VERDICT_HELD, "unsigned-software", "unsigned" },
	{ "updates", "fw.bin", { "application/octet-stream" }, IS_SIGNED, -1, VERDICT_APPROVED, "signed-firmware", "" },
	{ "updates", "fw.bin", { "application/octet-stream" }, NOTHING, -1, VERDICT_HELD, "unsigned-firmware", "unsigned" },
	{ "updates", "dists/x/main/binary-amd64/by-hash/SHA256/0123", { "application/x-xz" }, IS_SIGNED, -1, VERDICT_APPROVED, "signed-by-digest", "" },
	{ "updates", "dists/x/main/binary-amd64/by-hash/SHA256/0123", { "application/x-xz" }, NOTHING, -1, VERDICT_HELD, "archives", "type-unknown" },
	{ "updates", "blobs/sha256/0123", { "application/zstd" }, IS_SIGNED, REASON_CONTAINER_OPAQUE, VERDICT_APPROVED, "signed-by-digest", "" },
	{ "updates", "image/blobs/sha256/0123", { PE }, IS_SIGNED, -1, VERDICT_HELD, "signed-software", "type-unknown" },
	{ "updates", "manual.jpg", { PE }, NOTHING, -1, VERDICT_BLOCKED, "disguised-program", "type-mismatch" },
	{ "updates", "app.exe", { PE }, NOTHING, -1, VERDICT_HELD, "unsigned-software", "unsigned" },
	{ "updates", "go.lnk", { "application/x-ms-shortcut" }, NOTHING, -1, VERDICT_BLOCKED, "other-programs", "type-denied" },
	{ "updates", "u.tar.gz", { "application/gzip" }, IS_LISTED, -1, VERDICT_HELD, "archives", "unsigned" },
	{ "updates", "u.tar.gz", { "application/gzip" }, NOTHING, -1, VERDICT_HELD, "archives", "unsigned" },
	{ "updates", "u.tar.gz", { "application/gzip" }, IS_SIGNED, -1, VERDICT_APPROVED, "signed-software", "" },
	{ "updates", "NOTES.txt", { "text/plain" }, NOTHING, -1, VERDICT_APPROVED, "notes", "" },
	{ "updates", "model/model.sig", { "application/json" }, IS_SIGNED, -1, VERDICT_APPROVED, "notes", "" },
	{ "updates", "app.dsse", { "application/json", "text/plain" }, NOTHING, -1, VERDICT_APPROVED, "notes", "" },
	{ "updates", "app.intoto.jsonl", { "application/x-ndjson" }, NOTHING, -1, VERDICT_APPROVED, "notes", "" },
	{ "updates", "fw.bin.p7s", { "text/plain" }, NOTHING, -1, VERDICT_APPROVED, "notes", "" },
	{ "updates", "fw.bin.signature", { "application/pgp-signature" }, NOTHING, -1, VERDICT_APPROVED, "notes", "" },
	{ "updates", "fw.bin.p7s", { "application/octet-stream" }, IS_SIGNED, -1, VERDICT_APPROVED, "signed-firmware", "" },
	{ "updates", "fw.bin.p7s", { "application/octet-stream" }, NOTHING, -1, VERDICT_HELD, "unsigned-firmware", "unsigned" },
	{ "updates", "manual.pdf", { "application/pdf" }, NOTHING, -1, VERDICT_APPROVED, "notes", "" },
	{ "updates", "letter.docx", { DOCX, "application/zip" }, NOTHING, -1, VERDICT_BLOCKED, "", "no-rule" },
	/* strict */
	{ "strict", "any.thing", { "video/mp4" }, IS_SIGNED, -1, VERDICT_APPROVED, "signed", "" },
	{ "strict", "tool.deb", { DEB }, IS_SIGNED, REASON_CONTAINER_OPAQUE, VERDICT_BLOCKED, "signed", "container-opaque" },
	{ "strict", "a.jpg", { PE }, NOTHING, -1, VERDICT_BLOCKED, "disguised-program", "type-mismatch" },
	{ "strict", "a.exe", { PE }, NOTHING, -1, VERDICT_BLOCKED, "", "no-rule" },
	{ "strict", "a.csv", { "text/csv" }, NOTHING, -1, VERDICT_APPROVED, "plain-text", "" },
	{ "strict", "a.vbs", { "text/plain" }, NOTHING, -1, VERDICT_BLOCKED, "plain-text", "active-content" },
	{ "strict", "a.jpeg", { "image/jpeg" }, NOTHING, -1, VERDICT_APPROVED, "pictures", "" },
	{ "strict", "a.pdf", { "application/pdf" }, NOTHING, -1, VERDICT_APPROVED, "pdf", "" },
	{ "strict", "a.pdf", { "application/pdf" }, NOTHING, REASON_ENCRYPTED, VERDICT_BLOCKED, "pdf", "encrypted" },
	{ "strict", "a.zip", { "application/zip" }, NOTHING, -1, VERDICT_BLOCKED, "", "no-rule" },
};

static const char *const profiles[] = { "documents", "updates", "strict" };

static struct rule_set *load(const char *profile)
{
	_cleanup_free_ char *path = NULL;
	struct yaml_errors errors = { 0 };
	struct rule_set *set = NULL;
	static const char *const none[] = { NULL };
	static const struct rules_context no_keys = { none, 0 }; /* a fresh station */

	assert_true(asprintf(&path, "rules/%s.yaml", profile) > 0);
	if (rules_load(path, TYPES_DIR, &no_keys, &errors, &set) < 0) {
		yaml_errors_print(&errors, stderr);
		fail();
	}
	assert_string_equal(rules_title(set), profile);
	return set;
}

static void judge_row(struct rule_set *set, const struct row *row)
{
	static const struct judge_signer signer = { "vendor", "0", "x.minisig" };
	static const struct judge_listing listing = { "SHA256SUMS", "sha256", NULL };
	struct findings f = { .done = ALL_CHECKS };
	struct subject s = fixture_subject(row->path, row->types, row->types[1] ? 2 : 1, &f);
	struct judgement j;

	if (row->finding >= 0)
		assert_int_equal(findings_add(&f, (enum reason)row->finding, NULL, "found"), 0);
	s.signers = &signer;
	s.signer_count = row->origin == IS_SIGNED;
	s.listings = &listing;
	s.listing_count = row->origin == IS_LISTED;
	assert_int_equal(judge_file(set, &s, &j), 0);
	if (j.verdict != row->verdict || strcmp(j.rule, row->rule) != 0 ||
	    strcmp(j.reason_count ? reason_code(j.reasons[0].reason) : "", row->reason) != 0)
		fail_msg("%s %s: %s by '%s' for %s", row->profile, row->path, verdict_name(j.verdict), j.rule,
			 j.reason_count ? reason_code(j.reasons[0].reason) : "nothing");
	judgement_done(&j);
	findings_done(&f);
}

static void files_come_out_as_expected(void **state)
{
	for (size_t p = 0; p < ARRAY_LEN(profiles); p++) {
		struct rule_set *set = load(profiles[p]);

		for (size_t i = 0; i < ARRAY_LEN(rows); i++)
			if (strcmp(rows[i].profile, profiles[p]) == 0)
				judge_row(set, &rows[i]);
		rules_free(set);
	}
}

static void every_rule_fires(void **state)
{
	for (size_t p = 0; p < ARRAY_LEN(profiles); p++) {
		struct rule_set *set = load(profiles[p]);

		assert_true(rules_count(set) > 3);
		for (size_t r = 0; r < rules_count(set); r++) {
			bool has_fired = false;

			for (size_t i = 0; i < ARRAY_LEN(rows); i++)
				has_fired = has_fired || (strcmp(rows[i].profile, profiles[p]) == 0 &&
							  strcmp(rows[i].rule, rules_name(set, r)) == 0);
			if (!has_fired)
				fail_msg("%s: no row in which '%s' fires", profiles[p], rules_name(set, r));
		}
		rules_free(set);
	}
}

/* Every type that a shipped group names must be one that the tables know: a misspelt one would do nothing. */
static void groups_name_known_types(void **state)
{
	_cleanup_(yaml_doc_freep) struct yaml_doc *doc = NULL;
	struct yaml_errors errors = { 0 };
	const struct yaml_node *groups;
	size_t types = 0;

	assert_int_equal(yaml_doc_load(TYPES_DIR "/groups.yaml", &errors, &doc), 0);
	groups = yaml_map_get(doc->root, "groups");
	assert_non_null(groups);
	for (size_t i = 0; i + 1 < groups->count; i += 2) {
		for (size_t k = 0; k < groups->children[i + 1]->count; k++) {
			_cleanup_free_ char *text = NULL, *said = NULL;
			struct rule_set *set;

			assert_true(asprintf(&text, HEAD "rules:\n  - {name: a, match: {type: '%s'}, why: w, verdict: hold}\n",
					     groups->children[i + 1]->children[k]->value) > 0);
			said = fixture_load(text, &set);
			if (!set)
				fail_msg("%s", said);
			rules_free(set);
			types++;
		}
	}
	assert_true(types > 80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_come_out_as_expected),
		cmocka_unit_test(every_rule_fires),
		cmocka_unit_test(groups_name_known_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
