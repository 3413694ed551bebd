/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* For tests/integration/receipts.t: the receipt of any report.
 *   receipt-of txt|html|label [COLUMNS] <REPORT >RECEIPT     both regular files */
#include <string.h>

#include "receipt/receipt.h"

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	enum receipt_form form = strcmp(name, "html") == 0 ? RECEIPT_HTML : strcmp(name, "label") == 0 ? RECEIPT_LABEL : RECEIPT_TEXT;
	int r = receipt_write(STDIN_FILENO, form, argc > 2 ? (unsigned int)atoi(argv[2]) : 42, STDOUT_FILENO);

	if (r < 0)
		(void)fprintf(stderr, "receipt-of: %s\n", strerror(-r));
	return r < 0;
}
