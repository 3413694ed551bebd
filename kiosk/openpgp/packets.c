/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Only the outermost lengths are read here, to hold what librnp gets to signatures of a size and number that make sense: no
 * compressed or encrypted packets, no nesting, no key. The signatures themselves are librnp's to parse.
 */
#include "openpgp/packets.h"

#include <jansson.h>
#include <string.h>

#define ARMOR_BEGIN "-----BEGIN PGP SIGNATURE-----"
#define ARMOR_END "-----END PGP SIGNATURE-----"

enum { TAG_SIGNATURE = 2, TAG_MARKER = 10 };

#define SUBPACKET_NOTATION 20

/* -- armour --------------------------------------------------------------------------------------------------- */

/* `words` at the beginning of a line, at or after `at`. */
static const uint8_t *find_line(const uint8_t *at, const uint8_t *end, const char *words)
{
	bool is_first = true;

	while (at && (size_t)(end - at) >= strlen(words)) {
		const uint8_t *hit = memmem(at, (size_t)(end - at), words, strlen(words));

		if (!hit || (hit == at && is_first) || hit[-1] == '\n')
			return hit;
		at = hit + 1;
		is_first = false;
	}
	return NULL;
}

/* Append the packets of one block to the bundle. */
static int dearmor(const uint8_t *block, size_t size, struct bundle *b)
{
	_cleanup_rnp_input_ rnp_input_t input = NULL;
	_cleanup_rnp_output_ rnp_output_t output = NULL;
	uint8_t *buffer = NULL;
	size_t n = 0;
	rnp_result_t r = rnp_input_from_memory(&input, block, size, false);

	if (r == RNP_SUCCESS)
		r = rnp_output_to_memory(&output, SIGNATURE_FILE_MAX);
	if (r == RNP_SUCCESS)
		r = rnp_dearmor(input, output);
	if (r == RNP_SUCCESS)
		r = rnp_output_memory_get_buf(output, &buffer, &n, false);
	if (library_error(r) == -ENOMEM)
		return -ENOMEM;
	if (r != RNP_SUCCESS || n > SIGNATURE_FILE_MAX - b->size) {
		(void)snprintf(b->trouble, sizeof(b->trouble), "the armour of the signature is damaged");
		return 0;
	}
	memcpy(b->packets + b->size, buffer, n);
	b->size += n;
	return 0;
}

static bool is_blank(const uint8_t *at, const uint8_t *end)
{
	while (at < end && memchr(" \t\r\n", *at, 4))
		at++;
	return at == end;
}

/* Nothing stands outside of the blocks: a file that holds a good signature counts as its signer's, and text that he did not
 * write must not. */
static int read_blocks(const uint8_t *raw, size_t size, struct bundle *b)
{
	const uint8_t *end = raw + size, *at = find_line(raw, end, ARMOR_BEGIN), *before = raw;
	unsigned int blocks = 0;
	int r = 0;

	while (r == 0 && at && !*b->trouble) {
		const uint8_t *last = find_line(at, end, ARMOR_END);

		if (!last || ++blocks > BLOCKS_MAX) {
			(void)snprintf(b->trouble, sizeof(b->trouble), "%s", last ? "more signatures than make sense" :
										       "the signature is cut off");
			break;
		}
		if (!is_blank(before, at))
			break;
		before = last + strlen(ARMOR_END);
		r = dearmor(at, (size_t)(before - at), b);
		at = find_line(before, end, ARMOR_BEGIN);
	}
	if (r == 0 && blocks > 0 && !*b->trouble && !is_blank(before, at ? at : end))
		(void)snprintf(b->trouble, sizeof(b->trouble), "something that was not signed stands beside the signature");
	return r;
}

/* -- packets (RFC 9580 section 4.2) ------------------------------------------------------------------------------ */

static size_t big_endian(const uint8_t *at, size_t n)
{
	size_t value = 0;

	while (n-- > 0)
		value = value << 8 | *at++;
	return value;
}

/* How many octets the length takes, with the length; 0: partial or indeterminate, which no signature has. */
static size_t read_length(const uint8_t *at, size_t left, size_t *ret_length)
{
	bool is_new = *at & 0x40;
	size_t n = is_new ? 1 : (size_t)1 << (*at & 3);

	if (!is_new && (*at & 3) == 3)
		return 0;
	if (is_new && left > 1 && at[1] >= 192)
		n = at[1] < 224 ? 2 : (at[1] == 255 ? 5 : 0);
	if (n == 0 || left < 1 + n)
		return 0;
	if (is_new && n == 2)
		*ret_length = ((size_t)(at[1] - 192) << 8) + at[2] + 192;
	else if (is_new && n == 5)
		*ret_length = big_endian(at + 2, 4);
	else
		*ret_length = big_endian(at + 1, n);
	return n;
}

static void split(struct bundle *b)
{
	for (size_t at = 0; at < b->size;) {
		const uint8_t *p = b->packets + at;
		size_t length = 0, n = *p & 0x80 ? read_length(p, b->size - at, &length) : 0;
		unsigned int tag = *p & 0x40 ? *p & 0x3f : *p >> 2 & 0xf;
		struct signature *s;

		if (*p & 0x80 && tag != TAG_SIGNATURE && tag != TAG_MARKER) {
			(void)snprintf(b->trouble, sizeof(b->trouble), "holds more than signatures (packet %u)", tag);
			return;
		}
		/* RFC 9580 section 5.8: one with other contents would carry what nobody signed */
		if (tag == TAG_MARKER && *p & 0x80 && n > 0 && (length != 3 || at + 1 + n + 3 > b->size || memcmp(p + 1 + n, "PGP", 3) != 0)) {
			(void)snprintf(b->trouble, sizeof(b->trouble), "holds more than signatures (a marker that is none)");
			return;
		}
		if (n == 0 || length > b->size - at - 1 - n) {
			(void)snprintf(b->trouble, sizeof(b->trouble), "not OpenPGP signatures, or cut off");
			return;
		}
		if (tag == TAG_SIGNATURE && b->count == SIGNATURES_OF_ONE_MAX) {
			(void)snprintf(b->trouble, sizeof(b->trouble), "more than %d signatures", SIGNATURES_OF_ONE_MAX);
			return;
		}
		if (tag == TAG_SIGNATURE) {
			s = &b->signatures[b->count++];
			s->offset = at;
			s->size = 1 + n + length;
			s->version = length > 0 ? p[1 + n] : 0;
		}
		at += 1 + n + length;
	}
	if (b->count == 0)
		(void)snprintf(b->trouble, sizeof(b->trouble), "there is no signature in it");
}

/* -- what a signature says of itself ------------------------------------------------------------------------------ */

/* A string of librnp's through `get`; "" when there is none, or none that fits. */
static void take_string(rnp_signature_handle_t handle, rnp_result_t (*get)(rnp_signature_handle_t, char **), char *ret, size_t size)
{
	_cleanup_rnp_string_ char *value = NULL;

	ret[0] = '\0';
	if (get(handle, &value) == RNP_SUCCESS && value && strlen(value) < size)
		(void)snprintf(ret, size, "%s", value);
}

/* Only for the words: librnp counts no signature with one. What it says of a hostile signature need not be JSON (it copies
 * strings as they are). */
static bool has_critical_notation(rnp_signature_handle_t handle)
{
	_cleanup_rnp_string_ char *text = NULL;
	json_t *packets = rnp_signature_packet_to_json(handle, 0, &text) == RNP_SUCCESS ? json_loads(text, 0, NULL) : NULL, *p;
	bool has_one = false;
	size_t i;

	json_array_foreach(json_object_get(json_array_get(packets, 0), "subpackets"), i, p)
		has_one |= json_is_true(json_object_get(p, "critical")) &&
			   json_integer_value(json_object_get(p, "type")) == SUBPACKET_NOTATION;
	json_decref(packets);
	return has_one;
}

static int take_facts(rnp_op_verify_signature_t v, struct signature *s)
{
	_cleanup_rnp_string_ char *fingerprint = NULL;
	_cleanup_rnp_signature_ rnp_signature_handle_t handle = NULL;

	if (rnp_op_verify_signature_get_handle(v, &handle) != RNP_SUCCESS ||
	    rnp_op_verify_signature_get_times(v, &s->created, &s->expires) != RNP_SUCCESS)
		return -ENOMEM;
	if (rnp_signature_get_key_fprint(handle, &fingerprint) == RNP_SUCCESS && fingerprint) {
		/* one of another length (version 6) is of no key that this station knows, whatever key id stands beside it */
		if (strlen(fingerprint) == FINGERPRINT_LEN)
			(void)snprintf(s->issuer, sizeof(s->issuer), "%s", fingerprint);
	} else {
		take_string(handle, rnp_signature_get_keyid, s->issuer, KEY_ID_LEN + 1);
	}
	take_string(handle, rnp_signature_get_type, s->type, sizeof(s->type));
	take_string(handle, rnp_signature_get_hash_alg, s->hash, sizeof(s->hash));
	s->is_document = strcmp(s->type, "binary") == 0 || strcmp(s->type, "text") == 0;
	s->has_critical_notation = has_critical_notation(handle);
	s->is_readable = true;
	return 0;
}

/* Have librnp parse one packet: it is "verified" without any key, over nothing. */
static int parse(const struct bundle *b, struct signature *s)
{
	_cleanup_rnp_input_ rnp_input_t data = NULL, input = NULL;
	_cleanup_rnp_verify_ rnp_op_verify_t op = NULL;
	rnp_op_verify_signature_t v;
	size_t count = 0;
	rnp_result_t r;

	if (s->size > SIGNATURE_PACKET_MAX) {
		(void)snprintf(s->trouble, sizeof(s->trouble), "is larger than %d bytes", SIGNATURE_PACKET_MAX);
		return 0;
	}
	if (rnp_input_from_memory(&data, (const uint8_t *)"", 1, false) != RNP_SUCCESS ||
	    rnp_input_from_memory(&input, b->packets + s->offset, s->size, false) != RNP_SUCCESS ||
	    rnp_op_verify_detached_create(&op, library()->none, data, input) != RNP_SUCCESS)
		return -ENOMEM;
	r = rnp_op_verify_execute(op);
	if (r == RNP_ERROR_OUT_OF_MEMORY)
		return -ENOMEM;
	if (rnp_op_verify_get_signature_count(op, &count) == RNP_SUCCESS && count == 1 &&
	    rnp_op_verify_get_signature_at(op, 0, &v) == RNP_SUCCESS &&
	    rnp_op_verify_signature_get_status(v) != RNP_ERROR_SIGNATURE_UNKNOWN)
		return take_facts(v, s);
	(void)snprintf(s->trouble, sizeof(s->trouble), "of version %u cannot be read by this station", s->version);
	return 0;
}

int bundle_read(const uint8_t *raw, size_t size, struct bundle *b)
{
	bool is_binary = size > 0 && raw[0] & 0x80;
	int r = 0;

	*b = (struct bundle){ .packets = malloc(SIGNATURE_FILE_MAX) };
	if (!b->packets)
		return -ENOMEM;
	if (size > SIGNATURE_FILE_MAX) {
		(void)snprintf(b->trouble, sizeof(b->trouble), "larger than any signature (%u KiB)", SIGNATURE_FILE_MAX >> 10);
		return 0;
	}
	if (is_binary)
		memcpy(b->packets, raw, b->size = size);
	else
		r = read_blocks(raw, size, b);
	if (r == 0 && !*b->trouble)
		split(b);
	for (size_t i = 0; r == 0 && !*b->trouble && i < b->count; i++)
		r = parse(b, &b->signatures[i]);
	return r;
}

void bundle_done(struct bundle *b)
{
	free(b->packets);
	b->packets = NULL;
}

bool signature_names(const struct signature *s, const char *fingerprint)
{
	size_t n = strlen(s->issuer), m = strlen(fingerprint);

	return (n == FINGERPRINT_LEN || n == KEY_ID_LEN) && m == FINGERPRINT_LEN && strcmp(s->issuer, fingerprint + m - n) == 0;
}
