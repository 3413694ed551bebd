/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Cosign's signatures by key in an OCI layout (https://github.com/sigstore/cosign, specs/SIGNATURE_SPEC.md): a manifest of its
 * own, whose layers are payloads ("simple signing") with the signature in an annotation. Run by lazaret-origin.
 *
 * The tag by which such a manifest is found (sha256-HEX.sig) is signed by nobody; what counts is the digest in the payload. A
 * signature that was put under another image's tag covers the image that it was made for, and no other.
 * Newer ones are Sigstore bundles in a blob: attestation.c.
 */
#include <string.h>

#include "common/hash.h"
#include "origin/json_input.h"
#include "origin/oci.h"
#include "origin/public_key.h"

#define LAYER_TYPE "application/vnd.dev.cosign.simplesigning.v1+json"
#define SIGNATURE "dev.cosignproject.cosign/signature"
#define PAYLOAD_TYPE "cosign container image signature"
#define PAYLOAD_BYTES_MAX (64u << 10) /* bytes: real ones have 250, and annotations of the signer */
#define SIGNATURES_MAX 16	       /* of one manifest: told twice each, with the payload */

struct cosign_signature {
	struct evidence *e;
	struct plain_work *work;
	char payload_path[OCI_PATH_MAX];
	struct plain_result result;
};

/* The blob with this digest: 1 and its bytes (owned by the caller); 0: not there, or not what its name says, which the list
 * tells. */
static int get_blob(struct evidence *e, const char *digest, char path[static OCI_PATH_MAX], char **ret, size_t *ret_size)
{
	uint8_t told[ORIGIN_DIGEST_MAX], sum[SHA256_LEN];
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ char *raw = NULL;
	bool is_proper;
	const struct digest *d = oci_blob_path(digest, told, path, &is_proper);
	uint64_t size;
	int r;

	if (!d || d->size != SHA256_LEN)
		return 0;
	r = evidence_want(e, OCI_UP_FROM_BLOB, path, &fd, &size);
	if (r <= 0)
		return r;
	r = json_input_read(fd, size, PAYLOAD_BYTES_MAX, &raw);
	if (r < 0)
		return r == -EFBIG ? 0 : r;
	r = sha256(raw, (size_t)size, sum);
	if (r < 0 || memcmp(sum, told, sizeof(sum)) != 0)
		return MIN(r, 0);
	*ret = TAKE_PTR(raw);
	*ret_size = (size_t)size;
	return 1;
}

/* -- what a payload says --------------------------------------------------------------------------------------- */

static int tell(struct cosign_signature *c, const char *path, const char *name)
{
	const struct plain_result *s = &c->result;

	if (s->outcome == SIGNATURE_GOOD && *name)
		return evidence_signed(c->e, s->outcome, OCI_UP_FROM_BLOB, path, s->key, s->key_id, "image signed as %.300s", name);
	return evidence_signed(c->e, s->outcome, OCI_UP_FROM_BLOB, path, s->key, s->key_id, "%s", s->why);
}

/* The manifest that was signed, when it is on the medium: is it that? */
static int tell_target(struct cosign_signature *c, const char *digest, const char *name)
{
	uint8_t told[ORIGIN_DIGEST_MAX], sum[ORIGIN_DIGEST_MAX];
	_cleanup_close_ int fd = -EBADF;
	char path[OCI_PATH_MAX];
	bool is_proper;
	const struct digest *d = oci_blob_path(digest, told, path, &is_proper);
	uint64_t size;
	int r = d ? evidence_want(c->e, OCI_UP_FROM_BLOB, path, &fd, &size) : 0;

	if (r <= 0)
		return r;
	r = digest_fd(d, fd, sum);
	if (r < 0)
		return r;
	if (memcmp(sum, told, d->size) != 0 && c->result.outcome == SIGNATURE_GOOD) {
		c->result.outcome = SIGNATURE_BAD;
		(void)snprintf(c->result.why, sizeof(c->result.why), "it is not what was signed under its digest");
	}
	return tell(c, path, name);
}

static int tell_malformed(struct evidence *e, const char *why)
{
	return evidence_signed(e, SIGNATURE_MALFORMED, 0, "", NULL, "", "cosign signature: %s", why);
}

/* The signature has been looked at: now what it is over. */
static int take_payload(struct cosign_signature *c, const char *raw, size_t size)
{
	_cleanup_json_ json_t *payload = NULL;
	char why[JSON_INPUT_WHY_MAX];
	const json_t *critical, *identity, *image;
	const char *type, *digest, *name;
	int r = json_input_parse(raw, size, &payload, why);

	if (r == -ENOMEM)
		return r;
	critical = json_object_get(payload, "critical");
	identity = json_object_get(critical, "identity");
	image = json_object_get(critical, "image");
	type = json_input_text(critical, "type");
	digest = json_input_text(image, "docker-manifest-digest");
	name = json_input_text(identity, "docker-reference");
	if (!type || strcmp(type, PAYLOAD_TYPE) != 0 || !digest)
		return tell_malformed(c->e, "its payload is not about an image");
	r = tell(c, c->payload_path, name ? name : "");
	return r == 0 ? tell_target(c, digest, name ? name : "") : r;
}

/* -- layers ---------------------------------------------------------------------------------------------------- */

static int judge(struct cosign_signature *c, const char *base64, const char *raw, size_t size)
{
	_cleanup_free_ uint8_t *sig = NULL;
	struct plain_message m;
	size_t sig_size;
	int r = strlen(base64) <= 2 * PLAIN_SIGNATURE_MAX ? json_input_base64(base64, 0, &sig, &sig_size) : -EBADMSG;

	if (r < 0)
		return r == -EBADMSG ? tell_malformed(c->e, "not base64") : r;
	plain_message_bytes(&m, raw, size);
	r = plain_signature_judge(c->work, &m, sig, sig_size, NULL, &c->result);
	plain_message_done(&m);
	return r < 0 ? r : take_payload(c, raw, size);
}

/* What cosign puts where an image has what it runs: nothing. */
static int has_empty_configuration(struct evidence *e, const json_t *manifest)
{
	static const char *const names[] = { "architecture", "os", "created", "history", "rootfs", "config" };
	static const char *const of_rootfs[] = { "type", "diff_ids" };
	const json_t *descriptor = json_object_get(manifest, "config"), *inner, *rootfs;
	const char *digest = json_input_text(descriptor, "digest");
	_cleanup_json_ json_t *config = NULL;
	_cleanup_free_ char *raw = NULL;
	char path[OCI_PATH_MAX], why[JSON_INPUT_WHY_MAX];
	size_t size = 0;
	int r = digest ? get_blob(e, digest, path, &raw, &size) : 0;

	if (r > 0)
		r = json_input_parse(raw, size, &config, why);
	if (r < 0 || !config)
		return r == -EBADMSG ? 0 : r;
	inner = json_object_get(config, "config");
	rootfs = json_object_get(config, "rootfs");
	return oci_has_only(config, names, ARRAY_LEN(names)) && (!inner || json_is_null(inner) || (json_is_object(inner) && json_object_size(inner) == 0)) &&
	       (!rootfs || oci_has_only(rootfs, of_rootfs, ARRAY_LEN(of_rootfs)));
}

/* With a layer that is no payload, or a payload that nobody signed, it would carry whatever somebody likes under a good signature. */
static bool is_bare_manifest(const json_t *manifest)
{
	static const char *const names[] = { "schemaVersion", "mediaType", "config", "layers", "annotations" };
	static const char *const of_config[] = { "mediaType", "digest", "size" };
	const json_t *layers = json_object_get(manifest, "layers"), *layer;
	size_t i;

	json_array_foreach((json_t *)layers, i, layer)
		if (!json_input_text(layer, "mediaType") || strcmp(json_input_text(layer, "mediaType"), LAYER_TYPE) != 0)
			return false;
	return oci_has_only(manifest, names, ARRAY_LEN(names)) && oci_has_only(json_object_get(manifest, "config"), of_config, ARRAY_LEN(of_config)) &&
	       oci_has_bare_descriptors(layers);
}

static int take_layer(struct evidence *e, struct plain_work *work, const json_t *layer, unsigned int *good)
{
	const char *base64 = json_input_text(json_object_get(layer, "annotations"), SIGNATURE);
	const char *digest = json_input_text(layer, "digest");
	struct cosign_signature c = { .e = e, .work = work };
	_cleanup_free_ char *raw = NULL;
	size_t size = 0;
	int r;

	if (!base64)
		return tell_malformed(e, "a payload without a signature");
	r = digest ? get_blob(e, digest, c.payload_path, &raw, &size) : 0;
	if (r > 0)
		r = judge(&c, base64, raw, size);
	*good += r == 0 && raw && c.result.outcome == SIGNATURE_GOOD;
	return r; /* no payload, no signature: nothing to say */
}

int cosign_prove(struct evidence *e, const json_t *manifest)
{
	const json_t *layers = json_object_get(manifest, "layers"), *layer;
	struct plain_work work = { .now = e->now };
	unsigned int count = 0, good = 0;
	size_t i;
	int r = 0;

	json_array_foreach((json_t *)layers, i, layer) {
		const char *type = json_input_text(layer, "mediaType");

		if (!type || strcmp(type, LAYER_TYPE) != 0)
			continue;
		if (count++ == SIGNATURES_MAX)
			return tell_malformed(e, "too many signatures in one manifest");
		r = take_layer(e, &work, layer, &good);
		if (r < 0)
			break;
	}
	if (r < 0 || count == 0 || good != count || !is_bare_manifest(manifest))
		return r;
	r = has_empty_configuration(e, manifest);
	if (r > 0)
		e->summary.flags |= PROVED_FRAME;
	return MIN(r, 0);
}
