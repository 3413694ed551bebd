/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Release, and the text of InRelease: digests of a suite's indexes (wiki.debian.org/DebianRepository/Format). Paths are relative
 * to its own directory. With Acquire-By-Hash each index may also stand under its digest beside it.
 */
#include <string.h>

#include "common/hash.h"
#include "origin/debian.h"
#include "origin/formats.h"

struct section {
	const char *field;     /* also the name of its directory in by-hash */
	const char *algorithm; /* proof/digest.h */
	bool is_strong;
};

/* SHA256 first: the weak ones look their by-hash files up in it. */
static const struct section sections[] = {
	{ "SHA256", "sha256", true },
	{ "SHA512", "sha512", true },
	{ "SHA1", "sha1", false },
	{ "MD5Sum", "md5", false },
};

struct strong_file {
	struct control_text path;
	uint8_t sum[SHA256_LEN];
};

struct release {
	struct evidence *e;
	struct control_paragraph paragraph;
	struct strong_file *strong; /* of SHA256, by path */
	size_t strong_count;
	bool is_by_hash;
	struct debian_path path;
};

/* -- what SHA256 says ----------------------------------------------------------------------------------------- */

static int compare_paths(const struct control_text *a, const struct control_text *b)
{
	int r = memcmp(a->at, b->at, MIN(a->size, b->size));

	return r != 0 ? r : (a->size > b->size) - (a->size < b->size);
}

static int compare_files(const void *a, const void *b)
{
	return compare_paths(&((const struct strong_file *)a)->path, &((const struct strong_file *)b)->path);
}

static const struct strong_file *find_strong(const struct release *r, const struct control_text *path)
{
	struct strong_file key = { .path = *path };

	return r->strong_count == 0 ? NULL : bsearch(&key, r->strong, r->strong_count, sizeof(key), compare_files);
}

/* Two digests for one path: each vouches for another file, and the vendor meant one of them. */
static bool contradicts_itself(const struct release *r)
{
	for (size_t i = 1; i < r->strong_count; i++)
		if (compare_files(&r->strong[i - 1], &r->strong[i]) == 0 &&
		    memcmp(r->strong[i - 1].sum, r->strong[i].sum, SHA256_LEN) != 0)
			return true;
	return false;
}

/* Remember the section SHA256, for the by-hash files of the others. At most as many as the text has lines. */
static int collect_strong(struct release *r)
{
	const struct control_text *field = control_find(&r->paragraph, "SHA256");
	struct control_text rest = field ? *field : (struct control_text){ "", 0 }, line;
	const struct digest *d = digest_by_name("sha256");
	struct debian_listed listed;
	size_t allocated = 0;

	while (control_take_line(&rest, &line)) {
		if (debian_sum_line(line, d, false, &listed))
			continue; /* told when the section is */
		if (r->strong_count == RELEASE_FILES_MAX)
			return -E2BIG;
		if (r->strong_count == allocated) {
			size_t more = MAX(1024u, 2 * allocated);
			struct strong_file *grown = reallocarray(r->strong, more, sizeof(*grown));

			if (!grown)
				return -ENOMEM;
			r->strong = grown;
			allocated = more;
		}
		r->strong[r->strong_count].path = listed.name;
		memcpy(r->strong[r->strong_count++].sum, listed.sum, SHA256_LEN);
	}
	if (r->strong_count > 0)
		qsort(r->strong, r->strong_count, sizeof(*r->strong), compare_files);
	if (contradicts_itself(r))
		debian_note_broken(r->e, "it names a file twice, with different digests");
	return 0;
}

/* -- entries -------------------------------------------------------------------------------------------------- */

/* dir/file -> dir/by-hash/SHA256/HEX */
static const char *make_by_hash(struct debian_path *path, const char *field, const uint8_t *sum, size_t sum_size)
{
	char tail[2 * ORIGIN_DIGEST_MAX + 32], hex[2 * ORIGIN_DIGEST_MAX + 1];
	const char *slash = memrchr(path->at, '/', path->size);
	int size;

	hex_encode(sum, sum_size, hex);
	size = snprintf(tail, sizeof(tail), "by-hash/%s/%s", field, hex);
	return debian_path_set(path, &(struct control_text){ path->at, slash ? (size_t)(slash - path->at) : 0 },
			       &(struct control_text){ tail, (size_t)size });
}

/* A file below by-hash/MD5Sum is as good as any other where the same file's SHA-256 is known. */
static int tell_by_hash(struct release *r, const struct section *s, const struct digest *d, const struct debian_listed *listed)
{
	const struct strong_file *strong = s->is_strong ? NULL : find_strong(r, &listed->name);
	struct debian_path *path = &r->path;
	int ret;

	if (make_by_hash(path, s->field, listed->sum, d->size))
		return 0; /* so deep that no path leads to it */
	ret = evidence_lists(r->e, d, listed->sum, 0, path->at, path->size);
	if (ret == 0 && strong)
		ret = evidence_lists(r->e, digest_by_name("sha256"), strong->sum, 0, path->at, path->size);
	return ret;
}

static int tell_section(struct release *r, const struct section *s)
{
	const struct control_text *field = control_find(&r->paragraph, s->field);
	struct control_text rest = field ? *field : (struct control_text){ "", 0 }, line;
	const struct digest *d = digest_by_name(s->algorithm);
	int ret = 0;

	while (ret == 0 && control_take_line(&rest, &line)) {
		struct debian_listed listed;
		const char *why = debian_sum_line(line, d, false, &listed);

		if (!why)
			why = debian_path_set(&r->path, NULL, &listed.name);
		if (why) {
			debian_note_bad(r->e, &r->paragraph, line.at, why);
			continue;
		}
		ret = evidence_lists(r->e, d, listed.sum, 0, r->path.at, r->path.size);
		if (ret == 0 && r->is_by_hash)
			ret = tell_by_hash(r, s, d, &listed);
	}
	return ret;
}

/* -- what it is ----------------------------------------------------------------------------------------------- */

/* Two suites must never have one name: what separates the parts, and the sign of the escape, are escaped in them. */
static bool append_escaped(char *out, size_t out_size, size_t *at, const struct control_text *part)
{
	for (size_t i = 0; i < part->size; i++) {
		unsigned char c = (unsigned char)part->at[i];
		bool is_plain = c > 0x20 && c < 0x7f && c != '/' && c != '%';
		int n = snprintf(out + *at, out_size - *at, is_plain ? "%c" : "%%%02X", c);

		if (n < 0 || (size_t)n >= out_size - *at)
			return false;
		*at += (size_t)n;
	}
	return true;
}

static void tell_series(struct release *r)
{
	static const char *const parts[] = { "Origin", "Label", "Suite", "Codename" };
	char *series = r->e->summary.series;
	size_t at = 0, room = sizeof(r->e->summary.series);

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		const struct control_text *part = control_find(&r->paragraph, parts[i]);
		bool fits = at + sizeof("debian ") < room;

		if (fits)
			at += (size_t)snprintf(series + at, room - at, "%s", i == 0 ? "debian " : "/");
		if (!fits || (part && !append_escaped(series, room, &at, part))) {
			series[0] = '\0'; /* a part of it could be another suite's */
			debian_note_broken(r->e, "Origin, Label, Suite and Codename are longer than this station reads");
			return;
		}
	}
}

static void tell_date(struct release *r, const char *field, uint64_t *ret)
{
	struct control_text text;
	int found = control_find_line(&r->paragraph, field, &text);

	if (found < 0 || (found > 0 && debian_date(&text, ret) < 0))
		debian_note_broken(r->e, "%s is no date in UTC", field);
}

/* The Release of a component ("Archive", "Component", "Architecture", and no digests), as in main/binary-amd64: no list. */
static bool is_of_component(const struct control_paragraph *p)
{
	for (size_t i = 0; i < ARRAY_LEN(sections); i++)
		if (control_find(p, sections[i].field))
			return false;
	return control_find(p, "Component") || control_find(p, "Architecture");
}

static int tell_release(struct release *r)
{
	const struct control_text *by_hash = control_find(&r->paragraph, "Acquire-By-Hash");
	int ret;

	r->is_by_hash = by_hash && control_text_is(by_hash, "yes");
	if (!control_find(&r->paragraph, "SHA256") && !control_find(&r->paragraph, "SHA512"))
		debian_note_broken(r->e, "no section SHA256: what it lists by MD5 or SHA-1 proves nothing");
	tell_series(r);
	tell_date(r, "Date", &r->e->summary.date);
	tell_date(r, "Valid-Until", &r->e->summary.valid_until);
	ret = collect_strong(r);
	for (size_t i = 0; ret == 0 && i < ARRAY_LEN(sections); i++)
		ret = tell_section(r, &sections[i]);
	return ret;
}

static int read_release(struct release *r, struct control_file *f)
{
	int ret = control_next(f, &r->paragraph);

	if (ret <= 0)
		return ret;
	if (r->paragraph.repeated) {
		debian_note_broken(r->e, "the field %.*s stands twice", (int)r->paragraph.repeated->name.size,
				   r->paragraph.repeated->name.at);
		return 0;
	}
	if (is_of_component(&r->paragraph))
		return 1;
	return tell_release(r);
}

static int prove(struct release *r)
{
	_cleanup_(decompress_close_p) struct decompress *source = NULL;
	_cleanup_(control_file_freep) struct control_file *f = NULL;
	bool is_promised = strcmp(r->e->name, "InRelease") == 0; /* "Release" may be anyone's notes */
	int ret = debian_open(r->e, "", &source);

	if (ret < 0 || !source)
		return ret;
	ret = control_file_new(source, CONTROL_RELEASE_MAX, &f);
	if (ret < 0)
		return ret;
	ret = read_release(r, f);
	if (ret > 0)
		return 0; /* no list */
	if (ret == 0 && control_file_has_begun(f))
		ret = debian_end_alone(r->e, f, &r->paragraph);
	if (ret == 0 && !control_file_has_begun(f) && is_promised)
		debian_note_broken(r->e, "empty");
	if (ret == 0 && !control_file_has_begun(f))
		return 0;
	return debian_end(r->e, ret, f, source, is_promised);
}

int prove_debian_release(struct evidence *e)
{
	struct release *r = calloc(1, sizeof(*r));
	int ret = -ENOMEM;

	if (r) {
		r->e = e;
		ret = prove(r);
		free(r->strong);
	}
	free(r);
	return ret;
}
