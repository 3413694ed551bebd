/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Shared by the tests of attestations and images: the specimens of tests/lib/attestations.py, each as a medium before the real
 * role in its sandbox, and what the role tells as one line of text. Include after "../lib/proving.h".
 */
#ifndef LAZARET_TESTS_ATTESTATION_FIXTURE_H
#define LAZARET_TESTS_ATTESTATION_FIXTURE_H

#include <ftw.h>
#include <time.h>

#define LINE_MAX_BYTES 4000

static struct {
	char path[64];
	int fd;
	struct prover prover;
	struct pretend_key keys[8];
	size_t key_count;
	uint64_t now;
} bench;

static void add_key(const char *name, enum key_kind kind, const char *file, uint64_t until)
{
	struct pretend_key *k = &bench.keys[bench.key_count++];
	char path[128];

	(void)snprintf(path, sizeof(path), "keys/%s", file);
	k->name = name;
	k->kind = kind;
	k->bytes = read_whole(bench.fd, path, &k->size);
	k->until = until;
}

/* All specimens, and the role with the officer's keys. */
static int make_bench(void **state)
{
	char maker[PATH_MAX];

	assert_non_null(realpath("tests/lib/attestations.py", maker));
	bench.fd = private_directory(bench.path);
	bench.now = (uint64_t)time(NULL) + 60; /* openssl's certificates begin when they are made */
	tool_run(bench.path, "python3", maker, bench.path);
	add_key("vendor", KEY_RAW, "vendor.pub", 0);
	add_key("second", KEY_RAW, "second.pub", 0);
	add_key("edwards", KEY_RAW, "edwards.pub", 0);
	add_key("house", KEY_X509_CA, "ca.pem", 0);
	add_key("pinned", KEY_X509_SIGNER, "pinned.pem", 0);
	prover_start(&bench.prover, "lazaret-origin", bench.keys, bench.key_count);
	return 0;
}

static int remove_bench(void **state)
{
	prover_end(&bench.prover);
	for (size_t i = 0; i < bench.key_count; i++)
		free((void *)(uintptr_t)bench.keys[i].bytes);
	remove_private_directory(bench.fd, bench.path);
	return 0;
}

/* -- media ----------------------------------------------------------------------------------------------------- */

static struct {
	struct medium *medium;
	size_t skip;
} loading;

static int load_file(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	if (kind == FTW_F)
		medium_add_from(loading.medium, path + loading.skip, AT_FDCWD, path);
	return 0;
}

/* The directory `name` of the specimens as the root of a medium. */
static void load_medium(struct medium *m, const char *name)
{
	char path[256];

	loading.skip = (size_t)snprintf(path, sizeof(path), "%s/%s", bench.path, name) + 1;
	loading.medium = m;
	if (nftw(path, load_file, 16, FTW_PHYS) != 0)
		fail_msg("%s cannot be loaded", path);
}

/* -- in words -------------------------------------------------------------------------------------------------- */

static _printf_(2, 3) void say(char line[static LINE_MAX_BYTES], const char *format, ...)
{
	size_t at = strlen(line);
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(line + at, LINE_MAX_BYTES - at, format, ap);
	va_end(ap);
}

static const char *outcome_word(enum signature_outcome o)
{
	static const char *const words[] = { "good", "bad", "other-file", "untrusted", "expired", "revoked", "weak", "malformed" };

	return words[o];
}

/* "=": this file has that digest; "!": another; "?": it is not there. */
static char compare(const struct medium *m, const struct told_entry *e)
{
	uint8_t sum[ORIGIN_DIGEST_MAX];
	int fd = medium_find(m, e->path);

	if (fd < 0)
		return '?';
	assert_int_equal(digest_fd(digest_by_name(e->algorithm), fd, sum), 0);
	return memcmp(sum, e->sum, e->sum_size) == 0 ? '=' : '!';
}

/* "good vendor over; untrusted over a.bin | sha256 a.bin=; ... | read complete" */
static void put_in_words(const struct medium *m, const struct proved *t, char line[static LINE_MAX_BYTES])
{
	static const char *const lists[] = { "none", "read", "broken" };

	line[0] = '\0';
	if (t->error) {
		say(line, "failed %s", strerrorname_np(-t->error));
		return;
	}
	for (size_t i = 0; i < t->signature_count; i++)
		say(line, "%s%s%s%s%s%s", i > 0 ? "; " : "", outcome_word(t->signatures[i].outcome),
		    *t->signatures[i].key_name ? " " : "", t->signatures[i].key_name, *t->signatures[i].path ? " over " : "",
		    t->signatures[i].path);
	say(line, " | ");
	for (size_t i = 0; i < t->entry_count && i < 32; i++)
		say(line, "%s%s %s%c", i > 0 ? "; " : "", t->entries[i].algorithm, *t->entries[i].path ? t->entries[i].path : "*",
		    *t->entries[i].path ? compare(m, &t->entries[i]) : '.');
	say(line, " | %s%s%s", lists[t->outcome], t->flags & PROVED_COMPLETE ? " complete" : "",
	    t->flags & PROVED_WITHOUT_VOUCHING ? " without vouching" : "");
	if (t->bad)
		say(line, " %u bad", t->bad);
}

/* Does any detail, of a signature or of the list, have these words? */
static bool has_words(const struct proved *t, const char *words)
{
	bool has = strstr(t->detail, words) != NULL;

	for (size_t i = 0; i < t->signature_count; i++)
		has |= strstr(t->signatures[i].detail, words) != NULL;
	return has;
}

struct row {
	const char *specimen, *evidence;
	enum evidence_format format;
	const char *expected;
	const char *words; /* in some detail; NULL: any */
};

/* The evidence is recognised as that format, and proves that. */
static bool check_row_at(struct prover *p, const struct row *row, uint64_t now)
{
	struct medium m = { 0 };
	char line[LINE_MAX_BYTES];
	enum evidence_format format;
	struct proved told;
	bool is_good;

	load_medium(&m, row->specimen);
	if (medium_find(&m, row->evidence) < 0)
		fail_msg("%s: no %s", row->specimen, row->evidence);
	format = recognise_fd(p, row->evidence, medium_find(&m, row->evidence));
	prove(p, &m, row->evidence, row->format, now, &told);
	put_in_words(&m, &told, line);
	is_good = format == row->format && strcmp(line, row->expected) == 0 && (!row->words || has_words(&told, row->words));
	if (!is_good) {
		print_message("%s: recognised as %d\n  got      \"%s\"\n  expected \"%s\"\n", row->specimen, format, line, row->expected);
		print_proved(&told);
	}
	proved_done(&told);
	medium_done(&m);
	return is_good;
}

_unused_ static void check_rows(const struct row *rows, size_t count)
{
	unsigned int bad = 0;

	for (size_t i = 0; i < count; i++)
		bad += !check_row_at(&bench.prover, &rows[i], bench.now);
	assert_int_equal(bad, 0);
}

#endif
