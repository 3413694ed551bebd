/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Packages and Sources: digests of the packages of a repository. Paths are relative to the root of the archive: the directory
 * that holds `dists`; in a repository without (a flat one) the URI of sources.list, which the medium does not tell, and which
 * is the index's own directory or one above it.
 *
 * One digest a file is told, the strongest: an index of main has 64,000 packages, and where SHA-256 agrees no other is looked at.
 */
#include <fnmatch.h>
#include <string.h>
#include <strings.h>

#include "origin/debian.h"
#include "origin/formats.h"

#define PREFIX_COMPONENTS_MAX 8 /* of `deb URI DIRECTORY/`: nobody nests flat repositories deeper */

struct index {
	struct evidence *e;
	const char *field; /* of the name: "Packages" or "Sources" */
	int (*tell)(struct index *x);
	struct control_paragraph paragraph;
	unsigned int up;   /* to the root, or to the highest directory that can be it */
	bool is_by_hash, is_flat;
	struct control_text directories; /* of the index, without by-hash and what follows; "" on the medium's root */
	struct debian_path path, full;
};

/* -- where the root is ---------------------------------------------------------------------------------------- */

static unsigned int count_components(const char *at, size_t size)
{
	unsigned int n = size > 0;

	for (size_t i = 0; i < size; i++)
		n += at[i] == '/';
	return n;
}

/* Cut the last component off. */
static void cut_last(struct control_text *t)
{
	const char *slash = memrchr(t->at, '/', t->size);

	t->size = slash ? (size_t)(slash - t->at) : 0;
}

static bool ends_with_component(const struct control_text *t, const char *component)
{
	size_t size = strlen(component);

	return t->size >= size && memcmp(t->at + t->size - size, component, size) == 0 &&
	       (t->size == size || t->at[t->size - size - 1] == '/');
}

/* The innermost `dists` with a suite in it: what is above may be anybody's directory of that name. */
static void find_root(struct index *x)
{
	struct control_text all = { x->e->path, (size_t)(x->e->name - x->e->path) }, dists;

	if (all.size > 0)
		all.size--; /* the slash before the name */
	x->directories = all;
	if (x->is_by_hash) {
		cut_last(&x->directories);
		cut_last(&x->directories);
	}
	dists = x->directories;
	do
		cut_last(&dists);
	while (dists.size > 0 && !ends_with_component(&dists, "dists"));
	x->is_flat = dists.size == 0;
	if (x->is_flat) {
		x->up = count_components(all.at, all.size) - count_components(x->directories.at, x->directories.size);
		return;
	}
	cut_last(&dists);
	x->up = count_components(all.at, all.size) - count_components(dists.at, dists.size);
}

/* Does the path begin with the last component or components of the index's directory, as in `deb URI DIRECTORY/`?
 * How many. */
static unsigned int count_prefix(const struct index *x, const struct debian_path *path)
{
	const struct control_text *d = &x->directories;
	size_t at = d->size;

	for (unsigned int n = 1; at > 0 && n <= PREFIX_COMPONENTS_MAX; n++) {
		const char *slash = memrchr(d->at, '/', at);
		size_t from = slash ? (size_t)(slash - d->at) + 1 : 0, size = d->size - from;

		if (path->size > size && path->at[size] == '/' && memcmp(path->at, d->at + from, size) == 0)
			return n;
		at = from > 0 ? from - 1 : 0;
	}
	return 0;
}

/* A package of a flat repository may be meant in two places; where no file is, nothing is compared. */
static int tell_path(struct index *x, const struct digest *d, const uint8_t *sum)
{
	unsigned int n = x->is_flat ? count_prefix(x, &x->path) : 0;
	size_t size = 0;
	int r = evidence_lists(x->e, d, sum, x->up + n, x->path.at, x->path.size);

	if (r < 0 || n == 0)
		return r;
	for (unsigned int i = 0; i < n; size++)
		i += x->path.at[size] == '/';
	if (debian_path_set(&x->full, &(struct control_text){ x->path.at, size },
			    &(struct control_text){ x->path.at, x->path.size }))
		return 0; /* so deep that no path leads to it */
	return evidence_lists(x->e, d, sum, x->up + n, x->full.at, x->full.size);
}

/* -- a paragraph ---------------------------------------------------------------------------------------------- */

struct kind {
	const char *field, *algorithm;
	bool is_strong;
};

/* The strongest field that is there; one that is there and empty or no digest is no reason to take a weaker one. */
static const struct kind *find_kind(const struct control_paragraph *p, const struct kind *kinds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (control_find(p, kinds[i].field))
			return &kinds[i];
	return NULL;
}

static int note_bad(struct index *x, const char *why)
{
	debian_note_bad(x->e, &x->paragraph, x->paragraph.fields[0].name.at, why);
	return 0;
}

static int tell_package(struct index *x)
{
	static const struct kind kinds[] = {
		{ "SHA256", "sha256", true }, { "SHA512", "sha512", true }, { "SHA1", "sha1", false }, { "MD5sum", "md5", false },
	};
	const struct kind *kind = find_kind(&x->paragraph, kinds, ARRAY_LEN(kinds));
	const struct digest *d = kind ? digest_by_name(kind->algorithm) : NULL;
	struct control_text name, hex;
	uint8_t sum[ORIGIN_DIGEST_MAX];
	const char *why;

	if (control_find_line(&x->paragraph, "Filename", &name) <= 0)
		return note_bad(x, "a package without a Filename of one line");
	why = debian_path_set(&x->path, NULL, &name);
	if (!why && (!kind || control_find_line(&x->paragraph, kind->field, &hex) <= 0))
		why = "a package without SHA256";
	if (!why)
		why = debian_sum(&hex, d, sum);
	if (why)
		return note_bad(x, why);
	if (!kind->is_strong)
		(void)note_bad(x, "a package without SHA256");
	return tell_path(x, d, sum);
}

/* One line of Checksums-Sha256, beneath `directory`. */
static int tell_source_file(struct index *x, const struct digest *d, const struct control_text *directory,
			    const struct control_text *line)
{
	struct debian_listed listed;
	const char *why = debian_sum_line(*line, d, false, &listed);

	if (!why && (memchr(listed.name.at, '/', listed.name.size) || control_text_is(&listed.name, ".")))
		why = "a file name with a slash, or none";
	if (!why)
		why = debian_path_set(&x->path, directory, &listed.name);
	if (why) {
		debian_note_bad(x->e, &x->paragraph, line->at, why);
		return 0;
	}
	return tell_path(x, d, listed.sum);
}

static int tell_source(struct index *x)
{
	static const struct kind kinds[] = {
		{ "Checksums-Sha256", "sha256", true }, { "Checksums-Sha512", "sha512", true },
		{ "Checksums-Sha1", "sha1", false },	{ "Files", "md5", false },
	};
	const struct kind *kind = find_kind(&x->paragraph, kinds, ARRAY_LEN(kinds));
	struct control_text directory = { "", 0 }, rest, line;
	int r = 0;

	if (!kind || !kind->is_strong)
		(void)note_bad(x, "a source package without Checksums-Sha256");
	if (!kind)
		return 0;
	if (control_find_line(&x->paragraph, "Directory", &directory) < 0)
		return note_bad(x, "a Directory of several lines");
	rest = *control_find(&x->paragraph, kind->field);
	while (r == 0 && control_take_line(&rest, &line))
		r = tell_source_file(x, digest_by_name(kind->algorithm), &directory, &line);
	return r;
}

/* -- the index ------------------------------------------------------------------------------------------------ */

/* Packages, Packages.xz, ..., and any name in by-hash; not packages.config or sources.txt. */
static bool is_index_name(const struct index *x)
{
	size_t size = strlen(x->field);
	const char *suffix = x->e->name + size;

	return x->is_by_hash || (strncasecmp(x->e->name, x->field, size) == 0 &&
				 strcasecmp(suffix, debian_suffix(x->e->name)) == 0);
}

static int read_index(struct index *x, struct control_file *f)
{
	int r;

	while ((r = control_next(f, &x->paragraph)) > 0) {
		r = x->paragraph.repeated ? note_bad(x, "a field stands twice in a paragraph") : x->tell(x);
		if (r < 0)
			return r;
	}
	return r;
}

static int prove_index(struct index *x)
{
	_cleanup_(decompress_close_p) struct decompress *source = NULL;
	_cleanup_(control_file_freep) struct control_file *f = NULL;
	int r;

	x->is_by_hash = fnmatch("*by-hash/*/*", x->e->path, 0) == 0;
	if (!is_index_name(x))
		return 0;
	find_root(x);
	if (x->up + PREFIX_COMPONENTS_MAX > ORIGIN_UP_MAX) {
		debian_note_broken(x->e, "too many directories above it");
		return 0;
	}
	r = debian_open(x->e, x->is_by_hash ? NULL : debian_suffix(x->e->name), &source);
	if (r < 0 || !source)
		return r;
	r = control_file_new(source, CONTROL_PARAGRAPH_MAX, &f);
	if (r < 0)
		return r;
	r = read_index(x, f);
	return debian_end(x->e, r, f, source, false);
}

static int prove(struct evidence *e, const char *field, int (*tell)(struct index *x))
{
	_cleanup_free_ struct index *x = calloc(1, sizeof(*x));

	if (!x)
		return -ENOMEM;
	x->e = e;
	x->field = field;
	x->tell = tell;
	return prove_index(x);
}

int prove_debian_packages(struct evidence *e)
{
	return prove(e, "Packages", tell_package);
}

int prove_debian_sources(struct evidence *e)
{
	return prove(e, "Sources", tell_source);
}
