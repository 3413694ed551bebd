/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "proof/keyring.h"

#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base64.h"

#define KEYRING_BYTES_MAX (32u << 20) /* 256 keys of ORIGIN_KEY_BYTES_MAX in base64 are half of it */

struct keyring *keyring_free(struct keyring *k)
{
	for (size_t i = 0; k && i < k->count; i++) {
		free(k->keys[i].name);
		free(k->keys[i].bytes);
	}
	if (k)
		free(k->keys);
	free(k);
	return NULL;
}

bool trusted_key_has_ended(const struct trusted_key *key, uint64_t now)
{
	return key->until != 0 && now >= key->until;
}

/* 0 for a length that base64 has not: it will not decode to nothing. */
static size_t decoded_size(const char *base64)
{
	size_t n = strlen(base64);

	return n == 0 || n % 4 != 0 ? 0 : n / 4 * 3 - (base64[n - 1] == '=') - (base64[n - 2] == '=');
}

static int take_key(const json_t *o, struct trusted_key *key)
{
	const char *name, *kind, *text;
	json_int_t until;
	int k;

	if (json_unpack((json_t *)o, "{s:s,s:s,s:s,s:I!}", "name", &name, "kind", &kind, "key", &text, "until", &until) < 0 ||
	    until < 0)
		return -EBADMSG;
	k = key_kind_by_name(kind);
	if (k < 0)
		return -EBADMSG;
	key->kind = (enum key_kind)k;
	key->until = (uint64_t)until;
	key->name = strdup(name);
	key->size = decoded_size(text);
	key->bytes = calloc(1, key->size + 1);
	if (!key->name || !key->bytes)
		return -ENOMEM;
	return base64_decode(text, strlen(text), key->bytes, key->size) < 0 ? -EBADMSG : 0;
}

static int take_keys(const json_t *list, struct keyring *k)
{
	size_t i;
	json_t *o;
	int r = 0;

	k->keys = calloc(json_array_size(list) + 1, sizeof(*k->keys));
	if (!k->keys)
		return -ENOMEM;
	json_array_foreach((json_t *)list, i, o) {
		k->count++; /* what take_key() allocated before it failed is freed with the others */
		r = take_key(o, &k->keys[i]);
		if (r < 0)
			break;
	}
	return r;
}

int keyring_read(int fd, struct keyring **ret)
{
	struct keyring *k = calloc(1, sizeof(*k));
	json_t *list = NULL;
	struct stat st;
	int r = k ? (fstat(fd, &st) < 0 ? -errno : 0) : -ENOMEM;

	if (r == 0 && (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > KEYRING_BYTES_MAX))
		r = -EBADMSG;
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	if (r == 0) {
		list = json_loadfd(fd, JSON_REJECT_DUPLICATES, NULL);
		r = json_is_array(list) ? take_keys(list, k) : -EBADMSG;
	}
	json_decref(list);
	if (r < 0)
		keyring_free(k);
	else
		*ret = k;
	return r;
}
