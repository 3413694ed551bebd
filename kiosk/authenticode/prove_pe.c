/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Signed PE files: EXE, DLL, SYS, EFI.
 *
 * All bytes of the file count: those that are hashed, and the certificate table, in which nothing but signatures may lie. That is
 * what Windows does when EnableCertPaddingCheck is set; without it, what is appended to a signature passes there. Within a
 * signature, unsigned attributes and spare certificates can still carry bytes that nobody vouches for (installers are tagged so): no
 * loader looks there, but who opens archives does (subject_tell()).
 */
#include <string.h>

#include "authenticode/bytes.h"
#include "authenticode/pe.h"
#include "authenticode/subject.h"

#define PE_IMAGE "1.3.6.1.4.1.311.2.1.15" /* SPC_PE_IMAGE_DATAOBJ */
#define ENTRY_HEADER 8			  /* bytes of WIN_CERTIFICATE before its content */
#define REVISION_2 0x0200
#define TYPE_PKCS 0x0002 /* WIN_CERT_TYPE_PKCS_SIGNED_DATA */

static int hash_image(const struct subject *s, const EVP_MD *md, uint8_t ret[static EVP_MAX_MD_SIZE], const char **ret_why)
{
	return pe_hash(s->fd, s->of, md, ret);
}

/* A signature in its WIN_CERTIFICATE of `size` bytes. */
static int take_entry(struct subject *s, const uint8_t *entry, size_t size, const char **ret_why)
{
	if (get16(entry + 4) == REVISION_2 && get16(entry + 6) == TYPE_PKCS)
		return subject_take(s, entry + ENTRY_HEADER, size - ENTRY_HEADER, ret_why);
	*ret_why = "an entry of the certificate table is of a kind that is not taken";
	return -EBADMSG;
}

/* The table's entries, whole, before anything is told of one: bytes that are no signature are malformed, however good the
 * signature beside them. -EBADMSG with a static sentence. */
static int take_entries(struct subject *s, const uint8_t *table, size_t left, const char **ret_why)
{
	while (left > 0) {
		size_t size = left < ENTRY_HEADER ? 0 : get32(table);
		size_t whole = MIN((size + 7) & ~(size_t)7, left); /* the last one's padding may be missing */
		int r;

		*ret_why = "its certificate table is damaged";
		if (size <= ENTRY_HEADER || size > left || s->count == SIGNATURES_MAX)
			return -EBADMSG;
		*ret_why = "bytes are appended to the signature";
		if (!bytes_are_zero(table + size, whole - size))
			return -EBADMSG;
		r = take_entry(s, table, size, ret_why);
		if (r < 0)
			return r;
		table += whole;
		left -= whole;
	}
	return 0;
}

int prove_pe(struct evidence *e)
{
	struct pe pe = { 0 };
	struct subject s = { .what = "program", .type = PE_IMAGE, .of = &pe, .fd = e->fd, .hash = hash_image };
	_cleanup_free_ uint8_t *table = NULL;
	const char *why = "";
	int r = pe_read(e->fd, e->size, &pe, &why);

	if (r == -EBADMSG)
		return subject_malformed(e, why);
	if (r <= 0 || pe.table_size == 0) /* no PE (a DOS program), or not signed: nothing to say */
		return r < 0 ? r : 0;
	table = malloc(pe.table_size);
	r = table ? read_at(e->fd, pe.table_at, table, pe.table_size) : -ENOMEM;
	if (r <= 0)
		return r < 0 ? r : -EIO;
	s.signed_to = pe.table_at;
	r = take_entries(&s, table, pe.table_size, &why);
	r = subject_tell(e, &s, r, why);
	subject_done(&s);
	return r;
}
