/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Trouble codes of the control protocol (docs/control.md), made of trouble.def. */
#ifndef LAZARET_CONTROL_TROUBLE_H
#define LAZARET_CONTROL_TROUBLE_H

enum trouble {
	TROUBLE_NONE,
#define T(name, code, text, next) TROUBLE_##name,
#include "control/trouble.def"
#undef T
	TROUBLE_COUNT_
};

/* "usb-composite"; NULL for TROUBLE_NONE. Static, as the sentences. */
const char *trouble_code(enum trouble t);
const char *trouble_text(enum trouble t);
const char *trouble_next(enum trouble t);

/* By its code; TROUBLE_NONE for NULL, "" and what is not in the list. */
enum trouble trouble_find(const char *code);

#endif
