/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Signed cabinets ("Microsoft Cabinet Format", 2003, section 2.1: CFHEADER; how they are signed Microsoft does not describe: the
 * place of the signature and what is hashed are those that osslsigncode and signtool agree on, and the tests compare).
 *
 * All bytes of the file count: those that are hashed, the signature, which ends it, and a few of the header that must be what they
 * always are. Cabinets of a set are not taken: tools differ in whether the place in it is hashed, and a set is as good as all its
 * cabinets, of which we see one.
 */
#include <string.h>

#include "authenticode/bytes.h"
#include "authenticode/subject.h"

#define CABINET "1.3.6.1.4.1.311.2.1.25" /* SPC_CAB_DATA_OBJID */
#define HEADER 60			 /* bytes of CFHEADER with the reserved field that a signature needs */
#define PREVIOUS 0x0001			 /* cfhdrPREV_CABINET */
#define NEXT 0x0002			 /* cfhdrNEXT_CABINET */
#define RESERVED 0x0004			 /* cfhdrRESERVE_PRESENT */
#define SIGNATURE_BYTES_MAX (8u << 20)

struct cabinet {
	uint32_t signature_at, signature_size; /* the file ends with it; size 0: not signed */
};

static int refuse(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EBADMSG;
}

/* 1: signed, 0: not, -EBADMSG with a static sentence. */
static int read_header(const struct evidence *e, struct cabinet *ret, const char **ret_why)
{
	uint8_t h[HEADER];
	int r = read_at(e->fd, 0, h, sizeof(h));

	if (r <= 0)
		return r;
	/* Where a signature is stands in 20 reserved bytes: two lengths, of which the second is 16. Other reserved bytes are an
	 * application's own, or a signature in a form that is not read here. */
	if (!(get16(h + 30) & RESERVED) || get16(h + 36) != 20 || h[38] != 0 || h[39] != 0 || get32(h + 40) != 0x00100000)
		return 0;
	ret->signature_at = get32(h + 44);
	ret->signature_size = get32(h + 48);
	if (ret->signature_at == 0 && ret->signature_size == 0)
		return 0;
	if (get32(h + 52) != 0 || get32(h + 4) != 0)
		return refuse(ret_why, "its header is not that of a signed cabinet");
	if (get16(h + 30) & (PREVIOUS | NEXT) || get16(h + 34) != 0)
		return refuse(ret_why, "a cabinet out of a set, which this station does not take");
	if (ret->signature_at < HEADER || get32(h + 8) != ret->signature_at)
		return refuse(ret_why, "its signature is not where the cabinet ends");
	if ((uint64_t)ret->signature_at + ret->signature_size > e->size)
		return refuse(ret_why, "its signature is cut off");
	if ((uint64_t)ret->signature_at + ret->signature_size < e->size)
		return refuse(ret_why, "bytes are appended to the signed file");
	if (ret->signature_size > SIGNATURE_BYTES_MAX)
		return refuse(ret_why, "its signature is longer than this station takes");
	return 1;
}

/* All but what a signer changes: reserved1, and from iCabinet to the place and size of the signature. */
static int hash_cabinet(const struct subject *s, const EVP_MD *md, uint8_t ret[static EVP_MAX_MD_SIZE], const char **ret_why)
{
	const struct cabinet *cabinet = s->of;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int r = !ctx ? -ENOMEM : EVP_DigestInit_ex(ctx, md, NULL) == 1 ? 0 : -ENOTSUP;

	if (r == 0)
		r = hash_range(s->fd, 0, 4, ctx);
	if (r == 0)
		r = hash_range(s->fd, 8, 34, ctx);
	if (r == 0)
		r = hash_range(s->fd, 56, cabinet->signature_at, ctx);
	if (r == 0 && EVP_DigestFinal_ex(ctx, ret, NULL) != 1)
		r = -ENOTSUP;
	EVP_MD_CTX_free(ctx);
	return r;
}

int prove_cab(struct evidence *e)
{
	struct cabinet cabinet;
	struct subject s = { .what = "cabinet", .type = CABINET, .of = &cabinet, .fd = e->fd, .hash = hash_cabinet };
	_cleanup_free_ uint8_t *signature = NULL;
	const char *why = "";
	int r = read_header(e, &cabinet, &why);

	if (r == -EBADMSG)
		return subject_malformed(e, why);
	if (r <= 0)
		return r;
	signature = malloc(cabinet.signature_size);
	r = signature ? read_at(e->fd, cabinet.signature_at, signature, cabinet.signature_size) : -ENOMEM;
	if (r <= 0)
		return r < 0 ? r : -EIO;
	s.signed_to = cabinet.signature_at;
	r = subject_take(&s, signature, cabinet.signature_size, &why);
	r = subject_tell(e, &s, r, why);
	subject_done(&s);
	return r;
}
