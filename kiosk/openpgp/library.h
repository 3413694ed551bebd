/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* librnp as this role uses it: 0.16.3 (Debian 12) and 0.17.1 (Debian 13).
 *
 * What librnp says is not enough by itself, and never its return code alone: it verifies signatures by keys that have expired
 * since, by keys that may not sign (0.16), and by SHA-1 when the signature claims to be old; and under rules that refuse SHA-1
 * it overlooks a revocation that was made with it. So each certificate is looked at twice, under two sets of rules:
 *
 *   strict  no MD5, SHA-1, RIPEMD-160, whatever date is claimed: what must hold (bindings, signatures) must hold here
 *   lax     everything: what speaks against a key (a revocation, an end) counts if it holds here
 */
#ifndef LAZARET_OPENPGP_LIBRARY_H
#define LAZARET_OPENPGP_LIBRARY_H

#include <rnp/rnp.h>
#include <rnp/rnp_err.h>
#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"

#define FINGERPRINT_LEN 40 /* hexadecimal digits, version 4 (RFC 9580 section 5.5.4.2) */
#define KEY_ID_LEN 16	   /* of them, the last */

struct library {
	rnp_ffi_t strict, lax, none; /* `none` never holds a key */
};

/* Borrowed; lives as long as the process. Without keys between two calls from outside. */
struct library *library(void);

/* Open the library, set its rules, and try it on known answers: a good signature is one, an altered file and SHA-1 are not.
 * -ENOTSUP when it answers otherwise. To be called before the sandbox is entered. */
_must_check_ int library_prepare(void);

/* Both rings without keys, at the time `now` (s since 1970). */
_must_check_ int library_clear(uint64_t now);
/* Add certificates to both rings. -EBADMSG when librnp cannot read them. */
_must_check_ int library_load(const uint8_t *data, size_t size);

/* librnp's answer as a negative errno: -ENOMEM, or -EBADMSG for everything that the data can be blamed for. */
_must_check_ int library_error(rnp_result_t r);

static inline void rnp_string_freep(char **s)
{
	rnp_buffer_destroy(*s);
	*s = NULL;
}

static inline void rnp_input_freep(rnp_input_t *i)
{
	(void)rnp_input_destroy(*i); /* releasing cannot fail */
}

static inline void rnp_output_freep(rnp_output_t *o)
{
	(void)rnp_output_destroy(*o);
}

static inline void rnp_key_freep(rnp_key_handle_t *k)
{
	(void)rnp_key_handle_destroy(*k);
}

static inline void rnp_verify_freep(rnp_op_verify_t *v)
{
	(void)rnp_op_verify_destroy(*v);
}

static inline void rnp_signature_freep(rnp_signature_handle_t *s)
{
	(void)rnp_signature_handle_destroy(*s);
}

#define _cleanup_rnp_string_ _cleanup_(rnp_string_freep)
#define _cleanup_rnp_input_ _cleanup_(rnp_input_freep)
#define _cleanup_rnp_output_ _cleanup_(rnp_output_freep)
#define _cleanup_rnp_key_ _cleanup_(rnp_key_freep)
#define _cleanup_rnp_verify_ _cleanup_(rnp_verify_freep)
#define _cleanup_rnp_signature_ _cleanup_(rnp_signature_freep)

#endif
