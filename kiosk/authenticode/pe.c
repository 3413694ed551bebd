/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
#include "authenticode/pe.h"

#include <string.h>

#include "authenticode/bytes.h"

#define DOS_HEADER 64	   /* bytes; the last four say where the PE header is */
#define FILE_HEADER 24	   /* bytes: signature and COFF header */
#define SECTION_HEADER 40  /* bytes */
#define CHECKSUM_AT 64	   /* within the optional header, in both of its forms */
#define CERTIFICATES 4	   /* number of the directory's entry */

struct headers {
	uint64_t at;		/* of the PE header */
	uint16_t section_count, optional_size;
	uint64_t sections_at;
};

static int read_headers(int fd, uint64_t size, struct headers *h)
{
	uint8_t dos[DOS_HEADER], coff[FILE_HEADER];
	int r = read_at(fd, 0, dos, sizeof(dos));

	if (r <= 0 || memcmp(dos, "MZ", 2) != 0)
		return r < 0 ? r : 0;
	h->at = get32(dos + 60);
	if (h->at >= size)
		return 0;
	r = read_at(fd, h->at, coff, sizeof(coff));
	if (r <= 0 || memcmp(coff, "PE\0", 4) != 0)
		return r < 0 ? r : 0;
	h->section_count = get16(coff + 6);
	h->optional_size = get16(coff + 20);
	h->sections_at = h->at + FILE_HEADER + h->optional_size;
	return 1;
}

/* Where are the three places that are not hashed? */
static int read_optional(int fd, const struct headers *h, struct pe *pe)
{
	uint8_t magic[2], count[4], entry[8];
	uint64_t at = h->at + FILE_HEADER, directories;
	int r = read_at(fd, at, magic, sizeof(magic));

	if (r <= 0 || (get16(magic) != 0x10b && get16(magic) != 0x20b))
		return r < 0 ? r : 0;
	directories = get16(magic) == 0x20b ? 112 : 96; /* 64 bits and 32 */
	if (h->optional_size < directories)
		return 0;
	pe->checksum_at = at + CHECKSUM_AT;
	r = read_at(fd, at + directories - 4, count, sizeof(count));
	if (r <= 0 || get32(count) <= CERTIFICATES || h->optional_size < directories + 8 * (CERTIFICATES + 1))
		return r < 0 ? r : 1;
	pe->directory_at = at + directories + 8 * CERTIFICATES;
	r = read_at(fd, pe->directory_at, entry, sizeof(entry));
	if (r <= 0)
		return r;
	if (get32(entry) != 0 || get32(entry + 4) != 0) {
		pe->table_at = get32(entry);
		pe->table_size = get32(entry + 4);
	}
	return 1;
}

/* A section whose bytes lie in the certificate table would be loaded, and is not hashed. */
static int check_sections(int fd, const struct headers *h, const struct pe *pe, const char **ret_why)
{
	uint8_t section[SECTION_HEADER];

	for (unsigned int i = 0; i < h->section_count; i++) {
		int r = read_at(fd, h->sections_at + (uint64_t)i * SECTION_HEADER, section, sizeof(section));

		if (r < 0)
			return r;
		if (r == 0 || (get32(section + 16) > 0 && (uint64_t)get32(section + 20) + get32(section + 16) > pe->table_at)) {
			*ret_why = "a section reaches into the certificate table";
			return -EBADMSG;
		}
	}
	return 1;
}

static int check_table(int fd, const struct headers *h, const struct pe *pe, const char **ret_why)
{
	uint64_t end = pe->table_at + pe->table_size, headers_end = h->sections_at + (uint64_t)h->section_count * SECTION_HEADER;

	if (pe->table_size == 0 || pe->table_at < headers_end || pe->table_at % 8 != 0)
		*ret_why = "its certificate table is not where one can be";
	else if (end > pe->size)
		*ret_why = "its certificate table is cut off";
	else if (end < pe->size)
		*ret_why = "bytes are appended to the signed file";
	else if (pe->table_size > PE_TABLE_MAX)
		*ret_why = "its certificate table is longer than this station takes";
	else
		return check_sections(fd, h, pe, ret_why);
	return -EBADMSG;
}

int pe_read(int fd, uint64_t size, struct pe *ret, const char **ret_why)
{
	struct pe pe = { .size = size, .table_at = size };
	struct headers h;
	int r = read_headers(fd, size, &h);

	if (r > 0)
		r = read_optional(fd, &h, &pe);
	if (r > 0 && pe.table_at != size)
		r = check_table(fd, &h, &pe, ret_why);
	else if (r > 0 && pe.table_size > 0) { /* an entry that points to the file's very end */
		*ret_why = "its certificate table is cut off";
		r = -EBADMSG;
	}
	if (r > 0)
		*ret = pe;
	return r;
}

int pe_hash(int fd, const struct pe *pe, const EVP_MD *md, uint8_t ret[static EVP_MAX_MD_SIZE])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint64_t at = pe->checksum_at + 4;
	int r = ctx ? 0 : -ENOMEM;

	if (r == 0 && EVP_DigestInit_ex(ctx, md, NULL) != 1)
		r = -ENOTSUP;
	if (r == 0)
		r = hash_range(fd, 0, pe->checksum_at, ctx);
	if (r == 0 && pe->directory_at) {
		r = hash_range(fd, at, pe->directory_at, ctx);
		at = pe->directory_at + 8;
	}
	if (r == 0)
		r = hash_range(fd, at, pe->table_at, ctx);
	if (r == 0 && EVP_DigestFinal_ex(ctx, ret, NULL) != 1)
		r = -ENOTSUP;
	EVP_MD_CTX_free(ctx);
	return r;
}
