/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Inside of the skeleton; for the files of this folder alone. */
#ifndef LAZARET_PROOF_PRIVATE_H
#define LAZARET_PROOF_PRIVATE_H

#include "ipc/channel.h"
#include "proof/proof.h"

struct proof_private {
	struct channel *channel;
	int text_fd; /* borrowed */
	uint64_t text_size;
	uint32_t entries;
	struct encoder batch, out;
	size_t batch_count_at;
	uint32_t batch_count;
	unsigned int batch_up;
	struct message message;
};

/* Send what is left, and ORIGIN_PROVED. */
_must_check_ int proof_finish(struct evidence *e);

#endif
