/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* All checks of this role over one file's bytes. */
#ifndef LAZARET_EXAMINE_EXAMINE_H
#define LAZARET_EXAMINE_EXAMINE_H

#include <stddef.h>
#include <stdint.h>

#include "common/finding.h"
#include "examine/clam.h"
#include "examine/denylist.h"
#include "examine/magic.h"

struct examiner {
	struct clam *clam;	  /* owned */
	struct magic_engine *magic; /* owned */
	struct denylist *denylist; /* owned; NULL: none */
	bool has_eicar;		  /* the site's database must find EICAR */
};

struct examination {
	struct findings findings; /* with the bits of the checks that came to their end */
	struct types types;
};

/* Types, own list of forbidden contents, libclamav. `data` must not change; `sum` is its SHA-256. Blocks; a caller outside
 * watches. */
void examine_bytes(struct examiner *e, const uint8_t *data, size_t size, const uint8_t sum[static SHA256_LEN],
		   const char *raw_name, struct examination *ret);
void examination_done(struct examination *x);
void examiner_done(struct examiner *e);

#endif
