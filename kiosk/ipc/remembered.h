/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* What is remembered of examinations, on its way between supervisor and ledger: a file of entries, each
 *
 *   32 bytes   key
 *   u64        bytes that follow (little endian)
 *   bytes      what the supervisor makes of it (supervisor/remembering_body.c); nothing to the ledger
 */
#ifndef LAZARET_IPC_REMEMBERED_H
#define LAZARET_IPC_REMEMBERED_H

#define REMEMBERED_KEY_LEN  32
#define REMEMBERED_HEAD_LEN 40
#define REMEMBERED_BODY_MAX (16u << 20) /* what takes more is examined again */

enum recall {
	RECALL_UNKNOWN,
	RECALL_KNOWN,
	RECALL_ALTERED, /* what is there was not written by this ledger, and is forgotten, all of it */
	RECALL_COUNT_
};

#endif
