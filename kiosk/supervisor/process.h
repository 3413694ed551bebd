/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Role processes: started, spoken to, ended. */
#ifndef LAZARET_SUPERVISOR_PROCESS_H
#define LAZARET_SUPERVISOR_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

#include "common/macros.h"
#include "ipc/channel.h"
#include "sandbox/role.h"

/* What ends a wait early: a signal to stop (SIGINT, SIGTERM: signal_fd becomes readable), or the deadline. */
struct patience {
	int signal_fd;	     /* borrowed; -1: nothing interrupts */
	int64_t deadline_ms; /* CLOCK_MONOTONIC; INT64_MAX: none */
};

int64_t monotonic_ms(void);

#define PROCESS_ATTACHED ((pid_t)-1)
#define PROCESS_FORKED	 ((pid_t)-2)

struct process {
	enum role_id role;
	pid_t pid;   /* 0: not running; PROCESS_ATTACHED: not ours, only the channel is; PROCESS_FORKED: another role's child */
	int pid_fd;  /* of PROCESS_FORKED */
	int life_fd; /* 0: our child; else the line to the lazaret-starter whose child it is */
	struct channel channel;
	char sandbox[80]; /* as it described itself when it became ready */
	uint8_t made_of[SHA256_LEN]; /* and what it is made of (ipc/made_of.h) */
};

/* Start the role's executable with its channel on CHANNEL_FD, an empty environment, no terminal signals, and death
 * when its parent dies (sandbox/spawn.h): as our child, or by lazaret-starter (supervisor/starter.h).
 * Returns 0 or a negative errno. */
_must_check_ int process_start(enum role_id role, struct process *ret);

/* A further channel to a role that somebody else started and that is ready. `fd` is taken over. Ending it closes it. */
void process_attach(enum role_id role, int fd, struct process *ret);

/* A child of `parent`, a fork server that is ready (kiosk/forkserver); waits until it is ready itself. It is ended with process_kill().
 * 0, or a negative errno, with its own words or the parent's in `*ret_why` (owned by the caller; may be NULL). A parent that is no longer
 * to be asked is not STATE_IDLE then, or the errno is -EPIPE. */
_must_check_ int process_fork(struct process *parent, const struct patience *patience, struct process *ret, char **ret_why);

/* After fork(2), in the child: our parent's process, of which nothing is to be heard or said here. */
void process_forget(struct process *p);

/* Tell it to end in its own time, without waiting: the caller reaps the process id that is returned (0: there is none). */
pid_t process_release(struct process *p);

/* Wait for READY and check the protocol's hash. `*ret_why` (owned by the caller) has the role's own words when it
 * failed. -ECANCELED: interrupted; -ETIMEDOUT; -ENOTCONN: it died. */
_must_check_ int process_ready(struct process *p, const struct patience *patience, char **ret_why);

/* channel_expect() with patience. */
_must_check_ int process_expect(struct process *p, enum message_type type, const struct patience *patience,
				struct message *m, char **ret_why);

/* Ask it to end, wait a moment, kill it. Safe on a process that is not running. Returns its wait status, -1 when it
 * had to be killed. */
int process_end(struct process *p);
/* No asking. A process that the kernel does not let go of is left behind after a moment: a medium that never answers
 * must not hold up the report. */
void process_kill(struct process *p);

/* Wait until one descriptor is readable, with patience: 0, -ECANCELED, -ETIMEDOUT or a negative errno. */
_must_check_ int wait_readable(int fd, const struct patience *patience);

#endif
