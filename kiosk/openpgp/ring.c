/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "openpgp/ring.h"

#include <string.h>
#include <time.h>

#include "openpgp/certificate.h"
#include "openpgp/limits.h"

static struct ring trusted_ring;

const struct ring *ring(void)
{
	return &trusted_ring;
}

static int add_fingerprint(void *context, const char *fingerprint)
{
	struct certificate *c = context;
	void *grown;

	if (c->key_count == CERTIFICATE_KEYS_MAX)
		return -E2BIG;
	grown = realloc(c->keys, (c->key_count + 1) * sizeof(*c->keys));
	if (!grown)
		return -ENOMEM;
	c->keys = grown;
	(void)snprintf(c->keys[c->key_count++], sizeof(*c->keys), "%s", fingerprint);
	return 0;
}

static int take(const struct trusted_key *key, struct certificate *c)
{
	int r = library_clear((uint64_t)time(NULL));

	c->trusted = key;
	if (r == 0)
		r = library_load(key->bytes, key->size);
	if (r == 0)
		r = each_key(library()->lax, false, add_fingerprint, c);
	if (r == 0 && c->key_count != 1) /* the trust store keeps one certificate a key */
		r = -EINVAL;
	if (r == 0)
		r = each_key(library()->lax, true, add_fingerprint, c);
	return r == -EBADMSG ? -EINVAL : r;
}

int ring_prepare(const struct keyring *keys)
{
	struct ring *n = &trusted_ring;
	int r = 0;

	n->certificates = calloc(CERTIFICATES_MAX, sizeof(*n->certificates));
	if (!n->certificates)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < keys->count; i++) {
		if (keys->keys[i].kind != KEY_OPENPGP)
			continue;
		r = n->count < CERTIFICATES_MAX ? take(&keys->keys[i], &n->certificates[n->count]) : -E2BIG;
		n->count++;
	}
	return r == 0 ? library_clear((uint64_t)time(NULL)) : r;
}

const char *certificate_key_of(const struct certificate *c, const struct signature *s)
{
	for (size_t i = 0; i < c->key_count; i++)
		if (signature_names(s, c->keys[i]))
			return c->keys[i];
	return NULL;
}

bool certificates_overlap(const struct certificate *a, const struct certificate *b)
{
	for (size_t i = 0; i < a->key_count; i++)
		for (size_t k = 0; k < b->key_count; k++)
			if (strcmp(a->keys[i] + FINGERPRINT_LEN - KEY_ID_LEN, b->keys[k] + FINGERPRINT_LEN - KEY_ID_LEN) == 0)
				return true;
	return false;
}
