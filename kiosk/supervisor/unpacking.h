/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Containers are opened while the medium is read: each like a medium of its own, one layer at a time.
 *
 *   unpacking.c        which file is whose turn, and what it may cost
 *   unpack_container.c one container, in each of its formats
 *   unpack_members.c   what becomes of a member
 *   unpack_evidence.c  members that may vouch for others
 *   unpack_opener.c    a container whose members a role of kiosk/container brings out
 *   unpack_volumes.c   disk images: intake and a reader, as for a medium
 *
 * An unpacker has one file of the medium at a time, with all that is in it, and ends the processes that it opened it with when it
 * goes on to the next: what one file did to a role that parsed it harms no other file. Members go to a vault of their own;
 * copies are forgotten as soon as nobody needs them.
 */
#ifndef LAZARET_SUPERVISOR_UNPACKING_H
#define LAZARET_SUPERVISOR_UNPACKING_H

#include <poll.h>

#include "common/numbers.h"
#include "ipc/container.h"
#include "supervisor/docket_members.h"
#include "supervisor/inspection.h"

#define UNPACKERS_MAX 16
#define UNPACK_JOBS_MAX 256 /* members that wait for a worker: as many descriptors */
#define UNPACKER_POLLED 3   /* descriptors of one unpacker: the opener or intake, its vault, a reader */

/* The roles of openers that have parents. */
#define UNPACK_OPENERS 4
extern const enum role_id unpack_openers[UNPACK_OPENERS];

struct unpackers; /* owned by the inspection */

_must_check_ int unpackers_new(struct inspection *i, struct unpackers **ret);
/* Start the parents of all openers, and do not wait until they are ready: whoever needs one does. What fails is logged, and tried again then.
 * Most of a start is waiting for the kernel (namespaces): one after the other they are half of the time to a small stick's first verdict. */
void unpack_start_parents(struct unpackers *u);
struct unpackers *unpackers_free(struct unpackers *u);

/* A file of the medium, or a member, has been examined. Whether it is a container is in the result. */
_must_check_ int unpack_examined(struct unpackers *u, const struct job *job, const struct job_result *result);
/* The vault of the medium handed out the copy that was asked for (VAULT_COPY); `fd` is taken over. -EPROTO: nobody here asked for it. */
_must_check_ int unpack_take_copy(struct unpackers *u, uint64_t id, int fd);

/* Members first: they free the spool. Gives jobs to the pool as long as it has room; begins what waits. */
_must_check_ int unpackers_step(struct unpackers *u);
/* For the caller's poll loop: at most UNPACKERS_MAX * UNPACKER_POLLED descriptors. */
size_t unpackers_poll(const struct unpackers *u, struct pollfd *fds, int64_t *ret_deadline_ms);
/* Take what has come, and end what is out of time. */
_must_check_ int unpackers_serve(struct unpackers *u);
/* The first of `count` ids for members that nobody need bring out. */
uint64_t unpackers_take_ids(struct unpackers *u, uint64_t count);
bool unpackers_are_idle(const struct unpackers *u);

/* -- inside (unpack*.c) --------------------------------------------------------------------------------------------- */

/* A member that came lately: a signature and what it is about stand beside each other. */
#define UNPACK_NEIGHBOURS 16 /* of each unpacker: as many descriptors */
struct unpack_neighbour {
	uint64_t id, size;
	char *path; /* NULL: none */
	int fd;	    /* -EBADF when its copy is kept */
	bool is_kept;
};

struct unpacker {
	struct unpackers *all;
	struct inspection *i;
	unsigned int index;
	struct process vault;		     /* of members; lives as long as the inspection */
	struct process roles[ROLE_COUNT_];   /* intake and openers of this file, these by their parent's role */
	struct process reader;

	/* the file, and what it has cost */
	uint64_t root;	     /* 0: nothing to do */
	uint64_t root_size;  /* bytes */
	struct numbers forgotten; /* copies that the vault is still to be told to forget: it may be busy sending */
	uint64_t jobs;	     /* members that are queued or examined */
	uint64_t members_left, bytes_left;
	int64_t deadline_ms; /* monotonic_ms() */
	bool is_over;	     /* of its budget: nothing more of it is opened */
	bool is_late;	     /* nor examined */
	bool is_evidence_lost; /* and that has been told */

	/* the container at hand: the file itself or a member */
	uint64_t id;	     /* 0: none */
	uint64_t formats;    /* still to be opened as */
	enum container_format format;
	enum container_shape shape; /* of the format at hand, where it is */
	bool is_system_inside; /* it is the payload of a package: its archive holds the tree of a system */
	uint32_t depth;	     /* of its members */
	uint64_t size;
	uint8_t sum[SHA256_LEN];
	char *path;	     /* raw */
	char *mime;	     /* main type */
	int fd;		     /* its sealed copy; -EBADF: asked for */
	uint64_t first_id, next_id, end_id; /* of its members */
	bool is_begun;	     /* a stream is open, or was */
	bool is_told, is_stream_done, is_stream_clean; /* everything was told; the stream to the vault has ended */
	bool is_opened;	     /* as yet, in all formats */
	bool is_short;	     /* there was no room for a member */
	uint64_t named, ended; /* files that were told of this format, and of which the vault told */
	bool is_probing;     /* intake still tells volumes */
	int64_t heard_ms;    /* when it last did */
	uint64_t came;	     /* entries that were told of this format */
	struct volume *volumes; /* of a disk image; unpack_volumes.c */
	size_t volume_count, volume_at;
	struct unpack_neighbour neighbours[UNPACK_NEIGHBOURS];
	size_t neighbour_at;
	struct message message, told; /* two: catching up with the opener happens inside a message of the vault */
};

/* Of the openers of one library (kiosk/container): started when the first one is needed, lives as long as the inspection. It meets no
 * file, so that all files can have their openers from it; and no inspection has the memory of another one's. */
struct unpack_parent {
	struct process process;
	bool is_ready;
	unsigned int starts;
};

struct unpackers {
	struct inspection *i;
	struct unpack_parent parents[ROLE_COUNT_];
	struct unpacker *list;
	size_t count;
	struct job queue[UNPACK_JOBS_MAX];
	size_t first, queued;
	uint64_t next_id;   /* of members */
	uint64_t waiting;   /* files */
	uint64_t kept_bytes, kept_count; /* copies for the stage "vouch" */
};

const struct station_unpack *unpack_limits(const struct unpacker *u);

/* unpack_container.c: what is known of container `u->id` beforehand; its copy has come (taken over); one format after the other. */
_must_check_ int unpack_load(struct unpacker *u);
_must_check_ int unpack_begin(struct unpacker *u, int fd);
_must_check_ int unpack_begin_format(struct unpacker *u);
_must_check_ int unpack_end_format(struct unpacker *u);
/* A file's copy stays until it is published; a member's goes as soon as its vault listens (unpack_tell_forgotten()). */
_must_check_ int unpack_forget_copy(struct unpacker *u, uint64_t id);
_must_check_ int unpack_tell_forgotten(struct unpacker *u);
_must_check_ int unpack_over_budget(struct unpacker *u, const char *what);
/* unpack_members.c: what is to be asked of a member, now that others of its file have been examined. */
_must_check_ int unpack_decide(struct unpackers *u, struct job *job);
/* 1: it was not examined and is done with; 0: it is to be. */
_must_check_ int unpack_skip(struct unpackers *u, struct job *job);
/* unpack_members.c: take one message of the vault of members, if there is one. */
_must_check_ int unpack_serve_vault(struct unpacker *u);

/* unpack_evidence.c: a member is there; its copy (`fd` is borrowed) is kept when it may be needed to tell where it comes from. */
_must_check_ int unpack_keep_evidence(struct unpacker *u, uint64_t id, const char *path, uint64_t size, int fd);
void unpack_forget_neighbours(struct unpacker *u); /* the container is at its end */

/* What openers of this role are made of (ipc/made_of.h), as their parent says, which is started for it. -ENOTCONN: there is none. */
_must_check_ int unpack_made_of(struct unpackers *u, enum role_id role, uint8_t ret[static SHA256_LEN]);
/* Begin to open the container at hand as `u->format`, whose copy is `u->fd`. 0, or a negative errno that is about this
 * container (it then does not count as opened). */
_must_check_ int unpack_begin_opener(struct unpacker *u);
_must_check_ int unpack_begin_volumes(struct unpacker *u);
/* 1: there was a further volume, and it has been begun; 0, or a negative errno. */
_must_check_ int unpack_next_volume(struct unpacker *u);
void unpack_volumes_done(struct unpacker *u);
/* Take one message of who tells members: 0; -EAGAIN: there is none; or a negative errno. */
_must_check_ int unpack_serve_opener(struct unpacker *u);
_must_check_ int unpack_serve_volumes(struct unpacker *u);
int unpack_polled_fd(const struct unpacker *u); /* the descriptor of that; -1: nobody */
/* Is intake out of patience with the image? Then it has been given up. 0, or a negative errno. */
_must_check_ int unpack_check_volumes(struct unpacker *u);

/* A member, as it is told before its bytes. -EDQUOT: over the budget, and told. -EPROTO: not the next id. */
_must_check_ int unpack_member(struct unpacker *u, uint64_t id, const char *raw_path, uint64_t size);
/* Whoever opens the container at hand failed, died or is out of budget: it is not opened, and the finding says why. What came
 * whole is examined. */
_must_check_ int unpack_lose(struct unpacker *u, enum reason reason, const char *detail);
/* A pair of sockets: the vault of members has one end, `*ret_fd` is the other. */
_must_check_ int unpack_open_stream(struct unpacker *u, int *ret_fd);

#endif
