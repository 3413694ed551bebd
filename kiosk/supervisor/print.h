/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The receipt on paper, where lazaret.yaml names a printer. */
#ifndef LAZARET_SUPERVISOR_PRINT_H
#define LAZARET_SUPERVISOR_PRINT_H

#include "supervisor/inspection.h"

/* After the report was kept: print its receipt, in `receipts.time` at most; what goes wrong is told as a warning and changes
 * nothing. `report_fd` is borrowed. */
void receipt_print(struct inspection *i, int report_fd);

#endif
