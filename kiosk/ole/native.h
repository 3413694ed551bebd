/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* A file that was dropped into a document: the stream "\1Ole10Native" ([MS-OLEDS] 2.3.6) as the Windows packager fills it. The
 * packager's part is documented nowhere; every tool knows it from looking:
 *
 *   u32 bytes that follow; u16 2; label, file name (both end with NUL); u16 0, u16 3; u32 bytes of the temporary path, with
 *   its NUL; the path; u32 bytes of the file; the file; then, since Windows Vista, the three names again in UTF-16
 *
 * Pure.
 */
#ifndef LAZARET_OLE_NATIVE_H
#define LAZARET_OLE_NATIVE_H

#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"

#define NATIVE_HEAD_MAX 8192 /* bytes that are needed to find the file: three paths of Windows, 260 bytes each, and to spare */

struct native {
	const char *label, *file, *temporary; /* within the head, NUL terminated; raw */
	uint64_t offset, size;		      /* of the file, within the stream */
};

/* `head`: the stream's first bytes, NATIVE_HEAD_MAX or all; `size`: of the whole stream. 0; -ENOENT: not the packager's, then
 * `offset` and `size` are those of the bare data; -EBADMSG: not even that. */
_must_check_ int native_parse(const uint8_t *head, size_t head_size, uint64_t size, struct native *ret);

#endif
