/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Signed PE files: EXE, DLL, SYS, EFI.
 *
 * All bytes of the file count: those that are hashed, and the certificate table, in which nothing but signatures may lie. That is
 * what Windows does when EnableCertPaddingCheck is set; without it, what is appended to a signature passes there. Within a
 * signature, unsigned attributes and spare certificates can still carry bytes that nobody vouches for (installers are tagged so);
 * no loader looks there.
 */
#include "authenticode/authenticode.h"

#include <string.h>

#define PE_IMAGE "1.3.6.1.4.1.311.2.1.15"     /* SPC_PE_IMAGE_DATAOBJ */
#define INDIRECT "1.3.6.1.4.1.311.2.1.4"      /* SPC_INDIRECT_DATA_OBJID */
#define NESTED "1.3.6.1.4.1.311.2.4.1"	      /* szOID_NESTED_SIGNATURE */
#define ENTRY_HEADER 8			      /* bytes of WIN_CERTIFICATE before its content */
#define REVISION_2 0x0200
#define TYPE_PKCS 0x0002 /* WIN_CERT_TYPE_PKCS_SIGNED_DATA */
#define HASHES_MAX 4	 /* different digests over one file */

struct image {
	struct pe pe;
	struct {
		int nid;
		uint8_t sum[EVP_MAX_MD_SIZE];
	} hashes[HASHES_MAX]; /* as far as they were asked for */
	size_t hash_count;
};

struct signatures {
	struct spc signatures[PE_SIGNATURES_MAX];
	size_t count;
};

static int tell_malformed(struct evidence *e, const char *why)
{
	return evidence_signed(e, SIGNATURE_MALFORMED, 0, "", NULL, "", "%s", why);
}

/* 1: the image has this hash, 0: another. -E2BIG past HASHES_MAX. */
static int has_hash(struct evidence *e, struct image *image, const struct spc_digest *d)
{
	size_t i = 0;
	int r;

	while (i < image->hash_count && image->hashes[i].nid != d->nid)
		i++;
	if (i == HASHES_MAX)
		return -E2BIG;
	if (i == image->hash_count) {
		r = pe_hash(e->fd, &image->pe, EVP_get_digestbynid(d->nid), image->hashes[i].sum);
		if (r < 0)
			return r;
		image->hashes[image->hash_count++].nid = d->nid;
	}
	return memcmp(image->hashes[i].sum, d->sum, d->size) == 0;
}

static int tell_verdict(struct evidence *e, struct image *image, const struct spc *s)
{
	struct certificate_verdict v;
	struct spc_digest d;
	int r;

	if (spc_digest_read(s->raw, s->raw_size, &d) < 0 || strcmp(d.type, PE_IMAGE) != 0)
		return tell_malformed(e, "a signature over something else than a program");
	r = spc_judge(s, e->now, &v);
	if (r < 0)
		return r;
	if (v.outcome == SIGNATURE_MALFORMED)
		return tell_malformed(e, v.why);
	r = has_hash(e, image, &d);
	if (r == -E2BIG)
		return tell_malformed(e, "more digest algorithms than this station takes");
	if (r < 0)
		return r;
	if (v.outcome == SIGNATURE_BAD)
		return evidence_signed(e, SIGNATURE_BAD, 0, "", v.key, v.id, "the signature is broken");
	if (r == 0)
		return evidence_signed(e, SIGNATURE_BAD, 0, "", v.key, v.id, "the program is not what was signed");
	if (v.outcome == SIGNATURE_GOOD && cms_digest_weak(d.nid))
		return evidence_signed(e, SIGNATURE_WEAK, 0, "", v.key, v.id, "the program's digest proves nothing any more");
	return evidence_signed(e, v.outcome, 0, "", v.key, v.id, "%s", v.why);
}

/* Signatures in an unsigned attribute of the first: each stands for itself. They are not looked into any further. */
static int tell_nested(struct evidence *e, struct image *image, const struct spc *outer)
{
	CMS_SignerInfo *signer = sk_CMS_SignerInfo_value(outer->cms.signers, 0);
	const uint8_t *der;
	size_t size, used;
	int r = 0;

	for (int i = 0; r == 0 && unsigned_value(signer, NESTED, i, &der, &size); i++) {
		const char *why = "";
		struct spc s;

		if (i == NESTED_MAX)
			return tell_malformed(e, "more nested signatures than this station takes");
		r = spc_read(der, size, INDIRECT, &s, &used, &why);
		if (r == -EBADMSG) {
			r = tell_malformed(e, why);
			continue;
		}
		if (r < 0)
			return r;
		r = used == size ? tell_verdict(e, image, &s) : tell_malformed(e, "bytes follow a nested signature");
		spc_done(&s);
	}
	return r;
}

static bool is_zero(const uint8_t *p, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (p[i])
			return false;
	return true;
}

/* A signature in its WIN_CERTIFICATE of `size` bytes, with nothing but up to seven zero bytes behind it. */
static int read_entry(const uint8_t *entry, size_t size, struct spc *ret, const char **ret_why)
{
	size_t used;
	int r;

	if ((entry[4] | entry[5] << 8) != REVISION_2 || (entry[6] | entry[7] << 8) != TYPE_PKCS) {
		*ret_why = "an entry of the certificate table is of a kind that is not taken";
		return -EBADMSG;
	}
	r = spc_read(entry + ENTRY_HEADER, size - ENTRY_HEADER, INDIRECT, ret, &used, ret_why);
	if (r < 0)
		return r;
	used += ENTRY_HEADER;
	if (size - used <= 7 && is_zero(entry + used, size - used))
		return 0;
	spc_done(ret);
	*ret_why = "bytes are appended to the signature";
	return -EBADMSG;
}

/* The table's entries, whole, before anything is told of one: bytes that are no signature are malformed, however good the
 * signature beside them. -EBADMSG with a static sentence. */
static int read_entries(const uint8_t *table, size_t left, struct signatures *s, const char **ret_why)
{
	while (left > 0) {
		size_t size = left < ENTRY_HEADER ? 0 :
						    (size_t)table[0] | (size_t)table[1] << 8 | (size_t)table[2] << 16 | (size_t)table[3] << 24;
		size_t whole = MIN((size + 7) & ~(size_t)7, left); /* the last one's padding may be missing */
		int r;

		*ret_why = "its certificate table is damaged";
		if (size <= ENTRY_HEADER || size > left || s->count == PE_SIGNATURES_MAX)
			return -EBADMSG;
		*ret_why = "bytes are appended to the signature";
		if (!is_zero(table + size, whole - size))
			return -EBADMSG;
		r = read_entry(table, size, &s->signatures[s->count], ret_why);
		if (r < 0)
			return r;
		s->count++;
		table += whole;
		left -= whole;
	}
	return 0;
}

static int tell_table(struct evidence *e, struct image *image, const uint8_t *table)
{
	struct signatures s = { 0 };
	const char *why = "";
	int r = read_entries(table, image->pe.table_size, &s, &why);

	if (r == -EBADMSG) {
		r = tell_malformed(e, why);
	} else {
		for (size_t i = 0; r == 0 && i < s.count; i++) {
			r = tell_verdict(e, image, &s.signatures[i]);
			if (r == 0)
				r = tell_nested(e, image, &s.signatures[i]);
		}
	}
	for (size_t i = 0; i < s.count; i++)
		spc_done(&s.signatures[i]);
	return r;
}

static int read_table(const struct evidence *e, const struct pe *pe, uint8_t **ret)
{
	_cleanup_free_ uint8_t *table = malloc(pe->table_size);
	size_t at = 0;

	if (!table)
		return -ENOMEM;
	while (at < pe->table_size) {
		ssize_t n = pread(e->fd, table + at, pe->table_size - at, (off_t)(pe->table_at + at));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += (size_t)n;
	}
	*ret = TAKE_PTR(table);
	return 0;
}

int prove_authenticode(struct evidence *e)
{
	_cleanup_free_ uint8_t *table = NULL;
	struct image image = { 0 };
	const char *why = "";
	int r = pe_read(e->fd, e->size, &image.pe, &why);

	if (r == -EBADMSG)
		return tell_malformed(e, why);
	/* No PE (MSI and CAB are not taken), or not signed: nothing to say. */
	if (r <= 0 || image.pe.table_size == 0)
		return r < 0 ? r : 0;
	r = read_table(e, &image.pe, &table);
	return r < 0 ? r : tell_table(e, &image, table);
}
