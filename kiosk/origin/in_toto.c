/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Run by lazaret-origin. The statement may be by anybody: what it lists can then prove a mismatch, and vouches for nothing
 * (the supervisor knows who signed the evidence).
 */
#include "origin/in_toto.h"

#include <stdarg.h>
#include <string.h>

#include "common/hash.h"
#include "origin/json_input.h"
#include "proof/path.h"

#define PROBES_MAX 64u /* files that are asked for to tell a path from an image's name; further ones are taken for paths */

void in_toto_broken(struct evidence *e, const char *format, ...)
{
	va_list ap;

	e->summary.outcome = LIST_BROKEN;
	va_start(ap, format);
	if (vsnprintf(e->summary.detail, sizeof(e->summary.detail), format, ap) < 0) /* cut on purpose */
		e->summary.detail[0] = '\0';
	va_end(ap);
}

void in_toto_read(struct evidence *e)
{
	if (e->summary.outcome != LIST_BROKEN)
		e->summary.outcome = LIST_READ;
}

/* -- names of subjects ----------------------------------------------------------------------------------------- */

/* Is there a file with this name? 1, 0 or a negative errno. */
static int is_there(struct evidence *e, const char *path)
{
	_cleanup_close_ int fd = -EBADF;
	uint64_t size;

	return evidence_want(e, 0, path, &fd, &size);
}

/* "registry.example/team/image": a directory could be called so, too. */
static bool may_be_image(const char *name)
{
	size_t first = strcspn(name, "/");

	return name[first] == '/' && (memchr(name, '.', first) || strncmp(name, "localhost/", 10) == 0);
}

/* Where is the file called `name`? 1 and `path`, 0: only its digest tells, or a negative errno. */
static int find_path(struct evidence *e, const char *name, unsigned int *probes, char path[static ORIGIN_PATH_MAX + 1], size_t *ret)
{
	*ret = strlen(name);
	/* A colon: purl, URL, an image's tag or digest. "_": no name (statement.md). */
	if (*ret == 0 || *ret > ORIGIN_PATH_MAX || strchr(name, ':') || strcmp(name, "_") == 0)
		return 0;
	memcpy(path, name, *ret + 1);
	if (listed_path_normalise(path, ret))
		return 0; /* absolute, or leads upwards: no place on this medium */
	if (!may_be_image(name) || *probes == PROBES_MAX)
		return 1;
	++*probes;
	return is_there(e, path);
}

/* -- subjects -------------------------------------------------------------------------------------------------- */

/* How many digests could be used, or a negative errno; -EBADMSG for one that is none. */
static int list_digests(struct evidence *e, const json_t *digests, const char *path, size_t path_size)
{
	const char *algorithm;
	int count = 0;
	json_t *value;

	json_object_foreach((json_t *)digests, algorithm, value) {
		const struct digest *d = digest_by_name(algorithm);
		const char *hex = json_string_value(value);
		uint8_t sum[ORIGIN_DIGEST_MAX];
		int r;

		if (!d) /* gitCommit, dirHash, ...: not of a file's bytes */
			continue;
		if (!hex || strlen(hex) != 2 * d->size || hex_decode(hex, sum, d->size) < 0)
			return -EBADMSG;
		if (path_size == 0 && strcmp(d->name, "sha256") != 0)
			continue; /* files are found by the digest that the vault knows */
		r = evidence_lists(e, d, sum, 0, path, path_size);
		if (r < 0)
			return r;
		count++;
	}
	return count;
}

static int list_subject(struct evidence *e, const json_t *subject, unsigned int *probes)
{
	const json_t *digests = json_object_get(subject, "digest");
	const char *name = json_input_text(subject, "name");
	char path[ORIGIN_PATH_MAX + 1];
	size_t path_size = 0;
	int r = name ? find_path(e, name, probes, path, &path_size) : 0;

	if (r < 0)
		return r;
	if (r == 0)
		path_size = 0;
	r = json_is_object(digests) ? list_digests(e, digests, path, path_size) : -EBADMSG;
	if (r == -EBADMSG)
		in_toto_broken(e, "in-toto statement: a subject without proper digests: %.200s", name ? name : "");
	if (r == 0)
		e->summary.bad++; /* about something that is no file */
	return r == -EBADMSG ? 0 : MIN(r, 0);
}

static int list_subjects(struct evidence *e, const json_t *statement)
{
	const json_t *subjects = json_object_get(statement, "subject"), *subject;
	unsigned int probes = 0;
	size_t i;
	int r = 0;

	if (json_array_size(subjects) == 0) {
		in_toto_broken(e, "in-toto statement without subjects");
		return 0;
	}
	json_array_foreach((json_t *)subjects, i, subject) {
		r = list_subject(e, subject, &probes);
		if (r < 0)
			break;
	}
	if (r == 0)
		in_toto_read(e);
	return r;
}

/* -- statements ------------------------------------------------------------------------------------------------ */

/* Whoever signs that a file has failed a check does not vouch for it. */
static bool says_no(const json_t *statement, const char *type)
{
	const json_t *predicate = json_object_get(statement, "predicate");
	const char *result;

	if (strncmp(type, "https://slsa.dev/verification_summary/", 38) == 0) {
		result = json_input_text(predicate, "verificationResult");
		if (!result) /* v0.1 */
			result = json_input_text(predicate, "verification_result");
		return !result || strcmp(result, "PASSED") != 0;
	}
	if (strncmp(type, "https://in-toto.io/attestation/test-result/", 43) == 0) {
		result = json_input_text(predicate, "result");
		return !result || (strcmp(result, "PASSED") != 0 && strcmp(result, "WARNED") != 0);
	}
	return false;
}

/* What is signed about where a file comes from, or that it passed: provenance (https://slsa.dev/spec, in-toto/attestation
 * spec/predicates), npm's publication, cosign's signature. A vendor signs other things of a file as well: that it has a fault (VEX), what a scanner
 * said of it, what it is made of. */
static bool is_about_origin(const char *type)
{
	static const char *const types[] = {
		"https://slsa.dev/provenance/",		   "https://slsa.dev/verification_summary/",
		"https://in-toto.io/Link/",		   "https://in-toto.io/attestation/link/",
		"https://in-toto.io/attestation/release/", "https://in-toto.io/attestation/test-result/",
		"https://github.com/npm/attestation/tree/main/specs/publish/",
		"https://sigstore.dev/cosign/sign/",
	};

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (strncmp(type, types[i], strlen(types[i])) == 0)
			return true;
	return false;
}

static bool is_statement(const json_t *statement)
{
	const char *type = json_input_text(statement, "_type");

	return type && (strcmp(type, "https://in-toto.io/Statement/v1") == 0 || strcmp(type, "https://in-toto.io/Statement/v0.1") == 0);
}

static int list_statement(struct evidence *e, const json_t *statement, char type[static IN_TOTO_TYPE_MAX + 1])
{
	const char *told = json_input_text(statement, "predicateType");
	bool is_model = false;
	int r;

	if (!is_statement(statement)) {
		in_toto_broken(e, "not an in-toto statement v0.1 or v1: %.200s", json_input_text(statement, "_type") ?: "");
		return 0;
	}
	if (!told || !*told || strlen(told) > IN_TOTO_TYPE_MAX) {
		in_toto_broken(e, "in-toto statement that does not say of which type it is (predicateType)");
		return 0;
	}
	(void)snprintf(type, IN_TOTO_TYPE_MAX + 1, "%s", told);
	if (says_no(statement, type)) {
		in_toto_broken(e, "in-toto statement of type %s: it does not say that its subjects passed", type);
		return 0;
	}
	r = model_signing_list(e, statement, type, &is_model);
	if (r < 0 || is_model)
		return r;
	if (!is_about_origin(type))
		e->summary.flags |= PROVED_WITHOUT_VOUCHING;
	return list_subjects(e, statement);
}

int in_toto_list(struct evidence *e, const char *payload, size_t size, char ret_type[static IN_TOTO_TYPE_MAX + 1])
{
	_cleanup_json_ json_t *statement = NULL;
	char why[JSON_INPUT_WHY_MAX];
	int r = json_input_parse(payload, size, &statement, why);

	ret_type[0] = '\0';
	if (r == -EBADMSG) {
		in_toto_broken(e, "in-toto statement: %s", why);
		return 0;
	}
	return r < 0 ? r : list_statement(e, statement, ret_type);
}
