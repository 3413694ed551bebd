/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Sigstore bundles, v0.1 to v0.3 (https://github.com/sigstore/protobuf-specs, sigstore_bundle.proto in its JSON form), and the
 * older ones of `cosign sign-blob --bundle`.
 *
 * What a bundle says of a transparency log is not looked at: this station has no copy of the log's keys that would be fresh,
 * and no network. So a signature counts for what a pinned key or certificate authority makes of it, now; a "keyless" one, whose
 * certificate ends ten minutes after it was made, never does. It has to be checked outside, and made again with a key.
 */
#ifndef LAZARET_ORIGIN_SIGSTORE_BUNDLE_H
#define LAZARET_ORIGIN_SIGSTORE_BUNDLE_H

#include <jansson.h>
#include <stdbool.h>

#include <openssl/x509.h>

#include "origin/dsse.h"
#include "origin/public_key.h"
#include "proof/proof.h"

/* What came along to verify with. Hostile: it finds a trusted key, and never is one. */
struct sigstore_material {
	X509 *signer; /* NULL: none; owned, as are the others */
	STACK_OF(X509) *others;
	char hint[DSSE_HINT_MAX + 1]; /* of a key; "" */
};

void sigstore_material_done(struct sigstore_material *m);

/* Is it meant to be a bundle? */
bool sigstore_is_bundle(const json_t *object);

/* Check its form and take the material out. 0; -EBADMSG and a static sentence; -ENOMEM. */
_must_check_ int sigstore_parse(const json_t *object, struct sigstore_material *ret, const char **ret_why);

/* Whose is this signature? By keys and by the certificate that came along (NULL: none). As plain_signature_judge(). */
_must_check_ int sigstore_judge(struct plain_work *w, struct plain_message *m, const uint8_t *sig, size_t sig_size,
				const char *hint, const struct sigstore_material *material, struct plain_result *ret);

/* A bundle with a signature over the file whose name it has before its suffix: tell what it is worth. */
_must_check_ int sigstore_prove_message(struct evidence *e, struct plain_work *w, const json_t *object,
					const struct sigstore_material *material);

#endif
