/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* package-lock.json and npm-shrinkwrap.json (docs.npmjs.com, "package-lock.json", lockfileVersion 1 to 3): of each package where it comes
 * from ("resolved") and what it must be ("integrity", W3C Subresource Integrity: algorithms and base64, by spaces).
 *
 *   {"packages":{"node_modules/ms":{"resolved":"https://host/ms/-/ms-2.1.3.tgz","integrity":"sha512-6Flz..."}}}
 *
 * On a medium packages are files beside the list: by the path of a "file:" URL, or the last part of any other. Two packages of one
 * file name ("@a/x" and "x" in one version) cannot be told apart by it, and nothing is said of either. Integrity, not origin.
 */
#include <string.h>

#include "common/digest_name.h"
#include "origin/formats.h"
#include "origin/json_input.h"
#include "proof/path.h"

#define LOCK_BYTES_MAX JSON_INPUT_BYTES_MAX
#define LEVELS_MAX 32 /* "dependencies" in each other, in the old form */

struct lock {
	struct evidence *e;
	json_t *sums; /* path: integrity, or false: it is ambiguous */
};

static void broken(struct evidence *e, const char *why, const char *what)
{
	e->summary.outcome = LIST_BROKEN;
	if (e->summary.bad++ == 0)
		(void)snprintf(e->summary.detail, sizeof(e->summary.detail), "%s%s%s", why, *what ? ": " : "", what);
}

/* Of "resolved", without query and fragment; NULL: it names no file. */
static char *file_of(const char *resolved)
{
	bool is_file = strncmp(resolved, "file:", 5) == 0;
	size_t size = strcspn(resolved, "?#");
	char *path;

	if (strncmp(resolved, "git", 3) == 0)
		return NULL;
	if (is_file)
		return strndup(resolved + 5, size - 5);
	path = strndup(resolved, size);
	if (path && strrchr(path, '/'))
		memmove(path, strrchr(path, '/') + 1, strlen(strrchr(path, '/')));
	return path;
}

static int take_package(struct lock *l, const json_t *package)
{
	const char *resolved = json_input_text(package, "resolved"), *integrity = json_input_text(package, "integrity");
	_cleanup_free_ char *path = resolved && integrity ? file_of(resolved) : NULL;
	size_t size = path ? strlen(path) : 0;
	const json_t *known;

	if (!path || size > ORIGIN_PATH_MAX || listed_path_normalise(path, &size))
		return 0; /* of a repository, a directory, or above this one: no file beside the list */
	known = json_object_get(l->sums, path);
	if (known && (!json_is_string(known) || strcmp(json_string_value(known), integrity) != 0))
		return json_object_set_new(l->sums, path, json_false()) < 0 ? -ENOMEM : 0;
	return json_object_set_new(l->sums, path, json_string(integrity)) < 0 ? -ENOMEM : 0;
}

static int take_packages(struct lock *l, const json_t *packages, unsigned int level)
{
	const char *name;
	json_t *package;
	int r = 0;

	json_object_foreach((json_t *)packages, name, package) {
		r = take_package(l, package);
		if (r == 0 && level < LEVELS_MAX && json_is_object(json_object_get(package, "dependencies")) && level > 0)
			r = take_packages(l, json_object_get(package, "dependencies"), level + 1);
		if (r < 0)
			break;
	}
	return r;
}

/* The strongest one that is known: W3C SRI section 3.3.4. */
static int list_file(struct lock *l, const char *path, const char *integrity)
{
	static const char *const algorithms[] = { "sha512", "sha384", "sha256", "sha1" };

	for (size_t k = 0; k < ARRAY_LEN(algorithms); k++) {
		size_t n = strlen(algorithms[k]);

		for (const char *at = integrity; *at; at += strspn(at, " ")) {
			size_t len = strcspn(at, " ");
			const struct digest *d = digest_by_name(algorithms[k]);
			_cleanup_free_ char *value = NULL;
			_cleanup_free_ uint8_t *sum = NULL;
			size_t size = 0;

			if (strncmp(at, algorithms[k], n) == 0 && at[n] == '-') {
				value = strndup(at + n + 1, strcspn(at + n + 1, " ?"));
				if (!value)
					return -ENOMEM;
				if (json_input_base64(value, 0, &sum, &size) < 0 || size != d->size) {
					broken(l->e, "no proper digest", path);
					return 0;
				}
				return evidence_lists(l->e, d, sum, 0, path, strlen(path));
			}
			at += len;
		}
	}
	broken(l->e, "no digest that is known", path);
	return 0;
}

static int take_lock(struct lock *l, const json_t *lock)
{
	const json_t *packages = json_object_get(lock, "packages"), *dependencies = json_object_get(lock, "dependencies");
	const char *path;
	json_t *integrity;
	int r = 0;

	if (!json_is_object(packages) && !json_is_object(dependencies))
		return 0; /* a lock of nothing, or no such file */
	if (json_is_object(packages))
		r = take_packages(l, packages, 0);
	if (r == 0 && json_is_object(dependencies))
		r = take_packages(l, dependencies, 1);
	l->e->summary.outcome = LIST_READ;
	json_object_foreach(l->sums, path, integrity)
		if (r == 0 && json_is_string(integrity))
			r = list_file(l, path, json_string_value(integrity));
	return r;
}

int prove_npm(struct evidence *e)
{
	_cleanup_json_ json_t *document = NULL;
	_cleanup_free_ char *text = NULL;
	char why[JSON_INPUT_WHY_MAX];
	struct lock l = { .e = e };
	int r = json_input_read(e->fd, e->size, LOCK_BYTES_MAX, &text);

	if (r == 0)
		r = json_input_parse(text, (size_t)e->size, &document, why);
	if (r == -EFBIG || r == -EBADMSG) {
		broken(e, r == -EFBIG ? "longer than this station reads" : why, "");
		return 0;
	}
	if (r < 0)
		return r;
	l.sums = json_object();
	r = l.sums ? take_lock(&l, document) : -ENOMEM;
	json_decref(l.sums);
	return r;
}
