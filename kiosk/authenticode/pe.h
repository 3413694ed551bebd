/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Portable Executables, as far as Authenticode goes ("Windows Authenticode Portable Executable Signature Format", Microsoft,
 * 2008; "PE Format": optional header, attribute certificate table).
 */
#ifndef LAZARET_AUTHENTICODE_PE_H
#define LAZARET_AUTHENTICODE_PE_H

#include <stdint.h>

#include <openssl/evp.h>

#include "common/macros.h"

#define PE_TABLE_MAX (8u << 20) /* bytes of the certificate table */

struct pe {
	uint64_t size;		  /* of the file, bytes */
	uint64_t checksum_at;	  /* four bytes that are not hashed */
	uint64_t directory_at;	  /* eight bytes that are not hashed; 0: the optional header has no such entry */
	uint64_t table_at;	  /* certificate table; the file's size when there is none */
	uint32_t table_size;	  /* bytes; 0: not signed */
};

/* 1: a PE file. 0: none (a DOS program, say). -EBADMSG with a static sentence: one that has a certificate table, but not as it
 * must be; -EIO and other negative errnos. Refused: a table that does not end with the file (bytes are appended), overlaps the
 * headers or any section's bytes (which would be loaded and not hashed), or is not aligned. */
_must_check_ int pe_read(int fd, uint64_t size, struct pe *ret, const char **ret_why);

/* The image hash: all of the file but the checksum, the directory's entry and the certificate table.
 *
 * Microsoft's description goes through the headers and then the sections by their place in the file; in a file whose sections
 * follow each other that is the same. In one where they do not, this hash is another than the signer's, which is told as a
 * bad signature: what is not hashed can never pass. */
_must_check_ int pe_hash(int fd, const struct pe *pe, const EVP_MD *md, uint8_t ret[static EVP_MAX_MD_SIZE]);

#endif
