/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Signatures without any frame: FILE.sig, FILE.signature, FILE.ed25519 or FILE.p256 beside FILE, in binary or in base64
 * (cosign sign-blob --key; openssl pkeyutl -sign -rawin; openssl dgst -sign):
 *
 *   Ed25519 (RFC 8032)	      64 bytes, over the file itself
 *   ECDSA P-256 with SHA-256  DER (RFC 3279 section 2.2.3), over the file's digest
 *
 * Nothing in it says by which key it is. Each trusted key is tried, and when none verifies, an altered file and a stranger's
 * signature look the same: neither is trust, and the words say both. No name is signed, either.
 */
#include <string.h>

#include "common/base64.h"
#include "common/evidence_name.h"
#include "origin/formats.h"
#include "origin/limits.h"
#include "origin/public_key.h"

#define ED25519_LEN 64
#define DER_MIN	    8  /* two integers of one byte */
#define DER_MAX	    72 /* two integers of 32 bytes, each with a zero before it */

struct raw_signature {
	uint8_t bytes[RAW_SIGNATURE_MAX];
	size_t size;
};

/* One SEQUENCE that begins with an INTEGER and is as long as it says; the rest is libcrypto's business. */
static bool is_signature(const uint8_t *p, size_t size)
{
	bool is_der = size >= DER_MIN && size <= DER_MAX && p[0] == 0x30 && p[1] == size - 2 && p[2] == 0x02;

	return is_der || size == ED25519_LEN;
}

/* Base64 in any number of lines, as openssl base64 breaks them. */
static bool decode_text(const uint8_t *raw, size_t size, struct raw_signature *ret)
{
	char text[RAW_SIGNATURE_MAX];
	size_t n = 0, padding;

	for (size_t i = 0; i < size; i++) {
		if (raw[i] == '\n' || (raw[i] == '\r' && i + 1 < size && raw[i + 1] == '\n'))
			continue;
		text[n++] = (char)raw[i];
	}
	if (n == 0 || n % 4 != 0)
		return false;
	padding = (text[n - 1] == '=') + (text[n - 2] == '=');
	ret->size = n / 4 * 3 - padding;
	return base64_decode(text, n, ret->bytes, ret->size) == 0;
}

static bool parse(const void *raw, size_t size, struct raw_signature *ret)
{
	if (size > RAW_SIGNATURE_MAX)
		return false;
	if (is_signature(raw, size)) {
		memcpy(ret->bytes, raw, size);
		ret->size = size;
		return true;
	}
	return decode_text(raw, size, ret) && is_signature(ret->bytes, ret->size);
}

bool raw_signature_is_likely(const void *raw, size_t size)
{
	struct raw_signature s;

	return parse(raw, size, &s);
}

/* All of it, or as much as shows that it is too long. */
static int read_evidence(int fd, uint8_t raw[static RAW_SIGNATURE_MAX + 1], size_t *ret_size)
{
	size_t size = 0;

	while (size < RAW_SIGNATURE_MAX + 1) {
		ssize_t n = pread(fd, raw + size, RAW_SIGNATURE_MAX + 1 - size, (off_t)size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		size += (size_t)n;
	}
	*ret_size = size;
	return 0;
}

static int judge(struct evidence *e, const char *name, int fd, uint64_t size, const struct raw_signature *s)
{
	struct plain_work work = { .now = e->now };
	struct plain_message m;
	struct plain_result result;
	int r;

	plain_message_file(&m, fd, size);
	r = plain_signature_judge(&work, &m, s->bytes, s->size, NULL, &result);
	plain_message_done(&m);
	if (r == -EFBIG || r == -E2BIG)
		return evidence_signed(e, SIGNATURE_UNTRUSTED, 0, name, NULL, "",
				       "Ed25519 signs the file as a whole, once for each key that is tried, and this one is longer than "
				       "this station reads for that");
	if (r < 0)
		return r;
	if (result.outcome == SIGNATURE_UNTRUSTED)
		return evidence_signed(e, result.outcome, 0, name, NULL, result.key_id,
				       "by no raw key that this station trusts, or the file was altered");
	return evidence_signed(e, result.outcome, 0, name, result.key, result.key_id, "%s", result.why);
}

/* The name of what is signed: without the suffix, "" when there is none of these. */
static void name_signed(const char *name, char ret[static ORIGIN_PATH_MAX + 1])
{
	static const char *const suffixes[] = { ".sig", ".signature", ".ed25519", ".p256" };

	ret[0] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
		if (evidence_has_suffix(name, suffixes[i]))
			(void)snprintf(ret, ORIGIN_PATH_MAX + 1, "%.*s", (int)(strlen(name) - strlen(suffixes[i])), name);
}

int prove_raw_signature(struct evidence *e)
{
	_cleanup_close_ int fd = -EBADF;
	uint8_t raw[RAW_SIGNATURE_MAX + 1];
	char name[ORIGIN_PATH_MAX + 1];
	struct raw_signature s;
	size_t raw_size = 0;
	uint64_t size;
	int r;

	name_signed(e->name, name);
	r = *name ? evidence_want(e, 0, name, &fd, &size) : 0;
	if (r <= 0) /* what is signed is not on the medium: nothing to say */
		return r;
	r = read_evidence(e->fd, raw, &raw_size);
	if (r < 0)
		return r;
	if (!parse(raw, raw_size, &s))
		return evidence_signed(e, SIGNATURE_MALFORMED, 0, name, NULL, "",
				       "neither an Ed25519 signature nor one of ECDSA P-256 in DER, in binary or base64");
	return judge(e, name, fd, size, &s);
}
