/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "authenticode/subject.h"

#include <string.h>

#include "authenticode/bytes.h"

#define INDIRECT "1.3.6.1.4.1.311.2.1.4" /* SPC_INDIRECT_DATA_OBJID */
#define NESTED "1.3.6.1.4.1.311.2.4.1"	 /* szOID_NESTED_SIGNATURE */

int subject_malformed(struct evidence *e, const char *why)
{
	return evidence_signed(e, SIGNATURE_MALFORMED, 0, "", NULL, "", "%s", why);
}

void subject_done(struct subject *s)
{
	for (size_t i = 0; i < s->count; i++)
		spc_done(&s->signatures[i]);
	s->count = 0;
}

int subject_take(struct subject *s, const uint8_t *data, size_t size, const char **ret_why)
{
	size_t used;
	int r;

	*ret_why = "more signatures than this station takes";
	if (s->count == SIGNATURES_MAX)
		return -EBADMSG;
	r = spc_read(data, size, INDIRECT, &s->signatures[s->count], &used, ret_why);
	if (r < 0)
		return r;
	if (size - used <= 7 && bytes_are_zero(data + used, size - used)) {
		s->count++;
		return 0;
	}
	spc_done(&s->signatures[s->count]);
	*ret_why = "bytes are appended to the signature";
	return -EBADMSG;
}

#define ARCHIVE_TAIL 65557u /* bytes: an end record and the longest comment behind it (APPNOTE section 4.3.16) */

int subject_hides_archive(int fd, uint64_t from, uint64_t size, bool (*is_signed)(const void *of, uint64_t offset), const void *of)
{
	uint64_t start = MAX(from, size > ARCHIVE_TAIL ? size - ARCHIVE_TAIL : 0);
	size_t n = (size_t)(size - start);
	_cleanup_free_ uint8_t *tail = malloc(n + 1);
	int r = tail ? read_at(fd, start, tail, n) : -ENOMEM;

	if (r <= 0)
		return r < 0 ? r : -EIO;
	for (const uint8_t *at = tail; (at = memmem(at, n - (size_t)(at - tail), "PK\5\6", 4)); at++)
		if (!is_signed || !is_signed(of, start + (uint64_t)(at - tail)))
			return 1;
	return 0;
}

/* 1: the file has this hash, 0: another. -EBADMSG and a static sentence. */
static int has_hash(struct subject *s, const struct spc_digest *d, const char **ret_why)
{
	size_t i = 0;
	int r;

	while (i < s->hash_count && s->hashes[i].nid != d->nid)
		i++;
	*ret_why = "more digest algorithms than this station takes";
	if (i == HASHES_MAX)
		return -EBADMSG;
	if (i == s->hash_count) {
		r = s->hash(s, EVP_get_digestbynid(d->nid), s->hashes[i].sum, ret_why);
		if (r < 0)
			return r;
		s->hashes[i].is_other = r > 0;
		s->hashes[s->hash_count++].nid = d->nid;
	}
	return !s->hashes[i].is_other && memcmp(s->hashes[i].sum, d->sum, d->size) == 0;
}

static bool is_of_kind(const struct subject *s, const struct spc_digest *d)
{
	return strcmp(d->type, s->type) == 0 && (!s->sip || (d->has_sip && memcmp(d->sip, s->sip, sizeof(d->sip)) == 0));
}

static int tell_verdict(struct evidence *e, struct subject *subject, const struct spc *s)
{
	struct certificate_verdict v;
	const char *why = "";
	struct spc_digest d;
	int r;

	if (spc_digest_read(s->raw, s->raw_size, &d) < 0 || !is_of_kind(subject, &d))
		return evidence_signed(e, SIGNATURE_MALFORMED, 0, "", NULL, "", "a signature over something else than a %s", subject->what);
	r = spc_judge(s, e->now, &v);
	if (r < 0)
		return r;
	if (v.outcome == SIGNATURE_MALFORMED)
		return subject_malformed(e, v.why);
	r = has_hash(subject, &d, &why);
	if (r == -EBADMSG)
		return subject_malformed(e, why);
	if (r < 0)
		return r;
	if (v.outcome == SIGNATURE_BAD)
		return evidence_signed(e, SIGNATURE_BAD, 0, "", v.key, v.id, "the signature is broken");
	if (r == 0)
		return evidence_signed(e, SIGNATURE_BAD, 0, "", v.key, v.id, "the %s is not what was signed", subject->what);
	if (v.outcome == SIGNATURE_GOOD && cms_digest_weak(d.nid))
		return evidence_signed(e, SIGNATURE_WEAK, 0, "", v.key, v.id, "the %s's digest proves nothing any more", subject->what);
	if (v.outcome == SIGNATURE_GOOD && subject->partly)
		return evidence_signed(e, SIGNATURE_WEAK, 0, "", v.key, v.id, "%s", subject->partly);
	return evidence_signed(e, v.outcome, 0, "", v.key, v.id, "%s", v.why);
}

/* Signatures in an unsigned attribute of the first: each stands for itself. They are not looked into any further. */
static int tell_nested(struct evidence *e, struct subject *subject, const struct spc *outer)
{
	CMS_SignerInfo *signer = sk_CMS_SignerInfo_value(outer->cms.signers, 0);
	const uint8_t *der;
	size_t size, used;
	int r = 0;

	for (int i = 0; r == 0 && unsigned_value(signer, NESTED, i, &der, &size); i++) {
		const char *why = "";
		struct spc s;

		if (i == NESTED_MAX)
			return subject_malformed(e, "more nested signatures than this station takes");
		r = spc_read(der, size, INDIRECT, &s, &used, &why);
		if (r == -EBADMSG) {
			r = subject_malformed(e, why);
			continue;
		}
		if (r < 0)
			return r;
		r = used == size ? tell_verdict(e, subject, &s) : subject_malformed(e, "bytes follow a nested signature");
		spc_done(&s);
	}
	return r;
}

int subject_tell(struct evidence *e, struct subject *s)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->count; i++) {
		r = tell_verdict(e, s, &s->signatures[i]);
		if (r == 0)
			r = tell_nested(e, s, &s->signatures[i]);
	}
	return r;
}
