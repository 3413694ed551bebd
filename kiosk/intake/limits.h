/* SPDX-License-Identifier: GPL-2.0-or-later WITH cryptsetup-OpenSSL-exception */
/* Every number that bounds intake, with the reason for it. A medium never chooses any of them. */
#ifndef LAZARET_INTAKE_LIMITS_H
#define LAZARET_INTAKE_LIMITS_H

/* Volumes and gaps told to the supervisor. GPT has 128 entries; 64 is beyond any honest medium and keeps the
 * answer of the probe within one message (64 * ~900 bytes < MESSAGE_MAX). */
#define VOLUMES_MAX 64

/* Partition table entries looked at, before they are cut to VOLUMES_MAX: a GPT of the usual size. */
#define PARTITIONS_MAX 128

/* Bytes without NUL. The longest label in use is NTFS's and UDF's (128 UTF-16 units); UUIDs are 36. */
#define VOLUME_FS_MAX 31
#define VOLUME_LABEL_MAX 255
#define VOLUME_UUID_MAX 63
#define VOLUME_DRIVER_MAX 31
#define VOLUME_DETAIL_MAX 400

/* Unclaimed space up to this many bytes is alignment: partitioning tools of the last fifteen years start the first
 * partition at 1 MiB, align the others to 1 MiB, put an extended boot record a further 1 MiB before each logical one,
 * and leave a GPT's 33 sectors at the end. More than that is told. */
#define GAP_SLACK_BYTES (2ull << 20)

/* How much of a gap, or of a volume without file system, is looked at for bytes other than zero: all of it up to
 * this size, else as many evenly spread blocks. 16 MiB take about a second on a slow USB 2 stick. */
#define LOOK_BYTES (16ull << 20)
#define LOOK_BLOCK_BYTES (64u << 10)

/* Reading a table and the super blocks takes milliseconds; a dying medium answers each bad sector after up to 30 s
 * of the kernel's own retries. Two such sectors are waited for. */
#define PROBE_TIME_MS 90000

/* One attempt of the kernel's driver, for the same reason. */
#define MOUNT_TIME_MS 90000

/* From starting a user-space driver to the first listing of its root: it reads the tables of one volume through
 * the window (NTFS: the first MFT records; ext: group descriptors). */
#define DRIVER_TIME_MS 90000

/* What a driver may print before it is cut; it becomes the detail of a failure. */
#define DRIVER_WORDS_MAX 4096

/* Free loop devices are handed out without a reservation (LOOP_CTL_GET_FREE); another program may be faster. */
#define LOOP_TRIES 16

#endif
