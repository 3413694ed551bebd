/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The other end of lazaret-ledger's channel: for the supervisor, and for `lazaret key`, which records what an
 * officer changed through the same process that records inspections.
 *
 * All calls block until the ledger has answered. After an error `*ret_why` (owned by the caller, may be NULL) holds
 * the ledger's own words, if any. An error means that the trail cannot be written: transfers stop.
 */
#ifndef LAZARET_IPC_LEDGER_CLIENT_H
#define LAZARET_IPC_LEDGER_CLIENT_H

#include <stdint.h>
#include <sys/types.h>

#include "common/hash.h"
#include "common/macros.h"
#include "ipc/channel.h"
#include "ipc/remembered.h"

struct ledger_dirs { /* all borrowed */
	int audit_fd, reports_fd, history_fd; /* directories, opened O_RDONLY */
	int key_fd;			      /* the audit secret key's file */
};

struct ledger_place {
	uint64_t seq;
	uint8_t hash[SHA256_LEN];
};

/* Start `executable` with one end of a new channel as its CHANNEL_FD. `channel` (then the caller's) and `*ret_pid` (to be
 * waited for) are set on success. The child gets standard input from /dev/null and standard error from us. */
_must_check_ int ledger_spawn(const char *executable, struct channel *channel, pid_t *ret_pid);

/* Every request here has its answer within `seconds`, or fails with -ETIMEDOUT: limits.answer-time. To be set before any. A ledger that has not
 * answered cannot be asked anything more. */
_must_check_ int ledger_answer_within(struct channel *c, uint64_t seconds);

/* Before ledger_start(): at which size (bytes; 0: never) a new file of the trail is begun, and where its witness is kept (an
 * absolute path whose directory is there; NULL: nowhere). */
_must_check_ int ledger_settings(struct channel *c, uint64_t segment_bytes, const char *witness_file, char **ret_why);

/* Over a channel in its first state: LEDGER_START, and wait for READY. `ret_sandbox` (owned by the caller, may be NULL)
 * gets the sandbox's description. */
_must_check_ int ledger_start(struct channel *c, const char *station, const struct ledger_dirs *dirs,
			      char **ret_sandbox, char **ret_why);

/* Append one record. `body` is a JSON object (integers only) of less than 59,000 bytes. */
_must_check_ int ledger_append(struct channel *c, const char *type, const char *body, struct ledger_place *ret,
			       char **ret_why);

/* Take the report lock, held until ledger_report() succeeds or the ledger ends. `ret_previous`: hex hash of the last
 * report, "" when there is none. Waits while another inspection publishes, which takes as long as its disk takes: for `wait_s` seconds (0:
 * without end), then -ETIMEDOUT. */
_must_check_ int ledger_lock(struct channel *c, uint64_t wait_s, char ret_previous[static SHA256_HEX_LEN + 1], char **ret_why);

/* With the lock held, before anything is published: make sure that the report behind `report_fd` (borrowed) can be kept. */
_must_check_ int ledger_stage(struct channel *c, const char *transfer, int report_fd, char **ret_why);

/* Keep, record and index the finished report behind `report_fd` (borrowed, read from offset 0). */
_must_check_ int ledger_report(struct channel *c, const char *transfer, int report_fd, struct ledger_place *ret,
			       char **ret_why);

/* The date (s since 1970; 0: never) of the newest index of this series, signed by this trusted key, that was let in: the
 * "series-seen" records of the trail. Mostly answered at once; where its index is not to be believed the ledger reads the
 * whole trail first. */
_must_check_ int ledger_series(struct channel *c, const char *series, const char *key, uint64_t *ret_date, char **ret_why);

/* What is remembered under this key of examinations since `not_before` (s since 1970), into `fd` (borrowed) from offset 0. An error here
 * and below costs no more than time, but for -ETIMEDOUT, after which nothing can be asked any more. */
struct ledger_recalled {
	enum recall known;
	uint64_t size; /* of what was written */
	char transfer[64];
};
_must_check_ int ledger_recall(struct channel *c, const uint8_t key[static REMEMBERED_KEY_LEN], int64_t not_before, int fd,
			       struct ledger_recalled *ret, char **ret_why);
/* Remember all entries of the file `fd` (borrowed; ipc/remembered.h), and at most `bytes` of all transfers. */
_must_check_ int ledger_remember(struct channel *c, const char *transfer, uint64_t bytes, int64_t not_before, int fd, uint64_t *ret_count,
				 char **ret_why);
_must_check_ int ledger_forget(struct channel *c, char **ret_why);

/* A signed witness of the trail's last record (common/chain.h), owned by the caller. */
_must_check_ int ledger_witness(struct channel *c, char **ret_text, char **ret_why);

/* Sign the index of an export (`index_fd` borrowed, from offset 0): the text of its minisign signature, owned by the caller.
 * `range`: "FIRST-LAST", for the trusted comment. */
_must_check_ int ledger_sign(struct channel *c, int index_fd, const char *range, char **ret_text, char **ret_why);

/* End the ledger, close the channel and wait for the process, for 20 seconds at most. Returns 0; -EIO when it did not exit with 0; -ETIMEDOUT: killed, and the kernel
 * does not let go of it. One that still owes an answer is killed at once. */
_must_check_ int ledger_end(struct channel *c, pid_t pid);

#endif
