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
#include "examine/tally.h"

struct examiner {
	struct clam *clam;	  /* owned */
	struct magic_engine *magic; /* owned */
	struct denylist *denylist; /* owned; NULL: none */
	bool has_eicar;		  /* the site's database must find EICAR */
};

struct examination_job {
	const uint8_t *data; /* borrowed; must not change meanwhile */
	size_t size;
	uint8_t sum[SHA256_LEN]; /* of these bytes */
	const char *raw_name;	 /* of a member: its path within the container */
	const char *container;	 /* MIME type of the container that it is a member of; "": none */
	uint32_t wanted;	 /* bits of enum check; types, containers and forbidden contents are looked at in any case */
};

#define NOTES_MAX 4

struct examination {
	struct findings findings; /* with the bits of the checks that came to their end */
	struct types types;
	struct containers containers;
	struct tally tally;
	const char *notes[NOTES_MAX]; /* static sentences: how it was looked at, where that is not the usual way */
	size_t note_count;
};

/* Types, containers, content, the list of forbidden contents, libclamav. Blocks; a caller outside watches. */
void examine_bytes(struct examiner *e, const struct examination_job *job, struct examination *ret);
void examination_done(struct examination *x);
void examiner_done(struct examiner *e);

#endif
