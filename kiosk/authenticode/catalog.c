/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Windows catalogs: a signed list of digests (a Certificate Trust List, [MS-CAESO] and wincrypt.h; not documented as a whole).
 *
 * A member is a digest: of all bytes of a file, or, of a program, its Authenticode image hash. The first is told as it is: whichever
 * file has it. The second is no digest of a file, so the file is asked for by the name that the catalog has for it (beside the
 * catalog, or by its relative path); where it has this image hash, the digest of all its bytes is told. A program that is not named,
 * or elsewhere, is not covered. Several members may have the same name: that one does not fit says nothing.
 *
 * The list is walked, member by member: memory does not grow with their number, only the catalog itself is in memory.
 */
#include "authenticode/authenticode.h"

#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/objects.h>

#include "authenticode/pe.h"

#define CTL "1.3.6.1.4.1.311.10.1"	      /* szOID_CTL */
#define CATALOG_LIST "1.3.6.1.4.1.311.12.1.1" /* szOID_CATALOG_LIST */
#define NAME_VALUE "1.3.6.1.4.1.311.12.2.1"   /* CAT_NAMEVALUE_OBJID */
#define INDIRECT "1.3.6.1.4.1.311.2.1.4"
#define PE_IMAGE "1.3.6.1.4.1.311.2.1.15"
#define ATTRIBUTES_MAX 64 /* of one member: real ones have three to ten */

struct member {
	ASN1_OCTET_STRING *id;
	STACK_OF(X509_ATTRIBUTE) *attributes;
};

ASN1_SEQUENCE(member) = {
	ASN1_SIMPLE(struct member, id, ASN1_OCTET_STRING),
	ASN1_SET_OF_OPT(struct member, attributes, X509_ATTRIBUTE),
} static_ASN1_SEQUENCE_END_name(struct member, member)

struct name_value {
	ASN1_BMPSTRING *name;
	ASN1_INTEGER *flags;
	ASN1_OCTET_STRING *value;
};

ASN1_SEQUENCE(name_value) = {
	ASN1_SIMPLE(struct name_value, name, ASN1_BMPSTRING),
	ASN1_SIMPLE(struct name_value, flags, ASN1_INTEGER),
	ASN1_SIMPLE(struct name_value, value, ASN1_OCTET_STRING),
} static_ASN1_SEQUENCE_END_name(struct name_value, name_value)

/* A place within DER. */
struct cursor {
	const uint8_t *at, *end;
};

/* The next element when it has this universal tag: true, with its content; the cursor goes past it. */
static bool take(struct cursor *c, int tag, struct cursor *ret)
{
	const unsigned char *at = c->at;
	long size;
	int found, class;
	int form = c->at < c->end ? ASN1_get_object(&at, &size, &found, &class, c->end - c->at) : 0x80;

	if ((form & ~V_ASN1_CONSTRUCTED) != 0 || class != V_ASN1_UNIVERSAL || found != tag) {
		ERR_clear_error();
		return false;
	}
	*ret = (struct cursor){ at, at + size };
	c->at = ret->end;
	return true;
}

/* To the members. False: no catalog. */
static bool enter(const struct spc *s, struct cursor *ret_members)
{
	struct cursor c = { s->body, s->body + s->body_size }, usage, skipped;
	const uint8_t *at;
	ASN1_OBJECT *o;
	char text[64] = "";

	(void)take(&c, V_ASN1_INTEGER, &skipped); /* version, which has a default */
	if (!take(&c, V_ASN1_SEQUENCE, &usage))
		return false;
	at = usage.at;
	o = d2i_ASN1_OBJECT(NULL, &at, usage.end - usage.at);
	if (o)
		(void)OBJ_obj2txt(text, sizeof(text), o, 1); /* compared below */
	ASN1_OBJECT_free(o);
	ERR_clear_error();
	if (strcmp(text, CATALOG_LIST) != 0)
		return false;
	(void)take(&c, V_ASN1_OCTET_STRING, &skipped); /* identifier of the list, number of the issue: may be missing */
	(void)take(&c, V_ASN1_INTEGER, &skipped);
	for (int i = 0; i < 2; i++) /* this update, next update */
		if (!take(&c, V_ASN1_UTCTIME, &skipped))
			(void)take(&c, V_ASN1_GENERALIZEDTIME, &skipped);
	return take(&c, V_ASN1_SEQUENCE, &skipped) && take(&c, V_ASN1_SEQUENCE, ret_members);
}

/* Little-endian UTF-16, NUL-terminated, of ASCII alone: a path relative to the catalog, with '/'. False: not one to ask for. */
static bool decode_name(const ASN1_OCTET_STRING *value, char ret[static ORIGIN_PATH_MAX + 1])
{
	const uint8_t *p = ASN1_STRING_get0_data(value);
	size_t count = (size_t)ASN1_STRING_length(value) / 2, n = 0;

	while (n < count && (p[2 * n] || p[2 * n + 1])) {
		if (n == ORIGIN_PATH_MAX || p[2 * n + 1] || p[2 * n] < 0x20 || p[2 * n] > 0x7e || p[2 * n] == ':')
			return false;
		ret[n] = (char)(p[2 * n] == '\\' ? '/' : p[2 * n]);
		n++;
	}
	ret[n] = '\0';
	for (const char *at = ret;; at++) { /* no component is empty, "." or ".." */
		size_t len = strcspn(at, "/");

		if (len == 0 || (len == 1 && at[0] == '.') || (len == 2 && at[0] == '.' && at[1] == '.'))
			return false;
		at += len;
		if (!*at)
			return true;
	}
}

struct entry {
	struct spc_digest digest;
	bool has_digest, has_name;
	char name[ORIGIN_PATH_MAX + 1];
};

/* "File" (inf2cat) and "FilePath" (New-FileCatalog); others say for which Windows it is. */
static void take_name(const uint8_t *der, size_t size, struct entry *ret)
{
	static const uint8_t file[] = { 0, 'F', 0, 'i', 0, 'l', 0, 'e', 0, 'P', 0, 'a', 0, 't', 0, 'h' }; /* big endian */
	const unsigned char *at = der;
	struct name_value *v = (struct name_value *)ASN1_item_d2i(NULL, &at, (long)size, ASN1_ITEM_rptr(name_value));

	if (v) {
		size_t n = (size_t)ASN1_STRING_length(v->name);

		if ((n == 8 || n == sizeof(file)) && memcmp(ASN1_STRING_get0_data(v->name), file, n) == 0)
			ret->has_name = decode_name(v->value, ret->name);
	}
	ASN1_item_free((ASN1_VALUE *)v, ASN1_ITEM_rptr(name_value));
}

static void take_attribute(X509_ATTRIBUTE *a, struct entry *ret)
{
	ASN1_TYPE *value = X509_ATTRIBUTE_count(a) == 1 ? X509_ATTRIBUTE_get0_type(a, 0) : NULL;
	char oid[64];

	if (!value || value->type != V_ASN1_SEQUENCE || OBJ_obj2txt(oid, sizeof(oid), X509_ATTRIBUTE_get0_object(a), 1) <= 0)
		return;
	if (strcmp(oid, INDIRECT) == 0)
		ret->has_digest = spc_digest_read(ASN1_STRING_get0_data(value->value.sequence),
						  (size_t)ASN1_STRING_length(value->value.sequence), &ret->digest) == 0;
	else if (strcmp(oid, NAME_VALUE) == 0 && !ret->has_name)
		take_name(ASN1_STRING_get0_data(value->value.sequence), (size_t)ASN1_STRING_length(value->value.sequence), ret);
}

static void read_member(const struct cursor *whole, struct entry *ret)
{
	const unsigned char *at = whole->at;
	struct member *m = (struct member *)ASN1_item_d2i(NULL, &at, whole->end - whole->at, ASN1_ITEM_rptr(member));
	int count = m && m->attributes ? sk_X509_ATTRIBUTE_num(m->attributes) : 0;

	ret->has_digest = ret->has_name = false;
	for (int i = 0; i < count && count <= ATTRIBUTES_MAX; i++)
		take_attribute(sk_X509_ATTRIBUTE_value(m->attributes, i), ret);
	ASN1_item_free((ASN1_VALUE *)m, ASN1_ITEM_rptr(member));
	ERR_clear_error();
}

static const struct digest *digest_of_nid(int nid)
{
	switch (nid) {
	case NID_sha1:
		return digest_by_name("sha1");
	case NID_sha224:
		return digest_by_name("sha224");
	case NID_sha256:
		return digest_by_name("sha256");
	case NID_sha384:
		return digest_by_name("sha384");
	case NID_sha512:
		return digest_by_name("sha512");
	default:
		return NULL;
	}
}

/* A program: is the one by this name the one that is meant? */
static int list_program(struct evidence *e, const struct entry *m)
{
	const struct digest *sha256_digest = digest_by_name("sha256");
	uint8_t sum[EVP_MAX_MD_SIZE], whole[ORIGIN_DIGEST_MAX];
	_cleanup_close_ int fd = -EBADF;
	const char *why = "";
	uint64_t size;
	struct pe pe;
	int r = evidence_want(e, 0, m->name, &fd, &size);

	if (r <= 0)
		return r;
	r = pe_read(fd, size, &pe, &why);
	if (r <= 0) /* not a program, or one with bytes that no hash covers */
		return r == -EBADMSG ? 0 : r;
	r = pe_hash(fd, &pe, EVP_get_digestbynid(m->digest.nid), sum);
	if (r < 0 || memcmp(sum, m->digest.sum, m->digest.size) != 0)
		return r;
	/* The image hash leaves out the certificate table: what lies in that would be vouched for by nobody. */
	if (pe.table_size > 0)
		return 0;
	r = digest_fd(sha256_digest, fd, whole);
	return r < 0 ? r : evidence_lists(e, sha256_digest, whole, 0, m->name, strlen(m->name));
}

static int list_members(struct evidence *e, struct cursor members)
{
	_cleanup_free_ struct entry *m = malloc(sizeof(*m));
	uint32_t count = 0, asked = 0;
	struct cursor whole, inside;
	int r = m ? 0 : -ENOMEM;

	while (r == 0 && members.at < members.end) {
		whole.at = members.at;
		if (!take(&members, V_ASN1_SEQUENCE, &inside) || count++ == CATALOG_MEMBERS_MAX) {
			e->summary.outcome = LIST_BROKEN;
			(void)snprintf(e->summary.detail, sizeof(e->summary.detail), "the catalog is damaged, or too long");
			return 0;
		}
		whole.end = members.at;
		read_member(&whole, m);
		/* SHA-1 proves nothing any more; catalogs of Windows 7 know no other. */
		if (!m->has_digest || cms_digest_weak(m->digest.nid) || !digest_of_nid(m->digest.nid))
			e->summary.bad++;
		else if (strcmp(m->digest.type, PE_IMAGE) != 0)
			r = evidence_lists(e, digest_of_nid(m->digest.nid), m->digest.sum, 0, "", 0);
		else if (m->has_name && asked++ < CATALOG_FILES_MAX)
			r = list_program(e, m);
	}
	return r;
}

static int read_catalog(const struct evidence *e, uint8_t **ret)
{
	_cleanup_free_ uint8_t *data = malloc((size_t)e->size + 1);
	size_t at = 0;

	if (!data)
		return -ENOMEM;
	while (at < e->size) {
		ssize_t n = pread(e->fd, data + at, (size_t)e->size - at, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += (size_t)n;
	}
	*ret = TAKE_PTR(data);
	return 0;
}

static int tell_catalog(struct evidence *e, const struct spc *s)
{
	struct certificate_verdict v;
	struct cursor members;
	int r = spc_judge(s, e->now, &v);

	if (r < 0)
		return r;
	if (v.outcome == SIGNATURE_GOOD && !enter(s, &members)) {
		v.outcome = SIGNATURE_MALFORMED;
		(void)snprintf(v.why, sizeof(v.why), "what was signed is no catalog of files");
	}
	if (v.outcome == SIGNATURE_MALFORMED)
		return evidence_signed(e, v.outcome, 0, "", NULL, "", "%s", v.why);
	r = evidence_signed(e, v.outcome, 0, "", v.key, v.id, "%s", v.why);
	/* What a stranger lists is listed, too, and vouches for nothing; what nobody signed so is not read. */
	if (r == 0 && v.outcome != SIGNATURE_BAD && enter(s, &members))
		r = list_members(e, members);
	return r;
}

int prove_catalog(struct evidence *e)
{
	_cleanup_free_ uint8_t *data = NULL;
	const char *why = "longer than this station takes";
	struct spc s = { 0 };
	size_t used = 0;
	int r = -EBADMSG;

	if (e->size <= CATALOG_BYTES_MAX) {
		r = read_catalog(e, &data);
		if (r == 0)
			r = spc_read(data, (size_t)e->size, CTL, &s, &used, &why);
		if (r == 0 && used != e->size) {
			why = "bytes follow the signature";
			r = -EBADMSG;
		}
	}
	if (r == -EBADMSG)
		r = evidence_signed(e, SIGNATURE_MALFORMED, 0, "", NULL, "", "%s", why);
	else if (r == 0)
		r = tell_catalog(e, &s);
	spc_done(&s);
	return r;
}
