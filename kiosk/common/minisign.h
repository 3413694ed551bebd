/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Minisign keys and signatures (https://jedisct1.github.io/minisign/) over libcrypto: Ed25519 (RFC 8032) of the
 * BLAKE2b-512 (RFC 7693) of a file. What this module signs, `minisign -V` verifies, and the other way round.
 *
 * Only the prehashed form "ED" is made and accepted; the legacy form "Ed" signs the file itself, could be
 * lifted from one meaning to another, and is refused by name. The trusted comment's global signature is
 * always checked. The untrusted comment is signed by nobody and is never returned.
 */
#ifndef LAZARET_COMMON_MINISIGN_H
#define LAZARET_COMMON_MINISIGN_H

#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"

#define MINISIGN_ID_LEN	       8    /* bytes; random, tells keys apart, proves nothing */
#define MINISIGN_ID_TEXT_LEN   16   /* as minisign prints it: upper-case hex, most significant byte first */
#define MINISIGN_KEY_LEN       32   /* bytes of an Ed25519 public key */
#define MINISIGN_SIG_LEN       64   /* bytes of an Ed25519 signature */
#define MINISIGN_COMMENT_MAX   1000 /* bytes of an untrusted comment (minisign reads lines of 1024) */
#define MINISIGN_TRUSTED_MAX   8000 /* bytes of a trusted comment (minisign reads lines of 8192) */
#define MINISIGN_PUBLIC_MAX    2048 /* bytes of a public key file */
#define MINISIGN_TEXT_MAX      12288 /* bytes of a signature file */
#define MINISIGN_FINGERPRINT_LEN 64 /* hex digits: SHA-256 of key id and public key, as in the key file */

struct minisign_public {
	uint8_t id[MINISIGN_ID_LEN];
	uint8_t key[MINISIGN_KEY_LEN];
};

struct minisign_secret; /* wiped when freed */

/* A new key pair from libcrypto's random generator; its id is random too. Owned by the caller.
 * Returns 0, -ENOMEM, or -EIO when the generator fails. */
_must_check_ int minisign_secret_new(struct minisign_secret **ret);
struct minisign_secret *minisign_secret_free(struct minisign_secret *s); /* wipes; returns NULL */

static inline void minisign_secret_freep(struct minisign_secret **s)
{
	*s = minisign_secret_free(*s);
}

/* A symmetric key of `purpose` (words that stand for nothing else) that only who has the secret key can make: HMAC-SHA-256 of the purpose
 * under the seed, which Ed25519 itself puts through SHA-512 alone. */
_must_check_ int minisign_secret_derive(const struct minisign_secret *s, const char *purpose, uint8_t ret[static 32]);

/* Read an unencrypted minisign secret key file (`minisign -G -W`) from offset 0 of `fd` (borrowed, position
 * unchanged). The stored public half must belong to the secret half.
 * Returns 0, -EKEYREJECTED for a key that is encrypted with a password, -EINVAL for anything else that is no
 * such file, or another negative errno. Blocks on disk. */
_must_check_ int minisign_secret_load(int fd, struct minisign_secret **ret);

/* The key file's text (two lines), owned by the caller, who wipes it with minisign_text_free(). */
_must_check_ int minisign_secret_text(const struct minisign_secret *s, char **ret);
char *minisign_text_free(char *text); /* wipes the string; returns NULL */

/* Make a key pair and write NAME.key (mode 0600) and NAME.pub (0644) into `dir_fd`, synced. Neither may exist:
 * -EEXIST, and nothing is changed: a key is never replaced. `ret` gets the public key. */
_must_check_ int minisign_pair_make(int dir_fd, const char *name, struct minisign_public *ret);

/* Borrowed from `s`. */
const struct minisign_public *minisign_secret_public(const struct minisign_secret *s);

/* A public key: the two lines of a .pub file (final newline optional, CR LF refused), or the 56 characters
 * alone. `*ret_why` (may be NULL) gets a static sentence after -EINVAL, which also knows other key formats
 * by name. Nothing may follow the key. */
_must_check_ int minisign_public_parse(const void *raw, size_t size, struct minisign_public *ret,
				       const char **ret_why);
/* Where the public half of a secret key is kept: "audit.key" -> "audit.pub". Owned by the caller; NULL: no memory. */
char *minisign_public_path(const char *secret_path);
/* Read that. 0, or a negative errno (-EINVAL: it is no public key). */
_must_check_ int minisign_public_beside(const char *secret_path, struct minisign_public *ret);
/* The text of a .pub file, owned by the caller. */
_must_check_ int minisign_public_text(const struct minisign_public *p, char **ret);
/* The 56 characters alone. */
#define MINISIGN_PUBLIC_TEXT_LEN 56
void minisign_public_base64(const struct minisign_public *p, char out[static MINISIGN_PUBLIC_TEXT_LEN + 1]);

void minisign_id_text(const uint8_t id[static MINISIGN_ID_LEN], char out[static MINISIGN_ID_TEXT_LEN + 1]);
/* 0, or a negative errno when libcrypto fails. */
_must_check_ int minisign_fingerprint(const struct minisign_public *p,
				      char out[static MINISIGN_FINGERPRINT_LEN + 1]);

/* Sign the regular file behind `fd` (borrowed; from offset 0 to end, position unchanged, any size, blocks).
 *
 * trusted     one line, at most MINISIGN_TRUSTED_MAX bytes of UTF-8 without control characters: signed
 * untrusted   likewise, at most MINISIGN_COMMENT_MAX; NULL: a default
 * ret_text    the .minisig file's text, owned by the caller
 *
 * Returns 0, -EINVAL for a bad comment, or a negative errno. */
_must_check_ int minisign_sign_fd(const struct minisign_secret *s, int fd, const char *trusted,
				  const char *untrusted, char **ret_text);

enum minisign_outcome {
	MINISIGN_OK,
	MINISIGN_BAD,	      /* a known key's signature that does not match file or trusted comment */
	MINISIGN_UNKNOWN_KEY, /* well formed; none of the given keys has its id */
	MINISIGN_MALFORMED,   /* not a minisign signature of the prehashed kind; `why` says what is wrong */
};

struct minisign_result {
	enum minisign_outcome outcome;
	uint8_t key_id[MINISIGN_ID_LEN];	  /* as the signature claims; zero when MALFORMED */
	size_t key_index;			  /* of the key that verified; meaningful when OK */
	char trusted[MINISIGN_TRUSTED_MAX + 1]; /* set when OK alone: unsigned words are not handed out */
	const char *why;			  /* static sentence when not OK; NULL when OK */
};

/* Verify the file behind `fd` (borrowed; from offset 0, position unchanged, any size, blocks) against the
 * text of a .minisig file and a set of keys. The file is read only when a key with the signature's id is there.
 * Returns 0 and an outcome, or a negative errno when the file cannot be read or libcrypto fails: then
 * nothing is known, and `ret` is not written. */
_must_check_ int minisign_verify_fd(int fd, const void *raw_sig, size_t raw_sig_size,
				    const struct minisign_public *keys, size_t key_count,
				    struct minisign_result *ret);

/* As minisign_verify_fd() for bytes in memory. */
_must_check_ int minisign_verify_bytes(const void *data, size_t size, const void *raw_sig, size_t raw_sig_size,
				       const struct minisign_public *keys, size_t key_count,
				       struct minisign_result *ret);

/* Plain Ed25519 over a short message; the audit trail signs its 32-byte hashes so. A minisign signature is
 * made over 64 bytes or more, hence neither can stand for the other. */
_must_check_ int minisign_raw_sign(const struct minisign_secret *s, const void *data, size_t size,
				   uint8_t ret_sig[static MINISIGN_SIG_LEN]);
/* 0, -EBADMSG when the signature does not match, or another negative errno. */
_must_check_ int minisign_raw_verify(const struct minisign_public *p, const void *data, size_t size,
				     const uint8_t sig[static MINISIGN_SIG_LEN]);

#endif
