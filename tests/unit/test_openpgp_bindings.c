/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Certificates that no tool makes: packets (RFC 9580 section 5) put together here, signed with libcrypto.
 *
 * The attack: whoever is trusted for something takes another vendor's key into his certificate as a subkey, and what that vendor
 * signs seems to be his. The subkey's own signature in the binding is what forbids it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/evp.h>

#include "ipc/channel.h"

#include "../lib/testing.h"
#include "../lib/proving.h"

#define MADE 1767225600u /* 2026-01-01 */

struct buffer {
	uint8_t data[4096];
	size_t size;
};

static void put(struct buffer *b, const void *data, size_t size)
{
	assert_true(size <= sizeof(b->data) - b->size);
	memcpy(b->data + b->size, data, size);
	b->size += size;
}

static void put_u(struct buffer *b, uint64_t value, size_t size)
{
	for (size_t i = size; i-- > 0;) {
		uint8_t byte = (uint8_t)(value >> 8 * i);

		put(b, &byte, 1);
	}
}

static void put_packet(struct buffer *b, unsigned int tag, const struct buffer *body)
{
	put_u(b, 0xc0 | tag, 1);
	put_u(b, 0xff, 1);
	put_u(b, body->size, 4);
	put(b, body->data, body->size);
}

struct signer {
	EVP_PKEY *key;
	struct buffer body; /* of its public-key packet: version 4, EdDSA (algorithm 22) over Ed25519 */
	uint8_t fingerprint[20];
};

static void hash(const char *name, const struct buffer *b, uint8_t *ret)
{
	assert_int_equal(EVP_Digest(b->data, b->size, ret, NULL, EVP_get_digestbyname(name), NULL), 1);
}

static void signer_new(struct signer *s)
{
	uint8_t raw[32];
	size_t n = sizeof(raw);
	struct buffer hashed = { .size = 0 };

	*s = (struct signer){ .key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") };
	assert_non_null(s->key);
	assert_int_equal(EVP_PKEY_get_raw_public_key(s->key, raw, &n), 1);
	put_u(&s->body, 4, 1);
	put_u(&s->body, MADE, 4);
	put_u(&s->body, 22, 1);
	put(&s->body, "\x09\x2b\x06\x01\x04\x01\xda\x47\x0f\x01", 10); /* the curve */
	put_u(&s->body, 263, 2);
	put_u(&s->body, 0x40, 1);
	put(&s->body, raw, 32);
	put_u(&hashed, 0x99, 1);
	put_u(&hashed, s->body.size, 2);
	put(&hashed, s->body.data, s->body.size);
	hash("SHA1", &hashed, s->fingerprint);
}

static void put_mpi(struct buffer *b, const uint8_t *number, size_t size)
{
	unsigned int bits;

	for (; size > 0 && *number == 0; size--)
		number++;
	bits = size > 0 ? (unsigned int)(8 * size) - (unsigned int)(__builtin_clz(*number) - 24) : 0;
	put_u(b, bits, 2);
	put(b, number, size);
}

/* A signature packet of this type over `over`; `flags` (negative: none) and an embedded signature are hashed subpackets. */
static void sign(const struct signer *s, unsigned int type, const struct buffer *over, int flags, const struct buffer *embedded,
		 struct buffer *ret)
{
	struct buffer subpackets = { .size = 0 }, hashed = *over;
	uint8_t digest[64], signature[64];
	size_t n = sizeof(signature);
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	put(&subpackets, "\x05\x02", 2);
	put_u(&subpackets, MADE + 60, 4);
	put(&subpackets, "\x16\x21\x04", 3);
	put(&subpackets, s->fingerprint, 20);
	if (flags >= 0) {
		put(&subpackets, "\x02\x1b", 2);
		put_u(&subpackets, (unsigned int)flags, 1);
	}
	if (embedded) {
		put_u(&subpackets, 0xff, 1);
		put_u(&subpackets, embedded->size + 1, 4);
		put_u(&subpackets, 32, 1);
		put(&subpackets, embedded->data, embedded->size);
	}
	ret->size = 0;
	put_u(ret, 4, 1);
	put_u(ret, type, 1);
	put(ret, "\x16\x0a", 2); /* EdDSA, SHA-512 */
	put_u(ret, subpackets.size, 2);
	put(ret, subpackets.data, subpackets.size);
	put(&hashed, ret->data, ret->size);
	put(&hashed, "\x04\xff", 2);
	put_u(&hashed, ret->size, 4);
	hash("SHA512", &hashed, digest);
	assert_int_equal(EVP_DigestSignInit(md, NULL, NULL, NULL, s->key), 1);
	assert_int_equal(EVP_DigestSign(md, signature, &n, digest, sizeof(digest)), 1);
	EVP_MD_CTX_free(md);
	put_u(ret, 0, 2); /* nothing that is not hashed */
	put(ret, digest, 2);
	put_mpi(ret, signature, 32);
	put_mpi(ret, signature + 32, 32);
}

static void put_key(struct buffer *b, const struct signer *s)
{
	put_u(b, 0x99, 1);
	put_u(b, s->body.size, 2);
	put(b, s->body.data, s->body.size);
}

enum binding { MUTUAL, ONE_SIDED, WITHOUT_FLAGS, FORGED, FOR_ENCRYPTION };

static int primary_flags = 1; /* certifies */

/* The primary key, its user id, and the subkey bound in this way. */
static void certificate(const struct signer *primary, const struct signer *subkey, enum binding binding, struct buffer *ret)
{
	struct buffer over = { .size = 0 }, id = { .size = 0 }, signature, back;

	ret->size = 0;
	put(&id, "crafted", 7);
	put_packet(ret, 6, &primary->body);
	put_packet(ret, 13, &id);
	put_key(&over, primary);
	put_u(&over, 0xb4, 1);
	put_u(&over, id.size, 4);
	put(&over, id.data, id.size);
	sign(primary, 0x13, &over, primary_flags, NULL, &signature);
	put_packet(ret, 2, &signature);
	put_packet(ret, 14, &subkey->body);
	over.size = 0;
	put_key(&over, primary);
	put_key(&over, subkey);
	sign(binding == FORGED ? primary : subkey, 0x19, &over, -1, NULL, &back);
	sign(primary, 0x18, &over, binding == WITHOUT_FLAGS ? -1 : (binding == FOR_ENCRYPTION ? 4 : 2), binding == MUTUAL || binding == FORGED ? &back : NULL, &signature);
	put_packet(ret, 2, &signature);
}

static void expect(enum binding binding, enum signature_outcome outcome, bool can_sign, const char *words)
{
	static struct described d;
	struct signer primary, subkey;
	struct buffer bytes, over = { .size = 0 }, signature, packet = { .size = 0 };
	struct pretend_key key = { "crafted", KEY_OPENPGP, bytes.data, 0, 0 };
	struct medium m = { 0 };
	struct proved told;
	struct prover p;

	signer_new(&primary);
	signer_new(&subkey);
	certificate(&primary, &subkey, binding, &bytes);
	key.size = bytes.size;
	put(&over, "data", 4);
	sign(&subkey, 0x00, &over, -1, NULL, &signature);
	put_packet(&packet, 2, &signature);
	medium_add(&m, "a", "data", 4);
	medium_add(&m, "a.sig", packet.data, packet.size);
	prover_start(&p, "lazaret-openpgp", &key, 1);
	prove(&p, &m, "a.sig", EVIDENCE_OPENPGP, PROVING_NOW, &told);
	expect_signature(&told, 0, outcome, "a", outcome == SIGNATURE_GOOD ? "crafted" : "");
	assert_non_null(strstr(told.signatures[0].detail, words));
	proved_done(&told);
	describe_bytes(&p, bytes.data, bytes.size, &d);
	assert_string_equal(d.kind, "openpgp");
	assert_int_equal(*d.trouble == '\0', can_sign);
	prover_end(&p);
	medium_done(&m);
	EVP_PKEY_free(primary.key);
	EVP_PKEY_free(subkey.key);
}

static void test_mutual_binding(void **state)
{
	expect(MUTUAL, SIGNATURE_GOOD, true, "by its subkey ");
}

static void test_one_sided_binding(void **state)
{
	expect(ONE_SIDED, SIGNATURE_UNTRUSTED, false, "not validly bound");
}

/* librnp asks for the subkey's signature only where the flags say that it signs, and without flags lets it sign. */
static void test_binding_without_flags(void **state)
{
	expect(WITHOUT_FLAGS, SIGNATURE_UNTRUSTED, false, "not validly bound");
}

static void test_forged_binding(void **state)
{
	expect(FORGED, SIGNATURE_UNTRUSTED, false, "not validly bound");
}

/* librnp 0.16 verifies signatures by keys that are not for signing. */
static void test_not_for_signing(void **state)
{
	expect(FOR_ENCRYPTION, SIGNATURE_UNTRUSTED, false, "may not be used to sign");
}

/* Both are trusted, and one has taken the other's key: what that key signs is its owner's all the same. */
static void test_adopted_key_of_another(void **state)
{
	struct signer thief, owner, subkey;
	struct buffer stolen, own, over = { .size = 0 }, signature, packet = { .size = 0 };
	struct pretend_key keys[] = { { "thief", KEY_OPENPGP, stolen.data, 0, 0 }, { "owner", KEY_OPENPGP, own.data, 0, 0 } };
	struct medium m = { 0 };
	struct proved told;
	struct prover p;

	signer_new(&thief);
	signer_new(&owner);
	signer_new(&subkey);
	certificate(&thief, &owner, WITHOUT_FLAGS, &stolen);
	primary_flags = 3; /* certifies and signs */
	certificate(&owner, &subkey, MUTUAL, &own);
	primary_flags = 1;
	keys[0].size = stolen.size;
	keys[1].size = own.size;
	put(&over, "data", 4);
	sign(&owner, 0x00, &over, -1, NULL, &signature);
	put_packet(&packet, 2, &signature);
	medium_add(&m, "a", "data", 4);
	medium_add(&m, "a.sig", packet.data, packet.size);
	prover_start(&p, "lazaret-openpgp", keys, ARRAY_LEN(keys));
	prove(&p, &m, "a.sig", EVIDENCE_OPENPGP, PROVING_NOW, &told);
	expect_signature(&told, 0, SIGNATURE_UNTRUSTED, "a", "");
	expect_signature(&told, 1, SIGNATURE_GOOD, "a", "owner");
	assert_int_equal(told.signature_count, 2);
	proved_done(&told);
	prover_end(&p);
	medium_done(&m);
	EVP_PKEY_free(thief.key);
	EVP_PKEY_free(owner.key);
	EVP_PKEY_free(subkey.key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mutual_binding),
		cmocka_unit_test(test_one_sided_binding),
		cmocka_unit_test(test_binding_without_flags),
		cmocka_unit_test(test_forged_binding),
		cmocka_unit_test(test_not_for_signing),
		cmocka_unit_test(test_adopted_key_of_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
