/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* OCI image layouts (https://github.com/opencontainers/image-spec v1.1: image-layout.md, image-index.md, manifest.md,
 * descriptor.md), as skopeo, umoci and cosign write them, with Docker's own media types, too. Not inside of an archive
 * (`docker save`, oci-archive): members of archives are unpacked elsewhere.
 */
#ifndef LAZARET_ORIGIN_OCI_H
#define LAZARET_ORIGIN_OCI_H

#include <jansson.h>

#include "proof/proof.h"

#define OCI_DOCUMENT_MAX (4u << 20) /* bytes of an index or a manifest: what registries take */
#define OCI_LAYERS_MAX 4096	    /* descriptors in one document */
#define OCI_UP_FROM_BLOB 2	    /* from blobs/sha256/ to the layout's root */

/* "blobs/ALGORITHM/HEX" of a descriptor's digest.
 * Returns the digest, or NULL: `*ret_is_proper` tells a digest of an unknown algorithm from what is none. */
#define OCI_PATH_MAX (6 + ORIGIN_ALGORITHM_MAX + 1 + 2 * ORIGIN_DIGEST_MAX + 1)
const struct digest *oci_blob_path(const char *digest, uint8_t ret_sum[static ORIGIN_DIGEST_MAX], char ret_path[static OCI_PATH_MAX],
				   bool *ret_is_proper);

/* cosign.c: tell what the signatures in this manifest are worth, when it is one of signatures. */
_must_check_ int cosign_prove(struct evidence *e, const json_t *manifest);

/* Nothing else is in it; and descriptors that only point at what lies in the layout. */
bool oci_has_only(const json_t *object, const char *const *names, size_t count);
bool oci_has_bare_descriptors(const json_t *list);

#endif
