/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Documents, by qpdf: the walk, what acts, what is embedded. */
#include "sink.h"

#include "pdf/pdf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return open_in_sink(pdf_open, CONTAINER_PDF, (struct input){ data, size });
}
