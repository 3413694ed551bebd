/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A trail of 10,000 records, altered in every way there is: bytes, records, segments, its end (invariant 6, issue 6).
 *
 * A walk is a fold over lines: what it says of a line depends on the record before it and on that line (and what it does at a line's
 * end on the next). So an altered line is walked from the record before it, which makes hundreds of thousands of variants a
 * matter of seconds; test_06_a_walk_from_the_middle_is_the_whole_walk holds the two against each other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <inttypes.h>
#include <malloc.h>

#include "common/chain.h"
#include "../lib/testing.h"

#define RECORDS	    10000
#define PER_SEGMENT 1000
#define MIDDLE	    1600 /* records of a trail whose segments are taken apart */
#define PER_MIDDLE  200
#define SMALL	    40 /* records of the small trail in segments */
#define PER_SMALL   8

struct line {
	size_t at, size; /* size: with newline */
	uint8_t hash[SHA256_LEN];
};

struct made {
	char *text;
	size_t size;
	struct line *lines; /* one more than there are records: the end */
	size_t count;
};

static struct minisign_secret *key, *other_key;
static struct made whole, other; /* other: of another station, with its own key */
static uint64_t tried;

static const struct minisign_public *public_key(void)
{
	return minisign_secret_public(key);
}

/* -- making ---------------------------------------------------------------------------------------------------------- */

static json_t *body_of(size_t n, const struct minisign_secret *by)
{
	char public[MINISIGN_PUBLIC_TEXT_LEN + 1], sum[SHA256_HEX_LEN + 1];

	minisign_public_base64(minisign_secret_public(by), public);
	(void)snprintf(sum, sizeof(sum), "%064zx", n);
	if (n == 0)
		return json_pack("{ssssss}", "format", CHAIN_FORMAT, "public_key", public, "station", "0123456789abcdef");
	if (n % 5 == 0)
		return json_pack("{sssssssi}", "transfer", "20261122T011500Z-3f9a2c", "outcome", "published", "sha256", sum, "size", (int)n);
	return json_pack("{sisss[sis]}", "n", (int)n, "name", "a \"quoted\" name \\ \xc3\xa9", "list", "x", (int)n, "y");
}

static void add_line(struct made *m, const struct minisign_secret *by, const char *type, json_t *body, int64_t time)
{
	static const uint8_t zero[SHA256_LEN];
	struct line *l = &m->lines[m->count];
	_cleanup_free_ char *text = NULL;

	assert_non_null(body);
	l->at = m->size;
	assert_int_equal(chain_line_make(by, m->count, m->count ? l[-1].hash : zero, time, type, body, &text, &l->size, l->hash), 0);
	json_decref(body);
	memcpy(m->text + m->size, text, l->size);
	m->size += l->size;
	m->lines[++m->count].at = m->size;
}

static void room_for(struct made *m, size_t records)
{
	m->text = malloc(records * 700);
	m->lines = calloc(records + 1, sizeof(*m->lines));
	assert_non_null(m->text);
	assert_non_null(m->lines);
}

static void make_trail(struct made *m, const struct minisign_secret *by, size_t records)
{
	room_for(m, records);
	for (size_t n = 0; n < records; n++)
		add_line(m, by, n == 0 ? CHAIN_TYPE_GENESIS : n % 5 == 0 ? CHAIN_TYPE_REPORT : "inspection-started", body_of(n, by),
			 1795311300 + (int64_t)n);
}

static void made_done(struct made *m)
{
	free(m->text);
	free(m->lines);
}

static int setup(void **state)
{
	/* each walk takes a buffer that the C library would map and give back each time */
	if (mallopt(M_MMAP_THRESHOLD, 1 << 24) != 1 || mallopt(M_TRIM_THRESHOLD, 1 << 26) != 1)
		return -1;
	if (minisign_secret_new(&key) < 0 || minisign_secret_new(&other_key) < 0)
		return -1;
	make_trail(&whole, key, RECORDS);
	make_trail(&other, other_key, 300);
	return 0;
}

static int teardown(void **state)
{
	made_done(&whole);
	made_done(&other);
	minisign_secret_free(key);
	minisign_secret_free(other_key);
	print_message("# %" PRIu64 " altered trails, all found\n", tried);
	return 0;
}

/* -- looking --------------------------------------------------------------------------------------------------------- */

static int file_of(const char *text, size_t size)
{
	static int fd = -EBADF;
	static size_t had;

	if (fd < 0)
		fd = memfd_create("trail", MFD_CLOEXEC);
	if (size < had)
		assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(pwrite(fd, text, size, 0), size);
	had = size;
	return fd;
}

/* Walk `text`, which begins where record `from` of the trail does. A newline is put before it, for offset 0 is a file's beginning. */
static struct chain_result walk(size_t from, const char *text, size_t size)
{
	struct chain_start start = { .offset = 1, .line = from + 1, .has_before = true, .seq = from - 1 };
	static char copy[1 << 20];
	struct chain_result result;

	tried++;
	if (from == 0) {
		assert_int_equal(chain_walk(file_of(text, size), public_key(), NULL, &result), 0);
		return result;
	}
	assert_true(size < sizeof(copy));
	copy[0] = '\n';
	memcpy(copy + 1, text, size);
	memcpy(start.hash, whole.lines[from - 1].hash, SHA256_LEN);
	assert_int_equal(chain_walk_from(file_of(copy, size + 1), &start, public_key(), NULL, &result), 0);
	if (!result.is_good) /* as if in the whole file */
		result.bad_offset += whole.lines[from].at - 1;
	return result;
}

/* Lines from..to-1, to be altered; room for a few more. */
static char *lines_of(size_t from, size_t to, size_t *ret_size)
{
	size_t at = whole.lines[from].at;
	char *text;

	*ret_size = whole.lines[to].at - at;
	text = malloc(*ret_size + 2 * CHAIN_LINE_MAX);
	assert_non_null(text);
	memcpy(text, whole.text + at, *ret_size);
	return text;
}

static void must_be_found(size_t n, struct chain_result r, const char *how, size_t i)
{
	if (r.is_good)
		fail_msg("record %zu: not found: %s at %zu", n, how, i);
	/* an altered end of line shows in the line that it makes of two */
	if (r.bad_line != n + 1 || r.why[0] == '\0')
		fail_msg("record %zu: %s at %zu: told as line %" PRIu64 ": %s", n, how, i, r.bad_line, r.why);
}

/* The record itself and the one after it, which an altered end of line touches. */
static size_t behind(size_t n)
{
	return MIN(n + 2, (size_t)RECORDS);
}

/* -- bytes ----------------------------------------------------------------------------------------------------------- */

static const size_t chosen[] = { 0, 1, 4999, 5000, RECORDS - 2, RECORDS - 1 };

static void test_06_every_value_of_every_byte_of_a_record(void **state)
{
	for (size_t k = 0; k < ARRAY_LEN(chosen); k++) {
		size_t n = chosen[k], size, own = whole.lines[n].size;
		_cleanup_free_ char *text = lines_of(n, behind(n), &size);

		for (size_t i = 0; i < own; i++) {
			char was = text[i];

			/* in some records each value, in the others each bit and what is next to it */
			for (unsigned int v = 1; v < 256; v = k % 3 == 0 || v < 3 ? v + 1 : (v & (v - 1)) == 0 ? v + 1 : 2 * (v - 1)) {
				text[i] = (char)((unsigned char)was ^ v);
				must_be_found(n, walk(n, text, size), "another byte", i);
			}
			text[i] = was;
		}
	}
}

/* Where a field begins, in its middle, where it ends, and the marks around it. */
static size_t positions(const char *line, size_t size, size_t *ret, size_t room)
{
	size_t count = 0, last = 0;
	static const char marks[] = "{}[],:\"\\";

	for (size_t i = 0; i < size; i++) {
		bool is_mark = strchr(marks, line[i]) || line[i] == '\n';

		if (!is_mark)
			continue;
		if (i > last + 3 && count + 3 < room) {
			ret[count++] = last + 1;
			ret[count++] = (last + i) / 2;
			ret[count++] = i - 1;
		}
		if (count < room)
			ret[count++] = i;
		last = i;
	}
	return count;
}

static void test_06_every_field_of_every_record(void **state)
{
	size_t at[256];

	for (size_t n = 0; n < RECORDS; n++) {
		size_t size, own = whole.lines[n].size;
		_cleanup_free_ char *text = lines_of(n, behind(n), &size);
		size_t count = positions(text, own, at, ARRAY_LEN(at));

		for (size_t k = 0; k < count; k++) {
			/* all positions in some records, a few that move in the others */
			if (n % 50 != 0 && (k + n) % 8 != 0)
				continue;
			text[at[k]] ^= (char)(1u << ((n + k) % 7));
			must_be_found(n, walk(n, text, size), "a flipped bit", at[k]);
			text[at[k]] = whole.text[whole.lines[n].at + at[k]];
		}
	}
}

static void test_06_every_byte_left_out_or_put_in(void **state)
{
	static const char inserted[] = { ' ', '\n', '0', '\0', '\t', '}', '"' };

	for (size_t c = 0; c < ARRAY_LEN(chosen); c++) {
		size_t n = chosen[c], size, own = whole.lines[n].size;
		_cleanup_free_ char *text = lines_of(n, behind(n), &size);
		const char *good = whole.text + whole.lines[n].at;

		for (size_t i = 0; i < own; i++) {
			memmove(text + i, text + i + 1, size - i - 1);
			must_be_found(n, walk(n, text, size - 1), "a missing byte", i);
			memcpy(text, good, size);
		}
		for (size_t i = 0; i < own; i++)
			for (size_t k = 0; k < sizeof(inserted); k++) {
				memmove(text + i + 1, text + i, size - i);
				text[i] = inserted[k];
				/* an empty line behind the record leaves that one whole */
				must_be_found(n + (i + 1 == own && text[i] == '\n'), walk(n, text, size + 1), "one more byte", i);
				memcpy(text, good, size);
			}
	}
}

/* -- records --------------------------------------------------------------------------------------------------------- */

static void append(char *text, size_t *size, size_t n)
{
	memcpy(text + *size, whole.text + whole.lines[n].at, whole.lines[n].size);
	*size += whole.lines[n].size;
}

static void test_06_every_record_left_out_repeated_or_swapped(void **state)
{
	static char text[8 * CHAIN_LINE_MAX];

	for (size_t n = 0; n + 1 < RECORDS; n++) {
		size_t size = 0, far = (n * 7919 + 13) % RECORDS;

		append(text, &size, n + 1);
		must_be_found(n, walk(n, text, size), "left out", n);
		append(text, &size, n);
		must_be_found(n, walk(n, text, size), "swapped", n);
		if (far == n || far == n + 1)
			continue;
		size = 0;
		append(text, &size, far);
		append(text, &size, n + 1);
		must_be_found(n, walk(n, text, size), "replaced by another", far);
		if (n % 4 != 0) /* these two take a signature each */
			continue;
		size = 0;
		append(text, &size, n);
		append(text, &size, n);
		append(text, &size, n + 1);
		must_be_found(n + 1, walk(n, text, size), "repeated", n);
		size = 0;
		append(text, &size, n);
		append(text, &size, far);
		append(text, &size, n + 1);
		must_be_found(n + 1, walk(n, text, size), "another put in", far);
	}
}

/* What somebody without the key can make: good form, good hash, good links, another signature. */
static void test_06_records_that_are_made_anew(void **state)
{
	for (size_t n = 1; n < RECORDS; n += 97) {
		_cleanup_free_ char *line = NULL;
		json_t *body = json_pack("{sssi}", "verdict", "approved", "n", (int)n);
		uint8_t hash[SHA256_LEN];
		size_t size;

		assert_int_equal(chain_line_make(other_key, n, whole.lines[n - 1].hash, 1795311300 + (int64_t)n, "decision", body, &line, &size,
						 hash), 0);
		json_decref(body);
		must_be_found(n, walk(n, line, size), "forged", n);
	}
	for (size_t n = 0; n < other.count; n++)
		must_be_found(n, walk(n, other.text + other.lines[n].at, other.lines[n].size), "of another station", n);
}

/* -- the end --------------------------------------------------------------------------------------------------------- */

static struct chain_witness witness_of(size_t n)
{
	_cleanup_free_ char *text = NULL;
	struct chain_witness w = { .seq = n, .time = 1795399999, .station = "0123456789abcdef" }, again;

	memcpy(w.hash, whole.lines[n].hash, SHA256_LEN);
	assert_int_equal(chain_witness_make(key, &w, &text), 0);
	assert_int_equal(chain_witness_parse(text, strlen(text), public_key(), &again, NULL), 0);
	return again;
}

static void test_06_every_shorter_trail(void **state)
{
	struct chain_witness w = witness_of(RECORDS - 1);

	for (size_t n = RECORDS - 20; n < RECORDS; n++) /* at every byte of the last records */
		for (size_t cut = 0; cut < whole.lines[n].size; cut++) {
			struct chain_result r = walk(n, whole.text + whole.lines[n].at, cut);

			assert_int_equal(r.is_good, cut == 0);
			assert_int_equal(r.is_torn_end, cut != 0);
			assert_int_equal(r.records, 0); /* the last one is the one before: n - 1 */
			assert_true(n - 1 < w.seq);
		}
	for (size_t n = 1; n < RECORDS; n++) { /* between any two: a good trail, which its witness finds */
		struct chain_result r = walk(n - 1, whole.text + whole.lines[n - 1].at, whole.lines[n - 1].size);

		assert_true(r.is_good);
		assert_int_equal(r.last_seq, n - 1);
		assert_true(r.last_seq < w.seq);
	}
}

static void test_06_every_byte_of_a_witness(void **state)
{
	struct chain_witness w = { .seq = 9999, .time = 1795399999, .station = "0123456789abcdef" }, out;
	_cleanup_free_ char *text = NULL;
	const char *why = NULL;
	size_t size;

	memcpy(w.hash, whole.lines[9999].hash, SHA256_LEN);
	assert_int_equal(chain_witness_make(key, &w, &text), 0);
	size = strlen(text);
	for (size_t i = 0; i < size; i++) {
		char was = text[i];

		for (unsigned int v = 1; v < 256; v++, tried++) {
			text[i] = (char)((unsigned char)was ^ v);
			assert_int_equal(chain_witness_parse(text, size, public_key(), &out, &why), -EBADMSG);
			assert_non_null(why);
		}
		text[i] = was;
		tried++;
		assert_int_equal(chain_witness_parse(text, i, public_key(), &out, &why), -EBADMSG);
	}
	assert_int_equal(chain_witness_parse(text, size, public_key(), &out, &why), 0);
	assert_int_equal(chain_witness_parse(text, size, minisign_secret_public(other_key), &out, &why), -EBADMSG);
}

/* -- segments -------------------------------------------------------------------------------------------------------- */

#define SEGMENTS_MAX 16

struct files {
	char name[SEGMENTS_MAX][CHAIN_NAME_MAX + 1]; /* the last one is CHAIN_FILE */
	char *text[SEGMENTS_MAX];
	size_t size[SEGMENTS_MAX], first[SEGMENTS_MAX];
	size_t count;
	struct made all;
};

static char dir[64];
static int dir_fd = -EBADF;

static void put(const struct files *f, size_t k)
{
	write_file(dir_fd, f->name[k], f->text[k], f->size[k]);
}

static void make_files(struct files *f, const struct minisign_secret *by, size_t records, size_t per_segment)
{
	*f = (struct files){ 0 };
	room_for(&f->all, records);
	for (size_t n = 0; n < records; n++) {
		struct chain_closed closed = { .seq = n - 1 };
		size_t k = f->count, from;

		if (n == 0 || n % per_segment != 0) {
			add_line(&f->all, by, n == 0 ? CHAIN_TYPE_GENESIS : "inspection-started", body_of(n, by), 1795311300 + (int64_t)n);
		} else {
			from = f->all.lines[f->first[k]].at;
			f->text[k] = f->all.text + from;
			f->size[k] = f->all.size - from;
			chain_segment_name(f->first[k], f->name[k]);
			memcpy(closed.file, f->name[k], sizeof(closed.file));
			memcpy(closed.hash, f->all.lines[n - 1].hash, SHA256_LEN);
			closed.size = f->size[k];
			assert_int_equal(sha256(f->text[k], f->size[k], closed.sum), 0);
			f->first[++f->count] = n;
			add_line(&f->all, by, CHAIN_TYPE_SEGMENT, chain_segment_body(&closed), 1795311300 + (int64_t)n);
		}
	}
	f->text[f->count] = f->all.text + f->all.lines[f->first[f->count]].at;
	f->size[f->count] = f->all.size - f->all.lines[f->first[f->count]].at;
	(void)snprintf(f->name[f->count], sizeof(f->name[0]), "%s", CHAIN_FILE);
	f->count++;
}

static struct chain_result look(enum chain_care care)
{
	struct chain_result r;

	tried++;
	assert_int_equal(chain_walk_all(dir_fd, public_key(), care, NULL, &r), 0);
	return r;
}

static void must_show(const char *how, const char *file)
{
	struct chain_result r = look(CHAIN_SEALS);

	if (r.is_good)
		fail_msg("%s, %s: not found", how, file);
	if (r.bad_line == 0 || !r.why[0] || !r.bad_file[0])
		fail_msg("%s, %s: not told where and what", how, file);
}


static void swap_files(const char *a, const char *b)
{
	assert_int_equal(renameat2(dir_fd, a, dir_fd, b, RENAME_EXCHANGE), 0);
}

static void try_joints(const struct files *f, const struct files *foreign)
{
	for (size_t k = 0; k < f->count; k++) {
		size_t last = f->size[k] - 1;

		while (last > 0 && f->text[k][last - 1] != '\n')
			last--;
		assert_int_equal(unlinkat(dir_fd, f->name[k], 0), 0);
		if (k + 1 < f->count)
			must_show("missing", f->name[k]);
		write_file(dir_fd, f->name[k], f->text[k], f->size[k] - 1);
		must_show("without its last byte", f->name[k]);
		if (k + 1 < f->count) { /* the end of the trail itself is a matter of witnesses */
			write_file(dir_fd, f->name[k], f->text[k], last);
			must_show("without its last record", f->name[k]);
			write_file(dir_fd, f->name[k], "", 0);
			must_show("empty", f->name[k]);
		}
		write_file(dir_fd, f->name[k], foreign->text[k], foreign->size[k]);
		must_show("of another station", f->name[k]);
		put(f, k);
		for (size_t m = k + 1; m < f->count; m += 1 + (f->count > 5)) {
			swap_files(f->name[k], f->name[m]);
			must_show("swapped", f->name[k]);
			swap_files(f->name[k], f->name[m]);
		}
	}
}

static void test_06_segments_of_a_long_trail(void **state)
{
	struct chain_result r;
	struct files f;

	dir_fd = private_directory(dir);
	make_files(&f, key, RECORDS, PER_SEGMENT);
	for (size_t k = 0; k < f.count; k++)
		put(&f, k);
	for (enum chain_care care = CHAIN_SEALS; care <= CHAIN_LINKS; care++) {
		r = look(care);
		assert_true(r.is_good);
		assert_int_equal(r.records, RECORDS);
		assert_int_equal(r.last_seq, RECORDS - 1);
		assert_int_equal(r.segments, RECORDS / PER_SEGMENT - 1);
		tried--;
	}
	assert_int_equal(chain_walk_all(dir_fd, NULL, CHAIN_SEALS, NULL, &r), 0);
	assert_true(r.is_good);
	for (size_t k = 0; k + 1 < f.count; k++) { /* a byte of each, and each taken away */
		size_t at = f.size[k] * (k + 1) / f.count;

		f.text[k][at] ^= 1;
		put(&f, k);
		must_show("a flipped bit", f.name[k]);
		f.text[k][at] ^= 1;
		assert_int_equal(unlinkat(dir_fd, f.name[k], 0), 0);
		must_show("missing", f.name[k]);
		put(&f, k);
	}
	made_done(&f.all);
	remove_private_directory(dir_fd, dir);
}

static void test_06_segments_taken_apart(void **state)
{
	struct files f, foreign;

	dir_fd = private_directory(dir);
	make_files(&f, key, MIDDLE, PER_MIDDLE);
	make_files(&foreign, other_key, MIDDLE, PER_MIDDLE);
	for (size_t k = 0; k < f.count; k++)
		put(&f, k);
	try_joints(&f, &foreign);
	assert_true(look(CHAIN_SEALS).is_good);
	tried--;
	made_done(&f.all);
	made_done(&foreign.all);
	remove_private_directory(dir_fd, dir);
}

/* Signatures in closed segments are not checked one by one: every byte of them must be found all the same, in its line. */
static void test_06_every_byte_of_a_trail_in_segments(void **state)
{
	struct files f, foreign;

	dir_fd = private_directory(dir);
	make_files(&f, key, SMALL, PER_SMALL);
	make_files(&foreign, other_key, SMALL, PER_SMALL);
	for (size_t k = 0; k < f.count; k++)
		put(&f, k);
	try_joints(&f, &foreign);
	for (size_t k = 0; k < f.count; k++) {
		_cleanup_close_ int fd = openat(dir_fd, f.name[k], O_WRONLY | O_CLOEXEC);
		uint64_t line = 1;

		for (size_t i = 0; i < f.size[k]; i++) {
			char altered = (char)(f.text[k][i] ^ (1 << (i % 7)));
			struct chain_result r;

			if (i % 9 == 0 || k == 1) { /* one segment wholly */
				assert_int_equal(pwrite(fd, &altered, 1, (off_t)i), 1);
				r = look(CHAIN_SEALS);
				if (r.is_good || strcmp(r.bad_file, f.name[k]) != 0 || r.bad_line != line)
					fail_msg("%s: byte %zu of line %" PRIu64 ": told as %s:%" PRIu64 ": %s", f.name[k], i, line, r.bad_file,
						 r.bad_line, r.why);
				assert_int_equal(pwrite(fd, f.text[k] + i, 1, (off_t)i), 1);
			}
			line += f.text[k][i] == '\n';
		}
	}
	assert_true(look(CHAIN_SEALS).is_good);
	tried--;
	made_done(&f.all);
	made_done(&foreign.all);
	remove_private_directory(dir_fd, dir);
}

/* -- the premise ----------------------------------------------------------------------------------------------------- */

static void test_06_a_walk_from_the_middle_is_the_whole_walk(void **state)
{
	struct chain_result r;

	assert_int_equal(chain_walk(file_of(whole.text, whole.size), public_key(), NULL, &r), 0);
	assert_true(r.is_good);
	assert_int_equal(r.records, RECORDS);
	for (size_t n = 1; n < RECORDS; n = n * 3 + 11) {
		size_t at = whole.lines[n].at + (n % whole.lines[n].size), size;
		struct chain_result part;
		_cleanup_free_ char *text = NULL;

		whole.text[at] ^= 1;
		text = lines_of(n, behind(n), &size);
		part = walk(n, text, size);
		assert_int_equal(chain_walk(file_of(whole.text, whole.size), public_key(), NULL, &r), 0);
		whole.text[at] ^= 1;
		assert_false(r.is_good);
		assert_int_equal(r.bad_line, part.bad_line);
		assert_int_equal(r.bad_offset, part.bad_offset);
		assert_string_equal(r.why, part.why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_06_a_walk_from_the_middle_is_the_whole_walk),
		cmocka_unit_test(test_06_every_value_of_every_byte_of_a_record),
		cmocka_unit_test(test_06_every_field_of_every_record),
		cmocka_unit_test(test_06_every_byte_left_out_or_put_in),
		cmocka_unit_test(test_06_every_record_left_out_repeated_or_swapped),
		cmocka_unit_test(test_06_records_that_are_made_anew),
		cmocka_unit_test(test_06_every_shorter_trail),
		cmocka_unit_test(test_06_every_byte_of_a_witness),
		cmocka_unit_test(test_06_segments_of_a_long_trail),
		cmocka_unit_test(test_06_segments_taken_apart),
		cmocka_unit_test(test_06_every_byte_of_a_trail_in_segments),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
