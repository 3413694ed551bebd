/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* .cargo-checksum.json, as `cargo vendor` writes it into each directory of a crate:
 *
 *   {"files":{"src/lib.rs":"SHA-256 in hexadecimal",...},"package":"SHA-256 of the .crate file"}
 *
 * Cargo compares what is listed and passes what is not: a build.rs that was added is built and run. Here the list is complete.
 * It says nothing of who made the crate; a signature over it, or over a list of it, may.
 */
#include <jansson.h>
#include <string.h>

#include "common/hash.h"
#include "origin/formats.h"
#include "origin/json_input.h"
#include "proof/path.h"

#define CARGO_BYTES_MAX (16u << 20) /* bytes: 100,000 files with names of 90 */

static void broken(struct evidence *e, const char *why, const char *what)
{
	e->summary.outcome = LIST_BROKEN;
	if (e->summary.bad++ == 0)
		(void)snprintf(e->summary.detail, sizeof(e->summary.detail), "%s%s%s", why, *what ? ": " : "", what);
}

/* NULL, or what is wrong. */
static const char *take_sum(const json_t *value, uint8_t ret[static SHA256_LEN])
{
	const char *text = json_string_value(value);

	if (!text || json_string_length(value) != SHA256_HEX_LEN || hex_decode(text, ret, SHA256_LEN) < 0)
		return "not a SHA-256";
	return NULL;
}

static int take_file(struct evidence *e, const char *name, const json_t *value)
{
	char path[ORIGIN_PATH_MAX + 1];
	uint8_t sum[SHA256_LEN];
	size_t size = strlen(name);
	const char *why = size > ORIGIN_PATH_MAX ? "a name that is too long" : take_sum(value, sum);

	if (!why) {
		memcpy(path, name, size + 1);
		why = listed_path_normalise(path, &size);
	}
	if (why) {
		broken(e, why, name);
		return 0;
	}
	return evidence_lists(e, digest_by_name("sha256"), sum, 0, path, size);
}

static int take_files(struct evidence *e, const json_t *files)
{
	const char *name;
	json_t *value;
	int r = 0;

	json_object_foreach((json_t *)files, name, value) {
		r = take_file(e, name, value);
		if (r < 0)
			break;
	}
	/* A crate that Debian packages comes with no files listed, and cargo compares none: nothing is said of the others. */
	if (json_object_size(files) > 0)
		e->summary.flags |= PROVED_COMPLETE;
	return r;
}

/* The .crate file, wherever it lies: "" is whichever file has the digest. */
static int take_package(struct evidence *e, const json_t *package)
{
	uint8_t sum[SHA256_LEN];
	const char *why;

	if (!package || json_is_null(package)) /* of a Git repository */
		return 0;
	why = take_sum(package, sum);
	if (!why)
		return evidence_lists(e, digest_by_name("sha256"), sum, 0, "", 0);
	broken(e, why, "package");
	return 0;
}

int prove_cargo(struct evidence *e)
{
	_cleanup_json_ json_t *list = NULL;
	_cleanup_free_ char *text = NULL;
	char why[JSON_INPUT_WHY_MAX];
	const json_t *files;
	int r = json_input_read(e->fd, e->size, CARGO_BYTES_MAX, &text);

	if (r == 0)
		r = json_input_parse(text, (size_t)e->size, &list, why);
	if (r == -EFBIG || r == -EBADMSG) {
		broken(e, r == -EFBIG ? "longer than this station reads" : why, "");
		return 0;
	}
	if (r < 0)
		return r;
	files = json_object_get(list, "files");
	if (!json_is_object(files)) {
		broken(e, "no \"files\" in it", "");
		return 0;
	}
	e->summary.outcome = LIST_READ;
	r = take_files(e, files);
	return r == 0 ? take_package(e, json_object_get(list, "package")) : r;
}
