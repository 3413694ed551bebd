/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Run by lazaret-origin. Every document of a layout lists digests; that they agree shows that nothing was damaged, not where it
 * comes from. The index is signed by nobody. Who signs a manifest vouches for what it lists, and so on downwards.
 *
 * Not marked as complete: a manifest lists a few of the blobs beside it, and tools leave blobs behind that nothing refers to
 * any more (umoci does). Such a blob is vouched for by nobody, which is what a rule asks for.
 */
#include "origin/oci.h"

#include <fnmatch.h>
#include <string.h>

#include "common/evidence_name.h"
#include "common/hash.h"
#include "origin/formats.h"
#include "origin/in_toto.h"
#include "origin/json_input.h"

const struct digest *oci_blob_path(const char *digest, uint8_t ret_sum[static ORIGIN_DIGEST_MAX], char ret_path[static OCI_PATH_MAX],
				   bool *ret_is_proper)
{
	const struct digest *d = json_input_digest(digest, ret_sum, ret_is_proper);

	if (d && strcmp(d->name, "sha256") != 0 && strcmp(d->name, "sha512") != 0) /* descriptor.md, "Registered algorithms" */
		d = NULL;
	if (d) /* made of the digest that was read, not of the words: nothing can lead elsewhere */
		(void)snprintf(ret_path, OCI_PATH_MAX, "blobs/%s/%s", d->name, strchr(digest, ':') + 1);
	return d;
}

struct layout {
	struct evidence *e;
	unsigned int up; /* to its root */
	bool is_blob;
};

static bool find_root(struct layout *l)
{
	l->is_blob = fnmatch("*blobs/sha256/*", l->e->path, 0) == 0;
	l->up = l->is_blob ? OCI_UP_FROM_BLOB : 0;
	return l->is_blob || strcasecmp(l->e->name, "index.json") == 0;
}

/* image-layout.md: the file that says that this is one. */
static int has_mark(struct layout *l)
{
	_cleanup_close_ int fd = -EBADF;
	uint64_t size;

	return evidence_want(l->e, l->up, "oci-layout", &fd, &size);
}

/* -- descriptors ----------------------------------------------------------------------------------------------- */

static int list_descriptor(struct layout *l, const json_t *descriptor)
{
	const char *text = json_input_text(descriptor, "digest");
	uint8_t sum[ORIGIN_DIGEST_MAX];
	char path[OCI_PATH_MAX];
	bool is_proper = false;
	const struct digest *d = text ? oci_blob_path(text, sum, path, &is_proper) : NULL;

	if (d)
		return evidence_lists(l->e, d, sum, l->up, path, strlen(path));
	if (is_proper)
		l->e->summary.bad++; /* an algorithm that came after us */
	else
		in_toto_broken(l->e, "OCI: a descriptor without a proper digest: %.200s", text ? text : "");
	return 0;
}

static int list_descriptors(struct layout *l, const json_t *list)
{
	const json_t *descriptor;
	size_t i;
	int r = 0;

	if (!json_is_array(list) || json_array_size(list) > OCI_LAYERS_MAX) {
		in_toto_broken(l->e, "OCI: not a list of blobs, or more than %u", OCI_LAYERS_MAX);
		return 0;
	}
	json_array_foreach((json_t *)list, i, descriptor) {
		r = list_descriptor(l, descriptor);
		if (r < 0)
			return r;
	}
	in_toto_read(l->e);
	return r;
}

/* -- documents ------------------------------------------------------------------------------------------------- */

static bool is_index_type(const char *type)
{
	return strcmp(type, "application/vnd.oci.image.index.v1+json") == 0 ||
	       strcmp(type, "application/vnd.docker.distribution.manifest.list.v2+json") == 0;
}

static bool is_manifest_type(const char *type)
{
	return strcmp(type, "application/vnd.oci.image.manifest.v1+json") == 0 ||
	       strcmp(type, "application/vnd.docker.distribution.manifest.v2+json") == 0;
}

/* NULL, or what is wrong. An index that is a manifest as well would be one thing here and another to who unpacks it
 * (CVE-2021-41190): what was signed is then not what is run. */
static const char *ambiguity(const json_t *document)
{
	const char *type = json_input_text(document, "mediaType");
	bool is_index = json_object_get(document, "manifests");
	bool is_manifest = json_object_get(document, "layers") || json_object_get(document, "config");

	if (json_integer_value(json_object_get(document, "schemaVersion")) != 2)
		return "not of the schema version 2";
	if (is_index && is_manifest)
		return "an index that is a manifest, too";
	if (json_object_get(document, "mediaType") && (!type || (is_index ? !is_index_type(type) : !is_manifest_type(type))))
		return "its media type does not fit what it is";
	return NULL;
}

/* Of a blob: is it what its name says? Else whoever signed a manifest of that digest has signed another. */
static int is_its_name(struct layout *l, const char *raw, size_t size)
{
	uint8_t sum[SHA256_LEN], named[SHA256_LEN];
	int r = sha256(raw, size, sum);

	if (r < 0 || !l->is_blob)
		return r < 0 ? r : 1;
	return strlen(l->e->name) == SHA256_HEX_LEN && hex_decode(l->e->name, named, sizeof(named)) == 0 &&
	       memcmp(sum, named, sizeof(sum)) == 0;
}

/* -- frames ---------------------------------------------------------------------------------------------------- */

bool oci_has_only(const json_t *object, const char *const *names, size_t count)
{
	const char *name;
	json_t *value;

	if (!json_is_object(object))
		return false;
	json_object_foreach((json_t *)object, name, value) {
		bool is_known = false;

		for (size_t i = 0; i < count; i++)
			is_known |= strcmp(names[i], name) == 0;
		if (!is_known)
			return false;
	}
	return true;
}

bool oci_has_bare_descriptors(const json_t *list)
{
	/* descriptor.md: not `data`, which is content, nor `urls`, by which it comes from elsewhere */
	static const char *const names[] = { "mediaType", "digest", "size", "annotations", "platform", "artifactType" };
	const json_t *descriptor;
	size_t i;

	json_array_foreach((json_t *)list, i, descriptor)
		if (!oci_has_only(descriptor, names, ARRAY_LEN(names)))
			return false;
	return true;
}

static bool is_bare_index(const json_t *document)
{
	static const char *const names[] = { "schemaVersion", "mediaType", "manifests", "annotations" };

	return oci_has_only(document, names, ARRAY_LEN(names)) && oci_has_bare_descriptors(json_object_get(document, "manifests"));
}

static int list_document(struct layout *l, const json_t *document)
{
	const json_t *config = json_object_get(document, "config");
	const char *trouble = ambiguity(document);
	int r = 0;

	if (trouble) {
		in_toto_broken(l->e, "OCI: %s", trouble);
		return 0;
	}
	if (json_object_get(document, "manifests"))
		return list_descriptors(l, json_object_get(document, "manifests"));
	/* `subject` (manifest.md) is what this one is about: no part of it, and not vouched for by it. */
	if (config)
		r = list_descriptor(l, config);
	return r == 0 ? list_descriptors(l, json_object_get(document, "layers")) : r;
}

static int take_document(struct layout *l, const char *raw, size_t size)
{
	_cleanup_json_ json_t *document = NULL;
	char why[JSON_INPUT_WHY_MAX];
	int r = json_input_parse(raw, size, &document, why);

	if (r == -EBADMSG) {
		in_toto_broken(l->e, "OCI: %s", why);
		return 0;
	}
	if (r < 0)
		return r;
	r = is_its_name(l, raw, size);
	if (r < 0)
		return r;
	if (r == 0) {
		in_toto_broken(l->e, "OCI: its content is not what its name says");
		return 0;
	}
	r = list_document(l, document);
	if (r == 0 && !l->is_blob && l->e->summary.outcome == LIST_READ && l->e->summary.bad == 0 && is_bare_index(document))
		l->e->summary.flags |= PROVED_FRAME;
	return r == 0 && l->is_blob && l->e->summary.outcome == LIST_READ ? cosign_prove(l->e, document) : r;
}

int prove_oci(struct evidence *e)
{
	struct layout l = { .e = e };
	_cleanup_free_ char *raw = NULL;
	int r = find_root(&l) ? has_mark(&l) : 0;

	if (r <= 0)
		return r; /* a web page's index.json, a directory that is called so: nothing to say */
	r = json_input_read(e->fd, e->size, OCI_DOCUMENT_MAX, &raw);
	if (r == -EFBIG) {
		in_toto_broken(e, "OCI: an index or a manifest that is too long to be read");
		return 0;
	}
	return r < 0 ? r : take_document(&l, raw, (size_t)e->size);
}
