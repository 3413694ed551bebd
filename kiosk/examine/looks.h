/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Is it what its magic number says? For the rows of formats.c; each is called with 4 bytes or more, at the start of which
 * (or at the row's offset) the row's magic number stands.
 */
#ifndef LAZARET_EXAMINE_LOOKS_H
#define LAZARET_EXAMINE_LOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool looks_like_skipped_zstd(const uint8_t *data, size_t size);
bool looks_like_skipped_lz4(const uint8_t *data, size_t size);
bool looks_like_skipped_frame(const uint8_t *data, size_t size);
bool looks_like_compress(const uint8_t *data, size_t size);
bool looks_like_lzma(const uint8_t *data, size_t size);
bool looks_like_zlib(const uint8_t *data, size_t size);
bool looks_like_boot_sector(const uint8_t *data, size_t size);
bool looks_like_mbr(const uint8_t *data, size_t size);
bool looks_like_ext(const uint8_t *data, size_t size);
bool looks_like_openpgp_session(const uint8_t *data, size_t size);
bool looks_like_git_pack(const uint8_t *data, size_t size);
bool looks_like_odd_end_record(const uint8_t *data, size_t size);
bool looks_like_empty_zip(const uint8_t *data, size_t size);
bool looks_like_plain_ar(const uint8_t *data, size_t size);
bool looks_like_bzip2(const uint8_t *data, size_t size);
bool looks_like_old_tar(const uint8_t *data, size_t size);
bool looks_like_binary_cpio(const uint8_t *data, size_t size);
bool looks_like_lha(const uint8_t *data, size_t size);
bool looks_like_uuencode(const uint8_t *data, size_t size);
bool looks_like_uuencode_base64(const uint8_t *data, size_t size);

#endif
