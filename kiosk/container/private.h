/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Inside of the library; for the files of this folder alone. */
#ifndef LAZARET_CONTAINER_PRIVATE_H
#define LAZARET_CONTAINER_PRIVATE_H

#include "container/container.h"
#include "container/names.h"
#include "ipc/channel.h"
#include "ipc/stream.h"

/* Findings told of one container. Those of further members are left out, but never a reason that was not given yet: the
 * container is judged by its reasons, and a million members with bad names need not be listed. */
#define FINDINGS_TOLD_MAX 64

struct container_private {
	struct channel *channel; /* borrowed */
	struct stream_writer stream;
	struct container_limits limits;
	struct names *names;
	uint64_t next_id;
	uint64_t entries, files, bytes;
	int error;	/* sticky: what ended this container */
	bool is_broken; /* not all of it was brought out */

	bool has_member; /* between container_member() and its end */
	uint64_t member_id, member_bytes, announced;
	struct clean_name name; /* of the member or entry at hand */

	unsigned int findings;
	uint32_t reasons, container_reasons, member_reasons; /* bits of enum reason: of all, of the container itself, of the member
							      * at hand */
	struct clean_name target;
	struct encoder out;
};

/* Begin with a container; 0 or a negative errno. private_done() must follow in any case. */
_must_check_ int private_begin(struct container *c, uint64_t first_id, const struct container_limits *limits, int stream_fd);
void private_done(struct container *c);

/* The format's function has returned `r`: end what is open, tell what nobody told, and say whether all of it was opened.
 * Negative: the supervisor cannot be told, or our own mistake. */
_must_check_ int private_finish(struct container *c, int r, bool *ret_opened);

/* A finding about a name that is not the member's at hand; "": the container itself. */
_must_check_ int private_tell(struct container *c, enum reason reason, const struct clean_name *name, const char *detail);

#endif
