/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Signed installer packages: MSI, MSP, MSM. Microsoft does not describe it; what is hashed is what signtool and osslsigncode agree
 * on, and the tests compare.
 *
 * The digest is over the bytes of all streams, one after the other, in the order of their names. So it covers neither the names nor
 * where one stream ends: with the same digest a custom action's bytes can be another stream's. A second digest, over names, sizes,
 * classes and times, closes that; it stands in a stream of its own (MsiDigitalSignatureEx) and is hashed before all else. signtool
 * has written it since Windows 7, other tools on demand only. A signature without it is told as weak.
 */
#include <string.h>

#include "authenticode/bytes.h"
#include "authenticode/compound.h"
#include "authenticode/subject.h"

#define SIP_INFO "1.3.6.1.4.1.311.2.1.30" /* SPC_SIPINFO_OBJID */
#define ROOT 0u
#define SIGNATURE_BYTES_MAX (8u << 20)

/* {000C10F1-0000-0000-C000-000000000046}: what computes digests of packages in Windows */
static const uint8_t sip[16] = { 0xf1, 0x10, 0x0c, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46 };

struct package {
	struct compound compound;
	uint32_t signature, names; /* entries; 0: there is none */
};

/* "\5DigitalSignature" and "\5MsiDigitalSignatureEx" as they are written: in UTF-16. */
static bool is_named(const struct compound *c, uint32_t entry, const char *name)
{
	size_t size, length = strlen(name);
	const uint8_t *raw = compound_name(c, entry, &size);

	if (size != 2 * (length + 1))
		return false;
	for (size_t i = 0; i < length; i++)
		if (get16(raw + 2 * i) != (uint8_t)name[i])
			return false;
	return true;
}

static bool is_hashed(const struct package *p, uint32_t entry)
{
	return entry != p->signature && entry != p->names;
}

static int find_signature(struct package *p)
{
	_cleanup_free_ uint32_t *list = NULL;
	size_t count;
	int r = compound_children(&p->compound, ROOT, &list, &count);

	for (size_t i = 0; r == 0 && i < count; i++) {
		if (compound_type(&p->compound, list[i]) != COMPOUND_STREAM)
			continue;
		if (is_named(&p->compound, list[i], "\5DigitalSignature"))
			p->signature = list[i];
		else if (is_named(&p->compound, list[i], "\5MsiDigitalSignatureEx"))
			p->names = list[i];
	}
	return r;
}

/* -- digests --------------------------------------------------------------------------------------------------- */

static int update(void *ctx, const uint8_t *data, size_t size)
{
	return EVP_DigestUpdate(ctx, data, size) == 1 ? 0 : -ENOTSUP;
}

static int hash_entry_words(const struct compound *c, uint32_t entry, EVP_MD_CTX *ctx)
{
	bool is_stream = compound_type(c, entry) == COMPOUND_STREAM;
	size_t size;
	const uint8_t *name = compound_name(c, entry, &size);
	int r = entry == ROOT ? 0 : update(ctx, name, size - 2);

	if (r == 0)
		r = is_stream ? update(ctx, compound_size_raw(c, entry), 4) : update(ctx, compound_class(c, entry), 16);
	if (r == 0)
		r = update(ctx, compound_state(c, entry), 4);
	return r < 0 || entry == ROOT ? r : update(ctx, compound_times(c, entry), 16);
}

/* Names and what stands beside them: a storage, then what is in it. */
static int hash_words(const struct package *p, uint32_t storage, EVP_MD_CTX *ctx)
{
	const struct compound *c = &p->compound;
	_cleanup_free_ uint32_t *list = NULL;
	size_t count;
	int r = compound_children(c, storage, &list, &count);

	if (r == 0)
		r = hash_entry_words(c, storage, ctx);
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (!is_hashed(p, list[i]))
			continue;
		r = compound_type(c, list[i]) == COMPOUND_STREAM ? hash_entry_words(c, list[i], ctx) : hash_words(p, list[i], ctx);
	}
	return r;
}

/* Contents: what is in a storage, then its class. */
static int hash_contents(const struct package *p, uint32_t storage, EVP_MD_CTX *ctx)
{
	const struct compound *c = &p->compound;
	_cleanup_free_ uint32_t *list = NULL;
	size_t count;
	int r = compound_children(c, storage, &list, &count);

	for (size_t i = 0; r == 0 && i < count; i++) {
		if (!is_hashed(p, list[i]))
			continue;
		r = compound_type(c, list[i]) == COMPOUND_STREAM ? compound_stream(c, list[i], update, ctx) :
								   hash_contents(p, list[i], ctx);
	}
	return r < 0 ? r : update(ctx, compound_class(c, storage), 16);
}

struct fixed {
	uint8_t bytes[EVP_MAX_MD_SIZE];
	size_t size;
};

static int keep(void *ctx, const uint8_t *data, size_t size)
{
	struct fixed *f = ctx;

	if (f->size + size > sizeof(f->bytes))
		return -EBADMSG;
	memcpy(f->bytes + f->size, data, size);
	f->size += size;
	return 0;
}

/* The digest over names; 1: it is not the one that stands in the package. */
static int hash_names(const struct package *p, const EVP_MD *md, EVP_MD_CTX *ctx, struct fixed *ret, const char **ret_why)
{
	struct fixed told = { 0 };
	unsigned int size = 0;
	int r = compound_stream(&p->compound, p->names, keep, &told);

	*ret_why = "its digest of names is of another kind than the signature's";
	if (r == 0 && told.size != (size_t)EVP_MD_get_size(md))
		r = -EBADMSG;
	if (r == 0)
		r = EVP_DigestInit_ex(ctx, md, NULL) == 1 ? hash_words(p, ROOT, ctx) : -ENOTSUP;
	if (r == 0 && EVP_DigestFinal_ex(ctx, ret->bytes, &size) != 1)
		r = -ENOTSUP;
	ret->size = size;
	return r == 0 ? memcmp(told.bytes, ret->bytes, size) != 0 : r;
}

static int hash_package(const struct subject *s, const EVP_MD *md, uint8_t ret[static EVP_MAX_MD_SIZE], const char **ret_why)
{
	const struct package *p = s->of;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct fixed names = { 0 };
	int r = !ctx ? -ENOMEM : p->names ? hash_names(p, md, ctx, &names, ret_why) : 0;

	if (r == 0)
		r = EVP_DigestInit_ex(ctx, md, NULL) == 1 ? update(ctx, names.bytes, names.size) : -ENOTSUP;
	if (r == 0)
		r = hash_contents(p, ROOT, ctx);
	if (r == 0 && EVP_DigestFinal_ex(ctx, ret, NULL) != 1)
		r = -ENOTSUP;
	EVP_MD_CTX_free(ctx);
	return r;
}

/* -- the signature --------------------------------------------------------------------------------------------- */

struct buffer {
	uint8_t *data;
	size_t size;
};

static int append(void *ctx, const uint8_t *data, size_t size)
{
	struct buffer *b = ctx;

	memcpy(b->data + b->size, data, size);
	b->size += size;
	return 0;
}

static int take_signature(struct subject *s, const struct package *p, const char **ret_why)
{
	uint32_t size = compound_size(&p->compound, p->signature);
	_cleanup_free_ uint8_t *data = size <= SIGNATURE_BYTES_MAX ? malloc((size_t)size + 1) : NULL;
	struct buffer b = { .data = data };
	int r;

	*ret_why = "its signature is longer than this station takes";
	if (!data)
		return size <= SIGNATURE_BYTES_MAX ? -ENOMEM : -EBADMSG;
	r = compound_stream(&p->compound, p->signature, append, &b);
	return r < 0 ? r : subject_take(s, data, b.size, ret_why);
}

static void mark(const struct subject *s, uint64_t from, uint8_t *marks, size_t size)
{
	const struct package *p = s->of;

	for (uint32_t i = 0; i < p->compound.entry_count; i++)
		if (compound_in_tree(&p->compound, i) && compound_type(&p->compound, i) == COMPOUND_STREAM && is_hashed(p, i))
			compound_mark(&p->compound, i, from, marks, size);
}

static int prove_package(struct evidence *e, struct package *p)
{
	struct subject s = { .what = "package", .type = SIP_INFO, .sip = sip, .of = p, .fd = e->fd, .hash = hash_package,
			     .mark = mark };
	const char *why = "";
	int r = find_signature(p);

	if (r < 0 || p->signature == 0) /* not signed: nothing to say */
		return r;
	if (p->names == 0)
		s.partly = "it does not cover the names of what is in the package, nor where one part ends and the next begins";
	r = take_signature(&s, p, &why);
	r = subject_tell(e, &s, r, why);
	subject_done(&s);
	return r;
}

/* Does the name of a signature stand anywhere in the file? */
static int mentions_signature(const struct evidence *e)
{
	static const uint8_t name[] = "\5\0D\0i\0g\0i\0t\0a\0l\0S\0i\0g\0n\0a\0t\0u\0r\0e"; /* its NUL is the last letter's */
	static uint8_t block[1 << 16];
	uint64_t at = 0;

	while (at < e->size) {
		size_t n = (size_t)MIN(e->size - at, (uint64_t)sizeof(block));
		int r = read_at(e->fd, at, block, n);

		if (r <= 0)
			return r < 0 ? r : -EIO;
		if (memmem(block, n, name, sizeof(name)))
			return 1;
		at += n < sizeof(block) ? n : n - sizeof(name) + 1;
	}
	return 0;
}

int prove_msi(struct evidence *e)
{
	struct package p = { 0 };
	const char *why = "";
	int r = compound_read(e->fd, e->size, &p.compound, &why);

	if (r == -EBADMSG) { /* what is odd and never was signed is no broken signature */
		r = mentions_signature(e);
		return r > 0 ? subject_malformed(e, why) : r;
	}
	if (r <= 0)
		return r;
	r = prove_package(e, &p);
	compound_done(&p.compound);
	return r;
}
