/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What stands before and behind a PDF document in its file. Readers look for the header and the end marker in windows of
 * their own, so that a file can be a document for one program and something else for another.
 */
#ifndef LAZARET_PDF_ENVELOPE_H
#define LAZARET_PDF_ENVELOPE_H

#include <stddef.h>
#include <stdint.h>

#define ENVELOPE_HEAD_MAX 1024	/* bytes: where readers look for "%PDF-" (ISO 32000-1, annex H.3, note 13) */
#define ENVELOPE_TAIL_MAX 1024	/* bytes behind the last "%%EOF" that carry nothing known: mailers and web servers leave some */

/* NULL when nothing is wrong, else a static sentence. The file is `size` bytes at `data`. */
const char *envelope_trouble(const uint8_t *data, size_t size);

/* Without white space at the end, of which writers of whole blocks leave more than readers skip. */
size_t envelope_size(const uint8_t *data, size_t size);

#endif
