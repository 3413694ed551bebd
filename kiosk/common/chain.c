/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Records of the audit trail. Used by lazaret-ledger, which signs them, and by whoever checks a trail.
 *
 * The bytes of a line are compared with the canonical form of what they say: otherwise white space, "\u0041"
 * for "A", or 1.0 for 1 could be changed without notice, since hash and signature cover the content.
 */
#include "common/chain.h"

#include <string.h>
#include <sys/stat.h>

#include "common/base64.h"

#define CANONICAL (JSON_COMPACT | JSON_SORT_KEYS)
#define SIG_TEXT_LEN BASE64_LEN(MINISIGN_SIG_LEN)

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

static bool no_reals(const json_t *j)
{
	const char *key;
	json_t *value;
	size_t i;

	switch (json_typeof(j)) {
	case JSON_REAL:
		return false;
	case JSON_OBJECT:
		json_object_foreach((json_t *)j, key, value)
			if (!no_reals(value))
				return false;
		return true;
	case JSON_ARRAY:
		json_array_foreach((json_t *)j, i, value)
			if (!no_reals(value))
				return false;
		return true;
	default:
		return true;
	}
}

bool chain_type_valid(const char *type)
{
	size_t size = strlen(type);

	return size >= 1 && size <= CHAIN_TYPE_MAX && type[0] >= 'a' && type[0] <= 'z' &&
	       strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789-") == size;
}

void chain_record_done(struct chain_record *r)
{
	json_decref(r->body);
	r->body = NULL;
}

int chain_body_parse(const char *raw, size_t size, json_t **ret, const char **ret_why)
{
	_cleanup_(json_decref_p) json_t *body = json_loadb(raw, size, JSON_REJECT_DUPLICATES, NULL);
	const char *why = NULL;

	if (!body)
		why = "not JSON";
	else if (!json_is_object(body))
		why = "not a JSON object";
	else if (!no_reals(body))
		why = "a number with a fraction or exponent";
	if (why) {
		if (ret_why)
			*ret_why = why;
		return -EINVAL;
	}
	*ret = TAKE_PTR(body);
	return 0;
}

/* {body, prev, seq, time, type}: what the hash covers. `body` is borrowed. */
static json_t *content(uint64_t seq, const uint8_t prev[static SHA256_LEN], int64_t time, const char *type,
		       const json_t *body)
{
	char prev_text[SHA256_HEX_LEN + 1];

	hex_encode(prev, SHA256_LEN, prev_text);
	return json_pack("{sOsssIsIss}", "body", (json_t *)body, "prev", prev_text, "seq", (json_int_t)seq, "time",
			 (json_int_t)time, "type", type);
}

static int content_hash(const json_t *record, uint8_t ret_hash[static SHA256_LEN])
{
	_cleanup_free_ char *text = json_dumps(record, CANONICAL);

	return text ? sha256(text, strlen(text), ret_hash) : -ENOMEM;
}

int chain_line_make(const struct minisign_secret *key, uint64_t seq, const uint8_t prev[static SHA256_LEN],
		    int64_t time, const char *type, const json_t *body, char **ret_line, size_t *ret_size,
		    uint8_t ret_hash[static SHA256_LEN])
{
	_cleanup_(json_decref_p) json_t *record = content(seq, prev, time, type, body);
	char hash_text[SHA256_HEX_LEN + 1], sig_text[SIG_TEXT_LEN + 1];
	uint8_t hash[SHA256_LEN], sig[MINISIGN_SIG_LEN];
	_cleanup_free_ char *text = NULL;
	int n, r;

	if (!record)
		return -ENOMEM;
	r = content_hash(record, hash);
	if (r == 0)
		r = minisign_raw_sign(key, hash, sizeof(hash), sig);
	if (r < 0)
		return r;
	hex_encode(hash, sizeof(hash), hash_text);
	base64_encode(sig, sizeof(sig), sig_text);
	if (json_object_set_new(record, "hash", json_string(hash_text)) < 0 ||
	    json_object_set_new(record, "sig", json_string(sig_text)) < 0)
		return -ENOMEM;
	text = json_dumps(record, CANONICAL);
	if (!text)
		return -ENOMEM;
	if (strlen(text) + 1 > CHAIN_LINE_MAX)
		return -E2BIG;
	n = asprintf(ret_line, "%s\n", text);
	if (n < 0)
		return -ENOMEM;
	*ret_size = (size_t)n;
	memcpy(ret_hash, hash, sizeof(hash));
	return 0;
}

/* Lower case alone: "AB" for "ab" would be a second spelling of the same record. */
static int hash_decode(const char *hex, uint8_t ret[static SHA256_LEN])
{
	if (strspn(hex, "0123456789abcdef") != SHA256_HEX_LEN)
		return -EINVAL;
	return hex_decode(hex, ret, SHA256_LEN);
}

/* Fields of a parsed object into `ret` (its body borrowed from `j`); NULL, or what is wrong. */
static const char *decode_fields(const json_t *j, struct chain_record *ret)
{
	const char *prev, *hash, *sig, *type;
	json_int_t seq, time;
	json_t *body;

	if (json_unpack((json_t *)j, "{s:o,s:s,s:s,s:I,s:s,s:I,s:s!}", "body", &body, "hash", &hash, "prev", &prev,
			"seq", &seq, "sig", &sig, "time", &time, "type", &type) < 0)
		return "the fields are not those of a record";
	if (!json_is_object(body) || !no_reals(body))
		return "the body is no object, or has a number with a fraction";
	if (hash_decode(hash, ret->hash) < 0 || hash_decode(prev, ret->prev) < 0 ||
	    base64_decode(sig, strlen(sig), ret->sig, MINISIGN_SIG_LEN) < 0)
		return "hash, prev or sig is malformed";
	if (seq < 0 || time < 0 || !chain_type_valid(type))
		return "seq, time or type is out of range";
	ret->seq = (uint64_t)seq;
	ret->time = time;
	ret->body = body;
	memcpy(ret->type, type, strlen(type) + 1);
	return NULL;
}

/* The hash of what a canonical line says, without making its text a second time: with sorted keys, "hash" and "sig" stand behind
 * the body among fields whose text is known. -EBADMSG: the line does not end so. */
static int line_hash(const char *raw, size_t size, const struct chain_record *r, uint8_t ret[static SHA256_LEN])
{
	char hash[SHA256_HEX_LEN + 1], prev[SHA256_HEX_LEN + 1], sig[SIG_TEXT_LEN + 1];
	_cleanup_free_ char *end = NULL, *covered = NULL, *text = NULL;
	unsigned long long seq = r->seq;
	long long time = r->time;
	int n, m;

	hex_encode(r->hash, SHA256_LEN, hash);
	hex_encode(r->prev, SHA256_LEN, prev);
	base64_encode(r->sig, MINISIGN_SIG_LEN, sig);
	n = asprintf(&end, ",\"hash\":\"%s\",\"prev\":\"%s\",\"seq\":%llu,\"sig\":\"%s\",\"time\":%lld,\"type\":\"%s\"}", hash, prev,
		     seq, sig, time, r->type);
	m = asprintf(&covered, ",\"prev\":\"%s\",\"seq\":%llu,\"time\":%lld,\"type\":\"%s\"}", prev, seq, time, r->type);
	if (n < 0 || m < 0)
		return -ENOMEM;
	if (size < (size_t)n || memcmp(raw + size - n, end, (size_t)n) != 0)
		return -EBADMSG;
	size -= (size_t)n;
	text = malloc(size + (size_t)m);
	if (!text)
		return -ENOMEM;
	memcpy(text, raw, size);
	memcpy(text + size, covered, (size_t)m);
	return sha256(text, size + (size_t)m, ret);
}

static const char *check_line(const char *raw, size_t size, json_t *j, struct chain_record *ret)
{
	_cleanup_free_ char *text = json_dumps(j, CANONICAL);
	uint8_t hash[SHA256_LEN];
	const char *why;
	int r;

	if (!text || strlen(text) != size || memcmp(text, raw, size) != 0)
		return "the line is not in canonical form";
	why = decode_fields(j, ret);
	if (why)
		return why;
	r = line_hash(raw, size, ret, hash);
	if (r == -EBADMSG)
		return "the line is not in canonical form";
	if (r < 0)
		return "out of memory";
	return memcmp(hash, ret->hash, sizeof(hash)) == 0 ? NULL : "the hash is not that of the content";
}

int chain_line_parse(const char *raw, size_t size, struct chain_record *ret, const char **ret_why)
{
	_cleanup_(json_decref_p) json_t *j = NULL;
	const char *why = "not a JSON object";
	struct chain_record record = { 0 };
	json_error_t error;
	int r = -EINVAL;

	if (size < CHAIN_LINE_MAX)
		j = json_loadb(raw, size, JSON_REJECT_DUPLICATES, &error);
	if (size < CHAIN_LINE_MAX && !j && json_error_code(&error) == json_error_out_of_memory)
		return -ENOMEM;
	if (j) {
		/* a torn line never parses: its closing brace is its last byte */
		r = -EBADMSG;
		why = json_is_object(j) ? check_line(raw, size, j, &record) : "not a JSON object";
	}
	if (why) {
		if (ret_why)
			*ret_why = why;
		return r;
	}
	json_incref(record.body);
	record.line = raw;
	record.line_size = size;
	*ret = record;
	return 0;
}

int chain_record_verify(const struct chain_record *r, const struct minisign_public *key)
{
	return minisign_raw_verify(key, r->hash, sizeof(r->hash), r->sig);
}

int chain_genesis_key(const struct chain_record *r, struct minisign_public *ret)
{
	const char *format, *station, *key;

	if (r->seq != 0 || strcmp(r->type, CHAIN_TYPE_GENESIS) != 0 ||
	    json_unpack(r->body, "{s:s,s:s,s:s!}", "format", &format, "public_key", &key, "station", &station) < 0 ||
	    strcmp(format, CHAIN_FORMAT) != 0 || minisign_public_parse(key, strlen(key), ret, NULL) < 0)
		return -EBADMSG;
	return 0;
}
