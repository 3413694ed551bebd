/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* The medium as a thing: what it calls itself, its write protection, its write counter. */
#ifndef LAZARET_INTAKE_MEDIUM_H
#define LAZARET_INTAKE_MEDIUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/macros.h"

#define MEDIUM_TEXT_MAX 127 /* bytes without NUL; USB strings have at most 126 UTF-16 units, SCSI 16 bytes */

struct medium {
	const char *kind; /* "device", "optical", "image", "directory"; static */
	int fd;		  /* borrowed: the source, opened read-only by the supervisor */
	int claim_fd;	  /* owned: exclusive claim on a device, so that nothing else mounts it meanwhile */
	int lock_fd;	  /* owned: keeps a tray closed */
	uint64_t diskseq; /* of a device: another number is another device or disc; 0: kernel before 5.15 */
	char sysfs[64];	  /* of a device; else "" */
	bool is_lent;	  /* a loop device that was writable before: given back as it was */
	char vendor[MEDIUM_TEXT_MAX + 1]; /* raw: what the device says */
	char model[MEDIUM_TEXT_MAX + 1];
	char serial[MEDIUM_TEXT_MAX + 1];
	uint64_t size; /* bytes; 0 for a directory */
	bool is_write_protected; /* nothing on this machine can write to it: the kernel said so when asked */
};

/* Look at the source and protect it, before anything is read from it: a block device and each of its partitions are set
 * read-only (BLKROSET) and asked again, and claimed exclusively. `kind` is what the supervisor says it is. Returns 0, or
 * a negative errno with a sentence for the operator in `words`: -EBUSY in use elsewhere, -EPERM not protected and not
 * root, -EINVAL another kind of file, -EACCES writable descriptor. */
_must_check_ int medium_open(struct medium *ret, int source_fd, const char *kind, char *words, size_t words_size);

/* Sectors (512 bytes) written since the device appeared: field 7 of /sys/dev/block/M:m/stat
 * (Documentation/block/stat.rst). 0 where there is no counter. */
uint64_t medium_sectors_written(const struct medium *m);

/* The file system under a directory, by its magic number (statfs(2)); "0x..." when it is not a known one. */
void medium_fs_name(const struct medium *m, char *out, size_t out_size);

/* Is all of it still read-only: the device and each of its partitions, also those that came later? They are set so once
 * more before they are looked at, so that nothing can be written from here on; true says that nothing could before. */
_must_check_ bool medium_was_protected(const struct medium *m);

/* Is it still there, and still the same? A stick that was pulled out and put in again is another one, by its disk sequence
 * number, and so is another disc in the drive. Images and directories always are there. */
_must_check_ bool medium_is_present(const struct medium *m);

/* Release the claim. The write protection of a medium stays until it is plugged in again. A loop device's is taken back:
 * its number belongs to another file tomorrow, and the kernel keeps the flag with the number. */
void medium_close(struct medium *m);

#endif
