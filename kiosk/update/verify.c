/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Who signed a pack. Reads its bytes, parses none of them. */
#include <string.h>
#include <time.h>

#include "common/base64.h"
#include "update/pack.h"

static const char *text_of(const json_t *o, const char *field)
{
	const char *text = json_string_value(json_object_get(o, field));

	return text ? text : "";
}

/* Every minisign key of the store, whatever it is trusted for: so that it can be said why one does not count. */
static int take_key(const json_t *key, struct minisign_public *ret)
{
	const char *text = text_of(key, "key");
	size_t n = strlen(text), padding = n >= 4 ? (size_t)((text[n - 1] == '=') + (text[n - 2] == '=')) : 0;
	uint8_t raw[MINISIGN_PUBLIC_MAX];
	size_t size = n / 4 * 3 - padding;

	if (strcmp(text_of(key, "kind"), "minisign") != 0 || n < 4 || size > sizeof(raw) || base64_decode(text, n, raw, size) < 0)
		return -EINVAL;
	return minisign_public_parse(raw, size, ret, NULL);
}

static int tell_signer(const json_t *key, int64_t now, struct pack_signer *ret, char **ret_why)
{
	const char *name = text_of(key, "name");

	(void)snprintf(ret->name, sizeof(ret->name), "%s", name); /* names are that short */
	if (trust_key_counts(key, PURPOSE_UPDATE, now))
		return 0;
	if (trust_key_has_ended(key, now))
		return pack_fail(ret_why, -EKEYREJECTED, "signed by the key %s, which has expired, or is no longer trusted: ask for a pack that is "
				 "signed with the one that is valid now", name);
	return pack_fail(ret_why, -EKEYREJECTED, "signed by the key %s, which is not trusted for updates (`lazaret key trust --for update`)", name);
}

static int judge(const struct minisign_result *result, const json_t *const *used, int64_t now, struct pack_signer *ret, char **ret_why)
{
	minisign_id_text(result->key_id, ret->key_id);
	switch (result->outcome) {
	case MINISIGN_OK:
		return tell_signer(used[result->key_index], now, ret, ret_why);
	case MINISIGN_BAD:
		return pack_fail(ret_why, -EKEYREJECTED, "its signature does not match its bytes: it was changed or cut off on its way. Fetch it again");
	case MINISIGN_UNKNOWN_KEY:
		return pack_fail(ret_why, -EKEYREJECTED, "signed with the key %s, which this station does not know (`lazaret key trust --for update`)",
				 ret->key_id);
	default:
		return pack_fail(ret_why, -EKEYREJECTED, "its signature is none of minisign's: %s", result->why);
	}
}

int pack_verify(int fd, const void *raw_sig, size_t sig_size, const json_t *keys, int64_t now, struct pack_signer *ret, char **ret_why)
{
	struct minisign_result *result = malloc(sizeof(*result));
	const json_t *used[TRUST_KEYS_MAX];
	struct minisign_public publics[TRUST_KEYS_MAX];
	struct pack_signer signer = { 0 };
	size_t count = 0, i;
	json_t *key;
	int r = result ? 0 : -ENOMEM;

	*ret_why = NULL;
	json_array_foreach((json_t *)keys, i, key) {
		if (count == TRUST_KEYS_MAX)
			break;
		if (take_key(key, &publics[count]) == 0)
			used[count++] = key;
	}
	if (r == 0)
		r = minisign_verify_fd(fd, raw_sig, sig_size, publics, count, result);
	if (r == 0)
		r = judge(result, used, now, &signer, ret_why);
	if (r == 0 && strlen(result->trusted) < sizeof(signer.comment))
		memcpy(signer.comment, result->trusted, strlen(result->trusted) + 1);
	if (r == 0)
		*ret = signer;
	free(result);
	return r;
}
