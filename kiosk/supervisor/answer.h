/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What a person answers to a question of an inspection: the daemon's packets to its child (supervisor.h: answers_fd). */
#ifndef LAZARET_SUPERVISOR_ANSWER_H
#define LAZARET_SUPERVISOR_ANSWER_H

#include <stdint.h>

#define ANSWER_PASSPHRASE_MAX 512 /* bytes; libcryptsetup's own limit for what is typed */

/* One packet, as it is. Whoever held one wipes it. */
struct answer {
	uint32_t volume;
	uint32_t size; /* of the passphrase; 0: leave the volume locked */
	uint8_t passphrase[ANSWER_PASSPHRASE_MAX];
};

#endif
