/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What stands in a file, or behind it, and is no part of it by the file's own format. */
#ifndef LAZARET_CONTENT_HIDDEN_H
#define LAZARET_CONTENT_HIDDEN_H

#include "content/span.h"

/* The first kind of archive whose header stands anywhere in these bytes: its name, and where. NULL: none. In one
 * pass. A file with more signatures than anything honest has counts as the archive whose they are. */
const char *hidden_archive(struct span in, const uint8_t **ret_at);

/* Where an OLE2 file ends ([MS-CFB] 2.3): the first byte behind the last sector that its allocation table knows as used.
 * 0: it cannot be told. */
size_t ole_end(struct span file);

/* Where a TIFF ends (TIFF 6.0, BigTIFF): behind everything that one of its directories points to. 0: it cannot be told. */
size_t tiff_end(struct span file);

/* Of an image of a disk, a disc or a file system: tells what no volume owns and is not blank. 0 or -ENOMEM. */
_must_check_ int hidden_disk(struct content *c);

#endif
