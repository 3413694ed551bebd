/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* PDF documents (ISO 32000-1:2008), by qpdf's C API. */
#ifndef LAZARET_PDF_PDF_H
#define LAZARET_PDF_PDF_H

#include "container/container.h"

/* Open a small encrypted document, so that what qpdf and its cryptography load late is there before the sandbox is. 0, or
 * -ENOTSUP when this very document cannot be read. */
_must_check_ int pdf_prepare(void);

/* struct container_opener.open: every embedded file, script and XFA packet comes out; what acts is told. A document with none
 * of them is opened with no member at all, which is what most documents are. */
int pdf_open(struct container *c);

#endif
