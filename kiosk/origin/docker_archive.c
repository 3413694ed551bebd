/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* manifest.json of `docker save` and `podman save` (moby, image/spec/v1.2.md, "Combined Image JSON + Filesystem Changeset Format"): no
 * digests of its own, but names that are some, and a configuration that has those of the layers:
 *
 *   [{"Config":"<SHA-256>.json","RepoTags":["app:1"],"Layers":["<id>/layer.tar",...]}]
 *   {"rootfs":{"type":"layers","diff_ids":["sha256:...",...]}}
 *
 * diff_ids are of layers before they are compressed: where a layer's own name is the digest of what is there (blobs/sha256/, and the
 * compressed layers of builders that write no OCI layout), that one is taken.
 */
#include <ctype.h>
#include <string.h>

#include "common/evidence_name.h"
#include "common/hash.h"
#include "origin/formats.h"
#include "origin/json_input.h"
#include "origin/oci.h"
#include "proof/path.h"

#define IMAGES_MAX 1024

static void broken(struct evidence *e, const char *why, const char *what)
{
	e->summary.outcome = LIST_BROKEN;
	if (e->summary.bad++ == 0)
		(void)snprintf(e->summary.detail, sizeof(e->summary.detail), "%s%s%.200s", why, *what ? ": " : "", what);
}

/* "blobs/sha256/HEX", "HEX.json", "HEX.tar.gz": what the file must be. */
static bool is_named_by_digest(const char *path, uint8_t ret[static SHA256_LEN])
{
	const char *name = evidence_base_name(path), *end = name + strspn(name, "0123456789abcdef");
	char hex[SHA256_HEX_LEN + 1];

	if (end - name != SHA256_HEX_LEN)
		return false;
	if (*end ? strcmp(end, ".json") != 0 && strcmp(end, ".tar.gz") != 0 : strncmp(path, "blobs/sha256/", 13) != 0)
		return false;
	memcpy(hex, name, SHA256_HEX_LEN);
	hex[SHA256_HEX_LEN] = '\0';
	return hex_decode(hex, ret, SHA256_LEN) == 0;
}

/* 0 and the path; -EBADMSG: it leads elsewhere. */
static int clean_path(const char *text, char ret[static ORIGIN_PATH_MAX + 1], size_t *ret_size)
{
	*ret_size = strlen(text);
	if (*ret_size > ORIGIN_PATH_MAX)
		return -EBADMSG;
	memcpy(ret, text, *ret_size + 1);
	return listed_path_normalise(ret, ret_size) ? -EBADMSG : 0;
}

static int list_layer(struct evidence *e, const char *layer, const char *diff_id)
{
	char path[ORIGIN_PATH_MAX + 1];
	uint8_t sum[ORIGIN_DIGEST_MAX];
	const struct digest *d = digest_by_name("sha256");
	bool is_proper = false;
	size_t size;

	if (!layer || clean_path(layer, path, &size) < 0) {
		broken(e, "a layer without a proper name", layer ? layer : "");
		return 0;
	}
	if (!is_named_by_digest(path, sum)) {
		d = diff_id ? json_input_digest(diff_id, sum, &is_proper) : NULL;
		if (!d) {
			broken(e, "a layer without a digest that is known", path);
			return 0;
		}
	}
	return evidence_lists(e, d, sum, 0, path, size);
}

static int list_layers(struct evidence *e, const json_t *layers, const json_t *config)
{
	const json_t *ids = json_object_get(json_object_get(config, "rootfs"), "diff_ids"), *layer;
	size_t k;
	int r = 0;

	if (json_array_size(layers) > OCI_LAYERS_MAX || json_array_size(ids) != json_array_size(layers)) { /* none: null, or not there */
		broken(e, "its configuration has other layers than it", "");
		return 0;
	}
	json_array_foreach((json_t *)layers, k, layer)
		if (r == 0)
			r = list_layer(e, json_string_value(layer), json_string_value(json_array_get(ids, k)));
	return r;
}

static int read_config(struct evidence *e, const char *path, json_t **ret)
{
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ char *raw = NULL;
	char why[JSON_INPUT_WHY_MAX];
	uint64_t size = 0;
	int r = evidence_want(e, 0, path, &fd, &size);

	if (r == 0) {
		broken(e, "its configuration is not there, or too long", path);
		return 0;
	}
	if (r > 0)
		r = json_input_read(fd, size, OCI_DOCUMENT_MAX, &raw);
	if (r == 0)
		r = json_input_parse(raw, (size_t)size, ret, why);
	if (r == -EFBIG || r == -EBADMSG) {
		broken(e, "its configuration cannot be read", r == -EFBIG ? path : why);
		return 0;
	}
	return r;
}

static int take_image(struct evidence *e, const json_t *image)
{
	_cleanup_json_ json_t *config = NULL;
	const char *named = json_input_text(image, "Config");
	char path[ORIGIN_PATH_MAX + 1];
	uint8_t sum[SHA256_LEN];
	size_t size;
	int r;

	if (!named || clean_path(named, path, &size) < 0) {
		broken(e, "an image without a proper configuration", named ? named : "");
		return 0;
	}
	r = read_config(e, path, &config);
	if (r < 0 || !config)
		return r;
	if (is_named_by_digest(path, sum))
		r = evidence_lists(e, digest_by_name("sha256"), sum, 0, path, size);
	return r == 0 ? list_layers(e, json_object_get(image, "Layers"), config) : r;
}

int prove_docker_archive(struct evidence *e)
{
	_cleanup_json_ json_t *document = NULL;
	_cleanup_free_ char *raw = NULL;
	char why[JSON_INPUT_WHY_MAX];
	const json_t *image;
	size_t k;
	int r = json_input_read(e->fd, e->size, OCI_DOCUMENT_MAX, &raw);

	if (r == 0)
		r = json_input_parse_list(raw, (size_t)e->size, &document, why);
	if (r == -EFBIG || r == -EBADMSG) {
		broken(e, r == -EFBIG ? "longer than this station reads" : why, "");
		return 0;
	}
	if (r < 0)
		return r;
	if (json_array_size(document) > IMAGES_MAX) {
		broken(e, "more images than this station reads", "");
		return 0;
	}
	json_array_foreach(document, k, image)
		if (r == 0)
			r = take_image(e, image);
	if (r == 0 && e->summary.outcome != LIST_BROKEN)
		e->summary.outcome = LIST_READ;
	return r;
}
