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

/* APPNOTE section 4.3.16: the end record, bytes, and the longest comment that can stand behind it */
#define END_RECORD 22u
#define ARCHIVE_TAIL (END_RECORD + UINT16_MAX)

/* Has the end record at `at` been hashed, and the directory before it, as far as the tail has it? Where no directory begins, no reader
 * finds one: a vendor's own archive whose sectors are not next to each other is no danger. */
static bool is_hashed_archive(const uint8_t *tail, const uint8_t *marks, size_t size, size_t at)
{
	size_t directory = at + END_RECORD <= size ? get32(tail + at + 12) : 0, from = at - MIN(at, directory);

	for (size_t i = at; i < MIN(at + END_RECORD, size); i++)
		if (!marks[i])
			return false;
	if (directory <= at && memcmp(tail + from, "PK\1\2", 4) != 0)
		return true;
	for (size_t i = from; i < at; i++)
		if (!marks[i])
			return false;
	return true;
}

/* 1: there is an archive's end that nobody signed, 0: none. Linear in the file's sectors, whatever the file says. */
static int hides_archive(const struct subject *s, uint64_t file_size)
{
	uint64_t from = file_size > ARCHIVE_TAIL ? file_size - ARCHIVE_TAIL : 0;
	size_t size = (size_t)(file_size - from);
	_cleanup_free_ uint8_t *tail = malloc(size + 1), *marks = calloc(size + 1, 1);
	int r = tail && marks ? read_at(s->fd, from, tail, size) : -ENOMEM;

	if (r <= 0)
		return r < 0 ? r : -EIO;
	if (s->mark)
		s->mark(s, from, marks, size);
	else if (s->signed_to > from)
		memset(marks, 1, (size_t)(s->signed_to - from));
	for (const uint8_t *at = tail; (at = memmem(at, size - (size_t)(at - tail), "PK\5\6", 4)); at++)
		if (!is_hashed_archive(tail, marks, size, (size_t)(at - tail)))
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

int subject_tell(struct evidence *e, struct subject *s, int taken, const char *why)
{
	int r = taken < 0 ? taken : hides_archive(s, e->size);

	if (r > 0)
		why = "the end of an archive stands where nobody has signed";
	if (r > 0 || r == -EBADMSG)
		return subject_malformed(e, why);
	for (size_t i = 0; r == 0 && i < s->count; i++) {
		r = tell_verdict(e, s, &s->signatures[i]);
		if (r == 0)
			r = tell_nested(e, s, &s->signatures[i]);
	}
	return r;
}
