/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* in-toto statements, v0.1 and v1 (https://github.com/in-toto/attestation, spec/v1/statement.md): somebody says something
 * about files that he names by their digests. SLSA provenance, software bills of materials and signed models are such.
 */
#ifndef LAZARET_ORIGIN_IN_TOTO_H
#define LAZARET_ORIGIN_IN_TOTO_H

#include <jansson.h>
#include <stddef.h>

#include "proof/proof.h"

#define IN_TOTO_PAYLOAD_TYPE "application/vnd.in-toto+json"
#define IN_TOTO_TYPE_MAX 300 /* bytes of a predicate's type without NUL: a URI */

/* Tell what a statement says about files: who has signed it was found out before, and is told elsewhere.
 *
 * A subject with the name of a plain relative path is listed at that path, beneath the directory of the evidence. Names of
 * packages, images and web pages say nothing of where a file is: then it is listed by its digest alone.
 * Sets the summary of `e`; LIST_BROKEN from an earlier statement of the same evidence stays.
 * Returns 0 or a negative errno; `ret_type` is the predicate's type, raw, "" when there is none. */
_must_check_ int in_toto_list(struct evidence *e, const char *payload, size_t size, char ret_type[static IN_TOTO_TYPE_MAX + 1]);

/* model_signing.c: OpenSSF model signing v1.0 (https://github.com/ossf/model-signing-spec, spec/v1.0.md), and its ancestor.
 * `*ret_is_model` tells whether the predicate's type is one of them; else nothing is done. */
_must_check_ int model_signing_list(struct evidence *e, const json_t *statement, const char *type, bool *ret_is_model);

/* What it lists is not to be relied on: sets the summary. */
void in_toto_broken(struct evidence *e, const char *format, ...) _printf_(2, 3);
/* It has been read, unless an earlier one was broken. */
void in_toto_read(struct evidence *e);

#endif
