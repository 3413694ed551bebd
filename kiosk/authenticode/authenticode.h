/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Inside of lazaret-authenticode. */
#ifndef LAZARET_AUTHENTICODE_AUTHENTICODE_H
#define LAZARET_AUTHENTICODE_AUTHENTICODE_H

#include "proof/cms.h"
#include "proof/proof.h"

#define CATALOG_BYTES_MAX (16u << 20)	/* bytes of a catalog: Windows' own largest ones have 4 MiB */
#define CATALOG_MEMBERS_MAX 100000u	/* members: each is at least 100 bytes of a catalog */
#define CATALOG_FILES_MAX 4096u		/* files that are asked for by the names in a catalog: each costs a digest of it */
#define NESTED_MAX 8			/* signatures within a signature: real ones have one, SHA-256 beside SHA-1 */

/* One PKCS #7 SignedData with Microsoft's content: what is signed are the octets inside of the content's SEQUENCE. */
struct spc {
	struct cms cms; /* the signature, parted from its content */
	uint8_t *raw;	/* content with its tag and length */
	size_t raw_size;
	const uint8_t *body; /* within `raw`: what is signed */
	size_t body_size;
};

/* Parse the PKCS #7 at the beginning of `data`; `*ret_used` bytes of it are its own. `type` is the content's object identifier.
 * -EBADMSG and a static sentence; -ENOMEM. What is written goes to spc_done(). */
_must_check_ int spc_read(const uint8_t *data, size_t size, const char *type, struct spc *ret, size_t *ret_used,
			  const char **ret_why);
void spc_done(struct spc *s);

/* SpcIndirectDataContent: the digest of something, and of what kind that is. */
struct spc_digest {
	char type[64]; /* object identifier, dotted */
	bool has_sip;  /* the content names who computes such digests (SpcSipInfo) */
	uint8_t sip[16];
	int nid; /* of the digest */
	uint8_t sum[EVP_MAX_MD_SIZE];
	size_t size;
};

_must_check_ int spc_digest_read(const uint8_t *der, size_t size, struct spc_digest *ret); /* -EBADMSG */

/* The judgement of its one signer, at `now`; or, when that is too late, at the time of a time stamp that can be trusted. */
_must_check_ int spc_judge(const struct spc *s, uint64_t now, struct certificate_verdict *ret);

/* timestamp.c. RFC 3161: when did the signature exist, according to a trusted authority? 1 and s since 1970, 0: nobody whom
 * the officer trusts says so; -ENOMEM, -E2BIG. */
_must_check_ int timestamp_of(CMS_SignerInfo *signer, uint64_t now, uint64_t *ret_time, char *ret_by, size_t room);

/* The i-th value of the unsigned attribute `oid` of `signer`, in DER; borrowed. False behind the last. */
bool unsigned_value(CMS_SignerInfo *signer, const char *oid, int i, const uint8_t **ret, size_t *ret_size);

_must_check_ int prove_authenticode(struct evidence *e);
_must_check_ int prove_catalog(struct evidence *e);

#endif
