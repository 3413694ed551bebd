/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* OpenSSF model signing, v1.0 (https://github.com/ossf/model-signing-spec, spec/v1.0.md; sections below are its), and the
 * predicate "Digests/v0.1" of its first releases: a statement about all files of a model.
 *
 * Stricter than the specification: the subject's digest must fit the resources (section 6.5.1 lets verifiers skip that), and
 * `ignore_paths` (section 6.2) is not honoured. It says what the signer did not look at: a file put there later, say into
 * ".git", would pass with the model and was signed by nobody. Only the signature itself need not be listed.
 * Shards (section 6.3.2) and BLAKE3 are refused with words; releases before 1.0 also signed with an encoding that differs from
 * DSSE's ("DSSEV1"): such signatures verify with no key here.
 */
#include "origin/in_toto.h"

#include <string.h>

#include <openssl/evp.h>

#include "common/hash.h"
#include "origin/json_input.h"
#include "proof/path.h"

#define TYPE_1_0 "https://model_signing/signature/v1.0"
#define TYPE_0_1 "https://model_signing/Digests/v0.1"

struct model_file {
	const char *name; /* borrowed from the statement */
	uint8_t sum[ORIGIN_DIGEST_MAX];
};

struct model {
	const struct digest *digest;
	struct model_file *files;
	size_t count;
	const char *name;		    /* of the model; NULL: not said */
	char beneath[ORIGIN_PATH_MAX + 1]; /* where it is, from the directory of the evidence: "" or "NAME/" */
	bool is_single;			    /* a model of one file: what stands beside it is none of its business */
};

/* Static words, or NULL. */
static const char *take_file(struct model *m, const char *name, const char *algorithm, const char *hex)
{
	const struct digest *d = algorithm ? digest_by_name(algorithm) : NULL;
	struct model_file *f = &m->files[m->count];
	char path[ORIGIN_PATH_MAX + 1];
	size_t size = name ? strlen(name) : 0;

	if (!d || (strcmp(algorithm, "sha256") != 0 && strcmp(algorithm, "blake2b") != 0))
		return "a digest that this station does not compute: sign with sha256";
	if (m->digest && m->digest != d)
		return "digests of several kinds";
	if (!hex || strlen(hex) != 2 * d->size || hex_decode(hex, f->sum, d->size) < 0)
		return "a file without a proper digest";
	if (size == 0 || size > ORIGIN_PATH_MAX)
		return "a file without a proper name";
	memcpy(path, name, size + 1);
	/* section 6.1.2: relative, no "..", no ".", no empty component */
	if (listed_path_normalise(path, &size) || strcmp(path, name) != 0)
		return "a name that is no canonical relative path";
	f->name = name;
	m->digest = d;
	m->count++;
	return NULL;
}

/* -- what there is to read ------------------------------------------------------------------------------------- */

/* Section 6.5.1: SHA-256 over the digests in order. */
static int check_root(const struct model *m, const char *hex, const char **ret_trouble)
{
	uint8_t sum[SHA256_LEN], told[SHA256_LEN];
	struct hash *h = hash_new();
	int r = h ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < m->count; i++)
		r = hash_update(h, m->files[i].sum, m->digest->size);
	if (r == 0)
		r = hash_final(h, sum);
	hash_free(h);
	if (r == 0 && (!hex || strlen(hex) != SHA256_HEX_LEN || hex_decode(hex, told, sizeof(told)) < 0 ||
		       memcmp(sum, told, sizeof(sum)) != 0))
		*ret_trouble = "the digest of the model is not that of its files";
	return r;
}

static int read_1_0(struct model *m, const json_t *statement, const char **ret_trouble)
{
	const json_t *predicate = json_object_get(statement, "predicate"), *resource;
	const json_t *resources = json_object_get(predicate, "resources"), *how = json_object_get(predicate, "serialization");
	const json_t *subjects = json_object_get(statement, "subject"), *subject = json_array_get(subjects, 0);
	const char *method = json_input_text(how, "method"), *hash_type = json_input_text(how, "hash_type");
	size_t i;

	if (!method || strcmp(method, "files") != 0)
		*ret_trouble = "not a digest for each file (method \"shards\"): sign with the method \"files\"";
	else if (json_array_size(subjects) != 1 || json_array_size(resources) == 0 || !hash_type)
		*ret_trouble = "not one model, or without files, or without the kind of its digests";
	json_array_foreach((json_t *)resources, i, resource) {
		const char *algorithm = json_input_text(resource, "algorithm");

		if (!*ret_trouble && (!algorithm || strcmp(algorithm, hash_type) != 0))
			*ret_trouble = "digests of another kind than it says";
		if (!*ret_trouble)
			*ret_trouble = take_file(m, json_input_text(resource, "name"), algorithm, json_input_text(resource, "digest"));
		if (*ret_trouble)
			return 0;
	}
	if (*ret_trouble)
		return 0;
	m->name = json_input_text(subject, "name");
	m->is_single = m->count == 1 && m->name && strcmp(m->name, m->files[0].name) == 0; /* sections 5.2.1 and 6.5 */
	return check_root(m, json_input_text(json_object_get(subject, "digest"), "sha256"), ret_trouble);
}

/* The digest stands under "sha256", whatever it is; an annotation says what it is. */
static void read_0_1(struct model *m, const json_t *statement, const char **ret_trouble)
{
	const json_t *subjects = json_object_get(statement, "subject"), *subject;
	size_t i;

	if (json_array_size(subjects) == 0)
		*ret_trouble = "without files";
	json_array_foreach((json_t *)subjects, i, subject) {
		const char *algorithm = json_input_text(json_object_get(subject, "annotations"), "actual_hash_algorithm");

		if (algorithm && strncmp(algorithm, "file-", 5) == 0)
			algorithm += 5;
		*ret_trouble = take_file(m, json_input_text(subject, "name"), algorithm ? algorithm : "sha256",
					 json_input_text(json_object_get(subject, "digest"), "sha256"));
		if (*ret_trouble)
			return;
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct model_file *)a)->name, ((const struct model_file *)b)->name);
}

/* -- where it is ----------------------------------------------------------------------------------------------- */

/* Is the first file beneath `directory` (`size` bytes)? 1, 0 or a negative errno. */
static int try_directory(struct evidence *e, struct model *m, const char *directory, size_t size)
{
	_cleanup_close_ int fd = -EBADF;
	char path[ORIGIN_PATH_MAX + 1];
	uint64_t file_size;
	int r;

	if (memchr(directory, '/', size) || (size == 1 && directory[0] == '.') || (size == 2 && memcmp(directory, "..", 2) == 0) ||
	    snprintf(path, sizeof(path), "%.*s%s%s", (int)size, directory, size > 0 ? "/" : "", m->files[0].name) >= (int)sizeof(path))
		return 0;
	r = evidence_want(e, 0, path, &fd, &file_size);
	if (r > 0)
		(void)snprintf(m->beneath, sizeof(m->beneath), "%.*s%s", (int)size, directory, size > 0 ? "/" : "");
	return r;
}

/* Section 9: the signature stands in the directory of the model, or in the one above, where the model is called as the subject
 * is (which is only a hint, section 6.5) or as the signature without its suffix. A wrong guess finds no file. */
static int locate(struct evidence *e, struct model *m)
{
	const char *dot = strrchr(e->name, '.');
	int r = try_directory(e, m, "", 0);

	if (r == 0 && m->name && *m->name)
		r = try_directory(e, m, m->name, strlen(m->name));
	if (r == 0 && dot && dot > e->name)
		r = try_directory(e, m, e->name, (size_t)(dot - e->name));
	return MIN(r, 0);
}

/* -- telling --------------------------------------------------------------------------------------------------- */

static int tell(struct evidence *e, const struct model *m)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < m->count; i++) {
		char path[ORIGIN_PATH_MAX + 1];
		int n = snprintf(path, sizeof(path), "%s%s", m->beneath, m->files[i].name);

		if (n >= (int)sizeof(path)) {
			in_toto_broken(e, "signed model: a path that is too long");
			return 0;
		}
		r = evidence_lists(e, m->digest, m->files[i].sum, 0, path, (size_t)n);
	}
	/* Completeness is that of the evidence's directory: it says nothing where the model is one file or one directory there. */
	if (r == 0 && !m->is_single && !m->beneath[0])
		e->summary.flags |= PROVED_COMPLETE;
	if (r == 0)
		in_toto_read(e);
	return r;
}

static int read_and_tell(struct evidence *e, struct model *m, const json_t *statement, bool is_1_0)
{
	const char *trouble = NULL;
	int r = 0;

	if (is_1_0)
		r = read_1_0(m, statement, &trouble);
	else
		read_0_1(m, statement, &trouble);
	if (r == 0 && !trouble) {
		qsort(m->files, m->count, sizeof(*m->files), by_name);
		for (size_t i = 1; i < m->count; i++)
			if (strcmp(m->files[i - 1].name, m->files[i].name) == 0)
				trouble = "a file that is named twice";
	}
	if (trouble)
		in_toto_broken(e, "signed model: %s", trouble);
	if (r == 0 && !trouble)
		r = locate(e, m);
	return r < 0 || trouble ? r : tell(e, m);
}

int model_signing_list(struct evidence *e, const json_t *statement, const char *type, bool *ret_is_model)
{
	bool is_1_0 = strcmp(type, TYPE_1_0) == 0;
	_cleanup_free_ struct model *m = NULL;
	const json_t *files;
	int r;

	*ret_is_model = is_1_0 || strcmp(type, TYPE_0_1) == 0;
	if (!*ret_is_model)
		return 0;
	files = is_1_0 ? json_object_get(json_object_get(statement, "predicate"), "resources") : json_object_get(statement, "subject");
	m = calloc(1, sizeof(*m));
	if (m)
		m->files = calloc(json_array_size(files) + 1, sizeof(*m->files));
	if (!m || !m->files)
		return -ENOMEM;
	r = read_and_tell(e, m, statement, is_1_0);
	free(m->files);
	return r;
}
