/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "openpgp/certificate.h"

#include <jansson.h>
#include <string.h>

#include "openpgp/limits.h"

#define SUBPACKET_KEY_FLAGS 27

/* A key in a ring; with that ring's opinion of it. */
struct view {
	rnp_key_handle_t key;
	bool is_valid, is_revoked;
	uint32_t created, expiration; /* s since 1970; s after that, 0: never */
};

static void view_done(struct view *v)
{
	(void)rnp_key_handle_destroy(v->key); /* releasing cannot fail */
	v->key = NULL;
}

#define _cleanup_view_ _cleanup_(view_done)

static int look_at(rnp_ffi_t ffi, const char *fingerprint, struct view *v)
{
	if (rnp_locate_key(ffi, "fingerprint", fingerprint, &v->key) != RNP_SUCCESS)
		return -ENOMEM;
	if (!v->key)
		return -ENOENT;
	if (rnp_key_is_valid(v->key, &v->is_valid) != RNP_SUCCESS || rnp_key_is_revoked(v->key, &v->is_revoked) != RNP_SUCCESS ||
	    rnp_key_get_creation(v->key, &v->created) != RNP_SUCCESS ||
	    rnp_key_get_expiration(v->key, &v->expiration) != RNP_SUCCESS)
		return -ENOTSUP;
	return 0;
}

/* librnp holds a subkey for bound as long as any binding is unexpired: the latest one says when it ends. */
static void add_end(struct key_facts *f, const struct view *v)
{
	uint64_t end = v->expiration ? (uint64_t)v->created + v->expiration : 0;

	if (end && (!f->expires || end < f->expires))
		f->expires = end;
}

static int add_weakness(struct key_facts *f, rnp_key_handle_t key, const char *what)
{
	_cleanup_rnp_string_ char *algorithm = NULL;
	uint32_t bits = 0;
	bool is_rsa;

	if (f->is_weak)
		return 0;
	if (rnp_key_get_alg(key, &algorithm) != RNP_SUCCESS || rnp_key_get_bits(key, &bits) != RNP_SUCCESS)
		return -ENOTSUP;
	is_rsa = strcmp(algorithm, RNP_ALGNAME_RSA) == 0;
	if (is_rsa && bits >= RSA_BITS_MIN)
		return 0;
	if (!is_rsa && (strcmp(algorithm, RNP_ALGNAME_ECDSA) == 0 || strncmp(algorithm, "ED", 2) == 0)) /* EDDSA, ED25519, ED448 */
		return 0;
	f->is_weak = true;
	(void)snprintf(f->weakness, sizeof(f->weakness), "%s is %s with %u bits", what, algorithm, bits);
	return 0;
}

/* Has this binding flags? Without them librnp asks for no signature by the subkey, and grants what its algorithm can do. */
static int has_flags(rnp_signature_handle_t s, bool *ret)
{
	_cleanup_rnp_string_ char *text = NULL;
	rnp_result_t r = rnp_signature_packet_to_json(s, 0, &text);
	json_t *packets = r == RNP_SUCCESS ? json_loads(text, 0, NULL) : NULL, *p;
	size_t i;

	*ret = false;
	json_array_foreach(json_object_get(json_array_get(packets, 0), "subpackets"), i, p)
		*ret |= json_integer_value(json_object_get(p, "type")) == SUBPACKET_KEY_FLAGS &&
			json_is_true(json_object_get(p, "hashed"));
	json_decref(packets);
	return r == RNP_ERROR_OUT_OF_MEMORY ? -ENOMEM : 0;
}

/* A subkey that signs must have signed its binding, too, or anybody could take another's key for his own: RFC 9580 section
 * 5.2.3.34. librnp looks for that where the flags say "sign". */
static int has_mutual_bindings(rnp_key_handle_t subkey, bool *ret)
{
	size_t count = 0;
	int r = 0;

	*ret = true;
	if (rnp_key_get_signature_count(subkey, &count) != RNP_SUCCESS)
		return -ENOTSUP;
	for (size_t i = 0; r == 0 && i < count; i++) {
		_cleanup_rnp_signature_ rnp_signature_handle_t s = NULL;
		_cleanup_rnp_string_ char *type = NULL;
		bool is_flagged;

		if (rnp_key_get_signature_at(subkey, i, &s) != RNP_SUCCESS)
			return -ENOMEM;
		if (rnp_signature_get_type(s, &type) != RNP_SUCCESS || strcmp(type, "subkey binding") != 0 ||
		    rnp_signature_is_valid(s, 0) != RNP_SUCCESS)
			continue;
		r = has_flags(s, &is_flagged);
		*ret &= is_flagged;
	}
	return r;
}

static int judge_strength(struct key_facts *f, const struct view *strict, const struct view *strict_primary,
			  const struct view *lax, const struct view *lax_primary)
{
	int r = add_weakness(f, strict->key, f->is_subkey ? "the subkey" : "the key");

	if (r == 0 && f->is_subkey)
		r = add_weakness(f, strict_primary->key, "the primary key");
	if (r == 0 && !f->is_weak && lax->is_valid && lax_primary->is_valid && !(strict->is_valid && strict_primary->is_valid)) {
		f->is_weak = true;
		(void)snprintf(f->weakness, sizeof(f->weakness),
			       "the %s holds together by signatures with SHA-1, MD5 or RIPEMD-160", f->is_subkey ? "subkey" : "key");
	}
	return r;
}

int key_facts(const char *primary, const char *fingerprint, struct key_facts *f)
{
	_cleanup_view_ struct view strict = { 0 }, strict_primary = { 0 }, lax = { 0 }, lax_primary = { 0 };
	const struct view *all[] = { &strict, &strict_primary, &lax, &lax_primary };
	bool is_mutual = true;
	int r = look_at(library()->strict, fingerprint, &strict);

	if (r == 0)
		r = look_at(library()->strict, primary, &strict_primary);
	if (r == 0)
		r = look_at(library()->lax, fingerprint, &lax);
	if (r == 0)
		r = look_at(library()->lax, primary, &lax_primary);
	if (r < 0)
		return r;
	*f = (struct key_facts){ .is_subkey = strcmp(primary, fingerprint) != 0, .created = strict.created };
	(void)snprintf(f->fingerprint, sizeof(f->fingerprint), "%s", fingerprint);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		f->is_revoked |= all[i]->is_revoked;
		add_end(f, all[i]);
	}
	if (rnp_key_allows_usage(strict.key, "sign", &f->may_sign) != RNP_SUCCESS ||
	    rnp_key_valid_till64(strict.key, &f->valid_till) != RNP_SUCCESS)
		return -ENOTSUP;
	r = judge_strength(f, &strict, &strict_primary, &lax, &lax_primary);
	if (r == 0 && f->is_subkey)
		r = has_mutual_bindings(strict.key, &is_mutual);
	f->is_bound = strict.is_valid && strict_primary.is_valid && is_mutual;
	return r;
}

bool key_has_expired(const struct key_facts *f, uint64_t now)
{
	return f->expires && now >= f->expires;
}

/* The iterator goes through primary keys and subkeys alike. */
static int visit(rnp_ffi_t ffi, const char *fingerprint, bool wants_subkeys, int (*each)(void *context, const char *fingerprint),
		 void *context)
{
	_cleanup_rnp_key_ rnp_key_handle_t key = NULL;
	bool is_subkey = false;

	if (rnp_locate_key(ffi, "fingerprint", fingerprint, &key) != RNP_SUCCESS || !key ||
	    rnp_key_is_sub(key, &is_subkey) != RNP_SUCCESS)
		return -ENOTSUP;
	if (is_subkey != wants_subkeys || strlen(fingerprint) != FINGERPRINT_LEN)
		return 0;
	return each(context, fingerprint);
}

int each_key(rnp_ffi_t ffi, bool wants_subkeys, int (*each)(void *context, const char *fingerprint), void *context)
{
	rnp_identifier_iterator_t it = NULL;
	const char *fingerprint = NULL;
	int r = 0;

	if (rnp_identifier_iterator_create(ffi, &it, "fingerprint") != RNP_SUCCESS)
		return -ENOMEM;
	while (r == 0 && rnp_identifier_iterator_next(it, &fingerprint) == RNP_SUCCESS && fingerprint)
		r = visit(ffi, fingerprint, wants_subkeys, each, context);
	(void)rnp_identifier_iterator_destroy(it); /* releasing cannot fail */
	return r;
}
