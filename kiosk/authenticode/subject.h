/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A file that carries Authenticode's signatures over itself, whatever its format: what is the same for programs (prove_pe.c),
 * cabinets (prove_cab.c) and installer packages (prove_msi.c). A format finds the signatures, and computes the digest.
 */
#ifndef LAZARET_AUTHENTICODE_SUBJECT_H
#define LAZARET_AUTHENTICODE_SUBJECT_H

#include "authenticode/authenticode.h"

#define HASHES_MAX 4	   /* different digests over one file */
#define SIGNATURES_MAX 16  /* of one file, but for nested ones: real files have one or two */

struct subject {
	const char *what;	     /* "program" */
	const char *type;	     /* object identifier of the content that such a file's signatures have */
	const uint8_t *sip;	     /* 16 bytes, the class that SpcSipInfo names; NULL: the content has none. One identifier stands
				      * for packages, scripts and more: a script's signature must not count for a package. */
	const void *of;		     /* for hash() and mark() */
	int fd;
	const char *partly;	     /* what the digest leaves open, so that it proves nothing; NULL: it covers all */

	/* 0; 1: whatever was signed, it is not this file; -EBADMSG and a static sentence, when there can be no digest of this kind;
	 * negative errno. */
	int (*hash)(const struct subject *s, const EVP_MD *md, uint8_t ret[static EVP_MAX_MD_SIZE], const char **ret_why);

	uint64_t signed_to; /* bytes of the file before it are hashed, or say where the signature is; those behind it are not */
	/* Where they are not so in order: set each of the `size` marks, which stand for bytes of the file from `from` on, whose byte is
	 * hashed. NULL: `signed_to` says it. */
	void (*mark)(const struct subject *s, uint64_t from, uint8_t *marks, size_t size);

	struct {
		int nid;
		bool is_other;
		uint8_t sum[EVP_MAX_MD_SIZE];
	} hashes[HASHES_MAX]; /* as far as they were asked for */
	size_t hash_count;

	struct spc signatures[SIGNATURES_MAX]; /* owned */
	size_t count;
};

/* Take what is a signature and up to seven zero bytes as the next of `s`. -EBADMSG and a static sentence, which is also what
 * more than SIGNATURES_MAX give. */
_must_check_ int subject_take(struct subject *s, const uint8_t *data, size_t size, const char **ret_why);

/* Tell of every signature, those within others, too. `taken`: what taking them gave; -EBADMSG, with `why`, is told as malformed, and so
 * is the end of a ZIP archive where readers of such look for it, in bytes that nobody signed: what opens such archives then finds in a
 * signed file what the signer never saw (a JAR file ran as Microsoft's: CVE-2020-1464). */
_must_check_ int subject_tell(struct evidence *e, struct subject *s, int taken, const char *why);
_must_check_ int subject_malformed(struct evidence *e, const char *why);
void subject_done(struct subject *s);

_must_check_ int prove_pe(struct evidence *e);
_must_check_ int prove_cab(struct evidence *e);
_must_check_ int prove_msi(struct evidence *e);

#endif
