/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Witnesses of a trail: made by lazaret-ledger, checked by it, by `lazaret audit verify` and by lazaret-verify. What is signed
 * is the hash of an object with other fields than any record's, so that neither signature can stand for the other.
 */
#include "common/chain.h"

#include <string.h>

#include "common/base64.h"

#define CANONICAL (JSON_COMPACT | JSON_SORT_KEYS)
#define SIG_TEXT_LEN BASE64_LEN(MINISIGN_SIG_LEN)

static void json_decref_p(json_t **j)
{
	json_decref(*j);
}

static json_t *content(const struct minisign_public *key, const struct chain_witness *w)
{
	char hash[SHA256_HEX_LEN + 1], public[MINISIGN_PUBLIC_TEXT_LEN + 1];

	hex_encode(w->hash, SHA256_LEN, hash);
	minisign_public_base64(key, public);
	return json_pack("{s:s,s:s,s:s,s:I,s:s,s:I}", "format", CHAIN_WITNESS_FORMAT, "hash", hash, "public_key", public, "seq",
			 (json_int_t)w->seq, "station", w->station, "time", (json_int_t)w->time);
}

static int content_hash(const json_t *o, uint8_t ret[static SHA256_LEN])
{
	_cleanup_free_ char *text = o ? json_dumps(o, CANONICAL) : NULL;

	return text ? sha256(text, strlen(text), ret) : -ENOMEM;
}

/* The one text of this witness with this signature. */
static char *text_of(const struct minisign_public *key, const struct chain_witness *w, const uint8_t sig[static MINISIGN_SIG_LEN])
{
	_cleanup_(json_decref_p) json_t *o = content(key, w);
	_cleanup_free_ char *line = NULL;
	char sig_text[SIG_TEXT_LEN + 1];
	char *text;

	base64_encode(sig, MINISIGN_SIG_LEN, sig_text);
	if (!o || json_object_set_new(o, "sig", json_string(sig_text)) < 0)
		return NULL;
	line = json_dumps(o, CANONICAL);
	return line && asprintf(&text, "%s\n", line) >= 0 ? text : NULL;
}

int chain_witness_make(const struct minisign_secret *key, const struct chain_witness *w, char **ret)
{
	_cleanup_(json_decref_p) json_t *o = content(minisign_secret_public(key), w);
	uint8_t hash[SHA256_LEN], sig[MINISIGN_SIG_LEN];
	int r = content_hash(o, hash);

	if (r == 0)
		r = minisign_raw_sign(key, hash, sizeof(hash), sig);
	if (r < 0)
		return r;
	*ret = text_of(minisign_secret_public(key), w, sig);
	return *ret ? 0 : -ENOMEM;
}

/* NULL, or what is wrong. */
static const char *take_fields(const json_t *j, struct chain_witness *w, struct minisign_public *key, uint8_t sig[static MINISIGN_SIG_LEN])
{
	const char *format, *hash, *public, *sig_text, *station;
	json_int_t seq, time;

	if (json_unpack((json_t *)j, "{s:s,s:s,s:s,s:I,s:s,s:s,s:I!}", "format", &format, "hash", &hash, "public_key", &public, "seq",
			&seq, "sig", &sig_text, "station", &station, "time", &time) < 0 ||
	    strcmp(format, CHAIN_WITNESS_FORMAT) != 0)
		return "it is no " CHAIN_WITNESS_FORMAT;
	if (strlen(hash) != SHA256_HEX_LEN || hex_decode(hash, w->hash, SHA256_LEN) < 0 || seq < 0 || time < 0 ||
	    strlen(station) >= sizeof(w->station) || minisign_public_parse(public, strlen(public), key, NULL) < 0 ||
	    base64_decode(sig_text, strlen(sig_text), sig, MINISIGN_SIG_LEN) < 0)
		return "a field of it is malformed";
	w->seq = (uint64_t)seq;
	w->time = time;
	memcpy(w->station, station, strlen(station) + 1);
	return NULL;
}

static const char *check(const char *raw, size_t size, const json_t *j, const struct minisign_public *key, struct chain_witness *w)
{
	uint8_t hash[SHA256_LEN], sig[MINISIGN_SIG_LEN];
	_cleanup_(json_decref_p) json_t *o = NULL;
	_cleanup_free_ char *text = NULL;
	struct minisign_public named;
	const char *why = take_fields(j, w, &named, sig);

	if (why)
		return why;
	if (memcmp(&named, key, sizeof(named)) != 0)
		return "it is of another station, or was made with another key";
	text = text_of(key, w, sig);
	if (!text || strlen(text) != size || memcmp(text, raw, size) != 0)
		return "it is not in canonical form";
	o = content(key, w);
	if (content_hash(o, hash) < 0 || minisign_raw_verify(key, hash, sizeof(hash), sig) < 0)
		return "its signature is not by the audit key: it was altered";
	return NULL;
}

int chain_witness_parse(const char *raw, size_t size, const struct minisign_public *key, struct chain_witness *ret,
			const char **ret_why)
{
	_cleanup_(json_decref_p) json_t *j = size <= CHAIN_WITNESS_MAX ? json_loadb(raw, size, JSON_REJECT_DUPLICATES, NULL) : NULL;
	struct chain_witness w = { 0 };
	const char *why = j ? check(raw, size, j, key, &w) : "it is no " CHAIN_WITNESS_FORMAT;

	if (why) {
		if (ret_why)
			*ret_why = why;
		return -EBADMSG;
	}
	*ret = w;
	return 0;
}
