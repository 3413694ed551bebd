/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What is particular to discs: the tray, what kind of disc it is, its sessions. Questions to the drive, none of which reads
 * the disc's content; every answer is the drive's word. */
#ifndef LAZARET_INTAKE_OPTICAL_H
#define LAZARET_INTAKE_OPTICAL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/macros.h"

struct optical {
	bool is_blank;	/* nothing was ever written to it */
	bool has_audio; /* tracks that are no files */
	bool has_data;
	uint32_t session_block; /* where the last session begins, in blocks of 2048 bytes; 0: there is one */
};

/* Ask the drive behind `fd` (borrowed; opened read-only). What it does not answer counts as a data disc of one session. */
void optical_look(int fd, struct optical *ret);

/* Is there still a disc, and the tray closed? Drives that do not say count as having one. */
_must_check_ bool optical_has_disc(int fd);

/* Keep the tray closed: the drive's button becomes a request, until optical_release() or, however intake ends, until the last
 * descriptor of the drive is closed. The lock is the one that opening for data makes (cdrom_open(), CDO_LOCK): the one of
 * CDROM_LOCKDOOR would outlive a killed process. Returns a descriptor (owned by the caller) or a negative errno; drives
 * without a lock are opened all the same. */
_must_check_ int optical_lock(int fd);
void optical_release(int fd);

/* The last session's first block, as above; for whoever has only the descriptor. */
uint32_t optical_last_session(int fd);

#endif
