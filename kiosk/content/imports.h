/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What a pickle may import: imports.def. */
#ifndef LAZARET_CONTENT_IMPORTS_H
#define LAZARET_CONTENT_IMPORTS_H

#include <stdbool.h>
#include <stddef.h>

#include "content/span.h"

enum import_class {
	IMPORT_REFUSED, /* not in the list */
	IMPORT_ALLOWED,
	IMPORT_NESTED,	/* allowed when its one argument is a pickle that was walked: torch.storage._load_from_bytes */
	IMPORT_DTYPE,	/* numpy.dtype: how long the elements of an array are */
	IMPORT_WRAPPER, /* joblib's place-holder: the bytes of an array follow its BUILD, in the middle of the pickle */
};

enum import_class import_class(struct span module, struct span name);
/* Why it is known to be dangerous (static); NULL. */
const char *import_danger(struct span module, struct span name);
/* For the tests: both tables are in the order that the search needs. */
bool imports_are_sorted(void);

#endif
