/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The QR code (ISO/IEC 18004) of a transfer: whoever scans a receipt has its name and the SHA-256 of its manifest, to compare with
 * what lies in staging, or with what the station keeps. */
#ifndef LAZARET_RECEIPT_QR_H
#define LAZARET_RECEIPT_QR_H

#include <stdint.h>
#include <stdio.h>

#include "common/hash.h"
#include "common/macros.h"
#include "common/report.h"

/* "lazaret:20261122T011500Z-3f9a2c:<64 digits>", as the console shows it, too */
#define QR_TEXT_MAX (sizeof("lazaret::") + REPORT_TRANSFER_MAX + SHA256_HEX_LEN)
void qr_text(const char *transfer, const char *sha256, char out[static QR_TEXT_MAX]);

struct qr {
	unsigned int width; /* modules a side, without the quiet zone */
	uint8_t *modules;   /* width * width, row by row; 1: dark; owned */
};

#define QR_QUIET 4 /* modules of white that stand around it (ISO/IEC 18004, 9.1) */

/* Level M: a sixth of it may be smudged. `text` is at most QR_TEXT_MAX bytes. Returns 0, -EINVAL when it cannot be encoded, or
 * -ENOMEM. */
_must_check_ int qr_make(const char *text, struct qr *ret);
void qr_done(struct qr *q);

/* An inline SVG image with this title for those who do not see it; `title` stands in it as it is. */
void qr_svg(const struct qr *q, const char *title, FILE *out);

#endif
