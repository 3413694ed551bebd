/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What every examiner has in common: a fork server (kiosk/forkserver) that loads what is trusted, and workers, its children, that get
 * one sealed copy at a time and answer with findings. A role adds what it loads and how it looks.
 *
 * A worker is crash-only: no clean-up; a crash, a hang or exhausted
 * memory costs the job at hand, and the file is not clean.
 */
#ifndef LAZARET_EXAMINER_EXAMINER_H
#define LAZARET_EXAMINER_EXAMINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/finding.h"
#include "common/hash.h"
#include "common/macros.h"
#include "examiner/limits.h"
#include "forkserver/forkserver.h"
#include "ipc/channel.h"
#include "ipc/container.h"
#include "sandbox/role.h"

#define EXAMINER_WHY_MAX FORKSERVER_WHY_MAX
#define EXAMINER_TYPES_MAX 16	  /* content types of one file */
#define EXAMINER_TYPE_MAX 100	  /* bytes; RFC 6838 section 4.2 allows 127 each side, registered ones are below 80 */
#define EXAMINER_NOTES_MAX 4
#define EXAMINER_NAME_MAX 4096

/* One file. Everything is borrowed for the call. */
struct examiner_job {
	uint64_t id, size;
	uint8_t sum[SHA256_LEN]; /* of these bytes: compared already */
	uint32_t wanted;	 /* bits of enum check */
	const char *container;	 /* MIME type of the container that it is a member of, "" for none */
	const char *raw_name;	 /* of a member: its path within the container */
	const char *const *types; /* what the examiners before this one say that it is; count 0: not known */
	size_t type_count;
	const uint8_t *data; /* mapped, never NULL */
	int fd;		     /* the sealed copy, read-only; its offset is shared with nobody */
};

/* Strings but those of the findings are borrowed until the role's done(). */
struct examiner_answer {
	struct findings findings; /* with the bits of the checks that came to their end */
	const char *types[EXAMINER_TYPES_MAX];
	size_t type_count;
	enum container_format formats[CONTAINER_FORMATS_MAX];
	size_t format_count;
	const char *notes[EXAMINER_NOTES_MAX]; /* for the report: how it was looked at, where that is not the usual way */
	size_t note_count;
};

struct examiner_settings {
	uint64_t tmpfs_bytes; /* of a worker's private tmpfs */
	uint32_t jobs_max;    /* jobs of a worker; 0: no limit */
};

struct examiner_role {
	enum role_id parent;

	/* The START message (taken with channel_expect()), loading, EXAMINE_ENGINES. Blocks for seconds. 0, or a negative errno
	 * with a sentence for people ("": the connection has gone). */
	int (*load)(void *context, struct channel *c, struct examiner_settings *ret, char ret_why[static EXAMINER_WHY_MAX]);
	/* NULL: sandbox_enter(parent). */
	int (*enter)(void *context, const char **ret_where);
	/* In a worker's sandbox, once; may be NULL. As load(). */
	int (*prepare)(void *context, char ret_why[static EXAMINER_WHY_MAX]);
	/* Countermeasure K: specimens that must be found. Before the first job, and again at intervals before an answer, so that
	 * the answer is covered by what comes out; may be NULL. A negative errno stops the whole inspection. */
	int (*canary)(void *context, char ret_why[static EXAMINER_WHY_MAX]);
	/* Look at the file. A role that cannot say what it found aborts: its death is a verdict too. */
	void (*look)(void *context, const struct examiner_job *job, struct examiner_answer *ret);
	/* What goes before WORKER_RESULT besides notes (examiner_list_*); may be NULL. 0 or a negative errno. */
	int (*tell)(void *context, struct channel *c);
	/* After the answer was sent: free what look() made; may be NULL. */
	void (*done)(void *context);
};

/* main() of an examiner: never returns but with an exit status. */
int examiner_main(const struct examiner_role *role, void *context);

/* -- messages ------------------------------------------------------------------------------------------------------------- */

/* A list in as many messages of `type` as it takes; a u32 count stands before each part. One list at a time. */
struct examiner_list {
	struct channel *channel;
	enum message_type type;
	size_t place;
	uint32_t count;
};

void examiner_list_begin(struct examiner_list *l, struct channel *c, enum message_type type);
/* Room for an item of at most so many bytes: sends what there is when it would not fit. The item is then written to
 * `*ret` (borrowed). 0 or a negative errno. */
_must_check_ int examiner_list_item(struct examiner_list *l, size_t size, struct encoder **ret);
_must_check_ int examiner_list_end(struct examiner_list *l);

/* Path of a member, at most RESULT_MEMBER_MAX bytes of it: the end tells more than the beginning. NULL: "". */
void examiner_encode_member(struct encoder *e, const char *member);

/* -- inside (parent.c, worker.c, answer.c) --------------------------------------------------------------------------------- */

/* A worker's whole life, from before its sandbox. `sandbox` is the line for READY. */
_noreturn_ void examiner_work(const struct examiner_role *role, void *context, const struct examiner_settings *settings,
			      const char *sandbox);
_must_check_ int examiner_send_answer(struct channel *c, uint64_t id, const struct examiner_answer *a);

#endif
