/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* lazaret-pdf: what a PDF document embeds, and what acts in it. qpdf parses; all that it reads is hostile, through a read-only
 * descriptor of a sealed copy. It can open no file, has no network, and runs nothing that a document says.
 */
#include "container/container.h"
#include "pdf/pdf.h"

static const struct container_opener openers[] = {
	{ CONTAINER_PDF, pdf_open },
};

int main(void)
{
	static const struct container_role role = {
		.role = ROLE_PDF, .openers = openers, .opener_count = ARRAY_LEN(openers), .prepare = pdf_prepare,
	};

	return container_main(&role);
}
